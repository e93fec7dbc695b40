"""Any keys and clicks in any order: the screen never breaks, and its numbers are always right."""

import asyncio
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from textual.widgets import Input

import core
from core.engine import FunnelAnswer
from core.study import Study
from core.timeline import Trail
from tests.tui.driving import FIVE, NARROW, Face, demo_engine, drawn_lines, opened
from tests.tui.painted import Painted, paint
from tracer_tui.answers import PAGE
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
    painted = paint(monkeypatch)
    asyncio.run(walk(Study(stages=stages), steps, painted))


async def walk(asked: Study, steps: list[str | tuple[int, int]], painted: Painted) -> None:
    judge = Judge(core.LocalEngine(demo_engine().log))
    async with opened(demo_engine(), asked, size=NARROW) as face:
        for step in steps:
            if isinstance(step, str):
                await face.press(step)
            else:
                await face.pilot.click(offset=step)
                await face.settled()
            assert face.app.is_running, step
            assert painted.differs(face.app) == [], step
            if isinstance(face.app.screen, Explorer):
                judge.check(face)


class Judge:
    """Compares everything that is shown with what core says about the question that is shown.

    Answers never change, so what was compared once is not compared again.
    """

    def __init__(self, fresh: core.LocalEngine) -> None:
        self.fresh = fresh
        self.known: list[object] = []

    def is_new(self, answer: object) -> bool:
        is_new = all(answer is not known for known in self.known)
        self.known.append(answer)
        return is_new

    def check(self, face: Face) -> None:
        explorer, page = face.explorer, face.page
        assert explorer.view.study == face.study
        assert page.cohort == explorer.view.cohort
        assert not explorer.is_stale
        assert not any(field.value and not field.display for field in face.users.query(Input))
        assert explorer.details is not None
        assert explorer.details.study == face.study
        if self.is_new(face.funnel):
            self._check_funnel(face, face.funnel)
        if self.is_new(explorer.details):
            assert explorer.details.medians == self.fresh.medians_to_next(face.study)
        if self.is_new(page):
            stretch = page.start, page.start + PAGE
            expected = self.fresh.users(face.study, page.cohort, page.sort, page.search, *stretch)
            assert (page.total, page.rows) == (expected.total, expected.rows)
        row = face.lines.row
        if row is None:
            assert page.total == 0
            return
        assert face.trail.user == row.user
        assert explorer.event is None or explorer.event.user == row.user
        if self.is_new(face.trail):
            self._check_trail(face.trail, self.fresh.journeys(face.study, row.user))

    def _check_funnel(self, face: Face, shown: FunnelAnswer) -> None:
        answer = self.fresh.funnel(face.study)
        assert (shown.stages, shown.leak) == (answer.stages, answer.leak)
        assert shown.journeys_count == answer.journeys_count
        assert shown.warnings == answer.warnings
        for stage, line in zip(answer.stages, drawn_lines(face.bars), strict=True):
            assert f" {count(stage.count)} " in line

    def _check_trail(self, shown: Trail, trail: Trail) -> None:
        assert list(shown.sessions) == list(trail.sessions)
        marks = [trail.marks(place) for place in range(len(trail))]
        assert [shown.marks(place) for place in range(len(shown))] == marks
