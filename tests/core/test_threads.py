"""Stretches of a log, counted on all cores, come to what the whole comes to."""

from concurrent.futures import CancelledError
from random import Random
from threading import Event

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core import threads
from core.depth import reach
from core.durations import LONGEST
from core.kernels import unit_firsts
from core.rows import Selection, StageRows, find_rows
from core.threads import Begun, cores, in_stretches, together
from core.walk import Order, Rules
from tests.core.build import STAGES, TRAILS, Stages, Trails, quick_log, random_trails
from tests.core.crowds import KINDS, Kind, check, crowd, limit, question


@pytest.fixture
def short_stretches(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(threads, "FEWEST", 1)
    monkeypatch.setattr(threads, "SLICE", 3)


@pytest.mark.usefixtures("short_stretches")
@pytest.mark.parametrize("sizes", [[1], [3], [1, 1], [7, 1, 1, 1], [2] * 20, [1, 1, 1, 30], []])
def test_stretches_end_where_users_end_and_leave_nothing_out(sizes: list[int]) -> None:
    offsets = np.cumsum([0, *sizes])
    stretches = in_stretches(offsets, lambda low, high: (low, high))
    assert len(stretches) <= max(1, sum(sizes) // 3)
    assert [low for low, _ in stretches] == [0, *(high for _, high in stretches[:-1])]
    assert stretches[-1][1] == sum(sizes)
    assert {edge for stretch in stretches for edge in stretch} <= set(offsets.tolist())


def test_a_short_column_is_one_stretch() -> None:
    assert in_stretches(np.array([0, 5, 9]), lambda low, high: (low, high)) == [(0, 9)]


@pytest.mark.usefixtures("short_stretches")
def test_what_jobs_find_comes_in_their_order() -> None:
    assert together([lambda i=i: i for i in range(40)], 40) == list(range(40))  # type: ignore[misc]  # bound now


@pytest.mark.usefixtures("short_stretches")
def test_an_error_of_a_job_is_raised() -> None:
    def fail(low: int, high: int) -> None:
        raise ValueError(f"{low} to {high}")

    with pytest.raises(ValueError, match="0 to"):
        in_stretches(np.array([0, 5, 9, 20]), fail)


def test_what_was_begun_and_is_stopped_begins_no_other_item() -> None:
    may_end, done = Event(), list[int]()

    def work(item: int) -> None:
        may_end.wait()
        done.append(item)

    begun = Begun(work, range(100))
    begun.stop()
    may_end.set()
    with pytest.raises(CancelledError):
        begun.found()
    assert len(done) <= cores()


def _reached(rows: StageRows, limit: int, order: Order) -> list[list[list[int]]]:
    found = reach(rows, limit, Rules(order=order))
    return [[each.tolist() for each in (r.units, r.need, r.start)] for r in found]


@given(TRAILS, STAGES, st.sampled_from((0, 1, 3, LONGEST)), st.sampled_from(("ordered", "any")))
def test_units_reached_in_stretches_are_those_of_the_whole(
    trails: Trails, stages: Stages, limit: int, order: Order
) -> None:
    log = quick_log(trails)
    selection = Selection(tuple(stage.names for stage in stages), (None,) * len(stages))
    whole = _reached(find_rows(log, selection), limit, order)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "FEWEST", 1)
        patch.setattr(threads, "SLICE", 4)
        assert _reached(find_rows(log, selection), limit, order) == whole


@pytest.mark.parametrize("kind", KINDS, ids=str)
@pytest.mark.usefixtures("short_stretches")
def test_funnels_counted_in_stretches_are_the_oracles(kind: Kind) -> None:
    random = Random(str(kind))
    check(crowd(random, 60), limit(random), question(random, kind))


def _same(left: StageRows, right: StageRows) -> None:
    for name in ("positions", "gap", "mask", "knots"):
        a, b = getattr(left, name), getattr(right, name)
        assert (name, a.tolist(), a.dtype) == (name, b.tolist(), b.dtype)
    for name in ("at", "latest"):
        for a, b in zip(getattr(left, name), getattr(right, name), strict=True):
            assert (name, a.tolist()) == (name, b.tolist())
    assert unit_firsts(left, 3).tolist() == unit_firsts(right, 3).tolist()


@given(TRAILS, STAGES)
def test_rows_found_in_stretches_are_those_of_the_whole(trails: Trails, stages: Stages) -> None:
    log = quick_log(trails)
    selection = Selection(tuple(stage.names for stage in stages), (None,) * len(stages))
    whole = find_rows(log, selection)
    _ = whole.latest
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "FEWEST", 1)
        patch.setattr(threads, "SLICE", 5)
        _same(find_rows(log, selection), whole)


def test_rows_of_a_large_log_are_found_in_stretches() -> None:
    log = quick_log(random_trails(Random(3), 300, 9))
    selection = Selection((frozenset("a"), frozenset("b")), (None, None))
    whole = find_rows(log, selection)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threads, "FEWEST", 100)
        patch.setattr(threads, "SLICE", 100)
        _same(find_rows(log, selection), whole)
