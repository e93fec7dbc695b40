"""`tracer.toml`: questions under names, beside the data or in the person's own folder.

Only the table of one funnel is ever rewritten: comments and everything else in the file stay.
"""

from __future__ import annotations

import json
import os
import re
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from core.errors import OutputError, QuestionError
from core.files import write_whole
from core.settings import settings_of, study_of
from core.study import Study

FILE = "tracer.toml"


def config_folder() -> Path:
    """The person's own folder for this program."""
    home = os.environ.get("XDG_CONFIG_HOME") or Path.home() / ".config"
    return Path(home) / "tracer-tui"


def files_for(sources: Sequence[str]) -> list[Path]:
    """Where funnels are saved: beside the first source if it is a file here, and one's own."""
    beside = [Path(source).parent for source in sources[:1] if Path(source).is_file()]
    beside += [Path(source) for source in sources[:1] if Path(source).is_dir()]
    return [folder / FILE for folder in (*beside, config_folder())]


@dataclass(frozen=True, slots=True)
class SavedFunnels:
    """The funnels of some files; where a name stands in two, the first file's is meant."""

    files: tuple[Path, ...]
    """Where they are, and where they may come to be."""

    def load(self) -> dict[str, Study]:
        """All of them. Raises QuestionError that names the file for what cannot be read."""
        found: dict[str, Study] = {}
        for file in self.files:
            for name, study in _read(file).items():
                found.setdefault(name, study)
        return found

    def save(self, name: str, study: Study) -> Path:
        """Save a study under a name, in place of one of that name; returns the file.

        Raises OutputError when it cannot be written.
        """
        file = next((file for file in self.files if file.exists() and name in _read(file)), None)
        file = file or next((file for file in self.files if file.exists()), self.files[0])
        before = file.read_text(encoding="utf-8") if file.exists() else ""
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise OutputError(f"cannot write {file}: {error.strerror}") from error
        write_whole(file, [_with_table(before, name, study)], replace=True)
        return file


def _read(file: Path) -> dict[str, Study]:
    try:
        text = file.read_text(encoding="utf-8")
        tables = tomllib.loads(text).get("funnels", {})
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise QuestionError(f"cannot read {file}: {error}") from error
    if not isinstance(tables, Mapping):
        raise QuestionError(f"{file}: funnels is no table: write [funnels.name]")
    found = {}
    for name, settings in tables.items():
        if not isinstance(settings, Mapping):
            raise QuestionError(f'{file}: {name!r} is no table: write [funnels."{name}"]')
        try:
            for key, value in settings.items():
                texts = value if isinstance(value, list) else [value]
                if not all(isinstance(text, str) for text in texts):
                    raise QuestionError(f"{key} is text or a list of texts, not {value!r}")
            found[name] = study_of(settings)
        except QuestionError as error:
            lines = text.splitlines()
            here = next((n for n, line in enumerate(lines, 1) if _is_header(line, name)), None)
            where = file if here is None else f"{file}, line {here}"
            raise QuestionError(f"{where}: funnel {name!r}: {error}") from None
    return found


def _with_table(text: str, name: str, study: Study) -> str:
    """The text of a file with the table of one funnel replaced, or added at its end."""
    lines = [f"[funnels.{_quoted(name)}]"]
    for key, value in settings_of(study).items():
        texts = [value] if isinstance(value, str) else value
        quoted = ", ".join(map(_quoted, texts))
        lines.append(f"{key} = {quoted if isinstance(value, str) else f'[{quoted}]'}")
    table = "\n".join(lines) + "\n"
    kept = text.splitlines(keepends=True)
    place = next((i for i, line in enumerate(kept) if _is_header(line, name)), None)
    if place is None:
        gap = "" if not text else "\n" if text.endswith("\n") else "\n\n"
        return f"{text}{gap}{table}"
    after = next((i for i in range(place + 1, len(kept)) if kept[i].startswith("[")), len(kept))
    between = "\n" if after < len(kept) else ""
    return "".join([*kept[:place], table, between, *kept[after:]])


def _is_header(line: str, name: str) -> bool:
    """Whether a line begins the table of a funnel."""
    if not re.match(r"\s*\[\s*funnels\b", line):
        return False
    try:
        return name in tomllib.loads(line).get("funnels", {})
    except tomllib.TOMLDecodeError:
        return False


def _quoted(text: str) -> str:
    """A text as TOML writes it: like JSON, which leaves one control character as it is."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")
