"""Which field is the user, which the event and which the time.

Guessed from the names that exports use, in order of preference; a field named by the caller wins.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from core.errors import SourceError, did_you_mean

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
SEQUENCE_NAMES = ("sequence_number", "sequence", "seq", "event_sequence", "sequence_id")
"""A number that orders a user's simultaneous events (rule O1)."""


@dataclass(frozen=True, slots=True)
class FieldChoice:
    """Names given by the caller; None is to be guessed."""

    user: str | None = None
    event: str | None = None
    time: str | None = None


@dataclass(frozen=True, slots=True)
class Fields:
    """The fields of one source, each as a path of keys: `("properties", "time")`."""

    user: tuple[str, ...]
    event: tuple[str, ...]
    time: tuple[str, ...]
    sequence: tuple[str, ...] | None


def guess_fields(keys: Sequence[str], choice: FieldChoice, source: str) -> Fields:
    """The fields among `keys`, the top-level names of a source.

    Raises SourceError that names the keys there are and the flag to use.
    """
    user = _find("user", choice.user, USER_NAMES, keys, source)
    event = _find("event", choice.event, EVENT_NAMES, keys, source, taken=(user,))
    time = _find("time", choice.time, TIME_NAMES, keys, source, taken=(user, event))
    return Fields(user, event, time, _first_known(SEQUENCE_NAMES, keys, taken=(user, event, time)))


def _find(
    role: str,
    given: str | None,
    names: Sequence[str],
    keys: Sequence[str],
    source: str,
    taken: Sequence[tuple[str, ...]] = (),
) -> tuple[str, ...]:
    there = ", ".join(keys[:12]) + (", …" if len(keys) > 12 else "")
    if given is not None:
        if given in keys:
            return (given,)
        path = tuple(given.split("."))
        if path[0] in keys and all(path):
            return path
        raise SourceError(
            f"{source} has no field {given!r} for the {role}"
            f"{did_you_mean(given, keys) or f'; its fields are {there}'}"
        )
    found = _first_known(names, keys, taken)
    if found is None:
        raise SourceError(
            f"{source} has no field that looks like the {role}: its fields are {there or 'none'}; "
            f"name it with --{role}-field"
        )
    return found


def _first_known(
    names: Sequence[str], keys: Sequence[str], taken: Sequence[tuple[str, ...]]
) -> tuple[str, ...] | None:
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
