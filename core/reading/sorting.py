"""Events sorted by user and time, the two packed into one 64-bit number wherever they fit.

The events are dealt into parts, each a stretch of users that a core's cache holds, and the parts
are sorted on all cores. Rows mostly come ordered by time: then those of a user only have to be
brought together, which counts and compares nothing, and the few late ones put where they belong.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.threads import SLICE, on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.raw import RawEvents

EVENTS_AT_ONCE = 1 << 17
"""Events of one part, about."""

MOST_PIECES = 64
"""Pieces that the columns are dealt from, at most: parts are put together of as many."""

SAMPLED_TIMES = 1_000
"""Times looked at for what they may all be multiples of."""

MOST_LATE = 1 / 16
"""The share of events that may be late: where more are, all are sorted."""

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
    spare: NDArray[np.int64]
    """(n) room for numbers that nobody needs any more: new memory is slow."""


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
class _Dealt:
    """The events dealt into parts, piece by piece of the columns read."""

    key: NDArray[np.uint64]
    """(n) user and time, without the bits that tell the part; part by part in each piece."""
    name: NDArray[np.unsignedinteger]
    """(n) their names."""
    place: NDArray[np.unsignedinteger]
    """(n) their places in the columns."""

    @classmethod
    def room(cls, raw: RawEvents) -> _Dealt:
        """Room for all events: three large arrays, as many small ones are slow to get."""
        events = len(raw.time)
        name, place = smallest(len(raw.names)), smallest(events)
        return cls(np.empty(events, np.uint64), np.empty(events, name), np.empty(events, place))


def smallest(count: int) -> np.dtype[np.unsignedinteger]:
    """The smallest type for numbers below `count`."""
    return np.min_scalar_type(max(count - 1, 0))


def by_user_and_time(raw: RawEvents) -> Sorted:
    """Sort by user and time. What is found may stand in the memory of the columns that were read,
    which are good for nothing else then: new memory is slow.
    """
    dealt = _deal(raw) if len(raw.time) else None
    if dealt is not None:
        return _sort_parts(raw, *dealt)
    order = np.lexsort((raw.time, raw.user))
    time, user = raw.time[order], raw.user[order]
    return Sorted(
        counts=np.bincount(raw.user, minlength=len(raw.users)),
        name=raw.name[order].astype(smallest(len(raw.names))),
        time=time,
        order=order.astype(smallest(len(order))),
        ties=np.flatnonzero((time[1:] == time[:-1]) & (user[1:] == user[:-1])) + 1,
        spare=np.empty(len(time), dtype=np.int64),
    )


def _deal(raw: RawEvents) -> tuple[_Packing, _Dealt, NDArray[np.int64]] | None:
    """All events dealt into parts, and (pieces, parts + 1) where in each piece a part begins.

    None where user and time do not fit into 64 bits.
    """
    events = len(raw.time)
    first, last = raw.span
    bits = max(len(raw.users) - 1, 1).bit_length()
    split = min(bits, (events // EVENTS_AT_ONCE).bit_length())
    sample = raw.time[:: events // SAMPLED_TIMES + 1] - first
    dealt = _Dealt.room(raw)
    stretches = slices(events, max(SLICE, events // MOST_PIECES))
    for unit in UNITS:
        low = ((last - first) // unit).bit_length()
        if bits + low > 64 or (sample % unit).any():
            continue
        packing = _Packing(first, unit, low, bits + low - split, 1 << split)
        found = on_all_cores(partial(_deal_piece, raw, packing, dealt), stretches)
        edges = [piece for piece in found if piece is not None]
        if len(edges) == len(found):
            return packing, dealt, np.stack(edges)
    return None


def _deal_piece(
    raw: RawEvents, packing: _Packing, dealt: _Dealt, piece: slice
) -> NDArray[np.int64] | None:
    """Deal one piece, and say where each part begins; None where a time is no such multiple."""
    count = raw.time[piece] - packing.first
    if packing.unit > 1:
        since = count
        count = since // packing.unit
        since -= count * packing.unit
        if since.any():
            return None
    user, rest = raw.user[piece], packing.away - packing.low
    key = (user & user.dtype.type(_ones(rest))).astype(np.uint64)
    key <<= np.uint64(packing.low)
    key |= count.view(np.uint64)
    part = (user >> user.dtype.type(rest)).astype(smallest(packing.parts))
    by = np.argsort(part, kind="stable")
    np.take(key, by, out=dealt.key[piece], mode="clip")
    dealt.name[piece] = raw.name[piece][by]
    dealt.place[piece] = by + piece.start
    edges = np.full(packing.parts + 1, piece.start)
    edges[1:] += np.cumsum(np.bincount(part, minlength=packing.parts))
    return edges


def _sort_parts(
    raw: RawEvents, packing: _Packing, dealt: _Dealt, edges: NDArray[np.int64]
) -> Sorted:
    starts = (edges - edges[:, :1]).sum(axis=0).tolist()
    begins = edges.T.tolist()
    users = 1 << packing.away - packing.low
    counts = np.empty(users * packing.parts, dtype=np.int64)
    # All three have been dealt by now.
    name, order, time = _room(raw.name, dealt.name), _room(raw.user, dealt.place), raw.time

    def sort(part: int) -> NDArray[np.int64]:
        raw.watch.check()
        here = slice(starts[part], starts[part + 1])
        mine = list(map(slice, begins[part], begins[part + 1]))
        key = np.concatenate([dealt.key[there] for there in mine])
        by = _bring_together(key, packing)
        if by is None:
            by = _sort(key, packing.away)
        name[here] = np.concatenate([dealt.name[there] for there in mine])[by]
        order[here] = np.concatenate([dealt.place[there] for there in mine])[by]
        ties: NDArray[np.int64] = np.flatnonzero(key[1:] == key[:-1]) + (1 + here.start)
        user = (key >> np.uint64(packing.low)).view(np.int64)
        counts[part * users : (part + 1) * users] = np.bincount(user, minlength=users)
        key &= _ones(packing.low)
        np.multiply(key.view(np.int64), packing.unit, out=time[here])
        time[here] += packing.first
        return ties

    ties = np.concatenate(on_all_cores(sort, range(packing.parts)))
    spare = dealt.key.view(np.int64)
    return Sorted(counts[: len(raw.users)], name, time, order, ties, spare)


def _room(
    column: NDArray[np.unsignedinteger], like: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """Room for as many numbers of the same kind as in `like`: a column's, where it has that."""
    return column if column.dtype == like.dtype else np.empty_like(like)


def _bring_together(key: NDArray[np.uint64], packing: _Packing) -> NDArray[np.int64] | None:
    """Sort numbers in place that are mostly ascending for each user, and say where each was.

    None, and nothing done, where they are not, or where there are too many users to count.
    """
    if packing.away - packing.low > 16:
        return None
    user = (key >> np.uint64(packing.low)).astype(np.uint16)
    by = np.argsort(user, kind="stable")  # of 16 bits: counted
    near = key.take(by, mode="clip")
    late = _late(near, int(MOST_LATE * len(key)))
    if late is None:
        return None
    late = late[np.argsort(near[late])]
    stays = np.ones(len(key), dtype=np.bool_)
    stays[late] = False
    first, first_by, late_by = near[stays], by[stays], by[late]
    place = first.searchsorted(near[late]) + np.arange(len(late))
    stays[:] = True
    stays[place] = False
    key[place], key[stays] = near[late], first
    by[place], by[stays] = late_by, first_by
    return by


def _late(values: NDArray[np.uint64], most: int) -> NDArray[np.int64] | None:
    """The places of values that come after a greater one; None where there are more than `most`."""
    falls = np.flatnonzero(values[1:] < values[:-1])
    # From one fall to the next they ascend, so those that are late come first of them.
    at, ends = falls + 1, np.append(falls[1:] + 1, len(values))
    before = np.maximum.accumulate(values[falls])
    found, count = [falls[:0]], 0
    while len(at):
        is_late = values[at] < before
        at, ends, before = at[is_late], ends[is_late], before[is_late]
        found.append(at)
        count += len(at)
        if count > most:
            return None
        goes_on = at + 1 < ends
        at, ends, before = at[goes_on] + 1, ends[goes_on], before[goes_on]
    return np.concatenate(found)


def _sort(key: NDArray[np.uint64], bits: int) -> NDArray[np.int64]:
    """Sort numbers of so many bits in place, and say where each was.

    Where there is room the numbers carry their places along, because sorting numbers takes half the
    time of finding the order of numbers.
    """
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
