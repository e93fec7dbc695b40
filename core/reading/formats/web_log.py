"""The access logs of web servers, in the common and the combined format of Apache and nginx."""

from __future__ import annotations

import re
from collections.abc import Sequence

import duckdb

from core.reading.formats.base import Row, first_text
from core.reading.formats.json_lines import JsonLines
from core.reading.sql import Keys, literal

PATTERN = (
    r'^(\S+) \S+ (\S+) \[([^\]]+)\] "([A-Z]+) ([^ ?"]*)([^"]*)" (\d{3}) (\S+)'
    r'(?: "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)")?'
)
"""One line; RE2, which DuckDB uses, and Python read it alike."""

COLUMNS = (
    "address", "login", "time", "method", "path", "rest", "status", "bytes", "referrer", "agent",
)  # fmt: skip
"""What its groups are."""

FIELDS = ("address", "event", "time", "login", "method", "path", "status", "bytes", "referrer",
          "agent")  # fmt: skip
"""The fields of a row; the event is the method and the path, with the query cut off."""


class WebLog(JsonLines):
    """An access log; row n is line n."""

    blank = "coalesce(trim(line, ' \t\r'), '') = ''"

    def texts(self, wants: Sequence[Sequence[Keys]], listed: str | None) -> tuple[str, list[str]]:  # noqa: ARG002 - it has none
        """Every value wanted, out of one look at the line."""
        columns = ", ".join(map(literal, COLUMNS))
        relation = (
            f"(SELECT line, regexp_extract(line, {literal(PATTERN)}, [{columns}]) AS x "
            f"FROM {self.relation})"
        )
        return relation, [
            first_text([_text(str(keys[0])) for keys in want if keys[0] in FIELDS])
            for want in wants
        ]

    def sample(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:  # noqa: ARG002 - known already
        """The fields of every such log."""
        return list(FIELDS), []

    def _row(self, text: str) -> Row:
        found = re.match(PATTERN, text)
        if found is None:
            return Row(text, None, "not a line of an access log")
        values = dict(zip(COLUMNS, found.groups(), strict=True))
        record: dict[str, object] = {
            "event": f"{values['method']} {values['path']}",
            **{key: value for key, value in values.items() if value not in (None, "-", "")},
        }
        record.pop("rest", None)
        return Row(text, record)


def _text(name: str) -> str:
    if name == "event":
        return "CASE WHEN x.method <> '' THEN x.method || ' ' || x.path END"
    return f"nullif(x.{name}, '-')"
