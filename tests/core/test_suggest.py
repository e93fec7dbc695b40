from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.suggest import MOST_SUGGESTED
from tests.core.build import TRAILS, Trails, quick_log


def _suggest(*trails: str) -> list[str]:
    """What is suggested for users who did these things, a letter each, one after another."""
    log = quick_log({f"u{i}": list(enumerate(trail)) for i, trail in enumerate(trails)})
    return [stage.label for stage in core.suggest_stages(log)]


@pytest.mark.parametrize(
    ("trails", "stages"),
    [
        (["abc", "abc", "ab", "a"], "abc"),
        (["xabc", "abyc", "ab", "za"], "abc"),
        (["ab", "ab", "ab", "ba"], "ab"),
        (["aaab", "ab"], "ab"),
        (["a"], "a"),
        (["ab", "cd", "ab"], "ab"),
        (["abcdefgh"] * 3, "abcdef"),
    ],
    ids=["shrinking", "noise", "mostly", "repeats", "one", "majority", "at most six"],
)
def test_suggested_is_the_way_most_users_go(trails: list[str], stages: str) -> None:
    assert "".join(_suggest(*trails)) == stages


@pytest.mark.parametrize("name", ["payment_error", "Login Failed", "timeout", "card_declined"])
def test_what_goes_wrong_is_never_suggested(name: str) -> None:
    log = quick_log({f"u{i}": [(0, "home"), (1, name), (2, "buy")] for i in range(3)})
    assert [stage.label for stage in core.suggest_stages(log)] == ["home", "buy"]


def test_a_way_to_an_outcome_is_told_to_its_end() -> None:
    trails = {f"u{i}": list(enumerate("abcdef")) for i in range(4)}
    trails["u0"].append((6, "Order Completed"))
    names = [stage.label for stage in core.suggest_stages(quick_log(trails))]
    assert names == ["a", "b", "c", "d", "e", "Order Completed"]


@pytest.mark.parametrize("name", ["unsubscribed", "order_list", "purchase_failed", "repaid"])
def test_what_is_no_outcome_is_not_preferred(name: str) -> None:
    trails = {f"u{i}": list(enumerate("abcdef")) for i in range(4)}
    trails["u0"].append((6, name))
    names = [stage.label for stage in core.suggest_stages(quick_log(trails))]
    assert names == list("abcdef")


def test_what_goes_wrong_is_suggested_where_there_is_nothing_else() -> None:
    log = quick_log({"u": [(0, "error"), (1, "crash")]})
    assert [stage.label for stage in core.suggest_stages(log)] == ["error", "crash"]


def test_j4_nothing_is_suggested_for_an_empty_log() -> None:
    assert core.suggest_stages(quick_log({})) == ()


@given(TRAILS)
def test_suggested_are_at_most_six_known_names_of_which_reach_never_grows(trails: Trails) -> None:
    log = quick_log(trails)
    stages = core.suggest_stages(log)
    names = [stage.label for stage in stages]
    assert len(stages) <= MOST_SUGGESTED == 6
    assert bool(stages) == bool(len(log))
    assert len(set(names)) == len(names)
    reach = [sum(any(name == did for _, did in t) for t in trails.values()) for name in names]
    assert reach == sorted(reach, reverse=True)
    assert all(reach)


@given(st.lists(st.permutations("abcd"), min_size=1, max_size=5))
def test_suggested_steps_were_taken_in_that_order_by_most(trails: list[list[str]]) -> None:
    names = _suggest(*("".join(trail) for trail in trails))
    for before, after in pairwise(names):
        in_order = sum(trail.index(before) < trail.index(after) for trail in trails)
        assert 2 * in_order > len(trails)
