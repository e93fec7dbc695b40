"""The rows behind a log. They stay in their files; what is asked of them is read when asked.

A row of the log is its place in all parts, one after another. What was asked of all rows is kept:
values of a few fields as numbers, and of a few conditions whether they hold.
"""

from __future__ import annotations

import bisect
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from functools import cached_property, lru_cache, partial
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from core.errors import Cancelled, QuestionError, SourceError, did_you_mean
from core.reading.arrow import put_numbers
from core.reading.codes import places_of
from core.reading.conditions import matching_rows
from core.reading.part import Part
from core.reading.spool import Spool
from core.reading.sql import ask, first_line, literal
from core.threads import cores, on_all_cores, slices, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

REMEMBERED_COLUMNS = 4
"""Fields whose values are kept as numbers, 4 bytes a row."""

REMEMBERED_CONDITIONS = 16
"""Conditions whose answers are kept, a byte a row."""

MEMORY_SHARE = 0.5
"""The share of this machine's memory that DuckDB may use before it spills to disk."""


class Store:
    """The parts of a log, and a DuckDB database in memory to ask them, with a folder to spill."""

    def __init__(self, tz: str) -> None:
        """Open an empty store whose naive times are in the zone `tz`."""
        self.spool = Spool()
        self.connection = duckdb.connect(":memory:")
        settings = {
            "temp_directory": literal(str(self.spool.folder)),
            "memory_limit": literal(f"{_memory_limit()}B"),
            "threads": str(cores()),
            "preserve_insertion_order": "true",  # rows are numbered by it
            "enable_progress_bar": "true",
            "enable_progress_bar_print": "false",
            "progress_bar_time": "0",
            "autoinstall_known_extensions": "false",  # it would ask the network
            "autoload_known_extensions": "false",
            "streaming_buffer_size": "'64MB'",  # one piece of an answer is a megabyte
            "parquet_metadata_cache": "true",  # each file is asked about ten times
            "enable_external_file_cache": "false",  # the system keeps what was read of a file
        }
        for name, value in settings.items():
            ask(self.connection, f"SET {name} = {value}")
        try:
            ask(self.connection, f"SET TimeZone = {literal(tz)}")
        except duckdb.Error as error:
            raise SourceError(f"no time zone is named {tz!r}: {first_line(error)}") from error
        self._prepare: Callable[[], list[Part]] = list
        self._lock = threading.RLock()
        self._is_locked = False
        self._asked: duckdb.DuckDBPyConnection | None = None

    def later(self, prepare: Callable[[], list[Part]]) -> None:
        """Have the parts made when they are first asked for."""
        self._prepare = prepare

    @cached_property
    def parts(self) -> list[Part]:
        """The parts in order."""
        with self._lock:
            return self._prepare()

    @cached_property
    def _codes(self) -> Callable[[str], NDArray[np.int32]]:
        return lru_cache(maxsize=REMEMBERED_COLUMNS)(self._read_codes)

    @cached_property
    def _flags(self) -> Callable[[str], NDArray[np.bool_]]:
        return lru_cache(maxsize=REMEMBERED_CONDITIONS)(lambda text: matching_rows(self, text))

    @contextmanager
    def cursor(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """A connection of its own: one runs a single query at a time."""
        with self._lock, self.connection.cursor() as cursor:
            yield cursor

    @contextmanager
    def stoppable(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The same for a query that `stop` may stop: then it raises Cancelled."""
        with self.cursor() as cursor:
            self._asked = cursor
            try:
                yield cursor
            except duckdb.InterruptException as error:
                raise Cancelled("the question was stopped") from error
            finally:
                self._asked = None

    def stop(self) -> None:
        """Stop the query that runs, if it can be."""
        asked = self._asked
        if asked is not None:
            with suppress(duckdb.Error):  # it may have ended by itself meanwhile
                asked.interrupt()

    def lock(self) -> None:
        """Leave the database nothing but the files that its rows stand in, for good."""
        with self._lock:
            if not self._is_locked:
                paths = (str(part.file.path.absolute()) for part in self.parts)
                ask(self.connection, f"SET allowed_paths = [{', '.join(map(literal, paths))}]")
                ask(self.connection, "SET enable_external_access = false")
                ask(self.connection, "SET lock_configuration = true")
                self._is_locked = True

    @property
    def next_row(self) -> int:
        """The log's number of the next part's row 0."""
        return self.parts[-1].first_row + self.parts[-1].rows if self.parts else 0

    def properties(self, rows: Sequence[int]) -> list[dict[str, object]]:
        """The properties of the log's rows, in the order asked; user, event and time left out.

        Raises SourceError when their file has changed since.
        """
        firsts = [part.first_row for part in self.parts]
        by_part: dict[int, list[int]] = {}
        for row in dict.fromkeys(rows):
            by_part.setdefault(bisect.bisect_right(firsts, row) - 1, []).append(row)
        found: dict[int, dict[str, object]] = {}
        for number, wanted in by_part.items():
            part = self.parts[number]
            with self.cursor() as cursor:
                read = part.file.read(cursor, [row - part.first_row for row in wanted])
            found.update(zip(wanted, map(part.properties, read), strict=True))
        return [found[row] for row in rows]

    def place(self, row: int) -> str:
        """What to call a row of the log: "events.csv line 7"."""
        part = self.parts[bisect.bisect_right([p.first_row for p in self.parts], row) - 1]
        return f"{part.label} {part.file.unit} {part.file.places([row - part.first_row])[0]}"

    def matching(self, condition: str) -> NDArray[np.bool_]:
        """(rows of the store) whether a condition holds; NULL does not. Raises QuestionError."""
        return self._flags(condition)

    def column(self, field: str, rows: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
        """For each of the log's rows a number that stands for its value of a field, as text; -1
        where it has none or an empty one.

        A field is named as it stands in the source, or with dots between the keys of a nested one.
        Raises QuestionError that names the fields when no part has it.
        """
        codes: NDArray[np.int32] = self._codes(field)
        jobs = (partial(codes.take, rows[part]) for part in slices(len(rows)))
        return np.concatenate([codes[:0], *together(jobs, len(rows))])

    def _read_codes(self, field: str) -> NDArray[np.int32]:
        codes = np.full(self.next_row, -1, dtype=np.int32)
        numbers: dict[int, int] = {}
        with self.cursor() as cursor:
            for part in self.parts:
                part.file.check()
                relation, (text,) = part.file.texts([part.paths(field)], part.listed)
                absent = [literal(value) for name, value in part.fields.absent if name == field]
                value = f"nullif({text}, {absent[0]})" if absent else text
                hashes = np.empty(part.rows, dtype=np.uint64)
                query = (
                    f"SELECT CASE WHEN value IS NULL THEN 0 ELSE hash(value) END AS h "
                    f"FROM (SELECT {value} AS value FROM {relation})"
                )
                self.check_rows(part, put_numbers(cursor, query, hashes))
                # Slice by slice first: in a core's cache that takes a third of the time.
                few = on_all_cores(lambda part: np.unique(hashes[part]), slices(len(hashes)))  # noqa: B023 - called before the next part
                distinct = np.unique(np.concatenate([hashes[:0], *few]))
                place = places_of(hashes, distinct)
                # The last of what is written to a place stays, and backwards that is the first.
                first = np.empty(len(distinct), dtype=np.int64)
                first[place[::-1]] = np.arange(len(place))[::-1]
                code = np.empty(len(distinct), dtype=np.int32)
                for at in np.argsort(first).tolist():
                    known = int(distinct[at])
                    code[at] = numbers.setdefault(known, len(numbers)) if known else -1
                codes[part.first_row : part.first_row + part.rows] = code[place]
        if not numbers:
            self.refuse_unknown(field)
        return codes

    def check_rows(self, part: Part, rows: int) -> None:
        """Raise SourceError when a part no longer has the rows that it had."""
        part.file.check()
        if rows != part.rows:
            raise SourceError(f"{part.file.path} has changed since it was read; open it again")

    def refuse_unknown(self, field: str) -> None:
        """Raise QuestionError for a field that no part knows, naming those that there are."""
        names = list(dict.fromkeys(name for part in self.parts for name in part.named_fields()))
        if field in names:
            return
        there = ", ".join(names[:12]) + (", …" if len(names) > 12 else "")
        raise QuestionError(
            f"no event has a field {field!r}"
            f"{did_you_mean(field, names) or f'; the fields are {there}'}"
        )


def _memory_limit() -> int:
    """Bytes that DuckDB may use before it spills."""
    return int(MEMORY_SHARE * os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
