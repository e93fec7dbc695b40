"""The list of users: everybody, or exactly those that every filter holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive, var
from textual.widgets import Input

from core.cohort import Filter
from core.engine import FunnelAnswer, Sort, SortKey, UserRow
from tracer_tui.answers import Listing
from tracer_tui.chips import words
from tracer_tui.drawing import count, depth_marks, moment
from tracer_tui.text import content, visible
from tracer_tui.widgets.chip_line import ChipLine
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import Cell, LineView, columns

_KEYS: tuple[SortKey, ...] = get_args(SortKey)
_TIME_WIDTH = 16


class UserLines(LineView):
    """The lines of the list; those not fetched yet are asked for when they come into sight."""

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
        sort = self.listing.page.sort if self.listing else Sort()
        titles[sort.key] += "▾" if sort.descending else "▴"
        return columns(
            [(titles[key], size, "", key) for key, size in self._widths(width).items() if size]
        )

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
        held = "" if row.held is None else f" · {visible(row.held)}"
        pending = "…" if row.pending else ""
        widths = self._widths(width)
        texts: dict[SortKey, tuple[str, str]] = {
            "user": (f"{sign} {visible(row.user)}{held}", ""),
            "sessions": (f"#{row.journey}" if row.journey else count(row.sessions), ""),
            "events": (count(row.events), ""),
            "first": (moment(row.first), "line--dim"),
            "last": (moment(row.last), "line--dim"),
            "depth": (f"{depth_marks(row.depth, stages)}{pending}", "line--accent"),
        }
        return columns(
            [(texts[key][0], size, texts[key][1]) for key, size in widths.items() if size]
        )

    def follow(self, index: int, link: str) -> None:  # noqa: ARG002 - only the header has links
        """Order by the column that was clicked, or turn its order round."""
        key = next(key for key in _KEYS if key == link)
        now = self.listing.page.sort if self.listing else Sort()
        down = not now.descending if key == now.key else key != "user"
        self.post_message(self.Sorted(Sort(key, down)))

    @property
    def when_empty(self) -> str:
        """Why nobody is there."""
        page = self.listing.page if self.listing else None
        if page is not None and page.search:
            return "No such id: esc clears this."
        if page is not None and page.cohort.filters:
            return "Nobody: esc shows everybody."
        return "No events: ! shows why."

    @property
    def row(self) -> UserRow | None:
        """The row at the cursor, if it has been fetched."""
        return self.listing.row(self.cursor) if self.listing else None

    @property
    def _by_journey(self) -> bool:
        rows = self.listing.page.rows if self.listing else ()
        return bool(rows) and rows[0].journey is not None

    def _widths(self, width: int) -> dict[SortKey, int]:
        """The cells of each column in so many; 0 for one that has no room. Negative sets right."""
        stages = len(self.listing.page.study.stages) if self.listing else 0
        marks = max(6, min(stages, 8) + 1)
        sessions, events = 5, 7
        rest = width - sessions - events - marks - 3
        shown = max(0, min(2, (rest - 12) // (_TIME_WIDTH + 1)))
        return {
            "user": max(6, rest - shown * (_TIME_WIDTH + 1)),
            "sessions": -sessions,
            "events": -events,
            "first": _TIME_WIDTH if shown > 1 else 0,
            "last": _TIME_WIDTH if shown else 0,
            "depth": marks,
        }


class UserList(Vertical):
    """The pane: filters, lines, a title that says how many are listed, and a search."""

    BORDER_TITLE = "1 Users"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="users.search", key_display="/"),
        Binding("n", "next(1)", "Next match", show=False, id="users.next"),
        Binding("N", "next(-1)", "Previous match", show=False, id="users.previous"),
        Binding("S", "sort_next", "Sort by the next column", show=False, id="users.sort"),
        Binding("R", "reverse", "Reverse the order", show=False, id="users.reverse"),
        Binding(
            "backspace", "unfilter", "Take the last filter off", show=False, id="users.unfilter"
        ),
        Binding("enter", "open", "Timeline", id="users.open"),
        Binding("space", "mark", "Mark", show=False, id="users.mark"),
    ]

    answer: var[FunnelAnswer | None] = var(None)
    """The totals that the list is a part of."""
    listing: var[Listing | None] = var(None)
    """What has been fetched of the list."""
    is_stale: var[bool] = var(False)
    """Whether another list is being worked out."""

    @dataclass
    class Chosen(Message):
        """The cursor came to a user, or to a journey of one."""

        row: UserRow

    @dataclass
    class Opened(Message):
        """The user at the cursor is to be looked at, or taken."""

        row: UserRow

    @dataclass
    class Sought(Message):
        """The text to search for changed."""

        text: str

    @dataclass
    class Unfiltered(Message):
        """A filter is to be taken off."""

        filter: Filter

    def compose(self) -> ComposeResult:
        """Filters, then lines above a search that shows itself when it is used."""
        yield ChipLine(id="user-filters")
        yield UserLines(id="user-lines").data_bind(UserList.listing, UserList.is_stale)
        yield Field(placeholder="part of a user id", id="user-search", compact=True)

    def on_mount(self) -> None:
        """Begin without the search."""
        self.query_one(Input).display = False

    def watch_listing(self, listing: Listing | None) -> None:
        """Say who is listed, with both totals where the list is not everybody."""
        if listing is None:
            return
        page = listing.page
        chips = [words(each, page.study.stages) for each in page.cohort.filters]
        self.query_one(ChipLine).chips = chips
        answer = self.answer
        by_journey = page.cohort.is_of_units and page.study.scope == "journeys"
        what = "Sessions" if by_journey else "Users"
        of = ""
        if answer is not None and (chips or page.search):
            everybody = answer.journeys_count if by_journey else answer.users_count
            of = f" of {count(everybody)}"
        self.border_title = Content(f"1 {what} · {count(page.total)}{of}")
        order = f"{page.sort.key} {'▾' if page.sort.descending else '▴'}"
        matches = "1 match" if page.total == 1 else f"{count(page.total)} matches"
        self.border_subtitle = content(f"/{page.search} · {matches}" if page.search else order)

    @property
    def lines(self) -> UserLines:
        """The list itself, which takes the focus."""
        return self.query_one(UserLines)

    @property
    def marked(self) -> list[str]:
        """The users that are marked, in the order in which they were."""
        return list(self.lines.marked)

    def action_mark(self) -> None:
        """Mark the user at the cursor, or unmark, and go on to the next."""
        row = self.lines.row
        if row is not None:
            self.lines.mark(row.user)
            self.lines.action_move(1)

    @property
    def filters(self) -> Sequence[Filter]:
        """The filters of the list that is shown."""
        return self.listing.page.cohort.filters if self.listing else ()

    def clear_search(self) -> bool:
        """Close the search; False when there was none."""
        search = self.query_one(Input)
        was_open = bool(search.display)
        search.display = False
        if search.value:
            search.value = ""
        return was_open

    def action_search(self) -> None:
        """Open the search."""
        search = self.query_one(Input)
        search.display = True
        search.focus()

    def action_next(self, steps: int) -> None:
        """Go to the next match, or the one before."""
        self.lines.action_move(steps)

    def action_sort_next(self) -> None:
        """Order by the next column."""
        key = self.listing.page.sort.key if self.listing else Sort().key
        following = _KEYS[(_KEYS.index(key) + 1) % len(_KEYS)]
        self.lines.follow(-1, following)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.lines.follow(-1, self.listing.page.sort.key if self.listing else Sort().key)

    def action_unfilter(self) -> None:
        """Take the last filter off."""
        if self.filters:
            self.post_message(self.Unfiltered(self.filters[-1]))

    def action_open(self) -> None:
        """Look at the user at the cursor."""
        row = self.lines.row
        if row is not None:
            self.post_message(self.Opened(row))

    @on(LineView.Picked)
    def _open_clicked(self, event: LineView.Picked) -> None:
        event.stop()
        self.action_open()

    @on(ChipLine.Removed)
    def _remove_clicked(self, event: ChipLine.Removed) -> None:
        event.stop()
        if event.index < len(self.filters):
            self.post_message(self.Unfiltered(self.filters[event.index]))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Search while it is typed."""
        event.stop()
        self.post_message(self.Sought(event.value))

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Go back to the list, which keeps what was found."""
        event.stop()
        self.lines.focus()

    def on_line_view_highlighted(self, event: LineView.Highlighted) -> None:
        """Say which user the cursor is on."""
        event.stop()
        row = self.lines.row
        if row is not None and isinstance(event.view, UserLines):
            self.post_message(self.Chosen(row))
