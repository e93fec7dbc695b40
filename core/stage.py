"""`Stage`: one step of a funnel, and stages as text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from core.errors import QuestionError


@dataclass(frozen=True, slots=True)
class Stage:
    """One step of a funnel: an event of any of these names."""

    any_of: tuple[str, ...] = ()
    """Event names, any of which will do; empty means any event at all."""
    where: str | None = None
    """A SQL condition on the event's properties."""
    name: str | None = None
    """What to call the stage; None calls it by its events."""

    def __post_init__(self) -> None:
        """Keep names as a tuple, also when one text was given. Raises QuestionError when empty."""
        given: object = self.any_of
        names = (given,) if isinstance(given, str) else tuple(self.any_of)
        object.__setattr__(self, "any_of", names)
        if not all(self.any_of):
            raise QuestionError("a stage needs an event name, and this one is empty")
        if self.where is not None and not self.where.strip():
            raise QuestionError("the condition of a stage is empty: leave out `where`")

    @classmethod
    def any_event(cls, name: str | None = None) -> Stage:
        """A stage that every event fills."""
        return cls((), name=name)

    @property
    def names(self) -> frozenset[str] | None:
        """The event names that fill it; None is any event."""
        return frozenset(self.any_of) or None

    @property
    def label(self) -> str:
        """What to call it: its name, else its events as `a|b`, or `*`, and its condition."""
        events = "|".join(self.any_of) or "*"
        return self.name or (f"{events} where {self.where}" if self.where else events)


def as_stage(value: Stage | str | Iterable[str]) -> Stage:
    """A stage from itself, from one event name, or from several of which any will do."""
    if isinstance(value, Stage):
        return value
    return Stage((value,) if isinstance(value, str) else tuple(value))


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Stages from text: `a,b|c,*` is a, then b or c, then any event.

    `purchase where amount > 100` adds a condition, and `Big one=purchase where amount > 100` a name
    to call the stage by. A backslash before `,`, `|`, `*`, `=`, a backslash, a space at the edge or
    one before `where` makes it part of a name, and before `,` of a condition.
    """
    return tuple(_parse_stage(part) for part in _split(text, ","))


def parse_names(text: str) -> tuple[str, ...]:
    """Event names from text: `a,b`, with backslashes as in stages."""
    stages = parse_stages(text)
    if any(len(stage.any_of) != 1 or stage.name or stage.where for stage in stages):
        raise QuestionError(f"{text!r} is not a list of event names: write a,b")
    return tuple(stage.any_of[0] for stage in stages)


def format_stages(stages: Sequence[Stage]) -> str:
    """The text that `parse_stages` reads back."""
    return ",".join(map(_format_stage, stages))


def _format_stage(stage: Stage) -> str:
    events = "|".join(map(_escaped, stage.any_of)) or "*"
    if stage.name:
        events = f"{_escaped(stage.name)}={events}"
    if stage.where is None:
        return events
    condition = re.sub(r"([\\,]|^\s|\s\Z)", r"\\\1", stage.where)
    return f"{events} where {condition}"


def _parse_stage(text: str) -> Stage:
    # Lazily, token by token: a backslash keeps a " where " in the name.
    found = re.fullmatch(r"((?:\\.|[^\\])*?) where (.*)", text, re.S)
    if found is not None:
        return replace(_parse_stage(found[1]), where=_unescaped(_stripped(found[2])))
    name, *events = _split(text, "=")
    if events:
        called = _unescaped(_stripped(name))
        if len(events) > 1 or not called:
            raise QuestionError(
                f"{text!r} is not a stage: write Name=event, and \\= for = in the name of an event"
            )
        return replace(_parse_stage(events[0]), name=called)
    if text.strip() == "*":
        return Stage.any_event()
    names = tuple(_unescaped(_stripped(name)) for name in _split(text, "|"))
    if not all(names):
        raise QuestionError(
            f"{text!r} is not a stage: write an event name, a|b for any of several, * for any event"
        )
    return Stage(names)


def _split(text: str, separator: str) -> list[str]:
    """Split at separators that no backslash stands before; escapes stay as they are."""
    parts = [""]
    for token in re.findall(r"\\.|.", text, re.S):
        if token == separator:
            parts.append("")
        else:
            parts[-1] += token
    return parts


def _stripped(text: str) -> str:
    """Without the spaces around it that no backslash stands before."""
    tokens = re.findall(r"\\.|.", text, re.S)
    while tokens and tokens[-1].isspace():
        tokens.pop()
    return "".join(tokens).lstrip()


def _unescaped(name: str) -> str:
    return re.sub(r"\\(.)", r"\1", name, flags=re.S)


def _escaped(name: str) -> str:
    # A dash ahead would make a flag of it on the command line.
    return re.sub(r"([\\,|*=]|^[\s-]|\s\Z|\s(?=where ))", r"\\\1", name)
