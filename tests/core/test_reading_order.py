"""O1: columns in order, whichever way they were sorted, against a sort of plain tuples."""

import re
from pathlib import Path
from random import Random

import duckdb
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.reading import codes, picked, sorting
from core.reading.codes import distinct_texts, places_of
from core.reading.order import in_order
from core.reading.progress import Watch
from core.reading.raw import RawEvents
from core.reading.store import Store


def _raw(rows: list[tuple[int, int, int, int, int]], users: int) -> RawEvents:
    """Columns of user, time, sequence, name and id."""
    store = Store.__new__(Store)  # opens no database: there is nothing to keep
    store.parts = []
    columns = np.array(rows, dtype=np.int64).reshape(-1, 5).T
    return RawEvents(
        users=np.arange(users).astype(str).astype(object),
        names=tuple("abc"),
        user=columns[0].astype(np.int32),
        time=columns[1],
        sequence=columns[2] if columns[2].any() else None,
        name=columns[3].astype(np.int32),
        row=None,
        store=store,
        report=core.LoadReport(),
        merged={},
        ids=lambda places: columns[4][places].astype(np.uint64),
        release=lambda: None,
        watch=Watch(),
    )


def _expected(rows: list[tuple[int, int, int, int, int]]) -> list[int]:
    """The places of the rows in order, without those that are there already."""
    met, kept = set(), []
    for place, (user, time, _, name, identity) in enumerate(rows):
        if identity and (user, time, name, identity) in met:
            continue
        met.add((user, time, name, identity))
        kept.append(place)
    return sorted(kept, key=lambda place: (*rows[place][:3], place))


SECOND = 1_000_000
TIMES = {
    "narrow": st.integers(0, 5),
    "milliseconds": st.integers(-3, 2**53 // 1000).map(lambda t: t // 7 * 1_000),
    "seconds": st.sampled_from([0, 1, 2**61 // SECOND, -(2**61) // SECOND]).map(
        lambda t: t * SECOND
    ),
    "too wide to pack": st.sampled_from([0, 1, 2**61, -(2**61) + 1]),
}


@pytest.mark.parametrize("at_once", [2, 1 << 19], ids=["in parts", "whole"])
@pytest.mark.parametrize("times", TIMES)
def test_o1_columns_are_in_the_order_of_user_time_sequence_and_place(
    times: str, at_once: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sorting, "EVENTS_AT_ONCE", at_once)
    row = st.tuples(
        st.integers(0, 40), TIMES[times], st.integers(0, 2), st.integers(0, 2), st.integers(0, 3)
    )

    @settings(max_examples=40)
    @given(st.lists(row, max_size=60))
    def check(rows: list[tuple[int, int, int, int, int]]) -> None:
        found = in_order(_raw(rows, 41))
        expected = _expected(rows)
        assert found.row.tolist() == expected
        assert found.time.tolist() == [rows[place][1] for place in expected]
        assert found.name.tolist() == [rows[place][3] for place in expected]
        assert found.duplicates == len(rows) - len(expected)
        counts = np.bincount([rows[place][0] for place in expected], minlength=41)
        assert np.diff(found.offsets).tolist() == counts.tolist()

    check()


@pytest.mark.parametrize("events", [1_000, 30_000])
def test_o1_many_events_are_in_order(events: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sorting, "EVENTS_AT_ONCE", 64)
    random = Random(events)
    rows = [
        (int(random.paretovariate(1)) % 3_000, random.randrange(10**6), 0, i % 3, 0)
        for i in range(events)
    ]
    assert in_order(_raw(rows, 3_000)).row.tolist() == _expected(rows)


@pytest.mark.parametrize("kind", [np.uint16, np.uint32, np.uint64])
@pytest.mark.parametrize("count", [1, 7, 300, 20_000])
def test_every_hash_finds_its_place(kind: type[np.unsignedinteger], count: int) -> None:
    random = np.random.default_rng(count)
    most = min(np.iinfo(kind).max, 2**63)
    hashes = np.unique(random.integers(0, most, count, dtype=np.uint64).astype(kind))
    random.shuffle(hashes)
    places = random.integers(0, len(hashes), 50_000)
    assert np.array_equal(places_of(hashes[places], hashes), places)


def test_hashes_that_share_their_bits_two_by_two_are_told_apart() -> None:
    # Each shares its upper bits with one and its lower bits with another: no bits tell any apart.
    four = [0xAA11, 0xAA22, 0xBB11, 0xBB22]
    for kind, shift in (("uint16", 0), ("uint32", 16), ("uint64", 48)):
        hashes = np.array([each << shift for each in four], dtype=kind)
        assert places_of(hashes[[3, 0, 2, 1, 1]], hashes).tolist() == [3, 0, 2, 1, 1]


def test_hashes_that_share_all_but_one_bit_find_their_places() -> None:
    for bit in (0, 20, 40, 63):
        hashes = np.array([5, 5 ^ (1 << bit), 1 << 33], dtype=np.uint64)
        assert places_of(hashes[[2, 1, 0, 1]], hashes).tolist() == [2, 1, 0, 1]


@pytest.mark.parametrize("shared", ["hash({0}) % 3", "42::UBIGINT"])
def test_texts_that_share_a_hash_are_told_apart(
    shared: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(codes, "HASHES", (shared, *codes.HASHES))
    users = [f"u{i}" for i in range(50)]
    log = core.read_events([{"user": u, "event": f"e{u}", "time": 1} for u in users])
    assert [(event.user, event.name) for event in log.events(0, 50)] == [
        (user, f"e{user}") for user in sorted(users)
    ]


def test_the_hash_is_as_short_as_keeps_texts_apart() -> None:
    with duckdb.connect() as connection:
        for count, kind in ((20, "USMALLINT"), (5_000, "UINTEGER"), (300_000, "")):
            texts = f"(SELECT 'n' || i AS x FROM range({count}) AS r(i))"
            found = distinct_texts(connection, [texts], "x")
            assert len(found.texts) == count
            assert re.findall("AS ([A-Z]+)", found.hash_sql) == [kind] * bool(kind)
            assert found.texts[:1].tolist() == ["n0"]


@pytest.mark.parametrize("large", [1, 10**6], ids=["where it is", "copied"])
def test_parquet_is_the_same_log_read_where_it_is_or_copied(
    large: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picked, "LARGE", large)
    for name, rows in {
        "a.parquet": "('ana', 'x', 5, 1, 'i'), ('bo', 'y', 5, 1, 'j'), (NULL, 'x', 1, 0, 'k')",
        "c.parquet": "('ana', 'x', 5, 9, 'i'), ('ana', 'w', 5, 0, 'l'), ('bo', 'y', 4, 0, 'j')",
    }.items():
        duckdb.execute(
            f'COPY (SELECT * FROM (VALUES {rows}) AS t("user", event, time, seq, uuid)) '
            f"TO '{tmp_path / name}' (FORMAT parquet)"
        ).fetchall()
    (tmp_path / "b.csv").write_text("user,event,time,uuid\nbo,y,5,j\nana,z,7,\n")
    log = core.read_events(tmp_path)
    assert [(event.user, event.name) for event in log.events(0, len(log))] == [
        *(("ana", name) for name in ("w", "x", "z")),
        *(("bo", name) for name in ("y", "y")),
    ]
    report = log.report
    counts = (report.accepted_rows, report.rejected_rows, report.duplicate_events)
    assert (*counts, report.rows_read) == (5, 1, 2, 8)
    assert [part.rows for part in report.parts] == [3, 2, 3]
    assert log.events(1, 2)[0].properties["uuid"] == "i"
    assert log.matching("seq = 0").tolist() == [True, False, False, True, False]


@pytest.mark.parametrize("hashes", [codes.HASHES, codes.HASHES[1:], codes.HASHES[2:]])
@pytest.mark.parametrize("large", [1, 10**6], ids=["where it is", "copied"])
def test_rows_of_parquet_without_user_or_name_are_rejected_and_told(
    large: int, hashes: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picked, "LARGE", large)
    monkeypatch.setattr(codes, "HASHES", hashes)
    rows = [
        *("('ana', 'x', '2026-01-01')", "('', 'x', '2026-01-01')", "(NULL, 'x', '2026-01-01')"),
        *("('bo', '', '2026-01-01')", "('bo', NULL, '2026-01-01')", "('', NULL, NULL)"),
        *("('bo', 'y', NULL)", "('bo', 'y', '10000-01-01')", "('bo', 'y', '0001-01-01 (BC)')"),
        *("('bo', 'y', 'infinity')", "('bo', 'y', '-infinity')", "('cy', 'z', '9999-12-31')"),
    ]
    duckdb.execute(
        'COPY (SELECT "user", event, CAST(time AS TIMESTAMP) AS time '
        f'FROM (VALUES {", ".join(rows)}) AS t("user", event, time)) '
        f"TO '{tmp_path / 'a.parquet'}' (FORMAT parquet)"
    ).fetchall()
    log = core.read_events(tmp_path / "a.parquet")
    assert (list(log.users), list(log.names)) == (["ana", "cy"], ["x", "z"])
    assert [(row.number, row.reason.split(" '")[0]) for row in log.report.rejected] == [
        *((2, "no user in"), (3, "no user in"), (4, "no event in"), (5, "no event in")),
        *((6, "no user in"), (7, "no time in")),
        *((number, "unreadable time") for number in (8, 9, 10, 11)),
    ]
    assert (log.report.accepted_rows, log.report.rejected_rows) == (2, 10)


def test_no_number_in_parquet_is_taken_for_a_blank_row(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(picked, "LARGE", 1)
    times = [1_767_225_600_000_000, -(2**63), -(2**63) + 1, -(2**63) + 2, 2**63 - 1]
    duckdb.execute(
        "COPY (SELECT 'a' AS \"user\", 'b' AS event, CAST(t AS BIGINT) AS time "
        f"FROM (VALUES {', '.join(f'({time})' for time in [*times, *times[:1] * 9])}) AS v(t)) "
        f"TO '{tmp_path / 'a.parquet'}' (FORMAT parquet)"
    ).fetchall()
    report = core.read_events(tmp_path / "a.parquet").report
    assert (report.rows_read, report.accepted_rows, report.rejected_rows) == (14, 10, 4)
