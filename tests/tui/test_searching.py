"""Searching the list of users."""

import pytest
from textual.widgets import Input

import core
from tests.tui.driving import (
    crowd,
    opened,
)
from tracer_tui.screens.explorer import Explorer


async def test_search_narrows_while_typing_and_counts_matches() -> None:
    async with opened(crowd()) as face:
        await face.press("slash")
        assert isinstance(face.focused, Input)
        told = []
        for sign in "u17":
            await face.press(sign)
            told.append((face.page.total, face.subtitle(face.users), face.title(face.users)))
        assert told == [
            (60, "/u · 60 matches", "1 Users · 60 of 60"),
            (10, "/u1 · 10 matches", "1 Users · 10 of 60"),
            (1, "/u17 · 1 match", "1 Users · 1 of 60"),
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
        assert (face.subtitle(face.users), face.title(face.users)) == (
            "by last seen ▾",
            "1 Users · 60",
        )
        assert face.user == face.trail.user == "u17"


async def test_keys_are_letters_in_the_search() -> None:
    async with opened(crowd()) as face:
        before = face.study
        await face.press("slash", *"q[]sz1?")
        assert face.users.query_one(Input).value == "q[]sz1?"
        assert face.study == before
        assert isinstance(face.app.screen, Explorer)


async def test_a_list_of_nobody_says_why_and_what_to_do() -> None:
    async with opened(crowd()) as face:
        await face.press("slash", *"zzz")
        assert "No such id: esc clears this." in face.text
        assert "Nobody is chosen." in face.text
        await face.press("escape", "f", *"* where 1 = 2", "enter")
        assert "Nobody: esc shows everybody." in face.text
    async with opened(core.open_engine([])) as face:
        assert "No events: ! shows why." in face.text
        assert "suggested" not in face.text
