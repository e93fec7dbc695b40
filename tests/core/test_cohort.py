"""Filters: they all hold, they move with the stages, and every one lists what it says."""

from functools import cache
from itertools import combinations
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.cohort import EVERYBODY, Cohort, Did, Filter, Has, Kind, Part, Stayed, parse_cohort
from tests.core.build import LIMIT, SCOPE, STAGES, TRAILS, Trails, quick_log

STUDY = st.builds(core.Study, timeout=LIMIT, stages=STAGES, scope=SCOPE, window=LIMIT)
ALL = 1_000_000


def _filters(study: core.Study) -> list[Filter]:
    places = range(len(study.stages))
    filters: list[Filter] = [Part(kind, stage) for stage in places for kind in get_args(Kind)]
    filters += [Has(core.Stage(("a",))), Has(core.Stage(("b", "x"))), Has(core.Stage.any_event())]
    filters += [Did(stage, "between", ("a",)) for stage in places[:-1]]
    filters += [Stayed(stage, 1, 4) for stage in places[:-1]]
    return filters


def _listed(
    engine: core.LocalEngine, study: core.Study, *filters: Filter
) -> set[tuple[str, int | None]]:
    page = engine.users(study, Cohort(filters), stop=ALL)
    assert page.total == len(page.rows)
    return {(row.user, row.journey) for row in page.rows}


@given(TRAILS, STUDY)
def test_two_filters_list_those_that_both_list(trails: Trails, study: core.Study) -> None:
    engine = core.LocalEngine(quick_log(trails))

    @cache
    def listed(*filters: Filter) -> set[tuple[str, int | None]]:
        return _listed(engine, study, *filters)

    for one, other in list(combinations(_filters(study), 2))[::5]:
        # Beside a filter that is about stages, what a user has is asked of each unit.
        is_of_units = isinstance(one, Has) != isinstance(other, Has)
        beside = (Part("reached", 0),) if is_of_units else ()
        assert listed(one, other) == listed(*beside, one) & listed(*beside, other)


@given(TRAILS, STUDY)
def test_those_who_have_an_event_are_those_with_it_in_their_trail(
    trails: Trails, study: core.Study
) -> None:
    engine = core.LocalEngine(quick_log(trails))
    for names in ({"a"}, {"b", "x"}, {"x"}):
        listed = _listed(engine, study, Has(core.Stage(tuple(sorted(names)))))
        assert {user for user, _ in listed} == {
            user for user, trail in trails.items() if names & {name for _, name in trail}
        }


def test_those_who_have_an_event_with_a_property() -> None:
    engine = core.LocalEngine(
        core.read_events(
            [
                {"user": "ana", "event": "buy", "time": 0, "price": 9},
                {"user": "bo", "event": "buy", "time": 0, "price": 5},
                {"user": "cy", "event": "look", "time": 0, "price": 9},
            ]
        )
    )
    dear = core.Stage((), where="price > 6")
    assert _listed(engine, core.Study(), Has(dear)) == {("ana", None), ("cy", None)}
    bought = Has(core.Stage(("buy",)))
    assert _listed(engine, core.Study(), Has(dear), bought) == {("ana", None)}


def test_a_journey_has_only_its_own_events() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a"), (99, "a"), (100, "b")]}))
    study = core.Study(5, (core.Stage(("a",)),))
    reached, has_b = Part("reached", 0), Has(core.Stage(("b",)))
    assert _listed(engine, study, reached, has_b) == {("ana", 2)}
    assert _listed(engine, study, has_b) == {("ana", None)}


def test_a_condition_that_is_none_is_refused() -> None:
    engine = core.open_engine([{"user": "ana", "event": "buy", "time": 0, "price": 9}])
    cohort = Cohort((Has(core.Stage((), where="prize > 6")),))
    with pytest.raises(core.QuestionError, match="did you mean price"):
        engine.users(core.Study(), cohort)


def test_filters_are_added_once_and_taken_off() -> None:
    one, other = Part("left", 1), Has(core.Stage(("a",)))
    both = EVERYBODY.and_also(one).and_also(other).and_also(one)
    assert both == Cohort((one, other))
    assert both.without(one) == Cohort((other,))
    assert (both.is_of_units, Cohort((other,)).is_of_units) == (True, False)
    assert (both.part_of(1), both.part_of(0)) == ("left", None)


def test_filters_move_with_their_stages_or_go_with_them() -> None:
    has, left, did = Has(core.Stage(("a",))), Part("left", 0), Did(1, "next", ("a",))
    cohort = Cohort((has, left, did))
    swapped: dict[int, int | None] = {0: 1, 1: 0}
    assert cohort.moved(swapped.__getitem__, 3) == Cohort(
        (has, Part("left", 1), Did(0, "next", ("a",)))
    )
    assert cohort.moved(swapped.__getitem__, 2) == Cohort((has, Did(0, "next", ("a",))))
    assert cohort.moved(lambda _: None, 3) == Cohort((has,))
    assert Cohort((Part("reached", 0),)).moved(lambda stage: stage, 1) == Cohort(
        (Part("reached", 0),)
    )


@pytest.mark.parametrize(
    ("text", "cohort"),
    [
        ("everybody", EVERYBODY),
        ("left@2", Cohort((Part("left", 1),))),
        ("went_on@1", Cohort((Part("went_on", 0),))),
        ("reached@12", Cohort((Part("reached", 11),))),
        ("pending@3", Cohort((Part("pending", 2),))),
    ],
)
def test_a_list_is_named_in_text(text: str, cohort: Cohort) -> None:
    assert parse_cohort(text) == cohort


@pytest.mark.parametrize(
    "text", ["", "left", "left@", "left@0", "left@-1", "gone@2", "left@x", "left@²"]
)
def test_a_text_that_is_no_list_is_refused_with_help(text: str) -> None:
    with pytest.raises(core.QuestionError, match="write everybody, or reached@2, left@2"):
        parse_cohort(text)
