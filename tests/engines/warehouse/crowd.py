"""Two thousand users with ties, repeats and overlaps, published cases, and what to ask of them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate, product
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import core
from core.funnel import Exclusion
from core.journeys import JourneyRules
from core.stage import Stage
from core.study import Study

SECOND = 1_000_000
EPOCH = 1_700_000_000 * SECOND
CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[2] / "core" / "conformance.json").read_text(encoding="utf-8")
)


USERS = 2_000
Happening = tuple[int, str, str | None, str | None]
"""Seconds since the event before, name, lane and visit."""
HAPPENINGS: list[Happening] = list(
    product((0, 0, 1, 2, 3, 5), "abcd", ("left", "right", None), ("1", "1", "2", "", None))
)
"""All there are: drawn as one, for four draws take three times as long."""


def drawn_trails() -> list[list[Happening]]:
    """The trails of all users, which Hypothesis thinks up: the same in every process.

    Each is an example of its own, and all of them are asked about together: one table for all.
    """
    found: list[list[Happening]] = []

    @settings(max_examples=USERS, derandomize=True, database=None, phases=[Phase.generate])
    @given(st.lists(st.sampled_from(HAPPENINGS), min_size=1, max_size=9))
    def draw(trail: list[Happening]) -> None:
        found.append(trail)

    draw()
    return found


@dataclass(frozen=True)
class Crowd:
    """Events of many users, with ties and repeats; `lane` and `visit` are missing now and then."""

    @cached_property
    def rows(self) -> list[tuple[str, str, int, str | None, str | None]]:
        found = [
            (f"u{number:03}", name, EPOCH + time * SECOND, lane, visit)
            for number, trail in enumerate(drawn_trails())
            for time, (_, name, lane, visit) in zip(
                accumulate(gap for gap, *_ in trail), trail, strict=True
            )
        ]
        # A table has no order of its own: simultaneous events stand by name, then by the visit.
        return sorted(found, key=lambda row: (row[0], row[2], row[1], row[4] or "~", row[3] or ""))

    @cached_property
    def local(self) -> core.LocalEngine:
        """The engine that all others are compared with."""
        keys = ("user_id", "event", "ts", "lane", "visit")
        records = [
            {key: value for key, value in zip(keys, row, strict=True) if value is not None}
            for row in self.rows
        ]
        return core.LocalEngine(core.read_events(records))

    def tables(self) -> dict[str, pa.Table]:
        """The tables to put into an engine, in no order."""
        rows = Random(3).sample(self.rows, len(self.rows))
        columns = list(zip(*rows, strict=True))
        crowd = {
            "user_id": pa.array(columns[0]),
            "event": pa.array(columns[1]),
            "ts": pa.array(columns[2], pa.int64()),
            "lane": pa.array(columns[3]),
            "visit": pa.array(columns[4]),
            "loud": pa.array([time // SECOND % 2 for time in columns[2]], pa.int64()),
        }
        cases = [
            (case["id"], user, name, EPOCH + int(time * SECOND))
            for case in CASES
            for user, name, time in case["events"]
        ]
        case_columns = list(zip(*cases, strict=True))
        published = {
            "case_id": pa.array(case_columns[0]),
            "user_id": pa.array(case_columns[1]),
            "event": pa.array(case_columns[2]),
            "ts": pa.array(case_columns[3], pa.int64()),
        }
        return {"crowd": pa.table(crowd), "cases": pa.table(published)}


CROWD = Crowd()


def stages(*names: str) -> tuple[Stage, ...]:
    return tuple(Stage(() if name == "*" else tuple(name.split("|"))) for name in names)


def study(*names: str, timeout: int = 4, **rest: Any) -> Study:
    """A study in seconds."""
    window = rest.pop("window", None)
    return Study(
        timeout=timeout * SECOND,
        stages=stages(*names),
        window=None if window is None else window * SECOND,
        **rest,
    )


STUDIES = {
    "ordered": study("a", "b", "c"),
    "users": study("a", "b", "c", "d", scope="users", window=30),
    "first start": study("a", "b", "c", start="first", window=3),
    "repeats": study("a", "a", "b", scope="users", window=5),
    "overlaps": study("a|b", "b|c", "*", window=3),
    "any order": study("a", "b", "c", order="any", window=2),
    "any order, copies": study("a", "a", "c", order="any", scope="users", window=4),
    "any order, overlaps": study("a|b", "b|c", "a", order="any"),
    "strict": study("a", "b", "c", order="strict"),
    "strict, ignoring": study(
        "a", "b", "c", order="strict", ignore=("d",), scope="users", window=9
    ),
    "breaking": study("a", "b", "c", exclusions=(Exclusion(("d",)),)),
    "breaking early": study(
        "a", "b", "c", exclusions=(Exclusion(("d",), (1, 2)),), scope="users", window=9
    ),
    "removing": study("a", "b", "c", exclusions=(Exclusion(("d",), policy="remove"),), window=9),
    "entries": study(
        "a", "b", "c", since=EPOCH + 2 * SECOND, until=EPOCH + 9 * SECOND, scope="users"
    ),
    "held": study("a", "b", "c", hold="lane"),
    "held by users": study("a", "b", "c", hold="lane", scope="users", window=5),
    "no longer": study("a", "b", "c", journey_rules=JourneyRules(max_length=5 * SECOND)),
    "midnight": study("a", "b", "x", journey_rules=JourneyRules(midnight_tz="America/New_York")),
    "begun by": study("a", "b", "c", journey_rules=JourneyRules(start_event="a")),
    "ended by": study("a", "b", "c", journey_rules=JourneyRules(end_event="d")),
    "told by a field": study("a", "b", "c", journey_rules=JourneyRules(session_field="visit")),
}
"""One for each thing that can be asked, and what meets in it."""
