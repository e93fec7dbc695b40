"""ClickHouse over HTTP, and in process by the same driver (`chdb://`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from inspect import Parameter, Signature
from typing import TYPE_CHECKING

import clickhouse_connect
import ibis
import ibis.expr.datatypes as dt
from clickhouse_connect.driver.exceptions import ClickHouseError, OperationalError
from ibis.common.exceptions import IbisError
from urllib3.exceptions import HTTPError

from core.warehouse.dialects.base import Dialect

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend

to_micros = ibis.udf.scalar.builtin(
    name="toUnixTimestamp64Micro", signature=((dt.timestamp,), dt.int64)
)(lambda _moment: 0)
parse = ibis.udf.scalar.builtin(
    name="parseDateTime64BestEffortOrNull",
    signature=((dt.string, dt.int8, dt.string), dt.timestamp),
)(lambda _text, _digits, _zone: None)
lower_utf8 = ibis.udf.scalar.builtin(name="lowerUTF8", signature=((dt.string,), dt.string))(
    lambda text: text
)
uniq_exact = ibis.udf.agg.builtin(name="uniqExact", signature=((dt.string,), dt.int64))(
    lambda _value: 0
)


EPOCH = 2**62
"""Added to a time, it is never negative."""


class ClickHouse(Dialect):
    """A ClickHouse server, or its engine in this process."""

    label = "ClickHouse"
    knows_funnels = True
    errors = (ClickHouseError, HTTPError, OSError, IbisError)

    def open(self) -> BaseBackend:
        """A connection of its own: a session of the server answers one query at a time."""
        return ibis.clickhouse.from_connection(self._client())

    def _client(self) -> clickhouse_connect.driver.Client:
        address = self.address
        if address.scheme == "chdb":
            return clickhouse_connect.get_client(dsn=f"chdb:///{address.path}")
        options = dict(address.options)
        is_secure = options.pop("secure", "") in ("1", "true", "True")
        return clickhouse_connect.get_client(
            host=address.host or "localhost",
            port=address.port or (8443 if is_secure else 8123),
            username=address.user or "default",
            password=address.secret or "",
            database=address.path or "default",
            secure=is_secure,
            client_name="tracer-tui",
            connect_timeout=10,
            send_receive_timeout=3_600,
            autogenerate_session_id=False,
            query_limit=0,
            **options,
        )

    def compile(self, backend: BaseBackend, expression: ir.Table) -> str:
        """The query that answers an expression. Ibis has no word for a function's parameters, and
        quotes them as part of its name; in a text they would be quoted twice.
        """
        sql = str(backend.compile(expression))
        return re.sub(r"\"(windowFunnel\(\d+, 'strict_once'\))\"\(", r"\1(", sql)

    def fetch(self, backend: BaseBackend, expression: ir.Table, marker: str) -> pa.Table:
        """The rows of an expression."""
        return backend.con.query_arrow(f"{marker} {self.compile(backend, expression)}")

    def kill(self, backend: BaseBackend, marker: str) -> bool:
        """Have the server kill the marked query, by another request."""
        # In two halves, or the query would find itself.
        half = len(marker) // 2
        killed = backend.con.command(
            f"KILL QUERY WHERE query LIKE concat('%{marker[:half]}', '{marker[half:]}%') ASYNC"
        )
        return isinstance(killed, list)  # what it has found to kill; a summary where it has not

    def close(self, backend: BaseBackend) -> None:
        """Leave a connection."""
        backend.con.close()

    def is_lost(self, error: Exception) -> bool:
        """Whether the server or the way to it went away."""
        return isinstance(error, OperationalError | HTTPError | ConnectionError)

    def rows_to_read(self, backend: BaseBackend, expression: ir.Table) -> int | None:
        """The rows of the granules that its index leaves."""
        result = backend.con.query(f"EXPLAIN ESTIMATE {self.compile(backend, expression)}")
        if "rows" not in result.column_names:
            return None
        place = result.column_names.index("rows")
        return sum(int(row[place]) for row in result.result_rows)

    def users_of_names(self, rows: ir.Table) -> ir.Table:
        """How many users have a row of each name, by a function that counts them exactly."""
        return rows.group_by("name").agg(users=uniq_exact(rows.user))

    def lower(self, text: ir.StringColumn) -> ir.StringColumn:
        """A text in lower case, letters outside ASCII too."""
        return lower_utf8(text)

    def micros(self, moment: ir.TimestampColumn) -> ir.IntegerColumn:
        """A timestamp as whole microseconds since 1970. Every one is an instant, zone or not."""
        return to_micros(moment.cast(dt.Timestamp(scale=6)))

    def deepest(self, rows: ir.Table, stages: int, window: int | None) -> ir.IntegerScalar:
        """`windowFunnel` with `strict_once`: each event fills one stage (rules F1 to F4)."""
        longest = 2**63 if window is None else window
        funnel = ibis.udf.agg.builtin(
            name=f"windowFunnel({longest}, 'strict_once')",
            signature=((dt.uint64, *[dt.boolean] * stages), dt.uint8),
        )(_taking(stages + 1))
        # Times before 1970 are negative, which the function does not take.
        moment = (rows.time + EPOCH).cast(dt.uint64)
        depth: ir.IntegerScalar = funnel(moment, *(rows[f"m{i}"] for i in range(stages)))
        return depth

    def parsed(self, text: ir.StringColumn) -> ir.IntegerColumn:
        """ISO text as microseconds since 1970; NULL for what is none."""
        return to_micros(parse(text, ibis.literal(6, dt.int8), self.tz))


def _taking(arguments: int) -> Callable[..., int]:
    """A function that Ibis reads nothing from but how many arguments it takes."""

    def function() -> int:
        return 0

    function.__signature__ = Signature(  # type: ignore[attr-defined]  # `inspect` looks for it
        [Parameter(f"a{i}", Parameter.POSITIONAL_OR_KEYWORD) for i in range(arguments)]
    )
    return function
