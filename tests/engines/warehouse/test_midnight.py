"""Sessions end at midnight of a zone where its clocks change, and where nobody expects it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from functools import cache
from random import Random

import pyarrow as pa
import pytest

import core
from core.event import from_datetime
from core.journeys import JourneyRules
from tests.engines.warehouse.conftest import engine_of, on
from tests.engines.warehouse.crowd import stages
from tests.engines.warehouse.targets import Target

MINUTE = 60_000_000
NIGHTS = {
    "Europe/Berlin": "2026-03-29T00:00+00:00",
    "America/Sao_Paulo": "2018-02-18T02:00+00:00",
    "America/Havana": "2026-11-01T04:00+00:00",
    "America/St_Johns": "2006-10-29T02:30+00:00",
    "Pacific/Apia": "2011-12-30T10:00+00:00",
    "Asia/Kathmandu": "1969-12-31T18:30+00:00",
}
"""For each zone a moment at which a day begins, near a change of its clocks or of its calendar."""
RULES = JourneyRules(max_length=90 * MINUTE)


@cache
def rows() -> list[tuple[str, str, int]]:
    """Ten users around each moment, who are awake all night; simultaneous events stand by name."""
    random, found = Random(11), []
    for place, moment in enumerate(NIGHTS.values()):
        for user in range(10):
            time = from_datetime(datetime.fromisoformat(moment)) - 20 * 60 * MINUTE
            for _ in range(120):
                time += random.choice((0, 1, 7 * MINUTE, 29 * MINUTE, 30 * MINUTE, 31 * MINUTE))
                found.append((f"{place} {user}", random.choice("abcd"), time))
            # One is there in the very microsecond, and in the one before.
            start = from_datetime(datetime.fromisoformat(moment))
            found += [(f"{place} {user}", "a", start - 1), (f"{place} {user}", "b", start)]
    return sorted(found, key=lambda row: (row[0], row[2], row[1]))


@cache
def local() -> core.LocalEngine:
    keys = ("user_id", "event", "ts")
    return core.LocalEngine(core.read_events([dict(zip(keys, row, strict=True)) for row in rows()]))


def check(target: Target, zone: str, rules: JourneyRules) -> None:
    if not (target.folder / "nights.parquet").exists():
        user, event, ts = zip(*Random(3).sample(rows(), len(rows())), strict=True)
        target.put("nights", pa.table({"user_id": user, "event": event, "ts": pa.array(ts)}))
    off = core.Study(timeout=30 * MINUTE, stages=stages("a", "b", "c"), journey_rules=rules)
    asked = replace(off, journey_rules=replace(rules, midnight_tz=zone))
    truth, found = local().funnel(asked), engine_of(target, "nights").exact(asked)
    assert found.journeys_count == truth.journeys_count > local().funnel(off).journeys_count
    assert found.stages == truth.stages


@on("duckdb")
@pytest.mark.parametrize("zone", NIGHTS)
@pytest.mark.parametrize("rules", [JourneyRules(), RULES, replace(RULES, start_event="d")])
def test_sessions_end_at_midnight_whatever_the_clocks_do(
    target: Target, zone: str, rules: JourneyRules
) -> None:
    check(target, zone, rules)


@on("chdb", "clickhouse", "postgres")
@pytest.mark.parametrize("zone", NIGHTS)
def test_sessions_end_at_midnight_elsewhere(target: Target, zone: str) -> None:
    check(target, zone, RULES)


@on("spark", "connect")
@pytest.mark.parametrize("zone", ["America/Havana", "Pacific/Apia"])
def test_sessions_end_at_midnight_on_a_cluster(target: Target, zone: str) -> None:
    check(target, zone, RULES)


@on("duckdb", "postgres")
def test_those_whose_sessions_are_too_long_are_fetched_once(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    check(target, "Europe/Berlin", RULES)
    engine, told = engine_of(target, "nights"), list[str]()
    rules = replace(RULES, midnight_tz="Asia/Kathmandu")
    asked = core.Study(timeout=29 * MINUTE, stages=stages("a", "b"), journey_rules=rules)
    monkeypatch.setattr(engine.session, "told", told.append)
    assert core.document(engine, asked)["funnel"] == core.document(local(), asked)["funnel"]
    fetched = {each for each in told if " users with " in each}
    assert len(fetched) == 1
    assert "users with sessions that are too long" in fetched.pop()
