"""Whether warehouses tell exactly what the engine on this machine tells of many generated events.

    python -m tests.benchmarks.identical --events 1e7 [--engines duckdb,chdb,postgres,spark]

Asks each engine all `QUESTIONS` and compares the whole JSON, `sources` apart: they name the engine.
Prints Markdown with what each answer took, seconds on the wall and of all processors; ends with 1
when anything differs, and says where.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import duckdb

import core
from core.funnel import Exclusion
from core.journeys import JourneyRules
from core.reading.options import ReadOptions
from core.stage import Stage
from core.study import Study
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.benchmarks.generate import event_file
from tests.benchmarks.warehouse import cpu_seconds
from tests.engines.warehouse import servers
from tests.engines.warehouse.targets import Target

MINUTE, DAY = 60_000_000, 86_400_000_000


def study(*names: str, **rest: object) -> Study:
    """A study of stages that are named by their events, with a timeout of half an hour."""
    stages = tuple(Stage(tuple(name.split("|"))) for name in names)
    return Study(timeout=30 * MINUTE, stages=stages, **rest)  # type: ignore[arg-type]


QUESTIONS = {
    "suggested": Study(timeout=30 * MINUTE),
    "users, window": study("product", "cart", "payment", "purchase", scope="users", window=DAY),
    "first start": study("home", "product", "cart", start="first", window=10 * MINUTE),
    "any order": study("search", "photos", "cart", order="any"),
    "overlapping": study("home|search", "search|product", "cart|checkout", scope="users"),
    "excluded": study("product", "cart", "purchase", exclusions=(Exclusion(("help",)),)),
    "held": study("product", "cart", "checkout", hold="device", scope="users", window=DAY),
    "midnight": study(
        "home", "cart", "purchase",
        journey_rules=JourneyRules(midnight_tz="Europe/Berlin", max_length=120 * MINUTE),
    ),
}  # fmt: skip


def fill(target: Target, path: Path) -> str:
    """Put the rows of a Parquet file into an engine; the table's name."""
    if target.name == "spark":
        return str(path)
    if target.name == "duckdb":
        with duckdb.connect(f"{target.folder}/shop.duckdb") as connection:
            connection.execute(f"CREATE TABLE shop AS SELECT * FROM '{path}'")
    elif target.name == "chdb":
        import clickhouse_connect

        client = clickhouse_connect.get_client(dsn=f"chdb:///{target.folder}/chdb")
        client.command(
            "CREATE TABLE shop ENGINE = MergeTree ORDER BY tuple() "
            f"AS SELECT * FROM file('{path}', Parquet)"
        )
        client.close()
    else:
        import psycopg

        rows = target.folder / "shop.csv"
        duckdb.execute(f"COPY (SELECT * FROM '{path}') TO '{rows}' (HEADER false)")
        kinds = duckdb.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
        types = {"VARCHAR": "text", "DOUBLE": "double precision"}
        columns = ", ".join(f"{name} {types.get(kind, kind)}" for name, kind, *_ in kinds)
        login = f"host=127.0.0.1 port={target.port} user={servers.OWNER} dbname=events"
        with psycopg.connect(login, password=servers.PASSWORD) as connection:
            connection.execute(f"CREATE TABLE shop ({columns})")
            cursor = connection.cursor()
            with rows.open("rb") as file, cursor.copy("COPY shop FROM STDIN (FORMAT csv)") as copy:
                while block := file.read(1 << 20):
                    copy.write(block)
            # As a server does by itself after a while.
            connection.execute("ANALYZE shop")
        rows.unlink()
    return "shop"


def document(engine: core.Engine, asked: Study) -> dict[str, object]:
    """The answer as another program gets it, without the names of the sources."""
    found = core.document(engine, asked)
    del found["sources"]
    plain: dict[str, object] = json.loads(json.dumps(found))
    return plain


def differences(a: object, b: object, at: str = "") -> Iterator[str]:
    """Where two documents differ."""
    if isinstance(a, dict) and isinstance(b, dict) and a.keys() == b.keys():
        for key in a:
            yield from differences(a[key], b[key], f"{at}.{key}")
    elif isinstance(a, list) and isinstance(b, list) and len(a) == len(b):
        for place, (one, other) in enumerate(zip(a, b, strict=True)):
            yield from differences(one, other, f"{at}[{place}]")
    elif a != b:
        yield f"{at}: {a} here, {b} there"


def _took(began: float, spent: float) -> str:
    """Seconds since then, and those of all processors."""
    return f"{time.monotonic() - began:.1f} ({cpu_seconds() - spent:.1f})"


def main() -> int:
    """Ask everybody everything."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--events", type=float, default=1e7)
    parser.add_argument("--engines", default="duckdb,chdb,postgres,spark")
    parser.add_argument("--data", type=Path, help="a folder to keep the generated events in")
    parser.add_argument("--questions", default="", help="names with commas between; all of them")
    options = parser.parse_args()
    wrong = 0
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracer-same-")))
        path = event_file(int(options.events), options.data or folder, "parquet")
        local = core.LocalEngine(core.read_events(path))
        names = [name for name in QUESTIONS if name in (options.questions or QUESTIONS)]
        truth = {name: document(local, QUESTIONS[name]) for name in names}
        print(
            f"{len(local.log):,} events\n\n| engine | question | seconds (CPU) | same |\n"
            + "| --- " * 4
            + "|"
        )
        for name in options.engines.split(","):
            with ExitStack() as servers_of:
                port = 0
                if name == "postgres":
                    port = servers_of.enter_context(servers.postgres())
                if name == "spark":
                    port = servers_of.enter_context(servers.spark_cluster())[0].port
                target = Target(name, folder, port, servers.LARGE)
                table = fill(target, path)
                session = Session(target.url("shop", user=servers.OWNER))
                began, spent = time.monotonic(), cpu_seconds()
                engine = WarehouseEngine(EventTable(session, table, ReadOptions()))
                engine.summary()
                print(f"| {name} | opening | {_took(began, spent)} | |", flush=True)
                for question in names:
                    began, spent = time.monotonic(), cpu_seconds()
                    found = list(
                        differences(truth[question], document(engine, QUESTIONS[question]))
                    )
                    wrong += bool(found)
                    same = "yes" if not found else f"NO: {'; '.join(found[:5])}"
                    took = _took(began, spent)
                    print(f"| {name} | {question} | {took} | {same} |", flush=True)
                engine.close()
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main())
