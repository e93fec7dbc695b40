"""The lines of the list of users; those not fetched yet are asked for when they come into sight."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import get_args

from textual.message import Message
from textual.reactive import reactive

from core.engine import Sort, SortKey, UserRow
from tracer_tui.answers import Listing
from tracer_tui.drawing import day, depth_marks, fit_ends, moment, short_count
from tracer_tui.keys import key_of
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView, columns

_KEYS: tuple[SortKey, ...] = get_args(SortKey)
_ID_WIDTH = 18
"""Cells that ids get before times do."""
_SESSIONS, _EVENTS = 5, 6
"""Cells of numbers."""
_MOMENT, _DAY = 16, 6
_TIMES = ((_MOMENT, _MOMENT), (0, _MOMENT), (0, _DAY))
"""Cells of the first and the last time seen, the best first."""


class UserLines(LineView):
    """One line a user, or a session of one, in columns that come with the room for them."""

    HEADER_LINES = 1

    listing: reactive[Listing | None] = reactive(None)
    """What has been fetched."""

    @dataclass
    class Wanted(Message):
        """Lines around a place are in sight and not there."""

        index: int

    @dataclass
    class Sorted(Message):
        """Another order is wanted."""

        sort: Sort

    def __init__(self, *, id: str) -> None:  # noqa: A002 - Textual's name for it
        """Begin with nobody."""
        super().__init__(id=id)
        self.marked: dict[str, None] = {}

    def mark(self, user: str) -> None:
        """Mark a user, or unmark."""
        if user in self.marked:
            del self.marked[user]
        else:
            self.marked[user] = None
        self.refresh()

    def watch_listing(self, listing: Listing | None) -> None:
        """Show what was fetched, with the cursor where it belongs."""
        if listing is None:
            return
        self.set_reactive(LineView.line_count, listing.page.total)
        self.watch_line_count(listing.page.total)
        if listing.cursor is not None:
            self.cursor = listing.cursor
        self.refresh()
        # Who is at the cursor may only be known now.
        self.post_message(self.Highlighted(self, self.cursor))

    def draw_header(self, width: int) -> Sequence[Cell]:
        """The names of the columns, with the order on the one that makes it."""
        titles = {
            "user": "  user",
            "sessions": "no." if self._by_journey else "sess",
            "events": "events",
            "first": "first seen",
            "last": "last seen",
            "depth": "depth",
        }
        widths = self._widths(width)
        if widths["last"] == _DAY:
            titles["last"] = "last"
        sort = self.listing.page.sort if self.listing else Sort()
        room = abs(widths[sort.key]) - 1
        titles[sort.key] = f"{titles[sort.key][:room]}{'▾' if sort.descending else '▴'}"
        return columns([(titles[key], size, "", key) for key, size in widths.items() if size])

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One user, or one session of a user."""
        row = self.listing.row(index) if self.listing else None
        if row is None:
            self.post_message(self.Wanted(index))
            return [("  …", "line--dim")]
        stages = len(self.listing.page.study.stages) if self.listing else 0
        sign = "●" if stages and row.depth == stages else "○"
        if row.user in self.marked:
            sign = "✓"
        pending = "…" if row.pending else ""
        widths = self._widths(width)
        sessions = f"#{row.journey}" if row.journey else short_count(row.sessions, _SESSIONS)
        texts: dict[SortKey, tuple[str, str]] = {
            "user": (f"{sign} {fit_ends(_id(row), widths['user'] - 2)}", ""),
            "sessions": (sessions, ""),
            "events": (short_count(row.events, _EVENTS), ""),
            "first": (moment(row.first), "line--dim"),
            "last": ((day if widths["last"] == _DAY else moment)(row.last), "line--dim"),
            "depth": (f"{depth_marks(row.depth, stages)}{pending}", "line--accent"),
        }
        return columns(
            [(texts[key][0], size, texts[key][1]) for key, size in widths.items() if size]
        )

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - only the header has links
        """Order by the column that was clicked, or turn its order round."""
        self.sort_by(next(key for key in _KEYS if key == link))

    def sort_by(self, key: SortKey) -> None:
        """Ask for the order by a column; of the one in force, the other way round."""
        now = self.listing.page.sort if self.listing else Sort()
        down = not now.descending if key == now.key else key != "user"
        self.post_message(self.Sorted(Sort(key, down)))

    @property
    def when_empty(self) -> str:
        """Why nobody is there."""
        page = self.listing.page if self.listing else None
        if page is not None and page.search:
            return f"No such id: {key_of(self.app, 'users.everybody')} clears this."
        if page is not None and page.cohort.filters:
            return f"Nobody: {key_of(self.app, 'users.everybody')} shows everybody."
        return f"No events: {key_of(self.app, 'app.source')} shows why."

    @property
    def row(self) -> UserRow | None:
        """The row at the cursor, if it has been fetched."""
        return self.listing.row(self.cursor) if self.listing else None

    @property
    def _by_journey(self) -> bool:
        rows = self.listing.page.rows if self.listing else ()
        return bool(rows) and rows[0].journey is not None

    def _widths(self, width: int) -> dict[SortKey, int]:
        """The cells of each column in so many; 0 for one that has no room. Negative sets right.

        Numbers make way for ids only where nothing would be left of these; times do before.
        """
        stages = len(self.listing.page.study.stages) if self.listing else 0
        marks = max(6, min(stages, 8) + 1 if self._has_pending else min(stages, 8))
        sessions, events = _SESSIONS, _EVENTS
        if width < marks + sessions + events + 9:
            sessions = events = 0
        rest = width - marks - 1 - sessions - bool(sessions) - events - bool(events)
        first, last = next(
            (times for times in _TIMES if rest - sum(times) - sum(map(bool, times)) >= _ID_WIDTH),
            (0, 0),
        )
        return {
            "user": max(6, rest - first - last - bool(first) - bool(last)),
            "sessions": -sessions,
            "events": -events,
            "first": first,
            "last": last,
            "depth": marks,
        }

    @property
    def _has_pending(self) -> bool:
        return any(row.pending for row in self.listing.page.rows) if self.listing else False


def _id(row: UserRow) -> str:
    """The id of a user, with the value that is held."""
    held = "" if row.held is None else f" · {visible(row.held)}"
    return f"{visible(row.user)}{held}"
