"""Saved funnels to choose from, each with the stages it asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import ClassVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from core.study import Study
from tracer_tui.drawing import fit
from tracer_tui.keys import key_of
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView


class FunnelLines(LineView):
    """One line a funnel."""

    def __init__(self, funnels: Mapping[str, Study]) -> None:
        """Show some funnels."""
        super().__init__(id="funnel-lines")
        self.funnels = list(funnels.items())

    def on_mount(self) -> None:
        """Make room for them."""
        self.line_count = len(self.funnels)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One funnel."""
        name, study = self.funnels[index]
        stages = " → ".join(visible(stage.label) for stage in study.stages) or "stages suggested"
        room = max(8, width // 3)
        return [(f" {fit(visible(name), room)} ", ""), (fit(stages, width - room - 2), "line--dim")]


class FunnelPicker(ModalScreen[Study | None]):
    """Answers with the question that was chosen."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "choose", "Open", id="saved.open"),
        Binding("escape,q", "dismiss(None)", "Cancel", id="saved.cancel"),
    ]

    def __init__(self, funnels: Mapping[str, Study]) -> None:
        """Offer some funnels."""
        super().__init__()
        self._funnels = funnels

    def compose(self) -> ComposeResult:
        """A box with the funnels."""
        with Vertical(classes="box") as box:
            box.border_title = "Saved funnels"
            opens, cancels = (key_of(self.app, f"saved.{does}") for does in ("open", "cancel"))
            box.border_subtitle = f"{opens} opens · {cancels} cancels"
            yield FunnelLines(self._funnels)

    def action_choose(self) -> None:
        """Open the one at the cursor."""
        lines = self.query_one(FunnelLines)
        self.dismiss(lines.funnels[lines.cursor][1])

    @on(LineView.Picked)
    def _choose_clicked(self) -> None:
        self.action_choose()
