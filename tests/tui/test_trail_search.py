"""The search in a trail: names at once, then what properties say, and where."""

import threading
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.event import Event
from core.trail import LocalTrail
from tests.tui.driving import PATIENCE, WIDE, demo_engine, opened, study, until
from tests.tui.hostile import HOSTILE
from tests.tui.test_hostile import check
from tracer_tui.text import value_text
from tracer_tui.trail_search import FIRST, Found, TrailTexts, in_names, in_values


def trail_of(*events: dict[str, object]) -> LocalTrail:
    rows = [{"user": "u", "event": "e", "time": at, **event} for at, event in enumerate(events)]
    return core.LocalEngine(core.read_events(rows)).journeys(study(), "u")


def all_of(trail: LocalTrail, text: str) -> list[Found]:
    return search(TrailTexts(trail), text)


def search(texts: TrailTexts, text: str, *, cancelled: bool = False) -> list[Found]:
    found = in_names(texts, text)
    return [found, *in_values(found, lambda: cancelled)]


@settings(max_examples=15)  # each reads a trail, which is asked about every text
@given(
    st.lists(
        st.fixed_dictionaries(
            {"event": st.sampled_from(("Ape", "bee", "cat"))},
            optional={"p": st.sampled_from(("a", "B", "ab")), "q": st.lists(st.integers(0, 9))},
        ),
        min_size=1,
        max_size=8,
    )
)
def test_a_match_is_in_the_name_or_in_a_value(events: list[dict[str, object]]) -> None:
    trail = trail_of(*events)
    for text in ("a", "b", "AB", "1", "ee", ",", "z"):
        *_, found = all_of(trail, text)
        letters = text.casefold()
        expected = [
            place
            for place, event in enumerate(events)
            if any(letters in value_text(value).casefold() for value in event.values())
        ]
        assert found.places.tolist() == expected
        assert [place for place in range(len(events)) if found.has(place)] == expected
        assert found.is_whole
        for place in expected:
            is_named = letters in str(events[place]["event"]).casefold()
            assert (found.where(place) == "") == is_named
            if not is_named:
                key, value = found.where(place).split(": ", 1)
                assert value == value_text(events[place][key])


@pytest.mark.parametrize("kind", HOSTILE)
def test_any_value_is_found_and_said(kind: str) -> None:
    value = HOSTILE[kind]
    trail = trail_of({}, {"first": 1, "p": value, "last": {"deep": [True]}})
    for text, where in ((value, f"p: {value}"), ("DEEP", 'last: {"deep": [true]}')):
        *_, found = all_of(trail, text)
        assert (found.places.tolist(), found.where(1)) == ([1], where)


def test_a_match_far_inside_a_long_value_is_shown_with_what_is_before_it() -> None:
    *_, found = all_of(trail_of({"url": "x" * 500 + "needle" + "y" * 9}), "NEEDLE")
    assert found.where(0) == f"url: …{'x' * 12}needle{'y' * 9}"


def test_a_long_trail_is_read_in_stretches_once_and_can_be_given_up() -> None:
    n = FIRST * 4
    trail = trail_of(*[dict[str, object](p=str(at)) for at in range(n)])
    texts = TrailTexts(trail)
    steps = [found.read for found in search(texts, "00")]
    assert steps == [0, FIRST, 2 * FIRST, n]
    again = search(texts, "4095")
    assert [found.read for found in again] == [0, n]
    assert again[-1].places.tolist() == [n - 1]
    assert [found.read for found in search(texts, "1", cancelled=True)] == [0]


async def test_the_timeline_finds_values_and_says_where() -> None:
    async with opened(demo_engine(), size=WIDE) as face:
        await face.press("1", "g", "slash", *"dee", "enter", "2", "slash", *"CARD_decl")
        assert face.subtitle(face.timeline) == "/CARD_decl · 1 match"
        line = face.timeline_lines()[face.trail_lines.cursor]
        assert line.endswith("payment_error  code: card_declined")
        check(face)
        await face.press("enter", "1", "escape")
        await face.press("slash", *"bo", "enter", "2")
        assert face.subtitle(face.timeline) == "/CARD_decl · 2 matches"
        visited = []
        for key in "gnnN":
            await face.press(key)
            visited.append(face.timeline_lines()[face.trail_lines.cursor][:9].strip())
        assert visited[1:] == ["+25:40", "+27:05", "+25:40"]
        await face.press("escape")
        assert face.subtitle(face.timeline) == ""
        assert not any("code:" in line for line in face.timeline_lines())


@dataclass(frozen=True, eq=False)
class Slow(LocalTrail):
    """A trail whose properties come when they are let."""

    let_on: threading.Event = field(default_factory=threading.Event)

    def events(self, start: int, stop: int) -> Sequence[Event]:
        assert self.let_on.wait(PATIENCE)
        return super().events(start, stop)


class SlowEngine(core.LocalEngine):
    let_on = threading.Event()

    def journeys(self, study: core.Study, user: str) -> LocalTrail:
        trail = super().journeys(study, user)
        return Slow(**{f.name: getattr(trail, f.name) for f in fields(trail)}, let_on=self.let_on)


async def test_names_are_found_at_once_while_values_are_read_and_the_person_goes_on() -> None:
    engine = SlowEngine(demo_engine().log)
    async with opened(engine, size=WIDE) as face:
        await face.press("2")
        for key in ("slash", *"cart"):
            await face.pilot.press(key)
        wanted = "/cart · 1 match · working… 0%"
        await until(face.pilot, lambda: face.subtitle(face.timeline) == wanted)
        for key in ("enter", "k", "k"):
            await face.pilot.press(key)
        here = face.trail_lines.cursor
        engine.let_on.set()
        await face.settled()
        assert face.subtitle(face.timeline) == "/cart · 1 match"
        assert face.trail_lines.cursor == here


async def test_a_file_that_has_changed_leaves_the_names_and_says_so(tmp_path: Path) -> None:
    file = tmp_path / "e.json"
    file.write_text('{"user": "u", "event": "view", "time": 1, "p": "view"}\n')
    async with opened(core.open_engine(str(file)), size=WIDE) as face:
        file.write_text('{"user": "u", "event": "view", "time": 1, "p": "other"}\n')
        await face.press("2", "slash", "v")
        assert face.subtitle(face.timeline) == "/v · 1 match in names"
        assert "has changed since it was read; open it again" in face.notes[-1]
