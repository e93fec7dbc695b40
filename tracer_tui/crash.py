"""What is left after a fault of the program: a file that says where it broke, and no data.

A traceback shows values, and a message quotes them; both are people's data. So only places in the
code and kinds of errors are written.
"""

from __future__ import annotations

import os
import platform
import sys
import traceback
from pathlib import Path

import core

FILE = "crash.txt"


def state_folder() -> Path:
    """Where the program keeps what it remembers of itself."""
    home = os.environ.get("XDG_STATE_HOME") or Path.home() / ".local" / "state"
    return Path(home) / "tracer-tui"


def report(error: BaseException) -> str:
    """Where it broke, from the outermost call to the innermost, cause by cause."""
    from textual import __version__ as textual_version

    lines = [
        f"tracer-tui {core.__version__}, textual {textual_version}, "
        f"python {platform.python_version()}, {sys.platform}",
    ]
    for cause in _causes(error):
        lines += ["", type(cause).__name__]
        for frame in traceback.extract_tb(cause.__traceback__):
            lines.append(f"  {Path(frame.filename).name}:{frame.lineno} in {frame.name}")
    return "\n".join(lines) + "\n"


def keep(error: BaseException) -> str:
    """Write the report; returns a line that says where it is."""
    told = f"tracer-tui broke: {type(_causes(error)[0]).__name__}"
    file = state_folder() / FILE
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(report(error), encoding="utf-8")
    except OSError:
        return f"{told}; where it broke could not be written down"
    return f"{told}. Where, without any of your data, stands in {file}"


def _causes(error: BaseException) -> list[BaseException]:
    """An error and what led to it, each once; of a worker that failed, what failed in it."""
    from textual.worker import WorkerFailed

    causes: list[BaseException] = []
    cause: BaseException | None = error
    while cause is not None and cause not in causes:
        if isinstance(cause, WorkerFailed):
            cause = cause.error
            continue
        causes.append(cause)
        cause = cause.__cause__ or cause.__context__
    return causes
