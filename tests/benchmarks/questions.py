"""Every change a person makes at the screen, asked of tables that are in memory.

No run repeats another's question, and what was shown before has been asked before.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import core
from tests.benchmarks.files import ONCE, STAGES
from tests.benchmarks.generate import MOST_IN_A_FILE, event_files
from tests.benchmarks.measure import (
    Timing,
    Timings,
    check,
    compared,
    in_own_process,
    table,
    timed,
    with_memory,
)
from tests.benchmarks.peers import PEERS, Ours, Peer
from tracer_tui.answers import View, answer
from tracer_tui.details import find_details

if TYPE_CHECKING:
    from core.engine import Curves

MINUTE = 60_000_000
OTHER_STAGES = (
    ("home", "search", "product", "cart"),
    ("search", "product", "cart", "checkout"),
    ("category", "product", "photos", "cart"),
    ("home", "product", "reviews", "wishlist"),
    ("product", "cart", "checkout", "address"),
    ("cart", "checkout", "payment", "purchase"),
    ("home", "login", "cart", "purchase"),
    ("search", "product", "share", "cart"),
    ("home", "category", "product", "checkout"),
)
FIELDS = ("plan", "device", "country", "error_code", "page")

Ask = Callable[[Peer, int], object]


def whole_screen(peer: Peer, run: int) -> object:
    """All panes of the explorer; ours with depths and a trail, which the others leave out."""
    timeout = (run + 40) * MINUTE
    if not isinstance(peer, Ours):
        return peer.by_sessions(timeout, STAGES), peer.page(timeout, "last", "")
    study = _study(timeout)
    found = answer(peer.engine, View(study), None, peer.engine.summary())
    if run == 0:
        # Asked by the explorer as soon as the first answer is shown.
        find_details(peer.engine, study)
    counts = (found.funnel.journeys_count, *(stage.count for stage in found.funnel.stages))
    return counts, [row.user for row in found.listing.page.rows]


QUESTIONS: Mapping[str, Ask] = {
    "timeout": lambda peer, run: peer.by_sessions((run + 1) * MINUTE, STAGES),
    "timeout, whole screen": whole_screen,
    "window": lambda peer, run: peer.by_users((run + 1) * 7 * MINUTE, STAGES),
    "stages": lambda peer, run: peer.by_sessions(30 * MINUTE, OTHER_STAGES[run]),
    "users by last seen": lambda peer, run: peer.page((1000 + run) * MINUTE, "last", ""),
    "users by sessions": lambda peer, run: peer.page((1000 + run) * MINUTE, "sessions", ""),
    "users searched": lambda peer, run: peer.page((1000 + run) * MINUTE, "last", f"a{run}"),
}
"""What all are asked in each run."""


LOADING = "loading, in the form that answers fastest"


def measure_questions(events: int, folder: Path, runs: int, names: Sequence[str]) -> str:
    """How long each engine takes for each question, and we for those that are ours alone.

    Engines take turns; of more events than a file holds only one at a time fits into memory, so
    each is asked all by itself.
    """
    path = event_files(events, folder, "parquet")
    if events <= MOST_IN_A_FILE:
        groups = [tuple(names)]
    else:
        groups = [(name,) for name in names if name not in ONCE]
    asked = [in_own_process(partial(_ask_all, path, runs, group)) for group in groups]
    rows: list[tuple[str, Timings]] = []
    for label in (LOADING, *QUESTIONS, *OURS):
        timings = {name: mine for found, _ in asked for name, mine in found[label].items()}
        for name, mine in timings.items():
            check(label, name, mine, timings["ours"])
        # Run 0 is not counted, where there are others: it stands for what was shown before.
        rows.append((label, {name: mine[1:] or mine for name, mine in timings.items()}))
    named = [name for group in groups for name in group]
    cells = compared(rows, named)
    if len(groups) > 1:
        peaks = [f"{peak:,} MB" for _, peak in asked]
        cells.append(["peak memory, after all that was asked", *peaks])
    return table(["a change", *named], cells)


def _ask_all(
    path: Path, runs: int, names: Sequence[str]
) -> tuple[dict[str, dict[str, list[Timing]]], int]:
    """For each question what each of some engines took, and the memory of all, megabytes."""
    peers = {name: PEERS[name]() for name in names}
    found = defaultdict[str, dict[str, list[Timing]]](dict)
    for name, peer in peers.items():
        found[LOADING][name] = [timed(partial(peer.load, path))]
    for label, ask in QUESTIONS.items():
        timings = defaultdict[str, list[Timing]](list)
        for run in range(runs + 1):
            for name, peer in peers.items():
                if name in ONCE and (run > 0 or not can_answer(peer, label)):
                    continue
                peer.prepare((1000 + run) * MINUTE, STAGES)
                timings[name].append(timed(partial(ask, peer, run)))
        found[label] = dict(timings)
    ours = peers.get("ours")
    for label, (before, ask_us) in OURS.items():
        if not isinstance(ours, Ours):
            found[label] = {}
            continue
        times = []
        for run in range(runs + 1):
            asked = before(ours.engine, run)
            # The answers are large, and nobody has others to compare them with.
            times.append(replace(timed(partial(ask_us, ours.engine, asked, run)), answer=None))
        found[label] = {"ours": times}
    return dict(found), with_memory(Timing(0, 0, None)).peak


def can_answer(peer: Peer, label: str) -> bool:
    """Whether a peer has a way to answer a question."""
    return label in getattr(peer, "ANSWERS", QUESTIONS)


def _study(timeout: int, **changed: object) -> core.Study:
    study = core.Study(timeout=timeout, stages=tuple(core.Stage((name,)) for name in STAGES))
    return replace(study, **changed)  # type: ignore[arg-type]  # names of fields


def _shown(engine: core.LocalEngine, run: int) -> core.Study:
    study = _study((2_000 + run) * MINUTE)
    answer(engine, View(study), None, engine.summary())
    return study


def _curves(engine: core.LocalEngine, run: int) -> Curves:
    return engine.curves(_study(30 * MINUTE))


def _changed(**changed: object) -> Callable[[core.LocalEngine, core.Study, int], object]:
    return lambda engine, study, run: engine.funnel(replace(study, **changed))  # type: ignore[arg-type]  # names of fields


def _held(engine: core.LocalEngine, study: core.Study, run: int) -> object:
    return engine.funnel(replace(study, hold=FIELDS[run]))


def _timeout_from_curves(engine: core.LocalEngine, curves: Curves, run: int) -> object:
    return curves.journeys((run + 1) * MINUTE), curves.counts_at((run + 1) * MINUTE)


def _window_from_curves(engine: core.LocalEngine, curves: Curves, run: int) -> object:
    return curves.counts([(run + 1) * MINUTE])


def _heaviest(engine: core.LocalEngine, study: core.Study, run: int) -> object:
    user = engine.users(study, sort=core.Sort("events"), start=run, stop=run + 1).rows[0].user
    return engine.explain(study, user)


OURS: Mapping[str, tuple[Callable[..., object], Callable[..., object]]] = {
    "timeout, curves known": (_curves, _timeout_from_curves),
    "window, curves known": (_curves, _window_from_curves),
    "sessions to users": (_shown, _changed(scope="users")),
    "ordered to strict": (_shown, _changed(order="strict")),
    "ordered to any order": (_shown, _changed(order="any")),
    "attempts to every start": (_shown, _changed(attempts="starts")),
    "hold a field": (_shown, _held),
    "curves, every timeout": (_shown, lambda engine, study, run: engine.curves(study)),
    "medians and rulers": (
        lambda engine, run: _shown(engine, run + 10),
        lambda engine, study, run: find_details(engine, study),
    ),
    "drop-off panel": (_shown, lambda engine, study, run: engine.drop_off(study, 0)),
    "explain a heavy user": (_shown, _heaviest),
}
"""What is asked before, untimed, and then with its answer."""
