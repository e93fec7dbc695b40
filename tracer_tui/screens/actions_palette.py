"""The command palette, which also lasts before it was ever drawn, and while it closes."""

from __future__ import annotations

from contextlib import suppress
from typing import ClassVar

from textual.binding import Binding, BindingType
from textual.command import CommandPalette
from textual.css.query import NoMatches
from textual.widgets import OptionList


class ActionsPalette(CommandPalette):
    """Textual's palette. Its own keys for pages look for lines that may not have been made yet."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("pagedown", "page(1)", "A page down", show=False, id="palette.page_down"),
        Binding("pageup", "page(-1)", "A page up", show=False, id="palette.page_up"),
    ]

    def action_page(self, pages: int) -> None:
        """Move the cursor by about as many commands as have room, two lines each."""
        commands = self.query_one(OptionList)
        if commands.option_count:
            step = pages * max(1, commands.size.height // 2)
            here = (commands.highlighted or 0) + step
            commands.highlighted = max(0, min(here, commands.option_count - 1))

    # It may be closed while it looks for commands: then there is no list to show them in.

    def _watch__list_visible(self) -> None:
        with suppress(NoMatches):
            super()._watch__list_visible()

    async def _watch__show_busy(self) -> None:
        with suppress(NoMatches):
            await super()._watch__show_busy()
