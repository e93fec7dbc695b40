"""Measuring one piece of work, and telling it as Markdown."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import TypeVar

Found = TypeVar("Found")


@dataclass(frozen=True)
class Timing:
    """One measurement: seconds, and megabytes where a process was there for it alone."""

    wall: float
    cpu: float
    answer: object
    resident: int = 0
    peak: int = 0


Timings = Mapping[str, Sequence[Timing]]
"""The measurements of each engine that was measured."""


def timed(work: Callable[[], object]) -> Timing:
    """Do some work once."""
    wall, cpu = time.perf_counter(), time.process_time()
    answered = work()
    return Timing(time.perf_counter() - wall, time.process_time() - cpu, answered)


def with_memory(timing: Timing) -> Timing:
    """Add what this process holds, and the most that it held."""
    lines = Path("/proc/self/status").read_text().splitlines()
    sizes = {line.split(":")[0]: line.split()[1] for line in lines if line.startswith("Vm")}
    return replace(timing, resident=int(sizes["VmRSS"]) // 1024, peak=int(sizes["VmHWM"]) // 1024)


def in_own_process(work: Callable[[], Found]) -> Found:
    """Do some work where nobody worked before."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(work).result()


def check(label: str, name: str, mine: Sequence[Timing], expected: Sequence[Timing]) -> None:
    """Raises SystemExit where answers differ from ours."""
    for timing, right in zip(mine, expected, strict=False):
        if timing.answer != right.answer:
            raise SystemExit(f"{label}: {name} says {timing.answer}, and we say {right.answer}")


def compared(rows: Sequence[tuple[str, Timings]], names: Sequence[str]) -> list[list[str]]:
    """A line of cells for each piece of work: the wall time, and for others as a ratio to ours."""
    table = []
    for label, timings in rows:
        ours = middle(timings["ours"])
        table.append([label, *(_cell(timings.get(name, ()), name, ours) for name in names)])
    return table


def _cell(timings: Sequence[Timing], name: str, ours: float) -> str:
    if not timings:
        return "–"
    wall, cpu = middle(timings), median(timing.cpu for timing in timings)
    ratio = "" if name == "ours" else f" **{_times(wall / ours)}×**"
    return f"{seconds(wall)} ({seconds(cpu)}){ratio}"


def _times(ratio: float) -> str:
    return f"{float(f'{ratio:.3g}'):,.0f}" if ratio >= 1000 else f"{ratio:.3g}"


def middle(timings: Sequence[Timing]) -> float:
    """The median of the wall times."""
    return median(timing.wall for timing in timings)


def seconds(value: float) -> str:
    """A time to three digits or less."""
    return f"{value:.2f} s" if value >= 0.995 else f"{value * 1000:.3g} ms"


def table(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table in Markdown."""
    lines = [headings, ["---"] * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
