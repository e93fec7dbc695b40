"""`Event` and `Journey`: the values handed to the outside.

Inside the engine events are columns. These objects are made only for what is shown or returned.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from core.errors import QuestionError

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def to_datetime(microseconds: int) -> datetime:
    """An aware UTC datetime of whole microseconds since 1970, exactly."""
    return EPOCH + timedelta(microseconds=microseconds)


def from_datetime(moment: datetime) -> int:
    """Microseconds since 1970 of a datetime, exactly; one without a zone is UTC."""
    aware = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
    return (aware - EPOCH) // timedelta(microseconds=1)


def parse_moment(text: str) -> int:
    """Microseconds since 1970 of ISO text; without a zone it is UTC. Raises QuestionError."""
    try:
        return from_datetime(datetime.fromisoformat(text.strip()))
    except ValueError:
        raise QuestionError(
            f"{text!r} is not a time: write 2026-01-31 or 2026-01-31T10:00:00Z"
        ) from None


def iso_text(microseconds: int) -> str:
    """Microseconds since 1970 as ISO text in UTC: "2026-01-03T10:02:00Z", fractions only if any."""
    return to_datetime(microseconds).isoformat().replace("+00:00", "Z")


def leaves(properties: Mapping[str, object]) -> Iterator[tuple[str, object]]:
    """Each property with its value, those inside of others by their paths: "cart.total"."""
    rest = [*properties.items()][::-1]
    while rest:
        path, value = rest.pop()
        if isinstance(value, Mapping) and value:
            rest += [(f"{path}.{key}", each) for key, each in [*value.items()][::-1]]
        else:
            yield path, value


@dataclass(frozen=True, slots=True)
class Event:
    """One thing one user did at one moment."""

    user: str
    """Id of the user, as text."""
    name: str
    """What happened."""
    time: datetime
    """When: aware, UTC, to the microsecond."""
    properties: Mapping[str, object] = field(default_factory=dict, hash=False)
    """Everything else the source said of the event; read from the store when first looked at."""


@dataclass(frozen=True, slots=True)
class Journey:
    """One session of one user: events with no gap longer than the session timeout (rule J1)."""

    user: str
    """Id of the user, as text."""
    index: int
    """Which of the user's journeys this is, in time order, from 1."""
    events: tuple[Event, ...]
    """The events in order, at least one."""

    @property
    def start(self) -> datetime:
        """Time of the first event."""
        return self.events[0].time

    @property
    def end(self) -> datetime:
        """Time of the last event."""
        return self.events[-1].time

    @property
    def duration(self) -> timedelta:
        """Last time minus first time; zero for a single event (rule J5)."""
        return self.end - self.start
