"""`LocalEngine`: the engine on this machine. An `EventLog`, the kernels, and remembered answers.

Answers are kept by the part of the study they depend on: cuts by the timeout and journey rules,
stage rows by the stages, units by both. So a changed timeout does not look for the stages again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import numpy as np

from core.aftermath import Aftermath, after_stage, medians_to_next
from core.analysis import count_funnel
from core.cohort import EVERYBODY, Cohort
from core.dropoff import biggest_leak
from core.engine import DropOffPanel, FunnelAnswer, Sort, Summary, UserRow, UsersPage
from core.errors import QuestionError, did_you_mean
from core.explanation import Explanation, explain_user
from core.journeys import NO_RULES, JourneyRules, Journeys, force_cuts
from core.listing import Listing
from core.log import EventLog
from core.result import FunnelResult, StepTime
from core.stage import Stage
from core.study import Events, Study
from core.suggest import suggest_stages
from core.sweep import (
    LocalCurves,
    TimeoutCurve,
    WindowCurve,
    funnel_curve,
    timeout_curve,
    window_curve,
)
from core.trail import LocalTrail, make_trail
from core.unit_log import UnitLog
from core.vocabulary import Vocabulary, find_vocabulary

if TYPE_CHECKING:
    from numpy.typing import NDArray

REMEMBERED = 3
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
        # Each is one more log, and nearly as large.
        self._held_logs = lru_cache(maxsize=1)(UnitLog)
        self._result = remember(self._count)
        self._ordered = remember(self._sort)
        self._timeouts = remember(self._gaps)
        self._swept: tuple[Events, JourneyRules, TimeoutCurve] | None = None
        self._listing = remember(self._list)
        self._after = remember(self._after_stage)
        self._medians = remember(self._to_next)
        self._vocabulary = remember(lambda: find_vocabulary(self.log))

    def summary(self) -> Summary:
        """What there is."""
        return self._summary

    @cached_property
    def _summary(self) -> Summary:
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

    def vocabulary(self) -> Vocabulary:
        """What a question can be made of, for completion."""
        return self._vocabulary()

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
            journeys_count=self._journeys_count(study, journeys),
            stages=result.counted if result else (),
            leak=leak.depth - 1 if leak else None,
            excluded=result.excluded if result else 0,
            warnings=(*self._nobody(study), *(result or journeys).warnings),
        )

    @property
    def doing(self) -> str:
        """Empty: nothing takes long."""
        return ""

    def exact(self, study: Study, cancelled: Callable[[], bool] | None = None) -> FunnelAnswer:  # noqa: ARG002 - of a protocol
        """Like `funnel`, which is exact."""
        return self.funnel(study)

    def stop(self) -> None:
        """Stop asking the rows for a condition: it raises Cancelled. Nothing else runs for long."""
        self.log.store.stop()

    def close(self) -> None:
        """There is nothing to leave."""

    def time_to_convert(self, study: Study) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        result = self._result(study)
        return result.time_to_convert if result else ()

    def curves(self, study: Study) -> LocalCurves:
        """The sweeps of a study. Of timeouts only without stages, or where attempts are counted one
        after another: which those are depends on the window itself.
        """
        result, rules = self._result(study), study.journey_rules
        has_windows = result is not None and study.attempts != "mixpanel"
        windows = window_curve(result) if result and has_windows else WindowCurve(())
        funnels = funnel_curve(result) if result and result.has_timeouts else None
        timeouts = self._timeouts(study.events, rules)
        if rules.max_length is None and rules.session_field is None:
            return LocalCurves(timeouts, windows, funnels, timeouts.journeys)
        # Not the sweep: where a journey is too long depends on where the timeout cuts, and where a
        # field tells sessions it does not cut.
        return LocalCurves(
            timeouts,
            windows,
            funnels,
            lambda timeout: len(self._journeys(study.events, (timeout, rules))),
        )

    def medians_to_next(self, study: Study) -> tuple[float | None, ...]:
        """For each stage the median seconds to the next, of those who went on; None for nobody."""
        return self._medians(study)

    def drop_off(
        self,
        study: Study,
        stage: int,
        cancelled: Callable[[], bool] | None = None,  # noqa: ARG002 - of a protocol
    ) -> DropOffPanel:
        """What was done after a stage, from 0, which is not the last."""
        after = self._after(study, stage)
        return DropOffPanel(
            study=study,
            stage=stage,
            left=int(after.left.sum()),
            went_on=int(after.went_on.sum()),
            errors=after.errors(),
            next=tuple(after.events("next")),
            last=tuple(after.events("last")),
            between=tuple(after.events("between")),
            stays=tuple(after.stays()),
            left_median_seconds=after.median_stay(after.left),
            went_on_median_seconds=after.median_stay(after.went_on),
        )

    def exact_drop_off(
        self,
        study: Study,
        stage: int,
        cancelled: Callable[[], bool] | None = None,
    ) -> DropOffPanel:
        """Like `drop_off`, which is exact."""
        return self.drop_off(study, stage, cancelled)

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
        start = max(0, start)
        rows = self._rows(study, cohort, order[start:stop])
        return UsersPage(
            study=study,
            cohort=cohort,
            sort=sort,
            search=search,
            total=len(order),
            start=start,
            rows=tuple(rows),
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
        number = self._log(study.events).user_number(user)
        if number is None:
            return None
        order = self._order(study, cohort, sort, search)
        places = np.flatnonzero(self._listing(study, cohort).are_of(number, journey, order))
        return int(places[0]) if len(places) else None

    def journeys(self, study: Study, user: str) -> LocalTrail:
        """One user's trail, cut into journeys; empty for nobody."""
        return make_trail(study, user, self._journeys(study.events, _cut_of(study)).only(user))

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
        unit_logs = self._unit_logs if study.hold is None else self._held_logs
        journeys = self._journeys(study.events, _cut_of(study))
        return count_funnel(journeys, funnel, unit_logs(log, study.hold))

    def _list(self, study: Study, cohort: Cohort) -> Listing:
        journeys = self._journeys(study.events, _cut_of(study))
        after = partial(self._after, study)
        return Listing(journeys, self._result(study), cohort, after)

    def _rows(self, study: Study, cohort: Cohort, lines: NDArray[np.int64]) -> Iterable[UserRow]:
        """The rows of some lines. Of users it takes no more than their own events."""
        listing = self._listing(study, cohort)
        if listing.units is not None or _asks_properties(study):
            return listing.rows(lines)
        numbers = np.sort(lines)
        journeys = self._journeys(study.events, _cut_of(study)).some(numbers)
        result = count_funnel(journeys, study.funnel) if study.funnel is not None else None
        theirs = Listing(journeys, result, EVERYBODY, listing.after)
        return theirs.rows(numbers.searchsorted(lines))

    def _order(self, study: Study, cohort: Cohort, sort: Sort, search: str) -> NDArray[np.int64]:
        """The lines of a list in order."""
        if not cohort.filters and sort.key not in ("sessions", "depth"):
            # Neither the funnel nor what cuts sessions has a say in it.
            study = Study(where=study.where, user=study.user)
        return self._ordered(study, cohort, sort, search)

    def _sort(self, study: Study, cohort: Cohort, sort: Sort, search: str) -> NDArray[np.int64]:
        listing = self._listing(study, cohort)
        lines = listing.lines()
        if search:
            log = listing.made_of.log
            found = np.zeros(log.users_count + 1, dtype=np.bool_)
            found[log.users_like(search)] = True
            lines = lines[found[listing.users(lines)]]
        return listing.in_order(lines, sort)

    def _after_stage(self, study: Study, stage: int) -> Aftermath:
        result = self._result(study)
        if result is None or not 0 <= stage < len(result.reached) - 1:
            raise QuestionError(f"nobody leaves after stage {stage + 1}: there is none after it")
        return after_stage(result, stage)

    def _to_next(self, study: Study) -> tuple[float | None, ...]:
        result = self._result(study)
        return medians_to_next(result) if result else ()

    def _gaps(self, events: Events, rules: JourneyRules) -> TimeoutCurve:
        gaps = self._forced(events, replace(rules, max_length=None))
        curve = timeout_curve(self._log(events), gaps)
        self._swept = events, rules, curve
        return curve

    def _journeys_count(self, study: Study, journeys: Journeys) -> int:
        """How many journeys there are: from the sweep, once there is one."""
        rules, swept = study.journey_rules, self._swept
        is_swept = swept is not None and swept[:2] == (study.events, rules)
        if swept is None or not is_swept or rules.max_length or rules.session_field:
            return len(journeys)
        return swept[2].journeys(study.timeout)

    def _nobody(self, study: Study) -> tuple[str, ...]:
        if study.user is None or self.log.user_number(study.user) is not None:
            return ()
        known = self.log.users.tolist() if self.log.users_count <= 100_000 else []
        return (f"no user is named {study.user!r}{did_you_mean(study.user, known)}",)


def _asks_properties(study: Study) -> bool:
    """Whether the funnel asks properties, which are read for all events at once."""
    return study.hold is not None or any(stage.where is not None for stage in study.stages)


def _cut_of(study: Study) -> Cut:
    return study.timeout, study.journey_rules


def _row_cut_of(study: Study) -> Cut:
    """The part of it that stage rows depend on."""
    rules = NO_RULES if study.scope == "users" else study.journey_rules
    return None if rules.max_length is None else study.timeout, rules
