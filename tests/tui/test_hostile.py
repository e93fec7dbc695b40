"""Text from events is shown, and never obeyed."""

from functools import cache
from pathlib import Path

import pytest
from textual import events
from textual.widgets import Input

import core
from core.cohort import EVERYBODY, Cohort, Did, Has
from core.engine import FunnelAnswer
from core.study import Study
from tests.tui.driving import NARROW, WIDE, Face, demo_engine, opened, settled, until
from tests.tui.hostile import HOSTILE, SHORT
from tracer_tui.app import TracerApp
from tracer_tui.screens.opening import Opening
from tracer_tui.screens.picker import StagePicker
from tracer_tui.screens.prompt import Prompt
from tracer_tui.screens.source import Source
from tracer_tui.text import visible

WORST = ("closing tag", "clipboard", "c1", "nul", "newline", "right to left", "wide", "long escape")


@cache
def hostile_engine() -> core.LocalEngine:
    """Each user is called what some event is called, and says it in a property too."""
    names = list(HOSTILE.values())
    records: list[dict[str, object]] = [
        {
            "user": user,
            "event": names[(place + step) % len(names)],
            "time": 3_600 * 24 * 365 * 30 + 60 * step + 4_000 * (step // 3),
            names[place]: names[place],
            "p": names[place],
        }
        for place, user in enumerate(names)
        for step in range(6)
    ]
    records += [{"user": name, "p": name} for name in names]
    records += [{"user": name, "event": name, "time": name} for name in names]
    return core.LocalEngine(core.read_events(records))


def check(face: Face) -> None:
    """Nothing on the screen can act on a terminal, and no text made a link or an action."""
    for strip in face.app.screen._compositor.render_strips():
        assert strip.text.isprintable(), repr(strip.text)
        for segment in strip:
            assert segment.control is None
            meta = segment.style.meta if segment.style else {}
            assert "@click" not in meta
            assert not (segment.style and segment.style.link)
    assert face.app.is_running


def test_the_names_reach_the_engine_as_they_are() -> None:
    summary = hostile_engine().summary()
    assert set(HOSTILE.values()) - {" \t "} <= set(summary.name_counts)
    assert summary.report.rejected_rows >= 2 * len(HOSTILE)


async def test_every_name_is_shown_in_every_pane() -> None:
    engine = hostile_engine()
    stages = tuple(core.Stage((HOSTILE[kind],)) for kind in WORST)
    async with opened(engine, Study(stages=stages)) as face:
        check(face)
        shown = set()
        for _ in range(face.page.total):
            await face.press("j")
            assert face.user == face.trail.user
            shown.add(face.user)
            check(face)
        assert len(shown) >= len(HOSTILE) - 1
        await face.press("2")
        for _ in range(8):
            await face.press("j")
            check(face)
        await face.press("3", "g")
        for key in ("enter", "c", "j", "r", "j") * 3:
            await face.press(key)
            check(face)
        for key in ("question_mark", "exclamation_mark", "a", "t", "w", "ctrl+p"):
            await face.press(key)
            check(face)
            await face.press("escape", "escape")


@pytest.mark.parametrize("kind", ["closing tag", "c1", "nul", "newline", "wide", "long escape"])
async def test_a_name_as_the_only_stage_user_and_event(kind: str) -> None:
    name = HOSTILE[kind]
    engine = core.open_engine(
        [{"user": f"{name}!", "event": f"{name}!", "time": 1_000_000_000 + i} for i in range(3)]
    )
    stages = (core.Stage((f"{name}!",)), core.Stage((f"{name}?",)))
    async with opened(engine, Study(stages=stages)) as face:
        check(face)
        assert face.counts == [1, 0]
        assert face.listed == [f"{name}!"]
        start = visible(name)[:6]
        assert start.strip() == "" or start in face.text
        await face.press("3", "g", "enter")
        check(face)
        assert [chip.split(" ")[:3] for chip in face.chips] == [["left", "at", "①"]]
        await face.press("3", "G", "d", "d", "a", "enter")
        check(face)
        assert face.stages == [f"{name}!"]


async def test_names_are_no_markup_on_the_screen() -> None:
    name = "[@click=app.quit]q[/]"
    engine = core.open_engine([{"user": name, "event": name, "time": 1_000_000_000}])
    async with opened(engine, size=WIDE) as face:
        assert face.text.count(name) >= 3  # list, title, bar
        for pane in (face.lines, face.trail_lines, face.bars):
            for y in (0, 1, 2):
                await face.click(pane, (6, y))
        assert face.app.return_code is None


async def test_every_name_can_be_searched_for() -> None:
    async with opened(hostile_engine()) as face:
        await face.press("slash")
        for name in HOSTILE.values():
            face.users.query_one(Input).value = name
            await face.settled()
            check(face)
            known = [user for user in HOSTILE.values() if name.casefold() in user.casefold()]
            assert (name, face.page.total) == (name, len(known))


@pytest.mark.parametrize("key", ["slash", "a", "t"])
async def test_pasted_text_is_shown_and_not_obeyed(key: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press(key)
        for name in SHORT.values():
            assert face.app.focused is not None
            face.app.focused.post_message(events.Paste(name))
            await face.settled()
            check(face)


async def test_the_picker_lists_every_name() -> None:
    async with opened(hostile_engine(), size=WIDE) as face:
        await face.press("a")
        picker = face.screen(StagePicker)
        for _ in HOSTILE:
            await face.press("down")
            check(face)
        for text in ("x", "[", "\x1b", "*|", "||", "\x1b|", "red"):
            picker.query_one(Input).value = text
            await face.settled()
            check(face)
        picker.query_one(Input).value = "\x1b]52;c;x\x07||"
        await face.press("enter")
        check(face)
        assert isinstance(face.app.screen, StagePicker)


async def test_rejected_rows_are_shown_and_not_obeyed() -> None:
    async with opened(hostile_engine(), size=WIDE) as face:
        await face.press("exclamation_mark")
        face.screen(Source)
        for _ in range(2 * len(HOSTILE)):
            await face.press("j")
            check(face)


async def test_a_limit_with_a_name_in_it_is_refused() -> None:
    async with opened(demo_engine()) as face:
        await face.press("t")
        for name in HOSTILE.values():
            face.app.screen.query_one(Input).value = name
            await face.press("enter")
            check(face)
            assert isinstance(face.app.screen, Prompt)


class Refusing(core.LocalEngine):
    """Answers, unless there is a reason not to: then it refuses once."""

    reason = ""

    def funnel(self, study: Study) -> FunnelAnswer:
        if self.reason:
            reason, self.reason = self.reason, ""
            raise core.QuestionError(reason)
        return super().funnel(study)


async def test_notifications_show_names_and_do_not_obey_them() -> None:
    engine = Refusing(demo_engine().log)
    async with opened(engine, size=WIDE) as face:
        for kind in WORST:
            engine.reason = f"nothing is called {HOSTILE[kind]}"
            await face.press("]" if face.study.timeout else "[")
            check(face)
            assert len(face.notes) == 1
            assert "nothing is called" in face.text
            face.app.clear_notifications()


@pytest.mark.parametrize("kind", WORST)
async def test_a_source_and_an_error_with_a_name_in_them(kind: str) -> None:
    name = HOSTILE[kind]

    def open_engine(cancelled: object, progress: object) -> core.LocalEngine:
        raise core.SourceError(f"cannot read {name}")

    app = TracerApp(open_engine, Study(), name)
    async with app.run_test(size=NARROW) as pilot:
        face = Face(pilot, [])
        check(face)
        await until(pilot, lambda: isinstance(app.screen, Opening) and app.screen.is_unreadable)
        await settled(pilot)
        check(face)
        assert "cannot read" in face.text


async def test_chips_drawer_names_of_stages_and_the_search_in_a_trail() -> None:
    engine = hostile_engine()
    stages = tuple(core.Stage((HOSTILE[kind],), name=HOSTILE[kind]) for kind in WORST)
    async with opened(engine, Study(stages=stages)) as face:
        for kind in WORST:
            name = HOSTILE[kind]
            has = Has(core.Stage((name,), where=f"p <> '{kind}'", name=name))
            face.explorer.list_cohort(Cohort((has, Did(0, "between", (name, name)))), face.study)
            await face.settled()
            check(face)
            assert len(face.chips) == 2
            face.explorer.list_cohort(EVERYBODY, face.study)
            await face.press("2", "j", "enter", "slash")
            check(face)
            face.timeline.query_one(Input).value = name
            await face.settled()
            check(face)
            await face.press("enter", "escape", "escape", "y")
            check(face)
            face.app.clear_notifications()


async def test_files_with_any_name_hold_the_data_and_tell_of_it_in_plain_signs(
    tmp_path: Path,
) -> None:
    async with opened(hostile_engine(), size=WIDE) as face:
        forms = {"style": "csv", "colour": "md", "clipboard": "json", "right to left": "csv"}
        for moves, (kind, form) in enumerate(forms.items()):
            await face.press("x", *["down"] * (moves % 3))
            path = tmp_path / f"{SHORT[kind].replace('/', '')}.{form}"
            face.app.screen.query_one(Input).value = str(path)
            await face.press("enter")
            check(face)
            assert is_file(path)
            assert "Written to" in face.notes[-1]
            if form == "csv":
                assert "\x1b" in content_of(path)  # exactly as in the data
            face.app.clear_notifications()


def is_file(path: Path) -> bool:
    return path.is_file()


def content_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")
