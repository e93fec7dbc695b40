"""Sweeps: the answer for every timeout and every window at once, so that a change costs one search.

Journeys at a timeout are the users plus the gaps within users that are longer. Units at a stage
within a window are those whose smallest window is not longer. Both are places in sorted columns.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.errors import QuestionError
from core.journeys import gap_limit
from core.log import FIRST_GAP, EventLog
from core.result import FunnelResult
from core.threads import slices, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.timeouts import StageTimeouts


@dataclass(frozen=True, eq=False)
class TimeoutCurve:
    """Journeys against the session timeout, for journeys without a maximum length."""

    users: int
    """Users, each of whom has at least one journey."""
    gaps: Sequence[NDArray[np.int64]]
    """The gaps within users, microseconds, in slices that ascend each; where a journey rule cuts,
    `LONGEST`."""

    def journeys(self, timeout: int | None) -> int:
        """How many journeys there are at a timeout, microseconds; None is off."""
        limit = gap_limit(timeout)
        longer = (len(gaps) - int(gaps.searchsorted(limit, side="right")) for gaps in self.gaps)
        return self.users + sum(longer)

    def between(self, edges: Sequence[int]) -> list[int]:
        """Gaps between neighbouring edges, microseconds; the lower edge is included."""
        below = np.zeros(len(edges), dtype=np.int64)
        for gaps in self.gaps:
            below += gaps.searchsorted(edges)
        return [int(count) for count in np.diff(below)]


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


@dataclass(frozen=True, eq=False)
class LocalCurves:
    """What `core.engine.Curves` asks for, on sorted columns."""

    timeouts: TimeoutCurve
    """Journeys against the timeout."""
    windows: WindowCurve
    """Units against the window."""
    funnels: FunnelCurve | None
    """Units against the timeout, where they can be found at once."""
    count: Callable[[int | None], int]
    """Journeys at a timeout, under every journey rule."""
    share: float = 1.0
    """They are made of all users."""

    def journeys(self, timeout: int | None) -> int:
        """Journeys at a session timeout, microseconds; None is off."""
        return self.count(timeout)

    def counts_at(self, timeout: int | None) -> list[int] | None:
        """Units at each stage at a session timeout; None where each has to be counted anew."""
        return self.funnels.counts(timeout) if self.funnels else None

    def counts(self, windows: Sequence[int | None]) -> list[list[int]]:
        """Units at each stage within each of some conversion windows, microseconds; None is off."""
        return [self.windows.counts(window) for window in windows]

    def knee(self) -> int | None:
        """The window beyond which a longer one gains least; None without conversions."""
        return self.windows.knee() if self.windows.needs else None

    def gaps(self, edges: Sequence[int]) -> list[int]:
        """Gaps within users between neighbouring edges, microseconds; the lower edge included."""
        return self.timeouts.between(edges)


def timeout_curve(log: EventLog, gaps: NDArray[np.int64] | None = None) -> TimeoutCurve:
    """Journeys against the session timeout; `gaps`, where rules cut, stand in for the log's."""
    gaps = log.gap if gaps is None else gaps

    def sort(part: slice) -> NDArray[np.int64]:
        # The first gaps of users are the longest there can be, and at the end so.
        found = np.sort(gaps[part])
        return found[: found.searchsorted(FIRST_GAP)]

    jobs = (partial(sort, part) for part in slices(len(gaps)))
    return TimeoutCurve(log.users_count, together(jobs, len(gaps)))


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
