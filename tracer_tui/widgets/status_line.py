"""The line at the bottom: what is open, and how it is being read."""

from __future__ import annotations

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive
from textual.widget import Widget

from core.engine import FunnelAnswer, Summary
from tracer_tui.drawing import fit, plural
from tracer_tui.keys import key_of
from tracer_tui.text import visible


class StatusLine(Widget):
    """File, events, users, sessions and rejected rows."""

    answer: reactive[FunnelAnswer | None] = reactive(None)
    """What its numbers are for the present question."""
    busy: reactive[str] = reactive("")
    """What is being worked out; empty when nothing is."""

    doing: reactive[str] = reactive("")
    """What runs somewhere else meanwhile; empty while nothing does."""

    hint: reactive[str] = reactive("")
    """What to say instead, to a person who is here for the first time."""

    def __init__(self, summary: Summary, hint: str = "") -> None:
        """Say what is open, and what there is of it, or first a hint."""
        super().__init__(id="status")
        self.summary = summary
        self.set_reactive(StatusLine.hint, hint)

    @property
    def shows_hint(self) -> bool:
        """Whether the hint stands there: it waits until nothing else is to be told."""
        return bool(self.hint) and not self.doing and not self.busy

    def render(self) -> Content:
        """The line, the file's name first and shortened first."""
        if self.shows_hint:
            return self._line(f" {self.hint}")
        if self.answer is None:
            return Content("")
        facts = [
            plural(self.answer.events_count, "event"),
            plural(self.answer.users_count, "user"),
            f"{'≈' if self.answer.sampled else ''}{plural(self.answer.journeys_count, 'session')}",
            f"{self.summary.report.rejected_rows:,} rejected",
        ]
        if self.summary.report.warnings:
            warnings = plural(len(self.summary.report.warnings), "warning")
            facts.append(f"{warnings}: {key_of(self.app, 'app.source')}")
        rest = " · ".join(facts)
        if self.doing or self.busy:
            # Ahead, for on a small screen the end is out of sight.
            now = " · ".join(filter(None, (self.busy, visible(self.doing))))
            return Content(fit(f" {now} · {rest}", self.size.width))
        room = max(8, self.size.width - len(rest) - 4)
        name = visible(self.summary.source)
        name = name if len(name) <= room else f"…{name[1 - room :]}"
        return self._line(f" {name} · {rest}")

    def _line(self, line: str) -> Content:
        """A line that ends with … where it is cut."""
        is_cut = 0 < self.size.width < cell_len(line)
        return Content(fit(line, self.size.width) if is_cut else line)
