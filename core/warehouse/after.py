"""What was done after a stage, exactly: of those who reached it all events are pulled.

What came next and what came last is told by the order of single events, so the local engine walks
them: the panel, and the lists of users behind its numbers.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.cohort import Cohort, Did, Stayed
from core.warehouse.lists import flagged
from core.warehouse.pull import local_study, users_engine
from core.warehouse.view import View, view_of

if TYPE_CHECKING:
    from collections.abc import Sequence

    from core.local import LocalEngine
    from core.stage import Stage
    from core.study import Study
    from core.warehouse.session import Cancel
    from core.warehouse.table import EventTable
    from core.warehouse.units import UnitTable


@dataclass(frozen=True, eq=False)
class After:
    """Everybody who reached a stage, in an engine on this machine."""

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
    units: UnitTable,
    stage: int,
    data_end: int,
    wanted: Sequence[Stage] = (),
    cancelled: Cancel | None = None,
) -> After:
    """Pull who reached a stage, from 0; `wanted` are stages more whose conditions are asked.

    Raises QuestionError when they have too many events to be pulled.
    """
    rows, view = units.rows, view_of(study, wanted)
    reached = rows.filter((rows.depth > stage) | (rows.hard == 1)).select("user").distinct()
    what = f"users who reached stage {stage + 1}"
    engine = users_engine(table, view, reached, data_end, what, cancelled)
    return After(engine, local_study(study, view), view)
