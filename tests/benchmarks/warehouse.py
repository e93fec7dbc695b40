"""What a warehouse does for us, beside what it does for a query written by hand.

    python -m tests.benchmarks.warehouse --events 2e6 [--engines duckdb,spark] [--runs 5]

Prints Markdown: medians of the wall-clock and of the CPU time of all processes, and ours as a ratio
to theirs. Both take turns. Each hand-written query is one that a person who knows the engine would
write for the same numbers; answers are compared before anything is printed.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from statistics import median

import duckdb

from core.funnel import Scope
from core.reading.options import ReadOptions
from core.stage import Stage
from core.study import Study
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.benchmarks.generate import event_file
from tests.engines.warehouse import servers
from tests.engines.warehouse.targets import Target

MINUTE = 60_000_000
Timing = tuple[float, float, tuple[int, ...]]
"""Seconds on the wall, seconds of all processors, and the answer."""
STAGES = ("product", "cart", "payment", "purchase")
WINDOW = 24 * 60 * MINUTE


def by_windows(table: str, window: int, *, sessions: int | None) -> str:
    """Window functions, as on DuckDB, PostgreSQL and Spark: the latest start, stage by stage."""
    names = ", ".join(f"'{name}'" for name in STAGES)
    keys, source = "user_id", f"SELECT user_id, ts, event FROM {table} WHERE event IN ({names})"
    if sessions is not None:
        keys = "user_id, session"
        source = (
            f"SELECT user_id, session, ts, event FROM (SELECT user_id, ts, event, sum(cut) OVER "
            f"(PARTITION BY user_id ORDER BY ts) AS session FROM (SELECT user_id, ts, event, "
            f"CASE WHEN ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts) <= {sessions} "
            f"THEN 0 ELSE 1 END AS cut FROM {table}) a) b WHERE event IN ({names})"
        )
    step = f"SELECT *, CASE WHEN event = '{STAGES[0]}' THEN ts END AS s0 FROM ({source}) s"
    for i, name in enumerate(STAGES[1:], 1):
        step = (
            f"SELECT *, CASE WHEN event = '{name}' THEN max(s{i - 1}) OVER (PARTITION BY {keys} "
            f"ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS s{i} "
            f"FROM ({step}) s{i}"
        )
    needs = ", ".join(f"min(ts - s{i}) AS n{i}" for i in range(len(STAGES)))
    counts = ", ".join(
        f"count(CASE WHEN n{i} <= {window} THEN 1 END) AS c{i}" for i in range(len(STAGES))
    )
    return f"SELECT {counts} FROM (SELECT {keys}, {needs} FROM ({step}) t GROUP BY {keys}) u"


def by_function(table: str, window: int, *, sessions: int | None) -> str:
    """ClickHouse's own function."""
    names = ", ".join(f"'{name}'" for name in STAGES)
    keys, source = "user_id", f"(SELECT user_id, ts, event FROM {table} WHERE event IN ({names}))"
    if sessions is not None:
        keys = "user_id, session"
        source = (
            "(SELECT user_id, session, ts, event FROM (SELECT user_id, ts, event, sum(cut) OVER "
            "(PARTITION BY user_id ORDER BY ts) AS session FROM (SELECT user_id, ts, event, "
            f"ts - lagInFrame(ts, 1, -{10**18}) OVER (PARTITION BY user_id ORDER BY ts ROWS "
            f"BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW) > {sessions} AS cut FROM {table})) "
            f"WHERE event IN ({names}))"
        )
    stages = ", ".join(f"event = '{name}'" for name in STAGES)
    counts = ", ".join(f"countIf(d > {i}) AS c{i}" for i in range(len(STAGES)))
    funnel = f"windowFunnel({window}, 'strict_once')(toUInt64(ts), {stages})"
    return f"SELECT {counts} FROM (SELECT {funnel} AS d FROM {source} GROUP BY {keys})"


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
    """One engine: two questions, each asked both ways; with ids one event of a hundred is there
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
    if has_ids:
        quoted = f"(SELECT DISTINCT user_id, event, ts, insert_id FROM {quoted}) d"
    by_hand = by_function if target.name in ("chdb", "clickhouse") else by_windows
    stages = tuple(Stage((name,)) for name in STAGES)
    questions: tuple[tuple[Scope, int | None], ...] = (("users", None), ("journeys", 30 * MINUTE))
    for scope, sessions in questions:
        # Pending users need a second column of the general query; compare like with like.
        window = WINDOW if scope == "journeys" else None
        study = Study(stages=stages, scope=scope, window=window)
        sql = by_hand(quoted, 10**18 if window is None else window, sessions=sessions)
        theirs: list[Timing] = []
        ours: list[Timing] = []
        asks = ((theirs, partial(_by_hand, engine, sql)), (ours, partial(_by_us, engine, study)))
        for _ in range(runs + 1):
            for times, ask in asks:
                wall, cpu = time.perf_counter(), cpu_seconds()
                answer = ask()
                times.append((time.perf_counter() - wall, cpu_seconds() - cpu, answer))
        if theirs[0][2] != ours[0][2]:
            raise SystemExit(f"{target.name} {scope}: {theirs[0][2]} by hand, {ours[0][2]} by us")
        (w1, c1), (w2, c2) = (
            (median(run[0] for run in times[1:]), median(run[1] for run in times[1:]))
            for times in (theirs, ours)
        )
        print(
            f"| {target.name} | {scope}{', ids' if has_ids else ''} | {w1:.2f} ({c1:.2f}) "
            f"| {w2:.2f} ({c2:.2f}) | {w2 / w1:.2f} ({c2 / max(c1, 0.01):.2f}) |",
            flush=True,
        )
    engine.close()


def _by_hand(engine: WarehouseEngine, sql: str) -> tuple[int, ...]:
    import ibis

    schema = ibis.schema({f"c{i}": "int64" for i in range(len(STAGES))})
    found = engine.session.ask(engine.session.query(sql, schema), "by hand")
    return tuple(int(value) for value in found.to_pylist()[0].values())


def _by_us(engine: WarehouseEngine, study: Study) -> tuple[int, ...]:
    funnel = study.funnel
    assert funnel is not None
    return engine._count(study, funnel, None).reached


def main() -> None:
    """Measure."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=float, default=2e6)
    parser.add_argument("--engines", default="duckdb,chdb,postgres,spark")
    parser.add_argument("--runs", type=int, default=5)
    options = parser.parse_args()
    print("| engine | scope | by hand, s (CPU) | ours, s (CPU) | ratio |\n" + "| --- " * 5 + "|")
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
