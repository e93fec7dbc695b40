"""What stands on the terminal, by what was written there: what is not painted anew stays."""

from __future__ import annotations

import re
from typing import Any

import pytest
from rich.cells import cell_len
from textual._compositor import CompositorUpdate
from textual.app import App
from textual.screen import Screen

_WRITTEN = re.compile(r"\x1b\[(\d+);(\d+)H|\x1b\[[0-9;?]*[A-Za-z]|(\n)|([^\x1b\n]+)")


class Painted:
    """The signs that a terminal shows."""

    def __init__(self) -> None:
        self._signs: dict[tuple[int, int], str] = {}

    def write(self, text: str) -> None:
        x = y = 0
        for line, column, is_new_line, plain in _WRITTEN.findall(text):
            if line:
                x, y = int(column) - 1, int(line) - 1
            elif is_new_line:
                x, y = 0, y + 1
            for sign in plain:
                self._signs[x, y] = sign
                x += cell_len(sign)

    def differs(self, app: App[None]) -> list[tuple[str, str]]:
        """The lines that are not what the screen holds, beside what that is."""
        held = [strip.text for strip in app.screen._compositor.render_strips()]
        lines = []
        for y, line in enumerate(held):
            x, shown = 0, ""
            for sign in line:
                shown += self._signs.get((x, y), " ")
                x += cell_len(sign)
            lines.append((shown, line))
        return [(shown, line) for shown, line in lines if shown.rstrip() != line.rstrip()]


def paint(monkeypatch: pytest.MonkeyPatch) -> Painted:
    """A terminal for the next app, which it writes to as to a real one."""
    painted, display = Painted(), App._display

    def write(app: App[None], screen: Screen[object], update: Any) -> None:
        if isinstance(update, CompositorUpdate) and not app._batch_count:
            painted.write(update.render_segments(app.console))
        display(app, screen, update)

    monkeypatch.setattr(App, "_display", write)
    return painted
