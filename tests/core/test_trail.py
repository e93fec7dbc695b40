"""What is found in a trail, its density, and its size."""

from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from tests.core.build import TRAIL, log_of, quick_log
from tests.core.oracle import Trail

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
