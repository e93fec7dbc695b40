"""What goes wrong between here and a warehouse: one clear line, nothing left running."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from contextlib import ExitStack

import clickhouse_connect
import duckdb
import ibis
import psycopg
import pyarrow as pa
import pytest
from ibis.backends import BaseBackend

import core
from core.reading.options import ReadOptions
from core.reading.progress import Share
from core.warehouse import session as sessions
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.engines.warehouse import servers
from tests.engines.warehouse.conftest import on, open_table
from tests.engines.warehouse.crowd import CROWD, STUDIES, study
from tests.engines.warehouse.proxy import Proxy, proxy
from tests.engines.warehouse.servers import OWNER, PASSWORD, READER
from tests.engines.warehouse.targets import Target


@pytest.fixture
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Ask again at once."""
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 0.01)


@on("clickhouse", "postgres")
def test_a_wrong_password_is_said_and_not_repeated(target: Target, quick: None) -> None:
    session = Session(target.url(password="not the right one"))  # noqa: S106 - that is the test
    with pytest.raises(core.SourceError) as error:
        session.table("crowd")
    session.close()
    assert "not the right one" not in str(error.value)
    assert "password" in str(error.value).lower()
    assert "\n" not in str(error.value)


@on("postgres")
def test_a_database_that_is_not_there_is_said_at_once(target: Target) -> None:
    session = Session(target.url().replace("/events", "/evnts"))
    began = time.monotonic()
    with pytest.raises(core.SourceError, match='database "evnts" does not exist'):
        session.table("crowd")
    assert time.monotonic() - began < sessions.FIRST_PAUSE
    session.close()


@pytest.mark.parametrize("scheme", ["spark", "sc"])
def test_a_cluster_that_nobody_runs_is_said_and_not_waited_for(scheme: str, quick: None) -> None:
    session = Session(f"{scheme}://127.0.0.1:{servers.free_port()}")
    began = time.monotonic()
    with pytest.raises(core.SourceError, match=rf"{scheme}://127\.0\.0\.1:\d+: .*refused"):
        session.table("crowd")
    assert time.monotonic() - began < 10
    session.close()


@on("spark", "connect")
def test_what_is_missing_on_a_cluster_is_told_in_a_line(target: Target) -> None:
    session = Session(target.url())
    for name, words in (("nope", "has no table 'nope'"), ("/nope/x.parquet", "does not exist")):
        with pytest.raises(core.SourceError, match=words) as error:
            session.table(name)
        assert "\n" not in str(error.value)
        assert "org.apache" not in str(error.value)
    session.close()


@on("clickhouse", "postgres")
def test_a_server_that_is_not_there_is_told_in_a_few_words(target: Target, quick: None) -> None:
    port = servers.free_port()
    session = Session(target.url(port=port))
    with pytest.raises(core.SourceError) as error:
        session.table("crowd")
    session.close()
    where, _, why = str(error.value).partition(f":{port}/")
    assert where == f"{target.name}://{READER}@127.0.0.1"
    assert why.partition(": ")[2] == (
        "the server does not answer (connection refused); ask again once it does"
    )


@on("clickhouse", "postgres")
def test_a_question_survives_a_cut_connection(target: Target, quick: None) -> None:
    with proxy(target.port) as way:
        engine = _through(target, way)
        before = engine.summary().events_count
        engine._seen = None
        way.cut()
        assert engine.summary().events_count == before == len(CROWD.rows)
        engine.close()


@on("clickhouse", "postgres")
def test_a_lost_server_is_an_error_after_some_tries(target: Target, quick: None) -> None:
    with proxy(target.port) as way:
        engine = _through(target, way)
        way.is_down = True
        way.cut()
        known = way.connections
        with pytest.raises(core.SourceError, match=r"127\.0\.0\.1"):
            engine.summary()
        assert way.connections - known >= sessions.TRIES - 1
        engine.close()


def _through(target: Target, way: Proxy) -> WarehouseEngine:
    session = Session(target.url(port=way.port))
    return WarehouseEngine(EventTable(session, "crowd", ReadOptions()))


@on("clickhouse", "postgres")
def test_a_read_only_account_is_all_that_is_needed(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = open_table(target, "crowd")
    assert core.document(engine, STUDIES["overlaps"])["users_count"] == 2_000
    one = engine.session.query("SELECT 1 AS n", ibis.schema({"n": "int64"}))
    kind = "(n Int64) ENGINE = Memory" if target.name == "clickhouse" else "(n bigint)"
    monkeypatch.setattr(engine.session.dialect, "compile", lambda *_: f"CREATE TABLE made {kind}")
    with pytest.raises(core.SourceError, match=r"(?i)read.?only"):
        engine.session.ask(one, "what nobody lets us do")


SLOW = {
    "duckdb": "SELECT (range % 1000)::text AS user_id, 'a' AS event, make_timestamptz(range) AS ts "
    "FROM range(1000000000000)",
    "clickhouse": "SELECT toString(number % 1000) AS user_id, 'a' AS event, "
    "toDateTime64(number % 1000000, 6) AS ts FROM numbers(1000000000000)",
    "postgres": "SELECT user_id, event, to_timestamp(ts / 1e6) AS ts FROM crowd "
    "WHERE pg_sleep(0.02)::text = ''",
}


def make_slow(target: Target) -> None:
    """A table `slow`, of which no question is ever answered."""
    _execute(target, f"CREATE OR REPLACE VIEW slow AS {SLOW[target.name]}", "slow")


@on("duckdb", "clickhouse", "postgres")
@pytest.mark.parametrize("way", ["cancelled", "stopped"])
def test_a_question_that_is_stopped_is_gone_on_the_server(target: Target, way: str) -> None:
    make_slow(target)
    engine = open_table(target, "slow")
    began = time.monotonic()
    if way == "cancelled":
        with pytest.raises(core.Cancelled):
            engine.look(lambda: time.monotonic() > began + 0.5)
    else:
        threading.Timer(0.5, engine.stop).start()
        with pytest.raises(core.Cancelled):
            engine.summary()
    assert time.monotonic() - began < 15
    until(lambda: running(target) == 0)


@on("duckdb", "chdb", "postgres")
def test_what_runs_where_is_told_with_the_rows_to_read(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, told = open_table(target, "crowd"), list[str]()
    engine.summary()
    fetch = engine.session.dialect.fetch

    def watched(backend: BaseBackend, expression: ibis.Table, marker: str) -> pa.Table:
        told.append(engine.session.doing)
        return fetch(backend, expression, marker)

    monkeypatch.setattr(engine.session.dialect, "fetch", watched)
    engine.exact(STUDIES["users"])
    rows = engine.rows_to_read(STUDIES["users"])
    assert (rows is None) == (target.name == "duckdb")
    # PostgreSQL guesses what a filter leaves, and has not analysed this table.
    assert rows is None or 0.2 * len(CROWD.rows) < rows < 2 * len(CROWD.rows)
    assert told[-1].startswith(f"{engine.session.dialect.label}: funnel of ")
    assert f" at {target.name}://" in told[-1]
    assert ("rows to read" in told[-1]) == (rows is not None)
    assert PASSWORD not in "".join(told)
    assert engine.session.doing == ""


@on("duckdb", "chdb", "postgres", "spark", "connect")
def test_opening_tells_in_words_what_it_does(target: Target) -> None:
    told = list[Share]()
    engine = core.open_engine(target.url(), table=target.table("crowd"), progress=told.append)
    engine.close()
    label = Session(target.url()).dialect.label
    words = [share.doing.removeprefix(f"{label}: ").partition(",")[0] for share in told]
    for what in (
        "connecting",
        f"looking at table {target.table('crowd')}",
        "counting the events of each name and the users",
        "taking a sample of whole users",
    ):
        assert what in words
    counting = [share.doing for share in told if "counting the events" in share.doing]
    assert ("rows to read" in counting[0]) == (target.name in ("chdb", "postgres"))
    assert all(f" at {target.url().partition('://')[0]}://" in share.doing for share in told)
    assert PASSWORD not in "".join(share.doing for share in told)
    assert [share.rows for share in told if "a sample" in share.doing][-1] == len(CROWD.rows)
    assert sorted(told) == told


@on("duckdb")
def test_a_connection_that_never_comes_is_not_waited_for(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told, let_on = Session(target.url()), list[str](), threading.Event()
    session.told = told.append
    opened = session.dialect.open

    def slow() -> BaseBackend:
        let_on.wait()
        return opened()

    monkeypatch.setattr(session.dialect, "open", slow)
    ends = time.monotonic() + 0.3
    with pytest.raises(core.Cancelled):
        session.table("crowd", lambda: time.monotonic() > ends)
    assert time.monotonic() - ends < 0.2
    assert [each.partition(",")[0] for each in told if each][-1] == "DuckDB: connecting"
    assert session.doing == told[-1] == ""
    let_on.set()
    session.close()


@on("duckdb")
def test_a_lost_connection_is_told_and_the_pause_before_the_next_try_can_be_stopped(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told = Session(target.url()), list[str]()
    session.told = told.append
    monkeypatch.setattr(sessions, "FIRST_PAUSE", 60)
    monkeypatch.setattr(session.dialect, "is_lost", lambda _: True)
    with pytest.raises(core.Cancelled):
        session.ask(
            session.query("SELECT 'x'::INT AS n", ibis.schema({"n": "int64"})),
            "what breaks",
            lambda: any("lost" in each for each in told),
        )
    assert "DuckDB: the connection was lost; asking again, at duckdb:///" in "".join(told)
    session.close()


@on("duckdb")
def test_what_does_not_die_at_once_is_told_to_until_it_is_known_and_not_waited_for(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told, let_on = Session(target.url()), list[str](), threading.Event()
    dies = threading.Event()

    def stubborn(_backend: BaseBackend, _expression: ibis.Table, _marker: str) -> pa.Table:
        let_on.wait()
        dies.set()
        return pa.table({"n": [1]})

    monkeypatch.setattr(session.dialect, "fetch", stubborn)
    known = iter([False, False, True])

    def kill(_backend: BaseBackend, marker: str) -> bool:
        told.append(marker)
        return next(known, True)

    monkeypatch.setattr(session.dialect, "kill", kill)
    monkeypatch.setattr(session.dialect, "dying_seconds", 0.01)
    one = session.query("SELECT 1 AS n", ibis.schema({"n": "int64"}))
    ends = time.monotonic() + 0.1
    with pytest.raises(core.Cancelled):
        session.ask(one, "what goes on", lambda: time.monotonic() > ends)
    assert len(told) == 3
    assert not dies.is_set()
    assert session.doing == ""
    began = time.monotonic()
    session.close()
    assert time.monotonic() - began < 1
    let_on.set()


@on("clickhouse")
def test_a_server_says_whether_it_knows_a_question_that_is_to_die(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_slow(target)
    session = Session(target.url("slow"))
    kill, killed = session.dialect.kill, list[bool]()

    def watched(backend: BaseBackend, marker: str) -> bool:
        killed.append(kill(backend, "/* tracer-tui never asked */"))
        killed.append(kill(backend, marker))
        return killed[-1]

    monkeypatch.setattr(session.dialect, "kill", watched)
    asked = session.query("SELECT count(*) AS n FROM slow", ibis.schema({"n": "int64"}))
    with pytest.raises(core.Cancelled):
        session.ask(asked, "slow", lambda: running(target) > 0)
    assert killed[:2] == [False, True]
    session.close()
    until(lambda: running(target) == 0)


ASKING = """
import sys, ibis
from core.warehouse.session import Session
session = Session(sys.argv[1])
session.ask(session.query("SELECT count(*) AS n FROM slow", ibis.schema({"n": "int64"})), "slow")
"""


@on("postgres")
def test_a_question_ends_with_the_program_that_asked_it_however_that_ends(target: Target) -> None:
    make_slow(target)
    with subprocess.Popen([sys.executable, "-c", ASKING, target.url()]) as asking:
        try:
            until(lambda: running(target) > 0)
        finally:
            asking.kill()
    until(lambda: running(target) == 0)


@on("duckdb")
def test_what_a_question_waits_for_is_told_until_it_runs(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, told, free = Session(target.url()), list[str](), threading.Event()
    session.told = told.append
    monkeypatch.setattr(sessions, "LOOK_SECONDS", 0.01)
    monkeypatch.setattr(
        session.dialect, "waits_for", lambda _: "" if free.is_set() else "waiting in a queue"
    )

    def waiting(_backend: BaseBackend, _expression: ibis.Table, _marker: str) -> pa.Table:
        until(lambda: "waiting in a queue" in told[-1])
        free.set()
        until(lambda: "what waits" in told[-1])
        return pa.table({"n": [1]})

    monkeypatch.setattr(session.dialect, "fetch", waiting)
    one = session.query("SELECT 1 AS n", ibis.schema({"n": "int64"}))
    assert session.ask(one, "what waits").num_rows == 1
    session.close()


GREEDY = """
import sys, ibis
from core.errors import Cancelled
from core.warehouse.session import Session
told = []
session = Session(sys.argv[1], told=told.append)
one = session.query("SELECT sum(id) AS n FROM range(9)", ibis.schema({"n": "int64"}))
try:
    session.ask(one, "one", lambda: "waiting" in told[-1])
except Cancelled:
    print(told[-2])
session.close()
"""


@on("spark")
def test_a_cluster_that_has_no_executor_for_us_is_told(target: Target) -> None:
    conf = {**target.conf, "spark.executor.memory": "900g"}
    url = Target("spark", target.folder, target.port, conf).url()
    command = [sys.executable, "-c", GREEDY, url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout.startswith("Spark: waiting for a free executor, at spark://127.0.0.1:")


def until(condition: Callable[[], bool]) -> None:
    ends = time.monotonic() + 15
    while not condition():
        assert time.monotonic() < ends, "it did not come true in 15 s"
        time.sleep(0.05)


def _execute(target: Target, sql: str, table: str) -> None:
    if target.name == "duckdb":
        with duckdb.connect(f"{target.folder}/{table}.duckdb") as connection:
            connection.execute(sql)
    elif target.name == "clickhouse":
        _clickhouse(target).command(sql)
    else:
        with _postgres(target) as connection:
            connection.execute(sql.replace("%", "%%"), ())


def running(target: Target) -> int:
    """Questions of ours that the server works on."""
    if target.name == "duckdb":
        return 0  # in this process: it ended, or the engine would not have answered
    if target.name == "clickhouse":
        sql = "SELECT count() FROM system.processes WHERE query LIKE '/* tracer-%'"
        return int(_clickhouse(target).query(sql).result_rows[0][0])
    with _postgres(target) as connection:
        sql = "SELECT count(*) FROM pg_stat_activity WHERE state = 'active' AND query LIKE %s"
        return int(connection.execute(sql, ("/* tracer-%",)).fetchone()[0])


def _clickhouse(target: Target) -> clickhouse_connect.driver.Client:
    return clickhouse_connect.get_client(
        host="127.0.0.1", port=target.port, username=OWNER, password=PASSWORD
    )


def _postgres(target: Target) -> psycopg.Connection:
    return psycopg.connect(
        host="127.0.0.1", port=target.port, user=OWNER, password=PASSWORD, dbname="events"
    )


@on("postgres")
def test_rows_that_several_processes_read_are_told_as_their_sum(target: Target) -> None:
    table = open_table(target, "crowd").table
    session, users = table.session, table.table[["user_id"]]

    def told(backend: BaseBackend) -> tuple[int | None, int | None]:
        query = session.dialect.compile(backend, users)
        alone = session.dialect.rows_to_read(backend, users)
        for kind in ("setup_cost", "tuple_cost"):
            backend.con.execute(f"SET parallel_{kind} = 0")
        backend.con.execute("SET min_parallel_table_scan_size = 0")
        assert "Gather" in str(backend.con.execute(f"EXPLAIN {query}").fetchall())
        return alone, session.dialect.rows_to_read(backend, users)

    alone, together = session._with(told)
    assert alone
    assert together == pytest.approx(alone, rel=0.01)


@on("spark", "connect")
def test_a_stopped_question_leaves_no_job_on_the_cluster(target: Target) -> None:
    session = Session(target.url())
    endless = session.query(
        "SELECT sum(hash(id)) AS n FROM range(0, 1000000000000, 1, 8)", ibis.schema({"n": "int64"})
    )
    assert session.ask(session.query("SELECT 1 AS n", endless.schema()), "one").num_rows == 1
    began = time.monotonic()
    with pytest.raises(core.Cancelled):
        session.ask(endless, "for ever", lambda: time.monotonic() > began + 1)
    assert time.monotonic() - began < 30
    if target.name == "spark":
        tracker = session._with(lambda backend: backend._session.sparkContext.statusTracker())
        until(lambda: not tracker.getActiveJobsIds())
    again = session.query("SELECT 2 AS n", endless.schema())
    assert session.ask(again, "two").to_pylist() == [{"n": 2}]
    session.close()


@on("spark")
def test_an_answer_still_comes_when_a_worker_dies(
    target: Target, spark: servers.SparkCluster, request: pytest.FixtureRequest
) -> None:
    copies = range(30)
    columns = list(zip(*CROWD.rows, strict=True))
    many = pa.table(
        {
            "user_id": [f"{user} {copy}" for copy in copies for user in columns[0]],
            "event": list(columns[1]) * len(copies),
            "ts": list(columns[2]) * len(copies),
        }
    )
    target.put("many", many)
    engine, asked = open_table(target, "many"), study("a", "b", "c", window=3, start="first")
    engine.summary()
    with ExitStack() as stack:
        found: list[core.engine.FunnelAnswer] = []
        asking = threading.Thread(target=lambda: found.append(engine.exact(asked)))
        asking.start()
        until(lambda: engine.session.doing != "")
        time.sleep(1)
        was_running = asking.is_alive()
        os.killpg(spark.workers[0].pid, signal.SIGKILL)
        asking.join(120)
        spark.workers[0] = spark.start_worker(stack, 7)
        stages = CROWD.local.funnel(asked).stages
        assert was_running
        assert [stage.count for stage in found[0].stages] == [
            stage.count * len(copies) for stage in stages
        ]
        request.addfinalizer(stack.pop_all().close)
