"""`RowFile`: a file on disk as rows in order, numbered from 0. Nothing of it is kept in memory.

All rows are read by SQL, in which each value wanted is text; a few rows are read by their numbers.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from core.errors import SourceError
from core.reading.sql import Keys, identifier, json_path, literal

SAMPLED_RECORDS = 1_000
"""Rows looked at for the names of their fields."""

SAMPLED_BYTES = 8_000_000
"""Bytes of rows looked at for that, at most."""

_PARAMETER_VALUES = ("string_value", "int_value", "double_value", "float_value")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in its file."""

    text: str
    """The row itself."""
    record: dict[str, object] | None
    """What it says; None when it is no record."""
    flaw: str = ""
    """Why it is none."""


@dataclass(frozen=True, slots=True)
class Broken:
    """A stretch of a file that could not be made a row."""

    number: int
    """Line of the file, from 1."""
    reason: str
    text: str


@dataclass(eq=False)
class RowFile(ABC):
    """A file as rows."""

    path: Path
    """The file."""
    unit: str
    """What rows are called, "line" or "row"."""
    rows: int = 0
    """Rows there are, with the blank ones; known once all have been read."""
    is_first: bool = False
    """Whether the next reading of all rows should remember what becomes none."""
    broken_count: int = 0
    """Stretches of it that became no row; known then, too."""

    def __post_init__(self) -> None:
        """Remember how the file looked."""
        self.stamp = _stamp(self.path)

    @property
    @abstractmethod
    def relation(self) -> str:
        """SQL for all rows in order."""

    blank = "false"
    """SQL for whether a row says nothing at all; such rows are not counted."""

    @abstractmethod
    def texts(self, wants: Sequence[Sequence[Keys]], listed: str | None) -> tuple[str, list[str]]:
        """SQL for a relation, and for each value wanted its text there.

        A want names fields of which the first that is not empty counts; NULL when none is there.
        `listed` is the key of a list of parameters, each with a `key` and a `value`.
        """

    def typed(self, want: Sequence[Keys]) -> tuple[str, str]:  # noqa: ARG002 - for those with types
        """The type of a value wanted, and SQL for it as such; "VARCHAR" and nothing for text."""
        return "VARCHAR", ""

    @abstractmethod
    def sample(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
        """The names of the fields in the first rows, and the paths of those one level inside."""

    def read(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        """Some rows by their numbers, in the order asked.

        Raises SourceError when the file has changed since it was read.
        """
        self.check()
        return self._read(connection, numbers)

    def check(self) -> None:
        """Raise SourceError when the file has changed since it was read, or is gone."""
        if _stamp(self.path) != self.stamp:
            raise SourceError(f"{self.path} has changed since it was read; open it again")

    @abstractmethod
    def _read(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        """Some rows by their numbers."""

    def broken(self, most: int | None = None) -> list[Broken]:  # noqa: ARG002 - for those that have some
        """The first `most` stretches that became no row."""
        return []

    def places(self, numbers: Sequence[int]) -> list[int]:
        """What to call rows: lines or rows of the file, from 1."""
        return [number + 1 for number in numbers]

    def finish(self, connection: duckdb.DuckDBPyConnection, rows: int) -> None:  # noqa: ARG002 - for those that need it
        """Take notice that all rows have been read, and how many there are."""
        self.rows = rows
        self.is_first = False

    def remembered(self) -> dict[str, Any]:
        """What all reading has told of the file, fit for JSON."""
        return {"rows": self.rows}

    def recall(self, remembered: Mapping[str, Any]) -> None:
        """Take in what was remembered of an unchanged file in place of reading it all again."""
        self.rows = int(remembered["rows"])


def _stamp(path: Path) -> tuple[int, int]:
    try:
        status = path.stat()
    except OSError as error:
        raise SourceError(f"cannot open {path}: {error.strerror or error}") from error
    return status.st_size, status.st_mtime_ns


def field_names(records: Sequence[dict[str, object]]) -> tuple[list[str], list[str]]:
    """The keys of records in the order met, and the paths of those one level inside."""
    keys, nested = dict[str, None](), dict[str, None]()
    for record in records:
        keys.update(dict.fromkeys(record))
        for key, value in record.items():
            inner = _object(value)
            nested.update(dict.fromkeys(f"{key}.{name}" for name in inner))
    return list(keys), list(nested)


def _object(value: object) -> dict[str, object]:
    """A value that is an object, or text that holds one."""
    if isinstance(value, str) and value.startswith("{"):
        value = parsed(value)
    return value if isinstance(value, dict) else {}


def parsed(text: str) -> object:
    """JSON text as a value; None when it is none, or nested too deeply."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def first_text(texts: Sequence[str]) -> str:
    """SQL for the first text that is not empty."""
    if not texts:
        return "NULL"
    return "coalesce(" + ", ".join(f"nullif({text}, '')" for text in texts) + ")"


def column_text(types: dict[str, str], keys: Keys, listed: str | None) -> str | None:
    """SQL for the text of a value in a table with columns; None when there is no such column."""
    column = next((name for name in types if name.casefold() == str(keys[0]).casefold()), None)
    if column is None:
        return None
    there, inside = identifier(column), keys[1:]
    if not inside:
        return there if types[column] == "VARCHAR" else f"CAST({there} AS VARCHAR)"
    record = there if types[column] in ("VARCHAR", "JSON") else f"to_json({there})"
    if column == listed:
        return parameter_text(record, str(inside[-1]))
    return f"TRY(json_extract_string({record}, {json_path(inside)}))"


def parameter_text(parameters: str, name: str) -> str:
    """SQL for the text of a parameter in JSON such as `[{"key": …, "value": {"int_value": …}}]`."""
    wanted = ", ".join(json_path(("value", kind)) for kind in _PARAMETER_VALUES)
    return (
        f"array_extract(list_filter(json_extract_string(array_extract(list_filter("
        f"TRY(CAST({parameters} AS JSON[])), lambda p: json_extract_string(p, '$.key') = "
        f"{literal(name)}), 1), [{wanted}]), lambda v: v IS NOT NULL), 1)"
    )
