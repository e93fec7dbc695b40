"""What the README says of speed is what was measured last, and its keys are those there are."""

import re
from pathlib import Path

from textual.keys import key_to_character

from tests.benchmarks.bench import PARTS, README, TABLE, include, included, put
from tracer_tui.keys import bindings_by_place


def test_the_table_of_the_readme_is_the_one_that_was_measured() -> None:
    assert included(README.read_text()) == TABLE.read_text()


def test_every_part_of_the_benchmark_is_in_the_table() -> None:
    titles = re.findall("^### ([^:\n]+)", TABLE.read_text(), re.MULTILINE)
    assert list(dict.fromkeys(titles)) == [title for title, _ in PARTS.values()]


def test_a_part_measured_anew_takes_the_place_of_what_it_said(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    for title, text in (("A", "old"), ("B", "b"), ("A", "new")):
        put(text, title, path)
    assert path.read_text() == "### A\n\nnew\n\n### B\n\nb\n"


def test_including_again_changes_the_table_alone() -> None:
    readme = README.read_text()
    assert include(include(readme, "other\n"), TABLE.read_text()) == readme


def test_the_keys_of_the_readme_are_keys_and_hardly_one_is_missing() -> None:
    table = README.read_text().partition("| key | does |")[2].partition("\n\n")[0]
    told = {
        key for row in table.splitlines() for key in re.findall("`([^`]+)`", row[: row.find(" | ")])
    }
    keys = {
        sign
        for place in ("Explorer", "TracerApp", "UserList", "SessionTimeline", "TrailLines")
        for binding in bindings_by_place()[place]
        for key in binding.key.split(",")
        for sign in (key, key_to_character(key), binding.key_display)
    }
    assert told - keys == set()
    asks = {"timeout", "window", "study", "stage", "out"}
    assert {
        key_to_character(binding.key) or binding.key
        for binding in bindings_by_place()["Explorer"]
        if str(binding.id).split(".")[0] in asks
    } <= told
