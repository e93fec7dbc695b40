"""The same screen on every machine: no animation, no colours or keys of the developer's."""

import asyncio
import os
from pathlib import Path

import pytest


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
def _no_idling(monkeypatch: pytest.MonkeyPatch) -> None:
    """Textual's pilot waits until the processor seems idle: slow, and wrong on a busy machine.

    Tests wait for messages and workers instead; see `settled` in `driving.py`.
    """

    async def wait_for_idle(min_sleep: float = 0, max_sleep: float = 1) -> None:
        await asyncio.sleep(0)

    monkeypatch.setattr("textual.app.wait_for_idle", wait_for_idle)
    monkeypatch.setattr("textual.pilot.wait_for_idle", wait_for_idle)
