"""The list of users: order, columns, filters as chips, marks."""

from dataclasses import replace

import pytest
from textual.widgets import Input

import core
from core.cohort import Cohort, Has, Part
from core.engine import Sort
from tests.tui.driving import (
    FIVE,
    WIDE,
    Face,
    crowd,
    demo_engine,
    drawn_lines,
    engine_of,
    opened,
    study,
)
from tracer_tui.answers import Listing
from tracer_tui.drawing import plural
from tracer_tui.screens.picker import FilterPicker


def header(face: Face, width: int = 100) -> str:
    return "".join(text for text, *_ in face.lines.draw_header(width))


async def test_any_column_sorts_by_key_and_by_click_and_the_order_is_shown() -> None:
    async with opened(demo_engine(), size=(160, 40)) as face:
        assert "last seen▾" in header(face)
        await face.press("S")
        assert face.page.sort == Sort("depth", descending=True)
        await face.press("S")
        assert face.page.sort == Sort("user", descending=False)
        assert face.listed == ["ana", "bo", "cy", "dee", "eli"]
        assert "user▴" in header(face)
        await face.press("R")
        assert face.listed == ["eli", "dee", "cy", "bo", "ana"]
        width = face.lines.scrollable_content_region.width
        title = header(face, width)
        for name, key in (("events", "events"), ("sess", "sessions"), ("depth", "depth")):
            await face.click(face.lines, (title.index(name) + 1, 0))
            assert face.page.sort == Sort(key, descending=True)  # type: ignore[arg-type]  # a key
            await face.click(face.lines, (title.index(name) + 1, 0))
            assert not face.page.sort.descending
        assert face.subtitle(face.users) == "by depth ▴"


async def test_another_order_shows_who_comes_first_in_it() -> None:
    async with opened(crowd()) as face:
        await face.press("G", "S", "S")
        assert (face.lines.cursor, face.user, face.trail.user) == (0, "u00", "u00")
        assert face.lines.lines_in_sight[0] == 0
        await face.press("j", "R")
        assert (face.lines.cursor, face.user, face.trail.user) == (0, "u59", "u59")


async def test_numbers_and_orders_too_wide_for_their_column_are_never_cut() -> None:
    async with opened(engine_of(*(("u", "a", i) for i in range(3)))) as face:
        row = replace(face.page.rows[0], events=1_234_567, sessions=12_345)
        page = replace(face.page, rows=(row,), sort=Sort("events"))
        face.users.listing = Listing(page, None)
        assert "event▾" in header(face, 32)
        assert drawn_lines(face.lines, 32)[0].split()[2:4] == ["12k", "1,234k"]


@pytest.mark.parametrize(
    ("width", "columns"),
    [(30, 4), (50, 5), (80, 6)],
)
async def test_columns_come_with_the_room_for_them(width: int, columns: int) -> None:
    async with opened(demo_engine()) as face:
        assert sum(size != 0 for size in face.lines._widths(width).values()) == columns
        assert len(header(face, width)) == width
        assert len(drawn_lines(face.lines, width)[0].rstrip()) <= width


@pytest.mark.parametrize("length", [8, 14, 36, 999])
async def test_no_id_is_so_long_that_numbers_make_way_for_it(length: int) -> None:
    engine = engine_of(*((f"{'u' * (length - 1)}{i}", "a", i) for i in range(2)))
    async with opened(engine, study("a,b")) as face:
        for width in (28, 32, 46):
            assert all(face.lines._widths(width)[key] for key in ("sessions", "events", "depth"))
            assert len(header(face, width)) == width
            lines = drawn_lines(face.lines, width)
            assert lines[0].split()[-1] == "▮▯"
            assert lines[0] != lines[1]
            assert ("…" in lines[0]) == (length > face.lines._widths(width)["user"] - 2)


async def test_filters_combine_as_chips_and_are_cleared_one_by_one() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        await face.press("f", *"reached ⑤", "enter")
        assert face.chips == ["reached ⑤ purchase"]
        assert face.focused is face.lines
        assert face.page.total == 3
        await face.press("f", *"search", "enter")
        assert face.chips == ["reached ⑤ purchase", "has search"]
        both = face.page.total
        assert 0 < both < 3
        await face.press("f", *"* where device = 'mobile'", "enter")
        assert face.chips[2] == "has any event where device = 'mobile'"
        assert face.page.total <= both
        assert face.title(face.users) == f"1 Sessions · {face.page.total} of 5"
        await face.press("backspace")
        assert len(face.chips) == 2
        chip_line = face.users.query_one("#user-filters")
        await face.click(chip_line, (3, 0))
        assert face.chips == ["has search"]
        assert face.title(face.users).startswith("1 Users · ")
        await face.press("backspace", "backspace")
        assert face.chips == []
        assert not chip_line.region.area


async def test_a_number_of_the_bars_opens_all_of_its_list_whatever_was_searched_for() -> None:
    async with opened(demo_engine(), study(",".join(FIVE))) as face:
        await face.press("slash", *"ana", "enter", "3", "g", *"jjj", "enter")
        assert face.title(face.users) == "1 Sessions · 2 of 5"
        assert not face.users.query_one(Input).display
        await face.press("slash", *"dee", "enter", "f", *"has", "escape", "f", *"cart", "enter")
        assert face.listed == ["dee"]
        assert face.chips == ["left at ④ payment", "has cart"]


async def test_the_title_of_a_list_says_what_is_listed() -> None:
    for scope in ("journeys", "users"):
        asked = replace(study("product,cart", scope=scope), attempts="starts")
        async with opened(demo_engine(), asked) as face:
            await face.press("3", "g", "r")
            assert face.title(face.users) == "1 Attempts · 11 of 11"
            assert face.counts[0] == face.page.total == 11
        async with opened(demo_engine(), replace(asked, attempts=None, hold="item")) as face:
            await face.press("3", "g", "r")
            what = "Sessions" if scope == "journeys" else "Users"
            assert face.title(face.users) == f"1 {what} · 11 of 11"


async def test_the_parts_that_are_offered_list_as_many_as_they_say() -> None:
    async with opened(demo_engine(), study(",".join(FIVE), timeout="5m")) as face:
        await face.press("f")
        picker = face.screen(FilterPicker)
        told = {}
        for choice in picker.list.choices:
            if choice.kind != "event":
                page = demo_engine().users(face.study, Cohort((picker.picked("", choice),)))
                assert choice.kind == plural(page.total, "session")
                told[choice.label] = page.total
        assert told["left at ② product"] == 7 - 5
        assert all(told.values())
        await face.press(*"car")
        assert [each.label for each in picker.list.choices][:2] == ["cart", "reached ③ cart"]


async def test_a_filter_that_cannot_be_asked_is_told_and_the_list_stays() -> None:
    async with opened(demo_engine()) as face:
        await face.press("f", *"* where devise = 1", "enter")
        assert "no event has a field 'devise'; did you mean device" in face.text
        assert face.screen(FilterPicker).query_one(Input).value == "* where devise = 1"
        assert face.chips == []
        assert face.page.total == 5
        await face.press("escape")
        await face.press("f", *"a|", "enter")
        assert "is not a stage" in face.text
        await face.press("escape")


async def test_pending_users_are_marked_listed_and_on_their_bar() -> None:
    day = 86_400.0
    engine = engine_of(("ana", "a", 0), ("ana", "b", 60), ("bo", "a", 0), ("cy", "a", 20 * day))
    asked = study("a,b", scope="users", window="7d")
    async with opened(engine, asked, size=WIDE) as face:
        assert [(row.user, row.pending) for row in face.page.rows] == [
            ("cy", True), ("ana", False), ("bo", False)
        ]  # fmt: skip
        assert "▮▯…" in drawn_lines(face.lines)[0]
        assert "…1" in drawn_lines(face.bars)[0]
        assert "▒" in drawn_lines(face.bars)[0]
        await face.press("3", "g", "p")
        assert face.listed == ["cy"]
        assert face.chips == ["pending at ① a"]
        assert any("… may still go on" in line for line in face.timeline_lines())


async def test_enter_opens_the_timeline_and_so_do_two_clicks() -> None:
    async with opened(demo_engine()) as face:
        await face.press("j", "enter")
        assert face.focused is face.trail_lines
        await face.click(face.lines, (5, 3), times=2)
        assert face.focused is face.trail_lines
        assert face.user == face.trail.user == "cy"


async def test_marks_stay_with_their_users() -> None:
    async with opened(crowd(), study("a")) as face:
        await face.press("space", "space", "k", "space")
        assert face.users.marked == ["u00"]
        assert drawn_lines(face.lines)[0].startswith("✓ u00")
        await face.press("R")
        assert [line[:5] for line in drawn_lines(face.lines) if line.startswith("✓")] == ["✓ u00"]


async def test_a_held_value_stands_beside_its_user() -> None:
    engine = core.open_engine(
        [
            {"user": "ana", "event": "a", "time": 0, "item": "mug"},
            {"user": "ana", "event": "a", "time": 1, "item": "pot"},
        ]
    )
    asked = core.Study(stages=(core.Stage(("a",)), core.Stage(("b",))), hold="item")
    async with opened(engine, asked) as face:
        await face.press("3", "enter")
        assert face.explorer.cohort == Cohort((Part("left", 0),))
        assert face.page.total == 2
        lines = drawn_lines(face.lines)
        assert any("ana · mug" in line for line in lines)
        assert any("ana · pot" in line for line in lines)


def test_words_of_filters() -> None:
    from core.cohort import Did, Stayed
    from tracer_tui.chips import words

    stages = (core.Stage(("view",)), core.Stage(("buy",)))
    told = [
        words(each, stages)
        for each in (
            Part("went_on", 0), Has(core.Stage(("x", "y"))), Did(0, "next", ()),
            Did(0, "last", ("bye",)), Did(0, "between", ("e1", "e2", "e3")),
            Stayed(0, 0, 10_000_000), Stayed(0, 10_000_000, 60_000_000),
            Stayed(0, 86_400_000_000, None),
        )
    ]  # fmt: skip
    assert told == [
        "went on from ① view",
        "has x or y",
        "① then nothing more",
        "① at last bye",
        "① met e1 or e2 or e3",
        "① stayed under 10s",
        "① stayed 10s to 1m",
        "① stayed 1d or longer",
    ]


@pytest.mark.parametrize(
    ("size", "title"),
    [
        ((80, 24), "1 Sessions · 65,480 of 168k"),
        ((120, 40), "1 Sessions · 65,480 of 168,100"),
    ],
)
async def test_a_total_that_has_no_room_is_told_in_thousands(
    size: tuple[int, int], title: str
) -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=size) as face:
        await face.press("3", "r")
        listing = face.users.listing
        assert listing is not None
        face.users.answer = replace(face.funnel, journeys_count=168_100)
        face.users.listing = replace(listing, page=replace(listing.page, total=65_480))
        assert face.title(face.users) == title
