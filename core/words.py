"""Lengths and moments of time as words in a sentence: exact, unless they are said to be rounded."""

from __future__ import annotations

from core.durations import parts_of
from core.event import to_datetime


def spelled(microseconds: int | None) -> str:
    """A length of time, "1d 2h 10m", as flags write it, with blanks; None, no limit, is "off"."""
    return "off" if microseconds is None else " ".join(parts_of(microseconds))


def rounded(microseconds: int) -> str:
    """The same where nothing depends on it: from a minute on in whole seconds."""
    second = 1_000_000
    is_long = microseconds >= 60 * second
    return spelled(round(microseconds / second) * second if is_long else microseconds)


def moment(microseconds: int, known_day: int | None = None) -> str:
    """A time of day in UTC, "14:02" or "14:02:05"; with its date unless that is known already.

    `known_day` is any moment of the day that is known.
    """
    here = to_datetime(microseconds)
    clock = here.time().isoformat("minutes" if not (here.second or here.microsecond) else "auto")
    if known_day is not None and to_datetime(known_day).date() == here.date():
        return clock
    return f"{here.date().isoformat()} {clock}"
