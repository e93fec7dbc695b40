"""The help: every key that works where the person is, made from the bindings themselves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tracer_tui.drawing import fit

Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""Under each title, what can be done, and the keys that do it."""


def keys_of(app: App[None], screen: Screen[object]) -> Groups:
    """The keys that work now: those of the pane in focus, and those of the screen."""
    groups: dict[str, dict[str, list[str]]] = {"In this pane": {}, "Everywhere": {}}
    for active in screen.active_bindings.values():
        node, binding = active.node, active.binding
        if binding.description and active.enabled:
            title = "Everywhere" if node in (screen, app) else "In this pane"
            key = app.get_key_display(replace(binding, key_display=None))
            groups[title].setdefault(binding.description, []).append(key)
    return {title: keys for title, keys in groups.items() if keys}


class Help(ModalScreen[None]):
    """Lists keys in groups."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q", "dismiss(None)", "Close", id="help.close")
    ]

    def __init__(self, groups: Groups) -> None:
        """Show groups of keys, each under its title."""
        super().__init__()
        self._groups = groups

    def compose(self) -> ComposeResult:
        """A box that scrolls."""
        with VerticalScroll(classes="box") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc closes"
            for title, lines in self._groups.items():
                yield Static(Content(title), classes="help-title")
                keys = (f"  {fit(' '.join(keys), 14)} {what}" for what, keys in lines.items())
                yield Static(Content("\n".join(keys)))
