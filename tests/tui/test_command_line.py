"""Flags, completions, the man page, and what is printed without a screen."""

import csv
import io
import json
import subprocess
from itertools import chain
from pathlib import Path

import pytest

import tracer_tui
from tests.tui.driving import DEMO
from tracer_tui.cli import main
from tracer_tui.completions import completion
from tracer_tui.crash import keep, report, state_folder
from tracer_tui.flags import build_parser
from tracer_tui.keys import bindings_by_place

STAGES = "home,product,cart,payment,purchase"
FLAGS = sorted(
    flag
    for action in build_parser()._actions
    for flag in action.option_strings
    if flag.startswith("--")
)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    with pytest.raises(SystemExit) as left:
        main(arguments)
    told = capsys.readouterr()
    assert isinstance(left.value.code, int)
    return left.value.code, told.out, told.err


def test_the_funnel_as_csv(capsys: pytest.CaptureFixture[str]) -> None:
    code, out, _ = run(capsys, str(DEMO), "--stages", STAGES, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(out)))
    assert code == 0
    assert [(row["stage"], row["count"]) for row in rows][-1] == ("purchase", "3")


def test_a_list_has_as_many_rows_as_the_number_says(capsys: pytest.CaptureFixture[str]) -> None:
    for text, number in (("left@4", 2), ("went_on@4", 3), ("reached@5", 3), ("everybody", 5)):
        _, out, _ = run(capsys, str(DEMO), "--stages", STAGES, "--list", text)
        assert len(list(csv.reader(io.StringIO(out)))) == number + 1
    _, out, _ = run(capsys, str(DEMO), "--stages", STAGES, "--list", "left@4", "--format", "json")
    assert [row["user"] for row in json.loads(out)] == ["bo", "dee"]


def test_a_users_events_as_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, str(DEMO), "--user", "dee", "--format", "md")
    assert len(out.splitlines()) == 12
    assert r"payment\_error" in out


def test_a_users_events_as_json_and_the_document(capsys: pytest.CaptureFixture[str]) -> None:
    _, out, _ = run(capsys, str(DEMO), "--user", "dee", "--format", "json")
    events = json.loads(out)
    assert len(events) == 10
    assert events[0]["properties"] == {"country": "FR", "device": "tablet"}
    _, out, _ = run(capsys, str(DEMO), "--user", "dee", "--json")
    assert json.loads(out)["journeys"][0]["event_count"] == 10


def test_out_writes_a_new_file_and_replaces_none(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    path = tmp_path / "out.json"
    code, out, _ = run(capsys, str(DEMO), "--json", "--out", str(path))
    assert (code, out) == (0, "")
    assert json.loads(path.read_text())["journeys_count"] == 5
    code, _, err = run(capsys, str(DEMO), "--json", "--out", str(path))
    assert code == 2
    assert "is there already: name another file" in err


def test_a_saved_funnel_is_asked_and_flags_change_it(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data = tmp_path / "events.json"
    data.write_bytes(DEMO.read_bytes())
    tmp_path.joinpath("tracer.toml").write_text(
        '[funnels.buy]\nstages = "home,purchase"\ntimeout = "5m"\n'
    )
    _, out, _ = run(capsys, str(data), "--json", "--funnel", "buy", "--timeout", "10m")
    document = json.loads(out)
    assert document["session_timeout_minutes"] == 10
    assert [stage["stage"] for stage in document["funnel"]["stages"]] == ["home", "purchase"]
    code, _, err = run(capsys, str(data), "--json", "--funnel", "bye")
    assert (code, "did you mean buy" in err) == (2, True)


@pytest.mark.parametrize("text", ["left@9", "left", "gone@1"])
def test_a_list_that_is_none_is_refused(capsys: pytest.CaptureFixture[str], text: str) -> None:
    code, out, err = run(capsys, str(DEMO), "--stages", STAGES, "--list", text)
    assert (code, out) == (2, "")
    assert len(err.splitlines()) == 1


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_know_every_flag(capsys: pytest.CaptureFixture[str], shell: str) -> None:
    code, out, _ = run(capsys, "--completion", shell)
    assert code == 0
    for flag in FLAGS:
        assert (flag[2:] if shell == "fish" else flag) in out
    assert "bash zsh fish" in out


def in_bash(script: str) -> str:
    return subprocess.run(
        ["bash", "-c", script], check=True, capture_output=True, text=True
    ).stdout.strip()


def test_the_completion_for_bash_completes() -> None:
    script = completion(build_parser(), "bash")
    asked = 'COMP_WORDS=(tracer-tui --sco); COMP_CWORD=1; _tracer_tui; echo "${COMPREPLY[@]}"'
    assert in_bash(f"{script}\n{asked}") == "--scope"
    asked = 'COMP_WORDS=(tracer-tui --scope u); COMP_CWORD=2; _tracer_tui; echo "${COMPREPLY[@]}"'
    assert in_bash(f"{script}\n{asked}") == "users"


@pytest.mark.parametrize(
    ("typed", "offered"),
    [
        ("--out", "here.json"),
        ("--alias", "here.json"),
        ("--demo", "here.json"),
        ("", "here.json"),
        ("--timeout", "30m off"),
        ("--order", "ordered strict any"),
        ("--format", "json csv md"),
        ("--user", ""),
        ("--stages", ""),
        ("--tz", ""),
    ],
)
def test_files_are_completed_only_where_a_file_is_meant(
    typed: str, offered: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    folder.joinpath("here.json").touch()
    monkeypatch.chdir(folder)
    script = completion(build_parser(), "bash")
    words = f"tracer-tui {typed}"
    asked = f"COMP_WORDS=({words} ''); COMP_CWORD={len(words.split())}; _tracer_tui"
    assert in_bash(f'{script}\n{asked}; echo "${{COMPREPLY[@]}}"') == offered


def test_fish_and_zsh_complete_files_only_where_a_file_is_meant() -> None:
    fish = completion(build_parser(), "fish")
    zsh = completion(build_parser(), "zsh")
    for action in build_parser()._actions:
        flag = action.option_strings[-1:]
        if flag and action.nargs != 0:
            is_file = action.metavar == "FILE"
            (line,) = (line for line in fish.splitlines() if f" -l {flag[0][2:]} " in line)
            assert (" -f " not in line) == is_file
            (line,) = (line for line in zsh.splitlines() if f"'{flag[0]}[" in line)
            assert line.endswith(":value:_files' \\") == is_file


def test_the_completion_for_zsh_tells_helps_as_they_are_and_may_be_sourced() -> None:
    script = completion(build_parser(), "zsh")
    # What zsh would read is quoted as bash quotes it: one word a line of `_arguments`.
    asked = '_arguments() { printf \'%s\\n\' "$@"; }; compdef() { echo "$@"; $1; }'
    told = in_bash(f"{asked}\n{script}").splitlines()
    assert told[0] == "_tracer_tui tracer-tui"
    assert "--user[only this user's journeys]:value: " in told
    assert "--timeout[session timeout (default 30m)]:value:(30m off)" in told
    assert r"--alias[two columns\: an id, and the user it belongs to]:value:_files" in told


def test_the_man_page_knows_every_flag() -> None:
    page = Path(tracer_tui.__file__).with_name("tracer-tui.1").read_text()
    known = page.replace("\\-", "-")
    assert [flag for flag in FLAGS if flag not in known] == []


def test_the_man_page_knows_every_key_by_its_id() -> None:
    page = Path(tracer_tui.__file__).with_name("tracer-tui.1").read_text().replace("\\-", "-")
    table = page.partition(".nf\n")[2].partition(".fi\n")[0]
    told = {tuple(line.split(maxsplit=2)) for line in table.splitlines()}
    every = chain.from_iterable(bindings_by_place().values())
    assert told == {(binding.id, binding.key, binding.description) for binding in every}


def test_a_crash_leaves_places_in_the_code_and_no_data() -> None:
    user = "ana" + "@example.com"
    try:
        try:
            raise KeyError(user)
        except KeyError as error:
            raise RuntimeError(f"no {user}") from error
    except RuntimeError as error:
        told = keep(error)
        text = report(error)
    assert "tracer-tui broke: RuntimeError" in told
    kept = state_folder().joinpath("crash.txt").read_text()
    assert kept == text
    assert "KeyError" in kept
    assert "test_command_line.py:" in kept
    assert "ana@" not in kept + told
