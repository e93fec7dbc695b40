"""`LocalTrail`: one user's events on columns, cut into journeys, with what each is to the funnel.

Everything that takes time is done when it is made; afterwards each line costs the same, however
many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, overload

import numpy as np

from core.analysis import count_funnel
from core.event import Event
from core.journeys import Journeys
from core.result import FunnelResult
from core.study import Study
from core.timeline import Marks, Session, Unit
from core.units import Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class LocalTrail:
    """A `Trail` on the columns of one user with n events and j journeys."""

    study: Study
    """The question it belongs to."""
    user: str
    """Whose it is."""
    made_of: Journeys
    """The user's journeys."""
    matches: NDArray[np.uint64]
    """(n) the stages that each event fills, as bits."""
    counted: NDArray[np.int8]
    """(n) the stage that each event was counted for, from 0; -1 for none."""
    armed: NDArray[np.int8]
    """(n) after each event, the stage that its unit's counted attempt waits for, from 0; the number
    of stages where none does."""
    start: Ints
    """(n) place of the event that began this attempt; -1 where none has begun yet."""
    left: NDArray[np.bool_]
    """(n) whether a unit left with each event: its last, between the first stage and the last;
    of units that stand among each other, the last event counted."""
    pending: NDArray[np.bool_]
    """(n) likewise, of a unit that could still go on when the data ends."""
    units: tuple[Unit, ...]
    """Those that stand among each other; empty where each has events of its own."""
    unit_of: Ints
    """(2, n) the numbers of the first and the last of them that each event belongs to, from 1; 0
    for none."""
    depths: NDArray[np.int8]
    """(j) the depth of each journey by itself; the study's scope does not matter."""

    def __len__(self) -> int:
        """The number of events."""
        return len(self.made_of.log)

    @property
    def merged_ids(self) -> Sequence[str]:
        """The other ids that were found to be this user."""
        return self.made_of.log.merged_ids(self.user)

    @property
    def sessions(self) -> Sequence[Session]:
        """The journeys in time order."""
        return _Sessions(self)

    @property
    def session_starts(self) -> Ints:
        """(j) the place of each journey's first event."""
        return self.made_of.starts

    def event(self, place: int) -> Event:
        """The event at a place, from 0."""
        return self.events(place, place + 1)[0]

    def events(self, start: int, stop: int) -> Sequence[Event]:
        """The events from a place up to another; their properties are read together."""
        return self.made_of.log.events(start, stop)

    def name(self, place: int) -> str:
        """The name of the event at a place."""
        return self.made_of.log.names[int(self.made_of.log.name[place])]

    def time(self, place: int) -> int:
        """Its time, microseconds since 1970."""
        return int(self.made_of.log.time[place])

    def marks(self, place: int) -> Marks:
        """What an event is to the funnel."""
        stages = len(self.study.stages)
        if not stages:
            return Marks()
        mask, counted = int(self.matches[place]), int(self.counted[place])
        armed, start = int(self.armed[place]), int(self.start[place])
        first, last = self.unit_of[:, place].tolist()
        return Marks(
            matches=tuple(i for i in range(stages) if mask >> i & 1),
            counted=counted if counted >= 0 else None,
            armed=armed if armed < stages else None,
            start=self.time(start) if start >= 0 else None,
            left=bool(self.left[place]),
            pending=bool(self.pending[place]),
            units=(first, last) if first else None,
        )

    def last_counted(self, start: int, count: int, unit: int | None = None) -> int | None:
        """The place of the last event that counted, of so many from a place on; None for none.

        With the number of a unit, of one that counted for it.
        """
        there = slice(start, start + count)
        flags = self.counted[there] >= 0
        if unit is not None:
            first, last = self.unit_of[:, there]
            flags &= (first <= unit) & (unit <= last)
        counted = np.flatnonzero(flags)
        return start + int(counted[-1]) if len(counted) else None

    def density(self, bins: int) -> list[int]:
        """Events in each of so many equal stretches of the user's life."""
        time = self.made_of.log.time
        if not len(time) or bins < 1:
            return [0] * bins
        length = max(int(time[-1] - time[0]), 1)
        place = np.minimum((time - time[0]) / length * bins, bins - 1).astype(np.int64)
        return [int(count) for count in np.bincount(place, minlength=bins)]

    @cached_property
    def stage_places(self) -> Ints:
        """The places of the events that fill a stage, in order."""
        return np.flatnonzero(self.matches)

    def named(self, text: str) -> Ints:
        """The places of the events with a text in their name, in order; case is ignored."""
        log, letters = self.made_of.log, text.casefold()
        has = np.array([letters in name.casefold() for name in log.names], dtype=np.bool_)
        return np.flatnonzero(has[log.name]) if len(log) else np.empty(0, dtype=np.int64)


def make_trail(study: Study, user: str, journeys: Journeys) -> LocalTrail:
    """The trail of a user from the user's journeys."""
    n, funnel = len(journeys.log), study.funnel
    marks = _Columns(n, len(study.stages))
    depths = np.zeros(len(journeys), dtype=np.int8)
    if funnel is not None and n:
        result = count_funnel(journeys, funnel)
        marks.write(result)
        if funnel.scope == "users":
            result = count_funnel(journeys, replace(funnel, scope="journeys"))
        np.maximum.at(depths, result.units.of_journeys, result.depths)
    return LocalTrail(
        study=study,
        user=user,
        made_of=journeys,
        matches=marks.matches,
        counted=marks.counted,
        armed=marks.armed,
        start=marks.start,
        left=marks.left,
        pending=marks.pending,
        units=marks.units,
        unit_of=marks.unit_of,
        depths=depths,
    )


class _Columns:
    """What each of n events is to a funnel of so many stages."""

    def __init__(self, n: int, stages: int) -> None:
        self.matches = np.zeros(n, dtype=np.uint64)
        self.counted = np.full(n, -1, dtype=np.int8)
        self.armed = np.full(n, stages, dtype=np.int8)
        self.start = np.full(n, -1, dtype=np.int64)
        self.left = np.zeros(n, dtype=np.bool_)
        self.pending = np.zeros(n, dtype=np.bool_)
        self.units: tuple[Unit, ...] = ()
        self.unit_of = np.zeros((2, n), dtype=np.int64)

    def write(self, result: FunnelResult) -> None:
        """Mark the events as a funnel of one user came out."""
        units = result.units
        origin = np.arange(len(self.counted)) if units.held is None else units.held.origin
        self.matches[origin[result.rows.positions]] = result.rows.mask
        numbers, places = result.counted_events
        depths, stages = result.depths[numbers], len(places)
        for stage, at in enumerate(places):
            self.counted[origin[at[at >= 0]]] = stage
        if units.named is None:
            end = self._fill(units.starts, units.stops, numbers, places)
        else:
            # Units that stand among each other: only their counted events are told apart.
            for stage, at in enumerate(places):
                reached = at >= 0
                self.armed[origin[at[reached]]] = stage + 1
                self.start[origin[at[reached]]] = origin[places[0, reached]]
            self._tell_units(units, origin, numbers, places)
            end = origin[places[np.maximum(depths, 1) - 1, np.arange(len(numbers))]]
        is_over = (depths > 0) & (depths < stages)
        waits = result.pending[numbers]
        self.left[end[is_over & ~waits]] = True
        self.pending[end[is_over & waits]] = True

    def _tell_units(self, units: Units, origin: Ints, numbers: Ints, places: Ints) -> None:
        """Number the units of one user, and tell whose each event is.

        Attempts at the same value in the same session have numbers that follow one another: those
        that an event counts for are a range, and nothing of another value is in it.
        """
        begun = origin[units.starts]
        whole = units.edges[units.edges.searchsorted(units.starts, side="right") - 1]
        order = np.lexsort((begun, origin[whole]))
        number = np.empty(len(order), dtype=np.int64)
        number[order] = np.arange(1, len(order) + 1)
        time = units.journeys.log.time[begun[order]].tolist()
        values: Sequence[str | None] = [None] * len(order)
        if units.held is not None:
            values = units.held.values(units.starts[order].tolist())
        self.units = tuple(map(Unit, time, values))
        first, last = np.full_like(self.unit_of[0], len(order) + 1), self.unit_of[1]
        if units.named is not None and not units.are_attempts:
            # Every event that matches a stage has a value, whether it counted or not.
            row = np.arange(len(units.rows.positions))
            own = number[units.named.searchsorted(row, side="right") - 1]
            first[origin[units.rows.positions]] = last[origin[units.rows.positions]] = own
        for at in places:
            reached = at >= 0
            np.minimum.at(first, origin[at[reached]], number[numbers[reached]])
            np.maximum.at(last, origin[at[reached]], number[numbers[reached]])
        self.unit_of[0] = np.where(last > 0, first, 0)

    def _fill(self, starts: Ints, stops: Ints, numbers: Ints, places: Ints) -> Ints:
        """Along each unit: how many counted events there have been, and the first of them.

        Returns where those of `numbers` end.
        """
        so_far = np.cumsum(self.counted >= 0)
        before = np.concatenate(([0], so_far))[starts]
        unit = np.repeat(np.arange(len(starts)), stops - starts)
        self.armed[:] = so_far - before[unit]
        first = np.full(len(starts), -1, dtype=np.int64)
        first[numbers] = np.where(places < 0, np.iinfo(np.int64).max, places).min(axis=0)
        self.start[:] = np.where(self.armed > 0, first[unit], -1)
        return stops[numbers] - 1


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
            depth=int(self._trail.depths[number]),
        )
