"""Ids that are one user, by a file or by events, and events that are there twice."""

import json
from pathlib import Path

import pytest

import core
from core.reading.identity import Aliases


def _read(path: Path, *records: dict[str, object], alias: str | None = None) -> core.EventLog:
    path.write_text("".join(f"{json.dumps(record)}\n" for record in records), encoding="utf-8")
    return core.read_events(path, alias=alias)


def _trails(log: core.EventLog) -> dict[str, list[str]]:
    trails: dict[str, list[str]] = {}
    for event in log.events(0, len(log)):
        trails.setdefault(event.user, []).append(event.name)
    return trails


PLAIN: list[dict[str, object]] = [
    {"user": "x1", "event": "view", "time": 1},
    {"user": "ana", "event": "cart", "time": 2},
    {"user": "x2", "event": "pay", "time": 3},
    {"user": "bo", "event": "view", "time": 4},
]


@pytest.mark.parametrize(
    "text",
    ["x1,ana\nx2,x1\n", "alias\tuser\nx1\tana\nx2\tana\n", '\ufeff"x1";"ana"\r\n\r\nx2;ana'],
    ids=["a chain", "tabs and a header", "quotes, blank lines"],
)
def test_an_alias_file_merges_ids_before_anything_is_sorted(text: str, tmp_path: Path) -> None:
    aliases = tmp_path / "aliases"
    aliases.write_text(text, encoding="utf-8")
    log = _read(tmp_path / "events", *PLAIN, alias=str(aliases))
    assert _trails(log) == {"ana": ["view", "cart", "pay"], "bo": ["view"]}
    assert log.merged_ids("ana") == ("x1", "x2")
    assert log.merged_ids("bo") == log.merged_ids("nobody") == ()
    assert log.report.merged_ids == 2


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a,b\nc\n", "has no two columns in line 2"),
        ("a,b,c\n", "has no two columns in line 1"),
        ("a,\n", "has no two columns in line 1"),
    ],
)
def test_an_alias_file_that_is_none_says_which_line(text: str, says: str, tmp_path: Path) -> None:
    aliases = tmp_path / "aliases"
    aliases.write_text(text, encoding="utf-8")
    with pytest.raises(core.SourceError, match=says):
        _read(tmp_path / "events", *PLAIN, alias=str(aliases))
    with pytest.raises(core.SourceError, match="cannot open the alias file"):
        _read(tmp_path / "events", *PLAIN, alias=str(tmp_path / "none"))


SEGMENT = {"messageId": "m", "timestamp": "2026-01-05T10:00:00Z", "anonymousId": "anon"}
POSTHOG = {"uuid": "m", "timestamp": "2026-01-05T10:00:00Z"}
AMPLITUDE = {"event_time": "2026-01-05 10:00:00", "event_properties": {}, "device_id": "dev"}
EVENTS: dict[str, list[dict[str, object]]] = {
    "Segment identify": [
        {**SEGMENT, "type": "track", "event": "view"},
        {**SEGMENT, "type": "identify", "userId": "ana"},
    ],
    "Segment alias": [
        {**SEGMENT, "type": "track", "event": "view"},
        {**SEGMENT, "type": "alias", "userId": "ana", "previousId": "anon"},
    ],
    "PostHog": [
        {**POSTHOG, "distinct_id": "anon", "event": "view", "properties": {}},
        {
            **POSTHOG,
            "distinct_id": "ana",
            "event": "$identify",
            "properties": {"$anon_distinct_id": "anon"},
        },
    ],
    "Amplitude": [
        {**AMPLITUDE, "event_type": "view"},
        {**AMPLITUDE, "event_type": "$identify", "user_id": "ana"},
    ],
    "Mixpanel identify": [
        {"event": "view", "properties": {"distinct_id": "anon", "time": 1}},
        {
            "event": "$identify",
            "properties": {
                "distinct_id": "ana",
                "time": 2,
                "$anon_id": "anon",
                "$identified_id": "ana",
            },
        },
    ],
    "Mixpanel merge": [
        {"event": "view", "properties": {"distinct_id": "anon", "time": 1}},
        {
            "event": "$merge",
            "properties": {"distinct_id": "ana", "time": 2, "$distinct_ids": ["ana", "anon"]},
        },
    ],
}


@pytest.mark.parametrize("vendor", EVENTS)
def test_alias_events_merge_ids(vendor: str, tmp_path: Path) -> None:
    log = _read(tmp_path / "events", *EVENTS[vendor])
    assert log.users.tolist() == ["ana"]
    assert len(log) == 2
    assert [ids for ids in log.merged.values() if ids] in ([("anon",)], [("dev",)])


def test_what_was_said_first_stays_and_a_circle_ends() -> None:
    aliases = Aliases()
    aliases.add([("x", "ana"), ("x", "bo"), ("a", "b"), ("b", "a"), ("c", "c")])
    assert (aliases.user_of("x"), aliases.refused) == ("ana", 1)
    assert aliases.user_of("a") == aliases.user_of("b") == "a"
    assert aliases.user_of("c") == "c"


def test_an_id_said_to_be_two_users_is_a_warning(tmp_path: Path) -> None:
    aliases = tmp_path / "aliases"
    aliases.write_text("x1,ana\nx1,bo\n", encoding="utf-8")
    log = _read(tmp_path / "events", *PLAIN, alias=str(aliases))
    assert _trails(log)["ana"] == ["view", "cart"]
    assert log.report.warnings == (
        "1 times an id was said to be yet another user; the first stays",
    )


def _event(**changes: object) -> dict[str, object]:
    return {"user": "ana", "event": "view", "time": 1, "uuid": "a", **changes}


@pytest.mark.parametrize(
    ("other", "dropped"),
    [
        ({}, 1),
        ({"n": 2}, 1),
        ({"uuid": "b"}, 0),
        ({"uuid": None}, 0),
        ({"uuid": ""}, 0),
        ({"event": "buy"}, 0),
        ({"user": "bo"}, 0),
        ({"time": 1.000001}, 0),
    ],
    ids=str,
)
def test_o2_an_event_is_a_duplicate_when_user_name_time_and_id_are_another_ones(
    other: dict[str, object], dropped: int
) -> None:
    log = core.read_events([_event(), _event(**other)])
    assert (len(log), log.report.duplicate_events) == (2 - dropped, dropped)
    assert log.report.rows_read == log.report.accepted_rows + log.report.duplicate_events


def test_o2_without_an_id_nothing_is_dropped() -> None:
    rows = [{key: value for key, value in _event().items() if key != "uuid"}] * 3
    assert len(core.read_events(rows)) == 3


def test_o2_the_first_of_duplicates_stays_among_simultaneous_others() -> None:
    seen = enumerate(("xa", "ya", "xa", "xb", "ya"))
    rows = [_event(event=text[0], uuid=text[1], n=n) for n, text in seen]
    log = core.read_events(rows)
    assert [(event.name, event.properties["n"]) for event in log.events(0, len(log))] == [
        ("x", 0),
        ("y", 1),
        ("x", 3),
    ]


def test_o2_duplicates_are_found_across_files(tmp_path: Path) -> None:
    for name in "ab":
        (tmp_path / f"{name}.json").write_text(json.dumps([_event(), _event(uuid=name)]))
    log = core.read_events(tmp_path)
    assert (len(log), log.report.duplicate_events) == (2, 2)


def test_o2_users_whose_events_are_all_there_already_stay_once() -> None:
    log = core.read_events([_event(user=user) for user in ("ana", "bo", "bo", "cy", "cy")])
    assert log.users.tolist() == ["ana", "bo", "cy"]
    assert log.offsets.tolist() == [0, 1, 2, 3]
