"""Which line of the timeline shows what: sessions that fold, and the idle time between them.

Any line is found by a binary search: a user with a million events scrolls like one with ten.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class Folds:
    """The lines of a trail: for each session the idle time before it, its header, its events."""

    starts: NDArray[np.int64]
    """(s) the place of each session's first event."""
    events: int
    """Events of the trail."""
    folded: NDArray[np.bool_]
    """(s) whether only the header of a session is shown."""
    headers: NDArray[np.int64]
    """(s) the line of each session's header."""

    @classmethod
    def of(
        cls, starts: NDArray[np.int64], events: int, folded: NDArray[np.bool_] | None = None
    ) -> Folds:
        """Lay the lines out; nothing is folded unless said."""
        if folded is None or len(folded) != len(starts):
            folded = np.zeros(len(starts), dtype=np.bool_)
        sizes = np.diff(np.append(starts, events))
        # Before a header stand its idle line and, for each session before, all of its lines.
        lines = np.where(folded, 0, sizes) + 2
        headers = np.concatenate(([0], np.cumsum(lines)))[:-1] if len(starts) else starts
        return cls(starts, events, folded, headers)

    @property
    def line_count(self) -> int:
        """All lines."""
        if not len(self.starts):
            return 0
        last = len(self.starts) - 1
        shown = 0 if self.folded[last] else self.events - int(self.starts[last])
        return int(self.headers[last]) + 1 + shown

    def session_at(self, line: int) -> int:
        """The session that a line belongs to; the idle line before a header is the header's."""
        return max(0, int(self.headers.searchsorted(line + 1, side="right")) - 1)

    def place_at(self, line: int) -> int | None:
        """The place of the event on a line; None for a header or an idle line."""
        number = self.session_at(line)
        below = line - int(self.headers[number])
        return int(self.starts[number]) + below - 1 if below > 0 else None

    def session_of(self, place: int) -> int:
        """The session that the event at a place belongs to."""
        return max(0, int(self.starts.searchsorted(place, side="right")) - 1)

    def nearest_place(self, line: int) -> int:
        """The place of the event on a line; on another line that of the first event below it."""
        place = self.place_at(line)
        return int(self.starts[self.session_at(line)]) if place is None else place

    def line_of(self, place: int) -> int:
        """The line of the event at a place; where it is folded away, of its header."""
        number = self.session_of(place)
        header = int(self.headers[number])
        return header if self.folded[number] else header + 1 + place - int(self.starts[number])

    def with_fold(self, number: int, *, folded: bool) -> Folds:
        """With one session folded or not."""
        changed = self.folded.copy()
        changed[number] = folded
        return Folds.of(self.starts, self.events, changed)

    def with_all(self, *, folded: bool) -> Folds:
        """With every session folded, or none."""
        return Folds.of(self.starts, self.events, np.full(len(self.starts), folded))
