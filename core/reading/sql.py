"""Names, texts and paths from outside, made safe to stand in a DuckDB query."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

LONGEST_LINE = 100_000_000
"""Bytes of the longest line or object that is read."""

ANY_LINE_END = "new_line='\\r\\n', strict_mode=false,"
"""Options of `read_csv` by which lines end at "\\r\\n" and at "\\n" alike."""


def literal(text: str) -> str:
    """`text` as a SQL string."""
    return "'" + text.replace("'", "''") + "'"


def identifier(name: str) -> str:
    """`name` as a SQL column name."""
    return '"' + name.replace('"', '""') + '"'


def json_path(keys: Sequence[str]) -> str:
    """Keys as a SQL string holding a JSON path; a dot inside a key is part of the key."""
    quoted = (key.replace("\\", "\\\\").replace('"', '\\"') for key in keys)
    return literal("$" + "".join(f'."{key}"' for key in quoted))


def file_literal(path: Path) -> str:
    """A path as a SQL string that DuckDB reads as one file, whatever signs its name holds."""
    return literal("".join(f"[{sign}]" if sign in "*?[" else sign for sign in str(path.absolute())))


def keep_rejects(name: str) -> str:
    """Options of `read_csv` that put broken lines into the table `rejects_NAME` and read on."""
    return f"store_rejects=true, rejects_table='rejects_{name}', rejects_scan='scans_{name}'"


def lines_relation(path: Path, compression: str, name: str) -> str:
    """A relation of one column `line`: the file's lines in order, NULL where one is blank."""
    return _lines(path, compression, keep_rejects(name))


def raw_lines(path: Path, compression: str) -> str:
    """Like `lines_relation`, with no line refused, whatever its bytes."""
    return _lines(path, compression, "encoding='latin-1'")


def _lines(path: Path, compression: str, options: str) -> str:
    # The delimiter is one that valid JSON cannot hold.
    return (
        f"read_csv({file_literal(path)}, auto_detect=false, header=false, delim='\x01\x02\x03', "
        f"quote='', escape='', comment='', columns={{'line': 'VARCHAR'}}, {ANY_LINE_END} "
        f"{options}, max_line_size={LONGEST_LINE}, compression='{compression}')"
    )


def first_line(error: Exception) -> str:
    """The first line of a DuckDB error, without its kind."""
    line = str(error).strip().partition("\n")[0]
    return line.split("Error: ", 1)[-1].strip()
