"""What units did after a stage: those who left there beside those who went on.

A unit's events after its counted event of the stage are one stretch of the log, so everything here
is columns over the units that reached the stage.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property, partial
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.cohort import Did, Stayed, When
from core.log import EventLog
from core.result import FunnelResult
from core.threads import SLICE, slices, together

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Ints = NDArray[np.int64]
    Flags = NDArray[np.bool_]

STAYS = tuple(second * 1_000_000 for second in (0, 10, 60, 600, 3_600, 86_400))
"""Where the lengths of stay are divided, microseconds: 10s, 1m, 10m, 1h, 1d."""

_ERROR = re.compile(
    r"error|fail|exception|crash|declin|reject|denied|invalid|abort|unavailable|timed?.?out", re.I
)


@dataclass(frozen=True, slots=True)
class Contrast:
    """One thing done after a stage, by those who left there and by those who went on."""

    what: Did | Stayed
    """What was done: the filter that lists those who did it."""
    left: int
    """Units that did it and left."""
    went_on: int
    """Units that did it and went on."""
    left_share: float
    """`left` as a fraction of all that left; 0 when nobody did."""
    went_on_share: float
    """`went_on` as a fraction of all that went on; 0 when nobody did."""

    @property
    def difference(self) -> float:
        """How much more of those who left did it, as a difference of fractions."""
        return self.left_share - self.went_on_share


@dataclass(frozen=True, eq=False)
class Aftermath:
    """What the m units that reached a stage did after it. Pending units are in neither group."""

    log: EventLog
    """The log that the units are stretches of."""
    stage: int
    """The stage's index, from 0."""
    units: Ints
    """(m) numbers of the units, ascending."""
    left: Flags
    """(m) whether each left there."""
    went_on: Flags
    """(m) whether each reached the next stage."""
    event: Ints
    """(m) log position of the counted event of the stage."""
    until: Ints
    """(m) log position of the counted event of the next stage; of those who did not reach it, the
    position after the unit's last event."""
    stop: Ints
    """(m) log position after the unit's last event."""

    def holds(self, what: Did | Stayed) -> Flags:
        """(m) whether each unit did something."""
        if isinstance(what, Stayed):
            stay = self.stay
            longest = np.iinfo(np.int64).max if what.below is None else what.below
            return (stay >= what.at_least) & (stay < longest)
        if not what.names:
            return self.event + 1 >= (self.until if what.when == "between" else self.stop)
        codes = [self.log.codes[name] for name in what.names if name in self.log.codes]
        if what.when == "between":
            unit, code = self._between
            flags = np.zeros(len(self.units), dtype=np.bool_)
            flags[unit[np.isin(code, codes)]] = True
            return flags
        return np.isin(self._codes(what.when), codes)

    @cached_property
    def stay(self) -> Ints:
        """(m) microseconds from the stage's counted event to the unit's last event."""
        return np.asarray(self.log.time[self.stop - 1] - self.log.time[self.event])

    def median_stay(self, group: Flags) -> float | None:
        """The median stay of a group in seconds; None for nobody."""
        return _median(self.stay[group])

    def contrast(self, what: Did | Stayed) -> Contrast:
        """How many of both groups did something."""
        return self._contrast(what, self.holds(what))

    def events(self, when: When, most: int = 20) -> list[Contrast]:
        """The events that came next, last or in between: first those that most of the leavers had;
        of what came in between, first where the groups differ most.

        `most` of them, and in its place among them, without names, that nothing followed.
        """
        names = self.log.names
        if when == "between":
            unit, code = self._between
        else:
            unit, code = np.arange(len(self.units)), self._codes(when)
            unit, code = unit[code >= 0], code[code >= 0]
        left = np.bincount(code[self.left[unit]], minlength=len(names))
        went_on = np.bincount(code[self.went_on[unit]], minlength=len(names))
        found = [
            self._shares(Did(self.stage, when, (names[number],)), left[number], went_on[number])
            for number in np.flatnonzero(left + went_on).tolist()
        ]

        def rank(each: Contrast) -> tuple[float, int, int]:
            differs = abs(each.difference) if when == "between" else 0.0
            return -differs, -each.left, -each.went_on

        nothing = self.contrast(Did(self.stage, when, ()))
        shown = sorted(found, key=rank)[:most]
        return sorted([*shown, *([nothing] if nothing.left or nothing.went_on else [])], key=rank)

    def errors(self) -> Contrast | None:
        """How many met an event in between that is named like an error; None when nobody did."""
        names = tuple(name for name in self.log.names if _ERROR.search(name))
        found = self.contrast(Did(self.stage, "between", names)) if names else None
        return found if found and (found.left or found.went_on) else None

    def stays(self) -> list[Contrast]:
        """How long the two groups stayed, by stretches."""
        edges = [*STAYS, None]
        return [
            self.contrast(Stayed(self.stage, low, high))
            for low, high in pairwise(edges)
            if low is not None
        ]

    @cached_property
    def _between(self) -> tuple[Ints, Ints]:
        """Places in `units` and name codes: each event name that each unit had in between, once."""
        some = slices(len(self.units), max(1, SLICE // max(1, len(self.log.names))))
        found = together((partial(self._met, units) for units in some), len(self.units))
        unit, code = zip((self.units[:0], self.units[:0]), *found, strict=True)
        return np.concatenate(unit), np.concatenate(code)

    def _met(self, units: slice) -> tuple[Ints, Ints]:
        """The same of some of the units."""
        event = self.event[units]
        length = np.maximum(self.until[units] - event - 1, 0)
        unit = np.repeat(np.arange(len(length)), length)
        before = np.cumsum(length) - length
        position = np.arange(len(unit)) + (event + 1 - before)[unit]
        met = np.zeros((len(length), len(self.log.names)), dtype=np.bool_)
        met[unit, self.log.name[position]] = True
        unit, code = met.nonzero()
        return unit + units.start, code

    def _codes(self, when: When) -> Ints:
        """(m) the name code of the next or the last event; -1 where nothing followed."""
        place = self.event + 1 if when == "next" else self.stop - 1
        is_there = (place > self.event) & (place < self.stop)
        codes = self.log.name[np.where(is_there, place, self.event)].astype(np.int64)
        return np.where(is_there, codes, -1)

    def _contrast(self, what: Did | Stayed, flags: Flags) -> Contrast:
        return self._shares(what, (flags & self.left).sum(), (flags & self.went_on).sum())

    def _shares(self, what: Did | Stayed, left: np.int64, went_on: np.int64) -> Contrast:
        all_left, all_went_on = int(self.left.sum()), int(self.went_on.sum())
        return Contrast(
            what=what,
            left=int(left),
            went_on=int(went_on),
            left_share=int(left) / all_left if all_left else 0.0,
            went_on_share=int(went_on) / all_went_on if all_went_on else 0.0,
        )


def after_stage(funnel: FunnelResult, stage: int) -> Aftermath:
    """What units did after a stage, from 0, which is not the last."""
    units, places = funnel.counted_events
    reached = places[stage] >= 0
    units, event, after = units[reached], places[stage][reached], places[stage + 1][reached]
    stop = funnel.units.stops[units]
    went_on = after >= 0
    return Aftermath(
        log=funnel.units.log,
        stage=stage,
        units=units,
        left=~went_on & ~funnel.pending[units],
        went_on=went_on,
        event=event,
        until=np.where(went_on, after, stop),
        stop=stop,
    )


def medians_to_next(funnel: FunnelResult) -> tuple[float | None, ...]:
    """For each stage the median seconds to the next one in the counted attempts of those who went
    on; None for the last stage, or when nobody did.
    """
    places, time = funnel.counted_beyond_first(), funnel.units.log.time
    jobs = (partial(_median_between, time, *stages) for stages in pairwise(places))
    return (*together(jobs, places.size), None)


def _median_between(time: Ints, here: Ints, after: Ints) -> float | None:
    """The median seconds between events at places of the log, -1 for none."""
    went_on = after >= 0
    return _median(time[after[went_on]] - time[here[went_on]])


def _median(times: Ints) -> float | None:
    """The median of microseconds, in seconds; None for none."""
    return float(np.median(times)) / 1_000_000 if len(times) else None
