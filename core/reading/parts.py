"""One source into the store: its rows as they are, and from each the user, event, time and order.

Every row lands in the table `picked`, with NULL for what it lacks; those rows are the rejected.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from itertools import islice
from pathlib import Path

import duckdb
import numpy as np

from core.errors import SourceError
from core.event import Event
from core.reading.fields import FieldChoice, Fields, guess_fields
from core.reading.rejects import count_broken
from core.reading.report import PartReport
from core.reading.sources import SourceFile
from core.reading.sql import (
    ANY_LINE_END,
    LONGEST_LINE,
    file_literal,
    first_line,
    identifier,
    json_path,
    keep_rejects,
    lines_relation,
    literal,
    raw_lines,
)
from core.reading.store import Part, Store
from core.reading.times import SAMPLED_ROWS, TimeKind, text_kind, typed_kind

SAMPLED_RECORDS = 1_000
"""Records looked at for the names of their fields."""

NOT_BLANK = "(starts_with(line, '{') OR trim(line) <> '')"
"""SQL for a line that says something; trimming every line would cost more than reading it."""

PICKED = """
CREATE TABLE picked (row BIGINT, user_id VARCHAR, event VARCHAR, time BIGINT, seq BIGINT);
CREATE VIEW accepted AS
    SELECT * FROM picked WHERE user_id IS NOT NULL AND event IS NOT NULL AND time IS NOT NULL
"""
"""A row for each row read: its number in the log, and what it says; NULL where it says nothing."""


def add_file(store: Store, file: SourceFile, choice: FieldChoice, tz: str) -> PartReport:
    """Read one file into the store. Raises SourceError when nothing of it can be read."""
    name = f"part_{len(store.parts)}"
    try:
        _create_part(store.connection, name, file)
        is_table = file.format == "table"
        return _pick(
            store,
            name,
            file.label,
            file.described,
            choice,
            tz,
            lines_before={"lines": 0, "table": file.skipped + 1}.get(file.format),
            lines=raw_lines(file.path, file.compression) if is_table else None,
            path=file.path if file.format == "parquet" else None,
        )
    except duckdb.InterruptException:
        raise
    except duckdb.Error as error:
        raise SourceError(
            f"{file.label} looks like {file.described} but cannot be read: {first_line(error)}"
        ) from error


def add_records(
    store: Store, records: Iterable[Mapping[str, object] | Event], choice: FieldChoice, tz: str
) -> PartReport:
    """Put records from memory into the store, as the JSON lines they would have been in a file."""
    name = f"part_{len(store.parts)}"
    store.connection.execute(f"CREATE TABLE {name} (line VARCHAR)")
    remaining, seen_event = iter(records), False
    while chunk := list(islice(remaining, 100_000)):
        seen_event = seen_event or any(isinstance(record, Event) for record in chunk)
        lines = np.array([_record_line(record) for record in chunk], dtype=object)
        store.connection.register("incoming", {"line": lines})
        store.connection.execute(f"INSERT INTO {name} SELECT line FROM incoming")
        store.connection.unregister("incoming")
    key = "properties" if seen_event else None
    return _pick(store, name, "list", "records", choice, tz, properties_key=key)


def _create_part(connection: duckdb.DuckDBPyConnection, name: str, file: SourceFile) -> None:
    try:
        connection.execute(_create(name, file, strict=not file.skipped))
    except duckdb.InvalidInputException:
        if file.format != "table":
            raise
        # One line that ends unlike the others, or one cell that holds such an end, is enough.
        connection.execute(f"DROP TABLE IF EXISTS {name}")
        connection.execute(_create(name, file, strict=False))


def _create(name: str, file: SourceFile, *, strict: bool) -> str:
    where, compression = file_literal(file.path), literal(file.compression)
    if file.format == "empty":
        return f"CREATE TABLE {name} (line VARCHAR)"
    if file.format == "lines":
        relation = lines_relation(file.path, file.compression, name)
        return f"CREATE TABLE {name} AS SELECT line FROM {relation}"
    if file.format in ("array", "objects"):
        layout = "array" if file.format == "array" else "unstructured"
        return (
            f"CREATE TABLE {name} AS SELECT CAST(json AS VARCHAR) AS line FROM read_json_objects("
            f"{where}, format='{layout}', compression={compression}, "
            f"maximum_object_size={LONGEST_LINE})"
        )
    if file.format == "parquet":
        # Columns stay in the file until somebody asks for them.
        return f"CREATE VIEW {name} AS SELECT * FROM read_parquet({where}, file_row_number=true)"
    columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in file.columns)
    return (
        f"CREATE TABLE {name} AS SELECT * FROM read_csv({where}, auto_detect=false, header=true, "
        f"delim={literal(file.delimiter)}, quote='\"', escape='\"', columns={{{columns}}}, "
        f"{'' if strict else ANY_LINE_END} skip={file.skipped}, {keep_rejects(name)}, "
        f"max_line_size={LONGEST_LINE}, compression={compression})"
    )


def _record_line(record: Mapping[str, object] | Event) -> str:
    if isinstance(record, Event):
        record = {
            "user": record.user,
            "event": record.name,
            "time": record.time,
            "properties": dict(record.properties),
        }
    try:
        return json.dumps(record, default=str, allow_nan=False)
    except (ValueError, TypeError):
        # NaN has no JSON, and keys need not be text.
        return json.dumps(_plain(record), default=str)


def _plain(value: object) -> object:
    if isinstance(value, float) and not np.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value


def _pick(
    store: Store,
    relation: str,
    label: str,
    described: str,
    choice: FieldChoice,
    tz: str,
    *,
    lines_before: int | None = None,
    lines: str | None = None,
    path: Path | None = None,
    properties_key: str | None = None,
) -> PartReport:
    """Fill `picked` from a relation of the store, and say how its fields were understood."""
    connection = store.connection
    types = _column_types(connection, relation)
    is_json = list(types) == ["line"]
    number = "file_row_number" if "file_row_number" in types else "rowid"
    columns = [name for name in types if name != "file_row_number"]
    keys = _json_keys(connection, relation) if is_json else columns
    fields = guess_fields(keys, choice, label) if keys else None
    part = Part(
        relation=relation,
        label=label,
        number=number,
        first_row=store.next_row,
        rows=_count(connection, relation),
        extract=_extract(relation, number, fields, is_json=is_json),
        is_json=is_json,
        keys=tuple(keys),
        path=path,
        fields=fields,
        lines_before=lines_before,
        lines=lines,
        properties_key=properties_key,
    )
    store.parts.append(part)
    kind = _time_kind(connection, part, "" if is_json or not fields else types[fields.time[0]], tz)
    time = kind.expression.format("t")
    connection.execute(
        f"INSERT INTO picked SELECT n + {part.first_row}, nullif(u, ''), nullif(e, ''), {time}, "
        f"coalesce(TRY_CAST(s AS BIGINT), 0) FROM ({part.extract})"
    )
    return PartReport(
        source=label,
        format=described,
        rows=_count(connection, f"picked WHERE row >= {part.first_row}")
        + count_broken(connection, part),
        user_field=".".join(fields.user) if fields else None,
        event_field=".".join(fields.event) if fields else None,
        time_field=".".join(fields.time) if fields else None,
        time_kind=kind.name if fields else "",
    )


def _extract(relation: str, number: str, fields: Fields | None, *, is_json: bool) -> str:
    """SQL for n, the row's number, and the text of u, e, t and s: user, event, time, sequence."""
    there = f"FROM {relation} WHERE {NOT_BLANK}" if is_json else f"FROM {relation}"
    if fields is None:
        empty = ", ".join(f"CAST(NULL AS VARCHAR) AS {column}" for column in "uets")
        return f"SELECT {number} AS n, {empty} {there}"
    paths = (fields.user, fields.event, fields.time, fields.sequence)
    if is_json:
        wanted = ", ".join(json_path(path) for path in paths if path)
        # Past the end of the list, which is where an absent sequence is, stands NULL.
        named = ", ".join(f"x[{i}] AS {column}" for i, column in enumerate("uets", 1))
        values = f"TRY(json_extract_string(line, [{wanted}]))"
        return f"SELECT n, {named} FROM (SELECT {number} AS n, {values} AS x {there})"
    user, event, time, sequence = (
        ".".join(identifier(key) for key in path) if path else "NULL" for path in paths
    )
    return (
        f"SELECT {number} AS n, CAST({user} AS VARCHAR) AS u, CAST({event} AS VARCHAR) AS e, "
        f"{time} AS t, {sequence} AS s {there}"
    )


def _json_keys(connection: duckdb.DuckDBPyConnection, relation: str) -> list[str]:
    """The top-level keys of the first records, the one met first coming first."""
    rows = connection.execute(
        f"SELECT key FROM (SELECT n, unnest(keys) AS key FROM ("
        f"SELECT rowid AS n, TRY(json_keys(line)) AS keys FROM {relation} "
        f"WHERE {NOT_BLANK} LIMIT {SAMPLED_RECORDS})) GROUP BY key ORDER BY min(n)"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _column_types(connection: duckdb.DuckDBPyConnection, relation: str) -> dict[str, str]:
    rows = connection.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
    return {str(row[0]): str(row[1]) for row in rows}


def _time_kind(
    connection: duckdb.DuckDBPyConnection, part: Part, column_type: str, tz: str
) -> TimeKind:
    typed = typed_kind(column_type, tz)
    if typed is not None:
        return typed
    number = "TRY_CAST(CAST(t AS VARCHAR) AS DOUBLE)"
    row = connection.execute(
        f"SELECT count(t), count(x), median(abs(x)) FROM ("
        f"SELECT t, CASE WHEN isfinite({number}) THEN {number} END AS x "
        f"FROM ({part.extract}) LIMIT {SAMPLED_ROWS})"
    ).fetchone()
    values, numbers, median = row or (0, 0, None)
    return text_kind(values, numbers, median, tz, column_type)


def _count(connection: duckdb.DuckDBPyConnection, relation: str) -> int:
    row = connection.execute(f"SELECT count(*) FROM {relation}").fetchone()
    return int(row[0]) if row else 0
