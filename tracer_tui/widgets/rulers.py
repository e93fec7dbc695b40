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
from tracer_tui.drawing import count, fit, percent, short_count, sparks
from tracer_tui.widgets.line_view import Cell, LineView

_MARKER, _KNEE = "┃", "◆"

_SHORTER = (6, 5, 4, 3)
"""Cells for the sessions of a neighbour where there is no room for all of them."""


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
        words: Callable[[float, int | None], str],
        unit: str,
        *,
        waits: bool,
    ) -> None:
        self.waits = waits
        self.kind = kind
        self.limit = limit
        self.ruler = ruler
        self.sign = "≈" if ruler is not None and ruler.is_estimate else ""
        self.words = words
        self.unit = unit

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
        here += self.sign + self.words(self.ruler.here.value, None)
        knee = ""
        if self.ruler.knee is not None:
            knee = f"  {_KNEE} knee {spelled(_round(self.ruler.knee))}"
        # What there is no room for is left out, what one could do without first; then the numbers
        # of the neighbours are rounded.
        tried = [(f"{here} {self.unit}", knee), (here, knee), (f"{here} {self.unit}", "")]
        ways = [self._around(*ends) for ends in [*tried, (here, "")]]
        ways += [self._around(here, "", short) for short in _SHORTER]
        cells = next((way for way in ways if _taken(way) <= width), ways[-1])
        taken = _taken(cells)
        return [*cells, (" " * (width - taken), "")] if taken <= width else _cut(cells, width)

    def _around(self, here: str, knee: str, short: int | None = None) -> list[Cell]:
        """What the limit comes to, between what its neighbours do; in `short` cells at most."""
        ruler, space = self.ruler, " " if short is None else ""
        cells: list[Cell] = [(" ", "")]
        if ruler is not None and ruler.shorter:
            cells += [(self._rung(ruler.shorter, short), "line--dim", f"{self.kind} -1")]
            cells.append((f"{space}◂{space}", ""))
        cells.append((here, "line--bold"))
        if ruler is not None and ruler.longer:
            cells.append((f"{space}▸{space}", ""))
            cells.append((self._rung(ruler.longer, short), "line--dim", f"{self.kind} 1"))
        return [*cells, (knee, "line--accent")]

    def _rung(self, rung: Rung, short: int | None) -> str:
        return f"{spelled(rung.limit)} {self.sign}{self.words(rung.value, short)}"


def _taken(cells: list[Cell]) -> int:
    """The width of some cells."""
    return sum(cell_len(text) for text, *_ in cells)


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


def _sessions(value: float, short: int | None) -> str:
    return count(int(value)) if short is None else short_count(int(value), short)


def _conversion(value: float, short: int | None) -> str:  # noqa: ARG001 - it is short
    return percent(value)
