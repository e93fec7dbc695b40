"""Which line shows what, against the lines written out one by one."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from tracer_tui.folds import Folds

SESSIONS = st.lists(st.tuples(st.integers(1, 4), st.booleans()), max_size=6)
"""Events of each session, and whether it is folded."""


def written_out(sessions: list[tuple[int, bool]]) -> list[tuple[str, int, int | None]]:
    """What each line is: its kind, its session, the place of its event."""
    lines: list[tuple[str, int, int | None]] = []
    place = 0
    for number, (events, folded) in enumerate(sessions):
        if number:
            lines.append(("idle", number, None))
        lines.append(("header", number, None))
        if not folded:
            lines += [("event", number, place + i) for i in range(events)]
        place += events
    return lines


def folds_of(sessions: list[tuple[int, bool]]) -> Folds:
    sizes = [events for events, _ in sessions]
    starts = np.cumsum([0, *sizes])[:-1].astype(np.int64)
    return Folds.of(
        starts, sum(sizes), np.array([folded for _, folded in sessions], dtype=np.bool_)
    )


@given(SESSIONS)
def test_every_line_is_found(sessions: list[tuple[int, bool]]) -> None:
    folds, lines = folds_of(sessions), written_out(sessions)
    assert folds.line_count == len(lines)
    for line, (kind, number, place) in enumerate(lines):
        assert (folds.session_at(line), folds.place_at(line)) == (number, place)
        assert (folds.headers[number] == line) == (kind == "header")
        assert folds.nearest_place(line) == (folds.starts[number] if place is None else place)


@given(SESSIONS)
def test_every_event_is_found_or_the_header_it_is_folded_under(
    sessions: list[tuple[int, bool]],
) -> None:
    folds, lines = folds_of(sessions), written_out(sessions)
    where = {place: line for line, (_, _, place) in enumerate(lines) if place is not None}
    for place in range(folds.events):
        number = folds.session_of(place)
        assert folds.line_of(place) == where.get(place, folds.headers[number])
        assert (place in where) != folds.folded[number]


@given(SESSIONS.filter(bool), st.data())
def test_folding_changes_one_session_or_all(
    sessions: list[tuple[int, bool]], data: st.DataObject
) -> None:
    folds = folds_of(sessions)
    number = data.draw(st.integers(0, len(sessions) - 1))
    changed = folds.with_fold(number, folded=not folds.folded[number])
    assert np.flatnonzero(changed.folded != folds.folded).tolist() == [number]
    assert folds.with_all(folded=True).line_count == 2 * len(sessions) - 1
    assert folds.with_all(folded=False).line_count == folds.events + 2 * len(sessions) - 1
