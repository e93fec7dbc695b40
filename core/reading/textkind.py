"""Plain text told apart by its beginning: JSON in its layouts, tables of cells, access logs."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Sequence
from pathlib import Path

from core.errors import SourceError
from core.reading.formats.base import RowFile
from core.reading.formats.delimited import Delimited
from core.reading.formats.json_lines import JsonLines
from core.reading.formats.web_log import PATTERN, WebLog
from core.reading.snowplow import COLUMNS as SNOWPLOW_COLUMNS
from core.reading.survey import Survey

HEAD_BYTES = 1 << 18
"""Bytes looked at to tell what a file is."""

_DELIMITERS = {",": "comma", "\t": "tab", ";": "semicolon", "|": "bar"}


def text_rows(
    path: Path, seen: Survey | None, label: str
) -> tuple[str, str | None, RowFile | None]:
    """What a text is in words, the layout it must be brought out of first, and its rows.

    An "array" or "unstructured" layout has no rows yet, and an empty text has none at all. Without
    a survey it is hoped that one would find nothing to beware of.
    """
    with path.open("rb") as file:
        whole = file.read(HEAD_BYTES).decode("utf-8", errors="replace").removeprefix("\ufeff")
    text = whole.lstrip()
    if not text:
        return "empty", None, None
    if text[0] == "[" and not _is_web_log(text):
        return "JSON array", "array", None
    if text[0] == "{":
        if _is_lines(text):
            return "JSON lines", None, JsonLines(path, "line", survey=seen)
        return "JSON objects", "unstructured", None
    if _is_web_log(text):
        return "access log", None, WebLog(path, "line", survey=seen)
    # Only whole lines are skipped: a first cell may be empty, and cells divided by tabs.
    blank = whole[: whole.rfind("\n", 0, len(whole) - len(text)) + 1]
    delimiter, cells = _header(whole.removeprefix(blank), label)
    is_snowplow = len(cells) == len(SNOWPLOW_COLUMNS) and SNOWPLOW_COLUMNS[0] not in cells
    rows = Delimited(
        path,
        "line",
        survey=seen,
        delimiter=delimiter,
        columns=SNOWPLOW_COLUMNS if is_snowplow else _distinct(cells),
        skipped=blank.count("\n"),
        names_itself=not is_snowplow,
        is_strict=not blank,
    )
    return f"CSV, {_DELIMITERS[delimiter]}", None, rows


def _is_web_log(text: str) -> bool:
    return re.match(PATTERN, text.partition("\n")[0]) is not None


def _is_lines(text: str) -> bool:
    first, ended, _ = text.partition("\n")
    try:
        json.loads(first)
    except ValueError:
        # One broken line among good ones is still lines; an object spread over lines is not.
        return bool(ended) and not first.rstrip().endswith(("{", ",", "["))
    except RecursionError:
        return True
    return True


def _header(text: str, label: str) -> tuple[str, list[str]]:
    lines = io.StringIO(text, newline="")
    delimiter = max(_DELIMITERS, key=lines.readline().count)
    lines.seek(0)
    try:
        cells = next(csv.reader(lines, delimiter=delimiter, strict=False), [])
    except csv.Error as error:
        raise SourceError(f"{label} is neither JSON, CSV nor Parquet: {error}") from error
    return delimiter, cells


def _distinct(names: Sequence[str]) -> tuple[str, ...]:
    """Names made unique as SQL sees them: without regard to case, and none of them empty."""
    taken: set[str] = set()
    result = []
    for number, name in enumerate(names, 1):
        clean = name.strip() or f"column_{number}"
        unique, extra = clean, 2
        while unique.casefold() in taken:
            unique, extra = f"{clean}_{extra}", extra + 1
        taken.add(unique.casefold())
        result.append(unique)
    return tuple(result)
