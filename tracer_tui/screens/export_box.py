"""The export box: what to write, and to which file."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Literal, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from core.errors import TracerError
from core.files import FileExists
from core.tables import Format
from tracer_tui.in_turn import Worked
from tracer_tui.keys import key_of
from tracer_tui.text import content, visible
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import Cell, LineView

What = Literal["list", "funnel", "timeline", "picture"]
"""What can be written."""


@dataclass(frozen=True, slots=True)
class Target:
    """Something to write, and where."""

    what: What
    """What."""
    path: Path
    """The file; its ending is the format."""
    is_replacing: bool
    """Whether a file of that name is to be replaced."""

    @property
    def form(self) -> Format:
        """How a table is written."""
        return next(form for form in get_args(Format) if self.path.suffix == f".{form}")


class WhatLines(LineView, can_focus=False):
    """What can be written, each in words."""

    def __init__(self, words: Mapping[What, str]) -> None:
        """Show some things."""
        super().__init__(id="export-what")
        self._words = list(words.values())

    def on_mount(self) -> None:
        """Make room for them."""
        self.line_count = len(self._words)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - cut by the pane
        """One thing."""
        return [(f" {visible(self._words[index])}", "")]


class ExportBox(ModalScreen[Target | None]):
    """Asks what to write where, and closes when that is written, or with esc.

    A file that is there is replaced only when that is said twice.
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="export.cancel"),
        Binding("down", "move(1)", "Down", show=False, id="export.down"),
        Binding("up", "move(-1)", "Up", show=False, id="export.up"),
    ]

    @dataclass
    class Tried(Message):
        """It was tried to write something; where there is an error, it is not written."""

        target: Target
        error: TracerError | None

    def __init__(
        self, words: Mapping[What, str], write: Callable[[Target, Callable[[], bool]], None]
    ) -> None:
        """`words` say what there is to write; the first is offered first.

        `write` writes it, in a thread; it raises TracerError where it cannot, and when what it is
        given besides says that it is to stop.
        """
        super().__init__()
        self._words = words
        self._write = write
        self._warned_of: Path | None = None
        self._writing: Target | None = None

    @property
    def is_working(self) -> bool:
        """Whether keys have to wait: something is being written."""
        return self._writing is not None

    def compose(self) -> ComposeResult:
        """A box with what there is above the name of the file."""
        with Vertical(classes="box") as box:
            box.border_title = "Export"
            up, down = (key_of(self.app, f"export.{way}") for way in ("up", "down"))
            box.border_subtitle = f"{up} {down} what · the ending is the format · enter writes"
            yield WhatLines(self._words)
            yield Label("File (.csv, .json, .md; a picture .svg):")
            yield Field("", id="export-path", compact=True)
            yield Label("", id="export-problem")

    def on_mount(self) -> None:
        """Offer a name."""
        self._offer()
        self.query_one(Field).focus()

    @property
    def _what(self) -> What:
        return list(self._words)[self.query_one(WhatLines).cursor]

    @property
    def _endings(self) -> list[str]:
        """The endings that a name may have."""
        if self._what == "picture":
            return [".svg"]
        return [f".{form}" for form in get_args(Format)]

    def _offer(self) -> None:
        """Offer a name, with the ending that stands there if it may stay."""
        field = self.query_one(Field)
        kept = Path(field.value).suffix
        offered = ".svg" if self._what == "picture" else ".csv"
        field.value = f"{self._what}{kept if kept in self._endings else offered}"
        field.cursor_position = len(field.value)

    def action_move(self, lines: int) -> None:
        """Choose something else to write."""
        self.query_one(WhatLines).action_move(lines)

    @on(LineView.Highlighted)
    def _rename(self) -> None:
        self._offer()

    def on_input_changed(self) -> None:
        """Another name is another file."""
        self._warned_of = self._writing = None
        self._tell("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, unless something is wrong, or has to be said twice."""
        path = Path(os.path.expanduser(event.value.strip()))  # noqa: PTH111 - leaves who is unknown
        if path.suffix not in self._endings or not path.stem:
            self._tell(f"end the name in {' or '.join(self._endings)}")
        elif self._writing is None:
            target = self._writing = Target(self._what, path, self._warned_of == path)
            self._tell(f"writing… {key_of(self.app, 'export.cancel')} stops it")
            self.run_worker(lambda: self._try(target), thread=True)

    def _try(self, target: Target) -> None:
        failed = None
        try:
            self._write(target, lambda: self._writing is not target)
        except TracerError as error:
            failed = error
        self.post_message(self.Tried(target, failed))

    @on(Tried)
    def _judge(self, message: Tried) -> None:
        """Close, or say what is wrong where it can be mended."""
        if self._writing is not message.target:
            return
        self._writing = None
        if message.error is None:
            self.dismiss(message.target)
        elif isinstance(message.error, FileExists):
            self._warned_of = message.target.path
            self._tell(f"{message.error}: enter again replaces it")
        else:
            self._tell(str(message.error))
        self.app.post_message(Worked())

    def action_cancel(self) -> None:
        """Stop what is being written, or leave."""
        if self.is_working:
            self._writing = None
            self._tell("")
        else:
            self.dismiss(None)

    def _tell(self, problem: str) -> None:
        self.query_one("#export-problem", Label).update(content(problem))
