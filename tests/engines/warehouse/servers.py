"""Real engines as processes on loopback, from what pip and apt installed, ended after use."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

HERE = Path(__file__).parent
OWNER, READER, PASSWORD = "owner", "reader", "it's a %secret@"
START_SECONDS = 90.0


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_for(port: int, process: subprocess.Popen[bytes] | None = None) -> None:
    """Until something listens. A server that cannot be had fails its tests; it never skips them."""
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends:
        if process is not None and process.poll() is not None:
            raise RuntimeError(f"a server ended with {process.returncode} before it listened")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise RuntimeError(f"nothing listens on port {port} after {START_SECONDS:.0f} s")


@contextmanager
def running(
    command: Sequence[str], log: Path, env: dict[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """A process, and all that it starts, until the end of the block."""
    with log.open("wb") as out:
        process = subprocess.Popen(
            command, stdout=out, stderr=out, env=env, start_new_session=True, cwd=log.parent
        )
    try:
        yield process
    finally:
        try:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait(10)
        except (ProcessLookupError, subprocess.TimeoutExpired):
            pass
        finally:
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()


@contextmanager
def postgres() -> Iterator[int]:
    """The port of a PostgreSQL server with the database `events`, and an account to read it."""
    homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not homes:
        raise RuntimeError("no PostgreSQL server: apt-get install postgresql")
    home, port = homes[-1], free_port()
    # PostgreSQL refuses to run as root.
    as_owner = ["runuser", "-u", "postgres", "--"] if os.geteuid() == 0 else []
    folder = Path(tempfile.mkdtemp(prefix="tracer-postgres-"))
    try:
        secret = folder / "secret"
        secret.write_text(PASSWORD, encoding="utf-8")
        if as_owner:
            shutil.chown(folder, "postgres")
            shutil.chown(secret, "postgres")
        data = folder / "data"
        subprocess.run(
            [*as_owner, str(home / "initdb"), "-D", str(data), "-U", OWNER, "-A", "scram-sha-256",
             f"--pwfile={secret}", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"],
            check=True, capture_output=True, cwd=folder,
        )  # fmt: skip
        server = [*as_owner, str(home / "postgres"), "-D", str(data), "-p", str(port),
                  "-c", "listen_addresses=127.0.0.1", "-c", f"unix_socket_directories={folder}",
                  "-c", "fsync=off", "-c", "max_connections=40"]  # fmt: skip
        with running(server, folder / "log") as process:
            wait_for(port, process)
            import psycopg

            login = {"host": "127.0.0.1", "port": port, "user": OWNER, "password": PASSWORD}
            ends = time.monotonic() + START_SECONDS
            while True:
                try:
                    connection = psycopg.connect(**login, dbname="postgres", autocommit=True)
                except psycopg.OperationalError:
                    # It listens before it is ready.
                    if time.monotonic() > ends:
                        raise
                    time.sleep(0.05)
                else:
                    break
            with connection:
                connection.execute("CREATE DATABASE events")
            with psycopg.connect(**login, dbname="events", autocommit=True) as connection:
                quoted = PASSWORD.replace("'", "''").replace("%", "%%")
                connection.execute(f"CREATE ROLE {READER} LOGIN PASSWORD '{quoted}'", ())
                connection.execute(f"ALTER DEFAULT PRIVILEGES GRANT SELECT ON TABLES TO {READER}")
                connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")
                connection.execute("REVOKE TEMPORARY ON DATABASE events FROM PUBLIC")
                connection.execute(f"GRANT USAGE ON SCHEMA public TO {READER}")
            yield port
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class SparkCluster:
    """A standalone cluster: one master, two workers, each a process; and a Connect server on it."""

    def __init__(self, stack: ExitStack, folder: Path) -> None:
        import pyspark

        self.home = Path(pyspark.__file__).parent
        self.folder = folder
        self.port = free_port()
        self._env = {
            **os.environ,
            "SPARK_HOME": str(self.home),
            "SPARK_LOCAL_IP": "127.0.0.1",
            "SPARK_DAEMON_MEMORY": "192m",
            "SPARK_DAEMON_JAVA_OPTS": SHORT_LIVED,
            "PYSPARK_PYTHON": sys.executable,
        }
        self.master = self._start(
            stack, "master", "org.apache.spark.deploy.master.Master",
            "--host", "127.0.0.1", "--port", str(self.port), "--webui-port", str(free_port()),
        )  # fmt: skip
        wait_for(self.port, self.master)
        self.workers = [self.start_worker(stack, number) for number in range(2)]

    def start_worker(self, stack: ExitStack, number: int) -> subprocess.Popen[bytes]:
        work = self.folder / f"work{number}"
        return self._start(
            stack, f"worker{number}", "org.apache.spark.deploy.worker.Worker",
            "--host", "127.0.0.1", "--webui-port", str(free_port()), "--cores", "2",
            "--memory", "2g", "--work-dir", str(work), f"spark://127.0.0.1:{self.port}",
        )  # fmt: skip

    def start_connect(self, stack: ExitStack) -> int:
        """The port of a Spark Connect server whose jobs run on the workers."""
        port = free_port()
        command = [
            str(self.home / "bin" / "spark-submit"),
            "--class", "org.apache.spark.sql.connect.service.SparkConnectServer",
            "--master", f"spark://127.0.0.1:{self.port}",
            *(part for key, value in CONF.items() for part in ("--conf", f"{key}={value}")),
            "--conf", f"spark.connect.grpc.binding.port={port}",
            "spark-internal",
        ]  # fmt: skip
        # Spark takes a server's memory from here, whatever its options say.
        memory = {"SPARK_DAEMON_MEMORY": "640m"}
        process = stack.enter_context(
            running(command, self.folder / "connect.log", {**self._env, **memory})
        )
        wait_for(port, process)
        return port

    def _start(
        self, stack: ExitStack, name: str, main: str, *options: str
    ) -> subprocess.Popen[bytes]:
        command = [str(self.home / "bin" / "spark-class"), main, *options]
        return stack.enter_context(running(command, self.folder / f"{name}.log", self._env))


SHORT_LIVED = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
"""To Java: what compiles best takes longer than it would ever save here."""
CONF = {
    "spark.driver.extraJavaOptions": SHORT_LIVED,
    "spark.executor.extraJavaOptions": SHORT_LIVED,
    "spark.sql.shuffle.partitions": "2",
    "spark.default.parallelism": "2",
    "spark.executor.memory": "512m",
    "spark.executor.cores": "1",
    "spark.cores.max": "2",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.sql.adaptive.enabled": "false",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.codegen.factoryMode": "NO_CODEGEN",
}
"""A small cluster: few tasks, each with less to do than it takes to compile code for it."""
LARGE = {
    "spark.sql.shuffle.partitions": "4",
    "spark.executor.memory": "1500m",
    "spark.driver.memory": "1500m",
    "spark.executor.cores": "1",
    "spark.cores.max": "2",
    "spark.ui.enabled": "false",
    "spark.driver.host": "127.0.0.1",
    "spark.driver.bindAddress": "127.0.0.1",
    # Queries that take turns find what was compiled for them: of 100 pieces each drives others out.
    "spark.sql.codegen.cache.maxEntries": "1000",
}
"""The same for many events, as Spark is used: it compiles its queries."""


@contextmanager
def spark_cluster() -> Iterator[tuple[SparkCluster, ExitStack]]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tracer-spark-")))
        yield SparkCluster(stack, folder), stack


@contextmanager
def clickhouse(folder: Path) -> Iterator[int]:
    """The port at which the ClickHouse engine answers HTTP: see `clickhouse_http`."""
    port = free_port()
    command = [sys.executable, str(HERE / "clickhouse_http.py"), str(port), str(folder / "data")]
    secret = {**os.environ, "SERVER_PASSWORD": PASSWORD}
    with running(command, folder / "log", secret) as process:
        wait_for(port, process)
        yield port
