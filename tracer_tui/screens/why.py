"""Why: how far a user got in the funnel, what was in the way, and the change that would help."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.cells import cell_len
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen
from textual.widgets import Label

from core.explanation import Explanation, Step
from core.study import Study
from tracer_tui.drawing import fit, offset, span, stage_sign
from tracer_tui.text import content, visible
from tracer_tui.widgets.line_view import Cell, LineView

_ENDINGS = {
    "window": "✗ the window ran out",
    "strict": "✗ stands in between",
    "exclusion": "✗ excluded",
}
_LONGEST_NAME = 32


class WalkLines(LineView):
    """One line an event: when, what, and what the funnel waits for after it."""

    def __init__(self, explanation: Explanation) -> None:
        """Show the steps of an explanation."""
        super().__init__(id="why-lines")
        self._stages = explanation.funnel.stages
        self._steps = explanation.steps
        names = (cell_len(visible(step.name)) for step in self._steps)
        self._name_width = min(max(names, default=0), _LONGEST_NAME)

    def on_mount(self) -> None:
        """Make room for them, and stand where the counted attempt ended."""
        self.line_count = len(self._steps)
        counted = [line for line, step in enumerate(self._steps) if step.counted is not None]
        self.cursor = counted[-1] if counted else 0

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - cut by the pane
        """One event."""
        step, before = self._steps[index], self._steps[index - 1] if index else None
        since = offset(step.time - self._steps[0].time)
        sign, kind = "", "line--dim"
        if step.counted is not None:
            sign, kind = stage_sign(step.counted), "line--accent"
        elif step.matches:
            sign = stage_sign(step.matches[0])
        cells = [
            (f"{since:>10} ", "line--dim"),
            (f"{sign:1} ", kind),
            (f"{fit(visible(step.name), self._name_width)}  ", ""),
        ]
        if before is not None and before.journey != step.journey:
            cells.append((f"session {step.journey}  ", "line--dim"))
        return [*cells, *self._standing(step)]

    def _standing(self, step: Step) -> list[Cell]:
        """How things stand after an event."""
        cells = []
        if step.ended is not None:
            cells.append((f"{_ENDINGS[step.ended]}  ", "line--bad"))
        if step.counted == len(self._stages) - 1:
            cells.append(("✓ converted", "line--good"))
        elif step.armed is not None and step.start is not None:
            left = "" if step.left is None else f", {span(step.left)} left"
            stage = visible(self._stages[step.armed].label)
            cells.append((f"→ {stage_sign(step.armed)} {stage}{left}", "line--dim"))
        return cells


class Why(ModalScreen[Study | None]):
    """Explains one user; answers with the study that would convert them, if it was wished for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Make the change", id="why.apply"),
        Binding("escape,i,q", "dismiss(None)", "Close", id="why.close"),
    ]

    def __init__(self, explanation: Explanation, study: Study) -> None:
        """Show an explanation of a study's answer."""
        super().__init__()
        self._explanation = explanation
        self._study = study

    def compose(self) -> ComposeResult:
        """The reason, the remedy, and the walk."""
        found = self._explanation
        session = "" if found.journey is None else f" · session {found.journey}"
        stages = len(found.funnel.stages)
        with Vertical(classes="box -wide-box", id="why") as box:
            depth = f"{found.depth} of {stages} stages"
            box.border_title = Content(f"Why · {visible(found.user)}{session} · {depth}")
            change = "enter makes the change, " if found.remedy else ""
            box.border_subtitle = f"{change}esc closes"
            yield Label(content(found.reason), id="why-reason")
            if self._advice():
                yield Label(content(self._advice()), id="why-remedy")
            yield WalkLines(found)

    def _advice(self) -> str:
        found = self._explanation
        if found.remedy is not None:
            return f"To convert: {found.remedy.words}."
        if found.converted or found.pending:
            return ""
        return "No single change of the question would convert."

    def action_apply(self) -> None:
        """Answer with the changed study."""
        if self._explanation.remedy is not None:
            self.dismiss(self._explanation.remedy.study(self._study))
