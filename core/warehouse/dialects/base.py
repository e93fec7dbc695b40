"""`Dialect`: how one kind of engine is opened, asked, stopped, and told a lost connection.

The expressions are the same everywhere. An engine's own file says only what it spells otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import ibis
import ibis.expr.datatypes as dt

if TYPE_CHECKING:
    import ibis.expr.types as ir
    import pyarrow as pa
    from ibis.backends import BaseBackend

    from core.warehouse.address import Address


class Dialect:
    """Any engine that Ibis knows; what it cannot do fails with the engine's own words."""

    label = "the warehouse"
    """What the engine is called."""
    knows_funnels = False
    """Whether it has a function of its own for funnels, which is exact."""
    errors: tuple[type[Exception], ...] = (Exception,)
    """What its driver raises; of a driver that is not known here, anything."""
    dying_seconds = 0.03
    """How long a question is waited for that the engine was told to kill."""

    def __init__(self, address: Address, tz: str) -> None:
        """For one address; `tz` is the zone of times that name none."""
        self.address = address
        self.tz = tz
        self.label = type(self).label if type(self) is not Dialect else address.scheme

    def open(self) -> BaseBackend:
        """A new connection, only to read."""
        return ibis.connect(self.address.url)

    def table(self, backend: BaseBackend, name: str) -> ir.Table:
        """The table of a name, with its schema before it where there are dots."""
        *home, last = name.split(".")
        return backend.table(last, database=tuple(home) or None)

    def tables(self, backend: BaseBackend) -> list[str]:
        """The names of the tables that there are, to tell which was meant."""
        return list(backend.list_tables())

    def compile(self, backend: BaseBackend, expression: ir.Table) -> str:
        """The query that answers an expression."""
        return str(backend.compile(expression))

    def fetch(self, backend: BaseBackend, expression: ir.Table, _marker: str) -> pa.Table:
        """The rows of an expression. The marker stands in the query, for `kill` to find it."""
        return backend.to_pyarrow(expression)

    def kill(self, _backend: BaseBackend, _marker: str) -> bool:
        """Stop the marked query on the server, from another thread; False if it is not there yet,
        True too where nobody tells.
        """
        return True

    def waits_for(self, _backend: BaseBackend) -> str:
        """What the question of a connection waits for; empty where it runs, or nobody tells."""
        return ""

    def close(self, backend: BaseBackend) -> None:
        """Leave a connection."""
        backend.disconnect()

    def is_lost(self, error: Exception) -> bool:
        """Whether the connection is gone and asking again may help."""
        return isinstance(error, ConnectionError)

    def told(self, error: Exception) -> str:
        """What an error says that a person needs to know."""
        return str(error)

    def rows_to_read(self, _backend: BaseBackend, _expression: ir.Table) -> int | None:
        """Rows that an expression will read, as the engine estimates; None where it does not
        tell.
        """
        return None

    # How values are spelled. Each takes and gives Ibis columns.

    def text(self, value: ir.Column) -> ir.StringColumn:
        """A value as text, as it would stand in a file."""
        return value if value.type().is_string() else value.cast(dt.string)

    def key(self, text: ir.StringColumn) -> ir.StringColumn:
        """A text that rows are brought together by, in whatever order it takes least to compare."""
        return text

    def once(self, events: ir.Table) -> ir.Table:
        """Events without their `id`: those with the same one are one (rule O2), those without stay.

        Sorted by these columns, in this order, rows are sorted as trails are.
        """
        events = events.mutate(copy=self.copies(("user", "time", "name", "id")))
        return events.filter(events.id.isnull() | (events.copy == 0)).drop("id", "copy")

    def copies(self, columns: Sequence[str]) -> ir.IntegerValue:
        """For each row how many stand before it that are alike in all of some columns."""
        return ibis.row_number().over(ibis.window(group_by=columns, order_by=columns[-1]))

    def users_of_names(self, rows: ir.Table) -> ir.Table:
        """How many users have a row of each name. A count of different values would be sorted by
        some engines, and estimated by others.
        """
        pairs = rows.select("name", "user").distinct()
        return pairs.group_by("name").agg(users=pairs.count())

    def sorted_as(self, text: ir.StringColumn) -> ir.Column:
        """What to sort by for texts to stand in the order of their code points."""
        return text

    def lower(self, text: ir.StringColumn) -> ir.StringColumn:
        """A text in lower case."""
        return text.lower()

    def bucket(self, user: ir.StringColumn, buckets: int) -> ir.IntegerColumn:
        """A number from 0 up to `buckets` that depends on a user's id alone."""
        return (user.hash() % buckets).abs()

    def micros(self, moment: ir.TimestampColumn) -> ir.IntegerColumn:
        """A timestamp as whole microseconds since 1970, UTC."""
        return moment.epoch_seconds() * 1_000_000 + moment.microsecond() % 1_000_000

    def parsed(self, text: ir.StringColumn) -> ir.IntegerColumn:
        """ISO text as microseconds since 1970; NULL for what is none."""
        return self.micros(text.try_cast(dt.Timestamp(timezone="UTC")))

    def number(self, text: ir.StringColumn) -> ir.DecimalColumn:
        """Text as a decimal number; NULL for what is none."""
        return text.try_cast(dt.Decimal(38, 9))

    def deepest(self, rows: ir.Table, stages: int, window: int | None) -> ir.IntegerScalar:
        """The depth of a unit from its rows by a function of the engine's own, where it
        `knows_funnels`. Rows have `time` and a flag `m0`, `m1`, … for each stage.
        """
        raise NotImplementedError


def arrow_of(columns: Sequence[str], rows: Sequence[Sequence[Any]]) -> pa.Table:
    """Rows of Python values as an Arrow table."""
    import pyarrow as pa

    values = zip(*rows, strict=True) if rows else ([] for _ in columns)
    return pa.table({name: list(each) for name, each in zip(columns, values, strict=True)})
