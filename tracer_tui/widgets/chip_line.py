"""The filters of a list, each with a sign that takes it off."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len
from textual.message import Message
from textual.reactive import reactive

from tracer_tui.drawing import fit
from tracer_tui.widgets.line_view import Cell, LineView


class ChipLine(LineView, can_focus=False):
    """Chips one after another, on as many lines as they need."""

    HAS_CURSOR = False

    chips: reactive[Sequence[str]] = reactive(())
    """What they say, fit to show."""

    class Removed(Message):
        """A chip was clicked."""

        def __init__(self, index: int) -> None:
            """Which of them."""
            super().__init__()
            self.index = index

    def watch_chips(self, chips: Sequence[str]) -> None:
        """Show others."""
        self.display = bool(chips)
        self._wrap()

    def on_resize(self) -> None:
        """Wrap them anew."""
        self._wrap()

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """Some of the chips."""
        lines = self._lines(width)
        return lines[index] if index < len(lines) else []

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - the chip is enough
        """Take a chip off."""
        self.post_message(self.Removed(int(link)))

    def _wrap(self) -> None:
        self.line_count = len(self._lines(self.scrollable_content_region.width))
        self.refresh()

    def _lines(self, width: int) -> list[list[Cell]]:
        lines: list[list[Cell]] = []
        room = 0
        for number, chip in enumerate(self.chips):
            text = fit(chip, min(cell_len(chip), max(width - 4, 1)))
            taken = cell_len(text) + 4
            if taken > room or not lines:
                lines.append([])
                room = width
            room -= taken
            lines[-1] += [(f" {text} ✕", "line--chip", str(number)), (" ", "")]
        return lines
