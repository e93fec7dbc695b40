"""The only door from data to the screen.

Text from events is hostile: escape codes could write the clipboard, direction marks could swap what
is read, and markup could run actions. What comes out of here is plain signs and nothing else.
"""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from textual.content import Content

LONGEST = 1_000
"""Characters of one text that can ever reach the screen."""

_UNKNOWN = "\ufffd"


def visible(text: str) -> str:
    """`text` with everything that is not a printable sign replaced by one that shows it was there.

    Control characters become their pictures (ESC is ␛), line separators ␤, and what has no picture,
    such as direction marks and halves of pairs, becomes �.
    """
    if text.isprintable() and len(text) <= LONGEST:
        return text
    cut = text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"
    return "".join(sign if sign.isprintable() else _picture(sign) for sign in cut)


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


def _picture(sign: str) -> str:
    code = ord(sign)
    if code < 0x20:
        return chr(0x2400 + code)
    if code == 0x7F:
        return "␡"
    if sign in "\u2028\u2029\u0085":
        return "␤"
    return " " if unicodedata.category(sign) == "Zs" else _UNKNOWN
