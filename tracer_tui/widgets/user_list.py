"""The list of users: everybody, or exactly those behind a number of the funnel."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.message import Message
from textual.reactive import reactive
from textual.widgets import Input

from core.engine import FunnelAnswer, UserRow
from tracer_tui.answers import Listing
from tracer_tui.drawing import count, depth_marks, moment, stage_sign
from tracer_tui.text import content, visible
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import Cell, LineView, columns


class UserLines(LineView):
    """The lines of the list; those not fetched yet are asked for when they come into sight."""

    HEADER_LINES = 1

    listing: reactive[Listing | None] = reactive(None)
    """What has been fetched."""

    @dataclass
    class Wanted(Message):
        """Lines around a place are in sight and not there."""

        index: int

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
        """The names of the columns."""
        by_journey = self._by_journey
        return columns(
            [
                ("  user", self._id_width(width), ""),
                ("no." if by_journey else "sess", -4, ""),
                ("events", -6, ""),
                *([("last seen ▾", 16, "")] if self._has_time(width) else []),
                ("depth", self._marks_width, ""),
            ]
        )

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One user, or one session of a user."""
        row = self.listing.row(index) if self.listing else None
        if row is None:
            self.post_message(self.Wanted(index))
            return [("  …", "line--dim")]
        stages = len(self.listing.page.study.stages) if self.listing else 0
        sign = "●" if stages and row.depth == stages else "○"
        return columns(
            [
                (f"{sign} {visible(row.user)}", self._id_width(width), ""),
                (f"#{row.journey}" if row.journey else count(row.sessions), -4, ""),
                (count(row.events), -6, ""),
                *([(moment(row.last), 16, "line--dim")] if self._has_time(width) else []),
                (depth_marks(row.depth, stages), self._marks_width, "line--accent"),
            ]
        )

    @property
    def row(self) -> UserRow | None:
        """The row at the cursor, if it has been fetched."""
        return self.listing.row(self.cursor) if self.listing else None

    @property
    def _by_journey(self) -> bool:
        rows = self.listing.page.rows if self.listing else ()
        return bool(rows) and rows[0].journey is not None

    @property
    def _marks_width(self) -> int:
        stages = len(self.listing.page.study.stages) if self.listing else 0
        return max(5, min(stages, 8))

    def _has_time(self, width: int) -> bool:
        return width >= 50

    def _id_width(self, width: int) -> int:
        taken = 4 + 6 + self._marks_width + 3 + (17 if self._has_time(width) else 0)
        return max(6, width - taken)


class UserList(Vertical):
    """The pane: lines, a title that says who is listed, and a search."""

    BORDER_TITLE = "Users"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "search", "Search", id="users.search", key_display="/"),
        Binding("n", "next", "Next match", show=False, id="users.next"),
        Binding("N", "previous", "Previous match", show=False, id="users.previous"),
    ]

    answer: reactive[FunnelAnswer | None] = reactive(None)
    """The totals that the list is a part of."""
    listing: reactive[Listing | None] = reactive(None)
    """What has been fetched of the list."""

    @dataclass
    class Chosen(Message):
        """The cursor came to a user, or to a journey of one."""

        row: UserRow

    @dataclass
    class Sought(Message):
        """The text to search for changed."""

        text: str

    def compose(self) -> ComposeResult:
        """Lines above a search that shows itself when it is used."""
        yield UserLines(id="user-lines").data_bind(UserList.listing)
        yield Field(placeholder="part of a user id", id="user-search", compact=True)

    def on_mount(self) -> None:
        """Begin without the search."""
        self.query_one(Input).display = False

    def watch_listing(self, listing: Listing | None) -> None:
        """Say who is listed, with both totals where the list is not everybody."""
        if listing is None:
            return
        page = listing.page
        if page.cohort.kind != "everybody":
            stage = page.study.stages[page.cohort.stage]
            did = {"left": "Left at", "went_on": "Went on from", "reached": "Reached"}
            sign = stage_sign(page.cohort.stage)
            title = f"{did[page.cohort.kind]} {sign} {visible(stage.label)}"
            self.border_title = Content(f"{title} · {count(page.total)}")
        else:
            everybody = (
                f" of {count(self.answer.users_count)}" if page.search and self.answer else ""
            )
            self.border_title = Content(f"Users · {count(page.total)}{everybody}")
        matches = "1 match" if page.total == 1 else f"{count(page.total)} matches"
        self.border_subtitle = content(f"/{page.search} · {matches}" if page.search else "")

    @property
    def lines(self) -> UserLines:
        """The list itself, which takes the focus."""
        return self.query_one(UserLines)

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

    def action_next(self) -> None:
        """Go to the next match."""
        self.lines.action_move(1)

    def action_previous(self) -> None:
        """Go to the match before."""
        self.lines.action_move(-1)

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
        if row is not None:
            self.post_message(self.Chosen(row))
