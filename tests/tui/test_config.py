"""Settings of one's own: what they do, and how a mistake in them is told."""

from pathlib import Path

import pytest

import core
from core.study import Study
from tests.tui.driving import Face, demo_engine, until
from tracer_tui.app import TracerApp
from tracer_tui.config import Config, load_config


def given(folder: Path, text: str) -> Config:
    folder.joinpath("config.toml").write_text(text)
    return load_config(folder)


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
