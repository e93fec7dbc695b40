"""Where rule J3 cuts a log besides the timeout: at midnight, by name, by a field, by length.

A cut is a gap of `LONGEST`. Only the length of a journey depends on where the others have cut; all
else is found once for all timeouts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np

from core.durations import LONGEST, MICROSECONDS
from core.event import from_datetime, to_datetime
from core.log import FIRST_GAP

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog

    Ints = NDArray[np.int64]

DAY = MICROSECONDS["d"]

FIRST_DAY, LAST_DAY = (from_datetime(datetime(y, 1, 1, tzinfo=UTC)) // DAY for y in (2, 9999))
"""The days since 1970 of which zones are asked; others are like the nearest."""

FEW = 32
"""Journeys that are faster shortened one by one than together."""


def force(gap: Ints, places: Sequence[Ints]) -> Ints:
    """The gaps of a log with cuts at some positions, which may include users' firsts and the end.

    Without any, the very same gaps.
    """
    at = np.concatenate(places)
    at = at[at < len(gap)]
    at = at[gap[at] != FIRST_GAP]
    if len(at) == 0:
        return gap
    cut = gap.copy()
    cut[at] = LONGEST
    return cut


def at_name(log: EventLog, name: str) -> Ints:
    """The positions of the events of a name."""
    return np.flatnonzero(log.name == log.codes[name]) if name in log.codes else _none()


def at_change(log: EventLog, field: str) -> Ints:
    """The positions where a field has another value than when the user last had one."""
    if len(log) == 0:
        return _none()
    value = log.values(field)
    known = np.flatnonzero(value >= 0)
    changed = np.flatnonzero(np.diff(value[known]))
    before, at = known[changed], known[changed + 1]
    same_user = np.equal(*(log.offsets.searchsorted(i, side="right") for i in (before, at)))
    return at[same_user]


def at_midnight(log: EventLog, zone: str) -> Ints:
    """The positions where the calendar day in a zone is not that of the event before."""
    if len(log) == 0:
        return _none()
    since, offset = utc_offsets(log.time, ZoneInfo(zone))
    local = log.time + offset[since.searchsorted(log.time, side="right") - 1]
    return np.flatnonzero(np.diff(local // DAY)) + 1


def utc_offsets(time: Ints, zone: ZoneInfo) -> tuple[Ints, Ints]:
    """From when which offset to UTC is in force, on the days on which something happened.

    No zone moves its clocks twice on a day, so its beginning and its end tell whether it does.
    """

    def offset(moment: int) -> int:
        shift = to_datetime(moment).astimezone(zone).utcoffset()
        return (shift or timedelta()) // timedelta(microseconds=1)

    day = time // DAY
    changed = np.flatnonzero(np.diff(day, prepend=day[0] - 1))
    days = np.unique(day[changed].clip(FIRST_DAY, LAST_DAY))
    since, offsets = [np.iinfo(np.int64).min], [offset(int(days[0]) * DAY)]
    for start in (days * DAY).tolist():
        for moment in (start, start + DAY):
            found = offset(moment)
            if found != offsets[-1]:
                begin = start if moment == start else _first_other(offset, start, moment)
                since.append(begin)
                offsets.append(found)
    return np.array(since), np.array(offsets)


def _first_other(value: Callable[[int], int], low: int, high: int) -> int:
    """The first moment after `low` at which a value is no longer what it is there."""
    before = value(low)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (middle, high) if value(middle) == before else (low, middle)
    return high


def cut_long(time: Ints, gap: Ints, limit: int, longest: int) -> Ints:
    """Gaps with cuts at the events that come later than `longest` after their journey's first.

    Gaps longer than `limit` divide the journeys. In each round every journey that is still too long
    is cut once, by binary search. Without any, the very same gaps.
    """
    first = np.flatnonzero(gap > limit)
    last = np.append(first, len(gap))[1:] - 1
    found = []
    while len(first) > FEW:
        is_long = time[last] - time[first] > longest
        first, last = first[is_long], last[is_long]
        first = first_later(time, first, last, time[first] + longest)
        found.append(first)
    for start, end in zip(first.tolist(), last.tolist(), strict=True):
        found.append(_cuts_of_one(time[start : end + 1], longest) + start)
    return force(gap, found) if found else gap


def first_later(time: Ints, low: Ints, high: Ints, moment: Ints) -> Ints:
    """The first position after `low` whose time is later than a moment; `high` if there is none.

    Times are in order between the two, and that of `low` is not later.
    """
    while (high - low > 1).any():
        middle = (low + high) // 2
        is_later = time[middle] > moment
        low, high = np.where(is_later, low, middle), np.where(is_later, middle, high)
    return high


def _cuts_of_one(time: Ints, longest: int) -> Ints:
    """The places in one journey where it becomes too long, again and again."""
    found, place = [], 0
    while (place := int(time.searchsorted(time[place] + longest, side="right"))) < len(time):
        found.append(place)
    return np.array(found, dtype=np.int64)


def _none() -> Ints:
    return np.empty(0, dtype=np.int64)
