"""`Probe`: one user's events under one question, small enough to ask many questions of.

Explaining asks the same few events again and again, each time with one thing changed. The counting
is the kernels', so what a probe says of a user is what the whole funnel says.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from core.analysis import FunnelResult, count_funnel
from core.funnel import Funnel
from core.journeys import Journeys
from core.walk import Rules, Walk, Watch, walk


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
    def depths(self) -> Sequence[int]:
        """The depth of each unit."""
        depths: list[int] = self.result.depths.tolist()
        return depths

    @property
    def units(self) -> range:
        """The units of the user."""
        return range(1 if self.funnel.scope == "users" else len(self.journeys))

    def unit_at(self, place: int) -> int:
        """The unit that an event belongs to."""
        return 0 if self.funnel.scope == "users" else self.journeys.of_position(place)

    def depth_at(self, place: int) -> int:
        """The depth of the unit that an event belongs to."""
        return self.depths[self.unit_at(place)]

    def bounds(self, unit: int) -> tuple[int, int]:
        """The places of a unit's first event and of the one after its last."""
        if self.funnel.scope == "users":
            return 0, len(self.journeys.log)
        return self.journeys.bounds(unit)

    def need(self, place: int, depth: int) -> int | None:
        """The smallest window in which the unit of an event gets to a depth; None if it cannot."""
        start, stop = self.bounds(self.unit_at(place))
        reached = self.result.reached[depth - 1]
        for row, need in zip(reached.units.tolist(), reached.need.tolist(), strict=True):
            if start <= self.result.rows.positions[row] < stop:
                return int(need)
        return None

    def events(self, unit: int) -> tuple[list[int], list[int], list[int]]:
        """The times of a unit's events, the stages each matches, and what else each is."""
        return self.result.rows.events(*self.bounds(unit))

    def walk(self, unit: int, watch: Watch | None = None) -> Walk:
        """Walk a unit event by event; what matched are places in the trail."""
        times, masks, others = self.events(unit)
        found = walk(times, masks, self.stages, self.funnel.window, self.rules, others, watch)
        start = self.bounds(unit)[0]
        return replace(found, matched=[start + row for row in found.matched])

    def name(self, place: int) -> str:
        """The name of an event."""
        log = self.journeys.log
        return log.names[log.name[place]]

    def time(self, place: int) -> int:
        """The time of an event, microseconds since 1970."""
        return int(self.journeys.log.time[place])
