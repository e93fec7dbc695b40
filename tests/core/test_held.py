"""Rule F9: a funnel along which a property stays the same."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.held import _largest_between, hold
from core.stage import parse_stages
from tests.core.build import SECOND

Given = tuple[str, str, int, object]
"""User, event name, seconds, value of `order`; None is no value."""

SHOP = ("view", "cart", "buy")


def _log(*events: Given) -> core.EventLog:
    return core.read_events(
        [
            {"user": user, "event": name, "time": 1_700_000_000 + time}
            | ({} if value is None else {"order": value})
            for user, name, time, value in events
        ]
    )


LOG = _log(
    ("ana", "view", 0, "x"),
    ("ana", "view", 1, "y"),
    ("ana", "cart", 2, "y"),
    ("ana", "buy", 3, "x"),
    ("ana", "buy", 4, "y"),
    ("bo", "view", 0, "x"),
    ("bo", "cart", 1, "z"),
    ("bo", "buy", 2, None),
    ("cy", "view", 0, None),
    ("cy", "cart", 1, ""),
    ("cy", "buy", 2, None),
    ("dee", "help", 0, "x"),
)
JOURNEYS = core.reconstruct_journeys(LOG)


def _counts(funnel: core.FunnelResult) -> list[int]:
    return [stage.count for stage in funnel.stages]


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_f9_every_pair_of_unit_and_value_counts(scope: str) -> None:
    funnel = core.analyze_funnel(JOURNEYS, SHOP, scope=scope, hold="order")  # type: ignore[arg-type]  # a table of texts
    assert _counts(funnel) == [3, 1, 1]
    assert _counts(core.analyze_funnel(JOURNEYS, SHOP, scope=scope)) == [3, 3, 3]  # type: ignore[arg-type]  # a table of texts


def test_f9_events_without_a_value_never_match() -> None:
    funnel = core.analyze_funnel(JOURNEYS, SHOP, hold="order")
    assert funnel.depth_by_user() == {"ana": 3, "bo": 1, "cy": 0, "dee": 0}


def test_f9_the_units_are_those_with_an_event_of_a_stage() -> None:
    funnel = core.analyze_funnel(JOURNEYS, SHOP, hold="order")
    users = [str(LOG.users[number]) for number in funnel.units.users]
    values = [funnel.units.value(start) for start in funnel.units.starts.tolist()]
    found = sorted(zip(users, values, funnel.depths.tolist(), strict=True))
    assert found == [("ana", "x", 1), ("ana", "y", 3), ("bo", "x", 1), ("bo", "z", 0)]


def test_f9_who_left_are_named_once_with_their_journeys() -> None:
    view, _ = core.find_drop_offs(core.analyze_funnel(JOURNEYS, SHOP, hold="order"))
    assert (view.dropped, view.users) == (2, ["ana", "bo"])
    assert [(journey.user, journey.index) for journey in view.journeys] == [("ana", 1), ("bo", 1)]


def test_f9_a_journey_of_a_value_ends_where_the_users_does() -> None:
    log = _log(
        ("ana", "view", 0, "x"),
        ("ana", "ping", 50, None),
        ("ana", "ping", 100, "y"),
        ("ana", "cart", 150, "x"),
    )
    for timeout, counts in ((60, [1, 1]), (50, [1, 1]), (49, [1, 0])):
        journeys = core.Journeys(log, timeout * SECOND)
        assert _counts(core.analyze_funnel(journeys, ("view", "cart"), hold="order")) == counts


def test_f9_only_events_of_the_value_stand_between_in_strict_order() -> None:
    log = _log(("ana", "view", 0, "x"), ("ana", "help", 1, "y"), ("ana", "cart", 2, "x"))
    journeys = core.reconstruct_journeys(log)
    held = core.analyze_funnel(journeys, ("view", "cart"), order="strict", hold="order")
    assert _counts(held) == [1, 1]
    assert _counts(core.analyze_funnel(journeys, ("view", "cart"), order="strict")) == [1, 0]


def test_f9_only_events_of_the_value_are_excluded() -> None:
    log = _log(
        ("ana", "view", 0, "x"),
        ("ana", "refund", 1, "y"),
        ("ana", "cart", 2, "x"),
        ("bo", "view", 0, "x"),
        ("bo", "refund", 1, "x"),
        ("bo", "cart", 2, "x"),
    )
    funnel = core.analyze_funnel(
        core.reconstruct_journeys(log), ("view", "cart"), hold="order", exclusions=["refund"]
    )
    assert funnel.depth_by_user() == {"ana": 2, "bo": 1}


def test_f11_a_value_is_pending_by_the_end_of_all_data() -> None:
    log = _log(
        ("ana", "view", 0, "x"),
        ("ana", "view", 90, "y"),
        ("bo", "help", 100, None),
    )
    funnel = core.analyze_funnel(
        core.reconstruct_journeys(log),
        ("view", "cart"),
        scope="users",
        window="60s",
        hold="order",
    )
    assert [(s.count, s.dropped, s.pending) for s in funnel.stages] == [(2, 1, 1), (0, 0, 0)]


def test_a_value_may_be_nested_a_number_or_a_flag() -> None:
    records = [
        {"user": "ana", "event": name, "time": 1_700_000_000 + i, "cart": {"id": value}}
        for i, (name, value) in enumerate((("view", 7), ("view", True), ("buy", 7)))
    ]
    funnel = core.analyze_funnel(
        core.reconstruct_journeys(core.read_events(records)), ("view", "buy"), hold="cart.id"
    )
    assert _counts(funnel) == [2, 1]
    values = {funnel.units.value(start) for start in funnel.units.starts.tolist()}
    assert values == {"7", "true"}


def test_a_field_that_is_not_there_is_refused() -> None:
    with pytest.raises(core.QuestionError, match="no event has a field 'ordr'; did you mean order"):
        core.analyze_funnel(JOURNEYS, SHOP, hold="ordr")


def test_a_field_without_a_name_is_refused() -> None:
    with pytest.raises(core.QuestionError, match="name it"):
        core.analyze_funnel(JOURNEYS, SHOP, hold="")


def test_an_empty_log_has_no_units() -> None:
    journeys = core.reconstruct_journeys(core.read_events([]))
    funnel = core.analyze_funnel(journeys, SHOP, hold="order")
    assert (_counts(funnel), len(funnel.units)) == ([0, 0, 0], 0)


@given(st.lists(st.integers(0, 9), min_size=2, max_size=40), st.data())
def test_the_largest_of_any_stretch(values: list[int], data: st.DataObject) -> None:
    lows = data.draw(st.lists(st.integers(0, len(values) - 2), max_size=8))
    highs = [data.draw(st.integers(low + 1, len(values) - 1)) for low in lows]
    column = np.array(values, dtype=np.int64)
    low, high = (np.array(places, dtype=np.int64) for places in (lows, highs))
    assert _largest_between(column, low, high).tolist() == [
        max(values[a + 1 : b + 1]) for a, b in zip(lows, highs, strict=True)
    ]


def test_every_event_of_a_pair_keeps_its_place() -> None:
    held = hold(LOG, "order")
    assert held.origin.tolist() == [0, 3, 1, 2, 4, 5, 6, 11]
    assert [str(user) for user in held.log.users] == ["ana", "ana", "bo", "bo", "dee"]
    assert held.owner.tolist() == [0, 0, 1, 1, 3]


# The engine's lists, trails and explanations.

ENGINE = core.LocalEngine(LOG)
STUDY = core.Study(stages=parse_stages("view,cart,buy"), hold="order")


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_n1_every_number_opens_as_many_rows(scope: str) -> None:
    study = STUDY.with_scope(scope)  # type: ignore[arg-type]  # a table of texts
    answer = ENGINE.funnel(study)
    for number, stage in enumerate(answer.stages):
        reached, left = (
            ENGINE.users(study, core.Cohort((core.Part(kind, number),)))
            for kind in ("reached", "left")
        )
        assert (reached.total, left.total) == (stage.count, stage.dropped)
        for place, row in enumerate(reached.rows):
            found = ENGINE.place(study, reached.cohort, reached.sort, "", row.user, row.journey)
            assert found is not None
            assert reached.rows[found].user == row.user
            assert place >= found


def test_a_row_tells_its_value_and_only_the_events_of_it() -> None:
    rows = ENGINE.users(
        STUDY, core.Cohort((core.Part("reached", 0),)), core.Sort("user", descending=False)
    ).rows
    told = sorted((row.user, row.held, row.events, row.depth) for row in rows)
    assert told == [("ana", "x", 2, 1), ("ana", "y", 3, 3), ("bo", "x", 1, 1)]
    assert {row.held for row in ENGINE.users(STUDY).rows} == {None}


def test_a_trail_marks_what_each_value_matched() -> None:
    trail = ENGINE.journeys(STUDY, "ana")
    assert [trail.marks(place).counted for place in range(5)] == [0, 0, 1, None, 2]
    assert [trail.marks(place).left for place in range(5)] == [True, False, False, False, False]
    assert trail.sessions[0].depth == 3
    assert ENGINE.journeys(STUDY, "cy").marks(0).matches == ()


def test_explain_walks_the_value_that_got_deepest() -> None:
    found = ENGINE.explain(STUDY, "ana")
    assert (found.depth, found.held, found.journey) == (3, "y", 1)
    assert [step.place for step in found.steps] == [1, 2, 4]


def test_explain_says_that_another_value_was_in_the_way() -> None:
    log = _log(("ana", "view", 0, "x"), ("ana", "cart", 1, "y"))
    engine, study = (
        core.LocalEngine(log),
        core.Study(stages=parse_stages("view,cart"), hold="order"),
    )
    found = engine.explain(study, "ana")
    assert found.reason == "cart has another order, or none"
    assert found.remedy is not None
    assert found.remedy.words == "do not hold order constant"
    assert engine.explain(found.remedy.study(study), "ana").converted


def test_explain_says_that_no_event_has_a_value() -> None:
    found = ENGINE.explain(STUDY, "cy")
    assert (found.depth, found.steps, found.start) == (0, (), None)
    assert found.reason == "no event of cy has a value of order"
    assert found.remedy is not None
    assert ENGINE.explain(found.remedy.study(STUDY), "cy").converted
