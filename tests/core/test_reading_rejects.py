"""N2: every row read is an event or is told about, with its place and the reason."""

import json
from pathlib import Path

import duckdb
import pytest

import core
from core.reading.report import SHOWN_CHARACTERS, SHOWN_REJECTS

GOOD: dict[str, object] = {"user": "ana", "event": "view", "time": "2026-01-05T10:00:00Z"}
LACKING: dict[str, tuple[dict[str, object], str]] = {
    "no user": ({**GOOD, "user": None}, "no user in 'user'"),
    "empty user": ({**GOOD, "user": ""}, "no user in 'user'"),
    "no event": ({"user": "ana", "time": 1}, "no event in 'event'"),
    "no time": ({"user": "ana", "event": "view"}, "no time in 'time'"),
    "empty time": ({**GOOD, "time": ""}, "no time in 'time'"),
    "bad time": ({**GOOD, "time": "soon"}, "unreadable time 'soon' in 'time'"),
    "two things": ({"event": "view"}, "no user in 'user', no time in 'time'"),
    "nothing": ({}, "no user in 'user', no event in 'event', no time in 'time'"),
}


def _told(log: core.EventLog) -> list[tuple[str, int, str]]:
    return [(row.unit, row.number, row.reason) for row in log.report.rejected]


@pytest.mark.parametrize("lack", LACKING)
def test_row_that_lacks_something_says_what(lack: str) -> None:
    record, reason = LACKING[lack]
    log = core.read_events([GOOD, record, GOOD])
    assert _told(log) == [("row", 2, reason)]
    assert len(log) == 2


G = json.dumps(GOOD)
NO_EVENT = '{"user":"u","time":"2026-01-05"}'
WHY = "no event in 'event'"
NOTHING = "no event in 'event', no time in 'time'"
SHORT = "Expected Number of Columns: 3 Found: 2"
LONG = "Expected Number of Columns: 3 Found: 4"
C = "ana,view,2026-01-05T10:00:00Z"
H = "user,event,time"

PLACES: dict[str, tuple[str, list[tuple[str, int, str]]]] = {
    "lines": (f"{G}\n{NO_EVENT}\n{G}\n", [("line", 2, WHY)]),
    "lines, blanks": (
        f"\n{G}\n\n  \n{NO_EVENT}\n\n{NO_EVENT}",
        [("line", 5, WHY), ("line", 7, WHY)],
    ),
    "lines, CRLF": (f"{G}\r\n\r\n{NO_EVENT}\r\n{G}\r\n", [("line", 3, WHY)]),
    "lines, mixed ends": (f"{G}\r\n{G}\n{NO_EVENT}\r\n", [("line", 3, WHY)]),
    "lines, byte order mark": (f"\ufeff{G}\n{NO_EVENT}\n", [("line", 2, WHY)]),
    "lines, not JSON": (f"{G}\nnope\n{G[:20]}", [("line", n, "not valid JSON") for n in (2, 3)]),
    "lines, first not JSON": (f'{{"user": nope}}\n{G}\n', [("line", 1, "not valid JSON")]),
    "lines, not objects": (
        f'{G}\n[1]\n"x"\n5\nnull\n',
        [("line", n, "not a JSON object") for n in (2, 3, 4, 5)],
    ),
    "lines, bad UTF-8": (
        f'{G}\n\n{{"user":"\udcff"}}\n\n{NO_EVENT}\n{{"user":"\udcff"}}\n{NO_EVENT}\n',
        [("line", 3, NOTHING), ("line", 5, WHY), ("line", 6, NOTHING), ("line", 7, WHY)],
    ),
    "array": (
        f"[{G}, {NO_EVENT},\n5, null, {G}]",
        [("row", 2, WHY), ("row", 3, "not a JSON object"), ("row", 4, "not a JSON object")],
    ),
    "array, byte order mark": (f"\ufeff[{G}, {NO_EVENT}]", [("row", 2, WHY)]),
    "objects": (
        '{\n"user": "u",\n"event": "e",\n"time": 1\n}\n{\n"user": "u",\n"time": 1\n}',
        [("row", 2, WHY)],
    ),
    "table": (f"{H}\n{C}\nu,,2026-01-05\n{C}\n", [("line", 3, WHY)]),
    "table, blanks": (f"{H}\n\n{C}\n\n\nu,,2026-01-05\n{C}", [("line", 6, WHY)]),
    "table, blanks first": (f"\n\n{H}\n{C}\n\nu,,2026-01-05\n", [("line", 6, WHY)]),
    "table, CRLF": (f"{H}\r\n\r\n{C}\r\n\r\nu,,2026-01-05\r\n", [("line", 5, WHY)]),
    "table, byte order mark": (f"\ufeff{H}\n{C}\nu,,2026-01-05\n", [("line", 3, WHY)]),
    "table, bad UTF-8": (
        f"{H}\n{C}\n\nu,\udcff\udcfe,2026-01-05\n\nu,,2026-01-05\n",
        [("line", 6, WHY)],
    ),
    "table, cells missing or left over": (
        f"{H}\n{C}\nu,a\n\n{C},9\n{C}\nu,,2026-01-05\n",
        [("line", 3, SHORT), ("line", 5, LONG), ("line", 7, WHY)],
    ),
    "table, cell of two lines": (
        f'{H}\n"a\nb",view,2026-01-05\nu,,2026-01-05\n{C}\n',
        [("line", 4, WHY)],
    ),
    "table, broken around a cell of two lines": (
        f'{H}\nu,a\n"a\nb",view,2026-01-05\nu,a\n{C}\nu,,2026-01-05\nu,a\n',
        [("line", 2, SHORT), ("line", 5, SHORT), ("line", 7, WHY), ("line", 8, SHORT)],
    ),
    "table, mixed ends": (
        f"{H}\n{C}\r\n\r\n\nu,,2026-01-05\nu,a\r\nu,,2026-01-05\r\n{C}\n",
        [("line", 5, WHY), ("line", 6, SHORT), ("line", 7, WHY)],
    ),
    "table, blanks first, cells missing": (
        f"\n\n{H}\n{C}\n\nu,a\nu,,2026-01-05\n",
        [("line", 6, SHORT), ("line", 7, WHY)],
    ),
    "table, quote in the middle": (
        f'{H}\nu,"a"b,2026-01-05\n{C}\n',
        [("line", 2, "Value with unterminated quote found.")],
    ),
    "table, all cells empty": (
        f"{H}\n{C}\n,,\n",
        [("line", 3, "no user in 'user', no event in 'event', no time in 'time'")],
    ),
}


@pytest.mark.parametrize("case", PLACES)
def test_n2_rejected_row_has_its_exact_place_and_reason(tmp_path: Path, case: str) -> None:
    text, told = PLACES[case]
    path = tmp_path / "events"
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    log = core.read_events(path)
    report = log.report
    assert _told(log) == told
    assert report.rejected_rows == len(told)
    assert report.accepted_rows == len(log)
    assert report.accepted_rows + report.rejected_rows + report.duplicate_events == report.rows_read
    assert sum(part.rows for part in report.parts) == report.rows_read


def test_rejected_parquet_row_has_its_number(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.sql(
            "SELECT * FROM (VALUES ('a', 'x', TIMESTAMP '2026-01-05'), ('a', NULL, '2026-01-05'), "
            "(NULL, 'x', '2026-01-05'), ('a', 'x', 'infinity'), ('a', 'x', NULL)) "
            'AS t("user", event, "time")'
        ).write_parquet(str(path))
    log = core.read_events(path)
    assert _told(log) == [
        ("row", 2, "no event in 'event'"),
        ("row", 3, "no user in 'user'"),
        ("row", 4, "unreadable time 'infinity' in 'time'"),
        ("row", 5, "no time in 'time'"),
    ]


def test_rejected_row_keeps_its_text_and_its_file(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    path.write_text(f"{G}\nnope {'x' * 999}\n", encoding="utf-8")
    (row,) = core.read_events(path).report.rejected
    assert row.text.startswith("nope xxx")
    assert len(row.text) == SHOWN_CHARACTERS
    assert str(row) == f"{path} line 2: not valid JSON"


def test_rejected_rows_of_several_files_are_in_the_order_read(tmp_path: Path) -> None:
    for name, text in (("a", f"{G}\n{NO_EVENT}\n"), ("b", f"{H}\n{C}\nu,a\n"), ("c", f"[5, {G}]")):
        (tmp_path / name).write_text(text, encoding="utf-8")
    log = core.read_events([tmp_path / name for name in "cba"])
    assert [(Path(row.source).name, row.number) for row in log.report.rejected] == [
        ("c", 1),
        ("b", 3),
        ("a", 2),
    ]
    assert [part.rows for part in log.report.parts] == [2, 2, 2]
    assert (log.report.rows_read, log.report.accepted_rows) == (6, 3)


def test_all_rejected_rows_are_counted_and_the_first_are_kept() -> None:
    many = SHOWN_REJECTS + 500
    log = core.read_events([GOOD] + [{"user": "ana", "event": "view"}] * many)
    assert log.report.rejected_rows == many
    assert [row.number for row in log.report.rejected] == list(range(2, SHOWN_REJECTS + 2))


def test_all_broken_lines_are_counted_and_the_first_are_kept(tmp_path: Path) -> None:
    many = SHOWN_REJECTS + 500
    path = tmp_path / "events.csv"
    path.write_text(f"{H}\n{C}\n" + "u,a\n" * many, encoding="utf-8")
    log = core.read_events(path)
    assert (log.report.accepted_rows, log.report.rejected_rows) == (1, many)
    assert [row.number for row in log.report.rejected] == list(range(3, SHOWN_REJECTS + 3))


def test_j4_a_log_of_rejected_rows_only_is_valid() -> None:
    rows: list[dict[str, object]] = [{}, {"x": 1}, {**GOOD, "time": "soon"}]
    log = core.read_events(rows)
    assert (len(log), log.users_count, log.report.rejected_rows) == (0, 0, 3)


def test_all_rejected_rows_are_written_whole_to_a_file(tmp_path: Path) -> None:
    long = "x" * 2_000
    (tmp_path / "a").write_text(f"{G}\n{NO_EVENT}\n=1+1 {long}\n", encoding="utf-8")
    (tmp_path / "b").write_text(f"{H}\n{C}\nu,a\n", encoding="utf-8")
    out = tmp_path / "rejects.ndjson"
    log = core.read_events([tmp_path / "a", tmp_path / "b"], rejects=str(out))
    rows = [json.loads(line) for line in out.read_text().splitlines()]
    assert [(Path(r["source"]).name, r["number"], r["reason"], r["text"]) for r in rows] == [
        ("a", 2, WHY, NO_EVENT),
        ("a", 3, "not valid JSON", f"=1+1 {long}"),
        ("b", 3, SHORT, "u,a"),
    ]
    assert [len(row.text) for row in log.report.rejected] == [len(NO_EVENT), SHOWN_CHARACTERS, 3]


def test_a_rejects_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(core.SourceError, match="cannot write"):
        core.read_events([GOOD, {}], rejects=str(tmp_path / "no" / "such"))


def test_strict_fails_at_the_first_rejected_row(tmp_path: Path) -> None:
    path = tmp_path / "events"
    path.write_text(f"{G}\n{NO_EVENT}\nnope\n", encoding="utf-8")
    with pytest.raises(core.SourceError, match="events line 2: no event in 'event'; without --str"):
        core.read_events(path, strict=True)
    path.write_text(f"{G}\n\n{G}\n", encoding="utf-8")
    assert len(core.read_events(path, strict=True)) == 2
