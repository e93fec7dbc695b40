"""Sweeps: the answer for every timeout and every window at once, so that a change costs one search.

Journeys at a timeout are the users plus the gaps within users that are longer. Units at a stage
within a window are those whose smallest window is not longer. Both are places in sorted columns.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.errors import QuestionError
from core.journeys import gap_limit
from core.log import FIRST_GAP, EventLog
from core.result import FunnelResult

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.timeouts import StageTimeouts


@dataclass(frozen=True, eq=False)
class TimeoutCurve:
    """Journeys against the session timeout, without other journey rules."""

    users: int
    """Users, each of whom has at least one journey."""
    gaps: NDArray[np.int64]
    """The gaps within users, microseconds, ascending."""

    def journeys(self, timeout: int | None) -> int:
        """How many journeys there are at a timeout, microseconds; None is off."""
        longer = len(self.gaps) - int(self.gaps.searchsorted(gap_limit(timeout), side="right"))
        return self.users + longer


@dataclass(frozen=True, eq=False)
class FunnelCurve:
    """Journeys at each stage against the session timeout."""

    stages: tuple[StageTimeouts, ...]
    """For each stage the timeouts at which its rows count."""

    def counts(self, timeout: int | None) -> list[int]:
        """How many journeys reach each stage at a timeout, microseconds; None is off."""
        return [stage.count(gap_limit(timeout)) for stage in self.stages]


@dataclass(frozen=True, eq=False)
class WindowCurve:
    """Units at each stage against the conversion window."""

    needs: tuple[NDArray[np.int64], ...]
    """For each stage the smallest window of each unit that gets there, microseconds, ascending."""

    def counts(self, window: int | None) -> list[int]:
        """How many units reach each stage within a window; its edge counts (rule F4)."""
        if window is None:
            return [len(need) for need in self.needs]
        return [int(need.searchsorted(window, side="right")) for need in self.needs]

    def knee(self) -> int | None:
        """The window from which a longer one gains least: where the curve of the last stage is
        farthest above the straight line from its beginning to its end. None without conversions.
        """
        need = self.needs[-1]
        if len(need) == 0:
            return None
        share = np.arange(1, len(need) + 1) / len(need)
        return int(need[np.argmax(share - need / max(int(need[-1]), 1))])


def timeout_curve(log: EventLog) -> TimeoutCurve:
    """Journeys against the session timeout."""
    return TimeoutCurve(log.users_count, np.sort(log.gap[log.gap != FIRST_GAP]))


def funnel_curve(funnel: FunnelResult) -> FunnelCurve:
    """Journeys at each stage against the session timeout, whatever timeout the funnel itself has.

    Raises QuestionError for a funnel that counts users or attempts, whose order or start is not the
    default, with exclusions or a date range, or where the order of simultaneous events matters.
    """
    if not funnel.has_timeouts:
        raise QuestionError(
            "there is a curve of timeouts only for journeys in an ordered funnel with any start, "
            "without exclusions and a date range"
        )
    return FunnelCurve(funnel.timeouts)


def window_curve(funnel: FunnelResult) -> WindowCurve:
    """Units at each stage against the window, whatever window the funnel itself has.

    Units that an exclusion removes from the funnel at some window are counted all the same. Raises
    QuestionError where attempts are counted one after another, for then the window decides which
    attempts there are.
    """
    if funnel.funnel.attempts == "mixpanel":
        raise QuestionError("which attempts there are depends on the window itself")
    return WindowCurve(tuple(reached.curve for reached in funnel.reached))
