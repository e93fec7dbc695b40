"""How fast we are beside others, on the same file in the same run.

    python -m tests.benchmarks.bench --events 1e6 [--only files|questions] [--runs 5]

Prints Markdown. A cell is the median of the wall-clock times, in brackets the median of the CPU
time over all threads, then the wall time as a ratio to ours. Engines take turns within each run, so
that a busy machine slows all of them. Answers are compared before anything is printed.

Files are read in a process of their own for each time, with the file in the system's cache.
Questions are asked of tables in memory, which are loaded before and whose loading is not timed;
every question is one that the engine has not been asked before.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from importlib.util import find_spec
from multiprocessing import get_context
from pathlib import Path
from statistics import median

import core
from tests.benchmarks.generate import FORMATS, event_file
from tests.benchmarks.peers import FOREVER, PEERS, Ours, Peer
from tracer_tui.answers import View, answer

MINUTE = 60_000_000
STAGES = ("product", "cart", "payment", "purchase")
OTHER_STAGES = (
    ("home", "search", "product", "cart"),
    ("search", "product", "cart", "checkout"),
    ("category", "product", "photos", "cart"),
    ("home", "product", "reviews", "wishlist"),
    ("product", "cart", "checkout", "address"),
    ("cart", "checkout", "payment", "purchase"),
    ("home", "login", "cart", "purchase"),
    ("search", "product", "share", "cart"),
    ("home", "category", "product", "checkout"),
)
MODULES = {"ClickHouse": "chdb", "Polars": "polars"}


@dataclass(frozen=True)
class Timing:
    """One measurement: seconds, and megabytes where a process was there for it alone."""

    wall: float
    cpu: float
    answer: object
    resident: int = 0
    peak: int = 0


Rows = Sequence[tuple[str, Mapping[str, Sequence[Timing]]]]
"""A label, and the measurements of each engine that was measured."""


def timed(work: Callable[[], object]) -> Timing:
    """Do some work once."""
    wall, cpu = time.perf_counter(), time.process_time()
    answered = work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu, answered)


def read_file(name: str, path: Path) -> Timing:
    """From a file to the first answer."""
    peer = PEERS[name]()
    return _with_memory(timed(lambda: peer.from_file(path, 30 * MINUTE, STAGES)))


def read_log(path: Path) -> Timing:
    """From a file to a log of ours; the answer is the bytes an event that its parts hold."""
    logs: list[core.EventLog] = []
    timing = _with_memory(timed(lambda: logs.append(core.read_events(path))))
    log = logs[0]
    parts = {"name": log.name, "time": log.time, "gap": log.gap, "row": log.row}
    held = {label: column.nbytes for label, column in parts.items()}
    held["offsets"] = log.offsets.nbytes
    held["ids"] = log.users.nbytes + sum(map(sys.getsizeof, log.users.tolist()))
    return replace(timing, answer={label: size / len(log) for label, size in held.items()})


def read_again(path: Path) -> Timing:
    """From a prepared copy to the first answer; where there is none yet, one is made."""
    os.environ["XDG_CACHE_HOME"] = str(path.parent.absolute() / "prepared")
    study = core.Study(timeout=30 * MINUTE, stages=tuple(core.Stage((name,)) for name in STAGES))

    def work() -> object:
        engine = core.open_engine(path, cache=True)
        return [stage.count for stage in engine.funnel(study).stages]

    return _with_memory(timed(work))


def _with_memory(timing: Timing) -> Timing:
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return replace(timing, resident=int(sizes["VmRSS"]) // 1024, peak=int(sizes["VmHWM"]) // 1024)


def in_own_process(work: Callable[[], Timing]) -> Timing:
    """Do some work where nobody worked before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work).result()


def measure_files(events: int, folder: Path, runs: int, names: Sequence[str]) -> None:
    """Print how long each engine takes from a file to its first answer, and how much memory."""
    rows: list[tuple[str, dict[str, list[Timing]]]] = []
    memory, sizes = [], ""
    for file_format in FORMATS:
        path = event_file(events, folder, file_format)
        logs, again = list[Timing](), list[Timing]()
        first = defaultdict[str, list[Timing]](list)
        # Brings the file into the system's cache, and leaves a prepared copy.
        in_own_process(partial(read_again, path))
        for _ in range(runs):
            logs.append(in_own_process(partial(read_log, path)))
            again.append(in_own_process(partial(read_again, path)))
            for name in names:
                first[name].append(in_own_process(partial(read_file, name, path)))
        for name in names:
            by_users = name == "ClickHouse"
            right = in_own_process(partial(read_users, path)) if by_users else first["ours"][0]
            check(file_format, name, first[name], [right] * runs)
        rows += [
            (f"{file_format}, ours to a ready log", {**first, "ours": logs}),
            (f"{file_format} to a funnel", first),
            (f"{file_format} once more to a funnel", {"ours": again}),
        ]
        peaks = [f"{max(timing.peak for timing in first[name]):,}" for name in names]
        memory.append([file_format, f"{logs[0].resident:,}", f"{logs[0].peak:,}", *peaks])
        sizes = str(logs[0].answer)
    print_times("From a file", rows, names)
    headings = [f"{name}, funnel: peak" for name in names]
    print_table(["Memory, MB", "log: resident", "log: peak", *headings], memory)
    print(f"Bytes an event in a log: {sizes}\n")


def read_users(path: Path) -> Timing:
    """What a funnel that counts users should say."""
    ours = Ours()
    ours.load(path)
    return timed(lambda: ours.by_users(FOREVER, STAGES))


def measure_questions(events: int, folder: Path, runs: int, names: Sequence[str]) -> None:
    """Print how long each engine takes for every change a person makes at the screen."""
    path = event_file(events, folder, "parquet")
    peers = {name: PEERS[name]() for name in names}
    for peer in peers.values():
        peer.load(path)
    rows = []
    for label, ask in QUESTIONS.items():
        timings = defaultdict[str, list[Timing]](list)
        # Run 0 is not counted: it stands for what the screen has shown before.
        for run in range(runs + 1):
            for name, peer in peers.items():
                peer.prepare((1000 + run) * MINUTE, STAGES)
                timings[name].append(timed(partial(ask, peer, run)))
        for name in names:
            check(label, name, timings[name], timings["ours"])
        rows.append((label, {name: mine[1:] for name, mine in timings.items()}))
    print_times("Questions", rows, names)


def whole_screen(peer: Peer, run: int) -> object:
    """All that the explorer shows; ours with depths and a trail, which the others leave out."""
    timeout = (run + 40) * MINUTE
    if not isinstance(peer, Ours):
        return peer.by_sessions(timeout, STAGES), peer.page(timeout, "last", "")
    study = core.Study(timeout=timeout, stages=tuple(core.Stage((name,)) for name in STAGES))
    found = answer(peer.engine, View(study), None, peer.engine.summary())
    counts = (found.funnel.journeys_count, *(stage.count for stage in found.funnel.stages))
    return counts, [row.user for row in found.listing.page.rows]


QUESTIONS: dict[str, Callable[[Peer, int], object]] = {
    "timeout, sessions and funnel": lambda peer, run: peer.by_sessions((run + 1) * MINUTE, STAGES),
    "timeout, all of the screen": whole_screen,
    "window, by users": lambda peer, run: peer.by_users((run + 1) * 7 * MINUTE, STAGES),
    "stages": lambda peer, run: peer.by_sessions(30 * MINUTE, OTHER_STAGES[run]),
    "users by last seen": lambda peer, run: peer.page((1000 + run) * MINUTE, "last", ""),
    "users by sessions": lambda peer, run: peer.page((1000 + run) * MINUTE, "sessions", ""),
    "users searched": lambda peer, run: peer.page((1000 + run) * MINUTE, "last", f"a{run}"),
}
"""What is asked in each run; no run repeats another's question."""


def check(label: str, name: str, mine: Sequence[Timing], expected: Sequence[Timing]) -> None:
    """Say where answers differ from ours."""
    for timing, right in zip(mine, expected, strict=True):
        if timing.answer != right.answer:
            print(f"DIFFERENT, {label}, {name}: {timing.answer} is not {right.answer}\n")


def print_times(title: str, rows: Rows, names: Sequence[str]) -> None:
    """Print a table of medians."""
    table = []
    for label, timings in rows:
        ours = median(timing.wall for timing in timings["ours"])
        table.append([label, *(_cell(timings.get(name, ()), ours, name) for name in names)])
    print_table([title, *names], table)


def _cell(timings: Sequence[Timing], ours: float, name: str) -> str:
    if not timings:
        return "–"
    wall, cpu = median(t.wall for t in timings), median(t.cpu for t in timings)
    ratio = "" if name == "ours" else f" **{wall / ours:.1f}×**"
    return f"{_seconds(wall)} ({_seconds(cpu)}){ratio}"


def _seconds(seconds: float) -> str:
    return f"{seconds:.2f} s" if seconds >= 1 else f"{seconds * 1000:.3g} ms"


def print_table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print Markdown."""
    for row in (headings, ["---"] * len(headings), *rows):
        print(f"| {' | '.join(row)} |")
    print(flush=True)


def main() -> None:
    """Measure what the flags name."""
    parser = argparse.ArgumentParser(description="Measures us beside other engines.")
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--data", type=Path, default=Path("benchmark-data"))
    parser.add_argument("--only", choices=("files", "questions"))
    parser.add_argument("--runs", type=int, choices=range(1, 9), default=5)
    options = parser.parse_args()
    events = int(options.events)
    missing = [name for name, module in MODULES.items() if find_spec(module) is None]
    names = [name for name in PEERS if name not in missing]
    if missing:
        print(f"Not installed: {', '.join(missing)}.\n")
    print(f"{events:,} events, medians of {options.runs} runs.\n", flush=True)
    if options.only != "questions":
        measure_files(events, options.data, options.runs, names)
    if options.only != "files":
        measure_questions(events, options.data, options.runs, names)


if __name__ == "__main__":
    main()
