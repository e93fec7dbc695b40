"""The same events in every vendor's shape and every container are the same log."""

import os
from datetime import timedelta
from itertools import product
from pathlib import Path

import pytest

import core
from tests.core.shapes import (
    CONTAINERS,
    EVENTS,
    SHAPES,
    plain,
    posthog,
    write_duckdb,
    write_parquet,
    write_sqlite,
)

STUDY = core.Study(stages=(core.Stage(("GET /view",)), core.Stage(("GET /cart",))))
SECOND = timedelta(seconds=1)


def _trails(log: core.EventLog) -> dict[str, list[tuple[str, object]]]:
    trails: dict[str, list[tuple[str, object]]] = {}
    for event in log.events(0, len(log)):
        trails.setdefault(event.user, []).append((event.name, event.time))
    return trails


def _expected(*, whole_seconds: bool = False) -> dict[str, list[tuple[str, object]]]:
    trails: dict[str, list[tuple[str, object]]] = {}
    for event in sorted(EVENTS, key=lambda event: (event.user, event.time)):
        time = event.time.replace(microsecond=0) if whole_seconds else event.time
        trails.setdefault(event.user, []).append((event.name, time))
    return trails


def _counts(log: core.EventLog) -> list[int]:
    return [stage.count for stage in core.LocalEngine(log).funnel(STUDY).stages]


def _can_hold(container: str, shape: str) -> bool:
    """Rows of a table make no array, and a table cut in pieces has no headers."""
    is_table = not SHAPES[shape]().startswith(b"{")
    in_pieces = container == "zip" and shape != "Snowplow"
    return not (is_table and ("array" in container or in_pieces))


@pytest.mark.parametrize(
    ("shape", "container"),
    [pair for pair in product(SHAPES, CONTAINERS) if _can_hold(pair[1], pair[0])],
)
def test_n3_every_shape_in_every_container_is_the_same_log(
    shape: str, container: str, tmp_path: Path
) -> None:
    path = tmp_path / "export"
    path.write_bytes(CONTAINERS[container](SHAPES[shape](), tmp_path))
    log = core.read_events(path)
    report = log.report
    assert _trails(log) == _expected(whole_seconds=shape == "access log")
    assert {part.shape for part in report.parts} == {shape.partition(",")[0]}
    assert report.rows_read == report.accepted_rows + report.duplicate_events
    assert report.duplicate_events == (0 if report.parts[0].id_field is None else 1)
    assert report.warnings == ()


@pytest.mark.parametrize("shape", SHAPES)
def test_properties_answer_to_their_own_names_in_every_shape(shape: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(SHAPES[shape]())
    log = core.read_events(path)
    field, pro = "plan", "pro"
    if "Snowplow" in shape:
        field = "se_property"
    if shape == "access log":
        field, pro = "agent", "agent pro"
    wanted = [event.plan == "pro" for event in sorted(EVENTS, key=lambda e: (e.user, e.time))]
    assert log.matching(f"{field} = '{pro}'").tolist() == wanted
    assert [event.properties[field] == pro for event in log.events(0, len(log))] == wanted
    first = log.values(field)[wanted.index(True)]
    assert (log.values(field) == first).tolist() == wanted


@pytest.mark.parametrize(
    ("shape", "path_in_it"),
    [
        ("Amplitude", "event_properties.plan"),
        ("Mixpanel", "properties.plan"),
        ("PostHog", "properties.plan"),
        ("GA4", "event_params.plan"),
        ("Segment", "properties.plan"),
        ("plain, warehouse", "properties.plan"),
    ],
)
def test_properties_answer_to_their_paths(shape: str, path_in_it: str, tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(SHAPES[shape]())
    log = core.read_events(path)
    assert log.matching(f"{path_in_it} = 'pro'").sum() == 3
    assert len(set(log.values(path_in_it).tolist())) == 2


@pytest.mark.parametrize("write", [write_parquet, write_duckdb, write_sqlite])
@pytest.mark.parametrize("lines", [posthog, plain], ids=["PostHog", "plain"])
def test_n3_tables_of_databases_and_parquet_are_the_same_log(
    write: object, lines: object, tmp_path: Path
) -> None:
    path = tmp_path / "export.db"
    write(lines(), path)  # type: ignore[operator]  # both are functions
    log = core.read_events(path, table="events")
    assert _trails(log) == _expected()
    assert log.report.duplicate_events == 1
    assert log.matching("plan = 'pro'").sum() == 3
    assert log.events(0, 1)[0].properties["plan"] == "pro"


@pytest.mark.parametrize("write", [write_duckdb, write_sqlite])
def test_a_database_of_several_tables_asks_which(write: object, tmp_path: Path) -> None:
    path = tmp_path / "export.db"
    write(plain(), path)  # type: ignore[operator]  # a function
    with pytest.raises(core.SourceError, match="2 tables; name one with --table: events, other"):
        core.read_events(path)
    with pytest.raises(core.SourceError, match="no table 'evnts'; there are events, other"):
        core.read_events(path, table="evnts")


def test_a_shape_may_be_told_and_fields_named_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(SHAPES["Amplitude"]())
    told = core.read_events(path, shape="plain", time_field="event_time")
    assert [(part.shape, part.why) for part in told.report.parts] == [("plain", "as told")]
    named = core.read_events(path, user_field="device_id")
    assert named.report.parts[0].user_field == "device_id"
    assert "device of ana" in named.users.tolist()
    with pytest.raises(core.QuestionError, match="no shape is named 'Amplitud'; did you mean Ampl"):
        core.read_events(path, shape="Amplitud")


def test_the_report_says_what_was_detected_and_why(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(SHAPES["Amplitude"]())
    (part,) = core.read_events(path).report.parts
    assert part.why == "it has event_type, event_time, event_properties"
    assert part.user_field == "user_id or device_id or amplitude_id"
    assert part.id_field == "$insert_id or insert_id"
    assert part.time_kind == "ISO text, UTC where it names no zone"


def test_a_session_id_of_minus_one_is_none(tmp_path: Path) -> None:
    path = tmp_path / "export"
    path.write_bytes(SHAPES["Amplitude"]())
    assert set(core.read_events(path).values("session_id").tolist()) == {-1}


def test_a_million_different_keys_make_no_columns(tmp_path: Path) -> None:
    path = tmp_path / "events.ndjson"
    lines = (
        f'{{"user":"u{i % 9}","event":"x","time":{i},"key{i}":{i},"key{i}b":1}}\n'
        for i in range(50_000)
    )
    path.write_text("".join(lines))
    log = core.read_events(path)
    assert len(log) == 50_000
    assert log.matching("key49999 = '49999'").sum() == 1
    with pytest.raises(core.QuestionError, match="no event has a field 'ky'"):
        log.matching("ky = 1")


def test_a_pipe_with_a_name_is_read_to_its_end(tmp_path: Path) -> None:
    from threading import Thread

    path = tmp_path / "pipe"
    os.mkfifo(path)
    Thread(target=lambda: path.write_bytes(plain()), daemon=True).start()
    assert _trails(core.read_events(path)) == _expected()
