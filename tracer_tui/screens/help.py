"""The help: every key that works where the person is, made from the bindings themselves."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Vertical, VerticalScroll
from textual.content import Content
from textual.screen import ModalScreen, Screen
from textual.widgets import Static

from tracer_tui.drawing import fit
from tracer_tui.keys import key_of

_HERE, _EVERYWHERE = "In this pane", "Everywhere"
_TITLES = {
    "Moving": ("move", "pane", "session"),
    "Keeping": ("out", "funnel"),
    "The question": ("study", "timeout", "window", "stage"),
}
"""What is told apart of what works everywhere, by the first words of the ids of keys."""
_COLUMNS = ((_HERE, "Moving", "Keeping"), ("The question", _EVERYWHERE))

Groups = Mapping[str, Mapping[str, Sequence[str]]]
"""Under each title, what can be done, and the keys that do it."""


def keys_of(app: App[None], screen: Screen[object]) -> Groups:
    """The keys that work now: those of the pane in focus, then the others by what they are for."""
    groups: dict[str, dict[str, list[str]]] = {
        title: {} for title in (_HERE, *_TITLES, _EVERYWHERE)
    }
    for active in screen.active_bindings.values():
        node, binding = active.node, active.binding
        # Textual's own keys without an id are those of a line of text.
        if binding.id is not None and binding.description and active.enabled:
            title = _title(binding, is_here=node not in (screen, app))
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
        """A box that scrolls; where it is wide, what works everywhere stands beside the rest."""
        with VerticalScroll(classes="box -wide-box") as box:
            box.border_title = "Keys"
            box.border_subtitle = f"{key_of(self.app, 'help.close')} closes"
            with Container(id="help-groups"):
                for titles in _COLUMNS:
                    with Vertical():
                        for title in titles:
                            if title in self._groups:
                                yield Static(Content(title), classes="help-title")
                                yield Static(Content("\n".join(_lines(self._groups[title]))))


def _title(binding: Binding, *, is_here: bool) -> str:
    kind = (binding.id or "").split(".")[0]
    if is_here and kind != "move":
        return _HERE
    return next((title for title, kinds in _TITLES.items() if kind in kinds), _EVERYWHERE)


def _lines(keys: Mapping[str, Sequence[str]]) -> Iterator[str]:
    for what, names in keys.items():
        yield f"  {fit(' '.join(names), 16)} {what}"
