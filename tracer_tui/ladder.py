"""The rungs that `[` `]` and `{` `}` climb."""

from __future__ import annotations

from collections.abc import Sequence

from core.durations import parse_limit

TIMEOUTS = tuple(
    parse_limit(rung)
    for rung in (
        *("1m", "2m", "5m", "10m", "15m", "20m", "30m", "45m"),
        *("1h", "2h", "4h", "8h", "12h", "24h", "off"),
    )
)
"""Session timeouts, microseconds; None is off and the longest."""

WINDOWS = tuple(
    parse_limit(rung)
    for rung in (
        *("1m", "5m", "15m", "30m", "1h", "2h", "6h", "12h"),
        *("1d", "3d", "7d", "14d", "30d", "90d", "off"),
    )
)
"""Conversion windows, likewise."""


def climb(value: int | None, rungs: Sequence[int | None], steps: int) -> int | None:
    """The next rung above (`steps` 1) or below (-1) a value, which may stand between rungs.

    At an end it stays there.
    """
    endless = float("inf")
    here = endless if value is None else value
    heights = [endless if rung is None else rung for rung in rungs]
    if steps > 0:
        above = [rung for rung, height in zip(rungs, heights, strict=True) if height > here]
        return above[0] if above else value
    below = [rung for rung, height in zip(rungs, heights, strict=True) if height < here]
    return below[-1] if below else value
