"""Filters in words: what a chip says, and what the list behind a number is called."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len

from core.cohort import Did, Filter, Has, Part
from core.stage import Stage
from core.words import spelled
from tracer_tui.drawing import count, stage_sign
from tracer_tui.text import visible

_PARTS = {
    "left": "left at",
    "went_on": "went on from",
    "reached": "reached",
    "pending": "pending at",
}
_WHEN = {"next": "then", "last": "at last", "between": "met"}


def words(each: Filter, stages: Sequence[Stage]) -> str:
    """A filter in a few words."""
    if isinstance(each, Has):
        return f"has {_event(each.event)}"
    sign = stage_sign(each.stage)
    if isinstance(each, Part):
        return f"{_PARTS[each.kind]} {sign} {visible(stages[each.stage].label)}"
    if isinstance(each, Did):
        return f"{sign} {_WHEN[each.when]} {named(each.names)}"
    return f"{sign} stayed {stretch(each.at_least, each.below)}"


def _event(event: Stage) -> str:
    """Events that one may have, in words."""
    if event.name is not None:
        return visible(event.name)
    names = " or ".join(map(visible, event.any_of)) or "any event"
    return names if event.where is None else f"{names} where {visible(event.where)}"


def named(names: Sequence[str], room: int | None = None) -> str:
    """Some event names, as many as there is room for; none at all means that nothing followed."""
    if not names:
        return "nothing more"
    text, told = visible(names[0]), 1
    for name in names[1:]:
        longer, rest = f"{text} or {visible(name)}", len(names) - told - 1
        if room is not None and cell_len(longer) + cell_len(_more(rest)) > room:
            break
        text, told = longer, told + 1
    return text + _more(len(names) - told)


def _more(names: int) -> str:
    return f" or {count(names)} more" if names else ""


def stretch(at_least: int, below: int | None) -> str:
    """How long a stay was, as one of the stretches it is counted in."""
    if below is None:
        return f"{spelled(at_least)} or longer"
    if not at_least:
        return f"under {spelled(below)}"
    return f"{spelled(at_least)} to {spelled(below)}"
