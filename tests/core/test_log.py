from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from itertools import permutations
from random import Random

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.log import FIRST_GAP
from core.reading.store import Store
from tests.core.build import SECOND, TRAILS, Trails, log_of, quick_log, records

TIED: list[dict[str, object]] = [
    {"user": "ana", "event": "c", "time": 5, "seq": 3},
    {"user": "ana", "event": "b", "time": 5, "seq": 2},
    {"user": "ana", "event": "a", "time": 5, "seq": 1},
    {"user": "ana", "event": "z", "time": 4, "seq": 9},
]

IDS = st.text(alphabet="aAbßSéıİ\0\n\ud800", max_size=4)


def _names(log: core.EventLog) -> list[str]:
    return [event.name for event in log.events(0, len(log))]


def test_o1_events_are_ordered_by_user_then_time() -> None:
    log = log_of(("bo", "x", 1), ("ana", "late", 9), ("bo", "y", 0), ("ana", "early", 3))
    assert _names(log) == ["early", "late", "y", "x"]


def test_o1_sequence_number_orders_simultaneous_events() -> None:
    for rows in permutations(TIED[:3]):
        assert _names(core.read_events([*rows, TIED[3]])) == ["z", "a", "b", "c"]


def test_o1_sequence_number_may_be_text_and_may_be_absent() -> None:
    rows = [{**row, "seq": str(row["seq"]).rjust(2)} for row in TIED]
    rows.append({"user": "ana", "event": "first", "time": 5})
    assert _names(core.read_events(rows)) == ["z", "first", "a", "b", "c"]


def test_o1_position_in_the_input_orders_the_rest() -> None:
    rows = [("ana", str(i), 5) for i in range(300)]
    assert _names(log_of(*rows)) == [str(i) for i in range(300)]


def test_users_are_in_the_order_of_their_code_points() -> None:
    users = ["é", "b", "Z", "10", "a b", "😀", "9", "日", "￿", "\x7f"]
    log = log_of(*((user, "x", 1) for user in users))
    assert log.users.tolist() == sorted(users)
    assert [log.user_number(user) for user in sorted(users)] == list(range(len(users)))


def test_columns_fit_together() -> None:
    log = log_of(("bo", "view", 7), ("ana", "buy", 4), ("ana", "view", 1), ("ana", "buy", 4))
    assert log.offsets.tolist() == [0, 3, 4]
    assert log.names == ("buy", "view")
    assert log.name.tolist() == [1, 0, 0, 1]
    assert (log.time / SECOND).tolist() == [1, 4, 4, 7]
    assert log.gap.tolist() == [FIRST_GAP, 3 * SECOND, 0, FIRST_GAP]
    assert log.name_counts == {"buy": 2, "view": 2}
    assert [log.user_of(position) for position in range(4)] == [0, 0, 0, 1]


def test_columns_take_at_most_24_bytes_an_event() -> None:
    log = log_of(*((f"u{i}", f"e{i % 300}", i) for i in range(1_000)))
    columns = (log.name, log.time, log.gap, log.row)
    assert sum(column.itemsize for column in columns) <= 24
    assert log.name_counts == {name: 4 if int(name[1:]) < 100 else 3 for name in log.names}


@given(TRAILS, st.randoms(use_true_random=False))
def test_o1_shuffled_input_gives_the_same_columns_but_for_ties(
    trails: Trails, random: Random
) -> None:
    rows = [(user, event) for user, trail in trails.items() for event in trail]
    random.shuffle(rows)
    shuffled: dict[str, list[tuple[int, str]]] = {}
    for user, event in rows:
        shuffled.setdefault(user, []).append(event)
    one, other = quick_log(trails), quick_log(shuffled)
    for column in ("users", "offsets", "time", "gap"):
        assert np.array_equal(getattr(one, column), getattr(other, column))
    assert one.name_counts == other.name_counts


@pytest.mark.parametrize("user", ["ana", "bo", "cy"])
def test_only_holds_one_users_events(user: str) -> None:
    rows = [(u, name, time) for time, u in enumerate(("bo", "ana", "bo", "cy")) for name in "ab"]
    alone = log_of(*(row for row in rows if row[0] == user))
    only = log_of(*rows).only(user)
    assert only.users.tolist() == [user]
    assert only.events(0, len(only)) == alone.events(0, len(alone))
    assert only.offsets.tolist() == [0, len(alone)]
    assert only.gap[0] == FIRST_GAP


@pytest.mark.parametrize("user", ["", "an", "anaa", "zed"])
def test_only_nobody_is_an_empty_log(user: str) -> None:
    only = log_of(("ana", "a", 1), ("bo", "a", 1)).only(user)
    assert (len(only), only.users_count, only.offsets.tolist()) == (0, 0, [0])
    assert only.events(0, 0) == ()


def test_users_are_found_by_a_part_of_their_id_in_any_case() -> None:
    log = log_of(*((user, "x", 1) for user in ("Ana@x", "bo", "ANAÏS", "strasse", "Straße")))
    found = {text: [log.users[i] for i in log.users_like(text)] for text in ("ana", "STRASSE", "")}
    assert found == {
        "ana": ["ANAÏS", "Ana@x"],
        "STRASSE": ["Straße", "strasse"],
        "": ["ANAÏS", "Ana@x", "Straße", "bo", "strasse"],
    }


@given(st.lists(IDS, max_size=5), IDS)
def test_users_are_found_as_texts_are(users: list[str], text: str) -> None:
    log = replace(log_of(("ana", "a", 1)), users=np.array([*sorted(set(users))], dtype=object))
    found = [number for number, user in enumerate(log.users) if text.casefold() in user.casefold()]
    assert log.users_like(text).tolist() == found


def test_properties_are_read_when_looked_at_and_together(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []
    properties = Store.properties

    def spy(store: Store, rows: list[int]) -> list[dict[str, object]]:
        asked.append(len(rows))
        return properties(store, rows)

    monkeypatch.setattr(Store, "properties", spy)
    log = core.read_events([{**row, "n": i} for i, row in enumerate(TIED)])
    events = log.events(1, 4)
    assert asked == []
    assert [event.properties["n"] for event in events] == [2, 1, 0]
    assert asked == [3]


def test_properties_read_as_a_mapping() -> None:
    (event,) = core.read_events([{**TIED[0], "n": {"a": [1]}}]).events(0, 1)
    assert dict(event.properties) == {"seq": 3, "n": {"a": [1]}}
    assert len(event.properties) == 2
    assert repr(event.properties) == "{'seq': 3, 'n': {'a': [1]}}"
    assert "n" in event.properties
    assert "user" not in event.properties


def test_properties_may_be_read_from_several_threads() -> None:
    log = core.read_events([{**row, "n": i} for i, row in enumerate(TIED * 50)])

    def look(position: int) -> object:
        return log.events(position, position + 1)[0].properties["n"]

    with ThreadPoolExecutor(4) as pool:
        seen = list(pool.map(look, range(len(log))))
    assert seen == [look(position) for position in range(len(log))]


def test_events_are_aware_utc() -> None:
    (event,) = log_of(("ana", "a", 1.5)).events(0, 1)
    assert event == core.Event("ana", "a", datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC))
    assert event.time.tzinfo is UTC


@given(TRAILS)
def test_the_quick_log_of_these_tests_is_what_reading_gives(trails: Trails) -> None:
    quick = quick_log(trails)
    rows = [(event.user, event.name, event.time) for event in quick.events(0, len(quick))]
    assert rows == [
        (user, name, datetime.fromtimestamp(0, UTC).replace(microsecond=time))
        for user, trail in trails.items()
        for time, name in trail
    ]


def test_the_quick_log_has_the_columns_that_reading_gives() -> None:
    trails = {"bo": [(5, "a"), (5, "b")], "ana": [(0, "b"), (3, "a"), (9, "c")]}
    rows = [(user, name, time / SECOND) for user, trail in trails.items() for time, name in trail]
    quick, read = quick_log(trails), core.read_events(records(rows))
    assert quick.names == read.names
    for column in ("users", "offsets", "name", "time", "gap", "row"):
        assert np.array_equal(getattr(quick, column), getattr(read, column))
