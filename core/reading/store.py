"""The DuckDB side of a log: the rows as they were read. Properties cost nothing until asked for.

A store holds one table or view for each file, numbered in the order read. A row of the log is its
place in all of them, one after another.
"""

from __future__ import annotations

import bisect
import json
import shutil
import tempfile
import threading
import weakref
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from core.errors import Cancelled, QuestionError, SourceError, did_you_mean
from core.reading.fields import Fields
from core.reading.sql import first_line, identifier, json_path, literal

if TYPE_CHECKING:
    from numpy.typing import NDArray

POLL_SECONDS = 0.05
"""How often a running query is asked how far it is and whether to stop."""

SAMPLED_RECORDS = 1_000
"""Records of a part looked at for the names of its fields."""

REMEMBERED_COLUMNS = 4
"""Fields whose values are kept as numbers, 4 bytes a row."""

Progress = Callable[[float], None]
"""Told a fraction from 0 to 1."""


@dataclass(frozen=True, slots=True)
class Part:
    """One source inside the store."""

    relation: str
    """Name of its table or view."""
    label: str
    """The file, or what stands for it."""
    number: str
    """The column that numbers its rows, from 0."""
    first_row: int
    """The log's number of its row 0."""
    rows: int
    """Rows of the relation, blank lines included."""
    extract: str
    """SQL for n, u, e, t, s: each row's number, user, event, time and sequence as it says them."""
    is_json: bool
    """Whether it is one column `line` of JSON text, else columns."""
    keys: tuple[str, ...]
    """Its columns, or the top-level keys met in its first records."""
    path: Path | None
    """The file, where the rows stay in it; None when they are in a table."""
    fields: Fields | None
    """Where user, event and time are; None when no row has any field."""
    lines_before: int | None = None
    """Lines of the file before the line of row 0; None where rows are not lines."""
    lines: str | None = None
    """SQL for the lines of the file, where its blank ones have no row in the relation."""
    properties_key: str | None = None
    """The key that holds all properties, where they do not stand beside the other fields."""

    @property
    def body(self) -> str:
        """SQL for a whole row as JSON text."""
        return "line" if self.is_json else f"CAST(to_json({self.relation}) AS VARCHAR)"


class Store:
    """One DuckDB database in memory, with a folder to spill into."""

    def __init__(self, tz: str) -> None:
        """Open an empty store whose naive times are in the zone `tz`."""
        self.folder = Path(tempfile.mkdtemp(prefix="tracer-tui-"))
        # Not a TemporaryDirectory: that one warns when nobody closes it, and a log has no end.
        weakref.finalize(self, shutil.rmtree, self.folder, ignore_errors=True)
        self.connection = duckdb.connect(":memory:")
        self.connection.execute(f"SET temp_directory = {literal(str(self.folder))}")
        self.connection.execute("SET enable_progress_bar = true")
        self.connection.execute("SET enable_progress_bar_print = false")
        self.connection.execute("SET progress_bar_time = 0")
        try:
            self.connection.execute(f"SET TimeZone = {literal(tz)}")
        except duckdb.Error as error:
            raise SourceError(f"no time zone is named {tz!r}: {first_line(error)}") from error
        self.parts: list[Part] = []
        self.span = (0.0, 1.0)
        """The share of all the work that the running queries stand for: its start and end."""
        self._codes = lru_cache(maxsize=REMEMBERED_COLUMNS)(self._read_codes)
        self._lock = threading.Lock()
        self._is_locked = False

    def lock(self) -> None:
        """Leave the database nothing but its rows and the files they stand in, for good."""
        with self._lock:
            if not self._is_locked:
                paths = [str(part.path.absolute()) for part in self.parts if part.path is not None]
                allowed = ", ".join(map(literal, paths))
                self.connection.execute(f"SET allowed_paths = [{allowed}]")
                self.connection.execute("SET enable_external_access = false")
                self.connection.execute("SET lock_configuration = true")
                self._is_locked = True

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own: one runs a single query at a time."""
        with self._lock, self.connection.cursor() as cursor:
            yield cursor

    @property
    def next_row(self) -> int:
        """The log's number of the next part's row 0."""
        return self.parts[-1].first_row + self.parts[-1].rows if self.parts else 0

    @contextmanager
    def watched(
        self, cancelled: Callable[[], bool] | None, progress: Progress | None
    ) -> Iterator[None]:
        """While inside, report the progress of each query, and interrupt it when cancelled.

        Raises Cancelled in place of DuckDB's own error.
        """
        if cancelled is None and progress is None:
            yield
            return
        done = threading.Event()
        told = 0.0

        def watch() -> None:
            nonlocal told
            while not done.wait(POLL_SECONDS):
                if cancelled is not None and cancelled():
                    self.connection.interrupt()
                elif progress is not None:
                    done_share = max(0.0, self.connection.query_progress()) / 100
                    start, end = self.span
                    # Each query counts from 0 again, and progress must not.
                    told = max(told, start + (end - start) * done_share)
                    progress(told)

        watcher = threading.Thread(target=watch, name="reading-watch", daemon=True)
        watcher.start()
        try:
            yield
        except duckdb.InterruptException:
            raise Cancelled("reading was stopped") from None
        finally:
            done.set()
            watcher.join()

    def properties(self, rows: Sequence[int]) -> list[dict[str, object]]:
        """The properties of the log's rows, in the order asked; user, event and time left out."""
        found: dict[int, dict[str, object]] = {}
        by_part: dict[int, list[int]] = {}
        firsts = [part.first_row for part in self.parts]
        for row in rows:
            by_part.setdefault(bisect.bisect_right(firsts, row) - 1, []).append(row)
        for number, wanted in by_part.items():
            found.update(self._part_properties(self.parts[number], wanted))
        return [found.get(row, {}) for row in rows]

    def _part_properties(self, part: Part, rows: list[int]) -> dict[int, dict[str, object]]:
        numbers = ", ".join(str(row - part.first_row) for row in rows)
        query = (
            f"SELECT {part.number}, {part.body} FROM {part.relation} "
            f"WHERE {part.number} IN ({numbers})"
        )
        with self.cursor() as cursor:
            answers = cursor.execute(query).fetchall()
        return {part.first_row + row: _without_fields(part, text) for row, text in answers}

    def column(self, field: str, rows: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
        """For each of the log's rows a number that stands for its value of a field, as text; -1
        where it has none or an empty one.

        A field is named as it stands in the source, or with dots between the keys of a nested one.
        Raises QuestionError that names the fields when no part has it.
        """
        codes: NDArray[np.int32] = self._codes(field)[rows]
        return codes

    def _read_codes(self, field: str) -> NDArray[np.int32]:
        with self.cursor() as cursor:
            known = {part.relation: _field_names(cursor, part) for part in self.parts}
            parts = (_values(part, field, known[part.relation]) for part in self.parts)
            values = " UNION ALL ".join(part for part in parts if part)
            code = np.full(self.next_row, -1, dtype=np.int32)
            if values:
                found = cursor.execute(
                    f"WITH found AS MATERIALIZED (SELECT * FROM ({values}) WHERE value <> ''), "
                    "codes AS (SELECT value, CAST(row_number() OVER () AS INTEGER) AS code "
                    "FROM (SELECT DISTINCT value FROM found)) "
                    "SELECT row, code FROM found JOIN codes USING (value)"
                ).fetchnumpy()
                code[found["row"]] = found["code"]
        names = sorted({name for names in known.values() for name in names})
        if field not in names and not (code >= 0).any():
            there = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
            raise QuestionError(
                f"no event has a field {field!r}"
                f"{did_you_mean(field, names) or f'; the fields are {there}'}"
            )
        return code


def _field_names(cursor: duckdb.DuckDBPyConnection, part: Part) -> list[str]:
    """The names of a part's fields, not of those nested in them; of records the first ones tell."""
    if part.properties_key is None:
        return list(part.keys)
    inside = json_path([part.properties_key])
    rows = cursor.execute(
        f"SELECT DISTINCT unnest(TRY(json_keys(line, {inside}))) "
        f"FROM (SELECT line FROM {part.relation} LIMIT {SAMPLED_RECORDS})"
    ).fetchall()
    return [str(row[0]) for row in rows]


def _values(part: Part, field: str, known: Sequence[str]) -> str | None:
    """SQL for each row's number in the log and its value of a field; None where there is none."""
    paths = [[field], *([field.split(".")] if "." in field else [])]
    if part.is_json:
        inside = [part.properties_key] if part.properties_key else []
        texts = (
            f"nullif(TRY(json_extract_string(line, {json_path([*inside, *path])})), '')"
            for path in paths
        )
        value = f"coalesce({', '.join(texts)})"
    else:
        path = next((path for path in paths if path[0] in known), None)
        if path is None:
            return None
        column, inside = identifier(path[0]), path[1:]
        value = f"CAST({column} AS VARCHAR)"
        if inside:
            value = f"json_extract_string(to_json({column}), {json_path(inside)})"
    return f"SELECT {part.number} + {part.first_row} AS row, {value} AS value FROM {part.relation}"


def _without_fields(part: Part, text: str) -> dict[str, object]:
    record = json.loads(text)
    if part.properties_key is not None:
        inner = record.get(part.properties_key)
        return inner if isinstance(inner, dict) else {}
    if part.fields is not None:
        for path in (part.fields.user, part.fields.event, part.fields.time):
            record.pop(path[0], None) if len(path) == 1 else None
    record.pop("file_row_number", None)
    return {key: value for key, value in record.items() if value is not None}
