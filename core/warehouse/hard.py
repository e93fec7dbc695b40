"""The users that no query can tell everything of: the local kernels answer for them.

They are few: those with simultaneous events of which one matches several stages, and the like (see
`core.warehouse.stages`). What they come to is added to what the warehouse says of all others.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.local import LocalEngine
from core.warehouse.counts import MOST_HARD, Counts
from core.warehouse.pull import local_study, pull, users_engine
from core.warehouse.sessions import cut
from core.warehouse.totals import Totals
from core.warehouse.view import view_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    from numpy.typing import NDArray

    from core.stage import Stage
    from core.study import Study
    from core.warehouse.session import Cancel
    from core.warehouse.table import EventTable

    Times = Sequence[NDArray[np.int64]]


def hard_engine(
    table: EventTable,
    study: Study,
    rows: ir.Table,
    data_end: int,
    cancelled: Cancel | None = None,
    *,
    more: Sequence[Stage] = (),
    names: tuple[str, ...] = (),
) -> LocalEngine:
    """An engine on all events of the hard users among some rows; `names`, if they are known. It is
    asked `local_study`; it knows the conditions of some stages more.

    Raises QuestionError when they are too many to be pulled.
    """
    view = view_of(study, more)
    what = "users with simultaneous events whose order matters"
    if 0 < len(names) <= MOST_HARD:
        # To find their events among all takes no more than to read them.
        events = table.events(view._replace(users=names))
        return LocalEngine(pull(table.session, events, view, data_end, what, cancelled))
    hard = rows.filter(rows.hard == 1).select("user").distinct()
    return users_engine(table, view, hard, data_end, what, cancelled)


def hard_counts(engine: LocalEngine, study: Study) -> Counts:
    """What the users of an engine add to the numbers of a funnel."""
    result = engine.result(local_study(study))
    if result is None:
        raise ValueError("a funnel without stages counts nothing")
    return Counts(
        tuple(stage.count for stage in result.counted),
        tuple(stage.pending for stage in result.counted),
        result.excluded,
    )


def hard_times(engine: LocalEngine, study: Study) -> Times:
    """For each stage how long the units of an engine took, microseconds ascending."""
    result = engine.result(local_study(study))
    if result is None:
        raise ValueError("a funnel without stages takes no time")
    return result.step_times


def hard_steps(engine: LocalEngine, study: Study) -> Times:
    """For each stage how long the units of an engine took since the one before, likewise."""
    result = engine.result(local_study(study))
    if result is None:
        raise ValueError("a funnel without stages takes no time")
    time, places = result.units.log.time, result.counted_events[1]
    steps = [np.empty(0, dtype=np.int64)]
    for here, after in pairwise(places):
        went_on = after >= 0
        steps.append(np.sort(time[after[went_on]] - time[here[went_on]]))
    return steps


def long_engine(
    table: EventTable, study: Study, span: tuple[int, int], cancelled: Cancel | None = None
) -> LocalEngine:
    """An engine on all events of the users whose journeys must be cut here."""
    view = view_of(study, stages=False)
    events = table.events(view)
    found = cut(events, study, span, table.session.dialect)
    found = found.filter(found.hard == 1)[list(events.columns)]
    what = "users with sessions that are too long"
    return LocalEngine(pull(table.session, found, view, span[1], what, cancelled))


def hard_journeys(engine: LocalEngine, study: Study) -> Totals:
    """Events, users and journeys of the users of an engine."""
    answer = engine.funnel(local_study(study))
    return Totals(answer.events_count, answer.users_count, answer.journeys_count)
