"""From sources to columns: the whole of reading, in the order it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from core.errors import SourceError
from core.event import iso_text
from core.reading.codes import Texts
from core.reading.formats.base import RowFile
from core.reading.formats.delimited import Delimited
from core.reading.identity import Aliases, merge, read_aliases
from core.reading.options import ReadOptions
from core.reading.part import BLANK, REJECTED, Part, understand
from core.reading.picked import Picked
from core.reading.progress import Watch
from core.reading.records import Source, named_paths, record_lines
from core.reading.rejects import cut, refused_rows, rejected_rows, write_rejected
from core.reading.report import SHOWN_REJECTS, LoadReport, PartReport, RejectedRow
from core.reading.sources import find_files
from core.reading.sql import ask, first_line
from core.reading.store import Store
from core.reading.unpack import Opened, Unpacker

if TYPE_CHECKING:
    from numpy.typing import NDArray

VERSION = 1
"""Of the rules by which files are read: other rules, other prepared copies."""

READING_SHARE = 0.7
"""The share of all the work that getting the rows takes, for progress."""

LONGEST_SPAN = 25 * 365 * 86_400_000_000
"""Microseconds between the first and last event beyond which times are doubtful."""


@dataclass(eq=False)
class RawEvents:
    """The accepted events as columns, in the order read: n events, u users, k names."""

    users: NDArray[np.object_]
    """(u) ids as text, in the order of their code points."""
    names: tuple[str, ...]
    """(k) event names, in the order of their code points."""
    user: NDArray[np.unsignedinteger]
    """(n) index into `users`."""
    name: NDArray[np.unsignedinteger]
    """(n) index into `names`."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970, UTC."""
    sequence: NDArray[np.int64] | None
    """(n) the source's own number for ordering simultaneous events; None when it has none."""
    row: NDArray[np.int64] | None
    """(n) number of the row in the store; None when it is the place in these columns."""
    store: Store
    """Where the rows are."""
    report: LoadReport
    """What reading found, but for duplicates."""
    merged: Mapping[str, tuple[str, ...]]
    """The ids that were merged into each user."""
    ids: Callable[[NDArray[np.int64]], NDArray[np.uint64]] | None
    """For places in these columns a number each that tells duplicates, 0 for none; None when the
    source has no such id."""
    release: Callable[[], None]
    """Lets go of what is needed no more when the columns are in order."""
    watch: Watch
    """Whom to ask whether to go on."""

    @cached_property
    def span(self) -> tuple[int, int]:
        """The first time and the last; 0 for both where there is none."""
        return (int(self.time.min()), int(self.time.max())) if len(self.time) else (0, 0)


class Reader:
    """Reads sources into a store."""

    def __init__(self, options: ReadOptions, watch: Watch) -> None:
        """Open an empty store."""
        self.options = options
        self.watch = watch
        self.store = Store(options.tz)
        self._connection = self.store.connection
        self._beside = self._connection.cursor()
        self._warnings: list[str] = []

    def read(self, source: Source) -> RawEvents:
        """Read everything `source` names. Raises SourceError when there is nothing to show."""
        aliases = Aliases()
        if self.options.alias is not None:
            aliases.add(read_aliases(self.options.alias))
        with self.watch.queries(self._connection, self._beside):
            picked = Picked(self._connection)
            parts, empty = [], list[PartReport]()
            reports: list[Part | PartReport] = []
            for part in self.parts(source, picked.add):
                reports.append(part)
                if isinstance(part, Part):
                    parts.append(part)
                else:
                    empty.append(part)
            self.store.parts = parts
            self.watch.span = (READING_SHARE, 1.0)
            return self._columns(picked, reports, aliases)

    def key(self, source: Source) -> object:
        """What a prepared copy is known by: the files and all that was said about reading them.

        None where there can be no copy, or none is wanted.
        """
        options, paths = self.options, named_paths(source)
        is_plain = options.cache and not options.strict and options.rejects is None
        if not is_plain or paths is None or any(p == "-" or "://" in p for p in paths):
            return None
        names = [Path(path).expanduser() for path in (*paths, *filter(None, [options.alias]))]
        if any(path.exists() and not path.is_file() and not path.is_dir() for path in names):
            return None  # a pipe can be read once only
        found = [file.path for path in paths for file in find_files(path, self.store.spool, _go_on)]
        found += [] if options.alias is None else [Path(options.alias).expanduser()]
        files = [
            [str(path.absolute()), status.st_size, status.st_mtime_ns]
            for path in found
            for status in [path.stat()]
        ]
        return [VERSION, asdict(options), paths, files]

    def parts_again(
        self, source: Source, key: object, remembered: Sequence[Mapping[str, Any]]
    ) -> list[Part]:
        """The parts of a source that has a prepared copy, without reading all of it again.

        Raises SourceError when the source is no longer the one that had the key.
        """
        if self.key(source) != key:
            raise SourceError("the files have changed since they were read; open them again")
        parts: list[Part] = []
        first_row = 0
        for part in self.parts(source, None):
            if not isinstance(part, Part):
                continue
            part.file.recall(remembered[len(parts)])
            parts.append(replace(part, first_row=first_row))
            first_row += part.rows
        return parts

    def parts(
        self, source: Source, add: Callable[[Part], int] | None
    ) -> Iterator[Part | PartReport]:
        """The parts of a source in order; a report alone for a file with nothing in it.

        `add` is given each and says how many rows it has.
        """
        first_row = 0
        for opened, is_named in self._opened(source):
            try:
                part = self._understand(opened, first_row, add)
            except SourceError as error:
                if is_named:
                    raise
                self._warnings.append(f"left out: {error}")
                continue
            if part is None:
                yield PartReport(opened.label, opened.described, 0, None, None, None, "")
            else:
                first_row += part.rows
                self.watch.rows = first_row
                yield part

    def _opened(self, source: Source) -> Iterator[tuple[Opened, bool]]:
        unpacker = Unpacker(self.store.spool, self._connection, self.options, self._check)
        paths = named_paths(source)
        if paths is None:
            path = self.store.spool.write(record_lines(source), "list", None, self._check)
            for opened in unpacker.open(path, "list"):
                if opened.file is not None:
                    opened.file.unit = "row"
                yield replace(opened, described="records"), True
            return
        files = [file for path in paths for file in find_files(path, self.store.spool, self._check)]
        sizes = [file.path.stat().st_size for file in files]
        self.watch.bytes_total, self.watch.bytes_share = sum(sizes), READING_SHARE
        whole, so_far, some = max(1, sum(sizes)), 0, False
        for file, size in zip(files, sizes, strict=True):
            before, so_far = so_far, so_far + size
            self.watch.span = (READING_SHARE * before / whole, READING_SHARE * so_far / whole)
            try:
                for opened in unpacker.open(file.path, file.label):
                    some = True
                    self._warnings += opened.warnings
                    yield opened, file.is_named
            except SourceError as error:
                if file.is_named:
                    raise
                self._warnings.append(f"left out: {error}")
        if files and not some:
            raise SourceError(self._warnings[0].removeprefix("left out: "))

    def _check(self) -> None:
        self.watch.check()

    def _understand(
        self, opened: Opened, first_row: int, add: Callable[[Part], int] | None
    ) -> Part | None:
        if opened.file is None:
            return None
        file = opened.file
        try:
            try:
                part = self._part(opened, file, first_row, add)
            except duckdb.InvalidInputException:
                if not isinstance(file, Delimited) or not file.is_strict:
                    raise
                # One line that ends unlike the others, or one cell that holds such an end.
                file.is_strict = False
                part = self._part(opened, file, first_row, add)
        except duckdb.InterruptException:
            raise
        except duckdb.Error as error:
            raise SourceError(
                f"{opened.label} looks like {opened.described} but cannot be read: "
                f"{first_line(error)}"
            ) from error
        return part

    def _part(
        self, opened: Opened, file: RowFile, first_row: int, add: Callable[[Part], int] | None
    ) -> Part:
        part = understand(
            self._connection, file, opened.label, opened.described, self.options, first_row
        )
        if add is not None:
            file.is_first = True
            file.finish(self._connection, add(part))
        return part

    def _columns(
        self, picked: Picked, reports: Sequence[Part | PartReport], aliases: Aliases
    ) -> RawEvents:
        check = self._check
        if not picked.relations:
            return self._nothing(reports)
        # Those of rejected rows are among them, and have no events in the end.
        with ThreadPoolExecutor(1) as beside:
            # Of each query some part is done on one core only: another goes on meanwhile.
            names_found = beside.submit(self._names, picked)
            users = picked.texts("u", self._connection)
            times = beside.submit(picked.column, "t", f"coalesce({{0}}, {REJECTED})", self._beside)
            user = picked.places("u", users, self._connection)
            (names, event), time = names_found.result(), times.result()
        self._find_aliases(picked, aliases)
        sequence = picked.column("s") if picked.relations_with("s") else None
        check()
        refused = refused_rows(time, (user, users), (event, names))
        report = self._report(reports, refused, time)
        row = np.delete(np.arange(len(time)), refused) if len(refused) else None
        if row is not None:
            time, user, event = time[row], user[row], event[row]
            sequence = None if sequence is None else sequence[row]
        ids, merged = users.texts, dict[str, tuple[str, ...]]()
        if aliases.into:
            ids, code, merged = merge(users.texts, aliases)
            user = code[user]
            if aliases.refused:
                self._warnings.append(
                    f"{aliases.refused:,} times an id was said to be yet another user; "
                    "the first stays"
                )
        has_ids = bool(picked.relations_with("d"))

        def duplicates(places: NDArray[np.int64]) -> NDArray[np.uint64]:
            return picked.ids(places if row is None else row[places])

        raw = RawEvents(
            users=ids,
            names=tuple(names.texts.tolist()),
            user=user,
            name=event,
            time=time,
            sequence=sequence if sequence is not None and sequence.any() else None,
            row=row,
            store=self.store,
            report=report,
            merged=merged,
            ids=duplicates if has_ids else None,
            release=picked.drop,
            watch=self.watch,
        )
        raw.report = replace(
            report,
            merged_ids=sum(map(len, merged.values())),
            warnings=(*self._warnings, *_doubtful(raw)),
        )
        return raw

    def _names(self, picked: Picked) -> tuple[Texts, NDArray[np.unsignedinteger]]:
        names = picked.texts("e", self._beside)
        return names, picked.places("e", names, self._beside)

    def _nothing(self, reports: Sequence[Part | PartReport]) -> RawEvents:
        return RawEvents(
            users=np.empty(0, dtype=object),
            names=(),
            user=np.empty(0, dtype=np.uint8),
            name=np.empty(0, dtype=np.uint8),
            time=np.empty(0, dtype=np.int64),
            sequence=None,
            row=None,
            store=self.store,
            report=LoadReport(
                tuple(r for r in reports if isinstance(r, PartReport)),
                warnings=tuple(self._warnings),
            ),
            merged={},
            ids=None,
            release=lambda: None,
            watch=self.watch,
        )

    def _find_aliases(self, picked: Picked, aliases: Aliases) -> None:
        rows = " UNION ALL ".join(
            f"SELECT a, k, t FROM {name} WHERE a IS NOT NULL AND k IS NOT NULL AND t > {BLANK}"
            for name in picked.relations_with("a")
        )
        if rows:
            # In time order, and deterministic where times are equal.
            aliases.add(
                ask(
                    self._connection,
                    f"SELECT a, k FROM ({rows}) GROUP BY a, k ORDER BY min(t), a, k",
                )
            )

    def _report(
        self,
        reports: Sequence[Part | PartReport],
        refused: NDArray[np.int64],
        time: NDArray[np.int64],
    ) -> LoadReport:
        made, rejected, rejected_count = [], list[RejectedRow](), 0
        for part in reports:
            if isinstance(part, PartReport):
                made.append(part)
                continue
            ends = (part.first_row, part.first_row + part.rows)
            of_part = refused[slice(*refused.searchsorted(ends).tolist())]
            lacking = of_part[time[of_part] < BLANK] - part.first_row
            blank = len(of_part) - len(lacking)
            count = len(lacking) + part.file.broken_count
            made.append(part.report(part.rows - blank + part.file.broken_count))
            rejected_count += count
            if count:
                self._reject(part, lacking, rejected)
        kept = len(time) - len(refused)
        return LoadReport(
            parts=tuple(made),
            rows_read=kept + rejected_count,
            accepted_rows=kept,
            rejected_rows=rejected_count,
            rejected=tuple(rejected),
        )

    def _reject(self, part: Part, lacking: NDArray[np.int64], rejected: list[RejectedRow]) -> None:
        options = self.options
        if options.strict:
            first = next(rejected_rows(self._connection, part, lacking, 1))
            raise SourceError(f"{first}; without --strict such rows are left out and counted")
        if options.rejects is None:
            most = SHOWN_REJECTS - len(rejected)
            rows = rejected_rows(self._connection, part, lacking, most)
        else:
            rows = write_rejected(
                rejected_rows(self._connection, part, lacking, None),
                Path(options.rejects),
                is_new=not rejected,
            )
        rejected += (replace(row, text=cut(row.text)) for row in rows)


def _doubtful(raw: RawEvents) -> Iterator[str]:
    if raw.span[1] - raw.span[0] > LONGEST_SPAN:
        ends = [int(raw.time.argmin()), int(raw.time.argmax())]
        rows = ends if raw.row is None else raw.row[ends].tolist()
        first, last = (
            f"{iso_text(time)} in {raw.store.place(row)}"
            for time, row in zip(raw.span, rows, strict=True)
        )
        yield f"the times span an unlikely range, from {first} to {last}"


def _go_on() -> None:
    """Nothing is waited for."""
