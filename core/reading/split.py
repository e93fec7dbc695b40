"""JSON objects out of a text that DuckDB refuses as a whole, such as an array that is cut off."""

from __future__ import annotations

import json
from collections.abc import Iterator

from core.reading.sql import LONGEST_LINE

_BETWEEN = " \t\r\n,]"
_decode = json.JSONDecoder().raw_decode


def split_objects(pieces: Iterator[str]) -> Iterator[str]:
    """Each value of an array, or of values one after another, on a line of its own.

    What cannot be read is given as it stands, once, so that it is counted and shown.
    """
    rest = next(pieces, "").lstrip("\ufeff \t\r\n").removeprefix("[")
    is_last = False
    while not is_last:
        piece = next(pieces, "")
        is_last = not piece
        rest += piece
        at = 0
        while True:
            while at < len(rest) and rest[at] in _BETWEEN:
                at += 1
            if at == len(rest):
                break
            try:
                _, end = _decode(rest, at)
            except (ValueError, RecursionError):
                break
            if end == len(rest) and not is_last:
                break  # a number may go on
            yield _one_line(rest[at:end])
            at = end
        rest = rest[at:]
        if len(rest) > LONGEST_LINE:
            break
    if rest:
        yield _one_line(rest)


def _one_line(text: str) -> str:
    return text.replace("\n", " ").replace("\r", " ")
