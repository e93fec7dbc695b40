"""Columns into the order of rule O1: user, time, sequence number, place in the input.

They are sorted by user and time. Whatever is equal then is settled after, and so are duplicates.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from core.reading.sorting import Sorted, by_user_and_time, smallest
from core.threads import on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.raw import RawEvents


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
    spare: NDArray[np.int64]
    """(n) room for numbers that nobody needs any more."""


@dataclass(frozen=True, eq=False)
class _Tied:
    """The events that share user and time with others: m of them."""

    places: NDArray[np.int64]
    """(m) where they stand in order, ascending."""
    group: NDArray[np.int64]
    """(m) which of them belong together."""


def in_order(raw: RawEvents) -> Ordered:
    """Sort the columns, and drop duplicates."""
    found = by_user_and_time(raw)
    tied = _settle(raw, found)
    raw.watch.check()
    gone = _duplicates(raw, found, tied)
    name, time, order, counts = found.name, found.time, found.order, found.counts
    if len(gone):
        owner = np.cumsum(counts).searchsorted(gone, side="right")
        counts = counts - np.bincount(owner, minlength=len(counts))
        name, time, order = on_all_cores(partial(_without, gone=gone), [name, time, order])
    offsets = np.zeros(len(counts) + 1, dtype=np.int64)
    np.cumsum(counts, out=offsets[1:])
    row = order if raw.row is None else raw.row[order]
    row = row.astype(smallest(int(row.max(initial=0)) + 1), copy=False)
    return Ordered(offsets, name, time, row, len(gone), found.spare[: len(time)])


def _without(column: NDArray[Any], gone: NDArray[np.int64]) -> NDArray[Any]:
    """A column without some places, which are ascending; in its own memory, as new one is slow."""
    end = 0
    for part in slices(len(column)):
        low, high = gone.searchsorted((part.start, part.stop)).tolist()
        stays = np.delete(column[part], gone[low:high] - part.start)
        column[end : end + len(stays)] = stays
        end += len(stays)
    return column[:end]


def _settle(raw: RawEvents, found: Sorted) -> _Tied:
    """Put what is equal by user and time in order by sequence number and place."""
    tied = _tied(found.ties)
    came_from = found.order[tied.places].astype(np.int64)
    keys = [came_from, tied.group]
    if raw.sequence is not None:
        keys.insert(1, raw.sequence[came_from])
    by = tied.places[np.lexsort(tuple(keys))]
    found.order[tied.places], found.name[tied.places] = found.order[by], found.name[by]
    return tied


def _tied(ties: NDArray[np.int64]) -> _Tied:
    starts = np.setdiff1d(ties - 1, ties, assume_unique=True)
    places = np.sort(np.concatenate((starts, ties)))
    is_start = np.zeros(len(places), dtype=np.bool_)
    is_start[places.searchsorted(starts)] = True
    return _Tied(places, np.cumsum(is_start))


def _duplicates(raw: RawEvents, columns: Sorted, tied: _Tied) -> NDArray[np.int64]:
    """The places of events that are there already: same user, time, name and id (rule O2)."""
    came_from = columns.order[tied.places].astype(np.int64)
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
