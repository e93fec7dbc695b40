"""Time to convert: how long each unit took from the counted start to each stage (rule R5).

The counted attempt of a unit is the first, in time, to get as deep as the unit ever gets inside the
window. `walk` defines it event by event; here it is found for all units at once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from core.depth import walk_unit
from core.kernels import Carried, carry, left_to_walk, unit_firsts
from core.rows import StageRows
from core.walk import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


def step_times(
    rows: StageRows,
    limit: int,
    rules: Rules,
    units: Ints,
    depth: NDArray[np.int8],
    window: int | None,
) -> list[Ints]:
    """For each stage, microseconds from the counted start, one for each unit that reached it.

    `units` are those in the funnel, ascending, and `depth` theirs. In any order, stage k is the
    k-th event matched.
    """
    first = unit_firsts(rows, limit)
    walked = np.isin(units, left_to_walk(rows, first, rules), assume_unique=True)
    took = np.full((len(rows.at), len(units)), -1, dtype=np.int64)
    for stage in range(len(rows.at)):
        chosen = np.flatnonzero((depth == stage + 1) & ~walked)
        if stage == 0 or rules.binding(stage) != rules.binding(stage - 1):
            carried = carry(rows, first, rules.binding(stage))
        last, start = _ends(rows, first, carried[stage], units[chosen], window)
        for earlier, time in enumerate(_times(rows, carried, stage, last, start, rules)):
            took[earlier, chosen] = time - rows.time[start]
    for number in np.flatnonzero(walked).tolist():
        unit = int(units[number])
        end = int(np.searchsorted(first, unit, side="right"))
        matched = walk_unit(rows, unit, end, window, rules).matched
        took[: len(matched), number] = rows.log.time[matched] - rows.log.time[min(matched)]
    return [of_stage[of_stage >= 0] for of_stage in took]


def _ends(
    rows: StageRows, first: Ints, carried: Carried, units: Ints, window: int | None
) -> tuple[Ints, Ints]:
    """For each unit the row where its counted attempt ended, as a place in `carried`, and began."""
    arrived = np.flatnonzero(carried.start >= 0)
    if window is not None:
        need = rows.time[carried.here[arrived]] - rows.time[carried.start[arrived]]
        arrived = arrived[need <= window]
    last = arrived[np.searchsorted(first[carried.here[arrived]], units)]
    return last, carried.start[last]


def _times(
    rows: StageRows, carried: list[Carried], stage: int, last: Ints, start: Ints, rules: Rules
) -> list[Ints]:
    """The times of the events of attempts that ended at a stage, for each stage up to it."""
    place = last
    times = [rows.time[carried[stage].here[last]]]
    if rules.order == "any":
        return [rows.time[carried[k].start[last]] for k in range(stage, -1, -1)]
    for earlier in range(stage - 1, -1, -1):
        if rules.order == "strict":
            row = carried[stage].here[last] - (stage - earlier)
        elif rules.exclusions:
            # The one just before: nothing excluded stands in between.
            reached = np.where(carried[earlier].start >= 0, np.arange(len(rows.at[earlier])), -1)
            place = np.maximum.accumulate(reached)[rows.before[earlier + 1][place]]
            row = rows.at[earlier][place]
        else:
            # Starts only grow: the first row that carries this one.
            latest = np.maximum.accumulate(carried[earlier].start)
            row = rows.at[earlier][np.searchsorted(latest, start)]
        times.append(rows.time[row])
    return times[::-1]
