"""The list of users: everybody, or exactly those that every filter holds."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import ClassVar, get_args

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.content import Content
from textual.message import Message
from textual.reactive import var
from textual.widgets import Input

from core.cohort import Filter
from core.engine import FunnelAnswer, Sort, SortKey, UserRow
from tracer_tui.answers import Listing
from tracer_tui.chips import words
from tracer_tui.drawing import count, short_count
from tracer_tui.rules import counted
from tracer_tui.text import content
from tracer_tui.widgets.chip_line import ChipLine
from tracer_tui.widgets.field import Search
from tracer_tui.widgets.line_view import LineView
from tracer_tui.widgets.pane import Pane
from tracer_tui.widgets.user_lines import UserLines

_KEYS: tuple[SortKey, ...] = get_args(SortKey)
_ORDERS: dict[SortKey, str] = {
    "user": "id",
    "sessions": "sessions",
    "events": "events",
    "first": "first seen",
    "last": "last seen",
    "depth": "depth",
}
"""What a list is ordered by, in words."""


class UserList(Pane):
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

    def __init__(self, *, id: str, classes: str, is_picking: bool) -> None:  # noqa: A002 - Textual's name for it
        """Begin with nobody; when `is_picking`, the keys say that users are to be printed."""
        super().__init__(id=id, classes=classes)
        if is_picking:
            of_keys = self._bindings.key_to_bindings
            for key, what in (("enter", "Print and leave"), ("space", "Mark")):
                of_keys[key] = [replace(each, description=what, show=True) for each in of_keys[key]]

    def compose(self) -> ComposeResult:
        """Filters, then lines above a search that shows itself when it is used."""
        yield ChipLine(id="user-filters")
        yield UserLines(id="user-lines").data_bind(UserList.listing, UserList.is_stale)
        yield Search(placeholder="part of a user id", id="user-search", compact=True)

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
        self._tell_who()
        order = f"by {_ORDERS[page.sort.key]} {'▾' if page.sort.descending else '▴'}"
        matches = "1 match" if page.total == 1 else f"{count(page.total)} matches"
        self.entitle_below(content(f"/{page.search} · {matches}" if page.search else order))

    def on_resize(self) -> None:
        """A total has another room."""
        self._tell_who()

    def _tell_who(self) -> None:
        """Say how many are listed, and of how many; what has no room for all signs of that is
        told in thousands or more.
        """
        if self.listing is None:
            return
        page = self.listing.page
        answer, study, is_of_units = self.answer, page.study, page.cohort.is_of_units
        what = counted(study).capitalize() if is_of_units else "Users"
        title = f"1 {what} · {count(page.total)}"
        if page.share < 1:
            title += f" · {100 * page.share:.3g} % sample"
        elif answer is not None and (page.cohort.filters or page.search):
            everybody = answer.units_count if is_of_units else answer.users_count
            is_many = study.attempts is not None or study.hold is not None
            if is_of_units and is_many and answer.stages:
                everybody = answer.stages[0].count  # of a session or user there may be several
            title += " of "
            title += short_count(everybody, self.room_for_title - len(title))
        self.entitle(Content(title))

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

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:  # noqa: ARG002 - Textual's
        """In the search its key is a letter."""
        return action != "search" or not self.query_one(Search).has_focus

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
        self.lines.sort_by(following)

    def action_reverse(self) -> None:
        """Turn the order round."""
        self.lines.sort_by(self.listing.page.sort.key if self.listing else Sort().key)

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
