import sys
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len, get_character_cell_size

from tracer_tui.text import _CERTAIN, LONGEST, content, visible

NEVER_SHOWN = {"Cc", "Cf", "Cs", "Zl", "Zp", "Co", "Cn"}
"""Unicode categories without a sign: controls, direction marks, halves of pairs, separators."""


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("", ""),
        ("plain text", "plain text"),
        ("[red]x[/red]", "[red]x[/red]"),
        ("日本 é 🙂", "日本 é 🙂"),
        ("a\x1b[31mb", "a␛[31mb"),
        ("\x1b]52;c;AAAA\x07", "␛]52;c;AAAA␇"),
        ("a\x00b", "a␀b"),
        ("a\tb\nc\r", "a␉b␊c␍"),
        ("\x7f", "␡"),
        ("\x9b31m", "�31m"),
        ("\x85", "␤"),
        ("a\u2028b\u2029c", "a␤b␤c"),
        ("\u202eevil", "�evil"),
        ("a\u200fb\u2066c\u2069", "a�b�c�"),
        ("\ud800", "�"),
        ("\ufeffx", "�x"),
        ("a\u00a0b\u3000c", "a b c"),
        ("\U000e0041", "�"),
    ],
)
def test_what_is_not_a_sign_becomes_one(text: str, shown: str) -> None:
    assert visible(text) == shown


def test_no_code_point_gets_through_that_is_not_a_sign() -> None:
    step = LONGEST // 2
    for start in range(0, sys.maxunicode + 1, step):
        # Each on a line of its own: joined to the one before, some are no signs of their own.
        text = "\n".join(map(chr, range(start, min(start + step, sys.maxunicode + 1))))
        shown = visible(text)
        assert len(shown) == len(text)
        assert shown.isprintable()
        assert not {unicodedata.category(sign) for sign in shown} & NEVER_SHOWN


@given(st.text(st.characters()))
def test_what_is_shown_is_printable_and_stays_as_it_is(text: str) -> None:
    shown = visible(text)
    assert shown.isprintable()
    assert visible(shown) == shown


@given(
    st.text(
        st.characters(categories=["L", "N", "P", "S", "M"]).filter(
            lambda sign: ord(sign) not in (*_CERTAIN, 0x200D)
        ),
        max_size=50,
    )
)
def test_signs_stay_as_they_are(text: str) -> None:
    assert visible(text) == text


@pytest.mark.parametrize("sign", ["a", "\x1b"])
def test_long_text_is_cut_and_says_so(sign: str) -> None:
    assert len(visible(sign * LONGEST)) == LONGEST
    assert not visible(sign * LONGEST).endswith("…")
    assert len(visible(sign * 10_000)) == LONGEST
    assert visible(sign * 10_000).endswith("…")


@pytest.mark.parametrize("text", ["[/x]", "[red]a", "[@click=app.quit]q[/]", "\\[b]"])
def test_content_is_no_markup(text: str) -> None:
    made = content(text)
    assert made.plain == text
    assert not made.spans


def test_content_is_visible() -> None:
    assert content("a\x1bb").plain == "a␛b"


@pytest.mark.parametrize(
    ("text", "shown", "cells"),
    [
        ("👨‍👩‍👧‍👦", "👨👩👧👦", 8),
        ("🏳️‍🌈", "🏳🌈", 3),
        ("🇩🇪🇫🇷", "DEFR", 4),
        ("👍🏽!", "👍!", 3),
        ("❤️ it", "❤ it", 4),
        ("1️⃣", "1⃣", 1),
        ("🏽", "�", 1),
        ("\ufe0f", "�", 1),
        ("a\u200db", "a�b", 3),
        ("ana\u3164", "ana�", 4),
        ("e\u0301", "e\u0301", 1),
        ("日本", "日本", 4),
    ],
)
def test_signs_made_of_several_are_as_wide_as_each_of_them(
    text: str, shown: str, cells: int
) -> None:
    assert visible(text) == shown
    assert cell_len(visible(text)) == sum(map(get_character_cell_size, shown)) == cells
