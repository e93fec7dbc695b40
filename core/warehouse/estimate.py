"""From a sample of users to everybody: estimates, and how far they may be off.

Each user is in the sample by chance, with one probability, and with all that is the user's. So a
total is the sample's divided by the share (Horvitz and Thompson, 1952), and its variance adds up
over users: a user with many journeys counts as one draw.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.aftermath import Contrast
from core.engine import Curves, DropOffPanel, FunnelAnswer
from core.result import Sampled, StepTime
from core.warehouse.counts import Counts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.engine import Summary
    from core.result import FunnelResult
    from core.study import Study

SPREAD = 1.959964
"""Standard deviations on either side that hold 95 % of a normal distribution."""
RARE = 3.0
"""With none seen, there are in 95 of 100 samples at most so many times one over the share."""


def estimate(
    study: Study, answer: FunnelAnswer, result: FunnelResult | None, share: float, whole: Summary
) -> FunnelAnswer:
    """The answer for everybody, from the answer of a sample. `whole` is known for all users."""

    def scaled(count: int) -> int:
        return round(count / share)

    counts = Counts(
        tuple(scaled(stage.count) for stage in answer.stages),
        tuple(scaled(stage.pending) for stage in answer.stages),
        scaled(answer.excluded),
    )
    is_whole = study.user is None and study.where is None
    return replace(
        answer,
        study=study,
        events_count=whole.events_count if is_whole else scaled(answer.events_count),
        users_count=whole.users_count if is_whole else scaled(answer.users_count),
        journeys_count=scaled(answer.journeys_count),
        stages=counts.stages(study.funnel) if result and study.funnel else (),
        excluded=counts.excluded,
        sampled=bounds(result, share),
    )


def bounds(result: FunnelResult | None, share: float) -> Sampled:
    """How well a sample tells the counts and the conversions of everybody."""
    if result is None:
        return Sampled(share, (), ())
    by_user = [_per_user(result, stage) for stage in range(1, len(result.reached) + 1)]
    return Sampled(
        share=share,
        counts=tuple(_total(units, share) for units in by_user),
        conversions=tuple(_ratio(units, by_user[0], share) for units in by_user),
    )


def _per_user(result: FunnelResult, stage: int) -> NDArray[np.int64]:
    """(users of the sample) units of each that reached a stage, counted from 1."""
    users = result.units.users[result.depths >= stage]
    return np.bincount(users, minlength=result.journeys.log.users_count)


def _total(units: NDArray[np.int64], share: float) -> tuple[int, int]:
    """Bounds of how many units there are among everybody. Those that were seen are there."""
    seen = int(units.sum())
    if seen == 0:
        return 0, math.ceil(RARE * (1 - share) / share)
    half = SPREAD * math.sqrt((1 - share) * float(np.square(units).sum())) / share
    return max(seen, math.floor(seen / share - half)), math.ceil(seen / share + half)


def _ratio(units: NDArray[np.int64], of: NDArray[np.int64], share: float) -> tuple[float, float]:
    """Bounds of one total as a fraction of another, to first order."""
    whole = int(of.sum())
    if whole == 0:
        return 0.0, 1.0
    ratio = float(units.sum()) / whole
    if ratio == 0:
        return 0.0, min(1.0, RARE * (1 - share) / whole)
    half = SPREAD * math.sqrt((1 - share) * float(np.square(units - ratio * of).sum())) / whole
    return max(0.0, ratio - half), min(1.0, ratio + half)


def scaled_times(times: Sequence[StepTime | None], share: float) -> tuple[StepTime | None, ...]:
    """Times to convert, as many as everybody would have."""
    return tuple(
        time
        and replace(
            time,
            histogram=tuple((low, high, round(n / share)) for low, high, n in time.histogram),
        )
        for time in times
    )


def scaled_panel(study: Study, panel: DropOffPanel, share: float) -> DropOffPanel:
    """What was done after a stage, as many as everybody would be."""

    def scaled(each: Contrast) -> Contrast:
        return replace(each, left=round(each.left / share), went_on=round(each.went_on / share))

    return replace(
        panel,
        study=study,
        left=round(panel.left / share),
        went_on=round(panel.went_on / share),
        errors=panel.errors and scaled(panel.errors),
        next=tuple(map(scaled, panel.next)),
        last=tuple(map(scaled, panel.last)),
        between=tuple(map(scaled, panel.between)),
        stays=tuple(map(scaled, panel.stays)),
        share=share,
    )


@dataclass(frozen=True, eq=False)
class ScaledCurves:
    """`Curves` of a sample, as everybody's would be."""

    curves: Curves
    """Those of the sample."""
    share: float
    """The fraction of users in it."""

    def journeys(self, timeout: int | None) -> int:
        """Journeys at a session timeout, microseconds; None is off."""
        return round(self.curves.journeys(timeout) / self.share)

    def counts_at(self, timeout: int | None) -> list[int] | None:
        """Units at each stage at a session timeout; None where each has to be counted anew."""
        counts = self.curves.counts_at(timeout)
        return counts and [round(count / self.share) for count in counts]

    def counts(self, windows: Sequence[int | None]) -> list[list[int]]:
        """Units at each stage within each of some conversion windows, microseconds; None is off."""
        within = self.curves.counts(windows)
        return [[round(count / self.share) for count in counts] for counts in within]

    def gaps(self, edges: Sequence[int]) -> list[int]:
        """Gaps within users between neighbouring edges, microseconds; the lower edge included."""
        return [round(count / self.share) for count in self.curves.gaps(edges)]

    def knee(self) -> int | None:
        """The window beyond which a longer one gains least; None without conversions."""
        return self.curves.knee()
