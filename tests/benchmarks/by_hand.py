"""The queries that people who know an engine would write by hand, for `tests.benchmarks.warehouse`.

Times are microseconds in `ts`; a table may be a query in parentheses.
"""

from __future__ import annotations

from itertools import pairwise
from typing import NamedTuple

from core.aftermath import STAYS
from core.warehouse.curves import LADDER

MINUTE = 60_000_000
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


def matching(table: str, text: str) -> str:
    """The events of users whose ids contain a text."""
    return f"(SELECT * FROM {table} WHERE lower(user_id) LIKE '%{text}%') m"


def before(table: str, user: str, lag: str = LAG) -> str:
    """How many users stand before one in a list with most sessions first."""
    lines = f"SELECT user_id, sum(cut) AS sessions FROM {cuts(table, lag)} GROUP BY user_id"
    own = f"SELECT user_id AS owner, sessions AS most FROM l WHERE user_id = '{user}'"
    return (
        f"WITH l AS ({lines}) SELECT count(*) AS c0 FROM l CROSS JOIN ({own}) o "
        "WHERE sessions > most OR (sessions = most AND user_id < owner)"
    )


def everything(table: str) -> str:
    """Events, users, the time of the first and of the last, and the events of each name."""
    sets = (
        "SELECT event, count(*) AS n, min(ts) AS a, max(ts) AS b, CASE WHEN grouping(user_id) = 0 "
        f"THEN 1 ELSE 0 END AS u FROM {table} GROUP BY GROUPING SETS ((event), (user_id))"
    )
    return (
        "SELECT sum(n) AS c0, sum(u) AS c1, CASE WHEN u = 1 THEN min(a) END AS c2, CASE WHEN u = 1 "
        f"THEN max(b) END AS c3 FROM ({sets}) s GROUP BY event, u ORDER BY c0 DESC"
    )


def names_by_pairs(table: str) -> str:
    """The users of each name."""
    pairs = f"SELECT DISTINCT user_id, event FROM {table}"
    return f"SELECT count(*) AS c0 FROM ({pairs}) p GROUP BY event ORDER BY c0"


def names_by_counts(table: str) -> str:
    """The same by a count of different users."""
    return f"SELECT count(DISTINCT user_id) AS c0 FROM {table} GROUP BY event ORDER BY c0"


class After(NamedTuple):
    """How an engine spells what is asked of those who reached a stage."""

    explode: str
    """A row for each of some values."""
    median: str
    """The median of a value, exactly."""
    lag: str = LAG
    """The time of the user's event before."""


AFTER = {
    "duckdb": After("unnest([{}])", "quantile_cont({}, 0.5)"),
    "postgres": After("unnest(ARRAY[{}])", "percentile_cont(0.5) WITHIN GROUP (ORDER BY {})"),
    "spark": After("explode(array({}))", "percentile({}, 0.5)"),
    "chdb": After("arrayJoin([{}])", "quantileExactInclusive(0.5)({})", LAG_IN_FRAME),
}


def after_by_windows(table: str, stage: int, engine: str) -> str:
    """What was done after a stage, all of it told in each event's row."""
    unit = "PARTITION BY user_id, session"
    place = f"row_number() OVER ({unit} ORDER BY ts) AS place"
    rows = _reached(f"(SELECT *, {place} FROM {numbered(table, AFTER[engine].lag)}) n", stage)
    told = (
        f"SELECT *, max(place) OVER ({unit}) AS n, max(ts) OVER ({unit}) AS ended FROM ({rows}) r"
    )
    return _panel(f"SELECT * FROM ({told}) v WHERE place >= here", engine)


def after_by_join(table: str, stage: int, engine: str) -> str:
    """The same with stages looked for among their events alone, and joined to all others."""
    unit = "PARTITION BY user_id, session"
    places = (
        f"SELECT *, row_number() OVER ({unit} ORDER BY ts) AS place, count(*) OVER ({unit}) AS n, "
        f"max(ts) OVER ({unit}) AS ended FROM {numbered(table, AFTER[engine].lag)}"
    )
    rows = _reached(f"(SELECT * FROM e WHERE event IN ({NAMES})) n", stage)
    units = f"SELECT DISTINCT user_id AS own, session AS o, here, there, came FROM ({rows}) r"
    joined = f"SELECT * FROM e JOIN ({units}) j ON user_id = own AND session = o"
    return _panel(
        f"SELECT * FROM ({joined}) v WHERE place >= here", engine, f"WITH e AS ({places}) "
    )


def _reached(source: str, stage: int) -> str:
    """The rows of units that reached a stage, with the places at which their counted attempt came
    there and to the next, and with the time of the first.
    """
    whole = "OVER (PARTITION BY user_id, session)"
    deep = ", ".join(f"min(s{i}) {whole} AS b{i}" for i in range(len(STAGES)))
    # Starts only grow: the smallest that got as deep as any is that of the counted attempt.
    began = ", ".join(f"b{i}" for i in reversed(range(len(STAGES))))
    rows = f"SELECT *, coalesce({began}) AS began FROM (SELECT *, {deep} FROM ({{}}) d) c"
    here, there = (
        f"min(CASE WHEN s{i} >= began THEN place END) {whole}" for i in (stage, stage + 1)
    )
    came = f"min(CASE WHEN s{stage} >= began THEN ts END) {whole}"
    rows = f"SELECT *, {here} AS here, {there} AS there, {came} AS came FROM ({rows}) w"
    return rows.format(starts(source, "user_id, session")) + f" WHERE b{stage} IS NOT NULL"


def _panel(rows: str, engine: str, first: str = "") -> str:
    """The numbers of both groups, of the events from the stage on."""
    spelled = AFTER[engine]
    edges = [*STAYS, 10**18]
    stretch = " ".join(
        f"WHEN ended - came < {high} THEN 's {low}'" for low, high in pairwise(edges)
    )
    kinds = (
        f"CASE WHEN place = here THEN CASE {stretch} END END",
        "CASE WHEN place = here THEN 'u' END",
        "CASE WHEN place = here AND n = here THEN 'x' END",
        "CASE WHEN place = here AND coalesce(there, n + 1) = here + 1 THEN 'y' END",
        "CASE WHEN place = here + 1 THEN concat('n ', event) END",
        "CASE WHEN place = n AND n > here THEN concat('l ', event) END",
        "CASE WHEN place > here AND place < coalesce(there, n + 1) THEN concat('b ', event) END",
    )
    exploded = spelled.explode.format(", ".join(kinds))
    told = (
        "SELECT user_id, session, CASE WHEN there IS NULL THEN 0 ELSE 1 END AS went, ended - came "
        f"AS stay, {exploded} AS what FROM ({rows}) y"
    )
    once = (
        "SELECT user_id, session, what, max(went) AS w, max(CASE WHEN what = 'u' THEN stay END) "
        f"AS stayed FROM ({told}) x WHERE what IS NOT NULL GROUP BY user_id, session, what"
    )
    left, on = (spelled.median.format(f"CASE WHEN w = {w} THEN stayed END") for w in (0, 1))
    counts = (
        f"SELECT what, sum(1 - w) AS c0, sum(w) AS c1, {left} AS m0, {on} AS m1 "
        f"FROM ({once}) z GROUP BY what"
    )
    return (
        f"{first}SELECT what, c0, c1, round(2 * m0) AS c2, round(2 * m1) AS c3 "
        f"FROM ({counts}) k ORDER BY what"
    )
