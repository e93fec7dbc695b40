"""Asking the engine away from the screen: one question at a time, and only the newest counts.

While a question is being answered, newer ones wait, each replacing the one before. So twenty quick
key presses cost two answers, and the last one shown is to the last one pressed.
"""

from __future__ import annotations

from typing import Generic, TypeVar

Question = TypeVar("Question")


class Newest(Generic[Question]):
    """What is asked, and what is being answered."""

    def __init__(self) -> None:
        """Begin with nothing asked."""
        self.waiting: Question | None = None
        self.running: Question | None = None

    def ask(self, question: Question) -> Question | None:
        """Ask; returns the question to answer now, or None while another is being answered."""
        self.waiting = question
        return self.next() if self.running is None else None

    def done(self) -> Question | None:
        """Say that the running question has been answered; returns the one to answer now."""
        self.running = None
        return self.next()

    def next(self) -> Question | None:
        """The question that waits, which now runs."""
        self.running, self.waiting = self.waiting, None
        return self.running
