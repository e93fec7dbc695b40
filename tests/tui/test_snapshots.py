"""What the screen looks like. Each picture was looked at by a person before it was accepted."""

from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot
from textual.widgets import Input

import core
from core.study import Study
from tests.tui.driving import DEMO, NARROW, WIDE, Face, until
from tracer_tui.app import TracerApp
from tracer_tui.config import Config
from tracer_tui.screens.opening import Opening

DAY = "2026-01-05T10:0"
ROWS = [
    {"user": "ana", "event": "view", "time": f"{DAY}0:00Z"},
    {"user": "ana", "event": "cart", "time": f"{DAY}4:00Z"},
    {"user": "bo", "event": "view", "time": f"{DAY}1:00Z"},
    {"event": "view", "time": f"{DAY}2:00Z"},
    {"user": "cy", "time": f"{DAY}2:30Z"},
    {"user": "cy", "event": "view"},
    {"user": "dee", "event": "view", "time": "yesterday"},
    {"user": "[b]e", "event": "\x1b[31mview", "time": "31/31/2026"},
]
"""Two events in three are of no use, each for another reason."""


class Compare(Protocol):
    def __call__(
        self,
        app: App[Any],
        *,
        terminal_size: tuple[int, int],
        run_before: Callable[[Pilot[None]], Awaitable[None]],
    ) -> bool: ...


Shot = Callable[..., bool]


def is_unreadable(pilot: Pilot[None]) -> bool:
    screen = pilot.app.screen
    return isinstance(screen, Opening) and screen.is_unreadable


@pytest.fixture
def looks_as_before(snap_compare: Compare, monkeypatch: pytest.MonkeyPatch) -> Shot:
    """Open a source, press keys, and compare the screen with the picture."""
    # The path of the demo is on the screen.
    monkeypatch.chdir(DEMO.parent)

    def shoot(
        *keys: str,
        source: object = DEMO.name,
        size: tuple[int, int] = NARROW,
        ask: Study = Study(),  # noqa: B008 - a frozen value
        config: Config = Config(),  # noqa: B008 - a frozen value
    ) -> bool:
        async def run_before(pilot: Pilot[None]) -> None:
            face = Face(pilot, [])
            await until(pilot, lambda: face.opened is not None or is_unreadable(pilot))
            await face.settled()
            await face.press(*keys)
            for field in pilot.app.screen.query(Input):
                field.cursor_blink = False
            await face.settled()

        app = TracerApp(
            lambda cancelled, progress: core.open_engine(source),  # type: ignore[arg-type]  # of any kind
            ask,
            str(source),
            config=config,
        )
        return snap_compare(app, terminal_size=size, run_before=run_before)

    return shoot


def test_demo(looks_as_before: Shot) -> None:
    assert looks_as_before()


def test_demo_wide(looks_as_before: Shot) -> None:
    assert looks_as_before(size=WIDE)


def test_who_left_at_payment(looks_as_before: Shot) -> None:
    assert looks_as_before("3", "enter")


def test_who_left_at_payment_wide(looks_as_before: Shot) -> None:
    assert looks_as_before("3", "enter", size=WIDE)


def test_many_sessions_after_a_short_timeout(looks_as_before: Shot) -> None:
    assert looks_as_before("[", "[", "[", "[", "[", "2", ")", size=WIDE)


def test_empty_log(looks_as_before: Shot) -> None:
    assert looks_as_before(source=[])


def test_source_that_cannot_be_read(looks_as_before: Shot) -> None:
    assert looks_as_before(source="demo_evnts.json")


def test_rejected_rows(looks_as_before: Shot) -> None:
    assert looks_as_before("exclamation_mark", source=ROWS)


def test_stage_that_never_occurs(looks_as_before: Shot) -> None:
    stages = tuple(core.Stage((name,)) for name in ("home", "basket", "purchase"))
    assert looks_as_before(ask=Study(stages=stages))


def test_stage_picker(looks_as_before: Shot) -> None:
    assert looks_as_before("a", "p", "a")


def test_prompt_with_a_problem(looks_as_before: Shot) -> None:
    assert looks_as_before("t", "5")


def test_help(looks_as_before: Shot) -> None:
    assert looks_as_before("question_mark", size=WIDE)


def test_zoomed_timeline(looks_as_before: Shot) -> None:
    assert looks_as_before("2", "z")


def test_search(looks_as_before: Shot) -> None:
    assert looks_as_before("slash", "e")


def test_drop_off_panel(looks_as_before: Shot) -> None:
    assert looks_as_before("3", "v", size=WIDE)


def test_beside_another_timeout(looks_as_before: Shot) -> None:
    assert looks_as_before("m", "[", "[", "[", size=WIDE)


def test_export_box(looks_as_before: Shot) -> None:
    assert looks_as_before("x")


def test_drawer_and_folded_sessions(looks_as_before: Shot) -> None:
    assert looks_as_before("[", "[", "[", "2", "j", "enter", "(", "space", "j", "j", size=WIDE)


def test_why(looks_as_before: Shot) -> None:
    assert looks_as_before("j", "i", size=WIDE)


def test_light_colours(looks_as_before: Shot) -> None:
    assert looks_as_before("3", "enter", config=Config(theme="textual-light"))
