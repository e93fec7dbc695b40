"""`LineView`: a list that draws only the lines in sight, so that its length does not matter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import ClassVar, NamedTuple, Self

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import Reactive, reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip

from tracer_tui.drawing import fit

Cell = tuple[str, str] | tuple[str, str, str]
"""A text of exactly the cells it takes, and the name of a component class, or "" for plain; and
what a click on it means to the list, if it means more than going to its line."""


STYLES = frozenset(
    f"line--{name}"
    for name in (
        *("header", "cursor", "cursor-blurred", "stale"),
        *("dim", "bold", "bar", "accent", "good", "bad", "chip", "match"),
    )
)
"""The component classes that cells name. The application has them, once for all lists: of its own
each list would have to find them all anew whenever the focus comes or goes.
"""


class _Line(NamedTuple):
    """What stands on a line of a pane: two that are equal look the same."""

    width: int
    cells: list[Cell]
    ground: str
    """The component class of the whole line, or "" for plain."""
    stale: str
    """The component class of what is being worked out anew, or ""."""


class LineView(ScrollView, can_focus=True, inherit_bindings=False):
    """A list of lines with a cursor. Subclasses draw one line at a time."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="move.down"),
        Binding("up,k", "move(-1)", "Up", show=False, id="move.up"),
        Binding("g,home", "move_to(0)", "First", show=False, id="move.first"),
        Binding("G,end", "move_to(-1)", "Last", show=False, id="move.last"),
        Binding("ctrl+d", "move_pages(0.5)", "Half a page down", show=False, id="move.half_down"),
        Binding("ctrl+u", "move_pages(-0.5)", "Half a page up", show=False, id="move.half_up"),
        Binding("pagedown", "move_pages(1.0)", "A page down", show=False, id="move.page_down"),
        Binding("pageup", "move_pages(-1.0)", "A page up", show=False, id="move.page_up"),
    ]
    HEADER_LINES = 0
    """Lines at the top that do not scroll: one or none."""
    FOOTER_LINES = 0
    """Lines at the bottom that do not scroll: one or none."""
    HAS_CURSOR = True
    """Whether the person is on one of the lines; else they are only shown."""

    # Textual's own lays the whole screen out again whenever it changes.
    virtual_size = Reactive(Size(0, 0), layout=False)

    cursor: reactive[int] = reactive(0, repaint=False)
    """The line the person is on."""
    line_count: reactive[int] = reactive(0)
    """Lines of the list."""
    is_stale: reactive[bool] = reactive(False)
    """Whether what is shown is being worked out anew."""

    @dataclass
    class Highlighted(Message):
        """The cursor came to another line."""

        view: LineView
        index: int

        @property
        def control(self) -> LineView:
            """The list it happened in."""
            return self.view

    @dataclass
    class Picked(Message):
        """A line was clicked twice."""

        view: LineView
        index: int

        @property
        def control(self) -> LineView:
            """The list it happened in."""
            return self.view

    def __init__(
        self,
        *,
        name: str | None = None,
        id: str | None = None,  # noqa: A002 - Textual's name for it
        classes: str | None = None,
    ) -> None:
        """Begin without lines."""
        super().__init__(name=name, id=id, classes=classes)
        self._styles: dict[tuple[str, str, str], Style] = {}
        self._drawn: dict[int, _Line] = {}
        self._may_have_changed = False

    def follow(self, index: int, link: str) -> None:
        """Do what a click on a cell with a link means; the header's index is -1."""

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """The cells of a line; what is missing to `width` is filled."""
        raise NotImplementedError

    def draw_header(self, width: int) -> Sequence[Cell]:  # noqa: ARG002 - for subclasses
        """The cells of the line at the top."""
        return [("", "")]

    def draw_footer(self, width: int) -> Sequence[Cell]:  # noqa: ARG002 - for subclasses
        """The cells of the line at the bottom."""
        return [("", "")]

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Redraw some regions; without any, the lines that are not what was drawn.

        Which these are is found when the pane is painted, once for all that has changed by then.
        """
        if not regions and repaint:
            self._may_have_changed = True
            regions = (Region(),)
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw the pane."""
        self._find_changed()
        return super().render_lines(crop)

    def _set_dirty(self, *regions: Region) -> None:
        for y in (y for region in regions for y in region.line_range):
            self._drawn.pop(y, None)
        if not regions:
            self._drawn.clear()
        super()._set_dirty(*regions)

    def _exchange_repaint_regions(self) -> Collection[Region]:
        self._find_changed()
        return super()._exchange_repaint_regions()

    def _find_changed(self) -> None:
        """Have the lines drawn again that are not what was drawn."""
        if not self._may_have_changed:
            return
        self._may_have_changed = False
        width, height = self._inside
        for y in range(height):
            line = self._line(y)
            if line != self._drawn.get(y):
                self._set_dirty(Region(0, y, width, 1))
                self._drawn[y] = line

    def render_line(self, y: int) -> Strip:
        """Draw one line of the pane."""
        line = self._drawn.get(y)
        if line is None or line.width != self._inside.width:
            line = self._drawn[y] = self._line(y)
        segments = [Segment(text, self._style(line, name)) for text, name, *_ in line.cells]
        strip = Strip(segments)
        if cell_len(strip.text.rstrip()) > line.width > 0:
            # What is cut says so: the beginning of a number is another number.
            cut = list(strip.crop(0, line.width - 1))
            strip = Strip([*cut, Segment("…", cut[-1].style if cut else None)])
        return strip.adjust_cell_length(line.width, self._style(line, ""))

    def _line(self, y: int) -> _Line:
        """What stands on a line of the pane."""
        width, height = self._inside
        cells: Sequence[Cell] = []
        ground, index = "", self.scroll_offset.y + y - self.HEADER_LINES
        if y < self.HEADER_LINES:
            cells, ground = self.draw_header(width), "line--header"
        elif y >= height - self.FOOTER_LINES:
            cells = self.draw_footer(width)
        elif index == self.line_count == 0:
            cells = [(f" {self.when_empty}", "line--dim")]
        elif 0 <= index < self.line_count:
            cells = self.draw_line(index, width)
            if index == self.cursor and self.HAS_CURSOR:
                ground = "line--cursor" if self.has_focus else "line--cursor-blurred"
        return _Line(width, list(cells), ground, "line--stale" if self.is_stale else "")

    @property
    def when_empty(self) -> str:
        """What to say where there is no line, and what to do about it."""
        return ""

    @property
    def lines_in_sight(self) -> range:
        """The lines that the pane has room for now."""
        top = self.scroll_offset.y
        return range(top, min(self.line_count, top + self._room))

    def watch_line_count(self, line_count: int) -> None:
        """Make room for the lines, and keep the cursor on one."""
        size = Size(0, line_count + self.HEADER_LINES + self.FOOTER_LINES)
        if size != self.virtual_size:
            self.virtual_size = size
            if self.styles.height is not None and self.styles.height.is_auto:
                self.refresh(layout=True)
            elif self.is_mounted:
                self._refresh_scrollbars()
                self._scroll_update(size)
        self.cursor = max(0, min(self.cursor, line_count - 1))
        self.refresh()

    def refresh_header(self) -> None:
        """Redraw the line at the top."""
        self.refresh(Region(0, 0, self.size.width, self.HEADER_LINES))

    def validate_cursor(self, cursor: int) -> int:
        """Keep the cursor on a line."""
        return max(0, min(cursor, self.line_count - 1))

    def watch_cursor(self, before: int, cursor: int) -> None:
        """Redraw the two lines and the footer, and bring the new one into sight."""
        self._refresh_index(before)
        self._refresh_index(cursor)
        if self.FOOTER_LINES:
            self.refresh(Region(0, self.size.height - 1, self.size.width, 1))
        self.bring_into_sight(cursor)
        self.post_message(self.Highlighted(self, cursor))

    def bring_into_sight(self, index: int, lines_after: int = 0) -> None:
        """Scroll as little as shows a line, with some of those after it."""
        top = self.scroll_offset.y
        last = min(index + lines_after, self.line_count - 1)
        if last >= top + self._room:
            top = last - self._room + 1
        top = min(top, index)
        if top != self.scroll_offset.y:
            self.scroll_to(y=top, animate=False, force=True, immediate=True)

    def action_move(self, lines: int) -> None:
        """Move the cursor by some lines."""
        self.cursor += lines

    def action_move_to(self, index: int) -> None:
        """Move the cursor to a line; -1 is the last."""
        self.cursor = self.line_count - 1 if index < 0 else index

    def action_move_pages(self, pages: float) -> None:
        """Move the cursor by some pages."""
        self.cursor += int(pages * self._room)

    def on_focus(self) -> None:
        """Show the cursor as it is with focus."""
        self.refresh()

    def on_blur(self) -> None:
        """Show the cursor as it is without focus."""
        self.refresh()

    def on_resize(self) -> None:
        """Keep the cursor in sight."""
        self.bring_into_sight(self.cursor)

    def line_at(self, event: events.MouseEvent) -> int | None:
        """The line under the mouse; None over none."""
        place = event.get_content_offset(self)
        if place is None or place.y < self.HEADER_LINES:
            return None
        index = self.scroll_offset.y + place.y - self.HEADER_LINES
        is_line = place.y < self.size.height - self.FOOTER_LINES and 0 <= index < self.line_count
        return index if is_line else None

    def on_click(self, event: events.Click) -> None:
        """Go to the line that was clicked, or follow the link there; two clicks pick the line."""
        place, index = event.get_content_offset(self), self.line_at(event)
        width = self.scrollable_content_region.width
        if place is not None and place.y < self.HEADER_LINES:
            self._follow(-1, self.draw_header(width), place.x)
        if place is None or index is None:
            return
        self.cursor = index
        if not self._follow(index, self.draw_line(index, width), place.x) and event.chain == 2:
            self.post_message(self.Picked(self, index))

    def _follow(self, index: int, cells: Sequence[Cell], x: int) -> bool:
        for text, _, *link in cells:
            x -= cell_len(text)
            if x < 0:
                if link:
                    self.follow(index, link[0])
                return bool(link)
        return False

    @property
    def _inside(self) -> Size:
        """The room for lines, by the last layout.

        `size` and the regions ask where the pane is. Between two layouts that has Textual arrange
        all panes, and the next layout finds no change: what it moves would not be painted.
        """
        width, height = self.outer_size
        return Size(max(0, width - self.gutter.width), max(0, height - self.gutter.height))

    @property
    def _room(self) -> int:
        return max(1, self.size.height - self.HEADER_LINES - self.FOOTER_LINES)

    def _refresh_index(self, index: int) -> None:
        y = index - self.scroll_offset.y + self.HEADER_LINES
        if self.HEADER_LINES <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def notify_style_update(self) -> None:
        """Look all styles up anew."""
        self._styles.clear()
        self._drawn.clear()
        super().notify_style_update()

    def _style(self, line: _Line, name: str) -> Style:
        """How a cell of a line looks."""
        style = self._styles.get((line.stale, line.ground, name))
        if style is None:
            style = self.rich_style
            for part in filter(None, (line.stale, line.ground, name)):
                style += self.app.get_component_styles(part).partial_rich_style
            self._styles[line.stale, line.ground, name] = style
        return style


def columns(texts: Sequence[tuple[str, int, str] | tuple[str, int, str, str]]) -> list[Cell]:
    """Cells from texts, their widths, classes and links, a blank between; a negative width sets
    right.
    """
    cells: list[Cell] = []
    for text, width, name, *link in texts:
        fitted = fit(text, abs(width), right=width < 0)
        cells += [(fitted, name, link[0]) if link else (fitted, name), (" ", "")]
    return cells[:-1]
