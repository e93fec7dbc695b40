"""How many units reached each stage, in one row: the funnel's numbers, and its windows' curve."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import ibis

from core.engine import FunnelAnswer
from core.result import StageResult
from core.warehouse.bins import count_bins
from core.warehouse.units import UnitTable

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.funnel import Funnel
    from core.study import Study
    from core.warehouse.session import Cancel, Session
    from core.warehouse.totals import Totals


MOST_HARD = 1_000
"""Hard users that are told by name with the numbers of all others."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Units at each stage; those of hard users left out."""

    reached: tuple[int, ...]
    """For each stage, those that reached it."""
    pending: tuple[int, ...]
    """For each stage, those that stand there and may still go on (rule F11)."""
    excluded: int
    """Units taken out of the funnel (rule F8)."""
    hard: tuple[str, ...] = ()
    """The hard users, or the first of them where they are more than `MOST_HARD`."""

    def __add__(self, other: Counts) -> Counts:
        """Units of different users add up."""
        return Counts(
            tuple(a + b for a, b in zip(self.reached, other.reached, strict=True)),
            tuple(a + b for a, b in zip(self.pending, other.pending, strict=True)),
            self.excluded + other.excluded,
        )

    def stages(self, funnel: Funnel) -> tuple[StageResult, ...]:
        """The results of the stages, by rules R1 to R3."""
        results, counts = [], self.reached
        for i, (count, stage) in enumerate(zip(counts, funnel.stages, strict=True)):
            is_last = i + 1 == len(counts)
            dropped = 0 if is_last else count - counts[i + 1] - self.pending[i]
            before = counts[i - 1] if i else 0
            results.append(
                StageResult(
                    stage=stage.label,
                    count=count,
                    conversion=count / counts[0] if counts[0] else 0.0,
                    step_conversion=count / before if before else None,
                    dropped=dropped,
                    drop_off=dropped / count if count and not is_last else None,
                    pending=self.pending[i],
                )
            )
        return tuple(results)


def count_units(
    session: Session, units: UnitTable, what: str, cancelled: Cancel | None = None
) -> Counts:
    """The numbers of a funnel, and who is left to the local engine, in one answer."""
    rows, stages = units.rows, range(units.stages)
    is_in = [rows.removed == 0] if units.may_be_removed else []
    found = {f"c{i}": _count(rows.depth > i, *is_in) for i in stages}
    if units.may_be_pending:
        found |= {f"p{i}": _count(rows.depth == i + 1, rows.pending == 1, *is_in) for i in stages}
    if units.may_be_removed:
        found["excluded"] = _count(rows.removed == 1)
    if units.may_be_hard:
        # A row for each hard user, and one for all others: it is the first.
        whose = (rows.hard == 1).ifelse(rows.user, ibis.null("string"))
        counted = rows.group_by(whose=whose).agg(**found, hard=rows.hard.max())
        counted = counted.order_by("hard").limit(MOST_HARD + 2)
    else:
        counted = rows.agg(**found)
    told = session.ask(counted, what, cancelled).to_pylist()
    own: dict[str, Any] = next((row for row in told if row.get("whose") is None), {})
    return Counts(
        tuple(int(own.get(f"c{i}") or 0) for i in stages),
        tuple(int(own.get(f"p{i}") or 0) for i in stages),
        int(own.get("excluded") or 0),
        tuple(row["whose"] for row in told if row.get("whose") is not None),
    )


def answer_of(
    study: Study, totals: Totals, counts: Counts | None, warnings: tuple[str, ...]
) -> FunnelAnswer:
    """How a study came out; `counts` are None without stages."""
    stages = counts.stages(study.funnel) if counts and study.funnel else ()
    drops = [stage.dropped for stage in stages]
    return FunnelAnswer(
        study=study,
        events_count=totals.events,
        users_count=totals.users,
        journeys_count=totals.journeys,
        stages=stages,
        leak=drops.index(max(drops)) if any(drops) else None,
        warnings=warnings,
        excluded=counts.excluded if counts else 0,
    )


def count_windows(
    session: Session, units: UnitTable, windows: Sequence[int | None]
) -> dict[int | None, list[int]]:
    """Units at each stage within each of some windows; those of hard users left out."""
    rows = units.rows.filter(units.rows.hard == 0)
    # A window's edge counts (rule F4).
    edges = sorted({window + 1 for window in windows if window is not None})
    needs = [rows[f"n{i}"] for i in range(units.stages)]
    stages = count_bins(session, needs, edges, "conversion windows")
    return {
        window: [sum(bins.counts) if window is None else bins.below(window + 1) for bins in stages]
        for window in windows
    }


def _count(*conditions: ir.BooleanValue) -> ir.IntegerScalar:
    return reduce(and_, conditions).ifelse(1, 0).sum()


def is_plain(study: Study) -> bool:
    """Whether a function that knows nothing but stages and a window can answer."""
    return (
        (study.order, study.start, study.exclusions) == ("ordered", "best", ())
        and study.since is None
        and study.until is None
        and study.journey_rules.max_length is None
        and (study.scope == "journeys" or study.window is None)
    )
