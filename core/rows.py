"""`StageRows`: the events that match a stage, found once and used for every timeout and window.

The kernels see only these rows. What depends on other events (the longest gap passed over, how many
events stand between, the last excluded event) is gathered here for each row, once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import accumulate, repeat
from typing import TYPE_CHECKING

import numpy as np

from core.log import FIRST_GAP
from core.threads import in_stretches, stretches, together
from core.walk import BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog

    Ints = NDArray[np.int64]

Mask = np.unsignedinteger
"""A set of stages as bits: stage i is bit i."""

_Follows = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]

Names = frozenset[str] | None
"""The events of a stage; None is any event."""


@dataclass(frozen=True, slots=True)
class Selection:
    """Which events matter to a funnel, by name. Compares by value."""

    stages: tuple[Names, ...]
    """The events of each stage."""
    conditions: tuple[str | None, ...] = ()
    """For each stage a SQL condition on its events' properties, or None; empty for none at all."""
    ignored: frozenset[str] | None = None
    """In strict order, the events that may stand between; None where order is not strict."""
    excluded: tuple[tuple[frozenset[str], int, int], ...] = ()
    """Excluded events, and the stages, from 0, between whose events they must not occur."""


@dataclass(frozen=True, eq=False)
class StageRows:
    """The m events that match at least one of s stages, by user, time and stage.

    They do not depend on the session timeout, the window or the scope.
    """

    log: EventLog
    """The log they are of."""
    selection: Selection
    """What they match."""
    positions: Ints
    """(m) where each stands in the log."""
    gap: Ints
    """(m) the largest gap of the log since the stage row before it: where it exceeds the session
    timeout, a new journey has begun in between."""
    mask: NDArray[Mask]
    """(m) the stages each matches."""
    knots: Ints
    """Rows of units in which simultaneous events make their order matter: these are walked."""

    def times(self, rows: Ints | slice) -> Ints:
        """When the events of some rows happened, microseconds since 1970."""
        return self.log.time[self.positions[rows]]

    @cached_property
    def at(self) -> tuple[Ints, ...]:
        """(s) for each stage, the indices of the rows that match it."""
        return _at(self.mask, len(self.selection.stages))

    @cached_property
    def before(self) -> tuple[Ints, ...]:
        """(s) for each stage and each of its rows, the place in `at` of the stage before it of the
        last row that stands earlier; -1 for none. Empty for the first stage.
        """
        if len(self.parts) < 2:
            return _before(self.mask, self.at)
        found = [np.empty(0, dtype=np.int64)]
        for stage in range(1, len(self.at)):
            seen = accumulate((len(part.at[stage - 1]) for _, part in self.parts), initial=0)
            pairs = zip(self.parts, seen, strict=False)
            found.append(np.concatenate([part.before[stage] + low for (_, part), low in pairs]))
        return tuple(found)

    @cached_property
    def parts(self) -> tuple[tuple[int, StageRows], ...]:
        """The same rows in stretches that end where users end, each with its first row's number; a
        single one where there are few.
        """
        found = stretches(len(self.gap), self._next_user)
        if len(found) < 2:
            return ((0, self),)
        follows = None if self.selection.ignored is None else self.follows
        part = partial(self._part, follows, self.last_excluded)
        return tuple(together((partial(part, low, high) for low, high in found), len(self.gap)))

    def _next_user(self, rows: Ints) -> Ints:
        """For some rows the first from there on that is the first of a user."""
        offsets = self.log.offsets
        return self.positions.searchsorted(offsets[offsets.searchsorted(self.positions[rows])])

    def _part(
        self, follows: _Follows | None, last_excluded: tuple[Ints, ...], low: int, high: int
    ) -> tuple[int, StageRows]:
        first, after = self.knots.searchsorted((low, high))
        part = replace(
            self,
            positions=self.positions[low:high],
            gap=self.gap[low:high],
            mask=self.mask[low:high],
            knots=self.knots[first:after] - low,
        )
        at = _at(part.mask, len(self.selection.stages))
        known: dict[str, object] = {"parts": ((0, part),), "at": at}
        known["last_excluded"] = tuple(each[low:high] for each in last_excluded)
        if follows is None:
            known["before"] = _before(part.mask, at)
        else:
            known["follows"] = tuple(np.append(each[low : high - 1], False) for each in follows)
        part.__dict__.update(known)
        return low, part

    @cached_property
    def follows(self) -> _Follows:
        """(m) whether the next row follows each with nothing else in between, for strict order: for
        a row that begins an attempt, before which simultaneous events may stand, and for others.
        """
        ignored = name_flags(self.log, self.selection.ignored or frozenset())
        blocks = ~ignored[self.log.name]
        blocks[self.positions] = True
        so_far = np.append(0, np.cumsum(blocks))
        instants = np.append(np.flatnonzero(self.log.gap != 0), len(self.log))
        instant = instants.searchsorted(self.positions, side="right")
        before, through = so_far[instants[instant - 1]], so_far[instants[instant]]
        begins = np.append(before[1:] == through[:-1], False)[: len(before)]
        return begins, begins & (through == before + 1)

    @cached_property
    def torn(self) -> NDArray[np.bool_]:
        """(m) whether each matches several stages and shares its instant with any other event."""
        gap = np.append(self.log.gap, FIRST_GAP)
        crowded = (gap[self.positions] == 0) | (gap[self.positions + 1] == 0)
        several = self.mask & (self.mask - self.mask.dtype.type(1)) != 0
        return np.asarray(crowded & several)

    @cached_property
    def last_excluded(self) -> tuple[Ints, ...]:
        """For each exclusion (m) the time of the last excluded event earlier than each row, of any
        user before it in the log; at least the row's own time where that is another user's.
        """
        if not self.selection.excluded:
            return ()
        group = np.arange(len(self.log))
        group[self.log.gap == 0] = 0
        first_of_instant = np.maximum.accumulate(group)[self.positions]
        user_start = self.log.offsets[
            np.searchsorted(self.log.offsets, self.positions, side="right") - 1
        ]
        result = []
        for names, _, _ in self.selection.excluded:
            excluded = np.flatnonzero(name_flags(self.log, names)[self.log.name])
            place = np.searchsorted(excluded, first_of_instant) - 1
            found = excluded[place] if len(excluded) else np.zeros(len(place), dtype=np.int64)
            is_own = (place >= 0) & (found >= user_start)
            result.append(np.where(is_own, self.log.time[found], np.iinfo(np.int64).min))
        return tuple(result)

    def next_excluded(self, number: int, rows: Ints) -> Ints:
        """The time of the user's first excluded event later than each of some rows; for none, the
        largest number there is.
        """
        names, _, _ = self.selection.excluded[number]
        excluded = np.flatnonzero(name_flags(self.log, names)[self.log.name])
        position = self.positions[rows]
        instants = np.append(np.flatnonzero(self.log.gap != 0), len(self.log))
        after = instants[instants.searchsorted(position, side="right")]
        place = excluded.searchsorted(after)
        found = np.append(excluded, len(self.log))[place]
        stop = self.log.offsets[self.log.offsets.searchsorted(position, side="right")]
        time = np.append(self.log.time, 0)[found]
        return np.where(found < stop, time, np.iinfo(np.int64).max)

    def events(self, start: int, stop: int) -> tuple[list[int], list[int], list[int]]:
        """The times, masks and others of the log's events from `start` to `stop`, for `walk`."""
        first, after = np.searchsorted(self._in_order, (start, stop))
        own = self._in_order[first:after]
        mask = np.zeros(stop - start, dtype=np.uint64)
        mask[own - start] = self._mask_in_order[first:after]
        others = np.zeros(stop - start, dtype=np.uint64)
        name = self.log.name[start:stop]
        if self.selection.ignored is not None:
            ignored = name_flags(self.log, self.selection.ignored)[name]
            others |= np.where(ignored, np.uint64(0), np.uint64(BLOCKS))
        for number, (names, _, _) in enumerate(self.selection.excluded):
            excluded = name_flags(self.log, names)[name]
            others |= np.where(excluded, np.uint64(2 << number), np.uint64(0))
        return self.log.time[start:stop].tolist(), mask.tolist(), others.tolist()

    @cached_property
    def _in_order(self) -> Ints:
        return np.sort(self.positions)

    @cached_property
    def _mask_in_order(self) -> NDArray[Mask]:
        return self.mask[np.argsort(self.positions)]


def find_rows(log: EventLog, selection: Selection) -> StageRows:
    """Find the rows of a log that match stages."""
    bits = np.zeros(max(len(log.names), 1), dtype=_mask_type(len(selection.stages)))
    for number, names in enumerate(selection.stages):
        matching = range(len(log.names)) if names is None else _known(log, names)
        bits[list(matching)] |= bits.dtype.type(1 << number)
    matched = bits != 0
    flags = [None if each is None else log.matching(each) for each in selection.conditions]

    def find(start: int, stop: int) -> tuple[int, Ints, NDArray[Mask]]:
        # One byte an event to select by, then everything else over stage rows only. To clip is
        # faster than to look for numbers out of range, of which there are none.
        name = log.name[start:stop]
        found = np.flatnonzero(matched.take(name, mode="clip"))
        mask = bits.take(name.take(found, mode="clip"), mode="clip")
        for number, matching in enumerate(flags):
            if matching is not None:
                mask[~matching[start:stop][found]] &= ~mask.dtype.type(1 << number)
        if any(selection.conditions):
            found, mask = found[mask != 0], mask[mask != 0]
        return start, found, mask

    parts = in_stretches(log.offsets, find)
    edges = np.cumsum([0, *(len(found) for _, found, _ in parts)]).tolist()
    gap, positions = (np.empty(edges[-1], dtype=np.int64) for _ in range(2))
    mask = np.empty(edges[-1], dtype=bits.dtype)

    def fill(part: tuple[int, Ints, NDArray[Mask]], edge: int) -> Ints:
        start, found, own = part
        here = slice(edge, edge + len(found))
        gap[here] = _largest_gaps(log.gap[start:], found)
        tangled = _untie(found, own, gap[here])
        np.add(found, start, out=positions[here])
        mask[here] = own
        return tangled + edge

    knots = np.concatenate(together(map(partial, repeat(fill), parts, edges), len(log)))
    if selection.ignored is not None:
        knots = np.union1d(knots, np.flatnonzero(gap == 0))
    far = [names for names, low, high in selection.excluded if high - low > 1]
    if far:
        # At the instant of a stage in between, an excluded event is inside.
        knots = np.union1d(knots, _with_any(log, positions, frozenset().union(*far)))
    return StageRows(log, selection, positions, gap, mask, knots)


def _before(mask: NDArray[Mask], at: Sequence[Ints]) -> tuple[Ints, ...]:
    """For each stage and its rows, the place of the last earlier row of the stage before."""
    found = [np.empty(0, dtype=np.int64)]
    for stage, rows in enumerate(at[1:]):
        is_prior = mask & mask.dtype.type(1 << stage) != 0
        # Counted, not searched for: a search takes ten times as long for each row.
        found.append(np.cumsum(is_prior)[rows] - is_prior[rows] - 1)
    return tuple(found)


def _at(mask: NDArray[Mask], stages: int) -> tuple[Ints, ...]:
    """For each stage, the rows that match it."""
    bit = mask.dtype.type
    return tuple(np.flatnonzero(mask & bit(1 << stage) != 0) for stage in range(stages))


def name_flags(log: EventLog, names: frozenset[str]) -> NDArray[np.bool_]:
    """(names of the log) whether each is one of `names`."""
    flags = np.zeros(max(len(log.names), 1), dtype=np.bool_)
    flags[list(_known(log, names))] = True
    return flags


def _mask_type(stages: int) -> np.dtype[np.unsignedinteger]:
    return np.min_scalar_type((1 << stages) - 1)


def _known(log: EventLog, names: frozenset[str]) -> Iterator[int]:
    return (log.codes[name] for name in names if name in log.codes)


def _largest_gaps(gap: Ints, positions: Ints) -> Ints:
    if len(positions) == 0:
        return np.empty(0, dtype=np.int64)
    segments = np.concatenate(([0], positions[:-1] + 1))
    return np.maximum.reduceat(gap[: positions[-1] + 1], segments)


def _untie(positions: Ints, mask: NDArray[Mask], gap: Ints) -> Ints:
    """Put simultaneous rows of a user in the order of their stages, in place, and find the knots.

    A knot is a group of simultaneous rows of which one matches several stages.
    """
    tied = np.flatnonzero(gap == 0)
    members = np.union1d(tied, tied - 1)
    is_first = gap[members] != 0
    group = np.cumsum(is_first) - 1
    order = members[np.lexsort((mask[members], group))]
    positions[members], mask[members] = positions[order], mask[order]
    several = mask[members] & (mask[members] - mask.dtype.type(1)) != 0
    knots: Ints = members[is_first][np.unique(group[several])]
    return knots


def _with_any(log: EventLog, positions: Ints, names: frozenset[str]) -> Ints:
    """The rows at whose instant any event has one of some names."""
    instants = np.flatnonzero(log.gap != 0)
    named = np.flatnonzero(name_flags(log, names)[log.name])
    has = np.zeros(len(instants) + 1, dtype=np.bool_)
    has[instants.searchsorted(named, side="right")] = True
    return np.flatnonzero(has[instants.searchsorted(positions, side="right")])
