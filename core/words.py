"""Lengths and moments of time as words in a sentence: exact to the microsecond."""

from __future__ import annotations

from decimal import Decimal

from core.durations import MICROSECONDS
from core.event import to_datetime

_TWO_DAYS = 2 * MICROSECONDS["d"]


def spelled(microseconds: int) -> str:
    """A length of time: "26 h 10 min", "0.4 s"; days are counted from two days on."""
    parts, rest = [], microseconds
    sizes = [("h", "h"), ("min", "m")]
    if microseconds >= _TWO_DAYS:
        sizes.insert(0, ("d", "d"))
    for word, unit in sizes:
        count, rest = divmod(rest, MICROSECONDS[unit])
        if count:
            parts.append(f"{count} {word}")
    if rest or not parts:
        seconds = Decimal(rest) / MICROSECONDS["s"]
        parts.append(f"{seconds.normalize():f} s")
    return " ".join(parts)


def moment(microseconds: int, known_day: int | None = None) -> str:
    """A time of day in UTC, "14:02" or "14:02:05"; with its date unless that is known already.

    `known_day` is any moment of the day that is known.
    """
    here = to_datetime(microseconds)
    clock = here.time().isoformat("minutes" if not (here.second or here.microsecond) else "auto")
    if known_day is not None and to_datetime(known_day).date() == here.date():
        return clock
    return f"{here.date().isoformat()} {clock}"
