"""Times as SQL: from whatever a column holds to microseconds since 1970 in UTC.

The kind is decided once for a whole column, never value by value, and said in the report.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.reading.sql import literal

SAMPLED_ROWS = 100_000
"""Rows looked at to decide the kind of a time column."""

_UNITS = (
    (1e11, "seconds", "1000000"),
    (1e14, "milliseconds", "1000"),
    (1e17, "microseconds", "1"),
    (float("inf"), "nanoseconds", "0.001"),
)
"""Largest median of a unit, its name, and microseconds in one. 1e11 seconds is the year 5138."""


@dataclass(frozen=True, slots=True)
class TimeKind:
    """How the values of one time column are read."""

    name: str
    """For the report: "epoch seconds", "ISO text, without a zone read as UTC", …"""
    expression: str
    """SQL with `{0}` for the column; BIGINT microseconds, or NULL where unreadable or infinite."""


def typed_kind(column_type: str, tz: str) -> TimeKind | None:
    """The kind of a column whose own type is a time; None for text and numbers."""
    if column_type == "TIMESTAMP WITH TIME ZONE":
        return TimeKind("timestamps", "epoch_us({0})")
    if column_type.startswith("TIMESTAMP") or column_type == "DATE":
        plain = "CAST({0} AS TIMESTAMP)"
        zoned = plain if tz == "UTC" else f"timezone({literal(tz)}, {plain})"
        return TimeKind(
            f"timestamps without a zone, read as {tz}",
            f"epoch_us({zoned})",
        )
    return None


def text_kind(
    values: int, numbers: int, median: float | None, tz: str, column_type: str
) -> TimeKind:
    """The kind of a column of text or numbers.

    `values` are not null, `numbers` of them read as a number, `median` is theirs, absolute.
    """
    if median is not None and 2 * numbers > values:
        unit, factor = next((name, factor) for top, name, factor in _UNITS if median < top)
        if column_type in ("BIGINT", "INTEGER", "UINTEGER") and factor != "0.001":
            return TimeKind(f"epoch {unit}", f"TRY(CAST({{0}} AS BIGINT) * {factor})")
        if column_type in ("DOUBLE", "FLOAT"):
            return TimeKind(f"epoch {unit}", f"TRY_CAST(round({{0}} * {factor}) AS BIGINT)")
        # DECIMAL keeps every digit of 1704448800.123456, which a double would round.
        exact = f"TRY_CAST({{0}} AS DECIMAL(38, 9)) * {factor}"
        return TimeKind(f"epoch {unit}", f"TRY_CAST(floor({exact}) AS BIGINT)")
    # The session's time zone is `tz`, which DuckDB applies to text that names no zone itself.
    return TimeKind(
        f"ISO text, {tz} where it names no zone",
        "epoch_us(TRY_CAST({0} AS TIMESTAMPTZ))",
    )
