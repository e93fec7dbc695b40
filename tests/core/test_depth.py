"""The kernels: tables for each rule, and the brute-force oracle for everything in between."""

from datetime import timedelta
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.funnel import Scope
from core.stage import parse_stages
from tests.core import oracle
from tests.core.build import (
    LIMIT,
    SCOPE,
    SECOND,
    STAGES,
    TRAILS,
    Trails,
    log_of,
    quick_log,
    random_trails,
)

Stages = tuple[core.Stage, ...]


def _depth(stages: str, events: str, window: int | None) -> int:
    """The depth of one user with events such as "a0 b3", times in microseconds."""
    trail = [(int(event[1:]), event[0]) for event in events.split()]
    journeys = core.reconstruct_journeys(quick_log({"u": trail}))
    limit = None if window is None else timedelta(microseconds=window)
    return core.analyze_funnel(
        journeys, parse_stages(stages), scope="users", window=limit
    ).depth_by_user()["u"]


@pytest.mark.parametrize(
    ("stages", "events", "window", "depth"),
    [
        pytest.param("a,b,c", "a0 b1 c2", None, 3, id="f1 in order"),
        pytest.param("a,b,c", "a0 x1 b2 a3 x3 c9", None, 3, id="f1 others between are ignored"),
        pytest.param("a,b,c", "c0 b1 a2", None, 1, id="f1 in reverse"),
        pytest.param("a,b,c", "b0 c1", None, 0, id="f1 without the first"),
        pytest.param("a,b,c", "a0 c1 b2", None, 2, id="f1 longest prefix"),
        pytest.param("a,b,c", "a0 a5 b6 c7", 3, 3, id="f1 a later start"),
        pytest.param("a,b,c", "a0 b1 a4 c5", 5, 3, id="f1 an earlier start"),
        pytest.param("a,b,c", "a0 b1 c3 a9 b9", 3, 3, id="f1 a start before the last"),
        pytest.param("a,b,c", "a0 b1 a6 b9 c9", 3, 3, id="f1 only one start is in time"),
        pytest.param("a,b,c", "a0 b5 a6 c8", 8, 3, id="f1 starts are not mixed"),
        pytest.param("a,b,c", "a0 b5 a6 c8", 7, 2, id="f1 starts are not mixed, nor windows"),
        pytest.param("a,b", "b5 a5", 0, 2, id="f2 two at once, reversed"),
        pytest.param("a,b,c", "c5 b5 a5", 0, 3, id="f2 three at once, reversed"),
        pytest.param("a,b,c", "a1 c2 b2", None, 3, id="f2 the last two at once"),
        pytest.param("a,b,c", "b2 a2 c3", 1, 3, id="f2 the first two at once"),
        pytest.param("a,b", "b4 a5", None, 1, id="f2 not at once"),
        pytest.param("a|b,a", "a5 b5", 0, 2, id="f2 one of both makes room"),
        pytest.param("a|b|c,a|b,a", "a5 b5 c5", 0, 3, id="f2 all make room"),
        pytest.param("a|b,c,a", "b1 a1 c1", 0, 3, id="f2 single and double at once"),
        pytest.param("a,a", "a0", None, 1, id="f3 same stage twice, one event"),
        pytest.param("a,a", "a0 a1", None, 2, id="f3 same stage twice, two events"),
        pytest.param("a,a", "a5 a5", 0, 2, id="f3 same stage twice, two at once"),
        pytest.param("a,a,a", "a5 a5", 0, 2, id="f3 three times, two at once"),
        pytest.param("a|b,b|c", "b0", None, 1, id="f3 overlap, one event"),
        pytest.param("a|b,b|c", "b0 b1", None, 2, id="f3 overlap, two events"),
        pytest.param("a,a|b,b", "a0 b1", None, 2, id="f3 overlap in a row"),
        pytest.param("*,*", "x0", None, 1, id="f3 any event, one event"),
        pytest.param("*,*,*", "x0 y0 z9", None, 3, id="f3 any event, three events"),
        pytest.param("a,*,b", "a0 b1", None, 2, id="f3 any event between, none there"),
        pytest.param("a,*,b", "a0 x0 b0", 0, 3, id="f3 any event between, at once"),
        pytest.param("*,a", "a0 a1", None, 2, id="f3 any event first"),
        pytest.param("a,b", "a0 b5", 5, 2, id="f4 window edge counts"),
        pytest.param("a,b", "a0 b5", 4, 1, id="f4 past the window edge"),
        pytest.param("a,b,c", "a0 b4 c8", 7, 2, id="f4 window is from the first stage"),
        pytest.param("a,b", "a0 b0", 0, 2, id="f4 window zero is the same instant"),
        pytest.param("a,b", "a0 b1", 0, 1, id="f4 window zero is no more"),
        pytest.param("a,b", "a0 b999999999", None, 2, id="f4 off is no limit"),
    ],
)
def test_depth_of_one_unit(stages: str, events: str, window: int | None, depth: int) -> None:
    assert _depth(stages, events, window) == depth


@pytest.mark.parametrize(
    ("scope", "timeout", "depths"),
    [
        ("users", 10, {"ana": 2, "bo": 2}),
        ("users", None, {"ana": 2, "bo": 2}),
        ("journeys", 9, {"ana": 1, "bo": 2}),
        ("journeys", 10, {"ana": 2, "bo": 2}),
        ("journeys", None, {"ana": 2, "bo": 2}),
    ],
)
def test_f1_a_match_stays_inside_its_unit(
    scope: Scope, timeout: int | None, depths: dict[str, int]
) -> None:
    log = quick_log({"ana": [(0, "a"), (10, "b")], "bo": [(0, "b"), (0, "a"), (3, "b")]})
    funnel = core.analyze_funnel(core.Journeys(log, timeout), ["a", "b"], scope=scope)
    assert funnel.depth_by_user() == depths


def test_f1_gap_inside_a_unit_may_lie_between_events_of_no_stage() -> None:
    trail = [(0, "a"), (8, "x"), (16, "x"), (24, "b")]
    for timeout, depth in ((8, 2), (7, 1)):
        journeys = core.Journeys(quick_log({"u": trail}), timeout)
        assert core.analyze_funnel(journeys, ["a", "b"]).depth_by_user() == {"u": depth}


def test_f1_users_never_lend_events_to_each_other() -> None:
    log = quick_log({"ana": [(0, "a")], "bo": [(0, "b")], "cy": [(0, "a")], "dee": [(0, "b")]})
    for scope in ("journeys", "users"):
        funnel = core.analyze_funnel(core.Journeys(log, None), ["a", "b"], scope=scope)
        assert funnel.depth_by_user() == {"ana": 1, "bo": 0, "cy": 1, "dee": 0}


@pytest.mark.parametrize("stages", [1, 8, 9, 16, 17, 32, 33, 64])
def test_funnels_of_any_length_count(stages: int) -> None:
    names = [f"n{i}" for i in range(stages)]
    whole = [(i, name) for i, name in enumerate(names)]
    log = quick_log({"all": whole, "but_last": whole[:-1], "backwards": _reversed(names)})
    funnel = core.analyze_funnel(core.Journeys(log, None), names)
    assert funnel.depth_by_user() == {"all": stages, "backwards": 1, **_short(stages)}


def _reversed(names: list[str]) -> oracle.Trail:
    return list(enumerate(reversed(names)))


def _short(stages: int) -> dict[str, int]:
    return {"but_last": stages - 1} if stages > 1 else {}


def _units(trails: Trails, scope: Scope, timeout: int | None) -> list[list[oracle.Trail]]:
    """The units of each user, users in order."""
    return [
        [trails[user]] if scope == "users" else list(oracle.cut(trails[user], timeout))
        for user in sorted(trails)
    ]


def _check(
    log: core.EventLog,
    trails: Trails,
    stages: Stages,
    scope: Scope,
    timeout: int | None,
    windows: list[int | None],
) -> None:
    """Everything the kernels say of a log against the oracle."""
    names = [stage.names for stage in stages]
    units = _units(trails, scope, timeout)
    needs = [[oracle.needs(unit, names) for unit in of_user] for of_user in units]
    flat = [need for of_user in needs for need in of_user]
    journeys = core.Journeys(log, timeout)
    first = core.analyze_funnel(journeys, stages, scope=scope)
    assert _needs(first) == {i: need for i, need in enumerate(flat) if need}
    for window in windows:
        depths = [
            [sum(window is None or n <= window for n in need) for need in of_user]
            for of_user in needs
        ]
        limit = None if window is None else timedelta(microseconds=window)
        funnel = core.analyze_funnel(journeys, stages, scope=scope, window=limit)
        assert funnel.depths.tolist() == [depth for of_user in depths for depth in of_user]
        assert funnel.depth_by_user() == dict(zip(sorted(trails), map(max, depths), strict=True))
        assert [stage.count for stage in funnel.stages] == [
            sum(depth > i for of_user in depths for depth in of_user) for i in range(len(stages))
        ]


def _needs(funnel: core.FunnelResult) -> dict[int, list[int]]:
    """The needs of each unit that reached a stage, by the number of the unit."""
    by_users = funnel.funnel.scope == "users"
    edges = funnel.journeys.log.offsets[:-1] if by_users else funnel.journeys.starts
    result: dict[int, list[int]] = {}
    for stage in funnel.reached:
        for row, need in zip(stage.units.tolist(), stage.need.tolist(), strict=True):
            position = funnel.rows.positions[row]
            result.setdefault(int(edges.searchsorted(position, side="right")) - 1, []).append(need)
    return result


@settings(max_examples=40)  # thousands of users are asked by the one that is slow
@given(TRAILS, STAGES, SCOPE, LIMIT)
def test_kernels_are_the_oracles_at_every_window(
    trails: Trails, stages: Stages, scope: Scope, timeout: int | None
) -> None:
    _check(quick_log(trails), trails, stages, scope, timeout, [None, *range(14)])


@given(TRAILS, STAGES, SCOPE, LIMIT, LIMIT, st.randoms(use_true_random=False))
def test_o1_unsorted_is_sorted(
    trails: Trails,
    stages: Stages,
    scope: Scope,
    timeout: int | None,
    window: int | None,
    random: Random,
) -> None:
    shuffled = {user: random.sample(trail, len(trail)) for user, trail in trails.items()}
    limit = None if window is None else timedelta(microseconds=window)
    one, other = (
        core.analyze_funnel(
            core.Journeys(quick_log(each), timeout), stages, scope=scope, window=limit
        )
        for each in (trails, dict(random.sample(list(shuffled.items()), len(shuffled))))
    )
    assert one.stages == other.stages
    assert one.depths.tolist() == other.depths.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(12))
def test_kernels_are_the_oracles_for_thousands_of_tied_users(seed: int) -> None:
    random = Random(seed)
    trails = random_trails(random, 400, most_events=8)
    rows = [(user, name, time / SECOND) for user, trail in trails.items() for time, name in trail]
    random.shuffle(rows)
    log = log_of(*rows)
    for _ in range(3):
        stages = tuple(
            core.Stage.any_event()
            if random.random() < 0.1
            else core.Stage(tuple(random.sample("abcdx", random.choice((1, 1, 2, 3)))))
            for _ in range(random.randint(1, 4))
        )
        for scope in ("journeys", "users"):
            _check(log, trails, stages, scope, random.choice((None, 0, 1, 4)), [None, 0, 1, 3, 9])


@pytest.mark.parametrize(("window", "count"), [(None, 4), (0, 1), (2, 1), (3, 3), (9, 4)])
def test_f4_reached_within_counts_the_edge(window: int | None, count: int) -> None:
    log = quick_log(
        {user: [(0, "a"), (need, "b")] for user, need in zip("pqrs", (3, 0, 9, 3), strict=True)}
    )
    reached = core.analyze_funnel(core.Journeys(log, None), ["a", "b"]).reached[1]
    assert reached.count(window) == count
    assert len(reached.within(window)) == count
    assert reached.curve.tolist() == [0, 3, 3, 9]
