"""`LocalEngine`: the engine on this machine. An `EventLog`, the kernels, and remembered answers.

Answers are kept by the part of the study they depend on: cuts by the timeout and journey rules,
stage rows by the stages, units by both. So a changed timeout does not look for the stages again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache
from typing import TYPE_CHECKING, Unpack

import numpy as np

from core.analysis import count_funnel
from core.dropoff import biggest_leak
from core.engine import (
    EVERYBODY,
    Cohort,
    FunnelAnswer,
    Sort,
    Summary,
    UserRow,
    UsersPage,
)
from core.errors import QuestionError, did_you_mean
from core.explanation import Explanation, explain_user
from core.journeys import NO_RULES, JourneyRules, Journeys, force_cuts
from core.log import EventLog, ReadArguments, read_events
from core.result import FunnelResult, StepTime
from core.stage import Stage
from core.study import Events, Study
from core.suggest import suggest_stages
from core.sweep import (
    FunnelCurve,
    TimeoutCurve,
    WindowCurve,
    funnel_curve,
    timeout_curve,
    window_curve,
)
from core.trail import LocalTrail
from core.unit_log import UnitLog
from core.units import Units

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.records import Source

REMEMBERED = 8
"""Answers of each kind that are kept."""

Cut = tuple[int | None, JourneyRules]
"""A session timeout, and what else cuts."""


class LocalEngine:
    """Answers studies from one log. Safe to ask from several threads."""

    def __init__(self, log: EventLog) -> None:
        """Make an engine of a log."""
        self.log = log
        remember = lru_cache(maxsize=REMEMBERED)
        self._log = remember(self._find_log)
        self._forced = remember(self._force)
        self._journeys = remember(self._cut)
        self._unit_logs = remember(UnitLog)
        self._result = remember(self._count)
        self._order = remember(self._sort)
        self._timeouts = remember(lambda events: timeout_curve(self._log(events)))

    def summary(self) -> Summary:
        """What there is."""
        log = self.log
        labels = [part.source for part in log.report.parts]
        extra = f" and {len(labels) - 1} more" if len(labels) > 1 else ""
        return Summary(
            source=f"{labels[0]}{extra}" if labels else "no file",
            events_count=len(log),
            users_count=log.users_count,
            first=int(log.time.min()) if len(log) else None,
            last=int(log.time.max()) if len(log) else None,
            name_counts=log.name_counts,
            report=log.report,
        )

    def suggest(self) -> tuple[Stage, ...]:
        """A sensible funnel; empty when there are no events."""
        return suggest_stages(self.log)

    def result(self, study: Study) -> FunnelResult | None:
        """The whole answer to a study's funnel, as the Python face has it; None without stages."""
        return self._result(study)

    def funnel(self, study: Study) -> FunnelAnswer:
        """Count units through the stages."""
        log, journeys = self._log(study.events), self._journeys(study.events, _cut_of(study))
        result = self._result(study)
        leak = biggest_leak(result) if result else None
        return FunnelAnswer(
            study=study,
            events_count=len(log),
            users_count=log.users_count,
            journeys_count=len(journeys),
            stages=result.counted if result else (),
            leak=leak.depth - 1 if leak else None,
            excluded=result.excluded if result else 0,
            warnings=(*self._nobody(study), *(result or journeys).warnings),
        )

    def time_to_convert(self, study: Study) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        result = self._result(study)
        return result.time_to_convert if result else ()

    def curves(self, study: Study) -> LocalCurves:
        """The sweeps of a study. Of timeouts only without stages, or where attempts are counted one
        after another: which those are depends on the window itself.
        """
        result = self._result(study)
        has_windows = result is not None and study.attempts != "mixpanel"
        windows = window_curve(result) if result and has_windows else WindowCurve(())
        funnels = funnel_curve(result) if result and result.has_timeouts else None
        return LocalCurves(self._timeouts(study.events), windows, funnels)

    def users(
        self,
        study: Study,
        cohort: Cohort = EVERYBODY,
        sort: Sort = Sort(),  # noqa: B008 - a frozen value
        search: str = "",
        start: int = 0,
        stop: int = 100,
    ) -> UsersPage:
        """The rows of a list of users from `start` up to `stop`."""
        order = self._order(study, cohort, sort, search)
        rows = _Rows(self._journeys(study.events, _cut_of(study)), self._result(study), cohort)
        start = max(0, start)
        return UsersPage(
            study=study,
            cohort=cohort,
            sort=sort,
            search=search,
            total=len(order),
            start=start,
            rows=tuple(rows.row(line) for line in order[start:stop].tolist()),
        )

    def place(
        self,
        study: Study,
        cohort: Cohort,
        sort: Sort,
        search: str,
        user: str,
        journey: int | None = None,
    ) -> int | None:
        """Where in a list a user, or a journey of a user, stands; None when not in it."""
        journeys = self._journeys(study.events, _cut_of(study))
        number = journeys.log.user_number(user)
        if number is None:
            return None
        order = self._order(study, cohort, sort, search)
        rows = _Rows(journeys, self._result(study), cohort)
        places = np.flatnonzero(rows.of(number, journey, order))
        return int(places[0]) if len(places) else None

    def journeys(self, study: Study, user: str) -> LocalTrail:
        """One user's trail, cut into journeys; empty for nobody."""
        return LocalTrail(study, user, self._journeys(study.events, _cut_of(study)).only(user))

    def explain(self, study: Study, user: str, journey: int | None = None) -> Explanation:
        """How far a user got, or one journey of the user's, event by event, and why no farther.

        Raises QuestionError for a study without stages, or when there is no such user or journey.
        """
        if study.funnel is None:
            raise QuestionError("there is no funnel to explain yet: name a stage")
        journeys = self._journeys(study.events, _cut_of(study))
        return explain_user(journeys, study.funnel, user, journey, study)

    def _find_log(self, events: Events) -> EventLog:
        log = self.log if events.where is None else self.log.where(events.where)
        return log if events.user is None else log.only(events.user)

    def _force(self, events: Events, rules: JourneyRules) -> NDArray[np.int64]:
        return force_cuts(self._log(events), rules)

    def _cut(self, events: Events, cut: Cut) -> Journeys:
        timeout, rules = cut
        # The maximum length is the one rule that depends on where the timeout has cut.
        forced = self._forced(events, replace(rules, max_length=None))
        return Journeys(self._log(events), timeout, rules, forced)

    def _count(self, study: Study) -> FunnelResult | None:
        funnel = study.funnel
        if funnel is None:
            return None
        log = self._journeys(study.events, _row_cut_of(study)).cut_log
        return count_funnel(
            self._journeys(study.events, _cut_of(study)), funnel, self._unit_logs(log, study.hold)
        )

    def _sort(self, study: Study, cohort: Cohort, sort: Sort, search: str) -> NDArray[np.int64]:
        """The lines of a list in order."""
        journeys = self._journeys(study.events, _cut_of(study))
        rows = _Rows(journeys, self._result(study), cohort)
        lines = rows.lines()
        if search:
            found = np.zeros(journeys.log.users_count + 1, dtype=np.bool_)
            found[journeys.log.users_like(search)] = True
            lines = lines[found[rows.users(lines)]]
        keys = rows.keys(lines, sort)
        return lines[np.argsort(-keys if sort.descending else keys, kind="stable")]

    def _nobody(self, study: Study) -> tuple[str, ...]:
        if study.user is None or self.log.user_number(study.user) is not None:
            return ()
        known = self.log.users.tolist() if self.log.users_count <= 100_000 else []
        return (f"no user is named {study.user!r}{did_you_mean(study.user, known)}",)


def _cut_of(study: Study) -> Cut:
    return study.timeout, study.journey_rules


def _row_cut_of(study: Study) -> Cut:
    """The part of it that stage rows depend on."""
    rules = NO_RULES if study.scope == "users" else study.journey_rules
    return None if rules.max_length is None else study.timeout, rules


@dataclass(frozen=True, eq=False)
class _Rows:
    """The lines of a list: users, or the units of a funnel where a cohort counts other than users.

    A line is a number: of a user, or of a unit.
    """

    made_of: Journeys
    result: FunnelResult | None
    cohort: Cohort

    @property
    def _units(self) -> Units | None:
        """The units that are listed; None in a list of users."""
        if self.result is None or self.cohort.kind == "everybody":
            return None
        units = self.result.units
        return None if units.scope == "users" and units.named is None else units

    def lines(self) -> NDArray[np.int64]:
        """The lines that belong to the cohort, ascending."""
        if self.cohort.kind == "everybody" or self.result is None:
            return np.arange(self.made_of.log.users_count)
        least, most = self.cohort.depths
        if self.cohort.kind == "left" and least == len(self.result.reached):
            return np.empty(0, dtype=np.int64)  # nobody leaves after the last stage (rule R2)
        depths = self.result.depths
        inside = (depths >= least) & (depths <= most)
        if self.cohort.kind in ("left", "pending"):
            inside &= self.result.pending == (self.cohort.kind == "pending")
        return np.flatnonzero(inside)

    def users(self, lines: NDArray[np.int64]) -> NDArray[np.int64]:
        """The user number of each line."""
        return lines if self._units is None else self._units.users[lines]

    def of(self, user: int, journey: int | None, lines: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Which lines are a user's; of a list of journeys those of one, if the user has so many."""
        first, after = (self.made_of.first_of_user(number) for number in (user, user + 1))
        is_own: NDArray[np.bool_] = self.users(lines) == user
        if self._units is None or self._units.scope == "users":
            return is_own
        if journey is None or first + journey > after:
            return is_own
        is_its: NDArray[np.bool_] = self._units.of_journeys[lines] == first + journey - 1
        return is_its

    def keys(self, lines: NDArray[np.int64], sort: Sort) -> NDArray[np.int64]:
        """What each line is sorted by."""
        log = self.made_of.log
        if sort.key == "user":
            return self.users(lines)
        if sort.key == "sessions":
            edges = self.made_of.starts.searchsorted(log.offsets)
            return np.diff(edges)[self.users(lines)]
        if sort.key == "depth":
            depths = self._depths()
            return np.zeros_like(lines) if depths is None else depths[lines].astype(np.int64)
        start, stop, time = self._bounds(lines)
        if sort.key == "events":
            return stop - start
        return time[start] if sort.key == "first" else time[stop - 1]

    def row(self, line: int) -> UserRow:
        """One line."""
        made_of, units = self.made_of, self._units
        number = int(self.users(np.array([line]))[0])
        first = made_of.first_of_user(number)
        starts, stops, time = self._bounds(np.array([line]))
        start, stop, depths = int(starts[0]), int(stops[0]), self._depths()
        by_journey = units is not None and units.scope == "journeys"
        return UserRow(
            user=str(made_of.log.users[number]),
            journey=int(units.of_journeys[line]) - first + 1 if units and by_journey else None,
            sessions=made_of.first_of_user(number + 1) - first,
            events=stop - start,
            first=int(time[start]),
            last=int(time[stop - 1]),
            depth=0 if depths is None else int(depths[line]),
            held=units.value(start) if units else None,
        )

    def _depths(self) -> NDArray[np.int8] | None:
        if self.result is None:
            return None
        return self.result.user_depths if self._units is None else self.result.depths

    def _bounds(
        self, lines: NDArray[np.int64]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Where the events of each line begin and end, and the column of times they stand in."""
        if self._units is not None:
            units = self._units
            return units.starts[lines], units.stops[lines], units.log.time
        offsets = self.made_of.log.offsets
        return offsets[lines], offsets[lines + 1], self.made_of.log.time


@dataclass(frozen=True, eq=False)
class LocalCurves:
    """`Curves` on sorted columns."""

    timeouts: TimeoutCurve
    """Journeys against the timeout."""
    windows: WindowCurve
    """Units against the window."""
    funnels: FunnelCurve | None
    """Units against the timeout, where they can be found at once."""

    def journeys(self, timeout: int | None) -> int:
        """Journeys at a session timeout, microseconds; None is off."""
        return self.timeouts.journeys(timeout)

    def counts_at(self, timeout: int | None) -> list[int] | None:
        """Units at each stage at a session timeout; None where each has to be counted anew."""
        return self.funnels.counts(timeout) if self.funnels else None

    def counts(self, window: int | None) -> list[int]:
        """Units at each stage within a conversion window, microseconds; None is off."""
        return self.windows.counts(window)

    def knee(self) -> int | None:
        """The window beyond which a longer one gains least; None without conversions."""
        return self.windows.knee() if self.windows.needs else None


def open_engine(source: Source, **options: Unpack[ReadArguments]) -> LocalEngine:
    """Read events into an engine on this machine. Takes and raises what `core.read_events` does."""
    return LocalEngine(read_events(source, **options))
