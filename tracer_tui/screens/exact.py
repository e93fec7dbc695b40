"""Estimates first, then the truth: exact numbers are found in the background and take their place.

The screen does not know which engine it has: one that estimates says so in its answers, and is then
asked for the exact ones too, while everything else goes on.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import ClassVar

from textual import on
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.notifications import Notification, Notify, SeverityLevel
from textual.reactive import var

from core.engine import Engine, FunnelAnswer
from core.errors import Cancelled, SourceError, TracerError
from core.study import Study
from tracer_tui.answers import Answers, View
from tracer_tui.keys import key_of
from tracer_tui.screens.answering import Answering
from tracer_tui.text import visible

GLANCE = 0.25
"""Seconds between two looks at what the engine does."""


class Exact(Answering):
    """A screen over a view whose estimates give way to exact numbers."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("equals_sign", "count_exactly", "Count exactly", show=False, id="study.exact"),
    ]

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
        self._notice: Notification | None = None
        self._seen = ("", 0.0)
        self._is_looking = False

    def on_mount(self) -> None:
        """Have exact numbers found, if these are none."""
        self._count()

    def watch_view(self, before: View, view: View) -> None:
        """What is counted for another question is of no use any more."""
        if before.study != view.study:
            self._counting = None
            self._take_back()
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
        """Have exact numbers found in place of estimates, while everything else goes on: first
        those of the funnel, then the medians and the rulers.
        """
        if self.funnel is None or self.funnel.study in (self._counting, self._given_up):
            return
        study = self.funnel.study
        if self.funnel.sampled is None:
            if self._has_estimates and self._details.running is None:
                self._ask_details()
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

    @property
    def _has_estimates(self) -> bool:
        """Whether any number that is shown for the question is one."""
        if self.funnel is None or self.funnel.sampled is not None:
            return self.funnel is not None
        details = self.details
        return details is not None and details.study == self.funnel.study and details.is_estimate

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Nothing is counted that is exact, or is being counted."""
        if action == "count_exactly":
            return self._has_estimates and self._counting is None
        return super().check_action(action, parameters)

    def action_count_exactly(self) -> None:
        """Count again what was stopped, or could not be counted."""
        self._given_up = None
        self._take_back()
        self._count()

    def stop_counting(self) -> bool:
        """Stop what runs somewhere else, and keep the estimates; whether there was anything."""
        if self._counting is None and not self.engine.doing:
            return False
        if self._has_estimates and self.funnel is not None:
            self._say(f"Stopped: these stay estimates; {self._counts}")
            self._counting, self._given_up = None, self.funnel.study
            self._details.waiting = None
            self._stops += 1
        self.engine.stop()
        return True

    def _say(self, text: str, severity: SeverityLevel = "information") -> None:
        """Say why these are estimates, until another question, or this one again, is counted."""
        self._take_back()
        timeout = self.app.NOTIFICATION_TIMEOUT
        self._notice = Notification(text, severity=severity, timeout=timeout)
        self.app.post_message(Notify(self._notice))

    def _take_back(self) -> None:
        """Say it no more."""
        if self._notice is not None:
            self.app._unnotify(self._notice)
            self._notice = None

    @property
    def _counts(self) -> str:
        """What counts them after all, as keys are called here."""
        return f"{key_of(self.app, 'study.exact')} counts exactly"

    def _look(self) -> None:
        """Tell what the engine does for as long as it does anything."""
        if not self._is_looking:
            self._is_looking = True
            self.set_timer(GLANCE, self._tell_doing)

    def _tell_doing(self) -> None:
        doing, now = self.engine.doing, time.monotonic()
        if doing != self._seen[0]:
            self._seen = doing, now
        stops = f"{key_of(self.app, 'users.everybody')} stops"
        self.doing = f"{now - self._seen[1]:.0f} s, {stops} · {doing}" if doing else ""
        asked = (self._counting, self._views.running, self._details.running)
        self._is_looking = bool(doing) or any(each is not None for each in asked)
        if self._is_looking:
            self.set_timer(GLANCE, self._tell_doing)

    @on(Answering.Failed)
    def _go_on_counting(self, message: Answering.Failed) -> None:
        """What was stopped for another list, and not by hand, is counted again."""
        if isinstance(message.error, Cancelled):
            self.call_next(self._count)

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
            if isinstance(message.found, SourceError):
                why += f"; {self._counts}"  # what is refused stays so, what is lost may come back
            self._say(f"Estimates only: {why}", "warning")
        elif self.funnel is not None and self.funnel.study == message.study:
            self.funnel = message.found
            self._ask()
            self._ask_details()
