"""`Study`: one immutable question. Flags, JSON and the screen are its renderings.

It holds no data and compares by value, so an answer that carries its study can be told from one to
an older question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Self

from core.durations import format_limit
from core.funnel import Funnel, Order, Scope, Stage, Start, format_stages
from core.journeys import DEFAULT_TIMEOUT


@dataclass(frozen=True, slots=True)
class Study:
    """How to cut the log into journeys, what to count, and whose."""

    timeout: int | None = DEFAULT_TIMEOUT
    """Session timeout in microseconds; None is off."""
    stages: tuple[Stage, ...] = ()
    """The funnel's stages; empty until they are named or suggested."""
    suggested: bool = False
    """Whether the stages were suggested from the data."""
    scope: Scope = "journeys"
    """What is counted."""
    order: Order = "ordered"
    """How matched events follow one another."""
    start: Start = "best"
    """Which stage-1 event may start."""
    window: int | None = None
    """Conversion window in microseconds; None is off."""
    user: str | None = None
    """Only this user's events; None is everybody's."""

    @property
    def funnel(self) -> Funnel | None:
        """The funnel it asks, or None while it has no stages. Raises QuestionError."""
        if not self.stages:
            return None
        return Funnel(self.stages, self.scope, self.order, self.start, self.window)

    def check(self) -> None:
        """Raise QuestionError if this cannot be asked, whatever the stages will be."""
        Funnel(self.stages or (Stage.any_event(),), self.scope, self.order, self.start, self.window)

    def with_timeout(self, timeout: int | None) -> Self:
        """The same question with another session timeout."""
        return replace(self, timeout=timeout)

    def with_window(self, window: int | None) -> Self:
        """The same question with another conversion window."""
        return replace(self, window=window)

    def with_scope(self, scope: Scope) -> Self:
        """The same question counting journeys or users."""
        return replace(self, scope=scope)

    def with_stages(self, stages: tuple[Stage, ...], *, suggested: bool = False) -> Self:
        """The same question about other stages."""
        return replace(self, stages=stages, suggested=suggested)

    def flags(self) -> list[str]:
        """The command-line flags that ask this question; those at their default are left out."""
        flags = []
        plain = Study()
        if self.timeout != plain.timeout:
            flags += ["--timeout", format_limit(self.timeout)]
        if self.stages and not self.suggested:
            flags += ["--stages", format_stages(self.stages)]
        if self.window != plain.window:
            flags += ["--window", format_limit(self.window)]
        if self.scope != plain.scope:
            flags += ["--scope", self.scope]
        if self.order != plain.order:
            flags += ["--order", self.order]
        if self.start != plain.start:
            flags += ["--start", self.start]
        if self.user is not None:
            flags += ["--user", self.user]
        return flags
