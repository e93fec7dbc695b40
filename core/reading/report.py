"""What reading found: how the source was understood, and every row it could not use."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

SHOWN_REJECTS = 1_000
"""Rejected rows kept for display; all of them are counted."""

SHOWN_CHARACTERS = 500
"""Characters of a rejected row's text that are kept."""

_READ = re.compile(r"unreadable time (['\"]).*\1 in", re.DOTALL)


@dataclass(frozen=True, slots=True)
class RejectedRow:
    """A row that is not an event, and why."""

    source: str
    """The file, or what stands for it ("standard input", "list")."""
    number: int
    """Line of the file, or row of the table or array, from 1."""
    unit: str
    """"line" or "row": what `number` counts."""
    reason: str
    """Why, in words."""
    text: str
    """The row itself, cut to a screenful."""

    @property
    def kind(self) -> str:
        """Why, without what is to be read in this very row: many share it."""
        return _READ.sub("unreadable time in", self.reason)

    def __str__(self) -> str:
        return f"{self.source} {self.unit} {self.number}: {self.reason}"


@dataclass(frozen=True, slots=True)
class PartReport:
    """How one file was understood."""

    source: str
    """The file, or what stands for it."""
    format: str
    """What it was found to be, from its content: "JSON array", "CSV, comma", …"""
    rows: int
    """Rows read from it, rejected ones included."""
    user_field: str | None
    """The field taken for the user, " or " between those tried in turn; None without rows."""
    event_field: str | None
    """The field taken for the event's name."""
    time_field: str | None
    """The field taken for the time."""
    time_kind: str
    """How its values were read: "ISO text", "epoch seconds", … Empty in a source without rows."""
    shape: str = "plain"
    """The vendor's shape: "Amplitude", …; "plain" for none of them."""
    why: str = ""
    """What told so: "it has event_type, event_time, event_properties", "as told", …"""
    id_field: str | None = None
    """The field that tells duplicates (rule O2); None when there is none."""


@dataclass(frozen=True, slots=True)
class LoadReport:
    """The totals of reading. Accepted + rejected + duplicates = rows read (rule N2)."""

    parts: tuple[PartReport, ...] = ()
    """One for each file, in the order given."""
    rows_read: int = 0
    """Every row seen, whatever became of it. Blank lines are not rows."""
    accepted_rows: int = 0
    """Rows that became events."""
    rejected_rows: int = 0
    """Rows that could not be used."""
    duplicate_events: int = 0
    """Rows dropped as exact duplicates of another (rule O2)."""
    merged_ids: int = 0
    """Ids that an alias put together with the user they belong to."""
    warnings: tuple[str, ...] = ()
    """What a person should know of the source, one line each."""
    rejected: tuple[RejectedRow, ...] = field(default=(), repr=False)
    """The first `SHOWN_REJECTS` of them."""
