"""What is taken out of the screen: files, copies, saved funnels, and the funnel beside another."""

import csv
import errno
import io
import json
import os
import shlex
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from textual.command import CommandPalette
from textual.events import MouseMove
from textual.widgets import Input, Label

from core.funnel import Exclusion
from core.settings import NAMES, study_of
from core.study import Study
from core.tables import Table
from tests.tui.driving import (
    FIVE,
    PATIENCE,
    WIDE,
    Face,
    Gate,
    demo_engine,
    drawn_lines,
    engine_of,
    handled,
    opened,
    study,
    until,
)
from tests.tui.hostile import SHORT
from tests.tui.test_hostile import check, hostile_engine
from tests.tui.test_typing_ahead import type_at_once
from tracer_tui.app import TracerApp
from tracer_tui.cli import how_read
from tracer_tui.flags import build_parser
from tracer_tui.saved import SavedFunnels, config_folder
from tracer_tui.screens import output_keys
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.export_box import ExportBox
from tracer_tui.screens.funnel_picker import FunnelPicker
from tracer_tui.screens.prompt import Prompt

ASKED = study(",".join(FIVE))


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def written(name: str) -> str:
    return Path(name).read_text()


def write(name: str, text: str) -> None:
    Path(name).write_text(text)


async def export(face: Face, moves: int, name: str) -> None:
    await face.press("x", *["down"] * moves)
    face.screen(ExportBox).query_one(Input).value = name
    await face.press("enter")


async def test_the_list_is_written_as_it_is_shown(tmp_path: Path) -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("3", "enter", "x")
        assert face.screen(ExportBox).query_one(Input).value == "list.csv"
        await face.press("enter")
        rows = list(csv.DictReader(io.StringIO(written("list.csv"))))
        assert [row["user"] for row in rows] == face.listed == ["dee", "bo"]
        assert face.notes == [f"Written to {tmp_path / 'list.csv'}: 2 rows"]


async def test_funnel_timeline_and_picture_are_written() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await export(face, 1, "funnel.json")
        stages = json.loads(written("funnel.json"))
        assert [stage["count"] for stage in stages] == face.counts
        assert stages[0]["median_seconds_to_next"] == 50
        await export(face, 2, "eli.md")
        assert len(written("eli.md").splitlines()) == 2 + len(face.trail)
        await face.press("x", "down", "down", "down")
        assert face.screen(ExportBox).query_one(Input).value == "picture.svg"
        await face.press("enter")
        assert written("picture.svg").startswith("<svg")


async def test_a_file_that_is_there_is_replaced_only_when_said_twice() -> None:
    write("list.csv", "old")
    async with opened(demo_engine(), ASKED) as face:
        await face.press("x", "enter")
        assert "is there already: enter again replaces it" in face.text
        await face.press("escape")
        assert written("list.csv") == "old"
        await face.press("x", "enter", "enter")
        assert written("list.csv").startswith("user,")


async def test_a_name_without_a_format_is_refused() -> None:
    async with opened(demo_engine(), ASKED) as face:
        for name in ("list.txt", "list", ".csv", ""):
            await export(face, 0, name)
            assert "end the name in .json or .csv or .md" in face.text
            face.screen(ExportBox)
            await face.press("escape")
            face.screen(Explorer)


@pytest.mark.parametrize(
    ("path", "reason"),
    [
        ("not/there.csv", "No such file or directory"),
        ("~nobody-of-that-name/list.csv", "No such file or directory"),
        (f"{'long' * 99}.csv", "File name too long"),
        ("closed/list.csv", "Permission denied"),
    ],
)
async def test_a_path_that_cannot_be_written_stays_to_be_mended(
    path: str, reason: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(prefix: str, dir: Path) -> tuple[int, str]:  # noqa: A002 - as the module has it
        if str(dir) == "closed":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return mkstemp(prefix=prefix, dir=dir)

    mkstemp = tempfile.mkstemp
    monkeypatch.setattr(tempfile, "mkstemp", refuse)
    async with opened(demo_engine(), ASKED) as face:
        await export(face, 0, path)
        field = face.screen(ExportBox).query_one(Input)
        assert field.value == path
        problem = face.app.screen.query_one("#export-problem", Label)
        assert str(problem.content) == f"cannot write {path}: {reason}"
        assert face.notes == []
        field.value = "list.csv"
        await face.press("enter")
        face.screen(Explorer)
        assert written("list.csv").startswith("user,")


@pytest.mark.parametrize("is_stopped", [False, True])
async def test_while_a_file_is_written_keys_wait_and_escape_stops_it(
    is_stopped: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on = threading.Event(), threading.Event()

    def rows(*_: object) -> Iterator[tuple[str]]:
        begun.set()
        assert go_on.wait(PATIENCE)
        yield ("ana",)

    monkeypatch.setattr(output_keys, "users_table", lambda *_: Table(["user"], rows()))
    async with opened(demo_engine(), ASKED) as face:
        await face.press("x")
        type_at_once(face.app, ["enter", "right_square_bracket"])
        await until(face.pilot, begun.is_set)
        await handled(face.pilot)
        assert "writing… esc stops it" in face.text
        if is_stopped:
            type_at_once(face.app, ["escape"])
            await handled(face.pilot)
            assert "writing…" not in face.text
            assert face.screen(ExportBox).query_one(Input).value == "list.csv"
            await face.press("escape")
        go_on.set()
        await face.settled()
        face.screen(Explorer)
        assert face.study == (ASKED if is_stopped else ASKED.with_timeout(45 * 60_000_000))
        await until(face.pilot, lambda: not list(tmp_path.glob(".list*")))
    assert (tmp_path / "list.csv").exists() != is_stopped


async def test_rows_are_copied_exactly_as_they_stand_in_the_data() -> None:
    async with opened(hostile_engine(), size=WIDE) as face:
        await face.press("slash", *"]52", "enter", "y")
        assert face.app.clipboard == face.user
        check(face)
        await face.press("2", "j", "y")
        assert face.app.clipboard.endswith(f"\t{face.trail.name(0)}")
        check(face)


async def test_a_stage_and_marked_users_are_copied() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("3", "G", "y")
        assert face.app.clipboard == "purchase\t3\t0.6"
        await face.press("1", "space", "space", "y")
        assert face.app.clipboard == "eli\ndee"
        assert "Sent to the terminal's clipboard" in face.notes[0]


async def test_the_command_that_is_copied_asks_the_same_question_of_the_same_source() -> None:
    async with opened(demo_engine(), ASKED) as face:
        face.explorer._sources = ["my events.csv"]
        await face.press("[", "s", "{", "Y")
        program, source, *flags = shlex.split(face.app.clipboard)
        assert (program, source) == ("tracer-tui", "my events.csv")
        options = build_parser().parse_args(flags)
        assert study_of({name: getattr(options, name) for name in NAMES}) == face.study


async def test_what_begins_with_a_dash_is_no_flag_of_the_command_that_is_copied() -> None:
    asked = replace(ASKED, user="-bo", where="-1 < 2")
    async with opened(engine_of(("-bo", "home", 0)), asked) as face:
        face.explorer._sources = ["-", "-my.csv"]
        await face.press("Y")
        assert face.app.clipboard.endswith("'--where=-1 < 2' --user=-bo")
        options = build_parser().parse_args(shlex.split(face.app.clipboard)[1:])
        assert options.sources == ["-", "./-my.csv"]
        assert study_of({name: getattr(options, name) for name in NAMES}) == asked


async def test_the_command_that_is_copied_says_how_the_source_is_read() -> None:
    line = "--table events --user-field=-id --tz Asia/Tokyo --sample 5% --exact"
    flags = how_read(build_parser().parse_args(line.split()))
    app = TracerApp(
        lambda cancelled, progress: demo_engine(), ASKED, "x", sources=["a.db"], how_read=flags
    )
    async with app.run_test() as pilot:
        await until(pilot, lambda: isinstance(app.screen, Explorer))
        await pilot.press("Y")
        await until(pilot, lambda: app.clipboard != "")
    command = shlex.split(app.clipboard)
    assert command[:2] == ["tracer-tui", "a.db"]
    assert how_read(build_parser().parse_args(command[2:])) == flags


@pytest.mark.parametrize("name", ["a|b", "*", "k=v", "x,y", "a where b"])
async def test_an_event_with_the_signs_of_stages_in_its_name_stays_that_event(name: str) -> None:
    async with opened(engine_of(("u", "a", 0), ("u", name, 1), ("u", "b", 2)), study("a")) as face:
        await face.press("a")
        face.app.screen.query_one(Input).value = name
        await face.press("enter", "Y")
        asked = face.study
        assert [stage.any_of for stage in asked.stages] == [("a",), (name,)]
        assert face.counts == [1, 1]
        options = build_parser().parse_args(shlex.split(face.app.clipboard)[1:])
        assert study_of({each: getattr(options, each) for each in NAMES}) == asked
        await face.press("ctrl+s", *"mine", "enter", "u")
        assert face.study == study("a")
        await face.press("ctrl+o", "enter")
        assert face.study == asked


@pytest.mark.parametrize("name", ["cart:remove", "x@1..2", "a,b|*", "-x", "k=v", "a where b"])
async def test_an_excluded_event_with_such_signs_in_its_name_stays_that_event(name: str) -> None:
    rows = [("u", "a", 0.0), ("u", name, 1.0), ("u", "b", 2.0), ("w", "a", 0.0), ("w", "b", 1.0)]
    asked = replace(study("a,b"), exclusions=(Exclusion((name,)),))
    async with opened(engine_of(*rows), asked) as face:
        assert face.counts == [2, 1]
        await face.press("Y")
        options = build_parser().parse_args(shlex.split(face.app.clipboard)[1:])
        assert study_of({each: getattr(options, each) for each in NAMES}) == asked
        await face.press("ctrl+s", *"mine", "enter", "s", "u")
        assert face.study == asked
        await face.press("s", "ctrl+o", "enter")
        assert face.study == asked
        assert face.counts == [2, 1]


@pytest.mark.parametrize("key", ["Y", "ctrl+s"])
async def test_what_is_copied_or_saved_is_the_question_that_was_asked_last(key: str) -> None:
    engine = Gate(demo_engine().log)
    async with opened(engine, ASKED) as face:
        engine.close()
        type_at_once(face.app, ["s", key])
        await until(face.pilot, lambda: ASKED.with_scope("users") in engine.asked)
        engine.open()
        await face.settled()
        if key == "ctrl+s":
            await face.press(*"mine", "enter")
            assert "scope" in (config_folder() / "tracer.toml").read_text()
        else:
            assert face.app.clipboard.endswith("--scope users")


async def test_the_command_that_is_copied_can_be_read_whole() -> None:
    async with opened(demo_engine(), ASKED) as face:
        face.explorer._sources = ["https://example.org/events/of/the/shop.ndjson"]
        await face.press("s", "o", "{", "Y")
        notes = [line.split("▌")[1][:38] for line in face.text.splitlines() if "▌" in line]
        assert face.app.clipboard.replace(" ", "") in "".join(notes).replace(" ", "")
        assert len(face.app.clipboard) > 120


async def test_a_funnel_is_saved_and_opened_again() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("[", "ctrl+s", *"mine", "enter")
        assert face.notes[0].startswith("Saved as mine in ")
        assert (config_folder() / "tracer.toml").exists()
        saved = face.study
        await face.press("]", "]", "s", "ctrl+o")
        face.screen(FunnelPicker)
        assert "home → product → cart" in face.text
        await face.press("enter")
        assert face.study == saved
        await face.press("u")
        assert face.study == saved.with_timeout(45 * 60_000_000).with_scope("users")


async def test_a_funnel_takes_the_place_of_another_only_when_that_is_said_twice() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("ctrl+s", *"mine", "enter", "[", "ctrl+s", *"mine", "enter")
        assert "mine is there already: enter again replaces it" in face.text
        assert len(face.notes) == 1
        await face.press("2", "backspace")
        assert "mine is there already" not in face.text
        await face.press("enter", "enter")
        assert len(face.notes) == 2
        assert SavedFunnels((config_folder() / "tracer.toml",)).load() == {"mine": face.study}


async def test_a_name_under_which_nothing_could_be_saved_stays_to_be_tried_again() -> None:
    async with opened(demo_engine(), ASKED) as face:
        config_folder().parent.mkdir(parents=True, exist_ok=True)
        await face.press("ctrl+s", *"mine")
        config_folder().write_text("in the way of the folder")
        await face.press("enter")
        box = face.screen(Prompt)
        assert "cannot" in face.text
        assert box.query_one(Input).value == "mine"
        assert face.notes == []
        await face.press("2")
        assert "cannot" not in face.text
        config_folder().unlink()
        await face.press("enter")
        face.screen(Explorer)
        assert face.notes[0].startswith("Saved as mine2 in ")


async def test_a_name_that_no_file_can_hold_is_refused_where_it_can_be_mended() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("ctrl+s")
        field = face.screen(Prompt).query_one(Input)
        field.value = "mine\ud800"
        await face.press("enter")
        assert "cannot write" in face.text
        await face.press("backspace", "enter")
        assert face.notes[0].startswith("Saved as mine in ")


async def test_a_file_of_funnels_that_became_unreadable_is_told_of_beside_the_name() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("ctrl+s", *"mine")
        config_folder().mkdir(parents=True)
        (config_folder() / "tracer.toml").write_text("[funnels")
        await face.press("enter")
        assert "cannot read" in face.text
        assert face.screen(Prompt).query_one(Input).value == "mine"
        assert (config_folder() / "tracer.toml").read_text() == "[funnels"


async def test_there_is_nothing_to_open_before_anything_is_saved() -> None:
    async with opened(demo_engine(), ASKED) as face:
        await face.press("ctrl+o")
        assert face.notes == ["No funnel is saved yet: ctrl+s saves this one"]
        await face.press("ctrl+s", "enter")
        assert "a name is needed" in face.text
        await face.press("escape")
        config_folder().mkdir(parents=True)
        (config_folder() / "tracer.toml").write_text("[funnels")
        await face.press("ctrl+o")
        assert "cannot read" in face.notes[-1]


async def test_the_palette_opens_each_saved_funnel_by_its_name() -> None:
    asked = {name: ASKED.with_timeout(at * 60_000_000) for at, name in enumerate(SHORT.values())}
    saved = SavedFunnels((config_folder() / "tracer.toml",))
    for name, its_study in asked.items():
        saved.save(name, its_study)
    async with opened(demo_engine(), ASKED, size=WIDE) as face:
        await face.press("ctrl+p")
        check(face)
        face.app.screen.query_one(Input).value = "open funnel: [@click=app.quit]"
        await until(face.pilot, lambda: f"Open funnel: {SHORT['action']}" in face.text)
        check(face)
        await face.press("enter")
        await until(face.pilot, lambda: face.study == asked[SHORT["action"]])
        await face.press("u")
        assert face.study == ASKED


async def test_the_palette_tells_that_saved_funnels_cannot_be_read() -> None:
    config_folder().mkdir(parents=True)
    (config_folder() / "tracer.toml").write_text("[funnels")
    async with opened(demo_engine(), ASKED) as face:
        await face.press("ctrl+p")
        assert isinstance(face.app.screen, CommandPalette)
        assert "cannot read" in face.notes[-1]


async def test_beside_another_names_have_the_room_that_nothing_else_needs() -> None:
    names = ["began the free trial now", "asked for all the prices", "bought"]
    rows = [("u", name, float(place)) for place, name in enumerate(names)]
    async with opened(engine_of(*rows), study(",".join(names))) as face:
        await face.press("m")
        lines = drawn_lines(face.bars, width=78)
        assert [name in line for name, line in zip(names, lines, strict=True)] == [True] * 3
        assert max(map(len, lines)) <= 78
        await face.press("3", "g", ">")
        lines = drawn_lines(face.bars, width=78)
        assert [line[:16] for line in lines] == [
            *(" ① asked for al…", " ② began the fr…", " ③ bought       ")
        ]
        assert [line[65:] for line in lines] == [" began the…", " asked for…", ""]
        wide = "\n".join(drawn_lines(face.bars, width=118))
        assert [wide.count(name) for name in names] == [2, 2, 1]


async def test_a_funnel_is_held_beside_the_present_one() -> None:
    async with opened(demo_engine(), ASKED, size=WIDE) as face:
        await face.press("m", "[", "[", "[")
        lines = drawn_lines(face.bars, 116)
        assert face.counts == [6, 6, 5, 3, 0]
        for line, before, now in zip(lines, (5, 5, 5, 5, 3), face.counts, strict=True):
            numbers = line.replace("%", "").split("│")
            assert numbers[0].split()[-2] == str(now)
            assert numbers[1].split()[0] == str(before)
        assert lines[4].endswith("−60.0 pp")
        assert "Beside: sessions · ordered · window off · timeout 30m" in face.text
        await face.press("3", "G", "d", "m")
        assert "Beside" not in face.text
        assert "│" not in drawn_lines(face.bars, 116)[0]


@pytest.mark.parametrize("width", [78, 118, 158])
async def test_the_lines_of_two_funnels_fit_and_their_bars_have_one_scale(width: int) -> None:
    rows = [(f"u{i:04}", f"{name}_{'x' * 30}", i) for i in range(10_001) for name in "ab"]
    long = ",".join(f"{name}_{'x' * 30}" for name in "ab")
    async with opened(engine_of(*rows), study(long)) as face:
        await face.press("m", "3", "g", ">", "a", *"*", "enter")
        lines = drawn_lines(face.bars, width)
        assert len({line.index("│") for line in lines}) == 1
        assert all(len(line) <= width for line in lines)
        assert lines[0].endswith("…" if width < 158 else "x")
        assert lines[2].endswith("no such stage")


async def test_undo_and_redo_go_through_every_change_of_the_question() -> None:
    async with opened(demo_engine(), ASKED) as face:
        seen = [face.study]
        for keys in (["["], ["s"], ["o"], ["{"], ["3", "g", ">"], ["d"], ["E", *"Go", "enter"]):
            await face.press(*keys)
            assert face.study != seen[-1]
            seen.append(face.study)
        for expected in reversed(seen[:-1]):
            await face.press("u")
            assert face.study == expected
        await face.press("u")
        assert face.study == seen[0]
        for expected in seen[1:]:
            await face.press("ctrl+r")
            assert face.study == expected
        await face.press("u", "]", "ctrl+r")
        assert face.study.timeout == seen[-2].with_timeout(30 * 60_000_000).timeout


async def test_a_stage_is_named_dragged_and_edited_in_place() -> None:
    async with opened(demo_engine(), ASKED, size=WIDE) as face:
        await face.press("3", "g", "E", *"Front door", "enter")
        assert face.stages[0] == "Front door"
        assert face.counts == [5, 5, 5, 5, 3]
        await face.press("e", "enter")
        assert face.stages[0] == "Front door"
        await face.press("E", *["backspace"] * 10, "enter")
        assert face.stages == FIVE
        width = face.bars.scrollable_content_region.width
        x = "".join(text for text, *_ in face.bars.draw_line(3, width)).index("2 left")
        await face.pilot.mouse_down(face.bars, offset=(x, 1))
        await face.pilot._post_mouse_events([MouseMove], face.bars, offset=(x, 2), button=1)
        assert face.bars.cursor == 1  # one line is titles
        await face.pilot.hover(face.bars, offset=(x, 3))
        assert face.bars.cursor == 1
        await face.pilot.mouse_up(face.bars, offset=(x, 3))
        await face.settled()
        assert face.stages == ["product", "cart", "home", "payment", "purchase"]
        assert face.chips == []
        await face.click(face.bars, (x, 4))
        assert face.chips == ["left at ④ payment"]


async def test_the_first_time_a_hint_stands_there_until_a_key_is_pressed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    async with opened(demo_engine(), ASKED) as face:
        assert "? keys · ctrl+p everything" in face.status
        await face.press("j")
        assert "43 events" in face.status
    async with opened(demo_engine(), ASKED) as face:
        assert "43 events" in face.status


async def test_picking_ends_with_who_is_marked_or_at_the_cursor_and_fails_without() -> None:
    for keys, picked in (
        (["j", "enter"], ["dee"]),
        (["space", "j", "space", "enter"], ["eli", "cy"]),
        (["space", "q"], []),
        (["ctrl+c"], []),
    ):
        app = TracerApp(lambda cancelled, progress: demo_engine(), Study(), "demo", is_picking=True)
        async with app.run_test() as pilot:
            face = Face(pilot, [])
            await until(pilot, lambda face=face: face.opened is not None)  # type: ignore[misc]  # bound now
            await face.settled()
            assert "enter prints the users" in face.status
            assert "enter Print and leave  space Mark " in face.text
            for key in keys:
                await pilot.press(key)
                await pilot.pause()
        assert app.picked == picked
        assert app.return_code == (0 if picked else 1)


async def test_a_suggested_funnel_is_saved_with_its_stages() -> None:
    async with opened(demo_engine(), Study()) as face:
        assert face.study.suggested
        await face.press("ctrl+s", *"mine", "enter")
        (saved,) = SavedFunnels((config_folder() / "tracer.toml",)).load().values()
        assert saved == replace(face.study, suggested=False)
        assert saved.stages
