"""PostgreSQL, and what speaks like it."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import TYPE_CHECKING

import ibis
import ibis.expr.datatypes as dt
import ibis.expr.operations as ops
import psycopg
import sqlglot.expressions as sge
from ibis.backends.sql.compilers.postgres import PostgresCompiler
from ibis.common.exceptions import IbisError

from core.warehouse.dialects.base import Dialect, arrow_of

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend

date_part = ibis.udf.scalar.builtin(
    name="date_part", signature=((dt.string, dt.timestamp), dt.float64)
)(lambda _part, _moment: 0.0)
convert_to = ibis.udf.scalar.builtin(
    name="convert_to", signature=((dt.string, dt.string), dt.binary)
)(lambda _text, _encoding: b"")
timezone = ibis.udf.scalar.builtin(
    name="timezone", signature=((dt.string, dt.timestamp), dt.Timestamp(timezone="UTC"))
)(lambda _zone, moment: moment)

MOMENT = r"^\s*\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])([T ]([01]\d|2[0-3]):[0-5]\d.*)?$"
"""Text that may be cast to a time; what else there is would end the whole query."""
NUMBER = r"^\s*[-+]?\d{1,28}(\.\d*)?\s*$"


REFUSALS = ("authentication failed", "does not exist", "permission denied", "no pg_hba.conf entry")
"""What a server says that will not have us, however often it is asked."""


class ByBytes(ops.Unary):  # type: ignore[misc]  # Ibis tells no types
    """A text that is compared by its bytes, not by the rules of a language."""

    dtype = dt.string


class Compiler(PostgresCompiler):  # type: ignore[misc]  # likewise
    """Knows `ByBytes` besides."""

    def visit_ByBytes(self, _op: ByBytes, *, arg: sge.Expression) -> sge.Expression:  # noqa: N802 - Ibis looks for it
        """The text with its collation."""
        return sge.Collate(this=sge.Paren(this=arg), expression=sge.to_identifier("C", quoted=True))


class Postgres(Dialect):
    """A PostgreSQL database."""

    label = "PostgreSQL"
    errors = (psycopg.Error, IbisError)

    def open(self) -> BaseBackend:
        """A connection of which every transaction only reads."""
        address = self.address
        schema = address.options.get("schema")
        given = {key: value for key, value in address.options.items() if key != "schema"}
        backend = ibis.postgres.connect(
            host=address.host,
            port=address.port or 5432,
            user=address.user,
            password=address.secret,
            database=address.path or None,
            schema=schema,
            **{"connect_timeout": 10, "application_name": "tracer-tui", **given},
        )
        backend.compiler = Compiler()
        backend.con.read_only = True
        with backend.con.cursor() as cursor:
            cursor.execute("SELECT set_config('default_transaction_read_only', 'on', false)")
            cursor.execute("SELECT set_config('TimeZone', %s, false)", (self.tz,))
            # To compile a query takes ten times as long as to answer it.
            cursor.execute(
                "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name = 'jit'"
            )
            with suppress(psycopg.Error):  # not every server can look
                # A question ends with the program that asked it, however that ends.
                cursor.execute("SET client_connection_check_interval = '1s'")
        return backend

    def fetch(self, backend: BaseBackend, expression: ir.Table, marker: str) -> pa.Table:
        """The rows of an expression."""
        with backend.con.cursor() as cursor:
            cursor.execute(f"{marker} {self.compile(backend, expression)}".replace("%", "%%"), ())
            return arrow_of(expression.columns, cursor.fetchall())

    def kill(self, backend: BaseBackend, _marker: str) -> bool:
        """Ask the server to cancel what the connection runs."""
        backend.con.cancel_safe(timeout=10)
        return True  # what comes later ends with the connection

    def close(self, backend: BaseBackend) -> None:
        """Leave a connection."""
        backend.con.close()

    def is_lost(self, error: Exception) -> bool:
        """Whether the server or the way to it went away, not a question that it refused."""
        if any(refusal in str(error) for refusal in REFUSALS):
            return False
        return isinstance(error, psycopg.OperationalError | psycopg.InterfaceError) and (
            getattr(error, "sqlstate", None) in (None, "57P01", "57P02", "57P03", "08006", "08003")
        )

    def rows_to_read(self, backend: BaseBackend, expression: ir.Table) -> int | None:
        """The rows of the tables it scans, as the planner estimates."""
        sql = self.compile(backend, expression)
        with backend.con.cursor() as cursor:
            cursor.execute(f"EXPLAIN (FORMAT JSON) {sql}".replace("%", "%%"), ())
            found = cursor.fetchone()
        plan = found[0] if found else []
        return _scanned(json.loads(plan) if isinstance(plan, str) else plan)

    def key(self, text: ir.StringColumn) -> ir.StringColumn:
        """A text that rows are brought together by: to compare languages takes several times as
        long, and databases are made with that of their server.
        """
        return ByBytes(text).to_expr()

    def sorted_as(self, text: ir.StringColumn) -> ir.Column:
        """The bytes of a text: the order of a database's own language is another."""
        return convert_to(text, "UTF8")

    def micros(self, moment: ir.TimestampColumn) -> ir.IntegerColumn:
        """A timestamp as whole microseconds since 1970; one without a zone is in `tz`."""
        if moment.type().timezone is None and self.tz != "UTC":
            moment = timezone(self.tz, moment)
        # Seconds as a double are off by less than a quarter of a microsecond until the year 2255.
        return (date_part("epoch", moment) * 1_000_000.0).round().cast(dt.int64)

    def parsed(self, text: ir.StringColumn) -> ir.IntegerColumn:
        """ISO text as microseconds since 1970; NULL for what is none."""
        moment = text.re_search(MOMENT).ifelse(text, ibis.null(dt.string))
        return self.micros(moment.cast(dt.Timestamp(timezone="UTC")))

    def number(self, text: ir.StringColumn) -> ir.DecimalColumn:
        """Text as a decimal number; NULL for what is none."""
        found = text.re_search(NUMBER).ifelse(text, ibis.null(dt.string))
        return found.cast(dt.Decimal(38, 9))


def _scanned(plan: object, processes: float = 1.0) -> int:
    """The rows that the scans of a plan read. Of a scan that some processes share, the planner
    tells what one of them reads; the one that gathers takes part, as far as it finds time.
    """
    if isinstance(plan, list):
        return sum(_scanned(each, processes) for each in plan)
    if not isinstance(plan, dict):
        return 0
    workers = int(plan.get("Workers Planned", 0))
    if workers:
        processes = workers + max(1.0 - 0.3 * workers, 0.0)
    inner = _scanned(plan.get("Plan"), processes) + _scanned(plan.get("Plans"), processes)
    kind = str(plan.get("Node Type", ""))
    if not kind.endswith("Scan") or kind == "Subquery Scan":
        return inner
    is_shared = plan.get("Parallel Aware", False)
    return inner + round(float(plan.get("Plan Rows", 0)) * (processes if is_shared else 1.0))
