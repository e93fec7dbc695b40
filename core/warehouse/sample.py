"""A sample of whole users, by a hash of their ids: the same users whenever it is pulled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.local import LocalEngine
from core.warehouse.pull import pull
from core.warehouse.view import View, view_of

if TYPE_CHECKING:
    from core.engine import Summary
    from core.stage import Stage
    from core.study import Study
    from core.warehouse.session import Cancel
    from core.warehouse.table import EventTable

SAMPLED_EVENTS = 1_000_000
"""Events of a sample, about, unless its share is given."""
BUCKETS = 1_000_000_000
"""The finest share of users that can be told apart."""


@dataclass(frozen=True, eq=False)
class Sample:
    """Whole users pulled into an engine on this machine."""

    engine: LocalEngine
    """It is asked `local_study` with the view."""
    view: View
    """What is known of each event."""
    share: float
    """The fraction of all users that each had to be in it; 1 is everybody."""


def share_of(summary: Summary, share: float | None) -> float:
    """The share of users that a sample takes, chosen or by its size."""
    if share is not None:
        return share
    return min(1.0, SAMPLED_EVENTS / max(summary.events_count, 1))


def sampled_view(study: Study, wanted: Sequence[Stage] = ()) -> View:
    """What a sample must know of each event to answer a study, and to list who did some more."""
    view = view_of(study, wanted)
    where = [] if study.where is None else [study.where]
    conditions = tuple(dict.fromkeys([*view.conditions, *where]))
    return View(conditions=conditions, fields=view.fields)


def pull_sample(
    table: EventTable, summary: Summary, view: View, share: float, cancelled: Cancel | None = None
) -> Sample:
    """Pull a sample of all users."""
    events = table.events(view)
    if share < 1:
        bucket = table.session.dialect.bucket(events.user, BUCKETS)
        events = events.filter(bucket < round(share * BUCKETS))
    what = f"taking a sample of whole users, {100 * share:.3g} %"
    log = pull(table.session, events, view, summary.last or 0, what, cancelled)
    return Sample(LocalEngine(log), view, share)
