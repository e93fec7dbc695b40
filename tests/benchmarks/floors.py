"""The least time that each piece of work can take on this machine, and how far above it we are.

Reading: the fastest that anything here gets through the same file: for Parquet, DuckDB unpacking
the three columns that matter; for text, both cores looking at every byte once, for line ends.
A change: its bytes once through memory, at the speed at which both cores sum a large column.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from statistics import median

import duckdb
import numpy as np

import core
from core.threads import on_all_cores, slices
from tests.benchmarks.files import STAGES, read_log
from tests.benchmarks.generate import FORMATS, event_files
from tests.benchmarks.measure import in_own_process, seconds, table, timed
from tests.benchmarks.questions import MINUTE, OTHER_STAGES

LARGE = 1 << 27
"""Numbers of 64 bits that no cache holds."""
PIECE = 1 << 22


def measure_floors(events: int, folder: Path, runs: int, names: Sequence[str]) -> str:
    """A table of floors."""
    bandwidth = find_bandwidth()
    rows = []
    for file_format in FORMATS:
        path = event_files(events, folder, file_format)
        floor = median(timed(partial(read_raw, path)).wall for _ in range(runs))
        wall = in_own_process(partial(read_log, path)).wall
        what = "its columns unpacked" if file_format == "parquet" else "its bytes looked at"
        rows.append([f"{file_format} to a log", what, *_cells(wall, floor)])
    for label, what, moved, wall in changes(event_files(events, folder, "parquet"), runs):
        rows.append([label, what, *_cells(wall, moved / bandwidth)])
    gigabytes = f"{bandwidth / 1e9:.1f} GB/s from memory on all cores"
    return f"{gigabytes}.\n\n{table(['work', 'floor: once', 'floor', 'ours', 'above'], rows)}"


def _cells(ours: float, floor: float) -> list[str]:
    return [seconds(floor), seconds(ours), f"{ours / floor:.1f}×"]


def find_bandwidth() -> float:
    """Bytes a second that all cores together take from memory."""
    column = np.ones(LARGE, dtype=np.int64)

    def once() -> None:
        on_all_cores(lambda part: column[part].sum(), slices(LARGE, PIECE))

    return column.nbytes / min(timed(once).wall for _ in range(5))


def read_raw(path: Path) -> None:
    """The fastest that we know of to get through a file that is in the system's cache."""
    if path.suffix == ".parquet":
        with duckdb.connect() as connection:
            connection.execute(
                "SELECT max(hash(user_id)), max(hash(event)), max(time) "
                f"FROM read_parquet('{path}')"
            )
        return
    for file in path.parent.glob(path.name):
        content = np.memmap(file, dtype=np.uint8, mode="r")
        pieces = slices(len(content), PIECE)
        on_all_cores(lambda part: np.count_nonzero(content[part] == 10), pieces)  # noqa: B023 - called before the next file


def changes(path: Path, runs: int) -> list[tuple[str, str, int, float]]:
    """For each change what has to be looked at, how many bytes that is, and our time."""
    log = core.read_events(path)
    engine = core.LocalEngine(log)
    stages = tuple(core.Stage((name,)) for name in STAGES)
    study = core.Study(timeout=30 * MINUTE, stages=stages)
    result = engine.result(study)
    assert result is not None
    held = sum(rows.nbytes for rows in result.rows.at)
    asks: list[tuple[str, str, int, Callable[[int], object]]] = [
        (
            "timeout",
            "every gap",
            log.gap.nbytes,
            lambda run: engine.funnel(study.with_timeout((run + 1) * MINUTE)),
        ),
        (
            "window",
            "two limits for each row of a stage",
            2 * held,
            lambda run: engine.funnel(
                core.Study(scope="users", window=(run + 1) * MINUTE, stages=stages)
            ),
        ),
        (
            "stages",
            "every name and every gap",
            log.name.nbytes + log.gap.nbytes,
            lambda run: engine.funnel(
                study.with_stages(tuple(core.Stage((name,)) for name in OTHER_STAGES[run]))
            ),
        ),
    ]
    found = []
    for label, what, moved, ask in asks:
        walls = [timed(partial(ask, run)).wall for run in range(runs + 1)]
        found.append((label, what, moved, median(walls[1:])))
    return found
