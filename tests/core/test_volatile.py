"""Functions whose answer is another each time are refused, and only those."""

import pytest

import core
from core.volatile import CLOCK_WORDS, refuse_volatile


@pytest.mark.parametrize(
    "name",
    [
        *("age", "current_localtimestamp", "curtime", "NOW", "sysdatetime", "yesterday"),
        *sorted(CLOCK_WORDS),
    ],
)
def test_the_clock_is_refused(name: str) -> None:
    with pytest.raises(core.QuestionError, match=f"{name.casefold()} is another at another time"):
        refuse_volatile([("lower", 1), (name, 0)])


@pytest.mark.parametrize(
    "name", ["blocknumber", "generatesnowflakeid", "generateUUIDv4", "Random", "sleep", "uuidv7"]
)
def test_chance_is_refused(name: str) -> None:
    with pytest.raises(core.QuestionError, match=rf"{name.casefold()}\(\) gives another answer"):
        refuse_volatile([("lower", 1), (name, 0)])


def test_what_an_engine_has_besides_is_refused() -> None:
    refuse_volatile([("dice", 0)])
    with pytest.raises(core.QuestionError, match=r"dice\(\) gives another answer"):
        refuse_volatile([("dice", 0)], frozenset({"dice"}))


def test_a_function_that_is_given_its_times_may_stay() -> None:
    refuse_volatile([("age", 2), ("unix_timestamp", 1), ("lower", 1), ("round", 2)])
    with pytest.raises(core.QuestionError, match="age is another"):
        refuse_volatile([("age", 1)])
