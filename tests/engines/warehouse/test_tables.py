"""Tables as they are found: kinds of times and users, odd names, very many columns."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pyarrow as pa
import pytest

import core
from core.cohort import EVERYBODY, Cohort, Part
from core.engine import Sort
from core.reading.options import ReadOptions
from core.warehouse.after import who_may_reach
from core.warehouse.engine import WarehouseEngine
from core.warehouse.sessions import cut
from core.warehouse.table import EventTable
from core.warehouse.view import View, view_of
from tests.engines.warehouse.conftest import engine_of, on, open_table
from tests.engines.warehouse.crowd import STUDIES, stages
from tests.engines.warehouse.targets import Target

if TYPE_CHECKING:
    import ibis.expr.types as ir

START = datetime(2026, 3, 1, 12, 0, 0, 123456, tzinfo=UTC)
TIMES = [START + timedelta(minutes=minute) for minute in range(4)]
MICROS = [int(time.timestamp() * 1_000_000) for time in TIMES]
KINDS = {
    "iso": [time.isoformat() for time in TIMES],
    "iso_z": [time.isoformat().replace("+00:00", "Z") for time in TIMES],
    "naive": [time.isoformat(sep=" ").removesuffix("+00:00") for time in TIMES],
    "moments": TIMES,
    "seconds": [micros / 1_000_000 for micros in MICROS],
    "millis": [micros // 1_000 for micros in MICROS],
    "micros": MICROS,
    "nanos": [micros * 1_000 for micros in MICROS],
    "digits": [f"{micros / 1_000_000:.6f}" for micros in MICROS],
}


@on("duckdb", "chdb", "postgres", "spark")
def test_times_of_every_kind_are_read(target: Target) -> None:
    rows = {"user_id": list("aabb"), "event": list("xyxy"), **KINDS}
    target.put("kinds", pa.table(rows))
    names = ["iso", "naive", "moments", "digits", "millis"] if target.name == "spark" else KINDS
    for name in names:
        engine = open_table(target, "kinds", time_field=name)
        events = engine.session.ask(engine.table.events(View()), "events").to_pylist()
        exact = [micros // 1_000 * 1_000 for micros in MICROS] if name == "millis" else MICROS
        assert sorted(row["time"] for row in events) == exact, name


@on("duckdb", "chdb", "postgres")
def test_times_without_a_zone_are_in_the_one_that_is_named(target: Target) -> None:
    texts = ["2026-07-01 12:00:00", "2026-07-01T12:30:00Z"]
    target.put("zoned", pa.table({"user": ["a", "b"], "event": ["x", "x"], "time": texts}))
    table = open_table(target, "zoned", "Europe/Berlin").table
    found = table.session.ask(table.events(View()), "events").to_pylist()
    noon = int(datetime(2026, 7, 1, 10, 0, tzinfo=UTC).timestamp()) * 1_000_000
    assert sorted(row["time"] for row in found) == [noon, noon + 150 * 60 * 1_000_000]


@on("duckdb", "chdb", "postgres")
def test_rows_that_lack_something_are_counted(target: Target) -> None:
    rows = {
        "user_id": ["a", "", None, "b", "c"],
        "event": ["x", "x", "x", "", "x"],
        "time": ["2026-01-01T00:00:00Z"] * 4 + ["never"],
    }
    target.put("lacking", pa.table(rows))
    summary = open_table(target, "lacking").summary()
    assert (summary.report.rows_read, summary.report.accepted_rows) == (5, 1)
    assert summary.report.rejected_rows == 4
    assert summary.name_counts == {"x": 1}


@on("duckdb", "chdb", "postgres", "spark")
def test_a_user_may_be_a_number_or_a_uuid(target: Target) -> None:
    ids = [UUID(int=n) for n in (7, 7, 8)]
    rows = {
        "number": [7, 7, 8],
        "uuid": [str(i) for i in ids],
        "event": list("xyx"),
        "ts": MICROS[:3],
    }
    target.put("ids", pa.table(rows))
    for field, wanted in (("number", "7"), ("uuid", str(ids[0]))):
        engine = open_table(target, "ids", user_field=field)
        study = core.Study(stages=stages("x", "y"), user=wanted)
        assert [stage.count for stage in engine.funnel(study).stages] == [1, 1]
        assert len(engine.journeys(study, wanted)) == 2
        assert len(engine.journeys(core.Study(), "nobody")) == 0


HOSTILE = [
    "'; DROP TABLE hostile; --", 'a"b', "a\\'b", "%s %(x)s {x} $1 ?", "[/x][red]", "\x1b[31m",
    "日本語🎉", "a\nb", "*/ 1 /*", "' OR 1=1", "NULL",
]  # fmt: skip


@on("duckdb", "chdb", "clickhouse", "postgres", "spark")
def test_names_full_of_quotes_and_sql_are_just_names(target: Target) -> None:
    count = len(HOSTILE)
    rows = {
        "user_id": [user for user in HOSTILE for _ in range(count)],
        "event": HOSTILE * count,
        "ts": [MICROS[0] + n for n in range(count * count)],
    }
    target.put("hostile", pa.table(rows))
    engine = open_table(target, "hostile")
    first, second = HOSTILE[0], HOSTILE[3]
    study = core.Study(
        stages=(core.Stage((first,)), core.Stage((second, HOSTILE[1]))),
        exclusions=(core.Exclusion((HOSTILE[2],)),),
        scope="users",
    )
    assert set(engine.summary().name_counts) == set(HOSTILE)
    answer = engine.funnel(study)
    assert [stage.count for stage in answer.stages] == [count, count]
    for user in HOSTILE[:6] if target.name == "duckdb" else HOSTILE[:3]:
        assert engine.users(study, search=user).total == 1
        assert len(engine.journeys(study, user)) == count


@on("duckdb", "chdb", "postgres", "spark")
def test_what_a_user_never_did_is_known_where_others_did_it(target: Target) -> None:
    rows = {"user_id": ["ana", "bo", "bo"], "event": ["a", "a", "b"], "ts": [*MICROS[:1]] * 3}
    target.put("few", pa.table(rows))
    study = core.Study(stages=stages("a", "b"), scope="users")
    told = open_table(target, "few").explain(study, "ana")
    records = [dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True)]
    log = core.read_events(records, time_field="ts")
    assert told.reason == core.LocalEngine(log).explain(study, "ana").reason
    assert "no event is named" not in told.reason


@on("duckdb", "chdb", "postgres", "spark")
def test_of_two_thousand_columns_only_the_needed_ones_are_read(target: Target) -> None:
    # PostgreSQL has room for 1,600, and for few values of one row.
    there = {7, 8} if target.name == "postgres" else range(2_000)
    wide = {
        f"column {n}": pa.array([n if n in there else None] * 4, pa.int64())
        for n in range(1_500 if target.name == "postgres" else 2_000)
    }
    rows = {"user_id": list("aabb"), "event": list("xyxy"), "ts": MICROS, **wide}
    target.put("wide", pa.table(rows))
    engine = open_table(target, "wide")
    study = core.Study(stages=stages("x", "y"), where='"column 7" = 7')
    if target.name == "spark":
        study = replace(study, where="`column 7` = 7")
    assert [stage.count for stage in engine.funnel(study).stages] == [2, 2]
    for asked in (
        engine._units(study).rows,
        _list(engine, study, EVERYBODY),
        _list(engine, study, Cohort((Part("left", 0),))),
        engine.curves(study)._events,
    ):
        query = engine.session.compile(asked)
        if target.name == "spark":
            plan = _plan_of(engine, target, query)
            (read,) = re.findall(r"ReadSchema: struct<([^>]*)>", plan)
            assert {each.partition(":")[0] for each in read.split(",")} == {
                "user_id", "event", "ts", "column 7",
            }  # fmt: skip
        else:
            assert '"column 7"' in query
            assert '"column 8"' not in query
            assert 'SELECT * FROM "wide"' not in query


@on("duckdb", "chdb", "postgres")
def test_what_is_missing_is_named(target: Target) -> None:
    with pytest.raises(core.SourceError, match="has no table 'crowds'; did you mean crowd"):
        EventTable(open_table(target, "crowd").session, "crowds", ReadOptions())
    with pytest.raises(core.SourceError, match=r"no field 'usrid' .* did you mean user_id"):
        open_table(target, "crowd", user_field="usrid")
    engine = open_table(target, "crowd")
    for condition, reason in (
        ("lan = 'left'", "did you mean lane"),
        ("lane = (select 1)", "leave out subqueries"),
        ("count(*) > 1", "leave out subqueries"),
        ("random() < 0.5", "another answer each time"),
        ("current_date > '2026-01-01'", "another at another time"),
        ("1 = 1) or (1 = 1", "is not one condition"),
        ("lane = 'left'; drop table crowd", "is not a condition"),
    ):
        with pytest.raises(core.QuestionError, match=reason):
            engine.funnel(core.Study(where=condition))
    with pytest.raises(core.QuestionError, match="did you mean lane"):
        engine.funnel(core.Study(stages=stages("a"), hold="lan"))


@on("duckdb")
def test_what_cannot_be_exact_is_refused(target: Target) -> None:
    engine = open_table(target, "crowd")
    with pytest.raises(core.QuestionError, match="cannot count attempts"):
        engine.funnel(core.Study(stages=stages("a", "b"), attempts="starts"))
    with pytest.raises(core.QuestionError, match="take it off the ignore list"):
        engine.funnel(core.Study(stages=stages("a", "b"), order="strict", ignore=("a",)))


@on("duckdb", "chdb", "postgres")
def test_a_sequence_number_orders_simultaneous_events(target: Target) -> None:
    rows = {
        "user_id": ["a"] * 3,
        "event": ["end", "begin", "end"],
        "ts": [MICROS[0]] * 3,
        "seq": [1, 3, 2],
    }
    target.put("numbered", pa.table(rows))
    rules = core.JourneyRules(start_event="begin")
    engine = open_table(target, "numbered")
    trail = engine.journeys(core.Study(journey_rules=rules), "a")
    assert [session.event_count for session in trail.sessions] == [2, 1]
    assert engine.funnel(core.Study(journey_rules=rules)).journeys_count == 2


DOUBLED: dict[str, list[object]] = {
    "user_id": ["a", "a", "a", "a", "b", "a", "a"],
    "event": ["x", "x", "x", "y", "x", "x", "x"],
    "ts": [MICROS[0], MICROS[0], MICROS[0], MICROS[1], MICROS[0], MICROS[0], MICROS[0]],
    "insert_id": ["1", "1", "2", "3", "1", None, None],
}


@on("duckdb", "chdb", "postgres", "spark")
def test_events_that_are_there_again_with_the_same_id_count_once(target: Target) -> None:
    rows = DOUBLED
    target.put("doubled", pa.table(rows))
    engine = open_table(target, "doubled")
    report, local = engine.summary().report, core.LocalEngine(core.read_events(_records(rows)))
    assert (report.rows_read, report.accepted_rows, report.duplicate_events) == (7, 6, 1)
    assert report.duplicate_events == local.summary().report.duplicate_events
    assert engine.summary().users_count == 2
    assert engine.summary().name_counts == {"x": 5, "y": 1}
    for study in (
        core.Study(stages=stages("x", "x", "y")),
        core.Study(stages=stages("x", "y")),
        core.Study(stages=stages("x", "x", "x", "x", "x"), scope="users"),
    ):
        assert engine.funnel(study).stages == local.funnel(study).stages
        assert engine.funnel(study).events_count == local.funnel(study).events_count == 6


@on("postgres", "spark")
def test_duplicates_and_sessions_are_found_in_one_order_of_the_rows(target: Target) -> None:
    target.put("doubled", pa.table(DOUBLED))
    engine = open_table(target, "doubled")
    sessions = cut(engine.table.events(View()), core.Study(), engine.span, engine.session.dialect)
    query = engine.session.compile(sessions[["user", "journey"]])
    plan = engine.session._with(lambda backend: _plan(target, backend, query))
    assert len(re.findall(r"\bSort +[\[(]", plan)) == 1
    assert plan.count("Exchange hashpartitioning") == (target.name == "spark")


@on("postgres", "spark")
@pytest.mark.parametrize("name", STUDIES)
def test_a_question_is_one_scan_and_moves_rows_once(target: Target, name: str) -> None:
    engine, study = engine_of(target), STUDIES[name]
    # Which of a user's events is the one before the last of a kind is asked by user and kind.
    moves = 2 if name == "any order, copies" else 1
    _check_plan(target, engine._units(study).rows, moves)
    _check_plan(target, _list(engine, study, EVERYBODY))
    _check_plan(target, _list(engine, study, Cohort((Part("left", 0),))))


@on("postgres", "spark")
def test_what_is_counted_besides_is_one_scan_that_moves_rows_once(target: Target) -> None:
    engine = engine_of(target)
    _check_plan(target, engine.curves(STUDIES["ordered"])._events)
    _check_plan(target, engine._steps(STUDIES["users"], STUDIES["users"].funnel))
    _check_plan(target, _list(engine, core.Study(), EVERYBODY))


@on("postgres", "spark")
@pytest.mark.parametrize("name", ["ordered", "any order", "held by users"])
def test_who_may_have_reached_a_stage_is_one_scan_that_moves_rows_once(
    target: Target, name: str
) -> None:
    study, view = STUDIES[name], view_of(STUDIES[name])
    _check_plan(target, who_may_reach(engine_of(target).table.events(view), study, 1, view))


def _check_plan(target: Target, asked: ir.Table, moves: int = 1) -> None:
    engine = engine_of(target)
    plan = _plan_of(engine, target, engine.session.compile(asked))
    assert plan.count("FileScan" if target.name == "spark" else "Seq Scan") == 1
    assert plan.count("Exchange") == (moves if target.name == "spark" else 0)


def _plan_of(engine: WarehouseEngine, target: Target, query: str) -> str:
    return engine.session._with(lambda backend: _plan(target, backend, query))


def _list(engine: WarehouseEngine, study: core.Study, cohort: Cohort) -> ir.Table:
    """The lines of a list."""
    return engine._lines(study, cohort, Sort(), "").found


@on("duckdb", "chdb", "postgres", "spark")
def test_a_page_of_a_list_is_one_question_and_so_are_the_counts(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine, asked = open_table(target, "crowd"), list[str]()
    engine.summary()
    ask = engine.session.ask

    def heard(rows: ir.Table, what: str, *rest: Any) -> pa.Table:
        asked.append(what)
        return ask(rows, what, *rest)

    monkeypatch.setattr(engine.session, "ask", heard)
    study = core.Study(stages=stages("a", "b", "c"), scope="users", window=30)
    engine.exact(study)
    assert len(asked) == 2
    asked.clear()
    for cohort in (EVERYBODY, Cohort((Part("left", 0),))):
        assert engine.users(study, cohort).total > 100
        assert engine.users(study, cohort, search="u00").total < 100
    assert asked == ["a page of the list"] * 4
    asked.clear()
    assert engine.place(study, EVERYBODY, Sort(), "", "u007") is not None
    assert asked == ["one line of the list", "lines before it"]


def _plan(target: Target, backend: Any, query: str) -> str:
    """What the engine would do for a query."""
    if target.name == "spark":
        return str(backend._session.sql(f"EXPLAIN {query}").collect()[0][0])
    return "\n".join(line for (line,) in backend.con.execute(f"EXPLAIN {query}").fetchall())


@on("postgres")
def test_rows_of_a_user_are_sorted_by_bytes_whatever_the_language(target: Target) -> None:
    engine = open_table(target, "crowd")
    query = engine.session.compile(engine._units(core.Study(stages=stages("a", "b"))).rows)
    assert 'COLLATE "C"' in query


def _records(rows: dict[str, list[object]]) -> list[dict[str, object]]:
    found = (dict(zip(rows, row, strict=True)) for row in zip(*rows.values(), strict=True))
    return [{key: value for key, value in row.items() if value is not None} for row in found]


@on("duckdb", "chdb", "postgres")
def test_a_vendors_export_is_known_by_its_columns(target: Target) -> None:
    rows = {
        "user_id": ["ana", None, ""],
        "device_id": ["phone", "tablet", "watch"],
        "event_type": ["x", "x", "x"],
        "event_time": ["2026-01-01 00:00:00.5"] * 3,
        "event_properties": ["{}"] * 3,
    }
    target.put("vendor", pa.table(rows))
    engine = open_table(target, "vendor")
    part = engine.summary().report.parts[0]
    assert (part.shape, part.user_field) == ("Amplitude", "user_id or device_id")
    users = engine.users(core.Study(), sort=core.Sort("user", descending=False)).rows
    assert [row.user for row in users] == ["ana", "tablet", "watch"]
    assert len(engine.journeys(core.Study(), "tablet")) == 1


@on("duckdb", "chdb", "postgres")
def test_an_empty_table_has_zero_of_everything(target: Target) -> None:
    empty = {"user_id": pa.array([], pa.string()), "event": pa.array([], pa.string())}
    target.put("empty", pa.table({**empty, "ts": pa.array([], pa.timestamp("us", tz="UTC"))}))
    engine = open_table(target, "empty")
    study = core.Study(stages=stages("a", "b"))
    document = core.document(engine, study)
    assert document["journeys_count"] == document["events_count"] == 0
    assert engine.users(study).total == 0
    assert engine.suggest() == ()
    assert engine.curves(study).knee() is None


@on("chdb")
def test_many_users_are_counted_and_not_estimated(target: Target) -> None:
    users = 200_000
    rows = {
        "user_id": pa.array([f"user {number}" for number in range(users)]),
        "event": pa.array(["seen"] * users),
        "ts": pa.array([MICROS[0]] * users, pa.int64()),
    }
    target.put("many_users", pa.table(rows))
    engine = open_table(target, "many_users")
    assert engine.summary().users_count == users
    assert engine.vocabulary().users == {"seen": users}
    assert engine.funnel(core.Study()).users_count == users
