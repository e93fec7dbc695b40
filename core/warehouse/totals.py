"""What there is: rows, events, users, names and journeys, each by aggregates over one scan."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import TYPE_CHECKING

import ibis
import sqlglot
from sqlglot import exp

from core.engine import Summary
from core.errors import QuestionError, did_you_mean
from core.reading.fields import spelled
from core.reading.report import LoadReport, PartReport
from core.warehouse.sessions import cut
from core.warehouse.view import view_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from core.study import Study
    from core.warehouse.session import Cancel, Session
    from core.warehouse.table import EventTable

MOST_NAMES = 100_000
"""Event names that are listed; a table with more is taken by another column, or a condition."""

GROUPED = """
    SELECT "name", GROUPING("user") AS "by_name", MAX(CASE WHEN "user" IS NULL THEN 0 ELSE 1 END) AS
    "has_user", SUM("n") AS "rows", SUM("one") AS "events", MIN("time") AS "first", MAX("time") AS
    "last" FROM "r" GROUP BY GROUPING SETS (("name"), ("user"))
"""
"""The rows of a table by name, and all of them again by user."""


def summarize(table: EventTable, cancelled: Cancel | None = None) -> Summary:
    """The whole table. Raises QuestionError when it has too many event names to list."""
    session, rows = table.session, table.all_rows()
    if "id" in rows.columns:
        # An event that is there again with the same id is one event (rule O2).
        rows = rows.group_by("user", "name", "time", "id").agg(n=rows.count())
        rows = rows.mutate(one=rows.id.isnull().ifelse(rows.n, 1))
    else:
        rows = rows.mutate(n=ibis.literal(1), one=ibis.literal(1))
    by_name = _by_name_and_user(session, rows)
    size = session.estimate(by_name, cancelled)
    of_all = "" if size is None else f", about {size:,} rows to read"
    what = f"counting the events of each name and the users{of_all}"
    told = session.ask(by_name.limit(MOST_NAMES + 3), what, cancelled).to_pylist()
    found = [row for row in told if row["by_name"]]
    rows_read = sum(int(row["rows"]) for row in found)
    named = sorted((row for row in found if row["name"] is not None), key=itemgetter("name"))
    if len(named) > MOST_NAMES:
        raise QuestionError(
            f"{table.name} has more than {MOST_NAMES:,} event names: name another column with "
            "--event-field"
        )
    good_rows = sum(int(row["rows"]) for row in named)
    accepted = sum(int(row["events"]) for row in named)
    label = f"{session.address.label} {table.name}"
    part = PartReport(
        source=label,
        format=session.dialect.label,
        rows=rows_read,
        user_field=spelled(table.user),
        event_field=spelled(table.event),
        time_field=spelled([table.time]),
        time_kind=table.time_kind,
        shape=table.fields.shape,
        why=table.fields.why,
        id_field=None if table.id is None else spelled([table.id]),
    )
    return Summary(
        source=label,
        events_count=accepted,
        users_count=sum(int(row["users"]) for row in told if not row["by_name"]),
        first=min((int(row["first"]) for row in named), default=None),
        last=max((int(row["last"]) for row in named), default=None),
        name_counts={row["name"]: int(row["events"]) for row in named},
        report=LoadReport(
            parts=(part,),
            rows_read=rows_read,
            accepted_rows=accepted,
            rejected_rows=rows_read - good_rows,
            duplicate_events=good_rows - accepted,
            warnings=table.warnings,
        ),
    )


def _by_name_and_user(session: Session, rows: ir.Table) -> ir.Table:
    """A row for each name, and one with how many users there are, from one scan. Ibis has no word
    for grouping the same rows twice.
    """
    own = session.sql_dialect
    query = sqlglot.parse_one(GROUPED, read="duckdb")
    inner = sqlglot.parse_one(session.compile(rows), read=own)
    (source,) = query.find_all(exp.Table)
    source.replace(exp.Subquery(this=inner, alias="r"))
    numbers = ("by_name", "has_user", "rows", "events", "first", "last")
    schema = {"name": "string", **dict.fromkeys(numbers, "int64")}
    found = session.query(query.sql(dialect=own), ibis.schema(schema))
    return found.group_by("name", "by_name").agg(
        users=found.has_user.sum(),
        rows=found.rows.sum(),
        events=found.events.sum(),
        first=found["first"].min(),
        last=found["last"].max(),
    )


@dataclass(frozen=True, slots=True)
class Totals:
    """What a study sees, whatever its funnel; users whose journeys must be cut here left out."""

    events: int
    users: int
    journeys: int
    has_hard: bool = False
    """Whether there are such users."""

    def __add__(self, other: Totals) -> Totals:
        """Those of different users add up."""
        return Totals(
            self.events + other.events, self.users + other.users, self.journeys + other.journeys
        )


def count_all(
    table: EventTable, study: Study, span: tuple[int, int], cancelled: Cancel | None = None
) -> Totals:
    """Events, users and journeys of a study."""
    events = cut(table.events(view_of(study, stages=False)), study, span, table.session.dialect)
    if "hard" not in events.columns:
        events = events.mutate(hard=ibis.literal(0))
    is_easy = events.hard == 0
    one = is_easy.ifelse(1, 0)
    counted = events.agg(
        events=one.sum(),
        users=(events.since.isnull() & is_easy).ifelse(1, 0).sum(),
        journeys=is_easy.ifelse(events.cuts, 0).sum(),
        all=events.count(),
    )
    row = first_row(table.session.ask(counted, "events, users and sessions", cancelled))
    return Totals(row["events"], row["users"], row["journeys"], row["events"] != row["all"])


def warnings_of(summary: Summary, study: Study, totals: Totals) -> list[str]:
    """What a reader should know: names that never occur (rule R4), a user nobody is."""
    known = summary.name_counts
    names = [study.journey_rules.start_event, study.journey_rules.end_event]
    names += [name for stage in study.stages for name in stage.any_of]
    names += [name for exclusion in study.exclusions for name in exclusion.any_of]
    names += study.ignore
    absent = [name for name in dict.fromkeys(names) if name is not None and name not in known]
    result = [f"no event is named {name!r}{did_you_mean(name, known)}" for name in absent]
    if study.user is not None and not totals.users:
        result.insert(0, f"no user is named {study.user!r}")
    return result


def first_row(found: pa.Table) -> dict[str, int]:
    """The only row of an answer, of whole numbers; a sum over nothing is 0."""
    return {name: int(value or 0) for name, value in found.to_pylist()[0].items()}
