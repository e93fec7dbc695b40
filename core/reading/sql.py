"""DuckDB asked, and names, texts and paths from outside made safe to stand in a query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_LINE = 100_000_000
"""Bytes of the longest line or object that is read."""

USUAL_LINE = 1_000_000
"""Bytes that are room enough for a line of nearly every file; more room is fewer threads."""

Keys = tuple[str | int, ...]
"""Where a value stands in a record: keys of objects, and places in lists from 0."""


def ask(connection: duckdb.DuckDBPyConnection, query: str) -> list[tuple[Any, ...]]:
    """All rows of an answer: a connection does nothing else until it has given them."""
    return connection.execute(query).fetchall()


def ask_columns(connection: duckdb.DuckDBPyConnection, query: str) -> dict[str, NDArray[Any]]:
    """An answer as columns; worked out on all cores, which an answer in pieces is not."""
    return connection.sql(query).fetchnumpy()


def literal(text: str) -> str:
    """`text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a SQL column name."""
    return '"' + name.replace('"', '""') + '"'


def json_path(keys: Sequence[str | int]) -> str:
    """Keys as a SQL string holding a JSON path; a dot inside a key is part of the key."""
    return literal("$" + "".join(map(_step, keys)))


def _step(key: str | int) -> str:
    if isinstance(key, int):
        return f"[{key}]"
    quoted = key.replace("\\", "\\\\").replace('"', '\\"')
    return f'."{quoted}"'


def file_literal(path: Path) -> str:
    """A path as a SQL string that DuckDB reads as one file, whatever signs its name holds."""
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path.absolute())))


def line_room(longest: int | None) -> int:
    """Bytes to make room for, where the longest line has `longest` or is not known."""
    return LONGEST_LINE if longest is None or longest > USUAL_LINE else USUAL_LINE


def lines_relation(path: Path, longest: int | None) -> str:
    """A relation of one column `line`: the file's lines in order, NULL where one is empty.

    All lines must end alike; `longest` bytes has the longest of them, or no more.
    """
    return _lines(path, f"max_line_size={line_room(longest)}, compression='none'")


def packed_lines_relation(path: Path) -> str:
    """The same for a file in zstd, whose lines may end as they like; every byte is a sign."""
    # So read, lines end at "\r\n" and "\n" alike; DuckDB does that on one core only.
    ends = f"new_line='\\r\\n', strict_mode=false, max_line_size={LONGEST_LINE}, parallel=false"
    return _lines(path, f"{ends}, compression='zstd', encoding='latin-1'")


def _lines(path: Path, options: str) -> str:
    # The delimiter is one that valid JSON cannot hold.
    return (
        f"read_csv({file_literal(path)}, auto_detect=false, header=false, delim='\x01\x02\x03', "
        f"quote='', escape='', comment='', columns={{'line': 'VARCHAR'}}, {options})"
    )


def first_line(error: Exception) -> str:
    """The first line of a DuckDB error, without its kind."""
    line = str(error).strip().partition("\n")[0]
    return line.split("Error: ", 1)[-1].strip()
