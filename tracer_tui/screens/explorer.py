"""The explorer: it owns all state. Values go down to the panes, wishes come up from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widget import Widget
from textual.widgets import Footer, Static
from textual.worker import get_current_worker

from core.engine import EVERYBODY, Cohort, Engine, FunnelAnswer, UserRow
from core.errors import Cancelled, TracerError
from core.stage import Stage
from core.study import Study
from tracer_tui.answers import Answers, Listing, Shown, View, answer, fetch_around, trace
from tracer_tui.screens.asking import Newest
from tracer_tui.screens.help import Help
from tracer_tui.screens.rejects import Rejects
from tracer_tui.screens.study_keys import StudyKeys
from tracer_tui.screens.why import Why
from tracer_tui.text import content, visible
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.session_timeline import SessionTimeline
from tracer_tui.widgets.status_line import StatusLine
from tracer_tui.widgets.user_list import UserLines, UserList

PATIENCE = 0.1
"""Seconds an answer may take before the screen says that it is being worked out."""

OpenEngine = Callable[[Callable[[], bool], Callable[[float], None]], Engine]
"""Opens the source, given `cancelled()` and `progress(fraction)`; called in a thread."""


class Explorer(StudyKeys):
    """Three panes over one study."""

    AUTO_FOCUS = ""
    """Nothing has the focus until there is something to see."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pane('users')", "Users", show=False, id="pane.users"),
        Binding("2", "pane('timeline')", "Timeline", show=False, id="pane.timeline"),
        Binding("3", "pane('funnel')", "Funnel", show=False, id="pane.funnel"),
        Binding("tab", "next_pane(1)", "Next pane", show=False, id="pane.next"),
        Binding("shift+tab", "next_pane(-1)", "Pane before", show=False, id="pane.previous"),
        Binding("z", "zoom", "Zoom the pane", show=False, id="pane.zoom"),
        Binding("(", "session(-1)", "Session before", show=False, id="session.previous"),
        Binding(")", "session(1)", "Next session", show=False, id="session.next"),
        Binding("i", "why", "Why", id="study.why"),
        Binding("escape", "everybody", "Everybody", show=False, id="users.everybody"),
        Binding("question_mark,f1", "help", "Help", key_display="?", id="app.help"),
        Binding("!", "rejects", "Rejected rows", show=False, id="app.rejects"),
        Binding("q", "app.quit", "Quit", id="app.quit"),
    ]

    funnel: reactive[FunnelAnswer | None] = reactive(None)
    """The bars that are shown."""
    listing: reactive[Listing | None] = reactive(None)
    """The stretch of the list that is shown."""
    shown: reactive[Shown | None] = reactive(None)
    """The trail that is shown."""
    cohort: reactive[Cohort] = reactive(EVERYBODY)
    """Who is shown in the list."""
    busy: reactive[str] = reactive("reading…")
    """What is being worked out."""

    @dataclass
    class Opened(Message):
        """The source has been read."""

        engine: Engine
        stages: tuple[Stage, ...]

    @dataclass
    class Progressed(Message):
        """So much of the source has been read."""

        fraction: float

    @dataclass
    class Answered(Message):
        """The engine answered a view, or gave it up."""

        answers: Answers | None

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
    class Failed(Message):
        """The source cannot be read, or a question cannot be answered."""

        error: TracerError
        view: View | None

    def __init__(self, open_engine: OpenEngine, study: Study, label: str) -> None:
        """Explore what `open_engine` opens, called `label`, beginning with `study`."""
        super().__init__()
        self._open_engine = open_engine
        self._label = label
        self.unreadable = False
        self._engine: Engine | None = None
        self._chosen: UserRow | None = None
        self._views = Newest[View]()
        self._trails = Newest[UserRow]()
        self.set_reactive(Explorer.view, View(study))

    def compose(self) -> ComposeResult:
        """Users beside the timeline, the funnel below, and what is going on at the bottom."""
        yield Static(content(f"Reading {self._label} …"), id="message")
        with Vertical(id="panes"):
            with Horizontal(id="upper"):
                yield UserList(id="users", classes="pane").data_bind(
                    Explorer.listing, answer=Explorer.funnel
                )
                yield SessionTimeline(id="timeline", classes="pane").data_bind(Explorer.shown)
            yield FunnelBars(id="funnel", classes="pane").data_bind(
                Explorer.cohort, answer=Explorer.funnel
            )
        yield StatusLine(id="status").data_bind(
            Explorer.summary, Explorer.busy, answer=Explorer.funnel
        )
        yield Footer(compact=True)

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's signature
        """Until there is something to see, only help and leaving make sense."""
        return self._engine is not None or action in ("help", "app.quit", "quit")

    def on_mount(self) -> None:
        """Read after the first paint."""
        self.query_one("#panes").display = False
        self.call_after_refresh(self.run_worker, self._open, thread=True, group="reading")

    # Asking, in threads.

    def _open(self) -> None:
        worker = get_current_worker()

        def progress(fraction: float) -> None:
            self.post_message(self.Progressed(fraction))

        try:
            engine = self._open_engine(lambda: worker.is_cancelled, progress)
            stages = self.view.study.stages or engine.suggest()
        except Cancelled:
            return
        except TracerError as error:
            self.post_message(self.Failed(error, None))
            return
        self.post_message(self.Opened(engine, stages))

    def _ask(self) -> None:
        """Ask for everything the view shows, now or after what is being answered."""
        now = self._views.ask(self.view)
        if now is not None:
            self._answer(now)

    def _answer(self, view: View) -> None:
        engine, chosen = self._engine, self._chosen
        if engine is None:
            return

        def work() -> None:
            try:
                self.post_message(self.Answered(answer(engine, view, chosen)))
            except TracerError as error:
                self.post_message(self.Failed(error, view))

        self.run_worker(work, thread=True, group="answers")
        self.set_timer(PATIENCE, self._admit_waiting)

    def _admit_waiting(self) -> None:
        if self._views.running is not None:
            self.busy = "working…"
            self.query_one("#panes").add_class("-working")

    def _trace(self, row: UserRow) -> None:
        engine, answer = self._engine, self.funnel
        if engine is None or answer is None:
            return
        # That of the other panes, also while another is being worked out.
        study = answer.study

        def work() -> None:
            self.post_message(self.Traced(row, trace(engine, study, row)))

        self.run_worker(work, thread=True, group="trails")

    # What comes back.

    @on(Progressed)
    def _show_progress(self, message: Progressed) -> None:
        if self._engine is None:
            self.busy = f"reading… {message.fraction:.0%}"

    @on(Opened)
    def _show_source(self, message: Opened) -> None:
        self._engine = message.engine
        self.refresh_bindings()
        self.summary = message.engine.summary()
        study = self.view.study
        if not study.stages:
            study = study.with_stages(message.stages, suggested=True)
        self.set_reactive(Explorer.view, replace(self.view, study=study))
        self._ask()

    @on(Answered)
    def _show_answers(self, message: Answered) -> None:
        newer = self._views.done()
        if newer is not None:
            self._answer(newer)
            return
        answers = message.answers
        if answers is None or answers.view != self.view:
            return
        if answers.chosen != self._chosen:
            # The person went on to another user while this was worked out.
            self._ask()
            return
        row = answers.listing.row(answers.listing.cursor or 0)
        with self.app.batch_update():
            self._chosen = row
            self.cohort = answers.view.cohort
            self.funnel = answers.funnel
            self.listing = answers.listing
            self.shown = answers.shown
            self.busy = ""
            if self._stage_after is not None:
                self.query_one(FunnelBars).cursor = self._stage_after
                self._stage_after = None
            self.query_one("#panes").remove_class("-working")
            if self.query_one("#message").display:
                self.query_one("#message").display = False
                self.query_one("#panes").display = True
                self.query_one(UserList).lines.focus()

    @on(Listed)
    def _show_more(self, message: Listed) -> None:
        if self.listing is not None and message.listing.view == self.listing.view:
            self.listing = message.listing

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

    @on(Failed)
    def _show_failure(self, message: Failed) -> None:
        if self.funnel is None:
            self.unreadable = True
            self.busy = "q quits"
            lines = (message.error.title, visible(str(message.error)), "Press q to quit.")
            self.query_one("#message", Static).update(Content("\n\n".join(lines)))
            self.query_one("#message").add_class("-error")
            return
        newer = self._views.done()
        self.notify(visible(str(message.error)), severity="error", markup=False)
        if newer is not None:
            self._answer(newer)
        elif self.funnel is not None:
            self.view = self.view.with_study(self.funnel.study)

    # What the panes wish.

    def watch_view(self) -> None:
        """Another view asks again."""
        self._ask()

    @on(UserList.Chosen)
    def _choose(self, message: UserList.Chosen) -> None:
        if message.row == self._chosen:
            return
        self._chosen = message.row
        now = self._trails.ask(message.row)
        if now is not None:
            self._trace(now)

    @on(UserLines.Wanted)
    def _fetch(self, message: UserLines.Wanted) -> None:
        engine, listing = self._engine, self.listing
        if engine is None or listing is None:
            return
        view = listing.view

        def work() -> None:
            self.post_message(self.Listed(fetch_around(engine, view, message.index)))

        self.run_worker(work, thread=True, group="listing", exclusive=True)

    @on(UserList.Sought)
    def _search(self, message: UserList.Sought) -> None:
        self.view = replace(self.view, search=message.text)

    @on(FunnelBars.CohortPicked)
    def _list_cohort(self, message: FunnelBars.CohortPicked) -> None:
        self.view = replace(self.view, cohort=message.cohort)

    def action_everybody(self) -> None:
        """Clear the search, or else list everybody again."""
        users = self.query_one(UserList)
        if users.clear_search():
            users.lines.focus()
        else:
            self.view = replace(self.view, cohort=EVERYBODY)

    # What the keys do to the screen.

    def action_pane(self, name: str) -> None:
        """Go to a pane; what is zoomed goes along."""
        pane = self.query_one(f"#{name}")
        if self.query_one("#panes").has_class("-zoomed"):
            self._zoom(pane)
        (pane.lines if isinstance(pane, UserList) else pane).focus()

    def action_next_pane(self, steps: int) -> None:
        """Go to the next pane, or the one before."""
        panes = list(self.query(".pane").results(Widget))
        here = next((i for i, pane in enumerate(panes) if pane.has_focus_within), 0)
        self.action_pane(str(panes[(here + steps) % len(panes)].id))

    def action_zoom(self) -> None:
        """Give the pane in focus the whole screen, or give it back."""
        is_zoomed = self.query_one("#panes").has_class("-zoomed")
        focused = next((p for p in self.query(".pane").results(Widget) if p.has_focus_within), None)
        self._zoom(None if is_zoomed else focused)

    def _zoom(self, zoomed: Widget | None) -> None:
        self.query_one("#panes").set_class(zoomed is not None, "-zoomed")
        for node in (*self.query(".pane"), self.query_one("#upper")):
            node.set_class(zoomed is not None and node in zoomed.ancestors_with_self, "-zoomed")

    def action_session(self, steps: int) -> None:
        """Go through the sessions of the timeline from any pane."""
        self.query_one(SessionTimeline).action_session(steps)

    def action_why(self) -> None:
        """Explain how far the user at the cursor got, and why no farther."""
        if self._engine is not None and self._chosen is not None:
            self.app.push_screen(Why(self._engine, self.view.study, self._chosen), self._take)

    def _take(self, study: Study | None) -> None:
        if study is not None:
            self._study(study)

    def action_rejects(self) -> None:
        """Show the rows that could not be used."""
        if self.summary is not None:
            self.app.push_screen(Rejects(self.summary.report))

    def action_help(self) -> None:
        """Show the keys that work here."""
        groups: dict[str, dict[str, list[str]]] = {"In this pane": {}, "Everywhere": {}}
        for active in self.active_bindings.values():
            node, binding = active.node, active.binding
            if binding.description and active.enabled:
                title = "Everywhere" if node in (self, self.app) else "In this pane"
                key = self.app.get_key_display(replace(binding, key_display=None))
                groups[title].setdefault(binding.description, []).append(key)
        self.app.push_screen(Help(groups))
