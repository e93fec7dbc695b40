"""Lengths of time as people type them: "90s", "30m", "1h30m", "7d", to whole microseconds and back.

A bare number is refused: minutes in one tool are seconds in the next.
"""

from __future__ import annotations

import re
from datetime import timedelta
from decimal import Decimal

from core.errors import QuestionError

MICROSECONDS = {
    "us": 1,
    "ms": 1_000,
    "s": 1_000_000,
    "m": 60_000_000,
    "h": 3_600_000_000,
    "d": 86_400_000_000,
    "w": 604_800_000_000,
}
"""Microseconds in each unit a duration may be written in."""

LONGEST = 2**62
"""No duration is longer (some 146,000 years), so sums of two never overflow 64 bits."""

_PART = re.compile(r"\s*(\d+(?:\.\d+)?)\s*(us|ms|s|m|h|d|w)", re.ASCII)


def parse_duration(text: str) -> int:
    """Microseconds in a text such as "90s", "1.5h" or "1h30m".

    Raises QuestionError for a bare number, a negative or an unknown unit.
    """
    total, at = Decimal(0), 0
    cleaned = text.strip().lower()
    while at < len(cleaned):
        part = _PART.match(cleaned, at)
        if part is None:
            raise QuestionError(_refusal(text, cleaned))
        total += Decimal(part[1]) * MICROSECONDS[part[2]]
        at = part.end()
    if not cleaned:
        raise QuestionError(_refusal(text, cleaned))
    if total > LONGEST:
        raise QuestionError(f"{text.strip()!r} is too long a time; use at most 52000000d")
    return int(total)


def parse_limit(text: str) -> int | None:
    """Like `parse_duration`, where "off" means no limit and gives None."""
    return None if text.strip().lower() == "off" else parse_duration(text)


def from_timedelta(value: timedelta) -> int:
    """Whole microseconds of a timedelta, exactly. Raises QuestionError when negative."""
    if value < timedelta(0):
        raise QuestionError(f"a duration cannot be negative, and {value} is")
    return value // timedelta(microseconds=1)


def format_duration(microseconds: int) -> str:
    """The shortest exact text: "30m", "1h30m", "0s". `parse_duration` reads it back unchanged."""
    return "".join(parts_of(microseconds))


def parts_of(microseconds: int) -> list[str]:
    """What a duration is made of, the largest unit first: "1h", "30m"; at least "0s"."""
    parts, rest = [], microseconds
    for unit in ("d", "h", "m", "s", "ms", "us"):
        count, rest = divmod(rest, MICROSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return parts or ["0s"]


def format_limit(microseconds: int | None) -> str:
    """Like `format_duration`, where None reads "off"."""
    return "off" if microseconds is None else format_duration(microseconds)


def _refusal(text: str, cleaned: str) -> str:
    if re.fullmatch(r"\d+(\.\d+)?", cleaned, re.ASCII):
        return f"{cleaned!r} has no unit: write {cleaned}m for minutes, {cleaned}s for seconds"
    if cleaned.startswith("-"):
        return f"a duration cannot be negative, and {text.strip()!r} is"
    return f"{text.strip()!r} is not a duration: write a number with a unit, such as 90s, 30m or 7d"
