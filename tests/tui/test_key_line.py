"""The keys at the bottom: which are shown, and what a click on one does."""

import pytest

from tests.tui.driving import WIDE, Face, demo_engine, drawn_lines, opened
from tracer_tui.screens.help import Help
from tracer_tui.widgets.key_line import KeyLine


def shown(face: Face, width: int) -> str:
    return drawn_lines(face.explorer.query_one(KeyLine), width)[0]


async def test_the_keys_of_the_pane_in_focus_come_first() -> None:
    async with opened(demo_engine()) as face:
        assert shown(face, 80).split()[:4] == ["/", "Search", "enter", "Timeline"]
        await face.press("2")
        assert shown(face, 80).split()[:2] == ["enter", "Properties"]
        await face.press("3")
        assert shown(face, 80).split()[:3] == ["enter", "Who", "left"]


@pytest.mark.parametrize("pane", ["1", "2"])
async def test_in_a_search_the_keys_are_those_that_leave_it(pane: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press(pane, "slash")
        assert shown(face, 80).split()[:5] == ["enter", "Keep", "esc", "Clear", "?"]
        await face.press("e", "escape")
        assert "/ Search" in shown(face, 80)
        assert face.chips == []


async def test_the_help_has_room_whatever_the_width() -> None:
    async with opened(demo_engine()) as face:
        for width in (8, 20, 40, 80, 200):
            line = shown(face, width)
            assert line.endswith("? Help")
            assert len(line) <= width


async def test_a_click_on_a_key_presses_it() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        keys = face.explorer.query_one(KeyLine)
        await face.click(keys, (shown(face, WIDE[0]).index("Timeline"), 0))
        assert face.focused is face.trail_lines
        await face.click(keys, (WIDE[0] - 3, 0))
        face.screen(Help)


async def test_keys_that_belong_together_are_one_entry_and_each_can_be_clicked() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        line = shown(face, WIDE[0])
        assert " [ ] Timeout " in line
        keys = face.explorer.query_one(KeyLine)
        await face.click(keys, (line.index("]"), 0))
        assert face.study.timeout == 45 * 60_000_000
        await face.click(keys, (line.index("["), 0))
        assert face.study.timeout == 30 * 60_000_000
        face.app.set_keymap({"timeout.shorter": "f7"})
        await face.settled()
        assert " ] f7 Timeout " in shown(face, WIDE[0])
