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

from core.cohort import EVERYBODY
from core.engine import Sort
from core.reading.options import ReadOptions
from core.stage import Stage
from core.study import Study
from core.warehouse.curves import LADDER
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.benchmarks.generate import event_file
from tests.engines.warehouse import servers
from tests.engines.warehouse.targets import Target

MINUTE = 60_000_000
Answer = tuple[int, ...]
Ask = Callable[[], Answer]
Timing = tuple[float, float, Answer]
"""Seconds on the wall, seconds of all processors, and the answer."""
COLUMNS = ("sessions", "events", "first", "last", "depth")
STAGES = ("product", "cart", "payment", "purchase")
NAMES = ", ".join(f"'{name}'" for name in STAGES)
REACHED = "CASE WHEN count(s3) > 0 THEN 4 WHEN count(s2) > 0 THEN 3 WHEN count(s1) > 0 THEN 2 "
REACHED += "WHEN count(s0) > 0 THEN 1 ELSE 0 END"
WINDOW = 24 * 60 * MINUTE
TIMEOUT = 30 * MINUTE
LIMITS = tuple(limit for limit in LADDER if limit is not None)
LINES = 50
FIRST_LINES = f"ORDER BY sessions DESC, user_id LIMIT {LINES}"
LAG = "lag(ts) OVER (PARTITION BY user_id ORDER BY ts)"
LAG_IN_FRAME = (
    f"lagInFrame(ts, 1, -{10**18}) OVER (PARTITION BY user_id ORDER BY ts ROWS BETWEEN UNBOUNDED "
    "PRECEDING AND CURRENT ROW)"
)
"""As ClickHouse has it."""


def cuts(table: str, lag: str = LAG) -> str:
    """The events with `cut`, 1 where a session begins."""
    cut = f"CASE WHEN ts - {lag} <= {TIMEOUT} THEN 0 ELSE 1 END"
    return f"(SELECT user_id, ts, event, {cut} AS cut FROM {table}) a"


def numbered(table: str, lag: str = LAG) -> str:
    """The events with `session`, numbers from 1."""
    number = "sum(cut) OVER (PARTITION BY user_id ORDER BY ts)"
    return f"(SELECT user_id, ts, event, cut, {number} AS session FROM {cuts(table, lag)}) b"


def starts(source: str, keys: str) -> str:
    """At each stage row the latest start that got there, stage by stage."""
    step = f"SELECT *, CASE WHEN event = '{STAGES[0]}' THEN ts END AS s0 FROM {source}"
    for i, name in enumerate(STAGES[1:], 1):
        step = (
            f"SELECT *, CASE WHEN event = '{name}' THEN max(s{i - 1}) OVER (PARTITION BY {keys} "
            f"ORDER BY ts ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) END AS s{i} "
            f"FROM ({step}) s{i}"
        )
    return step


def by_windows(table: str, window: int, *, sessions: bool) -> str:
    """Window functions, as on DuckDB, PostgreSQL and Spark."""
    keys, source = "user_id", f"(SELECT user_id, ts, event FROM {table} WHERE event IN ({NAMES})) s"
    if sessions:
        keys = "user_id, session"
        source = f"(SELECT {keys}, ts, event FROM {numbered(table)} WHERE event IN ({NAMES})) s"
    needs = ", ".join(f"min(ts - s{i}) AS n{i}" for i in range(len(STAGES)))
    counts = ", ".join(
        f"count(CASE WHEN n{i} <= {window} THEN 1 END) AS c{i}" for i in range(len(STAGES))
    )
    step = starts(source, keys)
    return f"SELECT {counts} FROM (SELECT {keys}, {needs} FROM ({step}) t GROUP BY {keys}) u"


def by_one_order(table: str, window: int, *, sessions: bool) -> str:
    """The same for sessions with every row brought to its user and sorted once: a start counts if
    it is not earlier than the session's.
    """
    if not sessions:
        return by_windows(table, window, sessions=False)
    source = (
        f"SELECT user_id, ts, event, began FROM (SELECT user_id, ts, event, max(CASE WHEN cut = 1 "
        f"THEN ts END) OVER (PARTITION BY user_id ORDER BY ts) AS began FROM {cuts(table)}) b "
        f"WHERE event IN ({NAMES})"
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


def by_function(table: str, window: int, *, sessions: bool) -> str:
    """ClickHouse's own function."""
    keys, source = "user_id", f"(SELECT user_id, ts, event FROM {table} WHERE event IN ({NAMES}))"
    if sessions:
        keys = "user_id, session"
        source = f"(SELECT user_id, session, ts, event FROM {numbered(table, LAG_IN_FRAME)} "
        source += f"WHERE event IN ({NAMES}))"
    counts = ", ".join(f"countIf(d > {i}) AS c{i}" for i in range(len(STAGES)))
    return f"SELECT {counts} FROM (SELECT {deepest(window)} AS d FROM {source} GROUP BY {keys})"


def deepest(window: int) -> str:
    """ClickHouse's own function."""
    stages = ", ".join(f"event = '{name}'" for name in STAGES)
    return f"windowFunnel({window}, 'strict_once')(toUInt64(ts), {stages})"


def page_by_windows(table: str) -> str:
    """A page of users with their sessions and depths: what is told of all events of a user stands
    in each row, so that only stage rows, and those that begin a session, are sorted again.
    """
    whole = "OVER (PARTITION BY user_id)"
    source = (
        f"(SELECT *, count(*) {whole} AS events, min(ts) {whole} AS first, max(ts) {whole} AS last "
        f"FROM {numbered(table)}) c WHERE cut = 1 OR event IN ({NAMES})"
    )
    return (
        "SELECT sum(cut) AS sessions, max(events) AS events, max(first) AS first, max(last) AS "
        f"last, {REACHED} AS depth FROM ({starts(source, 'user_id, session')}) t GROUP BY user_id "
        f"{FIRST_LINES}"
    )


def page_by_join(table: str) -> str:
    """The same by two aggregates: of all events, and of stage rows."""
    step = starts(f"{numbered(table)} WHERE event IN ({NAMES})", "user_id, session")
    return (
        "SELECT sessions, events, first, last, coalesce(depth, 0) AS depth FROM (SELECT user_id, "
        "sum(cut) AS sessions, count(*) AS events, min(ts) AS first, max(ts) AS last FROM "
        f"{cuts(table)} GROUP BY user_id) l LEFT JOIN (SELECT user_id AS owner, {REACHED} AS depth "
        f"FROM ({step}) t GROUP BY user_id) d ON user_id = owner {FIRST_LINES}"
    )


def page_by_function(table: str) -> str:
    """The same on ClickHouse."""
    unit = (
        "SELECT user_id, count() AS n, min(ts) AS began, max(ts) AS ended, "
        f"{deepest(10**18)} AS d FROM {numbered(table, LAG_IN_FRAME)} GROUP BY user_id, session"
    )
    return (
        "SELECT count() AS sessions, sum(n) AS events, min(began) AS first, max(ended) AS last, "
        f"max(d) AS depth FROM ({unit}) GROUP BY user_id {FIRST_LINES}"
    )


def timeouts(table: str, lag: str = LAG) -> str:
    """The journeys at each limit of the ruler."""
    counts = ", ".join(
        f"count(CASE WHEN gap <= {limit} THEN NULL ELSE 1 END) AS c{i}"
        for i, limit in enumerate(LIMITS)
    )
    return f"SELECT {counts} FROM (SELECT ts - {lag} AS gap FROM {table}) g"


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
    if target.name in ("chdb", "clickhouse"):
        tables, counting, paging, lag = tables[:1], [by_function], [page_by_function], LAG_IN_FRAME
    else:
        counting, lag = [by_windows, by_one_order], LAG
        paging = [page_by_windows, page_by_join]
    users_by_hand = [way(each, 10**18, sessions=False) for each in tables for way in counting]
    journeys_by_hand = [way(each, WINDOW, sessions=True) for each in tables for way in counting]
    questions: list[tuple[str, Ask, list[str]]] = [
        ("users", partial(_count, engine, users), users_by_hand),
        ("journeys", partial(_count, engine, journeys), journeys_by_hand),
        ("page", partial(_page, engine, listed), [way(t) for t in tables for way in paging]),
        ("timeouts", partial(_timeouts, engine, listed), [timeouts(t, lag) for t in tables]),
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

    names = re.findall(r"AS (c\d+)\b", sql.partition(" FROM ")[0])
    schema = ibis.schema(dict.fromkeys(names or COLUMNS, "int64"))
    found = engine.session.ask(engine.session.query(sql, schema), "by hand")
    return tuple(int(value) for row in found.to_pylist() for value in row.values())


def _count(engine: WarehouseEngine, study: Study) -> Answer:
    assert study.funnel is not None
    return engine._count(study, study.funnel, None).reached


def _page(engine: WarehouseEngine, study: Study) -> Answer:
    lines = engine._find_lines(study, EVERYBODY, Sort("sessions"), "")
    rows = lines.page(0, LINES)
    return tuple(getattr(row, name) for row in rows for name in COLUMNS)


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
