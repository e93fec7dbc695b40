from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import Event, Journey
from core.event import iso_text, to_datetime

NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)


def _event(seconds: float, **properties: object) -> Event:
    return Event("ana", "view", NOON + timedelta(seconds=seconds), properties)


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "1970-01-01T00:00:00Z"),
        (1_767_607_320_000_000, "2026-01-05T10:02:00Z"),
        (1_500_000, "1970-01-01T00:00:01.500000Z"),
        (-1, "1969-12-31T23:59:59.999999Z"),
    ],
)
def test_iso_text_is_utc_with_fractions_only_if_any(microseconds: int, text: str) -> None:
    assert iso_text(microseconds) == text


@given(st.datetimes(timezones=st.just(UTC)))
def test_microseconds_become_the_exact_moment(moment: datetime) -> None:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    assert to_datetime(since // timedelta(microseconds=1)) == moment


def test_j5_duration_is_last_minus_first() -> None:
    journey = Journey("ana", 1, (_event(0), _event(1), _event(90.5)))
    assert journey.duration == timedelta(seconds=90.5)
    assert (journey.start, journey.end) == (NOON, NOON + timedelta(seconds=90.5))


def test_j5_duration_of_one_event_is_zero() -> None:
    assert Journey("ana", 1, (_event(3),)).duration == timedelta(0)


def test_events_compare_by_value_and_can_be_put_in_a_set() -> None:
    assert _event(0, a=1) == _event(0, a=1)
    assert _event(0, a=1) != _event(0, a=2)
    assert len({_event(0, a=[1]), _event(0, a=[1]), _event(1)}) == 2
