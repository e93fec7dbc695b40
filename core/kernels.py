"""The kernels: for each stage and each of its rows, the latest start that has reached it there.

For each stage they keep the *latest start* that has reached it: any attempt that began earlier
needs a longer window for the same stages, so it can be forgotten. A start is the index of a stage
row, which grows with user and time; so the latest start that leads to a row, of whatever unit, is
of the row's own exactly when it is not less than the unit's first row.

Events at the same instant may be taken in either order (rule F2). Among rows that match one stage
each, sorting by stage makes that true. Where one of them matches several stages the order matters:
such units are told by `left_to_walk`, and what the kernels say of them does not count.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from core.rows import StageRows, index_type, picked, with_none
from core.walk import Rules

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.signedinteger]


class Carried(NamedTuple):
    """What attempts came to at one stage."""

    here: Ints
    """The rows at which the stage is reached, ascending."""
    start: Ints
    """For each of them, the row of the latest start of an attempt that reaches the stage there."""


def unit_firsts(rows: StageRows, limit: int) -> Ints:
    """For each row the first row of its unit; a gap longer than `limit` begins another."""
    begins = rows.gap > limit
    index = index_type(len(begins))
    return picked(np.flatnonzero(begins).astype(index), np.cumsum(begins, dtype=index) - 1)


def carry(rows: StageRows, first: Ints, rules: Rules) -> list[Carried]:
    """What attempts came to at each stage, all exclusions of the rules in force from the first."""
    if rules.order == "any":
        return _any_order(rows, first)
    return _strict(rows, first, rules) if rules.order == "strict" else _ordered(rows, first, rules)


def _ordered(rows: StageRows, first: Ints, rules: Rules) -> list[Carried]:
    """Rule F1: other events in between do not matter."""
    start = starts(rows, first, rules)
    is_plain = start is rows.at[0] and not rules.exclusions
    fits = start >= 0
    answer = [_those(fits, rows.at[0], start)]
    for stage in range(1, len(rows.at)):
        here = rows.at[stage]
        if is_plain:
            # What leads here from another unit leads from an earlier row than all of this one.
            start = rows.latest[stage]
            fits = start >= picked(first, here)
        else:
            # Starts only grow, so the latest is that of the last row an attempt has reached.
            last = with_none(np.cumsum(fits) - 1)[rows.before(stage)]
            start = with_none(answer[-1].start)[last]
            fits = start >= picked(first, here)
            for number, low, high in rules.exclusions:
                if low < stage <= high:
                    came = np.append(rows.times(answer[-1].here), 0)[last]
                    fits &= came >= rows.last_excluded[number][here]
        answer.append(_those(fits, here, start))
    return answer


def _those(fits: NDArray[np.bool_], here: Ints, start: Ints) -> Carried:
    """The rows that an attempt has reached."""
    if fits.all():
        return Carried(here, start)
    reached = np.flatnonzero(fits)
    return Carried(picked(here, reached), picked(start, reached))


def _strict(rows: StageRows, first: Ints, rules: Rules) -> list[Carried]:
    """Rule F6: each matched event is the very next, except for ignored ones."""
    start = starts(rows, first, rules)
    start = start if start is rows.at[0] else start[start >= 0]
    here, bit = start, rows.mask.dtype.type
    answer = [Carried(here, start)]
    for stage in range(1, len(rows.at)):
        goes_on = rows.follows[stage > 1][here]
        here, start = here[goes_on] + 1, start[goes_on]
        fits = (rows.mask[here] & bit(1 << stage) != 0) & (first[here] != here)
        for number, low, high in rules.exclusions:
            if low < stage <= high:
                fits &= rows.times(here - 1) >= rows.last_excluded[number][here]
        here, start = here[fits], start[fits]
        answer.append(Carried(here, start))
    return answer


def _any_order(rows: StageRows, first: Ints) -> list[Carried]:
    """Rule F7: for each row, how far back the k latest stages reach."""
    # Of simultaneous rows only the last has all of them behind it.
    is_last = np.append(rows.gap[1:] != 0, True)[: len(rows)]
    answer = []
    for start in rows.recent:
        at = np.flatnonzero((start >= first) & is_last)
        answer.append(Carried(at, picked(start, at)))
    return answer


def starts(rows: StageRows, first: Ints, rules: Rules) -> Ints:
    """For each row of the first stage, itself if an attempt may start there, else -1.

    The very same rows where any may.
    """
    here = rows.at[0]
    if rules.since is None and rules.until is None and not rules.first:
        return here
    may = np.ones(len(here), dtype=np.bool_)
    if rules.since is not None:
        may &= rows.times(here) >= rules.since
    if rules.until is not None:
        may &= rows.times(here) < rules.until
    if rules.first and len(here):
        able = here[may]
        opening = np.full(len(first) + 1, np.iinfo(np.int64).max)
        # Written backwards, so that a unit's first row is the one that stays.
        opening[first[able[::-1]]] = rows.times(able[::-1])
        may &= rows.times(here) == opening[first[here]]
    return np.where(may, here, -1)


def left_to_walk(rows: StageRows, first: Ints, rules: Rules) -> Ints:
    """The units that the kernels leave to the walk."""
    if rules.order == "any":
        # Time order is all that matters; but partly shared stages need a matching.
        return np.unique(first) if _overlap(rows) else np.empty(0, dtype=np.int64)
    ignored = rows.selection.ignored
    if ignored and any(names is None or names & ignored for names in rows.selection.stages):
        # An event that is both may be matched or passed over.
        return np.unique(first)
    return np.unique(first[rows.knots])


def _overlap(rows: StageRows) -> bool:
    """Whether two stages share some of their events and not all."""
    seen = np.unique(rows.mask).tolist()
    together = [set(), *({i for i in range(len(rows.at)) if mask >> i & 1} for mask in seen)]
    return any(a & b and a != b for a in together for b in together)
