"""`RowNumbers`: which row of the store each event is; worked out when it is first asked for.

Counting needs only users, names and times, and sorting these alone takes a third of the time.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Column = NDArray[np.unsignedinteger]


class RowNumbers:
    """A column that is there once it is asked for. Safe to ask from any thread."""

    def __init__(self, find: Callable[[], Column]) -> None:
        """Found by `find`, which is called once."""
        self._find = find
        self._lock = threading.RLock()

    @classmethod
    def known(cls, column: Column) -> RowNumbers:
        """A column that is there already."""
        return cls(lambda: column)

    def all(self) -> Column:
        """(n) the number of each event's row."""
        with self._lock:
            found = self._find()
            # Nothing else that it was worked out from is kept.
            self._find = lambda: found
            return found

    def part(self, which: slice | NDArray[np.generic]) -> RowNumbers:
        """Those of some events."""
        return RowNumbers(lambda: self.all()[which])
