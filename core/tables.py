"""Answers as tables, and tables as text: CSV, JSON and Markdown.

Texts come from events, and the file is opened by other programs. So a CSV cell never begins like a
spreadsheet formula, and a Markdown cell never ends its column or marks anything up. JSON is exact,
and has as values what stands as JSON text in the cells of the others.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from core.cohort import Cohort
from core.engine import Engine, FunnelAnswer, Sort
from core.errors import QuestionError
from core.event import iso_text
from core.study import Study
from core.timeline import Trail

Format = Literal["json", "csv", "md"]
"""How a table is written."""
Value = str | int | float | None
"""What stands in a cell."""

PAGE = 10_000
"""Rows of a list asked for at a time."""

_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")
_MARKS = re.compile(r"([\\`*_{}\[\]<>()#|~!&$])")


@dataclass(frozen=True, eq=False)
class Table:
    """Rows of cells under names."""

    columns: Sequence[str]
    """The names."""
    rows: Iterable[Sequence[Value]]
    """The cells; they may be asked for once only."""
    nested: frozenset[str] = frozenset()
    """The columns whose cells are JSON as text."""

    def text(self, form: Format) -> str:
        """All of it in a format, ending in a line break."""
        return "".join(self.lines(form))

    def lines(self, form: Format) -> Iterator[str]:
        """The same in pieces, for tables that are long."""
        if form == "json":
            return self._json()
        return self._csv() if form == "csv" else self._markdown()

    def _json(self) -> Iterator[str]:
        before = "[\n"
        for row in self.rows:
            record: dict[str, object] = dict(zip(self.columns, row, strict=True))
            for column in self.nested:
                # Python reads and writes NaN and Infinity, which are no JSON.
                record[column] = json.loads(str(record[column]), parse_constant=lambda _: None)
            yield f"{before}  {json.dumps(record, allow_nan=False)}"
            before = ",\n"
        yield "[]\n" if before == "[\n" else "\n]\n"

    def _csv(self) -> Iterator[str]:
        for row in (self.columns, *self.rows):
            line = io.StringIO()
            csv.writer(line, lineterminator="\n").writerow(map(_plain, row))
            yield line.getvalue()

    def _markdown(self) -> Iterator[str]:
        yield f"| {' | '.join(map(_unmarked, self.columns))} |\n"
        yield f"|{' --- |' * len(self.columns)}\n"
        for row in self.rows:
            yield f"| {' | '.join(map(_unmarked, row))} |\n"


def _plain(value: Value) -> Value:
    """A cell that no spreadsheet takes for a formula."""
    return f"'{value}" if isinstance(value, str) and value.startswith(_FORMULA) else value


def _unmarked(value: Value) -> str:
    """A cell that is no markup, on one line."""
    if value is None:
        return ""
    text = " ".join(str(value).split())
    signs = "".join(sign if sign.isprintable() else "\ufffd" for sign in text)
    return _MARKS.sub(r"\\\1", signs) if isinstance(value, str) else signs


def funnel_table(answer: FunnelAnswer, medians: Sequence[float | None] = ()) -> Table:
    """One row a stage; `medians` are seconds to the next stage, as the engine gives them.

    Numbers of a sample have their bounds beside them.
    """
    to_next = [*medians, *[None] * (len(answer.stages) - len(medians))]
    sampled = answer.sampled
    bounds: Sequence[Sequence[Value]] = [()] * len(answer.stages)
    if sampled is not None:
        bounds = [(*a, *b) for a, b in zip(sampled.counts, sampled.conversions, strict=True)]
    return Table(
        (
            *("stage", "count", "conversion", "step_conversion"),
            *("dropped", "drop_off", "pending", "median_seconds_to_next"),
            *(("count_low", "count_high", "conversion_low", "conversion_high") if sampled else ()),
        ),
        [
            (
                *(each.stage, each.count, each.conversion, each.step_conversion),
                *(each.dropped, each.drop_off, each.pending, median),
                *bound,
            )
            for each, median, bound in zip(answer.stages, to_next, bounds, strict=True)
        ],
    )


def users_table(
    engine: Engine, study: Study, cohort: Cohort, sort: Sort, search: str = ""
) -> Table:
    """One row for each line of a list, in its order.

    Its rows raise QuestionError when a sample gives way to everybody before the last of them.
    """

    def rows() -> Iterator[Sequence[Value]]:
        start, total, share = 0, 1, None
        while start < total:
            page = engine.users(study, cohort, sort, search, start, start + PAGE)
            if share not in (None, page.share):
                raise QuestionError("the list has become exact meanwhile: write it again")
            total, start, share = page.total, start + PAGE, page.share
            for row in page.rows:
                yield (
                    *(row.user, row.journey, row.sessions, row.events),
                    *(iso_text(row.first), iso_text(row.last), row.depth, row.held),
                )

    return Table(
        ("user", "session", "sessions", "events", "first", "last", "depth", "held"), rows()
    )


def trail_table(trail: Trail) -> Table:
    """One row for each event of a user."""

    def rows() -> Iterator[Sequence[Value]]:
        for session in trail.sessions:
            for place in range(session.first_event, session.first_event + session.event_count):
                marks = trail.marks(place)
                event = trail.event(place)
                stage = None if marks.counted is None else marks.counted + 1
                yield (
                    *(trail.user, session.index, iso_text(trail.time(place)), event.name),
                    *(stage, int(marks.left), json.dumps(dict(event.properties), default=str)),
                )

    columns = ("user", "session", "time", "event", "stage", "left", "properties")
    return Table(columns, rows(), nested=frozenset({"properties"}))
