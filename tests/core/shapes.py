"""One set of events, written the way each vendor writes them."""

import bz2
import gzip
import io
import json
import sqlite3
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb

from core.reading.snowplow import COLUMNS

BEGIN = datetime(2026, 1, 5, 10, 0, 0, 250_000, tzinfo=UTC)
Record = dict[str, object]


@dataclass(frozen=True)
class Seen:
    """One event of the set."""

    user: str
    name: str
    time: datetime
    plan: str
    identity: str

    @property
    def milliseconds(self) -> int:
        return self.microseconds // 1_000

    @property
    def microseconds(self) -> int:
        return (self.time - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)

    @property
    def iso(self) -> str:
        return self.time.strftime("%Y-%m-%dT%H:%M:%S.%f")[:-3]


def _events() -> Iterator[Seen]:
    trails = {
        "ana": ["GET /view", "GET /cart", "GET /pay"],
        "Bö": ["GET /view", "GET /view", "GET /cart"],
        "cy": ["GET /cart", "GET /view"],
    }
    for place, (user, names) in enumerate(trails.items()):
        for step, name in enumerate(names):
            time = BEGIN + timedelta(minutes=20 * step * (place + 1), seconds=place)
            yield Seen(user, name, time, "pro" if place % 2 else "free", f"{user}-{step}")


EVENTS = tuple(_events())
WITH_DUPLICATE = (*EVENTS, EVENTS[3])
"""The set, and one of its events once more."""


def _lines(records: Iterator[Record]) -> bytes:
    return "".join(f"{json.dumps(record)}\n" for record in records).encode()


def amplitude() -> bytes:
    return _lines(
        {
            "$insert_id": e.identity,
            "user_id": e.user if e.user != "cy" else None,
            "device_id": "cy" if e.user == "cy" else f"device of {e.user}",
            "amplitude_id": 7,
            "session_id": -1,
            "event_type": e.name,
            "event_time": e.iso.replace("T", " "),
            "event_properties": {"plan": e.plan},
            "user_properties": {"age": 30},
        }
        for e in WITH_DUPLICATE
    )


def mixpanel() -> bytes:
    return _lines(
        {
            "event": e.name,
            "properties": {
                "distinct_id": e.user,
                "time": e.milliseconds,
                "$insert_id": e.identity,
                "plan": e.plan,
            },
        }
        for e in WITH_DUPLICATE
    )


def _posthog(e: Seen) -> Record:
    return {
        "uuid": e.identity,
        "event": e.name,
        "distinct_id": f"device of {e.user}",
        "person_id": e.user,
        "timestamp": f"{e.iso}+00:00",
        "properties": {"plan": e.plan, "$lib": "web"},
    }


def posthog() -> bytes:
    return _lines(_posthog(e) for e in WITH_DUPLICATE)


def ga4() -> bytes:
    return _lines(
        {
            "event_date": "20260105",
            "event_timestamp": str(e.microseconds),
            "event_name": e.name,
            "event_params": [
                {"key": "engaged", "value": {"int_value": "1"}},
                {"key": "plan", "value": {"string_value": e.plan}},
            ],
            "user_id": None,
            "user_pseudo_id": e.user,
        }
        for e in EVENTS
    )


def _segment(e: Seen) -> Record:
    kind = "page" if e.name == "GET /view" else "track"
    return {
        "anonymousId": e.user if e.user == "cy" else f"device of {e.user}",
        "userId": "" if e.user == "cy" else e.user,
        "messageId": e.identity,
        "type": kind,
        "name" if kind == "page" else "event": e.name,
        "timestamp": f"{e.iso}Z",
        "receivedAt": "2026-02-01T00:00:00Z",
        "properties": {"plan": e.plan},
    }


def segment() -> bytes:
    return _lines(_segment(e) for e in WITH_DUPLICATE)


def rudderstack() -> bytes:
    return _lines({**_segment(e), "rudderId": "r"} for e in WITH_DUPLICATE)


def _snowplow(e: Seen) -> dict[str, str]:
    given = {
        "user_id": "" if e.user == "cy" else e.user,
        "domain_userid": e.user if e.user == "cy" else f"device of {e.user}",
        "event": "struct",
        "event_name": e.name,
        "event_id": e.identity,
        "derived_tstamp": e.iso.replace("T", " "),
        "collector_tstamp": "2026-02-01 00:00:00",
        "se_property": e.plan,
        "contexts": '{"data":[]}',
    }
    return {column: given.get(column, "") for column in COLUMNS}


def snowplow() -> bytes:
    return "".join("\t".join(_snowplow(e).values()) + "\n" for e in WITH_DUPLICATE).encode()


def snowplow_with_header() -> bytes:
    return "\t".join(COLUMNS).encode() + b"\n" + snowplow()


def warehouse() -> bytes:
    rows = (
        f"{e.user},{e.name},{e.time:%Y-%m-%d %H:%M:%S.%f} UTC,{e.identity},"
        f'"{{""plan"": ""{e.plan}""}}"\n'
        for e in WITH_DUPLICATE
    )
    return ("distinct_id,name,event_time,event_id,properties\n" + "".join(rows)).encode()


def two_columns() -> bytes:
    rows = (f"{e.time:%Y-%m-%d};{e.time:%H:%M:%S.%f};{e.user};{e.name};{e.plan}\n" for e in EVENTS)
    return ("date;time;visitor;page;plan\n" + "".join(rows)).encode()


def web_log() -> bytes:
    return "".join(
        f"{e.user} - - [{e.time:%d/%b/%Y:%H:%M:%S} +0000] "
        f'"{e.name}?utm=1 HTTP/1.1" 200 512 "-" "agent {e.plan}"\n'
        for e in EVENTS
    ).encode()


def plain() -> bytes:
    return _lines(
        {
            "user": e.user,
            "event": e.name,
            "time": e.microseconds * 1_000,
            "plan": e.plan,
            "uuid": e.identity,
        }
        for e in WITH_DUPLICATE
    )


SHAPES: dict[str, Callable[[], bytes]] = {
    "Amplitude": amplitude,
    "Mixpanel": mixpanel,
    "PostHog": posthog,
    "GA4": ga4,
    "Segment": segment,
    "RudderStack": rudderstack,
    "Snowplow": snowplow,
    "Snowplow, header": snowplow_with_header,
    "plain, warehouse": warehouse,
    "plain, date and time": two_columns,
    "access log": web_log,
    "plain, lines": plain,
}


def as_array(lines: bytes) -> bytes:
    return b"[" + b",\n".join(lines.splitlines()) + b"]"


def as_pretty(lines: bytes) -> bytes:
    return json.dumps([json.loads(line) for line in lines.splitlines()], indent=1).encode()


def as_zip(lines: bytes) -> bytes:
    """An archive of hourly files, each compressed, as Amplitude makes them; and something else."""
    rows = lines.splitlines(keepends=True)
    result = io.BytesIO()
    with zipfile.ZipFile(result, "w", zipfile.ZIP_DEFLATED) as archive:
        for number, start in enumerate(range(0, len(rows), 3)):
            part = gzip.compress(b"".join(rows[start : start + 3]))
            archive.writestr(f"187/187_2026-01-05_{number}#1.json.gz", part)
        archive.writestr("__MACOSX/readme", "nothing")
    return result.getvalue()


def as_zstd(lines: bytes, folder: Path) -> bytes:
    plain, packed = folder / "for-zstd", folder / "for-zstd.zst"
    plain.write_bytes(lines)
    with duckdb.connect() as connection:
        connection.execute(
            f"COPY (SELECT line FROM read_csv('{plain}', header=false, delim='\x01', quote='', "
            "escape='', auto_detect=false, columns={'line': 'VARCHAR'})) "
            f"TO '{packed}' (FORMAT csv, HEADER false, QUOTE '', ESCAPE '', DELIMITER '\x01', "
            "COMPRESSION zstd)"
        ).fetchall()
    data = packed.read_bytes()
    plain.unlink()
    packed.unlink()
    return data


CONTAINERS: dict[str, Callable[[bytes, Path], bytes]] = {
    "as it is": lambda lines, folder: lines,
    "gzip": lambda lines, folder: gzip.compress(lines),
    "bzip2": lambda lines, folder: bz2.compress(lines),
    "zstd": as_zstd,
    "zip": lambda lines, folder: as_zip(lines),
    "array": lambda lines, folder: as_array(lines),
    "pretty array, gzip": lambda lines, folder: gzip.compress(as_pretty(lines)),
    "CRLF": lambda lines, folder: lines.replace(b"\n", b"\r\n"),
    "BOM": lambda lines, folder: b"\xef\xbb\xbf" + lines,
    "UTF-16": lambda lines, folder: lines.decode().encode("utf-16"),
}


def write_parquet(lines: bytes, path: Path) -> None:
    """The lines as Parquet, with properties as JSON text, as PostHog exports them."""
    rows = [json.loads(line) for line in lines.splitlines()]
    texts = [{k: json.dumps(v) if isinstance(v, dict) else v for k, v in r.items()} for r in rows]
    path.with_suffix(".rows").write_bytes(_lines(iter(texts)))
    duckdb.execute(
        f"COPY (FROM read_json('{path.with_suffix('.rows')}')) TO '{path}' (FORMAT parquet)"
    ).fetchall()


def write_duckdb(lines: bytes, path: Path) -> None:
    path.with_suffix(".rows").write_bytes(lines)
    with duckdb.connect(str(path)) as connection:
        connection.execute(
            f"CREATE TABLE events AS FROM read_json('{path.with_suffix('.rows')}')"
        ).fetchall()
        connection.execute("CREATE TABLE other (x INTEGER)").fetchall()


def write_sqlite(lines: bytes, path: Path) -> None:
    rows = [json.loads(line) for line in lines.splitlines()]
    columns = ", ".join(f'"{name}"' for name in rows[0])
    marks = ", ".join("?" for _ in rows[0])
    with sqlite3.connect(path) as database:
        database.execute(f"CREATE TABLE events ({columns})")
        database.execute("CREATE TABLE other (x)")
        database.executemany(
            f"INSERT INTO events VALUES ({marks})",
            [[json.dumps(v) if isinstance(v, dict) else v for v in r.values()] for r in rows],
        )
    database.close()
