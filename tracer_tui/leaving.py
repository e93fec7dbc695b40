"""Leaving at once: what still computes is not waited for, what has something to tidy up is.

Python waits for every thread before it ends, and one that sorts a hundred million events cannot be
told to stop. Nothing it holds matters any more, but a half-written file does.
"""

from __future__ import annotations

import atexit
import os
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, NoReturn

if TYPE_CHECKING:
    from core.engine import Engine

TO_KILL = 2.0
"""Seconds that leaving waits for a server to end what it was asked."""

_held: dict[threading.Event, float] = {}
"""What has to come to its end, and how many seconds that may take."""


@contextmanager
def held(seconds: float) -> Iterator[None]:
    """While a thread is inside, the program waits for it up to so many seconds before it ends."""
    end = threading.Event()
    _held[end] = seconds
    try:
        yield
    finally:
        del _held[end]
        end.set()


def close_held(engine: Engine) -> None:
    """Close an engine meanwhile: what it still does is stopped, and hardly waited for."""
    leaving = ExitStack()
    leaving.enter_context(held(TO_KILL))

    def work() -> None:
        with leaving:
            engine.close()

    threading.Thread(target=work, daemon=True).start()


def leave(code: int) -> NoReturn:
    """End the process with an exit code; the terminal must be in order already."""
    begun = time.monotonic()
    for end, seconds in list(_held.items()):
        end.wait(max(0.0, begun + seconds - time.monotonic()))
    atexit._run_exitfuncs()  # what was to be removed at the end is: `os._exit` alone skips that
    for stream in (sys.stdout, sys.stderr):
        if not stream.closed:
            with suppress(OSError):  # a terminal that is closed takes nothing more
                stream.flush()
    os._exit(code)
