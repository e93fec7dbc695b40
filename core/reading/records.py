"""What a caller names as a source, and records from memory as lines of JSON."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from core.errors import SourceError
from core.event import Event

Source = str | Path | Sequence[str | Path] | Iterable[Mapping[str, object] | Event]
"""A path, glob, folder, address or "-"; several of them; or records from memory."""


def named_paths(source: Source) -> list[str] | None:
    """The paths that a source is; None when it is records."""
    if isinstance(source, str | os.PathLike):
        return [os.fspath(source)]
    if isinstance(source, Sequence) and source and isinstance(source[0], str | os.PathLike):
        return [os.fspath(path) for path in source if isinstance(path, str | os.PathLike)]
    return None


def record_lines(source: object) -> Iterator[bytes]:
    """Each record as a line of JSON. Raises SourceError when there are no records at all."""
    if isinstance(source, Mapping) or not isinstance(source, Iterable):
        raise SourceError(
            f"events come as a path, a list of paths or a list of records, not {type(source)}"
        )
    for record in source:
        yield _line(record).encode() + b"\n"


def _line(record: Mapping[str, object] | Event) -> str:
    if isinstance(record, Event):
        record = {
            "user": record.user,
            "event": record.name,
            "time": record.time,
            "properties": dict(record.properties),
        }
    try:
        return json.dumps(record, default=str, allow_nan=False)
    except (ValueError, TypeError):
        # NaN has no JSON, and keys need not be text.
        return json.dumps(_plain(record), default=str)


def _plain(value: object) -> object:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): _plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(inner) for inner in value]
    return value
