"""The kernels: which stage each unit reached, and the smallest window it needed for that.

They see only the rows that match a stage. For each stage they keep the *latest start* that has
reached it: any attempt that began earlier needs a longer window for the same stages, so it can be
forgotten. A start is the index of a stage row, which grows with user and time; so "the latest start
before this row" is a running maximum, and it belongs to the row's unit exactly when it is not less
than the unit's first row.

Events at the same instant may be taken in either order (rule F2). Among rows that match one stage
each, sorting by stage makes that true. Only where one of them matches several stages does the order
matter, and the units that hold such a knot are walked one by one.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.walk import walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog

Mask = np.unsignedinteger
"""A set of stages as bits: stage i is bit i."""


@dataclass(frozen=True, eq=False)
class StageRows:
    """The m events that match at least one of s stages, by user, time and stage.

    They do not depend on the session timeout, the window or the scope.
    """

    positions: NDArray[np.int64]
    """(m) where each stands in the log."""
    time: NDArray[np.int64]
    """(m) microseconds since 1970."""
    gap: NDArray[np.int64]
    """(m) the largest gap of the log since the stage row before it: where it exceeds the session
    timeout, a new journey has begun in between."""
    mask: NDArray[Mask]
    """(m) the stages each matches."""
    at: tuple[NDArray[np.int64], ...]
    """(s) for each stage, the indices of the rows that match it."""
    before: tuple[NDArray[np.int64], ...]
    """(s) for each stage and each of its rows, the place in `at` of the stage before it of the last
    row that stands earlier; -1 for none. Empty for the first stage."""
    knots: NDArray[np.int64]
    """First rows of the groups of simultaneous rows of which one matches several stages."""


@dataclass(frozen=True, eq=False)
class Reached:
    """The units that reached one stage, each named by the index of its first stage row."""

    units: NDArray[np.int64]
    """Ascending."""
    need: NDArray[np.int64]
    """The smallest window each needed to get here, in microseconds."""

    def within(self, window: int | None) -> NDArray[np.int64]:
        """The units that reached the stage within a window; the edge counts (rule F4)."""
        return self.units if window is None else self.units[self.need <= window]

    @cached_property
    def curve(self) -> NDArray[np.int64]:
        """The needs in ascending order: a window's count is one binary search."""
        return np.sort(self.need)

    def count(self, window: int | None) -> int:
        """How many units reached the stage within a window."""
        if window is None:
            return len(self.units)
        return int(self.curve.searchsorted(window, side="right"))


def stage_rows(log: EventLog, stages: Sequence[frozenset[str] | None]) -> StageRows:
    """Find the rows of a log that match stages, each given as its names, or None for any event."""
    bits = np.zeros(max(len(log.names), 1), dtype=_mask_type(len(stages)))
    for number, names in enumerate(stages):
        matching = range(len(log.names)) if names is None else _known(log, names)
        bits[list(matching)] |= bits.dtype.type(1 << number)
    # One byte an event to select by, then everything else over stage rows only.
    positions = np.flatnonzero((bits != 0)[log.name])
    mask = bits[log.name[positions]]
    time = log.time[positions]
    gap = _largest_gaps(log.gap, positions)
    positions, mask, knots = _untie(positions, mask, gap)
    at = tuple(np.flatnonzero(mask & mask.dtype.type(1 << i)) for i in range(len(stages)))
    before = [np.empty(0, dtype=np.int64)]
    for previous, rows in pairwise(at):
        before.append(np.searchsorted(previous, rows) - 1)
    return StageRows(positions, time, gap, mask, at, tuple(before[: len(at)]), knots)


def reach(rows: StageRows, limit: int) -> tuple[Reached, ...]:
    """For each stage, the units that reached it in order, from every possible start (rule F1).

    A unit ends where the gap to the next event is longer than `limit` microseconds; with a limit
    that only the gap before a user's first event exceeds, units are users.
    """
    begins = rows.gap > limit
    first = np.maximum.accumulate(np.where(begins, np.arange(len(begins)), 0))
    answer: list[Reached] = []
    start = rows.at[0]
    answer.append(_per_unit(first[start], np.zeros(len(start), dtype=np.int64)))
    for stage in range(1, len(rows.at)):
        here, before = rows.at[stage], rows.before[stage]
        latest = np.maximum.accumulate(start) if len(start) else np.full(1, -1)
        start = np.where(before >= 0, latest[before], -1)
        start[start < first[here]] = -1
        arrived = np.flatnonzero(start >= 0)
        need = rows.time[here[arrived]] - rows.time[start[arrived]]
        answer.append(_per_unit(first[here[arrived]], need))
    knotted = np.unique(first[rows.knots])
    return _walked(rows, begins, knotted, answer) if len(knotted) else tuple(answer)


def depths(
    reached: Sequence[Reached], window: int | None
) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
    """The units that reached the first stage, and the depth of each within a window."""
    units = reached[0].units
    depth = np.ones(len(units), dtype=np.int8)
    for number, stage in enumerate(reached[1:], 2):
        depth[np.searchsorted(units, stage.within(window))] = number
    return units, depth


def unit_rows(rows: StageRows, limit: int, unit: int) -> slice:
    """The stage rows of the unit whose first one is at `unit`."""
    later = np.flatnonzero(rows.gap[unit + 1 :] > limit)
    return slice(unit, unit + 1 + int(later[0]) if len(later) else len(rows.gap))


def _mask_type(stages: int) -> np.dtype[np.unsignedinteger]:
    return np.min_scalar_type((1 << stages) - 1)


def _known(log: EventLog, names: frozenset[str]) -> Iterator[int]:
    return (log.codes[name] for name in names if name in log.codes)


def _largest_gaps(gap: NDArray[np.int64], positions: NDArray[np.int64]) -> NDArray[np.int64]:
    if len(positions) == 0:
        return np.empty(0, dtype=np.int64)
    segments = np.concatenate(([0], positions[:-1] + 1))
    return np.maximum.reduceat(gap[: positions[-1] + 1], segments)


def _untie(
    positions: NDArray[np.int64], mask: NDArray[Mask], gap: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[Mask], NDArray[np.int64]]:
    """Put simultaneous rows of a user in the order of their stages, and find the knots."""
    tied = np.flatnonzero(gap == 0)
    if len(tied) == 0:
        return positions, mask, tied
    group = np.cumsum(gap != 0)
    members = np.union1d(tied, tied - 1)
    order = members[np.lexsort((mask[members], group[members]))]
    positions, mask = positions.copy(), mask.copy()
    positions[members], mask[members] = positions[order], mask[order]
    several = members[(mask[members] & (mask[members] - 1)) != 0]
    firsts = np.flatnonzero(gap != 0)
    return positions, mask, np.unique(firsts[group[several] - 1])


def _per_unit(unit: NDArray[np.int64], need: NDArray[np.int64]) -> Reached:
    """The smallest need of each unit; `unit` is ascending and may repeat."""
    if len(unit) == 0:
        return Reached(unit, need)
    changes = np.flatnonzero(np.concatenate(([True], unit[1:] != unit[:-1])))
    return Reached(unit[changes], np.minimum.reduceat(need, changes))


def _walked(
    rows: StageRows,
    begins: NDArray[np.bool_],
    knotted: NDArray[np.int64],
    answer: Sequence[Reached],
) -> tuple[Reached, ...]:
    """The answer with the units that hold a knot walked one by one."""
    edges = np.append(np.flatnonzero(begins), len(begins))
    ends = edges[np.searchsorted(edges, knotted, side="right")]
    needs = [
        walk(rows.time[unit:end].tolist(), rows.mask[unit:end].tolist(), len(answer)).needs
        for unit, end in zip(knotted.tolist(), ends.tolist(), strict=True)
    ]
    result = []
    for stage, reached in enumerate(answer):
        simple = ~np.isin(reached.units, knotted, assume_unique=True)
        arrived = [i for i, need in enumerate(needs) if len(need) > stage]
        units = np.concatenate((reached.units[simple], knotted[arrived]))
        need = np.concatenate(
            (reached.need[simple], np.array([needs[i][stage] for i in arrived], dtype=np.int64))
        )
        order = np.argsort(units)
        result.append(Reached(units[order], need[order]))
    return tuple(result)


def zero_depths(units: int) -> NDArray[np.int8]:
    """A depth of 0 for each unit."""
    return np.zeros(units, dtype=np.int8)


def deepest(depth: NDArray[np.int8], edges: NDArray[np.int64]) -> NDArray[np.int8]:
    """The largest depth of each group; group i is from edges[i] up to edges[i + 1], never empty."""
    return np.maximum.reduceat(depth, edges[:-1]) if len(edges) > 1 else depth[:0]
