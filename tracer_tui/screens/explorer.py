"""The explorer: it owns all state. Values go down to the panes, wishes come up from them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import zip_longest
from typing import ClassVar

from textual import events, on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.containers import Horizontal, Vertical

from core.cohort import EVERYBODY, Cohort, Filter, Kind, Part
from core.engine import UsersPage
from core.study import Study
from tracer_tui.answers import View
from tracer_tui.chips import words
from tracer_tui.drawing import plural
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb
from tracer_tui.rules import counted
from tracer_tui.screens.drop_off import DropOff
from tracer_tui.screens.funnel_commands import FunnelCommands
from tracer_tui.screens.output_keys import OutputKeys
from tracer_tui.screens.picker import FilterPicker
from tracer_tui.screens.source import Source
from tracer_tui.screens.why import Why
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.funnel_pane import FunnelPane
from tracer_tui.widgets.key_line import KeyLine
from tracer_tui.widgets.rulers import Rulers
from tracer_tui.widgets.session_timeline import SessionTimeline
from tracer_tui.widgets.status_line import StatusLine
from tracer_tui.widgets.trail_lines import TrailLines
from tracer_tui.widgets.user_lines import UserLines
from tracer_tui.widgets.user_list import UserList

_ROOM_FOR_TITLES = 30
"""Lines of the screen from which the funnel's columns have titles."""


class Explorer(OutputKeys):
    """Three panes over one study."""

    CSS_PATH = "explorer.tcss"
    AUTO_FOCUS = "#user-lines"
    COMMANDS: ClassVar[set[type[Provider] | Callable[[], type[Provider]]]] = {FunnelCommands}
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("f", "filter", "Filter", id="users.filter"),
        Binding("i", "why", "Why", id="study.why"),
        Binding("escape", "back", "Back", show=False, id="users.everybody"),
        Binding("!", "source", "How it was read", show=False, id="app.source"),
        Binding("x", "export", "Export", id="out.export"),
        Binding("q", "app.quit", "Quit", id="app.quit"),
    ]

    def compose(self) -> ComposeResult:
        """Users beside the timeline, the funnel below, and what is going on at the bottom."""
        stale = Explorer.is_stale
        with Vertical(id="panes"):
            with Horizontal(id="upper"):
                yield UserList(id="users", classes="pane", is_picking=self.is_picking).data_bind(
                    Explorer.listing, stale, answer=Explorer.funnel
                )
                yield SessionTimeline(id="timeline", classes="pane").data_bind(
                    Explorer.shown, Explorer.event, stale
                )
            yield FunnelPane(id="funnel", classes="pane").data_bind(
                Explorer.cohort,
                Explorer.details,
                Explorer.pinned,
                stale,
                answer=Explorer.funnel,
            )
        yield StatusLine(self.summary, self.first_hint()).data_bind(
            Explorer.busy, Explorer.doing, answer=Explorer.funnel
        )
        yield KeyLine(id="keys")

    def on_resize(self, event: events.Resize) -> None:
        """Say what the columns of the funnel are where there is a line to spare."""
        self.funnel_pane.bars.has_titles = event.size.height >= _ROOM_FOR_TITLES

    # What the panes wish.

    @on(UserList.Chosen)
    def _choose(self, message: UserList.Chosen) -> None:
        self.choose(message.row)

    @on(UserList.Opened)
    def _open_user(self, message: UserList.Opened) -> None:
        if self.is_picking:
            self.pick(self.users.marked or [message.row.user])
        else:
            self.go_to(self.timeline)

    @on(UserLines.Wanted)
    def _fetch_rows(self, message: UserLines.Wanted) -> None:
        self.fetch(message.index)

    @on(UserLines.Sorted)
    def _sort(self, message: UserLines.Sorted) -> None:
        self._chosen = None  # who comes first now is what was asked for
        self.seek(sort=message.sort)

    @on(UserList.Sought)
    def _search(self, message: UserList.Sought) -> None:
        self.seek(search=message.text)

    @on(UserList.Unfiltered)
    def _unfilter(self, message: UserList.Unfiltered) -> None:
        self.seek(cohort=self.view.cohort.without(message.filter))

    @on(FunnelBars.PartPicked)
    def _list_part(self, message: FunnelBars.PartPicked) -> None:
        if self.funnel is not None:
            self.list_cohort(Cohort((message.part,)), self.funnel.study)

    def list_cohort(
        self, cohort: Cohort, study: Study, beside: Cohort = EVERYBODY, search: str = ""
    ) -> None:
        """List some units of a funnel, and go to their list: it is what was asked for, so that no
        search but `search` is left to make it shorter.

        Another funnel may have been asked for meanwhile; where it lacks the stage, nothing changes.
        What is listed already, `beside` them, is about that one.
        """
        moved = View(study, cohort).with_study(self.view.study).cohort
        if len(moved.filters) < len(cohort.filters):
            return
        for each in moved.filters:
            beside = beside.and_also(each)
        if not search:
            self.users.clear_search()
        self.seek(cohort=beside, search=search)
        self.go_to(self.users)

    @on(FunnelBars.DropOffAsked)
    def _show_drop_off(self, message: FunnelBars.DropOffAsked) -> None:
        if self.funnel is not None and self.funnel.study == self.view.study:
            self._open_drop_off(message.stage)  # a list that is being found is not waited for
        else:
            self.when_answered(lambda: self._open_drop_off(message.stage))

    def _open_drop_off(self, stage: int) -> None:
        if self.funnel is None or stage >= len(self.funnel.stages) - 1:
            return
        study = self.funnel.study

        def list_them(cohort: Cohort | None) -> None:
            if cohort is not None:
                self.list_cohort(cohort, study)

        self.app.push_screen(DropOff(self.engine, study, stage), list_them)

    @on(FunnelBars.Dragged)
    def _drop_stage(self, message: FunnelBars.Dragged) -> None:
        self.move_stage(message.stage, message.to)

    @on(TrailLines.Inspected)
    def _open_drawer(self, message: TrailLines.Inspected) -> None:
        if self.event is not None:
            self.event = None
        else:
            self.inspect(message.place)

    @on(SessionTimeline.Moved)
    def _follow_cursor(self, message: SessionTimeline.Moved) -> None:
        if self.event is not None:
            self.inspect(message.place)

    @on(Rulers.Climbed)
    def _climb(self, message: Rulers.Climbed) -> None:
        study = self.view.study
        if message.kind == "timeout":
            self.change(study.with_timeout(climb(study.timeout, TIMEOUTS, message.steps)))
        else:
            self.change(study.with_window(climb(study.window, WINDOWS, message.steps)))

    # What the keys do.

    def action_back(self) -> None:
        """Close what is open: the search of the pane, the drawer, then the filters of the list.

        What is counted somewhere else is stopped before any filter goes.
        """
        if self.timeline.has_focus_within and self.timeline.clear_search():
            self.timeline.lines.focus()
        elif self.users.clear_search():
            self.users.lines.focus()
        elif self.event is not None:
            self.event = None
        elif not self.stop_counting():
            self.seek(cohort=EVERYBODY)

    def action_filter(self) -> None:
        """Ask for a filter more: a part of the bars that somebody is in, or an event."""
        if self.funnel is None:
            return
        study, by_words, sizes = self.funnel.study, dict[str, Filter](), dict[str, str]()
        for stage, after in zip_longest(range(len(study.stages)), self.funnel.stages[1:]):
            told = self.funnel.stages[stage]
            numbers: dict[Kind, int] = {"reached": told.count}
            if after is not None:
                numbers |= {"left": told.dropped, "went_on": after.count, "pending": told.pending}
            for kind, number in numbers.items():
                if number:
                    text = words(Part(kind, stage), study.stages)
                    by_words[text] = Part(kind, stage)
                    sizes[text] = plural(number, counted(study, is_one=True))

        def add(picked: Filter | None) -> None:
            if picked is not None:
                self.list_cohort(Cohort((picked,)), study, self.view.cohort, self.view.search)

        view = self.view

        def ask(picked: Filter) -> UsersPage:
            cohort = view.cohort.and_also(picked)
            return self.engine.users(study, cohort, view.sort, view.search)

        picker = FilterPicker("Filter the list", self.engine, ask, by_words, sizes)
        self.app.push_screen(picker, add)

    def action_why(self) -> None:
        """Explain how far the user at the cursor got, and why no farther.

        In the timeline it is the session at the cursor there, where sessions are counted.
        """
        row = self._chosen
        if row is None or self.funnel is None:
            return
        # Of the question that is shown: another cuts other sessions.
        study, shown = self.funnel.study, self.shown
        is_there = shown is not None and (shown.trail.user, shown.trail.study) == (row.user, study)
        if self.timeline.has_focus_within and is_there and study.scope == "journeys":
            row = replace(row, journey=self.timeline.lines.session)
        self.app.push_screen(Why(self.engine, study, row), self._take)

    def _take(self, study: Study | None) -> None:
        if study is not None:
            self.change(study)

    def action_source(self) -> None:
        """Show how the source was read, and the rows that could not be used."""
        self.app.push_screen(Source(self.summary.report))
