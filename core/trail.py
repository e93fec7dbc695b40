"""`LocalTrail`: one user's events on columns, cut into journeys; lines are made when asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import overload

import numpy as np

from core.depth import walk_unit
from core.engine import Marks, Session
from core.event import Event
from core.funnel import Scope
from core.journeys import Journeys
from core.rows import StageRows
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
    rows: StageRows
    """The user's events that match a stage."""
    cut_rows: StageRows
    """The same, with the gaps where a journey rule cuts."""
    pending: bool
    """Whether the user, counted as one, could still go on when the data ends."""

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
        mask = self._mask_of.get(place, 0)
        stage, is_end = self._counted.get(place, (None, False))
        return Marks(
            matches=tuple(i for i in range(len(self.rows.at)) if mask >> i & 1),
            counted=stage,
            left=is_end and not self.pending,
            pending=is_end and self.pending,
        )

    def depth(self, journey: int) -> int:
        """The depth of one journey by itself, counted from 0; the study's scope does not matter."""
        return self._journey_depths[journey]

    @cached_property
    def _mask_of(self) -> dict[int, int]:
        """The stages that the event at a place matches."""
        return dict(zip(self.rows.positions.tolist(), self.rows.mask.tolist(), strict=True))

    @cached_property
    def _counted(self) -> dict[int, tuple[int, bool]]:
        """By place: the stage of each counted event, and whether its attempt ended there."""
        result = {}
        for matched in self._walks(self.study.scope):
            for stage, place in enumerate(matched):
                result[place] = (stage, stage + 1 == len(matched) < len(self.rows.at))
        return result

    @cached_property
    def _journey_depths(self) -> list[int]:
        depths = [0] * len(self.made_of)
        for matched in self._walks("journeys"):
            if matched:
                depths[self.made_of.of_position(matched[0])] = len(matched)
        return depths

    def _walks(self, scope: Scope) -> Iterator[list[int]]:
        """The places of the events of each unit's counted attempt."""
        funnel = self.study.funnel
        if funnel is None:
            return
        rules = funnel.rules(funnel.exclude())
        rows = self.rows if scope == "users" else self.cut_rows
        limit = unit_limit(scope, self.made_of.timeout)
        edges = [*np.flatnonzero(rows.gap > limit).tolist(), len(rows.gap)]
        for start, stop in pairwise(edges):
            yield walk_unit(rows, start, stop, self.study.window, rules).matched


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
