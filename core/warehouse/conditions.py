"""Conditions on a table's columns: the engine's own SQL, checked before any engine sees it.

A condition is one expression over columns of the table. Subqueries, aggregates and windows are
refused: what is asked of one event cannot depend on others, and nothing else may be reached. So is
what is another each time.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import sqlglot
from sqlglot import exp

from core.errors import QuestionError, did_you_mean
from core.volatile import refuse_volatile

_NOT_ONE_ROW = (exp.Query, exp.Subquery, exp.Window, exp.AggFunc, exp.DML, exp.DDL, exp.Command)


def parse_condition(condition: str, columns: Sequence[str], dialect: str) -> exp.Expression:
    """A condition with its columns spelled and quoted as in the table.

    Raises QuestionError for what is not one expression, or names no column there is.
    """
    try:
        found = sqlglot.parse(f"SELECT 1 WHERE ({condition}\n)", read=dialect)
    except sqlglot.errors.SqlglotError as error:
        line = str(error).splitlines()[0].partition(". Line")[0]
        raise QuestionError(f"{condition!r} is not a condition: {line}") from None
    select = found[0] if len(found) == 1 else None
    where = select.args.get("where") if isinstance(select, exp.Select) else None
    parts = {name for name, part in select.args.items() if part} if select else set()
    expression = where.this if isinstance(where, exp.Where) else None
    if parts != {"expressions", "where"} or not isinstance(expression, exp.Paren):
        raise QuestionError(f"{condition!r} is not one condition: write such as amount > 100")
    refused = next(expression.find_all(*_NOT_ONE_ROW), None)
    if refused is not None:
        raise QuestionError(
            f"{condition!r} is not about one event: leave out subqueries, aggregates and windows"
        )
    refuse_volatile(
        (name, len(list(call.iter_expressions())))
        for call in expression.find_all(exp.Func)
        for name in ([call.name] if isinstance(call, exp.Anonymous) else call.sql_names())
    )
    by_folded = {name.casefold(): name for name in reversed(columns)}
    for column in expression.find_all(exp.Column):
        first = column.parts[0]
        name = first.name if first.name in columns else by_folded.get(first.name.casefold())
        if name is None:
            near = did_you_mean(first.name, columns) or f"; there are {', '.join(columns[:12])}"
            raise QuestionError(f"no event has a field {first.name!r}{near}")
        first.replace(exp.to_identifier(name, quoted=True))
    return expression


def with_flags(query: str, flags: Mapping[str, exp.Expression], dialect: str) -> str:
    """A query with a column more for each condition: 1 where it holds, else 0, NULL too."""
    select = sqlglot.parse_one(query, read=dialect)
    if not isinstance(select, exp.Select):
        raise TypeError(f"a table is read by a SELECT, not by {query!r}")
    for name, condition in flags.items():
        flag = exp.Case().when(condition, exp.Literal.number(1)).else_(exp.Literal.number(0))
        select = select.select(exp.alias_(flag, name, quoted=True))
    return select.sql(dialect=dialect)
