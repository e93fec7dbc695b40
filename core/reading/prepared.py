"""The prepared copy: the columns of a large log, kept in the user's cache folder for the next time.

A copy is a folder of plain numbers, which are mapped into memory, and one JSON file that says what
they should be. It is made under another name and renamed when whole, so that a half-written one is
never seen. Nothing in it is run or believed: whatever does not fit, add up or belong to the user is
ignored, and the source is read again.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from core.reading.report import LoadReport, PartReport, RejectedRow
from core.threads import Each, on_all_cores, one_by_one, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

FORMAT = 3
"""Part of each copy's key: a copy written otherwise is another one."""

FEWEST_EVENTS = 1_000_000
"""A smaller log is read again sooner than it is worth a copy."""

MOST_BYTES = 20 << 30
"""Bytes that all copies may take; the one not used for longest goes first."""

_META = "meta.json"
_USERS = "users"
_KINDS = tuple(np.dtype(kind).str for kind in ("i8", "u1", "u2", "u4", "u8"))
_COLUMNS = ("offsets", "name", "time", "gap", "row")


@dataclass(frozen=True, eq=False)
class Prepared:
    """All of a log but its store; n events, u users, k names. As in `core.log.EventLog`."""

    users: NDArray[np.object_]
    names: tuple[str, ...]
    offsets: NDArray[np.int64]
    name: NDArray[np.unsignedinteger]
    time: NDArray[np.int64]
    gap: NDArray[np.int64]
    row: NDArray[np.unsignedinteger]
    data_end: int
    report: LoadReport
    merged: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, eq=False)
class Found:
    """A copy that may be used."""

    prepared: Prepared
    parts: Sequence[Mapping[str, Any]]
    """What each part remembers of its file; see `RowFile.recall`."""


def cache_folder() -> Path:
    """Where the copies are, by the XDG base directory specification."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    return (Path(base) if Path(base).is_absolute() else Path.home() / ".cache") / "tracer-tui"


def load(key: object) -> Found | None:
    """The copy of a key; None when there is none that can be used."""
    folder = _folder(key)
    # Whatever is wrong with a copy, the source is still there.
    with contextlib.suppress(OSError, ValueError, KeyError, TypeError, EOFError):
        if _is_ours(folder):
            found = _load(folder, key)
            os.utime(folder)
            return found
    return None


def save(key: object, prepared: Prepared, parts: Sequence[Mapping[str, Any]]) -> None:
    """Make a copy, unless the log is small. Does nothing when there is no room or no permission."""
    if len(prepared.time) < FEWEST_EVENTS:
        return
    home = cache_folder()
    with contextlib.suppress(OSError):
        home.mkdir(mode=0o700, parents=True, exist_ok=True)
        _remove_unfinished(home)
        scratch = Path(tempfile.mkdtemp(prefix=".writing-", dir=home))
        try:
            _write(scratch, key, prepared, parts)
            size = _size(scratch)
            if size <= MOST_BYTES:
                _make_room(home, size)
                shutil.rmtree(_folder(key), ignore_errors=True)
                scratch.rename(_folder(key))
        finally:
            shutil.rmtree(scratch, ignore_errors=True)


def _folder(key: object) -> Path:
    text = json.dumps([FORMAT, np.dtype(np.int64).str, key], sort_keys=True)
    return cache_folder() / hashlib.sha256(text.encode()).hexdigest()[:32]


def _is_ours(folder: Path) -> bool:
    status = folder.lstat()
    mine = status.st_uid == os.getuid() and not status.st_mode & 0o022
    return mine and folder.is_dir() and not folder.is_symlink()


def _write(
    folder: Path, key: object, prepared: Prepared, parts: Sequence[Mapping[str, Any]]
) -> None:
    # In pieces: the screen stands still while one is joined.
    pieces = [prepared.users[part].tolist() for part in slices(len(prepared.users), 1 << 16)]
    signs = map(chr, range(sys.maxunicode))
    between = next(sign for sign in signs if not any(sign in "".join(ids) for ids in pieces))
    blob = np.frombuffer(
        between.encode().join(between.join(ids).encode() for ids in pieces), np.uint8
    )
    columns = {name: getattr(prepared, name) for name in _COLUMNS} | {_USERS: blob}
    for name, column in columns.items():
        column.tofile(folder / name)
    meta = {
        "key": key,
        "names": prepared.names,
        "between_users": between,
        "data_end": prepared.data_end,
        "report": asdict(prepared.report),
        "merged": {user: list(others) for user, others in prepared.merged.items()},
        "parts": list(parts),
        "columns": {name: _described(column, one_by_one) for name, column in columns.items()},
    }
    text = json.dumps(meta)
    # The file system must not put the name of the folder before what is in it.
    with (folder / _META).open("w", encoding="utf-8") as file:
        file.write(f"{hashlib.sha256(text.encode()).hexdigest()}\n{text}")
        file.flush()
        os.fsync(file.fileno())


def _mapped(path: Path, kind: str, length: int) -> NDArray[Any]:
    """The numbers in a file. Raises ValueError when they are not so many of their kind."""
    if kind not in _KINDS or path.stat().st_size != np.dtype(kind).itemsize * length:
        raise ValueError(f"{path} does not hold {length} of {kind}")
    return np.memmap(path, kind, "r", shape=(length,)) if length else np.empty(0, kind)


def _described(column: NDArray[Any], each: Each) -> list[object]:
    return [column.dtype.str, len(column), *_checksum(column, each)]


def _checksum(column: NDArray[Any], each: Each) -> tuple[int, int]:
    """Sum and exclusive or of all bytes, eight at a time; what is left over counts as it is."""
    data = np.ascontiguousarray(column).view(np.uint8)
    whole = len(data) // 8 * 8
    words = data[:whole].view(np.uint64)

    def check(part: slice) -> tuple[int, int]:
        some = words[part]
        return int(np.add.reduce(some)), int(np.bitwise_xor.reduce(some))

    found = each(check, slices(len(words), 1 << 22))
    total, mixed = int.from_bytes(data[whole:].tobytes(), "little"), 0
    for one, other in found:
        total, mixed = (total + one) % 2**64, mixed ^ other
    return total, mixed


def _load(folder: Path, key: object) -> Found | None:
    digest, _, text = (folder / _META).read_text(encoding="utf-8").partition("\n")
    if hashlib.sha256(text.encode()).hexdigest() != digest:
        return None
    meta = json.loads(text)
    if meta["key"] != json.loads(json.dumps(key)):
        return None
    columns = {}
    for name in (*_COLUMNS, _USERS):
        kind, length, *_ = meta["columns"][name]
        columns[name] = _mapped(folder / name, str(kind), int(length))
        if _described(columns[name], on_all_cores) != meta["columns"][name]:
            return None
    names = tuple(str(name) for name in meta["names"])
    ids = columns[_USERS].tobytes().decode().split(str(meta["between_users"]))
    if not _fits(columns, len(ids), len(names)):
        return None
    users = np.empty(len(ids), dtype=object)
    users[:] = ids
    report = meta["report"]
    prepared = Prepared(
        users=users,
        names=names,
        **{name: columns[name] for name in _COLUMNS},
        data_end=int(meta["data_end"]),
        report=LoadReport(
            **{
                **report,
                "parts": tuple(PartReport(**part) for part in report["parts"]),
                "rejected": tuple(RejectedRow(**row) for row in report["rejected"]),
                "warnings": tuple(report["warnings"]),
            }
        ),
        merged={user: tuple(others) for user, others in meta["merged"].items()},
    )
    return Found(prepared, meta["parts"])


def _fits(columns: Mapping[str, NDArray[Any]], users: int, names: int) -> bool:
    """Whether the columns can be used without leading anywhere outside them."""
    offsets, events = columns["offsets"], len(columns["time"])
    numbers = all(columns[name].dtype.kind == "i" for name in ("offsets", "time", "gap"))
    codes = all(columns[name].dtype.kind == "u" for name in ("name", "row"))
    return (
        all(len(columns[name]) == events for name in ("name", "gap", "row"))
        and numbers
        and codes
        and len(offsets) == users + 1
        and offsets[0] == 0
        and offsets[-1] == events
        and bool(np.all(np.diff(offsets) > 0))
        and (not events or int(columns["name"].max()) < names)
    )


def _size(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.iterdir())


def _make_room(home: Path, wanted: int) -> None:
    copies = [path for path in home.iterdir() if path.is_dir() and not path.name.startswith(".")]
    copies.sort(key=lambda path: path.stat().st_mtime)
    sizes = [_size(path) for path in copies]
    while copies and sum(sizes) + wanted > MOST_BYTES:
        shutil.rmtree(copies.pop(0), ignore_errors=True)
        sizes.pop(0)


def _remove_unfinished(home: Path) -> None:
    """Remove what a killed program has left; what another is just writing is younger."""
    newest = max((path.stat().st_mtime for path in home.iterdir()), default=0.0)
    for path in home.glob(".writing-*"):
        if newest - path.stat().st_mtime > 3_600:
            shutil.rmtree(path, ignore_errors=True)
