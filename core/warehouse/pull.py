"""Events of some users, pulled into a local log: one user to look at, a sample, the few to walk.

What a condition of the engine's own SQL says of an event travels along as a flag, so that the local
kernels ask the flag and never that SQL.
"""

from __future__ import annotations

import shutil
import tempfile
import weakref
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from core.errors import QuestionError
from core.local import LocalEngine
from core.log import EventLog, read_events
from core.reading.shapes import PLAIN
from core.stage import Stage
from core.study import Study
from core.warehouse.view import View, view_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa

    from core.warehouse.session import Cancel, Session
    from core.warehouse.table import EventTable

USER, EVENT, TIME, SEQUENCE = "tracer user", "tracer event", "tracer time", "sequence_number"
"""Fields of a pulled log."""
FLAG = "tracer flag {}"
"""The field of a condition's flag."""

MOST_EVENTS = 5_000_000
"""Events that are pulled for one answer; a question that needs more is refused."""


def pull(
    session: Session,
    events: ir.Table,
    view: View,
    data_end: int,
    what: str,
    cancelled: Cancel | None = None,
) -> EventLog:
    """The log of some events of a view. `data_end` is the time of the last event of all.

    Raises QuestionError when they are too many.
    """
    found = session.ask(events.limit(MOST_EVENTS + 1), what, cancelled)
    if found.num_rows > MOST_EVENTS:
        raise QuestionError(
            f"{what}: more than {MOST_EVENTS:,} events would have to be fetched; ask about fewer, "
            "with --where"
        )
    return replace(log_of(found, view, cancelled), data_end=data_end)


def users_engine(
    table: EventTable,
    view: View,
    users: ir.Table,
    data_end: int,
    what: str,
    cancelled: Cancel | None = None,
) -> LocalEngine:
    """An engine on all events of some users, one row each in `users`. It is asked `local_study`.

    Raises QuestionError when they are too many to be pulled.
    """
    events = table.events(view).semi_join(users, "user")
    return LocalEngine(pull(table.session, events, view, data_end, what, cancelled))


def log_of(found: pa.Table, view: View, cancelled: Cancel | None = None) -> EventLog:
    """A log of fetched columns."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    # Reading brings users together, and keeps the order of each one's events.
    order = [name for name in ("time", "seq", "name") if name in found.column_names]
    fields = [name for name in found.column_names if name.startswith("f")]
    found = found.sort_by([(name, "ascending") for name in (*order, *fields)])
    columns: dict[str, pa.ChunkedArray] = {}
    for name in found.column_names:
        kind, column = name[0], found.column(name)
        if name.startswith("p "):
            columns.setdefault(name[2:], column)
        elif kind in "cf" and name[1:].isdigit():
            place = int(name[1:])
            columns[FLAG.format(place) if kind == "c" else view.fields[place]] = column
    columns |= {
        USER: found.column("user").cast(pa.string()),
        EVENT: found.column("name").cast(pa.string()),
        TIME: found.column("time").cast(pa.int64()).cast(pa.timestamp("us", tz="UTC")),
    }
    if "seq" in found.column_names:
        columns[SEQUENCE] = found.column("seq")
    folder = Path(tempfile.mkdtemp(prefix="tracer-tui-"))
    try:
        pq.write_table(pa.table(columns), folder / "events.parquet")
        log = read_events(
            folder / "events.parquet",
            user_field=USER,
            event_field=EVENT,
            time_field=TIME,
            shape=PLAIN,
            cancelled=cancelled,
        )
    except BaseException:
        shutil.rmtree(folder, ignore_errors=True)
        raise
    # The store reads properties from the file for as long as any log stands on it.
    weakref.finalize(log.store, shutil.rmtree, folder, ignore_errors=True)
    return log


def local_study(study: Study, view: View | None = None) -> Study:
    """The question to ask of a pulled log: its conditions are flags.

    The events that the study sees are chosen already, unless `view`, that of the log, says that its
    `where` is a flag too.
    """
    view = view or view_of(study)
    stages = tuple(by_flag(stage, view) for stage in study.stages)
    where = None
    if study.where is not None and view.where is None:
        where = _flag(study.where, view)
    return replace(study, stages=stages, where=where)


def by_flag(stage: Stage, view: View) -> Stage:
    """A stage that asks for the flag of its condition."""
    if stage.where is None:
        return stage
    return Stage(stage.any_of, where=_flag(stage.where, view), name=stage.label)


def _flag(condition: str, view: View) -> str:
    return f'"{FLAG.format(view.conditions.index(condition))}" = 1'
