"""What is loaded when, in an interpreter where nothing else was."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HEAVY = {"numpy", "duckdb", "textual", "rich", "ibis", "pyarrow"}
SCREEN = {"textual", "rich", "tracer_tui"}

END_TO_END = """
import core
log = core.read_events("demo_events.json")
journeys = core.reconstruct_journeys(log)
funnel = core.analyze_funnel(journeys, [stage for stage in core.suggest_stages(log)])
assert core.find_drop_offs(funnel)[-1].users == ["bo", "dee"]
assert journeys[0].events[0].properties["device"] == "desktop"
engine = core.LocalEngine(log)
study = core.Study(stages=funnel.funnel.stages)
assert engine.users(study).total == 5
assert core.document(engine, study)["journeys_count"] == 5
"""
ASKING = """
import core
study = core.Study().with_timeout(None).with_stages((core.Stage(("a",)),))
assert study.flags() == ["--timeout", "off", "--stages", "a"]
assert issubclass(core.Cancelled, core.SourceError)
"""


def _loaded(code: str) -> set[str]:
    """The packages that code loads, by their top names."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport sys\nprint(*sys.modules)"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    return {name.partition(".")[0] for name in done.stdout.split()}


@pytest.mark.parametrize("code", ["import core", ASKING], ids=["import", "asking"])
def test_importing_core_loads_nothing_heavy(code: str) -> None:
    loaded = _loaded(code)
    assert "core" in loaded
    assert loaded.isdisjoint(HEAVY)


WAREHOUSE = {"ibis", "pyarrow", "sqlglot", "pandas", "clickhouse_connect", "psycopg", "pyspark"}
ADDRESS = """
from core.warehouse.address import is_address, parse_address
assert parse_address("clickhouse://ana@host/db").label == "clickhouse://ana@host/db"
from tracer_tui.cli import build_parser
assert build_parser().parse_args(["postgres://host/db", "--table", "events"]).table == "events"
"""


def test_telling_an_address_loads_no_driver() -> None:
    loaded = _loaded(ADDRESS)
    assert loaded.isdisjoint(HEAVY | WAREHOUSE)


def test_core_end_to_end_loads_no_screen_and_no_warehouse() -> None:
    loaded = _loaded(END_TO_END)
    assert loaded.isdisjoint(WAREHOUSE)
    assert {"core", "numpy", "duckdb"} <= loaded
    assert loaded.isdisjoint(SCREEN)
