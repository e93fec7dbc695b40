"""What the README says of speed is what was measured last."""

from pathlib import Path

from tests.benchmarks.bench import PARTS, README, TABLE, include, included, put


def test_the_table_of_the_readme_is_the_one_that_was_measured() -> None:
    assert included(README.read_text()) == TABLE.read_text()


def test_every_part_of_the_benchmark_is_in_the_table() -> None:
    titles = [line[4:] for line in TABLE.read_text().splitlines() if line.startswith("### ")]
    assert titles == [title for title, _ in PARTS.values()]


def test_a_part_measured_anew_takes_the_place_of_what_it_said(tmp_path: Path) -> None:
    path = tmp_path / "table.md"
    for title, text in (("A", "old"), ("B", "b"), ("A", "new")):
        put(text, title, path)
    assert path.read_text() == "### A\n\nnew\n\n### B\n\nb\n"


def test_including_again_changes_the_table_alone() -> None:
    readme = README.read_text()
    assert include(include(readme, "other\n"), TABLE.read_text()) == readme
