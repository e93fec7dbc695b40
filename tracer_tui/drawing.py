"""Numbers to cells: pure functions from values to short texts and bars."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.cells import cell_len, set_cell_size

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_EIGHTHS = " ▏▎▍▌▋▊▉"
_HEIGHTS = " ▁▂▃▄▅▆▇█"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SECOND = 1_000_000
_THOUSANDS = "kMG"

NONE = "–"
"""Stands for a number that is not there."""


def bar(fraction: float, width: int) -> str:
    """A bar of eighth blocks, `width` cells wide with its blanks; anything above zero shows."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    if fraction > 0 and width > 0:
        eighths = max(eighths, 1)
    full, part = divmod(eighths, 8)
    return ("█" * full + (_EIGHTHS[part] if part else "")).ljust(width)


def parted_bar(fraction: float, part: float, width: int) -> tuple[str, str, str]:
    """A bar of which the last `part` is drawn apart, as shaded cells: full, shaded, blank.

    Anything above zero shows.
    """
    whole = bar(fraction, width)
    if part <= 0 or width <= 0:
        return whole, "", ""
    shaded = max(1, round(min(part, 1.0) * width))
    end = max(len(whole.rstrip()), shaded)
    return "█" * (end - shaded), "▒" * shaded, " " * (width - end)


def sparks(values: Sequence[float], most: float | None = None) -> str:
    """One sign a value, as high as its share of the largest, or of `most`; above zero shows."""
    top = max(values, default=0) if most is None else most
    if top <= 0:
        return " " * len(values)
    return "".join(
        _HEIGHTS[max(1, min(8, round(8 * value / top)))] if value > 0 else " " for value in values
    )


def count(number: int) -> str:
    """2837 as "2,837"."""
    return f"{number:,}"


def short_count(number: int, width: int) -> str:
    """A count in so many cells: what is too long for them in thousands or more, rounded down."""
    text, unit = count(number), 0
    while len(text) > width and unit < len(_THOUSANDS):
        text, unit = f"{count(number // 1000 ** (unit + 1))}{_THOUSANDS[unit]}", unit + 1
    return text


def percent(fraction: float | None) -> str:
    """0.4 as "40.0 %"; a missing fraction as a dash. Never rounds to 0 or 100 what is not."""
    if fraction is None:
        return NONE
    value = round(100 * fraction, 1)
    if value == 100.0 and fraction < 1:
        value = 99.9
    if value == 0.0 and fraction > 0:
        return "<0.1 %"
    return f"{value:.1f} %"


def points(fraction: float) -> str:
    """A difference of fractions in percentage points: 0.013 as "+1.3", -0.2 as "−20.0"."""
    value = round(100 * fraction, 1)
    return f"{'−' if value < 0 else '+' if value > 0 else '±'}{abs(value):.1f}"


def plural(number: int, one: str) -> str:
    """2 and "user" as "2 users"."""
    return f"{count(number)} {one}{'' if number == 1 else 's'}"


def stage_sign(stage: int) -> str:
    """The sign of a stage, from 0: ① to ⑳, then (21)."""
    return chr(ord("①") + stage) if 0 <= stage < 20 else f"({stage + 1})"


def depth_marks(depth: int, stages: int) -> str:
    """▮▮▯▯ for two of four stages; above eight stages, 2/12."""
    if stages > 8:
        return f"{depth}/{stages}"
    return "▮" * depth + "▯" * (stages - depth)


def day(microseconds: int) -> str:
    """A day in UTC: "Jan 05"."""
    moment = _moment(microseconds)
    return f"{_MONTHS[moment.month - 1]} {moment.day:02}"


def clock(microseconds: int) -> str:
    """A time of day in UTC: "10:02"."""
    moment = _moment(microseconds)
    return f"{moment.hour:02}:{moment.minute:02}"


def moment(microseconds: int) -> str:
    """A day and a time in UTC: "2026-01-05 10:02"."""
    return f"{_moment(microseconds):%Y-%m-%d} {clock(microseconds)}".rjust(16, "0")


def stretch(start: int, end: int) -> str:
    """From when to when: "Jan 05 10:02 → 10:31", with what else is another at the end."""
    if _moment(start).year != _moment(end).year:
        return f"{moment(start)} → {moment(end)}"
    later = clock(end) if day(start) == day(end) else f"{day(end)} {clock(end)}"
    return f"{day(start)} {clock(start)} → {later}"


def offset(microseconds: int) -> str:
    """Time since a start: "+04:55", "+1:04:55" from an hour on."""
    seconds = microseconds // _SECOND
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    return f"+{hours}:{minute:02}:{second:02}" if hours else f"+{minute:02}:{second:02}"


def span(microseconds: int) -> str:
    """A length of time in its two largest units: "29m", "2d 4h", "1m 5s", "250ms", "0s"."""
    if 0 < microseconds < _SECOND:
        return f"{microseconds // 1000}ms" if microseconds >= 1000 else f"{microseconds}us"
    rest = microseconds // _SECOND
    parts = []
    for unit, size in (("d", 86_400), ("h", 3_600), ("m", 60), ("s", 1)):
        number, rest = divmod(rest, size)
        if number:
            parts.append(f"{number}{unit}")
        elif parts:
            break
    return " ".join(parts[:2]) or "0s"


def seconds(value: float | None) -> str:
    """Seconds as a span, or a dash for none."""
    return NONE if value is None else span(round(value * _SECOND))


def fit(text: str, width: int, *, right: bool = False) -> str:
    """`text` in exactly `width` cells, cut with an ellipsis; wide signs are counted as two."""
    if width <= 0:
        return ""
    length = cell_len(text)
    if length > width:
        return set_cell_size(set_cell_size(text, width - 1).rstrip() + "…", width)
    return " " * (width - length) + text if right else text + " " * (width - length)


def fit_ends(text: str, width: int) -> str:
    """Like `fit`, but cut in the middle: ids that begin alike often end otherwise."""
    if cell_len(text) <= width or width < 3:
        return fit(text, width)
    half, start = (width - 1) // 2, len(text)
    while start and cell_len(text[start - 1 :]) <= half:
        start -= 1
    tail = text[start:]
    return fit(set_cell_size(text, width - 1 - cell_len(tail)).rstrip() + "…" + tail, width)


def _moment(microseconds: int) -> datetime:
    return _EPOCH + timedelta(microseconds=microseconds)
