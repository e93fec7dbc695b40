"""The funnel: its numbers, its marks, and the people behind each number."""

import pytest

from core.cohort import EVERYBODY, Part
from tests.tui.driving import (
    FIVE,
    crowd,
    demo_engine,
    drawn_lines,
    engine_of,
    opened,
    study,
)
from tracer_tui.widgets.funnel_bars import FunnelBars


async def test_the_demo_opens_with_its_numbers() -> None:
    async with opened(demo_engine()) as face:
        assert face.stages == FIVE
        assert face.counts == [5, 5, 5, 5, 3]
        assert face.funnel.leak == 3
        assert face.listed == ["eli", "dee", "cy", "bo", "ana"]
        assert face.trail.user == "eli"
        assert face.focused is face.lines
        for shown in ("1 Users · 5", "eli · 1 session · 8 events", "−40.0 %", "2 left"):
            assert shown in face.text
        for fact in ("43 events", "5 users", "5 sessions", "0 rejected"):
            assert fact in face.status
        assert "sessions · ordered · window off" in face.title(face.funnel_pane)
        assert face.subtitle(face.funnel_pane) == "timeout 30m"


async def test_the_biggest_leak_is_marked_on_its_bar_and_in_words() -> None:
    async with opened(demo_engine()) as face:
        marked = [line for line in drawn_lines(face.bars) if "◀ leak" in line]
        assert [line[:12] for line in marked] == [" ④ payment  "]
        assert "Biggest leak: 2 of 5 sessions leave between payment and purchase" in face.text
        assert face.bars.cursor == 3


async def test_a_funnel_without_a_leak_says_so() -> None:
    async with opened(demo_engine(), study("home,product")) as face:
        assert "Nobody left along the way." in face.text
        assert "leak" not in face.text


async def test_suggested_stages_are_marked_until_they_are_changed() -> None:
    async with opened(demo_engine()) as face:
        assert face.title(face.funnel_pane).endswith("· suggested")
        await face.press("]")
        assert face.title(face.funnel_pane).endswith("· suggested")
        await face.press("3", ">")
        assert "suggested" not in face.title(face.funnel_pane)


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
            "   +00:00          ① home",
            "   +01:10   1m 10s ② product",
            "   +02:00      50s   search",
            "   +07:10   5m 10s ① home     start",
            "   +08:00      50s ② product",
            "   +09:30   1m 30s ③ cart",
            "   +23:00  13m 30s ④ payment",
            "   +24:20   1m 20s ⑤ purchase  ✓ completed",
        ]
        await face.press("j")
        assert face.timeline_lines()[-1].endswith("logout   ✗ left here: no purchase")


async def test_idle_time_between_sessions_is_told_in_words() -> None:
    two_days = 2 * 86_400 + 4 * 3_600
    async with opened(engine_of(("ana", "a", 0), ("ana", "b", 60), ("ana", "a", two_days))) as face:
        lines = face.timeline_lines()
        assert lines[0].startswith("▼ Session 1  Jan 01 00:00 → 00:01 · 1m · 2 events")
        assert lines[3].startswith("── 2d 3h idle ───")
        assert lines[4].startswith("▼ Session 2  Jan 03 04:00 → 04:00 · 0s · 1 event")
        assert len(lines) == 6


@pytest.mark.parametrize(("session", "scope"), [("1m", "journeys"), ("15m", "users")])
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
                await face.press("3", key)
                assert face.focused is face.lines
                assert (place, key, len(face.listed)) == (place, key, number)
                assert face.page.total == face.lines.line_count == number
                assert f" · {number} of " in face.title(face.users)
                of_a_journey = [row.journey is not None for row in face.page.rows]
                assert of_a_journey == [scope == "journeys"] * number
                deeper = {"enter": place + 1, "c": place + 2, "r": place + 1}[key]
                assert all(row.depth >= min(deeper, len(FIVE)) for row in face.page.rows)
                if key == "enter" and not is_last:
                    assert all(row.depth == place + 1 for row in face.page.rows)
            await face.press("3", "j")


async def test_who_left_at_payment() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter")
        assert face.listed == ["dee", "bo"]
        assert (face.title(face.users), face.chips) == (
            "1 Sessions · 2 of 5",
            ["left at ④ payment"],
        )
        assert face.trail.user == "dee"
        assert any("▸④ payment" in line for line in drawn_lines(face.bars))
        assert face.seen_last(FunnelBars.PartPicked).part == Part("left", 3)


async def test_who_went_on_and_who_reached() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "c")
        assert face.title(face.users) == "1 Sessions · 3 of 5"
        assert face.chips == ["went on from ④ payment"]
        assert sorted(face.listed) == ["ana", "cy", "eli"]
        await face.press("3", "r")
        assert face.chips == ["reached ④ payment"]
        assert face.page.total == 5


async def test_the_last_bar_lists_who_completed() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "G", "enter")
        assert face.chips == ["reached ⑤ purchase"]
        assert sorted(face.listed) == ["ana", "cy", "eli"]


async def test_a_listed_session_opens_at_the_end_of_its_attempt() -> None:
    async with opened(crowd(), study("a,b,c,x")) as face:
        await face.press("3", "g", "j", "j", "enter", "1")
        assert face.page.total == 600
        row = face.lines.row
        assert row is not None
        assert row.journey is not None
        # Each session has a header, three events and a line for the idle time after it.
        assert face.trail_lines.cursor == 5 * (row.journey - 1) + 3


async def test_escape_lists_everybody_again_at_the_same_user() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "1", "j")
        assert face.user == "bo"
        await face.press("escape")
        assert face.title(face.users) == "1 Users · 5"
        assert face.explorer.cohort == EVERYBODY
        assert face.user == face.trail.user == "bo"
        assert not any("▸" in line for line in drawn_lines(face.bars))


async def test_the_listed_part_is_kept_when_the_timeout_changes() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "[", "[")
        left = face.funnel.stages[3].dropped
        assert face.title(face.users) == f"1 Sessions · {left} of 7"
        assert len(face.listed) == left == 2


async def test_the_listed_part_is_that_of_its_stage_after_another_is_deleted() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "enter", "3", "g", "d")
        assert face.stages == FIVE[1:]
        assert face.chips == ["left at ③ payment"]
        assert face.listed == ["dee", "bo"]


async def test_everybody_is_listed_when_the_stage_of_the_list_is_deleted() -> None:
    async with opened(demo_engine(), study("home,purchase")) as face:
        await face.press("3", "g", "r", "3", "d", "d")
        assert face.stages == []
        assert face.title(face.users) == "1 Users · 5"


async def test_a_cohort_can_be_searched() -> None:
    async with opened(demo_engine()) as face:
        await face.press("3", "r", "1", "slash", "e")
        assert sorted(face.listed) == ["dee", "eli"]
        await face.press("escape")
        assert face.page.total == 5
        assert face.chips == ["reached ④ payment"]
        await face.press("escape")
        assert face.title(face.users) == "1 Users · 5"
