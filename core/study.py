"""`Study`: one immutable question. Flags, JSON and the screen are its renderings.

It holds no data and compares by value, so an answer that carries its study can be told from one to
an older question.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple, Self

from core.durations import format_duration, format_limit
from core.event import iso_text
from core.funnel import Attempts, Exclusion, Funnel, Scope, Start, format_exclusion
from core.journeys import DEFAULT_TIMEOUT, NO_RULES, JourneyRules
from core.stage import Stage, format_stages
from core.walk import Order


class Events(NamedTuple):
    """Which events a study sees."""

    user: str | None
    """Only this user's; None is everybody's."""
    where: str | None
    """Only those that meet this SQL condition on their properties; None is all."""


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
    ignore: tuple[str, ...] = ()
    """In strict order, events that may stand between."""
    exclusions: tuple[Exclusion, ...] = ()
    """Events that must not occur between two stages."""
    since: int | None = None
    """Attempts start at this time or later, microseconds since 1970; None is any time."""
    until: int | None = None
    """Attempts start before this time; None is any time."""
    hold: str | None = None
    """A field whose value all matched events share; None holds none."""
    attempts: Attempts | None = None
    """Which attempts are counted in place of units; None counts units."""
    user: str | None = None
    """Only this user's events; None is everybody's."""
    journey_rules: JourneyRules = NO_RULES
    """What cuts journeys besides the timeout."""

    where: str | None = None
    """Only events that meet this SQL condition on their properties; None is all."""

    @property
    def events(self) -> Events:
        """Which events it sees."""
        return Events(self.user, self.where)

    @property
    def funnel(self) -> Funnel | None:
        """The funnel it asks, or None while it has no stages. Raises QuestionError."""
        if not self.stages:
            return None
        return self._ask(self.stages)

    def check(self) -> None:
        """Raise QuestionError if this cannot be asked, whatever the stages will be."""
        if self.stages:
            self._ask(self.stages)
        else:
            # Suggested stages will be few, but how many is not known yet.
            replace(self, exclusions=())._ask((Stage.any_event(),))

    def _ask(self, stages: tuple[Stage, ...]) -> Funnel:
        return Funnel(
            stages=stages,
            scope=self.scope,
            order=self.order,
            start=self.start,
            window=self.window,
            ignore=self.ignore,
            exclusions=self.exclusions,
            since=self.since,
            until=self.until,
            hold=self.hold,
            attempts=self.attempts,
        )

    def with_timeout(self, timeout: int | None) -> Self:
        """The same question with another session timeout."""
        return replace(self, timeout=timeout)

    def with_window(self, window: int | None) -> Self:
        """The same question with another conversion window."""
        return replace(self, window=window)

    def with_scope(self, scope: Scope) -> Self:
        """The same question counting journeys or users."""
        return replace(self, scope=scope)

    def with_order(self, order: Order) -> Self:
        """The same question with stages following one another otherwise."""
        return replace(self, order=order)

    def with_stages(self, stages: tuple[Stage, ...], *, suggested: bool = False) -> Self:
        """The same question about other stages."""
        return replace(self, stages=stages, suggested=suggested)

    def flags(self) -> list[str]:
        """The command-line flags that ask this question; those at their default are left out."""
        flags = []
        plain = Study()
        if self.timeout != plain.timeout:
            flags += ["--timeout", format_limit(self.timeout)]
        flags += self._rule_flags()
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
        if self.ignore:
            flags += ["--ignore", format_stages([Stage((name,)) for name in self.ignore])]
        for exclusion in self.exclusions:
            flags += ["--exclude", format_exclusion(exclusion)]
        for flag, moment in (("--since", self.since), ("--until", self.until)):
            if moment is not None:
                flags += [flag, iso_text(moment)]
        if self.hold is not None:
            flags += ["--hold", self.hold]
        if self.attempts is not None:
            flags += ["--attempts", self.attempts]
        if self.where is not None:
            flags += ["--where", self.where]
        if self.user is not None:
            flags += ["--user", self.user]
        return flags

    def _rule_flags(self) -> list[str]:
        rules = self.journey_rules
        texts = {
            "--midnight": rules.midnight_tz,
            "--max-length": None if rules.max_length is None else format_duration(rules.max_length),
            "--session-start": rules.start_event,
            "--session-end": rules.end_event,
            "--session-field": rules.session_field,
        }
        return [part for flag, text in texts.items() if text is not None for part in (flag, text)]
