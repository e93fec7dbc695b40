"""`Session`: questions to a warehouse, one connection each, stopped or asked again when need be.

It is the one place where a driver's error becomes one of ours, without the secrets of the address.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import uuid
from collections.abc import Callable
from concurrent.futures import Future, wait
from concurrent.futures import TimeoutError as NotYet
from contextlib import suppress
from dataclasses import dataclass, field
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
POLL_SECONDS = 0.02
"""How often is looked whether a running question is to stop."""
LOOK_SECONDS = 1.0
"""How often an engine is asked what a running question waits for."""
KILL_SECONDS, KILLS = 0.2, 15
"""How often, and how many times, the server is told to kill a question, until it is over."""
MOST_CHARACTERS = 400
"""Characters of a driver's error that are shown."""
_GONE = re.compile(
    "(connection (refused|reset|timed out|aborted)|timed out|closed (the )?connection|"
    "name or service not known|name resolution|no route to host|network is unreachable)",
    re.IGNORECASE,
)
"""Why there is no way to a server; drivers tell much else around it."""

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


@dataclass(eq=False)
class _Asked:
    """A question that runs."""

    what: str
    """What runs where."""
    marker: str = field(default_factory=lambda: f"/* tracer-tui {uuid.uuid4().hex} */")
    """Stands in the query, to find it on the server."""
    cancelled: Cancel = lambda: False
    """Whether who asked has lost interest."""
    is_stopped: bool = False
    """Whether all questions were stopped since it was asked."""
    backend: BaseBackend | None = None
    """The connection that it runs on, while it does."""
    before: str = ""
    """What must be done before, while it is: a connection that is opened takes its time."""
    is_killed: bool = False
    """Whether the server was told to kill it."""

    def check(self) -> None:
        """Raises Cancelled when it is to stop."""
        if self.is_stopped or self.cancelled():
            raise Cancelled("the question was stopped")


class Session:
    """Connections to one warehouse. Safe to use from several threads."""

    def __init__(
        self, url: str, tz: str = "UTC", told: Callable[[str], None] | None = None
    ) -> None:
        """For an address; nothing is opened yet. `told` is told `doing` whenever it changes."""
        self.address = parse_address(url)
        self.told = told
        self.dialect = find_dialect(self.address, tz)
        self._idle: list[BaseBackend] = []
        self._asked: list[_Asked] = []
        self._lock = threading.Lock()
        self._is_closed = False
        # Drivers log failures, with the query, on standard error, where the screen is.
        for name in ("clickhouse_connect", "py4j", "pyspark", "SQLQueryContextLogger"):
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)

    @property
    def doing(self) -> str:
        """What runs where, in a line fit to show; empty while nothing does."""
        with self._lock:
            if not self._asked:
                return ""
            asked = self._asked[0]
        return f"{self.dialect.label}: {asked.before or asked.what}, at {self.address.label}"

    def _tell(self) -> None:
        if self.told is not None:
            self.told(self.doing)

    def table(self, name: str, cancelled: Cancel | None = None) -> ir.Table:
        """The table of a name, as the warehouse describes it. Raises SourceError without one."""
        try:
            return self._again(
                lambda backend, _: self.dialect.table(backend, name),
                f"looking at table {name}",
                cancelled,
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
        return self._again(
            lambda backend, marker: self.dialect.fetch(backend, expression, marker), what, cancelled
        )

    def estimate(self, expression: ir.Table, cancelled: Cancel | None = None) -> int | None:
        """Rows that an expression will read; None where the engine does not tell."""
        return self._again(
            lambda backend, _: self.dialect.rows_to_read(backend, expression),
            "rows to read",
            cancelled,
        )

    def stop(self) -> None:
        """Stop all questions that run: each is killed on the server, and raises Cancelled."""
        with self._lock:
            for asked in self._asked:
                asked.is_stopped = True

    def close(self) -> None:
        """Stop what runs, and leave all connections. Nothing can be asked afterwards."""
        self._is_closed = True
        self.stop()
        ends = time.monotonic() + KILLS * KILL_SECONDS
        while self._asked and time.monotonic() < ends:
            time.sleep(POLL_SECONDS)
        self._forget()

    def _again(
        self, use: Callable[[BaseBackend, str], Answer], what: str, cancelled: Cancel | None
    ) -> Answer:
        """Ask, and ask again while the connection is lost, less and less often."""
        asked = _Asked(what)
        asked.cancelled = cancelled or asked.cancelled
        asked.is_stopped = self._is_closed
        with self._lock:
            self._asked.append(asked)
        self._tell()
        pause = FIRST_PAUSE
        try:
            for tries in range(1, TRIES + 1):
                try:
                    return self._wait(use, asked)
                except (TracerError, TableNotFound):
                    raise
                except self.dialect.errors as error:
                    asked.check()  # what was killed is told by an error of the driver
                    if tries == TRIES or not self.dialect.is_lost(error):
                        raise self._refusal(error) from None
                self._forget()
                self._do_before(asked, "the connection was lost; asking again")
                self._pause(asked, pause)
                pause *= 2
        finally:
            with self._lock:
                self._asked.remove(asked)
            self._tell()
        raise AssertionError("the last try answers or raises")

    def _do_before(self, asked: _Asked | None, before: str) -> None:
        """Say what must be done before a question can be asked."""
        if asked is not None and asked.before != before:
            asked.before = before
            self._tell()

    def _pause(self, asked: _Asked, seconds: float) -> None:
        """Wait, unless the question is to stop."""
        ends = time.monotonic() + seconds
        while (left := ends - time.monotonic()) > 0:
            asked.check()
            time.sleep(min(left, POLL_SECONDS))

    def _wait(self, use: Callable[[BaseBackend, str], Answer], asked: _Asked) -> Answer:
        """Ask in a thread of its own, so that a server that says nothing keeps nobody waiting."""
        asked.check()
        answer: Future[Answer] = Future()

        def work() -> None:
            try:
                answer.set_result(self._with(lambda backend: use(backend, asked.marker), asked))
            except BaseException as error:  # noqa: BLE001 - it is raised where the answer is awaited
                answer.set_exception(error)

        threading.Thread(target=work, daemon=True).start()
        looks = time.monotonic() + LOOK_SECONDS
        while True:
            try:
                return answer.result(timeout=POLL_SECONDS)
            except NotYet:
                try:
                    asked.check()
                except Cancelled:
                    self._kill(asked, answer)
                    raise
            if time.monotonic() > looks:
                self._look(asked)
                looks = time.monotonic() + LOOK_SECONDS

    def _look(self, asked: _Asked) -> None:
        """Say what a question waits for that the engine was asked."""
        backend = asked.backend
        if backend is not None:
            with suppress(*self.dialect.errors):  # whoever waits for the answer is told
                self._do_before(asked, self.dialect.waits_for(backend))

    def _kill(self, asked: _Asked, answer: Future[Answer]) -> None:
        """Have a question killed on the server, and wait until it was told.

        More than once: what has not quite begun is not known there, and cannot be killed. What
        waits for a connection will not be asked.
        """
        if asked.backend is None:
            return
        is_told = threading.Event()

        def work() -> None:
            for _ in range(KILLS):
                backend = asked.backend
                if backend is not None:
                    with suppress(*self.dialect.errors):
                        if self.dialect.kill(backend, asked.marker):
                            is_told.set()
                seconds = KILL_SECONDS if is_told.is_set() else POLL_SECONDS
                if answer.done() or wait([answer], seconds).done:
                    break
            is_told.set()

        asked.is_killed = True
        threading.Thread(target=work, daemon=True).start()
        is_told.wait(KILLS * KILL_SECONDS)
        wait([answer], self.dialect.dying_seconds)

    def _refusal(self, error: Exception) -> SourceError:
        """An error of a driver in one line of ours, without secrets."""
        line = self.address.hidden(" ".join(self.dialect.told(error).split()))
        gone = _GONE.search(line) if self.dialect.is_lost(error) else None
        if gone is not None:
            why = f"the server does not answer ({gone[0].lower()}); ask again once it does"
            return SourceError(f"{self.address.label}: {why}")
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

    def _with(self, use: Callable[[BaseBackend], Answer], asked: _Asked | None = None) -> Answer:
        """Use a connection that nobody else uses meanwhile."""
        with self._lock:
            backend = self._idle.pop() if self._idle else None
        if backend is None:
            self._do_before(asked, "connecting")
            try:
                backend = self.dialect.open()
            except ImportError as error:
                raise missing_driver(self.address.scheme, error) from error
        is_fine = False
        try:
            if asked is not None:
                asked.backend = backend
                self._do_before(asked, "")
                asked.check()
            answer = use(backend)
            is_fine = True
        finally:
            if asked is not None:
                asked.backend = None
            with self._lock:
                # Another question on it could be killed in place of this one.
                is_kept = is_fine and not self._is_closed and not (asked and asked.is_killed)
                if is_kept:
                    self._idle.append(backend)
            if not is_kept:
                self._leave(backend)
        return answer
