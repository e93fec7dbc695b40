"""Settings of one's own: what they do, and how a mistake in them is told."""

import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

import core
from core.study import Study
from tests.tui.driving import PATIENCE, Face, demo_engine, until
from tests.tui.test_typing_ahead import type_at_once
from tracer_tui.app import TracerApp
from tracer_tui.config import Config, load_config
from tracer_tui.saved import SavedFunnels, config_folder
from tracer_tui.screens import output_keys


def given(folder: Path, text: str) -> Config:
    folder.joinpath("config.toml").write_text(text)
    return load_config(folder)


@asynccontextmanager
async def keyed(
    engine: core.LocalEngine, keys: dict[str, str], *, is_picking: bool = False
) -> AsyncIterator[Face]:
    """The app with keys of one's own."""
    app = TracerApp(
        *(lambda cancelled, progress: engine, Study(), "demo"),
        config=Config(keys=keys),
        is_picking=is_picking,
    )
    async with app.run_test(notifications=True) as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None)
        await face.settled()
        yield face


def test_without_a_file_everything_is_at_its_default(tmp_path: Path) -> None:
    assert load_config(tmp_path) == Config()
    assert load_config() == Config()


def test_settings_are_read(tmp_path: Path) -> None:
    text = 'theme = "nord"\nmouse = false\n[keys]\n"timeout.shorter" = "f7"\n'
    assert given(tmp_path, text) == Config("nord", False, {"timeout.shorter": "f7"})


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ('\ntheem = "nord"', 2, "there is no setting 'theem'; did you mean theme"),
        ('theme = "nrod"', 1, "there is no theme 'nrod'; did you mean nord"),
        ("# mine\nmouse = 1", 2, "mouse is true or false, and 1 is not"),
        ('[keys]\n"timeout.shortr" = "f7"', 2, "did you mean timeout.shorter"),
        ('[keys]\n"timeout.shorter" = 7', 2, "a key is a text such as 'f7'"),
        ('[keys]\n\n"timeout.shorter" = "s"', 3, "the key 's' would do both"),
        ('[keys]\n"funnel.left" = "c"', 2, "would do both"),
        ('[keys]\n"users.sort" = "x"\n"out.export" = "S"', 2, ""),
    ],
)
def test_a_mistake_is_told_with_its_line(
    tmp_path: Path, text: str, line: int, message: str
) -> None:
    if not message:
        assert given(tmp_path, text).keys == {"users.sort": "x", "out.export": "S"}
        return
    with pytest.raises(core.QuestionError, match=f"config.toml, line {line}: .*{message}"):
        given(tmp_path, text)


def test_a_file_that_is_no_toml_is_told_with_its_line(tmp_path: Path) -> None:
    with pytest.raises(core.QuestionError, match="line 2"):
        given(tmp_path, "mouse = true\nmouse = = 1")


async def test_a_key_of_ones_own_works_and_the_old_one_does_not() -> None:
    config = Config(theme="textual-light", keys={"timeout.shorter": "f7"})
    app = TracerApp(lambda cancelled, progress: demo_engine(), Study(), "demo", config=config)
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None)
        await face.settled()
        assert app.theme == "textual-light"
        before = face.study
        await face.press("[")
        assert face.study == before
        await face.press("f7")
        assert face.study.timeout == 20 * 60_000_000


async def test_texts_name_the_keys_that_are_in_force(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    keys = {
        "app.help": "f2,f3",
        "timeout.shorter": "less_than_sign",
        "funnel.drop_off": "ctrl+w",
        "funnel.save": "f4",
        "funnel.open": "O",
        "study.exact": "ctrl+e",
    }
    async with keyed(demo_engine(), keys) as face:
        hint = "f2 keys · ctrl+p everything · < ] timeout · 3, enter: who left · ctrl+w what t…"
        assert hint in face.status
        await face.press("O")
        assert face.notes == ["No funnel is saved yet: f4 saves this one"]
        await face.press("f4")
        assert "it can be opened with O, or with --funnel" in face.text
        assert face.explorer._counts == "ctrl+e counts exactly"


async def test_panes_name_the_keys_that_are_in_force() -> None:
    log = demo_engine().log
    engine = core.LocalEngine(replace(log, report=replace(log.report, warnings=("odd",))))
    async with keyed(engine, {"stage.add": "f6", "app.source": "f8"}) as face:
        assert "1 warning: f8" in face.status
        await face.press("3", *["d"] * len(face.stages))
        assert "No stages yet: press f6 to add one." in face.text


async def test_the_hint_for_picking_names_the_keys_that_are_in_force() -> None:
    keys = {"users.mark": "f5", "users.open": "p"}
    async with keyed(demo_engine(), keys, is_picking=True) as face:
        assert "f5 marks, p prints the users" in face.status


OTHERS = {
    "why.close": "f2",
    "why.apply": "ctrl+a",
    "help.close": "f3",
    "source.close": "f4",
    "drop_off.left": "l",
    "drop_off.went_on": "w",
    "drop_off.close": "f5",
    "picker.complete": "f6",
    "picker.cancel": "f7",
    "prompt.cancel": "f8",
    "saved.open": "o",
    "saved.cancel": "f9",
    "export.up": "f10",
    "export.down": "f11",
    "export.cancel": "f12",
    "pane.funnel": "4",
    "funnel.left": "L",
    "funnel.pin": "M",
    "users.everybody": "f1",
    "app.help": "question_mark",
}


@pytest.mark.parametrize(
    ("keys", "says", "closes"),
    [
        ("i", "f2 closes", "f2"),
        ("question_mark", "f3 closes", "f3"),
        ("!", "f4 closes", "f4"),
        ("4 v", "l lists who left · w who went on · f5 closes", "f5"),
        ("a", "f6 completes · enter takes · f7 cancels", "f7"),
        ("t", "enter takes · f8 cancels", "f8"),
        ("ctrl+o", "o opens · f9 cancels", "f9"),
        ("x", "f10 f11 what · the ending is the format · enter writes", "f12"),
    ],
)
async def test_boxes_name_the_keys_that_are_in_force(keys: str, says: str, closes: str) -> None:
    SavedFunnels((config_folder() / "tracer.toml",)).save("mine", Study())
    async with keyed(demo_engine(), OTHERS) as face:
        await face.press(*keys.split())
        assert str(face.app.screen.query_one(".box").border_subtitle).endswith(says)
        await face.press("escape")
        assert face.app.screen is not face.explorer
        await face.press(closes)
        assert face.app.screen is face.explorer


async def test_lines_of_the_panes_name_the_keys_that_are_in_force() -> None:
    async with keyed(demo_engine(), OTHERS) as face:
        await face.press("4", "c", "slash", *"nobody", "enter")
        assert "No such id: f1 clears this." in face.text
        await face.press("f1", "M")
        assert "M ends it" in face.text


async def test_what_a_box_works_on_is_stopped_by_the_key_that_it_names(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on = threading.Event()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(output_keys, "write_whole", lambda *_, **__: go_on.wait(PATIENCE))
    async with keyed(demo_engine(), OTHERS) as face:
        await face.press("x")
        type_at_once(face.app, ["enter", "escape"])
        await until(face.pilot, lambda: "writing… f12 stops it" in face.text)
        type_at_once(face.app, ["f12"])
        await until(face.pilot, lambda: "writing…" not in face.text)
        go_on.set()
