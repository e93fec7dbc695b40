"""How fast we are beside others, on the same file in the same run.

    python -m tests.benchmarks.bench --events 1e7 [--only PART …] [--table FILE]

Prints Markdown. A cell is the median of the wall-clock times, in brackets the median of the CPU
time over all threads, then the wall time as a ratio to ours. Engines take turns within each run, so
that a busy machine slows all of them. Answers are compared: where they differ, nothing is told.

The parts are files, questions, floors, and growth, which is measured only when it is named: up to
so many events, with a picture beside this file.

`--table` puts what was measured into a file as well, each part in the place of what it said
before, and what the file says into the README where that includes it.
"""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Mapping, Sequence
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path

from tests.benchmarks.files import measure_files
from tests.benchmarks.floors import measure_floors
from tests.benchmarks.generate import MOST_IN_A_FILE
from tests.benchmarks.growth import measure_growth
from tests.benchmarks.peers import PEERS
from tests.benchmarks.questions import measure_questions

README = Path(__file__).parents[2] / "README.md"
TABLE = Path(__file__).with_name("table.md")
"""What the README includes."""
MODULES = {
    "ClickHouse": "chdb",
    "DuckDB": "duckdb",
    "Polars": "polars",
    "Retentioneering": "retentioneering",
}
PARTS: Mapping[str, tuple[str, Callable[[int, Path, int, Sequence[str]], str]]] = {
    "files": ("From a file to the first funnel", measure_files),
    "questions": ("A change of the question", measure_questions),
    "floors": ("How near the machine's limit", measure_floors),
    "growth": ("Growth", measure_growth),
}
USUAL = ("files", "questions", "floors")
"""What is measured unless told: growth takes a quarter of an hour and 10 GB of files."""


def put(section: str, title: str, path: Path) -> None:
    """Put a section into a file, in the place of the one with its title, or at the end."""
    before = path.read_text() if path.exists() else ""
    old = re.compile(rf"^### {re.escape(title)}\n.*?(?=^### |\Z)", re.MULTILINE | re.DOTALL)
    new = f"### {title}\n\n{section}\n"
    found = old.search(before)
    after = f"{before[: found.start()]}{new}\n{before[found.end() :]}" if found else None
    path.write_text((after or f"{before}\n{new}").strip() + "\n")


def included(readme: str) -> str:
    """What the README includes of the table."""
    begin, end = _edges(readme)
    return readme[begin:end]


def include(readme: str, text: str) -> str:
    """A README that includes the text."""
    begin, end = _edges(readme)
    return readme[:begin] + text + readme[end:]


def _edges(readme: str) -> tuple[int, int]:
    begin, end = f"<!-- {TABLE.name} -->\n", f"<!-- /{TABLE.name} -->"
    return readme.index(begin) + len(begin), readme.index(end)


def main() -> None:
    """Measure what the flags name."""
    parser = argparse.ArgumentParser(description="Measures us beside other engines.")
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--data", type=Path, default=Path("benchmark-data"))
    parser.add_argument("--only", choices=tuple(PARTS), nargs="+", default=USUAL)
    parser.add_argument("--runs", type=int, choices=range(1, 5), default=3)
    parser.add_argument("--table", type=Path, help=f"a file for the tables, such as {TABLE.name}")
    options = parser.parse_args()
    events = int(options.events)
    missing = [name for name, module in MODULES.items() if find_spec(module) is None]
    names = [name for name in PEERS if name not in missing]
    peers = [f"{name} {version(MODULES[name])}" for name in names if name in MODULES]
    load = os.getloadavg()[0]
    about = (
        f"{events:,} events, {len(os.sched_getaffinity(0))} cores, "
        f"{f'medians of {options.runs} runs' if options.runs > 1 else 'one run'}, "
        f"beside {', '.join(peers)}"
        + (f" (not installed: {', '.join(missing)})" if missing else "")
        + f"; load before: {load:.1f}."
    )
    for part in options.only:
        title, measure = PARTS[part]
        if events > MOST_IN_A_FILE:
            title += f": {events:,} events"
        section = f"{about}\n\n{measure(events, options.data, options.runs, names)}"
        print(f"### {title}\n\n{section}\n", flush=True)
        if options.table is not None:
            put(section, title, options.table)
            if options.table.resolve() == TABLE:
                README.write_text(include(README.read_text(), TABLE.read_text()))


if __name__ == "__main__":
    main()
