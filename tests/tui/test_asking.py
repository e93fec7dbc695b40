from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from tracer_tui.asking import Newest


def test_a_first_question_runs_at_once() -> None:
    asking = Newest[str]()
    assert asking.ask("a") == "a"
    assert (asking.running, asking.waiting) == ("a", None)


def test_later_questions_wait_and_the_newest_replaces_the_others() -> None:
    asking = Newest[str]()
    asking.ask("a")
    assert asking.ask("b") is None
    assert asking.ask("c") is None
    assert (asking.running, asking.waiting) == ("a", "c")
    assert asking.done() == "c"
    assert asking.done() is None
    assert (asking.running, asking.waiting) == (None, None)


def test_after_a_rest_it_runs_again() -> None:
    asking = Newest[str]()
    asking.ask("a")
    asking.done()
    assert asking.ask("b") == "b"


@given(st.lists(st.sampled_from(["ask", "done"]), max_size=40))
def test_one_question_runs_at_a_time_and_the_last_asked_is_never_lost(
    steps: Sequence[str],
) -> None:
    asking = Newest[int]()
    running: int | None = None
    started: list[int] = []
    last = -1
    for number, step in enumerate(steps):
        if step == "ask":
            last = number
            now = asking.ask(number)
            assert now is None or running is None
        elif running is not None:
            now, running = asking.done(), None
        else:
            continue
        if now is not None:
            running = now
            started.append(now)
    while running is not None:
        running = asking.done()
        started += [] if running is None else [running]
    assert started == sorted(started)
    assert started[-1:] == ([] if last < 0 else [last])
