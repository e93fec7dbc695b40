"""How deep each unit got: one row for each journey or user that has a stage row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import ibis

from core.funnel import Funnel

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.warehouse.stages import Listed, StageRows
    from core.warehouse.starts import Starts


@dataclass(frozen=True)
class UnitTable:
    """One row for each unit: its keys, `depth`, and flags of 1 or 0.

    `n0`, `n1`, … are the smallest windows that reach each stage, microseconds; NULL for none.
    """

    rows: ir.Table
    """With `removed`, `pending` and `hard` besides."""
    keys: tuple[str, ...]
    """The columns that tell units apart."""
    stages: int
    """Stages of the funnel."""
    may_be_hard: bool
    """Whether any can be hard: what is said of those does not count."""
    is_wary: bool
    """Whether some are hard only because they may be pending."""
    may_be_removed: bool
    """Whether any can be removed."""
    may_be_pending: bool
    """Whether any can be pending."""
    listed: Listed | None = None
    """What it says besides, for a list."""


def find_units(starts: Starts, funnel: Funnel, data_end: int) -> UnitTable:
    """The units of a funnel; `data_end` is the time of the last event of all."""
    rows, number = starts.rows, len(starts.stages)
    found = {f"n{i}": (rows.time - rows[name]).min() for i, name in enumerate(starts.stages)}
    has_free = starts.free != starts.stages
    if has_free:
        found |= {f"f{i}": (rows.time - rows[name]).min() for i, name in enumerate(starts.free)}
    has_pending = funnel.scope == "users" and funnel.window is not None and number > 1
    if has_pending:
        found |= {f"b{i}": rows[name].max() for i, name in enumerate(starts.stages[:-1])}
    if starts.listed is not None:
        found |= starts.listed.told(rows)
    if starts.may_be_hard:
        found["hard"] = rows.hard.max()
    keys = starts.keys
    if starts.listed is not None and starts.listed.of_users and _is_told_by_user(funnel):
        keys = ("user",)
    units = rows.group_by(list(keys)).agg(**found)
    none = ibis.literal(0)
    depth = _depth(units, "n", number, funnel.window)
    units = units.mutate(depth=depth)
    units = units.mutate(
        removed=(_depth(units, "f", number, funnel.window) > units.depth).ifelse(1, 0)
        if has_free
        else none
    )
    may_be_hard, is_wary = starts.may_be_hard, False
    hard = units.hard if may_be_hard else none
    pending = none
    if has_pending and funnel.window is not None:
        open_since = data_end - funnel.window
        late = [(units.depth == i + 1) & (units[f"b{i}"] > open_since) for i in range(number - 1)]
        pending = (reduce(lambda a, b: a | b, late) & (units.removed == 0)).ifelse(1, 0)
        if funnel.order == "strict" or funnel.exclusions:
            # Whether something has ended the attempt since is told by a walk.
            hard, pending = ibis.greatest(hard, pending), none
            may_be_hard = is_wary = True
            has_pending = False
    units = units.mutate(hard=hard, pending=pending)
    if may_be_hard and len(keys) > 1:
        units = units.mutate(hard=units.hard.max().over(ibis.window(group_by="user")))
    columns = [*keys, "depth", "removed", "pending", "hard"]
    columns += [f"n{i}" for i in range(number)]
    columns += starts.listed.columns if starts.listed else ()
    return UnitTable(
        units[columns],
        keys,
        number,
        may_be_hard,
        is_wary,
        may_be_removed=has_free,
        may_be_pending=has_pending,
        listed=starts.listed,
    )


def _is_told_by_user(funnel: Funnel) -> bool:
    """Whether the depth of a user's deepest unit is told by the smallest windows of all of them:
    what reached a stage reached those before it in no more time, unless exclusions bind to some.
    """
    return funnel.scope == "journeys" and not funnel.exclusions


def plain_units(found: StageRows, depth: ir.IntegerScalar, stages: int) -> UnitTable:
    """The units of a plain funnel, whose depth the engine itself tells of their rows."""
    about = found.listed.told(found.rows) if found.listed else {}
    none = ibis.literal(0)
    units = found.rows.group_by(list(found.keys)).agg(depth=depth, **about)
    return UnitTable(
        units.mutate(depth=units.depth.cast("int64"), removed=none, pending=none, hard=none),
        found.keys,
        stages,
        may_be_hard=False,
        is_wary=False,
        may_be_removed=False,
        may_be_pending=False,
        listed=found.listed,
    )


def _depth(units: ir.Table, letter: str, stages: int, window: int | None) -> ir.IntegerValue:
    """How many stages a unit reached within a window; its edge counts (rule F4)."""
    return _sum([is_within(units[f"{letter}{i}"], window).ifelse(1, 0) for i in range(stages)])


def is_within(need: ir.IntegerColumn, window: int | None) -> ir.BooleanValue:
    """Whether a stage was reached within a window; None is off."""
    return need.notnull() if window is None else (need <= window).fill_null(False)


def _sum(numbers: Sequence[ir.IntegerValue]) -> ir.IntegerValue:
    return reduce(lambda a, b: a + b, numbers)
