from itertools import pairwise

import pytest
from hypothesis import given

import core
from core.dropoff import biggest_leak
from core.funnel import Scope
from tests.core.build import LIMIT, SCOPE, STAGES, TRAILS, Trails, quick_log

LOG = quick_log(
    {
        "ana": [(0, "view"), (1, "cart"), (2, "buy"), (100, "view")],
        "bo": [(0, "view"), (1, "cart"), (100, "view"), (200, "view")],
        "cy": [(0, "view")],
        "dee": [(0, "help")],
    }
)
JOURNEYS = core.Journeys(LOG, 50)
SHOP = ("view", "cart", "buy")


def _points(scope: Scope, *stages: str) -> list[core.DropOff]:
    return core.find_drop_offs(core.analyze_funnel(JOURNEYS, stages or SHOP, scope=scope))


def test_a_point_for_each_stage_but_the_last() -> None:
    assert [
        (point.stage, point.next_stage, point.dropped, point.drop_off, point.percent)
        for point in _points("journeys")
    ] == [("view", "cart", 4, pytest.approx(2 / 3), 66.7), ("cart", "buy", 1, 0.5, 50.0)]
    assert _points("journeys", "view") == []


def test_in_journeys_a_user_who_left_twice_is_named_once_with_both_journeys() -> None:
    view, cart = _points("journeys")
    assert view.users == ["ana", "bo", "cy"]
    assert [(j.user, j.index) for j in view.journeys] == [
        ("ana", 2),
        ("bo", 2),
        ("bo", 3),
        ("cy", 1),
    ]
    assert cart.users == ["bo"]
    assert [(j.user, j.index) for j in cart.journeys] == [("bo", 1)]


def test_in_users_each_user_left_at_most_once_and_no_journey_is_named() -> None:
    view, cart = _points("users")
    assert (view.users, cart.users) == (["cy"], ["bo"])
    assert view.journeys == cart.journeys == []


def test_a_point_nobody_reached_has_no_share() -> None:
    nope, view = _points("journeys", "nope", "view", "cart")
    assert (nope.dropped, nope.drop_off, nope.percent, nope.users) == (0, None, None, [])
    assert (view.dropped, view.drop_off, view.percent, view.users) == (0, None, None, [])


@given(TRAILS, STAGES, SCOPE, LIMIT)
def test_n2_those_who_left_add_up(
    trails: Trails, stages: tuple[core.Stage, ...], scope: Scope, timeout: int | None
) -> None:
    funnel = core.analyze_funnel(core.Journeys(quick_log(trails), timeout), stages, scope=scope)
    points = core.find_drop_offs(funnel)
    results = funnel.stages
    assert [point.dropped for point in points] == [a.count - b.count for a, b in pairwise(results)]
    assert sum(point.dropped for point in points) == results[0].count - results[-1].count
    for point in points:
        assert len(point.units) == point.dropped
        assert point.users == sorted(set(point.users))
        if scope == "users":
            assert len(point.users) == point.dropped
        else:
            assert len(point.journeys) == point.dropped
            assert point.users == list(dict.fromkeys(j.user for j in point.journeys))
    seen = [unit for point in points for unit in point.units.tolist()]
    assert len(seen) == len(set(seen))


@pytest.mark.parametrize(
    ("stages", "leak"),
    [
        (("view", "cart", "buy"), "view"),
        (("cart", "buy"), "cart"),
        (("cart", "buy", "nope"), "cart"),
        (("cart", "cart"), "cart"),
        (("view",), None),
        (("nope", "view"), None),
        (("buy", "buy"), "buy"),
    ],
    ids=["steps", "one step", "equals", "twice", "one stage", "absent", "last twice"],
)
def test_the_biggest_leak_is_where_most_left_the_earlier_of_equals(
    stages: tuple[str, ...], leak: str | None
) -> None:
    found = biggest_leak(core.analyze_funnel(JOURNEYS, stages))
    assert (found.stage if found else None) == leak


def test_nobody_left_is_no_leak() -> None:
    assert biggest_leak(core.analyze_funnel(JOURNEYS, ["buy"])) is None
    whole = core.analyze_funnel(core.Journeys(LOG.only("cy"), 50), [core.Stage.any_event()])
    assert biggest_leak(whole) is None
