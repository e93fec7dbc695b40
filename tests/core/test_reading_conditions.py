"""Conditions and values are asked of the rows where they lie, whatever they lie in."""

import json
import threading
from pathlib import Path

import duckdb
import numpy as np
import pytest

import core
from core.reading.store import Store

ROWS: list[dict[str, object]] = [
    {"user": "ana", "event": "x", "time": 1, "amount": 1.5, "paid": True, "who": {"plan": "pro"}},
    {"user": "ana", "event": "x", "time": 2, "amount": 10, "paid": False, "who": {"plan": "free"}},
    {"user": "bo", "event": "x", "time": 3, "Tag": "a'b", "list": [1, 2], "who": {"p.q": 1}},
]
COLUMNS = ["user", "event", "time", "amount", "paid", "Tag"]


def _lines(path: Path) -> None:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in ROWS))


def _table(path: Path) -> None:
    cells = (",".join(str(row.get(name, "")) for name in COLUMNS) for row in ROWS)
    path.write_text("\n".join([",".join(COLUMNS), *cells]))


def _parquet(path: Path) -> None:
    lines = path.with_suffix(".lines")
    _lines(lines)
    duckdb.execute(f"COPY (FROM read_json('{lines}')) TO '{path}' (FORMAT parquet)").fetchall()


@pytest.fixture(
    scope="module", params=[_lines, _table, _parquet], ids=["lines", "table", "parquet"]
)
def log(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> core.EventLog:
    path = tmp_path_factory.mktemp("log") / "events"
    request.param(path)
    return core.read_events(path)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("amount > 1", [True, True, False]),
        ("amount > 9", [False, True, False]),
        ("amount < 2 AND amount <> 2", [True, False, False]),
        ("AMOUNT = 1.5", [True, False, False]),
        ("amount IS NULL", [False, False, True]),
        ("paid", [True, False, False]),
        ("NOT paid", [False, True, False]),
        ("tag = 'a''b'", [False, False, True]),
        ("tag LIKE 'amount.%' OR \"Tag\" LIKE 'a%'", [False, False, True]),
        ("user = 'ana' AND time = 2", [False, True, False]),
        ("user = 'bo' OR user = 'cy' OR USER LIKE 'user%'", [False, False, True]),
        ("amount BETWEEN 1 AND 2", [True, False, False]),
        ("coalesce(amount, 0) < 2", [True, False, True]),
        ("round(amount) = 2", [True, False, False]),
        ("1 = 1", [True, True, True]),
        ("NULL", [False, False, False]),
    ],
)
def test_a_condition_holds_for_these_rows(
    condition: str, holds: list[bool], log: core.EventLog
) -> None:
    assert log.matching(condition).tolist() == holds
    kept = log.where(condition)
    assert len(kept) == sum(holds)


@pytest.mark.parametrize("write", [_lines, _parquet])
@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("who.plan = 'pro'", [True, False, False]),
        ("\"who\".plan = 'pro' OR who.\"plan\" = 'free'", [True, True, False]),
        ("WHO.plan IS NULL", [False, False, True]),
        ("who.plan = 'who.plan' OR amount = 10", [False, True, False]),
        ("\"amount\" = 10 OR who.plan = 'none'", [False, True, False]),
    ],
)
def test_nested_fields_are_named_with_dots(
    condition: str, holds: list[bool], write: object, tmp_path: Path
) -> None:
    write(tmp_path / "events")  # type: ignore[operator]  # a function
    assert core.read_events(tmp_path / "events").matching(condition).tolist() == holds


@pytest.mark.parametrize("condition", ['"cart.total" > 4', "cart.total > 4", "\"user\" = 'u9'"])
def test_a_name_in_quotes_is_one_name_whatever_is_in_it(condition: str) -> None:
    rows = [{"user": f"u{i}", "event": "e", "time": i, "cart.total": i // 9 * 9} for i in range(10)]
    assert core.read_events(rows).matching(condition).tolist() == [False] * 9 + [True]


@pytest.mark.parametrize(
    ("condition", "says"),
    [
        ("amuont > 1", "no event has a field 'amuont'; did you mean amount"),
        (" ", "a condition is needed"),
        ("amount >", "is not a condition"),
        ("amount; 1", "is not one condition|is not a condition"),
        ("nosuch(amount)", "cannot be asked"),
        ("plan.who = 1", "no event has a field 'plan.who'|cannot be asked"),
    ],
)
def test_a_condition_that_cannot_be_asked_says_why(
    condition: str, says: str, log: core.EventLog
) -> None:
    with pytest.raises(core.QuestionError, match=says):
        log.matching(condition)


def test_a_field_may_first_appear_after_those_that_were_looked_at(tmp_path: Path) -> None:
    path = tmp_path / "events"
    first = '{"user":"u","event":"x","time":1}\n' * 2_000
    path.write_text(first + '{"user":"u","event":"x","time":2,"late":{"er":7}}\n')
    log = core.read_events(path)
    assert log.matching("late.er = '7'").sum() == 1
    assert (log.values("late.er") >= 0).sum() == 1
    assert log.events(2_000, 2_001)[0].properties == {"late": {"er": 7}}


def test_values_are_numbered_in_the_order_they_are_met(log: core.EventLog) -> None:
    assert log.values("amount").tolist() == [0, 1, -1]
    assert log.values("user").tolist() == [0, 0, 1]
    assert log.values("amount", np.array([2, 0])).tolist() == [-1, 0]
    with pytest.raises(core.QuestionError, match="no event has a field 'amont'; did you mean amou"):
        log.values("amont")


def test_a_condition_is_asked_of_the_file_once(
    log: core.EventLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    cursor = Store.cursor

    def counted(store: Store) -> object:
        asked.append(1)
        return cursor(store)

    monkeypatch.setattr(Store, "cursor", counted)
    log.matching("amount > 1.25")
    first = len(asked)
    assert first > 0
    log.only("ana").matching("amount > 1.25")
    log.where("amount > 1.25").matching("amount > 1.25")
    assert len(asked) == first


@pytest.mark.parametrize(
    "condition",
    [
        "random() < 0.5",
        "RANDOM() < 0.5",
        "amount > 1 OR uuid() = 'x'",
        "list_transform([1], lambda x: random()) IS NOT NULL",
        "nextval('s') = 1",
        "setseed(0.5) IS NULL",
        "now() > '2026-01-01'::timestamp",
        "current_date > '2026-01-01'",
        "today() > '2026-01-01'::date",
        "age('2026-01-01'::timestamp) > INTERVAL 1 DAY",
        "pg_postmaster_start_time() > '2026-01-01'::timestamp",
    ],
)
def test_what_is_another_each_time_is_refused(condition: str, log: core.EventLog) -> None:
    with pytest.raises(core.QuestionError, match=r"another (answer each|at another) time"):
        log.matching(condition)


@pytest.mark.parametrize(
    "condition",
    ["count(*) > 1", "max(amount) > 1", "row_number() OVER () < 3", "amount IN (SELECT 1)"],
)
def test_what_is_not_about_one_event_is_refused(condition: str, log: core.EventLog) -> None:
    with pytest.raises(core.QuestionError, match="is not about one event"):
        log.matching(condition)


@pytest.mark.parametrize(
    ("condition", "holds"),
    [
        ("localtime = 'noon'", [True, False]),
        ("\"current_date\" = 'x' AND user = 'ana'", [False, True]),
        ("note = 'random()' -- now()", [True, False]),
        ("age('2026-01-02'::timestamp, '2026-01-01'::timestamp) = INTERVAL 1 DAY", [True, True]),
    ],
)
def test_fields_named_like_the_clock_and_words_in_texts_are_no_clock(
    condition: str, holds: list[bool]
) -> None:
    log = core.read_events(
        [
            {"user": "ana", "event": "x", "time": 1, "localtime": "noon", "note": "random()"},
            {"user": "ana", "event": "x", "time": 2, "localtime": "", "current_date": "x"},
        ]
    )
    assert log.matching(condition).tolist() == holds


def test_a_condition_that_is_asked_can_be_stopped_and_asked_again(tmp_path: Path) -> None:
    rows = (f'{{"user": "u", "event": "x", "time": {i}}}\n' for i in range(300_000))
    (tmp_path / "events").write_text("".join(rows))
    log = core.read_events(tmp_path / "events")
    slow = "list_sum(list_transform(range(20000), lambda x: sqrt(x + time))) > 0"
    engine = core.LocalEngine(log)
    engine.stop()  # nothing runs yet
    stop = threading.Timer(0.3, engine.stop)
    stop.start()
    with pytest.raises(core.errors.Cancelled):
        log.matching(slow)
    stop.join()
    assert log.matching("time < 2").sum() == 2
