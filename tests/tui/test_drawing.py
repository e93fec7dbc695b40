from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from tracer_tui.drawing import (
    bar,
    clock,
    count,
    day,
    depth_marks,
    fit,
    fit_ends,
    moment,
    offset,
    percent,
    plural,
    span,
    stage_sign,
    stretch,
)
from tracer_tui.text import visible

MS = 1_000
SECOND = 1_000_000
MINUTE = 60 * SECOND
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def at(text: str) -> int:
    return (datetime.fromisoformat(text) - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(
        microseconds=1
    )


@pytest.mark.parametrize(
    ("fraction", "width", "drawn"),
    [
        (0.0, 4, "    "),
        (1 / 32, 4, "▏   "),
        (2 / 32, 4, "▎   "),
        (3 / 32, 4, "▍   "),
        (4 / 32, 4, "▌   "),
        (5 / 32, 4, "▋   "),
        (6 / 32, 4, "▊   "),
        (7 / 32, 4, "▉   "),
        (8 / 32, 4, "█   "),
        (9 / 32, 4, "█▏  "),
        (0.5, 4, "██  "),
        (31 / 32, 4, "███▉"),
        (1.0, 4, "████"),
        (1.0, 1, "█"),
        (0.6, 10, "██████    "),
        (1.0, 0, ""),
    ],
)
def test_bars_are_drawn_in_eighths_of_a_cell(fraction: float, width: int, drawn: str) -> None:
    assert bar(fraction, width) == drawn


def test_the_smallest_fraction_still_shows() -> None:
    assert bar(1e-9, 10) == "▏".ljust(10)


@pytest.mark.parametrize(("fraction", "drawn"), [(1.7, "███"), (-0.4, "   ")])
def test_a_bar_stays_inside_its_cells(fraction: float, drawn: str) -> None:
    assert bar(fraction, 3) == drawn


@given(st.floats(0, 1), st.integers(0, 200))
def test_a_bar_takes_exactly_its_cells(fraction: float, width: int) -> None:
    assert cell_len(bar(fraction, width)) == width


@given(st.floats(0, 1), st.floats(0, 1), st.integers(1, 60))
def test_a_larger_fraction_never_has_a_shorter_bar(one: float, other: float, width: int) -> None:
    def length(fraction: float) -> int:
        return sum(8 if sign == "█" else " ▏▎▍▌▋▊▉".index(sign) for sign in bar(fraction, width))

    low, high = sorted((one, other))
    assert length(low) <= length(high)


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0"), (7, "7"), (999, "999"), (1000, "1,000"), (2837, "2,837"), (10**9, "1,000,000,000")],
)
def test_counts_have_separators(number: int, text: str) -> None:
    assert count(number) == text


@pytest.mark.parametrize(
    ("fraction", "text"),
    [
        (None, "–"),
        (0.0, "0.0 %"),
        (0.4, "40.0 %"),
        (1.0, "100.0 %"),
        (1 / 3, "33.3 %"),
        (2 / 3, "66.7 %"),
        (0.001, "0.1 %"),
        (0.0006, "0.1 %"),
        (0.0004, "<0.1 %"),
        (1e-12, "<0.1 %"),
        (0.9994, "99.9 %"),
        (0.9996, "99.9 %"),
        (1 - 1e-12, "99.9 %"),
    ],
)
def test_percents(fraction: float | None, text: str) -> None:
    assert percent(fraction) == text


@given(st.integers(1, 10**9), st.data())
def test_only_all_is_100_percent_and_only_none_is_0(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    text = percent(part / whole)
    assert (text == "100.0 %") == (part == whole)
    assert (text == "0.0 %") == (part == 0)
    assert len(text) <= len("100.0 %")


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "0 users"), (1, "1 user"), (2, "2 users"), (1234, "1,234 users")],
)
def test_plurals(number: int, text: str) -> None:
    assert plural(number, "user") == text


def test_stages_have_circled_signs_up_to_twenty() -> None:
    signs = [stage_sign(stage) for stage in range(22)]
    assert "".join(signs[:20]) == "①②③④⑤⑥⑦⑧⑨⑩⑪⑫⑬⑭⑮⑯⑰⑱⑲⑳"
    assert signs[20:] == ["(21)", "(22)"]


@pytest.mark.parametrize(
    ("depth", "stages", "text"),
    [
        (0, 0, ""),
        (0, 3, "▯▯▯"),
        (2, 4, "▮▮▯▯"),
        (5, 5, "▮▮▮▮▮"),
        (8, 8, "▮▮▮▮▮▮▮▮"),
        (0, 9, "0/9"),
        (2, 12, "2/12"),
    ],
)
def test_depth_marks(depth: int, stages: int, text: str) -> None:
    assert depth_marks(depth, stages) == text


@pytest.mark.parametrize(
    ("iso", "texts"),
    [
        ("1970-01-01T00:00:00Z", ("Jan 01", "00:00", "1970-01-01 00:00")),
        ("2026-01-05T10:02:59.999999Z", ("Jan 05", "10:02", "2026-01-05 10:02")),
        ("2024-02-29T23:59:00Z", ("Feb 29", "23:59", "2024-02-29 23:59")),
        ("1969-12-31T23:59:59Z", ("Dec 31", "23:59", "1969-12-31 23:59")),
        ("0987-03-04T05:06:07Z", ("Mar 04", "05:06", "0987-03-04 05:06")),
    ],
)
def test_moments_are_in_utc(iso: str, texts: tuple[str, str, str]) -> None:
    time = at(iso)
    assert (day(time), clock(time), moment(time)) == texts


@pytest.mark.parametrize(
    ("start", "end", "text"),
    [
        ("2026-01-05T10:02:00Z", "2026-01-05T10:31:00Z", "Jan 05 10:02 → 10:31"),
        ("2026-01-05T10:02:00Z", "2026-01-05T10:02:00Z", "Jan 05 10:02 → 10:02"),
        ("2026-01-06T23:38:00Z", "2026-01-07T00:02:20Z", "Jan 06 23:38 → Jan 07 00:02"),
        ("2026-01-05T10:02:00Z", "2026-02-05T10:31:00Z", "Jan 05 10:02 → Feb 05 10:31"),
        ("2025-01-05T10:02:00Z", "2026-01-05T10:31:00Z", "2025-01-05 10:02 → 2026-01-05 10:31"),
    ],
)
def test_a_stretch_names_what_is_another_at_its_end(start: str, end: str, text: str) -> None:
    assert stretch(at(start), at(end)) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "+00:00"),
        (SECOND - 1, "+00:00"),
        (SECOND, "+00:01"),
        (4 * MINUTE + 55 * SECOND, "+04:55"),
        (59 * MINUTE + 59 * SECOND, "+59:59"),
        (HOUR, "+1:00:00"),
        (HOUR + 4 * MINUTE + 55 * SECOND, "+1:04:55"),
        (100 * HOUR, "+100:00:00"),
    ],
)
def test_offsets(microseconds: int, text: str) -> None:
    assert offset(microseconds) == text


@pytest.mark.parametrize(
    ("microseconds", "text"),
    [
        (0, "0s"),
        (1, "1us"),
        (999, "999us"),
        (MS, "1ms"),
        (SECOND - 1, "999ms"),
        (SECOND, "1s"),
        (29 * MINUTE, "29m"),
        (MINUTE + 5 * SECOND, "1m 5s"),
        (HOUR, "1h"),
        (HOUR + 5 * SECOND, "1h"),
        (2 * DAY + 4 * HOUR + 59 * MINUTE, "2d 4h"),
        (2 * DAY + 59 * MINUTE, "2d"),
        (400 * DAY, "400d"),
    ],
)
def test_spans_have_their_two_largest_units(microseconds: int, text: str) -> None:
    assert span(microseconds) == text


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("abc", 5, "abc  "),
        ("abc", 3, "abc"),
        ("abcd", 3, "ab…"),
        ("abcd", 1, "…"),
        ("abcd", 0, ""),
        ("abcd", -2, ""),
        ("", 2, "  "),
        ("a bcd", 3, "a… "),
        ("日本", 4, "日本"),
        ("日本", 5, "日本 "),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日… "),
        ("日本語", 2, "… "),
    ],
)
def test_text_fits_its_cells(text: str, width: int, fitted: str) -> None:
    assert fit(text, width) == fitted


@pytest.mark.parametrize(
    ("text", "width", "fitted"),
    [
        ("ana", 5, "ana  "),
        ("user-000-one", 12, "user-000-one"),
        ("user-000-one", 10, "user-…-one"),
        ("user-000-one", 9, "user…-one"),
        ("user-000-one", 3, "u…e"),
        ("user-000-one", 2, "u…"),
        ("日本語日本語", 6, "日…語 "),
        ("", 3, "   "),
    ],
)
def test_text_is_cut_in_the_middle(text: str, width: int, fitted: str) -> None:
    assert fit_ends(text, width) == fitted


def test_text_can_stand_at_the_right() -> None:
    assert fit("12", 5, right=True) == "   12"
    assert fit("日", 4, right=True) == "  日"


@given(
    st.one_of(st.text(), st.text("日本語🙂👩🏽\u200d\u0301\ufe0f 한e\u0300", max_size=30)),
    st.integers(0, 40),
    st.booleans(),
)
def test_any_visible_text_fits_exactly(text: str, width: int, right: bool) -> None:
    assert cell_len(fit(visible(text), width, right=right)) == width
    assert cell_len(fit_ends(visible(text), width)) == width
