from collections.abc import Sequence
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.walk import Walk, walk
from tests.core import oracle
from tests.core.build import LIMIT, STAGES, TRAIL, random_trail

Stages = Sequence[oracle.Names]
NAMES = STAGES.map(lambda stages: [stage.names for stage in stages])


def _walk(trail: oracle.Trail, stages: Stages, window: int | None = None) -> Walk:
    masks = [
        sum((names is None or name in names) << i for i, names in enumerate(stages))
        for _, name in trail
    ]
    return walk([time for time, _ in trail], masks, len(stages), window)


def _check(trail: oracle.Trail, stages: Stages, window: int | None) -> None:
    """Needs are the oracle's, and what matched is the earliest matching of that depth."""
    needs = [n for n in oracle.needs(trail, stages) if window is None or n <= window]
    found = _walk(trail, stages, window)
    assert found.needs == needs
    times = [time for time, _ in trail]
    deepest = [
        taken
        for taken in oracle.matchings(trail, stages)
        if len(taken) == len(needs)
        and (window is None or times[taken[-1]] - times[taken[0]] <= window)
    ]
    if not needs:
        assert found.matched == []
        return
    assert tuple(found.matched) in deepest
    assert times[found.matched[-1]] == min(times[taken[-1]] for taken in deepest)


@given(TRAIL, NAMES, LIMIT)
def test_walk_is_the_oracles(trail: oracle.Trail, stages: Stages, window: int | None) -> None:
    _check(trail, stages, window)


@given(TRAIL, NAMES, st.randoms(use_true_random=False))
def test_f2_order_of_simultaneous_events_does_not_matter(
    trail: oracle.Trail, stages: Stages, random: Random
) -> None:
    shuffled = random.sample(trail, len(trail))
    shuffled.sort(key=lambda event: event[0])
    assert _walk(trail, stages).needs == _walk(shuffled, stages).needs


@pytest.mark.slow
def test_walk_is_the_oracles_for_thousands_of_tied_trails() -> None:
    random = Random(1)
    for _ in range(4_000):
        stages: list[oracle.Names] = [
            None
            if random.random() < 0.1
            else frozenset(random.sample("abcd", random.choice((1, 1, 2, 3))))
            for _ in range(random.randint(1, 4))
        ]
        _check(random_trail(random, 7), stages, random.choice((None, 0, 1, 3, 6)))


def test_nothing_to_walk_reaches_nothing() -> None:
    found = walk([], [], 3)
    assert (found.needs, found.matched) == ([], [])
