"""`Funnel`: the question that is asked of journeys, and its exclusions."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from core.durations import LONGEST
from core.errors import QuestionError
from core.stage import Stage, format_stages, parse_stages
from core.walk import Order, Rules

if TYPE_CHECKING:
    from core.rows import Selection

Scope = Literal["journeys", "users"]
"""What is counted: each journey by itself, or each user over all journeys."""
Start = Literal["best", "first"]
"""Which stage-1 event may start: any of them, or only the unit's first (rule F5)."""
Attempts = Literal["mixpanel", "starts"]
"""Which attempts of a unit are counted: one after another, each beginning after the last has
converted, run out or been ended; or one for every stage-1 event (rule F10)."""
Policy = Literal["break", "remove"]
"""What an exclusion does: end the attempt, or take the unit out of the funnel (rule F8)."""

_BETWEEN, _POLICY = r"@(\d+)\.\.(\d+)", ":(break|remove)"
"""What may stand after the names of an exclusion in text."""
MOST_STAGES = 64
"""A funnel has at most this many stages: one bit each."""


@dataclass(frozen=True, slots=True)
class Exclusion:
    """Events that must not occur strictly between those matched to two stages (rule F8)."""

    any_of: tuple[str, ...]
    """The names of the events."""
    between: tuple[int, int] | None = None
    """The two stages, counted from 1; None is the first and the last."""
    policy: Policy = "break"
    """`break`: a match that spans one does not count, another may. `remove`: a unit that would get
    deeper without the exclusion is taken out of the funnel and counted as excluded."""

    def __post_init__(self) -> None:
        """Keep names as a tuple, also when one text was given."""
        given: object = self.any_of
        names = (given,) if isinstance(given, str) else tuple(self.any_of)
        object.__setattr__(self, "any_of", names)
        if not names or not all(names):
            raise QuestionError("an exclusion needs an event name")
        _one_of("policy", self.policy, get_args(Policy))


def parse_exclusion(text: str) -> Exclusion:
    """An exclusion from text: `refund`, `refund|cancel@2..4`, `refund@2..4:remove`.

    After `@` stand the two stages, counted from 1, after `:` what to do. Names have backslashes as
    in stages, and one before such an `@` or `:` at their end.
    """
    # Token by token: a backslash keeps an "@2..4" or a ":remove" in the name.
    found = re.fullmatch(rf"((?:\\.|[^\\])+?)(?:{_BETWEEN})?(?:{_POLICY})?\s*", text, re.S)
    stage, *more = parse_stages(found[1]) if found else (Stage(),)
    if found is None or more or not stage.any_of or stage.name or stage.where:
        raise QuestionError(
            f"{text!r} is not an exclusion: write refund, refund|cancel or refund@2..3:remove"
        )
    _, low, high, policy = found.groups()
    return Exclusion(
        any_of=stage.any_of,
        between=None if low is None else (int(low), int(high)),
        policy="remove" if policy == "remove" else "break",
    )


def format_exclusion(exclusion: Exclusion) -> str:
    """The text that `parse_exclusion` reads back."""
    low, high = exclusion.between or ("", "")
    between = f"@{low}..{high}" if exclusion.between else ""
    policy = "" if exclusion.policy == "break" else f":{exclusion.policy}"
    names = format_stages([Stage(exclusion.any_of)])
    return re.sub(rf"(?:{_BETWEEN}|{_POLICY})\Z", r"\\\g<0>", names) + between + policy


@dataclass(frozen=True, slots=True)
class Funnel:
    """A question: how far do units get along these stages? Raises QuestionError if it is none."""

    stages: tuple[Stage, ...]
    """In order, from 1 to `MOST_STAGES` of them."""
    scope: Scope = "journeys"
    """What is counted."""
    order: Order = "ordered"
    """How matched events follow one another."""
    start: Start = "best"
    """Which stage-1 event may start."""
    window: int | None = None
    """The longest time from the first matched event to the last, microseconds; None is off."""
    ignore: tuple[str, ...] = ()
    """In strict order, events that may stand between."""
    exclusions: tuple[Exclusion, ...] = ()
    """Events that must not occur between two stages."""
    since: int | None = None
    """Attempts start at this time or later, microseconds since 1970; later events are read all the
    same (rule F12)."""
    until: int | None = None
    """Attempts start before this time."""
    hold: str | None = None
    """A field whose value all matched events share: each unit is divided by its values, and events
    without one match nothing (rule F9)."""
    attempts: Attempts | None = None
    """Count attempts in place of units; None counts each unit once."""

    def __post_init__(self) -> None:
        """Refuse what cannot be asked."""
        if not self.stages:
            raise QuestionError("a funnel needs at least one stage: name an event")
        if len(self.stages) > MOST_STAGES:
            raise QuestionError(
                f"a funnel has at most {MOST_STAGES} stages, and this one has {len(self.stages)}"
            )
        _one_of("scope", self.scope, get_args(Scope))
        _one_of("order", self.order, get_args(Order))
        _one_of("start", self.start, get_args(Start))
        if self.window is not None and not 0 <= self.window <= LONGEST:
            raise QuestionError("a conversion window cannot be negative")
        if self.ignore and self.order != "strict":
            raise QuestionError("only strict order can ignore events; other orders ignore them all")
        if self.order == "any" and (self.start != "best" or self.exclusions or self._has_range):
            raise QuestionError(
                "in any order no stage comes first: leave out the start, the exclusions and the "
                "date range, or use 'ordered'"
            )
        if self.hold is not None and not self.hold:
            raise QuestionError("to hold a field constant, name it")
        if self.attempts is not None:
            _one_of("way to count attempts", self.attempts, get_args(Attempts))
            if self.order == "any" or self.start == "first":
                raise QuestionError(
                    "attempts are counted from each first stage: leave out the start, and use the "
                    "order 'ordered' or 'strict'"
                )
        for exclusion in self.exclusions:
            low, high = exclusion.between or (1, len(self.stages))
            if not 1 <= low < high <= len(self.stages):
                raise QuestionError(
                    f"an exclusion between stages {low} and {high} is not inside a funnel of "
                    f"{len(self.stages)} stages; write two of its numbers, the smaller first"
                )

    @property
    def _has_range(self) -> bool:
        return self.since is not None or self.until is not None

    def exclude(self, *, all_policies: bool = True) -> tuple[Exclusion, ...]:
        """The exclusions in force; without `all_policies` only those that break attempts."""
        return tuple(e for e in self.exclusions if all_policies or e.policy == "break")

    def selection(self, exclusions: Sequence[Exclusion]) -> Selection:
        """Which events matter to it, with some exclusions in force."""
        from core.rows import Selection

        ranges = [self._range(exclusion) for exclusion in exclusions]
        return Selection(
            stages=tuple(stage.names for stage in self.stages),
            conditions=tuple(stage.where for stage in self.stages),
            ignored=frozenset(self.ignore) if self.order == "strict" else None,
            excluded=tuple(
                (frozenset(e.any_of), low, high)
                for e, (low, high) in zip(exclusions, ranges, strict=True)
            ),
        )

    def rules(self, exclusions: Sequence[Exclusion]) -> Rules:
        """How its attempts are matched, with some exclusions in force."""
        return Rules(
            order=self.order,
            first=self.start == "first",
            since=self.since,
            until=self.until,
            exclusions=tuple((i, *self._range(e)) for i, e in enumerate(exclusions)),
        )

    def _range(self, exclusion: Exclusion) -> tuple[int, int]:
        low, high = exclusion.between or (1, len(self.stages))
        return low - 1, high - 1


def _one_of(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise QuestionError(f"there is no {what} {value!r}: use {' or '.join(known)}")
