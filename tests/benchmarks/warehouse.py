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


def by_one_order(table: str, window: int, *, sessions: int | None) -> str:
    """The same for sessions with every row brought to its user and sorted once: a start counts if
    it is not earlier than the session's.
    """
    if sessions is None:
        return by_windows(table, window, sessions=None)
    names = ", ".join(f"'{name}'" for name in STAGES)
    source = (
        f"SELECT user_id, ts, event, began FROM (SELECT user_id, ts, event, max(CASE WHEN cut = 1 "
        "THEN ts END) OVER (PARTITION BY user_id ORDER BY ts) AS began FROM (SELECT user_id, ts, "
        "event, CASE WHEN ts - lag(ts) OVER (PARTITION BY user_id ORDER BY ts) <= "
        f"{sessions} THEN 0 ELSE 1 END AS cut FROM {table}) a) b WHERE event IN ({names})"
    )
    step = f"SELECT *, CASE WHEN event = '{STAGES[0]}' THEN ts END AS s0 FROM ({source}) s"
    for i, name in enumerate(STAGES[1:], 1):
        before = f"max(CASE WHEN s{i - 1} >= began THEN s{i - 1} END) OVER (PARTITION BY user_id "
        before += "ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING)"
        step = f"SELECT *, CASE WHEN event = '{name}' THEN {before} END AS s{i} FROM ({step}) s{i}"
    needs = ", ".join(
        f"min(CASE WHEN s{i} >= began THEN ts - s{i} END) AS n{i}" for i in range(len(STAGES))
    )
    counts = ", ".join(
        f"count(CASE WHEN n{i} <= {window} THEN 1 END) AS c{i}" for i in range(len(STAGES))
    )
    return f"SELECT {counts} FROM (SELECT {needs} FROM ({step}) t GROUP BY user_id, began) u"


def once(table: str) -> str:
    """Each event once, told in the order that windows by user need too: one shuffle for both."""
    order = "OVER (PARTITION BY user_id ORDER BY ts, event, insert_id)"
    same = " AND ".join(f"{name} = b_{name}" for name in ("ts", "event", "insert_id"))
    before = ", ".join(f"lag({name}) {order} AS b_{name}" for name in ("ts", "event", "insert_id"))
    return (
        f"(SELECT user_id, event, ts FROM (SELECT user_id, event, ts, insert_id, {before} "
        f"FROM {table}) o WHERE b_ts IS NULL OR NOT ({same})) d"
    )


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
    tables = [quoted]
    if has_ids:
        tables = [f"(SELECT DISTINCT user_id, event, ts, insert_id FROM {quoted}) d", once(quoted)]
    ways = [by_windows, by_one_order]
    if target.name in ("chdb", "clickhouse"):
        tables, ways = tables[:1], [by_function]
    stages = tuple(Stage((name,)) for name in STAGES)
    questions: tuple[tuple[Scope, int | None], ...] = (("users", None), ("journeys", 30 * MINUTE))
    for scope, sessions in questions:
        # Pending users need a second column of the general query; compare like with like.
        window = WINDOW if scope == "journeys" else None
        study = Study(stages=stages, scope=scope, window=window)
        longest = 10**18 if window is None else window
        queries = {way(each, longest, sessions=sessions) for each in tables for way in ways}
        asks = [partial(_by_us, engine, study)]
        asks += [partial(_by_hand, engine, sql) for sql in sorted(queries)]
        runs_of: list[list[Timing]] = [[] for _ in asks]
        for _ in range(runs + 1):
            for times, ask in zip(runs_of, asks, strict=True):
                wall, cpu = time.perf_counter(), cpu_seconds()
                answer = ask()
                times.append((time.perf_counter() - wall, cpu_seconds() - cpu, answer))
        answers = {times[0][2] for times in runs_of}
        if len(answers) > 1:
            raise SystemExit(f"{target.name} {scope}: {answers} by us and by hand")
        (w2, c2), *by_hand = (
            (median(run[0] for run in times[1:]), median(run[1] for run in times[1:]))
            for times in runs_of
        )
        w1, c1 = min(by_hand)
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
