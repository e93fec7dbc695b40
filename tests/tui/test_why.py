"""The card that says why: what it shows, and what its keys do."""

import threading
from dataclasses import replace

import pytest

import core
from core.explanation import Explanation
from core.study import Study
from tests.tui.driving import (
    NARROW,
    PATIENCE,
    Face,
    demo_engine,
    drawn_lines,
    engine_of,
    opened,
    study,
    until,
)
from tests.tui.hostile import HOSTILE
from tests.tui.test_hostile import WORST, check
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.why import Why

HOUR = 3600.0


def shop() -> core.LocalEngine:
    """Ana buys an hour after she looked, and before she paid; bo only looks."""
    return engine_of(
        ("ana", "view", 0),
        ("ana", "purchase", HOUR),
        ("ana", "pay", HOUR + 30),
        ("bo", "view", -9),
    )


def card(face: Face) -> Why:
    assert isinstance(face.app.screen, Why)
    return face.app.screen


async def ask_why(face: Face, *keys: str) -> None:
    """Press keys, then `i`, and wait until the answer has been painted."""
    await face.press(*keys, "i")
    await until(face.pilot, lambda: isinstance(face.app.screen, Why) and "esc closes" in face.text)
    await until(face.pilot, lambda: "working…" not in face.text)


async def take_remedy(face: Face) -> None:
    """Press enter, and wait until the changed question has been answered."""
    before = face.study
    await face.press("enter")
    await until(face.pilot, lambda: face.study != before)
    await face.settled()


def walked(face: Face) -> list[str]:
    """The lines of the walk."""
    return drawn_lines(card(face).lines)


async def test_i_says_why_and_what_would_convert() -> None:
    async with opened(shop(), study("view,purchase", window="30m", scope="users")) as face:
        await ask_why(face)
        assert face.title(card(face).query_one("#why")) == "Why · ana · 1 of 2 stages"
        assert "purchase came 1h after view; the window is 30m" in face.text
        assert "To convert: set the window to 1h." in face.text
        assert "enter makes the change, esc closes" in face.text


async def test_the_walk_says_what_is_waited_for_after_each_event() -> None:
    async with opened(shop(), study("view,pay,purchase", window="30m", scope="users")) as face:
        await ask_why(face)
        assert walked(face) == [
            "    +00:00 ① view      → ② pay, window ends in 30m",
            "  +1:00:00 ③ purchase  session 2  ✗ the window ran out",
            "  +1:00:30 ② pay",
        ]
        assert card(face).lines.cursor == 0


async def test_the_walk_of_who_converted_ends_with_a_mark() -> None:
    async with opened(demo_engine()) as face:
        await ask_why(face)
        assert "converted in 17m 10s" in face.text
        assert "To convert" not in face.text
        assert "No single change" not in face.text
        assert walked(face)[-1] == "    +24:20 ⑤ purchase  ✓ converted"
        assert card(face).lines.cursor == 7
        assert face.app.focused is card(face).lines


@pytest.mark.parametrize(
    ("order", "stages", "line"),
    [
        ("strict", "view,pay", "  +1:00:00   purchase  session 2  ✗ stands in between"),
        ("ordered", "view,pay", "  +1:00:00   purchase  session 2  ✗ excluded"),
    ],
)
async def test_the_walk_says_what_ended_an_attempt(order: str, stages: str, line: str) -> None:
    exclusions = () if order == "strict" else (core.Exclusion(("purchase",)),)
    asked = Study(stages=study(stages).stages, scope="users", exclusions=exclusions, order=order)  # type: ignore[arg-type]  # the parameter is one of the orders
    async with opened(shop(), asked) as face:
        await ask_why(face)
        assert line in walked(face)


async def test_enter_makes_the_change() -> None:
    async with opened(shop(), study("view,purchase", window="30m", scope="users")) as face:
        assert face.counts == [2, 0]
        await ask_why(face)
        await take_remedy(face)
        assert isinstance(face.app.screen, Explorer)
        assert face.study == study("view,purchase", window="1h", scope="users")
        assert face.counts == [2, 1]
        await ask_why(face)
        assert "converted in 1h" in face.text


async def test_enter_can_change_the_stages() -> None:
    asked = replace(study("home,help,payment"), suggested=True)
    async with opened(demo_engine(), asked) as face:
        assert face.user == "eli"
        await ask_why(face)
        await take_remedy(face)
        assert face.stages == ["home", "payment"]
        assert not face.study.suggested
        assert face.user == "eli"


async def test_the_last_stage_is_never_left_out() -> None:
    async with opened(demo_engine()) as face:
        await ask_why(face, "j")
        assert "dee never did purchase" in face.text
        assert "No single change of the question would convert dee." in face.text


async def test_closing_changes_nothing() -> None:
    asked = study("view,purchase", window="30m", scope="users")
    async with opened(shop(), asked) as face:
        for key in ("escape", "i", "q"):
            await ask_why(face)
            await face.press(key)
            assert (key, face.app.screen) == (key, face.explorer)
            assert face.study == asked
            assert face.app.is_running


async def test_enter_does_nothing_where_nothing_helps() -> None:
    async with opened(shop(), study("purchase,view,nothing", scope="users")) as face:
        await ask_why(face, "j")
        assert "No single change of the question would convert bo." in face.text
        await face.press("enter")
        card(face)


async def test_pending_users_are_not_advised() -> None:
    async with opened(shop(), study("view,cart", window="2h", scope="users")) as face:
        await ask_why(face)
        assert "may still convert: the window ends 59m 30s after" in face.text
        assert "No single change" not in face.text
        await face.press("enter")
        card(face)


async def test_in_a_list_of_sessions_the_session_at_the_cursor_is_explained() -> None:
    engine = engine_of(*(("ana", "view", session * HOUR) for session in range(3)))
    async with opened(engine, study("view,cart")) as face:
        await face.press("3", "g", "enter", "1", "g", "j")
        row = face.lines.row
        assert row is not None
        assert row.journey == 2
        await ask_why(face)
        assert face.title(card(face).query_one("#why")) == "Why · ana · session 2 · 1 of 2 stages"


async def test_in_the_timeline_the_session_at_the_cursor_is_explained() -> None:
    rows = [("ana", "view", session * HOUR) for session in range(3)]
    async with opened(engine_of(*rows, ("ana", "cart", 1.0)), study("view,cart")) as face:
        await ask_why(face)
        assert face.title(card(face).query_one("#why")).startswith("Why · ana · session 1 · 2 of 2")
        await face.press("escape", "2", "G")
        await ask_why(face)
        assert face.title(card(face).query_one("#why")).startswith("Why · ana · session 3 · 1 of 2")


async def test_the_card_says_which_attempt_at_which_value_it_explains() -> None:
    times = ("view", 0), ("view", 60), ("cart", 90)
    asked = replace(study("view,cart,pay"), attempts="starts", hold="item")
    engine = engine_of(*(("ana", name, time) for name, time in times), item="mug")
    async with opened(engine, asked) as face:
        await ask_why(face, "2")
        assert face.title(card(face).query_one("#why")) == (
            "Why · ana · session 1 · mug · deepest attempt · 2 of 3 stages"
        )


async def test_without_users_there_is_nobody_to_explain() -> None:
    async with opened(core.open_engine([])) as face:
        await face.press("i")
        assert isinstance(face.app.screen, Explorer)
        assert face.notes == []


async def test_without_stages_the_person_is_told_to_name_one() -> None:
    async with opened(engine_of(("ana", "view", 0)), study("view")) as face:
        await ask_why(face, "3", "d")
        assert "there is no funnel to explain yet: name a stage" in face.text
        await face.press("enter")
        card(face)
        await face.press("escape")
        assert isinstance(face.app.screen, Explorer)


class Slow(core.LocalEngine):
    """Explains when it is told to."""

    def __init__(self, log: core.EventLog) -> None:
        super().__init__(log)
        self.told = threading.Event()

    def explain(self, study: Study, user: str, journey: int | None = None) -> Explanation:
        assert self.told.wait(PATIENCE)
        return super().explain(study, user, journey)


async def test_the_card_waits_for_its_answer_and_the_screen_does_not() -> None:
    engine = Slow(shop().log)
    async with opened(engine, study("view,purchase", window="30m", scope="users")) as face:
        await face.pilot.press("i")
        await until(face.pilot, lambda: "working…" in face.text)
        await face.pilot.press("enter")
        card(face)
        engine.told.set()
        await until(face.pilot, lambda: "To convert: set the window to 1h." in face.text)


async def test_the_card_can_be_closed_before_its_answer() -> None:
    engine = Slow(shop().log)
    async with opened(engine, study("view,purchase", scope="users")) as face:
        await face.pilot.press("i")
        await until(face.pilot, lambda: "working…" in face.text)
        await face.pilot.press("i")
        await until(face.pilot, lambda: isinstance(face.app.screen, Explorer))
        engine.told.set()
        await face.settled()
        assert isinstance(face.app.screen, Explorer)


@pytest.mark.parametrize("kind", WORST)
async def test_names_are_shown_and_not_obeyed(kind: str) -> None:
    name = HOSTILE[kind] + "!"
    engine = core.open_engine(
        [
            {"user": name, "event": event, "time": 1_000_000_000 + 60 * minute}
            for minute, event in enumerate((name, "a", name, "b", name))
        ]
    )
    stages = tuple(core.Stage((each,)) for each in ("a", name, "b"))
    async with opened(engine, Study(stages=stages, order="strict", window=1), size=NARROW) as face:
        await ask_why(face)
        check(face)
        assert card(face).lines.line_count == len(card(face).lines.lines_in_sight)
        await face.press("enter")
        check(face)


async def test_the_card_fits_a_narrow_screen() -> None:
    async with opened(demo_engine(), size=NARROW) as face:
        await ask_why(face, "j")
        assert "dee never did purchase" in face.text
        assert "⑤ purchase" in face.text
