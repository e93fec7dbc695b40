"""Spark: a cluster of its own (`spark://`), or one behind Spark Connect (`sc://`)."""

from __future__ import annotations

import socket
import subprocess
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
from ibis.common.exceptions import IbisError
from py4j.protocol import Py4JError
from pyspark.errors import PySparkException

from core.warehouse.dialects.base import Dialect
from core.warehouse.dialects.lake import read_path

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend
    from pyspark.sql import SparkSession

    from core.warehouse.address import Address

unix_micros = ibis.udf.scalar.builtin(
    name="unix_micros", signature=((dt.Timestamp(timezone="UTC"),), dt.int64)
)(lambda _moment: 0)
xxhash64 = ibis.udf.scalar.builtin(name="xxhash64", signature=((dt.string,), dt.int64))(
    lambda _text: 0
)


ANSWER_SECONDS = 10.0
"""How long a machine may take to accept a connection."""


class Spark(Dialect):
    """A Spark cluster. One session serves all threads; each question is a group of jobs."""

    label = "Spark"
    errors = (PySparkException, Py4JError, IbisError, OSError)

    def __init__(self, address: Address, tz: str) -> None:
        """For one address; `tz` is the zone of times that name none."""
        super().__init__(address, tz)
        self._paths: dict[str, str] = {}
        """By the name of a temporary view, what it shows: each session has its own views."""

    def open(self) -> BaseBackend:
        """A session of the cluster."""
        session = self._connect() if self.address.scheme == "sc" else self._start()
        backend = ibis.pyspark.connect(session)
        session.conf.set("spark.sql.session.timeZone", self.tz)
        for view, path in list(self._paths.items()):
            self._show(backend, view, path)
        return backend

    def _connect(self) -> SparkSession:
        from pyspark.sql.connect.session import SparkSession

        address = self.address
        self._reach(address.host or "localhost", address.port or 15002)
        options = "".join(f";{key}={value}" for key, value in address.options.items())
        where = f"sc://{address.host or 'localhost'}:{address.port or 15002}/{options}"
        # Connect's session is the classic one's twin, by other classes.
        session: Any = SparkSession.builder.remote(where).create()
        return session

    def _start(self) -> SparkSession:
        from pyspark import SparkConf, SparkContext
        from pyspark.java_gateway import launch_gateway
        from pyspark.sql import SparkSession

        address = self.address
        if address.host:
            self._reach(address.host, address.port or 7077)
        master = f"spark://{address.host}:{address.port or 7077}" if address.host else "local[*]"
        options = {"spark.ui.showConsoleProgress": "false", **address.options}
        conf = SparkConf().setAppName("tracer-tui").setMaster(master).setAll(list(options.items()))
        if SparkContext._active_spark_context is None:
            # Java's own words would be written across the screen.
            quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
            gateway = launch_gateway(conf, popen_kwargs=quiet)
            SparkContext(conf=conf, gateway=gateway).setLogLevel("OFF")
        return SparkSession(SparkContext.getOrCreate(conf)).newSession()

    @staticmethod
    def _reach(host: str, port: int) -> None:
        """Fail at once where nobody listens: Spark tries for minutes, and then says something else.

        Raises OSError.
        """
        with socket.create_connection((host, port), ANSWER_SECONDS):
            pass

    def table(self, backend: BaseBackend, name: str) -> ir.Table:
        """The table of a name; where it has slashes, what lies at the path."""
        if "/" not in name:
            return super().table(backend, name)
        view = f"tracer_{uuid.uuid4().hex}"
        self._show(backend, view, name)
        self._paths[view] = name
        return backend.table(view)

    def _show(self, backend: BaseBackend, view: str, path: str) -> None:
        """Have a session know a view."""
        rows = read_path(backend._session, path, is_ours=self.address.scheme != "sc")
        rows.createOrReplaceTempView(view)

    def compile(self, backend: BaseBackend, expression: ir.Table) -> str:
        """The query that answers an expression.

        To leave out the first rows Ibis numbers them, in an order that is lost between machines;
        Spark has a word for it.
        """
        asked = expression.op()
        if isinstance(asked, ops.Limit) and asked.offset:
            whole = backend.compile(asked.parent.to_expr())
            return f"{whole} LIMIT {asked.n} OFFSET {asked.offset}"
        return str(backend.compile(expression))

    def fetch(self, backend: BaseBackend, expression: ir.Table, marker: str) -> pa.Table:
        """The rows of an expression."""
        session = backend._session
        if self.address.scheme == "sc":
            session.addTag(marker)
            try:
                return session.sql(self.compile(backend, expression)).toArrow()
            finally:
                session.removeTag(marker)
        context = session.sparkContext
        context.setJobGroup(marker, "tracer-tui", interruptOnCancel=True)
        return session.sql(self.compile(backend, expression)).toArrow()

    def kill(self, backend: BaseBackend, marker: str) -> bool:
        """Cancel the jobs of the marked question."""
        session = backend._session
        if self.address.scheme == "sc":
            return bool(session.interruptTag(marker))
        session.sparkContext.cancelJobGroup(marker)
        return True

    def waits_for(self, backend: BaseBackend) -> str:
        """A cluster that has given this program no executor yet. A Connect server has its own."""
        if self.address.scheme == "sc" or not self.address.host:
            return ""
        # The driver counts as one that stores blocks, too.
        executors = backend._session.sparkContext._jsc.sc().getExecutorMemoryStatus().size() - 1
        return "" if executors else "waiting for a free executor"

    def close(self, backend: BaseBackend) -> None:
        """Leave the session; other parts of the program may still use the context."""
        if self.address.scheme == "sc":
            backend._session.client.close()

    def is_lost(self, error: Exception) -> bool:
        """Whether the way to the cluster is cut. Workers that are lost Spark replaces itself."""
        return isinstance(error, ConnectionError) or (
            isinstance(error, PySparkException) and "UNAVAILABLE" in str(error)
        )

    def told(self, error: Exception) -> str:
        """What an error says, without where in Java it came about."""
        return str(error).partition("JVM stacktrace:")[0]

    def copies(self, columns: Sequence[str]) -> ir.IntegerValue:
        """For each row how many stand before it that are alike in all of some columns.

        Rows are brought together by the first of them alone, as they are for trails: once.
        """
        first, *others = columns
        order = ibis.window(group_by=first, order_by=others)
        return ibis.row_number().over(order) - ibis.rank().over(order)

    def bucket(self, user: ir.StringColumn, buckets: int) -> ir.IntegerColumn:
        """A number from 0 up to `buckets` that depends on a user's id alone."""
        return (xxhash64(user) % buckets).abs()

    def micros(self, moment: ir.TimestampColumn) -> ir.IntegerColumn:
        """A timestamp as whole microseconds since 1970; one without a zone is in `tz`."""
        return unix_micros(moment.cast(dt.Timestamp(timezone="UTC")))
