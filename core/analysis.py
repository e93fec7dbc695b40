"""`analyze_funnel` asks a funnel of journeys; `FunnelResult` is how far each unit got.

NumPy is imported where an answer is computed, not before.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING, Self

from core.durations import from_timedelta, parse_limit
from core.errors import QuestionError
from core.event import from_datetime
from core.funnel import Attempts, Exclusion, Funnel, Scope, Start
from core.journeys import Journeys, absent_names
from core.stage import Stage, as_stage
from core.walk import Order

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.attempts import Tried
    from core.depth import Reached
    from core.log import EventLog
    from core.rows import StageRows
    from core.unit_log import UnitLog
    from core.units import Units


HISTOGRAM_SECONDS = (1, 10, 60, 600, 3_600, 21_600, 86_400, 604_800, 2_592_000)
"""Where a histogram of times to convert is divided: 1s, 10s, 1m, 10m, 1h, 6h, 1d, 7d, 30d."""


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
    """Median time from the counted start, of those who reached it (rule R5); None for the first
    stage, or when nobody did."""
    p90_seconds: float | None = None
    """The time within which nine in ten of them did."""


@dataclass(frozen=True, slots=True)
class StepTime:
    """How long units took from their counted start to a stage (rule R5)."""

    median_seconds: float
    """Half of them took no longer."""
    p90_seconds: float
    """Nine in ten of them took no longer."""
    histogram: tuple[tuple[float, float | None, int], ...]
    """Seconds from, seconds to, and how many units took so long: `from` included, `to` not. The
    last has no end."""

    @classmethod
    def of(cls, times: NDArray[np.int64]) -> Self:
        """From the times, microseconds ascending, at least one."""
        edges = [0, *(second * 1_000_000 for second in HISTOGRAM_SECONDS)]
        places = [*times.searchsorted(edges).tolist(), len(times)]
        ends = [*edges[1:], None]
        return cls(
            median_seconds=_quantile(times, 0.5),
            p90_seconds=_quantile(times, 0.9),
            histogram=tuple(
                (low / 1e6, None if high is None else high / 1e6, after - before)
                for low, high, before, after in zip(
                    edges, ends, places[:-1], places[1:], strict=True
                )
            ),
        )


def _quantile(times: NDArray[np.int64], share: float) -> float:
    """A quantile in seconds, between two neighbours in proportion."""
    part, whole = math.modf(share * (len(times) - 1))
    low, high = int(times[int(whole)]), int(times[min(int(whole) + 1, len(times) - 1)])
    return (low + part * (high - low)) / 1_000_000


@dataclass(frozen=True, eq=False)
class FunnelResult:
    """How far each unit got. Units are journeys or users, as the funnel's scope says."""

    funnel: Funnel
    """The question."""
    journeys: Journeys
    """The journeys it was asked of."""
    warnings: tuple[str, ...]
    """What a reader should know: names that never occur, with the nearest that do."""
    rows: StageRows = field(repr=False)
    """The events that match a stage."""
    reached: tuple[Reached, ...] = field(repr=False)
    """The units at each stage, with the window each needed."""
    units: Units = field(repr=False)
    """What was counted."""
    free: tuple[Reached, ...] | None = field(default=None, repr=False)
    """The same without the exclusions that remove units; None when there are none."""
    tried: Tried | None = field(default=None, repr=False)
    """What every attempt came to, where attempts are counted."""

    @cached_property
    def stages(self) -> tuple[StageResult, ...]:
        """One result for each stage, in order."""
        return tuple(
            replace(stage, median_seconds=time.median_seconds, p90_seconds=time.p90_seconds)
            if time
            else stage
            for stage, time in zip(self.counted, self.time_to_convert, strict=True)
        )

    @cached_property
    def time_to_convert(self) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        return tuple(
            StepTime.of(times) if number and len(times) else None
            for number, times in enumerate(self.step_times)
        )

    @cached_property
    def counted(self) -> tuple[StageResult, ...]:
        """One result for each stage, without times to convert: these take longer than counts."""
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

    @cached_property
    def step_times(self) -> tuple[NDArray[np.int64], ...]:
        """For each stage, microseconds from the counted start to it, one for each unit that reached
        it, ascending. The counted attempt of a unit is the first, in time, to get as deep as the
        unit ever gets inside the window (rule R5).
        """
        from core.convert import step_times

        times = step_times(self.rows.log.time, self.counted_events[1])
        for of_stage in times:
            of_stage.sort()
        return tuple(times)

    @cached_property
    def counted_events(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The numbers of the units that reached the first stage, and for each stage the positions
        in `units.log` of the events that their counted attempts matched; -1 for none.
        """
        from core.convert import counted_events
        from core.units import unit_limit

        funnel = self.funnel
        units, depth = self._depths
        if self.tried:
            counted = self.tried.counted_events(units, depth, funnel.window)
        else:
            rules = funnel.rules(funnel.exclude())
            limit = unit_limit(funnel.scope, self.journeys.timeout)
            counted = counted_events(self.rows, limit, rules, units, depth, funnel.window)
        return self.units.numbers(units), counted

    @property
    def excluded(self) -> int:
        """Units taken out of the funnel by exclusions with the policy `remove` (rule F8)."""
        return len(self._removed)

    @cached_property
    def depths(self) -> NDArray[np.int8]:
        """(units) the deepest stage each unit reached, 0 for none; in the order of `units`."""
        import numpy as np

        units, depth = self._depths
        result = np.zeros(len(self.units), dtype=np.int8)
        result[self.units.numbers(units)] = depth
        return result

    @cached_property
    def pending(self) -> NDArray[np.bool_]:
        """(units) whether each could still go on when the data ends (rule F11)."""
        flags = self.depths < 0
        for units in self._pending:
            flags[self.units.numbers(units)] = True
        return flags

    @cached_property
    def user_depths(self) -> NDArray[np.int8]:
        """(users) the deepest stage over each user's units, 0 for none."""
        return self.units.deepest(self.depths)

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
        from core.depth import is_open, pending

        units, depth = self._depths
        if self.funnel.scope != "users":
            return [units[:0]] * (len(self.reached) - 1)
        rules, goes_on = self.funnel.rules(self.funnel.exclude()), None
        if rules.order == "strict" or rules.exclusions:
            goes_on = self.tried.is_open if self.tried else partial(is_open, self.rows, rules)
        return pending(self.rows, self.reached, units, depth, self.funnel.window, goes_on)


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
    hold: str | None = None,
    attempts: Attempts | None = None,
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

    `hold` names a field of the events, with dots between the keys of a nested one, whose value all
    matched events share: each journey or user is then counted once for each value that its events
    of the stages have, and only events with that value are seen (rule F9). `attempts` counts
    attempts in place of journeys or users (rule F10): "starts" every stage-1 event, each with how
    deep an attempt gets that begins there; "mixpanel" one after another: the first stage-1 event
    begins one, and the next is begun by the first that is later than its conversion, or than its
    window, or not earlier than the event that ended it by an exclusion or by breaking strict order.

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
        hold=hold,
        attempts=attempts,
    )
    return count_funnel(journeys, funnel)


def count_funnel(
    journeys: Journeys, funnel: Funnel, unit_log: UnitLog | None = None
) -> FunnelResult:
    """Like `analyze_funnel`, for a ready question; `unit_log` may know parts of the answer."""
    from core.unit_log import UnitLog
    from core.units import Units, unit_limit

    if unit_log is None:
        log = journeys.log if funnel.scope == "users" else journeys.cut_log
        unit_log = UnitLog(log, funnel.hold)
    limit = unit_limit(funnel.scope, journeys.timeout)
    every, breaking = funnel.exclude(), funnel.exclude(all_policies=False)
    asked = funnel.selection(every), limit, funnel.rules(every)
    without = funnel.selection(breaking), limit, funnel.rules(breaking)
    rows, held = unit_log.rows(asked[0]), unit_log.held
    tried, free, named = None, None, None
    if funnel.attempts is not None:
        tried = unit_log.tried(*asked)
        places = tried.chosen(funnel.attempts, funnel.window)
        reached, named = tried.reached(places), tried.start[places]
        if every != breaking:
            free = unit_log.tried(*without).reached(places)
    else:
        reached = unit_log.reached(*asked)
        named = unit_log.first_rows(asked[0], limit) if held else None
        if every != breaking:
            free = unit_log.reached(*without)
    warnings = tuple(dict.fromkeys((*journeys.warnings, *_absent(journeys.log, funnel))))
    units = Units(journeys, rows, funnel.scope, held, named, tried is not None)
    return FunnelResult(funnel, journeys, warnings, rows, reached, units, free, tried)


def _absent(log: EventLog, funnel: Funnel) -> Iterable[str]:
    """A warning for each name that never occurs (rule R4), once."""
    names = [name for stage in funnel.stages for name in stage.any_of]
    names += [name for exclusion in funnel.exclusions for name in exclusion.any_of]
    return absent_names(log, (*names, *funnel.ignore))


def _as_window(window: str | timedelta | None) -> int | None:
    if isinstance(window, str):
        return parse_limit(window)
    if isinstance(window, timedelta):
        return from_timedelta(window)
    if window is not None:
        raise QuestionError(f"a window is text with a unit, such as '7d', not {window!r}")
    return None
