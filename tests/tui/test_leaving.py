"""Leaving: who is waited for, and who is not."""

import subprocess
import sys
import threading
from pathlib import Path

from textual.app import App
from textual.drivers.linux_driver import LinuxDriver

from tracer_tui.signals import read_no_more_keys

ENDING = """
import atexit, sys, threading, time
from pathlib import Path
from tracer_tui.leaving import held, leave

def write():
    with held(60):
        ready.set()
        time.sleep(0.05)
        Path(sys.argv[1]).write_text("whole")

ready = threading.Event()
atexit.register(Path(sys.argv[2]).unlink)
threading.Thread(target=threading.Event().wait).start()  # never comes to an end
threading.Thread(target=write).start()
ready.wait()
print("told", end="")
leave(3)
"""
OVERDUE = """
import threading
from tracer_tui.leaving import held, leave

def hang():
    with held(0.01):
        ready.set()
        threading.Event().wait()

ready = threading.Event()
threading.Thread(target=hang).start()
ready.wait()
leave(0)
"""
LOST = """
import os, sys
from tracer_tui.leaving import leave

ours, theirs = os.openpty()
os.dup2(theirs, 2)
sys.stderr = open(2, "w", buffering=4096)
os.close(theirs)
os.close(ours)
print("drawn", file=sys.stderr)
leave(5)
"""


def run(program: str, *arguments: Path) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-c", program, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_what_writes_is_waited_for_and_what_computes_is_not(tmp_path: Path) -> None:
    written, temporary = tmp_path / "written", tmp_path / "temporary"
    temporary.touch()
    ended = run(ENDING, written, temporary)
    assert (ended.returncode, ended.stdout, ended.stderr) == (3, "told", "")
    assert written.read_text() == "whole"
    assert not temporary.exists()


def test_nothing_is_waited_for_longer_than_it_may_take() -> None:
    assert run(OVERDUE).returncode == 0


async def test_the_thread_that_reads_keys_is_told_to_end_and_not_waited_for() -> None:
    driver, ends = LinuxDriver(App[None](), mouse=False), threading.Event()
    driver._key_thread = threading.Thread(target=ends.wait, daemon=True)
    driver._key_thread.start()
    read_no_more_keys(driver)
    driver.disable_input()  # what Textual does; it would wait for ever
    assert driver.exit_event.is_set()
    ends.set()


def test_a_terminal_that_is_closed_changes_no_exit_code() -> None:
    assert run(LOST).returncode == 5
