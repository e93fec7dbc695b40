"""JSON lines: the file is read line by line, each line on its own, so that a bad one harms none."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NoReturn

import duckdb

from core.reading.formats.base import (
    SAMPLED_BYTES,
    SAMPLED_RECORDS,
    Row,
    RowFile,
    field_names,
    first_text,
    parameter_text,
    parsed,
)
from core.reading.sql import LONGEST_LINE, Keys, ask, in_pieces, json_path, lines_relation
from core.reading.survey import Survey

BYTE_ORDER_MARK = "\ufeff"


@dataclass(eq=False)
class JsonLines(RowFile):
    """A file with one JSON object a line; row n is line n."""

    survey: Survey | None = None
    """Where its lines are."""
    texts_of_json: frozenset[str] = frozenset()
    """Keys whose values are texts that hold objects."""

    # Trimming every line would cost more than reading it; CASE trims only those it has to.
    blank = (
        "CASE WHEN line IS NULL THEN true WHEN starts_with(line, '{') THEN false "
        "ELSE trim(line, ' \t\r') = '' END"
    )

    @property
    def relation(self) -> str:
        """SQL for all lines."""
        longest = None if self.survey is None else self.survey.longest_line
        return lines_relation(self.path, in_pieces(self.stamp[0], longest))

    def texts(self, wants: Sequence[Sequence[Keys]], listed: str | None) -> tuple[str, list[str]]:
        """Every value wanted, out of one look at the line."""
        paths: dict[Keys, int] = {}
        for want in wants:
            for keys in want:
                paths.setdefault(self._reached(keys, listed), len(paths) + 1)
        if not paths:
            return self.relation, ["NULL"] * len(wants)
        values = f"TRY(json_extract_string(line, [{', '.join(map(json_path, paths))}]))"
        expressions = []
        for want in wants:
            texts = []
            for keys in want:
                reached = self._reached(keys, listed)
                there, inside = f"x[{paths[reached]}]", keys[len(reached) :]
                if inside and keys[0] == listed:
                    there = parameter_text(there, str(inside[-1]))
                elif inside:
                    there = f"TRY(json_extract_string({there}, {json_path(inside)}))"
                texts.append(there)
            expressions.append(first_text(texts))
        return f"(SELECT line, {values} AS x FROM {self.relation})", expressions

    def _reached(self, keys: Keys, listed: str | None) -> Keys:
        """As many of the keys as a path can follow: not into a list, nor into JSON in a text."""
        return keys[:1] if keys[0] == listed or keys[0] in self.texts_of_json else keys

    def sample(self, connection: duckdb.DuckDBPyConnection) -> tuple[list[str], list[str]]:  # noqa: ARG002 - read by itself
        """The keys of the first records."""
        records: list[dict[str, object]] = []
        with self.path.open("rb") as file:
            while len(records) < SAMPLED_RECORDS and file.tell() < SAMPLED_BYTES:
                line = file.readline(LONGEST_LINE)
                if not line:
                    break
                record = parsed(line.decode(errors="replace").removeprefix(BYTE_ORDER_MARK))
                if isinstance(record, dict):
                    records.append(record)
        self.texts_of_json = frozenset(
            key
            for record in records
            for key, value in record.items()
            if isinstance(value, str) and value.startswith("{") and parsed(value) is not None
        )
        return field_names(records)

    def _read(self, connection: duckdb.DuckDBPyConnection, numbers: Sequence[int]) -> list[Row]:
        if self.survey is not None and self.survey.lines == self.rows:
            lines = (line.decode(errors="replace") for line in self.survey.read_lines(numbers))
            return [self._row(line) for line in lines]
        found = dict(
            ask(
                connection,
                "SELECT n, line FROM (SELECT row_number() OVER () - 1 AS n, line "
                f"FROM {self.relation}) WHERE n IN ({', '.join(map(str, numbers))})",
            )
        )
        return [self._row(found[number] or "") for number in numbers]

    def _row(self, line: str) -> Row:
        text = line.removeprefix(BYTE_ORDER_MARK)
        try:
            record = json.loads(text, parse_constant=_refuse)
        except RecursionError:
            return Row(text, None, "nested too deeply")
        except ValueError:
            return Row(text, None, "not valid JSON")
        if not isinstance(record, dict):
            return Row(text, None, "not a JSON object")
        return Row(text, record)


def _refuse(constant: str) -> NoReturn:
    raise ValueError(constant)
