"""Conditions on properties: SQL over the fields of a row, answered for all rows at once.

A condition may name any field, nested ones with dots, and is about one event: what depends on
others, or is another each time, is refused. Text that is all numbers, or all true and false,
compares as what it looks like. It cannot reach anything but the rows: files, settings and the
network are locked before the first condition is asked.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

from core.errors import QuestionError
from core.reading.arrow import put_numbers
from core.reading.part import Part
from core.reading.sql import ask, first_line, identifier, literal
from core.volatile import CLOCK_WORDS, refuse_volatile

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.reading.store import Store

SAMPLED_ROWS = 10_000
"""Rows looked at for the type of a field."""

_TYPES = {
    # A cast alone would round 1.5 to a whole number.
    "BIGINT": "CASE WHEN regexp_full_match({0}, '-?[0-9]+') THEN TRY_CAST({0} AS BIGINT) END",
    "DOUBLE": "TRY_CAST({0} AS DOUBLE)",
    "BOOLEAN": "TRY_CAST({0} AS BOOLEAN)",
}
"""What a text may look like, and SQL for it as that, NULL when it does not."""
_HOLDS = "tracer condition holds"
_MISSING = re.compile(r'Referenced (?:column|table) "((?:[^"]|"")+)"')
_WORDS = "|".join(("user", *sorted(CLOCK_WORDS)))
_TOKEN = re.compile(
    rf"""'(?:[^']|'')*' | (?<![\w$.]) ((?:"(?:[^"]|"")+"|[^\W\d][\w$]*)
    (?:\.(?:"(?:[^"]|"")+"|[\w$]+))+ | (?:{_WORDS})\b | "(?:{_WORDS})") (?!\s*\() |
    "(?:[^"]|"")+\"""",
    re.VERBOSE | re.IGNORECASE,
)
"""A text, which is left alone; a path with dots that is no function, or a word that SQL takes for
whoever is asking or for the clock, unless it is a column; or a name in quotes, which is left alone.
"""


def matching_rows(store: Store, condition: str) -> NDArray[np.bool_]:
    """(rows of the store) whether a condition holds; NULL does not.

    Raises QuestionError for a condition that is not one, or names no field there is.
    """
    _check(condition)
    store.lock()
    flags = np.zeros(store.next_row, dtype=np.bool_)
    asked = _Asked(store, condition)
    asked.refuse_others()
    for part in store.parts:
        part.file.check()
        holds = flags[part.first_row : part.first_row + part.rows]
        store.check_rows(part, asked.put(part, holds))
    asked.refuse_unknown()
    return flags


def _check(condition: str) -> None:
    """Refuse what is not one expression, before any of it is run."""
    if not condition.strip():
        raise QuestionError("a condition is needed, such as amount > 100")
    try:
        statements = duckdb.extract_statements(_query(condition))
    except duckdb.Error as error:
        raise QuestionError(f"{condition!r} is not a condition: {first_line(error)}") from error
    if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
        raise QuestionError(f"{condition!r} is not one condition: write such as amount > 100")


def _query(condition: str) -> str:
    """A query of nothing but a condition; a comment in it ends with its line."""
    return f"SELECT 1 WHERE ({condition}\n)"


def _nodes(tree: Mapping[str, Any] | list[Any]) -> Iterator[Mapping[str, Any]]:
    """The nodes of a query that has been parsed."""
    if isinstance(tree, Mapping):
        yield tree
    for part in tree.values() if isinstance(tree, Mapping) else tree:
        if isinstance(part, Mapping | list):
            yield from _nodes(part)


def _is_call(node: Mapping[str, Any]) -> bool:
    return node.get("class") == "FUNCTION"


def _arguments(node: Mapping[str, Any]) -> int:
    """How many arguments a function is given: each release of DuckDB calls them its own way."""
    return len(node.get("arguments", node.get("children", ())))


class _Asked:
    """A condition, and the fields that it turns out to name."""

    def __init__(self, store: Store, condition: str) -> None:
        self._store = store
        self._condition = condition
        known = (name for part in store.parts for name in part.named_fields())
        # SQL does not tell upper from lower case in names.
        self._known = {name.casefold(): name for name in reversed(list(known))}
        self._names: list[str] = []
        self._met: set[str] = set()
        self._sql = condition
        self._join_paths({name.partition(".")[0] for name in self._known})

    def refuse_others(self) -> None:
        """Raise QuestionError for what is not about one event, or is another each time."""
        with self._store.cursor() as cursor:
            ((tree,),) = ask(cursor, f"SELECT json_serialize_sql({literal(_query(self._sql))})")
            kinds = ask(
                cursor,
                "SELECT DISTINCT function_name, stability, function_type FROM duckdb_functions() "
                "WHERE stability = 'VOLATILE' OR function_type IN ('scalar', 'macro', 'aggregate')",
            )
        by_row = {name for name, _, kind in kinds if kind != "aggregate"}
        of_many = {name for name, _, kind in kinds if kind == "aggregate"} - by_row
        nodes = list(_nodes(json.loads(tree)))
        called = [(node["function_name"], _arguments(node)) for node in nodes if _is_call(node)]
        classes = {node.get("class") for node in nodes}
        if classes & {"SUBQUERY", "WINDOW"} or any(name in of_many for name, _ in called):
            raise QuestionError(
                f"{self._condition!r} is not about one event: leave out subqueries, aggregates "
                "and windows"
            )
        words = (node["column_names"] for node in nodes if node.get("class") == "COLUMN_REF")
        clock = [name[0] for name in words if len(name) == 1]
        fields = set(map(str.casefold, self._names))
        volatile = frozenset(name for name, stability, _ in kinds if stability == "VOLATILE")
        refuse_volatile(called, volatile)
        refuse_volatile(
            (name, 0) for name in map(str.casefold, clock) if name in CLOCK_WORDS - fields
        )

    def put(self, part: Part, holds: NDArray[np.bool_]) -> int:
        """Put for (rows of the part) whether it holds, and say how many rows there are."""
        while True:
            with self._store.stoppable() as cursor:
                query = (
                    f"SELECT CAST(coalesce(CAST(({self._sql}\n) AS BOOLEAN), false) AS UTINYINT) "
                    f"AS {identifier(_HOLDS)} FROM ({self._columns(cursor, part)})"
                )
                try:
                    return put_numbers(cursor, query, holds)
                except duckdb.InterruptException:
                    raise
                except duckdb.Error as error:
                    # The parser knows best which words are fields; a million make no columns.
                    if not self._learn(error):
                        self.refuse_unknown()
                        raise self._refusal(error) from error

    def refuse_unknown(self) -> None:
        """Raise QuestionError for a field that no row has."""
        for name in self._names:
            if name not in self._met and name.casefold() not in self._known:
                found = (
                    self._store.column(name, np.arange(self._store.next_row, dtype=np.uint64)) >= 0
                ).any()
                if not found:
                    self._store.refuse_unknown(name)

    def _learn(self, error: duckdb.Error) -> bool:
        """Take in a name that the parser misses; false when that is not what is wrong."""
        missing = _MISSING.search(str(error))
        if missing is None:
            return False
        name = missing[1].replace('""', '"')
        if name.casefold() in map(str.casefold, self._names):
            return False
        if "Referenced table" in missing[0]:
            before = self._sql
            self._join_paths({name.casefold()})
            return self._sql != before
        self._names.append(self._known.get(name.casefold(), name))
        return True

    def _join_paths(self, starts: set[str]) -> None:
        """Make one name of each path with dots that starts in one of these."""

        def join(found: re.Match[str]) -> str:
            if found[1] is None:
                return found[0]
            steps = re.findall(r'"(?:[^"]|"")+"|[\w$]+', found[1])
            plain = [step.strip('"').replace('""', '"') for step in steps]
            known = plain[0].casefold() in starts
            if known and len(plain) == 1:
                name = self._known[plain[0].casefold()]
                self._names += [] if name in self._names else [name]
            return identifier(".".join(plain)) if known else found[0]

        self._sql = _TOKEN.sub(join, self._sql)

    def _columns(self, cursor: duckdb.DuckDBPyConnection, part: Part) -> str:
        """SQL for the fields named, each as what it looks like."""
        if not self._names:
            return f"SELECT 1 AS {identifier(_HOLDS)} FROM {part.file.relation}"
        wants = [part.paths(name) for name in self._names]
        relation, texts = part.file.texts(wants, part.listed)
        values = []
        kinds = self._looks(cursor, relation, texts)
        for name, want, text, kind in zip(self._names, wants, texts, kinds, strict=True):
            typed = part.file.typed([keys for keys in want if len(keys) == 1])
            value = typed[1] if typed[0] != "VARCHAR" and typed[1] else text
            if value is text and kind:
                value = f"TRY_CAST({text} AS {kind})"
            values.append(f"{value} AS {identifier(name)}")
        return f"SELECT {', '.join(values)} FROM {relation}"

    def _looks(
        self, cursor: duckdb.DuckDBPyConnection, relation: str, texts: Sequence[str]
    ) -> list[str | None]:
        """What the first values of each field look like; None for text."""
        counts = (
            ", ".join(
                [f"count(v{i})", *(f"count({sql.format(f'v{i}')})" for sql in _TYPES.values())]
            )
            for i in range(len(texts))
        )
        values = ", ".join(f"{text} AS v{i}" for i, text in enumerate(texts))
        (found,) = ask(
            cursor,
            f"SELECT {', '.join(counts)} FROM (SELECT {values} FROM {relation} "
            f"LIMIT {SAMPLED_ROWS})",
        )
        result = []
        for number, name in enumerate(self._names):
            values_count, *readable = found[4 * number : 4 * number + 4]
            if values_count:
                self._met.add(name)
            matches = (t for t, n in zip(_TYPES, readable, strict=True) if n == values_count)
            result.append(next(matches, None) if values_count else None)
        return result

    def _refusal(self, error: duckdb.Error) -> QuestionError:
        return QuestionError(
            f"the condition {self._condition!r} cannot be asked: {first_line(error)}"
        )
