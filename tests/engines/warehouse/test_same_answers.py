"""Every engine answers as the engine on this machine does."""

from __future__ import annotations

from collections import Counter
from functools import cache
from typing import Any

import ibis
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import core
from core.cohort import Cohort, Has, Part
from core.engine import Sort
from core.study import Study
from core.timeline import Trail
from tests.engines.warehouse.conftest import engine_of, on, open_table
from tests.engines.warehouse.crowd import CASES, CROWD, SECOND, STUDIES, stages, study
from tests.engines.warehouse.targets import Target

DATABASES = ("duckdb", "chdb", "postgres")


def document(engine: core.Engine, study: Study) -> dict[str, Any]:
    """All numbers; how the source was read may differ."""
    found = core.document(engine, study)
    del found["sources"]
    return found


@cache
def truth(name: str) -> dict[str, Any]:
    """What every engine has to say to one of the studies."""
    return document(CROWD.local, STUDIES[name])


@on("duckdb")
@pytest.mark.parametrize("name", STUDIES)
def test_a_study_has_the_same_document(target: Target, name: str) -> None:
    assert document(engine_of(target), STUDIES[name]) == truth(name)


TELLING = (
    "ordered", "users", "overlaps", "any order, copies", "strict, ignoring", "removing", "entries",
    "held by users", "no longer", "midnight", "begun by", "told by a field",
)  # fmt: skip
"""Studies that between them use every expression there is."""


@on("chdb", "postgres")
@pytest.mark.parametrize("name", TELLING)
def test_a_study_has_the_same_document_elsewhere(target: Target, name: str) -> None:
    assert document(engine_of(target), STUDIES[name]) == truth(name)


@on("clickhouse")
@pytest.mark.parametrize("name", ["users", "strict"])
def test_a_study_has_the_same_document_over_http(target: Target, name: str) -> None:
    assert document(engine_of(target), STUDIES[name]) == truth(name)


@on("spark")
@pytest.mark.parametrize(
    "name", ["ordered", "overlaps", "any order", "repeats", "strict, ignoring"]
)
def test_a_study_has_the_same_document_on_a_cluster(target: Target, name: str) -> None:
    assert document(engine_of(target), STUDIES[name]) == truth(name)


@on("connect")
def test_a_study_has_the_same_document_through_spark_connect(target: Target) -> None:
    assert document(engine_of(target), STUDIES["users"]) == truth("users")


LISTS = [
    ("ordered", Cohort((Part("left", 1),)), Sort("last"), ""),
    ("users", Cohort((Part("pending", 1),)), Sort("events", descending=False), ""),
    ("overlaps", Cohort((Part("went_on", 0),)), Sort("user"), "u1"),
    ("strict", Cohort(), Sort("depth"), ""),
    ("held", Cohort((Part("reached", 1),)), Sort("sessions"), ""),
    ("no longer", Cohort((Part("left", 0),)), Sort("first", descending=False), ""),
]


@on("duckdb", "postgres")
@pytest.mark.parametrize(("name", "cohort", "sort", "search"), LISTS, ids=[x[0] for x in LISTS])
def test_a_page_of_a_list_is_the_same(
    target: Target, name: str, cohort: Cohort, sort: Sort, search: str
) -> None:
    check_page(target, name, cohort, sort, search)


@on("duckdb")
@pytest.mark.parametrize("name", STUDIES)
def test_lists_of_a_study_have_the_same_rows(target: Target, name: str) -> None:
    check_lists(target, name)


@on("chdb", "postgres", "spark")
@pytest.mark.parametrize("name", ["held", "held by users", "strict, ignoring", "no longer"])
def test_lists_of_a_study_have_the_same_rows_elsewhere(target: Target, name: str) -> None:
    check_lists(target, name)


def check_lists(target: Target, name: str) -> None:
    """Everybody, and those who left after the first stage."""
    for cohort in (Cohort(), Cohort((Part("left", 0),))):
        asked = STUDIES[name], cohort, Sort("user"), "", 0, 100_000
        theirs, ours = (each.users(*asked) for each in (CROWD.local, engine_of(target)))
        assert ours.total == theirs.total == len(ours.rows) > 100
        assert set(ours.rows) == set(theirs.rows)


@on("chdb", "spark")
def test_a_page_of_a_list_is_the_same_elsewhere(target: Target) -> None:
    check_page(target, *LISTS[2])


def check_page(target: Target, name: str, cohort: Cohort, sort: Sort, search: str) -> None:
    study, engine, local = STUDIES[name], engine_of(target), CROWD.local
    theirs, ours = (each.users(study, cohort, sort, search, 7, 40) for each in (local, engine))
    assert ours.total == theirs.total > 11
    # Values that are held are numbered in the order met there, and sorted by themselves here.
    assert ours.rows == theirs.rows or name == "held"
    row = theirs.rows[3]
    if name != "held":
        found = engine.place(study, cohort, sort, search, row.user, row.journey)
        assert found == local.place(study, cohort, sort, search, row.user, row.journey) == 10


@on(*DATABASES)
def test_a_held_list_has_the_same_rows_in_a_steady_order(target: Target) -> None:
    asked = (STUDIES["held"], Cohort((Part("reached", 1),)), Sort("user", descending=False), "")
    theirs, ours = (each.users(*asked, 0, 10_000) for each in (CROWD.local, engine_of(target)))
    assert set(ours.rows) == set(theirs.rows)
    assert [(r.user, r.held, r.journey) for r in ours.rows] == sorted(
        (r.user, r.held, r.journey) for r in theirs.rows
    )


HAVING = [
    ("users", Cohort((Has(core.Stage(("d",))),))),
    ("overlaps", Cohort((Part("left", 0), Has(core.Stage(("d",)))))),
    ("ordered", Cohort((Part("reached", 0), Part("went_on", 0)))),
]


@on("duckdb", "postgres")
@pytest.mark.parametrize(("name", "cohort"), HAVING, ids=[x[0] for x in HAVING])
def test_filters_of_a_list_add_up(target: Target, name: str, cohort: Cohort) -> None:
    asked = (STUDIES[name], cohort, Sort("user", descending=False), "", 0, 50)
    theirs, ours = (each.users(*asked) for each in (CROWD.local, engine_of(target)))
    assert (ours.total, ours.rows) == (theirs.total, theirs.rows)
    assert 0 < ours.total < 2_500


@on(*DATABASES)
def test_a_list_may_have_a_condition_of_its_own(target: Target) -> None:
    loud, same = (
        core.Stage(("b",), where=where) for where in ("loud = 1", "ts % 2000000 = 1000000")
    )
    for name in ("overlaps", "ordered"):
        asked = [Cohort((Part("reached", 0), Has(each))) for each in (loud, same)]
        sort = Sort("last"), "", 0, 30
        ours = engine_of(target).users(STUDIES[name], asked[0], *sort)
        theirs = CROWD.local.users(STUDIES[name], asked[1], *sort)
        assert (ours.total, ours.rows) == (theirs.total, theirs.rows)


@on("duckdb")
@pytest.mark.parametrize("most", [0, 3])
def test_more_users_to_walk_than_are_named_are_found_all_the_same(
    target: Target, most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("counts", "hard"):
        monkeypatch.setattr(f"core.warehouse.{module}.MOST_HARD", most)
    engine = open_table(target, "crowd")
    for name in ("strict", "overlaps"):
        assert engine.funnel(STUDIES[name]).stages == CROWD.local.funnel(STUDIES[name]).stages


@on("duckdb")
@pytest.mark.parametrize("name", ["users", "overlaps", "breaking", "strict"])
def test_medians_to_the_next_stage_are_the_same(target: Target, name: str) -> None:
    study = STUDIES[name]
    assert engine_of(target).medians_to_next(study) == CROWD.local.medians_to_next(study)


@on(*DATABASES, "spark")
def test_what_a_question_can_be_made_of_is_the_same(target: Target) -> None:
    found = engine_of(target).vocabulary()
    assert found.users == CROWD.local.vocabulary().users
    assert set(found.properties) == {"lane", "loud", "visit"}
    assert set(found.properties["lane"]) == {"'left'", "'right'"}


@on("duckdb")
@pytest.mark.parametrize("name", ["users", "overlaps", "breaking", "any order"])
def test_curves_are_the_same(target: Target, name: str) -> None:
    check_curves(target, name)


@on("chdb", "postgres", "spark")
def test_curves_are_the_same_elsewhere(target: Target) -> None:
    check_curves(target, "overlaps")


def check_curves(target: Target, name: str) -> None:
    theirs, ours = (each.curves(STUDIES[name]) for each in (CROWD.local, engine_of(target)))
    edges = [0, SECOND, 3 * SECOND, 60 * SECOND]
    assert ours.gaps(edges) == theirs.gaps(edges)
    limits = (None, 0, 3 * SECOND, 60 * SECOND, 3_600 * SECOND)
    assert ours.counts(limits) == theirs.counts(limits)
    for limit in (*limits, 4 * SECOND + 1):
        assert ours.journeys(limit) == theirs.journeys(limit)
    assert ours.knee() == theirs.knee()


FOLLOWED = (
    "users", "overlaps", "any order", "strict, ignoring", "removing", "held", "no longer",
    "told by a field",
)  # fmt: skip


@on("duckdb")
@pytest.mark.parametrize("name", FOLLOWED)
def test_what_was_done_after_a_stage_is_the_same(target: Target, name: str) -> None:
    check_after(target, name)


@on("chdb", "postgres")
def test_what_was_done_after_a_stage_is_the_same_elsewhere(target: Target) -> None:
    check_after(target, "overlaps")


def check_after(target: Target, name: str) -> None:
    """The panel, and a list of those who are behind one of its numbers."""
    asked, engine, local = STUDIES[name], engine_of(target), CROWD.local
    for stage in reversed(range(len(asked.stages) - 1)):
        theirs, ours = (vars(each.drop_off(asked, stage)) for each in (local, engine))
        assert ours == theirs
        assert theirs["left"] > 0
    what = theirs["next"][0].what
    cohort = Cohort((Part("left", 0), what, Has(core.Stage(("c",)))))
    wanted = asked, cohort, Sort("last"), ""
    there, here = (each.users(*wanted, 0, 40) for each in (local, engine))
    assert (here.total, here.rows, here.study) == (there.total, there.rows, asked)
    if there.rows:
        last = there.rows[-1]
        assert engine.place(*wanted, last.user, last.journey) == len(there.rows) - 1


@on(*DATABASES, "spark")
def test_one_user_is_told_of_the_same_way(target: Target) -> None:
    study, engine, user = STUDIES["overlaps"], engine_of(target), "u007"
    theirs, ours = CROWD.local.journeys(study, user), engine.journeys(study, user)
    assert list(ours.sessions) == list(theirs.sessions)
    for place in range(len(theirs)):
        assert ours.event(place).name == theirs.event(place).name
        assert ours.event(place).time == theirs.event(place).time
        assert ours.marks(place) == theirs.marks(place)
    assert _seen(ours) == _seen(theirs)
    there, here = CROWD.local.explain(study, user), engine.explain(study, user)
    assert (here.reason, here.steps, here.study) == (there.reason, there.steps, there.study)
    assert len(engine.journeys(study, "nobody")) == 0
    with pytest.raises(core.QuestionError, match="no user is named 'nobody'"):
        engine.explain(study, "nobody")


def _seen(trail: Trail) -> Counter[tuple[object, ...]]:
    """The events, whatever order simultaneous ones of a name stand in."""
    events = map(trail.event, range(len(trail)))
    return Counter((e.name, e.time, e.properties.get("lane")) for e in events)


@on(*DATABASES)
def test_conditions_are_asked_of_the_engine(target: Target) -> None:
    local, engine = CROWD.local, engine_of(target)
    loud = "ts % 2000000 = 1000000"
    asked = Study(
        timeout=4 * SECOND,
        stages=(core.Stage(("a",), where="loud = 1"), *stages("b", "c")),
        where="lane = 'left' or event in ('a', 'b')",
        scope="users",
    )
    same = core.Stage(("a",), where=loud, name=asked.stages[0].label)
    here = core.Study(
        timeout=asked.timeout, stages=(same, *asked.stages[1:]), where=asked.where, scope="users"
    )
    theirs, ours = local.funnel(here), engine.funnel(asked)
    assert ours.stages == theirs.stages
    assert ours.events_count == theirs.events_count
    told = [each.journeys(study, "u007") for each, study in ((engine, asked), (local, here))]
    assert [list(map(trail.marks, range(len(trail)))) for trail in told[:1]] == [
        list(map(trail.marks, range(len(trail)))) for trail in told[1:]
    ]


def _asked(case: dict[str, Any]) -> Study:
    question = case["question"]
    named = [
        core.Stage.any_event()
        if isinstance(stage, dict) and stage.get("any_event")
        else core.Stage((stage,) if isinstance(stage, str) else tuple(stage["any_of"]))
        for stage in question.get("stages", ())
    ]
    seconds = question.get("window_seconds")
    timeout = question.get("timeout_seconds")
    return Study(
        timeout=None if timeout is None else timeout * SECOND,
        stages=tuple(named),
        scope=question.get("scope", "journeys"),
        order=question.get("order", "ordered"),
        start=question.get("start", "best"),
        window=None if seconds is None else seconds * SECOND,
        where=f"case_id = '{case['id']}'",
    )


@on("duckdb")
@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_case(target: Target, case: dict[str, Any]) -> None:
    engine, asked, expected = engine_of(target, "cases"), _asked(case), case["expected"]
    if case["question"]["kind"] == "journeys":
        found = {
            user: [
                [trail.event(s.first_event + i).name for i in range(s.event_count)]
                for s in trail.sessions
            ]
            for user in expected["sessions"]
            for trail in [engine.journeys(asked, user)]
        }
        assert found == expected["sessions"]
        assert engine.funnel(asked).journeys_count == sum(map(len, found.values()))
        return
    rows = engine.users(asked, sort=Sort("user")).rows
    assert {row.user: row.depth for row in rows} == expected["depth"]
    if "counts" in expected:
        assert [stage.count for stage in engine.funnel(asked).stages] == expected["counts"]


@on("chdb", "clickhouse", "postgres", "spark", "connect")
def test_published_cases_all_at_once(target: Target) -> None:
    engine = engine_of(target, "cases")
    funnels = [case for case in CASES if case["question"]["kind"] == "funnel"]
    found = []
    for number, case in enumerate(funnels):
        rows = engine._units(_asked(case)).rows
        numbers = {"number": ibis.literal(number), "depth": rows.depth, "hard": rows.hard}
        columns = {name: value.cast("int64") for name, value in numbers.items()}
        found.append(rows.select(user=rows.user, **columns))
    answers = engine.session.ask(ibis.union(*found), "published cases").to_pylist()
    for number, case in enumerate(funnels):
        own = [row for row in answers if row["number"] == number]
        depths = dict.fromkeys(case["expected"]["depth"], 0)
        if any(row["hard"] for row in own):
            rows = engine.users(_asked(case), sort=Sort("user")).rows
            own = [{"user": row.user, "depth": row.depth} for row in rows]
        assert depths | {row["user"]: row["depth"] for row in own} == case["expected"]["depth"]


STAGE = (
    st.lists(st.sampled_from("abcx"), max_size=2, unique=True).map("|".join).map(lambda n: n or "*")
)
WAYS = (("ordered", "best"), ("ordered", "first"), ("strict", "best"), ("any", "best"))
ASKED = st.builds(
    lambda names, way, **rest: study(*names, order=way[0], start=way[1], **rest),
    st.lists(STAGE, min_size=1, max_size=4),
    st.sampled_from(WAYS),
    timeout=st.sampled_from((0, 2, 4, 60)),
    scope=st.sampled_from(("journeys", "users")),
    window=st.sampled_from((None, 0, 3, 9)),
    hold=st.sampled_from((None, None, "lane")),
)


@settings(
    max_examples=20,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(asked=ASKED)
@on("duckdb")
def test_any_study_counts_the_same(target: Target, asked: Study) -> None:
    ours, theirs = (each.funnel(asked) for each in (engine_of(target), CROWD.local))
    assert ours.stages == theirs.stages
    assert ours.journeys_count == theirs.journeys_count
