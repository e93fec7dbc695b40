"""Every key that changes the question."""

import pytest
from textual.widgets import Input

import core
from core.durations import format_limit, parse_limit
from tests.tui.driving import (
    WIDE,
    demo_engine,
    opened,
    study,
)
from tracer_tui.ladder import TIMEOUTS, WINDOWS
from tracer_tui.screens.explorer import Explorer
from tracer_tui.screens.picker import StagePicker
from tracer_tui.screens.prompt import Prompt


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
            assert face.subtitle(face.funnel_pane) == f"timeout {timeout}"
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
            assert f"window {format_limit(rung)}" in face.title(face.funnel_pane)
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
        assert face.title(face.funnel_pane).startswith("3 Funnel · users · ")
        assert "2 of 5 users leave between product and purchase" in face.text
        await face.press("s")
        assert face.study == before
        assert face.counts == [7, 0]


async def test_order_is_ordered_strict_and_any_in_turn() -> None:
    async with opened(demo_engine()) as face:
        seen = []
        for _ in range(3):
            await face.press("o")
            seen.append((face.study.order, face.counts))
            assert f"· {face.study.order} ·" in face.title(face.funnel_pane)
        assert seen == [
            ("strict", [5, 4, 3, 3, 1]),
            ("any", [5, 5, 5, 5, 3]),
            ("ordered", [5, 5, 5, 5, 3]),
        ]


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


@pytest.mark.parametrize(("key", "stages"), [("a", 4), ("e", 3)])
async def test_a_condition_that_cannot_be_asked_is_told_where_it_is_typed(
    key: str, stages: int
) -> None:
    async with opened(demo_engine(), study("home,cart,purchase")) as face:
        before = face.study
        await face.press("3", "g", "j", key, *"cart where items = 'mug'", "enter")
        assert "no event has a field 'items'; did you mean item?" in face.text
        assert face.screen(StagePicker).query_one(Input).value == "cart where items = 'mug'"
        assert face.study == before
        await face.press(*["left"] * len(" = 'mug'"), "backspace", "enter")
        assert "cart where item = 'mug'" in face.stages
        assert len(face.stages) == stages


async def test_a_question_that_cannot_be_answered_is_none_to_go_back_to() -> None:
    async with opened(demo_engine(), study("home")) as face:
        await face.press("[")
        shorter = face.study
        face.explorer.change(shorter.with_stages((core.Stage(("home",), where="nowhere = 1"),)))
        await face.settled()
        assert "no event has a field 'nowhere'" in face.notes[0]
        assert face.study == shorter
        await face.press("u")
        assert face.study == study("home")


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
