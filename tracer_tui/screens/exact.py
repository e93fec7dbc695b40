"""Estimates first, then the truth: exact numbers are found in the background and take their place.

The screen does not know which engine it has: one that estimates says so in its answers, and is then
asked for the exact ones too, while everything else goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass

from textual import on
from textual.message import Message
from textual.reactive import var

from core.engine import Engine, FunnelAnswer
from core.errors import Cancelled, TracerError
from core.study import Study
from tracer_tui.answers import Answers, View
from tracer_tui.screens.answering import Answering
from tracer_tui.text import visible

GLANCE = 0.25
"""Seconds between two looks at what the engine does."""


class Exact(Answering):
    """A screen over a view whose estimates give way to exact numbers."""

    doing: var[str] = var("")
    """What the engine does somewhere else meanwhile."""

    @dataclass
    class Counted(Message):
        """The engine found exact numbers in place of estimates, or said why it cannot."""

        study: Study
        found: FunnelAnswer | TracerError

    def __init__(self, engine: Engine, answers: Answers) -> None:
        """Begin with what an engine answered already."""
        super().__init__(engine, answers)
        self._counting: Study | None = None
        self._given_up: Study | None = None
        self._seen = ("", 0.0)
        self._is_looking = False

    def on_mount(self) -> None:
        """Have exact numbers found, if these are none."""
        self._count()

    def watch_view(self, before: View, view: View) -> None:
        """What is counted for another question is of no use any more."""
        if before.study != view.study:
            self._counting = None
        super().watch_view(before, view)

    def _show(self, answers: Answers) -> None:
        super()._show(answers)
        self._count()

    def _ask_details(self) -> None:
        super()._ask_details()
        self._look()

    def _admit_waiting(self) -> None:
        super()._admit_waiting()
        self._look()

    def _count(self) -> None:
        """Have exact numbers found in place of estimates, while everything else goes on."""
        if self.funnel is None or self.funnel.sampled is None:
            return
        study = self.funnel.study
        if study in (self._counting, self._given_up):
            return
        self._counting = study

        def work() -> None:
            found: FunnelAnswer | TracerError
            try:
                found = self.engine.exact(study, lambda: self._counting != study)
            except TracerError as error:
                found = error
            self.post_message(self.Counted(study, found))

        self.run_worker(work, thread=True, group="exact")
        self._look()

    def stop_counting(self) -> bool:
        """Stop what runs somewhere else, and keep the estimates; whether there was anything."""
        if self._counting is None and not self.engine.doing:
            return False
        if self._counting is not None:
            self.notify("Stopped: these stay estimates until another question", markup=False)
            self._counting, self._given_up = None, self._counting
        self.engine.stop()
        return True

    def _look(self) -> None:
        """Tell what the engine does for as long as it does anything."""
        if not self._is_looking:
            self._is_looking = True
            self.set_timer(GLANCE, self._tell_doing)

    def _tell_doing(self) -> None:
        doing, now = self.engine.doing, time.monotonic()
        if doing != self._seen[0]:
            self._seen = doing, now
        self.doing = f"{now - self._seen[1]:.0f} s, esc stops · {doing}" if doing else ""
        asked = (self._counting, self._views.running, self._details.running)
        self._is_looking = bool(doing) or any(each is not None for each in asked)
        if self._is_looking:
            self.set_timer(GLANCE, self._tell_doing)

    @on(Counted)
    def _show_exact(self, message: Counted) -> None:
        """Show exact numbers at once, and ask for the list and the medians that belong to them."""
        if message.study != self._counting:
            return
        self._counting = None
        if isinstance(message.found, Cancelled):
            self._count()  # another list was asked for meanwhile, not another question
        elif isinstance(message.found, TracerError):
            self._given_up = message.study
            why = visible(str(message.found))
            self.notify(f"Estimates only: {why}", severity="warning", markup=False)
        elif self.funnel is not None and self.funnel.study == message.study:
            self.funnel = message.found
            self._ask()
            self._ask_details()
