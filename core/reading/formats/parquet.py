"""Parquet: columns and their types are told by the file, and rows are read by their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb

from core.reading.formats.base import (
    SAMPLED_RECORDS,
    Row,
    RowFile,
    column_text,
    field_names,
    first_text,
    parsed,
)
from core.reading.sql import Keys, ask, file_literal, identifier

_NUMBER = "file_row_number"


@dataclass(eq=False)
class ParquetFile(RowFile):
    """A Parquet file."""

    types: dict[str, str] = field(default_factory=dict)
    """The types of its columns, as DuckDB names them."""

    @property
    def relation(self) -> str:
        """SQL for all rows."""
        return f"read_parquet({file_literal(self.path)})"

    def look(self, connection: duckdb.DuckDBPyConnection) -> ParquetFile:
        """The same file, with its columns known."""
        rows = ask(connection, f"DESCRIBE SELECT * FROM {self.relation}")
        self.types = {str(row[0]): str(row[1]) for row in rows}
        return self

    def texts(self, wants: Sequence[Sequence[Keys]], listed: str | None) -> tuple[str, list[str]]:
        """Every value wanted, out of its column."""
        found = ([column_text(self.types, keys, listed) for keys in want] for want in wants)
        return self.relation, [first_text([text for text in texts if text]) for texts in found]

    def typed(self, want: Sequence[Keys]) -> tuple[str, str]:
        """The type of the columns wanted, when they have one in common."""
        columns = [str(keys[0]) for keys in want if keys[0] in self.types]
        kinds = {self.types[column] for column in columns}
        if len(kinds) != 1 or any(len(keys) > 1 for keys in want):
            return "VARCHAR", ""
        return kinds.pop(), f"coalesce({', '.join(map(identifier, columns))})"

    def sample(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:
        """The columns, and the keys of structures and of JSON text in them."""
        nests = [
            name
            for name, kind in self.types.items()
            if kind.startswith(("STRUCT", "MAP", "JSON")) or kind == "VARCHAR"
        ]
        if not nests:
            return list(self.types), []
        columns = ", ".join(map(identifier, nests))
        rows = ask(
            connection,
            f"SELECT CAST(to_json(r) AS VARCHAR) FROM (SELECT {columns} FROM {self.relation} "
            f"WHERE {_NUMBER} < {SAMPLED_RECORDS}) AS r",
        )
        # Only those that have an object inside.
        records = (parsed(text) for (text,) in rows if "{" in text[1:])
        _, nested = field_names([record for record in records if isinstance(record, dict)])
        return list(self.types), nested

    def _read(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        found = dict(
            ask(
                connection,
                f"SELECT {_NUMBER}, CAST(to_json(r) AS VARCHAR) FROM {self.relation} AS r "
                f"WHERE {_NUMBER} IN ({', '.join(map(str, numbers))})",
            )
        )
        records = ((found[number], parsed(found[number])) for number in numbers)
        return [Row(text, record if isinstance(record, dict) else None) for text, record in records]
