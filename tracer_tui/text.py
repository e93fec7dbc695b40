"""The only door from data to the screen.

Text from events is hostile: escape codes could write the clipboard, direction marks could swap what
is read, and markup could run actions. What comes out of here is plain signs and nothing else.
"""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.content import Content

LONGEST = 1_000
"""Characters of one text that can ever reach the screen."""

_UNKNOWN = "\ufffd"
# Of these terminals do not agree how wide they are, alone or with the sign before: the rest of a
# line would be shifted. Emoji made of several stand as what they are made of, a flag as letters.
_JOINERS = re.compile(
    "(?<=[\u2190-\u2bff\ufe0f\U0001f000-\U0001faff])[\u200d\U0001f3fb-\U0001f3ff]"
    "|(?<=.)[\ufe00-\ufe0f]"
)
_CERTAIN = {
    **{ord("\U0001f1e6") + place: chr(ord("A") + place) for place in range(26)},
    **dict.fromkeys([*range(0xFE00, 0xFE10), *range(0x1F3FB, 0x1F400)], _UNKNOWN),
    **dict.fromkeys([0x115F, 0x1160, 0x3164, 0xFFA0], _UNKNOWN),  # letters that cannot be seen
}


def visible(text: str) -> str:
    """`text` with everything that is not a printable sign replaced by one that shows it was there.

    Control characters become their pictures (ESC is ␛), line separators ␤, and what has no picture,
    such as direction marks and halves of pairs, becomes �. What comes out is as wide everywhere.
    """
    is_plain = text.isprintable() and len(text) <= LONGEST
    if is_plain and text.isascii():
        return text
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    cut = _JOINERS.sub("", cut).translate(_CERTAIN)
    return cut if is_plain else "".join(map(_sign, cut))


def value_text(value: object) -> str:
    """The value of a property as one reads it: text as it is, anything else as JSON."""
    if isinstance(value, str):
        return value
    import json

    return json.dumps(value, ensure_ascii=False, default=str)


def content(text: str) -> Content:
    """`text` as content for a widget that would read a plain string as markup."""
    from textual.content import Content

    return Content(visible(text))


def _sign(sign: str) -> str:
    if sign.isprintable():
        return sign
    code = ord(sign)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if sign in "\u2028\u2029\u0085":
        return "␤"
    return " " if unicodedata.category(sign) == "Zs" else _UNKNOWN
