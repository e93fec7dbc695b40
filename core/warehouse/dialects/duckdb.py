"""DuckDB: a file of its own, opened read-only. Each question has a cursor, which can be stopped."""

from __future__ import annotations

from typing import TYPE_CHECKING

import duckdb
import ibis
import ibis.expr.datatypes as dt
from ibis.common.exceptions import IbisError

from core.errors import SourceError
from core.warehouse.dialects.base import Dialect

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend

epoch_us = ibis.udf.scalar.builtin(
    name="epoch_us", signature=((dt.Timestamp(timezone="UTC"),), dt.int64)
)(lambda moment: moment)
timezone = ibis.udf.scalar.builtin(
    name="timezone",
    signature=((dt.string, dt.timestamp), dt.Timestamp(timezone="UTC")),
)(lambda _zone, moment: moment)


class DuckDB(Dialect):
    """A DuckDB file, or a database that DuckDB attaches by its path."""

    label = "DuckDB"
    errors = (duckdb.Error, IbisError)
    dying_seconds = 3.0
    # It runs in this process, where a file that is still read cannot be opened otherwise.

    def open(self) -> BaseBackend:
        """A connection that only reads."""
        path = self.address.path
        if path and not path.startswith(("/", "md:")) and self.address.host is None:
            path = f"/{path}"  # duckdb:///folder/file names a whole path
        if not path:
            raise SourceError("name the file: duckdb:///folder/file.duckdb")
        backend = ibis.duckdb.connect(path, read_only=True)
        backend.raw_sql(f"SET TimeZone = '{self.tz.replace(chr(39), '')}'")
        return backend

    def tables(self, backend: BaseBackend) -> list[str]:
        """The names of the tables that there are."""
        rows = backend.con.execute("SELECT table_name FROM duckdb_tables()").fetchall()
        return [str(name) for (name,) in rows]

    def fetch(self, backend: BaseBackend, expression: ir.Table, marker: str) -> pa.Table:
        """The rows of an expression."""
        return backend.con.sql(f"{marker} {self.compile(backend, expression)}").to_arrow_table()

    def kill(self, backend: BaseBackend, _marker: str) -> bool:
        """Stop what the connection runs."""
        backend.con.interrupt()
        return True

    def close(self, backend: BaseBackend) -> None:
        """Leave the file."""
        backend.con.close()

    def is_lost(self, error: Exception) -> bool:
        """A file does not go away."""
        return isinstance(error, duckdb.ConnectionException)

    def once(self, events: ir.Table) -> ir.Table:
        """Events without their `id`, each once. To group rows takes half as long as to sort them,
        and is the same where they have no other columns.
        """
        alike = ("user", "time", "name", "id")
        if set(events.columns) != set(alike):
            return super().once(events)
        groups = events.group_by(alike).agg(rows=events.count())
        stay = ibis.range(groups.id.isnull().ifelse(groups.rows, 1)).unnest()
        return groups.select("user", "name", "time", stay=stay).drop("stay")

    def micros(self, moment: ir.TimestampColumn) -> ir.IntegerColumn:
        """A timestamp as whole microseconds since 1970; one without a zone is in `tz`."""
        if moment.type().timezone is None and self.tz != "UTC":
            return epoch_us(timezone(self.tz, moment))
        return epoch_us(moment)
