"""Draws the README's pictures: `python -m tests.pictures.draw` writes them beside this file."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("NO_COLOR", None)

from core.local import open_engine
from core.study import Study
from tracer_tui.app import TracerApp
from tracer_tui.screens.explorer import Explorer

HERE = Path(__file__).parent
DEMO = "demo_events.json"
SIZE = (104, 30)
"""Columns and lines."""

PICTURES = {
    "explorer.svg": ("3", "enter"),
    "timeout.svg": ("left_square_bracket",) * 3,
}
"""Each picture, and the keys pressed before it is taken."""


async def draw(name: str, keys: tuple[str, ...]) -> None:
    """Open the demo, press the keys, and write what is on the screen."""
    app = TracerApp(lambda _cancelled, _progress: open_engine(DEMO), Study(), DEMO)
    async with app.run_test(size=SIZE) as pilot:
        for key in ("", *keys):
            if key:
                await pilot.press(key)
            await app.workers.wait_for_complete()
            while not isinstance(app.screen, Explorer) or app.screen.busy:
                await pilot.pause()
            await pilot.pause()
        picture = app.export_screenshot(title=f"tracer-tui {DEMO}")
    # The reader's own monospace font will do: a picture should fetch nothing.
    picture = re.sub(r"\s*@font-face \{.*?\}", "", picture, flags=re.S)
    (HERE / name).write_text(picture, encoding="utf-8")


def main() -> None:
    """Draw every picture, from the folder that the README's commands run in."""
    os.chdir(HERE.parent.parent)
    for name, keys in PICTURES.items():
        asyncio.run(draw(name, keys))


if __name__ == "__main__":
    main()
