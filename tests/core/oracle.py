"""The rules once more, by brute force and in nobody's hurry: what the kernels are compared with."""

from collections.abc import Iterator, Sequence
from itertools import pairwise

Trail = Sequence[tuple[int, str]]
"""Events of one unit in time order: microseconds and name."""
Names = frozenset[str] | None
"""The names that fill a stage; None is any event."""


def cut(trail: Trail, timeout: int | None) -> list[list[tuple[int, str]]]:
    """The journeys of a trail: a gap longer than the timeout begins a new one (J1, J2)."""
    journeys = [[event] for event in trail[:1]]
    for before, event in pairwise(trail):
        if timeout is not None and event[0] - before[0] > timeout:
            journeys.append([])
        journeys[-1].append(event)
    return journeys


def matchings(trail: Trail, stages: Sequence[Names]) -> Iterator[tuple[int, ...]]:
    """Every way to match some first stages by distinct events at non-decreasing times (F1–F3)."""

    def grow(taken: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
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


def needs(trail: Trail, stages: Sequence[Names]) -> list[int]:
    """For each stage that can be reached, the smallest window that reaches it (F4)."""
    best: dict[int, int] = {}
    for taken in matchings(trail, stages):
        need = trail[taken[-1]][0] - trail[taken[0]][0]
        best[len(taken)] = min(need, best.get(len(taken), need))
    return [best[depth] for depth in sorted(best)]


def depth(trail: Trail, stages: Sequence[Names], window: int | None) -> int:
    """How many stages are reached within a window; its edge counts (F4)."""
    return sum(window is None or need <= window for need in needs(trail, stages))
