"""Why: how far a user got in the funnel, what was in the way, and the change that would help."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import groupby
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

from core.engine import Engine, UserRow
from core.errors import TracerError
from core.explanation import Explanation, Step
from core.remedy import Remedy
from core.stage import Stage
from core.study import Study
from tracer_tui.drawing import fit, fit_ends, offset, span, stage_sign
from tracer_tui.keys import key_of
from tracer_tui.text import content, visible
from tracer_tui.widgets.line_view import Cell, LineView

_ENDINGS = {
    "window": "✗ the window ran out",
    "strict": "✗ stands in between",
    "exclusion": "✗ excluded",
}
_LONGEST_NAME = 32
_MOST_NAMED = 8
"""Events that are told one by one of what came after."""


class WalkLines(LineView):
    """One line an event: when, what, and what the funnel waits for after it."""

    def __init__(self) -> None:
        """Begin with nothing to show."""
        super().__init__(id="why-lines")
        self._stages: Sequence[Stage] = ()
        self._steps: Sequence[Step] = ()
        self._name_width = 0

    def show(self, explanation: Explanation) -> None:
        """Show the steps of an explanation, with the cursor where the counted attempt ended."""
        self._stages, self._steps = explanation.funnel.stages, explanation.steps
        names = (cell_len(visible(step.name)) for step in self._steps)
        self._name_width = min(max(names, default=0), _LONGEST_NAME)
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
        cells: list[Cell] = []
        if step.ended is not None:
            cells.append((f"{_ENDINGS[step.ended]}  ", "line--bad"))
        if step.counted == len(self._stages) - 1:
            cells.append(("✓ converted", "line--good"))
        elif step.armed is not None and step.start is not None:
            left = "" if step.left is None else f", window ends in {span(step.left)}"
            stage = visible(self._stages[step.armed].label)
            cells.append((f"→ {stage_sign(step.armed)} {stage}{left}", "line--dim"))
        return cells


class Why(ModalScreen[Study | None]):
    """Explains one user; answers with the study that would convert them, if it was wished for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "apply", "Make the change", id="why.apply"),
        Binding("escape,i,q", "dismiss(None)", "Close", id="why.close"),
    ]

    @dataclass
    class Explained(Message):
        """The engine explained the user, or said why it cannot."""

        found: Explanation | TracerError

    def __init__(self, engine: Engine, study: Study, row: UserRow) -> None:
        """Ask an engine why the user of a row, or the journey of it, got as far as it did."""
        super().__init__()
        self._engine = engine
        self._study = study
        self._row = row
        self._remedy: Remedy | None = None

    @property
    def lines(self) -> WalkLines:
        """The walk."""
        return self.query_one(WalkLines)

    def compose(self) -> ComposeResult:
        """The reason, the remedy, and the walk."""
        with Vertical(classes="box -wide-box", id="why") as box:
            box.border_title = Content(f"Why · {_id(self._row.user)}")
            box.border_subtitle = self._closes
            yield Label("working…", id="why-reason")
            yield Label("", id="why-after")
            yield Label("", id="why-remedy")
            yield WalkLines()

    @property
    def _closes(self) -> str:
        return f"{key_of(self.app, 'why.close')} closes"

    def on_mount(self) -> None:
        """Ask, in a thread."""
        self.query_one("#why-remedy").display = False
        self.run_worker(self._ask, thread=True)

    def _ask(self) -> None:
        found: Explanation | TracerError
        try:
            found = self._engine.explain(self._study, self._row.user, self._row.journey)
        except TracerError as error:
            found = error
        self.post_message(self.Explained(found))

    @on(Explained)
    def _show(self, message: Explained) -> None:
        found = message.found
        reason = self.query_one("#why-reason", Label)
        if isinstance(found, TracerError):
            reason.update(content(str(found)))
            return
        reason.update(content(found.reason))
        self.query_one("#why-after", Label).update(content(_afterwards(found)))
        self._remedy = found.remedy
        advice = self.query_one("#why-remedy", Label)
        advice.update(content(_advice(found)))
        advice.display = bool(_advice(found))
        reached = f"{found.depth} of {len(found.funnel.stages)} stages"
        box = self.query_one("#why")
        box.border_title = Content(f"Why · {_id(found.user)}{_unit(found)} · {reached}")
        makes = f"{key_of(self.app, 'why.apply')} makes the change, " if found.remedy else ""
        box.border_subtitle = f"{makes}{self._closes}"
        self.lines.show(found)

    def action_apply(self) -> None:
        """Answer with the changed study."""
        if self._remedy is not None:
            self.dismiss(self._remedy.study(self._study))


def _id(user: str) -> str:
    """An id that leaves a title room for numbers."""
    return fit_ends(visible(user), min(cell_len(visible(user)), _LONGEST_NAME))


def _unit(found: Explanation) -> str:
    """Which of what is counted of the user is explained, where there may be several."""
    told = "" if found.journey is None else f" · session {found.journey}"
    if found.held is not None:
        told += f" · {_id(found.held)}"
    if found.funnel.attempts is not None:
        told += " · deepest attempt"
    return told


def _afterwards(found: Explanation) -> str:
    """What came after the last event that counted, in its session or, of users, at all."""
    counted = [place for place, step in enumerate(found.steps) if step.counted is not None]
    if not counted or found.converted:
        return ""
    last = found.steps[counted[-1]]
    rest = [
        step.name
        for step in found.steps[counted[-1] + 1 :]
        if found.funnel.scope == "users" or step.journey == last.journey
    ]
    if not rest:
        return f"Nothing came after {last.name}."
    runs = [(name, len(list(run))) for name, run in groupby(rest)]
    told = [f"{name} ×{times}" if times > 1 else name for name, times in runs[:_MOST_NAMED]]
    more = "" if len(runs) <= _MOST_NAMED else " and more"
    return f"After {last.name} came {', '.join(told)}{more}."


def _advice(found: Explanation) -> str:
    """What to say of the remedy."""
    if found.remedy is not None:
        return f"To convert: {found.remedy.words}."
    if found.converted or found.pending:
        return ""
    return f"No single change of the question would convert {found.user}."
