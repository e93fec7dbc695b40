"""Lists of users and journeys, page by page: sorted, searched and cut out on the server.

Lines of hard users come from the local engine and are merged in: the place of every line is exact.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis

from core.cohort import Cohort, Has, Part
from core.engine import FunnelAnswer, Sort, UserRow
from core.warehouse.pull import by_flag, local_study
from core.warehouse.sessions import cut
from core.warehouse.totals import first_row
from core.warehouse.view import View, field_column, view_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import ibis.expr.types as ir

    from core.local import LocalEngine
    from core.stage import Stage
    from core.study import Study
    from core.warehouse.stages import Listed
    from core.warehouse.table import EventTable
    from core.warehouse.units import UnitTable

HELD = 1_000
"""The first lines of a list, which are asked for together and kept."""
EVERY_LINE = 2**62
"""A place that no list reaches."""


def plain_lines(
    table: EventTable, study: Study, span: tuple[int, int], listed: Listed
) -> tuple[ir.Table, bool]:
    """One line for each user of a study without stages, and whether some may be left to the local
    engine: those whose `hard` is 1.
    """
    view = view_of(study, listed.wanted)._replace(search=listed.search)
    events = cut(table.events(view), study, span, table.session.dialect)
    may_be_hard = "hard" in events.columns
    none = ibis.literal(0)
    about = {"sessions": events.cuts.sum(), **listed.about(events, view.conditions)}
    if may_be_hard:
        about["hard"] = events.hard.max()
    lines = events.group_by("user").agg(**about)
    lines = lines.mutate(depth=none, pending=none, **({} if may_be_hard else {"hard": none}))
    return _who_have(lines, listed.wanted), may_be_hard


def listed_units(units: UnitTable, study: Study, cohort: Cohort) -> ir.Table:
    """One line for each unit of a cohort, and for each of a user left to the local engine; without
    parts of bars one for each user, with the depth of the deepest unit.
    """
    rows, wanted = units.rows, wanted_of(cohort)
    depth = (rows.removed == 0).ifelse(rows.depth, 0)
    if not cohort.is_of_units and units.keys != ("user",):
        lines = rows.group_by("user").agg(
            depth=depth.max(),
            pending=rows.pending.max(),
            hard=rows.hard.max(),
            **(units.listed.told(rows) if units.listed else {}),
        )
        return _who_have(lines, wanted)
    lines = rows.mutate(depth=depth)
    if cohort.is_of_units:
        is_in = [_is_in(rows, part, units.stages) for part in parts_of(cohort)]
        lines = lines.filter(reduce(and_, is_in) | (rows.hard == 1))
    if cohort.is_of_units and study.hold is not None:
        lines = lines.rename(held=field_column(study, study.hold))
    return _who_have(lines, wanted)


def wanted_of(cohort: Cohort) -> list[Stage]:
    """The events that each line of a cohort must have."""
    return [each.event for each in cohort.filters if isinstance(each, Has)]


def parts_of(cohort: Cohort) -> list[Part]:
    """The parts of bars that a cohort lies in."""
    return [each for each in cohort.filters if isinstance(each, Part)]


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


def size_of(answer: FunnelAnswer, cohort: Cohort) -> int | None:
    """How many units there are in a cohort of one part of a bar (rule N1); None for another."""
    if len(cohort.filters) != 1 or not isinstance(part := cohort.filters[0], Part):
        return None
    if part.stage + (part.kind != "reached") >= len(answer.stages):
        return 0
    stage = answer.stages[part.stage]
    if part.kind == "went_on":
        return answer.stages[part.stage + 1].count
    return {"reached": stage.count, "left": stage.dropped, "pending": stage.pending}[part.kind]


class Asked(NamedTuple):
    """A list that is asked for."""

    study: Study
    """The question."""
    cohort: Cohort
    """Who is listed."""
    sort: Sort
    """In which order."""
    search: str
    """The text that the ids contain."""


@dataclass(frozen=True)
class Lines:
    """The lines of one list in order, some of them on the server and some here."""

    table: EventTable
    """Where the events are."""
    asked: Asked
    """Which lines, in which order."""
    found: ir.Table
    """The lines, those of hard users among them."""
    ordered: ir.Table
    """The same, without what their order does not depend on where that takes less."""
    hard: Callable[[], LocalEngine] | None
    """The engine of hard users; None where there can be none, and asked only if there are any."""
    size: Callable[[], int | None]
    """How many lines there are without a search, if that is known of another question."""

    @property
    def total(self) -> int:
        """How many lines there are."""
        size = None if self.asked.search else self.size()
        return self._served_count + len(self._others) if size is None else size

    def page(self, start: int, stop: int) -> list[UserRow]:
        """The lines from `start` up to `stop`."""
        if stop <= HELD:
            held = [_row(row) for row in self._first if not row["hard"]]
            if stop <= len(held) or self._is_whole:
                return self._merged(held)[start:stop]
        # Of the merged list the first `low` lines of the server are left out, all of them before.
        low = max(start - len(self._others), 0)
        if low >= stop:
            return self._merged([])[start:stop]
        page = self._served.order_by(self._order(self._served)).limit(stop - low, offset=low)
        found = self.table.session.ask(page, "a page of the list").to_pylist()
        return self._merged(list(map(_row, found)))[start - low : stop - low]

    def _merged(self, lines: list[UserRow]) -> list[UserRow]:
        """Some lines of the server and those of hard users, in order."""
        return sorted([*lines, *self._others], key=self._key) if self._others else lines

    @cached_property
    def _first(self) -> list[dict[str, Any]]:
        """The first lines, those of hard users before all others: so it is known of any, and of a
        short list how long it is. A few more than a page take the server no longer.
        """
        lines, order = self.found, self._order(self.found)
        if self.hard is not None:
            order.insert(0, ibis.desc(lines.hard))
        first = lines.order_by(order).limit(HELD)
        found: list[dict[str, Any]] = self.table.session.ask(
            first, "a page of the list"
        ).to_pylist()
        return found

    @property
    def _is_whole(self) -> bool:
        """Whether the first lines are all that there are on the server."""
        return len(self._first) < HELD

    @cached_property
    def _others(self) -> list[UserRow]:
        """The lines of hard users."""
        if self.hard is None or not any(row["hard"] for row in self._first):
            return []
        return sorted(self._lines_of(self.hard()), key=self._key)

    def _lines_of(self, engine: LocalEngine) -> Sequence[UserRow]:
        """The lines that the users of an engine on this machine make."""
        asked = self.asked
        view = view_of(asked.study, wanted_of(asked.cohort))
        study, who = local_study(asked.study, view), flagged(asked.cohort, view)
        return engine.users(study, who, Sort("user", False), asked.search, 0, EVERY_LINE).rows

    @cached_property
    def _served(self) -> ir.Table:
        return self.found if self.hard is None else self.found.filter(self.found.hard == 0)

    @cached_property
    def _counted(self) -> ir.Table:
        """The lines on the server, to be counted."""
        return self.ordered.filter(self.ordered.hard == 0)

    @cached_property
    def _served_count(self) -> int:
        """How many lines there are on the server."""
        if self._is_whole:
            return sum(not row["hard"] for row in self._first)
        counted = self._counted.agg(lines=self._counted.count())
        return first_row(self.table.session.ask(counted, "length of the list"))["lines"]

    def place(self, user: str, journey: int | None) -> int | None:
        """Where the first line of a user, or of a journey of the user, stands; None for nowhere."""
        session = self.table.session
        # Engines look for other users' events no further: all windows are partitioned by user.
        lines = self._served.filter(self._served.user == user)
        found = session.ask(lines, "one line of the list").to_pylist()
        rows = [row for row in [*map(_row, found), *self._others] if row.user == user]
        if journey is not None and any(row.journey is not None for row in rows):
            rows = [row for row in rows if row.journey == journey]
        if not rows:
            return None
        first = min(rows, key=self._key)
        before = self._counted.filter(self._is_before(first))
        counted = session.ask(before.agg(n=before.count()), "lines before it")
        here = sum(self._key(row) < self._key(first) for row in self._others)
        return int(counted.column("n")[0].as_py()) + here

    def _order(self, lines: ir.Table) -> list[Any]:
        """The columns to sort by on the server."""
        ids = self._ids(lines)
        if self.asked.sort.key == "user":
            return [ibis.desc(ids[0]) if self.asked.sort.descending else ids[0], *ids[1:]]
        key = lines[self.asked.sort.key]
        return [ibis.desc(key) if self.asked.sort.descending else key, *ids]

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
        if self.asked.sort.key == "user":
            return (_Reversed(row.user) if self.asked.sort.descending else row.user, *ids[1:])
        key = getattr(row, self.asked.sort.key)
        return (-key if self.asked.sort.descending else key, *ids)

    def _is_before(self, row: UserRow) -> ir.BooleanValue:
        """Whether lines on the server stand before one line."""
        lines, sorted_as = self._counted, self.table.session.dialect.sorted_as
        values: list[Any] = [sorted_as(ibis.literal(row.user))]
        if "held" in lines.columns:
            values.append(sorted_as(ibis.literal(row.held)))
        if "journey" in lines.columns:
            values.append(ibis.literal(row.journey))
        pairs = list(zip(self._ids(lines), values, strict=True))
        signs = [False] * len(pairs)
        if self.asked.sort.key == "user":
            signs[0] = self.asked.sort.descending
        else:
            pairs.insert(
                0, (lines[self.asked.sort.key], ibis.literal(getattr(row, self.asked.sort.key)))
            )
            signs.insert(0, self.asked.sort.descending)
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


def flagged(cohort: Cohort, view: View) -> Cohort:
    """The cohort to ask of a pulled log of a view: its conditions are flags."""
    return Cohort(
        tuple(
            Has(by_flag(each.event, view)) if isinstance(each, Has) else each
            for each in cohort.filters
        )
    )
