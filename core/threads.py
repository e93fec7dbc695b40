"""Work on all cores: slices of columns, and stretches of the log that end where users end.

NumPy lets other threads run while it works, so threads are enough.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache, partial
from itertools import pairwise
from typing import TYPE_CHECKING, Any, Generic, Protocol, TypeVar

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Item = TypeVar("Item")
Found = TypeVar("Found")


class Each(Protocol):
    """A way to do some work for each item."""

    def __call__(self, work: Callable[[Item], Found], items: Iterable[Item], /) -> list[Found]:
        """What the work finds in each item, in order."""
        ...


FEWEST = 500_000
"""Events for which another thread pays."""

SLICE = 1 << 18
"""Rows that fit into a core's cache, with what is made of them."""

LOOKED_AT = 8
"""As many times as many events fit that are only looked at."""


def cores() -> int:
    """The cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):  # not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def on_all_cores(work: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """What some work finds in each item, in order. The work for one must not wait for others.

    After an error no other item is begun.
    """
    return Begun(work, items).found()


class Begun(Generic[Found]):
    """What some work finds in each item; begun on all cores while other things are done."""

    def __init__(self, work: Callable[[Item], Found], items: Iterable[Item]) -> None:
        """Begin. The work for one must not wait for others."""
        self._futures = [_pool().submit(work, item) for item in items]

    def found(self) -> list[Found]:
        """All that was found, in order, once it has been; or raises what the work raised."""
        try:
            return [future.result() for future in self._futures]
        finally:
            self.stop()

    def stop(self) -> None:
        """Begin no other item."""
        for future in self._futures:
            future.cancel()


def one_by_one(work: Callable[[Item], Found], items: Iterable[Item]) -> list[Found]:
    """The same on this thread, also while the program ends, when no other thread can be had."""
    return [work(item) for item in items]


def extremes(column: NDArray[Any]) -> tuple[int, int]:
    """The least and the greatest of a column of whole numbers that has some."""
    found = on_all_cores(
        lambda part: (int(column[part].min()), int(column[part].max())), slices(len(column))
    )
    return min(least for least, _ in found), max(greatest for _, greatest in found)


def slices(length: int, size: int = SLICE) -> list[slice]:
    """Slices of so many rows that cover a column."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]


def in_stretches(
    offsets: NDArray[np.int64], work: Callable[[int, int], Found], rows: int | None = None
) -> list[Found]:
    """What some work finds in each of several stretches of a column, in order; run on all cores.

    `offsets` says where users begin, and at last where the column ends: stretches end there too.
    Each fits into a core's cache with what is made of it, if no user is longer: all of it, or where
    the work looks at each event and then at far fewer `rows`, those. A short column is one stretch,
    and so is an empty one.
    """
    length = int(offsets[-1])
    wanted = length if rows is None else max(rows, length // LOOKED_AT)
    count = max(1, wanted // SLICE) if length >= FEWEST else 1
    begins = offsets[offsets.searchsorted(np.arange(1, count) * (length // count))]
    edges = np.unique(np.concatenate(([0], begins, [length]))).tolist()
    found = list(pairwise(edges)) or [(0, length)]
    return together((partial(work, low, high) for low, high in found), length)


def together(jobs: Iterable[Callable[[], Found]], rows: int) -> list[Found]:
    """What some jobs find, in their order; run at the same time if `rows` are enough to pay.

    A job must not wait for others.
    """
    if rows < FEWEST:
        return [job() for job in jobs]
    return on_all_cores(_call, jobs)


def _call(job: Callable[[], Found]) -> Found:
    return job()


@cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(cores(), thread_name_prefix="core")
