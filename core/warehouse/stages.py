"""Stage rows: the events that match a stage, with a flag for each, and the users left to walk.

Events of one instant may be taken in either order (rule F2). Among rows that match one stage each,
sorting by stage makes that true. Users of whom that is not enough are marked `hard`: their events
are pulled, and the local kernels answer for them, so that the sum of both is exact.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from operator import or_
from typing import TYPE_CHECKING, Any, NamedTuple

import ibis

from core.errors import QuestionError
from core.warehouse.sessions import cut
from core.warehouse.view import field_column, view_of

if TYPE_CHECKING:
    import ibis.expr.types as ir

    from core.funnel import Exclusion, Funnel
    from core.stage import Stage
    from core.study import Study
    from core.warehouse.table import EventTable


class Listed(NamedTuple):
    """What the lines of a list say of a user's, or a unit's, events."""

    of_users: bool
    """Whether each line is a user; else it is a unit that has a stage row."""
    wanted: tuple[Stage, ...] = ()
    """Events of which each line tells whether it has one: `h0`, `h1` and so on, 1 or 0."""
    search: str = ""
    """The text that the ids contain."""

    @property
    def columns(self) -> tuple[str, ...]:
        """What is said, in columns."""
        return ("sessions", "events", "first", "last", *(f"h{i}" for i in range(len(self.wanted))))

    def told(self, rows: ir.Table) -> dict[str, ir.Value]:
        """What the rows of a unit, or the units of a user, say; it is the same in all, but of users
        sessions add up, and the first event is one of the rows.
        """
        said: dict[str, ir.Value] = {name: rows[name].max() for name in self.carried}
        if self.of_users:
            times = rows.time if "time" in rows.columns else rows["first"]
            said |= {"sessions": rows.sessions.sum(), "first": times.min()}
        return said

    @property
    def carried(self) -> tuple[str, ...]:
        """The columns that rows have."""
        is_known = ("first",) if self.of_users else ()
        return tuple(name for name in self.columns if name not in is_known)

    def about(self, events: ir.Table, conditions: Sequence[str]) -> dict[str, ir.Value]:
        """The columns but the sessions of some events; `conditions` are those of their view."""
        return {
            "events": events.time.count(),
            "first": events.time.min(),
            "last": events.time.max(),
            **{
                f"h{i}": match(events, each, conditions).ifelse(1, 0).max()
                for i, each in enumerate(self.wanted)
            },
        }

    def of_each(
        self, events: ir.Table, keys: Sequence[str], conditions: Sequence[str]
    ) -> dict[str, ir.Value]:
        """The same of the events with the same keys, at each of them."""
        whole, about = ibis.window(group_by=list(keys)), self.about(events, conditions)
        return {name: each.over(whole) for name, each in about.items() if name in self.carried}


@dataclass(frozen=True)
class StageRows:
    """Rows of `time`, a unit's keys, and for each stage a flag: `m0`, `m1` and so on.

    `stage` is the first stage that each matches. In strict order other rows that break attempts are
    there too, and for exclusions `x0`, `x1`, …: the time of the last excluded event earlier.
    """

    rows: ir.Table
    """The rows."""
    keys: tuple[str, ...]
    """The columns that tell units apart."""
    may_be_hard: bool
    """Whether they have a column `hard`, 1 for each row of a user to be walked."""
    has_knots: bool
    """Whether that may be for simultaneous events, and not for the length of journeys alone."""
    listed: Listed | None = None
    """What they say besides, for a list."""


def stage_rows(
    table: EventTable,
    study: Study,
    funnel: Funnel,
    span: tuple[int, int],
    *,
    with_knots: bool = True,
    listed: Listed | None = None,
) -> StageRows:
    """The rows of a study's funnel. `span` is the time of the first event of all and the last.

    Without `with_knots` nobody is marked for what simultaneous events may mean. With `listed` each
    row says of its user, or unit, what a line of a list does, so that a list is one scan too; of
    users, rows with `sessions` are there as well.
    """
    events, keys = _seen(table, study, funnel, span, listed)
    conditions = view_of(study, listed.wanted if listed else ()).conditions
    is_of_users = listed is not None and listed.of_users
    may_be_hard = "hard" in events.columns
    matches = [match(events, stage, conditions) for stage in funnel.stages]
    if is_of_users and funnel.hold is not None:
        is_held = events[keys[-1]].notnull()
        matches = [each & is_held for each in matches]
    flags = {f"m{i}": match for i, match in enumerate(matches)}
    excluded = [_any_name(events, exclusion.any_of) for exclusion in funnel.exclusions]
    flags |= {f"e{i}": each for i, each in enumerate(excluded)}
    is_stage = reduce(or_, matches)
    if funnel.order == "strict":
        _refuse_ignored_stages(funnel)
        events = events.mutate(**flags, is_stage=is_stage)
        events = _crowded(events, keys, events.is_stage)
        begins = [events.sessions > 0] if is_of_users else []
        kept = ~_any_name(events, funnel.ignore) if funnel.ignore else ibis.literal(True)
        rows = events.filter(reduce(or_, [kept, events.is_stage, *_flags(events, "e"), *begins]))
    else:
        begins = [events.sessions > 0] if is_of_users else []
        rows = events.filter(reduce(or_, [is_stage, *excluded, *begins])).mutate(**flags)
        rows = rows.mutate(is_stage=reduce(or_, _flags(rows, "m")))
        rows = _knots(rows, keys, funnel) if with_knots else rows
    has_knots = "knot" in rows.columns
    may_be_hard = may_be_hard or has_knots
    rows = _mark_hard(rows)
    if funnel.exclusions:
        rows = _last_excluded(rows, _of_user(keys), len(funnel.exclusions))
        kept = rows.is_stage | (rows.sessions > 0) if is_of_users else rows.is_stage
        if funnel.order == "strict":
            kept |= ~_any_name(rows, funnel.ignore) if funnel.ignore else ibis.literal(True)
        rows = rows.filter(kept)
    first = ibis.cases(*((rows[f"m{i}"], i) for i in range(len(matches))), else_=len(matches))
    columns = [*keys, "time", *flags, *(["hard"] if may_be_hard else [])]
    columns += listed.carried if listed else ()
    columns += [f"x{i}" for i in range(len(funnel.exclusions))]
    rows = rows.mutate(stage=first)[[*columns, "stage"]]
    return StageRows(rows, tuple(keys), may_be_hard, has_knots, listed)


def _seen(
    table: EventTable, study: Study, funnel: Funnel, span: tuple[int, int], listed: Listed | None
) -> tuple[ir.Table, list[str]]:
    """The events among which stages are looked for, cut where that is needed, and a unit's keys."""
    view = view_of(study, listed.wanted if listed else ())
    if listed is not None:
        view = view._replace(search=listed.search)
    elif funnel.scope == "users" and funnel.order != "strict":
        view = view._replace(names=_names(funnel))
    value = None if funnel.hold is None else field_column(study, funnel.hold)
    of_user = ["user"] if value is None else ["user", value]
    keys = ["user", "journey", *of_user[1:]] if funnel.scope == "journeys" else of_user
    is_of_users = listed is not None and listed.of_users

    def said(events: ir.Table) -> dict[str, ir.Value]:
        return listed.of_each(events, ["user"], view.conditions) if listed and is_of_users else {}

    events = table.events(view)
    if listed is not None or funnel.scope == "journeys":
        events = cut(events, study, span, table.session.dialect, said)
    if listed is not None:
        events = events.mutate(sessions=_sessions(events, funnel, listed))
    if value is not None:
        kept = events[value].notnull()
        events = events.filter(kept | (events.sessions > 0) if is_of_users else kept)
    if listed is not None and not is_of_users:
        events = events.mutate(**listed.of_each(events, keys, view.conditions))
    return events, keys


def _sessions(events: ir.Table, funnel: Funnel, listed: Listed) -> ir.IntegerValue:
    """At each event how many sessions its user has; of users numbers that add up to that."""
    has_no_gap = funnel.scope == "users" and funnel.order == "strict" and bool(funnel.ignore)
    if listed.of_users and not has_no_gap:
        return events.cuts
    every = events.cuts.sum().over(ibis.window(group_by="user"))
    # Between the rows of a user an event that is ignored would break an attempt, before them not.
    return events.since.isnull().ifelse(every, 0) if listed.of_users else every


def _names(funnel: Funnel) -> tuple[str, ...] | None:
    """The names of the events that matter to a funnel of users; None for any."""
    if any(stage.names is None for stage in funnel.stages):
        return None
    names = {name for stage in funnel.stages for name in stage.any_of}
    return tuple(sorted(names.union(*(exclusion.any_of for exclusion in funnel.exclusions))))


def match(events: ir.Table, stage: Stage, conditions: Sequence[str]) -> ir.BooleanValue:
    """Whether each event fills a stage; `conditions` are those of the events' view."""
    fits = _any_name(events, stage.any_of) if stage.any_of else events.time.notnull()
    if stage.where is not None:
        fits &= events[f"c{conditions.index(stage.where)}"] == 1
    return fits


def _any_name(events: ir.Table, names: Sequence[str]) -> ir.BooleanValue:
    return events.name == names[0] if len(names) == 1 else events.name.isin(list(names))


def _flags(rows: ir.Table, letter: str) -> list[ir.BooleanColumn]:
    return [rows[name] for name in rows.columns if name[0] == letter and name[1:].isdigit()]


def may_overlap(a: Stage, b: Stage) -> bool:
    """Whether an event might match both stages."""
    return a.names is None or b.names is None or not a.names.isdisjoint(b.names)


def are_copies(a: Stage, b: Stage) -> bool:
    """Whether two stages match the very same events."""
    return (a.names, a.where) == (b.names, b.where)


def _knots(rows: ir.Table, keys: Sequence[str], funnel: Funnel) -> ir.Table:
    """Marks in `knot` the rows in which simultaneous events make their order matter."""
    if funnel.order == "any":
        # Stages that share some of their events need a matching; copies do not.
        partly = [
            rows[f"m{i}"] & rows[f"m{j}"]
            for (i, a), (j, b) in combinations(enumerate(funnel.stages), 2)
            if may_overlap(a, b) and not are_copies(a, b)
        ]
        return rows.mutate(knot=reduce(or_, partly).ifelse(1, 0)) if partly else rows
    if any(_is_far(exclusion, len(funnel.stages)) for exclusion in funnel.exclusions):
        # An excluded event may itself be a stage in between.
        own = reduce(or_, _flags(rows, "e")) & rows.is_stage
        crowded = _crowded(rows, keys, rows.is_stage)
        return crowded.mutate(knot=(own | (crowded.knot == 1)).ifelse(1, 0))
    if any(may_overlap(a, b) for a, b in combinations(funnel.stages, 2)):
        matched = reduce(lambda a, b: a + b, [m.ifelse(1, 0) for m in _flags(rows, "m")])
        rows = rows.mutate(several=(matched > 1).ifelse(1, 0))
        instant = _instant(keys)
        alone = rows.is_stage.ifelse(1, 0).sum().over(instant) == 1
        return rows.mutate(knot=(~alone & (rows.several.max().over(instant) == 1)).ifelse(1, 0))
    return rows


def _crowded(rows: ir.Table, keys: Sequence[str], is_stage: ir.BooleanValue) -> ir.Table:
    """Marks in `knot` the stage rows that share their instant with any other row."""
    instant = _instant(keys)
    count = rows.time.count().over(instant)
    return rows.mutate(knot=(is_stage & (count > 1)).ifelse(1, 0))


def _instant(keys: Sequence[str]) -> Any:
    """The window of a user's rows at one time. It is partitioned by user as all others are, so that
    no engine brings rows together twice.
    """
    return ibis.range_window(group_by=_of_user(keys), order_by="time", preceding=0, following=0)


def _of_user(keys: Sequence[str]) -> list[str]:
    """The keys without the journey: a rule may cut between simultaneous events."""
    return [key for key in keys if key != "journey"]


def _is_far(exclusion: Exclusion, stages: int) -> bool:
    low, high = exclusion.between or (1, stages)
    return high - low > 1


def _mark_hard(rows: ir.Table) -> ir.Table:
    """A user with a knot is hard as a whole."""
    if "knot" not in rows.columns:
        return rows
    knot = rows.knot.max().over(ibis.window(group_by="user"))
    if "hard" in rows.columns:
        knot = ibis.greatest(knot, rows.hard)
    return rows.mutate(hard=knot)


def _last_excluded(rows: ir.Table, whose: Sequence[str], exclusions: int) -> ir.Table:
    """For each exclusion the time of the user's last excluded event strictly earlier."""
    earlier = ibis.range_window(group_by=whose, order_by="time", preceding=(None, 1))
    never = ibis.null("int64")
    return rows.mutate(
        **{
            f"x{i}": rows[f"e{i}"].ifelse(rows.time, never).max().over(earlier)
            for i in range(exclusions)
        }
    )


def _refuse_ignored_stages(funnel: Funnel) -> None:
    ignored = frozenset(funnel.ignore)
    if ignored and any(stage.names is None or stage.names & ignored for stage in funnel.stages):
        raise QuestionError(
            "a warehouse cannot tell whether an event that is a stage and ignored is matched or "
            "passed over; take it off the ignore list"
        )
