"""`ReadOptions`: all that a person may say about a source, in one value that can be compared.

It is part of the key of a prepared copy, so everything that changes what is read stands in it.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ReadOptions:
    """How to read a source; None is to be found out from its content."""

    user_field: str | None = None
    """Field of the user, with dots between the keys of a nested one."""
    event_field: str | None = None
    """Field of the event's name."""
    time_field: str | None = None
    """Field of the time."""
    shape: str | None = None
    """Name of a vendor's shape, or "plain" for none of them; see `core.reading.shapes`."""
    tz: str = "UTC"
    """Zone of times that name none."""
    table: str | None = None
    """Table of a database file."""
    alias: str | None = None
    """File of two columns: an id, and the id of the user that it really is."""
    rejects: str | None = None
    """File that every rejected row is written to."""
    strict: bool = False
    """Whether the first rejected row is an error."""
    cache: bool = False
    """Whether a prepared copy may be used and left in the cache folder."""
