"""How many instructions each piece of work takes, against what is on record.

    python -m tests.benchmarks.instructions [--record]

Unlike time, these hardly depend on the machine and not at all on what else runs, so a check can be
strict: it fails when a piece takes `MOST` times what it took. `--record` makes the counts of now
the record, for a change that is meant. They are counted by Valgrind's tool Callgrind
(`apt-get install valgrind`), in a process that does all the pieces and calls `os.getsid` after
each, which nothing else does: there Callgrind writes down what it has counted.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np

import core
from core.log import sort_events
from core.reading.codes import places_of
from core.reading.progress import Watch
from core.reading.raw import RawEvents
from core.reading.report import LoadReport
from core.reading.store import Store

RECORD = Path(__file__).with_suffix(".json")
MOST = 1.8
"""Times the instructions on record."""
EVENTS = 300_000
USERS = 12_000
NAMES = tuple("abcdefghijklmnopqrst")
MINUTE = 60_000_000


def pieces(events: int) -> dict[str, Callable[[], object]]:
    """What is counted, in order; a piece may build on those before."""
    raw, mixed = made_up(events, by_time=True), made_up(events, by_time=False)
    random = np.random.default_rng(2)
    hashes = random.integers(0, 2**32, USERS * 2).astype(np.uint32)
    hashes = np.unique(hashes)[:USERS]
    values = hashes[raw.user]
    engines: list[core.LocalEngine] = []
    study = core.Study(timeout=30 * MINUTE, stages=tuple(core.Stage((name,)) for name in "bcde"))

    def ask(question: Callable[[core.LocalEngine], object]) -> Callable[[], object]:
        return lambda: question(engines[0])

    def funnel(**changed: object) -> Callable[[], object]:
        return ask(lambda engine: engine.funnel(replace(study, **changed)))  # type: ignore[arg-type]  # names of fields

    def other_stages(engine: core.LocalEngine) -> object:
        return engine.funnel(study.with_stages(tuple(core.Stage((name,)) for name in "fghi")))

    return {
        "looking up codes": partial(places_of, values, hashes),
        "sorting what comes by time": lambda: engines.append(core.LocalEngine(sort_events(raw))),
        "sorting what does not": lambda: sort_events(mixed),
        "a funnel": funnel(),
        "another timeout": funnel(timeout=20 * MINUTE),
        "every timeout": ask(lambda engine: engine.curves(study)),
        "other stages": ask(other_stages),
        "users within a window": funnel(scope="users", window=900 * MINUTE),
        "strict order": funnel(order="strict"),
        "any order": funnel(order="any"),
        "a list of users": ask(lambda engine: engine.users(study)),
        "a panel of drop-off": ask(lambda engine: engine.drop_off(study, 0)),
    }


def made_up(events: int, *, by_time: bool) -> RawEvents:
    """Columns as they are read: bursts of a few users, most of them seldom seen. Where a user's
    events come by time, one of a hundred is late.
    """
    random = np.random.default_rng(1)
    burst = np.repeat(np.arange(events // 8 + 1), 8)[:events]
    user = (random.pareto(1.5, events // 8 + 1) * 500).astype(np.int64) * 7919 % USERS
    began = random.integers(0, 120 * 24 * 60 * MINUTE, events // 8 + 1)
    since = random.integers(0, 40 * MINUTE, (events // 8 + 1, 8))
    if by_time:
        late = random.random(since.shape) < 0.01
        since = np.sort(since) - late * random.integers(0, 40 * MINUTE, since.shape)
    time = np.sort(began)[burst] + since.ravel()[:events]
    return RawEvents(
        users=np.array([f"u{number:06}" for number in range(USERS)], dtype=object),
        names=NAMES,
        user=user[burst].astype(np.uint32),
        name=random.integers(0, len(NAMES), events, dtype=np.int32).astype(np.uint8),
        time=time // 1_000 * 1_000,
        sequence=None,
        row=None,
        store=Store("UTC"),
        report=LoadReport(rows_read=events),
        merged={},
        ids=None,
        release=lambda: None,
        watch=Watch(None, None),
    )


def work() -> None:
    """All pieces, told apart; once with few events before, to import what is imported late."""
    gc.disable()  # when it runs depends on all that was ever made
    for events in (1_000, EVENTS):
        for piece in pieces(events).values():
            os.getsid(0)
            piece()
    os.getsid(0)


def count() -> dict[str, int]:
    """The instructions of each piece. Raises SystemExit where they cannot be counted."""
    names = list(pieces(1_000))
    with tempfile.TemporaryDirectory() as folder:
        command = [
            "valgrind",
            "--tool=callgrind",
            "--dump-before=getsid",
            f"--callgrind-out-file={folder}/counts",
            sys.executable,
            "-c",
            f"from {__spec__.name} import work; work()",
        ]
        try:
            subprocess.run(command, check=True, capture_output=True, text=True)
        except FileNotFoundError:
            raise SystemExit("valgrind is not installed: apt-get install valgrind") from None
        except subprocess.CalledProcessError as error:
            raise SystemExit(error.stderr) from error
        dumps = range(len(names) + 2, 2 * len(names) + 2)
        return {
            name: _total(Path(folder, f"counts.{dump}"))
            for name, dump in zip(names, dumps, strict=True)
        }


def _total(dump: Path) -> int:
    found = re.search(r"^totals: (\d+)", dump.read_text(), re.MULTILINE)
    assert found, dump
    return int(found[1])


def compare(counted: Mapping[str, int], recorded: Mapping[str, int]) -> list[str]:
    """The pieces that take too many instructions, or that are not on record."""
    return [name for name, now in counted.items() if now > MOST * recorded.get(name, 0)]


def main() -> None:
    """Count, and compare with the record."""
    parser = argparse.ArgumentParser(description="Counts the instructions of each piece of work.")
    parser.add_argument("--record", action="store_true", help="make these counts the record")
    options = parser.parse_args()
    counted = count()
    if options.record:
        RECORD.write_text(json.dumps(counted, indent=2) + "\n")
    recorded: dict[str, int] = json.loads(RECORD.read_text())
    for name, now in counted.items():
        before = recorded.get(name, 0)
        print(f"{name:28}{now / EVENTS:10,.0f} an event{now / max(before, 1):8.2f} of the record")
    if slow := compare(counted, recorded):
        raise SystemExit(
            f"{MOST:g} times the instructions on record or more: {', '.join(slow)}.\n"
            f"If that is meant: python -m {__spec__.name} --record"
        )


if __name__ == "__main__":
    main()
