"""Being told to end, to stop or to go on: the terminal is in order before and after."""

from __future__ import annotations

import asyncio
import os
import select
import signal
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from textual.driver import Driver


def when_told_to_end(leave: Callable[[int], None]) -> None:
    """Call `leave` with an exit code when the terminal closes or the program is ended."""
    if sys.platform != "win32":
        for number in (signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, leave, 128 + number)


def when_the_terminal_is_lost(leave: Callable[[int], None]) -> None:
    """Call `leave` when the terminal closes and no signal says so: a shell may keep it to itself.

    Textual would read from it on and on.
    """
    if sys.platform == "linux":
        lost = select.epoll()
        lost.register(0, 0)  # what was asked for or not, a hang-up is always told
        loop = asyncio.get_running_loop()

        def leave_once() -> None:
            loop.remove_reader(lost)
            leave(128 + signal.SIGHUP)

        loop.add_reader(lost, leave_once)


class Stops:
    """Being stopped, as by a shell, and going on again.

    Textual's own handlers run in the middle of whatever goes on. They take the terminal a second
    time when the program is told to go on while it runs, and stop it where no shell could let it go
    on.
    """

    def __init__(self, driver: Driver, is_leaving: Callable[[], bool]) -> None:
        """Leave the terminal and take it again by a driver, unless the program ends anyway."""
        self._driver = driver
        self._is_leaving = is_leaving
        self._listen()

    def _listen(self) -> None:
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTSTP, self._stop)
        loop.add_signal_handler(signal.SIGCONT, self._go_on)

    def _stop(self) -> None:
        """Stop; nothing happens where nobody would be there to let the program go on."""
        self._give_the_terminal_back(signal.SIGTSTP)

    def _go_on(self) -> None:
        """Who let the program go on may have used the terminal: take it anew."""
        self._give_the_terminal_back(None)

    def _give_the_terminal_back(self, number: signal.Signals | None) -> None:
        if self._is_leaving():
            return
        loop = asyncio.get_running_loop()
        for each in (signal.SIGTSTP, signal.SIGCONT):
            loop.remove_signal_handler(each)
        _wait_for_the_foreground()
        self._driver.suspend_application_mode()
        if number is not None:
            signal.raise_signal(number)
        _wait_for_the_foreground()
        self._listen()
        self._driver.resume_application_mode()


class _ForGood(threading.Event):
    """What has been set stays so."""

    def clear(self) -> None:
        """Stay as it is."""


def read_no_more_keys(driver: Driver) -> None:
    """Let a driver that leaves the terminal not wait for its thread that reads keys.

    That looks only ten times a second whether it is to end, and once more before it does.
    """
    from textual.drivers.linux_driver import LinuxDriver

    if isinstance(driver, LinuxDriver):
        driver.exit_event, driver._key_thread = _ForGood(), None


def _wait_for_the_foreground() -> None:
    """Stop again while the shell has the terminal, when it lets the program go on behind."""
    with suppress(OSError):  # no shell has it
        if os.tcgetpgrp(0) != os.getpgrp():
            signal.raise_signal(signal.SIGTTOU)


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
