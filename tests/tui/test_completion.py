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
    "cart.total": ("7",),
    "utm-tag.odd name": ("'x'",),
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
            [
                f"purchase where {field}"
                for field in (
                    *("country", "price", '"odd name"', "note"),
                    *("cart.total", '"utm-tag"."odd name"'),
                )
            ],
        ),
        ("purchase where cart.t", ["purchase where cart.total"]),
        ("purchase where cart.total > ", ["purchase where cart.total > 7"]),
        ('* where "utm-tag"."odd name" = ', ['* where "utm-tag"."odd name" = \'x\'']),
        ("purchase where no_such = ", []),
        ("purchase ", ["purchase", "purchase where "]),
        ("page view wh", ["page view where "]),
        ("* w", ["* where "]),
        ("zzz w", []),
        ("purchase where coun", ["purchase where country"]),
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
