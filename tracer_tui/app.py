"""The application: theme, keys of one's own, palette and the first screen."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterable, Sequence
from typing import ClassVar

from rich.console import RenderableType
from textual import on
from textual.app import SystemCommand
from textual.await_complete import AwaitComplete
from textual.binding import Binding, BindingType
from textual.screen import Screen

from core.study import Study
from tracer_tui.config import Config
from tracer_tui.in_turn import InTurn
from tracer_tui.keys import in_words
from tracer_tui.palette import commands
from tracer_tui.screens.opening import OpenEngine, Opening
from tracer_tui.signals import Stops, read_no_more_keys, when_the_terminal_is_lost, when_told_to_end
from tracer_tui.widgets.line_view import STYLES

NOTHING_PICKED, UNREADABLE = 1, 3
"""Exit codes: users were to be picked and none was; the source could not be read."""


class TracerApp(InTurn):
    """Opens the explorer on a source."""

    TITLE = "tracer-tui"
    CSS_PATH = "tracer.tcss"
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)
    ENABLE_COMMAND_PALETTE = True
    # Text is copied by `y` or selected by the terminal, with shift. Textual's own selection breaks
    # where the mouse goes down on something that is just being removed.
    ALLOW_SELECT = False
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (64, "-narrow"), (100, "-wide")]  # noqa: RUF012
    VERTICAL_BREAKPOINTS = [(0, "-short"), (20, "-tall")]  # noqa: RUF012 - not a ClassVar
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "Help", key_display="?", id="app.help"),
        Binding("ctrl+q,ctrl+c", "quit", "Quit", show=False, priority=True, id="app.quit_always"),
        Binding(
            "ctrl+p", "command_palette", "Palette", show=False, priority=True, id="app.palette"
        ),
        Binding("ctrl+z", "suspend_process", "To the shell", show=False, id="app.suspend"),
    ]

    def __init__(
        self,
        open_engine: OpenEngine,
        study: Study,
        label: str,
        *,
        sources: Sequence[str] = (),
        how_read: Sequence[str] = (),
        config: Config = Config(),  # noqa: B008 - a frozen value
        is_picking: bool = False,
    ) -> None:
        """Explore what `open_engine` opens, called `label`, beginning with `study`.

        Funnels are saved beside the first of `sources`; a command that is copied has the flags of
        `how_read` after them. When `is_picking`, users that are opened
        become `picked`, and the program ends.
        """
        # Only what begins in the terminal's own colours can leave them all out.
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)
        self.config = config
        self.picked: list[str] = []
        self.fault = ""
        self._is_picking = is_picking
        self._first = Opening(open_engine, study, label, sources, how_read, is_picking=is_picking)
        self.set_keymap(dict(config.keys))

    def get_default_screen(self) -> Screen[None]:
        """Begin with reading."""
        return self._first

    @on(Opening.Picked)
    def _answer(self, message: Opening.Picked) -> None:
        self.picked = message.users
        self.exit()

    def on_mount(self) -> None:
        """Choose colours that the terminal can show, and leave it in order when told to end."""
        self.theme = "ansi-dark" if self.no_color else self.config.theme or "textual-dark"
        when_told_to_end(self._leave)
        if self._can_stop and self._driver is not None:
            when_the_terminal_is_lost(self._leave)
            Stops(self._driver, is_leaving=lambda: self.return_code is not None)

    def exit(
        self, result: None = None, return_code: int = 0, message: RenderableType | None = None
    ) -> None:
        """Leave, and wait for no key."""
        super().exit(result, return_code, message)
        if self._can_stop and self._driver is not None:
            read_no_more_keys(self._driver)

    def _leave(self, code: int) -> None:
        self.exit(return_code=code)

    async def action_quit(self) -> None:
        """Leave; the exit code says so if there was nothing to see, or nobody was picked."""
        code = NOTHING_PICKED if self._is_picking else 0
        self.exit(return_code=UNREADABLE if self._first.is_unreadable else code)

    def action_suspend_process(self) -> None:
        """Stop the whole job, as the shell would: it waits while any process of a pipe goes on."""
        if self._can_stop:
            os.kill(0, signal.SIGTSTP)

    @property
    def _can_stop(self) -> bool:
        """Whether there is a terminal that can be left to the shell."""
        is_able = self._driver is not None and self._driver.can_suspend
        return sys.platform != "win32" and is_able

    def action_help(self) -> None:
        """Show the keys that work here."""
        from tracer_tui.screens.help import Help, keys_of

        if not isinstance(self.screen, Help):
            self.push_screen(Help(keys_of(self, self.screen)))

    def action_command_palette(self) -> None:
        """Offer everything that can be done."""
        from tracer_tui.screens.actions_palette import ActionsPalette

        if not isinstance(self.screen, ActionsPalette):
            self.push_screen(ActionsPalette(id="--command-palette"))

    def search_themes(self) -> None:
        """Offer the themes, in a palette like the other."""
        from textual.theme import ThemeProvider

        from tracer_tui.screens.actions_palette import ActionsPalette

        self.push_screen(ActionsPalette([ThemeProvider], placeholder="Search for themes…"))

    def pop_screen(self) -> AwaitComplete:
        """Close the dialog on top. One that is closed twice at once closes nothing below it."""
        return super().pop_screen() if self.screen.is_modal else AwaitComplete()

    def get_key_display(self, binding: Binding) -> str:
        """Call keys what they are called in the texts."""
        return in_words(super().get_key_display(binding))

    def _fatal_error(self) -> None:
        """Leave, with a line that says where it broke, without the values there."""
        from tracer_tui.crash import keep

        if self._exception is not None:
            self.fault = keep(self._exception)
        self._close_messages_no_wait()

    def get_system_commands(self, screen: Screen[object]) -> Iterable[SystemCommand]:
        """Offer every key's action in the palette, then the themes.

        What else Textual offers is done by keys: help, a pane on the whole screen, pictures.
        """
        yield from commands(self, screen)
        yield SystemCommand("Theme", "choose colours", self.action_change_theme)
