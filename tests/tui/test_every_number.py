"""Rule N1 on the screen: every number opens exactly that many, wherever it stands."""

import re

import pytest

import core
from core.study import Study
from tests.tui.driving import FIVE, WIDE, Face, demo_engine, engine_of, opened, study

COUNT = re.compile(r"(?<![\d.,])(\d[\d,]*)(?![\d,]*\.\d)(?!\s*%)")
"""A whole number that is no share."""

DAY = 86_400.0
WAITING = engine_of(
    *((f"u{i}", name, i * DAY + step * 60) for i in range(9) for step, name in enumerate("aab")),
    *((f"w{i}", "a", 8.9 * DAY) for i in range(4)),
    ("x", "a", 0),
)
"""Some are pending within a week's window, and one left."""


def numbers(face: Face, width: int) -> list[tuple[int, int, str, int | None]]:
    """Each linked cell of the bars: its line, where it begins, its text, the count in it."""
    found = []
    for index in range(face.bars.line_count):
        x = 0
        for text, _, *link in face.bars.draw_line(index, width):
            told = COUNT.findall(text) if "→" not in text else []  # a time to the next stage
            if link and text.strip():
                number = int(told[0].replace(",", "")) if told else None
                at = x + len(text) - len(text.lstrip())
                found.append((index, at, text, number))
            elif told:
                assert index < 0, f"{text!r} is a number that opens nothing"
            x += len(text)
    return found


@pytest.mark.parametrize(
    ("engine", "asked"),
    [
        (demo_engine(), study(",".join(FIVE), timeout="5m")),
        (demo_engine(), study(",".join(FIVE), scope="users", window="15m")),
        (demo_engine(), Study(stages=study("product,cart,payment").stages, attempts="starts")),
        (demo_engine(), Study(stages=study("product,cart,payment").stages, attempts="mixpanel")),
        (demo_engine(), Study(stages=study("product,purchase").stages, hold="device")),
        (WAITING, study("a,b", scope="users", window="7d")),
    ],
    ids=["short", "users", "attempts", "one after another", "held", "pending"],
)
async def test_every_number_of_the_funnel_opens_as_many(
    engine: core.LocalEngine, asked: Study
) -> None:
    async with opened(engine, asked, size=WIDE) as face:
        width = face.bars.scrollable_content_region.width
        places = numbers(face, width)
        assert sum(number is not None for *_, number in places) >= 2 * len(asked.stages) - 1
        for index, x, text, number in places:
            await face.click(face.bars, (x, index + face.bars.HEADER_LINES))
            total = face.page.total
            assert (text, number) == (text, total if number is not None else None)
            assert face.lines.line_count == total == len(face.page.rows)
            assert f" {total:,} of " in face.title(face.users)
            stage = face.funnel.stages[index]
            assert total in (
                *(stage.count, stage.dropped, stage.pending),
                *(each.count for each in face.funnel.stages[index + 1 : index + 2]),
            )


async def test_the_numbers_of_the_title_are_those_of_the_lists() -> None:
    async with opened(demo_engine(), study(",".join(FIVE)), size=WIDE) as face:
        assert face.title(face.users) == f"1 Users · {face.page.total}"
        assert f"{face.page.total} users" in face.status
        sessions = sum(row.sessions for row in face.page.rows)
        assert f"{sessions} sessions" in face.status
        events = sum(row.events for row in face.page.rows)
        assert f"{events} events" in face.status
        for _ in face.page.rows:
            row = face.lines.row
            assert row is not None
            assert len(face.trail) == row.events
            assert len(face.trail.sessions) == row.sessions
            await face.press("j")
