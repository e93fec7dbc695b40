"""`LocalTrail`: one user's events on columns, cut into journeys; lines are made when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np

from core.analysis import FunnelResult, count_funnel
from core.depth import walk_unit
from core.engine import Marks, Session
from core.event import Event
from core.journeys import Journeys
from core.kernels import unit_firsts
from core.study import Study
from core.units import unit_limit


@dataclass(frozen=True, eq=False)
class LocalTrail:
    """A `Trail` on the columns of one user."""

    study: Study
    """The question it belongs to."""
    user: str
    """Whose it is."""
    made_of: Journeys
    """The user's journeys."""

    def __len__(self) -> int:
        """The number of events."""
        return len(self.made_of.log)

    @property
    def sessions(self) -> Sequence[Session]:
        """The journeys in time order."""
        return _Sessions(self)

    def event(self, place: int) -> Event:
        """The event at a place, from 0."""
        return self.made_of.log.events(place, place + 1)[0]

    def marks(self, place: int) -> Marks:
        """What an event is to the funnel."""
        return self._marks.get(place, Marks())

    def depth(self, journey: int) -> int:
        """The depth of one journey by itself, counted from 0; the study's scope does not matter."""
        return self._journey_depths[journey]

    @cached_property
    def _result(self) -> FunnelResult | None:
        funnel = self.study.funnel
        return None if funnel is None else count_funnel(self.made_of, funnel)

    @cached_property
    def _marks(self) -> dict[int, Marks]:
        """By place, the marks of the events that match a stage."""
        if self._result is None:
            return {}
        rows, held, marks = self._result.rows, self._result.units.held, dict[int, Marks]()
        for position, mask in zip(rows.positions.tolist(), rows.mask.tolist(), strict=True):
            marks[position] = Marks(tuple(i for i in range(len(rows.at)) if mask >> i & 1))
        depths, pending = self._result.depths.tolist(), self._result.pending.tolist()
        for unit, matched in self._matched(self._result):
            is_short = 0 < depths[unit] < len(rows.at)
            for stage, position in enumerate(matched):
                ends = is_short and stage + 1 == len(matched)
                marks[position] = replace(
                    marks[position],
                    counted=stage,
                    left=ends and not pending[unit],
                    pending=ends and pending[unit],
                )
        if held is None:
            return marks
        return {int(held.origin[position]): each for position, each in marks.items()}

    def _matched(self, result: FunnelResult) -> Iterator[tuple[int, list[int]]]:
        """The number of each unit, and the positions of what its counted attempt matched."""
        rows, units, window = result.rows, result.units, result.funnel.window
        if result.tried and units.named is not None:
            for number, start in enumerate(units.named.tolist()):
                yield number, result.tried.matched(start, window)
            return
        rules = result.funnel.rules(result.funnel.exclude())
        edges = np.unique(unit_firsts(rows, unit_limit(units.scope, self.made_of.timeout)))
        ends = [*edges.tolist(), len(rows.gap)][1:]
        numbers = units.numbers(edges).tolist()
        for number, start, stop in zip(numbers, edges.tolist(), ends, strict=True):
            yield number, walk_unit(rows, start, stop, window, rules).matched

    @cached_property
    def _journey_depths(self) -> list[int]:
        depths, result = np.zeros(len(self.made_of), dtype=np.int8), self._result
        if result and result.funnel.scope == "users":
            result = count_funnel(self.made_of, replace(result.funnel, scope="journeys"))
        if result:
            np.maximum.at(depths, result.units.of_journeys, result.depths)
        return [int(depth) for depth in depths]


class _Sessions(Sequence[Session]):
    """A trail's journeys, made as they are asked for."""

    def __init__(self, trail: LocalTrail) -> None:
        self._trail = trail

    def __len__(self) -> int:
        return len(self._trail.made_of)

    @overload
    def __getitem__(self, index: int) -> Session: ...
    @overload
    def __getitem__(self, index: slice) -> list[Session]: ...
    def __getitem__(self, index: int | slice) -> Session | list[Session]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        start, stop = self._trail.made_of.bounds(number)
        time = self._trail.made_of.log.time
        return Session(
            index=number + 1,
            first_event=start,
            event_count=stop - start,
            start=int(time[start]),
            end=int(time[stop - 1]),
            depth=self._trail.depth(number),
        )
