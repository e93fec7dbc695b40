"""Texts to numbers: every distinct text gets its place in the order of code points.

DuckDB finds the distinct texts, and hands out a hash for each row in place of its text, so that no
Python object is made for a row. The hash is as short as keeps them apart, which is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from core.reading.sorting import smallest
from core.reading.sql import ask_columns
from core.threads import on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

HASHES = (
    "hash({0})",
    "coalesce(md5_number_lower({0}), 0)",
    "coalesce(md5_number_upper({0} || 'tracer'), 0)",
)
"""SQL for the hash of a text, tried in turn until none is shared: the first never failed yet."""

_WIDTHS = ((16, "USMALLINT", np.uint16), (32, "UINTEGER", np.uint32), (64, "UBIGINT", np.uint64))

SPARSE = 4
"""Places of a table for each hash in it."""


class Places:
    """Where each of some hashes stands among them."""

    def __init__(self, hashes: NDArray[np.unsignedinteger]) -> None:
        """For (k) hashes: tables by some of their bits, each for those that shared the ones before.

        That takes no look at a hash itself, but for the few that share all their bits in tables.
        """
        unknown = len(hashes)
        self.kind = smallest(unknown + 1)
        self._unknown = unknown
        self._rounds: list[tuple[np.unsignedinteger, np.unsignedinteger, NDArray[Any]]] = []
        left = np.arange(unknown, dtype=self.kind)
        width, taken = 8 * hashes.itemsize, 0
        while len(left):
            bits = min(width, max(8, (len(left) * SPARSE - 1).bit_length()))
            if taken + bits > width:
                break
            taken += bits
            shift, mask = hashes.dtype.type(width - taken), hashes.dtype.type((1 << bits) - 1)
            table = np.full(1 << bits, unknown, dtype=self.kind)
            slot = hashes[left] >> shift & mask
            table[slot] = left
            shares = table[slot] != left
            table[slot[shares]] = unknown
            self._rounds.append((shift, mask, table))
            left = left[table[slot] != left]
        self._rest = left[np.argsort(hashes[left])]
        self._hashes = hashes[self._rest]

    @property
    def are_distinct(self) -> bool:
        """Whether no two hashes are equal: those share the bits of every table."""
        return bool((self._hashes[1:] != self._hashes[:-1]).all())

    def of(self, values: NDArray[np.unsignedinteger]) -> NDArray[np.unsignedinteger]:
        """(n) the places of (n) values, each of which is one of the hashes."""
        found = np.empty(len(values), dtype=self.kind)
        on_all_cores(self.put, ((values[part], found[part]) for part in slices(len(values))))
        return found

    def put(self, job: tuple[NDArray[np.unsignedinteger], NDArray[np.unsignedinteger]]) -> None:
        """For (n) values, put their places into (n) others; on this thread."""
        values, places = job
        wanted = values
        # Which of them are sought still; all at first.
        open_: NDArray[np.int64] | None = None
        for shift, mask, table in self._rounds:
            slot = wanted >> shift
            slot &= mask
            # Seen as what NumPy takes by, which it would make of them otherwise. To clip is faster
            # than to look for numbers out of range, of which there are none.
            slot = slot.view(np.int64) if slot.itemsize == 8 else slot
            if open_ is None:
                np.take(table, slot, out=places, mode="clip")
                open_ = np.flatnonzero(places == self._unknown)
            else:
                some = table.take(slot, mode="clip")
                places[open_] = some
                open_ = open_[some == self._unknown]
            wanted = values[open_]
        places[slice(None) if open_ is None else open_] = self._rest[
            self._hashes.searchsorted(wanted)
        ]


@dataclass(frozen=True, eq=False)
class Texts:
    """The distinct texts of a column."""

    texts: NDArray[np.object_]
    """(k) in the order of their code points, and before them "" for NULL."""
    blank: int
    """How many of them are empty, or NULL: 0 to 2, the first."""
    places: Places
    """Of their hashes, no two of which are alike."""
    hash_sql: str
    """SQL for a hash, with `{0}` for the text."""


def distinct_texts(
    connection: duckdb.DuckDBPyConnection, relations: Sequence[str], column: str
) -> Texts:
    """The distinct texts in a column of some relations."""
    rows = " UNION ALL ".join(f"SELECT {column} FROM {relation}" for relation in relations)
    for hash_sql in HASHES:
        found = ask_columns(
            connection,
            f"SELECT {column} AS text, {hash_sql.format(column)} AS hash FROM "
            f"(SELECT DISTINCT {column} FROM ({rows})) ORDER BY 1 NULLS FIRST",
        )
        texts = np.ma.filled(found["text"], "")
        blank = sum(not text for text in texts[:2])
        whole = np.asarray(found["hash"])
        for bits, name, kind in _WIDTHS:
            if len(whole) ** 2 > 2 << bits and bits < 64:
                continue  # some two would share one, as birthdays are shared
            places = Places((whole >> np.uint64(64 - bits)).astype(kind))
            if places.are_distinct:
                short = f"CAST({hash_sql} >> {64 - bits} AS {name})"
                return Texts(texts, blank, places, hash_sql if bits == 64 else short)
    raise RuntimeError("three hashes of 64 bits met in one text each")


def places_of(
    values: NDArray[np.unsignedinteger], hashes: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """(n) the place of each value in `hashes`, which are all distinct and hold every value."""
    return Places(hashes).of(values)
