"""The small errors of `tests.mutations` are errors in what stands in the engine now."""

from tests.mutations import MUTATIONS, ROOT, SAME


def test_what_each_error_takes_the_place_of_stands_there_once() -> None:
    text = {file: (ROOT / "core" / f"{file}.py").read_text() for file, _, _ in MUTATIONS}
    assert [each for each in MUTATIONS if text[each[0]].count(each[1]) != 1] == []
    assert set(SAME) <= set(MUTATIONS)
