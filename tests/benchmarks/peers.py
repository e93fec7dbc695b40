"""The same questions asked of us and of other engines, each in the way its own experts would.

All count the same: sessions, and units that pass stages with different names in order (rules J1,
F1). The peers may skip what the generated file does not need: it holds no two different events of
one user at one instant, so none of them orders ties.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, Protocol

import core
from tests.benchmarks.retentioneering import Retentioneering
from tracer_tui.answers import PAGE

Counts = tuple[int, ...]
Order = Literal["last", "sessions"]

FOREVER = 10**15
"""A window that nothing exceeds, in microseconds."""


class Peer(Protocol):
    """An engine. Times are microseconds; making one imports it and gets it ready, untimed."""

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        """From a file to one answer, with nothing kept."""

    def load(self, path: Path) -> None:
        """Put a Parquet file into memory, in whatever form makes the questions below fastest."""

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        """Come to know a timeout, for an engine that shows users beside the answer to it."""

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        """The number of sessions, then how many of them reached each stage."""

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        """How many users reached each stage within a window."""

    def page(self, timeout: int, order: Order, search: str) -> list[str]:
        """The first users of those whose ids contain a text, largest first."""


class Ours:
    """`core`."""

    def __init__(self) -> None:
        self.engine = core.LocalEngine(core.read_events([{"user": "a", "event": "b", "time": 1}]))

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        self.load(path)
        return self.by_sessions(timeout, stages)

    def load(self, path: Path) -> None:
        self.engine = core.LocalEngine(core.read_events(path))

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        self.by_sessions(timeout, stages)

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        self.study = core.Study(timeout=timeout, stages=tuple(map(_stage, stages)))
        answer = self.engine.funnel(self.study)
        return (answer.journeys_count, *(stage.count for stage in answer.stages))

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        study = core.Study(scope="users", window=window, stages=tuple(map(_stage, stages)))
        return tuple(stage.count for stage in self.engine.funnel(study).stages)

    def page(self, timeout: int, order: Order, search: str) -> list[str]:
        study = self.study.with_timeout(timeout)
        page = self.engine.users(study, sort=core.Sort(order), search=search, stop=PAGE)
        return [row.user for row in page.rows]


def _stage(name: str) -> core.Stage:
    return core.Stage((name,))


class ClickHouse:
    """ClickHouse inside the process: https://github.com/chdb-io/chdb."""

    FORMATS = {".parquet": "Parquet", ".csv": "CSVWithNames", ".ndjson": "JSONEachRow"}  # noqa: RUF012 - constant

    def __init__(self) -> None:
        session = import_module("chdb.session")
        self.session = session.Session()
        self._ask("SELECT 1")

    def _ask(self, query: str) -> list[list[str]]:
        text = str(self.session.query(query, "TSV"))
        return [line.split("\t") for line in text.splitlines()]

    def _file(self, path: Path) -> str:
        return (
            f"file('{path}', {self.FORMATS[path.suffix]}, 'event_id String, user_id String, "
            "event LowCardinality(String), time DateTime64(6)')"
        )

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        """One funnel by users, without sessions: less than the others do."""
        return self._funnel(
            self._file(path), "user_id", "toUInt64(toUnixTimestamp64Micro(time))", FOREVER, stages
        )

    def load(self, path: Path) -> None:
        self._ask("CREATE DATABASE bench")
        self._ask(
            "CREATE TABLE bench.users ENGINE = Memory AS "
            "SELECT toUInt32(row_number() OVER (ORDER BY user_id)) AS u, user_id AS id "
            f"FROM (SELECT DISTINCT user_id FROM {self._file(path)})"
        )
        self._ask(
            "CREATE TABLE bench.events (u UInt32, event LowCardinality(String), t UInt64) "
            "ENGINE = Memory"
        )
        self._ask(
            "INSERT INTO bench.events SELECT u, event, toUnixTimestamp64Micro(time) "
            f"FROM {self._file(path)} AS e JOIN bench.users ON user_id = id ORDER BY u, time"
        )

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        pass

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        numbers = list(range(1, len(stages) + 1))
        counts = ", ".join(f"sum(arrayCount(d -> d >= {k}, depths))" for k in numbers)
        stage = f"transform(event, {list(stages)}, {numbers}, 0)"
        rows = self._ask(f"""
            SELECT sum(length(sessions)), {counts} FROM (
                SELECT arraySort(groupArray((t, {stage}))) AS events,
                    arraySplit((_, gap) -> gap > {timeout}, events, arrayDifference(events.1))
                        AS sessions,
                    arrayMap(s -> arrayFold((d, k) -> if(k = d + 1, k, d), s.2, toInt64(0)),
                        sessions) AS depths
                FROM bench.events GROUP BY u)
        """)
        return tuple(map(int, rows[0]))

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        return self._funnel("bench.events", "u", "t", window, stages)

    def _funnel(
        self, table: str, user: str, time: str, window: int, stages: Sequence[str]
    ) -> Counts:
        steps = ", ".join(f"event = '{stage}'" for stage in stages)
        counts = ", ".join(f"countIf(depth >= {k})" for k in range(1, len(stages) + 1))
        rows = self._ask(
            f"SELECT {counts} FROM (SELECT windowFunnel({window}, 'strict_once')({time}, {steps}) "
            f"AS depth FROM {table} GROUP BY {user}) "
            "SETTINGS date_time_input_format = 'best_effort', input_format_skip_unknown_fields = 1"
        )
        return tuple(map(int, rows[0]))

    def page(self, timeout: int, order: Order, search: str) -> list[str]:
        gaps = "arrayDifference(arraySort(groupArray(t)))"
        sessions = f"1 + arrayCount(gap -> gap > {timeout}, {gaps})"
        key = "max(t)" if order == "last" else sessions
        found = f"u IN (SELECT u FROM bench.users WHERE id LIKE '%{search}%')" if search else "true"
        rows = self._ask(
            f"SELECT id FROM (SELECT u, {key} AS key FROM bench.events WHERE {found} GROUP BY u "
            f"ORDER BY key DESC, u LIMIT {PAGE}) AS page JOIN bench.users USING (u) "
            "ORDER BY key DESC, u"
        )
        return [row[0] for row in rows]


class EachOnce(ClickHouse):
    """ClickHouse, leaving out what is there twice, as we do; by the id alone, which is cheaper."""

    def _file(self, path: Path) -> str:
        return f"(SELECT user_id, event, time FROM {super()._file(path)} LIMIT 1 BY event_id)"


class DuckDB:
    """DuckDB SQL: running maxima over rows kept in order, which it streams."""

    def __init__(self) -> None:
        self.connection = import_module("duckdb").connect()
        self.connection.execute("SET enable_progress_bar = false")

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        self._load(path, users="user_id")
        return self.by_sessions(timeout, stages)

    def load(self, path: Path) -> None:
        self.connection.execute(
            "CREATE TABLE users AS SELECT (row_number() OVER (ORDER BY user_id))::INT AS u, "
            f"user_id AS id FROM (SELECT DISTINCT user_id FROM {self._file(path)})"
        )
        self._load(path, users="u", join="JOIN users ON user_id = id")

    def _file(self, path: Path) -> str:
        kind = {".parquet": "parquet", ".csv": "csv", ".ndjson": "json"}[path.suffix]
        named = "{user_id: 'VARCHAR', event: 'VARCHAR', time: 'TIMESTAMP'}"
        return f"read_{kind}('{path}'{f', columns={named}' if kind == 'json' else ''})"

    def _load(self, path: Path, users: str, join: str = "") -> None:
        self.connection.execute(
            f"CREATE TABLE ordered AS SELECT {users} AS u, event, epoch_us(time) AS t "
            f"FROM {self._file(path)} {join} ORDER BY u, t"
        )
        self.connection.execute(
            "CREATE TABLE events AS SELECT u, event, t, row_number() OVER () AS i, "
            "CASE WHEN u = lag(u) OVER () THEN t - lag(t) OVER () ELSE 9e18::BIGINT END AS gap "
            "FROM ordered"
        )

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        pass

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        so_far = "OVER (ROWS UNBOUNDED PRECEDING)"
        steps = f"""
            cut AS (SELECT event, i, max(CASE WHEN gap > {timeout} THEN i END) {so_far} AS begin
                    FROM events),
            x0 AS (SELECT event, begin, i AS s0 FROM cut WHERE event IN {tuple(stages)})
        """
        for k, stage in enumerate(stages):
            steps += f""",
                y{k} AS (SELECT *, CASE WHEN event = '{stage}' AND s{k} >= begin
                                        THEN s{k} END AS h{k}
                         FROM x{k}),
                x{k + 1} AS (SELECT *, max(h{k}) {so_far} AS s{k + 1} FROM y{k})
            """
        counts = ", ".join(
            f"count(DISTINCT CASE WHEN h{k} IS NOT NULL THEN begin END)" for k in range(len(stages))
        )
        return self._row(
            f"WITH {steps} SELECT (SELECT count(*) FROM events WHERE gap > {timeout}), {counts} "
            f"FROM x{len(stages)}"
        )

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        steps = [f"x0 AS (SELECT u, t, t AS start FROM events WHERE event = '{stages[0]}')"]
        for k, stage in enumerate(stages[1:], 1):
            steps.append(
                f"x{k} AS (SELECT e.u, e.t, start FROM events e ASOF JOIN x{k - 1} b "
                f"ON e.u = b.u AND e.t >= b.t WHERE event = '{stage}')"
            )
        counts = ", ".join(
            f"(SELECT count(DISTINCT u) FROM x{k} WHERE t - start <= {window})"
            for k in range(len(stages))
        )
        return self._row(f"WITH {', '.join(steps)} SELECT {counts}")

    def _row(self, query: str) -> Counts:
        return tuple(map(int, self.connection.execute(query).fetchone()))

    def page(self, timeout: int, order: Order, search: str) -> list[str]:
        key = "max(t)" if order == "last" else f"count(*) FILTER (gap > {timeout})"
        where = f"WHERE u IN (SELECT u FROM users WHERE contains(id, '{search}'))" if search else ""
        rows = self.connection.execute(
            f"SELECT id FROM (SELECT u, {key} AS key FROM events {where} GROUP BY u "
            f"ORDER BY key DESC, u LIMIT {PAGE}) JOIN users USING (u) ORDER BY key DESC, u"
        ).fetchall()
        return [row[0] for row in rows]


class Polars:
    """Polars expressions: filled forward over rows kept in order."""

    def __init__(self) -> None:
        self.pl: Any = import_module("polars")

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        self._keep(self._scan(path).rename({"user_id": "u"}))
        return self.by_sessions(timeout, stages)

    def load(self, path: Path) -> None:
        scanned = self._scan(path)
        users = scanned.select(id="user_id").unique().sort("id").with_row_index("u")
        self.users = users.collect()
        self._keep(scanned.join(self.users.lazy(), left_on="user_id", right_on="id"))
        self.by_time = self.events.sort("t")

    def _scan(self, path: Path) -> Any:
        pl = self.pl
        text = {"user_id": pl.String, "event": pl.String, "time": pl.String}
        if path.suffix == ".parquet":
            rows, time = pl.scan_parquet(path), pl.col("time")
        elif path.suffix == ".csv":
            rows, time = pl.scan_csv(path, infer_schema=False), _parsed(pl)
        else:
            rows, time = pl.scan_ndjson(path, schema=text), _parsed(pl)
        return rows.select("user_id", "event", t=time.dt.epoch("us"))

    def _keep(self, rows: Any) -> None:
        pl = self.pl
        ordered = rows.with_columns(pl.col("event").cast(pl.Categorical)).sort("u", "t")
        is_first = (pl.col("u") != pl.col("u").shift()).fill_null(value=True)
        gap = pl.when(is_first).then(2**62).otherwise(pl.col("t").diff())
        self.events = ordered.with_columns(gap=gap).collect()

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        pass

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        pl = self.pl
        cut = self.events.lazy().with_columns(session=(pl.col("gap") > timeout).cum_sum())
        rows = cut.filter(pl.col("event").is_in(stages)).with_row_index("start")
        is_first = (pl.col("session") != pl.col("session").shift()).fill_null(value=True)
        rows = rows.with_columns(begin=pl.when(is_first).then("start").forward_fill())
        reached = []
        for k, stage in enumerate(stages):
            arrives = (pl.col("event") == stage) & (pl.col("start") >= pl.col("begin"))
            rows = rows.with_columns(pl.when(arrives).then("start").alias(f"here{k}"))
            rows = rows.with_columns(start=pl.col(f"here{k}").forward_fill())
            there = pl.col("session").filter(pl.col(f"here{k}").is_not_null())
            reached.append(there.n_unique().alias(f"stage{k}"))
        sessions, counts = pl.collect_all(
            [cut.select(pl.col("session").last()), rows.select(reached)]
        )
        return (int(sessions.item()), *map(int, counts.row(0)))

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        pl = self.pl
        events, counts = self.by_time.lazy(), []
        for k, stage in enumerate(stages):
            here = events.filter(pl.col("event") == stage).select("u", "t")
            if k == 0:
                reached = here.with_columns(start="t")
            else:
                reached = here.join_asof(
                    reached, on="t", by="u", check_sortedness=False
                ).drop_nulls("start")
            in_time = pl.col("t") - pl.col("start") <= window
            counts.append(reached.filter(in_time).select(pl.col("u").n_unique()))
        return tuple(int(count.item()) for count in pl.collect_all(counts, engine="streaming"))

    def page(self, timeout: int, order: Order, search: str) -> list[str]:
        pl = self.pl
        key = pl.col("t").max() if order == "last" else (pl.col("gap") > timeout).sum()
        users = self.users.lazy().filter(pl.col("id").str.contains(search, literal=True))
        rows = self.events.lazy()
        rows = rows.join(users, on="u", how="semi") if search else rows
        page = rows.group_by("u").agg(key=key).sort("key", "u", descending=[True, False]).head(PAGE)
        found = page.join(users, on="u", how="left", maintain_order="left").select("id").collect()
        return [str(user) for user in found["id"]]


def _parsed(pl: Any) -> Any:
    return pl.col("time").str.to_datetime("%Y-%m-%dT%H:%M:%S%.fZ", time_unit="us")


PEERS: dict[str, type[Peer]] = {
    "ours": Ours,
    "ClickHouse": ClickHouse,
    "DuckDB": DuckDB,
    "Polars": Polars,
    "Retentioneering": Retentioneering,
}
