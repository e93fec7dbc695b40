"""Columns into the order of rule O1: user, time, sequence number, place in the input.

User and time are packed into one 64-bit number wherever they fit, and sorted as that, in parts
small enough for the processor's caches, on all cores. Whatever is equal then is settled after.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.reading.cores import on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.raw import RawEvents

EVENTS_AT_ONCE = 1 << 17
"""Events sorted together, about."""


@dataclass(frozen=True, eq=False)
class Ordered:
    """Columns in order, n events of u users."""

    offsets: NDArray[np.int64]
    """(u + 1) user i has the events from offsets[i] up to offsets[i + 1], perhaps none."""
    name: NDArray[np.unsignedinteger]
    """(n) index into the names, as small as they allow."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970."""
    row: NDArray[np.unsignedinteger]
    """(n) number of the row in the store."""
    duplicates: int
    """Events left out because they are there already (rule O2)."""


def in_order(raw: RawEvents) -> Ordered:
    """Sort the columns, and drop duplicates."""
    users = len(raw.users)
    counts = np.bincount(raw.user, minlength=users)
    sorted_ = _Sorted(raw)
    raw.watch.check()
    tied = _tied(sorted_.ties)
    _settle(raw, sorted_, tied)
    order, time, name = sorted_.order, sorted_.time, sorted_.name
    gone = _duplicates(raw, sorted_, tied)
    if len(gone):
        counts = counts - np.bincount(raw.user[order[gone]], minlength=users)
        order, time, name = (np.delete(column, gone) for column in (order, time, name))
    raw.watch.check()
    offsets = np.zeros(users + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    row = order if raw.row is None else raw.row[order]
    return Ordered(
        offsets=offsets,
        name=name,
        time=time,
        row=row.astype(smallest(int(row.max(initial=0)) + 1), copy=False),
        duplicates=len(gone),
    )


def smallest(count: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type for numbers below `count`."""
    return np.min_scalar_type(max(count - 1, 0))


class _Sorted:
    """Columns by user and time; of equals in any order."""

    def __init__(self, raw: RawEvents) -> None:
        events = len(raw.time)
        self.order = np.empty(events, dtype=smallest(events))
        """(n) the place of each event in the columns that were read."""
        self.time = np.empty(events, dtype=np.int64)
        self.name = raw.name.astype(smallest(len(raw.names)))
        self.ties = np.empty(0, dtype=np.int64)
        """Places of the events that are of the same user and time as the one before."""
        if events:
            self._sort(raw)

    def _sort(self, raw: RawEvents) -> None:
        first = int(raw.time.min())
        span = int(raw.time.max()) - first
        bits = max(len(raw.users) - 1, 1).bit_length()
        unit = next(
            (u for u in (1, 1_000, 1_000_000) if bits + (span // u).bit_length() <= 64), None
        )
        if unit is None or (unit > 1 and ((raw.time - first) % unit).any()):
            self._sort_by_two(raw)
            return
        low = (span // unit).bit_length()
        key = _packed(raw, first, unit, low)
        parts = len(key) // EVENTS_AT_ONCE + 1
        away = low + max(0, bits - (parts - 1).bit_length())
        part = np.zeros(len(key), dtype=np.uint8 if low + bits - away <= 8 else np.uint16)
        if parts > 1:
            np.right_shift(key, np.uint64(away), out=part, casting="unsafe")
        by_part = np.argsort(part, kind="stable") if parts > 1 else np.arange(len(key))
        edges = np.concatenate(([0], np.cumsum(np.bincount(part))))
        names = self.name
        self.name = np.empty_like(names)

        def sort(number: int) -> NDArray[np.int64]:
            raw.watch.check()
            here = slice(edges[number], edges[number + 1])
            places = by_part[here]
            mine = key[places]
            order = np.argsort(mine)
            mine, places = mine[order], places[order]
            self.order[here] = places
            self.name[here] = names[places]
            ties: NDArray[np.int64] = np.flatnonzero(mine[1:] == mine[:-1]) + (1 + int(here.start))
            mine &= np.uint64((1 << low) - 1)
            np.multiply(mine.view(np.int64), unit, out=self.time[here])
            self.time[here] += first
            return ties

        found = on_all_cores(sort, range(len(edges) - 1))
        self.ties = np.concatenate(found)

    def _sort_by_two(self, raw: RawEvents) -> None:
        """The same where user and time do not fit into 64 bits."""
        order = np.lexsort((raw.time, raw.user))
        self.order[:] = order
        self.time, self.name = raw.time[order], self.name[order]
        user = raw.user[order]
        same = (self.time[1:] == self.time[:-1]) & (user[1:] == user[:-1])
        self.ties = np.flatnonzero(same) + 1


def _packed(raw: RawEvents, first: int, unit: int, low: int) -> NDArray[np.uint64]:
    """User and time of each event as one number: the time, since the first, in the lowest bits."""
    key = np.empty(len(raw.time), dtype=np.uint64)

    def pack(part: slice) -> None:
        here, since = key[part], raw.time[part] - first
        here[:] = raw.user[part]
        here <<= np.uint64(low)
        here |= (since if unit == 1 else since // unit).view(np.uint64)

    on_all_cores(pack, slices(len(key)))
    return key


@dataclass(frozen=True, eq=False)
class _Tied:
    """The events that share user and time with others: m of them."""

    places: NDArray[np.int64]
    """(m) where they stand, ascending."""
    group: NDArray[np.int64]
    """(m) which of them belong together."""


def _tied(ties: NDArray[np.int64]) -> _Tied:
    starts = np.setdiff1d(ties - 1, ties, assume_unique=True)
    places = np.sort(np.concatenate((starts, ties)))
    is_start = np.zeros(len(places), dtype=np.bool_)
    is_start[places.searchsorted(starts)] = True
    return _Tied(places, np.cumsum(is_start))


def _settle(raw: RawEvents, columns: _Sorted, tied: _Tied) -> None:
    """Put simultaneous events of a user in the order of sequence number and place."""
    places = columns.order[tied.places]
    keys = [places, tied.group]
    if raw.sequence is not None:
        keys.insert(1, raw.sequence[places])
    settled = places[np.lexsort(tuple(keys))]
    columns.order[tied.places] = settled
    columns.name[tied.places] = raw.name[settled]


def _duplicates(raw: RawEvents, columns: _Sorted, tied: _Tied) -> NDArray[np.int64]:
    """The places of events that are there already: same user, time, name and id (rule O2)."""
    if raw.ids is None or not len(tied.places):
        return np.empty(0, dtype=np.int64)
    # Only what shares all else is asked for its id.
    order, name = columns.order[tied.places], columns.name[tied.places]
    by = np.lexsort((name, tied.group))
    same = (name[by[1:]] == name[by[:-1]]) & (tied.group[by[1:]] == tied.group[by[:-1]])
    alike = np.zeros(len(by), dtype=np.bool_)
    alike[1:] |= same
    alike[:-1] |= same
    chosen = np.sort(by[alike])
    identity = raw.ids(order[chosen])
    columns_of = (tied.group[chosen], name[chosen], identity)
    by = np.lexsort((order[chosen], *reversed(columns_of)))
    again = np.zeros(len(by), dtype=np.bool_)
    again[1:] = identity[by[1:]] != 0
    for column in columns_of:
        again[1:] &= column[by[1:]] == column[by[:-1]]
    return np.sort(tied.places[chosen[by[again]]])
