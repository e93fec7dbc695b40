"""The timeline: folding, the strip, the drawer, jumps and the search in the trail."""

from dataclasses import replace
from pathlib import Path

import pytest
from textual.widgets import Input

import core
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
from tracer_tui.widgets.drawer import Drawer


def drawer_lines(face: Face) -> list[str]:
    return drawn_lines(face.explorer.query_one(Drawer))


async def test_sessions_fold_and_open_by_key_and_click() -> None:
    async with opened(crowd(), study("a,b"), size=WIDE) as face:
        lines = face.trail_lines
        assert lines.line_count == 49
        await face.press("2", "j", "j", "space")
        assert lines.line_count == 46
        assert face.timeline_lines()[0].startswith("▶ Session 1")
        assert lines.cursor == 0
        await face.press("space")
        assert lines.line_count == 49
        await face.press("minus")
        assert lines.line_count == 19
        assert all(line.startswith(("▶ Session", "──")) for line in face.timeline_lines())
        await face.press("G", "enter")
        assert lines.line_count == 22
        await face.press("plus")
        assert lines.line_count == 49
        await face.press("g")
        await face.click(lines, (0, 1))
        assert lines.line_count == 46


async def test_a_fold_stays_when_the_timeout_keeps_the_sessions_and_opens_for_a_match() -> None:
    async with opened(crowd(), study("a,b"), size=WIDE) as face:
        await face.press("2", "minus", "[")
        assert face.trail_lines.line_count == 19
        await face.press("slash", *"c", "enter")
        assert face.timeline_lines()[face.trail_lines.cursor].endswith(" c")


async def test_the_search_goes_to_matches_counts_them_and_is_cleared() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        await face.press("2", "slash", *"prod")
        assert face.subtitle(face.timeline) == "/prod · 2 matches"
        visited = [face.trail_lines.cursor]
        await face.press("enter")
        assert face.focused is face.trail_lines
        for key in "nnNN":
            await face.press(key)
            visited.append(face.trail_lines.cursor)
        assert visited == [2, 5, 5, 2, 2]
        await face.press("1", "j", "2")
        assert face.subtitle(face.timeline) == "/prod · 3 matches"
        await face.press("escape")
        assert face.subtitle(face.timeline) == ""
        assert not face.timeline.query_one(Input).display
        await face.press("slash", *"zzz")
        assert face.subtitle(face.timeline) == "/zzz · 0 matches"


async def test_jumps_between_stage_events() -> None:
    async with opened(demo_engine(), study("product,cart"), size=WIDE) as face:
        await face.press("2")
        visited = []
        for key in ("full_stop", "full_stop", "full_stop", "full_stop", "comma", "comma", "comma"):
            await face.press(key)
            place = face.trail_lines.place
            assert place is not None
            visited.append(place)
        assert visited == [1, 4, 5, 5, 4, 1, 1]
        assert [face.trail.name(place) for place in (1, 4, 5)] == ["product", "product", "cart"]


async def test_the_strip_shows_where_the_cursor_is_and_a_click_goes_there() -> None:
    async with opened(crowd(), study("a,b"), size=WIDE) as face:
        lines = face.trail_lines
        width = lines.scrollable_content_region.width
        places = []
        for key in ("g", "G"):
            await face.press("2", key)
            strip = "".join(text for text, *_ in lines.draw_header(width))
            places.append(strip.index("┃"))
        assert places[0] == 0
        assert places[1] == strip.rindex(" Jan") - 1 or strip[places[1] + 1] == " "
        await face.click(lines, (0, 0))
        assert lines.place == 0
        await face.click(lines, (places[1], 0))
        assert lines.place is not None
        assert lines.place >= 27


async def test_what_the_funnel_waits_for_is_told_for_the_event_at_the_cursor() -> None:
    asked = study(",".join(FIVE), window="1h")
    async with opened(demo_engine(), asked, size=WIDE) as face:
        await face.press("2", "j", "j", "j", "j")
        told = "".join(text for text, *_ in face.trail_lines.draw_footer(100)).strip()
        assert told == "→ ② product · session ends in 17m 10s · window ends in 1h"
        told = "".join(text for text, *_ in face.trail_lines.draw_footer(46)).strip()
        assert told == "→ ② product · session 17m 10s · window 1h"
        await face.press("G")
        told = "".join(text for text, *_ in face.trail_lines.draw_footer(100)).strip()
        assert told == "✓ complete · session ends here"
        await face.press("{", "{", "{", "1", "j", "2", "G")
        told = "".join(text for text, *_ in face.trail_lines.draw_footer(100)).strip()
        assert told.endswith("session ends here · window is over")


async def test_the_drawer_shows_an_events_properties_and_follows_the_cursor() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        await face.press("2", "j", "j", "enter")
        drawer = face.explorer.query_one(Drawer)
        assert drawer.region.area
        assert str(drawer.border_title).startswith("product · 2026-01-06 23:39:10.000 UTC")
        before = drawer_lines(face)
        assert [line.split()[0] for line in before] == ["device", "country", "item"]
        await face.press("j")
        assert str(drawer.border_title).startswith("search · ")
        assert "─search · 2026-01-06 23:40:00.000 UTC─" in face.text
        assert drawer_lines(face) != before
        await face.press("enter")
        assert not drawer.region.area
        await face.press("enter", "escape")
        assert not drawer.region.area
        await face.press("enter", "1", "j")
        assert not drawer.region.area


async def test_an_event_without_properties_says_so() -> None:
    async with opened(crowd(), study("a")) as face:
        await face.press("2", "j", "enter")
        assert drawer_lines(face) == [" This event has no properties."]


async def test_nested_properties_are_shown_by_their_paths() -> None:
    cart = {"items": [1, 2], "total": {"net": 5}, "coupon": {}}
    engine = core.open_engine(
        [{"user": "a", "event": "b", "time": 0, "cart": cart, "note": "x\x1b[2J"}]
    )
    async with opened(engine) as face:
        await face.press("2", "j", "enter")
        assert drawer_lines(face) == [
            " cart.items      [1, 2]",
            " cart.total.net  5",
            " cart.coupon     {}",
            " note            x␛[2J",
        ]


async def test_properties_that_have_no_room_are_counted_and_turned_to() -> None:
    properties = {f"p{number}": number for number in range(9)} | {"long": "x" * 99}
    async with opened(engine_of(("u", "a", 0), **properties)) as face:
        await face.press("2", "j", "enter")
        drawer = face.explorer.query_one(Drawer)
        room = len(drawer.lines_in_sight)
        assert 0 < room < 10
        assert f"─a · {10 - room} more: shift+↓ · 1970-01-01" in face.text
        await face.press(*["shift+down"] * 9)
        assert list(drawer.lines_in_sight) == list(range(10 - room, 10))
        assert "xxx…" in face.text
        await face.press(*["shift+up"] * 9)
        assert drawer.lines_in_sight[0] == 0
        await face.press("z")
        assert f"─a · {10 - len(drawer.lines_in_sight)} more: shift+↓ · 1970-01-01" in face.text


async def test_the_mark_of_leaving_stands_at_the_last_event_of_the_session() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        await face.press("j")
        left = [line for line in face.timeline_lines() if "✗" in line]
        assert len(left) == 1
        assert left[0] == face.timeline_lines()[-1]
        assert "logout" in left[0]


def with_aliases(folder: Path) -> core.Engine:
    aliases = folder / "aliases.csv"
    aliases.write_text("anonymous,ana\nx,ana\n")
    rows = [{"user": user, "event": "a", "time": 1} for user in ("ana", "anonymous", "x")]
    return core.open_engine(rows, alias=str(aliases))


async def test_the_title_tells_the_ids_that_were_merged(tmp_path: Path) -> None:
    async with opened(with_aliases(tmp_path), size=WIDE) as face:
        assert face.title(face.timeline) == "2 ana · 1 session · 3 events · also anonymous, x"


@pytest.mark.parametrize("size", [(80, 24), WIDE, (160, 50)])
async def test_no_id_pushes_the_numbers_out_of_a_title(size: tuple[int, int]) -> None:
    user = "customer.number@" + "x" * 200
    async with opened(engine_of((user, "a", 0), (user, "b", 9_000)), study("a,b,c"), size) as face:
        (title,) = (line for line in face.text.splitlines() if "─ 2 cust" in line)
        assert "xx · 2 sessions · 2 events ─" in title
        await face.press("z", "2", "z")
        (title,) = (line for line in face.text.splitlines() if "─ 2 cust" in line)
        assert "xx · 2 sessions · 2 events ─" in title
        await face.press("i")
        assert "· session 1 · 1 of 3 stages ─" in face.text


async def test_events_of_another_value_than_the_one_that_left_are_told_apart() -> None:
    asked = replace(study("product,cart"), hold="item")
    async with opened(demo_engine(), asked, size=WIDE) as face:
        await face.press("1", "slash", *"dee", "enter", "2")
        notes = [line[line.index("#") :] for line in face.timeline_lines() if "#" in line]
        assert notes == [
            "#1 candle ✗ left here: no cart",
            "#2 vase start",
            "#2 vase ✓ completed",
            "#3 wrap ✗ left here: no cart",
        ]
        await face.press("1", "escape", "3", "g", "enter", *"gjj")
        seen = []
        for _ in range(2):
            row, lines = face.lines.row, face.timeline_lines()
            assert row is not None
            others = [line for line in lines if "≠ #" in line]
            assert not any(str(row.held) in line for line in others)
            here = lines[face.trail_lines.cursor]
            assert here.endswith(f" {row.held} ✗ left here: no cart")
            await face.press("2")
            assert f"#{face.explorer.shown.unit} {row.held} · → ② cart" in face.text  # type: ignore[union-attr]  # somebody is shown
            seen.append((row.user, row.held, len(others)))
            await face.press("1", "k")
        assert seen == [("dee", "candle", 3), ("dee", "wrap", 3)]


async def test_attempts_are_numbered_in_the_timeline() -> None:
    asked = replace(study("product,cart"), attempts="starts")
    async with opened(demo_engine(), asked, size=WIDE) as face:
        notes = [line[line.index("#") :] for line in face.timeline_lines() if "#" in line]
        assert notes == ["#1 start", "#2 start", "#1–2 ✓ completed"]


async def test_attempts_at_a_value_are_numbered_together_and_none_has_events_of_another() -> None:
    rows = (("product", "mug"), ("product", "cap"), ("product", "mug"), ("cart", "mug"))
    events = [
        {"user": "ana", "event": name, "time": at, "item": item}
        for at, (name, item) in enumerate((*rows, ("cart", "cap"), ("pay", "mug")))
    ]
    asked = replace(study("product,cart,pay"), hold="item", attempts="starts")
    async with opened(core.LocalEngine(core.read_events(events)), asked, size=WIDE) as face:
        await face.press("3", "g", "j", "enter")
        assert [row.held for row in face.page.rows] == ["cap"]
        notes = [line[line.index("#") :] for line in face.timeline_lines() if "#" in line]
        assert notes == [
            "#1 mug",
            "#3 cap start",
            "#2 mug",
            "#1–2 mug",
            "#3 cap ✗ left here: no pay",
            "#1–2 mug",
        ]
        assert face.trail_lines.place == 4


@pytest.mark.parametrize("scope", ["journeys", "users"])
async def test_an_attempt_that_is_chosen_is_picked_out(scope: str) -> None:
    asked = replace(study("product,cart", scope=scope), attempts="starts")
    rows = enumerate(("product", "product", "cart", "home", "product"))
    async with opened(engine_of(*(("ana", name, at) for at, name in rows)), asked) as face:
        await face.press("3", "g", "r")
        picked = []
        for _ in range(face.page.total):
            told = [line.partition("① product")[2].strip() for line in face.timeline_lines()]
            picked.append([note for note in told if note])
            assert face.trail.name(face.trail_lines.place or 0) == "cart" or len(picked) == 3
            await face.press("j")
        assert picked == [
            ["#1 start", "≠ #2", "≠ #3"],
            ["≠ #1", "#2 start", "≠ #3"],
            ["≠ #1", "≠ #2", "#3 ✗ left here: no cart"],
        ]
        await face.press("escape")
        assert "≠" not in "".join(face.timeline_lines())
