"""Where units left: for each stage but the last, how many went no further, and who they were."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from itertools import pairwise
from typing import TYPE_CHECKING

from core.event import Journey
from core.result import FunnelResult

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


@dataclass(frozen=True, eq=False)
class DropOff:
    """The units that reached one stage and not the next."""

    stage: str
    """Label of the last stage they reached."""
    next_stage: str
    """Label of the stage they did not reach."""
    dropped: int
    """How many they are."""
    drop_off: float | None
    """They as a fraction of all that reached the stage; None when nobody did."""
    funnel: FunnelResult = field(repr=False)
    """The answer they are part of."""
    depth: int = field(repr=False)
    """The number of the last stage they reached, from 1."""

    @property
    def percent(self) -> float | None:
        """`drop_off` as 0 to 100 with one decimal."""
        return None if self.drop_off is None else round(100 * self.drop_off, 1)

    @cached_property
    def units(self) -> NDArray[np.int64]:
        """The numbers of the units that left here, in `funnel.units`, ascending."""
        left: NDArray[np.bool_] = (self.funnel.depths == self.depth) & ~self.funnel.pending
        return left.nonzero()[0]

    @property
    def users(self) -> list[str]:
        """The ids of the users who left here, each once, in the order of their ids."""
        users = self.funnel.journeys.log.users
        numbers = dict.fromkeys(self.funnel.units.users[self.units].tolist())
        return [str(users[number]) for number in numbers]

    @property
    def journeys(self) -> list[Journey]:
        """The journeys that left here, each once; of a funnel that counts users, none."""
        if self.funnel.funnel.scope == "users":
            return []
        numbers = dict.fromkeys(self.funnel.units.of_journeys[self.units].tolist())
        return [self.funnel.journeys[number] for number in numbers]


def find_drop_offs(funnel: FunnelResult) -> list[DropOff]:
    """One point for each stage but the last, in order."""
    return [
        DropOff(
            stage=here.stage,
            next_stage=after.stage,
            dropped=here.dropped,
            drop_off=here.drop_off,
            funnel=funnel,
            depth=number,
        )
        for number, (here, after) in enumerate(pairwise(funnel.counted), 1)
    ]


def biggest_leak(funnel: FunnelResult) -> DropOff | None:
    """The point where the most units left; the earlier of equals; None when nobody left."""
    points = [point for point in find_drop_offs(funnel) if point.dropped]
    return max(points, key=lambda point: point.dropped, default=None)
