"""The rules once more, by brute force and in nobody's hurry: what the kernels are compared with.

Everything that could be matched is written down, then each rule strikes out what it forbids. It
knows `core.Funnel` as the question and nothing of how `core` answers it.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import core

Trail = Sequence[tuple[int, str]]
"""Events of one unit in time order: microseconds and name."""
Names = frozenset[str] | None
"""The names that fill a stage; None is any event."""
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


def held(trail: Trail, values: Sequence[str | None]) -> list[tuple[str, Trail]]:
    """The events of a trail by the value they carry; those without one belong nowhere (F9)."""
    return [
        (value, [event for event, its in zip(trail, values, strict=True) if its == value])
        for value in sorted({value for value in values if value})
    ]


# What can be matched at all.


def matchings(trail: Trail, stages: Sequence[Names]) -> Iterator[Taken]:
    """Every way to match some first stages by distinct events at non-decreasing times (F1–F3)."""

    def grow(taken: Taken) -> Iterator[Taken]:
        if taken:
            yield taken
        if len(taken) == len(stages):
            return
        names = stages[len(taken)]
        for place, (time, name) in enumerate(trail):
            in_time = not taken or time >= trail[taken[-1]][0]
            if in_time and place not in taken and (names is None or name in names):
                yield from grow((*taken, place))

    return grow(())


def gatherings(trail: Trail, stages: Sequence[Names]) -> set[Taken]:
    """All events that distinct stages can be matched to, whatever the order (F7)."""
    found: set[frozenset[int]] = {frozenset()}
    for names in stages:
        found |= {
            taken | {place}
            for taken in found
            for place, (_, name) in enumerate(trail)
            if place not in taken and (names is None or name in names)
        }
    return {tuple(sorted(taken)) for taken in found if taken}


# What the rules strike out.


def allowed(trail: Trail, ask: core.Funnel, exclusions: Iterable[core.Exclusion]) -> list[Taken]:
    """Every attempt that the rules allow, whatever its window."""
    stages = [stage.names for stage in ask.stages]
    if ask.order == "any":
        return list(gatherings(trail, stages))
    entry = entries(trail, ask)
    return [
        taken
        for taken in matchings(trail, stages)
        if taken[0] in entry
        and (ask.order != "strict" or not breakers(trail, taken, ask, trail[taken[-1]][0]))
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
        if (names is None or name in names)
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
    free = [
        taken
        for taken in allowed(trail, ask, [e for e in ask.exclusions if e.policy == "break"])
        if start in (None, taken[0])
    ]
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


def starts(trail: Trail, ask: core.Funnel, last: int) -> list[Outcome]:
    """Every stage-1 event as an attempt of its own (F10, `starts`)."""
    return [outcome(trail, ask, last, start) for start in entries(trail, ask)]


def turns(trail: Trail, ask: core.Funnel, last: int) -> list[Outcome]:
    """Attempts one after the other: the next begins when the last is over (F10, `mixpanel`)."""
    found: list[Outcome] = []
    left = entries(trail, ask)
    while left:
        start = left[0]
        found.append(outcome(trail, ask, last, start))
        matched = found[-1].counted[0]
        left = [place for place in left if place not in matched]
        if len(matched) == len(ask.stages):
            end = min(taken[-1] for taken in found[-1].counted)
            left = [place for place in left if place > end]
        elif (ended := ending(trail, ask, start)) is not None:
            left = [place for place in left if trail[place][0] >= ended]
        else:
            out = None if ask.window is None else trail[start][0] + ask.window
            left = [place for place in left if out is not None and trail[place][0] > out]
    return found


def ending(trail: Trail, ask: core.Funnel, start: int) -> int | None:
    """When exclusions or strict order end the last attempt from a start inside its window."""
    since = trail[start][0]
    own = [taken for taken in allowed(trail, ask, ask.exclusions) if taken[0] == start]
    for now in sorted({time for time, _ in trail if time > since}):
        if ask.window is not None and now - since > ask.window:
            return None
        seen = [taken for taken in own if trail[taken[-1]][0] <= now]
        if not any(is_open(trail, taken, ask, now) for taken in seen):
            return now
    return None


def units(
    trails: Mapping[str, Trail], timeout: int | None, ask: core.Funnel
) -> list[tuple[str, Trail]]:
    """The units of a log, each with its user: by user, then time."""
    return [
        (user, unit)
        for user in sorted(trails)
        for unit in ([trails[user]] if ask.scope == "users" else cut(trails[user], timeout))
    ]


def end_of(trails: Mapping[str, Trail]) -> int:
    """When the data ends: the time of the last event of anybody."""
    return max((event[0] for trail in trails.values() for event in trail), default=0)


# The plainest question by itself: ordered, any start.


def needs(trail: Trail, stages: Sequence[Names]) -> list[int]:
    """For each stage that can be reached, the smallest window that reaches it (F4)."""
    return smallest(trail, matchings(trail, stages))


def depth(trail: Trail, stages: Sequence[Names], window: int | None) -> int:
    """How many stages are reached within a window; its edge counts (F4)."""
    return sum(window is None or need <= window for need in needs(trail, stages))
