"""From what a person names to files: a path, a glob, a folder, standard input or an address."""

from __future__ import annotations

import glob
import os
import select
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.error import URLError
from urllib.request import urlopen

from core.errors import SourceError, did_you_mean
from core.reading.spool import Spool, chunks_of
from core.reading.sql import ask, first_line, literal

STANDARD_INPUT = "-"

WAIT_SECONDS = 0.1
"""How long a silent pipe may keep us from noticing that reading should stop."""

_EXTENSIONS = (
    ".json", ".jsonl", ".ndjson", ".csv", ".tsv", ".txt", ".log", ".parquet", ".pq", ".arrow",
    ".feather", ".zip",
)  # fmt: skip
_COMPRESSED = (".gz", ".zst", ".bz2")


@dataclass(frozen=True, slots=True)
class Found:
    """A file to read."""

    path: Path
    """Where it is."""
    label: str
    """What to call it: the path as given, the address, or "standard input"."""
    is_named: bool
    """Whether a person named it, rather than a folder or a glob that holds it."""


def find_files(source: str, spool: Spool, told: Callable[[], None]) -> list[Found]:
    """The files that `source` names. Raises SourceError when there is none.

    Standard input and what lies at an address is copied into the spool first.
    """
    if source == STANDARD_INPUT:
        chunks = _pipe(sys.stdin.fileno(), told)
        return [Found(spool.write(chunks, "standard input", None, told), "standard input", True)]
    if "://" in source:
        return list(_fetch(source, spool, told))
    path = Path(source).expanduser()
    if path.is_dir():
        found = sorted(_walk(path))
        if not found:
            raise SourceError(f"no event files (JSON, CSV, Parquet) in the folder {source}")
        return [Found(p, str(p), is_named=False) for p in found]
    if path.is_fifo() or path.is_char_device():
        with path.open("rb", buffering=0) as file:
            chunks = _pipe(file.fileno(), told)
            return [Found(spool.write(chunks, source, None, told), source, is_named=True)]
    if path.exists():
        return [Found(path, source, is_named=True)]
    matches = sorted(Path(m) for m in glob.glob(str(path), recursive=True))  # noqa: PTH207 - Path.glob refuses absolute patterns
    files = [p for p in matches if p.is_file()]
    if not files:
        raise SourceError(_missing(source, path))
    return [Found(p, str(p), is_named=len(files) == 1) for p in files]


def looks_like_events(name: str) -> bool:
    """Whether a file in a folder or an archive is worth a look, by its name."""
    lower = name.lower().rpartition("/")[2]
    for ending in _COMPRESSED:
        lower = lower.removesuffix(ending)
    return lower.endswith(_EXTENSIONS) and not lower.startswith((".", "_"))


def _walk(folder: Path) -> Iterator[Path]:
    # Links to folders are not followed: they may lead in a circle.
    for place, folders, names in os.walk(folder):
        folders.sort()
        for name in names:
            path = Path(place) / name
            if looks_like_events(name) and path.is_file():
                yield path


def _missing(source: str, path: Path) -> str:
    folder = path.parent
    beside = [p.name for p in folder.iterdir()] if folder.is_dir() else []
    return f"there is no file {source}{did_you_mean(path.name, beside)}"


def _pipe(descriptor: int, told: Callable[[], None]) -> Iterator[bytes]:
    while True:
        ready, _, _ = select.select([descriptor], [], [], WAIT_SECONDS)
        told()
        if ready:
            chunk = os.read(descriptor, 1 << 20)
            if not chunk:
                return
            yield chunk


def _fetch(address: str, spool: Spool, told: Callable[[], None]) -> Iterator[Found]:
    if address.startswith(("http://", "https://")):
        try:
            with urlopen(address, timeout=30) as answer:  # noqa: S310 - only these two schemes
                path = spool.write(chunks_of(answer), address, None, told)
        except (URLError, TimeoutError, ValueError) as error:
            raise SourceError(f"cannot fetch {address}: {_reason(error)}") from None
        yield Found(path, address, is_named=True)
        return
    import duckdb

    with duckdb.connect() as connection:
        try:
            ask(connection, "SET autoinstall_known_extensions = false")
            ask(connection, "LOAD httpfs")
        except duckdb.Error:
            raise SourceError(
                f"{address} needs DuckDB's extension httpfs, which is not installed here: "
                "python -c \"import duckdb; duckdb.execute('INSTALL httpfs')\""
            ) from None
        try:
            names = ask(connection, f"SELECT file FROM glob({literal(address)})")
            for (name,) in names:
                query = f"SELECT content FROM read_blob({literal(str(name))})"
                contents = (bytes(row[0]) for row in ask(connection, query))
                path = spool.write(contents, str(name), None, told)
                yield Found(path, str(name), is_named=len(names) == 1)
        except duckdb.Error as error:
            raise SourceError(f"cannot fetch {address}: {first_line(error)}") from None
        if not names:
            raise SourceError(f"there is nothing at {address}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "reason", None) or error)
