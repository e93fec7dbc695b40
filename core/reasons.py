"""What was in the way of a unit, as sentences: each tells what the user did, and when.

A sentence says only what the events show under the question that would have counted them; which
question that is, is found in `core.remedy`.
"""

from __future__ import annotations

from collections.abc import Sequence

from core.errors import nearest
from core.funnel import Exclusion
from core.probe import Aim, Probe
from core.words import moment, spelled


def too_long(aim: Aim, found: Probe, need: int, window: int) -> str:
    """The window was too short."""
    matched = aim.matched_in(found)
    first, last = found.name(matched[0]), found.name(matched[-1])
    return f"{last} came {spelled(need)} after {first}; the window is {spelled(window)}"


def too_idle(aim: Aim, found: Probe, pause: int, timeout: int) -> str:
    """The journey ended too early: what lies beyond the pause."""
    shorter = aim.probe.asking(timeout=pause - 1)
    event, sessions = _beyond(aim, found, shorter.units[shorter.unit_at(aim.place)])
    if sessions == 1:
        where = f"in the next session, after {spelled(pause)} of inactivity"
    elif sessions == -1:
        where = f"in the session before, ahead of {spelled(pause)} of inactivity"
    else:
        where = f"{_sessions_away(sessions)}, across up to {spelled(pause)} of inactivity"
    return f"{event} came {where}; the timeout is {spelled(timeout)}"


def in_another_session(aim: Aim, found: Probe) -> str:
    """Only journeys together get there."""
    event, sessions = _beyond(aim, found, aim.probe.units[aim.unit])
    near = {1: "in the next session", -1: "in the session before"}
    where = near.get(sessions) or _sessions_away(sessions)
    return f"{event} came {where}, and each session is counted by itself"


def _beyond(aim: Aim, found: Probe, unit: Sequence[int]) -> tuple[str, int]:
    """The first matched event that is not one of a unit's, and how many sessions away it is.

    Of a stage that was missing, if there is one: an earlier stage may be matched anew, too.
    """
    inside, matched = set(unit), aim.matched_in(found)
    missing = matched[len(aim.matched) :] if aim.funnel.order != "any" else ()
    place = next((place for place in (*missing, *matched) if place not in inside), matched[-1])
    of_place = aim.probe.journeys.of_position
    return found.name(place), of_place(place) - of_place(aim.place)


def _sessions_away(sessions: int) -> str:
    return f"{abs(sessions)} sessions {'later' if sessions > 0 else 'before'}"


def in_between(aim: Aim, found: Probe, names: Sequence[str] | None = None) -> str:
    """Which event, of some names or of all not ignored, broke strict order."""
    matched = aim.matched_in(found)
    for place in found.units[found.unit_at(aim.place)]:
        name, time = found.name(place), found.time(place)
        blocks = name in names if names is not None else name not in aim.funnel.ignore
        after = next((i for i, p in enumerate(matched) if i and time <= found.time(p)), None)
        if place in matched or not blocks or after is None:
            continue
        if time >= found.time(matched[after - 1]):
            low, high = found.name(matched[after - 1]), found.name(matched[after])
            return f"{name} stands between {low} and {high} in strict order"
    return "other events stand in between in strict order"


def too_early(aim: Aim, found: Probe) -> str:
    """Which stage came before the one that it should follow."""
    places = aim.seated_in(found)
    for stage, place in sorted(places.items()):
        following = places.get(stage + 1, place)
        ahead = found.time(place) - found.time(following)
        if ahead > 0:
            early, late = found.name(following), found.name(place)
            return f"{early} happened {spelled(ahead)} before {late}"
    return "the stages came in another order"


def not_first(aim: Aim, found: Probe) -> str:
    """A later start would do, and only the first counts."""
    may_start = aim.probe.rules.may_start
    first = next(place for place in aim.starts() if may_start(found.time(place)))
    when = moment(found.time(first), found.time(aim.matched_in(found)[0]))
    what = found.name(first)
    return f"the first {what} was at {when}; with start 'first' later ones do not count"


def excluded(aim: Aim, found: Probe, exclusion: Exclusion) -> str:
    """Which excluded event stands between the events that would be matched without."""
    matched = aim.matched_in(found)
    low, high = exclusion.between or (1, found.stages)
    first, last = (found.time(matched[min(stage, len(matched)) - 1]) for stage in (low, high))
    for place in found.units[found.unit_at(aim.place)]:
        time = found.time(place)
        if found.name(place) in exclusion.any_of and first < time < last:
            return f"excluded by {found.name(place)} at {moment(time, found.time(matched[0]))}"
    return f"excluded by {' or '.join(exclusion.any_of)}"


def of_other_values(aim: Aim, found: Probe) -> str:
    """Which event would be matched if its value did not have to be the same."""
    field, own = aim.funnel.hold, set(aim.probe.units[aim.unit])
    other = next(place for place in aim.matched_in(found) if place not in own)
    return f"{found.name(other)} has another {field}, or none"


def in_its_shadow(aim: Aim, found: Probe) -> str:
    """Which attempt would get farther if it had not begun while another ran."""
    begun = aim.matched_in(found)[0]
    what, when = found.name(begun), moment(found.time(begun), aim.probe.time(aim.place))
    return f"the {what} at {when} begins no attempt of its own, for the one before it still ran"


def out_of_range(time: int, where: str) -> str:
    """An attempt began before or after the date range."""
    return f"the attempt began at {moment(time)}, {where} the date range"


def fails(aim: Aim, found: Probe, stage: int) -> str:
    """Which event would be matched to a stage but for its condition."""
    place = aim.seated_in(found).get(stage)
    where = aim.funnel.stages[stage].where
    if place is None:
        return f"{aim.user} did no {label(aim, stage)}"
    begin = found.time(aim.matched_in(found)[0])
    return f"{found.name(place)} at {moment(found.time(place), begin)} is not one where {where}"


def unknown(aim: Aim, name: str, near: str | None = None) -> str:
    """No event is named so, and what the nearest name is."""
    found = [near] if near else nearest(name, aim.names, 1)
    return f"no event is named {name}" + (f"; {found[0]} is" if found else "")


def absent(aim: Aim, stage: int, found: Probe | None = None) -> str:
    """What there is to say of a stage that nothing filled; `found` does without it."""
    if aim.is_unknown(stage):
        return unknown(aim, aim.funnel.stages[stage].any_of[0])
    what, places = label(aim, stage), aim.places(stage)
    if not places:
        return f"{aim.user} never did {what}"
    if found is not None and set(places) <= set(aim.matched_in(found)):
        return f"{aim.user} did {what} too few times"
    if aim.funnel.order == "any":
        where = "together with the other stages"
    elif stage == 0:
        where = f"before {label(aim, 1)}"
    elif stage == aim.probe.stages - 1:
        where = f"after {label(aim, stage - 1)}"
    else:
        where = f"between {label(aim, stage - 1)} and {label(aim, stage + 1)}"
    return f"{aim.user} did {what}, but it never counts {where}"


def out_of_reach(aim: Aim, stage: int) -> str:
    """A stage that more than one thing keeps a unit from."""
    what, places = label(aim, stage), [p for p in aim.places(stage) if p not in aim.matched]
    if not places:
        return f"{aim.user} did {what} too few times"
    if aim.matched and aim.funnel.order != "any":
        before = aim.matched[-1]
        since = aim.probe.time(before)
        after = next((place for place in places if aim.probe.time(place) >= since), None)
        if after is None:
            return only_before(aim, stage)
        took = aim.probe.time(after) - since
        came = f"{aim.probe.name(after)} came {spelled(took)} after {aim.probe.name(before)}"
        return f"{came}, and no single change lets it count"
    return f"{aim.user} did {what}, and no single change lets it count"


def only_before(aim: Aim, stage: int) -> str:
    """A stage whose events all came before the last one that was matched."""
    return f"{aim.user} did {label(aim, stage)} only before {aim.probe.name(aim.matched[-1])}"


def label(aim: Aim, stage: int) -> str:
    """What to call a stage in a sentence."""
    text = aim.funnel.stages[stage].label
    return "any event" if text == "*" else text
