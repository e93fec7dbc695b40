"""From an address and a table's name to an engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from core.errors import SourceError, TracerError
from core.reading.options import ReadOptions
from core.reading.progress import Share
from core.warehouse.engine import WarehouseEngine
from core.warehouse.sampled import SampledEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable

if TYPE_CHECKING:
    from core.log import ReadArguments


def open_warehouse(
    url: str, options: ReadArguments, *, sample: float | None = None, exact: bool = False
) -> WarehouseEngine | SampledEngine:
    """An engine on a table of a warehouse: on a sample of it first, unless `exact`.

    `sample` is the fraction of users in the sample; None takes about a million events. Raises
    SourceError when the warehouse cannot be opened, and Cancelled.
    """
    told = options.get("progress")
    done, rows = 0.0, 0

    def tell(doing: str) -> None:
        # By steps: how long each takes no engine tells.
        if told is not None and doing:
            told(Share(done, rows=rows, doing=doing))

    session = Session(url, options.get("tz", "UTC"), tell)
    name, cancelled = options.get("table"), options.get("cancelled")
    if name is None:
        raise SourceError(f"{session.address.label}: name the table of events with --table")
    how = ReadOptions(
        user_field=options.get("user_field"),
        event_field=options.get("event_field"),
        time_field=options.get("time_field"),
        shape=options.get("shape"),
    )
    try:
        engine = WarehouseEngine(EventTable(session, name, how, cancelled))
        done = 0.1
        rows = engine.look(cancelled).report.rows_read
        if exact:
            return engine
        done = 0.5
        sampled = SampledEngine(engine, sample)
        sampled.look(cancelled)
    except TracerError:
        session.close()
        raise
    finally:
        session.told = None
    return sampled
