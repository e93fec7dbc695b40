"""From a source to its parts: files opened, understood, and their rows picked.

A text is read in the hope that nothing is strange in it, while a look at all of it finds out: it is
read again where the hope was wrong.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, closing, nullcontext
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import duckdb

from core.errors import SourceError
from core.reading.formats.base import RowFile
from core.reading.formats.delimited import Delimited
from core.reading.options import ReadOptions
from core.reading.part import Part, understand
from core.reading.picked import Picked
from core.reading.progress import Watch
from core.reading.records import Source, named_paths, record_lines
from core.reading.report import PartReport
from core.reading.sources import find_files
from core.reading.sql import first_line
from core.reading.store import Store
from core.reading.unpack import Opened, Unpacker

VERSION = 1
"""Of the rules by which files are read: other rules, other prepared copies."""

READING_SHARE = 0.7
"""The share of all the work that getting the rows takes, for progress."""


class Parts:
    """The parts of sources."""

    def __init__(self, store: Store, options: ReadOptions, watch: Watch) -> None:
        """For a store that they are to be in."""
        self.warnings: list[str] = []
        """What a person should know of them."""
        self._store = store
        self._options = options
        self._watch = watch

    def key(self, source: Source) -> object:
        """What a prepared copy is known by: the files and all that was said about reading them.

        None where there can be no copy, or none is wanted.
        """
        options, paths = self._options, named_paths(source)
        is_plain = options.cache and not options.strict and options.rejects is None
        if not is_plain or paths is None or any(p == "-" or "://" in p for p in paths):
            return None
        names = [Path(path).expanduser() for path in (*paths, *filter(None, [options.alias]))]
        if any(path.exists() and not path.is_file() and not path.is_dir() for path in names):
            return None  # a pipe can be read once only
        found = [
            file.path for path in paths for file in find_files(path, self._store.spool, _go_on)
        ]
        found += [] if options.alias is None else [Path(options.alias).expanduser()]
        files = [
            [str(path.absolute()), status.st_size, status.st_mtime_ns]
            for path in found
            for status in [path.stat()]
        ]
        return [VERSION, asdict(options), paths, files]

    def again(
        self, source: Source, key: object, remembered: Sequence[Mapping[str, Any]]
    ) -> list[Part]:
        """The parts of a source that has a prepared copy, without reading all of it again.

        Raises SourceError when the source is no longer the one that had the key.
        """
        if self.key(source) != key:
            raise SourceError("the files have changed since they were read; open them again")
        parts: list[Part] = []
        first_row = 0
        for part in self.read(source, None):
            if not isinstance(part, Part):
                continue
            part.file.recall(remembered[len(parts)])
            parts.append(replace(part, first_row=first_row))
            first_row += part.rows
        return parts

    def read(self, source: Source, picked: Picked | None) -> Iterator[Part | PartReport]:
        """The parts of a source in order; a report alone for a file with nothing in it.

        Their rows are picked, if they are to be.
        """
        first_row = 0
        with closing(self._opened(source)) as found:
            for opened, is_named in found:
                try:
                    part = self._understand(opened, first_row, picked)
                except SourceError as error:
                    if is_named:
                        raise
                    self.warnings.append(f"left out: {error}")
                    continue
                if isinstance(part, Part):
                    first_row += part.rows
                    self._watch.rows = first_row
                yield part

    def _opened(self, source: Source) -> Generator[tuple[Opened, bool]]:
        check, spool = self._watch.check, self._store.spool
        unpacker = Unpacker(spool, self._store.connection, self._options, check)
        paths = named_paths(source)
        if paths is None:
            path = spool.write(record_lines(source), "list", None, check)
            for opened in unpacker.records(path):
                yield opened, True
            return
        files = [file for path in paths for file in find_files(path, spool, check)]
        sizes = [file.path.stat().st_size for file in files]
        self._watch.bytes_total, self._watch.bytes_share = sum(sizes), READING_SHARE
        whole, so_far, some = max(1, sum(sizes)), 0, False
        for file, size in zip(files, sizes, strict=True):
            before, so_far = so_far, so_far + size
            self._watch.span = (READING_SHARE * before / whole, READING_SHARE * so_far / whole)
            try:
                for opened in unpacker.open(file.path, file.label):
                    some = True
                    yield opened, file.is_named
            except SourceError as error:
                if file.is_named:
                    raise
                self.warnings.append(f"left out: {error}")
        if files and not some:
            raise SourceError(self.warnings[0].removeprefix("left out: "))

    def _understand(
        self, opened: Opened, first_row: int, picked: Picked | None
    ) -> Part | PartReport:
        """A file as a part; read again where it is not what it was taken for."""
        if opened.file is None:
            self.warnings += opened.warnings
            return PartReport(opened.label, opened.described, 0, None, None, None, "")
        failed: Exception | None = None
        with _attempt(picked) as keep:
            try:
                part = self._part(opened, opened.file, first_row, picked)
            except duckdb.InterruptException:
                raise
            except (duckdb.Error, SourceError) as error:
                failed = error
            again = opened.again()
            if again is None:
                again = _otherwise(opened, opened.file, failed, is_read=picked is not None)
            if again is None and failed is None:
                keep()
        if again is not None:
            return self._understand(again, first_row, picked)
        self.warnings += opened.warnings
        if isinstance(failed, duckdb.Error):
            raise SourceError(
                f"{opened.label} looks like {opened.described} but cannot be read: "
                f"{first_line(failed)}"
            ) from failed
        if failed is not None:
            raise failed
        return part

    def _part(self, opened: Opened, file: RowFile, first_row: int, picked: Picked | None) -> Part:
        part = understand(
            self._store.connection, file, opened.label, opened.described, self._options, first_row
        )
        if picked is not None:
            file.is_first = True
            file.finish(self._store.connection, picked.add(part))
        return part


def _attempt(picked: Picked | None) -> AbstractContextManager[Callable[[], None]]:
    return nullcontext(_go_on) if picked is None else picked.attempt()


def _otherwise(
    opened: Opened, file: RowFile, failed: Exception | None, *, is_read: bool
) -> Opened | None:
    """A file of cells with ends of lines taken as they come, or with room for the longest row; None
    where it needs neither, or that was tried.
    """
    if not isinstance(file, Delimited):
        return None
    if file.is_strict and isinstance(failed, duckdb.InvalidInputException):
        # One line that ends unlike the others, or one cell that holds such an end.
        file.is_strict = False
    elif failed is None and is_read and file.lacks_room:
        file.has_long_rows = True
    else:
        return None
    return replace(opened, again=lambda: None)


def _go_on() -> None:
    """Nothing has to be done."""
