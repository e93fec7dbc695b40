"""A study as named settings: the flags of the command line and the tables of `tracer.toml`.

A setting has the name of its flag with underscores and the text that the flag takes; one that is
given more than once is a list.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from core.durations import parse_limit
from core.errors import QuestionError
from core.event import parse_moment
from core.funnel import parse_exclusion
from core.journeys import known_zone
from core.stage import parse_names, parse_stages
from core.study import Study

Setting = str | Sequence[str]
"""The text of a flag, or several."""
Parsed = TypeVar("Parsed")

_STUDY: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "timeout": ("timeout", parse_limit),
    "stages": ("stages", parse_stages),
    "window": ("window", parse_limit),
    "scope": ("scope", str),
    "order": ("order", str),
    "start": ("start", str),
    "ignore": ("ignore", parse_names),
    "since": ("since", parse_moment),
    "until": ("until", parse_moment),
    "hold": ("hold", str),
    "attempts": ("attempts", str),
    "where": ("where", str),
    "user": ("user", str),
}
_RULES: Mapping[str, tuple[str, Callable[[str], Any]]] = {
    "midnight": ("midnight_tz", known_zone),
    "max_length": ("max_length", parse_limit),
    "session_start": ("start_event", str),
    "session_end": ("end_event", str),
    "session_field": ("session_field", str),
}
NAMES = (*_STUDY, *_RULES, "exclude")
"""Every setting."""


def study_of(settings: Mapping[str, Setting | None], base: Study = Study()) -> Study:  # noqa: B008 - a frozen value
    """The study that settings ask, on top of another; None leaves a setting as it is.

    Raises QuestionError that names the flag.
    """
    given = {name: value for name, value in settings.items() if value is not None and value != []}
    for name in given:
        if name not in NAMES:
            raise QuestionError(f"there is no setting {name!r}; there are {', '.join(NAMES)}")
    changes = {
        field: _parsed(name, given[name], parse)
        for name, (field, parse) in _STUDY.items()
        if name in given
    }
    rules = {
        field: _parsed(name, given[name], parse)
        for name, (field, parse) in _RULES.items()
        if name in given
    }
    if "exclude" in given:
        texts = given["exclude"]
        listed = [texts] if isinstance(texts, str) else texts
        changes["exclusions"] = tuple(_parsed("exclude", text, parse_exclusion) for text in listed)
    if "stages" in changes:
        changes["suggested"] = False
    if rules:
        changes["journey_rules"] = replace(base.journey_rules, **rules)
    study = replace(base, **changes)
    study.check()
    return study


def settings_of(study: Study) -> dict[str, str | list[str]]:
    """The settings that ask a study; those at their default are left out."""
    settings: dict[str, str | list[str]] = {}
    for name, text in study.settings():
        if name == "exclude":
            listed = settings.setdefault(name, [])
            settings[name] = [*listed, text]
        else:
            settings[name] = text
    return settings


def _parsed(name: str, value: Setting, parse: Callable[[str], Parsed]) -> Parsed:
    flag = f"--{name.replace('_', '-')}"
    if name == "stages" and not isinstance(value, str):
        value = ",".join(value)
    if not isinstance(value, str):
        raise QuestionError(f"{flag}: one text is needed, not {value!r}")
    try:
        return parse(value)
    except QuestionError as error:
        raise QuestionError(f"{flag}: {error}") from None
