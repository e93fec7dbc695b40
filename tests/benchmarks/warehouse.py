"""What a warehouse does for us, beside what it does for a query written by hand.

    python -m tests.benchmarks.warehouse --events 2e6 [--engines duckdb,spark] [--runs 5]

Prints Markdown: medians of the wall-clock and of the CPU time of all processes, and ours as a ratio
to theirs. All take turns. The hand-written queries are those that people who know the engine would
write for the same numbers, and of them the fastest counts; answers are compared before anything is
printed.
"""

from __future__ import annotations

import argparse
import os
import re
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from core.cohort import EVERYBODY, Did, Stayed
from core.engine import Sort
from core.reading.options import ReadOptions
from core.stage import Stage
from core.study import Study
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from core.warehouse.totals import summarize
from core.warehouse.words import find_words
from tests.benchmarks.by_hand import (
    LAG,
    LAG_IN_FRAME,
    LIMITS,
    LINES,
    STAGES,
    WINDOW,
    after_by_join,
    after_by_windows,
    before,
    by_function,
    by_one_order,
    by_windows,
    everything,
    matching,
    names_by_counts,
    names_by_pairs,
    once,
    page_by_function,
    page_by_join,
    page_by_windows,
    timeouts,
)
from tests.benchmarks.generate import event_file
from tests.engines.warehouse import servers
from tests.engines.warehouse.targets import Target

Answer = tuple[int | str | None, ...]
Ask = Callable[[], Answer]
Timing = tuple[float, float, Answer]
"""Seconds on the wall, seconds of all processors, and the answer."""
COLUMNS = ("sessions", "events", "first", "last", "depth")
TEXT = "3f"
"""What is searched for: one user of fifty has it in the id."""
STAGE = 1
"""The stage after which is looked at what was done, from 0."""


def cpu_seconds() -> float:
    """The CPU time of this process and of all that it started, and those started."""
    parents, ticks = dict[int, int](), dict[int, int]()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                text = (folder / "stat").read_text(encoding="utf-8", errors="replace")
            except OSError:  # it ended meanwhile
                continue
            fields = text.rpartition(") ")[2].split()
            parents[int(folder.name)] = int(fields[1])
            ticks[int(folder.name)] = sum(map(int, fields[11:15]))
    own = [os.getpid()]
    for pid in own:
        own += [child for child, parent in parents.items() if parent == pid]
    return sum(ticks[pid] for pid in own) / os.sysconf("SC_CLK_TCK")


def measure(target: Target, path: Path, runs: int, *, has_ids: bool) -> None:
    """One engine: each question asked both ways; with ids one event of a hundred is there
    twice.
    """
    query = f"SELECT user_id, event, epoch_us(time) AS ts FROM '{path}' ORDER BY time"
    if has_ids:
        ids = f"SELECT *, md5(row_number() OVER ()::text) AS insert_id FROM ({query})"
        query = f"WITH b AS ({ids}) FROM b UNION ALL FROM b WHERE hash(insert_id) % 100 = 0"
    name = "doubled" if has_ids else "bench"
    table = target.put(name, duckdb.connect().sql(query).to_arrow_table())
    engine = WarehouseEngine(EventTable(Session(target.url(name)), table, ReadOptions()))
    engine.summary()
    quoted = f"parquet.`{table}`" if target.name in ("spark", "sc") else table
    tables = [quoted]
    if has_ids:
        tables = [f"(SELECT DISTINCT user_id, event, ts, insert_id FROM {quoted}) d", once(quoted)]
    stages = tuple(Stage((name,)) for name in STAGES)
    # Pending users need a second column of the general query; compare like with like.
    users = Study(stages=stages, scope="users")
    journeys = Study(stages=stages, window=WINDOW)
    listed = Study(stages=stages)
    # Its users are counted with the funnel that is on the screen beside the list.
    engine._count_all(listed, None)
    counting, lag = [by_windows, by_one_order], LAG
    paging, followed = [page_by_windows, page_by_join], after_by_join
    if target.name == "chdb":
        tables, counting, lag = tables[:1], [by_function], LAG_IN_FRAME
        paging, followed = [page_by_function], after_by_windows
    users_by_hand = [way(each, 10**18, sessions=False) for each in tables for way in counting]
    journeys_by_hand = [way(each, WINDOW, sessions=True) for each in tables for way in counting]
    found = [each.replace(quoted, matching(quoted, TEXT)) for each in tables]
    user = engine.users(listed, sort=Sort("sessions"), start=500, stop=501).rows[0].user
    names = [names_by_pairs, names_by_counts]
    questions: list[tuple[str, Ask, list[str]]] = [
        ("everything", partial(_everything, engine), list(map(everything, tables))),
        ("names", partial(_names, engine), [way(each) for each in tables for way in names]),
        ("users", partial(_count, engine, users), users_by_hand),
        ("journeys", partial(_count, engine, journeys), journeys_by_hand),
        ("page", partial(_page, engine, listed), [way(t) for t in tables for way in paging]),
        ("search", partial(_page, engine, listed, TEXT), [way(t) for t in found for way in paging]),
        ("place", partial(_place, engine, listed, user), [before(t, user, lag) for t in tables]),
        ("timeouts", partial(_timeouts, engine, listed), [timeouts(t, lag) for t in tables]),
        (
            "after a stage",
            partial(_after, engine, listed),
            [followed(each, STAGE, target.name) for each in tables],
        ),
    ]
    for name, by_us, queries in questions:
        asks: list[Ask] = [by_us]
        asks += [partial(_by_hand, engine, sql) for sql in sorted(set(queries))]
        runs_of: list[list[Timing]] = [[] for _ in asks]
        for _ in range(runs + 1):
            for times, ask in zip(runs_of, asks, strict=True):
                wall, cpu = time.perf_counter(), cpu_seconds()
                answer = ask()
                times.append((time.perf_counter() - wall, cpu_seconds() - cpu, answer))
        answers = {times[0][2] for times in runs_of}
        if len(answers) > 1:
            raise SystemExit(f"{target.name} {name}: {answers} by us and by hand")
        (w2, c2), *by_hand = (
            (median(run[0] for run in times[1:]), median(run[1] for run in times[1:]))
            for times in runs_of
        )
        w1, c1 = min(by_hand)
        print(
            f"| {target.name} | {name}{', ids' if has_ids else ''} | {w1:.2f} ({c1:.2f}) "
            f"| {w2:.2f} ({c2:.2f}) | {w2 / w1:.2f} ({c2 / max(c1, 0.01):.2f}) |",
            flush=True,
        )
    engine.close()


def _by_hand(engine: WarehouseEngine, sql: str) -> Answer:
    import ibis

    told = "what" if "SELECT what" in sql else ""
    names = sorted(set(re.findall(r"AS (c\d+)\b", sql)), key=lambda c: int(c[1:])) or COLUMNS
    schema = {**({"what": "string"} if told else {}), **dict.fromkeys(names, "int64")}
    found = engine.session.ask(engine.session.query(sql, ibis.schema(schema)), "by hand")
    return tuple(
        value if value is None or name == told else int(value)
        for row in found.to_pylist()
        for name, value in row.items()
    )


def _count(engine: WarehouseEngine, study: Study) -> Answer:
    assert study.funnel is not None
    return engine._count(study, study.funnel, None).reached


def _everything(engine: WarehouseEngine) -> Answer:
    found = summarize(engine.table)
    names = [(count, 0, None, None) for count in sorted(found.name_counts.values(), reverse=True)]
    rows = [(found.events_count, found.users_count, found.first, found.last), *names]
    return tuple(value for row in rows for value in row)


def _names(engine: WarehouseEngine) -> Answer:
    return tuple(sorted(find_words(engine.table).users.values()))


def _page(engine: WarehouseEngine, study: Study, search: str = "") -> Answer:
    lines = engine._find_lines(study, EVERYBODY, Sort("sessions"), search)
    rows = lines.page(0, LINES)
    return tuple(getattr(row, name) for row in rows for name in COLUMNS)


def _place(engine: WarehouseEngine, study: Study, user: str) -> Answer:
    return (engine.place(study, EVERYBODY, Sort("sessions"), "", user),)


def _after(engine: WarehouseEngine, study: Study) -> Answer:
    """The panel, as the queries by hand tell it."""
    engine._after.clear()
    panel = engine.exact_drop_off(study, STAGE)
    medians = panel.left_median_seconds, panel.went_on_median_seconds
    halves = [None if each is None else round(2e6 * each) for each in medians]
    rows: dict[str, tuple[int | None, ...]] = {"u": (panel.left, panel.went_on, *halves)}
    for each in (*panel.stays, *panel.next, *panel.last, *panel.between):
        if each.left or each.went_on:
            rows[_spelled(each.what)] = each.left, each.went_on, None, None
    return tuple(value for what in sorted(rows) for value in (what, *rows[what]))


def _spelled(what: Did | Stayed) -> str:
    if isinstance(what, Stayed):
        return f"s {what.at_least}"
    if not what.names:
        return "y" if what.when == "between" else "x"
    return f"{what.when[0]} {what.names[0]}"


def _timeouts(engine: WarehouseEngine, study: Study) -> Answer:
    curves = engine._find_curves(study)
    return tuple(map(curves.journeys, LIMITS))


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--engines", default="duckdb,chdb,postgres,spark")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("| engine | question | by hand, s (CPU) | ours, s (CPU) | ratio |\n" + "| --- " * 5 + "|")
    with tempfile.TemporaryDirectory(prefix="tracer-bench-") as home:
        folder = Path(home)
        path = event_file(int(options.events), folder, "parquet")
        for name in options.engines.split(","):
            with ExitStack() as stack:
                port = 0
                if name == "postgres":
                    port = stack.enter_context(servers.postgres())
                if name == "spark":
                    cluster, _ = stack.enter_context(servers.spark_cluster())
                    port = cluster.port
                target = Target(name, folder, port, servers.LARGE)
                for has_ids in (False, True):
                    measure(target, path, options.runs, has_ids=has_ids)


if __name__ == "__main__":
    main()
