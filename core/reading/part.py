"""`Part`: one file of a log, how it is understood, and the SQL that picks events from it."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import duckdb

from core.errors import SourceError
from core.reading.fields import Fields, guess_fields, spelled
from core.reading.formats.base import Row, RowFile, parsed
from core.reading.options import ReadOptions
from core.reading.report import PartReport
from core.reading.shapes import dotted
from core.reading.sql import Keys, ask, literal
from core.reading.times import TimeKind, sample_query, text_kind, typed_kind

REJECTED, BLANK = -(2**63), -(2**63) + 1
"""Stand where the time would, in rows that are no events: they lack something, or say nothing."""

EARLIEST, LATEST = -62_135_596_800_000_000, 253_402_300_799_999_999
"""The first microsecond of the year 1, and the last of 9999: Python knows no others."""

_ROOT_IS_LIST = "GA4"
"""The shape whose properties are a list of keys and values."""


@dataclass(frozen=True, eq=False)
class Part:
    """One file of a log."""

    label: str
    """The file, or what stands for it."""
    described: str
    """What it is, in words."""
    file: RowFile
    """Its rows."""
    keys: tuple[str, ...]
    """The names of its fields, as the first rows tell them."""
    nested: tuple[str, ...]
    """Paths of fields one level inside others."""
    fields: Fields
    """Where user, event, time and the rest are."""
    time: TimeKind
    """How its times are read."""
    first_row: int
    """The log's number of its row 0."""

    @property
    def rows(self) -> int:
        """How many rows it has, blank ones included."""
        return self.file.rows

    @property
    def listed(self) -> str | None:
        """The key of a list of parameters, should that hold the properties."""
        return self.fields.root if self.fields.shape == _ROOT_IS_LIST else None

    def extract(self, number: str | None = None) -> str:
        """SQL for u, e, t: the user, the event and the microseconds of each row in order.

        After them, as far as the part has such: s, the sequence number; d, the id that tells
        duplicates; a and k, an id and the user it is merged into. Where the file numbers its rows
        in a column, `number` is its name, and n the number; u and e may then be empty texts, and
        t outside of all years: columns as they stand are read fastest.
        """
        fields = self.fields
        wants: dict[str, Sequence[Keys]] = {"u": fields.user, "e": fields.event, "t": fields.time}
        if fields.sequence is not None:
            wants["s"] = (fields.sequence,)
        if fields.ids:
            wants["d"] = fields.ids
        if self.time.needs_date:
            wants["day"] = (fields.date,) if fields.date else ()
        for place, link in enumerate(fields.links):
            wants[f"a{place}"] = tuple(map(dotted, link.alias))
            wants[f"k{place}"] = tuple(map(dotted, link.known)) or fields.user
        relation, texts = self.file.texts(list(wants.values()), self.listed)
        values = dict(zip(wants, texts, strict=True))
        values["t"] = self.file.typed(fields.time)[1] or values["t"]
        plain = self._plain() if number and not fields.links else {}
        values |= plain
        inner = ", ".join(f"{text} AS {name}" for name, text in values.items())
        inner += f", {number} AS n" if number else ""
        time = self.time.expression.format("concat_ws(' ', day, t)" if "day" in wants else "t")
        checked = (
            f"CASE WHEN blank THEN {BLANK} WHEN u IS NOT NULL AND e IS NOT NULL "
            f"AND time BETWEEN {EARLIEST} AND {LATEST} THEN time END AS t"
        )
        # What is NULL, or would be taken for a blank row, is too early for any year so.
        outer = ["u", "e", f"greatest(time, {BLANK + 1}) AS t" if plain else checked]
        if "s" in wants:
            outer.append("coalesce(TRY_CAST(s AS BIGINT), 0) AS s")
        if "d" in wants:
            outer.append("CASE WHEN d IS NULL THEN 0 ELSE hash(d) END AS d")
        if number:
            outer.append("n")
        if fields.links:
            outer += [self._links("a"), self._links("k")]
        # Named between the two, so that no row's time is worked out twice.
        return (
            f"SELECT {', '.join(outer)} FROM (SELECT *, {time} AS time FROM "
            f"(SELECT {inner}, {self.file.blank} AS blank FROM {relation}))"
        )

    def _plain(self) -> dict[str, str]:
        """SQL for u and e where they are columns of text as they stand; empty where one is not."""
        found = {}
        for name, want in (("u", self.fields.user), ("e", self.fields.event)):
            kind, column = self.file.typed(want)
            if len(want) == 1 and kind == "VARCHAR" and column:
                found[name] = column
        return found if len(found) == 2 else {}

    def _links(self, side: str) -> str:
        cases = (
            f"WHEN e IN ({', '.join(map(literal, link.events))}) THEN {side}{number}"
            for number, link in enumerate(self.fields.links)
        )
        return f"CASE {' '.join(cases)} END AS {side}"

    def report(self, rows: int) -> PartReport:
        """How it was understood; `rows` of it were read."""
        fields = self.fields
        time = spelled(fields.time)
        return PartReport(
            source=self.label,
            format=self.described,
            rows=rows,
            user_field=spelled(fields.user),
            event_field=spelled(fields.event),
            time_field=f"{spelled([fields.date])} and {time}"
            if self.time.needs_date and fields.date
            else time,
            time_kind=self.time.name,
            shape=fields.shape,
            why=fields.why,
            id_field=spelled(fields.ids) or None,
        )

    def paths(self, field: str) -> list[Keys]:
        """Where a field may stand that a person named, likeliest first."""
        steps = dotted(field)
        found = [(field,), steps]
        if self.fields.root is not None:
            found += [(self.fields.root, field), (self.fields.root, *steps)]
        return list(dict.fromkeys(found))

    def named_fields(self) -> list[str]:
        """Names that a person may use for its fields, its own properties first."""
        root = self.fields.root
        if root is None:
            return [*self.keys, *self.nested]
        start = f"{root}."
        own = [path.removeprefix(start) for path in self.nested if path.startswith(start)]
        return [*own, *self.keys, *self.nested]

    def properties(self, row: Row) -> dict[str, object]:
        """What a row says but user, event and time; its own properties stand at the top."""
        record = dict(row.record or {})
        root = self.fields.root
        inner = record.get(root) if root is not None else None
        own = _inner(inner)
        if root is not None and own is not None:
            record.pop(root)
            for keys in (*self.fields.user, *self.fields.event, *self.fields.time):
                if len(keys) == 2 and keys[0] == root:
                    own.pop(str(keys[1]), None)
        for keys in (*self.fields.user, *self.fields.event, *self.fields.time):
            if len(keys) == 1:
                record.pop(str(keys[0]), None)
        if self.time.needs_date and self.fields.date:
            record.pop(str(self.fields.date[0]), None)
        found = {key: value for key, value in record.items() if value is not None}
        return {**found, **(own or {})}


def understand(
    connection: duckdb.DuckDBPyConnection,
    file: RowFile,
    label: str,
    described: str,
    options: ReadOptions,
    first_row: int,
) -> Part:
    """Find out the fields of a file. Raises SourceError when user, event or time is not there."""
    keys, nested = file.sample(connection)
    if not keys:
        raise SourceError(f"{label} looks like {described}, but no row of it is a record")
    fields = guess_fields(keys, options, label, nested=nested)
    kind, _ = file.typed(fields.time)
    time = typed_kind(kind, options.tz)
    if time is None:
        listed = fields.root if fields.shape == _ROOT_IS_LIST else None
        relation, (text,) = file.texts([fields.time], listed)
        (sample,) = ask(connection, sample_query(text, relation))
        time = text_kind(sample, options.tz, kind)
    return Part(label, described, file, tuple(keys), tuple(nested), fields, time, first_row)


def _inner(value: object) -> dict[str, object] | None:
    """Properties as an object: as they are, as JSON text, or as a list of keys and values."""
    if isinstance(value, str):
        value = parsed(value)
    if isinstance(value, list):
        pairs = (item for item in value if isinstance(item, dict) and "key" in item)
        return {str(item["key"]): _parameter(item.get("value")) for item in pairs}
    return dict(value) if isinstance(value, dict) else None


def _parameter(value: object) -> object:
    if not isinstance(value, dict):
        return value
    return next((inner for inner in value.values() if inner is not None), None)


def as_text(value: object) -> str:
    """A value as the text that a reason shows of it."""
    return value if isinstance(value, str) else json.dumps(value)
