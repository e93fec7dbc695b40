"""The drop-off panel: what it says, and the people behind each of its numbers."""

import core
from core.aftermath import Contrast
from core.cohort import Cohort, Did, Part
from tests.tui.driving import (
    FIVE,
    NARROW,
    WIDE,
    Face,
    demo_engine,
    drawn_lines,
    engine_of,
    opened,
    study,
    until,
)
from tests.tui.hostile import SHORT
from tests.tui.test_hostile import check
from tracer_tui.chips import named
from tracer_tui.screens.drop_off import DropOff
from tracer_tui.screens.explorer import Explorer


async def open_panel(face: Face) -> DropOff:
    await face.press("3", "v")
    panel = face.screen(DropOff)
    await until(face.pilot, lambda: bool(panel.lines.lines))
    await face.settled()
    return panel


async def test_the_panel_says_what_those_who_left_did_beside_the_others() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        panel = await open_panel(face)
        assert "After ④ payment" in face.text
        assert "2 left here, 3 went on to purchase." in " ".join(face.text.split())
        lines = [line.split() for line in drawn_lines(panel.lines, 90)]
        assert lines[0][:6] == ["Met", "something", "like", "an", "error", "in"]
        assert lines[1] == ["payment_error", *["2", "100.0", "%", "1", "33.3", "%", "+66.7", "pp"]]
        assert ["What", "came", "next"] in lines


async def test_every_number_of_the_panel_lists_as_many() -> None:
    engine = demo_engine()
    async with opened(engine, study(",".join(FIVE)), size=WIDE) as face:
        panel = await open_panel(face)
        lines = panel.lines.lines
        contrasts = [line for line in lines if isinstance(line, Contrast)]
        assert len(contrasts) > 10
        for contrast in contrasts:
            for kind, number in (("left", contrast.left), ("went_on", contrast.went_on)):
                part = Part("left" if kind == "left" else "went_on", 3)
                page = engine.users(face.study, Cohort((part, contrast.what)))
                assert (contrast.what, kind, page.total) == (contrast.what, kind, number)
        # Every line opens its list the same way: the first under each title stands for the others.
        firsts = [place + 1 for place, line in enumerate(lines) if isinstance(line, str)]
        for number, index in enumerate(firsts):
            first, key = lines[index], ("enter", "c")[number % 2]
            assert isinstance(first, Contrast)
            panel.lines.cursor = index
            await face.press(key)
            assert isinstance(face.app.screen, Explorer)
            assert face.page.total == (first.left if key == "enter" else first.went_on)
            assert face.focused is face.lines
            assert len(face.chips) == 2
            panel = await open_panel(face)


async def test_a_click_on_a_number_lists_who_is_behind_it() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        panel = await open_panel(face)
        width = panel.lines.scrollable_content_region.width
        line = "".join(text for text, *_ in panel.lines.draw_line(1, width))
        await face.click(panel.lines, (line.index("33.3"), 2))
        what = Did(3, "between", ("payment_error",))
        assert face.explorer.cohort == Cohort((Part("went_on", 3), what))
        assert face.page.total == 1


async def test_the_panel_closes() -> None:
    async with opened(demo_engine(), study(",".join(FIVE))) as face:
        for leave in ("escape", "v", "q"):
            await open_panel(face)
            await face.press(leave)
            face.screen(Explorer)
            assert face.chips == []


async def test_titles_list_nobody_and_the_last_stage_has_no_panel() -> None:
    async with opened(demo_engine(), study(",".join(FIVE))) as face:
        panel = await open_panel(face)
        panel.lines.cursor = 0
        await face.press("enter")
        assert face.screen(DropOff) is panel
        await face.press("escape", "G", "v")
        face.screen(Explorer)


async def test_a_question_that_fails_is_told_in_the_panel() -> None:
    class Refusing(core.LocalEngine):
        def drop_off(self, study: core.Study, stage: int, *_: object) -> core.engine.DropOffPanel:
            raise core.QuestionError(f"[red]no {stage}")

    async with opened(Refusing(demo_engine().log), study(",".join(FIVE)), size=WIDE) as face:
        await face.press("3", "v")
        await until(face.pilot, lambda: "[red]no 3" in face.text)


def test_as_many_names_are_told_as_there_is_room_for() -> None:
    names = ("api_error", "card_error", "页_error")
    assert named(names) == "api_error or card_error or 页_error"
    assert named(names, 33) == "api_error or card_error or 1 more"
    assert named(names, 32) == "api_error or 2 more"
    assert named(names, 3) == "api_error or 2 more"
    assert named(()) == "nothing more"


async def test_names_that_have_no_room_are_told_below_where_the_cursor_is() -> None:
    errors = [f"{each}_error_of_the_payment" for each in "abc"]
    events = engine_of(*((name, event, 60.0 * at) for name in ("u", "v")
                         for at, event in enumerate(["start", *errors])))  # fmt: skip
    async with opened(events, study("start,never"), size=NARROW) as face:
        panel = await open_panel(face)
        assert "a_error_of_the_payment or 2 more" not in face.text
        assert " or ".join(errors) in face.text
        panel.lines.cursor = panel.lines.line_count - 1
        await face.settled()
        assert " or ".join(errors) not in face.text


async def test_hostile_names_in_the_panel() -> None:
    rows = [
        {"user": f"{name}{i}", "event": event, "time": time}
        for i, name in enumerate(SHORT.values())
        for time, event in enumerate(("start", name, f"{name} error"))
    ]
    async with opened(core.open_engine(rows), study("start,never"), size=WIDE) as face:
        panel = await open_panel(face)
        for _ in range(panel.lines.line_count):
            await face.press("j")
            check(face)
        await face.press("g", "j", "enter")
        check(face)
