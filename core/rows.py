"""`StageRows`: the events that match a stage, found once and used for every timeout and window.

The kernels see only these rows. What depends on other events (the longest gap passed over, how many
events stand between, the last excluded event) is gathered here for each row, once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np

from core.threads import in_stretches
from core.walk import BLOCKS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog

    Ints = NDArray[np.signedinteger]

Value = TypeVar("Value", bound=np.generic)

Mask = np.unsignedinteger
"""A set of stages as bits: stage i is bit i."""

_Follows = tuple["NDArray[np.bool_]", "NDArray[np.bool_]"]

SAMPLED = 1 << 16
"""Events looked at for how many rows there may be."""

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


class Stretch(NamedTuple):
    """What is found in a stretch of the log that ends where a user ends: its m stage rows."""

    start: int
    """Where the stretch begins in the log."""
    stop: int
    """Where it ends."""
    positions: Ints
    """As of `StageRows`, like all that follow."""
    gap: NDArray[np.int64]
    mask: NDArray[Mask]
    knots: Ints


@dataclass(frozen=True, eq=False)
class StageRows:
    """The m events that match at least one of s stages, by user, time and stage.

    They do not depend on the session timeout, the window or the scope. Kernels work on one stretch
    at a time; the columns of all are joined only where they are asked for.
    """

    log: EventLog
    """The log they are of."""
    selection: Selection
    """What they match."""
    stretches: tuple[Stretch, ...]
    """Where they were found: one or more, which cover the log."""

    def __len__(self) -> int:
        """How many rows there are."""
        return sum(len(stretch.gap) for stretch in self.stretches)

    @property
    def parts(self) -> tuple[tuple[int, StageRows], ...]:
        """The rows of each stretch, with the number of the first."""
        # Itself is not remembered: the memory of what holds itself is given back late.
        return self._parts or ((0, self),)

    @cached_property
    def _parts(self) -> tuple[tuple[int, StageRows], ...]:
        if len(self.stretches) < 2:
            return ()
        lows = accumulate((len(stretch.gap) for stretch in self.stretches), initial=0)
        parts = (StageRows(self.log, self.selection, (stretch,)) for stretch in self.stretches)
        return tuple(zip(lows, parts, strict=False))

    @cached_property
    def positions(self) -> Ints:
        """(m) where each stands in the log."""
        return _joined([stretch.positions for stretch in self.stretches])

    @cached_property
    def gap(self) -> NDArray[np.int64]:
        """(m) the largest gap of the log since the stage row before it: where it exceeds the
        session timeout, a new journey has begun in between.
        """
        return _joined([stretch.gap for stretch in self.stretches])

    @cached_property
    def mask(self) -> NDArray[Mask]:
        """(m) the stages each matches."""
        return _joined([stretch.mask for stretch in self.stretches])

    @cached_property
    def knots(self) -> Ints:
        """Rows of units in which simultaneous events make their order matter: these are walked."""
        return _joined([part.stretches[0].knots + low for low, part in self.parts])

    def times(self, rows: Ints | slice) -> NDArray[np.int64]:
        """When the events of some rows happened, microseconds since 1970."""
        return self.log.time[self.positions[rows]]

    @cached_property
    def at(self) -> tuple[Ints, ...]:
        """(s) for each stage, the indices of the rows that match it."""
        found = (np.flatnonzero(self.matches(stage)) for stage in range(len(self.selection.stages)))
        return tuple(rows.astype(index_type(len(self))) for rows in found)

    def before(self, stage: int) -> Ints:
        """For each row of a stage, the place in `at` of the stage before it of the last row that
        stands earlier; -1 for none.
        """
        # Counted, not searched for: a search takes ten times as long for each row.
        is_prior, rows = self.matches(stage - 1), self.at[stage]
        seen = np.cumsum(is_prior, dtype=rows.dtype)
        return picked(seen, rows) - picked(is_prior, rows) - 1

    @cached_property
    def latest(self) -> tuple[Ints, ...]:
        """(s) for each row of a stage, the latest row of the first stage from which rows of all the
        stages in between lead to it, of any user; -1 for none.
        """
        found = [self.at[0]]
        for stage in range(1, len(self.at)):
            found.append(with_none(found[-1])[self.before(stage)])
        return tuple(found)

    @cached_property
    def recent(self) -> tuple[Ints, ...]:
        """(s, m) for each row the latest row from which on it and those before it, of any user,
        match one stage, two, and so on; -1 for none.

        Stages that share all their events are copies: the second is filled by the event before.
        """
        recent: list[Ints] = []
        for stage, here in enumerate(self.at):
            copies = sum(np.array_equal(here, earlier) for earlier in self.at[:stage])
            own = np.append(np.full(copies + 1, -1, dtype=here.dtype), here)
            recent.append(picked(own, np.cumsum(self.matches(stage), dtype=here.dtype)))
        # The latest of all first: each pass of comparisons puts one more in its place.
        for last in range(len(recent) - 1, 0, -1):
            for place in range(last):
                high, low = recent[place : place + 2]
                recent[place : place + 2] = np.maximum(high, low), np.minimum(high, low)
        return tuple(recent)

    def matches(self, stage: int) -> NDArray[np.bool_]:
        """(m) whether each matches a stage."""
        return np.asarray(self.mask & self.mask.dtype.type(1 << stage) != 0)

    @cached_property
    def follows(self) -> _Follows:
        """(m) whether the next row follows each with nothing else in between, for strict order: for
        a row that begins an attempt, before which simultaneous events may stand, and for others.
        """
        if self._parts:
            first, later = zip(*(part.follows for _, part in self._parts), strict=True)
            return _joined(first), _joined(later)
        start, stop = self.stretches[0][:2]
        own = self.positions - start
        ignored = name_flags(self.log, self.selection.ignored or frozenset())
        blocks = ~ignored[self.log.name[start:stop]]
        so_far = np.append(0, np.cumsum(blocks))
        instants = np.append(np.flatnonzero(self.log.gap[start:stop] != 0), stop - start)
        instant = instants.searchsorted(own, side="right")
        before, through = so_far[instants[instant - 1]], so_far[instants[instant]]
        begins = np.append(before[1:] == through[:-1], False)[: len(before)]
        return begins, begins & (through == before + 1)

    @cached_property
    def torn(self) -> NDArray[np.bool_]:
        """(m) whether each matches several stages and shares its instant with any other event."""
        several = self.mask & (self.mask - self.mask.dtype.type(1)) != 0
        return np.asarray(are_crowded(self.log, self.positions) & several)

    @cached_property
    def last_excluded(self) -> tuple[NDArray[np.int64], ...]:
        """For each exclusion (m) the time of the user's last excluded event earlier than each row;
        for none, the least number there is.
        """
        if self._parts:
            of_each = zip(*(part.last_excluded for _, part in self._parts), strict=True)
            return tuple(map(_joined, of_each))
        if not self.selection.excluded:
            return ()
        start, stop = self.stretches[0][:2]
        time, gap, name = (
            column[start:stop] for column in (self.log.time, self.log.gap, self.log.name)
        )
        group = np.arange(stop - start)
        group[gap == 0] = 0
        first_of_instant = np.maximum.accumulate(group)[self.positions - start]
        offsets = self.log.offsets
        user_start = offsets[offsets.searchsorted(self.positions, side="right") - 1] - start
        result = []
        for names, _, _ in self.selection.excluded:
            excluded = np.flatnonzero(name_flags(self.log, names)[name])
            place = np.searchsorted(excluded, first_of_instant) - 1
            found = excluded[place] if len(excluded) else np.zeros(len(place), dtype=np.int64)
            is_own = (place >= 0) & (found >= user_start)
            result.append(np.where(is_own, time[found], np.iinfo(np.int64).min))
        return tuple(result)

    def next_excluded(self, number: int, rows: Ints) -> Ints:
        """The time of the user's first excluded event later than each of some rows, of one stretch;
        for none, the largest number there is.
        """
        start, stop = self.stretches[0].start, self.stretches[-1].stop
        log, (names, _, _) = self.log, self.selection.excluded[number]
        excluded = np.flatnonzero(name_flags(log, names)[log.name[start:stop]]) + start
        position = self.positions[rows]
        instants = np.append(np.flatnonzero(log.gap[start:stop] != 0) + start, stop)
        after = instants[instants.searchsorted(position, side="right")]
        found = np.append(excluded, stop)[excluded.searchsorted(after)]
        end = log.offsets[log.offsets.searchsorted(position, side="right")]
        never = np.iinfo(np.int64).max
        return np.where(found < end, picked(log.time, found), never) if len(found) else found

    def events(self, start: int, stop: int) -> tuple[list[int], list[int], list[int]]:
        """The times, masks and others of the log's events from `start` to `stop`, for `walk`."""
        # Numbers of another type would have all of the column made the same for every search.
        ends = np.array((start, stop), dtype=self._in_order.dtype)
        first, after = self._in_order.searchsorted(ends).tolist()
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
    far = [names for names, low, high in selection.excluded if high - low > 1]
    index = index_type(len(log))

    def find(start: int, stop: int) -> Stretch:
        # One byte an event to select by, then everything else over stage rows only.
        name = log.name[start:stop]
        found = np.flatnonzero(picked(matched, name))
        mask = picked(bits, picked(name, found))
        for number, matching in enumerate(flags):
            if matching is not None:
                mask[~matching[start:stop][found]] &= ~mask.dtype.type(1 << number)
        if any(selection.conditions):
            found, mask = found[mask != 0], mask[mask != 0]
        gap = _largest_gaps(log.gap[start:stop], found)
        knots = _untie(found, mask, gap)
        if selection.ignored is not None:
            knots = np.union1d(knots, np.flatnonzero(gap == 0))
        if far:
            # At the instant of a stage in between, an excluded event is inside.
            excluded = name_flags(log, frozenset().union(*far))[name]
            knots = np.union1d(knots, _with_any(log.gap[start:stop], excluded, found))
        return Stretch(start, stop, (found + start).astype(index), gap, mask, knots.astype(index))

    sample = picked(matched, log.name[:: len(log) // SAMPLED + 1])
    expected = len(log) * int(np.count_nonzero(sample)) // max(len(sample), 1)
    return StageRows(log, selection, tuple(in_stretches(log.offsets, find, expected)))


def index_type(length: int) -> type[np.signedinteger]:
    """The smaller of the types for indices into a column: half the memory is half the time."""
    return np.int32 if length <= np.iinfo(np.int32).max else np.int64


def picked(values: NDArray[Value], places: NDArray[np.integer]) -> NDArray[Value]:
    """The values at some places, none of which is out of range or negative."""
    # To clip is twice as fast as to look for numbers out of range.
    return values.take(places, mode="clip")


def with_none(values: Ints) -> Ints:
    """Indices with -1 after them, for an index of -1 to find."""
    return np.append(values, values.dtype.type(-1))


def _joined(columns: Sequence[NDArray[Value]]) -> NDArray[Value]:
    return columns[0] if len(columns) == 1 else np.concatenate(columns)


def name_flags(log: EventLog, names: frozenset[str]) -> NDArray[np.bool_]:
    """(names of the log) whether each is one of `names`."""
    flags = np.zeros(max(len(log.names), 1), dtype=np.bool_)
    flags[list(_known(log, names))] = True
    return flags


def are_crowded(log: EventLog, positions: Ints) -> NDArray[np.bool_]:
    """Whether other events of the user share the instants of some."""
    following = np.minimum(positions + 1, len(log) - 1)
    shares_after = (log.gap[following] == 0) & (following > positions)
    return np.asarray((log.gap[positions] == 0) | shares_after)


def _mask_type(stages: int) -> np.dtype[np.unsignedinteger]:
    return np.min_scalar_type((1 << stages) - 1)


def _known(log: EventLog, names: frozenset[str]) -> Iterator[int]:
    return (log.codes[name] for name in names if name in log.codes)


def _largest_gaps(gap: NDArray[np.int64], positions: Ints) -> NDArray[np.int64]:
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


def _with_any(gap: Ints, named: NDArray[np.bool_], positions: Ints) -> Ints:
    """The rows at whose instant any event is named."""
    instants = np.flatnonzero(gap != 0)
    has = np.zeros(len(instants) + 1, dtype=np.bool_)
    has[instants.searchsorted(np.flatnonzero(named), side="right")] = True
    return np.flatnonzero(has[instants.searchsorted(positions, side="right")])
