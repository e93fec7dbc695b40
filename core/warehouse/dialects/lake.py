"""What lies at a path of a lake: Parquet files, or an Iceberg table, known by its metadata."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Any

from py4j.protocol import Py4JJavaError
from pyspark.errors import PySparkException

from core.errors import SourceError

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession

METADATA = ".metadata.json"
"""How the name of a file ends that describes one state of an Iceberg table."""


def read_path(session: SparkSession, path: str, *, is_ours: bool) -> DataFrame:
    """The rows at a path; nothing but their columns is read yet.

    An Iceberg table is named by its folder, or by the file of one state of it. `is_ours` says that
    the session was started here, and takes packages from the address. Raises SourceError where an
    Iceberg table cannot be read, and says how it can.
    """
    if not path.endswith(METADATA):
        states = _states(session, path)
        if not states:
            return session.read.parquet(path)
        if not any(PurePosixPath(state).name.startswith("v") for state in states):
            # A catalog keeps such a table: only it knows which state is the current one.
            newest = max(states, key=lambda state: PurePosixPath(state).name)
            raise SourceError(
                f"{path} is an Iceberg table whose catalog knows its current state: name it as the "
                f"catalog does, or name a state, such as --table {newest}"
            )
    try:
        rows = session.read.format("iceberg").load(path)
        rows.schema  # noqa: B018 - Spark Connect looks for it no earlier
    except (Py4JJavaError, PySparkException) as error:
        if "DATA_SOURCE_NOT_FOUND" not in str(error):
            raise
        raise SourceError(_missing(session.version, path, is_ours=is_ours)) from None
    return rows


def _states(session: SparkSession, path: str) -> list[str]:
    """The files that describe states of the table at a path; none where it is no Iceberg table."""
    files: Any = session.read.format("binaryFile")
    try:
        states: list[str] = files.load(f"{path}/metadata/*{METADATA}").inputFiles()
    except PySparkException as error:
        if "PATH_NOT_FOUND" not in str(error):
            raise
        return []
    return states


def _missing(version: str, path: str, *, is_ours: bool) -> str:
    """What to say when Spark has no Iceberg."""
    release = ".".join(version.split(".")[:2])
    package = f"org.apache.iceberg:iceberg-spark-runtime-{release}_2.13:1.10.1"
    how = (
        f"add ?spark.jars.packages={package} to the address"
        if is_ours
        else f"have its server started with --packages {package}"
    )
    return f"{path} is an Iceberg table, and this Spark {release} cannot read any: {how}"
