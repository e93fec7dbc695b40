"""Where the log is cut: journeys, which analytics tools call sessions.

A new journey starts when the gap to the user's previous event is longer than the timeout (rule J1).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, overload

from core.durations import LONGEST, from_timedelta
from core.errors import QuestionError
from core.event import Journey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.log import EventLog

DEFAULT_TIMEOUT = 30 * 60_000_000
"""Thirty minutes in microseconds (rule J2)."""


def reconstruct_journeys(
    log: EventLog,
    session_timeout_minutes: float | timedelta | None = 30,
    *,
    user: str | None = None,
) -> Journeys:
    """Cut a log into journeys: at gaps longer than the timeout, never at gaps equal to it.

    The timeout is minutes, which may be fractional, or a timedelta; None is "off" and makes one
    journey per user (rule J2). With `user`, only that user's journeys. Raises QuestionError for a
    negative timeout.
    """
    timeout = minutes_to_timeout(session_timeout_minutes)
    return Journeys(log if user is None else log.only(user), timeout)


def minutes_to_timeout(minutes: float | timedelta | None) -> int | None:
    """A timeout in microseconds from minutes or a timedelta; None stays None."""
    if minutes is None:
        return None
    if isinstance(minutes, timedelta):
        return from_timedelta(minutes)
    if not 0 <= minutes <= LONGEST / 60_000_000:
        raise QuestionError(f"a session timeout is zero or more minutes, and {minutes} is not")
    return round(minutes * 60_000_000)


@dataclass(frozen=True, eq=False)
class Journeys(Sequence[Journey]):
    """All journeys of a log, ordered by user id, then time. Objects are made one at a time."""

    log: EventLog
    """The events."""
    timeout: int | None
    """Session timeout in microseconds; None is off."""

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(journeys) the position in the log of each journey's first event."""
        return (self.log.gap > gap_limit(self.timeout)).nonzero()[0]

    def __len__(self) -> int:
        """The number of journeys."""
        return len(self.starts)

    @overload
    def __getitem__(self, index: int) -> Journey: ...
    @overload
    def __getitem__(self, index: slice) -> list[Journey]: ...
    def __getitem__(self, index: int | slice) -> Journey | list[Journey]:
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(len(self)))]
        number = range(len(self))[index]
        start, stop = self.bounds(number)
        user = self.log.user_of(start)
        return Journey(
            user=str(self.log.users[user]),
            index=number - self.first_of_user(user) + 1,
            events=self.log.events(start, stop),
        )

    def bounds(self, number: int) -> tuple[int, int]:
        """Positions of a journey's first event and of the one after its last."""
        after = number + 1
        stop = self.starts[after] if after < len(self.starts) else len(self.log)
        return int(self.starts[number]), int(stop)

    def first_of_user(self, user: int) -> int:
        """The number of a user's first journey; for the number of users, that of all journeys."""
        return int(self.starts.searchsorted(self.log.offsets[user]))

    def of_position(self, position: int) -> int:
        """The number of the journey that holds the event at a position."""
        return int(self.starts.searchsorted(position, side="right")) - 1


def gap_limit(timeout: int | None) -> int:
    """The longest gap that stays inside a journey, in microseconds."""
    return LONGEST if timeout is None else timeout
