"""`EventLog`: all events as columns sorted by user and time. It never changes.

n events, u users, k names. 8 bytes an event for the time, 8 for the gap, 4 for the row, and 1 to 4
for the name: at most 24. Users cost offsets and their ids only.
"""

from __future__ import annotations

import bisect
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import TYPE_CHECKING, TypedDict, TypeVar, Unpack

import numpy as np

from core.event import Event, to_datetime
from core.reading import prepared
from core.reading.options import ReadOptions
from core.reading.order import in_order
from core.reading.prepared import Prepared
from core.reading.progress import Progress, Watch
from core.reading.raw import RawEvents, Reader
from core.reading.records import Source
from core.reading.report import LoadReport
from core.reading.sorting import smallest
from core.reading.store import Store
from core.threads import on_all_cores, slices

if TYPE_CHECKING:
    from numpy.typing import NDArray

Value = TypeVar("Value", bound=np.generic)

FIRST_GAP = np.iinfo(np.int64).max
"""The gap before a user's first event: longer than any timeout."""


class ReadArguments(TypedDict, total=False):
    """What `read_events` takes beside the source."""

    user_field: str | None
    event_field: str | None
    time_field: str | None
    shape: str | None
    tz: str
    table: str | None
    alias: str | None
    rejects: str | None
    strict: bool
    cache: bool
    cancelled: Callable[[], bool] | None
    progress: Progress | None


def read_events(source: Source, **options: Unpack[ReadArguments]) -> EventLog:
    """Read events into a log.

    `source` is a path, a glob, a folder, an address or "-" for standard input, several of them in a
    list, or records from memory: mappings or `core.Event`. What a file is comes from its content,
    and so does a vendor's `shape`, unless it is named. Fields not named are guessed, and
    `log.report` says how. `tz` is the zone of times that name none, `table` one of a database file,
    `alias` a file of two columns: an id and the user it belongs to.

    Rows that are not events are counted and kept in `log.report.rejected`; all of them are written
    to the file `rejects`, one JSON object a line, and with `strict` the first is an error. With
    `cache` a prepared copy of large files is kept in the user's cache folder for the next time.

    Raises SourceError when nothing can be read, and Cancelled soon after `cancelled()` turns true.
    `progress` is told a `Share`: a number from 0 to 1 with bytes and rows, from another thread.
    """
    watch = Watch(options.get("cancelled"), options.get("progress"))
    named = ReadOptions(
        user_field=options.get("user_field"),
        event_field=options.get("event_field"),
        time_field=options.get("time_field"),
        shape=options.get("shape"),
        tz=options.get("tz", "UTC"),
        table=options.get("table"),
        alias=options.get("alias"),
        rejects=options.get("rejects"),
        strict=options.get("strict", False),
        cache=options.get("cache", False),
    )
    reader = Reader(named, watch)
    key = reader.parts.key(source)
    found = None if key is None else prepared.load(key)
    if found is not None:
        reader.store.later(lambda: reader.parts.again(source, key, found.parts))
        return _log(found.prepared, reader.store)
    read = sort_columns(reader.read(source))
    if key is not None:
        parts = [part.file.remembered() for part in reader.store.parts]
        # Not a daemon: what is begun is finished, and what is killed leaves nothing behind.
        threading.Thread(target=prepared.save, args=(key, read, parts), name="saving").start()
    return _log(read, reader.store)


def sort_events(raw: RawEvents) -> EventLog:
    """The log of columns that were read."""
    return _log(sort_columns(raw), raw.store)


def _log(read: Prepared, store: Store) -> EventLog:
    return EventLog(
        users=read.users,
        names=read.names,
        offsets=read.offsets,
        name=read.name,
        time=read.time,
        gap=read.gap,
        row=read.row,
        data_end=read.data_end,
        store=store,
        report=read.report,
        merged=read.merged,
    )


def sort_columns(raw: RawEvents) -> Prepared:
    """Order by user, time, sequence number and place in the input (rule O1), without duplicates."""
    columns = in_order(raw)
    raw.release()
    time, offsets = columns.time, columns.offsets
    users, has_events = raw.users, offsets[1:] > offsets[:-1]
    if not has_events.all():  # those of rows that are no events
        users, offsets = users[has_events], np.append(offsets[:-1][has_events], len(time))
    names, name = raw.names, columns.name
    if raw.row is not None:  # rows that are no events may have had names of their own
        names, name = _occurring(names, name)
    return Prepared(
        users=users,
        names=names,
        offsets=offsets,
        name=name,
        time=time,
        gap=_gaps(time, offsets, columns.spare),
        row=columns.row,
        data_end=raw.span[1],
        report=replace(raw.report, accepted_rows=len(time), duplicate_events=columns.duplicates),
        merged=raw.merged,
    )


def _folded(text: str) -> bytes:
    """A text in which case does not matter, as bytes: a part of it is a part of them."""
    return text.casefold().encode("utf-8", "surrogatepass")


def _occurring(
    names: tuple[str, ...], name: NDArray[np.unsignedinteger]
) -> tuple[tuple[str, ...], NDArray[np.unsignedinteger]]:
    """The names that events have, and the events' codes in them."""

    def occur(part: slice) -> NDArray[np.bool_]:
        found = np.zeros(len(names), dtype=np.bool_)
        found[name[part]] = True
        return found

    parts = on_all_cores(occur, slices(len(name)))
    there = np.flatnonzero(np.any(parts, axis=0)) if parts else np.empty(0, dtype=np.int64)
    if len(there) == len(names):
        return names, name
    code = np.zeros(len(names), dtype=smallest(len(there)))
    code[there] = np.arange(len(there))
    return tuple(names[place] for place in there.tolist()), code[name]


def _gaps(
    time: NDArray[np.int64], offsets: NDArray[np.int64], gap: NDArray[np.int64]
) -> NDArray[np.int64]:
    """The time since the user's previous event; `FIRST_GAP` at a user's first. It is put into the
    room given.
    """

    def fill(part: slice) -> None:
        later = slice(part.start + 1, part.stop + 1)
        np.subtract(time[later], time[part][: len(time[later])], out=gap[later])

    on_all_cores(fill, slices(len(time)))
    gap[offsets[:-1]] = FIRST_GAP
    return gap


@dataclass(frozen=True, eq=False)
class EventLog:
    """Events sorted by user id, time, sequence number and place in the input (rule O1)."""

    users: NDArray[np.object_]
    """(u) ids as text, in the order of their code points."""
    names: tuple[str, ...]
    """(k) event names, in the order of their code points."""
    offsets: NDArray[np.int64]
    """(u + 1) user i has the events from offsets[i] up to offsets[i + 1], at least one."""
    name: NDArray[np.unsignedinteger]
    """(n) index into `names`."""
    time: NDArray[np.int64]
    """(n) microseconds since 1970, UTC."""
    gap: NDArray[np.int64]
    """(n) microseconds since the user's previous event; `FIRST_GAP` at a user's first."""
    row: NDArray[np.unsignedinteger]
    """(n) number of the row in the store."""
    data_end: int
    """Time of the last event of the whole data, microseconds since 1970, also in a log of some of
    its events; 0 without any."""
    store: Store
    """The rows as they were read."""
    report: LoadReport
    """What reading found."""
    merged: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The ids that were merged into a user, for those who have such."""

    def __len__(self) -> int:
        """The number of events."""
        return len(self.time)

    @property
    def users_count(self) -> int:
        """The number of users."""
        return len(self.users)

    @cached_property
    def name_counts(self) -> dict[str, int]:
        """Events of each name, in the order of `names`."""

        def count(part: slice) -> NDArray[np.int64]:
            return np.bincount(self.name[part], minlength=len(self.names))

        counts = sum(on_all_cores(count, slices(len(self))), np.zeros(len(self.names), np.int64))
        return dict(zip(self.names, counts.tolist(), strict=True))

    @cached_property
    def codes(self) -> dict[str, int]:
        """Each name's index in `names`."""
        return {name: code for code, name in enumerate(self.names)}

    def values(self, field: str, positions: NDArray[np.integer] | None = None) -> NDArray[np.int32]:
        """A number that stands for an event's value of a field, as text; -1 for none.

        One for each event, or for those at some positions. Raises QuestionError when there is no
        such field.
        """
        return self.store.column(field, self.row if positions is None else self.row[positions])

    def merged_ids(self, user: str) -> tuple[str, ...]:
        """The other ids that were found to be this user."""
        return tuple(self.merged.get(user, ()))

    def matching(self, condition: str) -> NDArray[np.bool_]:
        """(n) whether each event meets a SQL condition on its properties; NULL does not.

        Raises QuestionError for a condition that is not one, or names no field there is.
        """
        return np.asarray(self.store.matching(condition)[self.row])

    def where(self, condition: str) -> EventLog:
        """The log of the events that meet a condition, and of the users who have any."""
        keep = self.matching(condition)
        counts = np.add.reduceat(keep, self.offsets[:-1]) if len(self) else self.offsets[:0]
        there = np.flatnonzero(counts)
        offsets = np.concatenate(([0], np.cumsum(counts[there], dtype=np.int64)))
        time = self.time[keep]
        return replace(
            self,
            users=self.users[there],
            offsets=offsets,
            name=self.name[keep],
            time=time,
            gap=_gaps(time, offsets, np.empty(len(time), dtype=np.int64)),
            row=self.row[keep],
        )

    def user_number(self, user: str) -> int | None:
        """The user's place in `users`, or None if nobody has that id."""
        number = bisect.bisect_left(self.users, user)
        return number if number < len(self.users) and self.users[number] == user else None

    def user_of(self, position: int) -> int:
        """The number of the user whose event is at a position."""
        return int(self.offsets.searchsorted(position, side="right")) - 1

    def users_like(self, text: str) -> NDArray[np.int64]:
        """The numbers of the users whose ids contain a text, in order; case is ignored."""
        sought = _folded(text)
        if not sought:
            return np.arange(len(self.users))
        ids, starts = self._folded_ids
        at = np.flatnonzero(ids[: max(0, len(ids) - len(sought) + 1)] == sought[0])
        for place in range(1, len(sought)):
            at = at[ids[at + place] == sought[place]]
        users = starts.searchsorted(at, side="right") - 1
        found: NDArray[np.int64] = users[np.diff(users, prepend=-1) != 0]
        return found

    @cached_property
    def _folded_ids(self) -> tuple[NDArray[np.uint8], NDArray[np.int64]]:
        """All ids in UTF-8, each behind a byte that no text has, and where they begin."""
        folded = [_folded(user) for user in self.users]
        lengths = np.fromiter(map(len, folded), np.int64, len(folded))
        ids = np.frombuffer(b"".join(b"\xff" + user for user in folded), dtype=np.uint8)
        return ids, np.cumsum(lengths + 1) - lengths

    def only(self, user: str) -> EventLog:
        """The log of one user, on the same columns; an empty log if nobody has that id."""
        number = self.user_number(user)
        if number is None:
            start = stop = 0
            users, offsets = self.users[:0], self.offsets[:1]
        else:
            start, stop = int(self.offsets[number]), int(self.offsets[number + 1])
            users = self.users[number : number + 1]
            offsets = np.array([0, stop - start], dtype=np.int64)
        return replace(
            self,
            users=users,
            offsets=offsets,
            name=self.name[start:stop],
            time=self.time[start:stop],
            gap=self.gap[start:stop],
            row=self.row[start:stop],
        )

    def some(self, numbers: NDArray[np.int64]) -> EventLog:
        """The log of some users, whose ascending numbers these are."""
        counts = self.offsets[numbers + 1] - self.offsets[numbers]
        return replace(
            self,
            users=self.users[numbers],
            offsets=np.append(0, np.cumsum(counts, dtype=np.int64)),
            name=self.of_some(self.name, numbers),
            time=self.of_some(self.time, numbers),
            gap=self.of_some(self.gap, numbers),
            row=self.of_some(self.row, numbers),
        )

    def of_some(self, column: NDArray[Value], numbers: NDArray[np.int64]) -> NDArray[Value]:
        """What a column of events has of some users."""
        edges = zip(self.offsets[numbers].tolist(), self.offsets[numbers + 1].tolist(), strict=True)
        return np.concatenate([column[:0], *(column[start:stop] for start, stop in edges)])

    def events(self, start: int, stop: int) -> tuple[Event, ...]:
        """The events at positions from `start` up to `stop`, as objects."""
        rows = self.row[start:stop].tolist()
        batch = _Batch(self.store, rows)
        user = -1
        result = []
        for place, position in enumerate(range(start, stop)):
            if user < 0 or position >= self.offsets[user + 1]:
                user = self.user_of(position)
            result.append(
                Event(
                    user=str(self.users[user]),
                    name=self.names[self.name[position]],
                    time=to_datetime(int(self.time[position])),
                    properties=_LazyProperties(batch, place),
                )
            )
        return tuple(result)


class _Batch:
    """Rows whose properties are read together, when the first of them is looked at."""

    def __init__(self, store: Store, rows: Sequence[int]) -> None:
        self._store = store
        self._rows = rows

    @cached_property
    def properties(self) -> list[dict[str, object]]:
        return self._store.properties(self._rows)


class _LazyProperties(Mapping[str, object]):
    """The properties of one event, read from the store when first looked at."""

    __slots__ = ("_batch", "_place")

    def __init__(self, batch: _Batch, place: int) -> None:
        self._batch = batch
        self._place = place

    def __getitem__(self, key: str) -> object:
        return self._batch.properties[self._place][key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._batch.properties[self._place])

    def __len__(self) -> int:
        return len(self._batch.properties[self._place])

    def __repr__(self) -> str:
        return repr(dict(self))
