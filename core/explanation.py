"""`explain`: one unit walked event by event, and why it did or did not convert.

The file is not called `explain`: once imported, it would hide the function of that name in `core`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from core.errors import QuestionError, did_you_mean
from core.funnel import Funnel
from core.journeys import Journeys
from core.probe import Probe
from core.remedy import Remedy, find_remedy, not_held
from core.result import FunnelResult
from core.walk import BLOCKS, Attempt, Walk, seats
from core.words import rounded, spelled

if TYPE_CHECKING:
    from core.study import Study

Ending = Literal["window", "strict", "exclusion"]
"""What ended an attempt: its window ran out, strict order was broken, or an excluded event."""


@dataclass(frozen=True, slots=True)
class Step:
    """One event of a unit, and how things stand after it.

    Simultaneous events may be taken in either order (rule F2), so after each of them things stand
    as after all.
    """

    place: int
    """Its place in the user's trail, from 0."""
    name: str
    """What happened."""
    time: int
    """When, microseconds since 1970."""
    journey: int
    """Which of the user's journeys it is in, from 1."""
    matches: tuple[int, ...]
    """The stages it matches, from 0."""
    counted: int | None
    """The stage it was counted for in the unit's counted attempt, from 0; in any order, how many
    were before it. None when it was not."""
    armed: int | None
    """The stage that is waited for next in the attempt in force; None when none is, because the
    attempt is complete or none can begin any more. In any order the first that is lacking."""
    start: int | None
    """When the attempt in force began: the deepest that can still go on. None without one."""
    left: int | None
    """How much of its window is left, microseconds; None without a window or when nothing is waited
    for."""
    ended: Ending | None
    """What ended the attempt that was in force before, if it is over."""


@dataclass(frozen=True, eq=False)
class Explanation:
    """How far a user got, and why no farther."""

    funnel: Funnel
    """The question."""
    user: str
    """Whose units they are."""
    depth: int
    """How many stages the unit reached; without a choice of journey, the user's deepest. Where
    attempts are counted, its deepest attempt."""
    journey: int | None
    """The journey explained, from 1: the one chosen, or else the deepest, the earliest of equals.
    None in user scope."""
    held: str | None
    """The value that the events of the unit share, where one is held constant."""
    start: int | None
    """When the counted attempt began, microseconds since 1970; None without one. It is the first,
    in time, to get as deep as the unit ever gets."""
    steps: tuple[Step, ...]
    """The events of the unit."""
    reason: str
    """Why it stopped where it did, or that it converted: one sentence without a full stop."""
    remedy: Remedy | None
    """The smallest single change of the question that converts the unit. None when it converted or
    still may, or when no single change does."""
    pending: bool = False
    """Whether the user may still convert: the window is open when the data ends (rule F11)."""
    study: Study | None = None
    """The study it belongs to, where an engine was asked."""

    @property
    def converted(self) -> bool:
        """Whether the last stage was reached."""
        return self.depth == len(self.funnel.stages)


def explain(
    journeys: Journeys, funnel: FunnelResult | Funnel, user: str, journey: int | None = None
) -> Explanation:
    """Explain how far a user got in a funnel: event by event, and what was in the way.

    In journey scope one journey is explained: the one of a number, counted from 1, or else the
    user's deepest, the earliest of equals. Of the values that are held constant, and of attempts,
    the one that got deepest. Costs only that user's events. Raises QuestionError when
    there is no such user or journey.
    """
    asked = funnel.funnel if isinstance(funnel, FunnelResult) else funnel
    return explain_user(journeys, asked, user, journey)


def explain_user(
    journeys: Journeys,
    funnel: Funnel,
    user: str,
    journey: int | None,
    study: Study | None = None,
) -> Explanation:
    """Like `explain`, for a ready question, and for the study that it is part of."""
    log = journeys.log
    if log.user_number(user) is None:
        known = log.users.tolist() if log.users_count <= 100_000 else []
        raise QuestionError(f"no user is named {user!r}{did_you_mean(user, known)}")
    probe = Probe(journeys.only(user), funnel)
    unit = _chosen(probe, user, journey)
    if unit is None:
        return _nothing_held(probe, user, journey, study)
    recorder = _Recorder(probe, unit)
    walked = probe.walk(unit, recorder.watch)
    left = _time_left(probe, unit, walked, log.data_end)
    reason, remedy = _verdict(probe, unit, walked, user, left)
    return Explanation(
        funnel=funnel,
        user=user,
        depth=probe.depths[unit],
        journey=None if funnel.scope == "users" else _journey_of(probe, unit),
        held=probe.result.units.value(probe.bounds(unit)[0]),
        start=min(map(probe.time, walked.matched), default=None),
        steps=recorder.steps(walked),
        reason=reason,
        remedy=remedy,
        pending=left is not None,
        study=study,
    )


def _chosen(probe: Probe, user: str, journey: int | None) -> int | None:
    """The unit to explain: the deepest, of those taken out of the funnel the one that would be.

    None when no event carries a value that could be held.
    """
    units = list(range(len(probe.units)))
    if journey is not None and probe.funnel.scope == "journeys":
        if not 1 <= journey <= len(probe.journeys):
            raise QuestionError(
                f"{user!r} has no session {journey}, but {len(probe.journeys)} in all"
            )
        units = [unit for unit in units if _journey_of(probe, unit) == journey]
    deepest = max(units, key=probe.depths.__getitem__, default=None)
    if deepest is None or probe.depths[deepest] or not probe.result.excluded:
        return deepest
    return max(units, key=lambda unit: len(probe.walk(unit).matched))


def _journey_of(probe: Probe, unit: int) -> int:
    """Which of the user's journeys a unit is in, from 1."""
    return probe.journeys.of_position(probe.units[unit][0]) + 1


def _nothing_held(probe: Probe, user: str, journey: int | None, study: Study | None) -> Explanation:
    """What there is to say of a user, or a journey, of whom no event carries a value."""
    field = probe.funnel.hold
    free = explain_user(probe.journeys, replace(probe.funnel, hold=None), user, journey)
    remedy = not_held(probe.funnel) if free.converted else None
    return replace(
        free,
        funnel=probe.funnel,
        depth=0,
        start=None,
        steps=(),
        reason=f"no event of {user} has a value of {field}",
        remedy=remedy,
        pending=False,
        study=study,
    )


def _time_left(probe: Probe, unit: int, walked: Walk, last: int) -> int | None:
    """How much of the window is left when the data ends, for a user who may still convert."""
    depth, window = probe.depths[unit], probe.funnel.window
    if probe.funnel.scope == "journeys" or window is None or not 0 < depth < probe.stages:
        return None
    begun = walked.open[depth - 1]
    return begun + window - last if begun is not None and begun + window > last else None


def _verdict(
    probe: Probe, unit: int, walked: Walk, user: str, left: int | None
) -> tuple[str, Remedy | None]:
    """Why a unit stopped where it did, and what would convert it."""
    times = [probe.time(place) for place in walked.matched]
    if probe.depths[unit] == probe.stages:
        took = max(times) - min(times)
        return f"converted in {rounded(took)}" if took else "converted at once", None
    if left is not None:
        return f"may still convert: the window ends {spelled(left)} after the data", None
    place = walked.matched[0] if walked.matched else probe.units[unit][0]
    return find_remedy(probe, place, user)


class _Recorder:
    """Watches a walk and remembers how things stand after each event."""

    def __init__(self, probe: Probe, unit: int) -> None:
        self._probe = probe
        self._places = probe.units[unit]
        self._times, self._masks, self._others = probe.events(unit)
        self._rules = probe.rules
        self._force: list[Attempt | None] = []
        self._armed: list[int | None] = []
        self._ended: dict[int, Ending] = {}
        self._may_start = True

    def watch(self, rows: Sequence[int], attempts: Sequence[Attempt | None]) -> None:
        """Take in an instant."""
        time = self._times[rows[0]]
        before = self._force[-1] if self._force else None
        now = before if self._is_complete(before) else self._deepest(attempts, time)
        if before is not None and now is not before:
            self._note_ending(rows, before, now)
        if self._rules.first and self._rules.may_start(time):
            self._may_start = self._may_start and not any(self._masks[row] & 1 for row in rows)
        self._force += [now] * len(rows)
        self._armed += [self._waited_for(now, time)] * len(rows)

    def steps(self, walked: Walk) -> tuple[Step, ...]:
        """What was seen, with the counted attempt marked."""
        counted = {place: stage for stage, place in enumerate(walked.matched)}
        return tuple(
            self._step(row, place, counted.get(place)) for row, place in enumerate(self._places)
        )

    def _step(self, row: int, place: int, counted: int | None) -> Step:
        attempt, armed = self._force[row], self._armed[row]
        return Step(
            place=place,
            name=self._probe.name(place),
            time=self._times[row],
            journey=self._probe.journeys.of_position(place) + 1,
            matches=tuple(i for i in range(self._probe.stages) if self._masks[row] >> i & 1),
            counted=counted,
            armed=armed,
            start=attempt.start if attempt else None,
            left=self._left(attempt, self._times[row]) if armed is not None else None,
            ended=self._ended.get(row),
        )

    def _deepest(self, attempts: Sequence[Attempt | None], time: int) -> Attempt | None:
        """The deepest attempt with time left."""
        alive = (each for each in reversed(attempts) if each and not self._ran_out(each, time))
        return next(alive, None)

    def _left(self, attempt: Attempt | None, time: int) -> int | None:
        """How much of an attempt's window is left; below zero when it ran out."""
        window = self._probe.funnel.window
        return None if window is None or attempt is None else attempt.start + window - time

    def _ran_out(self, attempt: Attempt, time: int) -> bool:
        left = self._left(attempt, time)
        return left is not None and left < 0

    def _is_complete(self, attempt: Attempt | None) -> bool:
        return attempt is not None and len(attempt.rows) == self._probe.stages

    def _waited_for(self, attempt: Attempt | None, time: int) -> int | None:
        """The stage that is waited for after an instant."""
        if attempt is None:
            until = self._rules.until
            return 0 if self._may_start and (until is None or time < until) else None
        if self._is_complete(attempt):
            return None
        if self._rules.order != "any":
            return len(attempt.rows)
        taken = seats(attempt.rows, self._masks, self._probe.stages)
        return next(stage for stage in range(self._probe.stages) if stage not in taken)

    def _note_ending(self, rows: Sequence[int], before: Attempt, now: Attempt | None) -> None:
        """Remember which event ended an attempt, if one did."""
        if self._ran_out(before, self._times[rows[0]]):
            self._ended[rows[0]] = "window"
        elif now is None or len(now.rows) < len(before.rows):
            kept = now.rows if now else ()
            breaking = (row for row in rows if self._others[row] & BLOCKS and row not in kept)
            excluding = (row for row in rows if self._others[row] & ~BLOCKS)
            row = next(breaking, None) if self._rules.order == "strict" else None
            if row is not None:
                self._ended[row] = "strict"
            else:
                self._ended[next(excluding, rows[0])] = "exclusion"
