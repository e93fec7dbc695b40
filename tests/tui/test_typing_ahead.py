"""Keys typed faster than the screen handles them mean what they would mean one by one."""

import asyncio
import threading
from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray
from textual.events import Key
from textual.widgets import Input

import core
from tests.tui.driving import (
    PATIENCE,
    crowd,
    demo_engine,
    handled,
    opened,
    settled,
    study,
    until,
)
from tracer_tui.app import TracerApp
from tracer_tui.screens.picker import Picker
from tracer_tui.widgets.funnel_bars import FunnelBars


def type_at_once(app: TracerApp, keys: Sequence[str]) -> None:
    """Hand all keys to the program before it handles the first."""
    for key in keys:
        app.post_message(Key(key, key if len(key) == 1 else None))


async def test_a_search_begun_and_typed_at_once_has_every_letter() -> None:
    async with opened(crowd()) as face:
        type_at_once(face.app, ["slash", *"u12"])
        await settled(face.pilot)
        assert isinstance(face.app.focused, Input)
        assert face.app.focused.value == "u12"
        assert [row.user for row in face.page.rows] == ["u12"]


async def test_the_key_after_one_that_goes_to_a_pane_is_for_that_pane() -> None:
    async with opened(demo_engine()) as face:
        type_at_once(face.app, ["3", "home", "down"])
        await settled(face.pilot)
        assert isinstance(face.app.focused, FunnelBars)
        assert face.bars.cursor == 1


async def test_what_is_typed_behind_the_key_of_a_dialog_is_for_the_dialog() -> None:
    async with opened(demo_engine(), study("home")) as face:
        type_at_once(face.app, ["a", *"cart"])
        await settled(face.pilot)
        assert isinstance(face.app.screen, Picker)
        assert face.app.screen.query_one(Input).value == "cart"
        type_at_once(face.app, ["enter", "right_square_bracket", "right_square_bracket"])
        await settled(face.pilot)
        assert [stage.label for stage in face.funnel.study.stages] == ["home", "cart"]
        assert face.funnel.study.timeout == 60 * 60_000_000


@pytest.mark.parametrize("key", ["a", "f"])
@pytest.mark.parametrize("stops", [False, True])
async def test_keys_wait_for_a_condition_that_is_tried_and_escape_stops_it(
    key: str, stops: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = core.LocalEngine(demo_engine().log)
    tried, go_on = threading.Event(), threading.Event()
    where = core.EventLog.matching

    def matching(log: core.EventLog, condition: str) -> NDArray[np.bool_]:
        tried.set()
        assert go_on.wait(PATIENCE)
        return where(log, condition)

    monkeypatch.setattr(core.EventLog, "matching", matching)
    async with opened(engine, study("home,purchase")) as face:
        await face.press("3", key)
        type_at_once(face.app, [*"* where user = 'bo'", "enter", "right_square_bracket"])
        await until(face.pilot, tried.is_set)
        await handled(face.pilot)
        assert "working… esc stops it" in face.text
        field = face.screen(Picker).query_one(Input)
        assert field.value == "* where user = 'bo'"
        if stops:
            type_at_once(face.app, ["escape"])
            await handled(face.pilot)
            assert "working…" not in face.text
            go_on.set()
            await face.settled()
            face.screen(Picker)
            assert field.value == "* where user = 'bo'"
            await face.press("escape")
        go_on.set()
        await face.settled()
        assert face.study.timeout == (30 if stops else 45) * 60_000_000
        is_asked = len(face.study.stages) == 3 or bool(face.chips)
        assert is_asked != stops


@pytest.mark.parametrize("key", ["ctrl+c", "ctrl+q"])
async def test_leaving_waits_for_no_other_key(key: str) -> None:
    async with opened(demo_engine()) as face:
        reached, go_on = asyncio.Event(), asyncio.Event()

        async def stuck() -> None:
            reached.set()
            await go_on.wait()

        face.bars.call_later(stuck)
        await reached.wait()
        face.bars.screen.set_focus(face.bars)
        type_at_once(face.app, ["down", "down", key])
        await until(face.pilot, lambda: face.app._exit)
        go_on.set()
