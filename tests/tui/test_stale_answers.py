"""Answers that come late: the panes agree at every moment, and the last press wins."""

import itertools
from collections.abc import Iterator

import pytest
from textual.screen import Screen

import core
from core.durations import parse_limit
from core.study import Study
from tests.tui.driving import (
    Gate,
    demo_engine,
    engine_of,
    handled,
    opened,
    study,
    until,
)
from tracer_tui.answers import answer, trace
from tracer_tui.ladder import TIMEOUTS, climb
from tracer_tui.screens.drop_off import DropOff
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.export_box import ExportBox
from tracer_tui.screens.why import Why
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.status_line import StatusLine
from tracer_tui.widgets.trail_lines import TrailLines
from tracer_tui.widgets.user_list import UserList

PANES = ("list", "bars", "timeline", "status")


def studies_shown(explorer: Explorer) -> dict[str, Study]:
    """The question that each pane answers."""
    found: dict[str, Study] = {}
    lines, bars = explorer.query_one(UserList).lines, explorer.query_one(FunnelBars)
    trail = explorer.query_one(TrailLines).trail
    status = explorer.query_one(StatusLine)
    if lines.listing is not None:
        found["list"] = lines.listing.page.study
    if bars.answer is not None:
        found["bars"] = bars.answer.study
    if trail is not None:
        found["timeline"] = trail.study
    if status.answer is not None:
        found["status"] = status.answer.study
    return found


@pytest.fixture
def disagreements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Study]]]:
    """Every moment at which a line was painted while the panes answered different questions."""
    found: list[dict[str, Study]] = []
    paints = itertools.count()
    paint = LineView.render_line

    def render_line(self: LineView, y: int) -> object:
        next(paints)
        if isinstance(self.screen, Explorer):
            shown = studies_shown(self.screen)
            if len(set(shown.values())) > 1:
                found.append(shown)
        return paint(self, y)

    monkeypatch.setattr(LineView, "render_line", render_line)
    yield found
    assert next(paints) > 0
    assert found == []


async def test_panes_never_answer_different_questions(
    disagreements: list[dict[str, Study]],
) -> None:
    async with opened(demo_engine()) as face:
        await face.press(*"[[]jj[s{3", "enter", "]", "1", "j", "[", "s", "escape", "3", ">", "d")
        assert set(studies_shown(face.explorer)) == set(PANES)
    assert disagreements == []


async def test_panes_agree_while_an_answer_takes_its_time(
    disagreements: list[dict[str, Study]],
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        before = face.study
        gate.close()
        await face.pilot.press("[")
        await until(face.pilot, lambda: "working" in face.status)
        assert set(studies_shown(face.explorer).values()) == {before}
        gate.open()
        await face.settled()
        assert face.study.timeout == parse_limit("20m")
        assert "working" not in face.status
    assert disagreements == []


async def test_on_a_small_screen_too_it_is_seen_that_something_is_worked_out() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate, size=(40, 10)) as face:
        gate.close()
        await face.pilot.press("[")
        await until(face.pilot, lambda: "timeout 20m · working…" in face.text)
        gate.open()


@pytest.mark.parametrize("keys", [("enter",), ("f", "l", "e", "f", "t", "enter"), ("v", "enter")])
async def test_what_is_picked_of_a_stage_that_was_deleted_meanwhile_changes_nothing(
    keys: tuple[str, ...],
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate, study("home,payment,purchase")) as face:
        await face.press("3", "g", "j")
        gate.close()
        await face.pilot.press("d")
        await until(face.pilot, lambda: face.explorer.view.study != face.study)
        for key in keys:
            await face.pilot.press(key)
            await handled(face.pilot)
        gate.open()
        await face.settled()
        assert face.stages == ["home", "purchase"]
        assert face.chips == []


async def test_what_is_picked_of_a_stage_that_moved_meanwhile_is_of_that_stage() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate, study("search,home,payment,purchase")) as face:
        await face.press("3", "g")
        gate.close()
        await face.pilot.press("d")
        await until(face.pilot, lambda: face.explorer.view.study != face.study)
        await face.pilot.press("j", "j", "enter")
        await handled(face.pilot)
        gate.open()
        await face.settled()
        assert face.stages == ["home", "payment", "purchase"]
        assert face.chips == ["left at ② payment"]


async def test_why_is_of_the_session_that_is_shown_while_others_are_worked_out() -> None:
    gate = Gate(engine_of(("u", "a", 0), ("u", "b", 900), ("u", "x", 1_000)).log)
    async with opened(gate, study("a,b,c")) as face:
        await face.press("3", "g", "j", "enter")
        assert face.chips == ["left at ② b"]
        gate.close()
        await face.pilot.press("[", "[", "[")
        await until(face.pilot, lambda: face.explorer.view.study != face.study)
        await face.pilot.press("i")
        box = face.screen(Why).query_one("#why")
        await until(face.pilot, lambda: "session" in face.title(box))
        assert face.title(box) == "Why · u · session 1 · 2 of 3 stages"
        gate.open()
        await face.settled()


async def test_a_held_key_says_how_far_it_has_got_while_nothing_is_answered() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("[", "{", "[", "[")
        await until(face.pilot, lambda: "window" in face.status)
        assert "timeout 10m" in face.status
        gate.open()
        await face.settled()
        assert "window" not in face.status


async def test_another_user_can_be_looked_at_while_an_answer_takes_its_time(
    disagreements: list[dict[str, Study]],
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("[")
        await until(face.pilot, lambda: "working" in face.status)
        await face.pilot.press("j", "j")
        await until(face.pilot, lambda: face.trail.user == "cy")
        assert set(studies_shown(face.explorer).values()) == {face.study}
        gate.open()
        await face.settled()
        assert face.study.timeout == parse_limit("20m")
        assert face.user == face.trail.user == "cy"
    assert disagreements == []


async def test_twenty_quick_presses_end_on_the_answer_to_the_last() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        asked = len(gate.asked)
        gate.close()
        keys = "[[[[[[[]]]][[]]]]]]]"
        timeout = face.study.timeout
        for key in keys:
            timeout = climb(timeout, TIMEOUTS, 1 if key == "]" else -1)
            await face.pilot.press(key)
            await handled(face.pilot)
        gate.open()
        await face.settled()
        assert len(keys) == 20
        assert face.study.timeout == timeout == parse_limit("2h")
        assert face.explorer.view.study == face.study
        assert len(gate.asked) - asked == 2


@pytest.mark.parametrize("keys", ["[]" * 10, "]" * 20, "[" * 20])
async def test_quick_presses_without_waiting_end_on_the_last(keys: str) -> None:
    async with opened(demo_engine()) as face:
        timeout = face.study.timeout
        for key in keys:
            timeout = climb(timeout, TIMEOUTS, 1 if key == "]" else -1)
        await face.press(*keys)
        assert face.study.timeout == timeout
        assert set(studies_shown(face.explorer).values()) == {face.study}


async def test_stale_answers_are_dropped() -> None:
    engine = demo_engine()
    async with opened(engine) as face:
        old = face.explorer.view
        await face.press("[")
        view, funnel, listing, shown = (
            face.explorer.view,
            face.explorer.funnel,
            face.explorer.listing,
            face.explorer.shown,
        )
        stale = answer(engine, old, None, engine.summary())
        row = stale.listing.row(0)
        assert row is not None
        face.explorer.post_message(Explorer.Answered(stale))
        face.explorer.post_message(Explorer.Listed(stale.listing))
        face.explorer.post_message(Explorer.Traced(row, trace(engine, old, row)))
        await face.settled()
        assert face.explorer.view is view
        assert face.explorer.funnel is funnel
        assert face.explorer.listing is listing
        assert face.explorer.shown is shown


async def test_the_events_of_a_user_left_behind_are_dropped() -> None:
    engine = demo_engine()
    async with opened(engine) as face:
        row = face.lines.row
        assert row is not None
        await face.press("j")
        face.explorer.post_message(Explorer.Traced(row, trace(engine, face.explorer.view, row)))
        await face.settled()
        assert face.trail.user == face.user == "dee"


async def test_a_question_that_cannot_be_asked_is_a_notification() -> None:
    asked = Study(stages=(core.Stage(("home",)),) * 64)
    async with opened(demo_engine(), asked) as face:
        await face.press("a", *"cart", "enter")
        assert face.notes == ["a funnel has at most 64 stages, and this one has 65"]
        assert len(face.stages) == 64
        assert face.explorer.view.study == asked
        await face.press("]")
        assert face.study == asked.with_timeout(parse_limit("45m"))


@pytest.mark.parametrize(("key", "box"), [("v", DropOff), ("x", ExportBox)])
async def test_what_is_opened_while_another_question_is_answered_is_of_that_one(
    key: str, box: type[Screen[object]]
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("3", "]", key)
        await until(face.pilot, lambda: "working" in face.status)
        assert len(face.app.screen_stack) == 2
        gate.open()
        await until(face.pilot, lambda: isinstance(face.app.screen, box))
        assert face.explorer.funnel is not None
        assert face.explorer.funnel.study == face.explorer.view.study
        await face.settled()
        opened_box: object = face.app.screen
        if isinstance(opened_box, DropOff):
            assert opened_box._study == face.explorer.view.study


async def test_what_they_did_is_shown_while_a_list_of_the_same_question_is_being_found() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("3", "enter", "3", "v")
        await until(face.pilot, lambda: isinstance(face.app.screen, DropOff))
        assert "working" in face.status
        gate.open()
        await face.press("escape")
        assert str(face.users.border_title).startswith("1 Sessions")


async def test_what_waits_to_be_opened_is_forgotten_with_its_question() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("3", "]", "v", "]")
        gate.open()
        await face.settled()
        assert isinstance(face.app.screen, Explorer)
