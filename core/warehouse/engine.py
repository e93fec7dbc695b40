"""`WarehouseEngine`: every answer exact, found where the events lie.

Users of whom a query cannot tell everything (`hard`, see `core.warehouse.stages`) are pulled, and
the local engine answers for them: numbers add up, lists are merged.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from core.cohort import EVERYBODY, Cohort
from core.engine import DropOffPanel, FunnelAnswer, Sort, Summary, UsersPage
from core.errors import QuestionError
from core.explanation import Explanation
from core.result import StepTime
from core.stage import Stage
from core.study import Study
from core.vocabulary import Vocabulary
from core.warehouse.after import After, find_after, stage_of
from core.warehouse.counts import Counts, answer_of, count_units, is_plain
from core.warehouse.curves import WarehouseCurves
from core.warehouse.hard import (
    hard_counts,
    hard_engine,
    hard_journeys,
    hard_steps,
    hard_times,
    long_engine,
)
from core.warehouse.lists import Asked, Lines, listed_units, plain_lines, size_of, wanted_of
from core.warehouse.newest import Newest
from core.warehouse.one_user import explain_one, trail_of
from core.warehouse.sample import pull_sample, share_of
from core.warehouse.stages import Listed, stage_rows
from core.warehouse.starts import find_starts
from core.warehouse.times import convert_times, step_times
from core.warehouse.totals import Totals, count_all, summarize, warnings_of
from core.warehouse.units import UnitTable, find_units, plain_units
from core.warehouse.view import View, cutting_of, view_of
from core.warehouse.words import find_words

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.funnel import Funnel
    from core.local import LocalEngine
    from core.trail import LocalTrail
    from core.warehouse.hard import Times
    from core.warehouse.session import Cancel
    from core.warehouse.table import EventTable

REMEMBERED = 16
"""Answers of each kind that are kept."""
FOLLOWED = 3
"""Of how many stages those who reached them, and of how many studies those whom no query can
tell everything of, are kept on this machine."""


class WarehouseEngine:
    """Answers studies from a table of a warehouse. Safe to ask from several threads."""

    def __init__(self, table: EventTable) -> None:
        """Make an engine of a table."""
        self.table = table
        self.session = table.session
        remember = lru_cache(maxsize=REMEMBERED)
        self._seen: Summary | None = None
        self._units = remember(self._find_units)
        self._steps = remember(self._find_steps)
        self._times = remember(self._find_times)
        self._medians = remember(self._find_medians)
        self._words = lru_cache(maxsize=1)(find_words)
        self._curves = remember(self._find_curves)
        self._lines = remember(self._find_lines)
        self._sizes: Newest[View, int | None] = Newest(REMEMBERED)
        self._totals: dict[Study, Totals] = {}
        self._engines: Newest[Study, LocalEngine] = Newest(FOLLOWED)
        self._long: Newest[Study, LocalEngine] = Newest(FOLLOWED)
        self._after: Newest[tuple[Study, int, tuple[Stage, ...]], After] = Newest(FOLLOWED)
        self._answers: dict[Study, FunnelAnswer] = {}

    def summary(self) -> Summary:
        """What there is."""
        return self.look()

    def look(self, cancelled: Cancel | None = None) -> Summary:
        """Like `summary`, stopped on request."""
        if self._seen is None:
            self._seen = summarize(self.table, cancelled)
        return self._seen

    def suggest(self) -> tuple[Stage, ...]:
        """A sensible funnel, from a sample of whole users; empty when there are no events."""
        share = share_of(self.summary(), None)
        return pull_sample(self.table, self.summary(), View(), share).engine.suggest()

    def has_answered(self, study: Study) -> bool:
        """Whether a study's numbers are known already."""
        return study in self._answers

    def funnel(self, study: Study) -> FunnelAnswer:
        """Count units through the stages."""
        return self.exact(study)

    def exact(
        self,
        study: Study,
        cancelled: Cancel | None = None,
    ) -> FunnelAnswer:
        """Like `funnel`, stopped on request: then the query is killed on the server.

        Raises Cancelled, QuestionError for what cannot be answered exactly, and SourceError when
        the warehouse cannot be asked.
        """
        if study not in self._answers:
            funnel = _asked(study)
            totals = self._count_all(study, cancelled)
            counts = None if funnel is None else self._count(study, funnel, cancelled)
            warnings = tuple(warnings_of(self.summary(), study, totals))
            self._answers[study] = answer_of(study, totals, counts, warnings)
        return self._answers[study]

    def time_to_convert(self, study: Study) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        return self._times(study)

    def medians_to_next(self, study: Study) -> tuple[float | None, ...]:
        """For each stage the median seconds to the next, of those who went on; None for nobody."""
        return self._medians(study)

    def drop_off(self, study: Study, stage: int, cancelled: Cancel | None = None) -> DropOffPanel:
        """What was done after a stage, from 0, which is not the last."""
        return self.exact_drop_off(study, stage, cancelled)

    def exact_drop_off(
        self, study: Study, stage: int, cancelled: Cancel | None = None
    ) -> DropOffPanel:
        """Like `drop_off`, stopped on request, as `exact` is."""
        after = self._find_after(study, stage, (), cancelled)
        return replace(after.engine.drop_off(after.study, stage), study=study)

    def knows_after(self, study: Study, stage: int) -> bool:
        """Whether it is known already what was done after a stage."""
        return (study, stage, ()) in self._after

    def vocabulary(self) -> Vocabulary:
        """What a question can be made of, for completion; properties from the first events."""
        return self._words(self.table)

    def curves(self, study: Study) -> WarehouseCurves:
        """The sweeps of a study, found when they are looked at."""
        return self._curves(study)

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
        stage = stage_of(cohort)
        if stage is not None:
            after = self._find_after(study, stage, wanted_of(cohort))
            asked = (after.study, after.cohort(cohort), sort, search, start, stop)
            return replace(after.engine.users(*asked), study=study, cohort=cohort)
        lines = self._lines(study, cohort, sort, search)
        start = max(0, start)
        # A short list is as long as its first page: that is asked first.
        rows = tuple(lines.page(start, stop))
        return UsersPage(
            study=study,
            cohort=cohort,
            sort=sort,
            search=search,
            total=lines.total,
            start=start,
            rows=rows,
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
        stage = stage_of(cohort)
        if stage is not None:
            after = self._find_after(study, stage, wanted_of(cohort))
            asked = (after.study, after.cohort(cohort), sort, search, user, journey)
            return after.engine.place(*asked)
        return self._lines(study, cohort, sort, search).place(user, journey)

    def journeys(self, study: Study, user: str) -> LocalTrail:
        """One user's trail, cut into journeys; empty for nobody."""
        return trail_of(self.table, study, user, self.span[1])

    def explain(self, study: Study, user: str, journey: int | None = None) -> Explanation:
        """How far a user got, or one journey of the user's, event by event, and why no farther.

        Raises QuestionError for a study without stages, or when there is no such user or journey.
        """
        names = self.summary().name_counts
        return explain_one(self.table, study, user, journey, self.span[1], names)

    def rows_to_read(self, study: Study, cancelled: Cancel | None = None) -> int | None:
        """Rows that counting a study's funnel will read, as the engine estimates before it starts;
        None where it does not tell.
        """
        view = view_of(study)
        if view not in self._sizes:
            size = self.session.estimate(self.table.events(view), cancelled)
            self._sizes.keep(view, size)
        return self._sizes[view]

    @property
    def doing(self) -> str:
        """What runs where, in a line fit to show; empty while nothing does."""
        return self.session.doing

    def stop(self) -> None:
        """Stop every question that runs: it is killed on the server, and raises Cancelled."""
        self.session.stop()

    def close(self) -> None:
        """Stop what runs and leave the warehouse."""
        self.session.close()

    @property
    def span(self) -> tuple[int, int]:
        """The time of the first event of all, and of the last."""
        summary = self.summary()
        return summary.first or 0, summary.last or 0

    def _count_all(self, study: Study, cancelled: Cancel | None) -> Totals:
        """Kept by the part of the study that matters."""
        part = cutting_of(study)
        if part not in self._totals:
            totals = count_all(self.table, part, self.span, cancelled)
            if totals.has_hard:
                engine = long_engine(self.table, part, self.span, cancelled)
                totals += hard_journeys(engine, part)
                self._long.keep(part, engine)
            self._totals[part] = totals
        return self._totals[part]

    def _count(self, study: Study, funnel: Funnel, cancelled: Cancel | None) -> Counts:
        session, what = self.session, f"funnel of {len(funnel.stages)} stages"
        size = self.rows_to_read(study, cancelled)
        if size is not None:
            what += f", about {size:,} rows to read"
        counts = count_units(session, self._depths(study, funnel), what, cancelled)
        if counts.hard:
            counts += hard_counts(self._hard(study, cancelled, counts.hard), study)
        return counts

    def _depths(self, study: Study, funnel: Funnel, listed: Listed | None = None) -> UnitTable:
        """The units of which only the depth is asked."""
        if self.session.dialect.knows_funnels and is_plain(study):
            ask = stage_rows(self.table, study, funnel, self.span, with_knots=False, listed=listed)
            stages = len(funnel.stages)
            depth = self.session.dialect.deepest(ask.rows, stages, funnel.window)
            return plain_units(ask, depth, stages)
        return self._units(study) if listed is None else self._find_units(study, listed)

    def _find_units(self, study: Study, listed: Listed | None = None) -> UnitTable:
        funnel = _asked(study)
        if funnel is None:
            raise QuestionError("a funnel needs at least one stage: name an event")
        rows = stage_rows(self.table, study, funnel, self.span, listed=listed)
        return find_units(find_starts(rows, funnel), funnel, self.span[1])

    def _hard(
        self, study: Study, cancelled: Cancel | None = None, names: tuple[str, ...] = ()
    ) -> LocalEngine:
        """The engine of the users that a study's units leave to it; `names`, if they are known."""
        found = self._engines.get(study)
        if found is None:
            found = self._known_long(study)
        if found is None:
            rows = self._units(study).rows
            found = hard_engine(self.table, study, rows, self.span[1], cancelled, names=names)
        self._engines.keep(study, found)
        return found

    def _known_long(self, study: Study) -> LocalEngine | None:
        """The engine of all whose journeys are too long, if the study leaves only such users to it
        and they are here already.
        """
        funnel, part = study.funnel, cutting_of(study)
        if funnel is None or view_of(study) != view_of(part, stages=False):
            return None
        has_knots = stage_rows(self.table, study, funnel, self.span).has_knots
        return None if has_knots or self._units(study).is_wary else self._long.get(part)

    def _of_hard(
        self, told: Callable[[LocalEngine, Study], Times], study: Study, steps: ir.Table
    ) -> Times:
        """What is told of the users that a study's times leave to the local engine: the same that
        its units do, if it can be.
        """
        is_wary = self._units(study).is_wary
        hard = hard_engine(self.table, study, steps, self.span[1]) if is_wary else self._hard(study)
        return told(hard, study)

    def _find_after(
        self,
        study: Study,
        stage: int,
        wanted: Sequence[Stage] = (),
        cancelled: Cancel | None = None,
    ) -> After:
        """Everybody who reached a stage; of few stages, for they may be many."""
        # What only a list needs to know besides is kept apart.
        more = tuple(each for each in wanted if each.where is not None)
        key = study, stage, more
        if key not in self._after:
            _asked(study)
            after = find_after(self.table, study, stage, self.span[1], more, cancelled)
            self._after.keep(key, after)
        return self._after[key]

    def _find_steps(self, study: Study, funnel: Funnel) -> ir.Table:
        """How long each unit took to each stage."""
        rows = stage_rows(self.table, study, funnel, self.span)
        return step_times(find_starts(rows, funnel, with_paths=True), funnel)

    def _find_times(self, study: Study) -> tuple[StepTime | None, ...]:
        funnel = _asked(study)
        if funnel is None:
            return ()
        units, stages = self._steps(study, funnel), len(funnel.stages)
        others = partial(self._of_hard, hard_times, study, units)
        return convert_times(self.session, units, stages, others)

    def _find_medians(self, study: Study) -> tuple[float | None, ...]:
        funnel = _asked(study)
        if funnel is None:
            return ()
        units, stages = self._steps(study, funnel), len(funnel.stages)
        steps = {f"t{i}": units[f"t{i}"] - units[f"t{i - 1}"] for i in range(2, stages)}
        units = units.mutate(**steps) if steps else units
        others = partial(self._of_hard, hard_steps, study, units)
        found = convert_times(self.session, units, stages, others)
        return (*(time.median_seconds if time else None for time in found[1:]), None)

    def _find_curves(self, study: Study) -> WarehouseCurves:
        units = None if _asked(study) is None else self._units(study)
        return WarehouseCurves(
            self.table, study, units, self.span, lambda other: self._count_all(other, None).journeys
        )

    def _find_lines(self, study: Study, cohort: Cohort, sort: Sort, search: str) -> Lines:
        funnel, table, span = _asked(study), self.table, self.span
        wanted, is_of_units = wanted_of(cohort), cohort.is_of_units and funnel is not None
        is_by_user = not is_of_units or (study.scope == "users" and study.hold is None)
        listed = Listed(is_by_user, tuple(wanted), search)
        if funnel is None:
            found, may_be_hard = plain_lines(table, study, span, listed)
        else:
            units = self._depths(study, funnel, listed)
            found, may_be_hard = listed_units(units, study, cohort), units.may_be_hard
        # Who has too long a session but no stage row is no unit, and in a list all the same.
        is_of_journeys = is_of_units and study.scope == "journeys"
        is_same = is_of_journeys or study.journey_rules.max_length is None
        if funnel is not None and is_same and not wanted:
            hard = partial(self._hard, study)
        else:
            hard = partial(hard_engine, table, study, found, span[1], more=wanted)
        is_told = may_be_hard or is_of_units or sort.key == "depth"
        ordered = found if is_told else plain_lines(table, study, span, listed)[0]
        asked, size = Asked(study, cohort, sort, search), partial(self._size, study, cohort)
        return Lines(table, asked, found, ordered, hard if may_be_hard else None, size)

    def _size(self, study: Study, cohort: Cohort) -> int | None:
        """How long a list is without a search, where other questions have told it."""
        if not cohort.filters:
            return self._count_all(study, None).users
        return size_of(self._answers[study], cohort) if study in self._answers else None


def _asked(study: Study) -> Funnel | None:
    """The funnel of a study, None without stages. Raises QuestionError for what is refused."""
    if study.attempts is not None:
        raise QuestionError(
            "a warehouse cannot count attempts exactly yet: leave out --attempts, or ask a sample"
        )
    return study.funnel
