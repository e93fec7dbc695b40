"""The latest start that has reached each stage at each row: the recursion, in window functions.

Of all attempts of a unit that have reached a stage, the one with the latest start needs the
smallest window; any other can be forgotten. So at a row of stage k the latest start is the greatest
one at a row of stage k - 1 before it in the unit. Each stage is one window, all of them partitioned
and sorted alike: an engine sorts once, and each shard works alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import ibis

from core.funnel import Exclusion, Funnel
from core.walk import Rules

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.warehouse.stages import Listed, StageRows

NEVER = -(2**62)
"""Earlier than any event."""


@dataclass(frozen=True)
class Starts:
    """The stage rows with a column for each stage: the latest start that reaches it there.

    NULL where the stage is not reached at the row. In any order, stage k is having matched k.
    """

    rows: ir.Table
    """The rows."""
    keys: tuple[str, ...]
    """The columns that tell units apart."""
    may_be_hard: bool
    """Whether they have a column `hard`."""
    stages: tuple[str, ...]
    """For each stage its column, with the exclusions that bind there in force."""
    free: tuple[str, ...]
    """The same without the exclusions that remove units; the same columns if there are none."""
    chains: tuple[tuple[str, ...], ...]
    """For each stage the columns of the stages up to it, with the exclusions that bind there."""
    bound: tuple[tuple[int, ...], ...]
    """For each stage the numbers of the exclusions that bind there."""
    listed: Listed | None
    """What they say besides, for a list."""
    paths: dict[str, tuple[str, ...]]
    """By column of a stage, columns of the times of the events that an attempt matched between the
    first and it, each just before the next. Empty for plain order, or where not asked for."""


def find_starts(found: StageRows, funnel: Funnel, *, with_paths: bool = False) -> Starts:
    """The latest starts of a funnel at its stage rows; with `paths` only where these are asked."""
    every = funnel.rules(funnel.exclude())
    breaking = funnel.rules(tuple(e for e in funnel.exclusions if e.policy == "break"))
    chains = _Chains(funnel, found, with_paths)
    stages = chains.columns(every, funnel.exclusions)
    free = stages
    if breaking.exclusions != every.exclusions:
        free = chains.columns(breaking, funnel.exclude(all_policies=False))
    rows, paths = chains.grow()
    return Starts(
        rows=rows,
        keys=found.keys,
        may_be_hard=found.may_be_hard,
        stages=stages,
        free=free,
        chains=tuple(chains.chain(name) for name in stages),
        bound=tuple(chains.numbers(name) for name in stages),
        listed=found.listed,
        paths=paths,
    )


Bound = tuple[tuple[int, int, int], ...]
"""Exclusions in force from the first stage on: the number of each, and its two stages."""


class _Chains:
    """The recursion, once for each set of exclusions that binds at some stage."""

    def __init__(self, funnel: Funnel, found: StageRows, with_paths: bool) -> None:
        self._funnel = funnel
        self._found = found
        # Without them the earliest events that carry a start are the ones that count.
        self._has_paths = with_paths and bool(funnel.order == "strict" or funnel.exclusions)
        self._last: dict[Bound, int] = {}
        """For each set of exclusions the last stage that is asked of it."""
        self._made_of: dict[str, tuple[Bound, int]] = {}
        """By column, its exclusions and its stage."""

    def columns(self, rules: Rules, exclusions: tuple[Exclusion, ...]) -> tuple[str, ...]:
        """The column of each stage under some rules, which `grow` then makes."""
        place = [self._funnel.exclusions.index(exclusion) for exclusion in exclusions]
        result = []
        for stage in range(len(self._funnel.stages)):
            bound = tuple((place[i], low, high) for i, low, high in rules.binding(stage).exclusions)
            self._last[bound] = max(stage, self._last.get(bound, 0))
            result.append(self._name(bound, stage))
            self._made_of[result[-1]] = bound, stage
        return tuple(result)

    def chain(self, name: str) -> tuple[str, ...]:
        """The columns of the same chain up to one of them."""
        bound, last = self._made_of[name]
        return tuple(self._name(bound, stage) for stage in range(last + 1))

    def numbers(self, name: str) -> tuple[int, ...]:
        """The exclusions in force in a column."""
        return tuple(number for number, _, _ in self._made_of[name][0])

    def grow(self) -> tuple[ir.Table, dict[str, tuple[str, ...]]]:
        """The rows with all columns that were asked for."""
        if self._funnel.order == "any":
            return self._any_order()
        rows = _opening(self._found, self._funnel)
        rows = rows.mutate(**{self._name(bound, 0): rows.opening for bound in self._last})
        paths: dict[str, tuple[str, ...]] = {}
        for stage in range(1, len(self._funnel.stages)):
            new: dict[str, ir.Column] = {}
            for bound, last in self._last.items():
                if stage <= last:
                    new |= self._next(rows, bound, stage, paths)
            rows = rows.mutate(**new)
        return rows, paths

    def _next(
        self, rows: ir.Table, bound: Bound, stage: int, paths: dict[str, tuple[str, ...]]
    ) -> dict[str, ir.Column]:
        """The column of a stage, and those of its path."""
        name, before = self._name(bound, stage), self._name(bound, stage - 1)
        prior, fits = rows[before], rows[f"m{stage}"]
        is_strict = self._funnel.order == "strict"
        inside = [number for number, low, high in bound if low < stage <= high]
        order = ["time", "stage"]
        one_before = ibis.window(group_by=self._found.keys, order_by=order)
        all_before = ibis.window(group_by=self._found.keys, order_by=order, preceding=(None, 1))

        def carried(column: ir.Column) -> ir.Column:
            return column.lag().over(one_before) if is_strict else column.max().over(all_before)

        never = ibis.null("int64")
        came = carried(prior.isnull().ifelse(never, rows.time))
        for number in inside:
            fits &= came >= rows[f"x{number}"].fill_null(NEVER)
        new = {name: fits.ifelse(carried(prior), never)}
        if self._has_paths:
            # Starts only grow and so do the times of what was matched before, so that the greatest
            # of each belongs to the last row reached.
            path = [f"{name}p{i}" for i in range(1, stage)]
            new |= {
                own: fits.ifelse(carried(rows[theirs]), never)
                for own, theirs in zip(path[:-1], paths.get(before, ()), strict=True)
            }
            if stage > 1:
                new[path[-1]] = fits.ifelse(came, never)
            paths[name] = tuple(path)
        return new

    def _any_order(self) -> tuple[ir.Table, dict[str, tuple[str, ...]]]:
        """Rule F7: how far back the k latest stages reach, at each instant.

        Stages that are copies share their events: the second is filled by the event before.
        """
        rows, keys, stages = self._found.rows, self._found.keys, self._funnel.stages
        to_here = ibis.range_window(group_by=keys, order_by="time", preceding=None, following=0)
        seats = {}
        for i, stage in enumerate(stages):
            copies = stages[:i].count(stage)
            flag = rows[f"m{i}"]
            own = ibis.window(group_by=[*keys, flag], order_by="time")
            time = rows.time.lag(copies).over(own) if copies else rows.time
            seats[f"q{i}"] = flag.ifelse(time, ibis.null("int64"))
        rows = rows.mutate(**seats)
        rows = rows.mutate(
            **{name: rows[name].max().over(to_here).fill_null(NEVER) for name in seats}
        )
        # Odd-even transposition: each round compares neighbours that do not overlap.
        for turn in range(len(stages)):
            swapped: dict[str, ir.Column] = {}
            for low in range(turn % 2, len(stages) - 1, 2):
                a, b = rows[f"q{low}"], rows[f"q{low + 1}"]
                swapped |= {f"q{low}": ibis.greatest(a, b), f"q{low + 1}": ibis.least(a, b)}
            rows = rows.mutate(**swapped) if swapped else rows
        columns = [self._name((), i) for i in range(len(stages))]
        rows = rows.mutate(**{name: rows[f"q{i}"].nullif(NEVER) for i, name in enumerate(columns)})
        # The k-th event in time is the one that the k latest begin with, counted from the end.
        paths = {name: tuple(reversed(columns[1:i])) for i, name in enumerate(columns)}
        return rows, paths

    def _name(self, bound: Bound, stage: int) -> str:
        return f"s{'_'.join(str(number) for number, _, _ in bound)}_{stage}"


def _opening(found: StageRows, funnel: Funnel) -> ir.Table:
    """The rows with `opening`: the time of each row at which an attempt may start."""
    rows, may = found.rows, [found.rows.m0]
    if funnel.since is not None:
        may.append(rows.time >= funnel.since)
    if funnel.until is not None:
        may.append(rows.time < funnel.until)
    rows = rows.mutate(
        opening=reduce(lambda a, b: a & b, may).ifelse(rows.time, ibis.null("int64"))
    )
    if funnel.start == "first":
        first = rows.opening.min().over(ibis.window(group_by=found.keys))
        rows = rows.mutate(opening=(rows.opening == first).ifelse(rows.opening, ibis.null("int64")))
    return rows
