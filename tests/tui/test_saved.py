"""Funnels in `tracer.toml`: saved, opened, and nothing else in the file touched."""

import tomllib
from pathlib import Path

import pytest

import core
from core.errors import QuestionError
from core.study import Study
from tests.tui.hostile import SHORT
from tracer_tui.saved import SavedFunnels, config_folder, files_for

STUDY = Study(timeout=None, stages=(core.Stage(("a", "b"), name="Both"), core.Stage(("c",))))


def test_a_funnel_that_makes_no_sense_is_told_with_the_line_it_begins_on(tmp_path: Path) -> None:
    file = tmp_path / "tracer.toml"
    file.write_text('[funnels.good]\nwindow = "7d"\n\n[funnels."so so"]\nwindow = "7x"\n')
    with pytest.raises(QuestionError, match=r"toml, line 4: funnel 'so so': --window: '7x'"):
        SavedFunnels((file,)).load()


def test_a_funnel_is_saved_and_read_back(tmp_path: Path) -> None:
    saved = SavedFunnels((tmp_path / "tracer.toml",))
    assert saved.load() == {}
    saved.save("checkout", STUDY)
    other = STUDY.with_window(7).with_scope("users")
    saved.save("by users", other)
    assert saved.load() == {"checkout": STUDY, "by users": other}
    saved.save("checkout", other)
    assert saved.load() == {"checkout": other, "by users": other}


def test_everything_else_in_the_file_stays(tmp_path: Path) -> None:
    file = tmp_path / "tracer.toml"
    file.write_text(
        '# mine\n[other]\nkey = 1 # kept\n\n[funnels.checkout]\nstages = ["x", "y"]\n\n'
        '[funnels."b c"]\nstages = "p,q"\n'
    )
    saved = SavedFunnels((file,))
    assert saved.load()["checkout"].stages == (core.Stage(("x",)), core.Stage(("y",)))
    saved.save("checkout", STUDY)
    text = file.read_text()
    assert text.startswith("# mine\n[other]\nkey = 1 # kept\n\n[funnels.")
    assert text.endswith('[funnels."b c"]\nstages = "p,q"\n')
    assert saved.load()["checkout"] == STUDY
    assert tomllib.loads(text)["other"] == {"key": 1}


@pytest.mark.parametrize("kind", SHORT)
def test_any_name_and_any_event_can_be_saved(tmp_path: Path, kind: str) -> None:
    name = SHORT[kind]
    saved = SavedFunnels((tmp_path / "tracer.toml",))
    study = Study(stages=(core.Stage((name,), name=name),))
    saved.save(name, study)
    saved.save("after", STUDY)
    assert saved.load() == {name: study, "after": STUDY}


def test_the_first_file_comes_first_and_is_written_to(tmp_path: Path) -> None:
    own, beside = tmp_path / "own" / "tracer.toml", tmp_path / "tracer.toml"
    saved = SavedFunnels((beside, own))
    assert SavedFunnels((own,)).save("a", STUDY) == own
    assert saved.save("b", STUDY) == own  # the one there is
    assert SavedFunnels((beside,)).save("a", STUDY.with_window(1)) == beside
    assert saved.load()["a"].window == 1


def test_a_funnel_that_cannot_be_asked_is_told_with_its_file_and_name(tmp_path: Path) -> None:
    file = tmp_path / "tracer.toml"
    for text, message in (
        ('[funnels.a]\nwindow = "7"', "funnel 'a': --window: '7' has no unit"),
        ("[funnels]\na = 1", "'a' is no table"),
        ("funnels = 3", "funnels is no table"),
        ("# mine\n[funnels.a]\nstages = 5", "line 2: funnel 'a': stages is text or a list of"),
        ("[funnels.a]\nexclude = [1]", "exclude is text or a list of texts, not"),
        ("[funnels", "cannot read"),
    ):
        file.write_text(text)
        with pytest.raises(core.QuestionError, match=message):
            SavedFunnels((file,)).load()


def test_files_are_beside_the_data_and_in_ones_own_folder(tmp_path: Path) -> None:
    data = tmp_path / "events.json"
    data.write_text("[]")
    assert files_for([str(data)]) == [tmp_path / "tracer.toml", config_folder() / "tracer.toml"]
    assert files_for([str(tmp_path)])[0] == tmp_path / "tracer.toml"
    assert files_for(["-"]) == files_for([]) == [config_folder() / "tracer.toml"]
