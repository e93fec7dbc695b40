"""What reading picks from each row: user, event, time and the little else that orders events.

The texts are in DuckDB only while they are made numbers; a large Parquet file is read twice
rather than copied. Rows are in the order of the parts.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from core.reading.arrow import ask_numbers, put_numbers
from core.reading.codes import Texts, distinct_texts
from core.reading.formats.parquet import ParquetFile
from core.reading.part import Part
from core.reading.sql import ask, ask_columns
from core.threads import on_all_cores

if TYPE_CHECKING:
    from numpy.typing import NDArray

LARGE = 1_000_000
"""Rows of a Parquet file from which on it is not copied."""


@dataclass
class _Batch:
    """Rows of one or more parts, one after another."""

    name: str
    columns: tuple[str, ...]
    is_view: bool
    rows: int

    @property
    def number(self) -> str:
        """The column that numbers its rows."""
        return "n" if self.is_view else "rowid"


class Picked:
    """The rows picked so far."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        """Nothing yet."""
        self._connection = connection
        self._batches: list[_Batch] = []

    @property
    def relations(self) -> list[str]:
        """The names of the tables and views that hold them."""
        return [batch.name for batch in self._batches]

    @property
    def rows(self) -> int:
        """How many there are."""
        return sum(batch.rows for batch in self._batches)

    def relations_with(self, column: str) -> list[str]:
        """Those that have a column."""
        return [batch.name for batch in self._batches if column in batch.columns]

    @contextmanager
    def attempt(self) -> Iterator[Callable[[], None]]:
        """Rows taken in while inside stay only if the function given is called."""
        before, kept = [replace(batch) for batch in self._batches], list[bool]()
        ask(self._connection, "BEGIN")
        try:
            yield lambda: kept.append(True)
        finally:
            ask(self._connection, "COMMIT" if kept else "ROLLBACK")
            if not kept:
                self._batches = before

    def add(self, part: Part) -> int:
        """Take in the rows of a part, and say how many there are."""
        if isinstance(part.file, ParquetFile):
            rows = self._count(part.file.relation)
            if rows >= LARGE:
                self._create("VIEW", part.extract(number="file_row_number"), rows)
                return rows
        extract = part.extract()
        described = ask(self._connection, f"DESCRIBE {extract}")
        columns = tuple(str(row[0]) for row in described)
        last = self._batches[-1] if self._batches else None
        if last is None or last.is_view or last.columns != columns:
            return self._create("TABLE", extract, None)
        ((inserted,),) = ask(self._connection, f"INSERT INTO {last.name} {extract}")
        last.rows += int(inserted)
        return int(inserted)

    def texts(self, name: str, connection: duckdb.DuckDBPyConnection) -> Texts:
        """The distinct texts of a column."""
        return distinct_texts(connection, self.relations, name)

    def places(
        self, name: str, texts: Texts, connection: duckdb.DuckDBPyConnection
    ) -> NDArray[np.unsignedinteger]:
        """(rows) the place of each row's text in those of the column."""
        found = np.empty(self.rows, dtype=texts.places.kind)
        hash_sql = texts.hash_sql.format(name)

        def jobs() -> Iterator[tuple[NDArray[Any], NDArray[Any]]]:
            for first, batch in self._with(name):
                at = first
                for piece in ask_numbers(connection, f"SELECT {hash_sql} AS c FROM {batch.name}"):
                    yield piece.copy(), found[at : at + len(piece)]
                    at += len(piece)

        on_all_cores(texts.places.put, jobs())
        return found

    def column(
        self,
        name: str,
        sql: str = "{0}",
        connection: duckdb.DuckDBPyConnection | None = None,
    ) -> NDArray[np.int64]:
        """(rows) the whole number that SQL makes of a column, `{0}` in it; 0 where a part has none.

        It must make one of NULL, too.
        """
        found = np.zeros(self.rows, dtype=np.int64)
        for first, batch in self._with(name):
            query = f"SELECT {sql.format(name)} AS c FROM {batch.name}"
            put_numbers(connection or self._connection, query, found[first : first + batch.rows])
        return found

    def _with(self, column: str) -> Iterator[tuple[int, _Batch]]:
        """The batches that have a column, each with the number of its first row."""
        first = 0
        for batch in self._batches:
            if column in batch.columns:
                yield first, batch
            first += batch.rows

    def ids(self, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        """For some rows a hash of the id that tells duplicates, 0 for none."""
        result = np.zeros(len(rows), dtype=np.uint64)
        for first, batch in self._with("d"):
            mine = np.flatnonzero((rows >= first) & (rows < first + batch.rows))
            if len(mine):
                result[mine] = self._ids(batch, rows[mine] - first)
        return result

    def _ids(self, batch: _Batch, rows: NDArray[np.int64]) -> NDArray[np.uint64]:
        wanted = {"n": np.unique(rows)}
        self._connection.register("wanted", wanted)
        found = ask_columns(
            self._connection,
            f"SELECT {batch.number} AS n, d FROM {batch.name} "
            f"WHERE {batch.number} IN (SELECT n FROM wanted)",
        )
        self._connection.unregister("wanted")
        by = np.argsort(found["n"])
        ids: NDArray[np.uint64] = found["d"][by][found["n"][by].searchsorted(rows)]
        return ids

    def drop(self) -> None:
        """Let go of everything."""
        for batch in self._batches:
            kind = "VIEW" if batch.is_view else "TABLE"
            ask(self._connection, f"DROP {kind} IF EXISTS {batch.name}")
        self._batches = []

    def _create(self, kind: str, extract: str, rows: int | None) -> int:
        name = f"picked_{len(self._batches)}"
        ask(self._connection, f"CREATE OR REPLACE {kind} {name} AS {extract}")
        described = ask(self._connection, f"DESCRIBE {name}")
        columns = tuple(str(row[0]) for row in described)
        rows = self._count(name) if rows is None else rows
        self._batches.append(_Batch(name, columns, kind == "VIEW", rows))
        return rows

    def _count(self, relation: str) -> int:
        ((count,),) = ask(self._connection, f"SELECT count(*) FROM {relation}")
        return int(count)
