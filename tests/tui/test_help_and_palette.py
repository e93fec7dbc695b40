"""Help, palette, rejected rows, leaving."""

from collections.abc import Sequence

import pytest
from textual import events
from textual.command import CommandList, CommandPalette
from textual.widgets import OptionList, Static

import core
from tests.tui.driving import (
    NARROW,
    demo_engine,
    drawn_lines,
    opened,
    until,
)
from tracer_tui.keys import bindings_by_place
from tracer_tui.screens.actions_palette import ActionsPalette
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.help import Help
from tracer_tui.screens.source import Source, SourceLines


async def test_help_opens_and_closes() -> None:
    async with opened(demo_engine()) as face:
        for opens, leave in zip(
            ("question_mark", "f1") * 2, ("escape", "question_mark", "f1", "q"), strict=True
        ):
            await face.press(opens)
            face.screen(Help)
            await face.press(leave)
            assert isinstance(face.app.screen, Explorer)
            assert face.app.is_running


async def test_help_tells_the_keys_of_the_pane() -> None:
    async with opened(demo_engine()) as face:
        for pane, there, elsewhere in (
            ("1", ["Search", "Next match", "Down"], ["Who left", "Fold the session"]),
            ("2", ["Down", "Search", "Fold the session"], ["Who left", "Take the last filter off"]),
            ("3", ["Who left", "Went on", "Reached", "Down"], ["Search"]),
        ):
            await face.press(pane, "question_mark")
            texts = [str(text.content) for text in face.app.screen.query(Static)]
            told = dict(zip(texts[::2], texts[1::2], strict=True))
            here = told.pop("In this pane") + told["Moving"]
            everywhere = "\n".join(told.values())
            for what in there:
                assert what in here
            for what in elsewhere:
                assert what not in here
            await face.press("escape")
        assert "Longer window" in told["The question"]
        assert "Save the funnel" in told["Keeping"]
        for what in (
            "Shorter timeout",
            "Longer timeout",
            "Sessions/users",
            "Help",
            "Quit",
            "How it was read",
            "Next session",
            "[",
        ):
            assert what in everywhere


async def test_the_palette_offers_every_action_of_the_explorer_once() -> None:
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p")
        assert isinstance(face.app.screen, CommandPalette)
        assert "1 Users · 5" in face.text  # the screen below shines through
        await face.press("escape")
        offered = face.offered
        assert len(offered) == len(set(offered))
        everything = bindings_by_place()["Explorer"]
        assert len(everything) > 30
        for binding in everything:
            # Here nothing is an estimate.
            assert (binding.description in offered) == (binding.id != "study.exact")
        assert "Theme" in offered
        # A picture of the screen is exported, a pane zoomed, and keys are in the help.
        assert not {"Screenshot", "Maximize", "Keys", "Palette"} & set(offered)


async def test_the_palette_runs_what_is_chosen() -> None:
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p", *"Sessions/users")
        await until(face.pilot, lambda: "key s" in face.text)
        await face.press("enter")
        await until(face.pilot, lambda: isinstance(face.app.screen, Explorer))
        await until(face.pilot, lambda: face.study.scope == "users")


@pytest.mark.parametrize("size", [(1, 1), (20, 5), NARROW])
async def test_keys_pressed_before_the_palette_is_drawn_do_no_harm(size: tuple[int, int]) -> None:
    async with opened(demo_engine(), size=size) as face:
        for key in ("pageup", "pagedown", "up", "down", "ctrl+end", "ctrl+home"):
            for name in ("ctrl+p", key, key):
                face.app.post_message(events.Key(name, None))
            await face.settled()
            await face.press(key, "s", key, key)
            face.screen(CommandPalette)
            await face.press("escape")
            face.screen(Explorer)


@pytest.mark.parametrize(("way", "least"), [((), 30), (("T", "h", "e", "m", "e", "enter"), 10)])
async def test_a_page_of_a_palette_is_more_than_a_line_and_needs_none_to_be_there(
    way: Sequence[str], least: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr(OptionList, "_move_page")
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p", *way)
        commands = face.app.screen.query_one(OptionList)
        await until(face.pilot, lambda: commands.option_count > least and commands.size.height > 6)
        await face.press("pagedown")
        here = commands.highlighted
        assert here is not None
        assert here > 2
        await face.press("pageup")
        assert commands.highlighted == 0


async def test_how_the_source_was_read_and_rejected_rows_with_place_and_reason() -> None:
    good = {"user": "a", "event": "b", "time": "2026-01-01", "event_id": "x"}
    async with opened(core.open_engine([good, {"user": "a"}, {"event": "b"}, good])) as face:
        assert "2 rejected" in face.status
        await face.press("!")
        face.screen(Source)
        assert drawn_lines(face.app.screen.query_one(SourceLines))[:7] == [
            " list",
            "   records · 4 rows",
            "   user: user · event: event",
            "   time: time, ISO text, UTC where it names no zone",
            "   duplicates by event_id",
            " 1 duplicate left out",
            " Why rows were rejected",
        ]
        lines = drawn_lines(face.app.screen.query_one(SourceLines))[10:]
        assert [line.split(":")[0] for line in lines] == ["   row 2", "   row 3"]
        assert "How it was read · 4 rows, 2 rejected" in face.text
        for leave in ("escape", "q", "!"):
            await face.press(leave)
            face.screen(Explorer)
            await face.press("!")
            face.screen(Source)


async def test_the_reasons_of_rejected_rows_are_counted_the_most_frequent_first() -> None:
    good = {"user": "a", "event": "b", "time": "2026-01-01"}
    late = [{**good, "time": time} for time in ("soon", "it's", "in 'time'")]
    rows = [good, *[{**good, "user": ""}] * 2, *late, *[good] * 1_200]
    async with opened(core.open_engine(rows)) as face:
        await face.press("!")
        lines = drawn_lines(face.app.screen.query_one(SourceLines))
        assert lines[4:8] == [
            " Why rows were rejected",
            "   3 unreadable time in 'time'",
            "   2 no user in 'user'",
            " The rows",
        ]
    async with opened(core.open_engine([good, *[{**good, "user": ""}] * 1_200])) as face:
        await face.press("!")
        lines = drawn_lines(face.app.screen.query_one(SourceLines))
        assert lines[4:6] == [
            " Why rows were rejected, of the first 1,000",
            "   1,000 no user in 'user'",
        ]


async def test_no_rejected_rows_is_said_in_words() -> None:
    async with opened(demo_engine()) as face:
        await face.press("!")
        assert "Every row that was read is an event." in face.text


async def test_a_long_warning_is_told_to_its_end() -> None:
    times = ("1970-01-01T00:00:00Z", "2026-01-01T00:00:00Z")
    rows = [{"user": "a", "event": "b", "time": time} for time in times]
    async with opened(core.open_engine(rows)) as face:
        await face.press("!")
        for part in ("! the times span an unlikely range, from", "in list row 2"):
            assert part in face.text


@pytest.mark.parametrize("dialog", ["?", "x", "a", "f", "t", "i", "!", "ctrl+o", "ctrl+p", "/"])
async def test_control_c_leaves_from_any_dialog(dialog: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press({"?": "question_mark", "/": "slash"}.get(dialog, dialog))
        await face.pilot.press("ctrl+c")
        await until(face.pilot, lambda: not face.app.is_running or face.app._exit)
    assert face.app.return_code == 0


@pytest.mark.parametrize(("pane", "key"), [("1", "q"), ("2", "q"), ("3", "q"), ("1", "ctrl+q")])
async def test_leaving_from_any_pane(pane: str, key: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press(pane)
        await face.pilot.press(key)
    assert face.app.return_code == 0


async def test_without_colours_a_line_shows_what_the_palette_would_do(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p")
        commands = face.app.screen.query_one(CommandList)
        await until(face.pilot, lambda: commands.highlighted == 0 and commands.option_count > 1)
        lines = [commands.render_line(y) for y in range(4)]
        underlined = [all(part.style and part.style.underline for part in line) for line in lines]
        assert underlined == [True, True, False, False]


async def test_a_palette_that_closes_while_it_looks_for_commands_ends_nothing_else() -> None:
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p")
        palette = face.screen(ActionsPalette)
        await palette.query("*").remove()
        palette._list_visible = not palette._list_visible
        palette._show_busy = not palette._show_busy
        await face.settled()
        palette.dismiss()
        await face.settled()
        assert face.app.screen is face.explorer
