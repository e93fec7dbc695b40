"""`LocalTrail`: one user's events on columns, cut into journeys; lines are made when asked for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import overload

import numpy as np

from core.analysis import count_funnel
from core.engine import Marks, Session
from core.event import Event
from core.journeys import Journeys
from core.result import FunnelResult
from core.study import Study


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
        result = self._result
        if result is None:
            return {}
        rows, stages = result.rows, len(result.rows.at)
        marks = {
            position: Marks(tuple(i for i in range(stages) if mask >> i & 1))
            for position, mask in zip(rows.positions.tolist(), rows.mask.tolist(), strict=True)
        }
        numbers, counted = result.counted_events
        pending = result.pending[numbers].tolist()
        for attempt, waits in zip(counted.T.tolist(), pending, strict=True):
            matched = [position for position in attempt if position >= 0]
            for stage, position in enumerate(matched):
                ends = stage + 1 == len(matched) < stages
                marks[position] = replace(
                    marks[position], counted=stage, left=ends and not waits, pending=ends and waits
                )
        held = result.units.held
        return {int(held.origin[place]): mark for place, mark in marks.items()} if held else marks

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
