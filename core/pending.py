"""Who could still go on when the data ends (rule F11): pending, and not dropped.

An attempt could when an event just after the last one of the data would still be inside its window,
and nothing has ended it. Only strict order and exclusions end attempts.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.depth import Reached, user_events
from core.kernels import carry, left_to_walk, unit_firsts
from core.rows import StageRows, are_crowded, name_flags
from core.walk import Rules, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.signedinteger]
    Flags = NDArray[np.bool_]

GoesOn = Callable[["Ints", int, int], "Flags"]
"""Of some units, the depth they got to and a time: whether each has an attempt there that began
after the time and has been ended by nothing."""


def pending(
    rows: StageRows,
    reached: Sequence[Reached],
    removed: Ints,
    window: int | None,
    goes_on: GoesOn | None,
) -> list[Ints]:
    """For each stage but the last, the users whose deepest attempt could still go on.

    Without `goes_on` nothing ends attempts. Units that are `removed`, ascending, are none.
    """
    if window is None:
        return [removed[:0]] * (len(reached) - 1)
    open_since = rows.log.data_end - window
    result = []
    for depth, (stage, following) in enumerate(pairwise(reached), 1):
        # What began so late got here inside the window, for the data end there.
        here = stage.units[stage.start > open_since]
        here = here[~following.has(here, window) & ~np.isin(here, removed)]
        if goes_on is not None:
            here = here[goes_on(here, depth, open_since)]
        result.append(here)
    return result


def users_going_on(rows: StageRows, limit: int, rules: Rules) -> GoesOn:
    """How to tell it of users, whose gaps are not longer than `limit` microseconds."""
    first = unit_firsts(rows, limit)
    carried = carry(rows, first, rules)
    walked = left_to_walk(rows, first, rules)

    def goes_on(units: Ints, depth: int, since: int) -> Flags:
        here, start = carried[depth - 1]
        # Starts only grow: the last attempt of each unit that got here.
        last = first[here].searchsorted(units, side="right") - 1
        has = last >= 0
        has[has] = first[here[last[has]]] == units[has]
        flags, unsure = np.zeros((2, len(units)), dtype=np.bool_)
        here, start = here[last[has]], start[last[has]]
        alive, unsure[has] = unended(rows, rules, here, start, depth)
        flags[has] = alive & (rows.times(start) > since)
        for number in np.flatnonzero(unsure | np.isin(units, walked)).tolist():
            events = user_events(rows, int(units[number]))
            found = walk(events.times, events.masks, len(rows.at), None, rules, events.others)
            begun = found.open[depth - 1]
            flags[number] = begun is not None and begun > since
        return flags

    return goes_on


def unended(
    rows: StageRows, rules: Rules, here: Ints, start: Ints, depth: int
) -> tuple[Flags, Flags]:
    """Whether nothing in the data ends attempts of a depth, from the row of their start to the one
    where they are; and for which of them only a walk can tell.
    """
    log, position = rows.log, rows.positions[here]
    user = log.offsets.searchsorted(position, side="right")
    begin, stop = log.offsets[user - 1], log.offsets[user]
    alive, unsure = np.ones(len(here), dtype=np.bool_), np.zeros(len(here), dtype=np.bool_)
    is_strict = rules.order == "strict"
    if is_strict:
        ignored = name_flags(log, rows.selection.ignored or frozenset())
        blocks = np.flatnonzero(~ignored[log.name])
        # The event where an attempt is blocks others, so there is always one.
        last = blocks[blocks.searchsorted(stop) - 1]
        alive = last == position
        unsure = (log.time[last] == log.time[position]) & are_crowded(log, position)
    for number, low, high in rules.exclusions:
        if low < depth <= high:
            excluded = np.flatnonzero(name_flags(log, rows.selection.excluded[number][0])[log.name])
            place = excluded.searchsorted(stop) - 1
            came = np.append(excluded, -1)[place]
            # In strict order nothing excluded stands before the row where an attempt is.
            since = here if is_strict else start
            ends = (came >= begin) & (log.time[came] > rows.times(since))
            if is_strict or low == 0:
                alive &= ~ends
            else:
                # It may match that stage again, later.
                unsure |= ends
    return alive, unsure
