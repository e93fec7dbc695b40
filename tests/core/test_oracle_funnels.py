"""Funnels of every order, start, scope, exclusion, held value and way to count attempts against
the oracle (rules F1–F12).
"""

from random import Random

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

import core
from core.funnel import Funnel, Start, parse_exclusion
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

LINES = sorted({(kind.order, kind.start) for kind in KINDS})


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(st.randoms(use_true_random=False))
@settings(max_examples=10)
def test_funnels_are_the_oracles(kind: Kind, random: Random) -> None:
    check(crowd(random, 10), limit(random), question(random, kind))


@pytest.mark.slow
@pytest.mark.parametrize("line", LINES, ids="-".join)
@given(st.integers(0, 2**32))
@settings(max_examples=40, phases=[Phase.generate])  # a smaller seed is no simpler
def test_funnels_are_the_oracles_for_20_000_users_of_each_kind(
    line: tuple[Order, Start], seed: int
) -> None:
    random = Random(seed)
    people = crowd(random, 500)
    for kind in KINDS:
        if (kind.order, kind.start) == line:
            check(people, limit(random), question(random, kind), times=seed % 5 == 0)


def one(events: str) -> Crowd:
    """One user with events such as "a0 b3", times in microseconds."""
    return crowd_of({"u": [(int(event[1:]), event[0]) for event in events.split()]})


def ask(stages: str, order: Order = "ordered", *exclusions: str) -> Funnel:
    return Funnel(
        parse_stages(stages),
        scope="users",
        order=order,
        exclusions=tuple(map(parse_exclusion, exclusions)),
    )


@pytest.mark.xfail(
    strict=True, reason="F8: of equal starts the walk keeps an attempt matched early"
)
def test_f8_an_attempt_that_was_matched_later_escapes_the_exclusion() -> None:
    trails = one("a0 b1 b2 c2 d3")  # a0 b2 c2 d3 spans no b
    check(trails, None, ask("a,b,c,d", "ordered", "b@2..4"))


@pytest.mark.xfail(strict=True, reason="R5: the walk takes the beginning of a deeper attempt")
def test_r5_the_counted_attempt_is_not_the_beginning_of_a_deeper_one() -> None:
    trails = one("a5 c6 a8 c8")  # two stages are reached at 6, by a5 c6
    check(trails, None, ask("a,*,a", "ordered", "c"))


@pytest.mark.xfail(strict=True, reason="R5: simultaneous events are read one by one in any order")
def test_r5_in_any_order_the_later_of_two_starts_counts_whichever_stage_it_is() -> None:
    trails = one("c3 a5 c5")
    check(trails, None, ask("c,a", "any"))
    check(trails, None, ask("a,c", "any"))


@pytest.mark.xfail(strict=True, reason="R5: exclusions move the stages in between to later events")
def test_r5_an_exclusion_that_never_occurs_changes_no_time() -> None:
    journeys = core.Journeys(one("a0 b1 b2 c3").log, None)
    plain, excluding = (
        core.analyze_funnel(journeys, ["a", "b", "c"], exclusions=exclusions).stages[1]
        for exclusions in ((), ("x",))
    )
    assert plain.median_seconds == excluding.median_seconds
