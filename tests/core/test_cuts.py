"""Rule J3: what cuts journeys besides the timeout. All of it is off unless asked for."""

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest

import core
from core.cuts import FEW
from core.durations import LONGEST
from core.event import from_datetime, to_datetime
from core.journeys import JourneyRules
from core.log import FIRST_GAP
from tests.core.build import MINUTE, SECOND, log_of, quick_log

ROOT = Path(__file__).parents[2]
HOUR = 60 * MINUTE
DAY = 24 * HOUR


def _at(*moments: str) -> core.EventLog:
    """A log of one user, by the times of its events, ISO text in UTC."""
    times = (from_datetime(datetime.fromisoformat(moment)) for moment in moments)
    return quick_log({"u": [(time, "x") for time in times]})


def _cut(log: core.EventLog, minutes: float | None = None, **rules: Any) -> list[str]:
    """The journeys, each as the names of its events in a row; no timeout unless one is given."""
    journeys = core.reconstruct_journeys(log, minutes, **rules)
    return ["".join(event.name for event in journey.events) for journey in journeys]


def _counts(log: core.EventLog, minutes: float | None = None, **rules: Any) -> list[int]:
    return [len(names) for names in _cut(log, minutes, **rules)]


# Midnight.


@pytest.mark.parametrize(
    ("zone", "moments", "counts"),
    [
        ("UTC", ["2026-01-06T23:59:59.999999", "2026-01-07T00:00:00"], [1, 1]),
        ("UTC", ["2026-01-06T00:00:00", "2026-01-06T23:59:59.999999"], [2]),
        ("UTC", ["2026-01-06T12:00:00", "2026-01-09T12:00:00"], [1, 1]),
        ("UTC", ["1969-12-31T23:59:59.999999", "1970-01-01T00:00:00"], [1, 1]),
        ("Europe/Berlin", ["2026-01-06T22:59:59.999999", "2026-01-06T23:00:00"], [1, 1]),
        ("Europe/Berlin", ["2026-01-06T23:30:00", "2026-01-07T00:30:00"], [2]),
        ("Asia/Kathmandu", ["2026-01-06T18:14:59.999999", "2026-01-06T18:15:00"], [1, 1]),
        ("America/Los_Angeles", ["2026-01-07T07:59:59.999999", "2026-01-07T08:00:00"], [1, 1]),
    ],
)
def test_j3_midnight_is_that_of_the_zone(zone: str, moments: list[str], counts: list[int]) -> None:
    assert _counts(_at(*moments), midnight_tz=zone) == counts


@pytest.mark.parametrize(
    ("zone", "moments", "counts"),
    [
        pytest.param(
            "Europe/Berlin",
            ["2026-03-28T23:00", "2026-03-29T21:59:59.999999", "2026-03-29T22:00"],
            [2, 1],
            id="a day of 23 hours",
        ),
        pytest.param(
            "Europe/Berlin",
            ["2026-10-24T22:00", "2026-10-25T22:59:59.999999", "2026-10-25T23:00"],
            [2, 1],
            id="a day of 25 hours",
        ),
        pytest.param(
            "Europe/Berlin",
            ["2026-01-15T12:00", "2026-07-15T21:59:59.999999", "2026-07-15T22:00"],
            [1, 1, 1],
            id="a change while nothing happened",
        ),
        pytest.param(
            "America/Sao_Paulo",
            ["2018-11-04T02:59:59.999999", "2018-11-04T03:00"],
            [1, 1],
            id="a day that begins at one o'clock",
        ),
        pytest.param(
            "America/Sao_Paulo",
            ["2018-02-18T01:59:59.999999", "2018-02-18T02:00", "2018-02-18T03:00"],
            [2, 1],
            id="clocks that go back at midnight put it off",
        ),
        pytest.param(
            "America/Havana",
            ["2026-11-01T03:59:59", "2026-11-01T04:00", "2026-11-01T05:00", "2026-11-01T06:00"],
            [1, 3],
            id="a midnight that comes twice begins one day",
        ),
        pytest.param(
            "America/St_Johns",
            ["2006-10-29T02:29:59", "2006-10-29T02:30:59", "2006-10-29T02:31", "2006-10-29T03:30"],
            [1, 1, 1, 1],
            id="clocks that go back over midnight repeat a day",
        ),
        pytest.param(
            "Pacific/Apia",
            ["2011-12-30T09:59:59.999999", "2011-12-30T10:00", "2011-12-30T11:00"],
            [1, 2],
            id="a day that the zone left out",
        ),
    ],
)
def test_j3_midnight_when_the_clocks_change(
    zone: str, moments: list[str], counts: list[int]
) -> None:
    assert _counts(_at(*moments), midnight_tz=zone) == counts


def test_j3_midnight_beyond_the_calendar_is_that_of_its_edge() -> None:
    log = quick_log({"u": [(-(10**18), "x"), (0, "x"), (10**18, "x"), (10**18 + DAY, "x")]})
    assert len(core.reconstruct_journeys(log, None, midnight_tz="Europe/Berlin")) == 4


def test_j3_midnight_cuts_the_demo_where_the_notes_say() -> None:
    journeys = core.reconstruct_journeys(
        core.read_events(ROOT / "demo_events.json"), midnight_tz="UTC"
    )
    funnel = core.analyze_funnel(journeys, ["home", "product", "cart", "payment", "purchase"])
    assert len(journeys) == 6
    assert [stage.count for stage in funnel.stages] == [5, 5, 5, 4, 2]


@pytest.mark.parametrize(
    ("zone", "message"),
    [
        ("Europe/Berln", "no time zone is named 'Europe/Berln'; did you mean Europe/Berlin"),
        ("europe/berlin", "did you mean Europe/Berlin"),
        ("", "no time zone is named ''"),
        ("../../etc/passwd", "no time zone is named"),
        ("Europe", "no time zone is named 'Europe'"),
    ],
)
def test_j3_an_unknown_zone_is_refused(zone: str, message: str) -> None:
    with pytest.raises(core.QuestionError, match=message):
        core.reconstruct_journeys(core.read_events([]), midnight_tz=zone)


# Length.


@pytest.mark.parametrize(
    ("seconds", "counts"),
    [
        ([0, 59.999999], [2]),
        ([0, 60], [2]),
        ([0, 60.000001], [1, 1]),
        ([0, 60, 60, 60], [4]),
        ([0, 30, 61, 90, 121, 122], [2, 3, 1]),
        ([0, 61, 122, 183], [1, 1, 1, 1]),
        ([0, 1000], [1, 1]),
    ],
    ids=str,
)
def test_j3_length_equal_to_the_maximum_stays(seconds: list[float], counts: list[int]) -> None:
    log = log_of(*(("u", "x", second) for second in seconds))
    assert _counts(log, max_minutes=1) == counts
    assert _counts(log, max_minutes=timedelta(minutes=1)) == counts


def test_j3_length_counts_from_where_the_timeout_has_cut() -> None:
    log = log_of(*(("u", "x", second) for second in (0, 40, 80, 200, 230, 259, 261)))
    assert _counts(log, 1, max_minutes=1) == [2, 1, 3, 1]
    assert _counts(log, 0.5, max_minutes=1) == [1, 1, 1, 3, 1]


def test_j3_length_zero_keeps_only_the_same_instant() -> None:
    assert _counts(log_of(*(("u", "x", t) for t in (0, 0, 1, 1, 1, 2))), max_minutes=0) == [2, 3, 1]


@pytest.mark.parametrize("users", [1, FEW, FEW + 1, 5 * FEW])
def test_j3_length_is_the_same_for_few_users_and_many(users: int) -> None:
    trails = {f"{i:03}": [(t * (i + 1), "x") for t in range(100)] for i in range(users)}
    journeys = core.reconstruct_journeys(
        quick_log(trails), None, max_minutes=timedelta(microseconds=9)
    )
    expected = [-(-100 // (9 // (i + 1) + 1)) for i in range(users)]
    assert np.diff(journeys.starts.searchsorted(journeys.log.offsets)).tolist() == expected


@pytest.mark.parametrize("minutes", [-1, float("nan"), float("inf"), timedelta(days=-1)], ids=str)
def test_j3_a_length_that_is_none_is_refused(minutes: float | timedelta) -> None:
    with pytest.raises(core.QuestionError, match=r"a maximum length is|cannot be negative"):
        core.reconstruct_journeys(core.read_events([]), max_minutes=minutes)
    with pytest.raises(core.QuestionError, match="cannot last"):
        JourneyRules(max_length=LONGEST + 1)


# Names.


@pytest.mark.parametrize(
    ("names", "start", "end", "journeys"),
    [
        ("abcab", "a", None, ["abc", "ab"]),
        ("bcab", "a", None, ["bc", "ab"]),
        ("aaa", "a", None, ["a", "a", "a"]),
        ("abcab", None, "b", ["ab", "cab"]),
        ("bbab", None, "b", ["b", "b", "ab"]),
        ("abcab", "a", "b", ["ab", "c", "ab"]),
        ("abacb", "a", "a", ["a", "b", "a", "cb"]),
        ("abc", "x", None, ["abc"]),
    ],
)
@pytest.mark.parametrize("step", [0, 1])
def test_j3_events_begin_and_end_journeys(
    names: str, start: str | None, end: str | None, journeys: list[str], step: int
) -> None:
    log = log_of(*(("u", name, i * step) for i, name in enumerate(names)), ("v", "v", 0))
    assert _cut(log, start_event=start, end_event=end) == [*journeys, "v"]


def test_j3_an_end_event_ends_nothing_of_the_next_user() -> None:
    log = log_of(("a", "x", 0), ("a", "end", 1), ("b", "y", 1))
    journeys = core.reconstruct_journeys(log, end_event="end")
    assert [(j.user, j.index, len(j.events)) for j in journeys] == [("a", 1, 2), ("b", 1, 1)]
    assert journeys.gaps.tolist() == [FIRST_GAP, SECOND, FIRST_GAP]


def test_j3_a_name_that_never_occurs_is_a_warning() -> None:
    log = log_of(("u", "login", 0), ("u", "logout", 1))
    journeys = core.reconstruct_journeys(log, start_event="logn", end_event="zzz")
    assert journeys.warnings == (
        "no event is named 'logn'; did you mean login or logout?",
        "no event is named 'zzz'",
    )
    funnel = core.analyze_funnel(journeys, ["login", "zzz"])
    assert funnel.warnings == journeys.warnings
    study = core.Study(journey_rules=journeys.rules)
    assert core.LocalEngine(log).funnel(study).warnings == journeys.warnings


# A field of the source.


def _records(values: str) -> list[dict[str, object]]:
    """One user's events, a day apart, with these values of `sid`; "-" is missing."""
    return [
        {"user": "u", "event": value, "time": 86_400 * i, "sid": None if value == "-" else value}
        for i, value in enumerate(values)
    ]


@pytest.mark.parametrize(
    ("values", "journeys"),
    [
        ("aab", ["aa", "b"]),
        ("aba", ["a", "b", "a"]),
        ("a-a", ["a-a"]),
        ("a-b", ["a-", "b"]),
        ("--ab-", ["--a", "b-"]),
        ("---", ["---"]),
        ("a", ["a"]),
    ],
)
def test_j3_a_field_cuts_where_its_value_changes_and_nothing_else_does(
    values: str, journeys: list[str]
) -> None:
    log = core.read_events(_records(values))
    assert _cut(log, 30, session_field="sid") == journeys
    assert core.reconstruct_journeys(log, 30, session_field="sid").timeout is None


def test_j3_a_field_says_nothing_of_the_next_user() -> None:
    rows = [("a", 1), ("a", None), ("b", None), ("b", 2), ("b", 2), ("c", 2)]
    log = core.read_events(
        [{"user": u, "event": "x", "time": i, "sid": sid} for i, (u, sid) in enumerate(rows)]
    )
    assert _counts(log, session_field="sid") == [2, 3, 1]


def _json_lines(path: Path, rows: list[dict[str, object]]) -> object:
    path.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "\nnot an event\n")
    return path


def _json_array(path: Path, rows: list[dict[str, object]]) -> object:
    path.write_text(json.dumps(rows))
    return path


def _csv(path: Path, rows: list[dict[str, object]]) -> object:
    lines = (",".join("" if cell is None else str(cell) for cell in row.values()) for row in rows)
    path.write_text("\n".join(["user,event,time,sid", *lines]))
    return path


def _parquet(path: Path, rows: list[dict[str, object]]) -> object:
    source = path.with_suffix(".ndjson")
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    duckdb.execute(f"COPY (FROM '{source}') TO '{path}' (FORMAT parquet)")
    return path


def _events(path: Path, rows: list[dict[str, object]]) -> object:
    return [
        core.Event("u", str(r["event"]), to_datetime(int(str(r["time"])) * SECOND), r) for r in rows
    ]


def _dicts(path: Path, rows: list[dict[str, object]]) -> object:
    return rows


@pytest.mark.parametrize("kind", [_json_lines, _json_array, _csv, _parquet, _events, _dicts])
def test_j3_a_field_is_read_from_every_kind_of_source(
    kind: Callable[[Path, list[dict[str, object]]], object], tmp_path: Path
) -> None:
    log = core.read_events(kind(tmp_path / "source", _records("a-abb-c")))  # type: ignore[arg-type]  # all kinds
    assert _cut(log, session_field="sid") == ["a-a", "bb-", "c"]
    with pytest.raises(core.QuestionError, match="no event has a field 'sidd'; did you mean sid"):
        core.reconstruct_journeys(log, session_field="sidd")


@pytest.mark.parametrize("kind", [_json_lines, _json_array, _parquet])
def test_j3_a_field_may_be_nested(
    kind: Callable[[Path, list[dict[str, object]]], object], tmp_path: Path
) -> None:
    rows = [{**row, "sid": None, "at": {"s.id": row["sid"]}} for row in _records("a-abb")]
    nested = [{**row, "at": {"sid": row["sid"]}, "sid": "z"} for row in _records("a-abb")]
    log = core.read_events(kind(tmp_path / "source", nested))  # type: ignore[arg-type]  # all kinds
    assert _cut(log, session_field="at.sid") == ["a-a", "bb"]
    with pytest.raises(core.QuestionError, match=r"no event has a field 'at.side'"):
        core.reconstruct_journeys(log, session_field="at.side")
    dotted = core.read_events([{**row, "a.b": row["at"]["s.id"]} for row in rows])  # type: ignore[index]  # a dict
    assert _cut(dotted, session_field="a.b") == ["a-a", "bb"]


def test_j3_a_field_may_stand_in_some_sources_only(tmp_path: Path) -> None:
    first, second = tmp_path / "1.ndjson", tmp_path / "2.csv"
    _json_lines(first, _records("aab"))
    second.write_text("user,event,time\nu,x,50000\nu,x,150000\n")
    log = core.read_events([str(first), str(second)])
    assert _cut(log, session_field="sid") == ["axax", "b"]


def test_j3_an_empty_value_is_a_missing_one(tmp_path: Path) -> None:
    rows = [{**row, "sid": row["sid"] and str(row["sid"]).strip("e")} for row in _records("ae-ab")]
    log = core.read_events(_parquet(tmp_path / "events", rows))  # type: ignore[arg-type]  # a path
    assert _cut(log, session_field="sid") == ["ae-a", "b"]


def test_j3_a_field_without_values_is_there_and_cuts_nothing() -> None:
    assert _cut(core.read_events(_records("--")), session_field="sid") == ["--"]
    assert _cut(core.read_events([]), session_field="sid") == []


def test_j3_a_missing_field_names_those_there_are() -> None:
    log = core.read_events([{"user": "u", "event": "x", "time": 0, "b": 1, "a": 2}])
    with pytest.raises(core.QuestionError, match="the fields are user, event, time, b, a"):
        core.reconstruct_journeys(log, session_field="?")
