"""What the funnel pane shows beyond its counts: medians, and the two rulers.

It takes longer than counts, so it is asked for after them and comes with its study: until it is
there, nothing is shown in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from core.engine import Curves, Engine
from core.study import Study
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb

SHORTEST, LONGEST = 1_000_000, 90 * 86_400_000_000
"""The ends of both rulers, microseconds: one second and ninety days."""
NOTCHES = 96
"""Stretches of a ruler, each longer than the one before by the same factor."""
EDGES = tuple(
    round(SHORTEST * (LONGEST / SHORTEST) ** (notch / NOTCHES)) for notch in range(NOTCHES + 1)
)
"""Where they end."""


@dataclass(frozen=True, slots=True)
class Rung:
    """A limit and what it comes to."""

    limit: int | None
    """Microseconds; None is off."""
    value: float
    """Sessions, or the conversion of the last stage."""


@dataclass(frozen=True, slots=True)
class Ruler:
    """A curve over `EDGES`, with the limit in force and its neighbours on the ladder."""

    heights: tuple[float, ...]
    """(NOTCHES) how high the curve is in each stretch."""
    shorter: Rung | None
    """The next shorter limit of the ladder; None when there is none."""
    here: Rung
    """The limit in force."""
    longer: Rung | None
    """The next longer one."""
    knee: int | None = None
    """Where a longer limit gains least, microseconds; None where there is no such place."""
    is_estimate: bool = False
    """Whether it is made of a sample."""


@dataclass(frozen=True, eq=False)
class Details:
    """What the funnel pane shows beyond its counts."""

    study: Study
    """The question."""
    medians: tuple[float | None, ...]
    """For each stage the median seconds to the next; None for the last, or for nobody."""
    timeouts: Ruler | None
    """Gaps between events, and sessions; None where a field tells sessions."""
    windows: Ruler | None
    """The share that completes within each window; None without stages, and where the window
    decides what is counted."""
    is_estimate: bool = False
    """Whether the medians are those of a sample."""


def find_details(
    engine: Engine,
    study: Study,
    cancelled: Callable[[], bool] = lambda: False,
    *,
    is_estimate: bool = False,
) -> Details | None:
    """Ask an engine for all of it; None when cancelled before it or between two questions.

    `is_estimate` says that the engine answers the study from a sample yet.
    """
    if cancelled():
        return None
    curves = engine.curves(study)
    timeouts = None if study.journey_rules.session_field else _timeouts(curves, study)
    windows = _windows(curves, study) if study.stages else None
    if cancelled():
        return None
    return Details(study, engine.medians_to_next(study), timeouts, windows, is_estimate)


def _timeouts(curves: Curves, study: Study) -> Ruler:
    gaps = curves.gaps(EDGES)
    ruler = _ruler(gaps, study.timeout, TIMEOUTS, curves.journeys)
    return replace(ruler, is_estimate=curves.share < 1)


def _windows(curves: Curves, study: Study) -> Ruler | None:
    near = (climb(study.window, WINDOWS, steps) for steps in (-1, 1))
    asked = [*EDGES[1:], study.window, *near]
    found = curves.counts(asked)
    if not found or not all(found):
        return None
    shares = [counts[-1] / counts[0] if counts[0] else 0.0 for counts in found]
    known = dict(zip(asked, shares, strict=True))
    ruler = _ruler(shares[:NOTCHES], study.window, WINDOWS, known.__getitem__, curves.knee())
    return replace(ruler, is_estimate=curves.share < 1)


def _ruler(
    heights: Sequence[float],
    limit: int | None,
    ladder: Sequence[int | None],
    value_of: Callable[[int | None], float],
    knee: int | None = None,
) -> Ruler:
    shorter, longer = climb(limit, ladder, -1), climb(limit, ladder, 1)
    return Ruler(
        heights=tuple(heights),
        shorter=None if shorter == limit else Rung(shorter, value_of(shorter)),
        here=Rung(limit, value_of(limit)),
        longer=None if longer == limit else Rung(longer, value_of(longer)),
        knee=knee,
    )
