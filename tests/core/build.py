"""Small logs for tests, and Hypothesis strategies for logs and questions."""

from collections.abc import Iterable, Mapping, Sequence
from random import Random

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

import core
from core.log import sort_events
from core.reading.progress import Watch
from core.reading.raw import RawEvents
from core.reading.store import Store
from tests.core.oracle import Trail

SECOND = 1_000_000
MINUTE = 60 * SECOND

Row = tuple[str, str, float]
"""User, event name, seconds since 1970."""
Trails = Mapping[str, Trail]
"""Each user's events: microseconds and name."""


def records(rows: Iterable[Row]) -> list[dict[str, object]]:
    return [{"user": user, "event": name, "time": time} for user, name, time in rows]


def log_of(*rows: Row) -> core.EventLog:
    """A log that was read, as everybody reads one."""
    return core.read_events(records(rows))


class _Values(Store):
    """A store of one column, by whatever name it is asked for; it opens no database."""

    def __init__(self, codes: Sequence[int]) -> None:
        self.parts = []
        self._codes_of_rows = np.array(codes, dtype=np.int32)

    @property
    def next_row(self) -> int:
        return len(self._codes_of_rows)

    def column(self, field: str, rows: NDArray[np.unsignedinteger]) -> NDArray[np.int32]:
        asked: NDArray[np.int32] = self._codes_of_rows[rows]
        return asked


def quick_log(trails: Trails, codes: Sequence[int] = ()) -> core.EventLog:
    """The same columns without reading, for thousands of examples. Its only property has for each
    event, in the order of the trails, a number that stands for its value; -1 for none.
    """
    rows = [(user, name, time) for user, trail in trails.items() for time, name in trail]
    users = sorted({user for user, _, _ in rows})
    names = sorted({name for _, name, _ in rows})
    return sort_events(
        RawEvents(
            users=np.array(users, dtype=object),
            names=tuple(names),
            user=np.array([users.index(row[0]) for row in rows], dtype=np.int32),
            name=np.array([names.index(row[1]) for row in rows], dtype=np.int32),
            time=np.array([row[2] for row in rows], dtype=np.int64),
            sequence=None,
            row=np.arange(len(rows), dtype=np.int64),
            store=_Values(codes or [-1] * len(rows)),
            report=core.LoadReport(),
            merged={},
            ids=None,
            release=lambda: None,
            watch=Watch(),
        )
    )


def random_trail(random: Random, most_events: int) -> Trail:
    """A trail with many ties and many repeats."""
    time, trail = 0, []
    for _ in range(random.randint(1, most_events)):
        time += random.choice((0, 0, 0, 1, 2, 5))
        trail.append((time, random.choice("abcd")))
    return trail


def random_trails(random: Random, users: int, most_events: int) -> Trails:
    return {f"u{i:03}": random_trail(random, most_events) for i in range(users)}


def _summed(steps: Sequence[tuple[int, str]]) -> Trail:
    time, trail = 0, []
    for gap, name in steps:
        time += gap
        trail.append((time, name))
    return trail


TRAIL = st.lists(
    st.tuples(st.sampled_from((0, 1, 2, 5)), st.sampled_from("abcd")), min_size=1, max_size=7
).map(_summed)
"""Up to seven events; a gap of 0 is a tie."""
FEW = st.lists(TRAIL, max_size=4).map(lambda trails: {f"u{i}": t for i, t in enumerate(trails)})
MANY = st.integers(0, 2**32).map(lambda seed: random_trails(Random(seed), 12, most_events=6))
TRAILS = FEW | MANY
"""A few users, easily understood when something fails; or many, so that something does."""
STAGE = st.one_of(
    st.sets(st.sampled_from("abcx"), min_size=1, max_size=3).map(
        lambda names: core.Stage(tuple(sorted(names)))
    ),
    st.just(core.Stage.any_event()),
)
"""Sets that overlap; "x" never occurs."""
Stages = tuple[core.Stage, ...]
STAGES = st.lists(STAGE, min_size=1, max_size=4).map(tuple)
SCOPE = st.sampled_from(("journeys", "users"))
LIMIT = st.one_of(st.none(), st.integers(0, 12))
"""A timeout or a window, microseconds."""
