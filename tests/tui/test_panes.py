"""Going between the panes, by key and mouse, at any size and on an empty log."""

from pathlib import Path

import pytest
from textual import events
from textual.geometry import Offset
from textual.screen import Screen
from textual.widgets import Label

import core
from core.cohort import EVERYBODY, Cohort, Part
from tests.tui.driving import (
    FIVE,
    WIDE,
    Gate,
    crowd,
    demo_engine,
    opened,
    study,
    until,
)
from tests.tui.painted import paint


async def test_number_keys_go_to_the_panes() -> None:
    async with opened(demo_engine()) as face:
        for key, pane in (("2", face.trail_lines), ("3", face.bars), ("1", face.lines)):
            await face.press(key)
            assert face.focused is pane


async def test_tab_goes_round_the_panes_and_back() -> None:
    async with opened(demo_engine()) as face:
        panes = [face.lines, face.trail_lines, face.bars]
        for pane in (*panes[1:], panes[0]):
            await face.press("tab")
            assert face.focused is pane
        for pane in reversed(panes):
            await face.press("shift+tab")
            assert face.focused is pane


async def test_zoom_gives_a_pane_all_the_room_and_gives_it_back() -> None:
    async with opened(demo_engine()) as face:
        panes = {"users", "timeline", "funnel"}
        before = {name: face.explorer.query_one(f"#{name}").region for name in panes}
        for key, pane in (("1", "users"), ("2", "timeline"), ("3", "funnel")):
            await face.press(key, "z")
            zoomed = {name: face.explorer.query_one(f"#{name}").region for name in panes}
            assert zoomed[pane].size == (80, 22)
            assert {name for name in panes if zoomed[name].area} == {pane}
            await face.press("z")
            assert {name: face.explorer.query_one(f"#{name}").region for name in panes} == before


async def test_a_zoom_follows_to_another_pane() -> None:
    async with opened(demo_engine()) as face:
        for key in ("2", "3", "tab"):
            await face.press("1", "z", key)
            pane = face.funnel_pane if key == "3" else face.timeline
            assert face.focused is pane.lines
            assert pane.region.size == (80, 22)
            assert not face.users.region.area
            await face.press("z")
            assert face.users.region.area


async def test_a_click_on_a_user_goes_there() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3")
        for index in (2, 0, 4):
            await face.click(face.lines, (5, 1 + index))
            assert face.focused is face.lines
            assert face.user == face.trail.user == face.listed[index]


async def test_a_click_on_no_user_changes_nothing() -> None:
    async with opened(demo_engine()) as face:
        await face.press("j")
        await face.click(face.lines, (5, 10))
        assert face.user == "dee"


async def test_a_click_on_an_event_goes_there() -> None:
    async with opened(demo_engine()) as face:
        await face.click(face.trail_lines, (5, 4))
        assert face.focused is face.trail_lines
        assert face.trail_lines.cursor == 3


async def test_a_click_on_a_bar_goes_there_and_two_list_who_left() -> None:
    async with opened(demo_engine(), study(",".join(FIVE), timeout="5m")) as face:
        await face.click(face.bars, (10, 1))
        assert face.focused is face.bars
        assert face.bars.cursor == 1
        assert face.explorer.cohort == EVERYBODY
        await face.click(face.bars, (10, 1), times=2)
        assert face.explorer.cohort == Cohort((Part("left", 1),))
        assert face.page.total == face.funnel.stages[1].dropped == 2


async def test_the_wheel_scrolls_a_list_and_keeps_the_cursor() -> None:
    async with opened(crowd()) as face:
        top = face.lines.lines_in_sight.start
        face.lines.scroll_to(y=30, animate=False, immediate=True)
        await face.settled()
        assert face.lines.lines_in_sight.start == top + 30
        assert face.lines.cursor == 0
        await face.click(face.lines, (5, 1))
        assert face.user == face.trail.user == "u30"


MOVEMENT = (
    *("j", "k", "down", "up", "g", "G", "home", "end", "ctrl+d", "ctrl+u", "pagedown", "pageup"),
    *("left", "right", "(", ")", "enter", "c", "r", "n", "N", "escape"),
)
CHANGES = ("[", "]", "{", "}", "s", "o", "<", ">", "d", "z", "z", "tab", "shift+tab")
BOXES = ("t", "w", "a", "e", "i", "question_mark", "f1", "exclamation_mark", "slash", "ctrl+p")


@pytest.mark.parametrize(
    ("pane", "stages"), [("1", ""), ("2", ""), ("3", ""), ("3", "home,purchase")]
)
async def test_every_key_works_on_an_empty_log(pane: str, stages: str) -> None:
    async with opened(core.open_engine([]), study(stages)) as face:
        await face.press(pane)
        for key in (*MOVEMENT, *CHANGES):
            await face.press(key)
            assert (key, face.app.is_running) == (key, True)
        assert face.listed == []
        assert "0 events · 0 users · 0 sessions" in face.status


async def test_every_box_opens_and_closes_on_an_empty_log() -> None:
    async with opened(core.open_engine([])) as face:
        for key in BOXES:
            await face.press(key, "j", "enter" if key == "slash" else "escape", "escape")
            assert (key, face.app.screen) == (key, face.explorer)


async def test_a_stage_is_added_to_an_empty_log() -> None:
    async with opened(core.open_engine([])) as face:
        await face.press("a", *"home", "enter", "3", "enter", "r")
        assert face.stages == ["home"]
        assert face.counts == [0]
        assert "no event is named 'home'" in face.text


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (30, 10), (200, 60)])
async def test_any_size_works(size: tuple[int, int]) -> None:
    async with opened(demo_engine(), size=size) as face:
        await face.press("j", "3", "enter", "]", "z", "question_mark", "escape", "a", "escape")
        assert face.app.is_running
        await face.pilot.resize_terminal(*WIDE)
        await until(face.pilot, lambda: len(face.text.splitlines()) == WIDE[1])
        await face.settled()
        assert "left at ④ payment ✕" in face.text


async def test_a_dialog_that_is_closed_twice_at_once_closes_nothing_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    async with opened(demo_engine()) as face:
        for key in ("t", "a", "x", "i", "f", "ctrl+s", "!", "?", "v"):
            await face.press("3", "g", {"?": "question_mark"}.get(key, key))
            dialog = face.app.screen
            assert (key, dialog is not face.explorer) == (key, True)
            dialog.dismiss(None)
            dialog.dismiss(None)
            await face.settled()
            assert (key, face.app.screen) == (key, face.explorer)


async def test_enter_pressed_twice_at_once_answers_a_dialog_once() -> None:
    async with opened(demo_engine()) as face:
        await face.press("t", *"7m")
        for _ in range(3):
            face.app.post_message(events.Key("enter", "\r"))
        await face.settled()
        assert face.app.screen is face.explorer


async def test_the_mouse_may_go_down_on_what_is_just_being_removed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async with opened(demo_engine()) as face:
        found = Label("removed"), Offset(0, 0)
        monkeypatch.setattr(Screen, "get_widget_and_offset_at", lambda _screen, _x, _y: found)
        await face.click(face.lines, (3, 2))
        assert face.user == face.listed[1]


async def test_a_key_may_come_before_the_dialog_it_is_for_was_made() -> None:
    async with opened(demo_engine()) as face:
        for action in ("action_export", "action_filter", "action_add_stage"):
            getattr(face.explorer, action)()
            for key in ("down", "up"):
                await face.app._check_bindings(key, priority=True)
            await face.settled()
            assert (action, face.app.screen is face.explorer) == (action, False)
            await face.press("escape")
            assert (action, face.app.screen) == (action, face.explorer)


async def test_no_line_of_a_list_before_stays_when_filters_make_its_pane_smaller(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    painted, engine = paint(monkeypatch), Gate(crowd().log)
    async with opened(engine, study("a,b")) as face:
        await face.press("slash", *"u0", "enter", "escape", "3", "g")
        engine.close()
        await face.pilot.press("c")
        await until(face.pilot, lambda: face.explorer.is_stale)
        engine.open()
        await face.settled()
        assert "went on" in face.text
        assert painted.differs(face.app) == []
