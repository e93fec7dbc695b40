"""From sources to columns: the whole of reading, in the order it happens."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from core.errors import SourceError
from core.event import iso_text
from core.reading.codes import Texts
from core.reading.identity import Aliases, merge, read_aliases
from core.reading.options import ReadOptions
from core.reading.part import BLANK, REJECTED, Part
from core.reading.parts import READING_SHARE, Parts
from core.reading.picked import Picked
from core.reading.progress import Watch
from core.reading.records import Source
from core.reading.rejects import cut, refused_rows, rejected_rows, write_rejected
from core.reading.report import SHOWN_REJECTS, LoadReport, PartReport, RejectedRow
from core.reading.sql import ask
from core.reading.store import Store
from core.threads import extremes

if TYPE_CHECKING:
    from numpy.typing import NDArray

LONGEST_SPAN = 25 * 365 * 86_400_000_000
"""Microseconds between the first and last event beyond which times are doubtful."""


@dataclass(eq=False)
class RawEvents:
    """The accepted events as columns, in the order read: n events, u users, k names."""

    users: NDArray[np.object_]
    """(u) ids as text, in the order of their code points."""
    names: tuple[str, ...]
    """(k) event names, in the order of their code points."""
    user: NDArray[np.unsignedinteger]
    """(n) index into `users`."""
    name: NDArray[np.unsignedinteger]
    """(n) index into `names`."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970, UTC."""
    sequence: NDArray[np.int64] | None
    """(n) the source's own number for ordering simultaneous events; None when it has none."""
    row: NDArray[np.int64] | None
    """(n) number of the row in the store; None when it is the place in these columns."""
    store: Store
    """Where the rows are."""
    report: LoadReport
    """What reading found, but for duplicates."""
    merged: Mapping[str, tuple[str, ...]]
    """The ids that were merged into each user."""
    ids: Callable[[NDArray[np.int64]], NDArray[np.uint64]] | None
    """For places in these columns a number each that tells duplicates, 0 for none; None when the
    source has no such id."""
    release: Callable[[], None]
    """Lets go of what is needed no more when the columns are in order."""
    watch: Watch
    """Whom to ask whether to go on."""

    @cached_property
    def span(self) -> tuple[int, int]:
        """The first time and the last; 0 for both where there is none."""
        return extremes(self.time) if len(self.time) else (0, 0)


class Reader:
    """Reads sources into a store."""

    def __init__(self, options: ReadOptions, watch: Watch) -> None:
        """Open an empty store."""
        self.options = options
        self.watch = watch
        self.store = Store(options.tz)
        self._connection = self.store.connection
        self._beside = self._connection.cursor()
        self.parts = Parts(self.store, options, watch)

    def read(self, source: Source) -> RawEvents:
        """Read everything `source` names. Raises SourceError when there is nothing to show."""
        aliases = Aliases()
        if self.options.alias is not None:
            aliases.add(read_aliases(self.options.alias))
        with self.watch.queries(self._connection, self._beside):
            picked = Picked(self._connection)
            reports = list(self.parts.read(source, picked))
            self.store.parts = [part for part in reports if isinstance(part, Part)]
            self.watch.span = (READING_SHARE, 1.0)
            return self._columns(picked, reports, aliases)

    def _columns(
        self, picked: Picked, reports: Sequence[Part | PartReport], aliases: Aliases
    ) -> RawEvents:
        check = self.watch.check
        if not picked.relations:
            return self._nothing(reports)
        # Those of rejected rows are among them, and have no events in the end.
        with ThreadPoolExecutor(1) as beside:
            # Of each query some part is done on one core only: another goes on meanwhile.
            names_found = beside.submit(self._names, picked)
            times = beside.submit(picked.column, "t", f"coalesce({{0}}, {REJECTED})", self._beside)
            users = picked.texts("u", self._connection)
            user = picked.places("u", users, self._connection)
            (names, event), time = names_found.result(), times.result()
        self._find_aliases(picked, aliases)
        sequence = picked.column("s") if picked.relations_with("s") else None
        check()
        refused = refused_rows(time, (user, users), (event, names))
        report = self._report(reports, refused, time)
        row = np.delete(np.arange(len(time)), refused) if len(refused) else None
        if row is not None:
            time, user, event = time[row], user[row], event[row]
            sequence = None if sequence is None else sequence[row]
        ids, merged = users.texts, dict[str, tuple[str, ...]]()
        if aliases.into:
            ids, code, merged = merge(users.texts, aliases)
            user = code[user]
            if aliases.refused:
                self.parts.warnings.append(
                    f"{aliases.refused:,} times an id was said to be yet another user; "
                    "the first stays"
                )
        has_ids = bool(picked.relations_with("d"))

        def duplicates(places: NDArray[np.int64]) -> NDArray[np.uint64]:
            return picked.ids(places if row is None else row[places])

        raw = RawEvents(
            users=ids,
            names=tuple(names.texts.tolist()),
            user=user,
            name=event,
            time=time,
            sequence=sequence if sequence is not None and sequence.any() else None,
            row=row,
            store=self.store,
            report=report,
            merged=merged,
            ids=duplicates if has_ids else None,
            release=picked.drop,
            watch=self.watch,
        )
        raw.report = replace(
            report,
            merged_ids=sum(map(len, merged.values())),
            warnings=(*self.parts.warnings, *_doubtful(raw)),
        )
        return raw

    def _names(self, picked: Picked) -> tuple[Texts, NDArray[np.unsignedinteger]]:
        names = picked.texts("e", self._beside)
        return names, picked.places("e", names, self._beside)

    def _nothing(self, reports: Sequence[Part | PartReport]) -> RawEvents:
        return RawEvents(
            users=np.empty(0, dtype=object),
            names=(),
            user=np.empty(0, dtype=np.uint8),
            name=np.empty(0, dtype=np.uint8),
            time=np.empty(0, dtype=np.int64),
            sequence=None,
            row=None,
            store=self.store,
            report=LoadReport(
                tuple(r for r in reports if isinstance(r, PartReport)),
                warnings=tuple(self.parts.warnings),
            ),
            merged={},
            ids=None,
            release=lambda: None,
            watch=self.watch,
        )

    def _find_aliases(self, picked: Picked, aliases: Aliases) -> None:
        rows = " UNION ALL ".join(
            f"SELECT a, k, t FROM {name} WHERE a IS NOT NULL AND k IS NOT NULL AND t > {BLANK}"
            for name in picked.relations_with("a")
        )
        if rows:
            # In time order, and deterministic where times are equal.
            aliases.add(
                ask(
                    self._connection,
                    f"SELECT a, k FROM ({rows}) GROUP BY a, k ORDER BY min(t), a, k",
                )
            )

    def _report(
        self,
        reports: Sequence[Part | PartReport],
        refused: NDArray[np.int64],
        time: NDArray[np.int64],
    ) -> LoadReport:
        made, rejected, rejected_count = [], list[RejectedRow](), 0
        for part in reports:
            if isinstance(part, PartReport):
                made.append(part)
                continue
            ends = (part.first_row, part.first_row + part.rows)
            of_part = refused[slice(*refused.searchsorted(ends).tolist())]
            lacking = of_part[time[of_part] < BLANK] - part.first_row
            blank = len(of_part) - len(lacking)
            count = len(lacking) + part.file.broken_count
            made.append(part.report(part.rows - blank + part.file.broken_count))
            rejected_count += count
            if count:
                self._reject(part, lacking, rejected)
        kept = len(time) - len(refused)
        return LoadReport(
            parts=tuple(made),
            rows_read=kept + rejected_count,
            accepted_rows=kept,
            rejected_rows=rejected_count,
            rejected=tuple(rejected),
        )

    def _reject(self, part: Part, lacking: NDArray[np.int64], rejected: list[RejectedRow]) -> None:
        options = self.options
        if options.strict:
            first = next(rejected_rows(self._connection, part, lacking, 1))
            raise SourceError(f"{first}; without --strict such rows are left out and counted")
        if options.rejects is None:
            most = SHOWN_REJECTS - len(rejected)
            rows = rejected_rows(self._connection, part, lacking, most)
        else:
            rows = write_rejected(
                rejected_rows(self._connection, part, lacking, None),
                Path(options.rejects),
                is_new=not rejected,
            )
        rejected += (replace(row, text=cut(row.text)) for row in rows)


def _doubtful(raw: RawEvents) -> Iterator[str]:
    if raw.span[1] - raw.span[0] > LONGEST_SPAN:
        ends = [int(raw.time.argmin()), int(raw.time.argmax())]
        rows = ends if raw.row is None else raw.row[ends].tolist()
        first, last = (
            f"{iso_text(time)} in {raw.store.place(row)}"
            for time, row in zip(raw.span, rows, strict=True)
        )
        yield f"the times span an unlikely range, from {first} to {last}"
