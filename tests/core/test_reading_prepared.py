"""The second opening: the same log from a prepared copy, which is not believed when wrong."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from random import Random

import numpy as np
import pytest

import core
from core.reading import prepared
from core.reading.raw import Reader

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _small_logs_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(prepared, "FEWEST_EVENTS", 1)


def _lines(path: Path) -> None:
    rows = (
        {"user": f"u{i % 7}é", "event": f"e{i % 3}", "time": i // 2, "n": i, "uuid": i // 2}
        for i in range(200)
    )
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "nope\n")


def _table(path: Path) -> None:
    rows = "".join(f'u{i % 7},e{i % 3},{i},"{i}\n"\n' for i in range(200))
    path.write_text("user,event,time,n\n\nbroken,row\n" + rows)


def _array(path: Path) -> None:
    lines = path.with_suffix(".lines")
    _lines(lines)
    rows = [json.loads(line) for line in lines.read_text().splitlines()[:-1]]
    path.write_text(json.dumps(rows))
    lines.unlink()


def _read(path: Path, **options: object) -> core.EventLog:
    log = core.read_events(path, cache=True, **options)  # type: ignore[arg-type]  # as given
    for thread in threading.enumerate():
        if thread.name == "saving":
            thread.join()
    return log


def _told(log: core.EventLog) -> object:
    columns = [getattr(log, name).tolist() for name in ("users", "offsets", "name", "time", "gap")]
    properties = [dict(event.properties) for event in log.events(0, len(log))]
    matching = log.matching("n = '7'").tolist()
    return columns, log.names, log.report, log.data_end, properties, matching, dict(log.merged)


def _copies(tmp_path: Path) -> list[Path]:
    folder = tmp_path / "cache" / "tracer-tui"
    return sorted(folder.iterdir()) if folder.exists() else []


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[object]:
    """The sources that were really read."""
    read: list[object] = []
    whole = Reader.read

    def counted(reader: Reader, source: object) -> object:
        read.append(source)
        return whole(reader, source)  # type: ignore[arg-type]  # as given

    monkeypatch.setattr(Reader, "read", counted)
    return read


@pytest.mark.parametrize("write", [_lines, _table, _array])
def test_the_second_opening_is_the_same_log_and_reads_nothing(
    write: Callable[[Path], None], tmp_path: Path, reads: list[object]
) -> None:
    path = tmp_path / "events"
    write(path)
    first, second = _read(path), _read(path)
    assert len(reads) == 1
    assert _told(second) == _told(first) == _told(core.read_events(path))
    assert isinstance(second.time, np.memmap)
    assert len(_copies(tmp_path)) == 1


CHANGES: dict[str, dict[str, object]] = {
    "user field": {"user_field": "uuid"},
    "shape": {"shape": "plain"},
    "zone": {"tz": "Asia/Tokyo"},
}


@pytest.mark.parametrize("change", [*CHANGES, "content", "time of change", "alias", "version"])
def test_another_question_or_file_is_another_copy(
    change: str, tmp_path: Path, reads: list[object], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, alias = tmp_path / "events", tmp_path / "alias"
    _lines(path)
    alias.write_text("u1é,u2é\n")
    _read(path, alias=str(alias))
    options: dict[str, object] = {"alias": str(alias), **CHANGES.get(change, {})}
    if change == "content":
        path.write_text(path.read_text() + '{"user":"new","event":"x","time":9}\n')
    elif change == "time of change":
        os.utime(path, (1, 1))
    elif change == "alias":
        alias.write_text("u1é,u3é\n")
        os.utime(alias, (1, 1))
    elif change == "version":
        monkeypatch.setattr(prepared, "FORMAT", prepared.FORMAT + 1)
    log = _read(path, **options)
    assert len(reads) == 2
    assert ("new" in log.users) == (change == "content")


@pytest.mark.parametrize("options", [{"strict": True}, {"rejects": "out"}], ids=str)
def test_what_must_see_every_row_uses_no_copy(
    options: dict[str, object], tmp_path: Path, reads: list[object]
) -> None:
    path = tmp_path / "events"
    _array(path)
    if "rejects" in options:
        options = {"rejects": str(tmp_path / "out")}
    for _ in range(2):
        _read(path, **options)
    assert (len(reads), _copies(tmp_path)) == (2, [])


def test_records_small_logs_and_no_cache_leave_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "events"
    _lines(path)
    core.read_events(path)
    core.read_events([{"user": "u", "event": "e", "time": 1}], cache=True)
    monkeypatch.setattr(prepared, "FEWEST_EVENTS", 1_000)
    _read(path)
    assert _copies(tmp_path) == []


def _harms() -> dict[str, Callable[[Path], object]]:
    def change(path: Path, place: int) -> None:
        data = bytearray(path.read_bytes())
        data[place] ^= 4
        path.write_bytes(data)

    def pickled(folder: Path) -> None:
        columns = json.loads((folder / "meta.json").read_text().partition("\n")[2])["columns"]
        meta(folder, "columns", {**columns, "time": ["|O", 200, 0, 0]})

    def meta(folder: Path, key: str, value: object) -> None:
        text = (folder / "meta.json").read_text().partition("\n")[2]
        changed = json.dumps({**json.loads(text), key: value})
        digest = hashlib.sha256(changed.encode()).hexdigest()
        (folder / "meta.json").write_text(f"{digest}\n{changed}")

    return {
        "bit in time": lambda folder: change(folder / "time", -9),
        "bit in ids": lambda folder: change(folder / "users", -1),
        "bit in name": lambda folder: change(folder / "name", 20),
        "bit in meta": lambda folder: change(folder / "meta.json", 200),
        "cut": lambda folder: (folder / "row").write_bytes((folder / "row").read_bytes()[:-5]),
        "empty": lambda folder: (folder / "gap").write_bytes(b""),
        "gone": lambda folder: (folder / "offsets").unlink(),
        "no meta": lambda folder: (folder / "meta.json").unlink(),
        "pickle": pickled,
        "other key": lambda folder: meta(folder, "key", [1]),
        "fewer names": lambda folder: meta(folder, "names", ["e0"]),
        "no report": lambda folder: meta(folder, "report", {"x": 1}),
        "odd report": lambda folder: meta(folder, "report", None),
        "writable by others": lambda folder: folder.chmod(0o777),
        "a link": lambda folder: folder.rename(folder.parent / "x") and folder.symlink_to("x"),
    }


@pytest.mark.parametrize("harm", _harms())
def test_a_damaged_or_foreign_copy_is_ignored_and_made_anew(
    harm: str, tmp_path: Path, reads: list[object]
) -> None:
    path = tmp_path / "events"
    _lines(path)
    told = _told(_read(path))
    _harms()[harm](_copies(tmp_path)[0])
    assert _told(_read(path)) == told
    assert len(reads) == 2
    if harm != "a link":
        assert _told(_read(path)) == told
        assert len(reads) == 2


def test_copies_are_bounded_and_the_oldest_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, reads: list[object]
) -> None:
    paths = [tmp_path / name for name in "abc"]
    for path in paths:
        _lines(path)
    _read(paths[0])
    size = sum(file.stat().st_size for file in _copies(tmp_path)[0].iterdir())
    monkeypatch.setattr(prepared, "MOST_BYTES", 2 * size + size // 2)
    _read(paths[1])
    for age, path in zip((1_000, 2_000), _copies(tmp_path), strict=True):
        os.utime(path, (age, age))
    _read(paths[0])  # is used, and so the younger one again
    _read(paths[2])
    assert len(_copies(tmp_path)) == 2
    _read(paths[0])
    assert len(reads) == 3


def test_a_folder_that_cannot_be_written_harms_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    path = tmp_path / "events"
    _lines(path)
    assert len(_read(path)) == len(_read(path)) > 0


def test_properties_of_a_changed_file_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "events"
    _lines(path)
    _read(path)
    log = _read(path)
    path.write_text(path.read_text().replace('"n": 7,', '"n": 8,'))
    os.utime(path, (1, 1))
    with pytest.raises(core.SourceError, match="changed since"):
        log.matching("n = 7")


def test_a_program_that_ends_at_once_still_makes_its_copy(tmp_path: Path) -> None:
    path = tmp_path / "events.lines"
    _lines(path)
    code = f"""
import concurrent.futures.thread as pools, time
import core
from core.reading import prepared
write = prepared._write
def late(*args):
    while not pools._shutdown:  # the program is ending
        time.sleep(0.001)
    write(*args)
prepared._write, prepared.FEWEST_EVENTS = late, 1
core.read_events({str(path)!r}, cache=True)
"""
    env = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache")}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    assert len(list((tmp_path / "cache").glob("*/*/meta.json"))) == 1


@pytest.mark.slow
def test_a_program_killed_at_any_moment_leaves_the_next_one_right(tmp_path: Path) -> None:
    path = tmp_path / "events"
    line = '{{"user":"u{}","event":"e{}","time":{}}}\n'
    path.write_text("".join(line.format(i * 7 % 999, i % 5, i) for i in range(60_000)))
    code = (
        "import core; from core.reading import prepared; prepared.FEWEST_EVENTS = 1;"
        f"log = core.read_events({str(path)!r}, cache=True);"
        "print(len(log), int(log.time.sum()), int(log.name.sum()), int(log.offsets.sum()))"
    )

    def run(patience: float | None) -> bytes:
        process = subprocess.Popen([sys.executable, "-c", code], cwd=ROOT, stdout=subprocess.PIPE)
        if patience is not None:
            time.sleep(patience)
            process.send_signal(signal.SIGKILL)
        return process.communicate()[0]

    right, random = run(None), Random(7)
    for _ in range(20):
        for copy in _copies(tmp_path):
            if random.random() < 0.7:
                for file in copy.iterdir():
                    file.unlink()
                copy.rmdir()
        run(random.uniform(0.3, 1.5))
        assert run(None) == right
