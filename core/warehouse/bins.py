"""How many values lie between edges, whatever the number of edges: one search tree, one scan.

A condition for each pair of edges would compare every value with all of them; a tree of comparisons
compares it with as many as it takes to halve them down to one.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import ibis

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.warehouse.session import Session

MISSING = -1
"""The bin of NULL."""


@dataclass(frozen=True)
class Bins:
    """How many values there are between edges."""

    edges: tuple[int, ...]
    """Ascending, no two alike."""
    counts: tuple[int, ...]
    """(edges + 1) values below the first edge, then from each edge up to the next."""
    missing: int
    """Values that are NULL."""

    def at_least(self, edge: int) -> int:
        """Values from an edge on."""
        return sum(self.counts[bisect_left(self.edges, edge) + 1 :])

    def below(self, edge: int) -> int:
        """Values before an edge."""
        return sum(self.counts[: bisect_left(self.edges, edge) + 1])


def count_bins(
    session: Session, columns: Sequence[ir.IntegerColumn], edges: Sequence[int], what: str
) -> tuple[Bins, ...]:
    """The bins of each of some columns of one table, in one scan; `edges` ascend."""
    size = len(edges) + 2
    # A number tells the column as well as the bin, so that all columns are grouped as one.
    numbers = [_bin(column, edges) + 1 + place * size for place, column in enumerate(columns)]
    if len(numbers) == 1:
        rows = numbers[0].name("bin").as_table()
    else:
        rows = ibis.array(numbers).name("bin").as_table()
        rows = rows.select(bin=rows.bin.unnest())
    found = session.ask(rows.group_by("bin").agg(values=rows.count()), what).to_pylist()
    counts = [0] * (size * len(columns))
    for row in found:
        counts[int(row["bin"])] = int(row["values"])
    return tuple(
        Bins(tuple(edges), tuple(own[1:]), own[0])
        for own in (counts[start : start + size] for start in range(0, len(counts), size))
    )


def _bin(value: ir.IntegerColumn, edges: Sequence[int]) -> ir.IntegerValue:
    """How many edges are at most each value."""

    def between(low: int, high: int) -> ir.IntegerValue:
        """For values of which it is known that at least `low` are, and at most `high`."""
        if low == high:
            return ibis.literal(low, "int64")
        middle = (low + high) // 2
        return (value >= edges[middle]).ifelse(between(middle + 1, high), between(low, middle))

    return value.isnull().ifelse(ibis.literal(MISSING, "int64"), between(0, len(edges)))
