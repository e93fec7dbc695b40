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
        return [part for name, text in self.settings() for part in as_flag(name, text)]

    def settings(self) -> list[tuple[str, str]]:
        """The names of those flags, each with its text."""
        found: list[tuple[str, str | None]] = []
        plain = Study()
        if self.timeout != plain.timeout:
            found.append(("timeout", format_limit(self.timeout)))
        found += self._rules()
        if self.stages and not self.suggested:
            found.append(("stages", format_stages(self.stages)))
        if self.window != plain.window:
            found.append(("window", format_limit(self.window)))
        for name in ("scope", "order", "start"):
            if getattr(self, name) != getattr(plain, name):
                found.append((name, getattr(self, name)))
        if self.ignore:
            found.append(("ignore", format_stages([Stage((name,)) for name in self.ignore])))
        found += [("exclude", format_exclusion(each)) for each in self.exclusions]
        found += [
            ("since", None if self.since is None else iso_text(self.since)),
            ("until", None if self.until is None else iso_text(self.until)),
            *((name, getattr(self, name)) for name in ("hold", "attempts", "where", "user")),
        ]
        return [(name, text) for name, text in found if text is not None]

    def _rules(self) -> list[tuple[str, str | None]]:
        rules = self.journey_rules
        length = None if rules.max_length is None else format_duration(rules.max_length)
        return [
            ("midnight", rules.midnight_tz),
            ("max_length", length),
            ("session_start", rules.start_event),
            ("session_end", rules.end_event),
            ("session_field", rules.session_field),
        ]


def as_flag(name: str, text: str) -> list[str]:
    """A flag as a command has it; a text that begins as a flag does follows an "="."""
    flag = f"--{name.replace('_', '-')}"
    return [f"{flag}={text}"] if text.startswith("-") else [flag, text]
