"""How long units took to each stage, by their counted attempt (rule R5), and the quantiles of that.

The counted attempt of a unit is the first, in time, to get as deep as the unit ever gets inside the
window. Quantiles are exact: the server numbers the times in order, and tells those whose neighbours
a quantile lies between.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any

import ibis

from core.result import HISTOGRAM_SECONDS, StepTime
from core.warehouse.units import is_within

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.funnel import Funnel
    from core.warehouse.hard import Times
    from core.warehouse.session import Session
    from core.warehouse.starts import Starts


SHARES = ((0.5, 5), (0.9, 9))
"""The quantiles that are told, as fractions and in tenths."""
AROUND = (-1, 0, 1, 2)
"""The neighbours of a quantile that are fetched: it lies between two of them."""
EDGES = (0, *(second * 1_000_000 for second in HISTOGRAM_SECONDS))
"""Where the histogram is divided, microseconds."""


def step_times(starts: Starts, funnel: Funnel) -> ir.Table:
    """For each unit `t1`, `t2` and so on: microseconds from its counted start to each stage after
    the first, NULL where not reached; and `hard`.
    """
    rows, keys, window = starts.rows, list(starts.keys), funnel.window
    whole = ibis.window(group_by=keys)
    order = ibis.window(group_by=keys, order_by=["time", "stage"])
    rows = rows.mutate(place=ibis.row_number().over(order))
    if starts.free != starts.stages:
        rows = rows.filter(_is_in(rows, starts, window, whole))
    never = ibis.null("int64")
    within = {
        f"w{i}": is_within(rows.time - rows[name], window) for i, name in enumerate(starts.stages)
    }
    rows = rows.mutate(**within)
    # The first row at which the deepest stage is reached in time; where it began.
    rows = rows.mutate(
        **{
            f"e{i}": rows[f"w{i}"].ifelse(rows.place, never).min().over(whole)
            for i in range(len(starts.stages))
        }
    )
    last = len(starts.stages) - 1
    deepest = [(rows[f"e{i}"].notnull(), i) for i in range(last, -1, -1)]
    rows = rows.mutate(
        deep=ibis.cases(*deepest, else_=-1),
        end=reduce(lambda a, b: a.fill_null(b), [rows[f"e{i}"] for i in range(last, -1, -1)]),
    )
    began = ibis.cases(
        *((rows.deep == i, rows[name]) for i, name in enumerate(starts.stages)), else_=never
    )
    rows = rows.mutate(began=(rows.place == rows.end).ifelse(began, never).max().over(whole))
    if funnel.exclusions and funnel.order == "ordered":
        rows = rows.mutate(spans=_spans(rows, starts).max().over(whole))
    took = {f"t{i}": _came(rows, starts, i) - rows.began for i in range(1, last + 1)}
    rows = rows.mutate(**took)
    if not starts.may_be_hard:
        rows = rows.mutate(hard=ibis.literal(0))
    return rows.group_by(keys).agg(
        hard=rows.hard.max(), **{f"t{i}": rows[f"t{i}"].min() for i in range(1, last + 1)}
    )


def _came(rows: ir.Table, starts: Starts, stage: int) -> ir.IntegerValue:
    """At the rows that tell it, when the counted attempt came to a stage; else NULL."""
    never, last = ibis.null("int64"), len(starts.stages)
    # Starts only grow: the first row that carries this one.
    carried = {starts.chains[deep][stage] for deep in range(stage, last)}
    earliest = ibis.cases(
        *(
            ((rows[name] >= rows.began) & _is_deep(rows, starts, stage, name), rows.time)
            for name in sorted(carried)
        ),
        else_=never,
    )
    if not starts.paths:
        return earliest
    is_end = rows.place == rows.end
    ways = [(is_end & (rows.deep == stage), rows.time)]
    for deep in range(stage + 1, last):
        path = starts.paths[starts.stages[deep]]
        ways.append((is_end & (rows.deep == deep), rows[path[stage - 1]]))
    just_before = ibis.cases(*ways, else_=never)
    if "spans" not in rows.columns:
        return just_before
    return (rows.spans == 1).ifelse(just_before, earliest)


def _is_deep(rows: ir.Table, starts: Starts, stage: int, name: str) -> ir.BooleanValue:
    """Whether the deepest stage of a row's unit is one whose chain has a column."""
    depths = range(stage, len(starts.stages))
    return rows.deep.isin([deep for deep in depths if starts.chains[deep][stage] == name])


def _spans(rows: ir.Table, starts: Starts) -> ir.IntegerValue:
    """At the end of each counted attempt, 1 where an excluded event stands inside of it."""
    inside = [
        (rows.deep == deep) & (rows[f"x{number}"] > rows.began)
        for deep, numbers in enumerate(starts.bound)
        for number in numbers
    ]
    is_end = rows.place == rows.end
    return (is_end & reduce(or_, inside)).fill_null(False).ifelse(1, 0)


def _is_in(rows: ir.Table, starts: Starts, window: int | None, whole: Any) -> ir.BooleanValue:
    """Whether the unit of each row stays in the funnel: it gets no deeper without exclusions."""

    def depth(columns: Sequence[str]) -> ir.IntegerValue:
        needs = ((rows.time - rows[name]).min().over(whole) for name in columns)
        return reduce(lambda a, b: a + b, [is_within(n, window).ifelse(1, 0) for n in needs])

    return depth(starts.free) <= depth(starts.stages)


@dataclass(frozen=True)
class _Found:
    """What the server tells of the times to one stage."""

    count: int
    bins: list[int]
    values: Mapping[int, int]
    """By rank, from 0: the times around the quantiles."""


def convert_times(
    session: Session, units: ir.Table, stages: int, others: Callable[[], Times]
) -> tuple[StepTime | None, ...]:
    """How long units took to each stage; None for the first, or when nobody reached it.

    `others` tells the times of hard users to each stage, ascending; asked only if there are any.
    """
    steps = range(1, stages)
    found, has_hard = _ask(session, units, steps) if stages > 1 else ({}, False)
    extras: Times = others() if has_hard else []
    if any(map(len, extras)):
        found = _merged(session, units, found, extras)
    return (None, *(_step_time(found[step]) if found[step].count else None for step in steps))


def _ask(session: Session, units: ir.Table, steps: range) -> tuple[Mapping[int, _Found], bool]:
    """Counts, histograms and the times around the quantiles, in one row."""
    units = _ranked(units, steps)
    asked = {"hard": units.hard.sum()}
    never = ibis.null("int64")
    for step in steps:
        took, is_in = units[f"t{step}"], units[f"i{step}"] == 1
        asked[f"n{step}"] = units[f"i{step}"].sum()
        for place, low in enumerate(EDGES):
            inside = is_in & (took >= low)
            if place + 1 < len(EDGES):
                inside &= took < EDGES[place + 1]
            asked[f"h{step}_{place}"] = inside.ifelse(1, 0).sum()
        for _, tenths in SHARES:
            base = (units[f"n{step}"] - 1) * tenths // 10
            for place, offset in enumerate(AROUND):
                is_there = is_in & (units[f"r{step}"] == base + offset)
                asked[f"q{step}_{tenths}_{place}"] = is_there.ifelse(took, never).max()
    row = session.ask(units.agg(**asked), "times to convert").to_pylist()[0]
    found = {}
    for step in steps:
        count = int(row[f"n{step}"] or 0)
        values = {
            (count - 1) * tenths // 10 + offset: row[f"q{step}_{tenths}_{place}"]
            for _, tenths in SHARES
            for place, offset in enumerate(AROUND)
        }
        found[step] = _Found(
            count,
            [int(row[f"h{step}_{place}"] or 0) for place in range(len(EDGES))],
            {rank: int(value) for rank, value in values.items() if value is not None},
        )
    return found, bool(row["hard"])


def _ranked(units: ir.Table, steps: Sequence[int]) -> ir.Table:
    """With, for each step, `r1`, …: the rank of the time among all; `i1`: whether it counts; and
    `n1`: how many do.
    """
    counts = {
        f"i{step}": ((units.hard == 0) & units[f"t{step}"].notnull()).ifelse(1, 0) for step in steps
    }
    # All that are ranked stand in one order: those that got nowhere are left out.
    got_on = [units[f"t{step}"].notnull() for step in steps]
    units = units.filter(reduce(or_, got_on, units.hard == 1)).mutate(**counts)
    everything = ibis.window()
    ranks = {}
    for step in steps:
        order = ibis.window(order_by=[ibis.desc(f"i{step}"), f"t{step}"])
        ranks[f"r{step}"] = ibis.row_number().over(order)
        ranks[f"n{step}"] = units[f"i{step}"].sum().over(everything)
    return units.mutate(**ranks)


def _merged(
    session: Session, units: ir.Table, found: Mapping[int, _Found], extras: Times
) -> Mapping[int, _Found]:
    """With the times of hard users among those of the server, which tells in one more question the
    times that may then be around the quantiles.
    """
    steps = [step for step in found if len(extras[step])]
    units = _ranked(units, steps)
    ranges = {
        (step, tenths): _near(found[step].count, len(extras[step]), tenths)
        for step in steps
        for _, tenths in SHARES
    }
    near = [
        (units[f"i{step}"] == 1) & (units[f"r{step}"] >= low) & (units[f"r{step}"] <= high)
        for (step, _), (low, high) in ranges.items()
    ]
    columns = [f"{letter}{step}" for letter in "itr" for step in steps]
    asked = units.filter(reduce(or_, near))[columns]
    rows = session.ask(asked, "times to convert around the quantiles").to_pydict()
    merged = dict(found)
    for step in steps:
        own, extra = found[step], extras[step]
        count, values = own.count + len(extra), dict[int, int]()
        ranked = zip(*(rows[f"{letter}{step}"] for letter in "itr"), strict=True)
        by_rank = {int(rank): int(took) for is_in, took, rank in ranked if is_in}
        for _, tenths in SHARES:
            low, high = ranges[step, tenths]
            there = [took for rank, took in by_rank.items() if low <= rank <= high]
            both = sorted([*there, *extra.tolist()])
            # What was left out is no later than any of these.
            left_out, base = min(low, own.count), (count - 1) * tenths // 10
            for wanted in range(max(base - 1, 0), min(base + 3, count)):
                values[wanted] = both[wanted - left_out]
        places = [*extra.searchsorted(EDGES).tolist(), len(extra)]
        bins = [n + places[i + 1] - places[i] for i, n in enumerate(own.bins)]
        merged[step] = _Found(count, bins, values)
    return merged


def _near(own: int, more: int, tenths: int) -> tuple[int, int]:
    """The ranks on the server of the times that may be around a quantile of all, with so many more
    than its own among them.
    """
    base = (own + more - 1) * tenths // 10
    return max(base - 1 - more, 0), base + 2


def _step_time(found: _Found) -> StepTime:
    """The quantiles between two neighbours in proportion, as `core.result` has them."""

    def quantile(share: float) -> float:
        part, whole = math.modf(share * (found.count - 1))
        low = found.values[int(whole)]
        high = found.values[min(int(whole) + 1, found.count - 1)]
        return (low + part * (high - low)) / 1_000_000

    seconds: list[float | None] = [edge / 1e6 for edge in EDGES]
    return StepTime(
        median_seconds=quantile(0.5),
        p90_seconds=quantile(0.9),
        histogram=tuple(
            (low / 1e6, high, count)
            for low, high, count in zip(EDGES, [*seconds[1:], None], found.bins, strict=True)
        ),
    )
