"""From what a person names to files, and from a file's first bytes to what it is.

Content decides, never the name: `.json` that is NDJSON and `.csv.gz` that is plain are both read.
"""

from __future__ import annotations

import bz2
import csv
import glob
import gzip
import io
import json
import shutil
import sys
import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from core.errors import SourceError, did_you_mean
from core.reading.sql import first_line, lines_relation

HEAD_BYTES = 1 << 18
"""Bytes looked at to tell what a file is."""

_EXTENSIONS = (".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".log", ".parquet", ".pq")
_COMPRESSED = (".gz", ".zst", ".bz2")
_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}


@dataclass(frozen=True, slots=True)
class SourceFile:
    """One file, and what its content says it is."""

    path: Path
    """Where to read it."""
    label: str
    """What to call it: the path as given, or "standard input"."""
    format: str
    """"empty", "array", "lines", "objects", "parquet" or "table"."""
    compression: str = "none"
    """"none", "gzip" or "zstd", as DuckDB names them."""
    delimiter: str = ","
    """Of a "table": the character between cells."""
    columns: tuple[str, ...] = ()
    """Of a "table": the names in its header, made distinct."""
    skipped: int = 0
    """Of a "table": blank lines before its header."""

    @property
    def described(self) -> str:
        """The format in words."""
        words = {
            "empty": "empty",
            "array": "JSON array",
            "lines": "JSON lines",
            "objects": "JSON objects",
            "parquet": "Parquet",
            "table": f"CSV, {_DELIMITERS.get(self.delimiter, self.delimiter)}",
        }[self.format]
        return words if self.compression == "none" else f"{words}, {self.compression}"


def find_files(source: str, spool: Path) -> list[SourceFile]:
    """The files that `source` names: a path, a glob, a folder (searched through) or "-".

    Standard input is copied into the folder `spool` first. Raises SourceError when there is none.
    """
    if source == "-":
        copy = spool / "standard-input"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file)
        return [recognise(copy, "standard input")]
    if "://" in source:
        raise SourceError(f"{source} is an address; only files on this machine can be read so far")
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(p for p in path.rglob("*") if p.is_file() and _looks_like_events(p))
        if not found:
            raise SourceError(f"no event files (JSON, CSV, Parquet) in the folder {source}")
        return [recognise(p, str(p)) for p in found]
    if path.exists():
        return [recognise(path, source)]
    matches = sorted(Path(m) for m in glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
    files = [recognise(p, str(p)) for p in matches if p.is_file()]
    if not files:
        raise SourceError(_missing(source, path))
    return files


def recognise(path: Path, label: str) -> SourceFile:
    """What the first bytes of a file say it is. Raises SourceError when it cannot be opened."""
    try:
        with path.open("rb") as file:
            magic = file.read(8)
        compression = _compression(magic)
        head = _head(path, compression)
    except OSError as error:
        raise SourceError(f"cannot open {label}: {error.strerror or error}") from error
    if compression == "bzip2":
        raise SourceError(f"{label} is compressed with bzip2; unpack it first: bunzip2 {label}")
    if magic.startswith(b"PK\x03\x04"):
        raise SourceError(f"{label} is a zip archive; unpack it and name the files inside")
    if head.startswith(b"PAR1"):
        return SourceFile(path, label, "parquet")
    if head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise SourceError(f"{label} is UTF-16 text; convert it first: iconv -f utf-16 -t utf-8")
    whole = head.decode("utf-8", errors="replace").removeprefix("\ufeff")
    text = whole.lstrip()
    if not text:
        return SourceFile(path, label, "empty", compression)
    if text[0] == "[":
        return SourceFile(path, label, "array", compression)
    if text[0] == "{":
        return SourceFile(path, label, _json_layout(text), compression)
    # Only whole lines are skipped: a first cell may be empty, and cells divided by tabs.
    blank = whole[: whole.rfind("\n", 0, len(whole) - len(text)) + 1]
    delimiter, columns = _header(whole.removeprefix(blank), label)
    return SourceFile(path, label, "table", compression, delimiter, columns, blank.count("\n"))


def _looks_like_events(path: Path) -> bool:
    name = path.name.lower()
    for ending in _COMPRESSED:
        name = name.removesuffix(ending)
    return name.endswith(_EXTENSIONS) and not name.startswith(".")


def _missing(source: str, path: Path) -> str:
    folder = path.parent
    beside = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return f"there is no file {source}{did_you_mean(path.name, beside)}"


def _compression(magic: bytes) -> str:
    if magic.startswith(b"\x1f\x8b"):
        return "gzip"
    if magic.startswith(b"\x28\xb5\x2f\xfd"):
        return "zstd"
    if magic.startswith(b"BZh"):
        return "bzip2"
    return "none"


def _head(path: Path, compression: str) -> bytes:
    if compression == "zstd":
        return _zstd_head(path)
    with _open(path, compression) as file:
        try:
            return file.read(HEAD_BYTES)
        except EOFError:
            raise SourceError(f"{path} ends in the middle of its {compression} data") from None
        except zlib.error as error:
            raise SourceError(f"cannot unpack {path}: {error}") from error


def _open(path: Path, compression: str) -> IO[bytes]:
    if compression == "gzip":
        return cast(IO[bytes], gzip.open(path))
    return cast(IO[bytes], bz2.open(path)) if compression == "bzip2" else path.open("rb")


def _zstd_head(path: Path) -> bytes:
    # Python 3.11 has no zstd of its own; DuckDB does.
    import duckdb

    try:
        row = duckdb.execute(
            f"SELECT line FROM {lines_relation(path, 'zstd', 'head')} LIMIT 1"
        ).fetchone()
    except duckdb.Error as error:
        raise SourceError(f"cannot unpack {path}: {first_line(error)}") from error
    return b"" if row is None else f"{row[0]}\n".encode()


def _json_layout(text: str) -> str:
    first, ended, _ = text.partition("\n")
    try:
        json.loads(first)
    except ValueError:
        # One broken line among good ones is still lines; an object spread over lines is not.
        return "lines" if ended and not first.rstrip().endswith(("{", ",", "[")) else "objects"
    except RecursionError:
        return "lines"
    return "lines"


def _header(text: str, label: str) -> tuple[str, tuple[str, ...]]:
    lines = io.StringIO(text, newline="")
    delimiter = max(_DELIMITERS, key=lines.readline().count)
    lines.seek(0)
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=False), [])
    except csv.Error as error:
        raise SourceError(f"{label} is neither JSON, CSV nor Parquet: {error}") from error
    return delimiter, _distinct(cells)


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names made unique as SQL sees them: without regard to case, and none of them empty."""
    taken: set[str] = set()
    result = []
    for number, name in enumerate(names, 1):
        clean = name.strip() or f"column_{number}"
        unique, extra = clean, 2
        while unique.casefold() in taken:
            unique, extra = f"{clean}_{extra}", extra + 1
        taken.add(unique.casefold())
        result.append(unique)
    return tuple(result)
