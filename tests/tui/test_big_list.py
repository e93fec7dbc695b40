"""A list of many users draws what is in sight, whatever its length."""

from pathlib import Path

import duckdb
import pytest
from textual.geometry import Region
from textual.strip import Strip

import core
from tests.tui.driving import WIDE, Face, opened, screen_text, study
from tracer_tui.drawing import moment
from tracer_tui.widgets.user_lines import UserLines

USERS = 200_000


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> core.LocalEngine:
    """User n has 1 to 3 events; the first is seen last and stands at the top."""
    path = tmp_path_factory.mktemp("many") / "many.parquet"
    _write(path)
    return core.LocalEngine(core.read_events(str(path)))


def _write(path: Path) -> None:
    with duckdb.connect() as connection:
        connection.execute(
            """
            COPY (
                SELECT format('user_{:06d}', n) AS "user",
                       ['home', 'cart', 'purchase'][step] AS event,
                       make_timestamp(1_600_000_000_000_000 - n * 60_000_000 + step) AS "time"
                FROM range($users) AS users(n), range(1, 4) AS steps(step)
                WHERE step <= n % 3 + 1
            ) TO $path (FORMAT parquet)
            """.replace("$users", str(USERS)).replace("$path", f"'{path}'")
        )


def in_sight(face: Face) -> list[str]:
    """The ids on the lines of the list, as they are painted."""
    region = face.lines.region
    text = screen_text(face.pilot)[region.y + 1 : region.bottom]
    return [line[region.x : region.right].split()[1] for line in text]


def expected(face: Face) -> list[str]:
    return [f"user_{number:06}" for number in face.lines.lines_in_sight]


async def test_the_top_is_painted(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart,purchase"), size=WIDE) as face:
        assert face.page.total == face.lines.line_count == USERS
        assert face.title(face.users) == "1 Users · 200,000"
        assert in_sight(face) == expected(face)
        assert face.counts == [200_000, 133_333, 66_666]


async def test_the_end_is_painted_after_a_jump(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart"), size=WIDE) as face:
        await face.press("G")
        assert face.lines.cursor == USERS - 1
        assert in_sight(face) == expected(face)
        assert in_sight(face)[-1] == f"user_{USERS - 1:06}"
        await face.press("g")
        assert in_sight(face) == expected(face)
        assert in_sight(face)[0] == "user_000000"


async def test_the_events_of_the_last_user_are_shown_after_a_jump(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart"), size=WIDE) as face:
        await face.press("G")
        assert face.user == face.trail.user == f"user_{USERS - 1:06}"


async def test_every_page_is_painted(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart"), size=WIDE) as face:
        for key in ("pagedown",) * 20 + ("ctrl+d",) * 3 + ("pageup",) * 22:
            await face.press(key)
            assert in_sight(face) == expected(face)
            assert face.user == face.trail.user == f"user_{face.lines.cursor:06}"


async def test_a_row_has_the_numbers_of_its_user(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart,purchase"), size=(160, 40)) as face:
        await face.press("G", "k")
        number = USERS - 2
        line = next(line for line in screen_text(face.pilot) if f"○ user_{number:06}" in line)
        last = 1_600_000_000_000_000 - number * 60_000_000
        assert line[1:].split()[:6] == [
            "○",
            f"user_{number:06}",
            "1",
            "1",
            *moment(last).split(),
        ]


async def test_search_finds_among_all(many: core.LocalEngine) -> None:
    async with opened(many, study("home,cart"), size=WIDE) as face:
        await face.press("slash", *"19999")
        assert face.subtitle(face.users) == "/19999 · 12 matches"
        assert face.title(face.users) == "1 Users · 12 of 200,000"
        assert face.listed == [
            "user_019999",
            "user_119999",
            *(f"user_{number}" for number in range(199_990, 200_000)),
        ]
        await face.press("enter", "G", "escape")
        assert face.user == face.trail.user == "user_199999"
        assert face.lines.cursor == USERS - 1
        assert in_sight(face) == expected(face)


async def test_a_paint_draws_no_more_lines_than_there_is_room_for(
    many: core.LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = [0]
    room: list[int] = []
    paint, draw = UserLines.render_lines, UserLines.draw_line

    def render_lines(self: UserLines, crop: Region) -> list[Strip]:
        strips = paint(self, crop)
        drawn.append(0)
        room.append(self.size.height - 1)
        return strips

    def draw_line(self: UserLines, index: int, width: int) -> object:
        drawn[-1] += 1
        return draw(self, index, width)

    monkeypatch.setattr(UserLines, "render_lines", render_lines)
    monkeypatch.setattr(UserLines, "draw_line", draw_line)
    async with opened(many, study("home,cart"), size=WIDE) as face:
        for key in ("G", "g", "pagedown", "ctrl+d", "j", "k", "[", "s", "z"):
            await face.press(key)
        assert max(drawn) > 0
        assert all(lines <= height for lines, height in zip(drawn, room, strict=False))


async def test_moving_by_a_line_paints_two(
    many: core.LocalEngine, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []
    draw = UserLines.draw_line

    def draw_line(self: UserLines, index: int, width: int) -> object:
        drawn.append(index)
        return draw(self, index, width)

    async with opened(many, study("home,cart"), size=WIDE) as face:
        await face.press("j")
        monkeypatch.setattr(UserLines, "draw_line", draw_line)
        await face.press("j")
        assert set(drawn) == {1, 2}
