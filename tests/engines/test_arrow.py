"""Arrow files, which need Arrow's own library."""

import subprocess
import sys
from pathlib import Path

import pyarrow as arrow
import pyarrow.ipc

import core
from tests.core.shapes import EVENTS


def _export(path: Path) -> Path:
    table = arrow.table(
        {
            "user": [event.user for event in EVENTS],
            "event": [event.name for event in EVENTS],
            "time": [event.time for event in EVENTS],
        }
    )
    with arrow.ipc.new_file(str(path), table.schema) as file:
        file.write_table(table)
    return path


def test_an_arrow_file_is_the_log_of_its_rows(tmp_path: Path) -> None:
    log = core.read_events(_export(tmp_path / "export.arrow"))
    told = [(event.user, event.time, event.name) for event in log.events(0, len(log))]
    assert sorted(told) == sorted((event.user, event.time, event.name) for event in EVENTS)


def test_without_the_library_one_line_says_what_to_install(tmp_path: Path) -> None:
    path = str(_export(tmp_path / "export.arrow"))
    code = f"import sys; sys.modules['pyarrow'] = None; import core; core.read_events({path!r})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.stderr.splitlines()[-1].endswith("to read it: pip install pyarrow")
