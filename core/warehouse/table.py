"""`EventTable`: a table of a warehouse as events: which columns they are, and what kind of time.

From here on, whatever the table calls its columns, an event has `user`, `name` and `time`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING
from uuid import UUID

import ibis
import ibis.expr.datatypes as dt

from core.errors import QuestionError, SourceError, did_you_mean
from core.reading.fields import guess_fields, spelled
from core.reading.options import ReadOptions
from core.warehouse.conditions import parse_condition, with_flags
from core.warehouse.view import View

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.reading.sql import Keys
    from core.warehouse.session import Cancel, Session

SAMPLED_ROWS = 10_000
"""Rows looked at to decide the kind of a time column that is text or a number."""

MOST_PROPERTIES = 200
"""Columns of a user's events that are fetched to be shown."""

_UNITS = ((1e11, "seconds", 1e6), (1e14, "milliseconds", 1e3), (1e17, "microseconds", 1))
"""Largest median of a unit, its name, and microseconds in one; what is larger is nanoseconds."""


@dataclass(frozen=True)
class _Time:
    kind: str
    micros: Callable[[ir.Column], ir.IntegerColumn]


class EventTable:
    """A table of events. Nothing of it is read but what a question needs."""

    def __init__(
        self, session: Session, name: str, options: ReadOptions, cancelled: Cancel | None = None
    ) -> None:
        """Find the columns. Raises SourceError when there is no such table or column, Cancelled."""
        self.session = session
        self.name = name
        self.table = session.table(name, cancelled)
        self.columns: tuple[str, ...] = tuple(self.table.columns)
        self.fields = guess_fields(self.columns, options, name)
        self.user, self.event, times, ids = (
            self._there(paths)
            for paths in (self.fields.user, self.fields.event, self.fields.time, self.fields.ids)
        )
        for role, paths in (("user", self.user), ("event", self.event), ("time", times)):
            if not paths:
                raise SourceError(
                    f"{name} has no column for the {role}: name it with --{role}-field"
                )
        self.time, self.id = times[0], ids[0] if ids else None
        self._time = self._time_kind(cancelled)
        self.events = lru_cache(maxsize=32)(self._events)

    @property
    def time_kind(self) -> str:
        """How times are read, such as "epoch seconds"."""
        return self._time.kind

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a person should know of how the table is read."""
        if not self.fields.links:
            return ()
        return ("ids that belong to one user are not merged in a warehouse: merge them there",)

    def all_rows(self) -> ir.Table:
        """Every row with its user, name, time and, where the table has one, id; all of them NULL
        unless the row is an event.
        """
        accepted = self._accepted(self.table).fill_null(False)
        columns = self._columns(self.table, View())
        columns.pop("seq", None)
        return self.table.select(
            **{name: accepted.ifelse(value, ibis.null()) for name, value in columns.items()}
        )

    def _events(self, view: View) -> ir.Table:
        """The events of a view. `seq` is there where the table numbers simultaneous events."""
        return self._selected(self._flagged(view), view)

    def examples(self, rows: int) -> ir.Table:
        """The events among so many rows, whichever come first, with all their properties."""
        return self._selected(self.table.limit(rows), View(properties=True))

    def _selected(self, raw: ir.Table, view: View) -> ir.Table:
        raw = raw.filter(self._accepted(raw))
        # What is left out before duplicates are looked for is not sorted.
        if view.names is not None:
            raw = raw.filter(self._first(raw, self.event).isin(view.names))
        if view.user is not None:
            raw = raw.filter(self._are_users(raw, (view.user,)))
        if view.users:
            raw = raw.filter(self._are_users(raw, view.users))
        if view.search:
            user = self.session.dialect.lower(self._first(raw, self.user))
            raw = raw.filter(user.contains(view.search.casefold()))
        events = raw.select(**self._columns(raw, view))
        return events if self.id is None else self.session.dialect.once(events)

    def _accepted(self, raw: ir.Table) -> ir.BooleanValue:
        """Whether each row has a user, a name and a readable time."""
        time = at_path(raw, self.time)
        accepted = (self._time.micros(time) if time.type().is_string() else time).notnull()
        for paths in (self.user, self.event):
            value = at_path(raw, paths[0])
            if len(paths) > 1:
                accepted &= self._first(raw, paths).notnull()
            else:
                accepted &= (value != "") if value.type().is_string() else value.notnull()
        return accepted

    def _first(self, raw: ir.Table, paths: Sequence[Keys]) -> ir.StringValue:
        """The first of some columns that is not empty, as text."""
        text = self.session.dialect.text
        if len(paths) == 1:
            return text(at_path(raw, paths[0]))
        return ibis.coalesce(*(text(at_path(raw, path)).nullif("") for path in paths))

    def _are_users(self, raw: ir.Table, users: Sequence[str]) -> ir.BooleanValue:
        """Whether each row is of one of some users."""
        if len(self.user) > 1:
            return self._first(raw, self.user).isin(users)
        return _is_among(at_path(raw, self.user[0]), users)

    def _key(self, raw: ir.Table) -> ir.StringValue:
        """Each row's user."""
        return self.session.dialect.key(self._first(raw, self.user))

    def _columns(self, raw: ir.Table, view: View) -> dict[str, ir.Column]:
        dialect = self.session.dialect
        columns = {
            "user": self._key(raw),
            "name": self._first(raw, self.event),
            "time": self._time.micros(at_path(raw, self.time)).cast(dt.int64),
        }
        if self.fields.sequence:
            number = at_path(raw, self.fields.sequence).try_cast(dt.int64)
            columns["seq"] = number.fill_null(0)
        if self.id is not None:
            columns["id"] = dialect.text(at_path(raw, self.id)).nullif("")
        for place, field in enumerate(view.fields):
            columns[f"f{place}"] = dialect.text(at_path(raw, self._path(field))).nullif("")
        columns |= {f"c{i}": raw[f"tracer c{i}"] for i in range(len(view.conditions))}
        if view.properties:
            columns |= {f"p {name}": self._shown(raw[name]) for name in self.properties}
        return columns

    def _there(self, paths: Sequence[Keys]) -> list[Keys]:
        """Those of some columns that the table has."""
        return [path for path in paths if self._kind(path) is not None]

    def _kind(self, path: Keys) -> dt.DataType | None:
        """The type of the column at a path; None for none."""
        kind = self.table.schema().get(path[0])
        for key in path[1:]:
            kind = dict(kind.items()).get(key) if isinstance(kind, dt.Struct) else None
        return kind

    @property
    def properties(self) -> list[str]:
        """The columns besides user, event and time; of very many the first."""
        roles = (*self.user, *self.event, self.time)
        own = {path[0] for path in roles if len(path) == 1}
        return [name for name in self.columns if name not in own][:MOST_PROPERTIES]

    def _shown(self, value: ir.Column) -> ir.Column:
        kind = value.type()
        is_plain = kind.is_string() or kind.is_boolean() or kind.is_integer() or kind.is_floating()
        return value if is_plain else self.session.dialect.text(value)

    def _flagged(self, view: View) -> ir.Table:
        """The table itself, or a query that adds the flags of conditions to it."""
        if view.where is None and not view.conditions:
            return self.table
        name = str(self.session.sql_dialect)
        parsed = {
            f"tracer c{i}": parse_condition(text, self.columns, name)
            for i, text in enumerate(view.conditions)
        }
        if view.where is not None:
            parsed["tracer where"] = parse_condition(view.where, self.columns, name)
        paths = [*self.user, *self.event, self.time, self.fields.sequence, self.id]
        paths += [self._path(field) for field in view.fields]
        paths += [(name,) for name in self.properties if view.properties]
        needed = self.table.select(*dict.fromkeys(path[0] for path in paths if path))
        query = with_flags(self.session.compile(needed), parsed, name)
        schema = {**dict(needed.schema().items()), **dict.fromkeys(parsed, dt.int8)}
        raw = self.session.query(query, ibis.schema(schema))
        return raw.filter(raw["tracer where"] == 1) if view.where is not None else raw

    def _path(self, field: str) -> Keys:
        """The keys of a field. Raises QuestionError when there is none of that name."""
        path: Keys = (field,) if field in self.columns else tuple(field.split("."))
        if self._kind(path) is None:
            near = did_you_mean(field, self.columns)
            there = ", ".join(self.columns[:12]) + (", …" if len(self.columns) > 12 else "")
            raise QuestionError(f"no event has a field {field!r}{near or f'; there are {there}'}")
        return path

    def _time_kind(self, cancelled: Cancel | None) -> _Time:
        dialect, path = self.session.dialect, self.time
        column = at_path(self.table, path)
        if column.type().is_date():
            column = column.cast(dt.timestamp)
            kind = f"days, from midnight {dialect.tz} on"
            return _Time(kind, lambda value: dialect.micros(value.cast(dt.timestamp)))
        if column.type().is_timestamp():
            is_zoned = column.type().timezone is not None
            kind = "timestamps" if is_zoned else f"timestamps, {dialect.tz} where without a zone"
            return _Time(kind, dialect.micros)
        if not column.type().is_string() and not column.type().is_numeric():
            raise SourceError(
                f"{self.name}: the time {spelled([path])!r} is of type {column.type()}, "
                "which is no time; name another with --time-field"
            )
        sampled = self.table.select(time=dialect.text(column)).limit(SAMPLED_ROWS)
        found = self.session.ask(sampled, "looking at what kind of time it has", cancelled)
        values = found.column("time").to_pylist()
        numbers = sorted(number for value in values if (number := _number(value)) is not None)
        if 2 * len(numbers) <= sum(value is not None for value in values):
            return _Time(f"ISO text, {dialect.tz} where it names no zone", dialect.parsed)
        median = numbers[len(numbers) // 2]
        unit, factor = next(
            ((unit, factor) for top, unit, factor in _UNITS if median < top), ("nanoseconds", 1e-3)
        )
        return _Time(f"epoch {unit}", lambda value: _epoch(value, factor, dialect.number))


def at_path(table: ir.Table, path: Keys) -> ir.Column:
    """The column of a table at a path of keys."""
    value = table[path[0]]
    for key in path[1:]:
        value = value[key]
    return value


def _is_among(column: ir.Column, users: Sequence[str]) -> ir.BooleanValue:
    """Whether a column holds the id of one of some users, compared as the column's own type, for
    its index.
    """
    if column.type().is_integer():
        return column.isin([int(user) for user in users if re.fullmatch(r"-?\d{1,18}", user)])
    if column.type().is_uuid():
        return column.isin([found for user in users if (found := _uuid(user)) is not None])
    return column.cast(dt.string).isin(users)


def _uuid(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _number(value: str | None) -> float | None:
    try:
        return None if value is None else abs(float(value))
    except ValueError:
        return None


def _epoch(
    value: ir.Column, factor: float, number: Callable[[ir.StringColumn], ir.DecimalColumn]
) -> ir.IntegerColumn:
    """A number since 1970 as microseconds."""
    if value.type().is_integer():
        whole = value.cast(dt.int64)
        if factor == 1:
            return whole
        return whole * int(factor) if factor > 1 else whole // 1_000
    if value.type().is_floating():
        return (value * factor).round().cast(dt.int64)
    exact = number(value) if value.type().is_string() else value.cast(dt.Decimal(38, 9))
    scaled = exact * int(factor) if factor >= 1 else exact / 1_000
    return scaled.floor().cast(dt.int64)
