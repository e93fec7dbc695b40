"""A screen that asks an engine, away from its own thread, and keeps only answers to what it shows.

Every answer carries its question. One that comes late is dropped, so that no number is ever wrong,
and one that takes its time is admitted: what stands there until then is marked as old.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from textual import on
from textual.message import Message
from textual.reactive import Reactive, var
from textual.screen import Screen
from textual.widget import Widget

from core.cohort import EVERYBODY, Cohort
from core.engine import Engine, FunnelAnswer, UserRow
from core.errors import Cancelled, TracerError
from core.event import Event
from tracer_tui.answers import Answers, Listing, Shown, View, answer, fetch_around, trace
from tracer_tui.asking import Newest, Question
from tracer_tui.details import Details, find_details
from tracer_tui.leaving import close_held
from tracer_tui.rules import changed
from tracer_tui.text import visible

PATIENCE = 0.03
"""Seconds an answer may take before the screen says that it is being worked out."""


class Answering(Screen[None]):
    """Holds a view, and what the engine answered to it."""

    # Textual's own repaints the whole screen whenever the focus moves; the panes see to themselves.
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)

    view: var[View] = var(View(), init=False)
    """What the person asked to see."""
    funnel: var[FunnelAnswer | None] = var(None)
    """The bars that are shown."""
    listing: var[Listing | None] = var(None)
    """The stretch of the list that is shown."""
    shown: var[Shown | None] = var(None)
    """The trail that is shown."""
    cohort: var[Cohort] = var(EVERYBODY)
    """Who is shown in the list."""
    details: var[Details | None] = var(None)
    """The medians and the rulers that are shown."""
    event: var[Event | None] = var(None)
    """The event in the drawer; None while it is closed."""
    is_stale: var[bool] = var(False)
    """Whether what is shown is being worked out anew."""
    busy: var[str] = var("")
    """What is being worked out."""

    @dataclass
    class Answered(Message):
        """The engine answered a view."""

        answers: Answers

    @dataclass
    class Detailed(Message):
        """The engine answered what takes longer."""

        details: Details | None

    @dataclass
    class Listed(Message):
        """The engine fetched more of the list."""

        listing: Listing

    @dataclass
    class Traced(Message):
        """The engine fetched the trail behind a row of the list."""

        row: UserRow
        shown: Shown

    @dataclass
    class Inspected(Message):
        """The engine fetched the properties of an event."""

        user: str
        place: int
        event: Event

    @dataclass
    class Failed(Message):
        """A question cannot be answered, or was stopped."""

        error: TracerError
        go_on: Callable[[], None]

    def __init__(self, engine: Engine, answers: Answers) -> None:
        """Begin with what an engine answered already."""
        super().__init__()
        self.engine = engine
        self.summary = answers.summary
        self._chosen = answers.row
        self._cursor_after: int | None = None
        self._views = Newest[View]()
        self._details = Newest[View]()
        self._stops = 0
        self._then: Callable[[], None] | None = None
        self._stretches = Newest[tuple[View, int]]()
        self._trails = Newest[UserRow]()
        self._places = Newest[tuple[str, int]]()
        for name, value in (
            ("view", answers.view),
            ("funnel", answers.funnel),
            ("listing", answers.listing),
            ("shown", answers.shown),
            ("cohort", answers.view.cohort),
        ):
            self.set_reactive(getattr(type(self), name), value)

    def on_mount(self) -> None:
        """Ask for what takes longer than the first paint may."""
        self._ask_details()

    def on_unmount(self) -> None:
        """Leave the engine; what it still does is stopped, and hardly waited for."""
        close_held(self.engine)

    # Asking.

    def watch_view(self, before: View, view: View) -> None:
        """Another view asks again; what was asked before it is of no use any more."""
        if before != view:
            self._then = None
            self.engine.stop()
            self._ask()

    def when_answered(self, then: Callable[[], None]) -> None:
        """Do something with what is shown, once it answers the view. Only the last is waited for,
        and nothing if the person asks for another view meanwhile.
        """
        if self._views.running is None:
            then()
        else:
            self._then = then

    def _ask(self) -> None:
        """Ask for everything the view shows, now or after what is being answered."""
        now = self._views.ask(self.view)
        if now is not None:
            self._answer(now)
        else:
            self._admit_waiting()

    def _answer(self, view: View) -> None:
        chosen, summary = self._chosen, self.summary
        self._in_thread(
            "answers",
            lambda: self.Answered(answer(self.engine, view, chosen, summary)),
            self._go_back,
        )
        self.set_timer(PATIENCE, self._admit_waiting)

    def _in_thread(self, group: str, ask: Callable[[], Message], go_on: Callable[[], None]) -> None:
        """Ask away from the screen; `go_on` is what to do where there is no answer."""

        def work() -> None:
            try:
                message = ask()
            except TracerError as error:
                message = self.Failed(error, go_on)
            self.post_message(message)

        self.run_worker(work, thread=True, group=group)

    def _next(self, asked: Newest[Question], ask: Callable[[Question], None]) -> None:
        """Answer the question that waits."""
        newer = asked.done()
        if newer is not None:
            ask(newer)

    def _admit_waiting(self) -> None:
        if self._views.running is not None:
            shown = self.funnel.study if self.funnel is not None else self.view.study
            self.busy = " · ".join([*changed(shown, self.view.study), "working…"])
            # What is asked again of the same view only becomes more exact.
            self.is_stale = self.listing is None or self._views.running != self.listing.view

    def _ask_details(self) -> None:
        now = self._details.ask(self.view)
        if now is not None:
            self._detail(now)

    def _detail(self, view: View) -> None:
        stops = self._stops

        def is_of_no_use() -> bool:
            # What the engine has not begun yet when it is stopped would go on.
            return self._details.waiting is not None or self._stops > stops

        engine, is_estimate = (
            self.engine,
            self.funnel is not None and self.funnel.sampled is not None,
        )

        def work() -> Message:
            found = find_details(engine, view.study, is_of_no_use, is_estimate=is_estimate)
            return self.Detailed(found)

        self._in_thread("details", work, lambda: self._next(self._details, self._detail))

    def choose(self, row: UserRow) -> None:
        """Show the trail behind a row of the list."""
        if row == self._chosen:
            return
        self._chosen = row
        self.event = None
        now = self._trails.ask(row)
        if now is not None:
            self._trace(now)

    def _trace(self, row: UserRow) -> None:
        if self.funnel is None:
            return
        # That of the other panes, also while another is being worked out.
        view = View(self.funnel.study, self.cohort)

        self._in_thread(
            "trails",
            lambda: self.Traced(row, trace(self.engine, view, row)),
            lambda: self._next(self._trails, self._trace),
        )

    def fetch(self, index: int) -> None:
        """Fetch the rows of the list around a place."""
        if self.listing is not None:
            now = self._stretches.ask((self.listing.view, index))
            if now is not None:
                self._fetch(now)

    def _fetch(self, asked: tuple[View, int]) -> None:
        view, index = asked

        self._in_thread(
            "listing",
            lambda: self.Listed(fetch_around(self.engine, view, index)),
            lambda: self._next(self._stretches, self._fetch),
        )

    def inspect(self, place: int) -> None:
        """Fetch the properties of an event of the trail that is shown."""
        if self.shown is not None:
            now = self._places.ask((self.shown.trail.user, place))
            if now is not None:
                self._inspect(now)

    def _inspect(self, asked: tuple[str, int]) -> None:
        user, place = asked
        trail = self.shown.trail if self.shown is not None else None
        if trail is None or trail.user != user:
            self._places.done()
            return

        def look() -> Message:
            event = trail.event(place)
            dict(event.properties)  # read here, in this thread
            return self.Inspected(user, place, event)

        self._in_thread("events", look, lambda: self._next(self._places, self._inspect))

    # What comes back.

    @on(Answered)
    def _show_answers(self, message: Answered) -> None:
        newer = self._views.done()
        if newer is not None:
            self._answer(newer)
            return
        answers = message.answers
        if answers.view != self.view:
            return
        if answers.chosen != self._chosen:
            # The person went on to another user while this was worked out.
            self._ask()
            return
        self._show(answers)
        if self.details is None or self.details.study != answers.view.study:
            self._ask_details()
        then, self._then = self._then, None
        if then is not None:
            then()

    def _show(self, answers: Answers) -> None:
        with self.app.batch_update():
            if self._chosen != answers.row:
                self.event = None
            self._chosen = answers.row
            self.cohort = answers.view.cohort
            self.funnel = answers.funnel
            self.listing = answers.listing
            self.shown = answers.shown
            self.busy = ""
            self.is_stale = False
            if self._cursor_after is not None:
                self.place_cursor(self._cursor_after)
                self._cursor_after = None

    def place_cursor(self, stage: int) -> None:
        """Put the cursor of the bars on a stage."""
        raise NotImplementedError

    @on(Detailed)
    def _show_details(self, message: Detailed) -> None:
        newer = self._details.done()
        if newer is not None:
            self._detail(newer)
        elif message.details is not None and message.details.study == self.view.study:
            self.details = message.details

    @on(Listed)
    def _show_more(self, message: Listed) -> None:
        if self.listing is not None and message.listing.view == self.listing.view:
            self.listing = message.listing
        newer = self._stretches.done()
        if newer is None or self.listing is None:
            return
        view, index = newer
        if view == self.listing.view and self.listing.row(index) is not None:
            self._stretches.done()  # every line in sight asked, and one answer has them all
        else:
            self._fetch(newer)

    @on(Traced)
    def _show_trail(self, message: Traced) -> None:
        newer = self._trails.done()
        if newer is not None:
            self._trace(newer)
        elif (
            self.funnel is not None
            and message.shown.trail.study == self.funnel.study
            and message.row == self._chosen
        ):
            self.shown = message.shown

    @on(Inspected)
    def _show_event(self, message: Inspected) -> None:
        newer = self._places.done()
        if newer is not None:
            self._inspect(newer)
        elif self.shown is not None and self.shown.trail.user == message.user:
            self.event = message.event

    @on(Failed)
    def _show_failure(self, message: Failed) -> None:
        """Say why there is no answer, unless nobody waits for it any more."""
        if not isinstance(message.error, Cancelled):
            self.notify(visible(str(message.error)), severity="error", markup=False)
        message.go_on()

    def _go_back(self) -> None:
        """Go back to the question that is shown, or on to a newer one."""
        newer = self._views.done()
        if newer is not None:
            self._answer(newer)
        elif self.funnel is not None and self.listing is not None:
            self._then = None
            page = self.listing.page
            if self.view.study != self.funnel.study:
                self.give_up()
            self.view = View(self.funnel.study, page.cohort, page.sort, page.search)
            self.busy = ""
            self.is_stale = False

    def give_up(self) -> None:
        """Forget the question that could not be answered."""

    def seek(self, **changes: object) -> None:
        """Ask for another part of the list, or another order of it."""
        self.view = replace(self.view, **changes)  # type: ignore[arg-type]  # the names of its fields
