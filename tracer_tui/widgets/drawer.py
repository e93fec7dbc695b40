"""The drawer: the properties of one event."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

from core.event import Event
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
        when = event.time.isoformat(sep=" ", timespec="milliseconds").replace("+00:00", " UTC")
        self.border_title = Content(f"{visible(event.name)} · {when}")
        self._lines = [(key, value_text(value)) for key, value in event.properties.items()]
        self._name_width = min(
            max((cell_len(visible(key)) for key, _ in self._lines), default=0), _LONGEST_NAME
        )
        self.line_count = max(1, len(self._lines))
        self.refresh()

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - cut by the pane
        """One property."""
        if not self._lines:
            return [(" This event has no properties.", "line--dim")]
        key, value = self._lines[index]
        return [
            (f" {fit(visible(key), self._name_width)}  ", "line--dim"),
            (visible(value), ""),
        ]
