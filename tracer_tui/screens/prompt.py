"""A one-line question over the screen, checked while it is typed."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from core.errors import TracerError
from tracer_tui.keys import key_of
from tracer_tui.text import content
from tracer_tui.widgets.field import Field


class Prompt(ModalScreen[str | None]):
    """Asks for a text that `check` accepts; None when it was left without one."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "dismiss(None)", "Cancel", id="prompt.cancel")
    ]

    def __init__(
        self,
        title: str,
        hint: str,
        value: str,
        check: Callable[[str], object],
        doubt: Callable[[str], str] = lambda _: "",
        take: Callable[[str], object] = lambda _: None,
    ) -> None:
        """Ask for `title`, explained by `hint`, beginning with `value`.

        A text that there is a `doubt` of has to be entered twice. What `take` cannot do with it, it
        raises as TracerError: that is said, and the text can be mended.
        """
        super().__init__()
        self._title = title
        self._hint = hint
        self._value = value
        self._check = check
        self._doubt = doubt
        self._act = take
        self._doubted: str | None = None

    def compose(self) -> ComposeResult:
        """A box with the question, the answer and what is wrong with it."""
        with Vertical(classes="box") as box:
            box.border_title = content(self._title)
            box.border_subtitle = f"enter takes · {key_of(self.app, 'prompt.cancel')} cancels"
            yield Label(content(self._hint))
            yield Field(self._value, id="prompt-value", compact=True)
            yield Label("", id="prompt-problem")

    def on_input_changed(self, event: Input.Changed) -> None:
        """Say at once what is wrong."""
        self._doubted = None
        self._say(_problem(self._check, event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Answer, unless something is wrong, or has to be said twice."""
        problem = _problem(self._check, event.value)
        if not problem and event.value != self._doubted:
            problem, self._doubted = self._doubt(event.value), event.value
        problem = problem or _problem(self._act, event.value)
        if problem:
            self._say(problem)
        else:
            self.dismiss(event.value)

    def _say(self, problem: str) -> None:
        self.query_one("#prompt-problem", Label).update(content(problem))


def _problem(act: Callable[[str], object], value: str) -> str:
    """What is wrong with a text; empty when nothing is."""
    try:
        act(value)
    except TracerError as error:
        return str(error)
    return ""
