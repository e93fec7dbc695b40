"""The timeline's pane: its lines, a search among them, and the drawer of one event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Input

from core.event import Event
from tracer_tui.answers import Shown
from tracer_tui.drawing import count, plural
from tracer_tui.text import content, visible
from tracer_tui.widgets.drawer import Drawer
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.trail_lines import TrailLines


class SessionTimeline(Vertical):
    """One user's events."""

    BORDER_TITLE = "2 Timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="timeline.search", key_display="/"),
        Binding("n", "next(1)", "Next match", show=False, id="timeline.next"),
        Binding("N", "next(-1)", "Previous match", show=False, id="timeline.previous"),
    ]

    shown: var[Shown | None] = var(None)
    """Whose events are shown, and where to go in them."""
    event: var[Event | None] = var(None)
    """The event in the drawer; None while it is closed."""
    is_stale: var[bool] = var(False)
    """Whether another cut is being worked out."""

    @dataclass
    class Moved(Message):
        """The cursor came to another event."""

        place: int

    def compose(self) -> ComposeResult:
        """Lines above the drawer and the search, which show themselves when they are used."""
        yield TrailLines().data_bind(SessionTimeline.shown, SessionTimeline.is_stale)
        yield Drawer(id="drawer").data_bind(SessionTimeline.event)
        yield Field(placeholder="part of an event name", id="trail-search", compact=True)

    def on_mount(self) -> None:
        """Begin without the search."""
        self.query_one(Input).display = False

    @property
    def lines(self) -> TrailLines:
        """The lines, which take the focus."""
        return self.query_one(TrailLines)

    def watch_shown(self, shown: Shown | None) -> None:
        """Say whose events they are."""
        if shown is None or not len(shown.trail):
            self.border_title = "2 Timeline"
        else:
            trail = shown.trail
            sessions = plural(len(trail.sessions), "session")
            events = plural(len(trail), "event")
            also = (
                f" · also {', '.join(map(visible, trail.merged_ids))}" if trail.merged_ids else ""
            )
            self.border_title = Content(f"2 {visible(trail.user)} · {sessions} · {events}{also}")
        self._tell_matches()

    def clear_search(self) -> bool:
        """Close the search; False when there was none."""
        search = self.query_one(Input)
        was_open = bool(search.display)
        search.display = False
        search.value = ""
        self.lines.sought = ""
        return was_open

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one(Input)
        search.display = True
        search.focus()

    def action_next(self, steps: int) -> None:
        """Go to the next match, or the one before."""
        if self.lines.sought:
            self.lines.seek(steps, self.lines.sought)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Go to the nearest match while it is typed."""
        event.stop()
        self.lines.sought = event.value
        self._tell_matches()
        if event.value:
            self.lines.seek(1, event.value, stay=True)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the lines, where `n` and `N` go on."""
        event.stop()
        self.lines.focus()

    @on(LineView.Highlighted)
    def _tell_place(self, event: LineView.Highlighted) -> None:
        event.stop()
        place = self.lines.place
        if isinstance(event.view, TrailLines) and place is not None:
            self.post_message(self.Moved(place))

    def _tell_matches(self) -> None:
        sought = self.lines.sought
        trail = self.shown.trail if self.shown is not None else None
        number = trail.matches_count(sought) if trail is not None and sought else 0
        matches = "1 match" if number == 1 else f"{count(number)} matches"
        self.border_subtitle = content(f"/{sought} · {matches}" if sought else "")
