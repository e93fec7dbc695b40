"""Funnels of every order, start, scope, exclusion, held value and way to count attempts against
the oracle (rules F1–F12).
"""

from random import Random
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import core
from core.funnel import Funnel, Scope, Start, parse_exclusion
from core.stage import parse_stages
from core.walk import Order
from tests.core.crowds import (
    KINDS,
    Crowd,
    Kind,
    check,
    crowd,
    crowd_of,
    limit,
    question,
)

GROUPS = sorted({(kind.order, kind.start, kind.scope) for kind in KINDS})


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_funnels_are_the_oracles(kind: Kind, random: Random) -> None:
    check(crowd(random, 10), limit(random), question(random, kind))


@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_funnels_are_the_oracles_for_hundreds_of_users(kind: Kind) -> None:
    random = Random(str(kind))
    for _ in range(5):
        check(crowd(random, 80), limit(random), question(random, kind))


@pytest.mark.slow
@pytest.mark.parametrize("group", GROUPS, ids="-".join)
@given(st.integers(0, 2**32))
@settings(max_examples=40, phases=[Phase.generate])  # a smaller seed is no simpler
def test_funnels_are_the_oracles_for_20_000_users_of_each_kind(
    group: tuple[Order, Start, Scope], seed: int
) -> None:
    random = Random(seed)
    people = crowd(random, 500)
    for kind in KINDS:
        if (kind.order, kind.start, kind.scope) == group:
            check(people, limit(random), question(random, kind), times=seed % 5 == 0)


def one(events: str) -> Crowd:
    """One user with events such as "a0 b3", times in microseconds."""
    return crowd_of({"u": [(int(event[1:]), event[0]) for event in events.split()]})


def ask(stages: str, order: Order = "ordered", exclude: str = "", **more: Any) -> Funnel:
    """A question of users as the flags write it."""
    exclusions = tuple(map(parse_exclusion, exclude.split()))
    return Funnel(parse_stages(stages), "users", order, exclusions=exclusions, **more)


@pytest.mark.parametrize(
    ("events", "asked"),
    [
        pytest.param(
            "a0 b1 b2 c2 d3",  # a0 b2 c2 d3 spans no b, a0 b1 c2 d3 does
            ask("a,b,c,d", exclude="b@2..4"),
            id="f8 an attempt that was matched later escapes",
        ),
        pytest.param(
            "a0 x1 b2 c3", ask("a,b,c", exclude="x@2..3"), id="f8 only between the two stages"
        ),
        pytest.param(
            "a0 x1 b2",
            ask("a,b", "strict", exclude="x", ignore=("x",)),
            id="f8 ignored and excluded",
        ),
        pytest.param(
            "a0 b1 x1 c2", ask("a,b,c", "strict"), id="f6 beside a stage that begins no attempt"
        ),
        pytest.param("a0 x0 b1", ask("a,b", "strict"), id="f6 beside the one that begins one"),
        pytest.param(
            "a0 a1 x1",
            ask("a,a,b", "strict", attempts="mixpanel"),
            id="f10 the event after it breaks an attempt or stands before the next",
        ),
        pytest.param(
            "a0 x1 a1",
            ask("a,a,b", "strict", attempts="mixpanel"),
            id="f10 the event before it breaks an attempt or stands before the next",
        ),
        pytest.param("a0 b1", ask("a,a|b,b", "any"), id="f7 stages that share events in a row"),
        pytest.param(
            "a0 x0 a1",
            ask("a,b", exclude="x", attempts="mixpanel"),
            id="f10 excluded at the start itself",
        ),
        pytest.param(
            "a0 b1 x2 c3",
            ask("a,b,c", exclude="x@1..2", attempts="starts"),
            id="f10 excluded after the second of the two stages",
        ),
        pytest.param(
            "a0 b1 x1 a2",
            ask("a,b,c", exclude="x@1..2", attempts="mixpanel"),
            id="f10 excluded at the second of the two stages",
        ),
        pytest.param(
            "a0 a1 b2",
            ask("a,b", "strict", attempts="mixpanel"),
            id="f10 broken by the start of the next",
        ),
        pytest.param(
            "a0 x1 b2",
            ask("a,b", "strict", exclude="x", ignore=("x",), attempts="starts"),
            id="f10 ignored and excluded",
        ),
        pytest.param(
            "a0 b1 a1 x1",
            ask("a,b,c", "strict", ignore=("a",), attempts="mixpanel"),
            id="f10 broken at the last instant",
        ),
    ],
)
def test_what_random_users_do_rarely(events: str, asked: Funnel) -> None:
    check(one(events), None, asked)


def test_f10_an_exclusion_between_later_stages_ends_no_attempt() -> None:
    # The attempt from a0 can still be completed, so that a1 begins none.
    check(one("a0 a1"), None, ask("a,b,c", exclude="a@2..3", attempts="mixpanel"))


def test_r5_of_attempts_that_end_together_the_one_begun_last_counts_in_either_order() -> None:
    check(one("a0 a5 b5"), None, ask("a,b"))
    check(one("a0 a5 b5"), None, ask("a,b", "strict"))


def test_r5_in_any_order_the_attempt_begun_last_counts_however_stages_are_listed() -> None:
    check(one("c3 a5 c5"), None, ask("c,a", "any"))
    check(one("c3 a5 c5"), None, ask("a,c", "any"))


def test_r5_the_counted_attempt_is_not_the_beginning_of_a_deeper_one() -> None:
    # Without the exclusion a0 a2 a2 would get deeper; with it a2 a2 is begun last.
    check(one("a0 x1 a2 a2"), None, ask("a,a,a", exclude="x"))


def test_r5_an_exclusion_that_never_occurs_changes_no_time() -> None:
    journeys = core.Journeys(one("a0 b1 b2 c3").log, None)
    plain, excluding = (
        core.analyze_funnel(journeys, ["a", "b", "c"], exclusions=exclusions).stages[1]
        for exclusions in ((), ("x",))
    )
    assert plain.median_seconds == excluding.median_seconds
