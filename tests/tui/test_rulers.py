"""The rulers: what they draw, and what a click on them asks for."""

from dataclasses import replace

import pytest
from textual import events

import core
from core.study import Study
from tests.tui.driving import FIVE, WIDE, demo_engine, drawn_lines, engine_of, opened, study
from tracer_tui.details import EDGES, NOTCHES, find_details
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb
from tracer_tui.widgets.rulers import Rulers

MINUTE = 60_000_000


def test_the_timeout_ruler_counts_every_gap_and_the_sessions_on_both_sides() -> None:
    engine = demo_engine()
    for timeout in (*TIMEOUTS, 7 * MINUTE):
        asked = study("home,purchase").with_timeout(timeout)
        details = find_details(engine, asked)
        assert details is not None
        ruler = details.timeouts
        assert ruler is not None
        gaps = engine.log.gap[engine.log.gap < EDGES[-1]]
        assert len(ruler.heights) == NOTCHES
        assert sum(ruler.heights) == (gaps >= EDGES[0]).sum()
        for rung, steps in ((ruler.shorter, -1), (ruler.here, 0), (ruler.longer, 1)):
            limit = climb(timeout, TIMEOUTS, steps) if steps else timeout
            if rung is None:
                assert limit == timeout
                continue
            assert rung.limit == limit
            assert rung.value == engine.funnel(asked.with_timeout(limit)).journeys_count


def test_the_window_ruler_is_the_conversion_within_each_window() -> None:
    engine = demo_engine()
    asked = study(",".join(FIVE))
    for window in (None, *WINDOWS[:4]):
        details = find_details(engine, asked.with_window(window))
        assert details is not None
        ruler = details.windows
        assert ruler is not None
        for height, edge in list(zip(ruler.heights, EDGES[1:], strict=True))[::8]:
            stages = engine.funnel(asked.with_window(edge)).stages
            assert height == stages[-1].conversion
        assert ruler.here.value == engine.funnel(asked.with_window(window)).stages[-1].conversion
        assert ruler.knee is not None


@pytest.mark.parametrize(
    "rules",
    [
        core.JourneyRules(max_length=5 * MINUTE),
        core.JourneyRules(start_event="cart"),
        core.JourneyRules(midnight_tz="UTC"),
    ],
)
def test_sessions_on_the_ruler_follow_the_journey_rules(rules: core.JourneyRules) -> None:
    engine = demo_engine()
    asked = Study(journey_rules=rules)
    details = find_details(engine, asked)
    assert details is not None
    assert details.timeouts is not None
    assert details.windows is None
    shorter = details.timeouts.shorter
    assert shorter is not None
    for rung in (shorter, details.timeouts.here):
        expected = engine.funnel(asked.with_timeout(rung.limit)).journeys_count
        assert rung.value == expected


def test_there_is_no_timeout_ruler_where_the_data_tells_sessions() -> None:
    engine = engine_of(("ana", "a", 0), visit="x")
    asked = Study(journey_rules=core.JourneyRules(session_field="visit"))
    details = find_details(engine, asked)
    assert details is not None
    assert details.timeouts is None


def test_details_are_given_up_between_two_questions() -> None:
    assert find_details(demo_engine(), study("home"), lambda: True) is None


async def test_where_numbers_do_not_fit_those_of_the_neighbours_are_rounded() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        rulers = face.explorer.query_one(Rulers)
        found = face.explorer.details
        assert found is not None
        assert found.timeouts is not None
        many = [
            replace(rung, value=1_708_520 + 1_000 * number)
            for number, rung in enumerate((found.timeouts.shorter, found.timeouts.here))
            if rung is not None
        ]
        timeouts = replace(found.timeouts, shorter=many[0], here=many[1], longer=many[0])
        rulers.details = replace(found, timeouts=timeouts)
        assert "20m 1,708,520 ◂ 30m 1,709,520 sessions" in drawn_lines(rulers, width=140)[1]
        narrow = drawn_lines(rulers, width=76)[1]
        assert narrow.startswith(" 20m 1,708k◂30m 1,709,520▸20m 1,708k ")
        assert "90d 60.0 % ◂ off 60.0 %" in narrow
        rulers.details = replace(found, timeouts=replace(timeouts, is_estimate=True))
        assert "20m ≈1M◂30m ≈1,709,520▸20m ≈1M " in drawn_lines(rulers, width=78)[1]


async def test_rulers_move_with_the_keys_the_click_and_the_wheel() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        rulers = face.explorer.query_one(Rulers)
        curves, numbers = drawn_lines(rulers, width=100)
        assert numbers.split("  ")[0].strip() == "20m 6 ◂ 30m 5 sessions ▸ 45m 5"
        assert "90d 60.0 % ◂ off 60.0 % complete  ◆ knee 18m" in numbers
        marker = curves.index("┃")
        await face.press("[")
        curves, numbers = drawn_lines(rulers, width=100)
        assert curves.index("┃") < marker
        assert "15m 7 ◂ 20m 6 sessions ▸ 30m 5" in numbers
        await face.click(rulers, (3, 1))
        assert face.study.timeout == 15 * MINUTE
        await face.click(rulers, (rulers.size.width // 2 + 4, 1))
        assert face.study.window == WINDOWS[-2]
        before = face.study
        rulers.post_message(scrolled(rulers, up=False))
        await face.settled()
        assert face.study == before.with_timeout(10 * MINUTE)
        rulers.post_message(scrolled(rulers, up=True))
        await face.settled()
        assert face.study == before


def scrolled(rulers: Rulers, *, up: bool) -> events.MouseEvent:
    kind = events.MouseScrollUp if up else events.MouseScrollDown
    return kind(rulers, 3, 0, 0, 1 if up else -1, 0, False, False, False)


async def test_rulers_make_way_where_there_is_no_room() -> None:
    async with opened(demo_engine(), size=(80, 18)) as face:
        assert not face.explorer.query_one(Rulers).region.area
    async with opened(demo_engine(), size=(80, 24)) as face:
        assert face.explorer.query_one(Rulers).region.height == 2
