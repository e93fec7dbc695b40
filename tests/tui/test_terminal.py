"""The program as people run it: in a terminal of its own, with keys for bytes."""

import fcntl
import json
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pyte
import pytest

from tests.tui.driving import DEMO
from tests.tui.hostile import HOSTILE

pytestmark = pytest.mark.slow

PATIENCE = 60.0
"""Seconds to wait for something that is sure to come; it only runs out when a test has failed."""

RUN = """
import os, sys
os.open(os.ttyname(2), os.O_RDWR)  # in a new session: this makes it the terminal of the process
os.execv(sys.executable, [sys.executable, "-m", "tracer_tui", *sys.argv[1:]])
"""

IN_A_SHELL = """
import os, signal, subprocess, sys
os.open(os.ttyname(2), os.O_RDWR)
signal.signal(signal.SIGTTOU, signal.SIG_IGN)
job = os.fork()
if job:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    sys.exit(os.waitstatus_to_exitcode(os.waitpid(job, 0)[1]))
os.setpgid(0, 0)
os.tcsetpgrp(2, os.getpid())
signal.signal(signal.SIGTTOU, signal.SIG_DFL)
subprocess.Popen(["sleep", "600"])
os.execv(sys.executable, [sys.executable, "-m", "tracer_tui", *sys.argv[1:]])
"""
"""As a job of a shell that keeps the end of the terminal to itself, with another process, as in a
pipe."""

PLAIN = {
    "PYTHONPATH": str(DEMO.parent),
    "TERM": "xterm-256color",
    "TEXTUAL_ANIMATIONS": "none",
}

OWN = ("NO_COLOR", "FORCE_COLOR", "COLORTERM", "COLUMNS", "LINES")
"""Settings of the developer's terminal."""


TAKEN, LEFT = b"\x1b[?1049h", b"\x1b[?1049l"
"""The terminal's other screen, for the program and no more."""


class Terminal:
    """A program in a terminal of so many columns and lines."""

    def __init__(self, columns: int = 80, lines: int = 24) -> None:
        self.ours, self.theirs = pty.openpty()
        self.output = b""
        self._screen = pyte.Screen(columns, lines)
        self._stream = pyte.ByteStream(self._screen)
        self.resize(columns, lines)
        self.modes = termios.tcgetattr(self.theirs)
        self.process: subprocess.Popen[bytes] | None = None

    def start(
        self,
        *arguments: str,
        given: bytes | None = None,
        is_piped: bool = False,
        is_in_shell: bool = False,
        **env: str,
    ) -> None:
        run = IN_A_SHELL if is_in_shell else RUN
        self.process = subprocess.Popen(
            [sys.executable, "-c", run, *arguments],
            stdin=self.theirs if given is None else subprocess.PIPE,
            stdout=subprocess.PIPE if is_piped else self.theirs,
            stderr=self.theirs,
            start_new_session=True,
            cwd=DEMO.parent,
            env={name: value for name, value in os.environ.items() if name not in OWN}
            | PLAIN
            | env,
        )
        if given is not None:
            assert self.process.stdin is not None
            with self.process.stdin as pipe:
                pipe.write(given)

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def press(self, keys: str) -> None:
        os.write(self.ours, keys.encode())

    def resize(self, columns: int, lines: int) -> None:
        self._screen.resize(lines, columns)
        fcntl.ioctl(self.ours, termios.TIOCSWINSZ, struct.pack("HHHH", lines, columns, 0, 0))

    def until(self, happened: Callable[[], bool], what: str) -> None:
        """Read what the program says until something happens."""
        end = time.monotonic() + PATIENCE
        while not happened():
            assert time.monotonic() < end, f"{what} never came:\n{self.screen}"
            self._read()

    def shows(self, *texts: str) -> None:
        for text in texts:
            self.until(lambda text=text: text in self.screen, text)  # type: ignore[misc]  # bound now

    @property
    def screen(self) -> str:
        """What stands on the screen."""
        # Not pyte's own way, which breaks at a wide sign of which one half is drawn over as yet.
        lines = (self._screen.buffer[y] for y in range(self._screen.lines))
        columns = range(self._screen.columns)
        return "\n".join("".join(line[x].data for x in columns).rstrip() for line in lines)

    def leave(self) -> int:
        """Wait for the end; returns the exit code."""
        process = self.process
        assert process is not None
        self.until(lambda: process.poll() is not None, "the end")
        while self._read():
            pass
        return process.returncode

    def is_restored(self) -> bool:
        """Whether the terminal has its screen, cursor and modes again, without mouse and paste."""

        def last(on: bytes, off: bytes) -> bool:
            return self.output.rfind(on) < self.output.rfind(off)

        return (
            last(TAKEN, LEFT)
            and last(b"\x1b[?25l", b"\x1b[?25h")
            and last(b"\x1b[?1000h", b"\x1b[?1000l")
            and last(b"\x1b[?2004h", b"\x1b[?2004l")
            and termios.tcgetattr(self.theirs) == self.modes
        )

    def close(self) -> None:
        if self.process is not None and self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        os.close(self.ours)
        os.close(self.theirs)

    def _read(self) -> bool:
        ready, _, _ = select.select([self.ours], [], [], 0.05)
        if ready:
            said = os.read(self.ours, 65_536)
            self.output += said
            self._stream.feed(said)
        return bool(ready)


@contextmanager
def terminal(
    *arguments: str,
    given: bytes | None = None,
    is_piped: bool = False,
    is_in_shell: bool = False,
    **env: str,
) -> Iterator[Terminal]:
    opened = Terminal()
    try:
        opened.start(*arguments, given=given, is_piped=is_piped, is_in_shell=is_in_shell, **env)
        yield opened
    finally:
        opened.close()


def test_the_demo_from_the_first_paint_to_the_last() -> None:
    with terminal("demo_events.json") as shown:
        shown.shows("1 Users · 5", "2 eli · 1 session · 8 events", "−40.0 % 2 left", "timeout 30m")
        shown.press("[")
        shown.shows("timeout 20m", "6 sessions")
        shown.press("]")
        shown.shows("timeout 30m", "5 sessions")
        shown.press("3")
        shown.shows("enter: who")
        shown.press("\r")
        shown.shows("1 Sessions · 2", "left at ④ payment", "dee · 1 session · 10 events")
        shown.resize(120, 40)
        shown.shows("demo_events.json · 43 events", "of last")
        assert max(map(len, shown.screen.splitlines())) == 120
        shown.press("q")
        assert shown.leave() == 0
        assert shown.is_restored()


def test_events_from_a_pipe_and_keys_from_the_terminal() -> None:
    with terminal(given=DEMO.read_bytes()) as shown:
        shown.shows("1 Users · 5", "standard input · 43 events")
        shown.press("jj")
        shown.shows("cy · 1 session · 7 events")
        shown.press("q")
        assert shown.leave() == 0
        assert shown.is_restored()


@pytest.mark.parametrize("key", ["q", "\x11", "\x03"], ids=["q", "ctrl+q", "ctrl+c"])
def test_a_source_that_cannot_be_read(key: str) -> None:
    with terminal("nothing_here.json") as shown:
        shown.shows("Cannot read the events", "nothing_here.json", "Press q to quit.")
        shown.press(key)
        assert shown.leave() == 3
        assert shown.is_restored()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP], ids=["SIGTERM", "SIGHUP"])
def test_a_signal_that_ends_it_leaves_the_terminal_as_it_was(number: signal.Signals) -> None:
    with terminal("--demo") as shown:
        shown.shows("1 Users · 5")
        assert shown.process is not None
        shown.process.send_signal(number)
        assert shown.leave() == 128 + number
        assert shown.is_restored()


def test_users_are_picked_in_a_pipe_and_the_screen_is_none_of_it() -> None:
    with terminal("--demo", "--pick", is_piped=True) as shown:
        shown.shows("1 Users · 5", "enter prints the users")
        shown.resize(120, 40)
        shown.shows("of last")
        assert max(map(len, shown.screen.splitlines())) == 120
        shown.press("j \r")
        assert shown.leave() == 0
        assert shown.process is not None
        assert shown.process.stdout is not None
        with shown.process.stdout as pipe:
            assert pipe.read() == b"dee\n"
        assert shown.is_restored()


def test_a_stop_is_one_of_the_whole_pipe_and_going_on_paints_again() -> None:
    with terminal("--demo", is_in_shell=True) as shown:
        shown.shows("1 Users · 5")
        job = child_of(shown.pid)
        other = child_of(job)
        shown.press("\x1a")
        shown.until(lambda: state_of(shown, job) == "T", "the stop")
        shown.until(lambda: state_of(shown, other) == "T", "the stop of the other")
        while shown._read():
            pass
        assert shown.is_restored()
        os.killpg(job, signal.SIGCONT)
        shown.press("3")
        shown.shows("enter: who")
        shown.press("q")
        assert shown.leave() == 0
        assert shown.is_restored()


def test_a_program_that_nobody_could_let_go_on_does_not_stop() -> None:
    with terminal("--demo") as shown:
        shown.shows("1 Users · 5")
        shown.press("\x1a")
        shown.until(lambda: shown.output.count(TAKEN) == 2, "the terminal being taken again")
        shown.press("3")
        shown.shows("enter: who")
        shown.press("q")
        assert shown.leave() == 0
        assert shown.is_restored()


def test_going_on_without_a_stop_leaves_the_terminal_as_it_was_in_the_end() -> None:
    with terminal("--demo") as shown:
        shown.shows("1 Users · 5")
        for times in (2, 3):
            os.kill(shown.pid, signal.SIGCONT)
            shown.until(lambda times=times: shown.output.count(TAKEN) == times, "going on")  # type: ignore[misc]  # bound now
        shown.press("3")
        shown.shows("enter: who")
        shown.resize(120, 40)
        shown.shows("of last")
        shown.press("q")
        assert shown.leave() == 0
        assert shown.output.count(TAKEN) == shown.output.count(LEFT)
        assert shown.is_restored()


def child_of(pid: int) -> int:
    return int(Path(f"/proc/{pid}/task/{pid}/children").read_text())


def state_of(shown: Terminal, pid: int) -> str:
    """The letter that the system has for what a process does: T when it is stopped."""
    shown._read()
    return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]


@pytest.mark.parametrize("is_in_shell", [False, True], ids=["told", "untold"])
def test_a_terminal_that_is_closed_ends_the_program(is_in_shell: bool) -> None:
    with terminal("--demo", is_in_shell=is_in_shell) as shown:
        shown.shows("1 Users · 5")
        assert shown.process is not None
        os.close(shown.ours)
        os.close(shown.theirs)
        shown.process.wait(PATIENCE)
        shown.ours, shown.theirs = pty.openpty()
        assert shown.process.returncode == 128 + signal.SIGHUP


def test_without_the_mouse_the_terminal_keeps_it() -> None:
    with terminal("--demo", "--no-mouse") as shown:
        shown.shows("1 Users · 5")
        shown.press("q")
        assert shown.leave() == 0
        assert b"\x1b[?1000h" not in shown.output


def test_names_that_are_escape_codes_never_reach_the_terminal(tmp_path: Path) -> None:
    names = [name for name in HOSTILE.values() if name.strip()]
    path = tmp_path / "hostile.ndjson"
    path.write_text(
        "".join(
            json.dumps({"user": name, "event": name, "time": 1_700_000_000 + place}) + "\n"
            for place, name in enumerate(names)
        )
        + json.dumps({"user": "\x1b]52;c;cmVqZWN0\x07"})
    )
    with terminal(str(path), "--stages", "\x1b]52;c;c3RhZ2U=\x07,x") as shown:
        shown.shows(f"1 Users · {len(names)}")
        shown.press("j" * len(names))
        shown.shows("[/x] · 1 session")
        shown.press("a")
        shown.shows("Add a stage")
        shown.press("\x1b")
        shown.until(lambda: "Add a stage" not in shown.screen, "the explorer")
        shown.press("!")
        shown.shows("How it was read · 28 rows, 1 rejected", "line 28")
        shown.press("q")
        shown.until(lambda: "How it was" not in shown.screen, "the explorer")
        shown.press("q")
        assert shown.leave() == 0
        assert shown.is_restored()
        said = shown.output.decode()
    for never in ("\x1b]52", "\x1b]0;evil", "\x1bP1$r", "\x9b", "\x9d", "\u202e", "\u2028", "\x00"):
        assert never not in said
    assert "␛]52;c" in said
