"""The timeline's lines: one user's events, cut into sessions, and what each is to the funnel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from rich.cells import cell_len
from textual.binding import Binding, BindingType
from textual.message import Message
from textual.reactive import reactive

from core.study import Study
from core.timeline import Marks, Session, Trail
from tracer_tui.answers import Shown
from tracer_tui.drawing import clock, day, fit, offset, plural, span, sparks, stage_sign, stretch
from tracer_tui.folds import Folds
from tracer_tui.text import visible
from tracer_tui.trail_search import Found
from tracer_tui.widgets.line_view import Cell, LineView

if TYPE_CHECKING:
    from numpy.typing import NDArray

_NOTHING = Folds.of(np.empty(0, dtype=np.int64), 0)
_LEFT = "✗ left here: "
"""How the note on the last event of who left begins; its sign says enough where room is short."""
_SIGNS = "✗✓…≠"
"""What notes begin with that is more than words."""


class TrailLines(LineView):
    """Sessions as a header and its events; between two of them a line says how long was idle.

    Above stands where in the user's life the cursor is, below what the funnel waits for there.
    """

    HEADER_LINES = 1
    FOOTER_LINES = 1
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("left", "session(-1)", "Session before", show=False, id="timeline.left"),
        Binding("right", "session(1)", "Next session", show=False, id="timeline.right"),
        Binding("comma", "stage_event(-1)", "Stage event before", show=False, id="timeline.before"),
        Binding("full_stop", "stage_event(1)", "Next stage event", show=False, id="timeline.after"),
        Binding("space", "fold", "Fold the session", show=False, id="timeline.fold"),
        Binding("minus", "fold_all(True)", "Fold all", show=False, id="timeline.fold_all"),
        Binding("plus", "fold_all(False)", "Unfold all", show=False, id="timeline.unfold_all"),
        Binding("enter", "inspect", "Properties", id="timeline.inspect"),
    ]

    shown: reactive[Shown | None] = reactive(None)
    """Whose events are shown, and where to go in them."""
    found: reactive[Found | None] = reactive(None)
    """What a search found; these events are marked, and say where it was."""

    @dataclass
    class Inspected(Message):
        """The properties of an event are wanted, or wanted no more."""

        place: int

    def __init__(self) -> None:
        """Begin with nobody."""
        super().__init__(id="trail-lines")
        self._folds = _NOTHING
        self._density: tuple[int, list[int]] = (0, [])

    @property
    def trail(self) -> Trail | None:
        """Whose events are shown."""
        return self.shown.trail if self.shown is not None else None

    @property
    def when_empty(self) -> str:
        """Why there are no events."""
        return "Nobody is chosen."

    @property
    def place(self) -> int | None:
        """The place of the event at the cursor; at a header, of the first below it."""
        return self._folds.nearest_place(self.cursor) if self.line_count else None

    @property
    def session(self) -> int | None:
        """Which of the user's sessions the cursor is in, from 1."""
        place = self.place
        return None if place is None else self._folds.session_of(place) + 1

    def watch_shown(self, before: Shown | None, shown: Shown | None) -> None:
        """Show another trail, or the same one cut another way, at the same event."""
        place = self.place
        stays = before is not None and shown is not None and before.trail.user == shown.trail.user
        trail = shown.trail if shown is not None else None
        folded = self._folds.folded if stays else None
        self._folds = Folds.of(trail.session_starts, len(trail), folded) if trail else _NOTHING
        self._density = (0, [])
        lines = self._folds.line_count
        self.set_reactive(LineView.line_count, lines)
        self.watch_line_count(lines)
        self.refresh()
        if shown is None or not lines:
            return
        if shown.session is not None or shown.unit is not None:
            self._go_to_end_of_attempt(shown)
        elif stays and place is not None and self.cursor > 0:
            self.go_to(place)
        else:
            self._go_to_session(0)

    def go_to(self, place: int) -> None:
        """Go to the event at a place, and open the session it is folded in."""
        number = self._folds.session_of(place)
        if self._folds.folded[number]:
            self._fold(self._folds.with_fold(number, folded=False))
        self.cursor = self._folds.line_of(place)
        self.bring_into_sight(self.cursor)

    def action_session(self, steps: int) -> None:
        """Go to the header of the next session, or of this one or the one before."""
        if not self.line_count:
            return
        here = self._folds.session_at(self.cursor)
        if steps < 0 and self.cursor > self._folds.headers[here]:
            steps += 1
        self._go_to_session(here + steps)

    def action_stage_event(self, steps: int) -> None:
        """Go to the next event that fills a stage, or the one before."""
        if self.trail is not None:
            self.seek(steps, self.trail.stage_places)

    def seek(self, steps: int, places: NDArray[np.int64], *, stay: bool = False) -> None:
        """Go to the next event of some, or the one before; `stay` if at one."""
        if self.place is None:
            return
        is_header = self._folds.place_at(self.cursor) is None
        place = self.place - (steps if stay or (is_header and steps > 0) else 0)
        index = int(places.searchsorted(place, side="right" if steps > 0 else "left"))
        index -= steps < 0
        if 0 <= index < len(places):
            self.go_to(int(places[index]))

    def action_fold(self) -> None:
        """Fold the session at the cursor, or open it."""
        if self.line_count:
            self._toggle(self._folds.session_at(self.cursor))

    def action_fold_all(self, folded: bool) -> None:
        """Fold every session, or open them all."""
        if self.line_count:
            self._fold(self._folds.with_all(folded=folded))

    def action_inspect(self) -> None:
        """Look at the properties of an event; at a header, fold its session or open it."""
        place = self._folds.place_at(self.cursor) if self.line_count else None
        if place is None:
            self.action_fold()
        else:
            self.post_message(self.Inspected(place))

    def on_line_view_picked(self, event: LineView.Picked) -> None:
        """Look at an event that was clicked twice."""
        event.stop()
        self.action_inspect()

    def follow(self, index: int, link: str) -> None:
        """Fold a session by its sign, or go to where in the user's life was clicked."""
        if index >= 0:
            self._toggle(int(link))
        elif self.trail is not None:
            start, end = self.trail.time(0), self.trail.time(len(self.trail) - 1)
            share, bins = int(link), max(len(self._density[1]), 1)
            self.go_to(_place_of_time(self.trail, start + (end - start) * share // bins))

    def draw_header(self, width: int) -> Sequence[Cell]:
        """The user's whole life as a strip, with the place of the cursor in it."""
        trail, place = self.trail, self.place
        if trail is None or place is None:
            return [("", "")]
        start, end = trail.time(0), trail.time(len(trail) - 1)
        when = f" {day(start)}" if day(start) == day(end) else f" {day(start)} – {day(end)}"
        room = max(4, width - cell_len(when))
        if self._density[0] != room:
            self._density = (room, trail.density(room))
        here = min((trail.time(place) - start) * room // max(end - start, 1), room - 1)
        cells: list[Cell] = [
            ("┃", "line--bold", str(at)) if at == here else (sign, "line--bar", str(at))
            for at, sign in enumerate(sparks([number**0.5 for number in self._density[1]]))
        ]
        return [*cells, (when, "line--dim")]

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """A header, an event, or the idle time before a session."""
        if self.trail is None:
            return []
        number = self._folds.session_at(index)
        place = self._folds.place_at(index)
        if place is not None:
            return self._event_cells(self.trail, number, place, width)
        session = self.trail.sessions[number]
        if index < self._folds.headers[number]:
            idle = session.start - self.trail.sessions[number - 1].end
            return [(f"── {span(idle)} idle ".ljust(width, "─"), "line--dim")]
        sign = "▶" if self._folds.folded[number] else "▼"
        return _header_cells(session, sign, width)

    def draw_footer(self, width: int) -> Sequence[Cell]:
        """What the funnel waits for after the event at the cursor, and how long it can."""
        trail, place = self.trail, self.place
        if trail is None or place is None:
            return [("", "")]
        study, marks = trail.study, trail.marks(place)
        session = trail.sessions[self._folds.session_of(place)]
        told = []
        if marks.units is not None:
            told.append(_units(marks.units, trail))
        if trail.units and marks.start is None:
            pass  # of several attempts at once there is none that this event would belong to
        elif marks.armed is not None and study.stages:
            stage = visible(study.stages[marks.armed].label)
            told.append(f"→ {stage_sign(marks.armed)} {stage}")
        elif study.stages:
            told.append("✓ complete")
        rest = session.end - trail.time(place)
        told.append(f"session ends in {span(rest)}" if rest else "session ends here")
        if study.window is not None and marks.start is not None and marks.armed is not None:
            rest = marks.start + study.window - trail.time(place)
            told.append(f"window ends in {span(rest)}" if rest >= 0 else "window is over")
        text = f" {' · '.join(told)}"
        if cell_len(text) > width:
            text = text.replace(" ends in ", " ")
        return [(fit(text, width), "line--dim")]

    def watch_cursor(self, before: int, cursor: int) -> None:
        """Redraw what depends on the cursor."""
        super().watch_cursor(before, cursor)
        self.refresh_header()

    def _event_cells(self, trail: Trail, number: int, place: int, width: int) -> Sequence[Cell]:
        first, time = int(self._folds.starts[number]), trail.time(place)
        marks, name = trail.marks(place), visible(trail.name(place))
        sign, note, kind = _note(marks, trail.study)
        if marks.units is not None:
            unit = self.shown.unit if self.shown is not None else None
            note, kind = _unit_note(marks.units, unit, trail, note, kind)
        gap = f"{span(time - trail.time(place - 1)):>8}" if place > first and width >= 48 else ""
        gap = gap or (" " * 8 if width >= 48 else "")
        since = offset(time - trail.time(first))
        is_found = self.found is not None and self.found.has(place)
        where = self.found.where(place) if self.found is not None and is_found else ""
        taken = len(since.rjust(9)) + 1 + len(gap) + bool(gap) + 3
        if where:
            # What is asked for now; of the rest its sign says enough.
            sign_of_note = f"{note[0]} " if note and note[0] in _SIGNS else ""
            note, kind = f"{sign_of_note}{visible(where)}", "line--match"
        elif taken + cell_len(name) + cell_len(note) + 1 > width:
            note = note.replace(_LEFT, _LEFT[:2], 1)
        note = fit(note, max(width // 3, width - taken - cell_len(name) - 1)).rstrip()
        room = width - taken - cell_len(note)
        plain = "line--bad" if marks.left else "line--match" if is_found and not where else ""
        return [
            (f"{since:>9} ", "line--dim"),
            (f"{gap} " if gap else "", "line--dim"),
            (f"{sign:1} ", "line--accent" if marks.counted is not None else "line--dim"),
            (fit(name, max(8, min(room, cell_len(name) + 1))), plain),
            (f" {note}", kind),
        ]

    def _toggle(self, number: int) -> None:
        self._fold(self._folds.with_fold(number, folded=not self._folds.folded[number]))

    def _fold(self, folds: Folds) -> None:
        """Lay the lines out anew, with the cursor at the event where it was."""
        place = self._folds.nearest_place(self.cursor)
        at_header = self._folds.place_at(self.cursor) is None
        self._folds = folds
        self.line_count = folds.line_count
        session = folds.session_of(place)
        self.cursor = int(folds.headers[session]) if at_header else folds.line_of(place)
        self.bring_into_sight(self.cursor)
        self.refresh()

    def _go_to_session(self, number: int) -> None:
        if self.trail is None or not self.line_count:
            return
        number = max(0, min(number, len(self.trail.sessions) - 1))
        shown = 0 if self._folds.folded[number] else self.trail.sessions[number].event_count
        self.cursor = int(self._folds.headers[number])
        self.bring_into_sight(self.cursor, lines_after=shown)

    def _go_to_end_of_attempt(self, shown: Shown) -> None:
        """Go to the last event of what was asked for that counted: what follows is what was done
        instead.
        """
        first, count = 0, len(shown.trail)
        if shown.session is not None:
            number = shown.session - 1
            self._go_to_session(number)
            if self._folds.folded[number]:
                return
            session = shown.trail.sessions[number]
            first, count = session.first_event, session.event_count
        place = shown.trail.last_counted(first, count, shown.unit)
        if place is not None:
            self.go_to(place)
            self.bring_into_sight(self.cursor, lines_after=first + count - 1 - place)


def _place_of_time(trail: Trail, moment: int) -> int:
    """The place of the first event at a moment or later."""
    low, high = 0, len(trail) - 1
    while low < high:
        middle = (low + high) // 2
        low, high = (middle + 1, high) if trail.time(middle) < moment else (low, middle)
    return low


def _header_cells(session: Session, sign: str, width: int) -> list[Cell]:
    when, length = stretch(session.start, session.end), span(session.end - session.start)
    events, begun = (
        plural(session.event_count, "event"),
        f"{day(session.start)} {clock(session.start)}",
    )
    texts = (
        f" Session {session.index}  {when} · {length} · {events}",
        f" {session.index}  {when} · {length} · {events}",
        f" {session.index}  {begun} · {length} · {events}",
        f" {session.index}  {begun} · {events}",
    )
    text = next((text for text in texts if cell_len(text) < width), texts[-1])
    return [(sign, "line--bold", str(session.index - 1)), (fit(text, width - 1), "line--bold")]


def _unit_note(
    units: tuple[int, int], asked: int | None, trail: Trail, note: str, kind: str
) -> tuple[str, str]:
    """The note of an event that belongs to one of several attempts: which, and whether it is not
    of the one asked for.
    """
    if asked is None or units[0] <= asked <= units[1]:
        return f"{_units(units, trail)} {note}".rstrip(), kind or "line--dim"
    return f"≠ {_units(units, trail)}", "line--dim"


def _units(units: tuple[int, int], trail: Trail) -> str:
    """The numbers of attempts, with the value that is held: "#2 mug", "#3–4 mug"."""
    first, last = units
    numbers = f"#{first}" if first == last else f"#{first}–{last}"
    value = trail.units[first - 1].held
    return numbers if value is None else f"{numbers} {fit(visible(value), 24).rstrip()}"


def _note(marks: Marks, study: Study) -> tuple[str, str, str]:
    """What an event is to the funnel: the sign of a stage, words, and how to show them."""
    sign = stage_sign(marks.matches[0]) if marks.matches else ""
    if marks.counted in marks.matches:
        sign = stage_sign(marks.counted)
    if marks.left and marks.armed is not None:
        return sign, f"{_LEFT}no {visible(study.stages[marks.armed].label)}", "line--bad"
    if marks.pending:
        return sign, "… may still go on", "line--accent"
    if marks.counted is None:
        return sign, "", "line--dim"
    if marks.counted == len(study.stages) - 1:
        return sign, "✓ completed", "line--good"
    return sign, "start" if marks.counted == 0 else "", "line--accent"
