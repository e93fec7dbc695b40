"""The funnel: `Stage` and `Funnel` are the question, `FunnelResult` is the answer.

Asking loads no NumPy; it is imported where an answer is computed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Literal, get_args

from core.durations import LONGEST, from_timedelta, parse_limit
from core.errors import QuestionError, did_you_mean
from core.journeys import Journeys, gap_limit

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.depth import Reached, StageRows
    from core.log import EventLog

Scope = Literal["journeys", "users"]
"""What is counted: each journey by itself, or each user over all journeys."""
Order = Literal["ordered", "strict", "any"]
"""How matched events follow one another."""
Start = Literal["best", "first"]
"""Which stage-1 event may start: any of them, or only the unit's first (rule F5)."""

MOST_STAGES = 64
"""A funnel has at most this many stages: one bit each."""


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
        if self.where is not None:
            raise QuestionError("conditions on properties are not available yet: leave out `where`")

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
        """What to call it: its name, else its events as `a|b`, or `*` for any event."""
        return self.name or "|".join(self.any_of) or "*"


def as_stage(value: Stage | str | Iterable[str]) -> Stage:
    """A stage from itself, from one event name, or from several of which any will do."""
    if isinstance(value, Stage):
        return value
    return Stage((value,) if isinstance(value, str) else tuple(value))


def parse_stages(text: str) -> tuple[Stage, ...]:
    """Stages from text: `a,b|c,*` is a, then b or c, then any event.

    A backslash before `,`, `|`, `*`, a backslash or a space at the edge makes it part of a name.
    """
    return tuple(_parse_stage(part) for part in _split(text, ","))


def format_stages(stages: Sequence[Stage]) -> str:
    """The text that `parse_stages` reads back."""
    return ",".join("|".join(map(_escaped, stage.any_of)) or "*" for stage in stages)


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
        if self.order != "ordered":
            raise QuestionError(f"order {self.order!r} is not available yet: use 'ordered'")
        if self.start != "best":
            raise QuestionError(f"start {self.start!r} is not available yet: use 'best'")
        if self.window is not None and not 0 <= self.window <= LONGEST:
            raise QuestionError("a conversion window cannot be negative")


@dataclass(frozen=True, slots=True)
class StageResult:
    """What one stage of a funnel came to."""

    stage: str
    """Its label."""
    count: int
    """Units that reached it."""
    conversion: float
    """`count` as a fraction of the first stage's; 0 when nobody reached it (rule R3)."""
    step_conversion: float | None
    """`count` as a fraction of the previous stage's; None for the first, or when that is zero."""
    dropped: int
    """Units that reached it and not the next; 0 for the last stage (rule R2)."""
    drop_off: float | None
    """`dropped` as a fraction of `count`; None for the last stage or when `count` is zero."""
    pending: int = 0
    """Units that may still go on when the data ends; they are not in `dropped` (rule F11)."""
    median_seconds: float | None = None
    """Median time from the counted start; None until it is measured."""


@dataclass(frozen=True, eq=False)
class FunnelResult:
    """How far each unit got. Units are journeys or users, as the funnel's scope says."""

    funnel: Funnel
    """The question."""
    journeys: Journeys
    """The journeys it was asked of."""
    warnings: tuple[str, ...]
    """What a reader should know: stages whose names never occur, with the nearest that do."""
    rows: StageRows = field(repr=False)
    """The events that match a stage."""
    reached: tuple[Reached, ...] = field(repr=False)
    """The units at each stage, with the window each needed."""

    @cached_property
    def stages(self) -> tuple[StageResult, ...]:
        """One result for each stage, in order."""
        counts = [reached.count(self.funnel.window) for reached in self.reached]
        results = []
        for i, count in enumerate(counts):
            is_last = i + 1 == len(counts)
            dropped = 0 if is_last else count - counts[i + 1]
            before = counts[i - 1] if i else 0
            results.append(
                StageResult(
                    stage=self.funnel.stages[i].label,
                    count=count,
                    conversion=count / counts[0] if counts[0] else 0.0,
                    step_conversion=count / before if before else None,
                    dropped=dropped,
                    drop_off=dropped / count if count and not is_last else None,
                )
            )
        return tuple(results)

    @property
    def conversion_rates(self) -> list[float]:
        """The conversion of each stage, fractions of the first."""
        return [stage.conversion for stage in self.stages]

    @cached_property
    def depths(self) -> NDArray[np.int8]:
        """(units) the deepest stage each unit reached, 0 for none; journeys or users in order."""
        from core.depth import depths, zero_depths

        units, depth = depths(self.reached, self.funnel.window)
        log = self.journeys.log
        by_users = self.funnel.scope == "users"
        edges = log.offsets[:-1] if by_users else self.journeys.starts
        result = zero_depths(len(edges))
        result[edges.searchsorted(self.rows.positions[units], side="right") - 1] = depth
        return result

    @cached_property
    def user_depths(self) -> NDArray[np.int8]:
        """(users) the deepest stage over each user's units, 0 for none."""
        from core.depth import deepest

        if self.funnel.scope == "users":
            return self.depths
        return deepest(self.depths, self.journeys.starts.searchsorted(self.journeys.log.offsets))

    def depth_by_user(self) -> dict[str, int]:
        """Every user's deepest stage over that user's units, counted from 1; 0 for none."""
        users = self.journeys.log.users.tolist()
        return dict(zip(users, self.user_depths.tolist(), strict=True))


def analyze_funnel(
    journeys: Journeys,
    stages: Sequence[Stage | str | Iterable[str]],
    *,
    scope: Scope = "journeys",
    order: Order = "ordered",
    start: Start = "best",
    window: str | timedelta | None = None,
) -> FunnelResult:
    """Count journeys or users through stages.

    A unit's depth is the longest run of stages, from the first, that distinct events of the unit
    match at non-decreasing times, all within `window` of the first, over every possible start
    (rule F1). A stage is an event name, several of which any will do, or a `Stage`. The window is
    text with a unit ("7d"), a timedelta, or None for off; its edge counts. Raises QuestionError for
    a question that makes no sense; a name that never occurs is a warning of the result.
    """
    funnel = Funnel(
        stages=tuple(as_stage(stage) for stage in stages),
        scope=scope,
        order=order,
        start=start,
        window=_as_window(window),
    )
    return count_funnel(journeys, funnel)


def count_funnel(
    journeys: Journeys,
    funnel: Funnel,
    rows: StageRows | None = None,
    reached: tuple[Reached, ...] | None = None,
) -> FunnelResult:
    """Like `analyze_funnel`, for a ready question; rows and units already known may be given."""
    from core.depth import reach, stage_rows

    if rows is None:
        rows = stage_rows(journeys.log, [stage.names for stage in funnel.stages])
    if reached is None:
        reached = reach(rows, unit_limit(funnel.scope, journeys.timeout))
    warnings = tuple(_absent(journeys.log, funnel.stages))
    return FunnelResult(funnel, journeys, warnings, rows, reached)


def unit_limit(scope: Scope, timeout: int | None) -> int:
    """The gap that ends a unit, microseconds: a journey's by its timeout, a user's never."""
    return gap_limit(None if scope == "users" else timeout)


def _absent(log: EventLog, stages: Sequence[Stage]) -> Iterable[str]:
    """A warning for each name that never occurs (rule R4), once."""
    for name in dict.fromkeys(name for stage in stages for name in stage.any_of):
        if name not in log.codes:
            yield f"no event is named {name!r}{did_you_mean(name, log.names)}"


def _as_window(window: str | timedelta | None) -> int | None:
    if isinstance(window, str):
        return parse_limit(window)
    if isinstance(window, timedelta):
        return from_timedelta(window)
    if window is not None:
        raise QuestionError(f"a window is text with a unit, such as '7d', not {window!r}")
    return None


def _one_of(what: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise QuestionError(f"there is no {what} {value!r}: use {' or '.join(known)}")


def _parse_stage(text: str) -> Stage:
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
    return re.sub(r"([\\,|*]|^\s|\s\Z)", r"\\\1", name)
