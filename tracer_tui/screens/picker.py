"""The stage picker: event names with their counts, narrowed while typing."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from core.errors import QuestionError
from core.stage import Stage, parse_stages
from tracer_tui.drawing import count
from tracer_tui.text import content, visible
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import Cell, LineView, columns


class NameLines(LineView, can_focus=False):
    """Event names and how often each occurs."""

    def __init__(self) -> None:
        """Begin empty."""
        super().__init__(id="picker-names")
        self.names: Sequence[str] = ()
        self.counts: Mapping[str, int] = {}

    def show(self, names: Sequence[str], counts: Mapping[str, int]) -> None:
        """Show some names, with the cursor on the first."""
        self.names, self.counts = names, counts
        self.cursor = 0
        self.line_count = len(names)
        self.refresh()

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One name."""
        name = self.names[index]
        return columns([(f" {visible(name)}", width - 14, ""), (count(self.counts[name]), -12, "")])


class StagePicker(ModalScreen[Stage | None]):
    """Asks for a stage: a name of the list, or text such as `a|b` or `*`."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="picker.cancel"),
        Binding("down", "move(1)", "Down", show=False, priority=True, id="picker.down"),
        Binding("up", "move(-1)", "Up", show=False, priority=True, id="picker.up"),
    ]

    def __init__(self, title: str, counts: Mapping[str, int]) -> None:
        """Ask for `title` among the names of `counts`."""
        super().__init__()
        self._title = title
        self._counts = counts
        self._by_count = sorted(counts, key=lambda name: (-counts[name], name))

    def compose(self) -> ComposeResult:
        """A box with the search above the names."""
        with Vertical(classes="box") as box:
            box.border_title = content(self._title)
            yield Field(
                placeholder="type to search; a|b is any of two, * is any event", compact=True
            )
            yield NameLines()
            yield Label("", id="picker-problem")

    def on_mount(self) -> None:
        """Show every name, the most frequent first."""
        self.query_one(NameLines).show(self._by_count, self._counts)

    def action_move(self, lines: int) -> None:
        """Move through the names while typing."""
        self.query_one(NameLines).action_move(lines)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the names, the best match first."""
        self.query_one(NameLines).show(matching(event.value, self._by_count), self._counts)

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take the name at the cursor, or what was typed where no name is like it."""
        names = self.query_one(NameLines)
        if names.names and not set(event.value) & set("|*"):
            self.dismiss(Stage((names.names[names.cursor],)))
            return
        try:
            stages = parse_stages(event.value)
        except QuestionError as error:
            self.query_one("#picker-problem", Label).update(content(str(error)))
            return
        self.dismiss(stages[0])

    @on(LineView.Picked)
    def _take_clicked(self, event: LineView.Picked) -> None:
        names = self.query_one(NameLines)
        self.dismiss(Stage((names.names[event.index],)))


def matching(typed: str, names: Sequence[str]) -> list[str]:
    """The names that hold what was typed, or at least its letters in order; the likest first.

    Case is ignored, and of equals the one that came first stays first. Names come from data and may
    be long, so each is read once: Textual's own search tries every way to place the letters.
    """
    letters = typed.casefold()
    if not letters:
        return list(names)
    found: list[tuple[tuple[int, int, int], str]] = []
    for name in names:
        folded = name.casefold()
        run = folded.find(letters)
        if run >= 0:
            found.append(((0, int(run > 0), len(folded)), name))
            continue
        first = last = folded.find(letters[0])
        for letter in letters[1:]:
            last = folded.find(letter, last + 1) if last >= 0 else -1
        if last >= 0:
            found.append(((1, last - first, len(folded)), name))
    return [name for _, name in sorted(found, key=lambda match: match[0])]
