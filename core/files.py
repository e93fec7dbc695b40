"""Files that are written whole or not at all, and that replace nothing unless told to."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

from core.errors import OutputError


class FileExists(OutputError):
    """There is a file of that name already."""


def write_whole(path: Path, pieces: Iterable[str], *, replace: bool = False) -> None:
    """Write text to a file in one step.

    Raises FileExists where there is a file and `replace` is not set, and OutputError with the
    reason when it cannot be written.
    """
    try:
        if path.exists() and not replace:
            raise FileExists(f"{path} is there already")
        handle, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8", newline="") as file:
                file.writelines(pieces)
            # A new file gets the rights that any new file of this person gets.
            mask = os.umask(0)
            os.umask(mask)
            os.chmod(name, 0o666 & ~mask)  # noqa: PTH101 - a name, not a path
            os.replace(name, path)  # noqa: PTH105 - likewise
        except BaseException:
            with suppress(OSError):
                os.unlink(name)  # noqa: PTH108 - likewise
            raise
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise OutputError(f"cannot write {path}: {reason}") from error
