"""The funnel: a bar for each stage, who left there, and the biggest leak in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive

from core.durations import format_limit
from core.engine import Cohort, FunnelAnswer
from core.result import StageResult
from tracer_tui.drawing import bar, count, fit, percent, plural, stage_sign
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView


class FunnelBars(LineView):
    """One line a stage. What is on it opens the users behind it."""

    FOOTER_LINES = 1
    BORDER_TITLE = "Funnel"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "list('left')", "Who left", id="funnel.left"),
        Binding("c", "list('went_on')", "Went on", id="funnel.went_on"),
        Binding("r", "list('reached')", "Reached", show=False, id="funnel.reached"),
    ]

    answer: reactive[FunnelAnswer | None] = reactive(None)
    """What is shown."""
    cohort: reactive[Cohort] = reactive(Cohort())
    """Who is listed: marked on its bar."""

    @dataclass
    class CohortPicked(Message):
        """The users behind a part of a bar are wanted."""

        cohort: Cohort

    def watch_answer(self, answer: FunnelAnswer | None) -> None:
        """Show another answer."""
        if answer is None:
            return
        stages = len(answer.stages)
        is_first = self.line_count == 0
        self.set_reactive(LineView.line_count, stages)
        self.watch_line_count(stages)
        study = answer.study
        rules = f"{study.scope} · {study.order} · window {format_limit(study.window)}"
        suggested = " · suggested" if study.suggested else ""
        self.border_title = Content(f"Funnel · {rules}{suggested}")
        self.border_subtitle = Content(f"timeout {format_limit(study.timeout)}")
        if is_first and answer.leak is not None:
            self.cursor = answer.leak
        self.refresh()

    def watch_cohort(self) -> None:
        """Mark another bar."""
        self.refresh()

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One stage: its bar and its numbers."""
        answer = self.answer
        if answer is None:
            return []
        stage = answer.stages[index]
        label_width = min(
            max(cell_len(visible(s.stage)) for s in answer.stages), max(8, width // 4)
        )
        numbers = f"{count(stage.count):>{_count_width(answer)}} {percent(stage.conversion):>8}"
        left = _left(stage, is_last=index == len(answer.stages) - 1)
        left_width = max(len(_left(s, is_last=False)) for s in answer.stages)
        leak = " ◀ biggest leak" if answer.leak == index else ""
        bar_width = width - 4 - label_width - len(numbers) - left_width - 6 - len(" ◀ biggest leak")
        shown = "▸" if self.cohort.kind != "everybody" and self.cohort.stage == index else " "
        return [
            (f"{shown}{stage_sign(index)} ", "line--accent"),
            (fit(visible(stage.stage), label_width), ""),
            (f" {bar(stage.conversion, max(4, bar_width))} ", "line--bar"),
            (numbers, ""),
            (f"  {left:<{left_width}}", "line--bad" if stage.dropped else "line--dim"),
            (leak, "line--bad"),
        ]

    def action_list(self, kind: str) -> None:
        """List the users behind a part of the bar at the cursor; of the last bar, who completed."""
        if self.answer is None or not self.answer.stages:
            return
        is_last = self.cursor == len(self.answer.stages) - 1
        if kind == "left" and not is_last:
            cohort = Cohort("left", self.cursor)
        elif kind == "went_on" and not is_last:
            cohort = Cohort("went_on", self.cursor)
        else:
            cohort = Cohort("reached", self.cursor)
        self.post_message(self.CohortPicked(cohort))

    def on_line_view_picked(self, event: LineView.Picked) -> None:
        """List who left at a bar that was clicked twice."""
        event.stop()
        self.action_list("left")

    def draw_footer(self, width: int) -> Sequence[Cell]:
        """The biggest leak in words, or what there is to know instead."""
        answer = self.answer
        if answer is None:
            return []
        if not answer.stages:
            return [(fit(" No stages yet: press a to add one.", width), "line--dim")]
        if answer.warnings:
            return [(fit(f" ! {visible(answer.warnings[0])}", width), "line--bad")]
        if answer.leak is None:
            return [(fit(" Nobody left along the way.", width), "line--dim")]
        here, after = answer.stages[answer.leak], answer.stages[answer.leak + 1]
        counted = "session" if answer.study.scope == "journeys" else "user"
        words = (
            f" Biggest leak: {count(here.dropped)} of {plural(here.count, counted)} leave between "
            f"{visible(here.stage)} and {visible(after.stage)}"
        )
        if self.cursor == answer.leak and self.cohort.kind == "everybody":
            words += " · enter: who" if self.has_focus else " · 3, then enter: who"
        return [(fit(words, width), "line--bold")]


def _left(stage: StageResult, *, is_last: bool) -> str:
    if is_last:
        return ""
    return f"−{percent(stage.drop_off)}  {count(stage.dropped)} left" if stage.dropped else "0 left"


def _count_width(answer: FunnelAnswer) -> int:
    return max(5, *(len(count(stage.count)) for stage in answer.stages))
