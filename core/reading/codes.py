"""Texts to numbers: every distinct text gets its place in the order of code points.

DuckDB finds the distinct texts, and hands out a hash for each row in place of its text, so that no
Python object is made for a row. The hash is as short as keeps them apart, which is checked.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

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

SPARSE = 8
"""Places of a table for each hash in it."""


@dataclass(frozen=True, eq=False)
class Texts:
    """The distinct texts of a column."""

    texts: NDArray[np.object_]
    """(k) in the order of their code points, and before them "" for NULL."""
    blank: int
    """How many of them are empty, or NULL: 0 to 2, the first."""
    hashes: NDArray[np.unsignedinteger]
    """(k) the hash of each, no two alike."""
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
            hashes: NDArray[np.unsignedinteger] = (whole >> np.uint64(64 - bits)).astype(kind)
            if len(hashes) < 1 << bits and _are_distinct(hashes):
                short = f"CAST({hash_sql} >> {64 - bits} AS {name})"
                return Texts(texts, blank, hashes, hash_sql if bits == 64 else short)
    raise RuntimeError("three hashes of 64 bits met in one text each")


def _are_distinct(hashes: NDArray[np.unsignedinteger]) -> bool:
    # Sorted, because `np.unique` puts every number into a hash table, fifty times as slowly.
    by_size = np.sort(hashes)
    return bool((by_size[1:] != by_size[:-1]).all())


def places_of(
    values: NDArray[np.unsignedinteger], hashes: NDArray[np.unsignedinteger]
) -> NDArray[np.unsignedinteger]:
    """(n) the place of each value in `hashes`, which are all distinct and hold every value."""
    unknown = len(hashes)
    result = np.zeros(len(values), dtype=smallest(unknown + 1))
    where: NDArray[np.int64] | None = None
    left = np.arange(len(hashes), dtype=result.dtype)
    wanted = values
    width, taken = 8 * hashes.itemsize, 0
    # Each round looks at other bits of what shared them in the one before.
    while len(left):
        bits = min(width, max(8, (len(left) * SPARSE - 1).bit_length()))
        if taken + bits > width:
            # No bits are left to look at alone: the few hashes that share all of them are sought.
            rest = left[np.argsort(hashes[left])]
            result[slice(None) if where is None else where] = rest[
                hashes[rest].searchsorted(wanted)
            ]
            break
        taken += bits
        shift, mask = hashes.dtype.type(width - taken), hashes.dtype.type((1 << bits) - 1)
        table = np.full(1 << bits, unknown, dtype=result.dtype)
        slot = hashes[left] >> shift & mask
        table[slot] = left
        table[slot[table[slot] != left]] = unknown
        found = np.empty(len(wanted), dtype=result.dtype)

        def look(part: slice) -> NDArray[np.int64]:
            there = wanted[part] >> shift  # noqa: B023 - called before the next round
            there &= mask  # noqa: B023 - as above
            # Seen as what NumPy takes by, which it would make of them otherwise. To clip is faster
            # than to look for numbers out of range, of which there are none.
            places = there.view(np.int64) if there.itemsize == 8 else there
            np.take(table, places, out=found[part], mode="clip")  # noqa: B023 - as above
            open_: NDArray[np.int64] = np.flatnonzero(found[part] == unknown)  # noqa: B023 - as above
            return open_ + int(part.start)

        open_ = np.concatenate([np.empty(0, np.int64), *on_all_cores(look, slices(len(wanted)))])
        if where is None:
            result = found
        else:
            result[where] = found
        left = left[table[slot] != left]
        wanted = wanted[open_]
        where = open_ if where is None else where[open_]
    return result
