"""What may come next while a stage is typed."""

import pytest

from core.stage import parse_stages
from tracer_tui.completion import complete

NAMES = ["page view", "purchase", "pay|later", "a=b", "home"]
PROPERTIES = {
    "country": ("'NL'", "'DE'"),
    "price": ("9", "12.5"),
    "odd name": ("true",),
    "note": (),
}


def offered(text: str) -> list[str]:
    """The text as it stands after each completion."""
    return [text[: each.start] + each.insert for each in complete(text, NAMES, PROPERTIES)]


@pytest.mark.parametrize(
    ("text", "after"),
    [
        ("", ["page view", "purchase", r"pay\|later", r"a\=b", "home"]),
        ("pur", ["purchase"]),
        ("home|pur", ["home|purchase"]),
        ("home| pur", ["home| purchase"]),
        ("Buy=pur", ["Buy=purchase"]),
        (r"a\=b|pay", [r"a\=b|pay\|later"]),
        ("zzz", []),
        (
            "purchase where ",
            [f"purchase where {f}" for f in ("country", "price", '"odd name"', "note")],
        ),
        ("purchase where co", ["purchase where country"]),
        (
            "purchase where country = ",
            ["purchase where country = 'NL'", "purchase where country = 'DE'"],
        ),
        ("purchase where country='D", ["purchase where country='DE'"]),
        ("* where price >= 1", ["* where price >= 12.5"]),
        ("* where price > 9 and cou", ["* where price > 9 and country"]),
        ('* where "odd name" = t', ['* where "odd name" = true']),
        ("* where note = ", []),
    ],
)
def test_completions(text: str, after: list[str]) -> None:
    assert offered(text) == after


def test_every_completed_event_is_read_back_as_it_stands_in_the_data() -> None:
    for each in complete("", NAMES, {}):
        assert parse_stages(each.insert)[0].any_of == (each.label,)
        assert each.kind == "event"
