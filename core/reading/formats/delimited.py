"""CSV and its relatives: DuckDB cuts the rows, and one look finds where each begins."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from core.reading.formats.base import (
    SAMPLED_RECORDS,
    Broken,
    Row,
    RowFile,
    column_text,
    field_names,
    first_text,
    parsed,
)
from core.reading.sql import LONGEST_LINE, Keys, ask, file_literal, in_pieces, literal
from core.reading.survey import BLOCK, NEWLINE, Survey, read_between

if TYPE_CHECKING:
    from numpy.typing import NDArray

QUOTE = 34

_numbers = count()
_BROKEN, _SCANS = "broken_rows", "broken_rows_scans"
"""Tables that DuckDB puts broken rows into; they are there only while a file is read."""

_TOO_LONG = "Maximum line size"
"""So begins what DuckDB says of a row that it has no room for."""

csv.field_size_limit(LONGEST_LINE)  # the same limit that DuckDB is given


@dataclass(eq=False)
class Delimited(RowFile):
    """A file of cells, the first row of which names them unless `names_itself` is false."""

    survey: Survey | None = None
    """Where its lines are."""
    delimiter: str = ","
    """The character between cells."""
    columns: tuple[str, ...] = ()
    """Names of the cells, made distinct."""
    skipped: int = 0
    """Blank lines before the first row."""
    names_itself: bool = True
    """Whether the first row is a header."""
    is_strict: bool = True
    """Whether lines all end alike, and quotation marks stand only where they should."""
    has_long_rows: bool = False
    """Whether cells hold so many lines that a row is longer than any line has to be."""

    @property
    def relation(self) -> str:
        """SQL for all rows but the broken; the first time those are put into tables."""
        columns = ", ".join(f"{literal(column)}: 'VARCHAR'" for column in self.columns)
        longest = None if self.survey is None else self.survey.longest_line
        longest = LONGEST_LINE if self.has_long_rows else longest
        # DuckDB takes ends of lines as they come on one core only.
        ends = "" if self.is_strict else "new_line='\\r\\n', strict_mode=false, parallel=false, "
        # Reading on after a broken row in DuckDB's other way makes other rows of what follows.
        broken, scans = (_BROKEN, _SCANS) if self.is_first else _unheeded()
        return (
            f"read_csv({file_literal(self.path)}, auto_detect=false, header={self.names_itself}, "
            f"delim={literal(self.delimiter)}, quote='\"', escape='\"', columns={{{columns}}}, "
            f"{ends}skip={self.skipped}, {in_pieces(self.stamp[0], longest)}, "
            f"store_rejects=true, rejects_table='{broken}', rejects_scan='{scans}')"
        )

    def texts(self, wants: Sequence[Sequence[Keys]], listed: str | None) -> tuple[str, list[str]]:
        """Every value wanted, out of its column."""
        types = dict.fromkeys(self.columns, "VARCHAR")
        found = ([column_text(types, keys, listed) for keys in want] for want in wants)
        return self.relation, [first_text([text for text in texts if text]) for texts in found]

    def sample(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:  # noqa: ARG002 - read by itself
        """The columns, and the keys of JSON text in them."""
        records: list[dict[str, object]] = []
        with self.path.open(encoding="utf-8", errors="replace", newline="") as file:
            try:
                for cells in csv.reader(file, delimiter=self.delimiter):
                    records.append({k: v for k, v in zip(self.columns, cells, strict=False) if v})
                    if len(records) > SAMPLED_RECORDS:
                        break
            except csv.Error:
                pass  # DuckDB says what is wrong with it
        _, nested = field_names(records)
        return list(self.columns), nested

    def finish(self, connection: duckdb.DuckDBPyConnection, rows: int) -> None:
        """Learn which rows were broken."""
        super().finish(connection, rows)
        found = ask(
            connection,
            f"SELECT line_byte_position - 1, min(error_message), min(csv_line) "
            f"FROM {_BROKEN} GROUP BY 1 ORDER BY 1",
        )
        for table in (_BROKEN, _SCANS):
            ask(connection, f"DROP TABLE IF EXISTS {table}")
        self._broken = [(int(at), _plain(why), str(text or "")) for at, why, text in found]
        self.broken_count = len(found)

    def remembered(self) -> dict[str, Any]:
        """And where its broken rows are."""
        broken = [at for at, *_ in self._broken]
        how = {"is_strict": self.is_strict, "has_long_rows": self.has_long_rows}
        return {**super().remembered(), **how, "broken": broken}

    def recall(self, remembered: Mapping[str, Any]) -> None:
        """And where its broken rows are."""
        super().recall(remembered)
        self.is_strict = bool(remembered["is_strict"])
        self.has_long_rows = bool(remembered["has_long_rows"])
        self._broken = [(int(at), "", "") for at in remembered["broken"]]
        self.broken_count = len(self._broken)

    @property
    def lacks_room(self) -> bool:
        """Whether a row was broken only because it is long."""
        return not self.has_long_rows and any(
            why.startswith(_TOO_LONG) for _, why, _ in self._broken
        )

    def broken(self, most: int | None = None) -> list[Broken]:
        """The rows that could not be cut into cells."""
        chosen = self._broken[:most]
        starts = self._starts
        places = starts.searchsorted([at for at, *_ in chosen])
        return [
            Broken(self._line(starts, int(place)), why, text.strip("\r\n"))
            for place, (_, why, text) in zip(places, chosen, strict=True)
        ]

    def places(self, numbers: Sequence[int]) -> list[int]:
        """The lines that rows begin at; their numbers where that cannot be told."""
        if self._index is None:
            return super().places(numbers)
        return [self._line(self._starts, int(self._index[number])) for number in numbers]

    def _line(self, starts: NDArray[np.int64], place: int) -> int:
        if self.survey is None:
            return place + 1
        at = int(starts[place]) if place < len(starts) else self.survey.size
        return self.survey.line_at(min(at, max(self.survey.size - 1, 0))) + 1

    @cached_property
    def _starts(self) -> NDArray[np.int64]:
        """Where each row begins that is not blank, broken ones and the header included."""
        starts, ends = row_bounds(self.path, has_quote=self.survey is None or self.survey.has_quote)
        self._ends = ends
        return starts

    @cached_property
    def _index(self) -> NDArray[np.int64] | None:
        """For each row its place in `_starts`; None when DuckDB has cut the file otherwise."""
        starts = self._starts
        gone = starts.searchsorted([at for at, *_ in self._broken])
        index = np.delete(np.arange(len(starts)), gone[gone < len(starts)])
        index = index[1:] if self.names_itself else index
        if len(index) != self.rows:
            self.unit = "row"
            return None
        return index

    def _read(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        index = self._index
        if index is None:
            return self._scan(connection, numbers)
        with self.path.open("rb") as file:
            bounds = ((self._starts[index[n]], self._ends[index[n]]) for n in numbers)
            texts = [read_between(file, int(a), int(b)).decode(errors="replace") for a, b in bounds]
        return [self._row(text.rstrip("\r\n").removeprefix("\ufeff")) for text in texts]

    def _row(self, text: str) -> Row:
        try:
            cells = next(csv.reader(text.splitlines(keepends=True), delimiter=self.delimiter), [])
        except csv.Error as error:
            return Row(text, None, str(error))
        if [cell.strip() for cell in cells] == list(self.columns):
            return Row(text, None, "the header again")
        found = zip(self.columns, cells, strict=False)
        return Row(text, {name: cell for name, cell in found if cell != ""})

    def _scan(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        found = dict(
            ask(
                connection,
                "SELECT n, CAST(to_json(r) AS VARCHAR) FROM (SELECT row_number() OVER () - 1 AS n, "
                f"r FROM {self.relation} AS r) WHERE n IN ({', '.join(map(str, numbers))})",
            )
        )
        records = [parsed(found[number]) for number in numbers]
        return [
            Row(_cells(record, self.delimiter), {k: v for k, v in record.items() if v is not None})
            for record in records
            if isinstance(record, dict)
        ]


def _unheeded() -> tuple[str, str]:
    """Names of tables for broken rows that nobody will look at; they go with their connection."""
    number = next(_numbers)
    return f"unheeded_{number}", f"unheeded_scans_{number}"


def row_bounds(path: Path, *, has_quote: bool) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Where the rows of a delimited file begin and end that are not blank.

    A line ends no row while a quotation mark is open.
    """
    ends, before, inside, size = [np.empty(0, dtype=np.int64)], 0, False, 0
    blank_ends: list[NDArray[np.int64]] = []
    last = -1
    with path.open("rb") as file:
        while data := file.read(BLOCK):
            block = np.frombuffer(data, np.uint8)
            is_end = block == NEWLINE
            if has_quote:
                quotes = np.bitwise_xor.accumulate((block == QUOTE).view(np.uint8))
                is_end &= quotes == inside
                inside = bool(quotes[-1]) != inside
            found = np.flatnonzero(is_end)
            previous = np.concatenate(([last - before], found[:-1]))
            length = found - previous - 1
            maybe = np.flatnonzero(length <= 1)
            # Of one sign before the end, a carriage return is part of the end.
            blank = maybe[(length[maybe] == 0) | (block[found[maybe] - 1] == 13)]
            blank_ends.append(found[blank] + before)
            ends.append(found + before)
            before += len(data)
            last = int(ends[-1][-1]) if len(found) else last
            size = before
    end = np.concatenate(ends)
    if size and (len(end) == 0 or end[-1] != size - 1):
        end = np.append(end, size)
    start = np.concatenate(([0], end[:-1] + 1)) if len(end) else end
    blanks = np.concatenate(blank_ends) if blank_ends else end[:0]
    keep = np.ones(len(end), dtype=np.bool_)
    keep[end.searchsorted(blanks)] = False
    return start[keep], end[keep]


def _cells(record: dict[str, object], delimiter: str) -> str:
    return delimiter.join("" if cell is None else json.dumps(cell) for cell in record.values())


def _plain(message: object) -> str:
    return str(message).replace("\n", " ").strip()
