"""Events sorted by user and time, the two packed into one 64-bit number wherever they fit.

The events are dealt into parts, each a stretch of users that a core's cache holds, and the parts
are sorted on all cores. Where there is room the numbers carry their places along, because sorting
numbers takes half the time of finding the order of numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.threads import SLICE, on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.raw import RawEvents

EVENTS_AT_ONCE = 1 << 16
"""Events of one part, about."""

MOST_PIECES = 64
"""Pieces that the columns are dealt from, at most: parts are put together of as many."""

SAMPLED_TIMES = 1_000
"""Times looked at for what they may all be multiples of."""

UNITS = (1_000_000, 1_000, 1)
"""Microseconds of which all times may be multiples, since the first."""


@dataclass(frozen=True, eq=False)
class Sorted:
    """Columns in order, n events of u users."""

    counts: NDArray[np.int64]
    """(u) the events of each user."""
    name: NDArray[np.unsignedinteger]
    """(n) index into the names, as small as they allow."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970."""
    order: NDArray[np.unsignedinteger]
    """(n) the place of each event in the columns that were read; any order where all is equal."""
    ties: NDArray[np.int64]
    """Places of events, ascending, that have user and time of the one before."""


@dataclass(frozen=True, slots=True)
class _Packing:
    """How user and time are one number, and which of these are sorted together."""

    first: int
    """The earliest time."""
    unit: int
    """Microseconds of which all times are multiples, since the first."""
    low: int
    """Bits of the time, which are the lowest."""
    away: int
    """Bits in which numbers of one part differ: the time, and the lower bits of the user."""
    parts: int
    """How many parts there are."""


@dataclass(frozen=True, eq=False, slots=True)
class _Piece:
    """A stretch of the columns read, its events dealt into parts."""

    key: NDArray[np.uint64]
    """User and time part by part, without the bits that tell the part."""
    name: NDArray[np.unsignedinteger]
    """Their names."""
    place: NDArray[np.unsignedinteger]
    """Their places in the columns."""
    edges: Sequence[int]
    """(parts + 1) where each part begins."""

    def part(self, number: int) -> slice:
        """Where a part is."""
        return slice(self.edges[number], self.edges[number + 1])


def smallest(count: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type for numbers below `count`."""
    return np.min_scalar_type(max(count - 1, 0))


def by_user_and_time(raw: RawEvents) -> Sorted:
    """Sort by user and time. What is found may stand in the memory of the columns."""
    packed = _pack_all(raw) if len(raw.time) else None
    if packed is not None:
        return _sort_parts(raw, *packed)
    order = np.lexsort((raw.time, raw.user))
    time, user = raw.time[order], raw.user[order]
    return Sorted(
        counts=np.bincount(raw.user, minlength=len(raw.users)),
        name=raw.name[order].astype(smallest(len(raw.names))),
        time=time,
        order=order.astype(smallest(len(order))),
        ties=np.flatnonzero((time[1:] == time[:-1]) & (user[1:] == user[:-1])) + 1,
    )


def _pack_all(raw: RawEvents) -> tuple[_Packing, list[_Piece]] | None:
    """All events dealt into parts; None where user and time do not fit into 64 bits."""
    events = len(raw.time)
    first = int(raw.time.min())
    span = int(raw.time.max()) - first
    bits = max(len(raw.users) - 1, 1).bit_length()
    split = min(bits, (events // EVENTS_AT_ONCE).bit_length())
    sample = raw.time[:: events // SAMPLED_TIMES + 1] - first
    for unit in UNITS:
        low = (span // unit).bit_length()
        if bits + low > 64 or (sample % unit).any():
            continue
        packing = _Packing(first, unit, low, bits + low - split, 1 << split)
        stretches = slices(events, max(SLICE, events // MOST_PIECES))
        pieces = on_all_cores(partial(_pack, raw, packing), stretches)
        whole = [piece for piece in pieces if piece is not None]
        if len(whole) == len(pieces):
            return packing, whole
    return None


def _pack(raw: RawEvents, packing: _Packing, stretch: slice) -> _Piece | None:
    """One stretch of the events; None where a time is no multiple of the unit."""
    count = since = raw.time[stretch] - packing.first
    if packing.unit > 1:
        count = since // packing.unit
        if (count * packing.unit != since).any():
            return None
    key = raw.user[stretch].astype(np.uint64)
    key <<= np.uint64(packing.low)
    key |= count.view(np.uint64)
    part = (key >> np.uint64(packing.away)).astype(smallest(packing.parts))
    key &= _ones(packing.away)
    by = np.argsort(part, kind="stable")
    edges = np.cumsum(np.bincount(part, minlength=packing.parts))
    place = (by + stretch.start).astype(smallest(len(raw.time)))
    name = raw.name[stretch].astype(smallest(len(raw.names)))
    return _Piece(key[by], name[by], place, [0, *edges.tolist()])


def _sort_parts(raw: RawEvents, packing: _Packing, pieces: Sequence[_Piece]) -> Sorted:
    starts = np.sum([piece.edges for piece in pieces], axis=0).tolist()
    users = 1 << packing.away - packing.low
    counts = np.empty(users * packing.parts, dtype=np.int64)
    events = len(raw.time)
    name = np.empty(events, dtype=smallest(len(raw.names)))
    order = np.empty(events, dtype=smallest(events))
    time = raw.time  # which is in the keys by now: new memory is slow

    def sort(part: int) -> NDArray[np.int64]:
        raw.watch.check()
        here = slice(starts[part], starts[part + 1])
        mine = [(piece, piece.part(part)) for piece in pieces]
        key = np.concatenate([piece.key[there] for piece, there in mine])
        by = _sort(key, packing.away)
        name[here] = np.concatenate([piece.name[there] for piece, there in mine])[by]
        order[here] = np.concatenate([piece.place[there] for piece, there in mine])[by]
        ties: NDArray[np.int64] = np.flatnonzero(key[1:] == key[:-1]) + (1 + here.start)
        user = (key >> np.uint64(packing.low)).view(np.int64)
        counts[part * users : (part + 1) * users] = np.bincount(user, minlength=users)
        key &= _ones(packing.low)
        np.multiply(key.view(np.int64), packing.unit, out=time[here])
        time[here] += packing.first
        return ties

    ties = np.concatenate(on_all_cores(sort, range(packing.parts)))
    return Sorted(counts[: len(raw.users)], name, time, order, ties)


def _sort(key: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Sort numbers of so many bits in place, and say where each was."""
    low = len(key).bit_length()
    if bits + low > 64:
        by = np.argsort(key)
        key[:] = key[by]
        return by
    key <<= np.uint64(low)
    key |= np.arange(len(key), dtype=np.uint64)
    key.sort()
    places = key & _ones(low)
    key >>= np.uint64(low)
    return places.view(np.int64)


def _ones(bits: int) -> np.uint64:
    """A number of so many ones."""
    return np.uint64((1 << bits) - 1)
