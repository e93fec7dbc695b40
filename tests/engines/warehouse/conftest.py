"""Each engine is started once, when the first test asks for it; one that cannot start fails."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

import core
from core.reading.options import ReadOptions
from core.warehouse.engine import WarehouseEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.engines.warehouse import servers
from tests.engines.warehouse.crowd import CROWD
from tests.engines.warehouse.targets import Target

SPARK = (
    # Spark's own client leaves closing its sockets to Python.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the cluster, which takes as long as all else: everything else runs beside it."""
    items.sort(key=lambda item: "spark" not in item.name and "connect" not in item.name)


@pytest.fixture(scope="session")
def duckdb_target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return _filled(Target("duckdb", tmp_path_factory.mktemp("duckdb")))


@pytest.fixture(scope="session")
def chdb_target(tmp_path_factory: pytest.TempPathFactory) -> Target:
    return _filled(Target("chdb", tmp_path_factory.mktemp("chdb")))


@pytest.fixture(scope="session")
def clickhouse_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    folder = tmp_path_factory.mktemp("clickhouse")
    with servers.clickhouse(folder) as port:
        yield _filled(Target("clickhouse", folder, port))


@pytest.fixture(scope="session")
def postgres_target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Target]:
    with servers.postgres() as port:
        yield _filled(Target("postgres", tmp_path_factory.mktemp("postgres"), port))


@pytest.fixture(scope="session")
def spark(tmp_path_factory: pytest.TempPathFactory) -> Iterator[servers.SparkCluster]:
    with servers.spark_cluster() as (cluster, _):
        yield cluster


@pytest.fixture(scope="session")
def spark_target(spark: servers.SparkCluster, tmp_path_factory: pytest.TempPathFactory) -> Target:
    return _filled(Target("spark", tmp_path_factory.mktemp("spark"), spark.port))


@pytest.fixture(scope="session")
def connect_target(
    spark: servers.SparkCluster, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Target]:
    with ExitStack() as stack:
        port = spark.start_connect(stack)
        yield _filled(Target("sc", tmp_path_factory.mktemp("sc"), port))


@pytest.fixture
def target(request: pytest.FixtureRequest) -> Target:
    """The engine whose name the test is given."""
    found: Target = request.getfixturevalue(f"{request.param}_target")
    return found


OPEN: list[WarehouseEngine] = []


@pytest.fixture(autouse=True)
def _leave() -> Iterator[None]:
    """Close what a test has opened."""
    yield
    while OPEN:
        OPEN.pop().close()


@pytest.fixture(autouse=True, scope="module")
def _leave_kept() -> Iterator[None]:
    """Close what tests have shared."""
    yield
    for engine in KEPT.values():
        engine.close()
    KEPT.clear()


KEPT: dict[tuple[str, str], WarehouseEngine] = {}


def open_table(
    target: Target,
    name: str,
    tz: str = "UTC",
    *,
    user_field: str | None = None,
    time_field: str | None = None,
) -> WarehouseEngine:
    """An engine for one test."""
    session = Session(target.url(name), tz)
    try:
        OPEN.append(
            WarehouseEngine(
                EventTable(
                    session,
                    target.table(name),
                    ReadOptions(user_field=user_field, time_field=time_field),
                )
            )
        )
    except core.SourceError:
        session.close()
        raise
    return OPEN[-1]


def engine_of(target: Target, table: str = "crowd") -> WarehouseEngine:
    """An engine for all tests of a file."""
    if (target.name, table) not in KEPT:
        source = EventTable(Session(target.url(table)), target.table(table), ReadOptions())
        KEPT[target.name, table] = WarehouseEngine(source)
    return KEPT[target.name, table]


def _filled(target: Target) -> Target:
    for name, rows in CROWD.tables().items():
        target.put(name, rows)
    return target


def on(*names: str) -> pytest.MarkDecorator:
    """The same test on some engines, each kept in one process for all its tests."""
    cluster = ("spark", "connect")
    return pytest.mark.parametrize(
        "target",
        [
            pytest.param(
                name,
                marks=[
                    pytest.mark.xdist_group("spark" if name in cluster else name),
                    *(SPARK if name in cluster else ()),
                ],
            )
            for name in names
        ],
        indirect=True,
    )
