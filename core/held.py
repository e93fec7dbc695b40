"""Hold constant (rule F9): one user's events divided by the value of a field.

`hold` makes a log in which each pair of user and value is a user of its own, so that everything
that counts users or cuts journeys counts and cuts pairs without knowing it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import TYPE_CHECKING

import numpy as np

from core.log import FIRST_GAP, EventLog
from core.threads import in_stretches

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Held:
    """The events that carry a value, by user, by value, then in their order."""

    log: EventLog
    """Its users are the pairs: the id of a user stands once for each value. The gap of an event is
    the largest of all gaps since the event before it in the pair, so that a journey of the pair
    ends where a journey of the user does."""
    origin: Ints
    """(events) where each stands in the log that it is from."""
    owner: Ints
    """(pairs) the number of each pair's user in the log that it is from."""
    field: str
    """The field."""

    def value(self, position: int) -> str:
        """The value that the event at a position of the log carries, to be shown."""
        return self.values([position])[0]

    def values(self, positions: Sequence[int]) -> list[str]:
        """The values that the events at some positions carry, read together."""
        rows = [int(self.log.row[position]) for position in positions]
        return [self._shown(properties) for properties in self.log.store.properties(rows)]

    def _shown(self, properties: Mapping[str, object]) -> str:
        for path in ([self.field], self.field.split(".")):
            found: object = properties
            for key in path:
                found = found.get(key) if isinstance(found, Mapping) else None
            if found is not None:
                return found if isinstance(found, str) else json.dumps(found)
        return ""


def hold(log: EventLog, field: str) -> Held:
    """Divide each user's events by the value of a field; those without a value are left out.

    Raises QuestionError when there is no such field.
    """
    value = log.values(field) if len(log) else np.empty(0, dtype=np.int32)
    # Counted first, so that what is found needs no room twice.
    kept = dict(in_stretches(log.offsets, lambda start, stop: (start, _count(value, start, stop))))
    places = dict(zip(kept, accumulate(kept.values(), initial=0), strict=False))
    columns = (log.name, log.time, log.row)
    name, time, row = (np.empty(sum(kept.values()), column.dtype) for column in columns)
    gap, origin = np.empty_like(time), np.empty(len(time), np.int64)

    def divide(start: int, stop: int) -> tuple[Ints, Ints]:
        own, begins, owner, largest = _divide(log, value, start, stop)
        here = slice(places[start], places[start] + kept[start])
        origin[here], gap[here] = own + start, largest
        for column, found in zip(columns, (name, time, row), strict=True):
            np.take(column[start:stop], own, out=found[here], mode="clip")
        return begins + places[start], owner

    begins, owner = map(np.concatenate, zip(*in_stretches(log.offsets, divide), strict=True))
    pairs = replace(
        log,
        users=log.users[owner],
        offsets=np.append(begins, len(origin)),
        name=name,
        time=time,
        gap=gap,
        row=row,
    )
    return Held(pairs, origin, owner, field)


def _count(value: NDArray[np.int32], start: int, stop: int) -> int:
    return int(np.count_nonzero(value[start:stop] >= 0))


def _divide(
    log: EventLog, value: NDArray[np.int32], start: int, stop: int
) -> tuple[Ints, Ints, Ints, Ints]:
    """The events of some users that carry a value, by pair: where each stands in the stretch, which
    is the first of each pair, the user of each pair, and the gap of each event.
    """
    value, gap = value[start:stop], log.gap[start:stop]
    known = np.flatnonzero(value >= 0)
    user = log.offsets.searchsorted(known + start, side="right") - 1
    pair = user * (int(value.max(initial=0)) + 1) + value[known]
    order = np.argsort(pair, kind="stable")
    own, pair = known[order], pair[order]
    is_first = np.diff(pair, prepend=-1) != 0
    largest = np.full(len(own), FIRST_GAP)
    later = np.flatnonzero(~is_first)
    largest[later] = _largest_between(gap, own[later - 1], own[later])
    begins = np.flatnonzero(is_first)
    return own, begins, user[order[begins]], largest


def _largest_between(values: Ints, low: Ints, high: Ints) -> Ints:
    """For each stretch the largest value after position `low` up to `high`, which is greater.

    Windows of doubling width over all values: two of them that may overlap cover a stretch.
    """
    length, largest = high - low, values[high]
    window, width = values, 1
    left = np.flatnonzero(length > 1)
    while len(left):
        is_covered = length[left] <= 2 * width
        covered, left = left[is_covered], left[~is_covered]
        largest[covered] = np.maximum(window[high[covered]], window[low[covered] + width])
        # window[i] is the largest of the `width` values that end at i.
        wider = window.copy()
        np.maximum(window[width:], window[:-width], out=wider[width:])
        window, width = wider, 2 * width
    return largest
