"""Every key of the explorer, by what it changes."""

import itertools
from collections.abc import Iterator

import pytest
from textual.binding import Binding
from textual.command import CommandPalette
from textual.widgets import Input, Static

import core
from core.durations import format_limit, parse_limit
from core.engine import EVERYBODY, Cohort
from core.study import Study
from tests.tui.driving import (
    WIDE,
    Face,
    Gate,
    demo_engine,
    drawn_lines,
    engine_of,
    handled,
    opened,
    study,
    until,
)
from tracer_tui.answers import answer, trace
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.help import Help
from tracer_tui.screens.picker import StagePicker
from tracer_tui.screens.prompt import Prompt
from tracer_tui.screens.rejects import Rejects
from tracer_tui.screens.study_keys import StudyKeys
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.status_line import StatusLine
from tracer_tui.widgets.user_list import UserList

FIVE = ["home", "product", "cart", "payment", "purchase"]


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


ALPHABET = ",".join("abcdefghijklmnop")
"""More stages than the pane has room for."""


# What there is to see.


async def test_the_demo_opens_with_its_numbers() -> None:
    async with opened(demo_engine()) as face:
        assert face.stages == FIVE
        assert face.counts == [5, 5, 5, 5, 3]
        assert face.funnel.leak == 3
        assert face.listed == ["eli", "dee", "cy", "bo", "ana"]
        assert face.trail.user == "eli"
        assert face.focused is face.lines
        for shown in ("Users · 5", "eli · 1 session · 8 events", "−40.0 %", "2 left"):
            assert shown in face.text
        for fact in ("43 events", "5 users", "5 sessions", "0 rejected", "30m", "journeys"):
            assert fact in face.status


async def test_the_biggest_leak_is_marked_on_its_bar_and_in_words() -> None:
    async with opened(demo_engine()) as face:
        marked = [line for line in drawn_lines(face.bars) if "◀ biggest leak" in line]
        assert [line[:12] for line in marked] == [" ④ payment  "]
        assert "Biggest leak: 2 of 5 sessions leave between payment and purchase" in face.text
        assert face.bars.cursor == 3


async def test_a_funnel_without_a_leak_says_so() -> None:
    async with opened(demo_engine(), study("home,product")) as face:
        assert "Nobody left along the way." in face.text
        assert "biggest leak" not in face.text


async def test_suggested_stages_are_marked_until_they_are_changed() -> None:
    async with opened(demo_engine()) as face:
        assert face.title(face.bars).endswith("· suggested")
        await face.press("]")
        assert face.title(face.bars).endswith("· suggested")
        await face.press("3", ">")
        assert "suggested" not in face.title(face.bars)


async def test_named_stages_are_not_marked_as_suggested() -> None:
    async with opened(demo_engine(), study("home,purchase")) as face:
        assert "suggested" not in face.text


async def test_a_stage_that_never_occurs_is_a_warning_that_names_the_nearest() -> None:
    async with opened(demo_engine(), study("home,pruchase")) as face:
        assert face.counts == [5, 0]
        assert "! no event is named 'pruchase'; did you mean purchase" in face.text


async def test_timeline_marks_stages_start_leaving_and_completion() -> None:
    async with opened(demo_engine()) as face:
        assert face.timeline_lines() == [
            "▼ Session 1  Jan 06 23:38 → Jan 07 00:02 · 24m 20s · 8 events",
            "   +00:00 ① home",
            "   +01:10 ② product",
            "   +02:00   search",
            "   +07:10 ① home     start",
            "   +08:00 ② product",
            "   +09:30 ③ cart",
            "   +23:00 ④ payment",
            "   +24:20 ⑤ purchase  ✓ completed",
        ]
        await face.press("j")
        assert "   +15:15 ④ payment  ✗ left: no purchase" in face.timeline_lines()


async def test_idle_time_between_sessions_is_told_in_words() -> None:
    two_days = 2 * 86_400 + 4 * 3_600
    async with opened(engine_of(("ana", "a", 0), ("ana", "b", 60), ("ana", "a", two_days))) as face:
        lines = face.timeline_lines()
        assert lines[0].startswith("▼ Session 1  Jan 01 00:00 → 00:01 · 1m · 2 events")
        assert lines[3].startswith("── 2d 3h idle ───")
        assert lines[4].startswith("▼ Session 2  Jan 03 04:00 → 04:00 · 0s · 1 event")
        assert len(lines) == 6


# Panes.


async def test_number_keys_go_to_the_panes() -> None:
    async with opened(demo_engine()) as face:
        for key, pane in (("2", face.timeline), ("3", face.bars), ("1", face.lines)):
            await face.press(key)
            assert face.focused is pane


async def test_tab_goes_round_the_panes_and_back() -> None:
    async with opened(demo_engine()) as face:
        panes = [face.lines, face.timeline, face.bars]
        for pane in (*panes[1:], panes[0]):
            await face.press("tab")
            assert face.focused is pane
        for pane in reversed(panes):
            await face.press("shift+tab")
            assert face.focused is pane


@pytest.mark.parametrize(("key", "pane"), [("1", "users"), ("2", "timeline"), ("3", "funnel")])
async def test_zoom_gives_a_pane_all_the_room_and_gives_it_back(key: str, pane: str) -> None:
    async with opened(demo_engine()) as face:
        panes = {"users", "timeline", "funnel"}
        before = {name: face.explorer.query_one(f"#{name}").region for name in panes}
        await face.press(key, "z")
        zoomed = {name: face.explorer.query_one(f"#{name}").region for name in panes}
        assert zoomed[pane].size == (80, 22)
        assert {name for name in panes if zoomed[name].area} == {pane}
        await face.press("z")
        assert {name: face.explorer.query_one(f"#{name}").region for name in panes} == before


@pytest.mark.parametrize("key", ["2", "3", "tab"])
async def test_a_zoom_follows_to_another_pane(key: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press("1", "z", key)
        focused = face.bars if key == "3" else face.timeline
        assert face.focused is focused
        assert focused.region.size == (80, 22)
        assert not face.users.region.area


# Moving.


MOVES = (
    *("j", "down down up", "k", "G k", "end j", "G g", "end home", "G pagedown pageup"),
    *("pagedown pagedown pageup", "pageup", "ctrl+d ctrl+d ctrl+u", "ctrl+u"),
)


def moved(key: str, place: int, last: int, page: int) -> int:
    """Where a key leads from a place."""
    first, end, half = -place, last - place, page // 2
    steps = {"j": 1, "down": 1, "k": -1, "up": -1, "pagedown": page, "pageup": -page}
    steps |= {"g": first, "home": first, "G": end, "end": end, "ctrl+d": half, "ctrl+u": -half}
    return min(max(place + steps[key], 0), last)


async def moves(face: Face, view: LineView) -> None:
    last, page = view.line_count - 1, len(view.lines_in_sight)
    assert 2 <= page <= last
    for keys in MOVES:
        await face.press("g")
        place = 0
        for key in keys.split():
            await face.press(key)
            place = moved(key, place, last, page)
        assert (keys, view.cursor) == (keys, place)
        assert view.cursor in view.lines_in_sight


@pytest.mark.parametrize("key", ["1", "2", "3"])
async def test_keys_move_through_every_pane(key: str) -> None:
    async with opened(crowd(), study(ALPHABET)) as face:
        await face.press(key)
        assert isinstance(face.focused, LineView)
        await moves(face, face.focused)


async def test_keys_move_through_the_rejected_rows() -> None:
    engine = core.open_engine(
        [*[{"user": "a"}] * 60, {"user": "a", "event": "b", "time": "2026-01-01"}]
    )
    async with opened(engine) as face:
        await face.press("!")
        view = face.app.screen.query_one(LineView)
        assert face.focused is view
        await moves(face, view)


async def test_moving_through_users_shows_their_events() -> None:
    async with opened(demo_engine()) as face:
        for user in ("dee", "cy", "bo", "ana"):
            await face.press("j")
            assert (face.user, face.trail.user) == (user, user)
            assert face.title(face.timeline).startswith(f"{user} · ")


async def test_moving_far_and_fast_ends_with_the_right_events() -> None:
    async with opened(crowd()) as face:
        await face.press(*"jjjjjjjjjjkkkjjjjjjjj")
        assert face.lines.cursor == 15
        assert face.trail.user == face.user == "u15"


@pytest.mark.parametrize("pane", ["1", "2", "3"])
async def test_parentheses_go_through_the_sessions_from_any_pane(pane: str) -> None:
    async with opened(crowd(), study("a,b")) as face:
        await face.press(pane)
        visited = []
        for key in "))()":
            await face.press(key)
            visited.append(face.timeline.cursor)
        # A header, three events and an idle line make one session.
        assert visited == [5, 10, 5, 10]
        for _ in range(12):
            await face.press(")")
        assert face.timeline.cursor == 45
        for _ in range(12):
            await face.press("(")
        assert face.timeline.cursor == 0
        assert face.timeline_lines()[0].startswith("▼ Session 1 ")


async def test_arrows_go_through_the_sessions_in_the_timeline() -> None:
    async with opened(crowd(), study("a,b")) as face:
        await face.press("2")
        visited = []
        for key in ("right", "right", "left"):
            await face.press(key)
            visited.append(face.timeline.cursor)
        assert visited == [5, 10, 5]


async def test_back_from_inside_a_session_goes_to_its_own_header() -> None:
    async with opened(crowd(), study("a,b")) as face:
        await face.press("2", ")", "j", "j", "(")
        assert face.timeline.cursor == 5


async def test_a_session_that_is_gone_to_is_in_sight_as_a_whole() -> None:
    async with opened(crowd(), study("a,b")) as face:
        for _ in range(5):
            await face.press(")")
            header = face.timeline.cursor
            assert set(range(header, header + 4)) <= set(face.timeline.lines_in_sight)


# Searching.


async def test_search_narrows_while_typing_and_counts_matches() -> None:
    async with opened(crowd()) as face:
        await face.press("slash")
        assert isinstance(face.focused, Input)
        told = []
        for sign in "u17":
            await face.press(sign)
            told.append((face.page.total, face.subtitle(face.users), face.title(face.users)))
        assert told == [
            (60, "/u · 60 matches", "Users · 60 of 60"),
            (10, "/u1 · 10 matches", "Users · 10 of 60"),
            (1, "/u17 · 1 match", "Users · 1 of 60"),
        ]
        await face.press("x")
        assert (face.page.total, face.subtitle(face.users)) == (0, "/u17x · 0 matches")
        assert face.timeline_lines() == []


async def test_search_ignores_case() -> None:
    async with opened(crowd()) as face:
        await face.press("slash", *"U17")
        assert face.listed == ["u17"]


async def test_enter_goes_back_to_the_list_that_keeps_what_was_found() -> None:
    async with opened(crowd()) as face:
        await face.press("slash", *"u1", "enter")
        assert face.focused is face.lines
        assert face.page.total == 10
        assert face.user == face.trail.user == "u10"


async def test_next_and_previous_match() -> None:
    async with opened(crowd()) as face:
        await face.press("slash", *"u1", "enter")
        visited = []
        for key in "nnNn":
            await face.press(key)
            visited.append(face.user)
        assert visited == ["u11", "u12", "u11", "u12"]


@pytest.mark.parametrize("leave", [["escape"], ["enter", "escape"]])
async def test_escape_clears_the_search_and_keeps_the_user(leave: list[str]) -> None:
    async with opened(crowd()) as face:
        await face.press("slash", *"u17", *leave)
        assert face.page.total == 60
        assert face.focused is face.lines
        assert not face.users.query_one(Input).display
        assert (face.subtitle(face.users), face.title(face.users)) == ("", "Users · 60")
        assert face.user == face.trail.user == "u17"


async def test_keys_are_letters_in_the_search() -> None:
    async with opened(crowd()) as face:
        before = face.study
        await face.press("slash", *"q[]sz1?")
        assert face.users.query_one(Input).value == "q[]sz1?"
        assert face.study == before
        assert isinstance(face.app.screen, Explorer)


# Timeout and window.


async def test_a_shorter_timeout_changes_sessions_cuts_and_funnel_together() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        sessions = {"20m": 6, "15m": 7, "10m": 9, "5m": 12, "2m": 17, "1m": 27}
        counts = {
            "20m": [5, 5, 5, 4, 2],
            "15m": [6, 6, 5, 4, 2],
            "10m": [6, 6, 5, 3, 0],
            "5m": [7, 7, 5, 2, 0],
            "2m": [7, 7, 1, 0, 0],
            "1m": [7, 4, 0, 0, 0],
        }
        for timeout in sessions:
            await face.press("[")
            assert format_limit(face.study.timeout) == timeout
            assert face.funnel.journeys_count == sessions[timeout]
            assert face.counts == counts[timeout]
            assert f"{sessions[timeout]} sessions" in face.status
            assert f"timeout {timeout}" in face.status
            assert face.subtitle(face.bars) == f"timeout {timeout}"
            headers = [line for line in face.timeline_lines() if line.startswith("▼")]
            assert len(headers) == len(face.trail.sessions)
            assert sum(row.sessions for row in face.page.rows) == sessions[timeout]
            assert face.page.rows[face.lines.cursor].sessions == len(headers)


async def test_brackets_climb_the_whole_ladder_and_stay_at_its_ends() -> None:
    async with opened(demo_engine()) as face:
        for key, rungs in (("[", reversed(TIMEOUTS[:6])), ("]", TIMEOUTS[1:])):
            for rung in rungs:
                await face.press(key)
                assert face.study.timeout == rung
            await face.press(key)
            assert face.study.timeout == (TIMEOUTS[0] if key == "[" else None)


async def test_braces_climb_the_windows() -> None:
    async with opened(demo_engine()) as face:
        for rung in reversed(WINDOWS[:-1]):
            await face.press("{")
            assert face.study.window == rung
            assert f"window {format_limit(rung)}" in face.title(face.bars)
        assert face.counts == [5, 3, 0, 0, 0]
        for rung in WINDOWS[1:]:
            await face.press("}")
            assert face.study.window == rung
        assert face.counts == [5, 5, 5, 5, 3]


@pytest.mark.parametrize(
    ("key", "title", "now"), [("t", "Session timeout", "30m"), ("w", "Conversion window", "off")]
)
async def test_a_limit_can_be_typed(key: str, title: str, now: str) -> None:
    async with opened(demo_engine()) as face:
        before = face.study
        await face.press(key)
        box = face.screen(Prompt)
        assert title in face.text
        assert box.query_one(Input).value == now
        await face.press(*["backspace"] * 3, *"12m30s", "enter")
        limit = parse_limit("12m30s")
        expected = before.with_timeout(limit) if key == "t" else before.with_window(limit)
        assert face.study == expected


@pytest.mark.parametrize("key", ["t", "w"])
async def test_a_bad_limit_is_explained_and_not_taken(key: str) -> None:
    async with opened(demo_engine()) as face:
        before = face.study
        await face.press(key, *["backspace"] * 3, "5")
        assert "'5' has no unit: write 5m for minutes, 5s for seconds" in face.text
        await face.press("enter")
        assert isinstance(face.app.screen, Prompt)
        await face.press("m")
        assert "no unit" not in face.text
        await face.press("escape")
        assert isinstance(face.app.screen, Explorer)
        assert face.study == before


async def test_scope_counts_users_and_journeys_in_turn() -> None:
    async with opened(demo_engine(), study("product,purchase", timeout="5m")) as face:
        assert face.counts == [7, 0]
        before = face.study
        await face.press("s")
        assert face.study == before.with_scope("users")
        assert face.counts == [5, 3]
        assert face.title(face.bars).startswith("Funnel · users · ")
        assert "2 of 5 users leave between product and purchase" in face.text
        assert face.status.rstrip().endswith("· users")
        await face.press("s")
        assert face.study == before
        assert face.counts == [7, 0]


async def test_order_is_ordered_strict_and_any_in_turn() -> None:
    async with opened(demo_engine()) as face:
        seen = []
        for _ in range(3):
            await face.press("o")
            seen.append((face.study.order, face.counts))
            assert f"· {face.study.order} ·" in face.title(face.bars)
        assert seen == [
            ("strict", [5, 4, 3, 3, 1]),
            ("any", [5, 5, 5, 5, 3]),
            ("ordered", [5, 5, 5, 5, 3]),
        ]


# Stages.


async def test_a_stage_is_added_after_the_one_at_the_cursor() -> None:
    async with opened(demo_engine(), study("home,purchase")) as face:
        await face.press("3", "g", "a")
        face.screen(StagePicker)
        await face.press(*"prod", "enter")
        assert face.stages == ["home", "product", "purchase"]
        assert face.bars.cursor == 1
        assert face.counts == [5, 5, 3]


async def test_a_stage_is_added_where_there_is_none() -> None:
    async with opened(demo_engine(), study("home")) as face:
        await face.press("d")
        assert (face.stages, "press a to add one" in face.text) == ([], True)
        await face.press("a", *"cart", "enter")
        assert face.stages == ["cart"]


async def test_a_stage_is_edited() -> None:
    async with opened(demo_engine(), study("home,cart,purchase")) as face:
        await face.press("3", "g", "j", "e", *"product", "enter")
        assert face.stages == ["home", "product", "purchase"]
        assert face.bars.cursor == 1


async def test_a_stage_is_deleted() -> None:
    async with opened(demo_engine(), study("home,cart,purchase")) as face:
        await face.press("3", "g", "j", "d")
        assert face.stages == ["home", "purchase"]
        assert face.bars.cursor == 1
        await face.press("d")
        assert face.stages == ["home"]
        assert face.bars.cursor == 0


async def test_stages_move_and_stay_inside_the_funnel() -> None:
    async with opened(demo_engine(), study("home,cart,purchase")) as face:
        await face.press("3", "g")
        seen = []
        for key in (">", ">", ">", "<", "<", "<"):
            await face.press(key)
            seen.append((",".join(face.stages), face.bars.cursor))
        assert seen == [
            ("cart,home,purchase", 1),
            ("cart,purchase,home", 2),
            ("cart,purchase,home", 2),
            ("cart,home,purchase", 1),
            ("home,cart,purchase", 0),
            ("home,cart,purchase", 0),
        ]
        assert face.counts == [5, 5, 3]


async def test_every_change_of_the_stages_keeps_the_rest_of_the_question() -> None:
    asked = study("home,cart,purchase", timeout="5m", scope="users", window="7d")
    async with opened(demo_engine(), asked) as face:
        await face.press("3", "g", ">", "d")
        assert face.study == asked.with_stages(face.study.stages)


# From a number to the people behind it (rule N1).


@pytest.mark.parametrize("scope", ["journeys", "users"])
@pytest.mark.parametrize("session", ["1m", "15m", "off"])
async def test_every_bar_lists_exactly_as_many_rows_as_it_says(session: str, scope: str) -> None:
    asked = study(",".join(FIVE), timeout=session, scope=scope)
    async with opened(demo_engine(), asked) as face:
        await face.press("3", "g")
        for place, stage in enumerate(face.funnel.stages):
            is_last = place == len(FIVE) - 1
            numbers = {
                "enter": stage.count if is_last else stage.dropped,
                "c": stage.count if is_last else face.funnel.stages[place + 1].count,
                "r": stage.count,
            }
            for key, number in numbers.items():
                await face.press(key)
                assert (place, key, len(face.listed)) == (place, key, number)
                assert face.page.total == face.lines.line_count == number
                assert face.title(face.users).endswith(f" · {number}")
                of_a_journey = [row.journey is not None for row in face.page.rows]
                assert of_a_journey == [scope == "journeys"] * number
                deeper = {"enter": place + 1, "c": place + 2, "r": place + 1}[key]
                assert all(row.depth >= min(deeper, len(FIVE)) for row in face.page.rows)
                if key == "enter" and not is_last:
                    assert all(row.depth == place + 1 for row in face.page.rows)
            await face.press("j")


async def test_who_left_at_payment() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter")
        assert face.listed == ["dee", "bo"]
        assert face.title(face.users) == "Left at ④ payment · 2"
        assert face.trail.user == "dee"
        assert any("▸④ payment" in line for line in drawn_lines(face.bars))
        assert face.seen_last(FunnelBars.CohortPicked).cohort == Cohort("left", 3)


async def test_who_went_on_and_who_reached() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "c")
        assert face.title(face.users) == "Went on from ④ payment · 3"
        assert sorted(face.listed) == ["ana", "cy", "eli"]
        await face.press("r")
        assert face.title(face.users) == "Reached ④ payment · 5"


async def test_the_last_bar_lists_who_completed() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "G", "enter")
        assert face.title(face.users) == "Reached ⑤ purchase · 3"
        assert sorted(face.listed) == ["ana", "cy", "eli"]


async def test_a_listed_session_opens_at_its_place_in_the_trail() -> None:
    async with opened(crowd(), study("a,b,c,x")) as face:
        await face.press("3", "g", "j", "j", "enter", "1")
        assert face.page.total == 600
        row = face.lines.row
        assert row is not None
        assert row.journey is not None
        assert face.timeline.cursor == 5 * (row.journey - 1)


async def test_escape_lists_everybody_again_at_the_same_user() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "1", "j")
        assert face.user == "bo"
        await face.press("escape")
        assert face.title(face.users) == "Users · 5"
        assert face.explorer.cohort == EVERYBODY
        assert face.user == face.trail.user == "bo"
        assert not any("▸" in line for line in drawn_lines(face.bars))


async def test_the_listed_part_is_kept_when_the_timeout_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "[", "[")
        left = face.funnel.stages[3].dropped
        assert face.title(face.users) == f"Left at ④ payment · {left}"
        assert len(face.listed) == left == 2


async def test_the_listed_part_is_that_of_its_stage_after_another_is_deleted() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "g", "d")
        assert face.stages == FIVE[1:]
        assert face.title(face.users) == "Left at ③ payment · 2"
        assert face.listed == ["dee", "bo"]


async def test_everybody_is_listed_when_the_stage_of_the_list_is_deleted() -> None:
    async with opened(demo_engine(), study("home,purchase")) as face:
        await face.press("3", "g", "r", "d", "d")
        assert face.stages == []
        assert face.title(face.users) == "Users · 5"


async def test_a_cohort_can_be_searched() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "r", "1", "slash", "e")
        assert sorted(face.listed) == ["dee", "eli"]
        await face.press("escape")
        assert face.page.total == 5
        assert face.title(face.users) == "Reached ④ payment · 5"
        await face.press("escape")
        assert face.title(face.users) == "Users · 5"


# What stays where it is.


async def test_the_cursor_stays_on_the_same_user_when_the_study_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("j", "j", "j")
        for key in ("[", "[", "]", "s", "{", "3", ">"):
            await face.press(key)
            assert (key, face.user, face.trail.user) == (key, "bo", "bo")


async def test_the_timeline_stays_at_the_same_event_when_the_cut_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("2", *"jjjjjj")
        line = face.timeline_lines()[face.timeline.cursor]
        assert line.endswith("③ cart")
        for key in ("[", "[", "[", "[", "[", "[", "]", "]"):
            await face.press(key)
            assert face.timeline_lines()[face.timeline.cursor].split()[2] == "cart"
            assert face.timeline.cursor in face.timeline.lines_in_sight


async def test_the_timeline_begins_at_the_top_for_another_user() -> None:
    async with opened(demo_engine()) as face:
        await face.press("2", *"jjjj", "1", "j")
        assert face.timeline.cursor == 0


# Answers that come late.


PANES = ("list", "bars", "timeline", "status")


def studies_shown(explorer: Explorer) -> dict[str, Study]:
    """The question that each pane answers."""
    found: dict[str, Study] = {}
    lines, bars = explorer.query_one(UserList).lines, explorer.query_one(FunnelBars)
    trail = explorer.query_one("SessionTimeline").trail  # type: ignore[attr-defined]
    status = explorer.query_one(StatusLine)
    if lines.listing is not None:
        found["list"] = lines.listing.page.study
    if bars.answer is not None:
        found["bars"] = bars.answer.study
    if trail is not None:
        found["timeline"] = trail.study
    if status.answer is not None:
        found["status"] = status.answer.study
    return found


@pytest.fixture
def disagreements(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Study]]]:
    """Every moment at which a line was painted while the panes answered different questions."""
    found: list[dict[str, Study]] = []
    paints = itertools.count()
    paint = LineView.render_line

    def render_line(self: LineView, y: int) -> object:
        next(paints)
        if isinstance(self.screen, Explorer):
            shown = studies_shown(self.screen)
            if len(set(shown.values())) > 1:
                found.append(shown)
        return paint(self, y)

    monkeypatch.setattr(LineView, "render_line", render_line)
    yield found
    assert next(paints) > 0
    assert found == []


async def test_panes_never_answer_different_questions(
    disagreements: list[dict[str, Study]],
) -> None:
    async with opened(demo_engine()) as face:
        await face.press(*"[[]jj[s{3", "enter", "]", "1", "j", "[", "s", "escape", "3", ">", "d")
        assert set(studies_shown(face.explorer)) == set(PANES)
    assert disagreements == []


async def test_panes_agree_while_an_answer_takes_its_time(
    disagreements: list[dict[str, Study]],
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        before = face.study
        gate.close()
        await face.pilot.press("[")
        await until(face.pilot, lambda: "working" in face.status)
        assert set(studies_shown(face.explorer).values()) == {before}
        gate.open()
        await face.settled()
        assert face.study.timeout == parse_limit("20m")
        assert "working" not in face.status
    assert disagreements == []


async def test_another_user_can_be_looked_at_while_an_answer_takes_its_time(
    disagreements: list[dict[str, Study]],
) -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        gate.close()
        await face.pilot.press("[")
        await until(face.pilot, lambda: "working" in face.status)
        await face.pilot.press("j", "j")
        await until(face.pilot, lambda: face.trail.user == "cy")
        assert set(studies_shown(face.explorer).values()) == {face.study}
        gate.open()
        await face.settled()
        assert face.study.timeout == parse_limit("20m")
        assert face.user == face.trail.user == "cy"
    assert disagreements == []


async def test_twenty_quick_presses_end_on_the_answer_to_the_last() -> None:
    gate = Gate(demo_engine().log)
    async with opened(gate) as face:
        asked = len(gate.asked)
        gate.close()
        keys = "[[[[[[[]]]][[]]]]]]]"
        timeout = face.study.timeout
        for key in keys:
            timeout = climb(timeout, TIMEOUTS, 1 if key == "]" else -1)
            await face.pilot.press(key)
            await handled(face.pilot)
        gate.open()
        await face.settled()
        assert len(keys) == 20
        assert face.study.timeout == timeout == parse_limit("2h")
        assert face.explorer.view.study == face.study
        assert len(gate.asked) - asked == 2


@pytest.mark.parametrize("keys", ["[]" * 10, "]" * 20, "[" * 20])
async def test_quick_presses_without_waiting_end_on_the_last(keys: str) -> None:
    async with opened(demo_engine()) as face:
        timeout = face.study.timeout
        for key in keys:
            timeout = climb(timeout, TIMEOUTS, 1 if key == "]" else -1)
        await face.press(*keys)
        assert face.study.timeout == timeout
        assert set(studies_shown(face.explorer).values()) == {face.study}


async def test_stale_answers_are_dropped() -> None:
    engine = demo_engine()
    async with opened(engine) as face:
        old = face.explorer.view
        await face.press("[")
        view, funnel, listing, shown = (
            face.explorer.view,
            face.explorer.funnel,
            face.explorer.listing,
            face.explorer.shown,
        )
        stale = answer(engine, old, None)
        assert stale is not None
        row = stale.listing.row(0)
        assert row is not None
        face.explorer.post_message(Explorer.Answered(stale))
        face.explorer.post_message(Explorer.Answered(None))
        face.explorer.post_message(Explorer.Listed(stale.listing))
        face.explorer.post_message(Explorer.Traced(row, trace(engine, old.study, row)))
        await face.settled()
        assert face.explorer.view is view
        assert face.explorer.funnel is funnel
        assert face.explorer.listing is listing
        assert face.explorer.shown is shown


async def test_the_events_of_a_user_left_behind_are_dropped() -> None:
    engine = demo_engine()
    async with opened(engine) as face:
        row = face.lines.row
        assert row is not None
        await face.press("j")
        face.explorer.post_message(Explorer.Traced(row, trace(engine, face.study, row)))
        await face.settled()
        assert face.trail.user == face.user == "dee"


async def test_a_question_that_cannot_be_asked_is_a_notification() -> None:
    asked = Study(stages=(core.Stage(("home",)),) * 64)
    async with opened(demo_engine(), asked) as face:
        await face.press("a", *"cart", "enter")
        assert face.notes == ["a funnel has at most 64 stages, and this one has 65"]
        assert len(face.stages) == 64
        assert face.explorer.view.study == asked
        await face.press("]")
        assert face.study == asked.with_timeout(parse_limit("45m"))


# Help, palette, rejected rows, leaving.


async def test_help_opens_and_closes() -> None:
    async with opened(demo_engine()) as face:
        for key, leave in itertools.product(
            ("question_mark", "f1"), ("escape", "question_mark", "f1", "q")
        ):
            await face.press(key)
            face.screen(Help)
            await face.press(leave)
            assert isinstance(face.app.screen, Explorer)
            assert face.app.is_running


@pytest.mark.parametrize(
    ("pane", "there", "elsewhere"),
    [
        ("1", ["Search", "Next match", "Down"], ["Who left", "Session before"]),
        ("2", ["Down"], ["Who left", "Search"]),
        ("3", ["Who left", "Went on", "Reached", "Down"], ["Search"]),
    ],
)
async def test_help_tells_the_keys_of_the_pane(
    pane: str, there: list[str], elsewhere: list[str]
) -> None:
    async with opened(demo_engine()) as face:
        await face.press(pane, "question_mark")
        here, everywhere = (str(text.content) for text in list(face.app.screen.query(Static))[1::2])
        for what in there:
            assert what in here
        for what in elsewhere:
            assert what not in here
        for what in ("Timeout", "Longer window", "Move", "Scope", "Help", "Quit", "Rejected rows"):
            assert what in everywhere or what == "Move"
        assert "[" in everywhere


async def test_the_palette_offers_every_action_of_the_explorer() -> None:
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p")
        assert isinstance(face.app.screen, CommandPalette)
        await face.press("escape")
        offered = face.offered
        for binding in (*Explorer.BINDINGS, *StudyKeys.BINDINGS):
            assert isinstance(binding, Binding)
            assert binding.description in offered


async def test_the_palette_runs_what_is_chosen() -> None:
    async with opened(demo_engine()) as face:
        await face.press("ctrl+p", *"Scope")
        await until(face.pilot, lambda: "key s" in face.text)
        await face.press("enter")
        await until(face.pilot, lambda: isinstance(face.app.screen, Explorer))
        await until(face.pilot, lambda: face.study.scope == "users")


async def test_the_palette_offers_each_action_once() -> None:
    async with opened(demo_engine()) as face:
        offered = face.offered
        assert len(offered) == len(set(offered))


@pytest.mark.parametrize("leave", ["escape", "q"])
async def test_rejected_rows_are_listed_with_place_and_reason(leave: str) -> None:
    rows = [{"user": "a", "event": "b", "time": "2026-01-01"}, {"user": "a"}, {"event": "b"}]
    async with opened(core.open_engine(rows)) as face:
        assert "2 rejected" in face.status
        await face.press("!")
        face.screen(Rejects)
        lines = drawn_lines(face.app.screen.query_one(LineView))
        assert [line.split(":")[0] for line in lines] == ["list row 2", "list row 3"]
        assert "Rejected rows · 2" in face.text
        await face.press(leave)
        assert isinstance(face.app.screen, Explorer)
        assert face.app.is_running


async def test_no_rejected_rows_is_said_in_words() -> None:
    async with opened(demo_engine()) as face:
        await face.press("!")
        assert "Every row that was read is an event." in face.text


@pytest.mark.parametrize(("pane", "key"), [("1", "q"), ("2", "q"), ("3", "q"), ("1", "ctrl+q")])
async def test_leaving_from_any_pane(pane: str, key: str) -> None:
    async with opened(demo_engine()) as face:
        await face.press(pane)
        await face.pilot.press(key)
    assert face.app.return_code == 0


# An empty log.


MOVEMENT = (
    *("j", "k", "down", "up", "g", "G", "home", "end", "ctrl+d", "ctrl+u", "pagedown", "pageup"),
    *("left", "right", "(", ")", "enter", "c", "r", "n", "N", "escape"),
)
CHANGES = ("[", "]", "{", "}", "s", "o", "<", ">", "d", "z", "z", "tab", "shift+tab")
BOXES = ("t", "w", "a", "e", "i", "question_mark", "f1", "exclamation_mark", "slash", "ctrl+p")


@pytest.mark.parametrize(
    ("pane", "stages"), [("1", ""), ("2", ""), ("3", ""), ("3", "home,purchase")]
)
async def test_every_key_works_on_an_empty_log(pane: str, stages: str) -> None:
    async with opened(core.open_engine([]), study(stages)) as face:
        await face.press(pane)
        for key in (*MOVEMENT, *CHANGES):
            await face.press(key)
            assert (key, face.app.is_running) == (key, True)
        assert face.listed == []
        assert "0 events · 0 users · 0 sessions" in face.status


async def test_every_box_opens_and_closes_on_an_empty_log() -> None:
    async with opened(core.open_engine([])) as face:
        for key in BOXES:
            await face.press(key, "j", "enter" if key == "slash" else "escape", "escape")
            assert (key, face.app.screen) == (key, face.explorer)


async def test_a_stage_is_added_to_an_empty_log() -> None:
    async with opened(core.open_engine([])) as face:
        await face.press("a", *"home", "enter", "3", "enter", "r")
        assert face.stages == ["home"]
        assert face.counts == [0]
        assert "no event is named 'home'" in face.text


@pytest.mark.parametrize("size", [(1, 1), (10, 3), (30, 10), (200, 60)])
async def test_any_size_works(size: tuple[int, int]) -> None:
    async with opened(demo_engine(), size=size) as face:
        await face.press("j", "3", "enter", "]", "z", "question_mark", "escape", "a", "escape")
        assert face.app.is_running
        await face.pilot.resize_terminal(*WIDE)
        await until(face.pilot, lambda: len(face.text.splitlines()) == WIDE[1])
        await face.settled()
        assert "Left at ④ payment · 2" in face.text or "Biggest leak" in face.text


# The mouse.


async def test_a_click_on_a_user_goes_there() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3")
        for index in (2, 0, 4):
            await face.click(face.lines, (5, 1 + index))
            assert face.focused is face.lines
            assert face.user == face.trail.user == face.listed[index]


async def test_a_click_on_no_user_changes_nothing() -> None:
    async with opened(demo_engine()) as face:
        await face.press("j")
        for place in ((5, 0), (5, 10)):
            await face.click(face.lines, place)
            assert face.user == "dee"


async def test_a_click_on_an_event_goes_there() -> None:
    async with opened(demo_engine()) as face:
        await face.click(face.timeline, (5, 4))
        assert face.focused is face.timeline
        assert face.timeline.cursor == 3


async def test_a_click_on_a_bar_goes_there_and_two_list_who_left() -> None:
    async with opened(demo_engine(), study(",".join(FIVE), timeout="5m")) as face:
        await face.click(face.bars, (10, 2))
        assert face.focused is face.bars
        assert face.bars.cursor == 1
        assert face.explorer.cohort == EVERYBODY
        await face.click(face.bars, (10, 2), times=2)
        assert face.explorer.cohort == Cohort("left", 1)
        assert face.page.total == face.funnel.stages[1].dropped == 2


async def test_the_wheel_scrolls_a_list_and_keeps_the_cursor() -> None:
    async with opened(crowd()) as face:
        top = face.lines.lines_in_sight.start
        face.lines.scroll_to(y=30, animate=False, immediate=True)
        await face.settled()
        assert face.lines.lines_in_sight.start == top + 30
        assert face.lines.cursor == 0
        await face.click(face.lines, (5, 1))
        assert face.user == face.trail.user == "u30"
