"""The funnel's pane: the bars above the two rulers, under a title that says the rules."""

from __future__ import annotations

from textual.app import ComposeResult
from textual.content import Content
from textual.reactive import var

from core.cohort import Cohort
from core.engine import FunnelAnswer
from tracer_tui.details import Details
from tracer_tui.rules import cuts, rules
from tracer_tui.widgets.funnel_bars import FunnelBars
from tracer_tui.widgets.pane import Pane
from tracer_tui.widgets.rulers import Rulers


class FunnelPane(Pane):
    """Bars and rulers of one answer."""

    BORDER_TITLE = "3 Funnel"

    answer: var[FunnelAnswer | None] = var(None)
    """The bars."""
    details: var[Details | None] = var(None)
    """The medians and the rulers."""
    pinned: var[FunnelAnswer | None] = var(None)
    """What the bars are compared with."""
    cohort: var[Cohort] = var(Cohort())
    """Who is listed."""
    is_stale: var[bool] = var(False)
    """Whether another answer is being worked out."""

    def compose(self) -> ComposeResult:
        """Bars above rulers."""
        yield FunnelBars(id="bars").data_bind(
            FunnelPane.answer,
            FunnelPane.details,
            FunnelPane.pinned,
            FunnelPane.cohort,
            FunnelPane.is_stale,
        )
        yield Rulers(id="rulers").data_bind(
            FunnelPane.answer, FunnelPane.details, FunnelPane.is_stale
        )

    @property
    def bars(self) -> FunnelBars:
        """The bars, which take the focus."""
        return self.query_one(FunnelBars)

    @property
    def lines(self) -> FunnelBars:
        """What takes the focus."""
        return self.bars

    def watch_answer(self, answer: FunnelAnswer | None) -> None:
        """Say what is asked."""
        if answer is None:
            return
        self.entitle(Content(f"3 Funnel · {rules(answer.study)}"))
        self.entitle_below(Content(cuts(answer.study)))
