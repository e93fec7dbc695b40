"""Any size, however often it changes: nothing breaks, and the last size looks as it always does."""

import random

import pytest
from rich.console import RenderableType
from textual import events
from textual.app import App
from textual.screen import Screen

from tests.tui.driving import FIVE, NARROW, WIDE, Face, demo_engine, opened, study, until

SIZES = [(1, 1), (2, 1), (1, 40), (20, 5), (34, 10), (80, 1), NARROW, WIDE, (300, 90)]
STATES = {
    "panes": (),
    "drawer": ("2", "j", "j", "enter"),
    "search": ("2", "slash", *"card"),
    "filtered": ("3", "enter", "f", *"search", "enter"),
    "zoomed": ("3", "z"),
    "beside": ("m", "[", "["),
    "why": ("i",),
    "drop-off": ("3", "G", "k", "v"),
    "stage": ("a", *"pay"),
    "filter": ("f",),
    "prompt": ("t",),
    "export": ("x",),
    "help": ("question_mark",),
    "source": ("!",),
    "palette": ("ctrl+p",),
}


@pytest.fixture(autouse=True)
def _drawn_as_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """A test has no terminal, and Textual leaves out there what it would send to one."""
    display = App._display

    def draw(app: App[object], screen: Screen[object], renderable: RenderableType | None) -> None:
        render = getattr(renderable, "render_segments", None)
        if screen is app.screen and render is not None:
            render(app.console)
        display(app, screen, renderable)

    monkeypatch.setattr(App, "_display", draw)


async def sized(face: Face, size: tuple[int, int]) -> None:
    """Resize, and wait until the screen has noticed: Textual takes its time."""
    await face.pilot.resize_terminal(*size)
    await until(face.pilot, lambda: face.app._resize_timer is None)
    await face.settled()


@pytest.mark.parametrize("state", ["panes", "drop-off", "palette"])
async def test_a_storm_of_sizes_ends_as_it_began(state: str) -> None:
    await storm(state, 6)


@pytest.mark.slow
@pytest.mark.parametrize("state", STATES)
async def test_a_long_storm_of_sizes_ends_as_it_began(state: str) -> None:
    await storm(state, 12)


async def storm(state: str, gusts: int) -> None:
    chance = random.Random(state)
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        await face.press(*STATES[state])
        before = face.text
        for _ in range(gusts):
            for _ in range(chance.randint(1, 4)):
                await face.pilot.resize_terminal(*chance.choice(SIZES))
                face.app.post_message(events.Key("f5", None))  # nothing, but it is a key
            if chance.random() < 0.5:
                await sized(face, chance.choice(SIZES))
        await sized(face, WIDE)
        if state == "palette":
            assert "Search for commands" in face.text  # which it draws when it is ready
        else:
            assert face.text == before


@pytest.mark.parametrize("size", [(1, 1), (20, 5)])
async def test_every_key_works_at_any_size(size: tuple[int, int]) -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=size) as face:
        for key in "1jGg2jG)(3jGg[]{}so<>uzzmm":
            await face.press(key)
        for key in ("a", "f", "i", "t", "x", "!", "?", "ctrl+o"):
            await face.press(key, "escape")
        assert face.app.is_running
        await sized(face, WIDE)
        fresh = demo_engine().funnel(face.study)
        assert face.counts == [stage.count for stage in fresh.stages]
        assert "Biggest leak: " in face.text


async def test_on_a_very_small_screen_both_panes_have_room_and_what_is_cut_says_so() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=(40, 10)) as face:
        assert face.users.size.width == face.timeline.size.width == 18
        lines = face.text.splitlines()
        assert lines[2] == "│● eli      ▮▮▮▮▮ ▄││▼ 1  Jan 06 23:3… │"
        assert lines[7].startswith("│ ④ payment  ████     5  100.0 %  −40…")
        for _ in range(6):
            await face.press("S")
            assert len(face.listed) == 5
