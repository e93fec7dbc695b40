"""Why a unit did not convert: the smallest single change of the question that would convert it.

Changes are tried in a fixed order, the milder first, each with the smallest value that could do.
Every one is proved by counting the user again with the kernels: what is named here works.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from core import reasons
from core.durations import LONGEST, MICROSECONDS
from core.errors import nearest
from core.event import iso_text
from core.funnel import Exclusion, Funnel
from core.journeys import Journeys
from core.probe import MOST_TRIED, Aim, Probe
from core.study import Study
from core.words import spelled

LONGEST_PAUSE = 24 * MICROSECONDS["h"]
"""What has a longer pause in it is hardly a session: to count users is milder."""


@dataclass(frozen=True, slots=True)
class Remedy:
    """A change of the question, and nothing else, that makes a unit convert."""

    words: str
    """What to do, in a few words: "set the window to 26h10m"."""
    changes: Mapping[str, Any]
    """The fields of `Study` that change, with their new values. All but `timeout`, which belongs to
    the journeys, are fields of `Funnel` too."""

    def study(self, study: Study) -> Study:
        """A study with the change made."""
        suggested = study.suggested and "stages" not in self.changes
        return replace(study, suggested=suggested, **self.changes)

    def question(self, journeys: Journeys, funnel: Funnel) -> tuple[Journeys, Funnel]:
        """Journeys and a funnel with the change made."""
        changed = Probe(journeys, funnel).asking(**self.changes)
        return changed.journeys, changed.funnel


Finding = tuple[str, Remedy]
"""What was in the way, as a sentence, and what to change."""


def find_remedy(probe: Probe, place: int, user: str) -> tuple[str, Remedy | None]:
    """Why the unit of the event at `place` did not convert, and the change that would convert it.

    Where no single change does, the reason is what keeps it from the next stage.
    """
    aim = Aim(probe, place, user, probe.stages)
    is_done = all(aim.places(stage) for stage in range(aim.goal))
    found = _first(aim, _ALL if is_done else (_condition, _name, _drop))
    return found or (_obstacle(aim), None)


def _first(aim: Aim, attempts: Sequence[Callable[[Aim], Finding | None]]) -> Finding | None:
    return next((found for attempt in attempts if (found := attempt(aim)) is not None), None)


def _obstacle(aim: Aim) -> str:
    """What keeps a unit that no single change converts from the next stage."""
    taken = aim.seated_in(aim.probe)
    stage = next(stage for stage in range(aim.probe.stages) if stage not in taken)
    if aim.is_unknown(stage) or not aim.places(stage):
        return reasons.absent(aim, stage)
    own = set(aim.probe.units[aim.unit])
    here = [place for place in aim.places(stage) if place in own]
    # What other sessions could add is no answer to why it did not count where it happened.
    is_behind = bool(here) and aim.funnel.order != "any" and max(here) < max(aim.matched, default=0)
    found = _first(replace(aim, goal=len(taken) + 1), _MILD)
    if found is not None and not ({"timeout", "scope"} & set(found[1].changes) and is_behind):
        return found[0]
    if aim.probe.depths[aim.unit] < len(taken):
        return "taken out of the funnel by its exclusions"
    if is_behind:
        return reasons.only_before(aim, stage)
    return reasons.out_of_reach(aim, stage)


def _window(aim: Aim) -> Finding | None:
    window = aim.funnel.window
    need = None if window is None else aim.probe.asking(window=None).need(aim.place, aim.goal)
    found = None if need is None else aim.reached({"window": need})
    if window is None or need is None or found is None:
        return None
    words = f"set the window to {spelled(need)}"
    return reasons.too_long(aim, found, need, window), Remedy(words, {"window": need})


def _timeout(aim: Aim) -> Finding | None:
    return _longer(aim, LONGEST_PAUSE)


def _any_timeout(aim: Aim) -> Finding | None:
    return _longer(aim, LONGEST)


def _longer(aim: Aim, longest: int) -> Finding | None:
    timeout = aim.probe.journeys.timeout
    if timeout is None or aim.funnel.scope == "users":
        return None
    pauses = [pause for pause in _growth(aim) if timeout < pause <= longest]
    pause = aim.least(pauses, lambda pause: aim.reached({"timeout": pause}) is not None)
    found = None if pause is None else aim.reached({"timeout": pause})
    if pause is None or found is None:
        return None
    words = f"set the session timeout to {spelled(pause)}"
    return reasons.too_idle(aim, found, pause, timeout), Remedy(words, {"timeout": pause})


def _growth(aim: Aim) -> Iterator[int]:
    """The timeouts, ascending, at each of which the unit takes in more events."""
    gaps = [*aim.probe.result.rows.log.gap.tolist(), LONGEST]
    start, stop = aim.probe.bounds(aim.unit)
    while (limit := min(gaps[start], gaps[stop])) < LONGEST:
        yield limit
        while gaps[start] <= limit:
            start -= 1
        while gaps[stop] <= limit:
            stop += 1


def _scope(aim: Aim) -> Finding | None:
    found = aim.reached({"scope": "users"})
    if found is None:
        return None
    remedy = Remedy("count users, each over all sessions", {"scope": "users"})
    return reasons.in_another_session(aim, _nearest(aim) or found), remedy


def _nearest(aim: Aim) -> Probe | None:
    """Users counted by the attempts of one start alone: of those that get where the unit should,
    the one in the nearest session, so that no farther one is told of.
    """
    session = aim.probe.journeys.of_position
    may_start, here = aim.probe.rules.may_start, session(aim.place)
    starts = [place for place in aim.places(0) if may_start(aim.probe.time(place))]
    starts.sort(key=lambda place: (abs(session(place) - here), place != aim.place))
    times = [aim.probe.time(place) for place in starts[:MOST_TRIED]]
    asked = ({"scope": "users", "since": time, "until": time + 1} for time in times)
    return next(filter(None, map(aim.reached, asked)), None)


def _ignore(aim: Aim) -> Finding | None:
    if _ordered(aim) is None:
        return None
    ignored = aim.funnel.ignore
    names = dict.fromkeys(map(aim.probe.name, aim.probe.units[aim.unit]))
    for name in [name for name in names if name not in ignored][:MOST_TRIED]:
        changes = {"ignore": (*ignored, name)}
        found = aim.reached(changes)
        if found is not None:
            return reasons.in_between(aim, found, (name,)), Remedy(f"ignore {name}", changes)
    return None


def _ordered(aim: Aim) -> Finding | None:
    changes = {"order": "ordered", "ignore": ()}
    found = aim.reached(changes) if aim.funnel.order == "strict" else None
    if found is None:
        return None
    words = "allow other events between the stages (ordered)"
    return reasons.in_between(aim, found), Remedy(words, changes)


def _any(aim: Aim) -> Finding | None:
    changes = {"order": "any", "ignore": ()}
    found = aim.reached(changes)
    if found is None:
        return None
    return reasons.too_early(aim, found), Remedy("take the stages in any order", changes)


def _start(aim: Aim) -> Finding | None:
    found = aim.reached({"start": "best"})
    if found is None:
        return None
    return reasons.not_first(aim, found), Remedy("let any start count (best)", {"start": "best"})


def _hold(aim: Aim) -> Finding | None:
    found = None if aim.funnel.hold is None else aim.reached({"hold": None})
    if found is None:
        return None
    return reasons.of_other_values(aim, found), not_held(aim.funnel)


def not_held(funnel: Funnel) -> Remedy:
    """Events of all values count."""
    return Remedy(f"do not hold {funnel.hold} constant", {"hold": None})


def _attempts(aim: Aim) -> Finding | None:
    found = None if aim.funnel.attempts is None else aim.reached({"attempts": None})
    if found is None:
        return None
    return reasons.in_its_shadow(aim, found), Remedy("count every start", {"attempts": "starts"})


def _exclusion(aim: Aim) -> Finding | None:
    exclusions = aim.funnel.exclusions
    for number, exclusion in enumerate(exclusions):
        changes = {"exclusions": exclusions[:number] + exclusions[number + 1 :]}
        found = aim.reached(changes)
        if found is not None:
            words = f"leave out the exclusion of {' or '.join(exclusion.any_of)}"
            return reasons.excluded(aim, found, exclusion), Remedy(words, changes)
    return None


def _since(aim: Aim) -> Finding | None:
    since = aim.funnel.since
    if since is None:
        return None
    times = {aim.probe.time(place) for place in aim.starts()}
    earlier = sorted((time for time in times if time < since), reverse=True)
    time = aim.least(earlier, lambda time: aim.reached({"since": time}) is not None)
    if time is None:
        return None
    words = f"let the date range begin at {iso_text(time)}"
    return reasons.out_of_range(time, "before"), Remedy(words, {"since": time})


def _until(aim: Aim) -> Finding | None:
    until = aim.funnel.until
    if until is None:
        return None
    times = {aim.probe.time(place) for place in aim.starts()}
    later = sorted(time for time in times if time >= until)
    time = aim.least(later, lambda time: aim.reached({"until": time + 1}) is not None)
    if time is None:
        return None
    words = f"let the date range end at {iso_text(time + 1)}"
    return reasons.out_of_range(time, "after"), Remedy(words, {"until": time + 1})


def _condition(aim: Aim) -> Finding | None:
    stages = aim.funnel.stages
    for number, stage in enumerate(stages):
        changes = {"stages": (*stages[:number], replace(stage, where=None), *stages[number + 1 :])}
        found = None if stage.where is None else aim.reached(changes)
        if found is not None:
            words = f"leave out the condition {stage.where}"
            return reasons.fails(aim, found, number), Remedy(words, changes)
    return None


def _name(aim: Aim) -> Finding | None:
    stages = aim.funnel.stages
    for number, stage in enumerate(stages):
        for name in [name for name in stage.any_of if name not in aim.names]:
            for near in nearest(name, aim.names):
                any_of = tuple(near if each == name else each for each in stage.any_of)
                renamed = replace(stage, any_of=any_of)
                changes = {"stages": (*stages[:number], renamed, *stages[number + 1 :])}
                if aim.reached(changes) is not None:
                    words = f"let the stage be {'|'.join(any_of)}"
                    return reasons.unknown(aim, name, near), Remedy(words, changes)
    return None


def _drop(aim: Aim) -> Finding | None:
    stages, depth = range(aim.probe.stages), len(aim.matched)
    never = [stage for stage in stages if not aim.places(stage)]
    if len(never) > 1:
        return None
    for stage in never or (*stages[depth:], *stages[:depth]):
        if stage == stages[-1]:
            continue  # a funnel without what it is about would say nothing
        changes = _without(aim.funnel, stage)
        found = aim.reached(changes, aim.probe.stages - 1)
        if found is not None:
            words = f"leave out the stage {reasons.label(aim, stage)}"
            return reasons.absent(aim, stage, found), Remedy(words, changes)
    return None


def _without(funnel: Funnel, stage: int) -> dict[str, Any]:
    """What changes when a stage, counted from 0, is left out.

    Exclusions keep the stages that they are between; where one of them is gone, its neighbour.
    """
    number = stage + 1
    exclusions = tuple(_shifted(each, number) for each in funnel.exclusions)
    return {"stages": funnel.stages[:stage] + funnel.stages[number:], "exclusions": exclusions}


def _shifted(exclusion: Exclusion, gone: int) -> Exclusion:
    if exclusion.between is None:
        return exclusion
    low, high = exclusion.between
    return replace(exclusion, between=(low - (gone < low), high - (gone <= high)))


_MILD = (
    *(_attempts, _window, _timeout, _scope, _any_timeout, _ignore, _ordered, _any),
    *(_start, _hold, _exclusion, _since, _until, _condition),
)
"""Changes that leave the stages their names, from mild to strong."""
_ALL = (*_MILD, _name, _drop)
"""All changes."""
