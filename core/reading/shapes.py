"""The shapes in which vendors export events, as data: what marks each, and where things stand.

A shape is told by keys that must all be there. Where several fields are named, the first that is
not empty counts. Sources: the export pages of each vendor's documentation.
"""

from __future__ import annotations

from dataclasses import dataclass

from core.errors import QuestionError, did_you_mean
from core.reading.sql import Keys


@dataclass(frozen=True, slots=True)
class Link:
    """Events that say that two ids are one user."""

    events: tuple[str, ...]
    """Names of those events."""
    alias: tuple[str, ...]
    """Fields of the id that is merged."""
    known: tuple[str, ...] = ()
    """Fields of the user it belongs to; empty for the event's own user."""


@dataclass(frozen=True, slots=True)
class Shape:
    """One vendor's way to write an event. Fields are paths with dots, best first."""

    name: str
    """As the vendor writes itself."""
    marks: tuple[str, ...]
    """Fields that tell the shape: all must be there."""
    user: tuple[str, ...]
    """Fields of the user."""
    event: tuple[str, ...]
    """Fields of the event's name."""
    time: tuple[str, ...]
    """Fields of the time."""
    ids: tuple[str, ...] = ()
    """Fields that tell duplicates (rule O2)."""
    root: str | None = None
    """The key that holds the event's own properties."""
    links: tuple[Link, ...] = ()
    """The events that merge ids."""
    absent: tuple[tuple[str, str], ...] = ()
    """Values of fields that stand for none."""


_IDENTIFIED = Link(("identify", "alias"), ("previousId", "anonymousId"), ("userId",))

SHAPES = (
    Shape(
        "Amplitude",
        marks=("event_type", "event_time", "event_properties"),
        user=("user_id", "device_id", "amplitude_id"),
        event=("event_type",),
        time=("event_time",),
        ids=("$insert_id", "insert_id"),
        root="event_properties",
        links=(Link(("$identify",), ("device_id",), ("user_id",)),),
        absent=(("session_id", "-1"),),
    ),
    Shape(
        "Mixpanel",
        marks=("event", "properties.distinct_id", "properties.time"),
        user=("properties.distinct_id",),
        event=("event",),
        time=("properties.time",),
        ids=("properties.$insert_id",),
        root="properties",
        links=(
            Link(("$identify",), ("properties.$anon_id",), ("properties.$identified_id",)),
            Link(("$create_alias",), ("properties.alias",)),
            Link(("$merge",), ("properties.$distinct_ids.1",), ("properties.$distinct_ids.0",)),
        ),
    ),
    Shape(
        "PostHog",
        marks=("event", "distinct_id", "timestamp", "properties"),
        user=("person_id", "distinct_id"),
        event=("event",),
        time=("timestamp",),
        ids=("uuid",),
        root="properties",
        links=(
            Link(("$identify",), ("properties.$anon_distinct_id",)),
            Link(("$create_alias", "$merge_dangerously"), ("properties.alias",)),
        ),
    ),
    Shape(
        "GA4",
        marks=("event_name", "event_timestamp", "event_params"),
        user=("user_id", "user_pseudo_id"),
        event=("event_name",),
        time=("event_timestamp",),
        root="event_params",
    ),
    Shape(
        "RudderStack",
        marks=("type", "messageId", "anonymousId", "rudderId"),
        user=("userId", "anonymousId"),
        event=("event", "name", "type"),
        time=("timestamp", "originalTimestamp", "sentAt", "receivedAt"),
        ids=("messageId",),
        root="properties",
        links=(_IDENTIFIED,),
    ),
    Shape(
        "Segment",
        marks=("type", "messageId", "anonymousId"),
        user=("userId", "anonymousId"),
        event=("event", "name", "type"),
        time=("timestamp", "originalTimestamp", "sentAt", "receivedAt"),
        ids=("messageId",),
        root="properties",
        links=(_IDENTIFIED,),
    ),
    Shape(
        "Snowplow",
        marks=("collector_tstamp", "domain_userid", "event_id"),
        user=("user_id", "domain_userid"),
        event=("event_name", "event"),
        time=("derived_tstamp", "collector_tstamp"),
        ids=("event_id",),
    ),
    Shape(
        "access log",
        marks=("address", "method", "path", "status", "agent"),
        user=("address",),
        event=("event",),
        time=("time",),
    ),
)
"""Every shape, the more telling first."""

PLAIN = "plain"
"""The name for none of them: fields are guessed by their names."""

PLAIN_ROOTS = ("properties", "event_properties", "props")
"""Keys that hold an event's own properties in exports of no known shape."""

PLAIN_IDS = ("insert_id", "$insert_id", "messageId", "message_id", "uuid", "event_id")
"""Fields that tell duplicates there (rule O2)."""


def shape_named(name: str) -> Shape | None:
    """The shape of a name, case ignored; None for "plain". Raises QuestionError for an unknown."""
    if name.casefold() == PLAIN:
        return None
    for shape in SHAPES:
        if shape.name.casefold() == name.casefold():
            return shape
    known = [PLAIN, *(shape.name for shape in SHAPES)]
    there = did_you_mean(name, known) or f"; there are {', '.join(known)}"
    raise QuestionError(f"no shape is named {name!r}{there}")


def dotted(path: str) -> Keys:
    """A path with dots as keys; a step of digits is a place in a list."""
    return tuple(int(step) if step.isdigit() else step for step in path.split("."))
