"""The keys that go between the panes, and give one of them all the room."""

from __future__ import annotations

from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.widget import Widget

from tracer_tui.screens.study_keys import StudyKeys
from tracer_tui.widgets.funnel_pane import FunnelPane
from tracer_tui.widgets.session_timeline import SessionTimeline
from tracer_tui.widgets.user_list import UserList

Pane = UserList | SessionTimeline | FunnelPane


class PaneKeys(StudyKeys):
    """A screen of three panes, numbered."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("1", "pane('users')", "Users", show=False, id="pane.users"),
        Binding("2", "pane('timeline')", "Timeline", show=False, id="pane.timeline"),
        Binding("3", "pane('funnel')", "Funnel", show=False, id="pane.funnel"),
        Binding("tab", "next_pane(1)", "Next pane", show=False, id="pane.next"),
        Binding("shift+tab", "next_pane(-1)", "Pane before", show=False, id="pane.previous"),
        Binding("z", "zoom", "Zoom the pane", show=False, id="pane.zoom"),
        Binding("(", "session(-1)", "Session before", show=False, id="session.previous"),
        Binding(")", "session(1)", "Next session", show=False, id="session.next"),
    ]

    @property
    def users(self) -> UserList:
        """The first pane."""
        return self.query_one(UserList)

    @property
    def timeline(self) -> SessionTimeline:
        """The second pane."""
        return self.query_one(SessionTimeline)

    @property
    def funnel_pane(self) -> FunnelPane:
        """The third pane."""
        return self.query_one(FunnelPane)

    @property
    def _panes(self) -> tuple[Pane, ...]:
        return self.users, self.timeline, self.funnel_pane

    def place_cursor(self, stage: int) -> None:
        """Put the cursor of the bars on a stage."""
        self.funnel_pane.bars.cursor = stage

    def action_pane(self, name: str) -> None:
        """Go to a pane; what is zoomed goes along."""
        self.go_to(next(pane for pane in self._panes if pane.id == name))

    def go_to(self, pane: Pane) -> None:
        """Give a pane the focus; what is zoomed goes along."""
        if self.query_one("#panes").has_class("-zoomed"):
            self._zoom(pane)
        pane.lines.focus()

    def action_next_pane(self, steps: int) -> None:
        """Go to the next pane, or the one before."""
        panes = self._panes
        here = next((i for i, pane in enumerate(panes) if pane.has_focus_within), 0)
        self.go_to(panes[(here + steps) % len(panes)])

    def action_zoom(self) -> None:
        """Give the pane in focus the whole screen, or give it back."""
        is_zoomed = self.query_one("#panes").has_class("-zoomed")
        focused = next((pane for pane in self._panes if pane.has_focus_within), None)
        self._zoom(None if is_zoomed else focused)

    def _zoom(self, zoomed: Widget | None) -> None:
        self.query_one("#panes").set_class(zoomed is not None, "-zoomed")
        for node in (*self._panes, self.query_one("#upper")):
            node.set_class(zoomed is not None and node in zoomed.ancestors_with_self, "-zoomed")

    def action_session(self, steps: int) -> None:
        """Go through the sessions of the timeline from any pane."""
        self.timeline.lines.action_session(steps)
