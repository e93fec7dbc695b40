"""Rule F10: attempts are counted, one after another or one for every start."""

from typing import Any

import pytest

import core
from core.funnel import Funnel
from core.stage import parse_stages
from tests.core.build import SECOND, quick_log

STARTS, MIXPANEL = "starts", "mixpanel"


def _ask(stages: str, events: str, attempts: str, **more: Any) -> list[int]:
    """The depth of each attempt of one user with events such as "a0 b3", times in seconds."""
    trail = [(SECOND * int(event[1:]), event[0]) for event in events.split()]
    journeys = core.Journeys(quick_log({"u": trail}), None)
    funnel = core.analyze_funnel(
        journeys,
        parse_stages(stages),
        attempts=attempts,  # type: ignore[arg-type]  # a table of texts
        **more,
    )
    depths: list[int] = funnel.depths.tolist()
    assert [stage.count for stage in funnel.stages] == [
        sum(depth >= stage for depth in depths) for stage in range(1, len(funnel.stages) + 1)
    ]
    return depths


@pytest.mark.parametrize(
    ("stages", "events", "window", "starts", "in_turn"),
    [
        pytest.param("a,b", "a0 b1 a2 b3", None, [2, 2], [2, 2], id="one after another"),
        pytest.param("a,b", "a0 a1 b2", None, [2, 2], [2], id="a start while one runs"),
        pytest.param("a,b", "a0 b1 a2 a3", None, [2, 1, 1], [2, 1], id="the last runs on"),
        pytest.param("a,b", "a0 a9 b12", "10s", [1, 2], [1], id="the window of the first runs"),
        pytest.param("a,b", "a0 a10 b12", "10s", [1, 2], [1], id="its edge belongs to it"),
        pytest.param("a,b", "a0 a11 b12", "10s", [1, 2], [1, 2], id="and then it has run out"),
        pytest.param("a,b", "a0 b10 a10", "10s", [2, 2], [2], id="a start at the conversion"),
        pytest.param("a,b", "a0 b10 a11", "10s", [2, 1], [2, 1], id="a start after it"),
        pytest.param("a,b", "x0 b1", None, [], [], id="no start"),
        pytest.param("a", "a0 a1 x2 a3", None, [1, 1, 1], [1, 1, 1], id="one stage"),
        pytest.param("a,a", "a0 a1 a2 a3", None, [2, 2, 2, 1], [2, 2], id="a stage twice"),
        pytest.param("a,b,a", "a0 b1 a2 b3 a4", None, [3, 3, 1], [3, 1], id="back to the first"),
        pytest.param("a,b,c", "a0 b1 a2 c3 b4 c5", None, [3, 3], [3], id="stages are not mixed"),
        pytest.param("a|b,b", "b5 a5", None, [1, 2], [2], id="at once the one that gets farthest"),
        pytest.param("a|b,a|b", "a5 b5", None, [2, 2], [2], id="at once, one for two stages"),
        pytest.param("*,*", "a0 b1 c2", None, [2, 2, 1], [2, 1], id="any event"),
    ],
)
def test_f10_attempts(
    stages: str, events: str, window: str | None, starts: list[int], in_turn: list[int]
) -> None:
    assert sorted(_ask(stages, events, STARTS, window=window)) == sorted(starts)
    assert _ask(stages, events, MIXPANEL, window=window) == in_turn


@pytest.mark.parametrize(
    ("events", "starts", "in_turn"),
    [
        pytest.param("a0 b1 c2 a3 b4", [3, 2], [3, 2], id="one after another"),
        pytest.param("a0 a1 b2 c3", [1, 3], [1, 3], id="a broken one gives way"),
        pytest.param("a0 b1 x2 c3 a4 b5", [2, 2], [2, 2], id="broken by another event"),
        pytest.param("a0 b1 a1 c2", [2, 3], [2, 3], id="at once, broken either way"),
    ],
)
def test_f10_in_strict_order_the_breaking_event_may_begin_the_next(
    events: str, starts: list[int], in_turn: list[int]
) -> None:
    assert sorted(_ask("a,b,c", events, STARTS, order="strict")) == sorted(starts)
    assert _ask("a,b,c", events, MIXPANEL, order="strict") == in_turn


@pytest.mark.parametrize(
    ("exclude", "events", "starts", "in_turn"),
    [
        pytest.param("x", "a0 x1 b2 a3 b4", [1, 2], [1, 2], id="an excluded event gives way"),
        pytest.param("a", "a0 a1 b2", [1, 2], [1, 2], id="it may begin the next itself"),
        pytest.param("x", "a0 a1 x2 b3", [1, 1], [1], id="it ends the one that runs"),
        pytest.param("x", "a0 b1 x1", [2], [2], id="not strictly between"),
        pytest.param("x", "a0 b1 x2 a3", [2, 1], [2, 1], id="after the conversion"),
    ],
)
def test_f10_an_exclusion_ends_an_attempt(
    exclude: str, events: str, starts: list[int], in_turn: list[int]
) -> None:
    assert _ask("a,b", events, STARTS, exclusions=[exclude]) == starts
    assert _ask("a,b", events, MIXPANEL, exclusions=[exclude]) == in_turn


def test_f10_an_exclusion_between_later_stages_leaves_another_way() -> None:
    exclusions = [core.Exclusion(("x",), (2, 3))]
    for attempts in (STARTS, MIXPANEL):
        assert _ask("a,b,c", "a0 b1 x2 b3 c4", attempts, exclusions=exclusions) == [3]
        assert _ask("a,b,c", "a0 b1 x2 c4", attempts, exclusions=exclusions) == [2]


def test_f8_removed_attempts_are_counted_as_excluded() -> None:
    trail = [(i, name) for i, name in enumerate("axbab")]
    funnel = core.analyze_funnel(
        core.Journeys(quick_log({"u": trail}), None),
        ("a", "b"),
        attempts="mixpanel",
        exclusions=[core.Exclusion(("x",), policy="remove")],
    )
    assert [stage.count for stage in funnel.stages] == [1, 1]
    assert (funnel.excluded, funnel.depths.tolist()) == (1, [0, 2])


def test_f12_only_attempts_in_the_range_are_counted() -> None:
    engine = core.LocalEngine(quick_log({"u": [(0, "a"), (1, "b"), (5, "a"), (6, "b")]}))
    study = core.Study(stages=parse_stages("a,b"), attempts="starts", since=1, until=6)
    assert [stage.count for stage in engine.funnel(study).stages] == [1, 1]


def test_f11_an_attempt_of_a_user_whose_window_is_open_is_pending() -> None:
    log = quick_log({"u": [(0, "a"), (50, "a"), (90, "a"), (100, "x")]})
    study = core.Study(stages=parse_stages("a,b"), scope="users", window=30, attempts="starts")
    (a, b) = core.LocalEngine(log).funnel(study).stages
    assert (a.count, a.dropped, a.pending, b.count) == (3, 2, 1, 0)
    excluding = core.Study(
        stages=parse_stages("a,b"),
        scope="users",
        window=30,
        attempts="starts",
        exclusions=(core.Exclusion(("x",)),),
    )
    (a, b) = core.LocalEngine(log).funnel(excluding).stages
    assert (a.count, a.dropped, a.pending, b.count) == (3, 3, 0, 0)


def test_r5_each_attempt_took_its_own_time() -> None:
    trail = [(SECOND * time, name) for time, name in ((0, "a"), (1, "a"), (5, "b"), (9, "c"))]
    funnel = core.analyze_funnel(
        core.Journeys(quick_log({"u": trail}), None), ("a", "b", "c"), attempts="starts"
    )
    assert [times.tolist() for times in funnel.step_times] == [
        [0, 0],
        [4 * SECOND, 5 * SECOND],
        [8 * SECOND, 9 * SECOND],
    ]


@pytest.mark.parametrize("more", [{"order": "any"}, {"start": "first"}])
def test_attempts_are_of_all_starts_in_an_order(more: dict[str, Any]) -> None:
    with pytest.raises(core.QuestionError, match="attempts are counted from each first stage"):
        Funnel(parse_stages("a,b"), attempts="starts", **more)


def test_an_unknown_way_to_count_is_refused() -> None:
    with pytest.raises(core.QuestionError, match="use mixpanel or starts"):
        Funnel(parse_stages("a"), attempts="amplitude")  # type: ignore[arg-type]  # the point


# The engine's lists, trails and explanations.

TRAIL = [(0, "a"), (8, "a"), (12, "b"), (30, "a"), (31, "b")]
ENGINE = core.LocalEngine(quick_log({"u": TRAIL, "v": [(0, "x")]}))
STUDY = core.Study(stages=parse_stages("a,b"), window=10, attempts="mixpanel")


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_n1_every_number_opens_as_many_attempts(scope: str) -> None:
    study = STUDY.with_scope(scope)  # type: ignore[arg-type]  # a table of texts
    for number, stage in enumerate(ENGINE.funnel(study).stages):
        reached = ENGINE.users(study, core.Cohort((core.Part("reached", number),)))
        left = ENGINE.users(study, core.Cohort((core.Part("left", number),)))
        assert (reached.total, left.total) == (stage.count, stage.dropped)
    rows = ENGINE.users(
        study, core.Cohort((core.Part("reached", 0),)), core.Sort("first", descending=False)
    ).rows
    assert [(row.user, row.first, row.depth) for row in rows] == [("u", 0, 1), ("u", 30, 2)]


def test_a_trail_marks_what_each_attempt_matched() -> None:
    marks = [ENGINE.journeys(STUDY, "u").marks(place) for place in range(5)]
    assert [mark.counted for mark in marks] == [0, None, None, 0, 1]
    assert [mark.left for mark in marks] == [True, False, False, False, False]


def test_explain_says_that_another_attempt_still_ran() -> None:
    trail = [(SECOND * time, name) for time, name in TRAIL[:3]]
    engine = core.LocalEngine(quick_log({"u": trail}))
    study = STUDY.with_window(10 * SECOND)
    found = engine.explain(study, "u")
    assert (found.depth, found.start) == (1, 0)
    assert found.reason == (
        "the a at 00:00:08 begins no attempt of its own, for the one before it still ran"
    )
    assert found.remedy is not None
    assert found.remedy.words == "count every start"
    assert engine.explain(found.remedy.study(study), "u").converted


def test_no_curve_of_windows_where_the_window_decides_what_is_counted() -> None:
    result = ENGINE.result(STUDY)
    assert result is not None
    with pytest.raises(core.QuestionError, match="depends on the window"):
        core.window_curve(result)
    assert ENGINE.curves(STUDY).counts([None]) == [[]]
    assert ENGINE.curves(STUDY).journeys(None) == 2
