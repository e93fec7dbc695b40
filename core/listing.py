"""Lists of users, or of what a funnel counts: which of them a cohort holds, in which order.

Everything is columns over the lines; rows are made for the stretch that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.aftermath import Aftermath
from core.cohort import Cohort, Filter, Has, Part
from core.engine import Sort, UserRow
from core.journeys import Journeys
from core.result import FunnelResult
from core.rows import Selection, find_rows
from core.stage import Stage
from core.units import Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Listing:
    """A list before it is put in order. Its lines are numbers: of users, or of a funnel's units."""

    made_of: Journeys
    """The journeys of everybody."""
    result: FunnelResult | None
    """How the funnel came out; None without one."""
    cohort: Cohort
    """Who is listed."""
    after: Callable[[int], Aftermath]
    """What units did after a stage."""

    @cached_property
    def units(self) -> Units | None:
        """The units that are listed; None in a list of users."""
        if self.result is None or not self.cohort.is_of_units:
            return None
        units = self.result.units
        return None if units.scope == "users" and units.named is None else units

    def lines(self) -> Ints:
        """The lines that every filter holds, ascending."""
        inside = np.ones(self._count, dtype=np.bool_)
        for each in self.cohort.filters:
            inside &= self._holds(each)
        return np.flatnonzero(inside)

    def users(self, lines: Ints) -> Ints:
        """The user number of each line."""
        return lines if self.units is None else self.units.users[lines]

    def in_order(self, lines: Ints, sort: Sort) -> Ints:
        """The lines in an order; those with equal keys stay as they stand."""
        keys = self._keys(lines, sort)
        return lines[np.argsort(-keys if sort.descending else keys, kind="stable")]

    def are_of(self, user: int, journey: int | None, lines: Ints) -> Flags:
        """Which lines are a user's; of a list of journeys those of one, if the user has so many."""
        is_own: Flags = self.users(lines) == user
        if self.units is None or self.units.scope == "users":
            return is_own
        first, after = (self.made_of.first_of_user(number) for number in (user, user + 1))
        if journey is None or first + journey > after:
            return is_own
        is_its: Flags = self.units.of_journeys[lines] == first + journey - 1
        return is_its

    def rows(self, lines: Ints) -> Iterable[UserRow]:
        """The rows of some lines."""
        log, users, units = self.made_of.log, self.users(lines), self.units
        start, stop, time = self._bounds(lines)
        first_journey = self._journey_edges[users]
        journeys: list[int | None] = [None] * len(lines)
        if units is not None and units.scope == "journeys":
            journeys = (units.of_journeys[lines] - first_journey + 1).tolist()
        held: list[str | None] = [None] * len(lines)
        if units is not None and units.held is not None:
            held = list(units.held.values(start.tolist()))
        columns = zip(
            log.users[users].tolist(),
            journeys,
            (self._journey_edges[users + 1] - first_journey).tolist(),
            (stop - start).tolist(),
            time[start].tolist(),
            time[stop - 1].tolist(),
            self._depths[lines].tolist(),
            held,
            self._pending[lines].tolist(),
            strict=True,
        )
        for user, *rest in columns:
            yield UserRow(str(user), *rest)

    def _holds(self, each: Filter) -> Flags:
        """(lines) whether a filter holds."""
        if isinstance(each, Has):
            return self._has(each.event)
        if self.result is None or each.stage >= len(self.result.reached):
            return np.zeros(self._count, dtype=np.bool_)
        if isinstance(each, Part):
            return self._part(self.result, each)
        flags = np.zeros(self._count, dtype=np.bool_)
        after = self.after(each.stage)
        flags[after.units] = after.holds(each)
        return flags

    def _has(self, event: Stage) -> Flags:
        log = self.made_of.log if self.units is None else self.units.log
        rows = find_rows(log, Selection((event.names,), (event.where,)))
        places = np.sort(rows.positions)
        start, stop, _ = self._bounds(np.arange(self._count))
        # Some unit may begin inside another: an attempt, which goes on to its journey's end.
        flags: Flags = places.searchsorted(stop) > places.searchsorted(start)
        return flags

    def _part(self, result: FunnelResult, part: Part) -> Flags:
        least, most = part.depths
        inside: Flags = (result.depths >= least) & (result.depths <= most)
        if part.kind in ("left", "pending"):
            inside &= result.pending == (part.kind == "pending")
            if least == len(result.reached):
                inside[:] = False  # nobody leaves after the last stage (rule R2)
        return inside

    def _keys(self, lines: Ints, sort: Sort) -> Ints:
        """What each line is sorted by."""
        if sort.key == "user":
            return self.users(lines)
        if sort.key == "sessions":
            return np.diff(self._journey_edges)[self.users(lines)]
        if sort.key == "depth":
            return self._depths[lines].astype(np.int64)
        start, stop, time = self._bounds(lines)
        if sort.key == "events":
            return stop - start
        return time[start] if sort.key == "first" else time[stop - 1]

    @property
    def _count(self) -> int:
        """All lines there could be."""
        return self.made_of.log.users_count if self.units is None else len(self.units)

    @cached_property
    def _journey_edges(self) -> Ints:
        """(users + 1) the number of each user's first journey, and of all journeys."""
        return self.made_of.starts.searchsorted(self.made_of.log.offsets)

    @cached_property
    def _depths(self) -> NDArray[np.int8]:
        """(lines) the deepest stage each reached."""
        if self.result is None:
            return np.zeros(self._count, dtype=np.int8)
        return self.result.user_depths if self.units is None else self.result.depths

    @cached_property
    def _pending(self) -> Flags:
        """(lines) whether each could still go on when the data ends (rule F11)."""
        result = self.result
        if result is None:
            return np.zeros(self._count, dtype=np.bool_)
        if self.units is not None or (result.units.named is None and result.units.scope == "users"):
            return result.pending
        flags = np.zeros(self._count, dtype=np.bool_)
        flags[result.units.users[np.flatnonzero(result.pending)]] = True
        return flags

    def _bounds(self, lines: Ints) -> tuple[Ints, Ints, Ints]:
        """Where the events of each line begin and end, and the column of times they stand in."""
        if self.units is not None:
            return self.units.starts[lines], self.units.stops[lines], self.units.log.time
        offsets = self.made_of.log.offsets
        return offsets[lines], offsets[lines + 1], self.made_of.log.time
