"""A text is read before all of it has been looked at; where it is strange, its rows count once."""

from pathlib import Path

import pytest

import core

HEAD = b"user,event,time\n"
GOOD = {
    "csv": HEAD + b"ann,open,1700000000\nbob,open,1700000001\n",
    "json": b'{"user":"ann","event":"open","time":1700000000}\n'
    b'{"user":"bob","event":"open","time":1700000001}\n',
}
ZOE = b'{"user":"zo\xc3\xab","event":"pay","time":1700000002}'
STRANGE = {
    "cells not in UTF-8": ("csv", HEAD + b"zo\xeb,pay,1700000002\n"),
    "lines not in UTF-8": ("json", ZOE.replace(b"\xc3\xab", b"\xeb") + b"\n"),
    "ends of lines as on a Macintosh": (
        "csv",
        (HEAD + b"zo\xc3\xab,pay,1700000002\n").replace(b"\n", b"\r"),
    ),
    "an end of a line in a cell": ("csv", HEAD + b'zo\xc3\xab,"p\ray",1700000002\n'),
    "unlike ends of rows": ("csv", HEAD.replace(b"\n", b"\r\n") + b"zo\xc3\xab,pay,1700000002\n"),
    "unlike ends of lines": ("json", ZOE + b"\r\n" + ZOE.replace(b"pay", b"go") + b"\n"),
    "a mark inside a cell": ("csv", HEAD + b'zo\xc3\xab,p"ay,1700000002\n'),
    "a line of nine megabytes": ("json", ZOE.replace(b"{", b'{"n":"%s",' % (b"x" * 9_000_000))),
}


def _seen(log: core.EventLog) -> list[tuple[str, str, int]]:
    return sorted((e.user, e.name, int(e.time.timestamp())) for e in log.events(0, len(log)))


@pytest.mark.parametrize("case", STRANGE)
def test_rows_of_a_strange_file_among_others_count_once(case: str, tmp_path: Path) -> None:
    kind, data = STRANGE[case]
    for name, text in (("1", GOOD[kind]), ("2", data), ("3", GOOD[kind])):
        (tmp_path / f"{name}.{kind}").write_bytes(text)
    log = core.read_events(tmp_path)
    good = [("ann", "open", 1_700_000_000), ("bob", "open", 1_700_000_001)]
    strange = {user_event for user_event in _seen(log) if user_event not in good}
    assert {(user, time) for user, _, time in strange} == {("zoë", 1_700_000_002)}
    assert _seen(log) == sorted([*good, *good, *strange])
    assert [part.rows for part in log.report.parts] == [2, len(strange), 2]


def test_a_file_left_out_leaves_no_rows(tmp_path: Path) -> None:
    (tmp_path / "1.csv").write_bytes(GOOD["csv"])
    (tmp_path / "2.csv").write_bytes(b"color,size\n\xe9,1\n")
    (tmp_path / "3.csv").write_bytes(GOOD["csv"])
    log = core.read_events(tmp_path)
    assert log.report.accepted_rows == 4
    (warning,) = log.report.warnings
    assert warning.startswith("left out: ")
    assert "2.csv" in warning
