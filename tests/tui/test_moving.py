"""Moving in every list, and what stays where it is when the question changes."""

import pytest

import core
from tests.tui.driving import (
    ALPHABET,
    Face,
    crowd,
    demo_engine,
    opened,
    study,
)
from tracer_tui.widgets.line_view import LineView

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
            assert face.title(face.timeline).startswith(f"2 {user} · ")


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
            visited.append(face.trail_lines.cursor)
        # A header, three events and an idle line make one session.
        assert visited == [5, 10, 5, 10]
        for _ in range(12):
            await face.press(")")
        assert face.trail_lines.cursor == 45
        for _ in range(12):
            await face.press("(")
        assert face.trail_lines.cursor == 0
        assert face.timeline_lines()[0].startswith("▼ Session 1 ")


async def test_arrows_go_through_the_sessions_in_the_timeline() -> None:
    async with opened(crowd(), study("a,b")) as face:
        await face.press("2")
        visited = []
        for key in ("right", "right", "left"):
            await face.press(key)
            visited.append(face.trail_lines.cursor)
        assert visited == [5, 10, 5]


async def test_back_from_inside_a_session_goes_to_its_own_header() -> None:
    async with opened(crowd(), study("a,b")) as face:
        await face.press("2", ")", "j", "j", "(")
        assert face.trail_lines.cursor == 5


async def test_a_session_that_is_gone_to_is_in_sight_as_a_whole() -> None:
    async with opened(crowd(), study("a,b")) as face:
        for _ in range(5):
            await face.press(")")
            header = face.trail_lines.cursor
            assert set(range(header, header + 4)) <= set(face.trail_lines.lines_in_sight)


async def test_the_cursor_stays_on_the_same_user_when_the_study_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("j", "j", "j")
        for key in ("[", "[", "]", "s", "{", "3", ">"):
            await face.press(key)
            assert (key, face.user, face.trail.user) == (key, "bo", "bo")


async def test_the_timeline_stays_at_the_same_event_when_the_cut_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("2", *"jjjjjj")
        line = face.timeline_lines()[face.trail_lines.cursor]
        assert line.endswith("③ cart")
        for key in ("[", "[", "[", "[", "[", "[", "]", "]"):
            await face.press(key)
            assert " ③ cart" in face.timeline_lines()[face.trail_lines.cursor]
            assert face.trail_lines.cursor in face.trail_lines.lines_in_sight


async def test_the_timeline_begins_at_the_top_for_another_user() -> None:
    async with opened(demo_engine()) as face:
        await face.press("2", *"jjjj", "1", "j")
        assert face.trail_lines.cursor == 0
