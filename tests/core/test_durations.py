from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import QuestionError
from core.durations import (
    LONGEST,
    format_duration,
    format_limit,
    from_timedelta,
    parse_duration,
    parse_limit,
)


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("0s", 0),
        ("1us", 1),
        ("1ms", 1_000),
        ("90s", 90_000_000),
        ("30m", 1_800_000_000),
        ("1.5h", 5_400_000_000),
        ("7d", 604_800_000_000),
        ("2w", 1_209_600_000_000),
        ("1h30m", 5_400_000_000),
        (" 1H 30 M ", 5_400_000_000),
        ("0.000001s", 1),
    ],
)
def test_duration_is_read_with_its_unit(text: str, microseconds: int) -> None:
    assert parse_duration(text) == microseconds


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("30", "'30' has no unit: write 30m for minutes, 30s for seconds"),
        ("1.5", "write 1.5m for minutes"),
        ("-5m", "a duration cannot be negative, and '-5m' is"),
        ("", "'' is not a duration: write a number with a unit, such as 90s, 30m or 7d"),
        ("soon", "'soon' is not a duration"),
        ("5min", "'5min' is not a duration"),
        ("1h30", "'1h30' is not a duration"),
        ("1e3s", "'1e3s' is not a duration"),
        ("nan", "'nan' is not a duration"),
        ("٣m", "'٣m' is not a duration"),
        ("60000000d", "too long a time; use at most 52000000d"),
    ],
)
def test_duration_refusal_says_what_to_write(text: str, says: str) -> None:
    with pytest.raises(QuestionError) as error:
        parse_duration(text)
    assert says in str(error.value)
    assert "\n" not in str(error.value)


@given(st.integers(0, LONGEST))
def test_duration_text_is_read_back_unchanged(microseconds: int) -> None:
    assert parse_duration(format_duration(microseconds)) == microseconds


@given(st.none() | st.integers(0, LONGEST))
def test_limit_text_is_read_back_unchanged(limit: int | None) -> None:
    assert parse_limit(format_limit(limit)) == limit


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0s"),
        (1_800_000_000, "30m"),
        (5_400_000_000, "1h30m"),
        (604_800_000_000, "7d"),
        (1_500_000, "1s500ms"),
        (86_400_000_001, "1d1us"),
    ],
)
def test_duration_text_is_short(microseconds: int, text: str) -> None:
    assert format_duration(microseconds) == text


@pytest.mark.parametrize("text", ["off", " OFF "])
def test_off_is_no_limit(text: str) -> None:
    assert parse_limit(text) is None


@given(st.timedeltas(min_value=timedelta(0)))
def test_timedelta_is_exact_to_the_microsecond(value: timedelta) -> None:
    assert timedelta(microseconds=from_timedelta(value)) == value


def test_negative_timedelta_is_refused() -> None:
    with pytest.raises(QuestionError, match="cannot be negative"):
        from_timedelta(timedelta(microseconds=-1))
