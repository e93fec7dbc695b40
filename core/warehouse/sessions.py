"""Where trails are cut into journeys (rules J1 to J3): a number for each event, from 1 a user.

A cut is a flag, and the number of a journey is how many flags stand before: windows partitioned by
user, so that each shard works alone. Simultaneous events stand in the order of the table's sequence
number, if it has one, then of their names: where they stand in a table is not known.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import ibis
import numpy as np

from core.cuts import DAY, utc_offsets
from core.durations import LONGEST
from core.journeys import gap_limit
from core.warehouse.view import field_column

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.study import Study
    from core.warehouse.dialects.base import Dialect


def cut(
    events: ir.Table,
    study: Study,
    span: tuple[int, int],
    dialect: Dialect,
    also: Callable[[ir.Table], dict[str, ir.Value]] = lambda _: {},
) -> ir.Table:
    """The events with `journey`, and with `hard` where a maximum length may cut.

    `gap` is the time since the user's event before, NULL at the first, `LONGEST` where a rule other
    than the timeout cuts; `cuts` is 1 where a journey begins. `span` is the time of the first event
    of all and of the last. `also` names what else is told of all events of a user, found in the
    same step as the gaps.
    """
    rules = study.journey_rules
    events, order = _ordered(events, study, dialect)
    # Events of one instant share a journey, unless a name or a field cuts between them.
    is_by_name = order != ["time"]
    to_here = (
        ibis.window(group_by="user", order_by=order, preceding=None, following=0)
        if is_by_name
        else ibis.range_window(group_by="user", order_by=order, preceding=None, following=0)
    )
    before = ibis.window(group_by="user", order_by=order)
    is_cut = ibis.literal(False)
    if rules.midnight_tz is not None:
        events = events.mutate(day=_day(events.time, rules.midnight_tz, span))
        is_cut |= events.day != events.day.lag().over(before)
    if rules.start_event is not None:
        is_cut |= events.name == rules.start_event
    if rules.end_event is not None:
        is_cut |= events.name.lag().over(before) == rules.end_event
    if rules.session_field is not None:
        value = events[field_column(study, rules.session_field)]
        known = ibis.window(group_by=["user", "lacks"], order_by=order)
        is_cut |= value != value.lag().over(known)
    # All in one step: an engine looks back once for what is asked for together.
    since = events.time - events.time.lag().over(before)
    events = events.mutate(since=since, is_cut=is_cut, **also(events))
    forced = events.is_cut & events.since.notnull()
    events = events.mutate(gap=forced.ifelse(ibis.literal(LONGEST, "int64"), events.since))
    begins = events.gap.isnull() | (events.gap > gap_limit(timeout_of(study)))
    events = events.mutate(cuts=begins.ifelse(1, 0))
    numbered = {"journey": events.cuts.sum().over(to_here)}
    if rules.max_length is None:
        return events.mutate(**numbered)
    # Times ascend: the latest cut is where the journey began.
    began = (events.cuts == 1).ifelse(events.time, ibis.null("int64"))
    events = events.mutate(**numbered, began=began.max().over(to_here))
    return _too_long(events, rules.max_length)


def timeout_of(study: Study) -> int | None:
    """The session timeout in force: none where a field tells sessions."""
    return None if study.journey_rules.session_field is not None else study.timeout


def _ordered(events: ir.Table, study: Study, dialect: Dialect) -> tuple[ir.Table, list[str]]:
    """What a user's events are sorted by: by time alone, unless what cuts depends on more."""
    rules = study.journey_rules
    if not (rules.start_event or rules.end_event or rules.session_field):
        return events, ["time"]
    order = ["time", *(["seq"] if "seq" in events.columns else []), "by_name"]
    events = events.mutate(by_name=dialect.sorted_as(events.name))
    if rules.session_field is not None:
        value = events[field_column(study, rules.session_field)]
        events = events.mutate(by_value=dialect.sorted_as(value), lacks=value.isnull())
        order.append("by_value")
    # Of equal events the same one has to come first in every window.
    place = ibis.row_number().over(ibis.window(group_by="user", order_by=order))
    return events.mutate(at=place), ["at"]


def _day(time: ir.IntegerColumn, zone: str, span: tuple[int, int]) -> ir.IntegerColumn:
    """The calendar day in a zone, as days since 1970. The zone's offsets are written out."""
    from zoneinfo import ZoneInfo

    first, last = (moment // DAY for moment in span)
    since, offsets = utc_offsets(np.arange(first, last + 1) * DAY, ZoneInfo(zone))
    offset = ibis.literal(int(offsets[0]), "int64")
    for begin, value in zip(since[1:].tolist(), offsets[1:].tolist(), strict=True):
        offset = (time >= begin).ifelse(ibis.literal(value, "int64"), offset)
    shifted = time + offset
    # Rounded down, also before 1970: `//` is not the same in all engines.
    base = (first - 2) * DAY
    return (shifted - base - (shifted - base) % DAY) // DAY


def _too_long(events: ir.Table, longest: int) -> ir.Table:
    """Marks the users with a journey that must be cut again, which no window can tell where."""
    is_long = (events.time - events.began > longest).ifelse(1, 0)
    return events.mutate(hard=is_long.max().over(ibis.window(group_by="user")))
