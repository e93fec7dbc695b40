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
"""Events sorted together with their places, about."""

SECOND = 1_000_000


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


@dataclass(frozen=True, eq=False)
class _Tied:
    """The events that share user and time with others: m of them."""

    places: NDArray[np.int64]
    """(m) where they stand in order, ascending."""
    group: NDArray[np.int64]
    """(m) which of them belong together."""


@dataclass(frozen=True, eq=False)
class _Sorted:
    """All columns in order."""

    name: NDArray[np.unsignedinteger]
    time: NDArray[np.int64]
    tied: _Tied
    order: NDArray[np.unsignedinteger]
    """(n) the place of each event in the columns that were read."""


def in_order(raw: RawEvents) -> Ordered:
    """Sort the columns, and drop duplicates."""
    counts = np.bincount(raw.user, minlength=len(raw.users))
    columns = _sort(raw)
    raw.watch.check()
    gone = _duplicates(raw, columns)
    name, time, order = columns.name, columns.time, columns.order
    if len(gone):
        owner = np.cumsum(counts).searchsorted(gone, side="right")
        counts = counts - np.bincount(owner, minlength=len(counts))
        name, time, order = (np.delete(column, gone) for column in (name, time, order))
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    row = order if raw.row is None else raw.row[order]
    row = row.astype(smallest(int(row.max(initial=0)) + 1), copy=False)
    return Ordered(offsets, name, time, row, len(gone))


def smallest(count: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type for numbers below `count`."""
    return np.min_scalar_type(max(count - 1, 0))


@dataclass(frozen=True, slots=True)
class _Packing:
    """How user and time are one number."""

    first: int
    """The earliest time."""
    unit: int
    """Microseconds of which all times are multiples, since the first."""
    low: int
    """Bits of the time, which are the lowest."""
    bits: int
    """Bits of the user."""


def _packing(raw: RawEvents) -> _Packing | None:
    """How to pack user and time; None if they do not fit."""
    if not len(raw.time):
        return None
    first = int(raw.time.min())
    span = int(raw.time.max()) - first
    bits = max(len(raw.users) - 1, 1).bit_length()
    for unit in (1, 1_000, SECOND):
        low = (span // unit).bit_length()
        if bits + low <= 64:
            return _Packing(first, unit, low, bits)
    return None


def _pack(raw: RawEvents, packing: _Packing) -> NDArray[np.uint64] | None:
    """User and time of each event as one number; None where times are no multiples of the unit."""
    key = np.empty(len(raw.time), dtype=np.uint64)

    def pack(part: slice) -> bool:
        here, since = key[part], raw.time[part] - packing.first
        count = since if packing.unit == 1 else since // packing.unit
        here[:] = raw.user[part]
        here <<= np.uint64(packing.low)
        here |= count.view(np.uint64)
        return packing.unit == 1 or bool((count * packing.unit == since).all())

    return key if all(on_all_cores(pack, slices(len(key)))) else None


def _sort(raw: RawEvents) -> _Sorted:
    """Sort by user and time, and what is equal by sequence number and place."""
    events = len(raw.time)
    order = np.empty(events, dtype=smallest(events))
    time = np.empty(events, dtype=np.int64)
    packing = _packing(raw)
    key = None if packing is None else _pack(raw, packing)
    if packing is None or key is None:
        order[:] = np.lexsort((raw.time, raw.user))
        time, user = raw.time[order], raw.user[order]
        ties = np.flatnonzero((time[1:] == time[:-1]) & (user[1:] == user[:-1])) + 1
    else:
        ties = _sort_in_parts(raw, key, packing, order, time)
    tied = _tied(ties)
    came_from = order[tied.places].astype(np.int64)
    keys = [came_from, tied.group]
    if raw.sequence is not None:
        keys.insert(1, raw.sequence[came_from])
    order[tied.places] = came_from[np.lexsort(tuple(keys))]
    name = raw.name.astype(smallest(len(raw.names)))[order]
    return _Sorted(name, time, tied, order)


def _sort_in_parts(
    raw: RawEvents,
    key: NDArray[np.uint64],
    packing: _Packing,
    order: NDArray[np.unsignedinteger],
    time: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Fill `order` and `time`, in parts small enough for a core's cache; returns the places whose
    event has user and time of the one before.
    """
    bits, low = packing.bits, packing.low
    parts = len(key) // EVENTS_AT_ONCE + 1
    away = low + max(0, bits - (parts - 1).bit_length())
    part = np.zeros(len(key), dtype=np.uint8 if low + bits - away <= 8 else np.uint16)
    if parts > 1:
        np.right_shift(key, np.uint64(away), out=part, casting="unsafe")
    by_part = np.argsort(part, kind="stable") if parts > 1 else np.arange(len(key))
    edges = np.concatenate(([0], np.cumsum(np.bincount(part))))

    def sort(number: int) -> NDArray[np.int64]:
        raw.watch.check()
        here = slice(edges[number], edges[number + 1])
        places = by_part[here]
        mine = key[places]
        by = np.argsort(mine)
        mine = mine[by]
        order[here] = places[by]
        ties: NDArray[np.int64] = np.flatnonzero(mine[1:] == mine[:-1]) + (1 + int(here.start))
        mine &= np.uint64((1 << low) - 1)
        np.multiply(mine.view(np.int64), packing.unit, out=time[here])
        time[here] += packing.first
        return ties

    return np.concatenate(on_all_cores(sort, range(len(edges) - 1)))


def _tied(ties: NDArray[np.int64]) -> _Tied:
    starts = np.setdiff1d(ties - 1, ties, assume_unique=True)
    places = np.sort(np.concatenate((starts, ties)))
    is_start = np.zeros(len(places), dtype=np.bool_)
    is_start[places.searchsorted(starts)] = True
    return _Tied(places, np.cumsum(is_start))


def _duplicates(raw: RawEvents, columns: _Sorted) -> NDArray[np.int64]:
    """The places of events that are there already: same user, time, name and id (rule O2)."""
    tied, came_from = columns.tied, columns.order[columns.tied.places].astype(np.int64)
    if raw.ids is None or not len(tied.places):
        return np.empty(0, dtype=np.int64)
    # Only what shares all else is asked for its id.
    name = columns.name[tied.places]
    by = np.lexsort((name, tied.group))
    same = (name[by[1:]] == name[by[:-1]]) & (tied.group[by[1:]] == tied.group[by[:-1]])
    alike = np.zeros(len(by), dtype=np.bool_)
    alike[1:] |= same
    alike[:-1] |= same
    chosen = np.sort(by[alike])
    identity = raw.ids(came_from[chosen])
    columns_of = (tied.group[chosen], name[chosen], identity)
    by = np.lexsort((came_from[chosen], *reversed(columns_of)))
    again = np.zeros(len(by), dtype=np.bool_)
    again[1:] = identity[by[1:]] != 0
    for column in columns_of:
        again[1:] &= column[by[1:]] == column[by[:-1]]
    return np.sort(tied.places[chosen[by[again]]])
