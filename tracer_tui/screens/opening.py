"""The first screen: what is being read, and why it cannot be. It loads nothing but Textual.

The engine and the explorer are imported where the source is read, in a thread, so that there is
something to see at once whatever the file's size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from core.errors import Cancelled, TracerError
from core.warehouse.address import is_address
from tracer_tui.leaving import TO_KILL, held
from tracer_tui.text import content, visible
from tracer_tui.widgets.key_line import KeyLine

if TYPE_CHECKING:
    from core.engine import Engine
    from core.study import Study
    from tracer_tui.answers import Answers

OpenEngine = Callable[[Callable[[], bool], Callable[[float], None]], "Engine"]
"""Opens the source, given `cancelled()` and `progress(fraction)`, which may be a
`core.reading.progress.Share` that knows bytes and rows; called in a thread."""
_TO_TIDY_UP = 0.15
"""Seconds that leaving waits for reading to stop by itself."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Opening(Screen[None]):
    """Reads the source and makes way for the explorer."""

    BINDINGS: ClassVar[list[BindingType]] = [Binding("q", "app.quit", "Quit", id="opening.quit")]

    @dataclass
    class Progressed(Message):
        """So much of the source has been read."""

        fraction: float

    @dataclass
    class Opened(Message):
        """The source has been read, and the first question answered."""

        engine: Engine
        answers: Answers

    @dataclass
    class Failed(Message):
        """The source cannot be read, or the first question cannot be answered."""

        error: TracerError

    @dataclass
    class Picked(Message):
        """Users were picked: they are the answer of the whole program."""

        users: list[str]

    def __init__(
        self,
        open_engine: OpenEngine,
        study: Study,
        label: str,
        sources: Sequence[str] = (),
        *,
        is_picking: bool = False,
    ) -> None:
        """Read what `open_engine` opens, called `label`, to explore it beginning with `study`."""
        super().__init__()
        self._sources = sources
        self._is_picking = is_picking
        self._open_engine = open_engine
        self._study = study
        self._label = label
        self.is_unreadable = False

    def compose(self) -> ComposeResult:
        """One message."""
        yield Static(content(f"Reading {self._label} …"), id="message")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Read after the first paint."""
        self.call_after_refresh(self.run_worker, self._open, thread=True)

    def _open(self) -> None:
        worker = get_current_worker()

        def progress(fraction: float) -> None:
            self.post_message(self.Progressed(fraction))

        try:
            is_far = any(map(is_address, self._sources))
            with held(TO_KILL if is_far else _TO_TIDY_UP):
                engine = self._open_engine(lambda: worker.is_cancelled, progress)
            from tracer_tui.answers import answer_first

            answers = answer_first(engine, self._study)
            import tracer_tui.screens.explorer  # noqa: F401 - its time passes in this thread
        except Cancelled:
            return
        except TracerError as error:
            self.post_message(self.Failed(error))
            return
        self.post_message(self.Opened(engine, answers))

    @on(Progressed)
    def _show_progress(self, message: Progressed) -> None:
        told = [f"Reading {self._label} … {message.fraction:.0%}"]
        # Not by its class: that of the engine is imported while this is on the screen.
        read, of = (getattr(message.fraction, f"bytes_{word}", 0) for word in ("read", "total"))
        if of:
            told.append(f"{_size(read)} of {_size(of)}")
        rows = getattr(message.fraction, "rows", 0)
        if rows:
            told.append(f"{rows:,} rows")
        self.query_one("#message", Static).update(content(" · ".join(told)))

    @on(Opened)
    def _explore(self, message: Opened) -> None:
        from tracer_tui.screens.explorer import Explorer

        while self.app.screen is not self:
            self.app.pop_screen()  # a help that is open
        self.app.push_screen(
            Explorer(message.engine, message.answers, self._sources, is_picking=self._is_picking)
        )

    @on(Failed)
    def _show_failure(self, message: Failed) -> None:
        self.is_unreadable = True
        lines = (message.error.title, visible(str(message.error)), "Press q to quit.")
        self.query_one("#message", Static).update(Content("\n\n".join(lines)))
        self.query_one("#message").add_class("-error")


def _size(number: float) -> str:
    """Bytes in words: "12.5 MB"."""
    power = 0
    while number >= 1000 and power < len(_UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.{1 if power and number < 100 else 0}f} {_UNITS[power]}"
