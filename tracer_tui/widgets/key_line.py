"""The keys at the bottom: those of the pane in focus first, as many as there is room for.

One widget draws them all. Textual's own footer makes a widget for each key, and makes them anew
whenever the focus moves: that costs more than everything else a key press leads to.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from rich.cells import cell_len
from textual.binding import Binding
from textual.reactive import reactive
from textual.screen import Screen

from tracer_tui.drawing import fit
from tracer_tui.widgets.line_view import Cell, LineView

_LAST = "help"
"""The action whose key always has room, at the right end."""


@dataclass(frozen=True, slots=True)
class Shown:
    """One or more keys that work now, and what they do."""

    keys: tuple[tuple[str, str], ...]
    """Each as Textual names it, and as one reads it."""
    what: str
    """What they do."""
    action: str
    """The action that the first of them runs."""

    @property
    def cells(self) -> Sequence[Cell]:
        """What is drawn of it."""
        signs = ((f" {sign}", "line--accent", key) for key, sign in self.keys)
        return [*signs, (f" {self.what} ", "line--dim", self.keys[0][0])]

    @property
    def width(self) -> int:
        """The room it takes."""
        return sum(cell_len(text) for text, *_ in self.cells)


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
        room = width - sum(shown.width for shown in last)
        cells: list[Cell] = []
        for shown in self.keys:
            if shown.action == _LAST or shown.width > room:
                continue
            room -= shown.width
            cells += shown.cells
        return [*cells, (fit("", room), ""), *(cell for shown in last for cell in shown.cells)]

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - there is one line
        """Press the key that was clicked."""
        self.app.simulate_key(link)

    def _find(self, screen: Screen[object]) -> None:
        """Find what works; where one action has several keys, the first is shown, and those of a
        group stand together.
        """
        actions = dict[str, tuple[str, Binding]]()
        for key, active in screen.active_bindings.items():
            if active.binding.show and active.enabled:
                actions.setdefault(active.binding.action, (key, active.binding))
        found = dict[object, Shown]()
        for action, (key, binding) in actions.items():
            here = (key, self.app.get_key_display(binding))
            name = binding.group or action
            if name in found:
                found[name] = replace(found[name], keys=(*found[name].keys, here))
            else:
                what = binding.group.description if binding.group else binding.description
                found[name] = Shown((here,), what, action)
        self.keys = tuple(found.values())
