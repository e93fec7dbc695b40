"""One user looked at closely: the events are pulled, and the local engine's own code tells of them.

So a timeline, its marks and an explanation are the same for every engine.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from core.engine import Marks, Session
from core.local import LocalEngine
from core.warehouse.pull import local_study, pull
from core.warehouse.view import view_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.event import Event
    from core.explanation import Explanation
    from core.study import Study
    from core.trail import LocalTrail
    from core.warehouse.table import EventTable


@dataclass(frozen=True, eq=False)
class WarehouseTrail:
    """A `Trail` of pulled events."""

    study: Study
    """The question it belongs to."""
    user: str
    """Whose it is."""
    pulled: LocalTrail
    """The same, to the question as it is asked of pulled events."""

    def __len__(self) -> int:
        """The number of events."""
        return len(self.pulled)

    @property
    def merged_ids(self) -> Sequence[str]:
        """The other ids that were found to be this user."""
        return self.pulled.merged_ids

    @property
    def sessions(self) -> Sequence[Session]:
        """The journeys in time order."""
        return self.pulled.sessions

    @property
    def session_starts(self) -> NDArray[np.int64]:
        """(journeys) the place of each journey's first event."""
        return self.pulled.session_starts

    def event(self, place: int) -> Event:
        """The event at a place, from 0."""
        return self.pulled.event(place)

    def name(self, place: int) -> str:
        """The name of the event at a place."""
        return self.pulled.name(place)

    def time(self, place: int) -> int:
        """Its time, microseconds since 1970."""
        return self.pulled.time(place)

    def marks(self, place: int) -> Marks:
        """What an event is to the funnel."""
        return self.pulled.marks(place)

    def last_counted(self, start: int, count: int) -> int | None:
        """The place of the last event that counted, of so many from a place on; None for none."""
        return self.pulled.last_counted(start, count)

    def density(self, bins: int) -> list[int]:
        """Events in each of so many equal stretches of the user's life."""
        return self.pulled.density(bins)

    def matches_count(self, text: str) -> int:
        """How many events have a text in their name; case is ignored."""
        return self.pulled.matches_count(text)

    def seek(self, place: int, step: int, text: str | None = None) -> int | None:
        """The place of the next event (`step` 1) or the one before (-1) with a text in its name.

        Without a text, of one that fills a stage. None when there is none that way.
        """
        return self.pulled.seek(place, step, text)


def trail_of(table: EventTable, study: Study, user: str, data_end: int) -> WarehouseTrail:
    """One user's trail; empty for nobody, or where the study sees none of the user's events."""
    engine, asked = _pulled(table, study, user, data_end)
    return WarehouseTrail(study, user, engine.journeys(asked, user))


def explain_one(
    table: EventTable, study: Study, user: str, journey: int | None, data_end: int
) -> Explanation:
    """How far a user got. Raises QuestionError as `Engine.explain` does."""
    engine, asked = _pulled(table, study, user, data_end)
    found = engine.explain(asked, user, journey)
    return replace(found, funnel=study.funnel or found.funnel, study=study)


def _pulled(table: EventTable, study: Study, user: str, data_end: int) -> tuple[LocalEngine, Study]:
    """An engine on a user's events with all their properties, and what to ask of it."""
    is_other = study.user is not None and study.user != user
    view = view_of(study)._replace(user=user, properties=True)
    events = table.events(view)
    log = pull(
        table.session, events.limit(0) if is_other else events, view, data_end, f"user {user}"
    )
    return LocalEngine(log), local_study(study)
