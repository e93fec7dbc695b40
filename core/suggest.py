"""A sensible funnel when none is named: what users typically do, one thing after another."""

from __future__ import annotations

import re
from collections.abc import Set
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from core.stage import Stage

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from core.log import EventLog

MOST_SUGGESTED = 6
"""Stages of the longest suggestion."""
MOST_NAMES = 40
"""Names considered: the most frequent."""
MOST_EVENTS = 2_000_000
"""Events looked at: whole users up to this many."""
TROUBLE = re.compile(r"error|fail|exception|crash|declin|reject|abort|timeout|warning", re.I)
"""Names of what goes wrong: a reason to leave, not a step of the way. They are never suggested."""

OUTCOME = re.compile(
    r"purchas|bought|\bpaid\b|conver(t|sion)|(?<!un)subscri|thank.?you|booked"
    r"|(order|checkout|payment|booking|sign.?up|regist\w*).*(complet|confirm|plac|succe|done)"
    r"|(complet|confirm|plac|succe)\w*.*(order|checkout|payment|booking|sign.?up|registr)",
    re.I,
)
"""Names of what most products are for: a way that leads there is told to its end."""


def suggest_stages(log: EventLog) -> tuple[Stage, ...]:
    """Up to six stages that users typically go through, each reached by no more than the last.

    The names are put in the typical order of their first occurrence: the mean, over the users who
    have one, of its place among that user's first occurrences, as a fraction. One stage may follow
    another when most users who reach it did the other before. Of all such chains the one that most
    users begin and follow, step by step, is taken; of those that lead to an outcome such as a
    purchase, if there are any. Empty for an empty log.
    """
    firsts = _first_occurrences(log)
    if firsts is None:
        return ()
    seen = firsts.position >= 0
    reach = seen.sum(axis=0)
    order = np.argsort(_typical_place(firsts.position, seen), kind="stable")
    position, seen, reach = firsts.position[:, order], seen[:, order], reach[order]
    names = [firsts.names[i] for i in order]
    outcomes = {place for place, name in enumerate(names) if OUTCOME.search(name)}
    chain = _heaviest_chain(reach.tolist(), _did_before(position, seen), outcomes)
    return tuple(Stage((names[i],)) for i in chain)


@dataclass(frozen=True, eq=False)
class _Firsts:
    names: list[str]
    position: NDArray[np.int64]
    """(users, names) where in the log the user first did it; -1 for never."""


def _first_occurrences(log: EventLog) -> _Firsts | None:
    users = int(np.searchsorted(log.offsets, MOST_EVENTS, side="right")) - 1
    users = max(users, min(1, log.users_count))
    events = int(log.offsets[users])
    if events == 0:
        return None
    counts = np.bincount(log.name[:events], minlength=len(log.names))
    frequent = [int(code) for code in np.argsort(-counts, kind="stable") if counts[code]]
    codes = [code for code in frequent if not TROUBLE.search(log.names[code])] or frequent
    codes = codes[:MOST_NAMES]
    position = np.full((users, len(codes)), -1, dtype=np.int64)
    for column, code in enumerate(codes):
        rows = np.flatnonzero(log.name[:events] == code)
        user = np.searchsorted(log.offsets, rows, side="right") - 1
        # Written backwards, so that a user's first row is the one that stays.
        position[user[::-1], column] = rows[::-1]
    return _Firsts([log.names[code] for code in codes], position)


def _typical_place(position: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
    """(names) the mean place of each name among a user's first occurrences, from 0 to 1."""
    later = np.where(seen, position, np.iinfo(np.int64).max)
    rank = np.argsort(np.argsort(later, axis=1), axis=1)
    share = np.where(seen, rank / np.maximum(seen.sum(axis=1, keepdims=True) - 1, 1), 0.0)
    return np.asarray(share.sum(axis=0) / seen.sum(axis=0), dtype=np.float64)


def _did_before(position: NDArray[np.int64], seen: NDArray[np.bool_]) -> NDArray[np.int64]:
    """(names, names) how many users did the first name before the second."""
    count = position.shape[1]
    before = np.zeros((count, count), dtype=np.int64)
    for a in range(count):
        earlier = seen & seen[:, a : a + 1] & (position[:, a : a + 1] < position)
        before[a] = earlier.sum(axis=0)
    return before


def _heaviest_chain(reach: list[int], before: NDArray[np.int64], outcomes: Set[int]) -> list[int]:
    """The chain with the most users at its start and along its steps; the earlier of equals.

    Of several names, and with an outcome for the last, if there is such a chain.
    """
    follows = np.triu(2 * before > np.array(reach)) & np.less_equal.outer(reach, reach).T
    # Chains of one more name each round: for each last name the heaviest, with its weight.
    chains = {name: (weight, [name]) for name, weight in enumerate(reach)}
    best = list(chains.values())
    for _ in range(MOST_SUGGESTED - 1):
        longer: dict[int, tuple[int, list[int]]] = {}
        for last, (weight, chain) in chains.items():
            for after in np.flatnonzero(follows[last]).tolist():
                heavier = weight + int(before[last, after])
                if after not in longer or heavier > longer[after][0]:
                    longer[after] = (heavier, [*chain, after])
        chains = longer
        best += chains.values()
    ending = [found for found in best if found[1][-1] in outcomes and len(found[1]) > 1]
    return max(ending or best, key=lambda found: found[0])[1]
