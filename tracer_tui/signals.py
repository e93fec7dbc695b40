"""Being told to end: leaving the terminal in order, with the exit code that says so."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable
from typing import TextIO


def when_told_to_end(leave: Callable[[int], None]) -> None:
    """Call `leave` with an exit code when the terminal closes or the program is ended."""
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, leave, 128 + number)


class LastingFile:
    """A terminal to draw on that never fails: after it is closed, what is drawn is dropped.

    Textual draws in a thread, which a failure would end, and then waits for that thread for ever.
    """

    def __init__(self, file: TextIO) -> None:
        """Draw on a file as long as it lasts."""
        self._file = file
        self._is_lost = False

    def write(self, text: str) -> int:
        """Draw."""
        return self._unless_lost(lambda: self._file.write(text)) or len(text)

    def flush(self) -> None:
        """Let all that was drawn be seen."""
        self._unless_lost(self._file.flush)

    def __getattr__(self, name: str) -> object:
        return getattr(self._file, name)

    def _unless_lost(self, act: Callable[[], int | None]) -> int | None:
        if not self._is_lost:
            try:
                return act()
            except OSError:
                self._is_lost = True
        return None
