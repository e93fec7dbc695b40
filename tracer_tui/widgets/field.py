"""A line to type in. What is pasted there may come from events, so it is shown and never obeyed."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual.binding import Binding, BindingType
from textual.widgets import Input

from tracer_tui.text import visible


class Field(Input):
    """An `Input` whose value stays exact while what it draws is plain signs."""

    @property
    def _value(self) -> Text:
        # One sign for each character, so that the cursor stands where it should.
        return Text("".join(map(visible, self.value)), no_wrap=True, overflow="ignore", end="")


class Search(Field):
    """A field below a list that is searched: its keys say how to go back there."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "Keep", id="search.keep"),
        Binding("escape", "clear", "Clear", id="search.clear"),
    ]

    async def action_clear(self) -> None:
        """Close what is open, which is this."""
        await self.run_action("screen.back")
