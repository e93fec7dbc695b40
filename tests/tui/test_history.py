"""Going back and forth among questions."""

from hypothesis import given
from hypothesis import strategies as st

from core.study import Study
from tracer_tui.history import MOST, History


@given(st.lists(st.sampled_from(("ask", "undo", "redo")), max_size=30))
def test_undo_and_redo_walk_the_same_path(steps: list[str]) -> None:
    history, now, number = History(), Study(timeout=0), 0
    asked, place = [now], 0
    for step in steps:
        if step == "ask":
            number += 1
            history, now = history.asked(now), Study(timeout=number)
            asked, place = [*asked[: place + 1], now], place + 1
        elif step == "undo":
            now, history = history.undo(now)
            place = max(place - 1, 0)
        else:
            now, history = history.redo(now)
            place = min(place + 1, len(asked) - 1)
        assert now == asked[place]


def test_only_so_many_questions_are_kept() -> None:
    history = History()
    for number in range(MOST + 5):
        history = history.asked(Study(timeout=number))
    assert len(history.past) == MOST
    assert history.past[-1] == Study(timeout=MOST + 4)
