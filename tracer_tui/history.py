"""The questions that were asked, to go back to and forth."""

from __future__ import annotations

from dataclasses import dataclass, replace

from core.study import Study

MOST = 200
"""Questions that are kept."""


@dataclass(frozen=True, slots=True)
class History:
    """Questions before and after the present one. It never changes; each step makes another."""

    past: tuple[Study, ...] = ()
    """What was asked before, the latest last."""
    future: tuple[Study, ...] = ()
    """What was taken back, the latest taken back last."""

    def asked(self, before: Study) -> History:
        """After a new question, which ends what was taken back."""
        return History((*self.past, before)[-MOST:])

    def undo(self, now: Study) -> tuple[Study, History]:
        """The question before, or the present one if there is none, and the history after that."""
        if not self.past:
            return now, self
        return self.past[-1], History(self.past[:-1], (*self.future, now))

    def redo(self, now: Study) -> tuple[Study, History]:
        """The question that was taken back last, likewise."""
        if not self.future:
            return now, self
        return self.future[-1], replace(self, past=(*self.past, now), future=self.future[:-1])
