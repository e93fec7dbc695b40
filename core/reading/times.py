"""Times as SQL: from whatever a column holds to microseconds since 1970 in UTC.

The kind is decided once for a whole column, never value by value, and said in the report. What is
finer than a microsecond is cut off.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from core.reading.sql import literal

SAMPLED_ROWS = 20_000
"""Rows looked at to decide the kind of a time column."""

_UNITS = (
    (1e11, "seconds", "1000000"),
    (1e14, "milliseconds", "1000"),
    (1e17, "microseconds", "1"),
    (float("inf"), "nanoseconds", "0.001"),
)
"""Largest median of a unit, its name, and microseconds in one. 1e11 seconds is the year 5138."""

_NUMBER = "TRY_CAST({0} AS DOUBLE)"
_ISO = "epoch_us(TRY_CAST({0} AS TIMESTAMPTZ))"
_WEB_LOG = "epoch_us(try_strptime({0}, '%d/%b/%Y:%H:%M:%S %z'))"
_CLOCK = r"^\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?$"


@dataclass(frozen=True, slots=True)
class TimeKind:
    """How the values of one time column are read."""

    name: str
    """For the report: "epoch seconds", "ISO text, without a zone read as UTC", …"""
    expression: str
    """SQL with `{0}` for the column; BIGINT microseconds, or NULL where unreadable or infinite."""
    needs_date: bool = False
    """Whether the values are times of day, so that the day must stand before them."""


def typed_kind(column_type: str, tz: str) -> TimeKind | None:
    """The kind of a column whose own type is a time or a number; None for text."""
    if column_type == "TIMESTAMP WITH TIME ZONE":
        return TimeKind("timestamps", "epoch_us({0})")
    if column_type.startswith("TIMESTAMP") or column_type == "DATE":
        plain = "CAST({0} AS TIMESTAMP)"
        zoned = plain if tz == "UTC" else f"timezone({literal(tz)}, {plain})"
        return TimeKind(f"timestamps without a zone, read as {tz}", f"epoch_us({zoned})")
    return None


def sample_query(value: str, relation: str) -> str:
    """SQL for what `text_kind` wants to know of the text `value` of a relation's first rows."""
    number = _NUMBER.format("v")
    finite = f"CASE WHEN isfinite({number}) THEN {number} END"
    return (
        f"SELECT count(v), count({finite}), median(abs({finite})), "
        f"count({_ISO.format('v')}), count({_WEB_LOG.format('v')}), "
        f"count(CASE WHEN regexp_matches(v, {literal(_CLOCK)}) THEN 1 END) "
        f"FROM (SELECT {value} AS v FROM {relation} LIMIT {SAMPLED_ROWS}) WHERE v IS NOT NULL"
    )


def text_kind(sample: tuple[Any, ...], tz: str, column_type: str) -> TimeKind:
    """The kind of a column of text or numbers, from the answer to `sample_query`.

    `column_type` is "VARCHAR" for text and for whatever stands in JSON.
    """
    values, numbers, median, iso, web_log, clocks = sample
    if median is not None and 2 * numbers > values:
        unit, factor = next((name, factor) for top, name, factor in _UNITS if median < top)
        if column_type in ("BIGINT", "INTEGER", "UINTEGER") and factor != "0.001":
            return TimeKind(f"epoch {unit}", f"TRY(CAST({{0}} AS BIGINT) * {factor})")
        if column_type in ("DOUBLE", "FLOAT"):
            return TimeKind(f"epoch {unit}", f"TRY_CAST(round({{0}} * {factor}) AS BIGINT)")
        # DECIMAL keeps every digit of 1704448800.123456, which a double would round.
        exact = f"TRY_CAST({{0}} AS DECIMAL(38, 9)) * {factor}"
        return TimeKind(f"epoch {unit}", f"TRY_CAST(floor({exact}) AS BIGINT)")
    if web_log > iso:
        return TimeKind("day/month/year:time, with its zone", _WEB_LOG)
    if clocks > iso:
        return TimeKind(f"day and time in two fields, {tz}", _ISO, needs_date=True)
    # The session's time zone is `tz`, which DuckDB applies to text that names no zone itself.
    return TimeKind(f"ISO text, {tz} where it names no zone", _ISO)
