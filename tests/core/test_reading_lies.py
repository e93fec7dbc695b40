"""Files that lie, are broken or hostile: what can be read is read, and the rest is told."""

import gc
import gzip
import io
import json
import os
import socket
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest

import core
from core.reading import spool

LINE = '{"user":"ana","event":"view","time":"2026-01-05T10:00:00Z","n":1}\n'
TABLE = "user,event,time\nana,view,2026-01-05T10:00:00Z\n"


def _read(path: Path, data: bytes) -> core.EventLog:
    path.write_bytes(data)
    return core.read_events(path)


def _reconciles(log: core.EventLog) -> bool:
    report = log.report
    parts = report.accepted_rows + report.rejected_rows + report.duplicate_events
    return report.rows_read == parts == sum(part.rows for part in report.parts)


def test_a_table_in_latin_1_is_read_and_said_to_be_so(tmp_path: Path) -> None:
    log = _read(tmp_path / "a.csv", TABLE.replace("ana", "Zoë €").encode("cp1252"))
    assert log.users.tolist() == ["Zoë €"]
    assert log.report.parts[0].format == "CSV, comma, Windows-1252"


def test_stray_bytes_in_utf_8_are_shown_and_said(tmp_path: Path) -> None:
    data = LINE.replace("ana", "日本").encode() + LINE.encode().replace(b"ana", b"an\xff")
    log = _read(tmp_path / "a.json", data)
    assert log.users.tolist() == ["an\ufffd", "日本"]
    assert "bytes that are not UTF-8" in log.report.warnings[0]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_is_read_with_its_mark(encoding: str, tmp_path: Path) -> None:
    mark = "\ufeff".encode(encoding)
    log = _read(tmp_path / "a.csv", mark + TABLE.encode(encoding))
    assert log.users.tolist() == ["ana"]


def test_a_header_in_the_middle_is_rejected_as_such(tmp_path: Path) -> None:
    log = _read(tmp_path / "a.csv", (TABLE + TABLE).encode())
    assert (len(log), [str(row.reason) for row in log.report.rejected]) == (
        2,
        ["the header again"],
    )
    assert _reconciles(log)


def test_column_names_that_are_sql_are_names(tmp_path: Path) -> None:
    name = '"; DROP TABLE x; --'
    path = tmp_path / "a.csv"
    path.write_text(
        'user,event,time,"{}",select,time\nana,view,2026-01-05,1,2,3\n'.format(
            name.replace('"', '""')
        )
    )
    (event,) = core.read_events(path).events(0, 1)
    assert event.properties == {name: "1", "select": "2", "time_2": "3"}


@pytest.mark.parametrize("cut", [1, 300, 5_000])
def test_a_gzip_cut_in_the_middle_is_read_up_to_there(cut: int, tmp_path: Path) -> None:
    lines = "".join(LINE.replace('"n":1', f'"n":"{os.urandom(30).hex()}"') for _ in range(2_000))
    log = _read(tmp_path / "a.json.gz", gzip.compress(lines.encode())[:-cut])
    assert 1_000 < len(log) <= 2_000
    assert log.report.rejected_rows <= 1
    assert "damaged or cut off" in log.report.warnings[0]
    assert _reconciles(log)


@pytest.mark.parametrize("end", ["", ', {"user": "bo", "ev', ", [1, 2", ', "x'])
@pytest.mark.parametrize("layout", [None, 1])
def test_an_array_cut_in_the_middle_is_read_up_to_there(
    end: str, layout: int | None, tmp_path: Path
) -> None:
    text = json.dumps([json.loads(LINE)] * 3, indent=layout).rstrip("]\n") + end
    log = _read(tmp_path / "a.json", text.encode())
    assert (len(log), log.report.rejected_rows) == (3, 1 if end else 0)
    assert _reconciles(log)


def test_parquet_cut_in_the_middle_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    duckdb.execute(f"COPY (SELECT 1 AS user) TO '{path}' (FORMAT parquet)").fetchall()
    with pytest.raises(core.SourceError, match="looks like Parquet but cannot be read"):
        _read(path, path.read_bytes()[:-20])


def test_a_row_of_50_megabytes_is_a_row(tmp_path: Path) -> None:
    long = LINE.replace('"n":1', f'"n":"{"x" * 50_000_000}"')
    log = _read(tmp_path / "a.json", (LINE + long + LINE).encode())
    assert len(log) == 3
    assert len(str(log.events(1, 2)[0].properties["n"])) == 50_000_000


def test_a_row_of_many_lines_is_a_row_however_they_end(tmp_path: Path) -> None:
    cell = b"line\n" * 2_400_000
    rows = b'user,event,time,note\r\nann,a,1,x\r\nbob,b,2,"' + cell + b'"\r\ncy,c,3,y\r\n'
    log = _read(tmp_path / "a.csv", rows)
    assert log.report.rejected_rows == 0
    assert [len(str(e.properties["note"])) for e in log.events(0, 3)] == [1, len(cell), 1]


def test_json_nested_ten_thousand_deep_harms_no_other_row(tmp_path: Path) -> None:
    deep = LINE.replace('"n":1', f'"n":{"[" * 10_000}{"]" * 10_000}')
    log = _read(tmp_path / "a.json", (LINE + deep + LINE).encode())
    assert _reconciles(log)
    assert len(log) >= 2
    assert [dict(event.properties) for event in log.events(0, 1)] == [{"n": 1}]


@pytest.mark.parametrize(
    "number", ["123456789012345678901234567890", "-1e400", "1e400", "0.1", "-0"]
)
def test_numbers_beyond_64_bits_are_what_they_are(number: str, tmp_path: Path) -> None:
    log = _read(tmp_path / "a.json", LINE.replace(":1}", f":{number}}}").encode())
    assert len(log) + log.report.rejected_rows == 1
    if len(log):
        assert log.events(0, 1)[0].properties["n"] == json.loads(number)


def test_nan_is_no_json_and_the_other_rows_are_read(tmp_path: Path) -> None:
    log = _read(tmp_path / "a.json", (LINE + LINE.replace(":1}", ":NaN}") + LINE).encode())
    assert _reconciles(log)
    assert len(log) >= 2


TIMES = {
    "0001-01-01T00:00:00Z": True,
    "9999-12-31T23:59:59.999999Z": True,
    "0000-12-31T00:00:00Z": False,
    "10000-01-01T00:00:00Z": False,
    "294247-01-10 04:00:54.775806+00": False,
}


@pytest.mark.parametrize("time", TIMES)
def test_years_that_a_calendar_has_are_read_and_others_rejected(time: str, tmp_path: Path) -> None:
    log = _read(tmp_path / "a.json", LINE.replace("2026-01-05T10:00:00Z", time).encode())
    assert len(log) == TIMES[time]
    assert [event.time.year for event in log.events(0, len(log))] in ([], [1], [9999])
    assert _reconciles(log)


def test_an_unlikely_range_of_times_is_a_warning_with_two_rows(tmp_path: Path) -> None:
    data = LINE + "nope\n" + LINE.replace("2026", "1970")
    log = _read(tmp_path / "a.json", data.encode())
    path = tmp_path / "a.json"
    assert log.report.warnings == (
        "the times span an unlikely range, from 1970-01-05T10:00:00Z in "
        f"{path} line 3 to 2026-01-05T10:00:00Z in {path} line 1",
    )


def test_mixed_zones_across_a_change_of_clocks_are_moments(tmp_path: Path) -> None:
    times = ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29 03:30:00"]
    path = tmp_path / "a.json"
    path.write_text("".join(LINE.replace("2026-01-05T10:00:00Z", time) for time in times))
    log = core.read_events(path, tz="Europe/Berlin")
    assert [event.time.isoformat() for event in log.events(0, 3)] == [
        "2026-03-29T00:30:00+00:00",
        "2026-03-29T01:30:00+00:00",
        "2026-03-29T01:30:00+00:00",
    ]


NAMES = ["a\0b", "\x1b]52;c;x\x07", "[/x][red]", "\u202eabc", "'; DROP", "x" * 10_000, "a\u2028b"]


@pytest.mark.parametrize("name", NAMES, ids=range(len(NAMES)))
def test_hostile_names_are_ids_like_others(name: str, tmp_path: Path) -> None:
    record = {"user": name, "event": name, "time": "2026-01-05", name: name}
    log = _read(tmp_path / "a.json", f"{json.dumps(record)}\n{LINE}".encode())
    (mine,) = (e for e in log.events(0, len(log)) if e.user == name)
    assert (mine.name, dict(mine.properties)) == (name, {name: name})


def test_empty_and_unreadable_files_in_a_folder_are_told_and_the_rest_is_read(
    tmp_path: Path,
) -> None:
    (tmp_path / "a.json").write_text(LINE)
    (tmp_path / "b.json").touch()
    (tmp_path / "c.txt").write_text("Dear reader,\nnothing here\n")
    (tmp_path / "d.parquet").write_text("PAR1 no")
    (tmp_path / "circle").symlink_to(tmp_path, target_is_directory=True)
    os.mkfifo(tmp_path / "e.json")
    log = core.read_events(tmp_path)
    assert (len(log), len(log.report.warnings)) == (1, 2)
    assert all(warning.startswith("left out: ") for warning in log.report.warnings)
    with pytest.raises(core.SourceError, match="no field that looks like the user"):
        core.read_events(tmp_path / "c.txt")


def test_a_zip_bomb_stops_at_a_stated_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spool, "ALWAYS_ALLOWED", 1 << 20)
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.json", b"x" * (50 << 20))
    for data in (packed.getvalue(), gzip.compress(b"x" * (50 << 20))):
        with pytest.raises(core.SourceError, match=r"unpacks to more than [\d,]+ bytes, 200 times"):
            _read(tmp_path / "a.zip", data)


def test_what_is_packed_again_and_again_stops(tmp_path: Path) -> None:
    data = LINE.encode()
    for _ in range(20):
        data = gzip.compress(data)
    with pytest.raises(core.SourceError, match="packed more than 4 times"):
        _read(tmp_path / "a.gz", data)


def test_a_name_in_an_archive_is_no_path(tmp_path: Path) -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as archive:
        archive.writestr("../../evil.json", LINE)
    log = _read(tmp_path / "a.zip", packed.getvalue())
    assert len(log) == 1
    assert [path.name for path in tmp_path.iterdir()] == ["a.zip"]


def test_a_full_disk_is_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(data: bytes) -> int:
        raise OSError(28, "No space left on device")

    real = Path.open

    def opened(path: Path, mode: str = "r", **options: object) -> object:
        file = real(path, mode, **options)  # type: ignore[call-overload]  # whatever is given
        if mode == "wb" and path.name.isdigit():
            file.write = full
        return file

    (tmp_path / "a.json.gz").write_bytes(gzip.compress(LINE.encode()))
    monkeypatch.setattr(Path, "open", opened)
    with pytest.raises(core.SourceError, match="no room left in"):
        core.read_events(tmp_path / "a.json.gz")


@pytest.mark.parametrize("kind", ["lines", "table", "parquet"])
def test_a_file_that_changes_is_told_rather_than_read_wrong(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    if kind == "parquet":
        duckdb.execute(
            "COPY (SELECT 'a' AS user, 'b' AS event, 1 AS time, 2 AS n) "
            f"TO '{path}' (FORMAT parquet)"
        ).fetchall()
    else:
        path.write_text(LINE if kind == "lines" else TABLE)
    log = core.read_events(path)
    path.write_bytes(path.read_bytes() + b"\n")
    asked: list[Callable[[], object]] = [
        lambda: dict(log.events(0, 1)[0].properties),
        lambda: log.matching("1 = 1"),
        lambda: core.analyze_funnel(core.reconstruct_journeys(log), ["b"], hold="event").stages,
    ]
    for ask in asked:
        with pytest.raises(core.SourceError, match="has changed since it was read; open it again"):
            ask()
    path.unlink()
    for ask in asked:
        with pytest.raises(core.SourceError, match=f"cannot open {path}: No such file"):
            ask()


def test_no_connection_is_made_unless_an_address_is_given(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> None:
        raise AssertionError(f"a connection to {args[1:]}")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    log = _read(tmp_path / "a.json", LINE.encode())
    assert log.matching("n = 1").all()
    with pytest.raises(core.SourceError, match="httpfs"):
        core.read_events("s3://bucket/a.json")


ATTACKS = [
    "n = (SELECT count(*) FROM read_csv('/etc/passwd', header=false, sep='|'))",
    "n = (SELECT count(*) FROM read_text('/etc/passwd'))",
    "n = (SELECT count(*) FROM glob('/etc/*'))",
    "n = (SELECT count(*) FROM '/etc/passwd')",
    "n = 1); ATTACH '/tmp/evil.db' AS evil; SELECT (1",
    "n = 1); COPY (SELECT 1) TO '/tmp/evil.csv'; --",
    "n = 1); INSTALL httpfs; --",
    "n = 1) UNION SELECT content FROM read_blob('/etc/passwd') --",
    "n = 1 /* ",
    "n = getenv('HOME')",
    "n = (SELECT count(*) FROM read_json('https://example.com/x.json'))",
    "n = (SELECT 1 FROM duckdb_secrets(which_secret('x', 'y')))",
    "(PRAGMA database_list)",
    "SET enable_external_access = true",
]


@pytest.mark.parametrize("kind", ["lines", "parquet"])
def test_a_condition_reaches_nothing_but_the_rows(kind: str, tmp_path: Path) -> None:
    path = tmp_path / "a"
    path.write_text(LINE)
    if kind == "parquet":
        copy = tmp_path / "a.parquet"
        duckdb.execute(f"COPY (FROM read_json('{path}')) TO '{copy}' (FORMAT parquet)").fetchall()
        path = copy
    log = core.read_events(path)
    for number, attack in enumerate(ATTACKS):
        with pytest.raises(core.QuestionError):
            log.matching(attack)
        assert log.matching(f"n = 1 AND {number} = {number}").all()  # answers are kept


@pytest.mark.parametrize("unpacks", [gzip.compress, lambda data: data], ids=["gzip", "plain"])
def test_nothing_is_left_behind(
    unpacks: Callable[[bytes], bytes], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    abandoned = tmp_path / "temporary" / "tracer-tui-left"
    abandoned.mkdir()
    (abandoned / "in-use").touch()
    log = _read(tmp_path / "a.json", unpacks(LINE.encode()))
    assert len(log) == 1
    assert not abandoned.exists()
    del log
    gc.collect()
    assert list((tmp_path / "temporary").iterdir()) == []
