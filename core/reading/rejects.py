"""The rows that are not events: which they are, and why not, in words."""

from __future__ import annotations

import heapq
import json
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

from core.errors import SourceError
from core.reading.codes import Texts
from core.reading.fields import spelled
from core.reading.formats.base import Row, parsed
from core.reading.part import BLANK, EARLIEST, LATEST, REJECTED, Part, as_text
from core.reading.report import SHOWN_CHARACTERS, SHOWN_REJECTS, RejectedRow
from core.reading.sql import Keys
from core.threads import extremes

if TYPE_CHECKING:
    from numpy.typing import NDArray

AT_ONCE = 1_000
"""Rows read again together, for their text."""


def refused_rows(
    time: NDArray[np.int64], *columns: tuple[NDArray[np.unsignedinteger], Texts]
) -> NDArray[np.int64]:
    """The rows that are no events, ascending; for those whose time does not say so it does then."""
    for places, texts in columns:
        if texts.blank:
            time[(places < texts.blank) & (time > BLANK)] = REJECTED
    if not len(time):
        return np.empty(0, dtype=np.int64)
    first, last = extremes(time)
    if first >= EARLIEST and last <= LATEST:
        return np.empty(0, dtype=np.int64)
    time[(time > LATEST) | ((time < EARLIEST) & (time > BLANK))] = REJECTED
    return np.flatnonzero(time <= BLANK)


def rejected_rows(
    connection: duckdb.DuckDBPyConnection,
    part: Part,
    lacking: NDArray[np.int64],
    most: int | None,
) -> Iterator[RejectedRow]:
    """The first `most` rejected rows of a part in the order of the file, or all; text is whole.

    `lacking` are the numbers of its rows that lack a user, an event or a readable time.
    """
    lacks = _lacking(connection, part, lacking[:most])
    if not part.file.broken_count:
        yield from lacks
        return
    broken = (
        RejectedRow(part.label, found.number, "line", found.reason, found.text)
        for found in part.file.broken(most)
    )
    # Of both kinds there may be many; each comes in the order of the file.
    together = heapq.merge(broken, lacks, key=_place)
    yield from together if most is None else (row for row, _ in zip(together, range(most)))  # noqa: B905 - the shorter counts


def _place(row: RejectedRow) -> int:
    return row.number


def _lacking(
    connection: duckdb.DuckDBPyConnection, part: Part, numbers: NDArray[np.int64]
) -> Iterator[RejectedRow]:
    for start in range(0, len(numbers), AT_ONCE):
        chosen = numbers[start : start + AT_ONCE].tolist()
        rows = part.file.read(connection, chosen)
        places = part.file.places(chosen)
        for place, row in zip(places, rows, strict=True):
            yield RejectedRow(part.label, place, part.file.unit, _reason(part, row), row.text)


def _reason(part: Part, row: Row) -> str:
    if row.record is None:
        return row.flaw or "not a record"
    if row.flaw:
        return row.flaw
    fields = part.fields
    lacking = [
        f"no {role} in {spelled(paths)!r}"
        for role, paths in (("user", fields.user), ("event", fields.event))
        if _value(row.record, paths) is None
    ]
    time = _value(row.record, fields.time)
    if time is None:
        lacking.append(f"no time in {spelled(fields.time)!r}")
    elif not lacking:
        lacking.append(f"unreadable time {cut(as_text(time), 40)!r} in {spelled(fields.time)!r}")
    return ", ".join(lacking)


def _value(record: dict[str, object], paths: Sequence[Keys]) -> object:
    for keys in paths:
        found: object = record
        for key in keys:
            if isinstance(found, str) and found.startswith("{"):
                found = parsed(found)
            if isinstance(found, dict):
                found = found.get(str(key))
            elif isinstance(found, list) and isinstance(key, int) and key < len(found):
                found = found[key]
            else:
                found = None
        if found is not None and found != "":
            return found
    return None


def cut(text: str, length: int = SHOWN_CHARACTERS) -> str:
    """A text, with its end cut off if it is long."""
    return text if len(text) <= length else text[: length - 1] + "…"


def write_rejected(
    rows: Iterator[RejectedRow], path: Path, *, is_new: bool
) -> Iterator[RejectedRow]:
    """Write rows to a file, new or to be gone on with, one JSON object a line; the first are given.

    Raises SourceError when it cannot be written.
    """
    try:
        with path.open("w" if is_new else "a", encoding="utf-8") as file:
            for number, row in enumerate(rows):
                file.write(json.dumps(asdict(row)) + "\n")
                if number < SHOWN_REJECTS:
                    yield row
    except OSError as error:
        raise SourceError(f"cannot write {path}: {error.strerror or error}") from None
