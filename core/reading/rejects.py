"""The rows that are not events: which they are, and why not, in words."""

from __future__ import annotations

from collections.abc import Sequence

import duckdb
import numpy as np

from core.reading.report import SHOWN_CHARACTERS, SHOWN_REJECTS, RejectedRow
from core.reading.store import Part, Store

_MISSING = "user_id IS NULL OR event IS NULL OR time IS NULL"


def rejected_rows(store: Store) -> tuple[int, list[RejectedRow]]:
    """How many rows were rejected, and the first `SHOWN_REJECTS` of them in the order read."""
    total, shown = 0, list[RejectedRow]()
    for part in store.parts:
        broken = _broken_lines(store.connection, part)
        lacking_count = _count_lacking(store.connection, part)
        total += len(broken) + lacking_count
        if broken or lacking_count:
            unit = _unit(store.connection, part)
            rejected = [_broken_row(part, unit, *found) for found in broken.items()]
            rejected += _lacking_rows(store.connection, part, unit, list(broken))
            shown += sorted(rejected, key=_place)
    return total, shown[:SHOWN_REJECTS]


def _place(row: RejectedRow) -> int:
    return row.number


def _broken_lines(
    connection: duckdb.DuckDBPyConnection, part: Part
) -> dict[int, tuple[str, str | None]]:
    """Lines that could not even be cut into cells: why, and their text.

    A row that is spread over several lines counts as one of them.
    """
    if not _has_rejects_table(connection, part):
        return {}
    rows = connection.execute(
        f"SELECT line, min(error_message), min(csv_line) FROM rejects_{part.relation} "
        "GROUP BY line ORDER BY line"
    ).fetchall()
    return {int(line): (_plain(message), text) for line, message, text in rows}


def _broken_row(part: Part, unit: str, line: int, why: tuple[str, str | None]) -> RejectedRow:
    number = line if unit == "line" else line - (part.lines_before or 0)
    return RejectedRow(part.label, number, unit, why[0], _cut(why[1]))


def count_broken(connection: duckdb.DuckDBPyConnection, part: Part) -> int:
    """How many lines of a part could not even be cut into cells."""
    if not _has_rejects_table(connection, part):
        return 0
    answer = connection.execute(
        f"SELECT count(DISTINCT line) FROM rejects_{part.relation}"
    ).fetchone()
    return int(answer[0]) if answer else 0


def _has_rejects_table(connection: duckdb.DuckDBPyConnection, part: Part) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM duckdb_tables() WHERE table_name = ?", [f"rejects_{part.relation}"]
    ).fetchone()
    return bool(row and row[0])


def _rows_without(part: Part) -> str:
    first, after = part.first_row, part.first_row + part.rows
    return f"({_MISSING}) AND row >= {first} AND row < {after}"


def _count_lacking(connection: duckdb.DuckDBPyConnection, part: Part) -> int:
    """How many rows lack a user, an event or a readable time."""
    answer = connection.execute(
        f"SELECT count(*) FROM picked WHERE {_rows_without(part)}"
    ).fetchone()
    return int(answer[0]) if answer else 0


def _lacking_rows(
    connection: duckdb.DuckDBPyConnection, part: Part, unit: str, broken: Sequence[int]
) -> list[RejectedRow]:
    """The first rows that lack a user, an event or a readable time."""
    is_object = "TRY(json_type(line)) IS NOT DISTINCT FROM 'OBJECT'" if part.is_json else "true"
    is_valid = "json_valid(line)" if part.is_json else "true"
    wanted = (
        f"SELECT row - {part.first_row} FROM picked WHERE {_rows_without(part)} "
        f"ORDER BY row LIMIT {SHOWN_REJECTS}"
    )
    rows = connection.execute(
        f"SELECT n, nullif(u, '') IS NULL, nullif(e, '') IS NULL, CAST(t AS VARCHAR), "
        f"{is_valid}, {is_object}, {part.body} "
        f"FROM ({part.extract}) JOIN {part.relation} ON {part.relation}.{part.number} = n "
        f"WHERE n IN ({wanted}) ORDER BY n"
    ).fetchall()
    numbers = _numbers(connection, part, unit, [int(row[0]) for row in rows], broken)
    result = []
    for number, row in zip(numbers, rows, strict=True):
        _, no_user, no_event, time, valid, is_record, body = row
        if not valid:
            reason = "not valid JSON"
        elif not is_record:
            reason = "not a JSON object"
        else:
            reason = _lack(part, bool(no_user), bool(no_event), time)
        result.append(RejectedRow(part.label, number, unit, reason, _cut(body)))
    return result


def _lack(part: Part, no_user: bool, no_event: bool, time: str | None) -> str:
    fields = part.fields
    names = [".".join(p) for p in (fields.user, fields.event, fields.time)] if fields else []
    user, event, moment = names or ("user", "event", "time")
    lacking = []
    if no_user:
        lacking.append(f"no user in {user!r}")
    if no_event:
        lacking.append(f"no event in {event!r}")
    if time is None or time == "":
        lacking.append(f"no time in {moment!r}")
    elif not lacking:
        lacking.append(f"unreadable time {_cut(time, 40)!r} in {moment!r}")
    return ", ".join(lacking)


def _unit(connection: duckdb.DuckDBPyConnection, part: Part) -> str:
    """Tell whether the number of a row tells its line: "line", else "row"."""
    if part.lines_before is None:
        return "row"
    if part.is_json:
        return "line"
    answer = connection.execute(
        f"SELECT count(*) FROM {part.relation} WHERE contains({part.body}, '\\n')"
    ).fetchone()
    return "row" if answer and answer[0] else "line"


def _numbers(
    connection: duckdb.DuckDBPyConnection,
    part: Part,
    unit: str,
    rows: Sequence[int],
    broken: Sequence[int],
) -> list[int]:
    """What to call rows of the relation: they count from 1, with all that became no row."""
    before = part.lines_before or 0
    blank = _blank_lines(connection, part) if unit == "line" and rows else []
    without_row = np.array(sorted({*broken, *blank}), dtype=np.int64)
    counted = np.asarray(rows, dtype=np.int64) + before + 1
    passed = (without_row - np.arange(len(without_row))).searchsorted(counted, side="right")
    return [int(line) for line in counted + passed - (0 if unit == "line" else before)]


def _blank_lines(connection: duckdb.DuckDBPyConnection, part: Part) -> list[int]:
    """The blank lines after a table's header; those of JSON lines have their own row."""
    if part.lines is None:
        return []
    rows = connection.execute(
        f"SELECT number FROM (SELECT row_number() OVER () AS number, line FROM {part.lines}) "
        f"WHERE line IS NULL AND number > {part.lines_before}"
    ).fetchall()
    return [int(row[0]) for row in rows]


def _plain(message: object) -> str:
    return str(message).replace("\n", " ").strip()


def _cut(text: object, length: int = SHOWN_CHARACTERS) -> str:
    words = "" if text is None else str(text)
    return words if len(words) <= length else words[: length - 1] + "…"
