"""The rules of a question in a few words, as the panes say them."""

from __future__ import annotations

from core.engine import FunnelAnswer
from core.event import iso_text
from core.funnel import format_exclusion
from core.study import Study
from core.words import spelled
from tracer_tui.text import visible


def counted(study: Study, *, is_one: bool = False) -> str:
    """What the funnel counts: sessions, users or attempts."""
    if study.attempts is not None:
        word = "attempt"
    else:
        word = "session" if study.scope == "journeys" else "user"
    return word if is_one else f"{word}s"


def rules(study: Study) -> str:
    """How the funnel counts; what is off is not told, but for the window."""
    return " · ".join(_rules(study))


def _rules(study: Study) -> list[str]:
    parts = [counted(study), study.order, f"window {spelled(study.window)}"]
    if study.attempts is not None:
        parts[0] += f" ({study.attempts}) of {study.scope.replace('journeys', 'sessions')}"
    if study.start != "best":
        parts.append(f"{study.start} start")
    if study.hold is not None:
        parts.append(f"same {visible(study.hold)}")
    if study.ignore:
        parts.append(f"ignoring {visible('|'.join(study.ignore))}")
    for exclusion in study.exclusions:
        parts.append(f"no {visible(format_exclusion(exclusion))}")
    if study.since is not None:
        parts.append(f"since {iso_text(study.since)}")
    if study.until is not None:
        parts.append(f"until {iso_text(study.until)}")
    if study.where is not None:
        parts.append(f"where {visible(study.where)}")
    if study.user is not None:
        parts.append(f"only {visible(study.user)}")
    if study.suggested and study.stages:
        parts.append("suggested")
    return parts


def cuts(study: Study) -> str:
    """What cuts sessions."""
    return " · ".join(_cuts(study))


def _cuts(study: Study) -> list[str]:
    cut = study.journey_rules
    if cut.session_field is not None:
        parts = [f"sessions by {visible(cut.session_field)}"]
    else:
        parts = [f"timeout {spelled(study.timeout)}"]
    if cut.midnight_tz is not None:
        parts.append(f"midnight {visible(cut.midnight_tz)}")
    if cut.max_length is not None:
        parts.append(f"at most {spelled(cut.max_length)}")
    if cut.start_event is not None:
        parts.append(f"from {visible(cut.start_event)}")
    if cut.end_event is not None:
        parts.append(f"to {visible(cut.end_event)}")
    return parts


def changed(before: Study, after: Study) -> list[str]:
    """What has changed from one question to another, in the same words."""
    known = {*_rules(before), *_cuts(before)}
    return [part for part in (*_rules(after), *_cuts(after)) if part not in known]


def biggest_leak(answer: FunnelAnswer) -> str:
    """Between which stages the most are lost; that nobody was, where there is no leak."""
    if answer.leak is None:
        return "Nobody left along the way."
    here, after = answer.stages[answer.leak], answer.stages[answer.leak + 1]
    what = counted(answer.study, is_one=here.count == 1)
    return (
        f"Biggest leak: {here.dropped:,} of {here.count:,} {what} leave between "
        f"{visible(here.stage)} and {visible(after.stage)}"
    )
