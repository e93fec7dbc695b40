"""ClickHouse in a process of its own, as a second opinion on what is counted.

It comes as a library. Its threads, its signal handlers and whatever it prints stay out of the
process that runs the tests.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from tests.core.build import Trails

ASK = """
import sys
import chdb
with open(sys.argv[2], "wb") as answer:
    answer.write(chdb.query(sys.argv[1], "JSONCompactEachRow").bytes())
"""


def write_events(trails: Trails, folder: Path) -> Path:
    """A file of events for both engines: user, name and microseconds, in the order they came."""
    path = folder / "events.csv"
    rows = ((user, name, time) for user, trail in trails.items() for time, name in trail)
    path.write_text("".join(f"{user},{name},{time}\n" for user, name, time in rows))
    return path


def events_of(path: Path) -> str:
    """The file as a table of ClickHouse."""
    return f"file('{path}', CSV, 'user String, name String, time UInt64')"


def ask(sql: str, folder: Path) -> list[list[Any]]:
    """The rows that ClickHouse answers with. Raises CalledProcessError where it refuses."""
    answer = folder / "answer.json"
    subprocess.run([sys.executable, "-W", "ignore", "-c", ASK, sql, str(answer)], check=True)
    return [json.loads(line) for line in answer.read_text().splitlines()]
