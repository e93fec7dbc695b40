"""The rules once more, by brute force and in nobody's hurry: what the kernels are compared with.

Everything that could be matched is written down, then each rule strikes out what it forbids. It
knows `core.Funnel` as the question and nothing of how `core` answers it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, pairwise

import core

Trail = Sequence[tuple[int, str]]
"""Events of one unit in time order: microseconds and name."""
Names = frozenset[str] | None
"""The names that fill a stage; None is any event."""
Values = Mapping[str, Sequence[str | None]]
"""For each user, what each event carries in the field whose value is held (F9)."""
Taken = tuple[int, ...]
"""An attempt: the places of the events matched to its stages; in any order, ascending."""


def cut(trail: Trail, timeout: int | None) -> list[list[tuple[int, str]]]:
    """The journeys of a trail: a gap longer than the timeout begins a new one (J1, J2)."""
    journeys = [[event] for event in trail[:1]]
    for before, event in pairwise(trail):
        if timeout is not None and event[0] - before[0] > timeout:
            journeys.append([])
        journeys[-1].append(event)
    return journeys


# What can be matched at all.


def _fits(names: Names, name: str) -> bool:
    return names is None or name in names


def matchings(
    trail: Trail, stages: Sequence[Names], starts: Iterable[int] | None = None
) -> Iterator[Taken]:
    """Every way to match some first stages by distinct events at non-decreasing times (F1–F3);
    only those that begin with certain events, if these are given.
    """

    def grow(taken: Taken) -> Iterator[Taken]:
        yield taken
        if len(taken) == len(stages):
            return
        names, since = stages[len(taken)], trail[taken[-1]][0]
        for place, (time, name) in enumerate(trail):
            if time >= since and place not in taken and _fits(names, name):
                yield from grow((*taken, place))

    if starts is None:
        starts = [place for place, (_, name) in enumerate(trail) if _fits(stages[0], name)]
    for start in starts:
        yield from grow((start,))


def gatherings(trail: Trail, stages: Sequence[Names]) -> set[Taken]:
    """All events that distinct stages can be matched to, whatever the order (F7)."""
    found: set[frozenset[int]] = {frozenset()}
    for names in stages:
        found |= {
            taken | {place}
            for taken in found
            for place, (_, name) in enumerate(trail)
            if place not in taken and _fits(names, name)
        }
    return {tuple(sorted(taken)) for taken in found if taken}


# What the rules strike out.


def allowed(
    trail: Trail,
    ask: core.Funnel,
    exclusions: Iterable[core.Exclusion],
    start: int | None = None,
) -> list[Taken]:
    """Every attempt that the rules allow, whatever its window; only those from one start, if it is
    given.
    """
    stages = [stage.names for stage in ask.stages]
    if ask.order == "any":
        return list(gatherings(trail, stages))
    return [
        taken
        for taken in matchings(trail, stages, entries(trail, ask) if start is None else [start])
        if (ask.order != "strict" or not breakers(trail, taken, ask, trail[taken[-1]][0]))
        and not any(spanned(trail, taken, each, ask) for each in exclusions)
    ]


def entries(trail: Trail, ask: core.Funnel) -> list[int]:
    """The places of the events that may be stage 1: in the date range (F12); with start `first`
    the first of these, or one of its own instant (F5, F2).
    """
    names = ask.stages[0].names
    found = [
        place
        for place, (time, name) in enumerate(trail)
        if _fits(names, name)
        and (ask.since is None or time >= ask.since)
        and (ask.until is None or time < ask.until)
    ]
    if ask.start == "first":
        return [place for place in found if trail[place][0] == trail[found[0]][0]]
    return found


def breakers(trail: Trail, taken: Taken, ask: core.Funnel, end: int) -> list[int]:
    """The times of events that stand between the first of an attempt and an end, in strict order:
    neither matched nor ignored (F6). At either edge they may as well stand outside (F2).
    """
    start = trail[taken[0]][0]
    return [
        time
        for place, (time, name) in enumerate(trail)
        if start < time < end and place not in taken and name not in ask.ignore
    ]


def spanned(trail: Trail, taken: Taken, exclusion: core.Exclusion, ask: core.Funnel) -> bool:
    """Whether an excluded event is strictly between the two stages, if both are matched (F8)."""
    low, high = exclusion.between or (1, len(ask.stages))
    if len(taken) < high:
        return False
    start, end = trail[taken[low - 1]][0], trail[taken[high - 1]][0]
    return any(start < time < end and name in exclusion.any_of for time, name in trail)


def is_open(trail: Trail, taken: Taken, ask: core.Funnel, now: int) -> bool:
    """Whether an attempt can still be completed by events later than now, its window aside."""
    seen = [event for event in trail if event[0] <= now]
    if ask.order == "strict" and breakers(seen, taken, ask, now + 1):
        return False
    for exclusion in ask.exclusions:
        low, high = exclusion.between or (1, len(ask.stages))
        if low <= len(taken) < high:
            after = trail[taken[low - 1]][0]
            if any(time > after and name in exclusion.any_of for time, name in seen):
                return False
    return True


# What a unit comes to.


@dataclass(frozen=True)
class Outcome:
    """How far a unit got, or one attempt where attempts are counted."""

    depth: int
    """Stages reached; 0 also for the excluded."""
    excluded: bool
    """Whether an exclusion takes it out of the funnel (F8)."""
    pending: bool
    """Whether it may still convert (F11)."""
    needs: list[int]
    """For each stage that can be reached, the smallest window that reaches it (F4)."""
    counted: list[Taken]
    """The attempts that are first, in time, to get so deep; of these, those begun last (R5)."""


def outcome(trail: Trail, ask: core.Funnel, last: int, start: int | None = None) -> Outcome:
    """What a unit comes to, or its attempts from one start. The data ends at `last`."""
    free = allowed(trail, ask, [e for e in ask.exclusions if e.policy == "break"], start)
    removing = [each for each in ask.exclusions if each.policy == "remove"]
    every = [t for t in free if not any(spanned(trail, t, each, ask) for each in removing)]
    depth = deepest(trail, every, ask)
    excluded = depth < deepest(trail, free, ask)
    ends = [t for t in every if len(t) == depth and is_inside(trail, t, ask)]
    soonest = min((_soonest(trail, taken) for taken in ends), default=None)
    return Outcome(
        depth=0 if excluded else depth,
        excluded=excluded,
        pending=not excluded
        and depth < len(ask.stages)
        and any(is_pending(trail, taken, ask, last) for taken in ends),
        needs=smallest(trail, every),
        counted=[taken for taken in ends if _soonest(trail, taken) == soonest],
    )


def deepest(trail: Trail, attempts: Iterable[Taken], ask: core.Funnel) -> int:
    """How far attempts get inside the window."""
    return max((len(taken) for taken in attempts if is_inside(trail, taken, ask)), default=0)


def smallest(trail: Trail, attempts: Iterable[Taken]) -> list[int]:
    """For each stage that attempts reach, the smallest window that reaches it (F4)."""
    best: dict[int, int] = {}
    for taken in attempts:
        best[len(taken)] = min(_span(trail, taken), best.get(len(taken), _span(trail, taken)))
    return [best[depth] for depth in sorted(best)]


def is_inside(trail: Trail, taken: Taken, ask: core.Funnel) -> bool:
    """Whether an attempt is within the window; its edge counts (F4)."""
    return ask.window is None or _span(trail, taken) <= ask.window


def is_pending(trail: Trail, taken: Taken, ask: core.Funnel, last: int) -> bool:
    """Whether an attempt has time left when the data ends, and nothing in its way (F11)."""
    return (
        ask.scope == "users"
        and ask.window is not None
        and trail[taken[0]][0] + ask.window > last
        and is_open(trail, taken, ask, last)
    )


def _span(trail: Trail, taken: Taken) -> int:
    return trail[taken[-1]][0] - trail[taken[0]][0]


def _soonest(trail: Trail, taken: Taken) -> tuple[int, int]:
    return trail[taken[-1]][0], -trail[taken[0]][0]


# What is counted.


@dataclass(frozen=True)
class Unit:
    """A user or a journey, or the events of one that carry a value (F9)."""

    user: str
    value: str
    """Empty where none is held."""
    trail: Trail


def units(
    trails: Mapping[str, Trail], timeout: int | None, ask: core.Funnel, values: Values | None = None
) -> list[Unit]:
    """The units of a log, by user, then time; where a value is held, those it divides them into
    that have an event of a stage.
    """
    found = []
    for user in sorted(trails):
        whole = [trails[user]] if ask.scope == "users" else cut(trails[user], timeout)
        if values is None:
            found += [Unit(user, "", trail) for trail in whole]
            continue
        carried = iter(values[user])
        for trail in whole:
            of_value: dict[str, list[tuple[int, str]]] = {}
            for event, value in zip(trail, islice(carried, len(trail)), strict=True):
                if value:
                    of_value.setdefault(value, []).append(event)
            found += [
                Unit(user, value, events)
                for value, events in of_value.items()
                if any(_fits(stage.names, name) for stage in ask.stages for _, name in events)
            ]
    return found


def end_of(trails: Mapping[str, Trail]) -> int:
    """When the data ends: the time of the last event of anybody."""
    return max((event[0] for trail in trails.values() for event in trail), default=0)


def attempts(trail: Trail, ask: core.Funnel, last: int) -> list[tuple[int, Outcome]]:
    """The attempts of a unit, each with the time it begins (F10).

    With `starts` every stage-1 event is one. With `mixpanel` they follow one another: of
    simultaneous events the one that gets farthest begins, and of those that convert the soonest.
    """
    tried = [(trail[start][0], outcome(trail, ask, last, start)) for start in entries(trail, ask)]
    if ask.attempts == "starts":
        return tried
    found: list[tuple[int, Outcome]] = []
    while tried:
        time = tried[0][0]
        together = [each for when, each in tried if when == time]
        rank = min(_farthest(each, ask) for each in together)
        best = [each for each in together if _farthest(each, ask) == rank]
        either = [taken for each in best for taken in each.counted]
        found.append((time, replace(best[0], counted=either)))
        next_from = over(trail, ask, best[0], time)
        tried = [each for each in tried if next_from is not None and each[0] >= next_from]
    return found


def _farthest(each: Outcome, ask: core.Funnel) -> tuple[int, int]:
    reached = len(each.counted[0])
    return -reached, each.needs[-1] if reached == len(ask.stages) else 0


def over(trail: Trail, ask: core.Funnel, attempt: Outcome, since: int) -> int | None:
    """From when on the next attempt may begin: later than the conversion, or than the window; not
    before the event that ended it. None when it runs on.
    """
    if len(attempt.counted[0]) == len(ask.stages):
        return trail[attempt.counted[0][-1]][0] + 1
    ends = [] if ask.window is None else [since + ask.window + 1]
    own = allowed(trail, ask, ask.exclusions, attempt.counted[0][0])
    for now in sorted({time for time, _ in trail if time > since}):
        seen = [taken for taken in own if trail[taken[-1]][0] <= now]
        if not any(is_open(trail, taken, ask, now) for taken in seen):
            ends.append(now)
            break
    return min(ends, default=None)


# The plainest question by itself: ordered, any start.


def needs(trail: Trail, stages: Sequence[Names]) -> list[int]:
    """For each stage that can be reached, the smallest window that reaches it (F4)."""
    return smallest(trail, matchings(trail, stages))


def depth(trail: Trail, stages: Sequence[Names], window: int | None) -> int:
    """How many stages are reached within a window; its edge counts (F4)."""
    return sum(window is None or need <= window for need in needs(trail, stages))
