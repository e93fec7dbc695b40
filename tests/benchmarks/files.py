"""From a file to the first funnel, each time in a process of its own, with the file in the system's
cache; and the memory that it takes.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import core
from tests.benchmarks.generate import FORMATS, event_files
from tests.benchmarks.measure import (
    Timing,
    Timings,
    check,
    compared,
    in_own_process,
    table,
    timed,
    with_memory,
)
from tests.benchmarks.peers import FOREVER, PEERS, EachOnce, Ours, Peer

STAGES = ("product", "cart", "payment", "purchase")
TIMEOUT = 30 * 60_000_000
ONCE = ("Retentioneering",)
"""Peers so slow that one run is enough."""


def measure_files(events: int, folder: Path, runs: int, names: Sequence[str]) -> str:
    """How long each engine takes from a file to its first answer, and how much memory."""
    rows: list[tuple[str, Timings]] = []
    memory = []
    for file_format in FORMATS:
        path = event_files(events, folder, file_format)
        logs, again = list[Timing](), list[Timing]()
        first = defaultdict[str, list[Timing]](list)
        each_once = list[Timing]()
        # Brings the file into the system's cache, and leaves a prepared copy.
        in_own_process(partial(read_again, path))
        for run in range(runs):
            # First what takes least: what comes after another engine finds memory in disorder.
            again.append(in_own_process(partial(read_again, path)))
            logs.append(in_own_process(partial(read_log, path)))
            for name in names:
                if run == 0 or name not in ONCE:
                    first[name].append(in_own_process(partial(read_file, PEERS[name], path)))
            if "ClickHouse" in names:
                each_once.append(in_own_process(partial(read_file, EachOnce, path)))
        for name in names:
            # ClickHouse is let off cutting sessions.
            by_users = name == "ClickHouse"
            right = in_own_process(partial(read_users, path)) if by_users else first["ours"][0]
            check(file_format, name, first[name], [right] * runs)
            if by_users:
                check(file_format, name, each_once, [right] * runs)
        beside = {"ours": first["ours"], "ClickHouse": each_once}
        rows += [
            (f"{file_format} to a funnel", first),
            (f"{file_format} to a funnel, each event once", beside),
            (f"{file_format} to a log, others to a funnel", {**first, "ours": logs}),
            (f"{file_format}, second opening", {"ours": again}),
        ]
        held = (logs[0].resident, *(max(t.peak for t in first[name]) for name in names))
        memory.append([file_format, *(f"{size:,} MB" for size in held)])
    headings = ["memory", "our log", *(f"peak, {name}" for name in names)]
    return f"{table(['from a file', *names], compared(rows, names))}\n\n{table(headings, memory)}"


def read_file(engine: Callable[[], Peer], path: Path) -> Timing:
    """From a file to the first answer."""
    peer = engine()
    return with_memory(timed(lambda: peer.from_file(path, TIMEOUT, STAGES)))


def read_log(path: Path) -> Timing:
    """From a file to a log of ours, which is in memory when that is looked at."""
    Ours()
    logs: list[core.EventLog] = []
    return with_memory(timed(lambda: logs.append(core.read_events(path))))


def read_again(path: Path) -> Timing:
    """From a prepared copy to the first answer; where there is none yet, one is made."""
    os.environ["XDG_CACHE_HOME"] = str(path.parent.absolute() / "prepared")
    Ours()
    study = core.Study(timeout=TIMEOUT, stages=tuple(core.Stage((name,)) for name in STAGES))

    def work() -> object:
        engine = core.open_engine(path, cache=True)
        return [stage.count for stage in engine.funnel(study).stages]

    return with_memory(timed(work))


def read_users(path: Path) -> Timing:
    """What a funnel that counts users should say."""
    ours = Ours()
    ours.load(path)
    return timed(lambda: ours.by_users(FOREVER, STAGES))
