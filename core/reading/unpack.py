"""A file's first bytes tell what it is; what is not plain lines is unpacked until it is.

Content decides, never the name: `.json` that is NDJSON and `.csv.gz` that is plain are both read.
"""

from __future__ import annotations

import codecs
import contextlib
import sqlite3
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import duckdb

from core.errors import SourceError
from core.reading.databases import copy_arrow, copy_duckdb, copy_sqlite
from core.reading.decompress import decompressed
from core.reading.formats.base import RowFile
from core.reading.formats.delimited import Delimited
from core.reading.formats.json_lines import JsonLines
from core.reading.formats.parquet import ParquetFile
from core.reading.options import ReadOptions
from core.reading.sources import looks_like_events
from core.reading.split import split_objects
from core.reading.spool import Spool, chunks_of
from core.reading.sql import (
    LONGEST_LINE,
    USUAL_LINE,
    ask,
    file_literal,
    first_line,
    literal,
    packed_lines_relation,
)
from core.reading.survey import Look, Survey
from core.reading.textkind import HEAD_BYTES, text_rows

DEEPEST = 4
"""Wrappings inside each other: a compressed file in an archive that is compressed."""

_MAGIC = {
    b"\x1f\x8b": "gzip",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"BZh": "bzip2",
    b"PK\x03\x04": "zip",
    b"PAR1": "parquet",
    b"SQLite format 3\x00": "SQLite",
    b"ARROW1": "Arrow",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}


def _as_hoped() -> None:
    """Nothing was only hoped for."""


@dataclass(frozen=True, slots=True)
class Opened:
    """A file that can be read as rows."""

    label: str
    """What to call it."""
    described: str
    """What it is: "JSON lines, gzip"."""
    file: RowFile | None
    """Its rows; None when it is empty."""
    warnings: tuple[str, ...] = ()
    """What a person should know of it."""
    again: Callable[[], Opened | None] = _as_hoped
    """To be called when the rows were read, or could not be: the file opened otherwise, where it is
    not what it was taken for and they count for nothing; None where they stand."""


@dataclass(frozen=True, slots=True)
class _Wrapped:
    """A file on disk, and what it came out of."""

    path: Path
    label: str
    known: str = ""
    """What it is, in words, where that is known; then it has rows, not lines."""
    wrapping: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def inside(self, path: Path, wrapping: str, *warnings: str) -> _Wrapped:
        """What came out of it."""
        return replace(
            self,
            path=path,
            wrapping=(wrapping, *self.wrapping),
            warnings=(*self.warnings, *warnings),
        )


class Unpacker:
    """Opens files as rows, with a spool for what has to be unpacked."""

    def __init__(
        self,
        spool: Spool,
        connection: duckdb.DuckDBPyConnection,
        options: ReadOptions,
        told: Callable[[], None],
    ) -> None:
        """`told` is called in between, and may raise to stop."""
        self._spool = spool
        self._connection = connection
        self._options = options
        self._told = told

    def open(self, path: Path, label: str) -> Iterator[Opened]:
        """The files of rows in a file: several in an archive. Raises SourceError for none."""
        return self._open(_Wrapped(path, label))

    def records(self, path: Path) -> Iterator[Opened]:
        """Records that came from memory, as lines of JSON."""
        return self._open(_Wrapped(path, "list", "records"))

    def _open(self, file: _Wrapped) -> Iterator[Opened]:
        try:
            with file.path.open("rb") as opened:
                head = opened.read(HEAD_BYTES)
        except OSError as error:
            raise SourceError(f"cannot open {file.label}: {error.strerror or error}") from error
        kind = next((kind for magic, kind in _MAGIC.items() if head.startswith(magic)), "text")
        if head[8:12] == b"DUCK":
            kind = "DuckDB"
        if len(file.wrapping) > DEEPEST:
            raise SourceError(f"{file.label} is packed more than {DEEPEST} times")
        if kind == "text":
            yield from self._text(file)
        elif kind == "zip":
            yield from self._archive(file)
        elif kind == "parquet":
            rows = ParquetFile(file.path, "row")
            with self._failing(file, "Parquet"):
                rows.look(self._connection)
            yield self._opened(file, "Parquet", rows)
        else:
            unpacked = {
                "gzip": self._stream,
                "bzip2": self._stream,
                "zstd": self._zstd,
                "utf-16": self._decode,
                "SQLite": self._table,
                "DuckDB": self._table,
                "Arrow": self._table,
            }[kind](file, kind)
            yield from self._open(unpacked)

    def _opened(self, file: _Wrapped, kind: str, rows: RowFile | None) -> Opened:
        if file.known and rows is not None:
            rows.unit = "row"
        described = file.known or ", ".join((kind, *file.wrapping))
        return Opened(file.label, described, rows, file.warnings)

    @contextlib.contextmanager
    def _failing(self, file: _Wrapped, kind: str) -> Iterator[None]:
        try:
            yield
        except duckdb.InterruptException:
            raise
        except (duckdb.Error, sqlite3.Error) as error:
            raise SourceError(
                f"{file.label} looks like {', '.join((kind, *file.wrapping))} but cannot be read: "
                f"{first_line(error)}"
            ) from error

    def _text(self, file: _Wrapped) -> Iterator[Opened]:
        look = self._look(file.path)
        try:
            yield self._hoped(file, look)
        finally:
            look.stop()

    def _look(self, path: Path) -> Look:
        return Look(path, lambda _: self._told())

    def _hoped(self, file: _Wrapped, look: Look) -> Opened:
        """A text in the hope that a look at all of it finds nothing to beware of.

        Reading it has not to wait for the look then, which is nearly always right.
        """
        kind, _, rows = text_rows(file.path, None, file.label)
        if not isinstance(rows, JsonLines | Delimited):
            return self._seen(file, look.survey())

        def again() -> Opened | None:
            seen = look.survey()
            opened = self._seen(file, seen)
            is_cleaned = opened.file is None or opened.file.path != file.path
            if is_cleaned or seen.longest_line > USUAL_LINE:
                return opened
            rows.survey = seen
            return None

        return replace(self._opened(file, kind, rows), again=again)

    def _seen(self, file: _Wrapped, seen: Survey) -> Opened:
        """A text of which all is known to beware of."""
        if not seen.is_utf8 or (seen.has_lone_cr and not seen.has_quote):
            file, seen = self._clean(file, seen, ends="" if seen.has_quote else "all")
        kind, layout, rows = text_rows(seen.path, seen, file.label)
        if isinstance(rows, JsonLines) and not seen.ends_alike:
            file, seen = self._clean(file, seen, ends="all")
            kind, layout, rows = text_rows(seen.path, seen, file.label)
        elif isinstance(rows, Delimited) and seen.has_lone_cr:
            # DuckDB takes the sign after it for a line feed, whatever it is.
            file, seen = self._clean(file, seen, ends="unquoted")
            kind, layout, rows = text_rows(seen.path, seen, file.label)
        if layout is not None:
            path = self._split(file, kind, layout)
            lines = self._look(path).survey()
            rows = JsonLines(path, "row", survey=lines) if lines.size else None
        return self._opened(file, kind, rows)

    def _clean(
        self, file: _Wrapped, seen: Survey, *, ends: Literal["", "all", "unquoted"]
    ) -> tuple[_Wrapped, Survey]:
        """The same text in UTF-8, with line feeds for those ends of lines."""
        encoding = "utf-8" if seen.is_utf8 or _has_utf8(file.path) else "cp1252"
        decoder = codecs.getincrementaldecoder(encoding)(errors="replace")
        with file.path.open("rb") as opened:
            texts = (decoder.decode(chunk) for chunk in chunks_of(opened))
            path = self._spool.write(
                (text.encode() for text in (with_line_feeds(texts, ends) if ends else texts)),
                file.label,
                None,
                self._told,
            )
        if seen.is_utf8:
            cleaned = replace(file, path=path)
        elif encoding == "cp1252":
            cleaned = file.inside(path, "Windows-1252")
        else:
            warning = f"{file.label} holds bytes that are not UTF-8; they read as \ufffd"
            cleaned = replace(file, path=path, warnings=(*file.warnings, warning))
        return cleaned, self._look(path).survey()

    def _split(self, file: _Wrapped, kind: str, layout: str) -> Path:
        """One object a line, out of an array or of objects that take several lines."""
        path = self._spool.new_path()
        text = "CAST(json AS VARCHAR)"
        try:
            self._copy(
                f"SELECT replace(replace({text}, chr(10), ' '), chr(13), ' ') FROM "
                f"read_json_objects({file_literal(file.path)}, format={literal(layout)}, "
                f"compression='none', maximum_object_size={LONGEST_LINE})",
                path,
                file.label,
            )
        except duckdb.InterruptException:
            raise
        except duckdb.Error:
            # What can be read of a file that is cut off or damaged is read object by object.
            with file.path.open(encoding="utf-8-sig", errors="replace") as opened:
                objects = split_objects(iter(lambda: opened.read(1 << 20), ""))
                lines = (f"{line}\n".encode() for line in objects)
                return self._spool.write(lines, f"{kind} in {file.label}", None, self._told)
        return path

    def _copy(self, query: str, path: Path, label: str) -> None:
        """Write the lines that a query gives."""
        with self._spool.room(label):
            ask(
                self._connection,
                f"COPY ({query}) TO {literal(str(path))} (FORMAT csv, HEADER false, "
                "DELIMITER '\x01', QUOTE '', ESCAPE '')",
            )

    def _stream(self, file: _Wrapped, kind: str) -> _Wrapped:
        warnings: list[str] = []
        with file.path.open("rb") as opened:
            path = self._spool.write(
                _until_broken(decompressed(opened, kind), file.label, kind, warnings),
                file.label,
                file.path.stat().st_size,
                self._told,
            )
        return file.inside(path, kind, *warnings)

    def _zstd(self, file: _Wrapped, kind: str) -> _Wrapped:
        # Python 3.11 has no zstd of its own, and DuckDB has it only for text. Latin-1 lets every
        # byte through as a sign of its own.
        signs = self._spool.new_path()
        with self._failing(file, kind):
            source = packed_lines_relation(file.path)
            self._copy(f"SELECT coalesce(line, '') FROM {source}", signs, file.label)
        with signs.open(encoding="utf-8", newline="") as opened:
            pieces = iter(lambda: opened.read(1 << 20), "")
            path = self._spool.write(
                (piece.encode("latin-1") for piece in pieces),
                file.label,
                file.path.stat().st_size,
                self._told,
            )
        signs.unlink()
        return file.inside(path, kind)

    def _decode(self, file: _Wrapped, kind: str) -> _Wrapped:
        decoder = codecs.getincrementaldecoder(kind)(errors="replace")
        with file.path.open("rb") as opened:
            texts = (decoder.decode(chunk).encode() for chunk in chunks_of(opened))
            path = self._spool.write(texts, file.label, None, self._told)
        return file.inside(path, "UTF-16")

    def _archive(self, file: _Wrapped) -> Iterator[Opened]:
        for name, path in self._members(file):
            inner = replace(file, label=f"{file.label}/{name}")
            yield from self._open(inner.inside(path, "zip"))

    def _members(self, file: _Wrapped) -> Iterator[tuple[str, Path]]:
        """The files in an archive that may hold events, and where they are now."""
        try:
            with zipfile.ZipFile(file.path) as archive:
                infos = [
                    info
                    for info in archive.infolist()
                    if not info.is_dir() and looks_like_events(info.filename)
                ]
                if not infos:
                    raise SourceError(f"no event files (JSON, CSV, Parquet) in {file.label}")
                for info in sorted(infos, key=lambda info: info.filename):
                    with archive.open(info) as member:
                        yield (
                            info.filename,
                            self._spool.write(
                                chunks_of(member),
                                f"{info.filename} in {file.label}",
                                max(info.compress_size, 1),
                                self._told,
                            ),
                        )
        except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError) as error:
            # RuntimeError is what the library raises for a password or an unknown method.
            raise SourceError(f"cannot unpack {file.label}: {error}") from error

    def _table(self, file: _Wrapped, kind: str) -> _Wrapped:
        given, wanted = (file.path, file.label), self._options.table
        with self._failing(file, kind):
            if kind == "SQLite":
                path, table = copy_sqlite(*given, wanted, self._spool, self._told)
            elif kind == "DuckDB":
                path, table = copy_duckdb(self._connection, *given, wanted, self._spool)
            else:
                return file.inside(copy_arrow(*given, self._spool, self._told), kind)
        return file.inside(path, f"{kind} table {table}")


def _has_utf8(path: Path) -> bool:
    """Whether a text that is not UTF-8 throughout is so for the most part."""
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    signs = head.decode(errors="ignore")
    return len(head) - len(signs.encode()) < sum(sign > "\x7f" for sign in signs)


def with_line_feeds(texts: Iterator[str], ends: Literal["all", "unquoted"]) -> Iterator[str]:
    """Texts in which carriage returns are line feeds; `unquoted`: outside quotation marks only."""
    pending, is_inside = "", False
    for text in texts:
        whole = pending + text
        pending = whole[-1:] if whole.endswith("\r") else ""
        whole = whole[: len(whole) - len(pending)]
        pieces = whole.split('"') if ends == "unquoted" else [whole]
        first = int(is_inside)
        pieces[first::2] = [
            piece.replace("\r\n", "\n").replace("\r", "\n") for piece in pieces[first::2]
        ]
        is_inside = (len(pieces) + first) % 2 == 0
        yield '"'.join(pieces)
    yield "\n" if pending and not is_inside else pending


def _until_broken(
    chunks: Iterator[bytes], label: str, kind: str, warnings: list[str]
) -> Iterator[bytes]:
    """The bytes of a compressed file as far as they can be unpacked."""
    some = False
    try:
        for chunk in chunks:
            some = some or bool(chunk)
            yield chunk
    except (EOFError, zlib.error, OSError) as error:
        if not some:
            raise SourceError(f"cannot unpack {label}: {error}") from error
        warnings.append(f"{label} is damaged or cut off; its {kind} data is read up to there")
