"""Which fields of a source are the user, the event, the time and the rest that reading needs.

A field named by the caller wins; then a vendor's shape, told by its keys; then the names that
exports use, in order of preference.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import SourceError, did_you_mean
from core.reading.options import ReadOptions
from core.reading.shapes import (
    PLAIN,
    PLAIN_IDS,
    PLAIN_ROOTS,
    SHAPES,
    Link,
    Shape,
    dotted,
    shape_named,
)
from core.reading.sql import Keys

USER_NAMES = (
    "user_id", "user", "userid", "uid", "distinct_id", "person_id", "customer_id", "customer",
    "visitor_id", "visitor", "client_id", "client", "account_id", "member_id", "profile_id",
    "user_pseudo_id", "anonymous_id", "device_id", "username", "user_name", "email",
    "session_user", "who", "actor", "person",
)  # fmt: skip
EVENT_NAMES = (
    "event", "event_name", "event_type", "action", "activity", "name", "type", "event_action",
    "page", "page_name", "screen", "path", "url", "what",
)  # fmt: skip
TIME_NAMES = (
    "timestamp", "time", "ts", "event_time", "event_timestamp", "created_at", "datetime",
    "occurred_at", "date_time", "event_date", "server_time", "client_event_time", "received_at",
    "date", "when", "t",
)  # fmt: skip
DATE_NAMES = ("date", "event_date", "day")
"""The day, where the time is a time of day only."""
SEQUENCE_NAMES = ("sequence_number", "sequence", "seq", "event_sequence", "sequence_id")
"""A number that orders a user's simultaneous events (rule O1)."""
LONGEST_SHOWN = 60
"""Signs of a key that a message shows."""


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one source. Of several the first that is not empty counts."""

    user: tuple[Keys, ...]
    """Of the user."""
    event: tuple[Keys, ...]
    """Of the event's name."""
    time: tuple[Keys, ...]
    """Of the time."""
    date: Keys | None = None
    """Of the day, should the time be a time of day only."""
    sequence: Keys | None = None
    """Of the number that orders simultaneous events."""
    ids: tuple[Keys, ...] = ()
    """Of the id that tells duplicates."""
    root: str | None = None
    """The key that holds the event's own properties."""
    links: tuple[Link, ...] = ()
    """The events that merge ids."""
    absent: tuple[tuple[str, str], ...] = ()
    """Values of fields that stand for none."""
    shape: str = PLAIN
    """The name of the vendor's shape."""
    why: str = ""
    """What told so."""


def guess_fields(
    keys: Sequence[str],
    options: ReadOptions,
    source: str,
    *,
    nested: Sequence[str] = (),
) -> Fields:
    """The fields among `keys`, the top-level names of a source, and `nested`, paths inside them.

    Raises SourceError that names the keys there are and the flag to use.
    """
    shape, why = _shape({*keys, *nested}, options)
    if shape is None:
        return _plain(keys, options, source, nested)
    given = (options.user_field, options.event_field, options.time_field)
    user, event, time = (
        tuple(map(dotted, usual)) if name is None else (_named(role, name, keys, source),)
        for role, name, usual in zip(
            ("user", "event", "time"), given, (shape.user, shape.event, shape.time), strict=True
        )
    )
    return Fields(
        user,
        event,
        time,
        sequence=_first_known(SEQUENCE_NAMES, keys, taken=(*user, *event, *time)),
        ids=tuple(map(dotted, shape.ids)),
        root=shape.root,
        links=shape.links,
        absent=shape.absent,
        shape=shape.name,
        why=why,
    )


def spelled(paths: Sequence[Keys]) -> str:
    """Fields as a person names them: dots between keys, " or " between fields."""
    return " or ".join(".".join(map(str, keys)) for keys in paths)


def _shape(there: set[str], options: ReadOptions) -> tuple[Shape | None, str]:
    if options.shape is not None:
        return shape_named(options.shape), "as told"
    for shape in SHAPES:
        if there.issuperset(shape.marks):
            return shape, f"it has {', '.join(shape.marks)}"
    return None, ""


def _plain(keys: Sequence[str], options: ReadOptions, source: str, nested: Sequence[str]) -> Fields:
    user = _find("user", options.user_field, USER_NAMES, keys, source)
    event = _find("event", options.event_field, EVENT_NAMES, keys, source, taken=(user,))
    time = _find("time", options.time_field, TIME_NAMES, keys, source, taken=(user, event))
    taken = (user, event, time)
    identity = _first_known(PLAIN_IDS, keys, taken)
    roots = {path.partition(".")[0] for path in nested}
    is_named = (options.user_field, options.event_field, options.time_field) != (None, None, None)
    return Fields(
        (user,),
        (event,),
        (time,),
        date=_first_known(DATE_NAMES, keys, taken),
        sequence=_first_known(SEQUENCE_NAMES, keys, taken),
        ids=() if identity is None else (identity,),
        root=next((root for root in PLAIN_ROOTS if root in roots), None),
        why="as told" if is_named or options.shape else "by the names of its fields",
    )


def _find(
    role: str,
    given: str | None,
    names: Sequence[str],
    keys: Sequence[str],
    source: str,
    taken: Sequence[Keys] = (),
) -> Keys:
    if given is not None:
        return _named(role, given, keys, source)
    found = _first_known(names, keys, taken)
    if found is None:
        raise SourceError(
            f"{source} has no field that looks like the {role}: its fields are "
            f"{_listed(keys) or 'none'}; name it with --{role}-field"
        )
    return found


def _named(role: str, given: str, keys: Sequence[str], source: str) -> Keys:
    if given in keys:
        return (given,)
    path = dotted(given)
    if path[0] in keys and "" not in path:
        return path
    raise SourceError(
        f"{source} has no field {given!r} for the {role}"
        f"{did_you_mean(given, keys) or f'; its fields are {_listed(keys)}'}"
    )


def _listed(keys: Sequence[str]) -> str:
    """The first keys, each cut to a length fit to show."""
    shown = (key if len(key) <= LONGEST_SHOWN else f"{key[:LONGEST_SHOWN]}…" for key in keys[:12])
    return ", ".join(shown) + (", …" if len(keys) > 12 else "")


def _first_known(names: Sequence[str], keys: Sequence[str], taken: Sequence[Keys]) -> Keys | None:
    by_folded: dict[str, str] = {}
    for key in keys:
        if (key,) not in taken:
            by_folded.setdefault(_folded(key), key)
    for name in names:
        key = by_folded.get(_folded(name), "")
        if key:
            return (key,)
    return None


def _folded(key: str) -> str:
    return re.sub(r"[^a-z0-9]", "", key.casefold())
