from pathlib import Path

import duckdb
import pytest

import core
from core.reading.fields import EVENT_NAMES, TIME_NAMES, USER_NAMES, guess_fields
from core.reading.options import ReadOptions

GUESS = ReadOptions()


@pytest.mark.parametrize("name", USER_NAMES)
def test_user_field_is_guessed(name: str) -> None:
    assert guess_fields(["x", name, "event", "time"], GUESS, "a.csv").user == ((name,),)


@pytest.mark.parametrize("name", EVENT_NAMES)
def test_event_field_is_guessed(name: str) -> None:
    assert guess_fields(["x", "user", name, "time"], GUESS, "a.csv").event == ((name,),)


@pytest.mark.parametrize("name", TIME_NAMES)
def test_time_field_is_guessed(name: str) -> None:
    assert guess_fields(["x", "user", "event", name], GUESS, "a.csv").time == ((name,),)


@pytest.mark.parametrize("name", ["UserID", "user-id", "User Id", "USER_ID"])
def test_case_and_punctuation_of_a_name_do_not_matter(name: str) -> None:
    assert guess_fields([name, "event", "time"], GUESS, "a.csv").user == ((name,),)


@pytest.mark.parametrize(
    ("keys", "fields"),
    [
        (["email", "user_id", "name", "event", "date", "timestamp"], "user_id event timestamp"),
        (["device_id", "user", "type", "action", "created_at", "ts"], "user action ts"),
        (["t", "what", "who"], "who what t"),
    ],
    ids=["plain", "vendor", "shortest"],
)
def test_the_likelier_name_wins_whatever_the_order(keys: list[str], fields: str) -> None:
    for order in (keys, keys[::-1]):
        found = guess_fields(order, GUESS, "a.csv")
        chosen = [*found.user, *found.event, *found.time]
        assert chosen == [(field,) for field in fields.split()]


def test_a_named_field_wins_and_is_not_guessed_again() -> None:
    found = guess_fields(
        ["user", "event", "name", "time"], ReadOptions(user_field="event"), "a.csv"
    )
    assert (found.user, found.event) == ((("event",),), (("name",),))


@pytest.mark.parametrize("name", ["seq", "sequence", "sequence_number", "Event-Sequence"])
def test_o1_sequence_field_is_guessed(name: str) -> None:
    keys = ["user", "event", "time"]
    assert guess_fields([*keys, name], GUESS, "a.csv").sequence == (name,)
    assert guess_fields(keys, GUESS, "a.csv").sequence is None


@pytest.mark.parametrize(
    ("choice", "says"),
    [
        (
            ReadOptions(user_field="usr"),
            "a.csv has no field 'usr' for the user; did you mean user?",
        ),
        (
            ReadOptions(time_field="zzz"),
            "a.csv has no field 'zzz' for the time; its fields are user, ",
        ),
        (ReadOptions(event_field="user..x"), "no field 'user..x' for the event"),
    ],
    ids=["near", "far", "empty step"],
)
def test_an_unknown_field_is_refused_with_the_known_ones(choice: ReadOptions, says: str) -> None:
    with pytest.raises(core.SourceError) as error:
        guess_fields(["user", "event", "time"], choice, "a.csv")
    assert says in str(error.value)


@pytest.mark.parametrize("role", ["user", "event", "time"])
def test_a_field_nothing_looks_like_is_asked_for_by_its_flag(role: str) -> None:
    keys = [key for key in ("user", "event", "time") if key != role]
    with pytest.raises(core.SourceError) as error:
        guess_fields([*keys, "zzz"], GUESS, "a.csv")
    assert f"no field that looks like the {role}" in str(error.value)
    assert "zzz" in str(error.value)
    assert f"--{role}-field" in str(error.value)


RECORD: dict[str, object] = {
    "a.b": "ana",
    "meta": {"who": {"id": "bo"}, "did": "view", "at": 5},
    "user": "cy",
    "event": "buy",
    "time": 6,
}


@pytest.mark.parametrize(
    ("user_field", "user"),
    [("user", "cy"), ("meta.who.id", "bo"), ("a.b", "ana")],
    ids=["key", "path", "key with a dot"],
)
def test_user_may_lie_anywhere_in_json(user_field: str, user: str) -> None:
    log = core.read_events([RECORD], user_field=user_field)
    assert log.users.tolist() == [user]


def test_nested_fields_are_read_and_stay_among_the_properties() -> None:
    log = core.read_events(
        [RECORD], user_field="meta.who.id", event_field="meta.did", time_field="meta.at"
    )
    (event,) = log.events(0, 1)
    assert (event.user, event.name, event.time.second) == ("bo", "view", 5)
    assert event.properties == RECORD
    (part,) = log.report.parts
    assert (part.user_field, part.event_field, part.time_field) == (
        "meta.who.id",
        "meta.did",
        "meta.at",
    )


def test_nested_fields_are_read_from_parquet(tmp_path: Path) -> None:
    path = tmp_path / "events.parquet"
    with duckdb.connect() as connection:
        connection.sql(
            "SELECT {'id': 7} AS who, 'view' AS event, 5 AS time, [1, 2] AS items"
        ).write_parquet(str(path))
    (event,) = core.read_events(path, user_field="who.id").events(0, 1)
    assert (event.user, event.properties) == ("7", {"who": {"id": 7}, "items": [1, 2]})


def test_fields_may_first_appear_in_a_later_record() -> None:
    first: dict[str, object] = {"x": 1}
    log = core.read_events([first, {"user": "ana", "event": "view", "time": 1}])
    assert (len(log), log.report.rejected_rows) == (1, 1)


@pytest.mark.parametrize(
    ("user", "text"),
    [(7, "7"), ("7", "7"), (7.5, "7.5"), (True, "true"), ("  ana ", "  ana "), ("a\0b", "a\0b")],
)
def test_ids_are_text_as_written(user: object, text: str) -> None:
    log = core.read_events([{"user": user, "event": "view", "time": 1}])
    assert log.users.tolist() == [text]


def test_user_event_and_time_are_not_properties() -> None:
    log = core.read_events([{"uid": "ana", "action": "view", "ts": 1, "x": 2, "none": None}])
    assert log.events(0, 1)[0].properties == {"x": 2}
