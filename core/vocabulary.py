"""`Vocabulary`: what a question can be made of, for completion while it is typed."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from core.event import leaves
from core.log import EventLog

SAMPLED_EVENTS = 1_000
"""Events looked at for properties, spread evenly over the rows."""
MOST_VALUES = 20
"""Values given of each property."""
LONGEST_VALUE = 80
"""Characters of a value; longer ones make no examples."""
FLAGS = 50_000_000
"""Bytes used at once while the users of each name are counted."""


@dataclass(frozen=True, eq=False)
class Vocabulary:
    """Event names with their users, and properties with some of their values."""

    users: Mapping[str, int]
    """Users with an event of each name, in the order of the names."""
    properties: Mapping[str, tuple[str, ...]]
    """Properties met in a sample of the events, in the order of their names, those inside of others
    by their paths, each with some of its values as SQL writes them, the frequent ones first."""


def find_vocabulary(log: EventLog) -> Vocabulary:
    """The vocabulary of a log."""
    users = dict(zip(log.names, _users_of_names(log), strict=True))
    return Vocabulary(users, _properties(log))


def _users_of_names(log: EventLog) -> list[int]:
    """(names) users with an event of each, by flags for some users at a time."""
    counts = np.zeros(len(log.names), dtype=np.int64)
    step = max(1, FLAGS // max(len(log.names), 1))
    for first in range(0, log.users_count, step):
        edges = log.offsets[first : first + step + 1]
        flags = np.zeros((len(edges) - 1, len(log.names)), dtype=np.bool_)
        user = np.repeat(np.arange(len(edges) - 1), np.diff(edges))
        flags[user, log.name[edges[0] : edges[-1]]] = True
        counts += flags.sum(axis=0)
    return [int(count) for count in counts]


def _properties(log: EventLog) -> dict[str, tuple[str, ...]]:
    rows = np.sort(log.row)
    places = np.unique(np.linspace(0, len(rows) - 1, SAMPLED_EVENTS).astype(int))
    found: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for properties in log.store.properties(rows[places].tolist() if len(rows) else []):
        for field, value in leaves(properties):
            literal = _literal(value)
            found[field].update([literal] if literal is not None else [])
    return {
        field: tuple(value for value, _ in found[field].most_common(MOST_VALUES))
        for field in sorted(found)
    }


def _literal(value: object) -> str | None:
    """A value as SQL writes it; None for what is nested or too long."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    if isinstance(value, str) and len(value) <= LONGEST_VALUE:
        return "'" + value.replace("'", "''") + "'"
    return None
