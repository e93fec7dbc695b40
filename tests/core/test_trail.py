"""What is found in a trail, its density, and its size."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Literal

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from tests.core.build import TRAIL, log_of, quick_log
from tests.core.oracle import Trail

DEMO = Path(__file__).parents[2] / "demo_events.json"

STUDY = core.Study(timeout=3, stages=(core.Stage(("a",)), core.Stage(("c",))), window=9)


@given(TRAIL, st.sampled_from(("a", "B", "", "x")))
def test_places_are_found_by_name_and_by_stage(events: Trail, text: str) -> None:
    trail = core.LocalEngine(quick_log({"ana": events})).journeys(STUDY, "ana")
    names = [name for _, name in events]
    assert trail.named(text).tolist() == [
        place for place, name in enumerate(names) if text.lower() in name
    ]
    assert trail.stage_places.tolist() == [
        place for place, name in enumerate(names) if name in ("a", "c")
    ]
    assert [event.name for event in trail.events(1, len(names))] == names[1:]


@given(TRAIL, st.integers(1, 9))
def test_the_density_counts_every_event_once_where_it_belongs(events: Trail, bins: int) -> None:
    trail = core.LocalEngine(quick_log({"ana": events})).journeys(STUDY, "ana")
    density = trail.density(bins)
    assert len(density) == bins
    assert sum(density) == len(events)
    start, length = events[0][0], max(events[-1][0] - events[0][0], 1)
    places = Counter(min(int((time - start) / length * bins), bins - 1) for time, _ in events)
    assert density == [places[place] for place in range(bins)]


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_each_event_that_fills_a_stage_belongs_to_the_unit_of_its_value(scope: str) -> None:
    engine = core.LocalEngine(core.read_events(str(DEMO)))
    asked = core.Study(stages=(core.Stage(("product",)), core.Stage(("cart",))), hold="item")
    asked = asked.with_scope("users" if scope == "users" else "journeys")
    for user in engine.log.users:
        trail = engine.journeys(asked, user)
        starts = [unit.start for unit in trail.units]
        assert starts == sorted(starts)
        for place in range(len(trail)):
            units, event = trail.marks(place).units, trail.event(place)
            if event.name in ("product", "cart"):
                assert units is not None
                assert units[0] == units[1]
                assert trail.units[units[0] - 1].held == event.properties["item"]
            else:
                assert units is None
        for number, unit in enumerate(trail.units, 1):
            last = trail.last_counted(0, len(trail), number)
            assert last is not None
            assert trail.event(last).properties["item"] == unit.held


def test_an_event_tells_all_the_attempts_it_counts_for() -> None:
    rows = [("u", name, at) for at, name in enumerate("aabxab")]
    stages = (core.Stage(("a",)), core.Stage(("b",)))
    for attempts, expected in (
        ("starts", [(1, 1), (2, 2), (1, 2), None, (3, 3), (3, 3)]),
        ("mixpanel", [(1, 1), None, (1, 1), None, (2, 2), (2, 2)]),
        (None, [None] * 6),
    ):
        asked = core.Study(stages=stages, attempts=attempts)  # type: ignore[arg-type]  # from above
        trail = core.LocalEngine(log_of(*rows)).journeys(asked, "u")
        assert [trail.marks(place).units for place in range(6)] == expected
        assert len(trail.units) == max((last for _, last in filter(None, expected)), default=0)


@pytest.mark.parametrize("scope", ["journeys", "users"])
@pytest.mark.parametrize("attempts", ["starts", "mixpanel"])
def test_the_attempts_that_an_event_counts_for_are_all_of_its_value(
    scope: str, attempts: Literal["starts", "mixpanel"]
) -> None:
    rows = [("a", 0, "x"), ("a", 1, "y"), ("a", 2, "x"), ("b", 3, "x"), ("b", 4, "y")]
    rows += [(name, 9_000 + at, value) for name, at, value in reversed(rows)]
    events = [{"user": "u", "event": name, "time": at, "item": v} for name, at, v in rows]
    asked = core.Study(stages=(core.Stage(("a",)), core.Stage(("b",))), hold="item")
    asked = replace(asked, attempts=attempts).with_scope(
        "users" if scope == "users" else "journeys"
    )
    trail = core.LocalEngine(core.read_events(events)).journeys(asked, "u")
    seen = set()
    for place in range(len(trail)):
        units, value = trail.marks(place).units, trail.event(place).properties["item"]
        for number in range(units[0], units[1] + 1) if units else ():
            assert trail.units[number - 1].held == value
            seen.add(number)
    assert seen == set(range(1, len(trail.units) + 1))


def test_nobody_has_an_empty_trail() -> None:
    trail = core.LocalEngine(log_of(("ana", "a", 0))).journeys(STUDY, "nobody")
    assert (len(trail), len(trail.sessions), trail.density(3)) == (0, 0, [0, 0, 0])
    assert not len(trail.stage_places)
    assert not len(trail.named("a"))


@pytest.mark.slow
def test_a_user_with_a_million_events_is_marked_without_a_walk() -> None:
    n = 1_000_000
    random = np.random.default_rng(5)
    gaps, names = random.integers(0, 9, n).cumsum(), random.integers(0, 4, n)
    log = quick_log({"ana": [(0, "a"), (1, "b"), (2, "c"), (3, "d")]})
    big = core.log.EventLog(
        users=log.users, names=log.names, offsets=np.array([0, n]), name=names.astype(np.uint8),
        time=gaps, gap=np.diff(gaps, prepend=-(2**62)), row=np.arange(n, dtype=np.uint32),
        store=log.store, data_end=int(gaps[-1]), report=log.report,
    )  # fmt: skip
    big.gap[0] = np.iinfo(np.int64).max
    trail = core.LocalEngine(big).journeys(STUDY, "ana")
    sessions = trail.sessions
    assert len(trail) == n
    for place in random.integers(0, n, 200).tolist():
        number = int(trail.session_starts.searchsorted(place, side="right")) - 1
        session = sessions[number]
        assert session.first_event <= place < session.first_event + session.event_count
        marks = trail.marks(place)
        before = range(session.first_event, place + 1)
        so_far = sum(trail.marks(earlier).counted is not None for earlier in before)
        assert marks.armed == (so_far if so_far < 2 else None)
        is_last = place == session.first_event + session.event_count - 1
        assert marks.left == (is_last and 0 < session.depth < 2)
