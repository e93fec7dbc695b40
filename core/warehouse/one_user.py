"""One user looked at closely: the events are pulled, and the local engine's own code tells of them.

So a timeline, its marks and an explanation are the same for every engine.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from core.local import LocalEngine
from core.reading.sorting import smallest
from core.trail import LocalTrail
from core.warehouse.pull import local_study, pull
from core.warehouse.view import view_of

if TYPE_CHECKING:
    from core.event import Event
    from core.explanation import Explanation
    from core.log import EventLog
    from core.study import Study
    from core.warehouse.table import EventTable


@dataclass(frozen=True, eq=False)
class SampledTrail(LocalTrail):
    """A trail of a user of a sample, which knows no properties until they are looked at."""

    whole: Callable[[], LocalTrail] = field(kw_only=True, repr=False)
    """The same with them, from the warehouse."""

    @cached_property
    def _whole(self) -> LocalTrail:
        return self.whole()

    def events(self, start: int, stop: int) -> Sequence[Event]:
        """The events from a place up to another."""
        return self._whole.events(start, stop)


def trail_of(table: EventTable, study: Study, user: str, data_end: int) -> LocalTrail:
    """One user's trail; empty for nobody, or where the study sees none of the user's events."""
    engine, asked = _pulled(table, study, user, data_end)
    return replace(engine.journeys(asked, user), study=study)


def sampled_trail(trail: LocalTrail, study: Study, whole: Callable[[], LocalTrail]) -> SampledTrail:
    """A trail of a sample as one to the question that was asked."""
    given = {each.name: getattr(trail, each.name) for each in fields(trail)}
    return SampledTrail(**given | {"study": study}, whole=whole)


def explain_one(
    table: EventTable,
    study: Study,
    user: str,
    journey: int | None,
    data_end: int,
    names: Iterable[str],
) -> Explanation:
    """How far a user got. Raises QuestionError as `Engine.explain` does.

    `names` are those of everybody's events: what the user never did is known all the same.
    """
    engine, asked = _pulled(table, study, user, data_end)
    found = LocalEngine(_knowing(engine.log, names)).explain(asked, user, journey)
    return replace(found, funnel=study.funnel or found.funnel, study=study)


def _knowing(log: EventLog, names: Iterable[str]) -> EventLog:
    """A log that knows more names than its events have."""
    known = tuple(sorted({*log.names, *names}))
    code = {name: number for number, name in enumerate(known)}
    codes = np.array([code[name] for name in log.names], dtype=smallest(len(known)))
    return replace(log, names=known, name=codes[log.name])


def _pulled(table: EventTable, study: Study, user: str, data_end: int) -> tuple[LocalEngine, Study]:
    """An engine on a user's events with all their properties, and what to ask of it."""
    is_other = study.user is not None and study.user != user
    view = view_of(study)._replace(user=user, properties=True)
    events = table.events(view)
    log = pull(
        table.session, events.limit(0) if is_other else events, view, data_end, f"user {user}"
    )
    return LocalEngine(log), local_study(study)
