"""What a person can count by hand in the demo."""

import json
from collections import Counter
from pathlib import Path
from random import Random

import pytest

import core
from core.funnel import Scope

DEMO = Path(__file__).parents[2] / "demo_events.json"
SHOP = ["home", "product", "cart", "payment", "purchase"]


@pytest.fixture(scope="module")
def log() -> core.EventLog:
    return core.read_events(DEMO)


def _rows() -> list[dict[str, object]]:
    rows: list[dict[str, object]] = json.loads(DEMO.read_text(encoding="utf-8"))
    return rows


def test_all_rows_are_events(log: core.EventLog) -> None:
    assert (len(log), log.users_count, log.report.rejected_rows) == (len(_rows()), 5, 0)
    assert log.name_counts == dict(sorted(Counter(row["event"] for row in _rows()).items()))


def test_some_rows_are_out_of_order() -> None:
    times = [str(row["time"]) for row in _rows()]
    assert times != sorted(times)


@pytest.mark.parametrize(
    ("minutes", "count"),
    [(1, 27), (2, 17), (5, 12), (10, 9), (15, 7), (20, 6), (30, 5), (None, 5)],
    ids=str,
)
def test_shorter_timeouts_make_more_journeys(
    log: core.EventLog, minutes: float | None, count: int
) -> None:
    assert len(core.reconstruct_journeys(log, minutes)) == count


def test_its_journeys_are_the_users(log: core.EventLog) -> None:
    assert [journey.user for journey in core.reconstruct_journeys(log)] == [
        "ana",
        "bo",
        "cy",
        "dee",
        "eli",
    ]


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_two_of_five_leave_at_payment(log: core.EventLog, scope: Scope) -> None:
    funnel = core.analyze_funnel(core.reconstruct_journeys(log), SHOP, scope=scope)
    assert [stage.count for stage in funnel.stages] == [5, 5, 5, 5, 3]
    leaks = [point for point in core.find_drop_offs(funnel) if point.dropped]
    assert [(p.stage, p.next_stage, p.percent, p.users) for p in leaks] == [
        ("payment", "purchase", 40.0, ["bo", "dee"])
    ]


def test_suggested_is_exactly_the_shops_funnel(log: core.EventLog) -> None:
    assert core.suggest_stages(log) == tuple(core.Stage((name,)) for name in SHOP)


@pytest.mark.parametrize("seed", range(3))
def test_shuffled_demo_gives_the_identical_document(log: core.EventLog, seed: int) -> None:
    rows = _rows()
    shuffled = core.open_engine(Random(seed).sample(rows, len(rows)))
    document, other = (
        {
            key: value
            for key, value in core.document(engine, core.Study()).items()
            if key != "sources"
        }
        for engine in (core.LocalEngine(log), shuffled)
    )
    assert json.dumps(other) == json.dumps(document)
    assert document["journeys_count"] == 5
    assert document["warnings"] == []


def test_properties_are_there(log: core.EventLog) -> None:
    declined = [
        (event.user, event.properties["code"])
        for event in log.events(0, len(log))
        if event.name == "payment_error"
    ]
    assert declined == [
        ("bo", "card_declined"),
        ("bo", "card_declined"),
        ("cy", "timeout"),
        ("dee", "card_declined"),
    ]
