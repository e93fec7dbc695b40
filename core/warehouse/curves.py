"""The sweeps of a study on a warehouse: one question for all limits of a ruler, then no more."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import cached_property, lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from core.durations import MICROSECONDS
from core.journeys import gap_limit
from core.warehouse.bins import Bins, count_bins
from core.warehouse.counts import count_windows
from core.warehouse.hard import hard_engine
from core.warehouse.pull import local_study
from core.warehouse.sessions import cut
from core.warehouse.totals import first_row
from core.warehouse.view import view_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.local import LocalEngine
    from core.study import Study
    from core.warehouse.table import EventTable
    from core.warehouse.units import UnitTable

LADDER: tuple[int | None, ...] = (
    *(n * MICROSECONDS["m"] for n in (1, 2, 5, 10, 15, 20, 30, 45)),
    *(n * MICROSECONDS["h"] for n in (1, 2, 4, 6, 8, 12)),
    *(n * MICROSECONDS["d"] for n in (1, 2, 3, 7, 14, 30, 60, 90)),
    None,
)
"""Limits that are found together, microseconds; any other is a question of its own."""
MOST_NEEDS = 1_000_000
"""Different times to convert from which the knee of their curve is found."""


class WarehouseCurves:
    """`Curves` that ask when they are looked at."""

    def __init__(
        self,
        table: EventTable,
        study: Study,
        units: UnitTable | None,
        span: tuple[int, int],
        journeys: Callable[[Study], int],
    ) -> None:
        """For a study; `units` are those of its funnel, None without one. `journeys` counts those
        of a study anew.
        """
        self._table = table
        self._study = study
        self._units = units
        self._span = span
        self._count = journeys
        self._windows = lru_cache(maxsize=4)(self._count_windows)
        self._bins: Bins | None = None

    def journeys(self, timeout: int | None) -> int:
        """Journeys at a session timeout, microseconds; None is off."""
        rules = self._study.journey_rules
        if rules.max_length is not None or rules.session_field is not None:
            return self._count(self._study.with_timeout(timeout))
        begins = gap_limit(timeout) + 1
        bins = self._gaps([begins])
        return bins.missing + bins.at_least(begins)

    def counts_at(self, timeout: int | None) -> list[int] | None:  # noqa: ARG002 - of a protocol
        """None: at another session timeout units are counted anew."""
        return None

    @property
    def share(self) -> float:
        """They are made of all users."""
        return 1.0

    def counts(self, windows: Sequence[int | None]) -> list[list[int]]:
        """Units at each stage within each of some conversion windows, microseconds; None is off."""
        if self._units is None:
            return [[] for _ in windows]
        found = self._windows(tuple(dict.fromkeys(windows)))
        return [found[window] for window in windows]

    def knee(self) -> int | None:
        """The window beyond which a longer one gains least; None without conversions, and where
        units took too many different times to be compared here.
        """
        if self._units is None:
            return None
        rows, last = self._units.rows, f"n{self._units.stages - 1}"
        rows = rows.filter(rows.hard == 0, rows[last].notnull())
        needs = rows.group_by(need=rows[last]).agg(units=rows.count()).limit(MOST_NEEDS + 1)
        found = self._table.session.ask(needs, "times to convert")
        if found.num_rows > MOST_NEEDS:
            return None
        units = Counter(
            dict(zip(*(found.column(name).to_pylist() for name in ("need", "units")), strict=True))
        )
        result = self._hard.result(local_study(self._study)) if self._hard else None
        if result is not None:
            units.update(result.reached[-1].curve.tolist())
        if not units:
            return None
        need = np.array(sorted(units), dtype=np.int64)
        # As `core.sweep.WindowCurve.knee` has it, with equal needs taken together.
        share = np.cumsum([units[each] for each in need.tolist()]) / units.total()
        return int(need[np.argmax(share - need / max(int(need[-1]), 1))])

    def gaps(self, edges: Sequence[int]) -> list[int]:
        """Gaps within users between neighbouring edges, microseconds; the lower edge included."""
        bins = self._gaps(edges)
        return [bins.at_least(low) - bins.at_least(high) for low, high in pairwise(edges)]

    @cached_property
    def _hard(self) -> LocalEngine | None:
        """The engine of the users that are left to it; None when there are none."""
        if self._units is None or not self._units.may_be_hard:
            return None
        hard = self._units.rows.filter(self._units.rows.hard == 1)
        count = self._table.session.ask(hard.agg(hard=hard.count()), "users to be walked")
        if not first_row(count)["hard"]:
            return None
        return hard_engine(self._table, self._study, hard, self._span[1])

    def _count_windows(self, windows: Sequence[int | None]) -> dict[int | None, list[int]]:
        if self._units is None:
            return {}
        session = self._table.session
        counts = count_windows(session, self._units, windows)
        if self._hard is not None:
            curves = self._hard.curves(local_study(self._study))
            counts = {
                window: [a + b for a, b in zip(own, other, strict=True)]
                for (window, own), other in zip(
                    counts.items(), curves.counts(list(counts)), strict=True
                )
            }
        return counts

    def _gaps(self, edges: Sequence[int]) -> Bins:
        """Gaps between edges, among others: those of the ladder are counted with the first."""
        known = self._bins.edges if self._bins else [gap_limit(timeout) + 1 for timeout in LADDER]
        if self._bins is None or not set(edges) <= set(known):
            every = sorted({*known, *edges})
            (self._bins,) = count_bins(self._table.session, [self._events.gap], every, "gaps")
        return self._bins

    @cached_property
    def _events(self) -> ir.Table:
        """Events with the gaps before them; where a journey is too long the timeout tells."""
        rules = replace(self._study.journey_rules, max_length=None)
        study = replace(self._study, journey_rules=rules)
        events = self._table.events(view_of(study, stages=False))
        return cut(events, study, self._span, self._table.session.dialect)
