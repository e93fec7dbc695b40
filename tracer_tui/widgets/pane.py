"""`Pane`: a part of the screen in a border, which says what it shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

from textual.containers import Vertical
from textual.geometry import Region

if TYPE_CHECKING:
    from textual.content import Content


_AROUND_TITLE = 4
"""Cells inside the border that a title leaves."""


class Pane(Vertical):
    """A pane whose titles may change at any key."""

    _is_named_anew = False

    @property
    def room_for_title(self) -> int:
        """The cells that a title has, by the last layout."""
        return self.outer_size.width - self.gutter.width - _AROUND_TITLE

    def entitle(self, title: Content | str) -> None:
        """Say above what is shown."""
        self._is_named_anew = True
        self.border_title = title
        self._is_named_anew = False

    def entitle_below(self, subtitle: Content | str) -> None:
        """Say below what else there is to know."""
        self._is_named_anew = True
        self.border_subtitle = subtitle
        self._is_named_anew = False

    def refresh(
        self,
        *regions: Region,
        repaint: bool = True,
        layout: bool = False,
        recompose: bool = False,
    ) -> Self:
        """Redraw; of other titles only the lines that hold them, and not all that is inside."""
        if self._is_named_anew:
            width, height = self.size
            regions = (Region(0, -1, width, 1), Region(0, height, width, 1))
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
