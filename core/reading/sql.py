"""DuckDB asked, and names, texts and paths from outside made safe to stand in a query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb

from core.threads import cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_LINE = 100_000_000
"""Bytes of the longest line or object that is read."""

USUAL_LINE = 8_000_000
"""Bytes that are room enough for a line of nearly every file."""

PIECE = 32_000_000
"""Bytes that a core takes of a text at a time, at most.

DuckDB stores rows in groups of 122,880, and puts pieces with fewer together, which copies them.
"""

PIECES = 4
"""Of a smaller text, pieces for each core."""

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


def in_pieces(size: int, longest: int | None) -> str:
    """Options for DuckDB to read a text of so many bytes piece by piece, on all cores.

    The longest line has `longest` bytes, or no more; None hopes for the usual.
    """
    usual = min(max(size // (PIECES * cores()), USUAL_LINE), PIECE)
    room = usual if longest is None or longest <= usual else LONGEST_LINE
    return f"max_line_size={room}, buffer_size={room}, compression='none'"


def packed_lines_relation(path: Path) -> str:
    """The lines of a file in zstd, which may end as they like; every byte is a sign."""
    # So read, lines end at "\r\n" and "\n" alike; DuckDB does that on one core only.
    ends = f"new_line='\\r\\n', strict_mode=false, max_line_size={LONGEST_LINE}, parallel=false"
    return lines_relation(path, f"{ends}, compression='zstd', encoding='latin-1'")


def lines_relation(path: Path, options: str) -> str:
    """A relation of one column `line`: the file's lines in order, NULL where one is empty.

    `options` say how it is read, such as in pieces; then all lines must end alike.
    """
    # The delimiter is one that valid JSON cannot hold.
    return (
        f"read_csv({file_literal(path)}, auto_detect=false, header=false, delim='\x01\x02\x03', "
        f"quote='', escape='', comment='', columns={{'line': 'VARCHAR'}}, {options})"
    )


def first_line(error: Exception) -> str:
    """The first line of a DuckDB error, without its kind."""
    line = str(error).strip().partition("\n")[0]
    return line.split("Error: ", 1)[-1].strip()
