"""Where the log is cut: journeys, which analytics tools call sessions.

A new journey starts when the gap to the user's previous event is longer than the timeout (rule J1).
What else may cut (rule J3) is turned into gaps longer than any timeout, so that everything after
this file has only gaps to look at.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, overload

from core.durations import LONGEST, from_timedelta
from core.errors import QuestionError, did_you_mean
from core.event import Journey

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.log import EventLog

DEFAULT_TIMEOUT = 30 * 60_000_000
"""Thirty minutes in microseconds (rule J2)."""


@dataclass(frozen=True, slots=True)
class JourneyRules:
    """What cuts a trail besides the session timeout (rule J3). Off unless said; they add up."""

    midnight_tz: str | None = None
    """A time zone: an event on another calendar day there than the one before begins a journey."""
    max_length: int | None = None
    """Microseconds: an event later than this after its journey's first begins another."""
    start_event: str | None = None
    """Events of this name begin a journey."""
    end_event: str | None = None
    """The event after one of this name begins a journey."""
    session_field: str | None = None
    """A field of the source, with dots between the keys of a nested one: where its value differs
    from the user's last, a journey begins, and the timeout cuts no more. An event without a value
    continues the journey it stands in."""

    def __post_init__(self) -> None:
        if self.midnight_tz is not None:
            known_zone(self.midnight_tz)
        if self.max_length is not None and not 0 <= self.max_length <= LONGEST:
            raise QuestionError(f"a journey cannot last {self.max_length} microseconds at most")


NO_RULES = JourneyRules()
"""Only the timeout cuts."""


def reconstruct_journeys(
    log: EventLog,
    session_timeout_minutes: float | timedelta | None = 30,
    *,
    user: str | None = None,
    midnight_tz: str | None = None,
    max_minutes: float | timedelta | None = None,
    start_event: str | None = None,
    end_event: str | None = None,
    session_field: str | None = None,
) -> Journeys:
    """Cut a log into journeys: at gaps longer than the timeout, never at gaps equal to it.

    The timeout is minutes, which may be fractional, or a timedelta; None is "off" and makes one
    journey per user (rule J2). With `user`, only that user's journeys.

    A journey also ends, where asked for (rule J3): at midnight of a time zone; before the event
    that comes more than `max_minutes` after its first; before each event named `start_event`; after
    each named `end_event`. A `session_field` of the source replaces the timeout: a journey ends
    where its value changes, and events without a value continue the journey they stand in.

    Raises QuestionError for a negative time, an unknown zone or field; a name that never occurs is
    a warning of the result.
    """
    timeout = minutes_to_timeout(session_timeout_minutes)
    length = minutes_to_timeout(max_minutes, "a maximum length")
    rules = JourneyRules(midnight_tz, length, start_event, end_event, session_field)
    journeys = Journeys(log if user is None else log.only(user), timeout, rules)
    _ = journeys.gaps  # a field that is not there is told here and not at first use
    return journeys


def minutes_to_timeout(
    minutes: float | timedelta | None, what: str = "a session timeout"
) -> int | None:
    """A time in microseconds from minutes or a timedelta; None stays None."""
    if minutes is None:
        return None
    if isinstance(minutes, timedelta):
        return from_timedelta(minutes)
    if not 0 <= minutes <= LONGEST / 60_000_000:
        raise QuestionError(f"{what} is zero or more minutes, and {minutes} is not")
    return round(minutes * 60_000_000)


def known_zone(name: str) -> str:
    """The name of a time zone, if there is one of that name. Raises QuestionError."""
    from zoneinfo import ZoneInfo, available_timezones

    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        known = available_timezones()
        where = did_you_mean(name, known) if known else ": this machine has no time zone data"
        raise QuestionError(f"no time zone is named {name!r}{where}") from None
    return name


@dataclass(frozen=True, eq=False)
class Journeys(Sequence[Journey]):
    """All journeys of a log, ordered by user id, then time. Objects are made one at a time."""

    log: EventLog
    """The events."""
    timeout: int | None
    """Session timeout in microseconds; None is off, as always where a field tells the sessions."""
    rules: JourneyRules = NO_RULES
    """What else cuts."""
    forced: NDArray[np.int64] | None = field(default=None, repr=False)
    """What `gaps` is without a maximum length, for any timeout; None until it is needed."""

    def __post_init__(self) -> None:
        if self.rules.session_field is not None:
            object.__setattr__(self, "timeout", None)

    @cached_property
    def gaps(self) -> NDArray[np.int64]:
        """(n) like `log.gap`, which it is without rules; `LONGEST` where a rule cuts.

        That is longer than any timeout, and shorter than the gap before a user's first event.
        """
        if self.rules.max_length is None:
            return self._forced
        from core.cuts import cut_long

        limit = gap_limit(self.timeout)
        return cut_long(self.log.time, self._forced, limit, self.rules.max_length)

    @cached_property
    def _forced(self) -> NDArray[np.int64]:
        if self.rules == NO_RULES:
            return self.log.gap
        return force_cuts(self.log, self.rules) if self.forced is None else self.forced

    @cached_property
    def cut_log(self) -> EventLog:
        """The log with `gaps` for its gaps: where a rule cuts, simultaneous events are none."""
        return self.log if self.gaps is self.log.gap else replace(self.log, gap=self.gaps)

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a reader should know: start and end events that never occur."""
        names = (self.rules.start_event, self.rules.end_event)
        return tuple(absent_names(self.log, (name for name in names if name is not None)))

    def only(self, user: str) -> Journeys:
        """The journeys of one user, on the same columns; none if nobody has that id."""
        number = self.log.user_number(user)
        start, stop = (0, 0) if number is None else self.log.offsets[number : number + 2].tolist()
        return replace(self, log=self.log.only(user), forced=self._forced[start:stop])

    def some(self, numbers: NDArray[np.int64]) -> Journeys:
        """The journeys of some users, whose ascending numbers in the log these are."""
        log, forced = self.log.some(numbers), self._forced
        is_free = forced is self.log.gap
        return replace(
            self, log=log, forced=log.gap if is_free else self.log.of_some(forced, numbers)
        )

    @cached_property
    def starts(self) -> NDArray[np.int64]:
        """(journeys) the position in the log of each journey's first event."""
        return self._begins(slice(None)).nonzero()[0]

    def __len__(self) -> int:
        """The number of journeys."""
        return self._count

    @cached_property
    def _count(self) -> int:
        import numpy as np

        from core.threads import slices, together

        def count(events: slice) -> int:
            return int(np.count_nonzero(self._begins(events)))

        # Their starts take room: for a count alone they are not made.
        jobs = (partial(count, events) for events in slices(len(self.gaps)))
        return sum(together(jobs, len(self.gaps)))

    def _begins(self, events: slice) -> NDArray[np.bool_]:
        """Whether each of some events begins a journey."""
        return self.gaps[events] > gap_limit(self.timeout)

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
    """The longest gap that stays inside a journey, in microseconds: less than where a rule cuts."""
    return LONGEST - 1 if timeout is None else min(timeout, LONGEST - 1)


def force_cuts(log: EventLog, rules: JourneyRules) -> NDArray[np.int64]:
    """The gaps of a log, `LONGEST` where a rule other than the maximum length cuts."""
    from core import cuts

    places = []
    if rules.midnight_tz is not None:
        places.append(cuts.at_midnight(log, rules.midnight_tz))
    if rules.start_event is not None:
        places.append(cuts.at_name(log, rules.start_event))
    if rules.end_event is not None:
        places.append(cuts.at_name(log, rules.end_event) + 1)
    if rules.session_field is not None:
        places.append(cuts.at_change(log, rules.session_field))
    return cuts.force(log.gap, places) if places else log.gap


def absent_names(log: EventLog, names: Iterable[str]) -> Iterator[str]:
    """A warning for each name that no event has (rule R4), once."""
    for name in dict.fromkeys(names):
        if name not in log.codes:
            yield f"no event is named {name!r}{did_you_mean(name, log.names)}"
