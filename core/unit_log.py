"""`UnitLog`: the log that a funnel's units are stretches of, and what was found in it already.

It depends neither on the window nor, unless a maximum length cuts journeys, on the session timeout.
So a changed question finds again only what has changed.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from core.attempts import Tried, try_all
from core.depth import Reached, reach
from core.held import hold
from core.kernels import unit_firsts
from core.rows import Selection, StageRows, find_rows
from core.timeouts import StageTimeouts, stage_timeouts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog
    from core.walk import Rules

REMEMBERED = 3
"""Answers of each kind that are kept."""


class UnitLog:
    """A log, divided by the values of a field where one is held. Safe to ask from any thread."""

    def __init__(self, log: EventLog, field: str | None) -> None:
        """From a log whose gaps are cut already. Raises QuestionError without such a field."""
        self.held = None if field is None else hold(log, field)
        self.log = log if self.held is None else self.held.log
        remember = lru_cache(maxsize=REMEMBERED)
        self.rows = remember(self._find)
        self.reached = remember(self._reach)
        self.tried = remember(self._try)
        self._timeouts: dict[tuple[Selection, int | None], tuple[StageTimeouts, ...]] = {}

    def first_rows(self, selection: Selection, limit: int) -> NDArray[np.int64]:
        """The first row of each unit that has one."""
        return np.unique(unit_firsts(self.rows(selection), limit))

    def timeouts(self, selection: Selection, window: int | None) -> tuple[StageTimeouts, ...]:
        """For each stage, the session timeouts at which its rows count inside a window."""
        found = self._timeouts.get((selection, window))
        if found is None:
            found = stage_timeouts(self.rows(selection), window)
            # Only the last: they take more room than anything else here.
            self._timeouts = {(selection, window): found}
        return found

    def counts(self, selection: Selection, window: int | None, limit: int) -> list[int] | None:
        """How many journeys reach each stage, if `timeouts` has been asked already."""
        found = self._timeouts.get((selection, window))
        return None if found is None else [stage.count(limit) for stage in found]

    def _find(self, selection: Selection) -> StageRows:
        """The events that match a stage."""
        return find_rows(self.log, selection)

    def _reach(self, selection: Selection, limit: int, rules: Rules) -> tuple[Reached, ...]:
        """The units that reached each stage; a gap longer than `limit` ends one."""
        return reach(self.rows(selection), limit, rules)

    def _try(self, selection: Selection, limit: int, rules: Rules) -> Tried:
        """What every attempt of every unit came to."""
        return try_all(self.rows(selection), limit, rules)
