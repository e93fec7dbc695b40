"""While the source is being read, and when it cannot be."""

import threading
import time
from collections.abc import Callable

import pytest
from textual import events
from textual.message import Message
from textual.widgets import Static

import core
from core.engine import Engine, FunnelAnswer
from core.reading.progress import Share
from core.study import Study
from tests.tui.driving import DEMO, PATIENCE, Face, app_on, demo_engine, until
from tracer_tui import leaving
from tracer_tui.app import UNREADABLE, TracerApp
from tracer_tui.crash import state_folder
from tracer_tui.screens import opening as opening_screen
from tracer_tui.screens.export_box import ExportBox
from tracer_tui.screens.help import Help
from tracer_tui.screens.opening import Opening

FAR = "postgres://ana@host/shop"
"""The address of a warehouse, which these tests never ask."""


class Slow:
    """A source that is read to a quarter, and on when it is let."""

    def __init__(self) -> None:
        self.let_on = threading.Event()
        self.was_cancelled = threading.Event()

    def open(self, cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        progress(0.25)
        while not self.let_on.wait(0.005):
            if cancelled():
                self.was_cancelled.set()
                raise core.Cancelled("stopped")
        return demo_engine()


def unreadable(message: str) -> TracerApp:
    def open_engine(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        raise core.SourceError(message)

    return TracerApp(open_engine, Study(), "events.json")


def opening(face: Face) -> Opening:
    """The screen before there is anything to explore."""
    screen = face.app.screen
    assert isinstance(screen, Opening)
    return screen


async def test_loading_shows_what_is_read_and_how_far() -> None:
    slow = Slow()
    app = TracerApp(slow.open, Study(), "events.json")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: "25%" in face.text)
        assert "Reading events.json …" in face.text
        assert face.opened is None
        slow.let_on.set()
        await until(pilot, lambda: face.opened is not None)
        await face.settled()
        assert "Reading" not in face.text
        assert face.counts == [5, 5, 5, 5, 3]
        assert face.focused is face.lines


async def test_leaving_while_loading_stops_the_reading() -> None:
    slow = Slow()
    app = TracerApp(slow.open, Study(), "events.json")
    async with app.run_test() as pilot:
        await until(pilot, lambda: "25%" in Face(pilot, []).text)
        await pilot.press("q")
    assert app.return_code == 0
    assert slow.was_cancelled.wait(PATIENCE)


async def test_nothing_is_waited_for_until_something_is_asked_of_a_warehouse() -> None:
    asks, asked, let_on = threading.Event(), threading.Event(), threading.Event()

    def open_engine(
        cancelled: Callable[[], bool], progress: Callable[[float], None]
    ) -> core.LocalEngine:
        asks.wait(PATIENCE)
        progress(Share(0.1, doing="PostgreSQL: looking at table events"))
        asked.set()
        let_on.wait(PATIENCE)
        raise core.Cancelled("stopped")

    app = TracerApp(open_engine, Study(), "shop", sources=[FAR])
    before = set(leaving._held)
    async with app.run_test() as pilot:
        await until(pilot, lambda: "Opening shop" in Face(pilot, []).text)
        assert set(leaving._held) == before
        asks.set()
        await until(pilot, asked.is_set)
        assert len(set(leaving._held) - before) == 1
        let_on.set()
        await until(pilot, lambda: set(leaving._held) == before)


async def test_keys_that_need_events_wait_for_them_and_help_does_not() -> None:
    slow = Slow()
    app = TracerApp(slow.open, Study(), "events.json")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: "25%" in face.text)
        for key in ("[", "]", "t", "a", "d", "s", "z", "1", "3", "slash", "exclamation_mark", "("):
            await pilot.press(key)
            assert (key, app.screen) == (key, opening(face))
        await pilot.press("question_mark")
        assert isinstance(app.screen, Help)
        await pilot.press("escape")
        assert isinstance(app.screen, Opening)
        slow.let_on.set()
        await until(pilot, lambda: face.opened is not None)


@pytest.mark.parametrize("key", ["3", "escape", "slash", "x", "i", "y", "z", "a", "f", "(", "tab"])
async def test_a_key_from_a_screen_that_is_gone_waits_for_the_explorer_to_be_made(key: str) -> None:
    seen: list[Message] = []
    app = app_on(demo_engine())

    def press_when_opened(message: Message) -> None:
        seen.append(message)
        if isinstance(message, Opening.Opened):
            pressed = events.Key(key, None)
            pressed._set_forwarded()  # the screen of the opening had it first
            app.post_message(pressed)

    async with app.run_test(message_hook=press_when_opened) as pilot:
        face = Face(pilot, seen)
        await until(pilot, lambda: face.opened is not None)
        await face.settled()
        if key == "3":
            assert face.focused is face.bars
        elif key == "x":
            assert isinstance(app.screen, ExportBox)


async def test_a_source_that_cannot_be_read_says_why_and_leaves_with_its_code() -> None:
    app = unreadable("no file is called events.jsn; did you mean events.json?")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: opening(face).is_unreadable)
        await face.settled()
        for shown in (
            "Cannot read the events",
            "no file is called events.jsn; did you mean events.json?",
            "Press q to quit.",
        ):
            assert shown in face.text
        for key in ("[", "j", "a", "slash", "enter", "escape"):
            await pilot.press(key)
        assert isinstance(app.screen, Opening)
        await pilot.press("q")
    assert app.return_code == UNREADABLE == 3


async def test_a_source_of_a_real_file_that_is_not_there(tmp_path: object) -> None:
    missing = str(DEMO.with_name("nothing_here.json"))
    app = TracerApp(
        lambda cancelled, progress: core.open_engine(
            missing, cancelled=cancelled, progress=progress
        ),
        Study(),
        missing,
    )
    async with app.run_test(size=(200, 24)) as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: opening(face).is_unreadable)
        await face.settled()
        assert "nothing_here.json" in str(opening(face).query_one("#message", Static).content)


async def test_the_demo_is_read_from_its_file() -> None:
    app = TracerApp(
        lambda cancelled, progress: core.open_engine(
            str(DEMO), cancelled=cancelled, progress=progress
        ),
        Study(),
        DEMO.name,
    )
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None)
        assert face.counts == [5, 5, 5, 5, 3]


@pytest.mark.parametrize("stages", [(), (core.Stage(("home",)),)])
async def test_the_question_given_at_the_start_is_asked(stages: tuple[core.Stage, ...]) -> None:
    asked = Study(timeout=None, stages=stages, scope="users")
    app = TracerApp(lambda cancelled, progress: demo_engine(), asked, "demo")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None)
        expected = asked.with_stages(demo_engine().suggest(), suggested=True)
        assert face.study == (asked if stages else expected)


async def test_only_the_user_of_the_question_is_listed() -> None:
    app = TracerApp(lambda cancelled, progress: demo_engine(), Study(user="bo"), "demo")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: face.opened is not None)
        assert face.listed == ["bo"]
        assert "10 events · 1 user · 1 session" in face.status


@pytest.mark.parametrize(
    ("no_color", "theme"), [("1", "ansi-dark"), ("", "ansi-dark"), (None, "textual-dark")]
)
async def test_colours_are_those_the_terminal_can_show(
    monkeypatch: pytest.MonkeyPatch, no_color: str | None, theme: str
) -> None:
    if no_color is not None:
        monkeypatch.setenv("NO_COLOR", no_color)
    app = TracerApp(lambda cancelled, progress: demo_engine(), Study(), "demo")
    async with app.run_test():
        assert app.theme == theme


def test_a_fault_of_the_program_tells_no_values(capfd: pytest.CaptureFixture[str]) -> None:
    def open_engine(cancelled: object, progress: object) -> Engine:
        user = "@".join(("ana", "example.com"))
        raise RuntimeError(f"a fault about {len(user)} characters")

    app = TracerApp(open_engine, Study(), "events.json")
    app.run(headless=True)
    told = capfd.readouterr().err
    assert app.return_code == 1
    assert app.fault.startswith("tracer-tui broke: RuntimeError. Where, without any of your data")
    assert app.fault.endswith(str(state_folder() / "crash.txt"))
    kept = (state_folder() / "crash.txt").read_text()
    assert "test_loading.py:" in kept
    assert "ana@example" not in kept
    assert "ana@example" not in told


async def test_bytes_and_rows_are_told_where_they_are_known() -> None:
    told = [Share(0.25, 1_500_000, 6_000_000_000, 12_345), Share(0.5, 999, 1_000)]
    slow = Slow()

    def open_engine(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        for share in told:
            progress(share)
        return slow.open(cancelled, lambda fraction: None)

    app = TracerApp(open_engine, Study(), "events.json")
    async with app.run_test() as pilot:
        seen = []
        screen = app.screen
        assert isinstance(screen, Opening)
        await until(pilot, lambda: "50%" in Face(pilot, []).text)
        for share in told:
            screen.post_message(Opening.Progressed(share))
            await pilot.pause()
            seen.append(str(screen.query_one("#message", Static).content))
        slow.let_on.set()
    assert seen == [
        "Reading events.json … 25% · 1.5 MB of 6.0 GB · 12,345 rows",
        "Reading events.json … 50% · 999 B of 1.0 kB",
    ]


class Far(core.LocalEngine):
    """A warehouse that answers nothing before it is let, unless it is closed."""

    def __init__(self) -> None:
        super().__init__(demo_engine().log)
        self.let_on = threading.Event()
        self.is_closed = threading.Event()

    @property
    def doing(self) -> str:
        return "" if self.let_on.is_set() else "Fake: funnel of 5 stages"

    def funnel(self, study: Study) -> FunnelAnswer:
        while not self.let_on.wait(0.005):
            if self.is_closed.is_set():
                raise core.Cancelled("stopped")
        return super().funnel(study)

    def close(self) -> None:
        self.is_closed.set()


async def test_opening_a_warehouse_says_what_runs_where_and_for_how_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    now = [1000.0]
    monkeypatch.setattr(opening_screen, "_GLANCE", 0.01)
    monkeypatch.setattr(opening_screen, "monotonic", lambda: now[0])
    slow, tell = Slow(), []

    def open_engine(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        tell.append(progress)
        return slow.open(cancelled, lambda fraction: None)

    app = TracerApp(open_engine, Study(), FAR, sources=[FAR])
    async with app.run_test(size=(100, 24)) as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: bool(tell))
        tell[0](Share(0, doing="Fake: connecting, at [far]"))
        await until(pilot, lambda: "Fake: connecting, at [far] · 0 s" in face.text)
        now[0] += 7
        await until(pilot, lambda: f"Opening {FAR} … 7 s" in face.text)
        assert "Fake: connecting, at [far] · 7 s" in face.text
        assert "␊" not in face.text  # they are lines of their own
        tell[0](Share(0.5, rows=1_234_567, doing="Fake: taking a sample"))
        await until(pilot, lambda: f"Opening {FAR} … 7 s · 1,234,567 rows" in face.text)
        assert "Fake: taking a sample · 0 s" in face.text
        assert "%" not in face.text
        slow.let_on.set()
        await until(pilot, lambda: face.opened is not None)


async def test_escape_stops_the_opening_and_only_that() -> None:
    slow = Slow()
    app = TracerApp(slow.open, Study(), "events.json")
    async with app.run_test() as pilot:
        face = Face(pilot, [])
        await until(pilot, lambda: "25%" in face.text)
        assert "esc Stop" in face.text
        began = time.monotonic()
        await pilot.press("escape")
        await until(pilot, lambda: "Stopped." in face.text)
        assert slow.was_cancelled.wait(PATIENCE)
        assert time.monotonic() - began < 1
        assert "Press q to quit." in face.text
        assert "esc Stop" not in face.text
        await pilot.press("escape")
        await face.settled()
        assert isinstance(app.screen, Opening)
        assert "Stopped." in face.text
        await pilot.press("q")
    assert app.return_code == 0


@pytest.mark.parametrize("key", ["escape", "q", "ctrl+c"])
async def test_the_first_question_to_a_warehouse_is_told_and_stopped(key: str) -> None:
    engine = Far()
    app = TracerApp(lambda cancelled, progress: engine, Study(), FAR, sources=[FAR])
    async with app.run_test() as pilot:
        await until(pilot, lambda: "Fake: funnel of 5 stages · 0 s" in Face(pilot, []).text)
        await pilot.press(key)
        if key == "escape":
            await until(pilot, engine.is_closed.is_set)
            assert "Stopped." in Face(pilot, []).text
    assert engine.is_closed.wait(PATIENCE)


async def test_what_was_opened_just_when_it_was_stopped_is_closed() -> None:
    engine, is_asked, let_on = Far(), threading.Event(), threading.Event()

    def open_engine(cancelled: object, progress: object) -> Engine:
        is_asked.set()
        let_on.wait(PATIENCE)
        return engine

    app = TracerApp(open_engine, Study(), FAR, sources=[FAR])
    async with app.run_test() as pilot:
        await until(pilot, is_asked.is_set)
        await pilot.press("escape")
        let_on.set()
        await until(pilot, engine.is_closed.is_set)
        assert "Stopped." in Face(pilot, []).text
