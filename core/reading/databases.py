"""Tables that are in no file of their own: of SQLite and DuckDB databases, and in Arrow files."""

from __future__ import annotations

import contextlib
import json
import sqlite3
from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path

import duckdb

from core.errors import SourceError
from core.reading.spool import Spool
from core.reading.sql import ask, identifier, literal


def copy_sqlite(
    path: Path, label: str, wanted: str | None, spool: Spool, told: Callable[[], None]
) -> tuple[Path, str]:
    """The rows of a SQLite table as JSON lines in the spool, and the table's name.

    Raises sqlite3.Error when it is no database, SourceError when the table is not there.
    """
    address = f"{path.absolute().as_uri()}?mode=ro"
    with contextlib.closing(sqlite3.connect(address, uri=True)) as database:
        found = database.execute(
            "SELECT name FROM sqlite_master WHERE type IN ('table', 'view') ORDER BY name"
        ).fetchall()
        names = [str(row[0]) for row in found if not row[0].startswith("sqlite_")]
        table = _table(label, wanted, names)
        rows = database.execute(f"SELECT * FROM {identifier(table)}")
        keys = [column[0] for column in rows.description]
        lines = (json.dumps(dict(zip(keys, row, strict=True)), default=repr) for row in rows)
        return spool.write((f"{line}\n".encode() for line in lines), label, None, told), table


def copy_duckdb(
    connection: duckdb.DuckDBPyConnection, path: Path, label: str, wanted: str | None, spool: Spool
) -> tuple[Path, str]:
    """The rows of a DuckDB table as Parquet in the spool, and the table's name.

    Views are left out: they may read whatever whoever made them wished. Raises duckdb.Error when it
    is no database, SourceError when the table is not there.
    """
    copy = spool.new_path(".parquet")
    ask(connection, f"ATTACH {literal(str(path.absolute()))} AS other (READ_ONLY)")
    try:
        found = ask(
            connection,
            "SELECT schema_name, table_name FROM duckdb_tables() WHERE database_name = 'other' "
            "ORDER BY ALL",
        )
        places = {".".join(row).removeprefix("main."): row for row in found}
        table = _table(label, wanted, list(places))
        place = ".".join(map(identifier, ("other", *places[table])))
        with spool.room(label):
            ask(connection, f"COPY {place} TO {literal(str(copy))} (FORMAT parquet)")
    finally:
        ask(connection, "DETACH other")
    return copy, table


def copy_arrow(path: Path, label: str, spool: Spool, told: Callable[[], None]) -> Path:
    """The rows of an Arrow file as Parquet in the spool.

    Raises SourceError when it cannot be read, or the library for it is not installed.
    """
    try:
        ipc, parquet = import_module("pyarrow.ipc"), import_module("pyarrow.parquet")
        errors = import_module("pyarrow").ArrowException
    except ImportError:
        raise SourceError(f"{label} is an Arrow file; to read it: pip install pyarrow") from None
    copy = spool.new_path(".parquet")
    try:
        with (
            spool.room(label),
            ipc.open_file(str(path)) as opened,
            parquet.ParquetWriter(str(copy), opened.schema) as writer,
        ):
            for number in range(opened.num_record_batches):
                writer.write_batch(opened.get_batch(number))
                told()
    except errors as error:
        raise SourceError(f"{label} looks like Arrow but cannot be read: {error}") from error
    return copy


def _table(label: str, wanted: str | None, names: Sequence[str]) -> str:
    if wanted is None and len(names) == 1:
        return names[0]
    if wanted is not None and wanted in names:
        return wanted
    there = ", ".join(names[:12]) + (", …" if len(names) > 12 else "") or "none"
    if wanted is None:
        raise SourceError(f"{label} holds {len(names)} tables; name one with --table: {there}")
    raise SourceError(f"{label} has no table {wanted!r}; there are {there}")
