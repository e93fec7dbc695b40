"""Every key is declared in one way: with an id, by which it can be remapped, and a real action."""

import importlib
import pkgutil
from collections import Counter
from collections.abc import Iterator

import pytest
from textual.actions import parse
from textual.binding import Binding
from textual.dom import DOMNode

import tracer_tui
from tracer_tui.app import TracerApp


def nodes() -> Iterator[type[DOMNode]]:
    for found in pkgutil.walk_packages(tracer_tui.__path__, "tracer_tui."):
        if found.name == "tracer_tui.__main__":
            continue
        for value in vars(importlib.import_module(found.name)).values():
            is_ours = isinstance(value, type) and value.__module__ == found.name
            if is_ours and issubclass(value, DOMNode) and "BINDINGS" in vars(value):
                yield value


def declared(node: type[DOMNode]) -> list[Binding]:
    bindings = []
    for binding in vars(node)["BINDINGS"]:
        assert isinstance(binding, Binding), f"{node.__name__} has a binding without an id"
        bindings.append(binding)
    return bindings


NODES = list(nodes())
EVERY = pytest.mark.parametrize("node", NODES, ids=lambda node: node.__name__)


def test_the_keys_of_all_panes_and_screens_are_found() -> None:
    assert {node.__name__ for node in NODES} == {
        *("TracerApp", "Opening", "Explorer", "OutputKeys", "PaneKeys", "StudyKeys", "Exact"),
        *("Help", "Prompt", "Source", "Picker", "DropOff", "Why", "ExportBox", "FunnelPicker"),
        "ActionsPalette",
        *("LineView", "UserList", "SessionTimeline", "TrailLines", "FunnelBars"),
        "Search",
    }


def test_ids_are_there_and_distinct() -> None:
    ids = Counter(binding.id for node in NODES for binding in declared(node))
    assert None not in ids
    assert [twice for twice, times in ids.items() if times > 1] == []


@EVERY
def test_every_action_exists(node: type[DOMNode]) -> None:
    for binding in declared(node):
        namespace, name, _ = parse(binding.action)
        owner = TracerApp if namespace == "app" else node
        assert callable(getattr(owner, f"action_{name}", None)), binding.action


@EVERY
def test_every_key_is_described(node: type[DOMNode]) -> None:
    for binding in declared(node):
        assert binding.description, binding.id


@EVERY
def test_no_key_is_bound_twice(node: type[DOMNode]) -> None:
    keys = Counter(b.key for b in Binding.make_bindings(vars(node)["BINDINGS"]))
    assert [twice for twice, times in keys.items() if times > 1] == []
