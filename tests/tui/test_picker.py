"""The stage picker, by what it gives back."""

import threading
from collections.abc import Callable, Mapping
from typing import ClassVar

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.app import App
from textual.widgets import Input, Label

import core
from core.stage import parse_stages
from core.study import Study
from tests.tui.driving import PATIENCE, drawn_lines, engine_of, handled, settled
from tracer_tui.completion import matching
from tracer_tui.screens.picker import Choices, StagePicker
from tracer_tui.widgets.line_view import STYLES

COUNTS = {"cart": 5, "home": 7, "payment": 7, "payment_error": 4, "product": 11, "日本": 1}


class Asking(App[None]):
    """Nothing but the picker, and what it gave back."""

    CSS_PATH = "../../tracer_tui/tracer.tcss"
    COMPONENT_CLASSES: ClassVar[set[str]] = set(STYLES)

    def __init__(
        self,
        counts: Mapping[str, int] = COUNTS,
        ask: Callable[[core.Stage], object] | None = None,
    ) -> None:
        super().__init__()
        self.engine = engine_of(
            *((f"u{i % 4}", name, i) for name, count in counts.items() for i in range(count)),
            price=9,
        )
        self.ask = ask or (lambda stage: self.engine.funnel(Study(stages=(stage,))))
        self.picked: list[core.Stage | None] = []

    def on_mount(self) -> None:
        self.push_screen(StagePicker("Add a stage", self.engine, self.ask), self.picked.append)

    @property
    def names(self) -> list[str]:
        return [choice.label for choice in self.screen.query_one(Choices).choices]


async def test_names_are_listed_the_most_frequent_first_with_their_counts() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await settled(pilot)
        assert app.names == ["product", "home", "payment", "cart", "payment_error", "日本"]
        lines = drawn_lines(app.screen.query_one(Choices), width=42)
        assert lines[0] == " product                  11 100.0 % users"
        assert lines[5] == " 日本                      1  25.0 % users"


@pytest.mark.parametrize(
    ("keys", "picked"),
    [
        ("enter", "product"),
        ("down enter", "home"),
        ("down down enter", "payment"),
        ("down down up enter", "home"),
        ("down up enter", "product"),
        ("c a r enter", "cart"),
        ("p a y enter", "payment"),
        ("p a y down enter", "payment_error"),
        ("C A R T enter", "cart"),
        ("down down x x x backspace backspace backspace enter", "product"),
    ],
)
async def test_a_name_is_picked(keys: str, picked: str) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        for key in keys.split():
            await pilot.press(key)
            await settled(pilot)
    assert app.picked == [core.Stage((picked,))]


async def test_the_condition_of_an_event_is_offered_and_written_on() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        for key in (*"cart w", "enter"):
            await pilot.press("space" if key == " " else key)
            await settled(pilot)
        assert app.names == ["price"]
        await pilot.click(Choices, times=2)
        for key in (*"> 3", "enter"):
            await pilot.press("space" if key == " " else key)
            await settled(pilot)
    assert app.picked == [core.Stage(("cart",), where="price > 3")]


@pytest.mark.parametrize(
    ("typed", "stage"),
    [
        ("*", core.Stage.any_event()),
        ("cart|payment", core.Stage(("cart", "payment"))),
        ("cart|refund", core.Stage(("cart", "refund"))),
        ("refund", core.Stage(("refund",))),
        ("日本", core.Stage(("日本",))),
    ],
)
async def test_a_stage_is_typed(typed: str, stage: core.Stage) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = typed
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
    assert app.picked == [stage]


ODD = {"a|b": 4, "*": 3, "a": 3, "b": 2, "Cart": 2, "cart": 1, "a where b": 1, "x,y": 1, "k=v": 1}
"""Names that hold the signs with which stages are written."""


@pytest.mark.parametrize(
    ("typed", "keys", "picked"),
    [
        *((name, "enter", (name,)) for name in ODD),
        ("", "down enter", ("*",)),
        ("a|", "down enter", ("a", "*")),
        ("a|", "down " * len(ODD) + "enter", ("a|b",)),
        ("a|b|", "enter", None),
        ("a|Cart", "enter", ("a", "Cart")),
        ("b|a", "enter", ("b", "a")),
        ("Any=*", "enter", ()),
        ("x,a", "enter", None),
    ],
)
async def test_the_very_name_of_an_event_is_that_event(
    typed: str, keys: str, picked: tuple[str, ...] | None
) -> None:
    app = Asking(ODD)
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = typed
        await settled(pilot)
        await pilot.press(*keys.split())
        await settled(pilot)
    assert [stage.any_of for stage in app.picked if stage] == ([] if picked is None else [picked])


async def test_an_event_of_the_list_ends_what_was_typed_before_it() -> None:
    app = Asking(ODD)
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = "b|ca"
        await settled(pilot)
        await pilot.click(Choices, offset=(3, app.names.index("cart")), times=2)
        await settled(pilot)
    assert app.picked == [core.Stage(("b", "cart"))]


@pytest.mark.parametrize("typed", ["cart||payment", "|"])
async def test_what_is_no_stage_is_explained(typed: str) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        app.screen.query_one(Input).value = typed
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert app.picked == []
        problem = str(app.screen.query_one("#picker-problem", Label).content)
        assert problem.startswith(f"{typed!r} is not a stage")


@pytest.mark.parametrize("mended", ["cart where price > 3", "cart"])
async def test_a_condition_that_cannot_be_asked_is_told_in_place_and_can_be_mended(
    mended: str,
) -> None:
    app = Asking()
    async with app.run_test() as pilot:
        field = app.screen.query_one(Input)
        field.value = "cart where prise > 3"
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        problem = app.screen.query_one("#picker-problem", Label)
        assert str(problem.content) == "no event has a field 'prise'; did you mean price?"
        assert (app.picked, field.value) == ([], "cart where prise > 3")
        field.value = mended
        await settled(pilot)
        assert str(problem.content) == ""
        await pilot.press("enter")
        await settled(pilot)
    assert app.picked == [parse_stages(mended)[0]]


@pytest.mark.parametrize("key", ["escape", "x"])
async def test_who_goes_on_while_a_condition_is_tried_does_not_wait_for_it(key: str) -> None:
    is_let = threading.Event()
    app = Asking(ask=lambda stage: is_let.wait(PATIENCE))
    async with app.run_test() as pilot:
        field = app.screen.query_one(Input)
        field.value = "cart where price > 3"
        await handled(pilot)
        await pilot.press("enter")
        await handled(pilot)
        problem = app.screen.query_one("#picker-problem", Label)
        assert str(problem.content) == "working… esc stops it"
        await pilot.press(key)
        await handled(pilot)
        assert str(problem.content) == ""
        is_let.set()
        await settled(pilot)
        assert app.picked == []
        assert field.value == f"cart where price > 3{'x' if key == 'x' else ''}"
        await pilot.press("escape")
        await handled(pilot)
    assert app.picked == [None]


async def test_escape_picks_nothing() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await pilot.press(*"cart", "escape")
    assert app.picked == [None]


async def test_nothing_typed_and_nothing_listed_picks_nothing() -> None:
    app = Asking({})
    async with app.run_test() as pilot:
        await pilot.press("enter")
        await settled(pilot)
        assert app.picked == []
        assert str(app.screen.query_one("#picker-problem", Label).content)


async def test_two_clicks_pick_a_name() -> None:
    app = Asking()
    async with app.run_test() as pilot:
        await settled(pilot)
        await pilot.click(Choices, offset=(3, 2))
        await settled(pilot)
        assert app.picked == []
        assert app.screen.query_one(Choices).cursor == 2
        await pilot.click(Choices, offset=(3, 3), times=2)
        await settled(pilot)
    assert app.picked == [core.Stage(("cart",))]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("", ["view", "cart_view", "preview", "Cart", "checkout"]),
        ("view", ["view", "preview", "cart_view"]),
        ("cart", ["Cart", "cart_view"]),
        ("CART", ["Cart", "cart_view"]),
        ("c", ["Cart", "checkout", "cart_view"]),
        ("ct", ["Cart", "cart_view", "checkout"]),
        ("cview", ["cart_view"]),
        ("weiv", []),
        ("viewx", []),
    ],
)
def test_names_that_match_the_likest_first(typed: str, found: list[str]) -> None:
    assert matching(typed, ["view", "cart_view", "preview", "Cart", "checkout"]) == found


@given(st.text(max_size=4), st.lists(st.text(max_size=8), unique=True))
def test_a_name_is_found_when_it_holds_the_letters_in_order(typed: str, names: list[str]) -> None:
    def holds(name: str) -> bool:
        rest = iter(name.casefold())
        return all(letter in rest for letter in typed.casefold())

    assert sorted(matching(typed, names)) == sorted(filter(holds, names))


def test_a_long_name_of_few_letters_is_searched_at_once() -> None:
    # Trying every way to place these letters would not end.
    assert matching("aabbaabb" * 4, ["ab" * 5_000, "ba"]) == ["ab" * 5_000]
