"""`analyze_funnel` asks a funnel of journeys."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from core.durations import from_timedelta, parse_limit
from core.errors import QuestionError
from core.event import from_datetime
from core.funnel import Attempts, Exclusion, Funnel, Scope, Start
from core.journeys import Journeys, absent_names
from core.result import FunnelResult
from core.stage import Stage, as_stage
from core.walk import Order

if TYPE_CHECKING:
    from core.log import EventLog
    from core.unit_log import UnitLog


def analyze_funnel(
    journeys: Journeys,
    stages: Sequence[Stage | str | Iterable[str]],
    *,
    scope: Scope = "journeys",
    order: Order = "ordered",
    start: Start = "best",
    window: str | timedelta | None = None,
    exclusions: Iterable[Exclusion | str] = (),
    ignore: Iterable[str] = (),
    since: datetime | None = None,
    until: datetime | None = None,
    hold: str | None = None,
    attempts: Attempts | None = None,
) -> FunnelResult:
    """Count journeys or users through stages.

    A unit's depth is the longest run of stages, from the first, that distinct events of the unit
    match at non-decreasing times, all within `window` of the first, over every possible start
    (rule F1). A stage is an event name, several of which any will do, or a `Stage`. The window is
    text with a unit ("7d"), a timedelta, or None for off; its edge counts.

    `order`: "ordered" passes over other events in between; "strict" allows only those of `ignore`;
    "any" counts how many stages are matched inside one window, in any order. `start`: "first" lets
    only a unit's first stage-1 event start. `exclusions` are events that must not occur in between:
    a name excludes from the first stage to the last, an `Exclusion` says more. `since` and `until`
    select the attempts by when they start, `until` not included; later events still count.

    `hold` names a field of the events, with dots between the keys of a nested one, whose value all
    matched events share: each journey or user is then counted once for each value that its events
    of the stages have, and only events with that value are seen (rule F9). `attempts` counts
    attempts in place of journeys or users (rule F10): "starts" every stage-1 event, each with how
    deep an attempt gets that begins there; "mixpanel" one after another: the first stage-1 event
    begins one, and the next is begun by the first that is later than its conversion, or than its
    window, or not earlier than the event that ended it by an exclusion or by breaking strict order.

    Raises QuestionError for a question that makes no sense; a name that never occurs is a warning
    of the result.
    """
    funnel = Funnel(
        stages=tuple(as_stage(stage) for stage in stages),
        scope=scope,
        order=order,
        start=start,
        window=_as_window(window),
        ignore=tuple(ignore),
        exclusions=tuple(e if isinstance(e, Exclusion) else Exclusion((e,)) for e in exclusions),
        since=None if since is None else from_datetime(since),
        until=None if until is None else from_datetime(until),
        hold=hold,
        attempts=attempts,
    )
    return count_funnel(journeys, funnel)


def count_funnel(
    journeys: Journeys, funnel: Funnel, unit_log: UnitLog | None = None
) -> FunnelResult:
    """Like `analyze_funnel`, for a ready question; `unit_log` may know parts of the answer."""
    from core.unit_log import UnitLog

    if unit_log is None:
        log = journeys.log if funnel.scope == "users" else journeys.cut_log
        unit_log = UnitLog(log, funnel.hold)
    warnings = tuple(dict.fromkeys((*journeys.warnings, *_absent(journeys.log, funnel))))
    result = FunnelResult(funnel, journeys, warnings, unit_log)
    _ = result.rows  # a condition that cannot be asked is told here and not at first use
    return result


def _absent(log: EventLog, funnel: Funnel) -> Iterable[str]:
    """A warning for each name that never occurs (rule R4), once."""
    names = [name for stage in funnel.stages for name in stage.any_of]
    names += [name for exclusion in funnel.exclusions for name in exclusion.any_of]
    return absent_names(log, (*names, *funnel.ignore))


def _as_window(window: str | timedelta | None) -> int | None:
    if isinstance(window, str):
        return parse_limit(window)
    if isinstance(window, timedelta):
        return from_timedelta(window)
    if window is not None:
        raise QuestionError(f"a window is text with a unit, such as '7d', not {window!r}")
    return None
