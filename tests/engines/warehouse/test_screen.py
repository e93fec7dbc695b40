"""The screen on real engines: estimates first, then the truth, and nothing left running."""

from __future__ import annotations

import pytest

import core
from core.reading.options import ReadOptions
from core.warehouse.sampled import SampledEngine
from core.warehouse.session import Session
from core.warehouse.table import EventTable
from tests.engines.warehouse.conftest import on, open_table
from tests.engines.warehouse.crowd import CROWD, STUDIES
from tests.engines.warehouse.targets import Target
from tests.engines.warehouse.test_faults import make_slow, running
from tests.engines.warehouse.test_faults import until as wait_until
from tests.tui.conftest import _steady_screen, _wait_for_quiet  # noqa: F401 - the same screen as there
from tests.tui.driving import Face, app_on, opened, until
from tracer_tui.app import TracerApp
from tracer_tui.details import find_details
from tracer_tui.drawing import count


@on("duckdb", "chdb", "postgres")
async def test_exact_numbers_of_the_warehouse_replace_those_of_the_sample(target: Target) -> None:
    engine, asked = SampledEngine(open_table(target, "crowd"), 0.3), STUDIES["ordered"]
    assert engine.funnel(asked).sampled is not None
    async with opened(engine, asked) as face:
        truth = CROWD.local.funnel(asked)
        assert face.funnel.sampled is None
        assert face.counts == [stage.count for stage in truth.stages]
        assert (face.page.total, face.page.share) == (2_000, 1.0)
        assert face.explorer.details is not None
        assert face.explorer.details.medians == CROWD.local.medians_to_next(asked)
        truth_of = find_details(CROWD.local, asked)
        assert truth_of is not None
        assert face.explorer.details.timeouts == truth_of.timeouts
        assert face.explorer.details.windows == truth_of.windows
        assert "≈" not in face.text
        assert face.notes == []
        await face.press("2", "j", "enter")
        assert face.explorer.event is not None
        assert {"lane", "loud", "visit"} & set(face.explorer.event.properties)
        await face.press("escape", "3", "enter")
        assert face.page.total == truth.stages[face.bars.cursor].dropped
        await face.press("3", "v")
        left = CROWD.local.drop_off(asked, face.bars.cursor).left
        await until(face.pilot, lambda: f"{count(left)} left here" in face.text)
        await until(face.pilot, lambda: "being counted" not in face.text)
        assert "≈" not in face.text
        await face.press("j", "j", "enter")
        assert face.page.share == 1


@on("duckdb", "clickhouse", "postgres")
async def test_what_the_screen_has_counted_is_killed_on_the_server(target: Target) -> None:
    make_slow(target)
    engine, asked = open_table(target, "crowd"), STUDIES["ordered"]
    sampled = SampledEngine(engine, 0.3)
    sampled.look()
    first, engine.session = engine.session, Session(target.url("slow"))
    engine.table = EventTable(engine.session, "slow", ReadOptions())
    async with app_on(sampled, asked).run_test() as pilot:
        await until(pilot, lambda: Face(pilot, []).opened is not None)
        for key in ("escape", "]", "q"):
            await until(pilot, lambda: engine.doing.count("events, users and sessions") == 1)
            # One that was killed a moment ago may not have noticed yet.
            await until(pilot, lambda: running(target) == (target.name != "duckdb"))
            await pilot.press(key)
            if key == "escape":
                await until(pilot, lambda: running(target) == 0)
                await pilot.press("]")
    assert not pilot.app.is_running
    first.close()
    engine.close()
    wait_until(lambda: running(target) == 0)
    assert engine.doing == ""


@on("duckdb", "clickhouse", "postgres")
@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
async def test_what_is_asked_while_it_opens_is_killed_on_the_server(
    target: Target, key: str
) -> None:
    make_slow(target)
    url = target.url("slow")
    app = TracerApp(
        lambda cancelled, progress: core.open_engine(
            url, table="slow", cancelled=cancelled, progress=progress
        ),
        core.Study(),
        target.name,
        sources=[url],
    )
    async with app.run_test(size=(120, 24)) as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: "counting the events of each name" in face.text)
        await until(pilot, lambda: running(target) == (target.name != "duckdb"))
        await pilot.press(key)
        if key == "escape":
            assert "Stopped." in face.text
    wait_until(lambda: running(target) == 0)
