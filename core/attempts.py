"""Attempts (rule F10): each start of a unit counted by itself, and not only the best of them.

From a given start the earliest event that fits each next stage is the best one, so all attempts are
followed at once, stage by stage. Where simultaneous events make their order matter, or an excluded
event leaves more than one way, attempts are walked.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.cuts import FEW, first_later
from core.depth import Arrivals, Reached, UnitEvents, unit_events, user_events
from core.kernels import left_to_walk, starts, unit_firsts
from core.pending import unended
from core.rows import StageRows, index_type
from core.threads import together
from core.walk import Attempt, Rules, Walk, follow_all, walk

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.funnel import Attempts

    Ints = NDArray[np.int64]

NEVER = np.iinfo(np.int64).max
"""The end of an attempt that nothing ends."""


@dataclass(frozen=True, eq=False)
class Tried:
    """What every start of every unit came to: a attempts, s stages."""

    rows: StageRows
    """The rows they are of."""
    rules: Rules
    """How they were matched."""
    first: Ints
    """For each row the first row of its unit."""
    start: Ints
    """(a) the row that each begins with, by unit and time."""
    need: Ints
    """(s, a) microseconds from the start until each stage is reached; -1 for never."""
    row: Ints
    """(s, a) the row that each stage is reached by; -1 for none, or where `counted_events` must
    look."""
    ended: Ints
    """(a) the time of the event that ended it, by an exclusion or by breaking strict order; `NEVER`
    for none."""
    walked: NDArray[np.bool_]
    """(a) whether its unit was walked."""

    def chosen(self, which: Attempts, window: int | None) -> Ints:
        """The places of the attempts that are counted, ascending.

        Of simultaneous starts `mixpanel` takes the one that gets farthest.
        """
        if which == "starts":
            return np.arange(len(self.start))
        able = self._one_an_instant(window)
        begun, over, need = (
            self.rows.times(self.start[able]),
            self.ended[able] - 1,
            self.need[-1, able],
        )
        is_done = need >= 0
        if window is not None:
            over = np.minimum(over, begun + window)
            is_done &= need <= window
        over = np.where(is_done, begun + need, over)
        unit, here = self.first[self.start[able]], np.arange(len(able))
        edges = np.flatnonzero(np.diff(unit, prepend=-1))
        stop = np.append(edges, len(unit))[edges.searchsorted(here, side="right")]
        after = first_later(begun, here, stop, over)
        return able[_in_turn(edges, np.where(after < stop, after, -1))]

    def _one_an_instant(self, window: int | None) -> Ints:
        """The places of all attempts, but of simultaneous ones in a unit only the best."""
        time, unit = self.rows.times(self.start), self.first[self.start]
        is_new = (np.diff(time, prepend=-1) != 0) | (np.diff(unit, prepend=-1) != 0)
        tied = np.flatnonzero(~is_new | ~np.append(is_new[1:], True))
        if len(tied) == 0:
            return np.arange(len(time))
        need, instant = self.need[:, tied], np.cumsum(is_new)[tied]
        fits = (need >= 0) if window is None else (need >= 0) & (need <= window)
        order = np.lexsort((need[-1], -fits.sum(axis=0), instant))
        best = order[np.flatnonzero(np.diff(instant[order], prepend=-1))]
        is_new[tied] = False
        is_new[tied[best]] = True
        return np.flatnonzero(is_new)

    def reached(self, places: Ints) -> tuple[Reached, ...]:
        """For each stage, the attempts that reached it, named by the row they begin with."""
        lows = [low for low, _ in self.rows.parts]
        edges = self.start[places].searchsorted([*lows, len(self.rows)]).tolist()
        jobs = (
            partial(self._arrivals, places[start:stop], low)
            for low, (start, stop) in zip(lows, pairwise(edges), strict=True)
        )
        by_stage = zip(*together(jobs, len(self.rows)), strict=True)
        return tuple(Reached(list(zip(lows, stage, strict=True))) for stage in by_stage)

    def _arrivals(self, places: Ints, low: int) -> list[Arrivals]:
        """The same for some of one stretch, which begins with the row `low`."""
        start, found = self.start[places], []
        begun = self.rows.times(start)
        for every in self.need:
            need = every[places]
            there = np.flatnonzero(need >= 0)
            found.append(Arrivals.of(start[there] - low, need[there], begun[there]))
        return found

    def counted_events(self, units: Ints, depth: NDArray[np.int8], window: int | None) -> Ints:
        """(s, units) as `core.convert.counted_events`; `units` are attempts in the funnel, each by
        the row that it begins with.
        """
        places = self.start.searchsorted(units)
        counted = np.append(self.rows.positions, -1)[self.row[:, places]]
        counted[np.arange(len(counted))[:, None] >= depth] = -1
        if self.rules.order == "strict" or self.rules.exclusions:
            # The way to the deepest stage need not be the shortest to those before it.
            for number in np.flatnonzero(self.walked[places]).tolist():
                events, own = self._events(int(units[number]))
                found = _walk_from(events, own, self.rows, self.rules, window)[0]
                matched = [events.positions[row] for row in found.matched]
                counted[: len(matched), number] = matched
        return counted

    def goes_on(self, units: Ints, depth: int, since: int) -> NDArray[np.bool_]:
        """Of users' attempts that got to a depth, each by the row that it begins with: whether it
        began after `since` and has been ended by nothing.
        """
        places = self.start.searchsorted(units)
        here = self.row[depth - 1, places]
        alive, unsure = unended(self.rows, self.rules, here, units, depth)
        is_late = self.rows.times(units) > since
        unsure |= here < 0  # walked, and no row of it is known
        for number in np.flatnonzero(unsure & is_late).tolist():
            events = user_events(self.rows, int(units[number]))
            own = events.positions.index(int(self.rows.positions[units[number]]))
            found = _walk_from(events, own, self.rows, self.rules, None)[0]
            alive[number] = found.open[depth - 1] is not None
        return alive & is_late

    def _events(self, start: int) -> tuple[UnitEvents, int]:
        """The events of the unit of an attempt, and which of them it begins with."""
        unit = int(self.first[start])
        end = int(self.first.searchsorted(unit, side="right"))
        events = unit_events(self.rows, unit, end, self.rules)
        return events, events.positions.index(int(self.rows.positions[start]))


def try_all(rows: StageRows, limit: int, rules: Rules) -> Tried:
    """What every start came to; units end where a gap is longer than `limit` microseconds."""
    jobs = (partial(_try_part, rows, low, part, limit, rules) for low, part in rows.parts)
    found = together(jobs, len(rows))
    columns = ("first", "start", "need", "row", "ended", "walked")
    joined = (np.concatenate([getattr(each, name) for each in found], axis=-1) for name in columns)
    return found[0] if len(found) == 1 else Tried(rows, rules, *joined)


def _try_part(rows: StageRows, low: int, part: StageRows, limit: int, rules: Rules) -> Tried:
    """The same in one stretch, its rows counted from the first of all."""
    index = index_type(len(rows))

    def moved(numbers: Ints) -> Ints:
        return np.where(numbers >= 0, numbers.astype(index) + index(low), index(-1))

    tried = _try(part, limit, rules)
    if not low:
        return tried
    first, start, row = map(moved, (tried.first, tried.start, tried.row))
    return replace(tried, first=first, start=start, row=row)


def _try(rows: StageRows, limit: int, rules: Rules) -> Tried:
    """The same in one stretch."""
    first = unit_firsts(rows, limit)
    start = starts(rows, first, rules)
    start = start[start >= 0]
    if rules.order == "strict":
        row, ended = _strict(rows, first, start)
    else:
        row, ended = _ordered(rows, first, start, rules)
    need = np.where(row >= 0, rows.times(row) - rows.times(start), -1) if len(start) else row
    walked = np.isin(first[start], _to_walk(rows, first, rules))
    tried = Tried(rows, rules, first, start, need, row, ended, walked)
    places = np.flatnonzero(walked)
    edges = np.flatnonzero(np.diff(first[start[places]], prepend=-1)).tolist()
    for low, high in pairwise([*edges, len(places)]):
        _walk_attempts(tried, places[low:high])
    return tried


def _ordered(rows: StageRows, first: Ints, start: Ints, rules: Rules) -> tuple[Ints, Ints]:
    """The row of each stage, and the end, of each attempt (rule F1)."""
    row, ended = _nothing_yet(rows, start)
    begun, alive, here = rows.times(start), np.arange(len(start)), start
    for stage in range(1, len(rows.at)):
        fitting = np.append(rows.at[stage], -1)
        following = fitting[rows.at[stage].searchsorted(here, side="right")]
        goes_on = (following >= 0) & (first[following] == first[here])
        here, alive = following[goes_on], alive[goes_on]
        for number, _, high in rules.exclusions:
            # The exclusions that begin later than at the first stage are walked.
            if high == stage:
                spans = rows.last_excluded[number][here] > begun[alive]
                here, alive = here[~spans], alive[~spans]
        row[stage, alive] = here
    for number, low, high in rules.exclusions:
        if low:
            continue  # the attempt may match that stage again
        came = rows.next_excluded(number, start)
        is_inside = (row[high] < 0) | (came < rows.times(row[high]))
        ended = np.where(is_inside, np.minimum(ended, came), ended)
    return row, ended


def _strict(rows: StageRows, first: Ints, start: Ints) -> tuple[Ints, Ints]:
    """The same for rule F6. Units with an excluded event inside are walked."""
    row, ended = _nothing_yet(rows, start)
    alive, here = np.arange(len(start)), start
    bits, unit = np.append(rows.mask, 0).astype(rows.mask.dtype), np.append(first, -1)
    for stage in range(1, len(rows.at)):
        following = here + 1
        goes_on = rows.follows[stage > 1][here] & (unit[following] == first[here])
        goes_on &= bits[following] & bits.dtype.type(1 << stage) != 0
        ended[alive[~goes_on]] = rows.times(here[~goes_on]) + 1
        here, alive = following[goes_on], alive[goes_on]
        row[stage, alive] = here
    return row, ended


def _nothing_yet(rows: StageRows, start: Ints) -> tuple[Ints, Ints]:
    row = np.full((len(rows.at), len(start)), -1, dtype=index_type(len(rows)))
    row[0] = start
    return row, np.full(len(start), NEVER)


def _to_walk(rows: StageRows, first: Ints, rules: Rules) -> Ints:
    """The units whose attempts cannot be followed all at once."""
    units = [left_to_walk(rows, first, rules)]
    if rules.order == "strict":
        # It may end one attempt and begin another, the events beside it before or after.
        units.append(first[rows.torn])
    for number, low, _ in rules.exclusions:
        if low or rules.order == "strict":
            units.append(first[rows.last_excluded[number] > rows.times(first)])
    return np.unique(np.concatenate(units))


def _walk_attempts(tried: Tried, places: Ints) -> None:
    """Put in what the attempts of one unit came to, walked one by one."""
    rows, rules = tried.rows, tried.rules
    start = tried.start[places]
    tried.need[:, places], tried.row[:, places], tried.ended[places] = -1, -1, NEVER
    if rules.order == "ordered" and not rules.exclusions:
        unit = int(tried.first[start[0]])
        end = int(tried.first.searchsorted(unit, side="right"))
        times, masks = rows.times(slice(unit, end)).tolist(), rows.mask[unit:end].tolist()
        followed = follow_all(times, masks, len(rows.at), (start - unit).tolist())
        for place, taken in zip(places.tolist(), followed, strict=True):
            tried.row[: len(taken), place] = unit + np.array(taken)
            tried.need[: len(taken), place] = [times[row] - times[taken[0]] for row in taken]
        return
    events, _ = tried._events(int(start[0]))
    own = {position: row for row, position in enumerate(events.positions)}
    begin = [own[position] for position in rows.positions[start].tolist()]
    for place, row in zip(places.tolist(), begin, strict=True):
        found, ended = _walk_from(events, row, rows, rules, None)
        tried.need[: len(found.needs), place] = found.needs
        tried.ended[place] = ended


def _walk_from(
    events: UnitEvents, row: int, rows: StageRows, rules: Rules, window: int | None
) -> tuple[Walk, int]:
    """Walk the attempt that begins with one event, and tell when an event ended it."""
    low = bisect_left(events.times, events.times[row])
    times, others = events.times[low:], events.others[low:]
    masks = [mask & ~1 for mask in events.masks[low:]]
    masks[row - low] |= 1
    ended = NEVER

    def watch(group: Sequence[int], attempts: Sequence[Attempt | None]) -> None:
        nonlocal ended
        if ended == NEVER and times[group[0]] > times[0] and not any(attempts[1:]):
            ended = times[group[0]]

    found = walk(times, masks, len(rows.at), window, rules, others, watch)
    return found.moved(range(low, low + len(times))), ended


def _in_turn(first: Ints, after: Ints) -> Ints:
    """The places met from each of `first` on, where `after` tells the next, -1 for none."""
    met, here = [], first
    while len(here) > FEW:
        met.append(here)
        here = after[here]
        here = here[here >= 0]
    for begin in here.tolist():
        chain, place = [], begin
        while place >= 0:
            chain.append(place)
            place = int(after[place])
        met.append(np.array(chain, dtype=np.int64))
    return np.sort(np.concatenate(met)) if met else first
