"""Draws the README's pictures: `python -m tests.pictures.draw` writes them beside this file.

Most show a shop of a few thousand users, which the benchmarks' generator makes the same each time.
"""

from __future__ import annotations

import asyncio
import os
import re
import tempfile
from dataclasses import dataclass
from pathlib import Path

os.environ["TEXTUAL_ANIMATIONS"] = "none"
os.environ.pop("NO_COLOR", None)

from core.opening import open_engine
from core.stage import parse_stages
from core.study import Study
from tests.benchmarks.generate import event_file
from tracer_tui.app import TracerApp
from tracer_tui.screens.explorer import Explorer

HERE = Path(__file__).parent
DEMO = "demo_events.json"
SHOP = "shop.parquet"
EVENTS = 100_000
"""Events of the shop."""
SIZE = (118, 34)
"""Columns and lines."""


@dataclass(frozen=True)
class Picture:
    """What to draw: a source, a question, and the keys pressed before it is taken."""

    source: str
    stages: str
    keys: tuple[str, ...]


PICTURES = {
    "explorer.svg": Picture(SHOP, "product,cart,checkout,payment,purchase", ("3", "enter")),
    "drop_off.svg": Picture(SHOP, "product,cart,checkout,payment,purchase", ("3", "G", "k", "v")),
    "timeout.svg": Picture(DEMO, "", ("left_square_bracket",) * 3),
}


async def draw(name: str, picture: Picture, path: str) -> None:
    """Open the source, press the keys, and write what is on the screen."""
    stages = parse_stages(picture.stages) if picture.stages else ()
    app = TracerApp(lambda _cancelled, _progress: open_engine(path), Study(stages=stages), path)
    async with app.run_test(size=SIZE) as pilot:
        while not isinstance(app.screen, Explorer):
            await pilot.pause(0.05)
        for key in ("", *picture.keys):
            if key:
                await pilot.press(key)
            await app.workers.wait_for_complete()
            await pilot.pause(0.2)
        drawn = app.export_screenshot(title=f"tracer-tui {picture.source}")
    # The reader's own monospace font will do: a picture should fetch nothing.
    drawn = re.sub(r"\s*@font-face \{.*?\}", "", drawn, flags=re.S)
    (HERE / name).write_text(drawn, encoding="utf-8")


def main() -> None:
    """Draw every picture, with the names of files as they are where one works."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ["XDG_STATE_HOME"] = folder
        seen = Path(folder) / "tracer-tui" / "seen"
        seen.parent.mkdir()
        seen.touch()
        made = event_file(EVENTS, Path(folder), "parquet")
        made.rename(Path(folder) / SHOP)
        (Path(folder) / DEMO).write_bytes((HERE.parents[1] / DEMO).read_bytes())
        os.chdir(folder)
        for name, picture in PICTURES.items():
            asyncio.run(draw(name, picture, picture.source))


if __name__ == "__main__":
    main()
