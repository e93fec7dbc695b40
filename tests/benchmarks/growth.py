"""How time and memory grow from one size to the next, as a table and as a picture."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import core
from tests.benchmarks.files import STAGES, read_again
from tests.benchmarks.generate import event_files
from tests.benchmarks.measure import Timing, in_own_process, seconds, table, timed, with_memory
from tests.benchmarks.picture import Line, draw
from tests.benchmarks.questions import MINUTE, OTHER_STAGES

PICTURE = Path(__file__).with_name("growth.svg")
SHOWN = PICTURE.relative_to(Path(__file__).parents[2])
"""Where the README finds it."""
BENDS = (
    "What rises more than tenfold from one size to the next has left the caches, and waits for "
    "memory that it touches for the first time."
)
WORK = ("open", "first funnel", "stages", "timeout", "window")
AGAIN = "second opening"


def measure_growth(events: int, folder: Path, runs: int, names: Sequence[str]) -> str:
    """A table of what each size takes, up to `events`; the picture is drawn beside this file."""
    sizes = [size for size in (10**6, 10**7, 10**8, 10**9) if size <= events]
    found = {size: _measure(event_files(size, folder, "parquet"), runs) for size in sizes}
    kinds = [*WORK, AGAIN]
    rows = [[kind, *(seconds(found[size][kind].wall) for size in sizes)] for kind in kinds]
    rows += [
        [f"{kind}: peak", *(f"{found[size][kind].peak:,} MB" for size in sizes)]
        for kind in ("open", AGAIN)
    ]
    times = [Line(kind, [found[size][kind].wall for size in sizes]) for kind in kinds]
    memory = [
        Line(kind, [found[size][kind].peak / 1e3 for size in sizes]) for kind in ("open", AGAIN)
    ]
    PICTURE.write_text(draw(sizes, [("seconds", times), ("peak memory, GB", memory)]))
    picture = f"![Time and memory over the number of events]({SHOWN})"
    headings = ["growth", *(f"{size:,} events" for size in sizes)]
    return f"{picture}\n\n{BENDS}\n\n{table(headings, rows)}"


def _measure(path: Path, runs: int) -> dict[str, Timing]:
    # The first opening leaves the copy that the others take.
    again = [in_own_process(partial(read_again, path)) for _ in range(runs + 1)][1:]
    found = in_own_process(partial(_work, path, runs))
    return {**found, AGAIN: min(again, key=lambda timing: timing.wall)}


def _work(path: Path, runs: int) -> dict[str, Timing]:
    """Open a log and change its question: the time of each."""
    logs: list[core.EventLog] = []
    found = {"open": with_memory(timed(lambda: logs.append(core.read_events(path))))}
    engine = core.LocalEngine(logs[0])
    stages = tuple(core.Stage((name,)) for name in STAGES)
    study = core.Study(timeout=30 * MINUTE, stages=stages)
    by_users = core.Study(scope="users", window=MINUTE, stages=stages)
    found["first funnel"] = timed(lambda: engine.funnel(study))
    engine.funnel(by_users)
    asks: dict[str, Callable[[int], object]] = {
        "stages": lambda run: engine.funnel(
            study.with_stages(tuple(core.Stage((name,)) for name in OTHER_STAGES[run]))
        ),
        "timeout": lambda run: engine.funnel(study.with_timeout((run + 1) * MINUTE)),
        "window": lambda run: engine.funnel(
            core.Study(scope="users", window=(run + 2) * MINUTE, stages=stages)
        ),
    }
    for name, ask in asks.items():
        walls = [timed(partial(ask, run)).wall for run in range(runs)]
        found[name] = Timing(median(walls), 0, None)
    return found
