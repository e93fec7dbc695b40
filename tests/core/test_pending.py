"""Rule F11: who is pending is found for all users at once, and walked only where it must be."""

from dataclasses import replace
from random import Random

import pytest

import core
from core.analysis import count_funnel
from core.funnel import Funnel
from core.stage import parse_stages
from core.walk import Walk
from tests.core.build import quick_log
from tests.core.crowds import KINDS, Kind, check, crowd, question

PENDING_KINDS = [kind for kind in KINDS if kind.scope == "users" and kind.order != "any"]
EXCLUDED = core.Exclusion(("x",))
LATE = core.Exclusion(("x",), between=(2, 3))
PLAIN = Funnel(stages=parse_stages("a,b,c"), scope="users", window=30)


@pytest.mark.parametrize("kind", PENDING_KINDS, ids=str)
def test_f11_users_near_the_end_of_the_data_are_pending_as_the_oracle_says(kind: Kind) -> None:
    random = Random(f"{kind} at the end")
    for _ in range(6):
        asked = replace(question(random, kind), window=random.randint(5, 25))
        check(crowd(random, 40), None, asked, times=False)


@pytest.mark.parametrize(
    "asked",
    [
        replace(PLAIN, order="strict"),
        replace(PLAIN, exclusions=(EXCLUDED,)),
        replace(PLAIN, order="strict", attempts="starts"),
    ],
    ids=["strict", "excluded", "attempts"],
)
def test_f11_users_whose_events_stand_apart_are_not_walked(
    asked: Funnel, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Walk:
        raise AssertionError("a user was walked")

    log = quick_log(
        {
            "on its way": [(90, "a")],
            "farther": [(90, "a"), (91, "b")],
            "spoilt": [(90, "a"), (91, "x")],
            "spoilt between": [(90, "a"), (91, "x"), (92, "b")],
            "done": [(90, "a"), (91, "b"), (92, "c")],
            "too early": [(1, "a"), (100, "y")],
        }
    )
    monkeypatch.setattr("core.pending.walk", refuse)
    monkeypatch.setattr("core.attempts.walk", refuse)
    funnel = count_funnel(core.Journeys(log, None), asked)
    assert [stage.pending for stage in funnel.counted] == [1, 1, 0]


def test_f11_a_user_who_may_still_match_the_stage_again_is_pending() -> None:
    log = quick_log(
        {"u": [(0, "a"), (1, "b"), (2, "x"), (3, "b")], "v": [(0, "a"), (1, "b"), (2, "x")]}
    )
    funnel = count_funnel(core.Journeys(log, None), replace(PLAIN, exclusions=(LATE,)))
    assert funnel.pending.tolist() == [True, False]


def test_f11_what_shares_the_last_instant_breaks_strict_order_but_not_at_the_start() -> None:
    trails = {
        "begun": [(5, "a"), (5, "x")],
        "broken": [(4, "a"), (5, "b"), (5, "x")],
        "broken before": [(4, "a"), (5, "x"), (5, "b")],
    }
    funnel = count_funnel(core.Journeys(quick_log(trails), None), replace(PLAIN, order="strict"))
    assert funnel.pending.tolist() == [True, False, False]


def test_f11_an_attempt_that_an_excluded_event_stands_inside_of_is_over() -> None:
    trails = {"over": [(90, "a"), (91, "x"), (92, "b")], "open": [(90, "a"), (91, "b")]}
    asked = replace(PLAIN, exclusions=(EXCLUDED,), attempts="starts")
    funnel = count_funnel(core.Journeys(quick_log(trails), None), asked)
    assert [stage.count for stage in funnel.counted] == [2, 2, 0]
    assert [stage.pending for stage in funnel.counted] == [0, 1, 0]
