"""Everything the explorer shows for one view, asked of the engine in one go.

The panes change together or not at all, so no two of them ever disagree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from core.cohort import EVERYBODY, Cohort
from core.engine import Engine, FunnelAnswer, Sort, Summary, UserRow, UsersPage
from core.stage import Stage
from core.study import Study
from core.timeline import Trail, Unit

PAGE = 120
"""Rows of a list fetched at a time."""


@dataclass(frozen=True, slots=True)
class View:
    """What the person asked to see."""

    study: Study = Study()  # noqa: RUF009 - a frozen value
    """The question."""
    cohort: Cohort = EVERYBODY
    """Who is listed."""
    sort: Sort = Sort()  # noqa: RUF009 - a frozen value
    """In which order."""
    search: str = ""
    """The text their ids contain."""

    def with_study(self, study: Study) -> View:
        """The same list for another question; the stages it is about may have moved, or be gone."""
        before, after = map(_unnamed, (self.study.stages, study.stages))

        def place_of(stage: int) -> int | None:
            sought = before[stage]
            if after[stage : stage + 1] == [sought]:
                return stage
            return after.index(sought) if sought in after else None

        return replace(self, study=study, cohort=self.cohort.moved(place_of, len(after)))


def _unnamed(stages: Sequence[Stage]) -> list[Stage]:
    """Stages without the names they were given: a stage with another name is the same."""
    return [replace(stage, name=None) for stage in stages]


@dataclass(frozen=True, eq=False)
class Listing:
    """A stretch of the list and where its cursor stands."""

    page: UsersPage
    """The rows."""
    cursor: int | None
    """The row to go to; None stays where the person is."""

    @property
    def view(self) -> View:
        """The view it belongs to."""
        return View(self.page.study, self.page.cohort, self.page.sort, self.page.search)

    def row(self, index: int) -> UserRow | None:
        """The row at a place of the whole list, if it has been fetched."""
        place = index - self.page.start
        return self.page.rows[place] if 0 <= place < len(self.page.rows) else None


@dataclass(frozen=True, eq=False)
class Shown:
    """A trail, and where in it to go."""

    trail: Trail
    """The events of one user."""
    session: int | None
    """The session to go to, from 1; None stays at the event where the person is."""
    unit: int | None = None
    """Which of the trail's units was asked for, from 1; None for all of them."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What the panes show for a view."""

    view: View
    """What was asked."""
    chosen: UserRow | None
    """Whom the list was asked to stay at."""
    funnel: FunnelAnswer
    """The bars."""
    listing: Listing
    """The list of users."""
    shown: Shown | None
    """The trail of the user at the cursor; None when the list is empty."""
    summary: Summary
    """What there is, whatever is asked."""

    @property
    def row(self) -> UserRow | None:
        """The row at the cursor."""
        return self.listing.row(self.listing.cursor or 0)


def answer_first(engine: Engine, study: Study) -> Answers:
    """What a study opens with; without stages they are suggested."""
    if not study.stages:
        study = study.with_stages(engine.suggest(), suggested=True)
    return answer(engine, View(study), None, engine.summary())


def answer(engine: Engine, view: View, chosen: UserRow | None, summary: Summary) -> Answers:
    """Ask the engine for everything a view shows, with the cursor on `chosen` if it is listed."""
    funnel = engine.funnel(view.study)
    listing = fetch(engine, view, chosen)
    row = listing.row(listing.cursor or 0)
    shown = trace(engine, view, row) if row else None
    return Answers(view, chosen, funnel, listing, shown, summary)


def trace(engine: Engine, view: View, row: UserRow) -> Shown:
    """The trail behind a row of the list."""
    trail = engine.journeys(view.study, row.user)
    asked, unit = Unit(row.first, row.held), None
    if view.cohort.is_of_units and asked in trail.units:
        unit = trail.units.index(asked) + 1
    return Shown(trail, row.journey, unit)


def fetch(engine: Engine, view: View, chosen: UserRow | None) -> Listing:
    """The stretch of a view's list around `chosen`, or its beginning."""
    study, cohort, sort, search = view.study, view.cohort, view.sort, view.search
    place = None
    if chosen is not None:
        place = engine.place(study, cohort, sort, search, chosen.user, chosen.journey)
    cursor = place or 0
    start = max(0, cursor - PAGE // 2)
    page = engine.users(study, cohort, sort, search, start, start + PAGE)
    return Listing(page, cursor)


def fetch_around(engine: Engine, view: View, index: int) -> Listing:
    """The stretch of a view's list around a place; the cursor stays."""
    start = max(0, index - PAGE // 2)
    page = engine.users(view.study, view.cohort, view.sort, view.search, start, start + PAGE)
    return Listing(page, None)
