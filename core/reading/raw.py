"""From sources to columns: the whole of reading, in the order it happens."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import SourceError
from core.event import Event
from core.reading.fields import FieldChoice
from core.reading.parts import PICKED, add_file, add_records
from core.reading.rejects import rejected_rows
from core.reading.report import LoadReport, PartReport
from core.reading.sources import SourceFile, find_files
from core.reading.store import Progress, Store

if TYPE_CHECKING:
    from numpy.typing import NDArray

Source = str | Path | Sequence[str | Path] | Iterable[Mapping[str, object] | Event]
"""A path, glob, folder or "-"; several of them; or records from memory."""

READING_SHARE = 0.7
"""The share of all the work that getting the rows into the store takes, for progress."""


@dataclass(frozen=True, eq=False)
class RawEvents:
    """The accepted events as columns, in the order read: n events, u users, k names."""

    users: NDArray[np.object_]
    """(u) ids as text, in the order of their code points."""
    names: tuple[str, ...]
    """(k) event names, in the order of their code points."""
    user: NDArray[np.int32]
    """(n) index into `users`."""
    name: NDArray[np.uint32]
    """(n) index into `names`."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970, UTC."""
    sequence: NDArray[np.int64] | None
    """(n) the source's own number for ordering simultaneous events; None when it has none."""
    row: NDArray[np.int64]
    """(n) number of the row in the store."""
    store: Store
    """Where the rows are."""
    report: LoadReport
    """What reading found."""


def read(
    source: Source,
    choice: FieldChoice,
    tz: str,
    cancelled: Callable[[], bool] | None = None,
    progress: Progress | None = None,
) -> RawEvents:
    """Read everything `source` names. Raises SourceError when there is nothing to show."""
    store = Store(tz)
    with store.watched(cancelled, progress):
        store.connection.execute(PICKED)
        paths = _as_paths(source)
        if paths is None:
            reports = [add_records(store, _as_records(source), choice, tz)]
        else:
            files = [file for path in paths for file in find_files(path, store.folder)]
            reports = _add_files(store, files, choice, tz)
        store.span = (READING_SHARE, 1.0)
        return _columns(store, reports)


def _as_paths(source: Source) -> list[str] | None:
    if isinstance(source, str | os.PathLike):
        return [os.fspath(source)]
    if isinstance(source, Sequence) and source and isinstance(source[0], str | os.PathLike):
        return [os.fspath(path) for path in source if isinstance(path, str | os.PathLike)]
    return None


def _as_records(source: object) -> Iterable[Mapping[str, object] | Event]:
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise SourceError(
            f"events come as a path, a list of paths or a list of records, not {type(source)}"
        )
    return source


def _add_files(
    store: Store, files: Sequence[SourceFile], choice: FieldChoice, tz: str
) -> list[PartReport]:
    sizes = [file.path.stat().st_size for file in files]
    whole, read_so_far, reports = max(1, sum(sizes)), 0, []
    for file, size in zip(files, sizes, strict=True):
        before, read_so_far = read_so_far, read_so_far + size
        store.span = (READING_SHARE * before / whole, READING_SHARE * read_so_far / whole)
        reports.append(add_file(store, file, choice, tz))
    return reports


def _columns(store: Store, reports: Sequence[PartReport]) -> RawEvents:
    connection = store.connection
    rejected_count, rejected = rejected_rows(store)
    connection.execute(
        "CREATE TABLE users AS SELECT CAST(row_number() OVER (ORDER BY user_id) - 1 AS INTEGER) "
        "AS code, user_id AS id FROM (SELECT DISTINCT user_id FROM accepted)"
    )
    connection.execute(
        "CREATE TABLE names AS SELECT CAST(row_number() OVER (ORDER BY event) - 1 AS UINTEGER) "
        "AS code, event AS name FROM (SELECT DISTINCT event FROM accepted)"
    )
    columns = connection.execute(
        "SELECT users.code AS user_code, names.code AS name_code, time, seq, row FROM accepted "
        "JOIN users ON accepted.user_id = users.id JOIN names ON accepted.event = names.name"
    ).fetchnumpy()
    users = connection.execute("SELECT id FROM users ORDER BY code").fetchnumpy()["id"]
    names = connection.execute("SELECT name FROM names ORDER BY code").fetchall()
    connection.execute("DROP VIEW accepted")
    connection.execute("DROP TABLE picked")
    accepted_count = len(columns["row"])
    report = LoadReport(
        parts=tuple(reports),
        rows_read=accepted_count + rejected_count,
        accepted_rows=accepted_count,
        rejected_rows=rejected_count,
        rejected=tuple(rejected),
    )
    sequence = columns["seq"]
    return RawEvents(
        users=np.asarray(users, dtype=object),
        names=tuple(str(row[0]) for row in names),
        user=columns["user_code"],
        name=columns["name_code"],
        time=columns["time"],
        sequence=sequence if sequence.any() else None,
        row=columns["row"],
        store=store,
        report=report,
    )
