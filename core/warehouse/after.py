"""What was done after a stage, exactly: of those who may have reached it all events are pulled.

What came next and what came last is told by the order of single events, so the local engine walks
them: the panel, and the lists of users behind its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from operator import add
from typing import TYPE_CHECKING

import ibis

from core.cohort import Cohort, Did, Stayed
from core.local import LocalEngine
from core.warehouse.lists import flagged
from core.warehouse.pull import local_study, pull
from core.warehouse.stages import match
from core.warehouse.view import View, view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    import ibis.expr.types as ir

    from core.stage import Stage
    from core.study import Study
    from core.warehouse.session import Cancel
    from core.warehouse.table import EventTable


@dataclass(frozen=True, eq=False)
class After:
    """Everybody who reached a stage, and maybe others, in an engine on this machine."""

    engine: LocalEngine
    """It is asked about `study`."""
    study: Study
    """The question, whose conditions are flags."""
    view: View
    """What is known of each event."""

    def cohort(self, cohort: Cohort) -> Cohort:
        """A cohort whose conditions are flags."""
        return flagged(cohort, self.view)


def stage_of(cohort: Cohort) -> int | None:
    """The first stage after which the units of a cohort did something; None where none is named."""
    stages = [each.stage for each in cohort.filters if isinstance(each, Did | Stayed)]
    return min(stages, default=None)


def find_after(
    table: EventTable,
    study: Study,
    stage: int,
    data_end: int,
    wanted: Sequence[Stage] = (),
    cancelled: Cancel | None = None,
) -> After:
    """Pull who reached a stage, from 0; `wanted` are stages more whose conditions are asked.

    Raises QuestionError when they have too many events to be pulled.
    """
    view = view_of(study, wanted)
    events = who_may_reach(table.events(view), study, stage, view)
    what = f"users who reached stage {stage + 1}"
    log = pull(table.session, events, view, data_end, what, cancelled)
    return After(LocalEngine(log), local_study(study, view), view)


def who_may_reach(events: ir.Table, study: Study, stage: int, view: View) -> ir.Table:
    """All events of the users who have an event for each stage up to one; of a funnel in any order,
    for as many of its stages. How deep they got is told by the walk, so that one scan does.
    """
    whole = ibis.window(group_by="user")
    stages = study.stages if study.order == "any" else study.stages[: stage + 1]
    had = [match(events, each, view.conditions).ifelse(1, 0).max().over(whole) for each in stages]
    may = events.mutate(had=reduce(add, had))
    return may.filter(may.had > stage).drop("had")
