"""How fast the program shows what a key asks for, in a terminal of its own.

    python -m tests.benchmarks.screen FILE [--presses 50]

The program runs in a pseudo-terminal of 120 by 40 cells that answers like one which knows
synchronized output, so that every frame ends with a mark. What is measured:

first paint   from starting the process until a whole screen of cells has been written
numbers       from starting the process until the funnel's conversion is on the screen
a press       from writing the key until the mark of the last frame that followed it, when nothing
              more has come for `QUIET` seconds. That wait is not part of the latency, and it is
              longer than the program waits before it says "working…", so a late answer counts in
              full. Beside it stands the first frame that the key caused.
held          keys at 30 a second, as a held key repeats. Each counts until the first frame begun
              after it has ended: how far the picture is behind the finger.

A press after which nothing is drawn within `PATIENCE` seconds is counted apart.
"""

from __future__ import annotations

import argparse
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from itertools import cycle, islice
from statistics import median, quantiles
from types import TracebackType
from typing import Self

COLUMNS, LINES = 120, 40
QUIET = 0.25
PATIENCE = 5.0
BEGIN, END = b"\x1b[?2026h", b"\x1b[?2026l"
"""What stands around a frame."""
ASKS, ANSWER = b"\x1b[?2026$p", b"\x1b[?2026;2$y"
"""Whether the terminal knows frames, and that it does."""
ESCAPE = re.compile(rb"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|P[^\x1b]*\x1b\\|.)")
NUMBERS = b"100.0"
"""What a screen with numbers on it holds: the first stage's conversion."""
EMPTY_APP = "from textual.app import App; App().run()"


class Terminal:
    """A program in a pseudo-terminal, and when what it wrote arrived."""

    def __init__(self, command: Sequence[str]) -> None:
        self.started = time.perf_counter()
        self.output = bytearray()
        self.chunks: list[tuple[int, float]] = []
        """Bytes of output so far, and when there were so many."""
        self.descriptor, inside = pty.openpty()
        fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", LINES, COLUMNS, 0, 0))
        known = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
        env = os.environ | known
        # An installed program has been compiled, once.
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        self.process = subprocess.Popen(
            command, stdin=inside, stdout=inside, stderr=inside, env=env
        )
        os.close(inside)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.descriptor)

    def press(self, key: str) -> float:
        """Write a key, and say when."""
        now = time.perf_counter()
        os.write(self.descriptor, key.encode())
        return now

    def read(self, seconds: float) -> bool:
        """Read what comes within some seconds; False if nothing did."""
        if not select.select([self.descriptor], [], [], seconds)[0]:
            return False
        came = os.read(self.descriptor, 1 << 16)
        if ASKS in came:
            os.write(self.descriptor, ANSWER)
        self.output += came
        self.chunks.append((len(self.output), time.perf_counter()))
        return True

    def read_for(self, seconds: float) -> None:
        """Read until some seconds have passed."""
        until = time.perf_counter() + seconds
        while (left := until - time.perf_counter()) > 0:
            self.read(left)

    def settle(self) -> None:
        """Read until it is quiet."""
        if self.read(PATIENCE):
            while self.read(QUIET):
                pass

    def wait_for(self, seen: Callable[[bytes], bool], patience: float) -> float:
        """The seconds from the start until the text on the screen is what is waited for."""
        until = time.perf_counter() + patience
        while time.perf_counter() < until:
            if self.read(1.0) and seen(ESCAPE.sub(b"", bytes(self.output))):
                return self.chunks[-1][1] - self.started
        raise TimeoutError("the screen never showed it")

    def frames(self, since: float) -> list[tuple[float, float]]:
        """When the frames that were begun after a moment began and ended to arrive."""
        marks = list(re.finditer(re.escape(BEGIN) + b".*?" + re.escape(END), self.output, re.S))
        times = [(self._arrived(mark.start() + 1), self._arrived(mark.end())) for mark in marks]
        return [(begun, ended) for begun, ended in times if begun > since]

    def _arrived(self, size: int) -> float:
        return next(moment for so_many, moment in self.chunks if so_many >= size)

    def forget(self) -> None:
        """Start the record of output again."""
        self.output.clear()
        self.chunks.clear()


@dataclass
class Latencies:
    """What presses of one kind caused, in seconds and bytes."""

    first: list[float] = field(default_factory=list)
    settled: list[float] = field(default_factory=list)
    written: list[int] = field(default_factory=list)
    silent: int = 0
    """Presses after which nothing was drawn."""


def press_each(terminal: Terminal, keys: Iterable[str]) -> Latencies:
    """Press keys, each when the one before has been answered."""
    latencies = Latencies()
    for key in keys:
        terminal.forget()
        pressed = terminal.press(key)
        terminal.settle()
        frames = terminal.frames(pressed)
        if frames:
            latencies.first.append(frames[0][1] - pressed)
            latencies.settled.append(frames[-1][1] - pressed)
            latencies.written.append(len(terminal.output))
        else:
            latencies.silent += 1
    return latencies


def hold(terminal: Terminal, keys: Iterable[str]) -> Latencies:
    """Press keys at 30 a second; they are settled when the last one is."""
    terminal.forget()
    pressed = []
    for key in keys:
        pressed.append(terminal.press(key))
        terminal.read_for(1 / 30)
    terminal.settle()
    frames = terminal.frames(pressed[0])
    behind = [
        next((ended - moment for begun, ended in frames if begun > moment), None)
        for moment in pressed
    ]
    return Latencies(
        first=[seconds for seconds in behind if seconds is not None],
        settled=[frames[-1][1] - pressed[-1]],
        written=[len(terminal.output) // len(pressed)],
        silent=behind.count(None),
    )


def start_times(command: Sequence[str], text: bytes | None) -> tuple[float, float]:
    """Seconds to the first paint, and to a text on the screen."""
    with Terminal(command) as terminal:
        painted = terminal.wait_for(_is_painted, 60)
        return painted, terminal.wait_for(lambda seen: text in seen, 600) if text else painted


def _is_painted(seen: bytes) -> bool:
    return len(seen) >= COLUMNS * LINES


def measure_starts(ours: Sequence[str], starts: int) -> None:
    """Print how long it takes until there is something to see."""
    empty = [sys.executable, "-c", EMPTY_APP]
    times = [(*start_times(ours, NUMBERS), start_times(empty, None)[0]) for _ in range(starts)]
    paint, numbers, nothing = (median(column) for column in zip(*times, strict=True))
    print(
        f"First paint after {paint:.2f} s, {paint / nothing:.2f}× an empty app's {nothing:.2f} s;"
    )
    print(f"numbers after {numbers:.2f} s. Medians of {starts} starts.\n")


def measure_keys(ours: Sequence[str], presses: int) -> None:
    """Print how long each kind of key takes."""
    print("| key to paint, ms | first: median | p95 | worst ", end="")
    print("| settled: median | p95 | worst | kB a key | nothing drawn |")
    print(f"|{' --- |' * 9}")
    with Terminal(ours) as terminal:
        terminal.wait_for(_is_painted, 60)
        # Of a small file some of these come after it has been read.
        print(_row("help ?, while reading", press_each(terminal, "??????")), flush=True)
    with Terminal(ours) as terminal:
        terminal.wait_for(lambda seen: NUMBERS in seen, 600)
        terminal.settle()
        for label, (measure, keys) in KINDS.items():
            print(_row(label, measure(terminal, islice(cycle(keys), presses))), flush=True)
        press_each(terminal, "1/")
        # Two letters and back, again and again.
        typed = press_each(terminal, islice(cycle("a3\x7f\x7f"), presses))
        print(_row("search / typed", typed), flush=True)


Measure = Callable[[Terminal, Iterable[str]], Latencies]
KINDS: dict[str, tuple[Measure, str]] = {
    "down, held": (hold, "j"),
    "down": (press_each, "j"),
    "last, first": (press_each, "Gg"),
    "timeout ] and [": (press_each, "]]]]]]]][[[[[[[["),
    "window } and {": (press_each, "{{{{{{{{}}}}}}}}"),
    "scope s": (press_each, "s"),
    "timeout, held": (hold, "]]]]]]]][[[[[[[["),
}


def _row(label: str, latencies: Latencies) -> str:
    """A line of the table, in milliseconds and kilobytes."""
    written = f"{median(latencies.written) / 1000:.1f}" if latencies.written else "–"
    cells = [*_spread(latencies.first), *_spread(latencies.settled), written]
    return f"| {label} | {' | '.join(cells)} | {latencies.silent} |"


def _spread(seconds: Sequence[float]) -> list[str]:
    """The median, the 95th percentile and the worst; of one alone only that."""
    if len(seconds) < 2:
        return [f"{seconds[0] * 1000:.0f}" if seconds else "–", "–", "–"]
    values = median(seconds), quantiles(seconds, n=20, method="inclusive")[-1], max(seconds)
    return [f"{value * 1000:.0f}" for value in values]


def main() -> None:
    """Measure the program on a file."""
    parser = argparse.ArgumentParser(description="Measures the program in a terminal of its own.")
    parser.add_argument("file")
    parser.add_argument("--presses", type=int, default=50)
    parser.add_argument("--starts", type=int, default=5)
    options = parser.parse_args()
    ours = [sys.executable, "-m", "tracer_tui", options.file]
    measure_starts(ours, options.starts)
    measure_keys(ours, options.presses)


if __name__ == "__main__":
    main()
