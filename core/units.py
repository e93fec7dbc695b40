"""`Units`: what a funnel counted, numbered, and whose each of them is."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.durations import LONGEST
from core.journeys import gap_limit

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.funnel import Scope
    from core.held import Held
    from core.journeys import Journeys
    from core.log import EventLog
    from core.rows import StageRows

    Ints = NDArray[np.int64]


def unit_limit(scope: Scope, timeout: int | None) -> int:
    """The gap that ends a unit, microseconds: a journey's by its timeout, a user's never."""
    return LONGEST if scope == "users" else gap_limit(timeout)


@dataclass(frozen=True, eq=False)
class Units:
    """The units of a funnel, numbered from 0: by user, by value where one is held, and by time."""

    journeys: Journeys
    """The journeys that the funnel was asked of."""
    rows: StageRows
    """The events that match a stage."""
    scope: Scope
    """What is counted."""
    held: Held | None = None
    """The log of the rows, where a value is held."""
    named: Ints | None = None
    """(units) the stage row that each is named by, ascending. None where every journey or user is
    one."""
    are_attempts: bool = False
    """Whether each is one attempt, named by the row that it begins with."""

    def __len__(self) -> int:
        """How many there are."""
        return len(self.edges if self.named is None else self.named)

    def numbers(self, named: Ints) -> Ints:
        """The numbers of units that are named by a stage row."""
        if self.named is not None:
            return self.named.searchsorted(named)
        return self.edges.searchsorted(self.rows.positions[named], side="right") - 1

    @property
    def log(self) -> EventLog:
        """The log that they are stretches of."""
        return self.held.log if self.held else self.journeys.log

    @cached_property
    def edges(self) -> Ints:
        """Where the journeys or users of the log begin."""
        if self.scope == "users":
            return self.log.offsets[:-1]
        if self.held is None:
            return self.journeys.starts
        return np.flatnonzero(self.log.gap > gap_limit(self.journeys.timeout))

    @cached_property
    def starts(self) -> Ints:
        """(units) the position in the log of each one's first event."""
        if self.named is None:
            return self.edges
        position = self.rows.positions[self.named]
        return position if self.are_attempts else self.edges[self._edge_of(position)]

    @cached_property
    def stops(self) -> Ints:
        """(units) the position after the last event; for an attempt, of its journey or user."""
        stops = np.append(self.edges[1:], len(self.log))
        return stops if self.named is None else stops[self._edge_of(self.starts)]

    @cached_property
    def users(self) -> Ints:
        """(units) the number of each one's user."""
        if self.scope == "users" and self.named is None:
            return np.arange(self.log.users_count)
        number = self.log.offsets.searchsorted(self.starts, side="right") - 1
        return self.held.owner[number] if self.held else number

    @cached_property
    def of_journeys(self) -> Ints:
        """(units) the number of the journey that each one begins in."""
        if self.scope == "journeys" and self.named is None:
            return np.arange(len(self.journeys))
        origin = self.held.origin[self.starts] if self.held else self.starts
        return self.journeys.starts.searchsorted(origin, side="right") - 1

    def deepest(self, depth: NDArray[np.int8]) -> NDArray[np.int8]:
        """(users) the greatest depth of each user's units, 0 for none."""
        result = np.zeros(self.journeys.log.users_count, dtype=np.int8)
        edges = np.flatnonzero(np.diff(self.users, prepend=-1))
        if len(edges):
            result[self.users[edges]] = np.maximum.reduceat(depth, edges)
        return result

    def value(self, position: int) -> str | None:
        """The value that the event at a position of the log carries; None where none is held."""
        return None if self.held is None else self.held.value(position)

    def _edge_of(self, position: Ints) -> Ints:
        return self.edges.searchsorted(position, side="right") - 1
