"""Being told to end: leaving the terminal in order, with the exit code that says so."""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Callable


def when_told_to_end(leave: Callable[[int], None]) -> None:
    """Call `leave` with an exit code when the terminal closes or the program is ended."""
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, leave, 128 + number)
