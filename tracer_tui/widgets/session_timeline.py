"""The timeline: one user's events, cut into sessions, with what each is to the funnel."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from datetime import timedelta
from typing import ClassVar

from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.reactive import reactive

from core.engine import Marks, Session, Trail
from core.study import Study
from tracer_tui.answers import Shown
from tracer_tui.drawing import fit, offset, plural, span, stage_sign, stretch
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView

_MICROSECOND = timedelta(microseconds=1)


class SessionTimeline(LineView):
    """Sessions as a header and its events; between two of them a line says how long was idle."""

    BORDER_TITLE = "Timeline"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "session(-1)", "Session before", show=False, id="timeline.left"),
        Binding("right", "session(1)", "Next session", show=False, id="timeline.right"),
    ]

    shown: reactive[Shown | None] = reactive(None)
    """Whose events are shown, and where to go in them."""

    @property
    def trail(self) -> Trail | None:
        """Whose events are shown."""
        return self.shown.trail if self.shown is not None else None

    def watch_shown(self, before: Shown | None, shown: Shown | None) -> None:
        """Show another trail, or the same one cut another way, at the same event."""
        trail = self.trail
        sessions = trail.sessions if trail is not None else ()
        lines = len(trail) + 2 * len(sessions) - 1 if trail and sessions else 0
        place = _event_at(before.trail, self.cursor) if before and self.line_count else 0
        self.set_reactive(LineView.line_count, lines)
        self.watch_line_count(lines)
        self.refresh()
        if shown is None or not sessions:
            self.border_title = "Timeline"
            return
        self.border_title = Content(_title(shown.trail))
        stays = before is not None and before.trail.user == shown.trail.user
        if shown.session is None and stays and self.cursor > 0:
            self.cursor = _line_of(shown.trail, place)
            self.bring_into_sight(self.cursor)
        else:
            self._go_to(shown.session or 1)

    def action_session(self, steps: int) -> None:
        """Go to the header of the next session, or of this one or the one before."""
        if self.trail is None or not self.line_count:
            return
        here = _session_at(self.trail, self.cursor)
        if steps < 0 and self.cursor > _header_line(self.trail, here):
            steps += 1
        self._go_to(here + steps + 1)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """A header, an event, or the idle time before a session."""
        if self.trail is None:
            return []
        number = _session_at(self.trail, index)
        session = self.trail.sessions[number]
        line = index - _header_line(self.trail, number)
        if line < 0:
            idle = session.start - self.trail.sessions[number - 1].end
            return [(f"── {span(idle)} idle ".ljust(width, "─"), "line--dim")]
        if line == 0:
            return _header_cells(session, width)
        place = session.first_event + line - 1
        event, marks = self.trail.event(place), self.trail.marks(place)
        since = offset((event.time - self.trail.event(session.first_event).time) // _MICROSECOND)
        sign, note, kind = _note(marks, self.trail.study)
        name = visible(event.name)
        room = width - len(since.rjust(9)) - 3 - len(note)
        return [
            (f"{since:>9} ", "line--dim"),
            (f"{sign:1} ", kind),
            (fit(name, max(8, min(room, cell_len(name) + 1))), kind if kind == "line--bad" else ""),
            (f" {note}", kind),
        ]

    def _go_to(self, session: int) -> None:
        if self.trail is None or not self.line_count:
            return
        number = max(0, min(session, len(self.trail.sessions)) - 1)
        events = self.trail.sessions[number].event_count
        self.cursor = _header_line(self.trail, number)
        self.bring_into_sight(self.cursor, lines_after=events)


def _header_line(trail: Trail, number: int) -> int:
    """The line of a session's header: the events, headers and idle lines before it."""
    return trail.sessions[number].first_event + 2 * number


def _session_at(trail: Trail, line: int) -> int:
    """The number of the session, from 0, that a line belongs to."""
    sessions = range(len(trail.sessions))
    # The idle line before a header belongs to the header's session.
    after = bisect.bisect_right(sessions, line, key=lambda n: _header_line(trail, n) - 1)
    return max(0, after - 1)


def _event_at(trail: Trail, line: int) -> int:
    """The place of the event at a line; at a header, of the first below it."""
    number = _session_at(trail, line)
    return trail.sessions[number].first_event + max(0, line - _header_line(trail, number) - 1)


def _line_of(trail: Trail, place: int) -> int:
    """The line of the event at a place."""
    number = bisect.bisect_right(trail.sessions, place, key=lambda s: s.first_event) - 1
    return _header_line(trail, number) + 1 + place - trail.sessions[number].first_event


def _title(trail: Trail) -> str:
    sessions, events = plural(len(trail.sessions), "session"), plural(len(trail), "event")
    return f"{visible(trail.user)} · {sessions} · {events}"


def _header_cells(session: Session, width: int) -> list[Cell]:
    when = stretch(session.start, session.end)
    length, events = span(session.end - session.start), plural(session.event_count, "event")
    text = f"▼ Session {session.index}  {when} · {length} · {events}"
    if cell_len(text) > width:
        text = f"▼ {session.index} {when} · {length} · {events}"
    return [(fit(text, width), "line--bold")]


def _note(marks: Marks, study: Study) -> tuple[str, str, str]:
    """What an event is to the funnel: the sign of a stage, words, and how to show them."""
    if marks.counted is None:
        return (stage_sign(marks.matches[0]) if marks.matches else ""), "", "line--dim"
    sign = stage_sign(marks.counted)
    if marks.left:
        missing = visible(study.stages[marks.counted + 1].label)
        return sign, f"✗ left: no {missing}", "line--bad"
    if marks.pending:
        return sign, "… may still go on", "line--accent"
    if marks.counted == len(study.stages) - 1:
        return sign, "✓ completed", "line--good"
    return sign, "start" if marks.counted == 0 else "", "line--accent"
