"""What the command palette offers: everything that a key does."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from textual.app import App, SystemCommand
from textual.screen import Screen

_NOT_OFFERED = ("move.", "app.palette")


def commands(app: App[Any], screen: Screen[object]) -> Iterator[SystemCommand]:
    """One command for each action that works now, with its key; the palette is open already."""
    offered = set[str]()
    for active in screen.active_bindings.values():
        binding = active.binding
        # Textual's own keys without an id edit a line of text: nobody looks for them here.
        # Nor for those that move the cursor.
        is_one = binding.id is not None and not binding.id.startswith(_NOT_OFFERED)
        is_new = is_one and binding.description not in offered
        if is_new and active.enabled and binding.description and not binding.system:
            offered.add(binding.description)

            def run(action: str = binding.action, node: object = active.node) -> None:
                app.call_later(app.run_action, action, node)

            yield SystemCommand(binding.description, f"key {app.get_key_display(binding)}", run)
