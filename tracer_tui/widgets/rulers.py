"""The two rulers under the bars: what other timeouts and other windows would come to."""

from __future__ import annotations

import math
from collections.abc import Callable
from itertools import pairwise
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.message import Message
from textual.reactive import reactive

from core.engine import FunnelAnswer
from core.words import spelled
from tracer_tui.details import LONGEST, NOTCHES, SHORTEST, Details, Ruler, Rung
from tracer_tui.drawing import count, fit, percent, sparks
from tracer_tui.widgets.line_view import Cell, LineView

_MARKER, _KNEE = "┃", "◆"


class Rulers(LineView, can_focus=False):
    """Side by side: gaps between events with the timeout, and conversion with the window."""

    HAS_CURSOR = False

    answer: reactive[FunnelAnswer | None] = reactive(None)
    """The bars that are shown."""
    details: reactive[Details | None] = reactive(None)
    """The curves; shown only with the bars of the same question."""

    class Climbed(Message):
        """A rung of a ladder was clicked."""

        def __init__(self, kind: str, steps: int) -> None:
            """`kind` is "timeout" or "window"; so many rungs up."""
            super().__init__()
            self.kind = kind
            self.steps = steps

    LINES: ClassVar[int] = 2

    def on_mount(self) -> None:
        """There are always as many lines."""
        self.line_count = self.LINES

    def watch_answer(self) -> None:
        """Move the markers."""
        self.refresh()

    def watch_details(self) -> None:
        """Draw the curves."""
        self.refresh()

    def draw_line(self, index: int, width: int) -> list[Cell]:
        """The curves, or the numbers beside the markers."""
        if self.answer is None:
            return []
        study = self.answer.study
        half = width // 2 - 1
        details = self.details if self.details and self.details.study == study else None
        waits = details is None
        timeouts, windows = (details.timeouts, details.windows) if details else (None, None)
        left = _Half("timeout", study.timeout, timeouts, _sessions, "sessions", waits=waits)
        right = _Half("window", study.window, windows, _conversion, "complete", waits=waits)
        if study.journey_rules.session_field is not None:
            told: list[Cell] = [(fit(" the data tells sessions", half), "line--dim")]
        else:
            told = left.cells(index, half)
        return [*told, ("  ", ""), *right.cells(index, half)]

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - each rung is its own link
        """Climb to the rung that was clicked."""
        kind, steps = link.split()
        self.post_message(self.Climbed(kind, int(steps)))

    def on_mouse_scroll_up(self, event: events.MouseScrollUp) -> None:
        """Lengthen the limit under the mouse."""
        self._scroll(event, 1)

    def on_mouse_scroll_down(self, event: events.MouseScrollDown) -> None:
        """Shorten it."""
        self._scroll(event, -1)

    def _scroll(self, event: events.MouseEvent, steps: int) -> None:
        event.stop()
        event.prevent_default()
        kind = "timeout" if event.x < self.size.width // 2 else "window"
        self.post_message(self.Climbed(kind, steps))


class _Half:
    """One ruler in its half of the pane."""

    def __init__(
        self,
        kind: str,
        limit: int | None,
        ruler: Ruler | None,
        words: Callable[[float], str],
        unit: str,
        *,
        waits: bool,
    ) -> None:
        self.waits = waits
        self.kind = kind
        self.limit = limit
        self.ruler = ruler
        self.words = words
        self.unit = unit
        if ruler is not None and ruler.is_estimate:
            self.words = lambda value: f"≈{words(value)}"

    def cells(self, line: int, width: int) -> list[Cell]:
        """One of its lines, in exactly so many cells."""
        return self._curve(width) if line == 0 else self._numbers(width)

    def _curve(self, width: int) -> list[Cell]:
        label = f" {self.kind:<8}"
        room = max(8, width - len(label))
        heights = _resample(self.ruler.heights, room) if self.ruler else [0.0] * room
        signs = list(sparks(heights))
        kinds = ["line--bar"] * room
        if self.ruler and self.ruler.knee is not None:
            place = _place(self.ruler.knee, room)
            signs[place], kinds[place] = _KNEE, "line--accent"
        place = _place(self.limit, room)
        signs[place], kinds[place] = _MARKER, "line--bold"
        cells: list[Cell] = [(label, "line--dim")]
        return [*cells, *zip(signs, kinds, strict=True)]

    def _numbers(self, width: int) -> list[Cell]:
        """The limit in force between its neighbours, each with what it comes to."""
        here = f"{spelled(self.limit)} "
        if self.ruler is None:
            return [(fit(f" {here}{'…' if self.waits else ''}", width), "line--dim")]
        here += self.words(self.ruler.here.value)
        knee = ""
        if self.ruler.knee is not None:
            knee = f"  {_KNEE} knee {spelled(_round(self.ruler.knee))}"
        # What there is no room for is left out, what one could do without first.
        tried = [(f"{here} {self.unit}", knee), (here, knee), (f"{here} {self.unit}", "")]
        for middle, end in tried:
            cells = self._around(middle, end)
            if sum(cell_len(text) for text, *_ in cells) <= width:
                break
        else:
            cells = self._around(here, "")
        taken = sum(cell_len(text) for text, *_ in cells)
        return [*cells, (" " * (width - taken), "")] if taken <= width else _cut(cells, width)

    def _around(self, here: str, knee: str) -> list[Cell]:
        """What the limit comes to, between what its neighbours do."""
        ruler = self.ruler
        cells: list[Cell] = [(" ", "")]
        if ruler is not None and ruler.shorter:
            cells += [(self._rung(ruler.shorter), "line--dim", f"{self.kind} -1"), (" ◂ ", "")]
        cells.append((here, "line--bold"))
        if ruler is not None and ruler.longer:
            cells += [(" ▸ ", ""), (self._rung(ruler.longer), "line--dim", f"{self.kind} 1")]
        return [*cells, (knee, "line--accent")]

    def _rung(self, rung: Rung) -> str:
        return f"{spelled(rung.limit)} {self.words(rung.value)}"


def _cut(cells: list[Cell], width: int) -> list[Cell]:
    """Cells cut to a width."""
    kept: list[Cell] = []
    for text, name, *link in cells:
        shown = fit(text, min(width, cell_len(text)))
        width -= cell_len(shown)
        kept.append((shown, name, link[0]) if link else (shown, name))
    return kept


def _place(limit: int | None, room: int) -> int:
    """The cell of a ruler that a limit falls into; off and beyond is the last."""
    if limit is None:
        return room - 1
    share = math.log(max(limit, SHORTEST) / SHORTEST) / math.log(LONGEST / SHORTEST)
    return min(int(share * room), room - 1)


def _resample(heights: tuple[float, ...], room: int) -> list[float]:
    """Heights for so many cells: the largest of those that fall into each."""
    edges = [cell * NOTCHES // room for cell in range(room + 1)]
    return [max(heights[low : max(high, low + 1)]) for low, high in pairwise(edges)]


def _round(limit: int) -> int:
    """A limit to two digits of its size, and to whole seconds: a knee is no exact place."""
    second = 1_000_000
    if limit < second:
        return limit
    unit = next(size for size in (86_400, 3_600, 60, 1) if limit >= size * second) * second
    return round(limit / unit) * unit


def _sessions(value: float) -> str:
    return count(int(value))


def _conversion(value: float) -> str:
    return percent(value)
