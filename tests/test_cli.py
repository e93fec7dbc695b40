"""The command line: what it prints, where, and its exit code.

It is a process of its own where that can make a difference: for pipes, terminals and folders, and
for what is loaded. All else is called in this process, which costs a tenth.
"""

import gzip
import io
import json
import os
import pty
import random
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import chdir, redirect_stderr, redirect_stdout
from functools import cache
from pathlib import Path
from typing import Any

import pytest

import core
from tests.tui.hostile import HOSTILE
from tracer_tui.cli import main

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "demo_events.json"
PATIENCE = 60
"""Seconds until a process that hangs is given up."""

Document = dict[str, Any]
Done = subprocess.CompletedProcess[bytes]


def run(
    *arguments: str,
    given: bytes | None = None,
    cwd: Path = ROOT,
    env: Mapping[str, str] | None = None,
    python: Sequence[str] = ("-m", "tracer_tui"),
) -> Done:
    """Run `python -m tracer_tui`; without `given`, nothing is piped in."""
    return subprocess.run(
        [sys.executable, *python, *arguments],
        input=given,
        stdin=subprocess.DEVNULL if given is None else None,
        capture_output=True,
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": str(ROOT), **(env or {})},
        timeout=PATIENCE,
        check=False,
    )


def call(*arguments: str, cwd: Path = ROOT) -> Done:
    """Run the command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8") for _ in range(2))
    with chdir(cwd), redirect_stdout(out), redirect_stderr(err), pytest.raises(SystemExit) as ended:
        main(arguments)
    for stream in (out, err):
        stream.seek(0)
    code: Any = ended.value.code
    return Done(arguments, code, out.buffer.read(), err.buffer.read())


def document(*arguments: str, given: bytes | None = None) -> Document:
    flags = (*arguments, "--json")
    done = call(*flags) if given is None else run(*flags, given=given)
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout.isascii()
    found: Document = json.loads(done.stdout)
    return found


def answer(of: Document) -> Document:
    """A document but for what it says of the files."""
    return {key: value for key, value in of.items() if key != "sources"}


@cache
def demo(*flags: str) -> Document:
    return document(str(DEMO), *flags)


def counts(found: Document) -> list[int]:
    return [stage["count"] for stage in found["funnel"]["stages"]]


def written(path: Path, rows: object) -> str:
    path.write_text(json.dumps(rows))
    return str(path)


def refused(done: Done, code: int) -> str:
    """The one line on standard error of a run that failed in an expected way."""
    assert done.returncode == code, done.stderr
    assert done.stdout == b""
    lines = done.stderr.decode().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("tracer-tui: ")
    assert lines[0].isprintable()
    return lines[0]


# The document.


def test_the_document_of_the_demo_has_every_key() -> None:
    found = demo()
    assert list(found) == [
        *("journeys_count", "users_count", "events_count", "rejected_rows", "duplicate_events"),
        *("merged_ids", "session_timeout_minutes", "funnel", "drop_off_points", "journeys"),
        *("warnings", "sources"),
    ]
    funnel = found["funnel"]
    assert {"scope", "order", "start", "window_seconds", "stages", "conversion_rates"} <= set(
        funnel
    )
    for stage in funnel["stages"]:
        assert {
            *("stage", "count", "conversion", "step_conversion"),
            *("dropped", "drop_off", "pending", "median_seconds"),
        } <= set(stage)
    for point in found["drop_off_points"]:
        assert set(point) == {"stage", "next_stage", "dropped", "percent"}
    for journey in found["journeys"]:
        assert set(journey) == {
            *("user", "index", "start", "end", "duration_seconds", "event_count"),
            *("events", "depth"),
        }


def test_the_document_of_the_demo_has_its_numbers() -> None:
    found = demo()
    funnel = found["funnel"]
    assert [found[key] for key in ("journeys_count", "users_count", "events_count")] == [5, 5, 43]
    assert (found["rejected_rows"], found["duplicate_events"]) == (0, 0)
    assert found["session_timeout_minutes"] == 30.0
    assert found["warnings"] == []
    assert [stage["stage"] for stage in funnel["stages"]] == [
        *("home", "product", "cart", "payment", "purchase"),
    ]
    assert counts(found) == [5, 5, 5, 5, 3]
    assert funnel["conversion_rates"] == [1.0, 1.0, 1.0, 1.0, 0.6]
    assert [stage["dropped"] for stage in funnel["stages"]] == [0, 0, 0, 2, 0]
    assert [stage["drop_off"] for stage in funnel["stages"]] == [0.0, 0.0, 0.0, 0.4, None]
    assert [stage["step_conversion"] for stage in funnel["stages"]] == [None, 1.0, 1.0, 1.0, 0.6]
    assert funnel["suggested"] is True
    assert (funnel["scope"], funnel["order"], funnel["start"]) == ("journeys", "ordered", "best")
    assert funnel["window_seconds"] is None
    assert found["drop_off_points"][-1] == {
        "stage": "payment",
        "next_stage": "purchase",
        "dropped": 2,
        "percent": 40.0,
    }


def test_the_document_lists_the_journeys_of_a_small_log() -> None:
    journeys = demo()["journeys"]
    assert [journey["user"] for journey in journeys] == ["ana", "bo", "cy", "dee", "eli"]
    assert journeys[2] == {
        "user": "cy",
        "index": 1,
        "start": "2026-01-06T12:05:00Z",
        "end": "2026-01-06T12:22:50Z",
        "duration_seconds": 1070.0,
        "event_count": 7,
        "events": [
            *("home", "product", "cart", "payment", "payment_error", "payment", "purchase"),
        ],
        "depth": 5,
    }


def test_the_bundled_demo_is_the_same_from_any_folder(tmp_path: Path) -> None:
    done = run("--demo", "--json", cwd=tmp_path)
    assert json.loads(done.stdout) == demo()


def test_the_order_of_the_rows_does_not_matter(tmp_path: Path) -> None:
    rows = json.loads(DEMO.read_text())
    random.Random(7).shuffle(rows)
    assert answer(document(written(tmp_path / "shuffled.json", rows))) == answer(demo())


def test_an_empty_list_is_zero_of_everything(tmp_path: Path) -> None:
    found = document(written(tmp_path / "empty.json", []))
    assert [found[key] for key in ("journeys_count", "users_count", "events_count")] == [0, 0, 0]
    assert (found["funnel"]["stages"], found["funnel"]["conversion_rates"]) == ([], [])
    assert (found["drop_off_points"], found["journeys"], found["warnings"]) == ([], [], [])


def test_stages_of_an_empty_list_convert_nobody(tmp_path: Path) -> None:
    found = document(written(tmp_path / "empty.json", []), "--stages", "a,b")
    assert found["funnel"]["conversion_rates"] == [0.0, 0.0]


def test_absent_stages_convert_nobody_and_the_nearest_names_are_told() -> None:
    found = demo("--stages", "checkuot,paymnet")
    assert found["funnel"]["conversion_rates"] == [0.0, 0.0]
    assert counts(found) == [0, 0]
    assert len(found["warnings"]) == 2
    assert "'checkuot'" in found["warnings"][0]
    assert "did you mean payment" in found["warnings"][1]
    assert "suggested" not in found["funnel"]


def test_only_the_journeys_of_a_user() -> None:
    found = demo("--user", "bo", "--timeout", "10m")
    assert [found[key] for key in ("journeys_count", "users_count", "events_count")] == [2, 1, 10]
    assert [(j["user"], j["index"]) for j in found["journeys"]] == [("bo", 1), ("bo", 2)]


def test_an_unknown_user_is_a_warning_that_names_the_nearest() -> None:
    found = demo("--user", "anna")
    assert found["journeys_count"] == 0
    assert found["journeys"] == []
    assert found["warnings"] == ["no user is named 'anna'; did you mean ana?"]


@pytest.mark.parametrize(
    ("timeout", "journeys", "minutes"),
    [("1m", 27, 1.0), ("90s", 18, 1.5), ("5m", 12, 5.0), ("2h", 5, 120.0), ("off", 5, None)],
)
def test_the_timeout_cuts_journeys(timeout: str, journeys: int, minutes: float | None) -> None:
    found = demo("--timeout", timeout)
    assert found["journeys_count"] == journeys == len(found["journeys"])
    assert found["session_timeout_minutes"] == minutes


@pytest.mark.parametrize(
    ("flags", "reached"),
    [
        (["--window", "10m"], [5, 5, 5, 2, 0]),
        (["--timeout", "5m", "--scope", "users"], [5, 5, 5, 5, 3]),
        (["--timeout", "5m"], [7, 7, 5, 2, 0]),
        (["--stages", "home|search,*,purchase"], [5, 5, 3]),
        (["--stages", " payment , purchase "], [5, 3]),
        (["--order", "strict"], [5, 4, 3, 3, 1]),
        (["--order", "any", "--stages", "purchase,home"], [5, 3]),
        (["--order", "ordered", "--stages", "purchase,home"], [3, 0]),
    ],
    ids=lambda value: " ".join(map(str, value)),
)
def test_flags_ask_the_question(flags: list[str], reached: list[int]) -> None:
    assert counts(demo(*flags)) == reached


def test_the_question_is_repeated_in_the_document() -> None:
    funnel = demo("--window", "10m", "--stages", "home|search,*")["funnel"]
    assert funnel["window_seconds"] == 600.0
    assert [stage["stage"] for stage in funnel["stages"]] == ["home|search", "*"]


def test_rejected_rows_are_counted_and_told(tmp_path: Path) -> None:
    good = {"user": "a", "event": "b", "time": "2026-01-01T00:00:00Z"}
    rows = [good, {"user": "a"}, {**good, "time": "never"}]
    found = document(written(tmp_path / "some.json", rows))
    assert (found["rejected_rows"], found["events_count"]) == (2, 1)
    assert len(found["warnings"]) == 2
    assert "row 2" in found["warnings"][0]
    assert "row 3" in found["warnings"][1]


def test_fields_can_be_named(tmp_path: Path) -> None:
    rows = [{"wer": "a", "was": "b", "wann": "2026-01-01 12:00:00"}]
    source = written(tmp_path / "german.json", rows)
    fields = ("--user-field", "wer", "--event-field", "was", "--time-field", "wann")
    found = document(source, *fields, "--tz", "Europe/Berlin")
    assert [j["start"] for j in found["journeys"]] == ["2026-01-01T11:00:00Z"]


def test_names_come_back_exactly_and_as_ascii(tmp_path: Path) -> None:
    names = [name for name in HOSTILE.values() if name.strip()]
    rows = [
        {"user": name, "event": name, "time": 1_700_000_000 + place, "p": name}
        for place, name in enumerate(names)
    ]
    found = document(written(tmp_path / "hostile.json", rows), "--stages", "x,y")
    assert [journey["user"] for journey in found["journeys"]] == sorted(names)
    assert {journey["events"][0] for journey in found["journeys"]} == set(names)


# Where events come from.


def test_a_dash_is_standard_input() -> None:
    assert answer(document("-", given=DEMO.read_bytes())) == answer(demo())


def test_a_pipe_without_a_source_is_read() -> None:
    assert answer(document(given=DEMO.read_bytes())) == answer(demo())


def test_a_compressed_pipe_is_read() -> None:
    assert answer(document(given=gzip.compress(DEMO.read_bytes()))) == answer(demo())


def test_several_files_are_one_log(tmp_path: Path) -> None:
    rows = json.loads(DEMO.read_text())
    written(tmp_path / "1.json", rows[::2])
    written(tmp_path / "2.json", rows[1::2])
    assert answer(document(str(tmp_path / "*.json"))) == answer(demo())


@pytest.mark.parametrize("source", ["missing.json", "broken.parquet", "*.nothing", "words.json"])
def test_a_source_that_cannot_be_read_is_one_line(source: str, tmp_path: Path) -> None:
    (tmp_path / "broken.parquet").write_bytes(b"PAR1 and then nothing")
    (tmp_path / "words.json").write_text('[{"user": "a", ')
    refused(call(source, "--json", cwd=tmp_path), 3)


def test_a_missing_file_with_a_hostile_name_is_one_printable_line(tmp_path: Path) -> None:
    line = refused(run("no\x1b]52;c;x\x07\nsuch.json", "--json", cwd=tmp_path), 3)
    assert "␛]52;c;x␇␊such.json" in line


def test_without_a_source_and_a_pipe_the_help_is_shown() -> None:
    done = run()
    assert (done.returncode, done.stderr) == (0, b"")
    assert done.stdout == run("--help").stdout


# Bad usage.


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--timeout", "30"], "--timeout: '30' has no unit: write 30m"),
        (["--timeout=-5m"], "--timeout: a duration cannot be negative"),
        (["--timeout", "-5m"], "--timeout"),
        (["--timeout", "abc"], "--timeout: 'abc' is not a duration"),
        (["--timeout", ""], "--timeout"),
        (["--window", "7"], "--window: '7' has no unit"),
        (["--stages", ""], "--stages"),
        (["--stages", "a,,b"], "--stages"),
        (["--scope", "sessions"], "there is no scope 'sessions': use journeys or users"),
        (["--order", "sideways"], "there is no order 'sideways'"),
        (["--start", "last"], "there is no start 'last'"),
        (["--nope"], "--nope"),
        (["--time", "30m"], "--time"),
        (["--user"], "--user"),
        (["--scope", "\x1b[2J"], "there is no scope '\\x1b[2J'"),
        (["--\x1b[2J"], "␛[2J"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)
def test_bad_usage_is_one_line_that_names_it(flags: list[str], told: str) -> None:
    assert told in refused(call("--demo", "--json", *flags), 2)


def test_the_explorer_without_a_terminal_hints_at_json() -> None:
    assert "--json" in refused(run("--demo"), 2)


@pytest.mark.parametrize("term", ["dumb", ""])
def test_the_explorer_in_a_dumb_terminal_hints_at_json(term: str) -> None:
    ours, theirs = pty.openpty()
    try:
        done = subprocess.run(
            [sys.executable, "-m", "tracer_tui", "--demo"],
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            env={**os.environ, "PYTHONPATH": str(ROOT), "TERM": term},
            timeout=PATIENCE,
            check=False,
        )
        told = os.read(ours, 10_000)
    finally:
        os.close(ours)
        os.close(theirs)
    assert done.returncode == 2
    assert told.count(b"\n") == 1
    assert b"--json" in told
    assert b"\x1b" not in told


# Help and version.


def test_help_opens_with_examples() -> None:
    done = run("--help")
    assert (done.returncode, done.stderr) == (0, b"")
    lines = done.stdout.decode().splitlines()
    assert lines[0].startswith("usage: tracer-tui [SOURCE ...]")
    assert lines[2] == "examples:"
    assert all(line.startswith("  tracer-tui ") for line in lines[3:6])
    for flag in ("--timeout", "--stages", "--window", "--scope", "--user", "--json", "--demo"):
        assert any(line.startswith(f"  {flag}") for line in lines)


def test_version() -> None:
    done = run("--version")
    assert (done.returncode, done.stdout.decode()) == (0, f"tracer-tui {core.__version__}\n")


IMPORTED = """
import sys
from tracer_tui.cli import main
try:
    main(sys.argv[1:])
except SystemExit:
    heavy = ("numpy", "duckdb", "textual", "rich")
    print(*(name for name in heavy if name in sys.modules), file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [
        (["--help"], []),
        (["--version"], []),
        (["--demo", "--timeout", "30"], []),
        (["--demo"], []),
        (["--demo", "--json"], ["numpy", "duckdb"]),
    ],
    ids=lambda value: " ".join(value) or "none",
)
def test_only_what_is_needed_is_loaded(arguments: list[str], loaded: list[str]) -> None:
    done = run(*arguments, python=("-c", IMPORTED))
    assert done.stderr.decode().splitlines()[-1].split() == loaded


# The output.


def test_a_reader_that_has_enough_gets_no_traceback(tmp_path: Path) -> None:
    rows = [
        {"user": f"u{user}", "event": "x" * 40, "time": 1_700_000_000 + place}
        for user in range(90)
        for place in range(100)
    ]
    source = written(tmp_path / "many.json", rows)
    with subprocess.Popen(
        [sys.executable, "-m", "tracer_tui", source, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        stdin=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        assert process.stdout.readline() == b"{\n"
        process.stdout.close()
        told = process.stderr.read()
        assert (process.wait(PATIENCE), told) == (0, b"")


def test_flags_of_reading_reach_it_and_the_document_says_what_was_detected(tmp_path: Path) -> None:
    row = '{{"event_type":"{}","event_time":"2026-01-05 10:00:0{}","event_properties":{{}},{}}}\n'
    lines = row.format("view", 0, '"device_id":"d"') + row.format("pay", 1, '"user_id":"ana"')
    (tmp_path / "export").write_text(lines + "nope\n", encoding="utf-8")
    (tmp_path / "alias").write_text("d,ana\n", encoding="utf-8")
    out = tmp_path / "rejects"
    seen = document(
        str(tmp_path / "export"), "--alias", str(tmp_path / "alias"), "--rejects", str(out)
    )
    assert (seen["users_count"], seen["merged_ids"], seen["rejected_rows"]) == (1, 1, 1)
    assert [source["shape"] for source in seen["sources"]] == ["Amplitude"]
    assert json.loads(out.read_text(encoding="utf-8"))["reason"] == "not valid JSON"
    fields = ("--user-field", "event_time", "--event-field", "event_type")
    flags = (*fields, "--time-field", "event_time", "--shape", "plain", "--no-cache")
    plain = document(str(tmp_path / "export"), *flags)
    assert (plain["users_count"], plain["sources"][0]["shape"]) == (2, "plain")
    assert "line 3: not valid JSON" in refused(
        call(str(tmp_path / "export"), "--strict", "--json", cwd=tmp_path), 3
    )


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--list", "everybody"], 0, "\\u65e5\\u672c,,1,1,"),
        (["--format", "csv"], 0, "\\u043a\\u0430\\u0444\\u0435,1,"),
        (["--help"], 0, "Amplitude, \\u2026"),
        (["--timeout", "日本", "--json"], 2, "is not a duration"),
        (["日本.json", "--json"], 3, "there is no file"),
    ],
)
@pytest.mark.parametrize(
    "encoding",
    [
        {"PYTHONIOENCODING": "ascii"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["ascii", "C"],
)
def test_signs_that_the_output_lacks_are_escaped(
    arguments: list[str], code: int, says: str, encoding: Mapping[str, str], tmp_path: Path
) -> None:
    odd = tmp_path / "odd.json"
    odd.write_text('[{"user": "日本", "event": "кафе", "time": 1}]', encoding="utf-8")
    done = run(str(odd), *arguments, env=encoding)
    assert done.returncode == code, done.stderr
    assert says in (done.stderr if code else done.stdout).decode("ascii")


@pytest.mark.parametrize(
    ("exclusions", "counts"),
    [
        (["x"], [3, 3, 1]),
        (["x@1..2"], [3, 2, 2]),
        (["x@1..2", "x@2..3"], [3, 2, 1]),
        (["x:remove"], [1, 1, 1]),
    ],
)
def test_an_exclusion_binds_where_the_help_says(
    exclusions: list[str], counts: list[int], tmp_path: Path
) -> None:
    trails = {"ana": "home x cart buy", "bo": "home cart x buy", "cy": "home cart buy"}
    events = [
        {"user": user, "event": name, "time": time}
        for user, names in trails.items()
        for time, name in enumerate(names.split())
    ]
    (tmp_path / "events.json").write_text(json.dumps(events))
    flags = [part for text in exclusions for part in ("--exclude", text)]
    found = document(str(tmp_path / "events.json"), "--stages", "home,cart,buy", *flags)
    assert [stage["count"] for stage in found["funnel"]["stages"]] == counts
