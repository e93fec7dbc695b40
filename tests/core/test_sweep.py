"""Sweeps: every point of a curve is what the question itself would give."""

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import core
from core.stage import parse_stages
from tests.core.build import LIMIT, SCOPE, STAGES, TRAILS, Trails, quick_log

Stages = tuple[core.Stage, ...]

EVERY = [None, *range(14)]
"""Timeouts and windows from nothing to longer than everything, microseconds."""
DIFFERENT = st.permutations("abcd").flatmap(
    lambda names: st.integers(1, 4).map(lambda count: parse_stages(",".join(names[:count])))
)
"""Stages no two of which share a name, so that no order of simultaneous events matters."""


def _counts(funnel: core.FunnelResult) -> list[int]:
    return [stage.count for stage in funnel.counted]


def _ask(
    log: core.EventLog, timeout: int | None, stages: Stages, window: int | None, **more: Any
) -> core.FunnelResult:
    limit = None if window is None else timedelta(microseconds=window)
    return core.analyze_funnel(core.Journeys(log, timeout), stages, window=limit, **more)


@given(TRAILS)
def test_journeys_at_every_timeout(trails: Trails) -> None:
    log = quick_log(trails)
    curve = core.timeout_curve(log)
    assert [curve.journeys(t) for t in EVERY] == [len(core.Journeys(log, t)) for t in EVERY]


@given(TRAILS, DIFFERENT | STAGES, LIMIT)
def test_a_funnel_of_journeys_at_every_timeout(
    trails: Trails, stages: Stages, window: int | None
) -> None:
    log = quick_log(trails)
    funnel = _ask(log, 5, stages, window)
    assume(funnel.has_timeouts)
    curve = core.funnel_curve(funnel)
    assert [curve.counts(t) for t in EVERY] == [
        _counts(_ask(log, t, stages, window)) for t in EVERY
    ]


@given(TRAILS, STAGES, SCOPE, LIMIT)
def test_a_funnel_at_every_window(
    trails: Trails, stages: Stages, scope: str, timeout: int | None
) -> None:
    log = quick_log(trails)
    curve = core.window_curve(_ask(log, timeout, stages, None, scope=scope))
    assert [curve.counts(w) for w in EVERY] == [
        _counts(_ask(log, timeout, stages, w, scope=scope)) for w in EVERY
    ]


def test_no_conversions_no_knee() -> None:
    log = quick_log({"ana": [(0, "a")]})
    assert core.window_curve(_ask(log, None, parse_stages("a,b"), None)).knee() is None


def test_the_knee_is_where_a_longer_window_stops_paying() -> None:
    waits = [*range(1, 10), 1000]
    log = quick_log({f"u{wait}": [(0, "a"), (wait, "b")] for wait in waits})
    assert core.window_curve(_ask(log, None, parse_stages("a,b"), None)).knee() == 9


@pytest.mark.parametrize(
    "more",
    [
        {"scope": "users"},
        {"order": "strict"},
        {"order": "any"},
        {"start": "first"},
        {"exclusions": ["c"]},
        {"attempts": "starts"},
    ],
)
def test_other_funnels_have_no_curve_of_timeouts(more: dict[str, Any]) -> None:
    log = quick_log({"ana": [(0, "a"), (1, "b")]})
    funnel = _ask(log, None, parse_stages("a,b"), None, **more)
    assert not funnel.has_timeouts
    with pytest.raises(core.QuestionError, match="a curve of timeouts only for"):
        core.funnel_curve(funnel)


def test_where_the_order_of_simultaneous_events_matters_there_is_no_curve() -> None:
    log = quick_log({"ana": [(0, "a"), (0, "b")]})
    assert not _ask(log, None, parse_stages("a|b,b"), None).has_timeouts
    assert _ask(log, None, parse_stages("a,b"), None).has_timeouts


@given(TRAILS, DIFFERENT, LIMIT, st.lists(LIMIT, min_size=1, max_size=4))
def test_an_engine_that_knows_the_curve_answers_the_same(
    trails: Trails, stages: Stages, window: int | None, timeouts: list[int | None]
) -> None:
    log = quick_log(trails)
    engine, study = core.LocalEngine(log), core.Study(stages=stages, window=window)
    curves = engine.curves(study)
    for timeout in timeouts:
        changed = study.with_timeout(timeout)
        fresh = core.LocalEngine(log)
        assert engine.funnel(changed).stages == fresh.funnel(changed).stages
        assert curves.counts_at(timeout) == [stage.count for stage in fresh.funnel(changed).stages]
        assert curves.journeys(timeout) == fresh.funnel(changed).journeys_count
        for kind in ("reached", "left"):
            cohort = core.Cohort((core.Part(kind, 0),))
            assert engine.users(changed, cohort).rows == fresh.users(changed, cohort).rows


def test_an_engine_gives_no_curve_where_there_is_none() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a")]}))
    assert engine.curves(core.Study(stages=parse_stages("a"), scope="users")).counts_at(5) is None
    assert engine.curves(core.Study()).counts_at(5) is None
