"""The same screen on every machine: no animation, no colours or keys of the developer's."""

import asyncio
import gc
import os
from pathlib import Path
from typing import Any

import pytest
from textual.css.model import RuleSet
from textual.css.stylesheet import Stylesheet
from textual.css.types import CSSLocation
from textual.pilot import Pilot

from tests.tui.driving import quiet

# Every app leaves thousands of widgets and styles in circles: looked for too often, they cost a
# third of all the time that these tests take.
gc.freeze()
gc.set_threshold(200_000, 20, 50)


@pytest.fixture(autouse=True)
def _steady_screen(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in list(os.environ):
        # The snapshot plugin keeps its folder there.
        if name.startswith("TEXTUAL") and not name.startswith("TEXTUAL_SNAPSHOT"):
            monkeypatch.delenv(name)
    for name in ("NO_COLOR", "FORCE_COLOR", "COLORTERM"):
        monkeypatch.delenv(name, raising=False)
    # Nothing of the developer's own: no settings, no saved funnels, and no first time.
    for name in ("XDG_CONFIG_HOME", "XDG_STATE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / name))
    seen = tmp_path / "XDG_STATE_HOME" / "tracer-tui" / "seen"
    seen.parent.mkdir(parents=True)
    seen.touch()
    # Read when Textual is imported, which a pytest plugin may have done already.
    monkeypatch.setattr("textual.constants.TEXTUAL_ANIMATIONS", "none")


@pytest.fixture(autouse=True)
def _wait_for_quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot asks every widget whether it is done, then waits until the processor seems
    idle: slow, and wrong on a busy machine. Here it waits until nothing is left to run.
    """

    async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 1) -> None:
        await asyncio.sleep(0)

    async def wait_for_screen(pilot: Pilot[None]) -> bool:
        await quiet()
        return pilot.app._exception is None

    monkeypatch.setattr("textual.app.wait_for_idle", wait_for_idle)
    monkeypatch.setattr("textual.pilot.wait_for_idle", wait_for_idle)
    monkeypatch.setattr(Pilot, "_wait_for_screen", wait_for_screen)


parse_rules = Stylesheet._parse_rules
PARSED: dict[tuple[object, ...], list[RuleSet]] = {}
"""Every app has the same styles: by what they are read from, with the colours of the theme."""


@pytest.fixture(autouse=True)
def _parse_styles_once(monkeypatch: pytest.MonkeyPatch) -> None:
    def parse_once(
        sheet: Stylesheet, css: str, read_from: CSSLocation, *rest: Any, **named: Any
    ) -> list[RuleSet]:
        key = (css, read_from, rest, *named.values(), *sheet._variables.values())
        if key not in PARSED:
            PARSED[key] = parse_rules(sheet, css, read_from, *rest, **named)
        return PARSED[key]

    monkeypatch.setattr(Stylesheet, "_parse_rules", parse_once)
