import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given

import core
from tests.core import oracle
from tests.core.build import LIMIT, MINUTE, TRAILS, Trails, log_of, quick_log

CASES: list[dict[str, Any]] = [
    case
    for case in json.loads((Path(__file__).parent / "conformance.json").read_text(encoding="utf-8"))
    if case["question"]["kind"] == "journeys"
]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_sessions(case: dict[str, Any]) -> None:
    log = log_of(*case["events"])
    found: dict[str, list[list[str]]] = {}
    for journey in core.reconstruct_journeys(log, case["question"]["timeout_seconds"] / 60):
        found.setdefault(journey.user, []).append([event.name for event in journey.events])
    assert found == case["expected"]["sessions"]


def _counts(*seconds: float, minutes: float | timedelta | None) -> list[int]:
    """Events of each journey of one user with events at these times."""
    log = quick_log({"ana": [(round(second * 1_000_000), "x") for second in seconds]})
    return [len(journey.events) for journey in core.reconstruct_journeys(log, minutes)]


@pytest.mark.parametrize(
    ("gap", "counts"), [(59.999999, [2]), (60, [2]), (60.000001, [1, 1])], ids=str
)
def test_j1_gap_equal_to_timeout_stays(gap: float, counts: list[int]) -> None:
    assert _counts(0, gap, minutes=1) == counts


def test_j1_gap_is_to_the_previous_event_not_to_the_first() -> None:
    assert _counts(0, 50, 100, 150, 211, 260, minutes=1) == [4, 2]


@pytest.mark.parametrize(
    ("minutes", "counts"),
    [
        (0, [2, 1, 1, 1]),
        (0.5, [3, 1, 1]),
        (1, [4, 1]),
        (timedelta(seconds=30), [3, 1, 1]),
        (1.5, [5]),
        (None, [5]),
    ],
    ids=str,
)
def test_j1_timeout_may_be_fractional_or_a_timedelta(
    minutes: float | timedelta | None, counts: list[int]
) -> None:
    assert _counts(0, 0, 30, 90, 151, minutes=minutes) == counts


def test_j2_default_timeout_is_thirty_minutes() -> None:
    log = log_of(("ana", "x", 0), ("ana", "x", 1800), ("ana", "x", 3601))
    assert [len(journey.events) for journey in core.reconstruct_journeys(log)] == [2, 1]
    assert core.reconstruct_journeys(log).timeout == 30 * MINUTE


def test_j2_off_makes_one_journey_per_user() -> None:
    log = log_of(("ana", "x", 0), ("ana", "x", 1e10), ("bo", "x", -1e9), ("bo", "x", 1e10))
    assert [(j.user, len(j.events)) for j in core.reconstruct_journeys(log, None)] == [
        ("ana", 2),
        ("bo", 2),
    ]


def test_j4_no_events_no_journeys() -> None:
    journeys = core.reconstruct_journeys(core.read_events([]))
    assert len(journeys) == 0
    assert list(journeys) == journeys[:] == []


def test_j5_duration_of_a_single_event_is_zero() -> None:
    journeys = core.reconstruct_journeys(log_of(("ana", "x", 0), ("ana", "y", 90)), 1)
    assert [journey.duration for journey in journeys] == [timedelta(0), timedelta(0)]
    assert core.reconstruct_journeys(journeys.log)[0].duration == timedelta(seconds=90)


@pytest.mark.parametrize("minutes", [-1, -0.001, float("nan"), float("inf"), 1e300], ids=str)
def test_a_timeout_that_is_none_is_refused(minutes: float) -> None:
    with pytest.raises(core.QuestionError, match="zero or more minutes"):
        core.reconstruct_journeys(core.read_events([]), minutes)


def test_a_negative_timedelta_is_refused() -> None:
    with pytest.raises(core.QuestionError, match="cannot be negative"):
        core.reconstruct_journeys(core.read_events([]), timedelta(seconds=-1))


@pytest.fixture(scope="module")
def journeys() -> core.Journeys:
    """Two journeys of ana, one of bo, three of cy."""
    times = {"cy": (0, 100, 200, 201), "ana": (1, 99), "bo": (50,)}
    log = log_of(*((user, "x", time) for user, at in times.items() for time in at))
    return core.reconstruct_journeys(log, 1)


def test_journeys_come_by_user_then_time_and_count_from_one(journeys: core.Journeys) -> None:
    assert [(j.user, j.index, len(j.events)) for j in journeys] == [
        ("ana", 1, 1),
        ("ana", 2, 1),
        ("bo", 1, 1),
        ("cy", 1, 1),
        ("cy", 2, 1),
        ("cy", 3, 2),
    ]


@pytest.mark.parametrize(
    "where",
    [slice(None), slice(1, 3), slice(None, None, -1), slice(-2, None), slice(9, 99)],
    ids=str,
)
def test_journeys_can_be_sliced(journeys: core.Journeys, where: slice) -> None:
    assert journeys[where] == list(journeys)[where]


def test_journeys_are_a_sequence(journeys: core.Journeys) -> None:
    everything = list(journeys)
    assert journeys[-1] == everything[5]
    assert journeys.index(everything[3]) == 3
    assert everything[2] in journeys
    assert list(reversed(journeys)) == everything[::-1]
    for out in (6, -7):
        with pytest.raises(IndexError):
            journeys[out]


@pytest.mark.parametrize("user", ["ana", "bo", "cy", "nobody"])
def test_one_users_journeys_are_those_of_everybody(journeys: core.Journeys, user: str) -> None:
    assert list(core.reconstruct_journeys(journeys.log, 1, user=user)) == [
        journey for journey in journeys if journey.user == user
    ]


@given(TRAILS, LIMIT)
def test_journeys_partition_every_trail(trails: Trails, timeout: int | None) -> None:
    journeys = core.Journeys(quick_log(trails), timeout)
    found: dict[str, list[list[tuple[int, str]]]] = {user: [] for user in trails}
    for journey in journeys:
        found[journey.user].append([(e.time.microsecond, e.name) for e in journey.events])
        assert journey.index == len(found[journey.user])
    assert found == {user: oracle.cut(trail, timeout) for user, trail in trails.items()}


@given(TRAILS)
def test_journeys_are_users_plus_the_longer_gaps(trails: Trails) -> None:
    log = quick_log(trails)
    counts = [len(core.Journeys(log, timeout)) for timeout in range(8)]
    assert counts == sorted(counts, reverse=True)
    assert counts == [sum(len(oracle.cut(t, limit)) for t in trails.values()) for limit in range(8)]
    assert len(core.Journeys(log, None)) == len(trails)
