"""Every key there is, by the place where it works: for a keymap to be checked against, and told."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from typing import Any

from textual.app import App
from textual.binding import Binding
from textual.dom import DOMNode

import tracer_tui


def bindings_by_place() -> Mapping[str, Sequence[Binding]]:
    """The bindings of each pane, screen and the application, by the name of its class.

    A class has those of our classes that it is made from: there they work, too.
    """
    for found in pkgutil.walk_packages(tracer_tui.__path__, "tracer_tui."):
        if not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    return {kind.__name__: _bindings(kind) for kind in _kinds(DOMNode)}


def key_of(app: App[Any], id_: str) -> str:
    """The key in force for what has an id, as the texts call it; of several, the first."""
    binding = _binding(id_)
    key = app._keymap.get(id_, binding.key).split(",")[0].strip()
    return app.get_key_display(replace(binding, key=key, key_display=None))


@cache
def _binding(id_: str) -> Binding:
    """The binding of an id, as it is without a keymap."""
    bindings = (binding for kind in _kinds(DOMNode) for binding in _bindings(kind))
    return next(binding for binding in bindings if binding.id == id_)


def in_words(sign: str) -> str:
    """A key as the texts call it, from the sign that Textual has for it: "⏎" is "enter"."""
    if len(sign) > 1 and sign.startswith("^"):
        return f"ctrl+{sign[1:]}"
    return {"⏎": "enter", "⌫": "backspace", "⇥": "tab", "␛": "esc"}.get(sign, sign)


def _kinds(base: type[DOMNode]) -> list[type[DOMNode]]:
    """Our classes with keys, however deep."""
    found = []
    for kind in base.__subclasses__():
        is_ours = kind.__module__.startswith("tracer_tui.")
        found += [kind] if is_ours and _bindings(kind) else []
        found += _kinds(kind)
    return list(dict.fromkeys(found))


def _bindings(kind: type[DOMNode]) -> list[Binding]:
    return [
        binding
        for base in kind.__mro__
        if base.__module__.startswith("tracer_tui.")
        for binding in vars(base).get("BINDINGS", ())
        if isinstance(binding, Binding)
    ]
