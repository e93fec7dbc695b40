"""The folder on disk where what is not plain lines is unpacked once, and how it is kept in bounds.

It belongs to one log and goes with it. One that a killed program has left is removed by the next.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from core.errors import SourceError

PREFIX = "tracer-tui-"

MOST_TIMES = 200
"""Something that unpacks to more times its size is taken for a bomb; logs shrink by 10 to 100."""

ALWAYS_ALLOWED = 1 << 30
"""Bytes that anything may unpack to."""

_LOCK = "in-use"


class Spool:
    """A new folder in the system's place for temporary files, readable by nobody else."""

    def __init__(self) -> None:
        """Make the folder, and remove those that nobody uses any more."""
        _remove_abandoned()
        self.folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        # The lock is let go by the system when the program ends, in whatever way. The file has its
        # name only when it is locked, lest another program takes the folder for abandoned.
        lock = (self.folder / f".{_LOCK}").open("wb")
        fcntl.flock(lock, fcntl.LOCK_EX)
        (self.folder / f".{_LOCK}").rename(self.folder / _LOCK)
        # Not a TemporaryDirectory: that one warns when nobody closes it, and a log has no end.
        weakref.finalize(self, _remove, self.folder, lock)
        self._files = 0

    def new_path(self, ending: str = "") -> Path:
        """The path of a file that is not there yet."""
        self._files += 1
        return self.folder / f"{self._files}{ending}"

    def write(
        self, chunks: Iterable[bytes], label: str, packed_size: int | None, told: Callable[[], None]
    ) -> Path:
        """Put bytes into a new file. `told` is called in between, and may raise to stop.

        Raises SourceError when the disk is full or when it is far more than `packed_size` promised.
        """
        path, written = self.new_path(), 0
        most = None if packed_size is None else max(ALWAYS_ALLOWED, MOST_TIMES * packed_size)
        with self.room(label), path.open("wb") as file:
            for chunk in chunks:
                file.write(chunk)
                written += len(chunk)
                if most is not None and written > most:
                    raise SourceError(
                        f"{label} unpacks to more than {most:,} bytes, {MOST_TIMES} times its "
                        "size: it looks like a zip bomb; unpack it yourself if it is none"
                    )
                told()
        return path

    @contextmanager
    def room(self, label: str) -> Iterator[None]:
        """While inside, a full disk is an expected failure."""
        try:
            yield
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                raise
            raise SourceError(
                f"no room left in {self.folder.parent} to unpack {label}; "
                "free some, or set TMPDIR to another folder"
            ) from None


def chunks_of(file: IO[bytes], size: int = 1 << 20) -> Iterator[bytes]:
    """The bytes of a file, piece by piece."""
    while chunk := file.read(size):
        yield chunk


def _remove(folder: Path, lock: IO[bytes]) -> None:
    shutil.rmtree(folder, ignore_errors=True)
    lock.close()


def _remove_abandoned() -> None:
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        with contextlib.suppress(OSError):
            if folder.is_symlink() or folder.stat().st_uid != os.getuid():
                continue
            with (folder / _LOCK).open("rb") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(folder, ignore_errors=True)
