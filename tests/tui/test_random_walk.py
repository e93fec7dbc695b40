"""Any keys and clicks in any order: the screen never breaks, and its numbers are always right."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.widgets import Input

import core
from core.study import Study
from tests.tui.driving import FIVE, NARROW, Face, demo_engine, drawn_lines, opened
from tracer_tui.drawing import count
from tracer_tui.keys import bindings_by_place
from tracer_tui.screens.explorer import Explorer

pytestmark = pytest.mark.slow

PRESSES, WALKS = 100, 20
"""Steps of one walk, and walks: two thousand steps."""
LEAVING = {"q", "ctrl+q", "ctrl+c", "ctrl+z"}
KEYS = sorted(
    {
        key.strip()
        for place in bindings_by_place().values()
        for binding in place
        for key in binding.key.split(",")
    }
    - LEAVING
)
TYPED = ["a", "p", "r", "backspace", "enter", "escape", "|", "*", "2", "0", "m", "space"]
STEP = st.one_of(
    st.sampled_from(KEYS),
    st.sampled_from(TYPED),
    st.sampled_from(["[", "]", "{", "}", "s", "o", "j", "k", "escape", "enter", "tab", "1", "3"]),
    st.tuples(st.integers(0, NARROW[0] - 1), st.integers(0, NARROW[1] - 2)),
)
"""A key, or a place that is clicked. What changes the question is pressed more often."""
STAGES = st.lists(st.sampled_from(FIVE), max_size=3).map(
    lambda names: tuple(core.Stage((name,)) for name in names)
)


@settings(
    max_examples=WALKS,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(stages=STAGES, steps=st.lists(STEP, min_size=PRESSES, max_size=PRESSES))
def test_any_walk_shows_the_numbers_of_core(
    stages: tuple[core.Stage, ...],
    steps: list[str | tuple[int, int]],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    asyncio.run(walk(Study(stages=stages), steps))


async def walk(asked: Study, steps: list[str | tuple[int, int]]) -> None:
    fresh = core.LocalEngine(demo_engine().log)
    async with opened(demo_engine(), asked, size=NARROW) as face:
        for number, step in enumerate(steps):
            if isinstance(step, str):
                await face.press(step)
            else:
                await face.pilot.click(offset=step)
                await face.settled()
            assert face.app.is_running, step
            # Core takes longer than the screen: not after every step, but wherever walks come to.
            if isinstance(face.app.screen, Explorer) and number % 5 == 4:
                check(face, fresh)


def check(face: Face, fresh: core.LocalEngine) -> None:
    """Everything that is shown is what core says about the question that is shown."""
    study, page = face.study, face.page
    assert face.explorer.view.study == study
    answer = fresh.funnel(study)
    assert (face.funnel.stages, face.funnel.leak) == (answer.stages, answer.leak)
    assert face.funnel.journeys_count == answer.journeys_count
    assert face.funnel.warnings == answer.warnings
    for stage, line in zip(answer.stages, drawn_lines(face.bars), strict=True):
        assert f" {count(stage.count)} " in line
    expected = fresh.users(study, page.cohort, page.sort, page.search, page.start, page.start + 400)
    assert (page.total, page.rows) == (expected.total, expected.rows)
    assert page.cohort == face.explorer.view.cohort
    details = face.explorer.details
    assert details is not None
    assert details.study == study
    assert details.medians == fresh.medians_to_next(study)
    row = face.lines.row
    if row is None:
        assert page.total == 0
        return
    trail = fresh.journeys(study, row.user)
    assert face.trail.user == row.user
    assert list(face.trail.sessions) == list(trail.sessions)
    marks = [trail.marks(place) for place in range(len(trail))]
    assert [face.trail.marks(place) for place in range(len(face.trail))] == marks
    assert face.explorer.event is None or face.explorer.event.user == row.user
    assert not face.explorer.is_stale
    assert not any(field.value and not field.display for field in face.users.query(Input))
