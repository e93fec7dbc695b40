"""The drop-off panel: what those who left after a stage did, beside those who went on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Label

from core.aftermath import Contrast
from core.cohort import Cohort, Did, Kind, Part, Stayed
from core.engine import DropOffPanel, Engine
from core.errors import TracerError
from core.study import Study
from tracer_tui.chips import named, stretch
from tracer_tui.drawing import count, fit, percent, points, seconds, stage_sign
from tracer_tui.keys import key_of
from tracer_tui.text import content, visible
from tracer_tui.widgets.line_view import Cell, LineView

_NUMBERS = 48
"""Cells of the numbers beside a name."""
_INDENT = "   "

_MUCH = 0.05
"""A difference of shares that stands out."""

Line = str | Contrast
"""A title, or something that was done."""


class ContrastLines(LineView):
    """One line for each thing that was done, under titles."""

    HEADER_LINES = 1
    FOOTER_LINES = 1

    @dataclass
    class Opened(Message):
        """The units behind a number are wanted."""

        kind: Kind
        contrast: Contrast

    def __init__(self) -> None:
        """Begin with nothing to show."""
        super().__init__(id="contrast-lines")
        self.lines: Sequence[Line] = ()
        self.about = ""

    def show(self, panel: DropOffPanel) -> None:
        """Show what was done, with the cursor on what it was on, or else on the first thing."""
        was = self.lines[self.cursor] if self.lines else ""
        self.lines = list(_lines(panel))
        self.about = "≈" if panel.share < 1 else ""
        self.line_count = len(self.lines)
        things = [place for place, line in enumerate(self.lines) if isinstance(line, Contrast)]
        same = [place for place in things if _what(self.lines[place]) == _what(was)]
        self.cursor = next(iter([*same, *things]), 0)
        self.refresh()
        if not same:
            self.call_after_refresh(self.scroll_to, y=0, animate=False)

    def draw_header(self, width: int) -> Sequence[Cell]:
        """What the numbers are."""
        numbers = f"{'left':>12}{'went on':>23}{'difference':>12}"
        return [(" " * max(4, width - _NUMBERS), ""), (numbers, "")]

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """A title, or one thing."""
        line = self.lines[index]
        if isinstance(line, str):
            return [(f" {line}", "line--bold")]
        room = max(4, width - _NUMBERS)
        apart, name, about = line.difference, _name(line, room - len(_INDENT)), self.about
        # Only what stands out has weight: most differences are small, and none is good or bad.
        kind = "line--bold" if abs(apart) >= _MUCH else "line--dim"
        return [
            (fit(f"{_INDENT}{name}", room), ""),
            (_number(line.left, line.left_share, about), "", "left"),
            ("  ", ""),
            (_number(line.went_on, line.went_on_share, about), "line--dim", "went_on"),
            (f" {about + points(apart):>7} pp", kind),
        ]

    def draw_footer(self, width: int) -> Sequence[Cell]:
        """All of the name at the cursor, where its line has no room for it."""
        line = self.lines[self.cursor] if self.lines else ""
        name = "" if isinstance(line, str) else _name(line)
        is_cut = cell_len(_INDENT + name) > width - _NUMBERS
        return [(fit(f" {name}" if is_cut else "", width), "line--dim")]

    def follow(self, index: int, link: str) -> None:
        """List the units behind the number that was clicked."""
        self.open(index, "left" if link == "left" else "went_on")

    def open(self, index: int, kind: Kind) -> None:
        """List the units of one group that did something."""
        line = self.lines[index] if index < len(self.lines) else ""
        if isinstance(line, Contrast):
            self.post_message(self.Opened(kind, line))


class DropOff(ModalScreen[Cohort | None]):
    """Shows what was done after a stage; answers with the cohort of a number that was picked."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "list('left')", "List who left", id="drop_off.left"),
        Binding("c", "list('went_on')", "List who went on", id="drop_off.went_on"),
        Binding("escape,v,q", "dismiss(None)", "Close", id="drop_off.close"),
    ]

    @dataclass
    class Answered(Message):
        """The engine answered, or said why it cannot."""

        found: DropOffPanel | TracerError

    def __init__(self, engine: Engine, study: Study, stage: int) -> None:
        """Ask an engine what was done after a stage, from 0."""
        super().__init__()
        self._engine = engine
        self._study = study
        self._stage = stage
        self._is_left = False
        self._origin = ""

    @property
    def lines(self) -> ContrastLines:
        """What was done."""
        return self.query_one(ContrastLines)

    def compose(self) -> ComposeResult:
        """How many in words, above what they did."""
        label = visible(self._study.stages[self._stage].label)
        with Vertical(classes="box -wide-box") as box:
            box.border_title = Content(f"After {stage_sign(self._stage)} {label}")
            box.border_subtitle = self._keys
            yield Label("working…", id="drop-off-words")
            yield ContrastLines()

    @property
    def _closes(self) -> str:
        return f"{key_of(self.app, 'drop_off.close')} closes"

    @property
    def _keys(self) -> str:
        left, went_on = (key_of(self.app, f"drop_off.{kind}") for kind in ("left", "went_on"))
        return f"{left} lists who left · {went_on} who went on · {self._closes}"

    def on_mount(self) -> None:
        """Ask, in a thread."""
        self.run_worker(self._ask, thread=True)

    def on_unmount(self) -> None:
        """What is still counted is stopped."""
        self._is_left = True

    def _ask(self) -> None:
        """Ask at once for what may be estimates, then for exact numbers in their place."""
        if self._has_estimates(self._engine.drop_off):
            self._has_estimates(self._engine.exact_drop_off)

    def _has_estimates(self, ask: Callable[..., DropOffPanel]) -> bool:
        """Post an answer; whether it is made of a sample."""
        found: DropOffPanel | TracerError
        try:
            found = ask(self._study, self._stage, lambda: self._is_left)
        except TracerError as error:
            found = error
        self.post_message(self.Answered(found))
        return isinstance(found, DropOffPanel) and found.share < 1

    @on(Answered)
    def _show(self, message: Answered) -> None:
        words, found = self.query_one("#drop-off-words", Label), message.found
        box, is_shown = self.query_one(".box"), bool(self.lines.lines)
        if isinstance(found, TracerError):
            if is_shown:
                box.border_subtitle = f"{self._origin} · {self._closes}"
                why = visible(str(found))
                self.notify(f"Estimates only: {why}", severity="warning", markup=False)
            else:
                words.update(content(str(found)))
            return
        about = "≈" if found.share < 1 else ""
        self._origin = f"estimated from {100 * found.share:.3g} % of the users"
        box.border_subtitle = (
            f"{self._origin}, being counted · {self._closes}" if about else self._keys
        )
        after = visible(self._study.stages[self._stage + 1].label)
        words.update(
            Content(
                f"{about}{count(found.left)} left here, {about}{count(found.went_on)} went on to "
                f"{after}. Their last event came {about}{seconds(found.left_median_seconds)} "
                "after it at the median, against "
                f"{about}{seconds(found.went_on_median_seconds)}."
            )
        )
        self.lines.show(found)

    @on(ContrastLines.Opened)
    def _open(self, message: ContrastLines.Opened) -> None:
        part = Part(message.kind, self._stage)
        self.dismiss(Cohort((part, message.contrast.what)))

    def action_list(self, kind: str) -> None:
        """List the units of one group behind the line at the cursor."""
        self.lines.open(self.lines.cursor, "left" if kind == "left" else "went_on")

    @on(LineView.Picked)
    def _pick(self, event: LineView.Picked) -> None:
        self.lines.open(event.index, "left")


def _lines(panel: DropOffPanel) -> Iterator[Line]:
    if panel.errors is not None:
        yield "Met something like an error in between"
        yield panel.errors
    for title, contrasts in (
        ("What came next", panel.next),
        ("What came in between, where they differ most first", panel.between),
        ("What came last", panel.last),
        ("How long they stayed", panel.stays),
    ):
        yield title
        yield from contrasts


def _number(units: int, share: float, about: str) -> str:
    """Units and their share of a group."""
    return f"{about + count(units):>8} {about + percent(share):>8}"


def _what(line: Line) -> Did | Stayed | None:
    return None if isinstance(line, str) else line.what


def _name(line: Contrast, room: int | None = None) -> str:
    what = line.what
    return named(what.names, room) if isinstance(what, Did) else stretch(what.at_least, what.below)
