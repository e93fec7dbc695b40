"""The keys that change the study: timeout, window, scope, order and stages.

Each makes a new view, and nothing else; what the view shows is the explorer's business.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import ClassVar, get_args

from textual.binding import Binding, BindingType

from core.durations import format_limit, parse_limit
from core.engine import Engine, FunnelAnswer
from core.stage import Stage
from core.study import Study
from core.walk import Order
from tracer_tui.answers import Answers
from tracer_tui.history import History
from tracer_tui.ladder import TIMEOUTS, WINDOWS, climb
from tracer_tui.screens.exact import Exact
from tracer_tui.screens.picker import StagePicker, text_of
from tracer_tui.screens.prompt import Prompt
from tracer_tui.widgets.funnel_bars import FunnelBars

_TIMEOUT = Binding.Group("Timeout")


class StudyKeys(Exact):
    """A screen over a view of a study, with the keys that change it."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("[", "timeout(-1)", "Shorter timeout", id="timeout.shorter", group=_TIMEOUT),
        Binding("]", "timeout(1)", "Longer timeout", id="timeout.longer", group=_TIMEOUT),
        Binding("t", "type_timeout", "Type a timeout", show=False, id="timeout.type"),
        Binding("{", "window(-1)", "Shorter window", show=False, id="window.shorter"),
        Binding("}", "window(1)", "Longer window", show=False, id="window.longer"),
        Binding("w", "type_window", "Type a window", show=False, id="window.type"),
        Binding("s", "scope", "Sessions/users", show=False, id="study.scope"),
        Binding("o", "order", "Ordered/strict/any", show=False, id="study.order"),
        Binding("a", "add_stage", "Add a stage", show=False, id="stage.add"),
        Binding("e", "edit_stage", "Edit the stage", show=False, id="stage.edit"),
        Binding("E", "rename_stage", "Rename the stage", show=False, id="stage.rename"),
        Binding("d", "delete_stage", "Delete the stage", show=False, id="stage.delete"),
        Binding("<", "move_stage(-1)", "Stage up", show=False, id="stage.up"),
        Binding(">", "move_stage(1)", "Stage down", show=False, id="stage.down"),
        Binding("u", "undo", "Undo", show=False, id="study.undo"),
        Binding("ctrl+r", "redo", "Redo", show=False, id="study.redo"),
    ]

    def __init__(self, engine: Engine, answers: Answers) -> None:
        """Begin with what an engine answered already."""
        super().__init__(engine, answers)
        self._history = History()

    def change(self, study: Study) -> None:
        """Ask another question, which can be taken back."""
        if study != self.view.study:
            self._history = self._history.asked(self.view.study)
            self.view = self.view.with_study(study)

    def give_up(self) -> None:
        """The question that could not be answered is none to go back to."""
        _, self._history = self._history.undo(self.view.study)

    def action_undo(self) -> None:
        """Go back to the question before."""
        study, self._history = self._history.undo(self.view.study)
        self.view = self.view.with_study(study)

    def action_redo(self) -> None:
        """Go forth again to the question that was taken back."""
        study, self._history = self._history.redo(self.view.study)
        self.view = self.view.with_study(study)

    def action_timeout(self, steps: int) -> None:
        """Climb the ladder of session timeouts."""
        study = self.view.study
        self.change(study.with_timeout(climb(study.timeout, TIMEOUTS, steps)))

    def action_window(self, steps: int) -> None:
        """Climb the ladder of conversion windows."""
        study = self.view.study
        self.change(study.with_window(climb(study.window, WINDOWS, steps)))

    def action_type_timeout(self) -> None:
        """Ask for a session timeout."""
        study = self.view.study
        self._prompt(
            "Session timeout",
            study.timeout,
            lambda text: self.change(study.with_timeout(parse_limit(text))),
        )

    def action_type_window(self) -> None:
        """Ask for a conversion window."""
        study = self.view.study
        self._prompt(
            "Conversion window",
            study.window,
            lambda text: self.change(study.with_window(parse_limit(text))),
        )

    def _prompt(self, title: str, value: int | None, then: Callable[[str], None]) -> None:
        def answered(text: str | None) -> None:
            if text is not None:
                then(text)

        hint = "such as 90s, 30m, 1h30m or 7d; off for none"
        self.app.push_screen(Prompt(title, hint, format_limit(value), parse_limit), answered)

    def action_scope(self) -> None:
        """Count users in place of journeys, or the other way round."""
        study = self.view.study
        self.change(study.with_scope("users" if study.scope == "journeys" else "journeys"))

    def action_order(self) -> None:
        """Let stages follow one another otherwise: ordered, strict, any."""
        study, orders = self.view.study, get_args(Order)
        following = orders[(orders.index(study.order) + 1) % len(orders)]
        self.change(study.with_order(following))

    @property
    def _stage(self) -> int:
        return self.query_one(FunnelBars).cursor

    def action_add_stage(self) -> None:
        """Ask for a stage and put it after the one at the cursor."""
        after = self._stage + 1
        self._pick_stage("Add a stage", after, after)

    def action_edit_stage(self) -> None:
        """Ask for a stage in place of the one at the cursor."""
        stages, here = self.view.study.stages, self._stage
        if here < len(stages):
            self._pick_stage("Edit the stage", here, here + 1, text_of(stages[here]))

    def _pick_stage(self, title: str, start: int, stop: int, text: str = "") -> None:
        """Ask for a stage in place of those from `start` up to `stop`."""
        study = self.view.study

        def stages_with(stage: Stage) -> tuple[Stage, ...]:
            return (*study.stages[:start], stage, *study.stages[stop:])

        def ask(stage: Stage) -> FunnelAnswer:
            return self.engine.funnel(study.with_stages(stages_with(stage)))

        def take(stage: Stage | None) -> None:
            if stage is not None:
                self._stages(stages_with(stage), start)

        self.app.push_screen(StagePicker(title, self.engine, ask, text), take)

    def action_rename_stage(self) -> None:
        """Ask what to call the stage at the cursor; nothing calls it by its events."""
        stages, here = self.view.study.stages, self._stage

        def rename(name: str | None) -> None:
            if name is not None:
                stage = replace(stages[here], name=name.strip() or None)
                self._stages((*stages[:here], stage, *stages[here + 1 :]), here)

        if here < len(stages):
            hint = "empty calls it by its events"
            self.app.push_screen(
                Prompt("Name of the stage", hint, stages[here].name or "", str), rename
            )

    def action_delete_stage(self) -> None:
        """Take the stage at the cursor out."""
        stages, here = self.view.study.stages, self._stage
        self._stages((*stages[:here], *stages[here + 1 :]), here)

    def action_move_stage(self, steps: int) -> None:
        """Move the stage at the cursor."""
        self.move_stage(self._stage, self._stage + steps)

    def move_stage(self, here: int, there: int) -> None:
        """Move a stage to another place, if there is such a place."""
        stages = list(self.view.study.stages)
        if here < len(stages) and 0 <= there < len(stages):
            stages.insert(there, stages.pop(here))
            self._stages(tuple(stages), there)

    def _stages(self, stages: tuple[Stage, ...], cursor: int) -> None:
        self._cursor_after = cursor
        self.change(self.view.study.with_stages(stages))
