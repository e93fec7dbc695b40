from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.durations import parse_limit
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb

LADDERS = pytest.mark.parametrize("rungs", [TIMEOUTS, WINDOWS], ids=["timeouts", "windows"])


def limits(text: str) -> list[int | None]:
    return [parse_limit(rung) for rung in text.split()]


def test_the_timeouts() -> None:
    assert list(TIMEOUTS) == limits("1m 2m 5m 10m 15m 20m 30m 45m 1h 2h 4h 8h 12h 24h off")


def test_the_windows() -> None:
    assert list(WINDOWS) == limits("1m 5m 15m 30m 1h 2h 6h 12h 1d 3d 7d 14d 30d 90d off")


@LADDERS
def test_every_rung_leads_to_the_next(rungs: Sequence[int | None]) -> None:
    climbed = [rungs[0]]
    while climbed[-1] is not None:
        climbed.append(climb(climbed[-1], rungs, 1))
    assert climbed == list(rungs)
    for here, below in zip(rungs[1:], rungs, strict=False):
        assert climb(here, rungs, -1) == below


@LADDERS
def test_the_ends_hold(rungs: Sequence[int | None]) -> None:
    assert climb(None, rungs, 1) is None
    assert climb(rungs[0], rungs, -1) == rungs[0]
    assert climb(0, rungs, -1) == 0


@pytest.mark.parametrize(
    ("value", "below", "above"),
    [
        ("29m", "20m", "30m"),
        ("31m", "30m", "45m"),
        ("0s", "0s", "1m"),
        ("23h59m", "12h", "24h"),
        ("25h", "24h", "off"),
        ("off", "24h", "off"),
    ],
)
def test_a_value_between_rungs_goes_to_the_nearest(value: str, below: str, above: str) -> None:
    here = parse_limit(value)
    assert climb(here, TIMEOUTS, -1) == parse_limit(below)
    assert climb(here, TIMEOUTS, 1) == parse_limit(above)


@given(st.integers(0, 10**12))
def test_up_is_never_lower_and_down_is_never_higher(value: int) -> None:
    up, down = climb(value, TIMEOUTS, 1), climb(value, TIMEOUTS, -1)
    assert up is None or up > value
    assert down is not None
    assert down <= value
