import subprocess
import sys
from collections.abc import Callable
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

import core
from core.reading.progress import Share

ROOT = Path(__file__).parents[2]
LINE = '{"user":"ana","event":"view","time":1}\n'


def _files(folder: Path, *names: str) -> None:
    for number, name in enumerate(names):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(LINE.replace("ana", f"u{number}"), encoding="utf-8")


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ("a.json", ["a.json"]),
        ("*.json", ["a.json", "b.json"]),
        ("**/*.json", ["a.json", "b.json", "deep/er/c.json"]),
        ("?.*", ["a.json", "b.json", "n.txt"]),
        (".", ["a.json", "b.json", "deep/d.ndjson.gz", "deep/er/c.json", "n.txt"]),
        ("deep", ["deep/d.ndjson.gz", "deep/er/c.json"]),
    ],
    ids=["file", "glob", "deep glob", "question mark", "folder", "subfolder"],
)
def test_source_names_these_files(tmp_path: Path, source: str, found: list[str]) -> None:
    names = ("a.json", "b.json", "deep/er/c.json", "deep/d.ndjson.gz", "n.txt")
    _files(tmp_path, *names, ".hidden.json", "README.md")
    log = core.read_events(tmp_path / source)
    assert [Path(part.source) for part in log.report.parts] == [tmp_path / name for name in found]


@pytest.mark.parametrize(
    "name",
    ["[a].json", "it's.json", "a*b.json", "what?.json", 'say "x".json', "é 日.json", "a{b}$.json"],
)
def test_any_sign_in_a_name_is_just_a_sign(tmp_path: Path, name: str) -> None:
    _files(tmp_path, "a.json", "axb.json", "whatx.json", name)
    log = core.read_events(str(tmp_path / name))
    assert log.users.tolist() == ["u3"]


def test_any_sign_in_a_folder_is_just_a_sign(tmp_path: Path) -> None:
    _files(tmp_path, "it's [a]*/x.csv.json", "a/x.csv.json")
    assert core.read_events(tmp_path / "it's [a]*").users.tolist() == ["u0"]


def test_several_sources_are_one_log_in_the_order_given(tmp_path: Path) -> None:
    _files(tmp_path, "a.json", "b.json")
    log = core.read_events([str(tmp_path / "b.json"), str(tmp_path / "a.json")])
    assert [Path(part.source).name for part in log.report.parts] == ["b.json", "a.json"]
    assert log.users.tolist() == ["u0", "u1"]


def test_files_of_different_columns_are_one_log(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(
        "uid,action,ts,x\nana,view,2026-01-05 00:00:00,1\n", encoding="utf-8"
    )
    (tmp_path / "b.csv").write_text(
        "time;who;what\n1767571199000;ana;cart\n1767571201000;bo;view\n", encoding="utf-8"
    )
    (tmp_path / "c.json").write_text(
        '[{"user":"ana","event":"buy","time":1767571202,"y":[1]}]', encoding="utf-8"
    )
    log = core.read_events(tmp_path)
    assert [(event.user, event.name, event.properties) for event in log.events(0, 4)] == [
        ("ana", "cart", {}),
        ("ana", "view", {"x": "1"}),
        ("ana", "buy", {"y": [1]}),
        ("bo", "view", {}),
    ]
    assert [part.user_field for part in log.report.parts] == ["uid", "who", "user"]


def test_an_empty_file_beside_others_adds_nothing(tmp_path: Path) -> None:
    _files(tmp_path, "b.json")
    (tmp_path / "a.json").touch()
    log = core.read_events(tmp_path)
    assert [part.rows for part in log.report.parts] == [0, 1]
    assert log.events(0, 1)[0].user == "u0"


@pytest.mark.parametrize(
    ("source", "says"),
    [
        ("evnts.json", "there is no file {folder}/evnts.json; did you mean events.json?"),
        ("*.parquet", "there is no file {folder}/*.parquet"),
        ("nowhere/events.json", "there is no file {folder}/nowhere/events.json"),
        ("empty", "no event files (JSON, CSV, Parquet) in the folder {folder}/empty"),
    ],
    ids=["near name", "glob", "no folder", "empty folder"],
)
def test_missing_file_names_a_near_one(tmp_path: Path, source: str, says: str) -> None:
    _files(tmp_path, "events.json")
    (tmp_path / "empty").mkdir()
    with pytest.raises(core.SourceError) as error:
        core.read_events(f"{tmp_path}/{source}")
    assert str(error.value) == says.format(folder=tmp_path)


@pytest.mark.parametrize("scheme", ["s3", "gs"])
def test_an_address_says_in_one_line_which_extension_it_needs(scheme: str) -> None:
    with pytest.raises(core.SourceError, match=r"needs DuckDB's extension httpfs.*INSTALL httpfs"):
        core.read_events(f"{scheme}://bucket/events.json")


@pytest.mark.parametrize("source", [{"user": "ana"}, 7, None], ids=["mapping", "number", "none"])
def test_what_is_no_source_is_refused(source: object) -> None:
    with pytest.raises(core.SourceError, match="a path, a list of paths or a list of records"):
        core.read_events(source)  # type: ignore[arg-type]  # it is the point


@pytest.mark.parametrize(
    "data",
    [LINE * 2, "user,event,time\nana,view,1\nana,view,2\n", f"[{LINE},{LINE}]"],
    ids=["lines", "table", "array"],
)
def test_dash_is_standard_input(data: str) -> None:
    code = (
        "import core; log = core.read_events('-');"
        "print(len(log), log.report.parts[0].source, log.events(0, 1)[0].properties)"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        input=data,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2 standard input {}\n"


@pytest.fixture(scope="module")
def large_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "events.ndjson"
    line = '{{"user":"u{}","event":"view","time":{},"page":"{}"}}\n'
    path.write_text(
        "".join(line.format(i % 5_000, i, "x" * 40) for i in range(300_000)), encoding="utf-8"
    )
    return path


@pytest.mark.parametrize(
    "patience",
    [0, 5],
    ids=["at once", "midway"],
)
def test_cancelled_reading_stops(
    large_file: Path, monkeypatch: pytest.MonkeyPatch, patience: int
) -> None:
    monkeypatch.setattr("core.reading.progress.POLL_SECONDS", 0.002)
    with pytest.raises(core.Cancelled):
        core.read_events(large_file, cancelled=_after(patience))


def _after(calls: int) -> Callable[[], bool]:
    asked = iter(range(1_000_000))
    return lambda: next(asked) >= calls


def test_reading_goes_on_while_not_cancelled(
    large_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.reading.progress.POLL_SECONDS", 0.002)
    told: list[Share] = []
    log = core.read_events([large_file, large_file], cancelled=lambda: False, progress=told.append)
    assert len(log) == 600_000
    assert told == sorted(told)
    assert 0 <= told[0] < 0.35 < told[-1] <= 1
    size = 2 * large_file.stat().st_size
    assert {share.bytes_total for share in told} <= {0, size}  # none is known to begin with
    assert 0 <= told[0].bytes_read < told[-1].bytes_read == size
    assert (told[0].rows, told[-1].rows) == (0, 600_000)


@pytest.mark.parametrize("share", [0.1, 0.4, 0.7])
def test_reading_stops_at_any_share_of_the_work(
    large_file: Path, share: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.reading.progress.POLL_SECONDS", 0.002)
    told = 0.0

    def progress(share_told: Share) -> None:
        nonlocal told
        told = share_told

    with pytest.raises(core.Cancelled):
        core.read_events([large_file] * 3, cancelled=lambda: told >= share, progress=progress)
    assert told < 1


def test_an_address_of_the_web_is_fetched_and_read(tmp_path: Path) -> None:
    _files(tmp_path, "a.json")

    class Quiet(SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(tmp_path)))
    Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_port}"
    try:
        log = core.read_events(f"{address}/a.json")
        assert (log.users.tolist(), log.report.parts[0].source) == (["u0"], f"{address}/a.json")
        with pytest.raises(core.SourceError, match=f"cannot fetch {address}/none: File not found"):
            core.read_events(f"{address}/none")
    finally:
        server.shutdown()
        server.server_close()
