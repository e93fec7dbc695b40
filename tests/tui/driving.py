"""Driving the screen: opening it on an engine, pressing keys, and seeing what is there."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any, TypeVar

from textual.message import Message
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widget import Widget
from textual.widgets import Input
from textual.worker import WorkerCancelled

import core
from core.durations import parse_limit
from core.engine import Engine, FunnelAnswer, UsersPage
from core.study import Study
from core.timeline import Trail
from tracer_tui.app import TracerApp
from tracer_tui.screens.explorer import Explorer
from tracer_tui.widgets.chip_line import ChipLine
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.funnel_pane import FunnelPane
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.session_timeline import SessionTimeline
from tracer_tui.widgets.status_line import StatusLine
from tracer_tui.widgets.trail_lines import TrailLines
from tracer_tui.widgets.user_lines import UserLines
from tracer_tui.widgets.user_list import UserList

DEMO = Path(__file__).parents[2] / "demo_events.json"
ALPHABET = ",".join("abcdefghijklmnop")
"""More stages than the pane has room for."""
FIVE = ["home", "product", "cart", "payment", "purchase"]
"""The stages that are suggested for the demo."""
NARROW, WIDE = (80, 24), (120, 40)
PATIENCE = 30.0
"""Seconds to wait for something that is sure to come; it only runs out when a test has failed."""

Sent = TypeVar("Sent", bound=Message)
On = TypeVar("On", bound=Screen[Any])


@cache
def demo_engine() -> core.LocalEngine:
    return core.LocalEngine(core.read_events(str(DEMO)))


def engine_of(*rows: tuple[str, str, float], **properties: object) -> core.LocalEngine:
    """An engine on events made of user, name and seconds since 1970."""
    records = [
        {"user": user, "event": name, "time": time, **properties} for user, name, time in rows
    ]
    return core.LocalEngine(core.read_events(records))


def study(
    stages: str = "", timeout: str = "30m", scope: str = "journeys", window: str = "off"
) -> Study:
    """A question as the flags write it."""
    asked = Study(
        timeout=parse_limit(timeout),
        stages=tuple(core.Stage((name,)) for name in stages.split(",") if name),
        window=parse_limit(window),
    )
    return asked.with_scope("users" if scope == "users" else "journeys")


def app_on(engine: Engine, asked: Study | None = None, label: str = "demo") -> TracerApp:
    return TracerApp(lambda cancelled, progress: engine, asked or Study(), label)


@cache
def crowd() -> core.LocalEngine:
    """Sixty users with ten sessions of three events; u00 was seen last and stands first."""
    hour = 3600
    return engine_of(
        *(
            (f"u{user:02}", name, 100_000 - user + session * hour + place * 60)
            for user in range(60)
            for session in range(10)
            for place, name in enumerate("abc")
        )
    )


async def quiet() -> None:
    """Wait until nothing is left to run: all that waits, waits for time to pass, or for a thread.

    The loop's own list of what is ready says so at once, and no widget has to be asked.
    """
    loop: Any = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE):
        while loop._ready:  # noqa: ASYNC110 - there is no event for "nothing happens any more"
            await asyncio.sleep(0)


async def handled(pilot: Pilot[None]) -> None:
    """Wait until every message, with all that it led to, has been handled; workers may run on."""
    await quiet()
    while _has_to_draw(screen := pilot.app.screen):
        screen._on_timer_update()
        await quiet()


def _has_to_draw(screen: Screen[Any]) -> bool:
    """Whether anything waits for the next frame."""
    if not screen.is_current or screen.app._batch_count:
        return False
    waits = screen._layout_required, screen._scroll_required, screen._repaint_required
    return any(waits) or bool(screen._dirty_widgets or screen._callbacks)


async def settled(pilot: Pilot[None]) -> None:
    """Wait until no worker runs and everything they said has been handled."""
    async with asyncio.timeout(PATIENCE):
        await handled(pilot)
        while pilot.app.workers:
            with suppress(WorkerCancelled):
                await pilot.app.workers.wait_for_complete()
            await handled(pilot)


async def until(pilot: Pilot[None], happened: Callable[[], bool]) -> None:
    """Wait until something happens that is sure to happen."""
    async with asyncio.timeout(PATIENCE):
        while not happened():
            await pilot.pause(0.005)


def screen_text(pilot: Pilot[None]) -> list[str]:
    """The signs on the screen, line by line."""
    return [strip.text for strip in pilot.app.screen._compositor.render_strips()]


class Face:
    """The screen, as a test sees it."""

    def __init__(self, pilot: Pilot[None], seen: Sequence[Message]) -> None:
        self.pilot = pilot
        self.seen = seen

    @property
    def app(self) -> TracerApp:
        app = self.pilot.app
        assert isinstance(app, TracerApp)
        return app

    @property
    def explorer(self) -> Explorer:
        explorer = self.opened
        assert explorer is not None
        return explorer

    @property
    def opened(self) -> Explorer | None:
        """The explorer, once there is something to see."""
        found = (screen for screen in self.app.screen_stack if isinstance(screen, Explorer))
        return next((screen for screen in found if screen.query(UserLines)), None)

    @property
    def users(self) -> UserList:
        return self.explorer.query_one(UserList)

    @property
    def lines(self) -> UserLines:
        return self.users.lines

    @property
    def timeline(self) -> SessionTimeline:
        return self.explorer.query_one(SessionTimeline)

    @property
    def trail_lines(self) -> TrailLines:
        return self.timeline.lines

    @property
    def funnel_pane(self) -> FunnelPane:
        return self.explorer.query_one(FunnelPane)

    @property
    def bars(self) -> FunnelBars:
        return self.explorer.query_one(FunnelBars)

    @property
    def status(self) -> str:
        return self.explorer.query_one(StatusLine).render().plain

    @property
    def study(self) -> Study:
        """The question whose answer is shown."""
        return self.funnel.study

    @property
    def funnel(self) -> FunnelAnswer:
        assert self.explorer.funnel is not None
        return self.explorer.funnel

    @property
    def page(self) -> UsersPage:
        assert self.explorer.listing is not None
        return self.explorer.listing.page

    @property
    def trail(self) -> Trail:
        assert self.explorer.shown is not None
        return self.explorer.shown.trail

    @property
    def chips(self) -> list[str]:
        """The filters of the list, in words."""
        return list(self.users.query_one(ChipLine).chips)

    @property
    def counts(self) -> list[int]:
        return [stage.count for stage in self.funnel.stages]

    @property
    def stages(self) -> list[str]:
        return [stage.stage for stage in self.funnel.stages]

    @property
    def listed(self) -> list[str]:
        """The ids in the list."""
        return [row.user for row in self.page.rows]

    @property
    def user(self) -> str | None:
        """The user at the cursor."""
        return self.lines.row.user if self.lines.row else None

    @property
    def focused(self) -> Widget | None:
        return self.app.focused

    @property
    def text(self) -> str:
        return "\n".join(screen_text(self.pilot))

    @property
    def notes(self) -> list[str]:
        """What the notifications say."""
        return [str(note.message) for note in self.app._notifications]

    @property
    def offered(self) -> list[str]:
        """What the palette offers."""
        return [command.title for command in self.app.get_system_commands(self.app.screen)]

    def screen(self, kind: type[On]) -> On:
        """The screen on top, which is of a kind."""
        assert isinstance(self.app.screen, kind)
        return self.app.screen

    def title(self, pane: Widget) -> str:
        return str(pane.border_title)

    def subtitle(self, pane: Widget) -> str:
        return str(pane.border_subtitle)

    def seen_last(self, kind: type[Sent]) -> Sent:
        """The last message of a kind that was handled."""
        return next(message for message in reversed(self.seen) if isinstance(message, kind))

    def timeline_lines(self) -> list[str]:
        """Every line of the timeline, in sight or not."""
        return drawn_lines(self.trail_lines)

    async def press(self, *keys: str) -> None:
        """Press keys, each when everything the one before led to has happened.

        Letters that go into a field are typed without waiting, as fingers do.
        """
        for key, following in pairwise([*keys, "end"]):
            await self.pilot.press(key)
            is_typing = isinstance(self.focused, Input) and len(key) == len(following) == 1
            if not is_typing:
                await self.settled()

    async def settled(self) -> None:
        await settled(self.pilot)

    async def click(self, widget: Widget, at: tuple[int, int], times: int = 1) -> None:
        await self.pilot.click(widget, offset=at, times=times)
        await self.settled()


def drawn_lines(view: LineView, width: int = 100) -> list[str]:
    """What a list draws on each of its lines, whether or not there is room for it."""
    return [
        "".join(text for text, *_ in view.draw_line(index, width)).rstrip()
        for index in range(view.line_count)
    ]


@asynccontextmanager
async def opened(
    engine: Engine,
    asked: Study | None = None,
    size: tuple[int, int] = NARROW,
    label: str = "demo",
) -> AsyncIterator[Face]:
    """The app on an engine, with everything answered."""
    seen: list[Message] = []
    app = app_on(engine, asked, label)
    async with app.run_test(size=size, notifications=True, message_hook=seen.append) as pilot:
        face = Face(pilot, seen)
        await until(pilot, lambda: face.opened is not None)
        await face.settled()
        yield face


class Gate(core.LocalEngine):
    """An engine that answers only while it is open: to see the screen while it waits."""

    def __init__(self, log: core.EventLog) -> None:
        super().__init__(log)
        self.asked: list[Study] = []
        self._gate = threading.Event()
        self._gate.set()

    def close(self) -> None:
        self._gate.clear()

    def open(self) -> None:
        self._gate.set()

    def funnel(self, study: Study) -> FunnelAnswer:
        self.asked.append(study)
        assert self._gate.wait(PATIENCE), "nobody opened the gate"
        return super().funnel(study)
