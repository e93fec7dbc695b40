import pytest

import core
from core.errors import did_you_mean, nearest

KNOWN = ("view", "cart", "Checkout", "purchase")


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("cartt", ["cart"]),
        ("CHECKOUT", ["Checkout"]),
        ("purchas", ["purchase"]),
        ("zzz", []),
        ("", []),
    ],
)
def test_nearest_names_ignore_case(name: str, near: list[str]) -> None:
    assert nearest(name, KNOWN) == near


def test_nearest_are_at_most_three_best_first() -> None:
    near = nearest("pay", ["pay_a", "pay", "pays", "payed", "pay_b"])
    assert near[0] == "pay"
    assert len(near) == 3


@pytest.mark.parametrize(
    ("name", "text"),
    [("cartt", "; did you mean cart?"), ("zzz", ""), ("card", "; did you mean cart?")],
)
def test_suggestion_is_the_end_of_a_sentence(name: str, text: str) -> None:
    assert did_you_mean(name, KNOWN) == text


@pytest.mark.parametrize(
    ("error", "parent"),
    [
        (core.QuestionError, core.TracerError),
        (core.SourceError, core.TracerError),
        (core.Cancelled, core.SourceError),
    ],
)
def test_errors_form_one_tree_with_titles(
    error: type[core.TracerError], parent: type[core.TracerError]
) -> None:
    assert issubclass(error, parent)
    assert error.title not in ("", parent.title)
