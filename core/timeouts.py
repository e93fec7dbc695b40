"""How many journeys reach each stage at every session timeout at once.

A longer timeout joins journeys, so each stage row has two timeouts. From the first on, `appears`,
it is reached inside a journey: the largest gap since the latest start that reaches it, for any
earlier start lies across at least that gap. From the second on, `joins`, an earlier row that is
reached lies in the same journey and stands for it. A journey is counted by the first of its rows:
at a timeout those that appear, less those that join as well.

In ordered funnels, best start, whose rows all match one stage where they are simultaneous.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import numpy as np

from core.log import FIRST_GAP
from core.rows import StageRows
from core.threads import together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class StageTimeouts:
    """The rows of one stage, by the session timeouts at which they count."""

    always: int
    """How many are reached at any timeout."""
    appears: Sequence[Ints]
    """The shortest timeout, microseconds, at which each of the others is reached, if one is; in
    stretches that ascend each, as `joins` are."""
    joins: Sequence[Ints]
    """The shortest at which each is reached and an earlier one of its journey is too, if one is."""

    def count(self, limit: int) -> int:
        """How many journeys reach the stage where a gap longer than `limit` ends a journey."""
        return self.always + _up_to(self.appears, limit) - _up_to(self.joins, limit)


def _up_to(stretches: Sequence[Ints], limit: int) -> int:
    return sum(int(values.searchsorted(limit, side="right")) for values in stretches)


def stage_timeouts(rows: StageRows, window: int | None) -> tuple[StageTimeouts, ...]:
    """For each stage, the timeouts at which its rows count inside a window."""
    jobs = (partial(_in_stretch, part, window) for _, part in rows.parts)
    answer = []
    for found in zip(*together(jobs, len(rows)), strict=True):
        always, appears, joins = zip(*found, strict=True)
        answer.append(StageTimeouts(sum(always), appears, joins))
    return tuple(answer)


def _in_stretch(rows: StageRows, window: int | None) -> list[tuple[int, Ints, Ints]]:
    """For each stage what `StageTimeouts` has, in one stretch, which no journey leaves."""
    at, gap = rows.at, rows.gap
    reached = np.zeros(len(at[0]), dtype=np.int64)
    began = rows.times(at[0])
    answer = [(len(at[0]), reached[:0], _ascending(_since_last(gap, at[0])))]
    for stage in range(1, len(at)):
        here, before = at[stage], rows.before(stage)
        known = np.flatnonzero(before >= 0)
        appears = np.full(len(here), FIRST_GAP)
        since = np.zeros(len(here), dtype=np.int64)
        prior = before[known]
        span = _largest(gap, at[stage - 1][prior], here[known])
        appears[known] = np.maximum(reached[prior], span)
        since[known] = began[prior]
        reached, began = appears, since
        if window is not None:
            appears = np.where(rows.times(here) - since <= window, appears, FIRST_GAP)
        joins = _joined(appears, _since_last(gap, here))
        answer.append((0, _ascending(appears), _ascending(joins)))
    return answer


def _ascending(values: Ints) -> Ints:
    """Those of rows to which it happens at some timeout, in order."""
    found: Ints = values[values != FIRST_GAP]
    found.sort()
    return found


def _since_last(gap: Ints, here: Ints) -> Ints:
    """The largest gap after each row up to the next; before the first, since the beginning."""
    if len(here) == 0:
        return here
    return np.maximum.reduceat(gap[: here[-1] + 1], np.concatenate(([0], here[:-1] + 1)))


def _largest(gap: Ints, low: Ints, high: Ints) -> Ints:
    """The largest gap after each of the rows `low` up to its row of `high`, which is later."""
    if len(low) == 0:
        return low
    stretches = np.empty(2 * len(low), dtype=np.int64)
    stretches[0::2], stretches[1::2] = low + 1, high + 1
    return np.maximum.reduceat(np.append(gap, 0), stretches)[0::2]


def _joined(appears: Ints, since: Ints) -> Ints:
    """Find when an earlier row joins, from the largest gap `since` the row before.

    The shortest timeout at which a row or one before it in its journey is reached is
    f(i) = min(appears[i], max(f(i - 1), since[i])): clamps, which are composed over ever longer
    stretches until each is constant.
    """
    low, high = np.minimum(appears, since), appears.copy()
    left, step = np.flatnonzero(low < high), 1
    while len(left):
        left = left[left >= step]
        low_before, high_before = low[left - step], high[left - step]
        ends = (low_before, high_before)
        low[left], high[left] = [np.minimum(high[left], np.maximum(low[left], end)) for end in ends]
        left, step = left[low[left] < high[left]], 2 * step
    first = np.append(FIRST_GAP, high[:-1])[: len(high)]
    joins: Ints = np.maximum(appears, np.maximum(first, since))
    return joins
