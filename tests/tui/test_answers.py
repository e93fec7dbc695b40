import pytest

import core
from core.cohort import EVERYBODY, Cohort, Part
from core.engine import Sort, UserRow
from core.study import Study
from tests.tui.driving import demo_engine, engine_of, study
from tracer_tui import answers as asked_of
from tracer_tui.answers import PAGE, Answers, Listing, View, fetch, fetch_around, trace

STAGES = "home,product,cart,payment,purchase"
ASKED = study(STAGES)
BY_ID = Sort("user", descending=False)


def row(user: str, journey: int | None = None) -> UserRow:
    return UserRow(user, journey, sessions=1, events=1, first=0, last=0, depth=0)


def answer(engine: core.LocalEngine, view: View, chosen: UserRow | None) -> Answers:
    return asked_of.answer(engine, view, chosen, engine.summary())


def crowd(users: int) -> core.LocalEngine:
    return engine_of(*((f"u{i:04}", "a", i) for i in range(users)))


def test_every_answer_is_to_the_view() -> None:
    view = View(ASKED, Cohort((Part("left", 3),)), BY_ID, "o")
    answers = answer(demo_engine(), view, None)
    assert answers.shown is not None
    page = answers.listing.page
    assert answers.view == view
    assert {answers.funnel.study, page.study, answers.shown.trail.study} == {ASKED}
    assert (page.cohort, page.sort, page.search) == (Cohort((Part("left", 3),)), BY_ID, "o")
    assert [found.user for found in page.rows] == ["bo"]


def test_the_trail_is_that_of_the_user_at_the_cursor() -> None:
    answers = answer(demo_engine(), View(ASKED), row("cy"))
    assert answers.shown is not None
    found = answers.listing.row(answers.listing.cursor or 0)
    assert found is not None
    assert (found.user, answers.shown.trail.user) == ("cy", "cy")


def test_the_cursor_begins_at_the_top_when_the_chosen_user_is_not_listed() -> None:
    view = View(ASKED, Cohort((Part("left", 3),)))
    answers = answer(demo_engine(), view, row("ana", 1))
    assert answers.shown is not None
    assert answers.listing.cursor == 0
    assert answers.shown.trail.user == answers.listing.page.rows[0].user


def test_a_list_of_nobody_has_no_trail() -> None:
    answers = answer(demo_engine(), View(ASKED, search="nobody is called this"), row("ana"))
    assert (answers.listing.page.total, answers.listing.cursor, answers.shown) == (0, 0, None)


def test_an_empty_log_has_answers() -> None:
    answers = answer(core.LocalEngine(core.read_events([])), View(Study()), None)
    assert (answers.listing.page.total, answers.shown) == (0, None)
    assert answers.funnel.stages == ()


def test_a_journey_of_the_list_leads_to_its_session() -> None:
    engine = engine_of(("ana", "a", 0), ("ana", "a", 4_000), ("ana", "a", 8_000))
    asked = study("a,b")
    view = View(asked, Cohort((Part("left", 0),)))
    page = engine.users(asked, view.cohort, BY_ID)
    shown = [trace(engine, view, found) for found in page.rows]
    assert [one.session for one in shown] == [1, 2, 3]
    assert trace(engine, View(asked), row("ana")).session is None


def test_the_stretch_is_fetched_around_the_chosen_user() -> None:
    chosen = 7 * PAGE // 4
    listing = fetch(crowd(3 * PAGE), View(Study(), sort=BY_ID), row(f"u{chosen:04}"))
    assert listing.cursor == chosen
    assert listing.page.start == chosen - PAGE // 2
    assert len(listing.page.rows) == PAGE
    found = listing.row(chosen)
    assert found is not None
    assert found.user == f"u{chosen:04}"


def test_more_of_the_list_leaves_the_cursor_where_it_is() -> None:
    place = 5 * PAGE // 2
    listing = fetch_around(crowd(3 * PAGE), View(Study(), sort=BY_ID), place)
    assert listing.cursor is None
    assert listing.page.start == place - PAGE // 2
    assert listing.page.rows[0].user == f"u{place - PAGE // 2:04}"


@pytest.mark.parametrize(
    ("index", "user"),
    [(-1, None), (0, "u0000"), (PAGE - 1, f"u{PAGE - 1:04}"), (PAGE, None), (10**9, None)],
)
def test_only_fetched_rows_are_there(index: int, user: str | None) -> None:
    listing: Listing = fetch(crowd(2 * PAGE), View(Study(), sort=BY_ID), None)
    found = listing.row(index)
    assert (found.user if found else None) == user


@pytest.mark.parametrize(
    ("cohort", "stages", "after"),
    [
        (Cohort((Part("left", 1),)), "a,b,c,d", Cohort((Part("left", 1),))),
        (Cohort((Part("left", 1),)), "b,c", Cohort((Part("left", 0),))),
        (Cohort((Part("left", 1),)), "a,x,b,c", Cohort((Part("left", 2),))),
        (Cohort((Part("went_on", 1),)), "b,a,c", Cohort((Part("went_on", 0),))),
        (Cohort((Part("left", 1),)), "a,b", EVERYBODY),
        (Cohort((Part("went_on", 1),)), "a,b", EVERYBODY),
        (Cohort((Part("reached", 1),)), "a,b", Cohort((Part("reached", 1),))),
        (Cohort((Part("reached", 1),)), "a,c", EVERYBODY),
        (Cohort((Part("reached", 0),)), "", EVERYBODY),
        (EVERYBODY, "", EVERYBODY),
        (EVERYBODY, "x", EVERYBODY),
    ],
)
def test_a_cohort_goes_with_its_stage(cohort: Cohort, stages: str, after: Cohort) -> None:
    view = View(study("a,b,c"), cohort, BY_ID, "x").with_study(study(stages))
    assert view == View(study(stages), after, BY_ID, "x")


def test_a_cohort_stays_where_it_is_among_equal_stages() -> None:
    asked = study("a,b,a,b")
    view = View(asked, Cohort((Part("left", 2),))).with_study(asked.with_timeout(None))
    assert view.cohort == Cohort((Part("left", 2),))
