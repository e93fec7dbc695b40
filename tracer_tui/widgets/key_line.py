"""The keys at the bottom: those of the pane in focus first, as many as there is room for.

One widget draws them all. Textual's own footer makes a widget for each key, and makes them anew
whenever the focus moves: that costs more than everything else a key press leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.cells import cell_len
from textual.reactive import reactive
from textual.screen import Screen

from tracer_tui.drawing import fit
from tracer_tui.widgets.line_view import Cell, LineView

_LAST = "help"
"""The action whose key always has room, at the right end."""


@dataclass(frozen=True, slots=True)
class Shown:
    """A key that works now."""

    key: str
    """As Textual names it."""
    sign: str
    """As one reads it."""
    what: str
    """What it does."""
    action: str
    """The action it runs."""

    @property
    def cells(self) -> int:
        """The room it takes, blanks around it included."""
        return cell_len(self.sign) + cell_len(self.what) + 3


class KeyLine(LineView, can_focus=False):
    """One line of keys; a click on one presses it."""

    HAS_CURSOR = False

    keys: reactive[Sequence[Shown]] = reactive(())
    """What works now."""

    def on_mount(self) -> None:
        """Follow what works."""
        self.line_count = 1
        self.screen.bindings_updated_signal.subscribe(self, self._find, immediate=True)
        self._find(self.screen)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - there is one
        """The keys, the help at the right."""
        last = [shown for shown in self.keys if shown.action == _LAST]
        room = width - sum(shown.cells for shown in last)
        cells: list[Cell] = []
        for shown in self.keys:
            if shown.action == _LAST or shown.cells > room:
                continue
            room -= shown.cells
            cells += _cells(shown)
        return [*cells, (fit("", room), ""), *(cell for shown in last for cell in _cells(shown))]

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - there is one line
        """Press the key that was clicked."""
        self.app.simulate_key(link)

    def _find(self, screen: Screen[object]) -> None:
        """Find what works; where one action has several keys, the first is shown."""
        found: dict[str, Shown] = {}
        for active in screen.active_bindings.values():
            binding = active.binding
            if binding.show and active.enabled and binding.action not in found:
                sign = self.app.get_key_display(binding)
                shown = Shown(binding.key, sign, binding.description, binding.action)
                found[binding.action] = shown
        self.keys = tuple(found.values())


def _cells(shown: Shown) -> list[Cell]:
    return [
        (f" {shown.sign}", "line--accent", shown.key),
        (f" {shown.what} ", "line--dim", shown.key),
    ]
