"""`SampledEngine`: first a sample, then the truth.

Every question is answered at once from a sample of whole users, and says so. `exact` asks the
warehouse; once it has answered, that study's numbers and lists are the warehouse's.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING

from core.cohort import EVERYBODY, Cohort
from core.engine import (
    Curves,
    DropOffPanel,
    FunnelAnswer,
    Sort,
    Summary,
    UsersPage,
)
from core.explanation import Explanation
from core.result import StepTime
from core.stage import Stage
from core.study import Study
from core.vocabulary import Vocabulary
from core.warehouse.after import stage_of
from core.warehouse.estimate import ScaledCurves, estimate, scaled_panel, scaled_times
from core.warehouse.lists import flagged, wanted_of
from core.warehouse.one_user import sampled_trail
from core.warehouse.pull import local_study
from core.warehouse.sample import Sample, pull_sample, sampled_view, share_of

if TYPE_CHECKING:
    from core.trail import LocalTrail
    from core.warehouse.engine import WarehouseEngine
    from core.warehouse.session import Cancel
    from core.warehouse.view import View

KEPT_SAMPLES = 4
"""Samples that are kept: one for each set of conditions and fields that studies name."""


class SampledEngine:
    """Answers studies from a sample of a warehouse's users. Safe to ask from several threads."""

    def __init__(self, warehouse: WarehouseEngine, share: float | None = None) -> None:
        """Of a warehouse; `share` is the fraction of users, None takes about a million events."""
        self.warehouse = warehouse
        self.share = share_of(warehouse.summary(), share)
        self._samples: dict[View, Sample] = {}
        self._pulling = Lock()

    def summary(self) -> Summary:
        """What there is, exactly."""
        return self.warehouse.summary()

    def look(self, cancelled: Cancel | None = None) -> None:
        """Pull the sample that studies without conditions need; stopped on request."""
        self._sample(Study(), cancelled=cancelled)

    def suggest(self) -> tuple[Stage, ...]:
        """A sensible funnel; empty when there are no events."""
        return self._sample(Study()).engine.suggest()

    def exact(self, study: Study, cancelled: Cancel | None = None) -> FunnelAnswer:
        """Ask the warehouse, as `WarehouseEngine.exact` does."""
        return self.warehouse.exact(study, cancelled)

    def funnel(self, study: Study) -> FunnelAnswer:
        """Count units through the stages: exactly if that is known, else from the sample."""
        if self._is_exact(study):
            return self.exact(study)
        sample, asked = self._asked(study)
        answer, result = sample.engine.funnel(asked), sample.engine.result(asked)
        if self.share == 1:
            return replace(answer, study=study)
        return estimate(study, answer, result, self.share, self.summary())

    def time_to_convert(self, study: Study) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        if self._is_exact(study):
            return self.warehouse.time_to_convert(study)
        sample, asked = self._asked(study)
        return scaled_times(sample.engine.time_to_convert(asked), self.share)

    def medians_to_next(self, study: Study) -> tuple[float | None, ...]:
        """For each stage the median seconds to the next, of those who went on; None for nobody."""
        if self._is_exact(study):
            return self.warehouse.medians_to_next(study)
        sample, asked = self._asked(study)
        return sample.engine.medians_to_next(asked)

    def drop_off(self, study: Study, stage: int, cancelled: Cancel | None = None) -> DropOffPanel:
        """What was done after a stage, from 0, which is not the last."""
        if self.warehouse.knows_after(study, stage):
            return self.exact_drop_off(study, stage, cancelled)
        sample, asked = self._asked(study)
        return scaled_panel(study, sample.engine.drop_off(asked, stage), self.share)

    def exact_drop_off(
        self, study: Study, stage: int, cancelled: Cancel | None = None
    ) -> DropOffPanel:
        """Ask the warehouse, as `WarehouseEngine.exact_drop_off` does."""
        return self.warehouse.exact_drop_off(study, stage, cancelled)

    def vocabulary(self) -> Vocabulary:
        """What a question can be made of, for completion."""
        return self.warehouse.vocabulary()

    def curves(self, study: Study) -> Curves:
        """The sweeps of a study: exactly if its numbers are known, else as the sample has them."""
        if self._is_exact(study):
            return self.warehouse.curves(study)
        sample, asked = self._asked(study)
        return ScaledCurves(sample.engine.curves(asked), self.share)

    def users(
        self,
        study: Study,
        cohort: Cohort = EVERYBODY,
        sort: Sort = Sort(),  # noqa: B008 - a frozen value
        search: str = "",
        start: int = 0,
        stop: int = 100,
    ) -> UsersPage:
        """The rows of a list of users from `start` up to `stop`: those of the sample, until the
        study's exact numbers are known.
        """
        if self._is_listed(study, cohort):
            return self.warehouse.users(study, cohort, sort, search, start, stop)
        sample, asked = self._asked(study, cohort)
        who = flagged(cohort, sample.view)
        page = sample.engine.users(asked, who, sort, search, start, stop)
        return replace(page, study=study, cohort=cohort, share=self.share)

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
        if self._is_listed(study, cohort):
            return self.warehouse.place(study, cohort, sort, search, user, journey)
        sample, asked = self._asked(study, cohort)
        who = flagged(cohort, sample.view)
        return sample.engine.place(asked, who, sort, search, user, journey)

    def journeys(self, study: Study, user: str) -> LocalTrail:
        """One user's trail, cut into journeys: at once for a user of the sample, of whom only the
        properties are asked of the warehouse; of anybody else from there.
        """
        whole = partial(self.warehouse.journeys, study, user)
        sample, asked = self._asked(study)
        if sample.engine.log.user_number(user) is None:
            return whole()
        return sampled_trail(sample.engine.journeys(asked, user), study, whole)

    def explain(self, study: Study, user: str, journey: int | None = None) -> Explanation:
        """How far a user got, and why no farther; of anybody, from the warehouse.

        Raises QuestionError for a study without stages, or when there is no such user or journey.
        """
        return self.warehouse.explain(study, user, journey)

    @property
    def doing(self) -> str:
        """What runs where, in a line fit to show; empty while nothing does."""
        return self.warehouse.doing

    def stop(self) -> None:
        """Stop every question that runs: it is killed on the server, and raises Cancelled."""
        self.warehouse.stop()

    def close(self) -> None:
        """Stop what runs and leave the warehouse."""
        self.warehouse.close()

    def _is_exact(self, study: Study) -> bool:
        # One user's events are few, and the user may not be in the sample.
        return self.warehouse.has_answered(study) or study.user is not None

    def _is_listed(self, study: Study, cohort: Cohort) -> bool:
        """Whether the warehouse makes a list, and the sample does not."""
        stage = stage_of(cohort)
        return self._is_exact(study) if stage is None else self.warehouse.knows_after(study, stage)

    def _sample(
        self, study: Study, cohort: Cohort = EVERYBODY, cancelled: Cancel | None = None
    ) -> Sample:
        view, table = sampled_view(study, wanted_of(cohort)), self.warehouse.table
        with self._pulling:
            if view not in self._samples:
                sample = pull_sample(table, self.summary(), view, self.share, cancelled)
                for oldest in list(self._samples)[: 1 - KEPT_SAMPLES]:
                    del self._samples[oldest]
                self._samples[view] = sample
            return self._samples[view]

    def _asked(self, study: Study, cohort: Cohort = EVERYBODY) -> tuple[Sample, Study]:
        sample = self._sample(study, cohort)
        return sample, local_study(study, sample.view)
