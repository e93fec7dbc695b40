"""One way to put a table into each engine, and the address to ask it at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import quote, urlencode

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from tests.engines.warehouse.servers import CONF, OWNER, PASSWORD, READER


@dataclass
class Target:
    """An engine under test."""

    name: str
    folder: Path
    port: int = 0
    conf: Mapping[str, str] = field(default_factory=lambda: CONF)
    """What a session of Spark is told."""

    def url(
        self,
        table: str = "crowd",
        *,
        user: str = READER,
        password: str = PASSWORD,
        port: int | None = None,
    ) -> str:
        """Where to ask about a table. Readers may do nothing else."""
        at = f"{user}:{quote(password, safe='')}@127.0.0.1:{port or self.port}"
        options = urlencode(self.conf)
        return {
            "duckdb": f"duckdb:///{self.folder}/{table}.duckdb",
            "chdb": f"chdb:///{self.folder}/chdb",
            "clickhouse": f"clickhouse://{at}/default",
            "postgres": f"postgres://{at}/events",
            "spark": f"spark://127.0.0.1:{self.port}?{options}",
            "sc": f"sc://127.0.0.1:{self.port}",
        }[self.name]

    def table(self, name: str) -> str:
        """What to call a table that was put in."""
        return str(self.folder / f"{name}.parquet") if self.name in ("spark", "sc") else name

    def put(self, name: str, rows: pa.Table) -> str:
        """Put a table in; its name."""
        path = self.folder / f"{name}.parquet"
        pq.write_table(rows, path, use_deprecated_int96_timestamps=False)
        if self.name == "duckdb":
            # Each in a file of its own: one that is open to read takes no more tables.
            with duckdb.connect(str(self.folder / f"{name}.duckdb")) as connection:
                connection.execute(f"CREATE OR REPLACE TABLE {name} AS SELECT * FROM '{path}'")
        elif self.name in ("chdb", "clickhouse"):
            self._put_clickhouse(name, path)
        elif self.name == "postgres":
            self._put_postgres(name, rows)
        return self.table(name)

    def _put_clickhouse(self, name: str, path: Path) -> None:
        import clickhouse_connect

        if self.name == "chdb":
            client = clickhouse_connect.get_client(dsn=f"chdb:///{self.folder}/chdb")
        else:
            client = clickhouse_connect.get_client(
                host="127.0.0.1", port=self.port, username=OWNER, password=PASSWORD
            )
        client.command(f"DROP TABLE IF EXISTS {name}")
        client.command(
            f"CREATE TABLE {name} ENGINE = MergeTree ORDER BY tuple() "
            f"AS SELECT * FROM file('{path}', Parquet)"
        )
        client.close()

    def _put_postgres(self, name: str, rows: pa.Table) -> None:
        import psycopg

        types = {"string": "text", "int64": "bigint", "double": "double precision"}
        columns = ", ".join(
            f'"{field.name}" {types.get(str(field.type), "timestamptz")}' for field in rows.schema
        )
        login = f"host=127.0.0.1 port={self.port} user={OWNER} dbname=events"
        with psycopg.connect(login, password=PASSWORD) as connection, connection.cursor() as cursor:
            cursor.execute(f"DROP TABLE IF EXISTS {name}")
            cursor.execute(f"CREATE TABLE {name} ({columns})")
            with cursor.copy(f"COPY {name} FROM STDIN") as copy:
                for row in zip(*(column.to_pylist() for column in rows.columns), strict=True):
                    copy.write_row(row)  # tabs and backslashes are the driver's to escape
