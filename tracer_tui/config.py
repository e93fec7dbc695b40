"""The person's own settings: `config.toml`. Every mistake is told with its line.

theme = "textual-light"
mouse = false

[keys]
"timeout.shorter" = "f7"
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from core.errors import QuestionError, did_you_mean
from tracer_tui.saved import config_folder

FILE = "config.toml"


@dataclass(frozen=True, slots=True)
class Config:
    """What can be set; everything has a default."""

    theme: str | None = None
    """The name of a theme; None chooses one that the terminal can show."""
    mouse: bool = True
    """Whether the program takes the mouse."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Keys by the id of what they do, as Textual names keys; several with commas between."""


def load_config(folder: Path | None = None) -> Config:
    """Read the file, if there is one. Raises QuestionError that names the line of a mistake."""
    file = (folder or config_folder()) / FILE
    try:
        text = file.read_text(encoding="utf-8")
        given = tomllib.loads(text)
    except FileNotFoundError:
        return Config()
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuestionError(f"cannot read {file}: {error}") from error
    for key, what in _mistakes(given):
        raise QuestionError(f"{file}, line {_line_of(text, key)}: {what}")
    return Config(given.get("theme"), given.get("mouse", True), given.get("keys", {}))


def _mistakes(given: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Each mistake: the key it stands at, and what is wrong."""
    kinds = {"theme": str, "mouse": bool, "keys": dict}
    for key, value in given.items():
        if key not in kinds:
            yield key, f"there is no setting {key!r}{did_you_mean(key, list(kinds))}"
        elif not isinstance(value, kinds[key]):
            wanted = {"theme": "a text", "mouse": "true or false", "keys": "a table"}[key]
            yield key, f"{key} is {wanted}, and {value!r} is not"
    keys = given.get("keys")
    if isinstance(keys, dict) and keys:
        yield from _key_mistakes(keys)
    theme = given.get("theme")
    if isinstance(theme, str):
        from textual.theme import BUILTIN_THEMES

        if theme not in BUILTIN_THEMES:
            known = sorted(BUILTIN_THEMES)
            yield "theme", f"there is no theme {theme!r}{did_you_mean(theme, known)}"


def _key_mistakes(keys: Mapping[str, object]) -> Iterator[tuple[str, str]]:
    """Unknown ids, and keys that two ids of one place would share: one of them would be dead."""
    from tracer_tui.keys import bindings_by_place

    places = bindings_by_place()
    known = {binding.id for place in places.values() for binding in place if binding.id}
    for id_, key in keys.items():
        if id_ not in known:
            yield id_, f"no key has the id {id_!r}{did_you_mean(id_, sorted(known))}"
            return
        if not isinstance(key, str) or not key.strip():
            yield id_, f"a key is a text such as 'f7' or 'ctrl+t', and {key!r} is not"
            return
    for bindings in places.values():
        taken: dict[str, str] = {}
        for binding in bindings:
            id_ = binding.id or ""
            for key in str(keys.get(id_, binding.key)).split(","):
                other = taken.setdefault(key.strip(), id_)
                if other != id_ and (id_ in keys or other in keys):
                    yield (
                        (id_ if id_ in keys else other),
                        (f"the key {key.strip()!r} would do both {other} and {id_}"),
                    )
                    return


def _line_of(text: str, key: str) -> int:
    """The line, from 1, on which a key stands."""
    pattern = re.compile(rf"""\s*["']?{re.escape(key)}["']?\s*=|\s*\[\s*{re.escape(key)}\s*\]""")
    lines = text.splitlines()
    return next((number for number, line in enumerate(lines, 1) if pattern.match(line)), 1)
