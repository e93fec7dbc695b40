"""Ids that are one user: told by events such as "identify", or by a file of two columns."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import SourceError

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass
class Aliases:
    """Which id is merged into which user; what was said first stays."""

    into: dict[str, str] = field(default_factory=dict)
    """Each merged id, and the one it was said to be."""
    refused: int = 0
    """Times that an id was said to be yet another user."""

    def add(self, pairs: Iterable[tuple[str, str]]) -> None:
        """Take in pairs of an id and the user it belongs to."""
        for alias, known in pairs:
            if alias == known:
                continue
            if self.into.setdefault(alias, known) != known:
                self.refused += 1

    def user_of(self, identity: str) -> str:
        """The user that an id belongs to in the end."""
        seen = {identity}
        while identity in self.into:
            identity = self.into[identity]
            if identity in seen:
                return min(seen)  # each is said to be the other
            seen.add(identity)
        return identity


def read_aliases(path: str) -> list[tuple[str, str]]:
    """The pairs of an alias file: text with a comma, tab, semicolon or bar between two columns.

    Raises SourceError when it cannot be read, naming the line.
    """
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8-sig")
    except OSError as error:
        raise SourceError(f"cannot open the alias file {path}: {error.strerror or error}") from None
    except UnicodeDecodeError:
        raise SourceError(f"the alias file {path} is not UTF-8 text") from None
    lines = text.splitlines()
    delimiter = max(",\t;|", key=lines[0].count) if lines else ","
    pairs = []
    for number, cells in enumerate(csv.reader(lines, delimiter=delimiter), 1):
        if not cells:
            continue
        if len(cells) != 2 or not all(cells):
            raise SourceError(
                f"the alias file {path} has no two columns in line {number}: "
                "write an id and the user it belongs to"
            )
        pairs.append((cells[0], cells[1]))
    return pairs


def merge(
    texts: NDArray[np.object_], aliases: Aliases
) -> tuple[NDArray[np.object_], NDArray[np.uint32], dict[str, tuple[str, ...]]]:
    """The users, for each text the number of its user, and the ids merged into each user."""
    known = [aliases.user_of(text) if text in aliases.into else text for text in texts]
    users = sorted(set(known))
    number = {user: place for place, user in enumerate(users)}
    merged: dict[str, list[str]] = {}
    for text, user in zip(texts, known, strict=True):
        if text != user:
            merged.setdefault(user, []).append(text)
    codes = np.fromiter((number[user] for user in known), dtype=np.uint32, count=len(known))
    found = {user: tuple(ids) for user, ids in merged.items()}
    return np.array(users, dtype=object), codes, found
