"""One user's events as a face sees them: sessions, units counted, and the marks of each event."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from core.event import Event
from core.study import Study

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Session:
    """One journey inside a trail."""

    index: int
    """Which of the user's journeys it is, from 1."""
    first_event: int
    """Place in the trail of its first event."""
    event_count: int
    """Its events."""
    start: int
    """Time of the first, microseconds since 1970."""
    end: int
    """Time of the last."""
    depth: int
    """The deepest stage the journey reached by itself, from 1; 0 for none."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One of several things counted that stand among each other in a trail."""

    start: int
    """Time of its first event, microseconds since 1970."""
    held: str | None
    """The value that its events share, where one is held constant."""


@dataclass(frozen=True, slots=True)
class Marks:
    """What an event is to the funnel."""

    matches: tuple[int, ...] = ()
    """The stages its name fills, from 0."""
    counted: int | None = None
    """The stage it was counted for in its unit's counted attempt; None when it was not."""
    armed: int | None = None
    """The stage that the counted attempt of its unit waits for after it; None once it is complete,
    or where there is no funnel."""
    start: int | None = None
    """When that attempt began, microseconds since 1970; None while it has not."""
    left: bool = False
    """Whether its unit left with it: its last event, short of the last stage but past the first."""
    pending: bool = False
    """Whether its unit stands here and could still go on when the data ends."""
    units: tuple[int, int] | None = None
    """The numbers, from 1, of the first and the last of the trail's `units` that it belongs to;
    None where it belongs to none, or where they do not stand among each other."""


class Trail(Protocol):
    """All events of one user, cut into journeys; lines are made as they are asked for."""

    @property
    def study(self) -> Study:
        """The question it belongs to."""
        ...

    @property
    def user(self) -> str:
        """Whose it is."""
        ...

    @property
    def merged_ids(self) -> Sequence[str]:
        """The other ids that were found to be this user."""
        ...

    @property
    def sessions(self) -> Sequence[Session]:
        """The journeys in time order."""
        ...

    @property
    def session_starts(self) -> NDArray[np.int64]:
        """(journeys) the place of each journey's first event."""
        ...

    def __len__(self) -> int:
        """The number of events."""
        ...

    def event(self, place: int) -> Event:
        """The event at a place, from 0."""
        ...

    def events(self, start: int, stop: int) -> Sequence[Event]:
        """The events from a place up to another; their properties are read together.

        Looking at properties raises SourceError when their file has changed since.
        """
        ...

    def name(self, place: int) -> str:
        """The name of the event at a place."""
        ...

    def time(self, place: int) -> int:
        """Its time, microseconds since 1970."""
        ...

    def marks(self, place: int) -> Marks:
        """What an event is to the funnel."""
        ...

    @property
    def units(self) -> Sequence[Unit]:
        """What is counted of the user where units stand among each other: attempts, and what shares
        a value that is held constant; by start, and attempts at the same value together. Empty
        where each has events of its own.
        """
        ...

    def last_counted(self, start: int, count: int, unit: int | None = None) -> int | None:
        """The place of the last event that counted, of so many from a place on; None for none.

        With the number of a unit, from 1, of one that counted for it.
        """
        ...

    def density(self, bins: int) -> list[int]:
        """Events in each of so many equal stretches of the user's life."""
        ...

    @property
    def stage_places(self) -> NDArray[np.int64]:
        """The places of the events that fill a stage, in order."""
        ...

    def named(self, text: str) -> NDArray[np.int64]:
        """The places of the events with a text in their name, in order; case is ignored."""
        ...
