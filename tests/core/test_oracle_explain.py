"""What is explained to a user is what the oracle says of them, and so is what the remedy does."""

from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.funnel import Funnel
from tests.core.crowds import KINDS, Crowd, Kind, crowd, limit, question, told


def check(people: Crowd, timeout: int | None, ask: Funnel) -> None:
    journeys = core.Journeys(people.read() if ask.hold else people.log, timeout)
    for user in people.trails:
        found = core.explain(journeys, ask, user)
        outcomes = [each for each in told(people, timeout, ask) if each.unit.user == user]
        depth = max((each.outcome.depth for each in outcomes), default=0)
        problem = f"{user} {people.trails[user]} {people.values[user]} {timeout=} {ask}"
        assert found.depth == depth, problem
        if depth:
            deepest = [each for each in outcomes if each.outcome.depth == depth]
            starts = {
                each.unit.trail[taken[0]][0] for each in deepest for taken in each.outcome.counted
            }
            assert found.start in starts, problem
            assert not found.pending or any(each.outcome.pending for each in deepest), problem
        if found.remedy is not None:
            changed, asked = found.remedy.question(journeys, ask)
            after = told(people, changed.timeout, asked)
            reached = max(each.outcome.depth for each in after if each.unit.user == user)
            assert reached == len(asked.stages), f"{found.remedy.changes}: {problem}"


@pytest.mark.parametrize("kind", KINDS, ids=str)
@given(st.randoms(use_true_random=False))
@settings(max_examples=3)
def test_explanations_are_the_oracles(kind: Kind, random: Random) -> None:
    check(crowd(random, 2), limit(random), question(random, kind))


@pytest.mark.slow
@pytest.mark.parametrize("kind", KINDS, ids=str)
def test_explanations_are_the_oracles_for_more_users(kind: Kind) -> None:
    random = Random(1)
    for _ in range(5):
        check(crowd(random, 2), limit(random), question(random, kind))
