"""Conditions on properties: SQL over the fields of a row, answered for all rows at once.

A condition may name any top-level field. Text that is all numbers, or all true and false, compares
as what it looks like. It cannot reach anything but the rows: files, settings and the network are
locked before the first condition is asked.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import numpy as np

from core.errors import QuestionError, did_you_mean
from core.reading.sql import first_line, identifier, json_path
from core.reading.store import Part, Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

SAMPLED_ROWS = 10_000
"""Rows looked at for the type of a field."""

_NUMBER = "tracer row number"
_TYPES = ("BIGINT", "DOUBLE", "BOOLEAN")


def matching_rows(store: Store, condition: str) -> NDArray[np.bool_]:
    """(rows of the store) whether a condition holds; NULL does not.

    Raises QuestionError for a condition that is not one, or names no field there is.
    """
    _check(condition)
    store.lock()
    flags = np.zeros(store.next_row, dtype=np.bool_)
    fields = dict.fromkeys(name for part in store.parts for name in part.keys)
    # SQL does not tell upper from lower case in names, and a million fields make no columns.
    named = [name for name in fields if name.casefold() in condition.casefold()]
    for part in store.parts:
        with store.cursor() as cursor:
            columns = ", ".join(_column(cursor, part, name) for name in named)
            query = (
                f"SELECT {identifier(_NUMBER)} FROM (SELECT {part.number} AS "
                f"{identifier(_NUMBER)}{', ' if columns else ''}{columns} FROM {part.relation}) "
                f"WHERE ({condition}\n)"
            )
            try:
                rows = cursor.execute(query).fetchnumpy()[_NUMBER]
            except duckdb.Error as error:
                raise QuestionError(_refusal(condition, error, list(fields))) from error
        flags[part.first_row + np.asarray(rows, dtype=np.int64)] = True
    return flags


def _check(condition: str) -> None:
    """Refuse what is not one expression, before any of it is run."""
    try:
        statements = duckdb.extract_statements(f"SELECT 1 WHERE ({condition}\n)")
    except duckdb.Error as error:
        raise QuestionError(f"{condition!r} is not a condition: {first_line(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QuestionError(f"{condition!r} is not one condition: write such as amount > 100")


def _refusal(condition: str, error: duckdb.Error, fields: list[str]) -> str:
    line = first_line(error)
    missing = line.split('"')[1] if line.startswith("Referenced column") else None
    if missing is None:
        return f"the condition {condition!r} cannot be asked: {line}"
    near = did_you_mean(missing, fields) or f"; there are {', '.join(fields[:12])}"
    return f"no event has a field {missing!r}{near}"


def _column(cursor: duckdb.DuckDBPyConnection, part: Part, name: str) -> str:
    """SQL for one field of a part, as what it looks like; NULL where the part has no such field."""
    if name not in part.keys:
        return f"NULL AS {identifier(name)}"
    if part.is_json:
        value = f"TRY(json_extract_string(line, {json_path((name,))}))"
    else:
        value = identifier(name)
    row = cursor.execute(
        f"SELECT count(v), {', '.join(f'count(TRY_CAST(v AS {t}))' for t in _TYPES)}, "
        f"coalesce(any_value(typeof(v)), 'VARCHAR') "
        f"FROM (SELECT {value} AS v FROM {part.relation} LIMIT {SAMPLED_ROWS})"
    ).fetchone()
    values, *readable, column_type = row or (0, 0, 0, 0, "VARCHAR")
    if column_type == "VARCHAR" and values:
        kind = next((t for t, count in zip(_TYPES, readable, strict=True) if count == values), None)
        value = f"TRY_CAST({value} AS {kind})" if kind else value
    return f"{value} AS {identifier(name)}"
