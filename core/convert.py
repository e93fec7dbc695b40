"""The counted attempt of each unit: which events it matched, and so how long each stage took (R5).

It is the first attempt, in time, to get as deep as the unit ever gets inside the window. `walk`
defines it event by event; here it is found for all units at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.depth import walk_unit
from core.kernels import Carried, carry, left_to_walk, unit_firsts
from core.rows import StageRows
from core.threads import together
from core.walk import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


def counted_events(
    rows: StageRows,
    limit: int,
    rules: Rules,
    units: Ints,
    depth: NDArray[np.int8],
    window: int | None,
) -> Ints:
    """(stages, units) the position in the log of the event that each stage was counted by; -1 where
    it was not reached.

    `units` are those in the funnel, ascending, and `depth` theirs. In any order, stage k is the
    k-th event matched.
    """
    edges = units.searchsorted([*(low for low, _ in rows.parts), len(rows)]).tolist()
    jobs = (
        partial(_counted, part, limit, rules, units[a:b] - low, depth[a:b], window)
        for (low, part), (a, b) in zip(rows.parts, pairwise(edges), strict=True)
    )
    return np.concatenate(together(jobs, len(rows)), axis=1)


def _counted(
    rows: StageRows,
    limit: int,
    rules: Rules,
    units: Ints,
    depth: NDArray[np.int8],
    window: int | None,
) -> Ints:
    """The same in one stretch."""
    first = unit_firsts(rows, limit)
    walked = np.isin(units, left_to_walk(rows, first, rules), assume_unique=True)
    counted = np.full((len(rows.at), len(units)), -1, dtype=np.int64)
    for stage in range(len(rows.at)):
        chosen = np.flatnonzero((depth == stage + 1) & ~walked)
        if stage == 0 or rules.binding(stage) != rules.binding(stage - 1):
            carried = carry(rows, first, rules.binding(stage))
        end, start = _ends(rows, first, carried[stage], units[chosen], window)
        for earlier, row in enumerate(_rows(rows, carried[: stage + 1], end, start, rules)):
            counted[earlier, chosen] = rows.positions[row]
    for number in np.flatnonzero(walked).tolist():
        unit = int(units[number])
        after = int(np.searchsorted(first, unit, side="right"))
        matched = walk_unit(rows, unit, after, window, rules).matched
        counted[: len(matched), number] = matched
    return counted


def step_times(time: Ints, counted: Ints) -> list[Ints]:
    """For each stage, microseconds from the counted start to it, one for each unit that reached it.

    `time` is the log's column, `counted` as `counted_events` gives it.
    """
    return [time[at[at >= 0]] - time[counted[0, at >= 0]] for at in counted]


def _ends(
    rows: StageRows, first: Ints, carried: Carried, units: Ints, window: int | None
) -> tuple[Ints, Ints]:
    """For each unit the row where its counted attempt ended, and the one where it began."""
    here, start = carried
    if window is not None:
        inside = np.flatnonzero(rows.times(here) - rows.times(start) <= window)
        here, start = here[inside], start[inside]
    last = np.searchsorted(first[here], units)
    return here[last], start[last]


def _rows(
    rows: StageRows, carried: Sequence[Carried], end: Ints, start: Ints, rules: Rules
) -> list[Ints]:
    """The rows of attempts that ended at the last of some stages, for each of the stages."""
    if rules.order == "any":
        return [each.start[each.here.searchsorted(end)] for each in reversed(carried)]
    if rules.order == "strict":
        return [end - earlier for earlier in reversed(range(len(carried)))]
    spans = np.zeros(len(end), dtype=np.bool_)
    for number, _, _ in rules.binding(len(carried) - 1).exclusions:
        spans |= rows.last_excluded[number][end] > rows.times(start)
    matched = [end]
    for here, starts in reversed(carried[:-1]):
        # Starts only grow: the first row that carries this one.
        row = here[starts.searchsorted(start)]
        if spans.any():
            # Past an excluded event the one just before: nothing excluded stands in between.
            row = np.where(spans, here[here.searchsorted(matched[-1]) - 1], row)
        matched.append(row)
    return matched[::-1]
