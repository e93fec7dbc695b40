"""The source: how it was read, what a person should know of it, and the rows it could not use."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import zip_longest
from textwrap import wrap
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.content import Content
from textual.screen import ModalScreen

from core.reading.report import LoadReport, PartReport
from tracer_tui.drawing import count, plural
from tracer_tui.keys import key_of
from tracer_tui.text import visible
from tracer_tui.widgets.line_view import Cell, LineView

_WIDTH = 70
"""Characters of a line of a warning: so many have room in the narrowest box."""


class SourceLines(LineView):
    """One line for each thing there is to say."""

    def __init__(self, report: LoadReport) -> None:
        """Show a report."""
        super().__init__(id="source-lines")
        self._lines = list(_lines(report))

    def on_mount(self) -> None:
        """Make room for them."""
        self.line_count = len(self._lines)

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:  # noqa: ARG002 - cut by the pane
        """One of them."""
        return self._lines[index]


class Source(ModalScreen[None]):
    """Says how the source was read, and lists the rejected rows that were kept."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,!", "dismiss(None)", "Close", id="source.close")
    ]

    def __init__(self, report: LoadReport) -> None:
        """Show a report."""
        super().__init__()
        self._report = report

    def compose(self) -> ComposeResult:
        """A wide box with the lines."""
        with Vertical(classes="box -wide-box") as box:
            total, rejected = self._report.rows_read, self._report.rejected_rows
            rows = f"{plural(total, 'row')}, {count(rejected)} rejected"
            box.border_title = Content(f"How it was read · {rows}")
            box.border_subtitle = f"{key_of(self.app, 'source.close')} closes"
            yield SourceLines(self._report)


def _lines(report: LoadReport) -> Iterator[Sequence[Cell]]:
    for part in report.parts:
        yield [(f" {visible(part.source)}", "line--bold")]
        yield [(f"   {_rows(part)}", "")]
        if part.time_field is not None:
            yield from ([(f"   {visible(told)}", "line--dim")] for told in _fields(part))
    for warning in report.warnings:
        for sign, line in zip_longest("!", wrap(visible(warning), _WIDTH), fillvalue=" "):
            yield [(f" {sign} {line}", "line--bad")]
    if report.duplicate_events:
        yield [(f" {plural(report.duplicate_events, 'duplicate')} left out", "")]
    if report.merged_ids:
        yield [(f" {plural(report.merged_ids, 'id')} merged with the user they belong to", "")]
    kept = len(report.rejected)
    if not report.rejected_rows:
        yield [(" Every row that was read is an event.", "line--dim")]
        return
    first = "" if report.rejected_rows == kept else f", of the first {count(kept)}"
    yield [(f" Why rows were rejected{first}", "line--bold")]
    reasons = Counter(row.kind for row in report.rejected).most_common()
    digits = max((len(count(number)) for _, number in reasons), default=0)
    for reason, number in reasons:
        yield [(f"   {count(number):>{digits}} {visible(reason)}", "")]
    yield [(f" The rows{first}", "line--bold")]
    for row in report.rejected:
        # Where there is one file only, its name need not push the reason out of sight.
        where = f"{row.source} " if len(report.parts) > 1 else ""
        told = visible(f"{where}{row.unit} {row.number}: {row.reason}")
        yield [(f"   {told}  ", ""), (visible(row.text), "line--dim")]


def _rows(part: PartReport) -> str:
    shape = "" if part.shape == "plain" else f" · {part.shape}"
    why = f", for {part.why}" if part.why and part.shape != "plain" else ""
    return visible(f"{part.format}{shape}{why} · {plural(part.rows, 'row')}")


def _fields(part: PartReport) -> Iterator[str]:
    """Which fields were taken for what."""
    yield f"user: {part.user_field} · event: {part.event_field}"
    yield f"time: {part.time_field}" + (f", {part.time_kind}" if part.time_kind else "")
    if part.id_field is not None:
        yield f"duplicates by {part.id_field}"
