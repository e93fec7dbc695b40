"""Estimates first, then the truth: what is one and what the other, and what runs meanwhile."""

from __future__ import annotations

import re
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

import core
from core.durations import parse_limit
from core.engine import FunnelAnswer, UsersPage
from core.result import Sampled
from core.study import Study
from core.vocabulary import Vocabulary
from tests.tui.driving import NARROW, PATIENCE, WIDE, Face, app_on, demo_engine, opened, until
from tracer_tui.details import find_details
from tracer_tui.drawing import count
from tracer_tui.screens.drop_off import DropOff
from tracer_tui.screens.help import keys_of
from tracer_tui.widgets import funnel_bars
from tracer_tui.widgets.status_line import StatusLine

SHARE = 0.25


class Estimating(core.LocalEngine):
    """Estimates that are far too high, until it may count; then it is exact."""

    def __init__(self) -> None:
        super().__init__(demo_engine().log)
        self.asked: list[Study] = []
        self.cancelled: list[Study] = []
        self.counted: list[Study] = []
        self.stops = 0
        self.is_closed = False
        self.refusal = ""
        self.broken: set[str] = set()
        self._running: list[Study] = []
        self._is_stopped = threading.Event()
        self.was_cancelled = threading.Event()
        self.may_count = threading.Event()
        self.may_count.set()
        self.may_detail = threading.Event()
        self.may_detail.set()
        self.is_detailing = threading.Event()
        self.may_be_stopped = threading.Event()
        self.may_be_stopped.set()

    @property
    def doing(self) -> str:
        if not self.may_detail.is_set():
            return "Fake: times to convert"
        return f"Fake: funnel of {len(self._running[0].stages)} stages" if self._running else ""

    def funnel(self, study: Study) -> FunnelAnswer:
        exact = super().funnel(study)
        if study in self.counted:
            return exact
        stages = tuple(replace(stage, count=stage.count + 1000) for stage in exact.stages)
        bounds = tuple((0.5 * each.conversion, each.conversion) for each in stages)
        counts = tuple((each.count - 10, each.count + 10) for each in stages)
        return replace(exact, stages=stages, sampled=Sampled(SHARE, counts, bounds))

    def exact(self, study: Study, cancelled: Callable[[], bool] | None = None) -> FunnelAnswer:
        self._is_stopped.clear()
        self.asked.append(study)
        self._running.append(study)
        try:
            while not self.may_count.wait(0.005):
                if self._is_stopped.is_set() or self.is_closed or (cancelled and cancelled()):
                    self.cancelled.append(study)
                    self.was_cancelled.set()
                    raise core.Cancelled("the question was stopped")
        finally:
            self._running.remove(study)
        if self.refusal:
            raise core.QuestionError(self.refusal)
        if "exact" in self.broken:
            raise core.SourceError("the way to it is cut")
        self.counted.append(study)
        return self.funnel(study)

    def users(self, study: Study, *args: Any, **options: Any) -> UsersPage:
        page = super().users(study, *args, **options)
        return page if study in self.counted else replace(page, share=SHARE)

    def vocabulary(self) -> Vocabulary:
        if "vocabulary" in self.broken:
            raise core.SourceError("the way to it is cut")
        return super().vocabulary()

    def journeys(self, study: Study, user: str) -> Any:
        if "journeys" in self.broken:
            raise core.SourceError("the way to it is cut")
        return super().journeys(study, user)

    def medians_to_next(self, study: Study) -> tuple[float | None, ...]:
        if "medians" in self.broken:
            raise core.SourceError("the way to it is cut")
        stops = self.stops
        if study in self.counted:
            self.is_detailing.set()
        while study in self.counted:
            is_done = self.may_detail.wait(0.005)
            if self.stops > stops or self.is_closed:
                self.may_be_stopped.wait(PATIENCE)
                raise core.Cancelled("the question was stopped")
            if is_done:
                break
        return super().medians_to_next(study)

    def stop(self) -> None:
        self.stops += 1
        if self._running:
            self._is_stopped.set()

    def close(self) -> None:
        self.is_closed = True


@asynccontextmanager
async def estimating(size: tuple[int, int] = WIDE) -> AsyncIterator[tuple[Face, Estimating]]:
    """The screen with the estimates of a question that is being counted."""
    engine = Estimating()
    async with opened(engine, size=size) as face:
        engine.may_count.clear()
        await face.pilot.press("]")
        await until(face.pilot, lambda: face.study.timeout == parse_limit("45m"))
        await until(face.pilot, lambda: face.study in engine.asked)
        yield face, engine


@pytest.mark.parametrize("size", [NARROW, WIDE])
async def test_estimates_say_so_wherever_they_stand(size: tuple[int, int]) -> None:
    async with estimating(size) as (face, _):
        await until(face.pilot, lambda: f"≈{count(face.counts[0])} " in face.text)
        assert "estimated from 25 % of the users" in face.text
        assert re.search(r"\d %? ±\d+\.\d ", face.text)
        assert re.search(r"≈−\d+\.\d % +≈\d+ left", face.text)
        assert "25 % sam" in face.title(face.users)
        status = face.explorer.query_one(StatusLine)
        status.doing = ""
        assert "≈5 sessions" in face.status


async def test_exact_numbers_take_the_place_of_estimates_and_stand_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(funnel_bars, "FRESH_SECONDS", 3600)
    async with estimating() as (face, engine):
        assert face.counts[0] > 1000
        engine.may_count.set()
        await face.settled()
        assert face.counts == [stage.count for stage in demo_engine().funnel(face.study).stages]
        assert face.bars.is_fresh
        assert "These are the exact numbers" in face.text
        assert "≈" not in face.text
        assert face.page.share == 1
        face.bars.is_fresh = False
        await face.settled()
        assert "Biggest leak" in face.text


async def test_the_status_line_tells_what_runs_and_how_to_stop_it() -> None:
    async with estimating(NARROW) as (face, engine):
        await until(face.pilot, lambda: "Fake" in face.status)
        told = r" \d+ s, esc stops · Fake: funnel of 5 stages · 43 events"
        assert re.match(told, face.status)
        engine.may_count.set()
        await until(face.pilot, lambda: "Fake" not in face.status)
        assert "o_events.json · 43 events" in face.status


async def test_the_hint_of_the_first_time_waits_until_nothing_is_counted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "new"))
    engine = Estimating()
    engine.may_count.clear()
    async with app_on(engine).run_test(size=WIDE) as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None and "Fake" in face.status)
        await pilot.press("j")
        assert "keys ·" not in face.status
        engine.may_count.set()
        await until(pilot, lambda: "? keys ·" in face.status)
        await face.press("k")
        assert "43 events" in face.status


async def test_another_question_ends_the_counting_for_the_one_before() -> None:
    async with estimating() as (face, engine):
        before = face.study
        await face.pilot.press("]")
        await until(face.pilot, lambda: engine.cancelled == [before])
        await until(face.pilot, lambda: before != face.study in engine.asked)
        engine.may_count.set()
        await face.settled()
        assert engine.counted[-1] == face.study
        assert face.funnel.sampled is None


async def test_another_order_of_the_list_is_still_counted_for() -> None:
    async with estimating() as (face, engine):
        await face.pilot.press("S")
        await until(face.pilot, lambda: face.page.sort == face.explorer.view.sort)
        engine.may_count.set()
        await face.settled()
        assert face.funnel.sampled is None
        assert set(engine.asked[1:]) == {face.study}


async def test_esc_stops_the_counting_and_the_estimates_stay() -> None:
    async with estimating() as (face, engine):
        stopped = face.study
        await face.press("escape")
        assert engine.cancelled == [stopped]
        assert "stay estimates" in face.notes[-1]
        asked = len(engine.asked)
        await face.press("S")
        assert len(engine.asked) == asked
        assert face.funnel.sampled is not None
        engine.may_count.set()
        await face.press("]")
        assert engine.counted[-1] == face.study != stopped
        assert face.funnel.sampled is None


async def test_what_was_stopped_is_counted_by_a_key_that_is_there_for_as_long_as_it_helps() -> None:
    async with estimating() as (face, engine):
        assert "Count exactly" not in keys(face)
        await face.press("escape")
        assert face.notes[-1] == "Stopped: these stay estimates; = counts exactly"
        assert keys(face)["Count exactly"] == ["="]
        engine.may_count.set()
        await face.press("=")
        assert engine.counted[-1] == face.study
        assert face.funnel.sampled is None
        assert "Count exactly" not in keys(face)


@pytest.mark.parametrize("key", ["=", "]", "u"])
async def test_that_these_stay_estimates_is_said_no_longer_than_it_is_true(key: str) -> None:
    async with estimating() as (face, engine):
        await face.press("escape", "S")
        assert "stay estimates" in face.text
        await face.pilot.press(key)
        await until(face.pilot, lambda: face.notes == [])
        assert not engine.may_count.is_set()
        assert "stay estimates" not in face.text
        engine.may_count.set()


async def test_why_nothing_could_be_counted_is_said_no_longer_than_it_is_true() -> None:
    engine = Estimating()
    engine.broken = {"exact"}
    async with opened(engine) as face:
        await face.press("y")
        assert [note.partition(":")[0] for note in face.notes] == [
            "Estimates only",
            "Sent to the terminal's clipboard",
        ]
        engine.broken = set()
        await face.press("=")
        assert [note.partition(":")[0] for note in face.notes] == [
            "Sent to the terminal's clipboard"
        ]


async def test_medians_and_rulers_that_were_stopped_are_counted_by_the_same_key() -> None:
    async with estimating() as (face, engine):
        await until(face.pilot, lambda: is_estimate(face) is True)
        engine.is_detailing.clear()
        engine.may_detail.clear()
        engine.may_count.set()
        await until(face.pilot, lambda: face.funnel.sampled is None)
        engine.may_count.clear()
        await until(face.pilot, engine.is_detailing.is_set)  # else there is nothing to stop
        await face.pilot.press("escape")
        await until(face.pilot, lambda: "= counts exactly" in "".join(face.notes))
        engine.may_detail.set()
        await face.press("S")
        assert is_estimate(face) is True
        assert keys(face)["Count exactly"] == ["="]
        await face.press("=")
        assert is_estimate(face) is False


async def test_medians_and_rulers_are_counted_also_when_another_list_is_asked_meanwhile() -> None:
    async with estimating() as (face, engine):
        await until(face.pilot, lambda: is_estimate(face) is True)
        engine.may_detail.clear()
        engine.may_count.set()
        await until(face.pilot, lambda: face.funnel.sampled is None)
        await until(face.pilot, lambda: face.explorer._details.running is not None)
        engine.may_be_stopped.clear()
        await face.pilot.press("S")
        await until(face.pilot, lambda: face.page.sort == face.explorer.view.sort)
        await until(face.pilot, lambda: face.explorer._views.running is None)
        engine.may_be_stopped.set()
        await until(face.pilot, lambda: face.explorer._details.running is not None)
        engine.may_detail.set()
        await face.settled()
        assert is_estimate(face) is False
        assert face.notes == []


def is_estimate(face: Face) -> bool | None:
    """Whether the medians that are shown for the question are; None while there are none."""
    details = face.explorer.details
    return details.is_estimate if details and details.study == face.study else None


def keys(face: Face) -> dict[str, list[str]]:
    """What every key does that works now."""
    groups = keys_of(face.app, face.app.screen)
    return {what: list(signs) for group in groups.values() for what, signs in group.items()}


async def test_esc_closes_a_search_before_it_stops_the_counting() -> None:
    async with estimating() as (face, engine):
        await face.pilot.press("/", "a", "escape")
        await until(face.pilot, lambda: face.page.search == "")
        assert face.study in engine.asked
        assert face.explorer._counting == face.study
        engine.may_count.set()


async def test_what_cannot_be_counted_stays_an_estimate_and_says_why() -> None:
    engine = Estimating()
    engine.refusal = "attempts cannot be counted there"
    async with opened(engine) as face:
        assert face.notes == ["Estimates only: attempts cannot be counted there"]
        assert face.funnel.sampled is not None
        await face.press("S")
        assert len(engine.asked) == 1


async def test_what_is_worked_out_stands_before_what_runs_elsewhere_where_both_have_no_room() -> (
    None
):
    async with opened(Estimating(), size=(80, 24)) as face:
        line = face.explorer.query_one(StatusLine)
        line.busy = "timeout 45m · working…"
        line.doing = "1 s, esc stops · PostgreSQL: funnel of 5 stages, at postgres://ana@host/shop"
        text = str(line.render())
        assert text.startswith(" timeout 45m · working… · 1 s, esc stops · PostgreSQL: funnel")
        assert len(text) == 80


async def test_what_could_not_be_asked_says_how_to_ask_again() -> None:
    engine = Estimating()
    engine.broken = {"exact"}
    async with opened(engine) as face:
        assert face.notes == ["Estimates only: the way to it is cut; = counts exactly"]
        engine.broken = set()
        await face.press("equals_sign")
        assert face.funnel.sampled is None


async def test_leaving_stops_what_runs_and_leaves_the_engine() -> None:
    async with estimating() as (face, engine):
        counted = face.study
    assert engine.is_closed
    assert engine.was_cancelled.wait(PATIENCE)
    assert engine.cancelled == [counted]


async def test_a_lost_engine_is_told_and_the_screen_stays() -> None:
    engine = Estimating()
    async with opened(engine, size=WIDE) as face:
        engine.broken = {"vocabulary", "journeys", "medians"}
        user = face.trail.user
        await face.press("j")
        assert face.notes == ["the way to it is cut"]
        await face.press("]", "a", "escape")
        assert set(face.notes) == {"the way to it is cut"}
        engine.broken = set()
        await face.press("k", "j")
        assert face.trail.user != user


async def test_what_was_done_after_a_stage_is_an_estimate_until_it_is_counted() -> None:
    engine = Following()
    async with opened(engine, size=WIDE) as face:
        await face.pilot.press("3", "v")
        await until(face.pilot, lambda: "being counted" in face.text)
        assert re.search(r"≈\d+ left here, ≈\d+ went on", face.text)
        assert "estimated from 25 % of the users, being counted" in face.text
        panel = face.screen(DropOff)
        await face.pilot.press("j", "j")
        under = panel.lines.lines[panel.lines.cursor]
        line = "".join(text for text, *_ in panel.lines.draw_line(panel.lines.cursor, 100))
        assert line.count("≈") == 5
        engine.may_follow.set()
        await until(face.pilot, lambda: "being counted" not in face.text)
        assert panel.lines.cursor > 0
        assert panel.lines.lines[panel.lines.cursor] == under
        assert "≈" not in "".join(text for text, *_ in panel.lines.draw_line(1, 100))
        assert re.search(r"\b\d+ left here, \d+ went on", face.text)


async def test_closing_the_panel_stops_what_is_counted_for_it() -> None:
    engine = Following()
    async with opened(engine, size=WIDE) as face:
        await face.pilot.press("3", "v")
        await until(face.pilot, lambda: "being counted" in face.text)
        await face.press("escape")
        assert engine.has_left.wait(PATIENCE)
        assert face.notes == []


async def test_a_panel_that_cannot_be_counted_stays_an_estimate_and_says_why() -> None:
    engine = Following()
    engine.refusal = "[red]too many of them"
    async with opened(engine, size=WIDE) as face:
        engine.may_follow.set()
        await face.press("3", "v")
        await until(face.pilot, lambda: face.notes == ["Estimates only: [red]too many of them"])
        assert "estimated from 25 % of the users · esc closes" in face.text
        assert "≈" in face.text


class Following(core.LocalEngine):
    """Tells of a sample what was done after a stage, until it may count."""

    def __init__(self) -> None:
        super().__init__(demo_engine().log)
        self.may_follow = threading.Event()
        self.has_left = threading.Event()
        self.refusal = ""

    def drop_off(self, study: Study, stage: int, *_: object) -> core.engine.DropOffPanel:
        return replace(super().drop_off(study, stage), share=SHARE)

    def exact_drop_off(
        self, study: Study, stage: int, cancelled: Callable[[], bool] | None = None
    ) -> core.engine.DropOffPanel:
        while not self.may_follow.wait(0.005):
            if cancelled and cancelled():
                self.has_left.set()
                raise core.Cancelled("the question was stopped")
        if self.refusal:
            raise core.QuestionError(self.refusal)
        return super().drop_off(study, stage)


def test_medians_and_rulers_of_a_sample_are_marked() -> None:
    engine, study = demo_engine(), Study().with_stages(demo_engine().suggest())
    exact = find_details(engine, study)
    told = find_details(engine, study, is_estimate=True)
    assert exact is not None
    assert told is not None
    assert (exact.is_estimate, told.is_estimate) == (False, True)
    assert exact.windows is not None
    assert not exact.windows.is_estimate


async def test_details_that_have_not_begun_when_counting_is_stopped_do_not_begin(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    may_begin = threading.Event()
    may_begin.set()

    def find_later(*asked: Any, **options: Any) -> Any:
        may_begin.wait(PATIENCE)
        return find_details(*asked, **options)

    monkeypatch.setattr("tracer_tui.screens.answering.find_details", find_later)
    async with estimating() as (face, engine):
        await until(face.pilot, lambda: is_estimate(face) is True)
        may_begin.clear()
        engine.may_detail.clear()
        engine.may_count.set()
        await until(face.pilot, lambda: face.funnel.sampled is None)
        await face.pilot.press("escape")
        await until(face.pilot, lambda: "= counts exactly" in "".join(face.notes))
        engine.may_detail.set()
        may_begin.set()
        await face.settled()
        assert is_estimate(face) is True
