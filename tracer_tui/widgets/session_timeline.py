"""The timeline's pane: its lines, a search among them, and the drawer of one event."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Input

from core.errors import Cancelled, TracerError
from core.event import Event
from tracer_tui.answers import Shown
from tracer_tui.asking import Newest
from tracer_tui.drawing import count, fit_ends, plural
from tracer_tui.text import content, visible
from tracer_tui.trail_search import Found, TrailTexts, in_names, in_values
from tracer_tui.widgets.drawer import Drawer
from tracer_tui.widgets.field import Search
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.pane import Pane
from tracer_tui.widgets.trail_lines import TrailLines

_SHORTEST_ID = 8
"""Cells that an id is given in any case."""


class SessionTimeline(Pane):
    """One user's events."""

    BORDER_TITLE = "2 Timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="timeline.search", key_display="/"),
        Binding("n", "next(1)", "Next match", show=False, id="timeline.next"),
        Binding("N", "next(-1)", "Previous match", show=False, id="timeline.previous"),
        Binding("shift+down", "turn(1)", "More properties", show=False, id="timeline.more"),
        Binding("shift+up", "turn(-1)", "Properties before", show=False, id="timeline.less"),
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

    @dataclass
    class Searched(Message):
        """A search has found so much."""

        found: Found

    @dataclass
    class Ended(Message):
        """A search came to its end, or to something that cannot be read."""

        found: Found
        error: TracerError | None

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002 - Textual's name for it
        """Begin with nobody."""
        super().__init__(id=id, classes=classes)
        self._texts: TrailTexts | None = None
        self._searches = Newest[Found]()
        self._came_from: int | None = None

    def compose(self) -> ComposeResult:
        """Lines above the drawer and the search, which show themselves when they are used."""
        yield TrailLines().data_bind(SessionTimeline.shown, SessionTimeline.is_stale)
        yield Drawer(id="drawer").data_bind(SessionTimeline.event)
        yield Search(
            placeholder="part of a name, or of a property's value", id="trail-search", compact=True
        )

    def on_mount(self) -> None:
        """Begin without the search."""
        self.query_one(Input).display = False

    @property
    def lines(self) -> TrailLines:
        """The lines, which take the focus."""
        return self.query_one(TrailLines)

    def watch_shown(self) -> None:
        """Say whose events they are, and search them too."""
        self._tell_whose()
        self._search()

    def on_resize(self) -> None:
        """An id has another room."""
        self._tell_whose()

    def _tell_whose(self) -> None:
        """Say whose events they are, with numbers that no id is long enough to push out."""
        trail = self.shown.trail if self.shown is not None else None
        if trail is None or not len(trail):
            self.entitle("2 Timeline")
            return
        sessions, events = plural(len(trail.sessions), "session"), plural(len(trail), "event")
        user, numbers = visible(trail.user), f" · {sessions} · {events}"
        room = self.room_for_title - len("2 ") - len(numbers)
        user = fit_ends(user, min(cell_len(user), max(room, _SHORTEST_ID)))
        also = f" · also {', '.join(map(visible, trail.merged_ids))}" if trail.merged_ids else ""
        self.entitle(Content(f"2 {user}{numbers}{also}"))

    def clear_search(self) -> bool:
        """Close the search; False when there was none."""
        search = self.query_one(Input)
        was_open = bool(search.display)
        search.display = False
        search.value = ""
        return was_open

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """In the search its key is a letter."""
        return action != "search" or not self.query_one(Search).has_focus

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one(Input)
        search.display = True
        search.focus()

    def action_next(self, steps: int) -> None:
        """Go to the next match, or the one before."""
        if self.lines.found is not None:
            self.lines.seek(steps, self.lines.found.places)

    def action_turn(self, pages: int) -> None:
        """Show other properties of an event that has more than there is room for."""
        self.query_one(Drawer).turn(pages)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed, and go to the nearest match."""
        event.stop()
        self._came_from = self.lines.cursor
        self._search()

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

    def _search(self) -> None:
        """Search the trail for what is typed: names at once, then what properties say."""
        sought = self.query_one(Input).value
        trail = self.shown.trail if self.shown is not None else None
        if not sought or trail is None:
            self._texts = self.lines.found = None
            self._tell_found()
            return
        if self._texts is None or not self._texts.is_of(trail):
            self._texts = TrailTexts(trail)
        found = in_names(self._texts, sought)
        self._take(found)
        now = self._searches.ask(found)
        if now is not None:
            self._read(now)

    def _read(self, found: Found) -> None:
        def is_of_no_use() -> bool:
            return self._texts is not found.texts or self._searches.waiting is not None

        def work() -> None:
            error = None
            try:
                for more in in_values(found, is_of_no_use):
                    self.post_message(self.Searched(more))
            except TracerError as trouble:
                error = trouble
            self.post_message(self.Ended(found, error))

        self.run_worker(work, thread=True, group="search")

    @on(Searched)
    def _show_more(self, message: Searched) -> None:
        message.stop()
        found = message.found
        if found.texts is self._texts and found.text == self.query_one(Input).value:
            self._take(found)

    @on(Ended)
    def _go_on(self, message: Ended) -> None:
        message.stop()
        newer = self._searches.done()
        if newer is not None:
            self._read(newer)
        if message.error is not None and not isinstance(message.error, Cancelled):
            if message.found.texts is self._texts and self._texts is not None:
                self._texts.is_broken = True
            self._tell_found()
            self.notify(visible(str(message.error)), severity="error", markup=False)

    def _take(self, found: Found) -> None:
        self.lines.found = found
        self._tell_found()
        if len(found.places) and self.lines.cursor == self._came_from:
            # Once, and not where the person has gone on meanwhile.
            self._came_from = None
            self.lines.seek(1, found.places, stay=True)

    def _tell_found(self) -> None:
        found, told = self.lines.found, ""
        if found is not None:
            told = f"/{found.text} · {_matches(len(found.places))}"
            if found.texts.is_broken:
                told += " in names"
            elif not found.is_whole:
                told += f" · working… {found.read / len(found.texts.trail):.0%}"
        self.entitle_below(content(told))


def _matches(number: int) -> str:
    return "1 match" if number == 1 else f"{count(number)} matches"
