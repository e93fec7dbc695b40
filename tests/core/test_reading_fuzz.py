"""Any bytes: an expected failure or a log that reconciles, never a traceback, whatever they are.

    python -m tests.core.test_reading_fuzz 600

goes on for so many seconds. What it found is kept as examples.
"""

import bz2
import contextlib
import gzip
import io
import json
import sys
import tempfile
import time
import zipfile
from pathlib import Path

import duckdb
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

import core
from tests.core.shapes import SHAPES

ROW = '{"user":"ana","event":"view","time":"2026-01-05T10:00:00Z","n":1}'
PIECES = [
    ROW, "user,event,time\n", "ana,view,2026-01-05\n", "u,e,1,x\n", ",,\n", "\n", "\r\n", "\r",
    "\t", " ", ",", ";", "|", '"', '""', "{", "}", "[", "]", ":", "null", "NaN", "1e999", "-1",
    "\\u0000", "\0", "\ufeff", "é", "\U0001f600", "\x1b", "'", "#", "1704448800",
    '"user"', '"time":', "true",
    '{"user":1,"event":[],"time":{}}', '{"properties":"{}","user":1,"event":"e","time":1}\n',
    '1.2.3.4 - - [17/May/2015:10:05:03 +0000] "GET /a HTTP/1.1" 200 5\n', "\\", "\x01\x02\x03",
]  # fmt: skip


def _packed(data: bytes, kind: str) -> bytes:
    if kind == "gzip":
        return gzip.compress(data)
    if kind == "bzip2":
        return bz2.compress(data)
    if kind == "zip":
        result = io.BytesIO()
        with zipfile.ZipFile(result, "w") as archive:
            archive.writestr("a.json", data)
        return result.getvalue()
    return data.decode(errors="replace").encode("utf-16") if kind == "utf-16" else data


def _parquet() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "a")
        duckdb.execute(
            "COPY (SELECT 'a' || i AS user, 'e' AS event, i AS time, {'x': i} AS y "
            f"FROM range(100) AS r(i)) TO '{path}' (FORMAT parquet)"
        ).fetchall()
        return path.read_bytes()


SEEDS = [make() for make in SHAPES.values()] + [
    _parquet(),
    json.dumps([json.loads(ROW)] * 5, indent=1).encode(),
    b'user,event,time,note\n"a\nb",c,1,"x ""y"""\n\n"d",e,2,\n',
]


@st.composite
def _mutated(draw: st.DrawFn) -> bytes:
    """A good file with some places changed, cut out or doubled."""
    data = bytearray(draw(st.sampled_from(SEEDS)))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, max(len(data) - 1, 0)))
        length = draw(st.integers(0, 40))
        new = draw(st.one_of(st.binary(max_size=6), st.sampled_from(PIECES).map(str.encode)))
        data[at : at + length] = new + bytes(data[at : at + length]) * draw(st.integers(0, 2))
    return bytes(data)


DATA = st.builds(
    _packed,
    st.one_of(
        _mutated(),
        st.lists(st.sampled_from(PIECES), max_size=14).map(lambda p: "".join(p).encode()),
        st.binary(max_size=60),
    ),
    st.sampled_from(["", "", "", "gzip", "bzip2", "zip", "utf-16"]),
)


def check(data: bytes) -> None:
    """Read the bytes as a file, and look at all there is to see of it."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "events")
        path.write_bytes(data)
        began = time.process_time()
        try:
            log = core.read_events(path)
        except core.SourceError as error:
            assert "\n" not in str(error)  # noqa: PT017 - any other error fails by itself
            return
        report = log.report
        parts = report.accepted_rows + report.rejected_rows + report.duplicate_events
        assert report.rows_read == parts == sum(part.rows for part in report.parts)
        assert report.accepted_rows == len(log)
        assert len(report.rejected) == report.rejected_rows
        for event in log.events(0, len(log)):
            dict(event.properties)
            assert event.user
            assert event.name
        for field in ("n", "y.x", "user"):
            with contextlib.suppress(core.QuestionError):
                assert len(log.values(field)) == len(log)
        assert log.matching("1 = 1").all()
        assert time.process_time() - began < 10


@pytest.mark.slow
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(DATA)
@example(b"")
@example(b"\xff")
def test_any_bytes_are_a_log_that_reconciles_or_one_line(data: bytes) -> None:
    check(data)


if __name__ == "__main__":
    until = time.monotonic() + float(sys.argv[1])
    long = settings(max_examples=500, deadline=None, suppress_health_check=list(HealthCheck))
    while time.monotonic() < until:
        long(given(DATA)(check))()
