"""The same questions to ClickHouse and to DuckDB, as their experts would write them.

ClickHouse has a function for funnels, of which the mode `strict_once` is rule F1: any start,
distinct events, simultaneous ones in either order. Sessions are counted with window functions.
"""

from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from random import Random
from typing import Any

import duckdb
import pytest

import core
from core.event import from_datetime
from core.funnel import Scope
from tests.core.build import Trails, quick_log, random_trails
from tests.engines.clickhouse import ask, events_of, write_events

FOREVER = 10**12
"""A window that no user exceeds, microseconds."""
SESSIONS = """
    SELECT user, name, time, sum(begins) OVER (PARTITION BY user ORDER BY time) AS session
    FROM (
        SELECT user, name, time, CASE WHEN time - {before} > {timeout} THEN 1 ELSE 0 END AS begins
        FROM {events}
    ) AS marked
"""
"""Each event with the number of its session: how many gaps of its user so far were too long."""
SUMMARY = """
    SELECT user, session, min(time), max(time), count(*) FROM ({sessions}) AS numbered
    GROUP BY user, session ORDER BY user, session
"""
DEPTHS = "SELECT {depths} FROM ({events}) AS events GROUP BY {unit} ORDER BY {unit}"


@dataclass(frozen=True)
class Question:
    """Stages and a window."""

    stages: tuple[core.Stage, ...]
    window: int | None

    @property
    def sql(self) -> str:
        """It as ClickHouse is asked."""
        conditions = ", ".join(
            f"name IN ({', '.join(map(repr, stage.any_of))})" if stage.any_of else "1"
            for stage in self.stages
        )
        window = FOREVER if self.window is None else self.window
        return f"windowFunnel({window}, 'strict_once')(time, {conditions})"

    def depths(self, journeys: core.Journeys, scope: Scope) -> list[int]:
        """What we say."""
        window = None if self.window is None else timedelta(microseconds=self.window)
        funnel = core.analyze_funnel(journeys, self.stages, scope=scope, window=window)
        depths: list[int] = funnel.depths.tolist()
        return depths


def random_question(random: Random) -> Question:
    """Two to four stages that repeat and overlap."""
    stages = tuple(
        core.Stage.any_event()
        if random.random() < 0.1
        else core.Stage(tuple(random.sample("abcd", random.choice((1, 1, 2, 3)))))
        for _ in range(random.randint(2, 4))
    )
    return Question(stages, random.choice((None, 0, 1, 3, 6, 10)))


REPEATS = Question((core.Stage(("a",)), core.Stage(("a",)), core.Stage(("b",))), 3)
QUESTIONS = [REPEATS, *(random_question(Random(seed)) for seed in range(7))]


def clickhouse_sessions(events: Path, timeout: int) -> str:
    """The sessions as ClickHouse is asked for them."""
    before = "lagInFrame(time, 1, time) OVER (PARTITION BY user ORDER BY time)"
    return SESSIONS.format(before=before, timeout=timeout, events=events_of(events))


def duckdb_sessions(events: Path, timeout: int) -> str:
    """The sessions as DuckDB is asked for them."""
    before = "lag(time) OVER (PARTITION BY user ORDER BY time)"
    columns = "{'user': 'VARCHAR', 'name': 'VARCHAR', 'time': 'BIGINT'}"
    table = f"read_csv('{events}', header = false, columns = {columns})"
    return SESSIONS.format(before=before, timeout=timeout, events=table)


def our_sessions(journeys: core.Journeys) -> list[tuple[Any, ...]]:
    """The same of ours."""
    return [
        (
            journey.user,
            journey.index - 1,
            from_datetime(journey.start),
            from_datetime(journey.end),
            len(journey.events),
        )
        for journey in journeys
    ]


@pytest.fixture(scope="module")
def trails() -> Trails:
    """5,000 users with many ties and repeats."""
    return random_trails(Random(7), 5_000, most_events=8)


@pytest.mark.parametrize(("scope", "unit"), [("users", "user"), ("journeys", "user, session")])
def test_f1_units_get_as_far_as_clickhouse_says(
    scope: Scope, unit: str, trails: Trails, tmp_path: Path
) -> None:
    events = clickhouse_sessions(write_events(trails, tmp_path), timeout=1)
    depths = ", ".join(question.sql for question in QUESTIONS)
    told = zip(*ask(DEPTHS.format(depths=depths, events=events, unit=unit), tmp_path), strict=True)
    journeys = core.Journeys(quick_log(trails), 1)
    for question, of_units in zip(QUESTIONS, told, strict=True):
        assert question.depths(journeys, scope) == list(of_units), question


@pytest.mark.parametrize("timeout", [0, 2])
def test_j1_sessions_are_those_of_clickhouse_and_duckdb(
    trails: Trails, timeout: int, tmp_path: Path
) -> None:
    events = write_events(trails, tmp_path)
    journeys = core.Journeys(quick_log(trails), timeout)
    ours = our_sessions(journeys)
    clickhouse = SUMMARY.format(sessions=clickhouse_sessions(events, timeout))
    assert [tuple(row) for row in ask(clickhouse, tmp_path)] == ours
    duck = SUMMARY.format(sessions=duckdb_sessions(events, timeout))
    assert duckdb.execute(duck).fetchall() == ours
