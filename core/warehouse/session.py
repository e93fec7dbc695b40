"""`Session`: questions to a warehouse, one connection each, stopped or asked again when need be.

It is the one place where a driver's error becomes one of ours, without the secrets of the address.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from importlib import import_module
from typing import TYPE_CHECKING, TypeVar

from ibis.common.exceptions import TableNotFound

from core.errors import Cancelled, SourceError, TracerError, did_you_mean
from core.warehouse.address import Address, missing_driver, parse_address

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend
    from ibis.expr.schema import Schema

    from core.warehouse.dialects.base import Dialect

Answer = TypeVar("Answer")
Cancel = Callable[[], bool]
"""Whether to stop."""

TRIES = 4
"""How often a question is asked before a lost connection is an error."""
FIRST_PAUSE = 0.5
"""Seconds before asking again; twice as long each time."""
POLL_SECONDS = 0.05
"""How often a running question is asked whether to stop."""
MOST_CHARACTERS = 400
"""Characters of a driver's error that are shown."""

_DIALECTS = {
    "clickhouse": ("clickhouse", "ClickHouse"),
    "chdb": ("clickhouse", "ClickHouse"),
    "duckdb": ("duckdb", "DuckDB"),
    "postgres": ("postgres", "Postgres"),
    "spark": ("spark", "Spark"),
    "sc": ("spark", "Spark"),
}


def find_dialect(address: Address, tz: str) -> Dialect:
    """The dialect of an address's engine. Raises SourceError that names the extra it needs."""
    module, name = _DIALECTS.get(address.scheme, ("base", "Dialect"))
    try:
        home = import_module(f"core.warehouse.dialects.{module}")
    except ImportError as error:
        raise missing_driver(address.scheme, error) from error
    dialect: Dialect = getattr(home, name)(address, tz)
    return dialect


class Session:
    """Connections to one warehouse. Safe to use from several threads."""

    def __init__(self, url: str, tz: str = "UTC") -> None:
        """For an address; nothing is opened yet."""
        self.address = parse_address(url)
        self.dialect = find_dialect(self.address, tz)
        self.doing = ""
        """What runs where, in a line fit to show; empty while nothing does."""
        self._idle: list[BaseBackend] = []
        self._running: dict[str, BaseBackend] = {}
        self._lock = threading.Lock()
        self._threads = ThreadPoolExecutor(thread_name_prefix="warehouse")
        self._is_closed = False
        # Drivers log failures, with the query, on standard error, where the screen is.
        for name in ("clickhouse_connect", "py4j", "pyspark", "SQLQueryContextLogger"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    def table(self, name: str) -> ir.Table:
        """The table of a name, as the warehouse describes it. Raises SourceError without one."""
        try:
            return self._again(
                lambda: self._with(lambda backend: self.dialect.table(backend, name)), None
            )
        except TableNotFound:
            known = self._with(self.dialect.tables)
            near = did_you_mean(name, known) or f"; there are {', '.join(known[:12]) or 'none'}"
            raise SourceError(f"{self.address.label} has no table {name!r}{near}") from None

    @property
    def sql_dialect(self) -> str:
        """What the parser of SQL calls the engine's dialect."""
        return self._with(lambda backend: str(backend.dialect.__name__).lower())

    def query(self, sql: str, schema: Schema) -> ir.Table:
        """The rows of a query of the engine's own SQL, whose columns are known."""
        return self._with(lambda backend: backend.sql(sql, schema=schema))

    def compile(self, expression: ir.Table) -> str:
        """The query that answers an expression."""
        return self._with(lambda backend: self.dialect.compile(backend, expression))

    def ask(self, expression: ir.Table, what: str, cancelled: Cancel | None = None) -> pa.Table:
        """The rows of an expression. `what` says in a few words what is asked.

        Raises Cancelled soon after `cancelled()` turns true, and the query is killed on the server;
        SourceError when the warehouse cannot be asked.
        """
        self.doing = f"{self.dialect.label} at {self.address.label}: {what}"
        try:
            return self._again(lambda: self._run(expression, cancelled), cancelled)
        finally:
            self.doing = ""

    def estimate(self, expression: ir.Table) -> int | None:
        """Rows that an expression will read; None where the engine does not tell."""
        sql = self.compile(expression)
        return self._again(
            lambda: self._with(lambda backend: self.dialect.rows_to_read(backend, sql)), None
        )

    def stop(self) -> None:
        """Kill all questions that run, on the server."""
        with self._lock:
            running = dict(self._running)
        for marker, backend in running.items():
            self.dialect.kill(backend, marker)

    def close(self) -> None:
        """Kill what runs and leave all connections."""
        self._is_closed = True
        self.stop()
        self._threads.shutdown()
        self._forget()

    def _run(self, expression: ir.Table, cancelled: Cancel | None) -> pa.Table:
        marker = f"/* tracer-tui {uuid.uuid4().hex} */"

        def fetch() -> pa.Table:
            return self._with(
                lambda backend: self.dialect.fetch(backend, expression, marker), marker
            )

        if cancelled is None:
            return fetch()
        if cancelled():
            raise Cancelled("the question was stopped")
        running = self._threads.submit(fetch)
        try:
            return _watched(running, cancelled)
        except Cancelled:
            with self._lock:
                backend = self._running.get(marker)
            if backend is not None:
                self.dialect.kill(backend, marker)
            running.exception()  # the connection is free again when the query is over
            raise

    def _again(self, ask: Callable[[], Answer], cancelled: Cancel | None) -> Answer:
        """Ask, and ask again while the connection is lost, less and less often."""
        pause = FIRST_PAUSE
        for tries in range(1, TRIES + 1):
            try:
                return ask()
            except (TracerError, TableNotFound):
                raise
            except self.dialect.errors as error:
                if tries == TRIES or self._is_closed or not self.dialect.is_lost(error):
                    raise self._refusal(error) from None
            self._forget()
            time.sleep(pause)
            pause *= 2
            if cancelled is not None and cancelled():
                raise Cancelled("the question was stopped")
        raise AssertionError("the last try answers or raises")

    def _refusal(self, error: Exception) -> SourceError:
        """An error of a driver in one line of ours, without secrets."""
        line = self.address.hidden(" ".join(str(error).split()))
        return SourceError(
            f"{self.address.label}: {line[:MOST_CHARACTERS] or type(error).__name__}"
        )

    def _forget(self) -> None:
        """Drop connections that may be dead."""
        with self._lock:
            dead, self._idle = self._idle, []
        for backend in dead:
            self._leave(backend)

    def _leave(self, backend: BaseBackend) -> None:
        with suppress(*self.dialect.errors):  # it may be dead already
            self.dialect.close(backend)

    def _with(self, use: Callable[[BaseBackend], Answer], marker: str | None = None) -> Answer:
        """Use a connection that nobody else uses meanwhile."""
        with self._lock:
            backend = self._idle.pop() if self._idle else None
        if backend is None:
            try:
                backend = self.dialect.open()
            except ImportError as error:
                raise missing_driver(self.address.scheme, error) from error
        if marker is not None:
            with self._lock:
                self._running[marker] = backend
        is_fine = False
        try:
            answer = use(backend)
            is_fine = True
        finally:
            with self._lock:
                if marker is not None:
                    del self._running[marker]
                if is_fine:
                    self._idle.append(backend)
            if not is_fine:
                self._leave(backend)
        return answer


def _watched(running: Future[Answer], cancelled: Cancel) -> Answer:
    """The answer of a running question. Raises Cancelled when it is to be stopped."""
    while True:
        try:
            return running.result(timeout=POLL_SECONDS)
        except NotYet:
            if cancelled():
                raise Cancelled("the question was stopped") from None
