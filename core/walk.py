"""One unit walked event by event: exact for every tie and overlap, and it knows what matched.

Events are read in groups of equal time. Each group extends every attempt from where it stood
*before* the group, each new stage taking an event of its own (rules F2, F3): a matching of stages
to events, grown one stage at a time. Per stage only the latest start is kept, for it needs the
smallest window.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, groupby
from typing import Literal

Order = Literal["ordered", "strict", "any"]
"""How matched events follow one another."""

Masks = Sequence[int] | Mapping[int, int]
"""For each event the stages it matches: bit i is stage i."""

BLOCKS = 1
"""Bit of `others`: the event breaks a strict attempt that does not match it."""


@dataclass(frozen=True, slots=True)
class Rules:
    """How attempts are matched, beyond the stages themselves."""

    order: Order = "ordered"
    """Any events in between (rule F1), none (F6), or stages in any order (F7)."""
    first: bool = False
    """Whether only the unit's first stage-1 event may start (rule F5)."""
    since: int | None = None
    """No attempt starts before this time, microseconds since 1970 (rule F12)."""
    until: int | None = None
    """No attempt starts at this time or later."""
    exclusions: tuple[tuple[int, int, int], ...] = ()
    """For each exclusion its number, and the stages, from 0, between whose events it must not occur
    (rule F8). Its events carry bit `number + 1` in `others`."""

    def binding(self, stage: int) -> Rules:
        """The rules for attempts that end at a stage: an exclusion binds once both its stages are
        matched.
        """
        if all(high <= stage for _, _, high in self.exclusions):
            return self
        return replace(self, exclusions=tuple(e for e in self.exclusions if e[2] <= stage))

    def may_start(self, time: int) -> bool:
        """Whether an attempt may start at a time."""
        return (self.since is None or time >= self.since) and (
            self.until is None or time < self.until
        )


ANY_START = Rules()
"""The default rules: ordered, best start."""


@dataclass(frozen=True, slots=True)
class Walk:
    """What one unit did."""

    needs: list[int]
    """For each stage reached, from the first: the smallest window that reaches it, microseconds."""
    starts: list[int]
    """For each stage reached: the latest start, in time, of an attempt that reached it."""
    open: list[int | None]
    """For each depth from 1: the start of the latest attempt there that can still go on when the
    events end; None when there is none."""
    counted: list[list[int]]
    """For each stage reached, the events of the first attempt, in time, to reach it inside the
    window; of those that reach it at the same time, the one begun last."""

    @property
    def matched(self) -> list[int]:
        """The events of the counted attempt: the one that reached the deepest stage (rule R5)."""
        return self.counted[-1] if self.counted else []

    def moved(self, places: Sequence[int]) -> Walk:
        """The same with other names for the events, by their place."""
        return replace(self, counted=[[places[row] for row in rows] for rows in self.counted])


@dataclass(frozen=True, slots=True)
class Attempt:
    """An attempt that reached a stage; of those, the one with the latest start."""

    start: int
    """Time of its first event."""
    rows: tuple[int, ...]
    """The events it matched so far."""


Watch = Callable[[Sequence[int], Sequence[Attempt | None]], None]
"""Is told, after each instant, its events and, by depth, the latest attempt that can still go on if
the window lets it. With exclusions it is told of attempts that none of them has ended."""


def walk(
    times: Sequence[int],
    masks: Sequence[int],
    stages: int,
    window: int | None = None,
    rules: Rules = ANY_START,
    others: Sequence[int] = (),
    watch: Watch | None = None,
) -> Walk:
    """Walk the events of one unit, in time order; bit i of a mask says it matches stage i.

    An attempt older than `window` microseconds goes no further; the edge counts (rule F4). For
    strict order and for exclusions, `others` says what else each event is, and events that match no
    stage must be among them.
    """
    if rules.order == "any":
        return _walk_any(times, masks, stages, window, watch)
    whole = _walk(times, masks, stages, window, rules, others, watch)
    if not rules.exclusions:
        return whole
    # Depth by depth, with the exclusions that bind there.
    by_rules = {rules: whole}
    needs, starts, counted = list[int](), list[int](), list[list[int]]()
    for stage in range(stages):
        binding = rules.binding(stage)
        if binding not in by_rules:
            by_rules[binding] = _walk(times, masks, stages, window, binding, others)
        found = by_rules[binding]
        if len(found.needs) <= stage:
            break
        needs.append(found.needs[stage])
        starts.append(found.starts[stage])
        counted.append(_earliest(times, masks, found.counted[stage], binding, others))
    return Walk(needs, starts, whole.open, counted)


def _earliest(
    times: Sequence[int],
    masks: Sequence[int],
    matched: list[int],
    rules: Rules,
    others: Sequence[int],
) -> list[int]:
    """An attempt with the same start and end, its stages in between as early as can be, if nothing
    excluded stands inside of it: an exclusion that does not occur there changes nothing.
    """
    start, end = times[matched[0]], times[matched[-1]]
    inside = range(bisect_right(times, start), bisect_left(times, end))
    excluded = sum(2 << number for number, _, _ in rules.exclusions)
    if rules.order == "strict" or any(others[row] & excluded for row in inside):
        return matched
    begin, stop = bisect_left(times, start), bisect_right(times, end)
    own = [mask & ~1 for mask in masks[begin:stop]]
    own[matched[0] - begin] |= 1
    free = replace(rules, exclusions=(), first=False)
    found = _walk(times[begin:stop], own, len(matched), None, free, [])
    return [begin + row for row in found.counted[len(matched) - 1]]


def _walk(
    times: Sequence[int],
    masks: Sequence[int],
    stages: int,
    window: int | None,
    rules: Rules,
    others: Sequence[int],
    watch: Watch | None = None,
) -> Walk:
    """Walk once, with all exclusions of the rules in force from the first event on."""
    is_strict = rules.order == "strict"
    found, latest, may_start = _Found(), _Latest(stages, bool(rules.exclusions)), True
    for time, rows in _groups(times):
        before = latest.copy()
        must = [row for row in rows if is_strict and others[row] & BLOCKS]
        if must:
            # What stands between breaks every attempt that does not take it up.
            latest = _Latest(stages, bool(rules.exclusions))
        in_range = rules.may_start(time)
        before[0] = Attempt(time, ()) if may_start and in_range else None
        # The deepest first: of attempts with one start it has reached its stages the earliest.
        for reached in reversed(range(stages)):
            attempt = before[reached]
            if attempt is None or (window is not None and time - attempt.start > window):
                continue
            for taken in _extensions(rows, masks, reached, stages):
                found.add(Attempt(attempt.start, attempt.rows + tuple(taken)), time)
                # Before its first event nothing stands between; later, all of the group must be in.
                if not reached or _cover(taken, reached, masks, must):
                    latest.keep(Attempt(attempt.start, attempt.rows + tuple(taken)))
        if rules.first and in_range and any(masks[row] & 1 for row in rows):
            may_start = False
        latest.exclude(time, rows, times, others, rules.exclusions)
        if watch is not None:
            watch(rows, latest)
    return found.walk(latest)


class _Found:
    """The best of each stage so far."""

    def __init__(self) -> None:
        self.needs: list[int] = []
        self.starts: list[int] = []
        self.counted: list[tuple[int, Attempt]] = []

    def add(self, attempt: Attempt, time: int) -> None:
        """An attempt got as far as its rows say, at a time."""
        stage, need = len(attempt.rows) - 1, time - attempt.start
        if stage == len(self.needs):
            self.needs.append(need)
            self.starts.append(attempt.start)
            self.counted.append((time, attempt))
        first, counted = self.counted[stage]
        if time == first and attempt.start > counted.start:
            self.counted[stage] = time, attempt
        self.needs[stage] = min(self.needs[stage], need)
        self.starts[stage] = max(self.starts[stage], attempt.start)

    def walk(self, latest: Sequence[Attempt | None]) -> Walk:
        """What it came to, with the attempts that can still go on."""
        still = [attempt.start if attempt else None for attempt in latest[1:]]
        return Walk(self.needs, self.starts, still, [list(each.rows) for _, each in self.counted])


class _Latest(list[Attempt | None]):
    """For each depth the attempt with the latest start, of those that can still go on."""

    def __init__(self, stages: int, newest: bool) -> None:
        """Begin with none; of equal starts the newest attempt is kept, or else the oldest."""
        super().__init__([None] * (stages + 1))
        self._newest = newest

    def keep(self, attempt: Attempt) -> None:
        """Keep an attempt if it is better than the one there is."""
        known = self[len(attempt.rows)]
        if known is None or attempt.start >= known.start + (not self._newest):
            self[len(attempt.rows)] = attempt

    def exclude(
        self,
        time: int,
        rows: Sequence[int],
        times: Sequence[int],
        others: Sequence[int],
        exclusions: Sequence[tuple[int, int, int]],
    ) -> None:
        """End the attempts that an excluded event of this time now stands inside of.

        Inside is strictly between: one whose stage `low` was matched at this very time lives.
        """
        for number, low, high in exclusions:
            if any(others[row] >> (number + 1) & 1 for row in rows):
                for depth in range(low + 1, high + 1):
                    attempt = self[depth]
                    if attempt is not None and times[attempt.rows[low]] < time:
                        self[depth] = None


def _groups(times: Sequence[int]) -> Iterator[tuple[int, list[int]]]:
    for time, group in groupby(range(len(times)), key=times.__getitem__):
        yield time, list(group)


def _walk_any(
    times: Sequence[int],
    masks: Sequence[int],
    stages: int,
    window: int | None,
    watch: Watch | None,
) -> Walk:
    """Any order (rule F7): how many stages distinct events match inside one window."""
    found = _Found()
    # Of events that match the same stages, no more than there are stages can ever be taken.
    recent: dict[int, deque[int]] = {}
    for time, rows in _groups(times):
        for row in rows:
            mask = masks[row]
            recent.setdefault(mask, deque(maxlen=mask.bit_count())).append(row)
        holder: dict[int, int] = {}
        reached: list[Attempt | None] = [None]
        for row in sorted(chain.from_iterable(recent.values()), reverse=True):
            span = time - times[row]
            if len(holder) == stages or (window is not None and span > window):
                break
            if _seat(row, masks, holder, range(stages), frozenset(), set()):
                attempt = Attempt(times[row], tuple(sorted(holder.values())))
                reached.append(attempt)
                found.add(attempt, time)
        if watch is not None:
            watch(rows, reached)
    # Nothing that comes later can spoil an attempt.
    return found.walk([None, *(Attempt(start, ()) for start in found.starts)])


def follow_all(
    times: Sequence[int], masks: Sequence[int], stages: int, starts: Sequence[int]
) -> list[list[int]]:
    """For each of some events, as the start of an attempt of its own: the events it matches, as
    early as can be. Ordered (rule F1), in one pass: attempts that have got equally far go on
    together.
    """
    wanted, matched = set(starts), {start: list[int]() for start in starts}
    waiting: list[list[int]] = [[] for _ in range(stages + 1)]
    for _, rows in _groups(times):
        for reached in range(stages - 1, 0, -1):
            taken = _farthest(rows, masks, reached, stages) if waiting[reached] else []
            if taken:
                for start in waiting[reached]:
                    matched[start] += taken
                waiting[reached + len(taken)] += waiting[reached]
                waiting[reached] = []
        for start in wanted.intersection(rows):
            alone = {row: masks[row] if row == start else masks[row] & ~1 for row in rows}
            matched[start] = _farthest(rows, alone, 0, stages)
            waiting[len(matched[start])].append(start)
    return [matched[start] for start in starts]


def _farthest(rows: Sequence[int], masks: Masks, reached: int, stages: int) -> list[int]:
    """The events by which simultaneous events take an attempt the farthest."""
    farthest: list[int] = []
    for taken in _extensions(rows, masks, reached, stages):
        farthest = taken
    return farthest


def seats(rows: Sequence[int], masks: Masks, stages: int) -> dict[int, int]:
    """The stage each of some events is matched to, when all of them can be matched to distinct
    ones: for each stage that is taken, its event.
    """
    holder: dict[int, int] = {}
    for row in rows:
        _seat(row, masks, holder, range(stages), frozenset(), set())
    return holder


def _extensions(
    rows: Sequence[int], masks: Masks, reached: int, stages: int
) -> Iterator[list[int]]:
    """How far simultaneous events take an attempt: for each new stage, the events of all of them.

    A list that was yielded may be changed until the next is asked for.
    """
    holder: dict[int, int] = {}
    for stage in range(reached, stages):
        allowed = range(reached, stage + 1)
        free = [row for row in rows if row not in holder.values()]
        if not any(_seat(row, masks, holder, allowed, frozenset(), set()) for row in free):
            return
        yield [holder[i] for i in allowed]


def _cover(taken: list[int], reached: int, masks: Sequence[int], must: Sequence[int]) -> bool:
    """Whether the stages from `reached` on can be matched with all of `must` among their events.

    Swaps events of `taken` in place for those that must be in. Each swap keeps every stage matched;
    that this finds a matching of both whenever each can be matched by itself is the theorem of
    Mendelsohn and Dulmage (1958).
    """
    holder = dict(enumerate(taken, reached))
    spare = frozenset(taken).difference(must)
    for row in must:
        if row not in holder.values() and not _seat(row, masks, holder, list(holder), spare, set()):
            return False
    taken[:] = (holder[stage] for stage in sorted(holder))
    return True


def _seat(
    row: int,
    masks: Masks,
    holder: dict[int, int],
    stages: Sequence[int],
    spare: frozenset[int],
    tried: set[int],
) -> bool:
    """Give an event one of the stages it matches, moving others to other stages to make room.

    `holder` tells the event of each stage. Room is a stage that nobody holds, or one that a `spare`
    event gives up.
    """
    for stage in stages:
        if masks[row] >> stage & 1 and stage not in tried:
            tried.add(stage)
            other = holder.get(stage)
            if other is None or other in spare or _seat(other, masks, holder, stages, spare, tried):
                holder[stage] = row
                return True
    return False
