"""Which stage each unit reached, and the smallest window it needed for that.

The kernels answer for all units at once; the few in which simultaneous events make their order
matter are walked one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

import numpy as np

from core.kernels import Carried, carry, left_to_walk, unit_firsts
from core.rows import StageRows, picked
from core.threads import SLICE, together
from core.walk import ANY_START, Rules, Walk, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Arrivals:
    """The units of a stretch that reached one stage, and their arrivals: one or more of each."""

    units: Ints
    """Each unit, named by its first stage row in the stretch, ascending."""
    edges: Ints
    """The place of each unit's first arrival."""
    needs: Callable[[], Ints] | None
    """The window that each arrival needed, asked only where that matters; None where attempts begin
    and nothing is needed yet."""
    starts: Callable[[], Ints]
    """When the attempt of each arrival began."""

    @classmethod
    def of(cls, units: Ints, need: Ints, start: Ints) -> Self:
        """From units, ascending, each with one arrival: what it needed, and when it began."""
        return cls(units, np.arange(len(units)), lambda: need, lambda: start)

    def need(self) -> Ints:
        """The smallest window each unit needed to get here, in microseconds."""
        if self.needs is None:
            return np.zeros_like(self.units)
        needs = self.needs()
        return np.minimum.reduceat(needs, self.edges) if len(needs) else needs

    def start(self) -> Ints:
        """Time of the latest start, of any attempt of the unit that got here."""
        starts = self.starts()
        return np.maximum.reduceat(starts, self.edges) if len(starts) else starts


@dataclass(frozen=True, eq=False)
class Reached:
    """The units that reached one stage."""

    parts: Sequence[tuple[int, Arrivals]]
    """Stretches, each with the number of its first stage row."""

    @classmethod
    def of(cls, units: Ints, need: Ints, start: Ints) -> Self:
        """From units, ascending: the window each needed, and when its latest attempt began."""
        return cls([(0, Arrivals.of(units, need, start))])

    @cached_property
    def units(self) -> Ints:
        """Each named by its first stage row, ascending."""
        return np.concatenate([part.units + low for low, part in self.parts])

    @cached_property
    def need(self) -> Ints:
        """The smallest window each needed to get here, in microseconds."""
        return self._of_each(Arrivals.need)

    @cached_property
    def start(self) -> Ints:
        """Time of the latest start, of any attempt of the unit that got here."""
        return self._of_each(Arrivals.start)

    def within(self, window: int | None) -> Ints:
        """The units that reached the stage within a window; the edge counts (rule F4)."""
        return self.units if window is None else self.units[self.need <= window]

    def has(self, units: Ints, window: int) -> NDArray[np.bool_]:
        """Whether each of some units reached the stage within a window."""
        if len(self.units) == 0:
            return np.zeros(len(units), dtype=np.bool_)
        place = np.minimum(self.units.searchsorted(units), len(self.units) - 1)
        return np.asarray((self.units[place] == units) & (self.need[place] <= window))

    @cached_property
    def curve(self) -> Ints:
        """The needs in ascending order: a window's count is one binary search."""
        return np.sort(self.need)

    def count(self, window: int | None) -> int:
        """How many units reached the stage within a window."""
        if window is None:
            return sum(len(part.units) for _, part in self.parts)
        return int(np.count_nonzero(self.need <= window))

    def _of_each(self, what: Callable[[Arrivals], Ints]) -> Ints:
        jobs = (partial(what, part) for _, part in self.parts)
        # A stretch has about so many rows.
        return np.concatenate(together(jobs, len(self.parts) * SLICE))


def _begins(unit: Ints) -> NDArray[np.bool_]:
    """Whether each arrival is the first of its unit."""
    result = np.ones(len(unit), dtype=np.bool_)
    np.not_equal(unit[1:], unit[:-1], out=result[1:])
    return result


def reach(rows: StageRows, limit: int, rules: Rules = ANY_START) -> tuple[Reached, ...]:
    """For each stage, the units that reached it.

    A unit ends where the gap to the next event is longer than `limit` microseconds; with a limit
    that only the gap before a user's first event exceeds, units are users.
    """
    jobs = (partial(_reach, part, limit, rules) for _, part in rows.parts)
    found = together(jobs, len(rows))
    lows = [low for low, _ in rows.parts]
    return tuple(Reached(list(zip(lows, stage, strict=True))) for stage in zip(*found, strict=True))


def _reach(rows: StageRows, limit: int, rules: Rules) -> tuple[Arrivals, ...]:
    """The same in one stretch."""
    first = unit_firsts(rows, limit)
    # Each stage by the exclusions that bind there: most often the same for all.
    binding = [rules.binding(stage) for stage in range(len(rows.at))]
    by_rules = {each: carry(rows, first, each) for each in dict.fromkeys(binding)}
    answer = tuple(
        _arrivals(rows, first, by_rules[each][stage]) for stage, each in enumerate(binding)
    )
    units = left_to_walk(rows, first, rules)
    return _walked(rows, first, units, answer, rules) if len(units) else answer


def _arrivals(rows: StageRows, first: Ints, carried: Carried) -> Arrivals:
    """The units of the rows that an attempt has reached."""
    here, start = carried
    unit = picked(first, here)
    edges = np.flatnonzero(_begins(unit))

    def needs() -> Ints:
        return rows.times(here) - rows.times(start)

    return Arrivals(
        units=picked(unit, edges),
        edges=edges,
        needs=None if start is here else needs,
        starts=lambda: rows.times(start),
    )


def _walked(
    rows: StageRows,
    first: Ints,
    units: Ints,
    answer: Sequence[Arrivals],
    rules: Rules,
) -> tuple[Arrivals, ...]:
    """The answer, with some units walked one by one instead."""
    ends = np.searchsorted(first, units, side="right").tolist()
    walks = [
        walk_unit(rows, unit, end, None, rules)
        for unit, end in zip(units.tolist(), ends, strict=True)
    ]
    result = []
    for stage, reached in enumerate(answer):
        simple = ~np.isin(reached.units, units, assume_unique=True)
        arrived = [i for i, found in enumerate(walks) if len(found.needs) > stage]
        need = np.array([walks[i].needs[stage] for i in arrived], dtype=np.int64)
        start = np.array([walks[i].starts[stage] for i in arrived], dtype=np.int64)
        together = np.concatenate((reached.units[simple], units[arrived]))
        order = np.argsort(together)
        result.append(
            Arrivals.of(
                together[order],
                np.concatenate((reached.need()[simple], need))[order],
                np.concatenate((reached.start()[simple], start))[order],
            )
        )
    return tuple(result)


@dataclass(frozen=True, slots=True)
class UnitEvents:
    """The events of a unit that matter to a walk, in time order."""

    positions: Sequence[int]
    """Where each stands in the log."""
    times: list[int]
    """When, microseconds since 1970."""
    masks: list[int]
    """The stages each matches."""
    others: list[int]
    """What else each is, as `walk` takes it; empty where nothing else matters."""


def unit_events(rows: StageRows, unit: int, end: int, rules: Rules) -> UnitEvents:
    """The events of the unit with the stage rows from `unit` up to `end`."""
    if rules.order != "strict" and not rules.exclusions:
        here = slice(unit, end)
        columns = (rows.positions[here], rows.times(here), rows.mask[here])
        positions, times, masks = (column.tolist() for column in columns)
        return UnitEvents(positions, times, masks, [])
    low, high = int(rows.positions[unit:end].min()), int(rows.positions[unit:end].max()) + 1
    # Other events at the same instants can matter; those of other units cannot.
    while low > 0 and rows.log.gap[low] == 0:
        low -= 1
    while high < len(rows.log) and rows.log.gap[high] == 0:
        high += 1
    return UnitEvents(range(low, high), *rows.events(low, high))


def user_events(rows: StageRows, row: int) -> UnitEvents:
    """All events of the user of a stage row."""
    user = rows.log.user_of(int(rows.positions[row]))
    start, stop = rows.log.offsets[user : user + 2].tolist()
    return UnitEvents(range(start, stop), *rows.events(start, stop))


def walk_unit(rows: StageRows, unit: int, end: int, window: int | None, rules: Rules) -> Walk:
    """Walk the unit with the stage rows from `unit` up to `end`; what matched are log positions."""
    events = unit_events(rows, unit, end, rules)
    found = walk(events.times, events.masks, len(rows.at), window, rules, events.others)
    return found.moved(events.positions)


def depths(
    reached: Sequence[Reached], window: int | None, least: int = 1
) -> tuple[Ints, NDArray[np.int8]]:
    """The units that reached the stage `least`, from 1, and the depth of each within a window."""
    units = [stage.within(window) for stage in reached[least - 1 :]]
    first, *later = units or [reached[0].units[:0]]
    depth = np.full(len(first), least, dtype=np.int8)
    for number, deeper in enumerate(later, least + 1):
        depth[first.searchsorted(deeper)] = number
    return first, depth


def without(units: Ints, depth: NDArray[np.int8], removed: Ints) -> tuple[Ints, NDArray[np.int8]]:
    """Units and their depths, some units taken out."""
    stays = ~np.isin(units, removed, assume_unique=True)
    return units[stays], depth[stays]


def shallower(reached: Sequence[Reached], free: Sequence[Reached], window: int | None) -> Ints:
    """The units that got deeper in `free` than in `reached`, ascending."""
    # Removing exclusions only ever adds units and depth.
    missing = (
        np.setdiff1d(more.within(window), here.within(window), assume_unique=True)
        for here, more in zip(reached, free, strict=True)
    )
    return np.unique(np.concatenate(list(missing)))
