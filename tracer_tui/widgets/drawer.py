"""The drawer: the properties of one event."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.geometry import Region
from textual.reactive import reactive

from core.event import Event, leaves
from tracer_tui.drawing import fit
from tracer_tui.text import value_text, visible
from tracer_tui.widgets.line_view import Cell, LineView

_LONGEST_NAME = 24


class Drawer(LineView, can_focus=False):
    """One line a property."""

    HAS_CURSOR = False

    event: reactive[Event | None] = reactive(None)
    """Whose; None while it is closed."""

    def watch_event(self, event: Event | None) -> None:
        """Show another."""
        self.display = event is not None
        if event is None:
            return
        self._lines = [(key, value_text(value)) for key, value in leaves(event.properties)]
        self._name_width = min(
            max((cell_len(visible(key)) for key, _ in self._lines), default=0), _LONGEST_NAME
        )
        self.line_count = max(1, len(self._lines))
        self.scroll_to(y=0, animate=False)
        self.refresh()
        self._tell_title()
        self.call_after_refresh(self._tell_title)

    def turn(self, pages: int) -> None:
        """Show what has no room, or what was shown before."""
        top = self.scroll_offset.y + pages * len(self.lines_in_sight)
        self.scroll_to(y=top, animate=False, immediate=True)

    def on_resize(self) -> None:
        """Say what has no room now."""
        self._tell_title()

    def _tell_title(self) -> None:
        if self.event is None:
            return
        when = self.event.time.isoformat(sep=" ", timespec="milliseconds")
        hidden = self.line_count - len(self.lines_in_sight)
        more = f" · {hidden} more: shift+↓" if self.lines_in_sight and hidden else ""
        utc = when.replace("+00:00", " UTC")
        self.border_title = Content(f"{visible(self.event.name)}{more} · {utc}")
        self.refresh(Region(0, -1, self.size.width, 1))  # the border is above the lines

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One property."""
        if not self._lines:
            return [(" This event has no properties.", "line--dim")]
        key, value = self._lines[index]
        return [
            (f" {fit(visible(key), self._name_width)}  ", "line--dim"),
            (fit(visible(value), width - self._name_width - 3), ""),
        ]
