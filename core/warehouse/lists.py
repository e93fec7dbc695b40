"""Lists of users and journeys, page by page: sorted, searched and cut out on the server.

Lines of hard users come from the local engine and are merged in: the place of every line is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from typing import TYPE_CHECKING, Any

import ibis

from core.cohort import Cohort, Has, Part
from core.engine import Sort, UserRow
from core.warehouse.pull import by_flag, local_study
from core.warehouse.sessions import cut
from core.warehouse.stages import match
from core.warehouse.view import View, field_column, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from core.local import LocalEngine
    from core.stage import Stage
    from core.study import Study
    from core.warehouse.table import EventTable
    from core.warehouse.units import UnitTable

EVERY_LINE = 2**62
"""A place that no list reaches."""


def user_lines(
    table: EventTable,
    study: Study,
    span: tuple[int, int],
    units: UnitTable | None,
    wanted: Sequence[Stage],
) -> ir.Table:
    """One line for each user of a study who has an event of each of the wanted ones, with the depth
    of the deepest unit; `hard` is 1 for users that are left to the local engine.
    """
    events = _seen(table, study, span, wanted)
    lines = events.group_by("user").agg(**_about(events, wanted), too_long=events.hard.max())
    lines = lines.mutate(sessions=lines.journeys)
    if units is None:
        none = ibis.literal(0)
        lines = lines.mutate(depth=none, pending=none, hard=lines.too_long)
    else:
        rows = units.rows
        of_user = rows.group_by(owner=rows.user).agg(
            depth=(rows.removed == 0).ifelse(rows.depth, 0).max(),
            pending=rows.pending.max(),
            hard=rows.hard.max(),
        )
        lines = lines.left_join(of_user, lines.user == of_user.owner)
        lines = lines.mutate(
            depth=lines.depth.fill_null(0),
            pending=lines.pending.fill_null(0),
            hard=ibis.greatest(lines.hard.fill_null(0), lines.too_long),
        )
    return _who_have(lines, wanted)


def unit_lines(
    table: EventTable,
    study: Study,
    span: tuple[int, int],
    units: UnitTable,
    cohort: Cohort,
    hold: str | None,
) -> ir.Table:
    """One line for each unit of a cohort, and for each of a user left to the local engine."""
    wanted = wanted_of(cohort)
    events = _seen(table, study, span, wanted)
    events = events.mutate(sessions=events.journey.max().over(ibis.window(group_by="user")))
    value = None if hold is None else field_column(study, hold)
    if value is not None:
        events = events.filter(events[value].notnull())
    found = events.group_by(list(units.keys)).agg(
        **_about(events, wanted), sessions=events.sessions.max()
    )
    is_in = [_is_in(units.rows, part, units.stages) for part in parts_of(cohort)]
    chosen = units.rows.filter(reduce(and_, is_in) | (units.rows.hard == 1))
    lines = found.inner_join(chosen, list(units.keys))
    if value is not None:
        lines = lines.rename(held=value)
    return _who_have(lines, wanted)


def wanted_of(cohort: Cohort) -> list[Stage]:
    """The events that each line of a cohort must have."""
    return [each.event for each in cohort.filters if isinstance(each, Has)]


def parts_of(cohort: Cohort) -> list[Part]:
    """The parts of bars that a cohort lies in."""
    return [each for each in cohort.filters if isinstance(each, Part)]


def _seen(
    table: EventTable, study: Study, span: tuple[int, int], wanted: Sequence[Stage]
) -> ir.Table:
    """The events of a list, cut into journeys, with flags `h0`, `h1` and so on for the wanted."""
    view = view_of(study, wanted)
    events = cut(table.events(view), study, span, table.session.dialect)
    if "hard" not in events.columns:
        events = events.mutate(hard=ibis.literal(0))
    flags = {
        f"h{i}": match(events, each, view.conditions).ifelse(1, 0) for i, each in enumerate(wanted)
    }
    return events.mutate(**flags) if flags else events


def _about(events: ir.Table, wanted: Sequence[Stage]) -> dict[str, ir.Value]:
    """What a line says of its events."""
    return {
        "journeys": events.cuts.sum(),
        "events": events.count(),
        "first": events.time.min(),
        "last": events.time.max(),
        **{f"h{i}": events[f"h{i}"].max() for i in range(len(wanted))},
    }


def _who_have(lines: ir.Table, wanted: Sequence[Stage]) -> ir.Table:
    """The lines with an event of each wanted one, and those of hard users, as they are shown."""
    for i in range(len(wanted)):
        lines = lines.filter((lines[f"h{i}"] == 1) | (lines.hard == 1))
    columns = ["user", "sessions", "events", "first", "last", "depth", "pending", "hard"]
    columns += [name for name in ("journey", "held") if name in lines.columns]
    return lines[columns]


def _is_in(rows: ir.Table, part: Part, stages: int) -> ir.BooleanValue:
    """Whether each unit is in a part of a bar. Units that are removed have no depth."""
    least, most = part.depths
    depth = (rows.removed == 0).ifelse(rows.depth, 0)
    inside = (depth >= least) & (depth <= most) & ibis.literal(part.stage < stages)
    if part.kind in ("left", "pending"):
        # Nobody leaves after the last stage (rule R2).
        inside &= ibis.literal(least < stages)
        inside &= rows.pending == (1 if part.kind == "pending" else 0)
    return inside


@dataclass(frozen=True)
class Lines:
    """The lines of one list in order, some of them on the server and some here."""

    table: EventTable
    """Where the events are."""
    found: ir.Table
    """The lines, those of hard users among them."""
    sort: Sort
    """Their order."""
    search: str
    """The text that the ids contain."""
    others: Callable[[], Sequence[UserRow]]
    """The lines of hard users, searched already; asked only if there are any."""

    @cached_property
    def _served(self) -> ir.Table:
        lines = self.found.filter(self.found.hard == 0)
        if self.search:
            dialect = self.table.session.dialect
            lines = lines.filter(dialect.lower(lines.user).contains(self.search.casefold()))
        return lines

    @cached_property
    def _counts(self) -> tuple[int, bool]:
        """Lines on the server, and whether there are others."""
        own = self._served.agg(lines=self._served.count())
        has_hard = self.found.agg(hard=self.found.hard.max())
        both = own.cross_join(has_hard)
        row = self.table.session.ask(both, "length of the list").to_pylist()[0]
        return int(row["lines"]), bool(row["hard"])

    @cached_property
    def _others(self) -> list[UserRow]:
        return sorted(self.others(), key=self._key) if self._counts[1] else []

    @property
    def total(self) -> int:
        """How many lines there are."""
        return self._counts[0] + len(self._others)

    def page(self, start: int, stop: int) -> list[UserRow]:
        """The lines from `start` up to `stop`."""
        more = len(self._others)
        low = max(start - more, 0)
        wanted = min(stop, self.total) - low
        if wanted <= 0:
            return []
        page = self._served.order_by(self._order(self._served)).limit(wanted, offset=low)
        rows = map(_row, self.table.session.ask(page, "a page of the list").to_pylist())
        # Of the merged list the first `low` lines of the server are left out, all of them before.
        merged = sorted([*rows, *self._others], key=self._key)
        return merged[start - low : stop - low]

    def place(self, user: str, journey: int | None) -> int | None:
        """Where the first line of a user, or of a journey of the user, stands; None for nowhere."""
        lines = self._served.filter(self._served.user == user)
        found = self.table.session.ask(lines, "one line of the list").to_pylist()
        rows = [row for row in [*map(_row, found), *self._others] if row.user == user]
        if journey is not None and any(row.journey is not None for row in rows):
            rows = [row for row in rows if row.journey == journey]
        if not rows:
            return None
        first = min(rows, key=self._key)
        before = self._served.filter(self._is_before(first))
        counted = self.table.session.ask(before.agg(n=before.count()), "lines before it")
        here = sum(self._key(row) < self._key(first) for row in self._others)
        return int(counted.column("n")[0].as_py()) + here

    def _order(self, lines: ir.Table) -> list[Any]:
        """The columns to sort by on the server."""
        ids = self._ids(lines)
        if self.sort.key == "user":
            return [ibis.desc(ids[0]) if self.sort.descending else ids[0], *ids[1:]]
        key = lines[self.sort.key]
        return [ibis.desc(key) if self.sort.descending else key, *ids]

    def _ids(self, lines: ir.Table) -> list[ir.Column]:
        """What tells lines with equal keys apart."""
        sorted_as = self.table.session.dialect.sorted_as
        ids: list[ir.Column] = [sorted_as(lines.user)]
        if "held" in lines.columns:
            ids.append(sorted_as(lines.held))
        return [*ids, lines.journey] if "journey" in lines.columns else ids

    def _key(self, row: UserRow) -> tuple[Any, ...]:
        """The same order here. Ids sort by code point, as Python has it."""
        ids = (row.user, row.held or "", row.journey or 0)
        if self.sort.key == "user":
            return (_Reversed(row.user) if self.sort.descending else row.user, *ids[1:])
        key = getattr(row, self.sort.key)
        return (-key if self.sort.descending else key, *ids)

    def _is_before(self, row: UserRow) -> ir.BooleanValue:
        """Whether lines on the server stand before one line."""
        lines, sorted_as = self._served, self.table.session.dialect.sorted_as
        values: list[Any] = [sorted_as(ibis.literal(row.user))]
        if "held" in lines.columns:
            values.append(sorted_as(ibis.literal(row.held)))
        if "journey" in lines.columns:
            values.append(ibis.literal(row.journey))
        pairs = list(zip(self._ids(lines), values, strict=True))
        signs = [False] * len(pairs)
        if self.sort.key == "user":
            signs[0] = self.sort.descending
        else:
            pairs.insert(0, (lines[self.sort.key], ibis.literal(getattr(row, self.sort.key))))
            signs.insert(0, self.sort.descending)
        is_before: ir.BooleanValue = ibis.literal(False)
        for (column, value), is_descending in reversed(list(zip(pairs, signs, strict=True))):
            smaller = column > value if is_descending else column < value
            is_before = smaller | ((column == value) & is_before)
        return is_before


class _Reversed(str):
    """A text that sorts backwards."""

    __slots__ = ()

    def __lt__(self, other: str) -> bool:
        return str.__gt__(self, other)


def _row(line: dict[str, Any]) -> UserRow:
    journey = line.get("journey")
    return UserRow(
        user=line["user"],
        journey=None if journey is None else int(journey),
        sessions=int(line["sessions"]),
        events=int(line["events"]),
        first=int(line["first"]),
        last=int(line["last"]),
        depth=int(line["depth"]),
        held=line.get("held"),
        pending=bool(line["pending"]),
    )


def local_lines(
    engine: LocalEngine, study: Study, cohort: Cohort, search: str
) -> Sequence[UserRow]:
    """The lines of a list that the users of a local engine make."""
    view = view_of(study, wanted_of(cohort))
    asked, who = local_study(study, view), flagged(cohort, view)
    return engine.users(asked, who, Sort("user", False), search, 0, EVERY_LINE).rows


def flagged(cohort: Cohort, view: View) -> Cohort:
    """The cohort to ask of a pulled log of a view: its conditions are flags."""
    return Cohort(
        tuple(
            Has(by_flag(each.event, view)) if isinstance(each, Has) else each
            for each in cohort.filters
        )
    )
