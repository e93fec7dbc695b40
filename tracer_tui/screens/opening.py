"""The first screen: what is being read, and why it cannot be. It loads nothing but Textual.

The engine and the explorer are imported where the source is read, in a thread, so that there is
something to see at once whatever the file's size.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from time import monotonic
from typing import TYPE_CHECKING, ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static

from core.errors import Cancelled, TracerError
from core.warehouse.address import is_address
from tracer_tui.keys import key_of
from tracer_tui.leaving import TO_KILL, close_held, held
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
_GLANCE = 0.25
"""Seconds between two looks at what a warehouse does."""
_UNITS = ("B", "kB", "MB", "GB", "TB")


class Opening(Screen[None]):
    """Reads the source and makes way for the explorer."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "stop", "Stop", id="opening.stop"),
        Binding("q", "app.quit", "Quit", id="opening.quit"),
    ]

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
        how_read: Sequence[str] = (),
        *,
        is_picking: bool = False,
    ) -> None:
        """Read what `open_engine` opens, called `label`, to explore it beginning with `study`."""
        super().__init__()
        self._sources = sources
        self._how_read = how_read
        self._is_picking = is_picking
        self._open_engine = open_engine
        self._study = study
        self._label = label
        self._is_far = any(map(is_address, sources))
        self._began = monotonic()
        self._doing, self._doing_since, self._rows = "", self._began, 0
        self._engine: Engine | None = None
        self._is_asking = False
        self._is_over = False
        self.is_unreadable = False

    def compose(self) -> ComposeResult:
        """One message."""
        yield Static(content(f"{self._verb} {self._label} …"), id="message")
        yield KeyLine(id="keys")

    def on_mount(self) -> None:
        """Read after the first paint."""
        self.call_after_refresh(self.run_worker, self._open, thread=True)
        if self._is_far:
            self.set_interval(_GLANCE, self._tell_doing)

    def on_unmount(self) -> None:
        """What is read, or asked of a warehouse, is stopped, and hardly waited for."""
        self._end()

    @property
    def _verb(self) -> str:
        return "Opening" if self._is_far else "Reading"

    @property
    def _how_to_quit(self) -> str:
        return f"Press {key_of(self.app, 'opening.quit')} to quit."

    def _open(self) -> None:
        asking = ExitStack()

        def progress(fraction: float) -> None:
            if self._is_far and not self._is_asking:
                # Before that nothing is asked of anybody: modules are imported.
                self._is_asking = True
                asking.enter_context(held(TO_KILL))
            self.post_message(self.Progressed(fraction))

        try:
            with asking if self._is_far else held(_TO_TIDY_UP):
                self._engine = engine = self._open_engine(lambda: self._is_over, progress)
                if self._is_over:
                    engine.close()
                    return
            from tracer_tui.answers import answer_first

            answers = answer_first(engine, self._study)
            import tracer_tui.screens.explorer  # noqa: F401 - its time passes in this thread
        except Cancelled:
            return
        except TracerError as error:
            self.post_message(self.Failed(error))
            return
        self.post_message(self.Opened(engine, answers))

    def _end(self) -> bool:
        """Stop what is going on; whether anything was."""
        if self._is_over:
            return False
        self._is_over = True
        if self._engine is not None:
            close_held(self._engine)
        return True

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002
        """There is something to stop until it is over."""
        return action != "stop" or not self._is_over

    def action_stop(self) -> None:
        """Stop, for good: there is nothing to see without events."""
        if self._end():
            self._say("Stopped.", self._how_to_quit)
            self.refresh_bindings()

    def _say(self, *lines: str) -> None:
        self.query_one("#message", Static).update(Content("\n\n".join(map(visible, lines))))

    def _tell_doing(self) -> None:
        """What runs where, and for how long."""
        if self._is_over:
            return
        if self._engine is not None:
            self._note(self._engine.doing)
        now = monotonic()
        told = f"{self._verb} {self._label} … {now - self._began:.0f} s"
        if self._rows:
            told += f" · {self._rows:,} rows"
        doing = f"{self._doing} · {now - self._doing_since:.0f} s"
        self._say(told, *([doing] if self._doing else []))

    def _note(self, doing: str) -> None:
        if doing and doing != self._doing:
            self._doing, self._doing_since = doing, monotonic()

    @on(Progressed)
    def _show_progress(self, message: Progressed) -> None:
        # Not by its class: that of the engine is imported while this is on the screen.
        self._rows = getattr(message.fraction, "rows", 0)
        if self._is_far:
            self._note(getattr(message.fraction, "doing", ""))
            self._tell_doing()
        elif not self._is_over:
            told = [f"{self._verb} {self._label} … {message.fraction:.0%}"]
            read, of = (getattr(message.fraction, f"bytes_{word}", 0) for word in ("read", "total"))
            if of:
                told.append(f"{_size(read)} of {_size(of)}")
            if self._rows:
                told.append(f"{self._rows:,} rows")
            self._say(" · ".join(told))

    @on(Opened)
    def _explore(self, message: Opened) -> None:
        if self._is_over:
            return
        self._is_over = True
        from tracer_tui.screens.explorer import Explorer

        while self.app.screen is not self:
            self.app.pop_screen()  # a help that is open
        self.app.push_screen(
            Explorer(
                message.engine,
                message.answers,
                self._sources,
                self._how_read,
                is_picking=self._is_picking,
            )
        )

    @on(Failed)
    def _show_failure(self, message: Failed) -> None:
        if self._is_over:
            return
        self._is_over = self.is_unreadable = True
        self.refresh_bindings()
        lines = (message.error.title, visible(str(message.error)), self._how_to_quit)
        self.query_one("#message", Static).update(Content("\n\n".join(lines)))
        self.query_one("#message").add_class("-error")


def _size(number: float) -> str:
    """Bytes in words: "12.5 MB"."""
    power = 0
    while number >= 1000 and power < len(_UNITS) - 1:
        number, power = number / 1000, power + 1
    return f"{number:.{1 if power and number < 100 else 0}f} {_UNITS[power]}"
