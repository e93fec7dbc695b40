"""Every format gives the same events: told apart by content, compressed or not."""

import bz2
import gzip
import json
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.reading.unpack import with_line_feeds

EVENTS: list[dict[str, object]] = [
    {"user": "bo", "event": "view", "time": "2026-01-05T10:00:00Z", "item": "a, b", "price": 1.5},
    {"user": "ana", "event": "buy", "time": "2026-01-05T10:01:00Z", "item": 'say "é"', "price": 2},
    {"user": "ana", "event": "view", "time": "2026-01-05T10:00:30Z", "item": None, "price": None},
]
SEEN = [
    ("ana", "view", datetime(2026, 1, 5, 10, 0, 30, tzinfo=UTC)),
    ("ana", "buy", datetime(2026, 1, 5, 10, 1, 0, tzinfo=UTC)),
    ("bo", "view", datetime(2026, 1, 5, 10, 0, 0, tzinfo=UTC)),
]


def _array() -> bytes:
    return json.dumps(EVENTS).encode()


def _pretty_array() -> bytes:
    return json.dumps(EVENTS, indent=2).encode()


def _lines() -> bytes:
    return "".join(json.dumps(event) + "\n" for event in EVENTS).encode()


def _objects() -> bytes:
    return "\n".join(json.dumps(event, indent=2) for event in EVENTS).encode()


def _table(delimiter: str, newline: str = "\n") -> bytes:
    def cell(value: object) -> str:
        return "" if value is None else '"' + str(value).replace('"', '""') + '"'

    rows = [list(EVENTS[0]), *(event.values() for event in EVENTS)]
    return "".join(delimiter.join(map(cell, row)) + newline for row in rows).encode()


def _parquet(path: Path) -> None:
    plain = path.with_suffix(".plain")
    plain.write_bytes(_array())
    with duckdb.connect() as connection:
        connection.execute("CREATE TABLE events AS SELECT * FROM read_json(?)", [str(plain)])
        connection.table("events").write_parquet(str(path))


TEXTS: dict[str, tuple[Callable[[], bytes], str]] = {
    "array": (_array, "JSON array"),
    "pretty array": (_pretty_array, "JSON array"),
    "lines": (_lines, "JSON lines"),
    "lines, no last newline": (lambda: _lines().rstrip(), "JSON lines"),
    "pretty objects": (_objects, "JSON objects"),
    "comma": (lambda: _table(","), "CSV, comma"),
    "semicolon": (lambda: _table(";"), "CSV, semicolon"),
    "tab": (lambda: _table("\t"), "CSV, tab"),
    "bar": (lambda: _table("|"), "CSV, bar"),
    "comma, CRLF": (lambda: _table(",", "\r\n"), "CSV, comma"),
    "comma, CR": (lambda: _table(",", "\r"), "CSV, comma"),
}


@pytest.fixture(params=TEXTS)
def text(request: pytest.FixtureRequest) -> tuple[bytes, str]:
    make, described = TEXTS[request.param]
    return make(), described


def _seen(log: core.EventLog) -> list[tuple[str, str, datetime]]:
    return [(event.user, event.name, event.time) for event in log.events(0, len(log))]


def _has_everything(log: core.EventLog, described: str) -> None:
    assert _seen(log) == SEEN
    assert [part.format for part in log.report.parts] == [described]
    assert (log.report.rows_read, log.report.rejected_rows) == (3, 0)
    assert [event.properties.get("item") for event in log.events(0, 3)] == [
        None,
        'say "é"',
        "a, b",
    ]


def test_text_formats_are_told_by_content(tmp_path: Path, text: tuple[bytes, str]) -> None:
    path = tmp_path / "events"
    path.write_bytes(text[0])
    _has_everything(core.read_events(path), text[1])


def test_text_formats_may_be_gzipped(tmp_path: Path, text: tuple[bytes, str]) -> None:
    path = tmp_path / "events.gz"
    path.write_bytes(gzip.compress(text[0]))
    _has_everything(core.read_events(path), f"{text[1]}, gzip")


@pytest.mark.parametrize("name", ["lines", "pretty array", "comma"])
def test_text_formats_may_hold_a_byte_order_mark(tmp_path: Path, name: str) -> None:
    make, described = TEXTS[name]
    path = tmp_path / "events"
    path.write_bytes(b"\xef\xbb\xbf" + make())
    _has_everything(core.read_events(path), described)


@pytest.mark.parametrize(
    ("name", "kind"), [("lines", "JSON lines"), ("comma", "CSV, comma")], ids=["lines", "comma"]
)
def test_text_formats_may_be_zstd(tmp_path: Path, name: str, kind: str) -> None:
    path, plain = tmp_path / "events.zst", tmp_path / "plain"
    plain.write_bytes(TEXTS[name][0]())
    with duckdb.connect() as connection:
        if name == "lines":
            connection.read_json(str(plain), format="newline_delimited").create("events")
            connection.execute(f"COPY events TO '{path}' (FORMAT json, COMPRESSION zstd)")
        else:
            connection.read_csv(str(plain)).write_csv(str(path), compression="zstd")
    assert path.read_bytes().startswith(b"\x28\xb5\x2f\xfd")
    _has_everything(core.read_events(path), f"{kind}, zstd")


def test_parquet_is_read(tmp_path: Path) -> None:
    _parquet(tmp_path / "events")
    _has_everything(core.read_events(tmp_path / "events"), "Parquet")


def test_records_from_memory_are_read() -> None:
    _has_everything(core.read_events(EVENTS), "records")


def test_records_may_come_from_a_generator() -> None:
    _has_everything(core.read_events(event for event in EVENTS), "records")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"", id="no bytes"),
        pytest.param(b" \n\r\n\t", id="blank lines"),
        pytest.param(b"\xef\xbb\xbf", id="byte order mark"),
        pytest.param(b"[]", id="empty array"),
        pytest.param(b" [\n] \n", id="spread empty array"),
        pytest.param(b"user,event,time\n", id="header only"),
        pytest.param(gzip.compress(b""), id="nothing, gzipped"),
    ],
)
def test_j4_nothing_in_a_file_is_a_valid_log(tmp_path: Path, data: bytes) -> None:
    path = tmp_path / "events.json"
    path.write_bytes(data)
    log = core.read_events(path)
    assert (len(log), log.users_count, log.report.rows_read) == (0, 0, 0)


LIES = {
    "lines in .json": ("a.json", _lines, "JSON lines"),
    "array in .ndjson": ("a.ndjson", _array, "JSON array"),
    "array in .csv": ("a.csv", _array, "JSON array"),
    "table in .json": ("a.json", lambda: _table(","), "CSV, comma"),
    "tabs in .csv": ("a.csv", lambda: _table("\t"), "CSV, tab"),
    "plain in .gz": ("a.csv.gz", lambda: _table(","), "CSV, comma"),
    "lines in .parquet": ("a.parquet", _lines, "JSON lines"),
    "gzip in .json": ("a.json", lambda: gzip.compress(_array()), "JSON array, gzip"),
    "plain in .zst": ("a.zst", _lines, "JSON lines"),
}


@pytest.mark.parametrize("lie", LIES)
def test_content_decides_when_the_name_lies(tmp_path: Path, lie: str) -> None:
    name, make, described = LIES[lie]
    path = tmp_path / name
    path.write_bytes(make())
    _has_everything(core.read_events(path), described)


def test_content_decides_for_parquet_in_csv(tmp_path: Path) -> None:
    _parquet(tmp_path / "events.csv")
    _has_everything(core.read_events(tmp_path / "events.csv"), "Parquet")


def test_table_may_begin_with_blank_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_bytes(b"\n\r\n" + _table(","))
    _has_everything(core.read_events(path), "CSV, comma")


def test_first_name_of_a_header_may_be_empty(tmp_path: Path) -> None:
    path = tmp_path / "events.tsv"
    path.write_text("\tuser\tevent\ttime\n0\tana\tview\t2026-01-05T10:00:30Z\n", encoding="utf-8")
    log = core.read_events(path)
    assert _seen(log) == SEEN[:1]
    assert log.events(0, 1)[0].properties == {"column_1": "0"}


def test_names_of_a_header_may_repeat(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        "user,event,time,x,X,x\nana,view,2026-01-05T10:00:30Z,1,2,3\n", encoding="utf-8"
    )
    (event,) = core.read_events(path).events(0, 1)
    assert event.properties == {"x": "1", "X_2": "2", "x_3": "3"}


def test_cells_may_hold_quotes_delimiters_and_lines(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    path.write_text(
        'user,event,time,note\n"a,na",view,2026-01-05T10:00:30Z,"one\n""two"""\n', encoding="utf-8"
    )
    (event,) = core.read_events(path).events(0, 1)
    assert (event.user, event.properties) == ("a,na", {"note": 'one\n"two"'})


MIXED = {
    "header": (b"H\nana,view,1,a\r\nbo,view,2,b\r\n", "a"),
    "row": (b"H\r\nana,view,1,a\nbo,view,2,b\r\n", "a"),
    "CRLF in a cell": (b'H\nana,view,1,"a\r\nb"\nbo,view,2,b\n', "a\r\nb"),
    "LF in a cell": (b'H\r\nana,view,1,"a\nb"\r\nbo,view,2,b\r\n', "a\nb"),
    "blank LF": (b"\nH\r\nana,view,1,a\r\nbo,view,2,b\r\n", "a"),
    "CR beside one in a cell": (b'H\rana,view,1,"a\rb"\rbo,view,2,b\r', "a\rb"),
    "CR before a sign of two bytes": ('H\nana,view,1,"a"\rbö,view,2,b\n'.encode(), "a"),
    "blank CRLF": (b"\r\nH\nana,view,1,a\nbo,view,2,b\n", "a"),
}


@pytest.mark.parametrize("mix", MIXED)
def test_table_may_mix_line_ends(tmp_path: Path, mix: str) -> None:
    data, note = MIXED[mix]
    path = tmp_path / "events.csv"
    path.write_bytes(data.replace(b"H", b"user,event,time,note"))
    log = core.read_events(path)
    found = [(event.user[0], event.properties["note"]) for event in log.events(0, len(log))]
    assert found == [("a", note), ("b", "b")]
    assert log.store.parts[0].file.rows == 2


@given(st.text('a"\r\n', max_size=12), st.lists(st.integers(0, 12), max_size=4))
def test_carriage_returns_outside_quotes_are_line_feeds_however_the_text_comes(
    text: str, cuts: list[int]
) -> None:
    edges = [0, *sorted(cuts), len(text)]
    parts = (text[low:high] for low, high in pairwise(edges))
    pieces = text.split('"')
    pieces[::2] = [piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces[::2]]
    assert "".join(with_line_feeds(parts, "unquoted")) == '"'.join(pieces)


@pytest.mark.parametrize(
    ("data", "says"),
    [
        pytest.param(b"PAR1" + bytes(99), "Parquet but cannot be read", id="not Parquet"),
        pytest.param(gzip.compress(bytes(999))[:10] + b"\xff" * 40, "cannot unpack", id="gzip bad"),
        pytest.param(b"\x28\xb5\x2f\xfd" + b"\xff" * 40, "zstd but cannot be read", id="zstd bad"),
        pytest.param(bz2.compress(b"{}" * 99)[:20], "cannot unpack", id="bzip2 cut short"),
        pytest.param(b"PK\x03\x04" + bytes(99), "cannot unpack", id="zip bad"),
        pytest.param(b"SQLite format 3\x00" + bytes(99), "SQLite but cannot", id="not SQLite"),
        pytest.param(b"a" * 200_000 + b",b\n", "no field that looks like the user", id="long cell"),
        pytest.param(b"Dear reader,\nhello\n", "no field that looks like the user", id="prose"),
    ],
)
def test_unreadable_file_is_one_line_that_names_it(tmp_path: Path, data: bytes, says: str) -> None:
    path = tmp_path / "events.dat"
    path.write_bytes(data)
    with pytest.raises(core.SourceError) as error:
        core.read_events(path)
    assert says in str(error.value)
    assert "events.dat" in str(error.value)
    assert "\n" not in str(error.value)


EVENT = core.Event(
    "ana",
    "view",
    datetime(2026, 1, 5, 10, 0, 30, 123456, tzinfo=UTC),
    {"price": 1.5, "count": 2, "tags": ["a", {"b": None}], "user": "x", "time": "noon", "ok": True},
)


def test_events_come_back_as_they_went_in() -> None:
    plain = core.Event("bo", "buy", datetime(1969, 12, 31, tzinfo=UTC))
    log = core.read_events([plain, EVENT])
    assert log.events(0, 2) == (EVENT, plain)


def test_journeys_can_be_read_again() -> None:
    (journey,) = core.reconstruct_journeys(core.read_events([EVENT]))
    assert core.reconstruct_journeys(core.read_events(journey.events))[0] == journey


def test_a_quotation_mark_inside_a_cell_misleads_nobody(tmp_path: Path) -> None:
    path = tmp_path / "events.csv"
    rows = ['a,5" pipe,1,x', 'b,view,2,"y\nz"', "c,view,3,w"]
    path.write_text("user,event,time,note\n" + "\n".join(rows), encoding="utf-8")
    log = core.read_events(path)
    assert [event.name for event in log.events(0, 3)] == ['5" pipe', "view", "view"]
    assert [event.properties["note"] for event in log.events(0, 3)] == ["x", "y\nz", "w"]
