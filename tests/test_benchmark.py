"""The benchmark asks what it says it asks: it is run whole, with few events and one peer."""

from pathlib import Path

from tests.benchmarks.questions import LOADING, OURS, QUESTIONS, measure_questions


def test_every_question_is_asked_and_the_peer_gives_our_answer(tmp_path: Path) -> None:
    told = measure_questions(20_000, tmp_path, 1, ("ours", "DuckDB"))
    asked = [line.split(" | ")[0].removeprefix("| ") for line in told.splitlines()[2:]]
    assert asked == [LOADING, *QUESTIONS, *OURS]
