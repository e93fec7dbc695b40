"""`Probe`: one user's events under one question, small enough to ask many questions of.

Explaining asks the same few events again and again, each time with one thing changed. The counting
is the kernels', so what a probe says of a user is what the whole funnel says.
"""

from __future__ import annotations

import bisect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import pairwise
from typing import Any

from core.analysis import count_funnel
from core.errors import QuestionError
from core.funnel import Funnel
from core.journeys import Journeys
from core.result import FunnelResult
from core.walk import Rules, Walk, Watch, seats, walk

MOST_TRIED = 64
"""Values of one kind that are tried one by one, where no search can skip any."""


@dataclass(frozen=True, eq=False)
class Probe:
    """A question about one user. Units are numbered from 0, events by their place in the trail."""

    journeys: Journeys
    """The user's."""
    funnel: Funnel
    """What is asked of them."""

    def asking(self, **changes: Any) -> Probe:
        """The same user under another question: fields of `Funnel`, or a `timeout`.

        Raises QuestionError for a question that makes no sense.
        """
        journeys = self.journeys
        if "timeout" in changes:
            journeys = replace(journeys, timeout=changes.pop("timeout"), forced=None)
        return Probe(journeys, replace(self.funnel, **changes))

    @property
    def stages(self) -> int:
        """How many stages the funnel has."""
        return len(self.funnel.stages)

    @property
    def rules(self) -> Rules:
        """How attempts are matched, with all exclusions in force."""
        return self.funnel.rules(self.funnel.exclude())

    @cached_property
    def result(self) -> FunnelResult:
        """What the kernels say."""
        return count_funnel(self.journeys, self.funnel)

    @cached_property
    def units(self) -> Sequence[range | list[int]]:
        """The places of each unit's events. Attempts are no units here: they are their unit's."""
        units = self.result.units
        edges = [*units.edges.tolist(), len(units.log)]
        stretches = [range(start, stop) for start, stop in pairwise(edges)]
        if units.held is None:
            return stretches
        origin: list[int] = units.held.origin.tolist()
        return [origin[stretch.start : stretch.stop] for stretch in stretches]

    @cached_property
    def depths(self) -> Sequence[int]:
        """The depth of each unit; where attempts are counted, of its deepest."""
        units, depths = self.result.units, [0] * len(self.units)
        stretches = units.edges.searchsorted(units.starts, side="right") - 1
        for unit, depth in zip(stretches.tolist(), self.result.depths.tolist(), strict=True):
            depths[unit] = max(depths[unit], depth)
        return depths

    def unit_at(self, place: int) -> int:
        """The unit that an event belongs to."""
        return self._unit_of[place] if self.result.units.held else self._stretch(place)

    @cached_property
    def _unit_of(self) -> dict[int, int]:
        return {place: unit for unit, places in enumerate(self.units) for place in places}

    def _stretch(self, position: int) -> int:
        return int(self.result.units.edges.searchsorted(position, side="right")) - 1

    def depth_at(self, place: int) -> int:
        """The depth of the unit that an event belongs to."""
        return self.depths[self.unit_at(place)]

    def bounds(self, unit: int) -> tuple[int, int]:
        """Where a unit's events begin and end in the log of the stage rows."""
        edges = self.result.units.edges
        stop = edges[unit + 1] if unit + 1 < len(edges) else len(self.result.units.log)
        return int(edges[unit]), int(stop)

    def need(self, place: int, depth: int) -> int | None:
        """The smallest window in which the unit of an event gets to a depth; None if it cannot."""
        start, stop = self.bounds(self.unit_at(place))
        reached = self.result.reached[depth - 1]
        positions = self.result.rows.positions[reached.units]
        return min(reached.need[(start <= positions) & (positions < stop)].tolist(), default=None)

    def events(self, unit: int) -> tuple[list[int], list[int], list[int]]:
        """The times of a unit's events, the stages each matches, and what else each is.

        Where attempts are counted one after another, events that begin none do not match the first
        stage.
        """
        start, stop = self.bounds(unit)
        times, masks, others = self.result.rows.events(start, stop)
        if self.funnel.attempts == "mixpanel":
            begins = set(self.result.units.starts.tolist())
            masks = [mask if start + i in begins else mask & ~1 for i, mask in enumerate(masks)]
        return times, masks, others

    def walk(self, unit: int, watch: Watch | None = None) -> Walk:
        """Walk a unit event by event; what matched are places in the trail."""
        times, masks, others = self.events(unit)
        found = walk(times, masks, self.stages, self.funnel.window, self.rules, others, watch)
        return found.moved(self.units[unit])

    def name(self, place: int) -> str:
        """The name of an event."""
        log = self.journeys.log
        return log.names[int(log.name[place])]

    def time(self, place: int) -> int:
        """The time of an event, microseconds since 1970."""
        return int(self.journeys.log.time[place])


@dataclass(frozen=True, eq=False)
class Aim:
    """A unit that did not convert, and how deep it should get."""

    probe: Probe
    """The question as it was asked."""
    place: int
    """An event of the unit: its counted start, if it has one."""
    user: str
    """Whose it is."""
    goal: int
    """The depth it should get to."""

    @property
    def funnel(self) -> Funnel:
        """The funnel as it was asked."""
        return self.probe.funnel

    @property
    def names(self) -> Mapping[str, int]:
        """The names that occur in the data, anybody's."""
        return self.probe.journeys.log.codes

    @cached_property
    def unit(self) -> int:
        """The number of the unit."""
        return self.probe.unit_at(self.place)

    @cached_property
    def matched(self) -> Sequence[int]:
        """The places of the counted attempt."""
        return self.probe.walk(self.unit).matched

    def reached(self, changes: Mapping[str, Any], goal: int | None = None) -> Probe | None:
        """The question with a change, if the unit then gets where it should."""
        try:
            probe = self.probe.asking(**changes)
        except QuestionError:
            return None
        return probe if probe.depth_at(self.place) >= (goal or self.goal) else None

    def matched_in(self, probe: Probe) -> Sequence[int]:
        """The places of the unit's counted attempt, up to the goal, under another question."""
        return probe.walk(probe.unit_at(self.place)).matched[: self.goal]

    def seated_in(self, probe: Probe) -> dict[int, int]:
        """The same by the stage that each is matched to, which in any order their places hide."""
        if probe.funnel.order != "any":
            return dict(enumerate(self.matched_in(probe)))
        unit = probe.unit_at(self.place)
        mask_of = dict(zip(probe.units[unit], probe.events(unit)[1], strict=True))
        return seats(self.matched_in(probe), mask_of, probe.stages)

    def least(self, values: Sequence[int], works: Callable[[int], bool]) -> int | None:
        """The first of some values, from mild to strong, that works."""
        if self.funnel.start == "first":
            # A stronger change may bring in an event that spoils what a milder one does.
            return next((value for value in values[:MOST_TRIED] if works(value)), None)
        first = bisect.bisect_left(values, True, key=works)
        return values[first] if first < len(values) else None

    def starts(self) -> list[int]:
        """The places of the unit's events that match the first stage."""
        own = set(self.probe.units[self.unit])
        return [place for place in self.places(0) if place in own]

    def places(self, stage: int) -> list[int]:
        """The places of all events of the user, in any unit, that match a stage."""
        result = self.probe.result
        positions = result.rows.positions[result.rows.at[stage]]
        held = result.units.held
        places: list[int] = (held.origin[positions] if held else positions).tolist()
        return sorted(places)

    def is_unknown(self, stage: int) -> bool:
        """Whether no event of the data, anybody's, has a name of a stage."""
        any_of = self.funnel.stages[stage].any_of
        return bool(any_of) and not any(name in self.names for name in any_of)
