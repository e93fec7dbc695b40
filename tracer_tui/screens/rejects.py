"""The rows that could not be used, each with its place and reason."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label

from core.reading.report import LoadReport, RejectedRow
from tracer_tui.drawing import count
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView


class RejectLines(LineView):
    """One line a row: where it stands, why it was rejected, and how it begins."""

    def __init__(self, rows: Sequence[RejectedRow]) -> None:
        """Show some rows."""
        super().__init__(id="reject-lines")
        self._rows = rows

    def on_mount(self) -> None:
        """Make room for them."""
        self.line_count = len(self._rows)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - cut by the pane
        """One row."""
        row = self._rows[index]
        return [(f"{visible(str(row))}  ", ""), (visible(row.text), "line--dim")]


class Rejects(ModalScreen[None]):
    """Lists the rejected rows that were kept, and says how many there are."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q", "dismiss(None)", "Close", id="rejects.close")
    ]

    def __init__(self, report: LoadReport) -> None:
        """Show the rejected rows of a report."""
        super().__init__()
        self._report = report

    def compose(self) -> ComposeResult:
        """A wide box with the lines."""
        total, kept = self._report.rejected_rows, self._report.rejected
        with Vertical(classes="box -wide-box") as box:
            first = "" if total == len(kept) else f", the first {count(len(kept))}"
            box.border_title = Content(f"Rejected rows · {count(total)}{first}")
            box.border_subtitle = "esc closes"
            yield RejectLines(kept) if kept else Label("Every row that was read is an event.")
