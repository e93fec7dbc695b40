"""The error tree: every failure a person can cause or meet, with a message fit to show.

    TracerError
    ├── QuestionError    the question makes no sense: a bad duration, stage or option
    ├── OutputError      a file cannot be written
    │   └── FileExists   there is one already (in `core.files`)
    └── SourceError      the events cannot be read
        └── Cancelled    reading was stopped on request

Nothing else is raised on purpose. A row that cannot be used is not an error but a value:
see `core.reading.report.RejectedRow`.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class TracerError(Exception):
    """An expected failure: `title` says what kind, `str(error)` in one line what to do."""

    title = "Something is wrong"

    def __init__(self, message: str) -> None:
        """Keep the message on one line, whatever names of the data stand in it."""
        super().__init__(message.replace("\n", "\u240a"))


class QuestionError(TracerError):
    """The question cannot be asked this way."""

    title = "That cannot be asked"


class OutputError(TracerError):
    """A file cannot be written."""

    title = "Cannot write the file"


class SourceError(TracerError):
    """The events cannot be read."""

    title = "Cannot read the events"


class Cancelled(SourceError):
    """Reading was stopped on request; nothing is wrong with the source."""

    title = "Stopped"


def nearest(name: str, known: Iterable[str], count: int = 3) -> list[str]:
    """The `count` names of `known` that look most like `name`, best first; case is ignored."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.casefold(), candidate)
    found = difflib.get_close_matches(name.casefold(), by_folded, n=count, cutoff=0.5)
    return [by_folded[folded] for folded in found]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """`"; did you mean cart or card?"`, or an empty text when nothing is near."""
    names = nearest(name, known)
    return f"; did you mean {' or '.join(names)}?" if names else ""
