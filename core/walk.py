"""One unit walked event by event: exact for every tie and overlap, and it knows what matched.

Rows are read in groups of equal time. Each group extends every attempt from where it stood
*before* the group, each new stage taking an event of its own (rules F2, F3): a matching of stages
to events, grown one stage at a time. Per stage only the latest start is kept, for it needs the
smallest window.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby


@dataclass(frozen=True, slots=True)
class Walk:
    """What one unit did."""

    needs: list[int]
    """For each stage reached, from the first: the smallest window that reaches it, microseconds."""
    matched: list[int]
    """The rows of the counted attempt, one for each stage it reached: the first attempt, in time,
    to get as deep as the unit ever gets inside the window."""


@dataclass(frozen=True, slots=True)
class _Attempt:
    """The latest attempt that reached a stage."""

    start: int
    """Time of its first event."""
    rows: tuple[int, ...]
    """The rows it matched so far."""


def walk(
    times: Sequence[int], masks: Sequence[int], stages: int, window: int | None = None
) -> Walk:
    """Walk the stage rows of one unit, in time order; bit i of a mask says it matches stage i.

    An attempt older than `window` microseconds goes no further; the edge counts (rule F4).
    """
    needs: list[int] = []
    counted: tuple[int, ...] = ()
    latest: list[_Attempt | None] = [None] * (stages + 1)
    for time, group in groupby(range(len(times)), key=times.__getitem__):
        rows = list(group)
        before = latest.copy()
        for reached in range(stages):
            attempt = _Attempt(time, ()) if reached == 0 else before[reached]
            if attempt is None or (window is not None and time - attempt.start > window):
                continue
            for depth, taken in _extensions(rows, masks, reached, stages):
                now = _Attempt(attempt.start, attempt.rows + taken)
                if depth > len(needs):
                    needs.append(time - now.start)
                needs[depth - 1] = min(needs[depth - 1], time - now.start)
                if depth > len(counted):
                    counted = now.rows
                known = latest[depth]
                if known is None or now.start > known.start:
                    latest[depth] = now
    return Walk(needs, list(counted))


def _extensions(
    rows: Sequence[int], masks: Sequence[int], reached: int, stages: int
) -> list[tuple[int, tuple[int, ...]]]:
    """How deep simultaneous rows take an attempt, and by which rows: an entry for each stage."""
    owner: dict[int, int] = {}
    result = []
    for stage in range(reached, stages):
        if not _place(stage, rows, masks, owner, set()):
            break
        by_stage = {taken: row for row, taken in owner.items()}
        result.append((stage + 1, tuple(by_stage[i] for i in range(reached, stage + 1))))
    return result


def _place(
    stage: int, rows: Sequence[int], masks: Sequence[int], owner: dict[int, int], tried: set[int]
) -> bool:
    """Give a stage a row, moving other stages to other rows where that makes room."""
    for row in rows:
        if masks[row] >> stage & 1 and row not in tried:
            tried.add(row)
            if row not in owner or _place(owner[row], rows, masks, owner, tried):
                owner[row] = stage
                return True
    return False
