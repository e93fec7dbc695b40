"""What reading found: how the source was understood, and every row it could not use."""

from __future__ import annotations

from dataclasses import dataclass, field

SHOWN_REJECTS = 1_000
"""Rejected rows kept for display; all of them are counted."""

SHOWN_CHARACTERS = 500
"""Characters of a rejected row's text that are kept."""


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
    """The field taken for the user; None in a source without rows."""
    event_field: str | None
    """The field taken for the event's name."""
    time_field: str | None
    """The field taken for the time."""
    time_kind: str
    """How its values were read: "ISO text", "epoch seconds", … Empty in a source without rows."""


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
    rejected: tuple[RejectedRow, ...] = field(default=(), repr=False)
    """The first `SHOWN_REJECTS` of them."""
