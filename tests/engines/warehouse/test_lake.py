"""What is named by a path on Spark: Parquet files, and Iceberg tables, as far as Spark itself can.

Its package for Iceberg comes from no registry of Python: what is told without it is tested here.
"""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

import core
from tests.engines.warehouse.conftest import on, open_table
from tests.engines.warehouse.targets import Target


@on("spark", "connect")
def test_every_session_knows_what_is_at_a_path(target: Target) -> None:
    engine = open_table(target, "crowd")
    session, rows = engine.session, engine.table.table.count().as_table()
    asked = threading.Barrier(2, timeout=60)
    fetch, found = session.dialect.fetch, list[int]()

    def together(*args: object) -> object:
        asked.wait()  # two connections are open now
        return fetch(*args)  # type: ignore[arg-type]  # as they came

    session.dialect.fetch = together  # type: ignore[method-assign, assignment]  # for this session only

    def ask() -> None:
        found.extend(session.ask(rows, "rows").column(0).to_pylist())

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert len(found) == 2
    assert found[0] == found[1] > 10_000


@on("spark", "connect")
def test_an_iceberg_table_without_its_package_says_which_to_add(
    target: Target, tmp_path: Path
) -> None:
    folder = Path(_iceberg(tmp_path / "hadoop", "v1.metadata.json"))
    named = str(folder / "metadata" / "v1.metadata.json")
    how = (
        r"add \?spark.jars.packages=org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:\S+ to the"
        if target.name == "spark"
        else r"server started with --packages org.apache.iceberg:iceberg-spark-runtime-4.0_2.13:"
    )
    session = open_table(target, "crowd").session
    for path in (str(folder), named):
        with pytest.raises(core.SourceError, match=f"is an Iceberg table, .* {how}") as error:
            session.table(path)
        assert "\n" not in str(error.value)


@on("spark")
def test_which_state_an_iceberg_table_is_in_is_not_guessed(target: Target, tmp_path: Path) -> None:
    names = [f"{number:05}-some.metadata.json" for number in range(3)]
    path = _iceberg(tmp_path / "kept", *names)
    with pytest.raises(core.SourceError, match=rf"catalog knows .* such as --table \S+{names[-1]}"):
        open_table(target, "crowd").session.table(path)


def _iceberg(folder: Path, *states: str) -> str:
    """A folder as Iceberg lays one out, as far as it is looked at without Iceberg."""
    (folder / "metadata").mkdir(parents=True)
    for state in states:
        (folder / "metadata" / state).write_text("{}")
    return str(folder)
