"""What of the events a study sees: columns, flags and the fields it names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from core.study import Study

if TYPE_CHECKING:
    from core.stage import Stage


class View(NamedTuple):
    """Which events of a table a question sees, and what of them besides user, name and time."""

    user: str | None = None
    """Only this user's; None is everybody's."""
    where: str | None = None
    """Only those that meet this condition, in the SQL of the engine."""
    names: tuple[str, ...] | None = None
    """Only those with one of these names; None is all."""
    conditions: tuple[str, ...] = ()
    """Conditions of which each event gets a flag: `c0`, `c1`, …, 1 or 0."""
    fields: tuple[str, ...] = ()
    """Fields whose values each event gets as text: `f0`, `f1`, …; NULL for none or an empty one."""
    properties: bool = False
    """Whether each event gets all its other columns too, under their names after `p `."""
    users: tuple[str, ...] = ()
    """Only those of these users; none is everybody's."""
    search: str = ""
    """Only those of users whose ids contain this text, whatever its case."""


def view_of(study: Study, more: Sequence[Stage] = (), *, stages: bool = True) -> View:
    """The view of a study, and of some stages more; without `stages` only what cutting into
    journeys needs.
    """
    named = [study.journey_rules.session_field, *([study.hold] if stages else [])]
    asked = (*(study.stages if stages else ()), *more)
    conditions = [stage.where for stage in asked if stage.where]
    return View(
        user=study.user,
        where=study.where,
        conditions=tuple(dict.fromkeys(conditions)),
        fields=tuple(dict.fromkeys(name for name in named if name is not None)),
    )


def field_column(study: Study, field: str) -> str:
    """The column of a field in the events of the study's view."""
    return f"f{view_of(study).fields.index(field)}"


def cutting_of(study: Study) -> Study:
    """The part of a study that decides about journeys, whatever its funnel."""
    return Study(
        timeout=study.timeout,
        user=study.user,
        where=study.where,
        journey_rules=study.journey_rules,
    )
