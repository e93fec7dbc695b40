"""`Cohort`: who is listed, as filters that must all hold. Compares by value and holds no data."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, Self, TypeGuard, get_args

from core.errors import QuestionError
from core.stage import Stage

Kind = Literal["reached", "left", "went_on", "pending"]
"""The parts of a stage's bar: those who reached it; of them, those who left there, went on to the
next stage, or may still do."""
When = Literal["next", "last", "between"]
"""Just after the stage; at the end of the unit; anywhere after the stage and before the next one
(of those who left: before the unit's end)."""


@dataclass(frozen=True, slots=True)
class Part:
    """The units of a part of a stage's bar."""

    kind: Kind
    """Which part."""
    stage: int
    """The stage's index, from 0."""

    @property
    def depths(self) -> tuple[int, int]:
        """The least and the greatest depth of its units."""
        reached = self.stage + 1
        if self.kind in ("left", "pending"):
            return reached, reached
        return reached + (self.kind == "went_on"), 127


@dataclass(frozen=True, slots=True)
class Has:
    """The units with an event that would fill a stage: by its name, its properties, or both."""

    event: Stage
    """Which events."""


@dataclass(frozen=True, slots=True)
class Did:
    """Of the units that reached a stage, those that did something after it."""

    stage: int
    """The stage's index, from 0."""
    when: When
    """Where in what followed the counted event of the stage."""
    names: tuple[str, ...]
    """Events, any of which will do; none means that nothing followed."""


@dataclass(frozen=True, slots=True)
class Stayed:
    """Of the units that reached a stage, those whose events went on for so long after it."""

    stage: int
    """The stage's index, from 0."""
    at_least: int
    """Microseconds from the counted event of the stage to the unit's last event."""
    below: int | None
    """They are fewer than this; None is no limit."""


Filter = Part | Has | Did | Stayed
"""What a cohort is made of."""


def is_of_stage(each: Filter) -> TypeGuard[Part | Did | Stayed]:
    """Whether a filter asks where in the funnel a unit got."""
    return not isinstance(each, Has)


@dataclass(frozen=True, slots=True)
class Cohort:
    """Which users or journeys to list; without filters all users.

    Where a filter is about a stage of a funnel that counts journeys, each journey is listed by
    itself, so that every number on a bar opens exactly that many rows (rule N1).
    """

    filters: tuple[Filter, ...] = ()
    """They all hold."""

    @property
    def is_of_units(self) -> bool:
        """Whether it lists what the funnel counts rather than users."""
        return any(map(is_of_stage, self.filters))

    def and_also(self, added: Filter) -> Self:
        """With one filter more."""
        return self if added in self.filters else replace(self, filters=(*self.filters, added))

    def without(self, removed: Filter) -> Self:
        """With one filter fewer."""
        return replace(self, filters=tuple(each for each in self.filters if each != removed))

    def part_of(self, stage: int) -> Kind | None:
        """The first part of a stage's bar that it asks for."""
        parts = (each for each in self.filters if isinstance(each, Part))
        return next((part.kind for part in parts if part.stage == stage), None)

    def moved(self, place_of: Callable[[int], int | None], stages: int) -> Self:
        """For a funnel of so many stages, in which each stage stands at another place, or at none.

        A filter that has no meaning there is left out: from the last stage nobody leaves.
        """
        kept: list[Filter] = []
        for each in self.filters:
            if not is_of_stage(each):
                kept.append(each)
                continue
            place = place_of(each.stage)
            is_reached = isinstance(each, Part) and each.kind == "reached"
            if place is not None and place < stages - (not is_reached):
                kept.append(replace(each, stage=place))
        return replace(self, filters=tuple(kept))


EVERYBODY = Cohort()
"""All users, one row each."""


def parse_cohort(text: str) -> Cohort:
    """A cohort from text: `everybody`, or a part of a stage's bar such as `left@2`.

    Stages are counted from 1. Raises QuestionError for anything else.
    """
    if text == "everybody":
        return EVERYBODY
    kind, _, number = text.partition("@")
    known = {each: each for each in get_args(Kind)}
    if kind not in known or not number.isdecimal() or int(number) < 1:
        raise QuestionError(f"{text!r} is no list: write everybody, or {'@2, '.join(known)}@2")
    return Cohort((Part(known[kind], int(number) - 1),))
