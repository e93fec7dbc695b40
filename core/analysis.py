"""`analyze_funnel` asks a funnel of journeys; `FunnelResult` is how far each unit got.

NumPy is imported where an answer is computed, not before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from core.durations import from_timedelta, parse_limit
from core.errors import QuestionError, did_you_mean
from core.event import from_datetime
from core.funnel import Exclusion, Funnel, Scope, Start
from core.journeys import Journeys, gap_limit
from core.stage import Stage, as_stage
from core.walk import Order, Rules

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.depth import Reached
    from core.log import EventLog
    from core.rows import Selection, StageRows

FindRows = Callable[["Selection"], "StageRows"]
"""Finds the rows of a selection."""
Reach = Callable[["StageRows", int, Rules], "tuple[Reached, ...]"]
"""Finds the units that reached each stage, as `core.depth.reach`."""


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
    """Units that reached it, not the next, and are not pending; 0 for the last stage (rule R2)."""
    drop_off: float | None
    """`dropped` as a fraction of `count`; None for the last stage or when `count` is zero."""
    pending: int = 0
    """Users that could still go on when the data ends: their window is open (rule F11)."""
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
    free: tuple[Reached, ...] | None = field(default=None, repr=False)
    """The same without the exclusions that remove units; None when there are none."""

    @cached_property
    def stages(self) -> tuple[StageResult, ...]:
        """One result for each stage, in order."""
        counts = self._counts
        results = []
        for i, count in enumerate(counts):
            is_last = i + 1 == len(counts)
            pending = 0 if is_last else len(self._pending[i])
            dropped = 0 if is_last else count - counts[i + 1] - pending
            before = counts[i - 1] if i else 0
            results.append(
                StageResult(
                    stage=self.funnel.stages[i].label,
                    count=count,
                    conversion=count / counts[0] if counts[0] else 0.0,
                    step_conversion=count / before if before else None,
                    dropped=dropped,
                    drop_off=dropped / count if count and not is_last else None,
                    pending=pending,
                )
            )
        return tuple(results)

    @property
    def conversion_rates(self) -> list[float]:
        """The conversion of each stage, fractions of the first."""
        return [stage.conversion for stage in self.stages]

    @property
    def excluded(self) -> int:
        """Units taken out of the funnel by exclusions with the policy `remove` (rule F8)."""
        return len(self._removed)

    @cached_property
    def depths(self) -> NDArray[np.int8]:
        """(units) the deepest stage each unit reached, 0 for none; journeys or users in order."""
        from core.depth import zero_depths

        units, depth = self._depths
        result = zero_depths(len(self._edges))
        result[self._numbers(units)] = depth
        return result

    @cached_property
    def pending(self) -> NDArray[np.bool_]:
        """(units) whether each could still go on when the data ends (rule F11)."""
        flags = self.depths < 0
        for units in self._pending:
            flags[self._numbers(units)] = True
        return flags

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

    @cached_property
    def _counts(self) -> list[int]:
        if self.free is None:
            return [reached.count(self.funnel.window) for reached in self.reached]
        depth = self._depths[1]
        return [int((depth >= stage).sum()) for stage in range(1, len(self.reached) + 1)]

    @cached_property
    def _depths(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The units in the funnel, and the depth of each."""
        from core.depth import depths, without

        units, depth = depths(self.reached, self.funnel.window)
        return without(units, depth, self._removed) if len(self._removed) else (units, depth)

    @cached_property
    def _removed(self) -> NDArray[np.int64]:
        from core.depth import shallower

        return shallower(self.reached, self.free, self.funnel.window)

    @cached_property
    def _pending(self) -> list[NDArray[np.int64]]:
        """For each stage but the last, the units that are pending there."""
        from core.depth import pending

        units, depth = self._depths
        if self.funnel.scope != "users":
            return [units[:0]] * (len(self.reached) - 1)
        rules = self.funnel.rules(self.funnel.exclude())
        return pending(self.rows, self.reached, units, depth, self.funnel.window, rules)

    @property
    def _edges(self) -> NDArray[np.int64]:
        """(units) the position in the log where each begins."""
        by_users = self.funnel.scope == "users"
        return self.journeys.log.offsets[:-1] if by_users else self.journeys.starts

    def _numbers(self, units: NDArray[np.int64]) -> NDArray[np.int64]:
        """The numbers of units that are named by their first stage row."""
        return self._edges.searchsorted(self.rows.positions[units], side="right") - 1


def analyze_funnel(
    journeys: Journeys,
    stages: Sequence[Stage | str | Iterable[str]],
    *,
    scope: Scope = "journeys",
    order: Order = "ordered",
    start: Start = "best",
    window: str | timedelta | None = None,
    exclusions: Iterable[Exclusion | str] = (),
    ignore: Iterable[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
) -> FunnelResult:
    """Count journeys or users through stages.

    A unit's depth is the longest run of stages, from the first, that distinct events of the unit
    match at non-decreasing times, all within `window` of the first, over every possible start
    (rule F1). A stage is an event name, several of which any will do, or a `Stage`. The window is
    text with a unit ("7d"), a timedelta, or None for off; its edge counts.

    `order`: "ordered" passes over other events in between; "strict" allows only those of `ignore`;
    "any" counts how many stages are matched inside one window, in any order. `start`: "first" lets
    only a unit's first stage-1 event start. `exclusions` are events that must not occur in between:
    a name excludes from the first stage to the last, an `Exclusion` says more. `since` and `until`
    select the attempts by when they start, `until` not included; later events still count.

    Raises QuestionError for a question that makes no sense; a name that never occurs is a warning
    of the result.
    """
    funnel = Funnel(
        stages=tuple(as_stage(stage) for stage in stages),
        scope=scope,
        order=order,
        start=start,
        window=_as_window(window),
        ignore=tuple(ignore),
        exclusions=tuple(e if isinstance(e, Exclusion) else Exclusion((e,)) for e in exclusions),
        since=None if since is None else from_datetime(since),
        until=None if until is None else from_datetime(until),
    )
    return count_funnel(journeys, funnel)


def count_funnel(
    journeys: Journeys,
    funnel: Funnel,
    find: FindRows | None = None,
    reach: Reach | None = None,
) -> FunnelResult:
    """Like `analyze_funnel`, for a ready question.

    `find` and `reach` may stand in for the kernels, to give what is known already.
    """
    from core import depth, rows

    find = find or (lambda selection: rows.find_rows(journeys.log, selection))
    reach = reach or depth.reach
    limit = unit_limit(funnel.scope, journeys.timeout)
    every, breaking = funnel.exclude(), funnel.exclude(all_policies=False)
    found = find(funnel.selection(every))
    reached = reach(found, limit, funnel.rules(every))
    free = None
    if every != breaking:
        free = reach(find(funnel.selection(breaking)), limit, funnel.rules(breaking))
    warnings = tuple(_absent(journeys.log, funnel))
    return FunnelResult(funnel, journeys, warnings, found, reached, free)


def unit_limit(scope: Scope, timeout: int | None) -> int:
    """The gap that ends a unit, microseconds: a journey's by its timeout, a user's never."""
    return gap_limit(None if scope == "users" else timeout)


def _absent(log: EventLog, funnel: Funnel) -> Iterable[str]:
    """A warning for each name that never occurs (rule R4), once."""
    names = [name for stage in funnel.stages for name in stage.any_of]
    names += [name for exclusion in funnel.exclusions for name in exclusion.any_of]
    for name in dict.fromkeys((*names, *funnel.ignore)):
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
