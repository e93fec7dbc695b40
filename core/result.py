"""`FunnelResult`: how far each unit got. Whatever is asked of it is found then, and kept.

NumPy is imported where an answer is computed, not before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, Self

from core.funnel import Exclusion, Funnel
from core.journeys import Journeys

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from core.attempts import Tried
    from core.depth import Reached
    from core.rows import Selection, StageRows
    from core.timeouts import StageTimeouts
    from core.unit_log import UnitLog
    from core.units import Units
    from core.walk import Rules

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
class Sampled:
    """How far an answer from a sample of whole users may be off: what it would be for everybody
    lies between each two bounds in 95 of 100 samples.
    """

    share: float
    """The fraction of users that was looked at."""
    counts: tuple[tuple[int, int], ...]
    """For each stage, bounds of its count."""
    conversions: tuple[tuple[float, float], ...]
    """For each stage, bounds of its conversion, fractions of the first stage."""

    @property
    def words(self) -> str:
        """How the numbers came about, in a line."""
        share = f"{100 * self.share:.3g} %"
        return f"≈ estimated from {share} of the users; bounds hold in 95 of 100 samples"


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
    unit_log: UnitLog = field(repr=False)
    """The log that it was counted in."""

    @cached_property
    def rows(self) -> StageRows:
        """The events that match a stage."""
        return self.unit_log.rows(self._asked[0])

    @cached_property
    def reached(self) -> tuple[Reached, ...]:
        """The units at each stage, with the window each needed."""
        if self.tried is not None:
            return self.tried.reached(self._attempts)
        return self.unit_log.reached(*self._asked)

    @cached_property
    def free(self) -> tuple[Reached, ...] | None:
        """The same without the exclusions that remove units; None when there are none."""
        asked = self._ask(self.funnel.exclude(all_policies=False))
        if asked == self._asked:
            return None
        if self.tried is not None:
            return self.unit_log.tried(*asked).reached(self._attempts)
        return self.unit_log.reached(*asked)

    @cached_property
    def tried(self) -> Tried | None:
        """What every attempt came to; None where attempts are not counted."""
        return None if self.funnel.attempts is None else self.unit_log.tried(*self._asked)

    @cached_property
    def units(self) -> Units:
        """What was counted."""
        from core.units import Units

        held, named = self.unit_log.held, None
        if self.tried is not None:
            named = self.tried.start[self._attempts]
        elif held is not None:
            named = self.unit_log.first_rows(*self._asked[:2])
        is_tried = self.tried is not None
        return Units(self.journeys, self.rows, self.funnel.scope, held, named, is_tried)

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
        counts, waits = self._counts, self._pending_counts
        results = []
        for i, count in enumerate(counts):
            is_last = i + 1 == len(counts)
            pending = 0 if is_last else waits[i]
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
        units, counted = self._counted_from(1)
        return self.units.numbers(units), counted

    def counted_beyond_first(self) -> NDArray[np.int64]:
        """For each stage the positions that `counted_events` has, of the units that reached the
        second: most often by far fewer.
        """
        return self._counted_from(2)[1]

    def _counted_from(self, least: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The units of a depth or deeper, and the events they matched."""
        from core.convert import counted_events

        units, depth = self._depths if least == 1 else self._depths_from(least)
        window, (_, limit, rules) = self.funnel.window, self._asked
        if self.tried is not None:
            return units, self.tried.counted_events(units, depth, window)
        return units, counted_events(self.rows, limit, rules, units, depth, window)

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
    def _asked(self) -> tuple[Selection, int, Rules]:
        return self._ask(self.funnel.exclude())

    def _ask(self, exclusions: Sequence[Exclusion]) -> tuple[Selection, int, Rules]:
        """What the kernels are asked, with some exclusions in force."""
        from core.units import unit_limit

        limit = unit_limit(self.funnel.scope, self.journeys.timeout)
        return self.funnel.selection(exclusions), limit, self.funnel.rules(exclusions)

    @cached_property
    def _attempts(self) -> NDArray[np.int64]:
        """The places of the attempts that are counted, of all that were tried."""
        import numpy as np

        tried, which = self.tried, self.funnel.attempts
        if tried is None or which is None:
            return np.empty(0, dtype=np.int64)
        return tried.chosen(which, self.funnel.window)

    @property
    def has_timeouts(self) -> bool:
        """Whether its counts at all session timeouts can be found at once: see `core.timeouts`."""
        from core.walk import ANY_START

        funnel, rules = self.funnel, self._asked[2]
        is_plain = rules == ANY_START and funnel.attempts is None and funnel.scope == "journeys"
        return is_plain and len(self.rows.knots) == 0

    @cached_property
    def timeouts(self) -> tuple[StageTimeouts, ...]:
        """For each stage, the session timeouts at which its rows count; where `has_timeouts`."""
        return self.unit_log.timeouts(self._asked[0], self.funnel.window)

    @cached_property
    def _counts(self) -> list[int]:
        if self.has_timeouts:
            known = self.unit_log.counts(self._asked[0], self.funnel.window, self._asked[1])
            if known is not None:
                return known
        if self.free is None:
            return [reached.count(self.funnel.window) for reached in self.reached]
        depth = self._depths[1]
        return [int((depth >= stage).sum()) for stage in range(1, len(self.reached) + 1)]

    @cached_property
    def _depths(self) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """The units in the funnel, and the depth of each."""
        return self._depths_from(1)

    def _depths_from(self, least: int) -> tuple[NDArray[np.int64], NDArray[np.int8]]:
        """Those that reached the stage `least`, from 1."""
        from core.depth import depths, without

        units, depth = depths(self.reached, self.funnel.window, least)
        return without(units, depth, self._removed) if len(self._removed) else (units, depth)

    @cached_property
    def _removed(self) -> NDArray[np.int64]:
        import numpy as np

        from core.depth import shallower

        if self.free is None:
            return np.empty(0, dtype=np.int64)
        return shallower(self.reached, self.free, self.funnel.window)

    @property
    def _pending_counts(self) -> list[int]:
        if self.funnel.scope != "users" or self.funnel.window is None:
            return [0] * (len(self.funnel.stages) - 1)
        return [len(units) for units in self._pending]

    @cached_property
    def _pending(self) -> list[NDArray[np.int64]]:
        """For each stage but the last, the units that are pending there."""
        from core.pending import pending, users_going_on

        if self.funnel.scope != "users":
            return [self._removed[:0]] * (len(self.reached) - 1)
        (_, limit, rules), goes_on = self._asked, None
        if self.funnel.window is not None and (rules.order == "strict" or rules.exclusions):
            goes_on = self.tried.goes_on if self.tried else users_going_on(self.rows, limit, rules)
        return pending(self.rows, self.reached, self._removed, self.funnel.window, goes_on)
