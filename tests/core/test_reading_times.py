import os
import subprocess
import sys
import time
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import duckdb
import pytest

import core

ROOT = Path(__file__).parents[2]


def _read(*times: object, tz: str = "UTC") -> list[str]:
    """The times of a log, as ISO text in the order of the input."""
    rows = [{"user": f"{i:03}", "event": "view", "time": time} for i, time in enumerate(times)]
    log = core.read_events(rows, tz=tz)
    return [event.time.isoformat().removesuffix("+00:00") for event in log.events(0, len(log))]


ISO = {
    "2026-01-05T10:02:00Z": "2026-01-05T10:02:00",
    "2026-01-05T10:02:00+02:00": "2026-01-05T08:02:00",
    "2026-01-05T10:02:00-0530": "2026-01-05T15:32:00",
    "2026-01-05T10:02:00+00": "2026-01-05T10:02:00",
    "2026-01-05 10:02:00": "2026-01-05T10:02:00",
    "2026-01-05 10:02:00 UTC": "2026-01-05T10:02:00",
    "2026-01-05 10:02:00.25 UTC": "2026-01-05T10:02:00.250000",
    "2026-01-05 10:02:00.123456": "2026-01-05T10:02:00.123456",
    "2026-01-05T10:02:00.5Z": "2026-01-05T10:02:00.500000",
    "2026-01-05T10:02:00.999999999Z": "2026-01-05T10:02:00.999999",
    "2026-01-05T10:02Z": "2026-01-05T10:02:00",
    "2026-01-05": "2026-01-05T00:00:00",
    "2026-01-05 10:02": "2026-01-05T10:02:00",
    "2026-01-05T10:02:00.1234Z": "2026-01-05T10:02:00.123400",
    "2026-01-05T10:02:00.12345678+00:00": "2026-01-05T10:02:00.123456",
    "2026-01-05T10:02:00 UTC": "2026-01-05T10:02:00",
    "1969-12-31T23:59:59.999999Z": "1969-12-31T23:59:59.999999",
}


def test_iso_text_is_read_in_every_shape() -> None:
    assert dict(zip(ISO, _read(*ISO), strict=True)) == ISO


@pytest.mark.parametrize(
    ("tz", "moment"),
    [
        ("UTC", "2026-07-05T10:00:00"),
        ("America/New_York", "2026-07-05T14:00:00"),
        ("Asia/Kathmandu", "2026-07-05T04:15:00"),
    ],
)
def test_the_zone_given_is_that_of_times_without_one(tz: str, moment: str) -> None:
    assert _read("2026-07-05 10:00:00", "2026-07-05T10:00:00Z", tz=tz) == [
        moment,
        "2026-07-05T10:00:00",
    ]


def test_the_zone_of_the_machine_does_not_matter() -> None:
    code = (
        "import core; log = core.read_events([{'user': 'a', 'event': 'b', 'time': '2026-01-05'}]);"
        "print(log.events(0, 1)[0].time.isoformat())"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env={**os.environ, "TZ": "Asia/Kathmandu"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout == "2026-01-05T00:00:00+00:00\n"


def test_an_unknown_zone_is_refused() -> None:
    with pytest.raises(core.SourceError, match="no time zone is named 'Mars/Base'"):
        core.read_events([], tz="Mars/Base")


EPOCH = {
    "seconds": (1704448800, "2024-01-05T10:00:00", "epoch seconds"),
    "seconds with a fraction": (
        1704448800.123456,
        "2024-01-05T10:00:00.123456",
        "epoch seconds",
    ),
    "milliseconds": (1704448800123, "2024-01-05T10:00:00.123000", "epoch milliseconds"),
    "milliseconds with a fraction": (
        1704448800123.5,
        "2024-01-05T10:00:00.123500",
        "epoch milliseconds",
    ),
    "microseconds": (1704448800123456, "2024-01-05T10:00:00.123456", "epoch microseconds"),
    "nanoseconds": (1704448800123456789, "2024-01-05T10:00:00.123456", "epoch nanoseconds"),
    "zero": (0, "1970-01-01T00:00:00", "epoch seconds"),
    "before 1970": (-0.5, "1969-12-31T23:59:59.500000", "epoch seconds"),
    "exponent": (1.7044488e9, "2024-01-05T10:00:00", "epoch seconds"),
}


@pytest.mark.parametrize("as_text", [False, True], ids=["number", "text"])
@pytest.mark.parametrize("unit", EPOCH)
def test_epoch_unit_is_told_by_its_size(unit: str, as_text: bool) -> None:
    number, moment, kind = EPOCH[unit]
    log = core.read_events(
        [{"user": "ana", "event": "view", "time": str(number) if as_text else number}]
    )
    assert log.events(0, 1)[0].time.isoformat() == f"{moment}+00:00"
    assert log.report.parts[0].time_kind == kind


def test_times_of_web_logs_are_read_with_their_zones() -> None:
    assert _read("17/May/2015:10:05:03 +0000", "17/May/2015:10:05:03 -0530") == [
        "2015-05-17T10:05:03",
        "2015-05-17T15:35:03",
    ]


@pytest.mark.parametrize("clock", ["10:02", "10:02:03", "9:02:03.25"])
def test_day_and_time_of_day_may_stand_in_two_fields(clock: str) -> None:
    row = {"user": "ana", "event": "view", "date": "2026-07-05", "time": clock, "n": 1}
    log = core.read_events([row], tz="America/New_York")
    (event,) = log.events(0, 1)
    two_digits = clock if clock[1].isdigit() else f"0{clock}"
    assert event.time == datetime.fromisoformat(f"2026-07-05T{two_digits}-04:00")
    assert event.properties == {"n": 1}
    assert log.report.parts[0].time_field == "date and time"


def test_epoch_unit_is_told_once_for_the_whole_column() -> None:
    assert _read(1704448800000, 1704448801000, 1) == [
        "2024-01-05T10:00:00",
        "2024-01-05T10:00:01",
        "1970-01-01T00:00:00.001000",
    ]


PARQUET = {
    "TIMESTAMP '2026-01-05 10:00:00'": "2026-01-05T15:00:00",
    "TIMESTAMP_NS '2026-01-05 10:00:00.123456'": "2026-01-05T15:00:00.123456",
    "TIMESTAMP_S '2026-01-05 10:00:00'": "2026-01-05T15:00:00",
    "TIMESTAMP_MS '2026-01-05 10:00:00.5'": "2026-01-05T15:00:00.500000",
    "TIMESTAMPTZ '2026-01-05 10:00:00+00'": "2026-01-05T10:00:00",
    "DATE '2026-01-05'": "2026-01-05T05:00:00",
    "VARCHAR '2026-01-05 10:00:00'": "2026-01-05T15:00:00",
    "VARCHAR '1704448800.25'": "2024-01-05T10:00:00.250000",
    "1704448800::INTEGER": "2024-01-05T10:00:00",
    "1704448800123::BIGINT": "2024-01-05T10:00:00.123000",
    "1704448800123456789::BIGINT": "2024-01-05T10:00:00.123456",
    "1704448800.25::DOUBLE": "2024-01-05T10:00:00.250000",
    "1704448800.123457::DOUBLE": "2024-01-05T10:00:00.123457",
    "1704448800.25::DECIMAL(18, 2)": "2024-01-05T10:00:00.250000",
    "1704448800123456789::UBIGINT": "2024-01-05T10:00:00.123456",
}


@pytest.mark.parametrize("value", PARQUET)
def test_typed_columns_are_read_exactly(tmp_path: Path, value: str) -> None:
    path = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.execute("SET TimeZone = 'UTC'")
        connection.sql("SELECT 'ana' AS user, 'view' AS event").project(
            f"*, {value} AS time"
        ).write_parquet(str(path))
    log = core.read_events(path, tz="America/New_York")
    assert log.events(0, 1)[0].time.isoformat() == f"{PARQUET[value]}+00:00"


MOMENTS = {
    "aware": (datetime(2026, 1, 5, 10, 0, 0, 7, tzinfo=UTC), "2026-01-05T10:00:00.000007"),
    "other zone": (
        datetime(2026, 1, 5, 10, tzinfo=timezone(timedelta(hours=2))),
        "2026-01-05T08:00:00",
    ),
    "naive": (datetime(2026, 1, 5, 10), "2026-01-05T15:00:00"),  # noqa: DTZ001 - it is the point
    "day": (date(2026, 1, 5), "2026-01-05T05:00:00"),
}


@pytest.mark.parametrize("kind", MOMENTS)
def test_records_may_hold_datetimes(kind: str) -> None:
    value, moment = MOMENTS[kind]
    assert _read(value, tz="America/New_York") == [moment]


def test_iso_and_now_agree() -> None:
    now = int(time.time())
    iso = datetime.fromtimestamp(now, tz=UTC).isoformat()
    assert _read(now) == _read(iso)


UNREADABLE = (
    "never",
    "2026-02-30T00:00:00Z",
    "infinity",
    "-infinity",
    "nan",
    True,
    [1],
    {"a": 1},
    float("nan"),
    float("inf"),
)


@pytest.mark.parametrize("among", ["2026-01-05T10:00:00Z", 1704448800], ids=["iso", "epoch"])
def test_unreadable_times_are_rejected_and_the_rest_is_read(among: object) -> None:
    times = [among] * 12 + list(UNREADABLE)
    log = core.read_events([{"user": "ana", "event": "view", "time": time} for time in times])
    assert (log.report.accepted_rows, log.report.rejected_rows) == (12, len(UNREADABLE))
    assert all("unreadable time" in row.reason for row in log.report.rejected)


@pytest.mark.parametrize("number", [1e300, -1e300, 1e30], ids=str)
def test_impossible_numbers_are_rejected(number: float) -> None:
    log = core.read_events(
        [{"user": "ana", "event": "view", "time": time} for time in (1, 2, number)]
    )
    assert (log.report.accepted_rows, log.report.rejected_rows) == (2, 1)
