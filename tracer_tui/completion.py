"""What may come next while a stage is typed: event names, properties, values. Text in, text out."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from core.stage import Stage, format_stages

_VALUE = re.compile(
    r"""(?P<field>(?:"[^"]+"|[A-Za-z_]\w*)(?:\.(?:"[^"]+"|\w+))*)
    \s*(?:=|==|!=|<>|<=|>=|<|>|\blike\b)\s*(?P<value>'?[^'\s]*)$""",
    re.VERBOSE | re.IGNORECASE,
)
_PLAIN = re.compile(r"[A-Za-z_]\w*")


@dataclass(frozen=True, slots=True)
class Completion:
    """Something that may be written in place of the end of a text."""

    start: int
    """Where in the text that end begins."""
    insert: str
    """What to write there."""
    label: str
    """What it is, as it stands in the data."""
    kind: str
    """An "event", a "property", a "value", or the word that begins a "condition"."""


def complete(
    text: str, names: Sequence[str], properties: Mapping[str, Sequence[str]]
) -> list[Completion]:
    """What may come at the end of the text of a stage; the likeliest first.

    `names` are event names in the order of choice; `properties` have values as SQL writes them.
    What is the very name of an event is that event, ahead of all that it might mean besides.
    """
    exact = next((name for name in (text, text.strip()) if name in names), None)
    found = _at_the_end(text, names, properties)
    if exact is None:
        return found
    event = Completion(0, _written(exact), exact, "event")
    return [event, *(each for each in found if each != event)]


def _written(name: str) -> str:
    """The name of an event as it is written in the text of a stage."""
    return format_stages([Stage((name,))])


def _at_the_end(
    text: str, names: Sequence[str], properties: Mapping[str, Sequence[str]]
) -> list[Completion]:
    where = text.find(" where ")
    if where >= 0:
        return _in_condition(text, where + len(" where "), properties)
    start = max(_last(text, "|"), _last(text, "="))
    start += len(text[start:]) - len(text[start:].lstrip())
    event, _, word = text[start:].rpartition(" ")
    begins = event.strip() in (*names, "*") and "where".startswith(word)
    return [
        *(
            Completion(start, _written(name), name, "event")
            for name in matching(text[start:].rstrip(), names)
        ),
        # A name may hold the signs that set names apart.
        *(Completion(0, _written(name), name, "event") for name in names if start and text in name),
        *([Completion(len(text) - len(word), "where ", "where", "condition")] if begins else []),
    ]


def _in_condition(
    text: str, start: int, properties: Mapping[str, Sequence[str]]
) -> list[Completion]:
    condition = text[start:]
    asked = _VALUE.search(condition)
    if asked:
        field = re.sub(r'"([^"]+)"', r"\1", asked["field"])
        place = start + asked.start("value")
        values = matching(asked["value"].lstrip("'"), properties.get(field, ()))
        return [Completion(place, value, value, "value") for value in values]
    word = re.search(r'"?[\w.]*$', condition)
    place = start + (word.start() if word else len(condition))
    fields = matching(text[place:].lstrip('"'), list(properties))
    return [Completion(place, _identifier(field), field, "property") for field in fields]


def _last(text: str, sign: str) -> int:
    """The place after the last of a sign that no backslash stands before; 0 for none."""
    found = [match.end() for match in re.finditer(r"\\.|" + re.escape(sign), text, re.S)
             if match[0] == sign]  # fmt: skip
    return found[-1] if found else 0


def _identifier(field: str) -> str:
    """A property as SQL writes it: a path step by step."""
    steps = field.split(".") if re.fullmatch(r"[^.]+(\.[^.]+)*", field) else [field]
    return ".".join(
        step if _PLAIN.fullmatch(step) else '"' + step.replace('"', '""') + '"' for step in steps
    )


def matching(typed: str, names: Sequence[str]) -> list[str]:
    """The names that hold what was typed, or at least its letters in order; the likest first.

    Case is ignored, and of equals the one that came first stays first. Names come from data and may
    be long, so each is read once: Textual's own search tries every way to place the letters.
    """
    letters = typed.casefold()
    if not letters:
        return list(names)
    found: list[tuple[tuple[int, int, int], str]] = []
    for name in names:
        folded = name.casefold()
        run = folded.find(letters)
        if run >= 0:
            found.append(((0, int(run > 0), len(folded)), name))
            continue
        first = last = folded.find(letters[0])
        for letter in letters[1:]:
            last = folded.find(letter, last + 1) if last >= 0 else -1
        if last >= 0:
            found.append(((1, last - first, len(folded)), name))
    return [name for _, name in sorted(found, key=lambda match: match[0])]
