"""The funnel: a bar for each stage, who left there, and the biggest leak in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual import events
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from core.cohort import Cohort, Kind, Part
from core.engine import FunnelAnswer
from core.result import Sampled, StageResult
from core.study import Study
from tracer_tui.details import Details
from tracer_tui.drawing import (
    count,
    fit,
    parted_bar,
    percent,
    points,
    seconds,
    stage_sign,
)
from tracer_tui.keys import key_of
from tracer_tui.rules import biggest_leak, counted, cuts, rules
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView

FRESH_SECONDS = 4.0
"""How long exact numbers stand out that have come in place of estimates."""

_LEAK = " ◀ leak"
_ROOM_FOR_MEDIANS = 90
_ROOM_FOR_STEPS = 100
"""Widths of the pane from which these columns are shown."""
_SHORTEST_BAR = 4
"""Cells of a bar."""
_BESIDE = 29
"""Cells of the numbers of a funnel that is held beside this one."""


class FunnelBars(LineView):
    """One line a stage. Each number on it opens the users behind it."""

    FOOTER_LINES = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "list('left')", "Who left", id="funnel.left"),
        Binding("c", "list('went_on')", "Went on", id="funnel.went_on"),
        Binding("r", "list('reached')", "Reached", show=False, id="funnel.reached"),
        Binding("p", "list('pending')", "Pending", show=False, id="funnel.pending"),
        Binding("v", "drop_off", "What they did", id="funnel.drop_off"),
    ]

    answer: reactive[FunnelAnswer | None] = reactive(None)
    """What is shown."""
    details: reactive[Details | None] = reactive(None)
    """The medians; shown only with the bars of the same question."""
    pinned: reactive[FunnelAnswer | None] = reactive(None)
    """What it is compared with."""
    cohort: reactive[Cohort] = reactive(Cohort())
    """Who is listed: marked on the bars."""
    has_titles: reactive[bool] = reactive(False)
    """Whether there is a line to spare for what the columns are."""
    is_fresh: reactive[bool] = reactive(False)
    """Whether exact numbers have just come in place of estimates."""

    @dataclass
    class PartPicked(Message):
        """The units of a part of a bar are wanted."""

        part: Part

    @dataclass
    class DropOffAsked(Message):
        """What those who left after a stage did is wanted."""

        stage: int

    @dataclass
    class Dragged(Message):
        """A stage is to stand somewhere else."""

        stage: int
        to: int

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        """Begin without an answer."""
        super().__init__(id=id)
        self._held: int | None = None
        self._was_dragged = False

    def watch_answer(self, before: FunnelAnswer | None, answer: FunnelAnswer | None) -> None:
        """Show another answer."""
        if answer is None:
            return
        stages = len(answer.stages)
        self.set_reactive(LineView.line_count, stages)
        self.watch_line_count(stages)
        if before is None and answer.leak is not None:
            self.cursor = answer.leak
        is_other = before is None or before.study != answer.study or answer.sampled is not None
        if is_other:
            self.is_fresh = False
        elif before is not None and before.sampled is not None:
            self.is_fresh = True
            self.set_timer(FRESH_SECONDS, self._grow_old)
        self.refresh()

    def _grow_old(self) -> None:
        self.is_fresh = False

    def watch_cohort(self) -> None:
        """Mark other bars."""
        self.refresh()

    def watch_details(self) -> None:
        """Show the medians."""
        self.refresh()

    def watch_pinned(self) -> None:
        """Compare with something else."""
        self.refresh()

    def watch_has_titles(self, has_titles: bool) -> None:
        """Make room for the titles, or take it back."""
        self.HEADER_LINES = int(has_titles)
        self.watch_line_count(self.line_count)

    def draw_header(self, width: int) -> Sequence[Cell]:
        """What the columns are."""
        answer = self.answer
        if answer is None or not answer.stages:
            return []
        (label, bar), digits = self._rooms(answer, width), _digits(answer)
        titles = [
            f"   {fit('stage', label)} ",
            f"{counted(answer.study):>{bar + digits + 1}}",
            f" {'of ' + stage_sign(0):>8}",
        ]
        if answer.sampled is not None:
            titles.append(" ±95 %")
        if self.pinned is not None:
            titles.append(f" │ {'beside':>7}")
        elif width >= _ROOM_FOR_STEPS and answer.sampled is None:
            titles.append(f" {'of last':>8}")
        if self.pinned is None and width >= _ROOM_FOR_MEDIANS:
            rest = width - 1 - sum(map(cell_len, titles)) - len(_LEAK)
            titles.append(f"{'to the next':>{max(rest, 0)}}")
        return [("".join(titles), "line--dim")]

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One stage: its bar and its numbers."""
        answer = self.answer
        if answer is None:
            return []
        stage = answer.stages[index]
        label_width, bar_width = self._rooms(answer, width)
        pending = stage.pending / answer.stages[0].count if stage.pending else 0.0
        full, shaded, blank = parted_bar(stage.conversion, pending, bar_width)
        listed = "▸" if self.cohort.part_of(index) else " "
        return [
            (f"{listed}{stage_sign(index)} ", "line--accent"),
            (f"{fit(visible(stage.stage), label_width)} ", ""),
            (full, "line--bar"),
            *([(shaded, "line--accent", "pending")] if shaded else []),
            (blank, ""),
            *self._numbers(answer, index, width),
        ]

    def _rooms(self, answer: FunnelAnswer, width: int) -> tuple[int, int]:
        """The cells of names and of bars: what numbers leave, and on every line the same."""
        rest = width - 5 - sum(cell_len(text) for text, *_ in self._numbers(answer, 0, width))
        # What is compared has to be read; else long names leave room for bars.
        most = max(8, width // 4) if self.pinned is None else rest
        label = min(_longest(answer), most, max(8, rest - _SHORTEST_BAR))
        return label, max(_SHORTEST_BAR, rest - label)

    def _beside(self, answer: FunnelAnswer, pinned: FunnelAnswer, width: int) -> int:
        """The cells of the names that stages of the pinned funnel have where they are others."""
        pairs = zip(answer.stages, pinned.stages, strict=False)
        others = [cell_len(visible(b.stage)) + 1 for a, b in pairs if a.stage != b.stage]
        rest = width - 5 - _SHORTEST_BAR - _BESIDE - _digits(answer) - 10
        rest -= 0 if answer.sampled is None else 6
        return max(0, min(max(others, default=0), max(rest // 2, rest - _longest(answer))))

    def _numbers(self, answer: FunnelAnswer, index: int, width: int) -> list[Cell]:
        """What stands beside a bar, as wide on every line."""
        stage, is_last = answer.stages[index], index == len(answer.stages) - 1
        digits = _digits(answer)
        kind = "line--good" if self.is_fresh else "line--bold"
        cells: list[Cell] = [
            (f" {count(stage.count):>{digits}}", kind, "reached"),
            (f" {percent(stage.conversion):>8}", ""),
        ]
        if answer.sampled is not None:
            cells = _estimated(answer, answer.sampled, index, digits)
        if self.pinned is not None:
            room = self._beside(answer, self.pinned, width)
            return [*cells, *_compared(self.pinned, stage, index, room)]
        if width >= _ROOM_FOR_STEPS and answer.sampled is None:
            cells.append((f" {percent(stage.step_conversion):>8}", "line--dim", "reached"))
        cells += self._left(answer, index, is_last=is_last)
        if any(each.pending for each in answer.stages):
            text = f" …{count(stage.pending)}" if stage.pending else ""
            cells.append((f"{text:<{digits + 2}}", "line--accent", "pending"))
        if width >= _ROOM_FOR_MEDIANS:
            cells.append((f" {self._median(answer, index):>10}", "line--dim", "went_on"))
        cells.append((_LEAK if answer.leak == index else " " * len(_LEAK), "line--bad"))
        return cells

    def _left(self, answer: FunnelAnswer, index: int, *, is_last: bool) -> list[Cell]:
        stage, about = answer.stages[index], "≈" if answer.sampled is not None else ""
        most = max(len(about + count(each.dropped)) for each in answer.stages)
        room = 8 + len(about)
        if is_last:
            return [(" " * (room + most + 8), "")]
        share = f"{about}−{percent(stage.drop_off)}" if stage.dropped else ""
        # One colour alone says where to look.
        kind = "line--bad" if answer.leak == index else "" if stage.dropped else "line--dim"
        left = about + count(stage.dropped)
        return [(f" {share:>{room}} {left:>{most}} left ", kind, "left")]

    def _median(self, answer: FunnelAnswer, index: int) -> str:
        """The median time to the next stage, once it is known."""
        if index == len(answer.stages) - 1:
            return ""
        details = self.details
        if details is None or details.study != answer.study:
            return "→ …"
        return f"→ {'≈' if details.is_estimate else ''}{seconds(details.medians[index])}"

    def follow(self, index: int, link: str) -> None:
        """List the units behind the number that was clicked."""
        self._list(link, index)

    def on_mouse_down(self, event: events.MouseDown) -> None:
        """Take hold of a stage."""
        self._held = self.line_at(event)

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """Show where a stage that is dragged would stand."""
        there = self.line_at(event)
        if self._held is not None and there is not None and event.button:
            self.cursor = there

    def on_mouse_up(self, event: events.MouseUp) -> None:
        """Drop it where another stands."""
        held, there, self._held = self._held, self.line_at(event), None
        self._was_dragged = held is not None and there is not None and there != held
        if held is not None and there is not None and self._was_dragged:
            self.post_message(self.Dragged(held, there))

    def on_click(self, event: events.Click) -> None:
        """The end of a drag is no click on what stands there."""
        if self._was_dragged:
            event.prevent_default()
        self._was_dragged = False

    def action_list(self, kind: str) -> None:
        """List the units of a part of the bar at the cursor."""
        self._list(kind, self.cursor)

    def _list(self, kind: str, stage: int) -> None:
        """Of the last bar nobody left or went on: those who completed are listed."""
        if self.answer is None or not self.answer.stages:
            return
        is_last = stage == len(self.answer.stages) - 1
        kinds: dict[str, Kind] = {"left": "left", "went_on": "went_on", "pending": "pending"}
        part = Part("reached" if is_last else kinds.get(kind, "reached"), stage)
        self.post_message(self.PartPicked(part))

    def action_drop_off(self) -> None:
        """Ask what those who left after the stage at the cursor did."""
        if self.answer is not None and self.cursor < len(self.answer.stages) - 1:
            self.post_message(self.DropOffAsked(self.cursor))

    def on_line_view_picked(self, event: LineView.Picked) -> None:
        """List who left at a bar that was clicked twice."""
        event.stop()
        self._list("left", event.index)

    def draw_footer(self, width: int) -> Sequence[Cell]:
        """The biggest leak in words, or what there is to know instead."""
        answer = self.answer
        if answer is None:
            return []
        if not answer.stages:
            key = key_of(self.app, "stage.add")
            return [(fit(f" No stages yet: press {key} to add one.", width), "line--dim")]
        if answer.warnings:
            return [(fit(f" ! {visible(answer.warnings[0])}", width), "line--bad")]
        if self.pinned is not None:
            ends = f"{key_of(self.app, 'funnel.pin')} ends it"
            words = f" Beside: {_question(self.pinned.study)} · {ends}"
            return [(fit(words, width), "line--bold")]
        if answer.sampled is not None:
            return [(fit(f" {answer.sampled.words}", width), "line--accent")]
        if self.is_fresh:
            return [(fit(" ✓ These are the exact numbers.", width), "line--good")]
        words = f" {biggest_leak(answer)}"
        if cell_len(words) > width:
            words = words.replace("Biggest leak: ", "", 1)
        if answer.leak is None:
            return [(fit(words, width), "line--dim")]
        if self.cursor == answer.leak and not self.cohort.filters:
            there = "" if self.has_focus else f"{key_of(self.app, 'pane.funnel')}, then "
            hint = f" · {there}{key_of(self.app, 'funnel.left')}: who"
            words += hint if cell_len(words + hint) <= width else ""
        return [(fit(words, width), "line--bold")]


def _longest(answer: FunnelAnswer) -> int:
    """The cells of the longest name."""
    return max(cell_len(visible(stage.stage)) for stage in answer.stages)


def _digits(answer: FunnelAnswer) -> int:
    longest = max(5, *(len(count(stage.count)) for stage in answer.stages))
    return longest if answer.sampled is None else longest + 1


def _estimated(answer: FunnelAnswer, sampled: Sampled, index: int, digits: int) -> list[Cell]:
    """What stands for a count and its conversion: how far from it everybody's may be."""
    stage, (least, most) = answer.stages[index], sampled.conversions[index]
    off = max(most - stage.conversion, stage.conversion - least)
    margin = f"±{points(off)[1:]}" if index else ""
    return [
        (f" {'≈' + count(stage.count):>{digits}}", "line--accent", "reached"),
        (f" {percent(stage.conversion):>8}", ""),
        (f" {margin:<5}", "line--accent"),
    ]


def _compared(pinned: FunnelAnswer, stage: StageResult, index: int, room: int) -> list[Cell]:
    """The same stage of the pinned funnel, how far the two are apart, and its name in `room` cells
    where it is another.
    """
    if index >= len(pinned.stages):
        return [(fit(" │       – no such stage", _BESIDE + room), "line--dim")]
    other = pinned.stages[index]
    apart = stage.conversion - other.conversion
    kind = "line--good" if apart > 0 else "line--bad" if apart < 0 else "line--dim"
    name = "" if other.stage == stage.stage else f" {visible(other.stage)}"
    return [
        (f" │ {count(other.count):>7} {percent(other.conversion):>8}", "line--dim"),
        (f" {points(apart):>6} pp", kind),
        (fit(name, room), "line--dim"),
    ]


def _question(study: Study) -> str:
    """The question that a pinned answer is to."""
    return f"{rules(study)} · {cuts(study)}"
