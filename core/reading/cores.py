"""Work on slices of columns, on all cores: NumPy lets go of Python's lock while it computes."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")

SLICE = 1 << 18
"""Rows that fit into a core's cache, with what is made of them."""


def cores() -> int:
    """The cores that this process may use."""
    return len(os.sched_getaffinity(0))


def on_all_cores(work: Callable[[Item], Result], items: Iterable[Item]) -> list[Result]:
    """The results of some work for each item, in order."""
    with ThreadPoolExecutor(cores()) as pool:
        return list(pool.map(work, items))


def slices(length: int, size: int = SLICE) -> list[slice]:
    """Slices of so many rows that cover a column."""
    return [slice(start, min(start + size, length)) for start in range(0, length, size)]
