"""Random users, random questions, and all that the engine says of them against the oracle."""

from dataclasses import dataclass
from itertools import pairwise
from random import Random

import core
from core.analysis import count_funnel
from core.funnel import Attempts, Funnel, Policy, Scope, Start
from core.result import FunnelResult
from core.walk import Order
from tests.core import oracle
from tests.core.build import SECOND, Trails, quick_log

GAPS = ((0, 0, 0, 1, 2, 5), *4 * ((1, 2, 3, 4, 5, 7),))
"""What may lie between a user's events: for one user in five mostly ties, for the others none, so
that both the kernels and the walk are asked."""
FIELD = "order_id"
"""The field that is held."""


@dataclass(frozen=True)
class Kind:
    """A kind of question: what it fixes while all the rest is random."""

    order: Order
    start: Start
    scope: Scope
    policies: tuple[Policy, ...] | None = ()
    """Of its exclusions; None is any."""
    hold: str | None = None
    """The field that is held; where attempts are counted, perhaps one is."""
    attempts: Attempts | None = None

    def __str__(self) -> str:
        parts = (self.order, self.start, self.scope, self.hold, self.attempts)
        return "-".join((*filter(None, parts), *(self.policies or ())))


POLICIES: tuple[tuple[Policy, ...], ...] = ((), ("break",), ("remove",), ("break", "remove"))
SCOPES: tuple[Scope, ...] = ("journeys", "users")
ORDERS: tuple[Order, ...] = ("ordered", "strict")
STARTS: tuple[Start, ...] = ("best", "first")
WAYS: tuple[Attempts, ...] = ("starts", "mixpanel")
KINDS = [
    *(
        Kind(order, start, scope, policies)
        for order in ORDERS
        for start in STARTS
        for scope in SCOPES
        for policies in POLICIES
    ),
    *(
        Kind(order, start, scope, None, FIELD)
        for order in ORDERS
        for start in STARTS
        for scope in SCOPES
    ),
    *(
        Kind(order, "best", scope, None, None, way)
        for order in ORDERS
        for scope in SCOPES
        for way in WAYS
    ),
    *(Kind("any", "best", scope, (), hold) for scope in SCOPES for hold in (None, FIELD)),
]
"""Every kind that makes sense: in any order no stage comes first."""


@dataclass(frozen=True)
class Crowd:
    """Users with one to six events of four names, some of which carry a value."""

    trails: Trails
    values: oracle.Values
    log: core.EventLog

    def read(self) -> core.EventLog:
        """The log again, as everybody reads one."""
        return core.read_events(
            [
                {"user": user, "event": name, "time": time / SECOND, FIELD: value}
                for user, trail in self.trails.items()
                for (time, name), value in zip(trail, self.values[user], strict=True)
            ]
        )


def crowd(random: Random, users: int) -> Crowd:
    """A crowd of so many users."""
    trails = {f"u{number:04}": _trail(random) for number in range(users)}
    values = {
        user: random.choices(("p", "p", "q", "", None), k=len(trail))
        for user, trail in trails.items()
    }
    return crowd_of(trails, values)


def crowd_of(trails: Trails, values: oracle.Values | None = None) -> Crowd:
    """A crowd of these users."""
    known = values or {user: [None] * len(trail) for user, trail in trails.items()}
    codes = ["pq".find(value) if value else -1 for user in trails for value in known[user]]
    return Crowd(trails, known, quick_log(trails, codes))


def _trail(random: Random) -> list[tuple[int, str]]:
    time, trail, gaps = random.randint(0, 3), [], random.choice(GAPS)
    for _ in range(random.randint(1, 6)):
        trail.append((time, random.choice("abcd")))
        time += random.choice(gaps)
    return trail


def question(random: Random, kind: Kind) -> Funnel:
    """A question of a kind: stages that repeat and overlap, small windows, ranges, exclusions."""
    policies = random.choice(POLICIES) if kind.policies is None else kind.policies
    stages = tuple(_stage(random) for _ in range(random.randint(2 if policies else 1, 4)))
    has_range = kind.order != "any" and random.random() < 0.3
    since, length = (random.randint(0, 6), random.randint(0, 9)) if has_range else (None, None)
    return Funnel(
        stages,
        scope=kind.scope,
        order=kind.order,
        start=kind.start,
        window=limit(random),
        ignore=random.choice(((), (), (), (), ("d",), ("b", "d")))
        if kind.order == "strict"
        else (),
        exclusions=tuple(_exclusion(random, len(stages), policy) for policy in policies),
        since=random.choice((since, None)),
        until=None if since is None or length is None else since + length,
        hold=random.choice((None, FIELD)) if kind.attempts else kind.hold,
        attempts=kind.attempts,
    )


def limit(random: Random) -> int | None:
    """A timeout or a window, microseconds."""
    return None if random.random() < 0.3 else random.randint(0, random.choice((6, 40)))


def _stage(random: Random) -> core.Stage:
    if random.random() < 0.1:
        return core.Stage.any_event()
    names = random.sample("abcx", random.choice((2, 3)))
    return core.Stage(tuple(random.choice((names, *"aabbcc"))))


def _exclusion(random: Random, stages: int, policy: Policy) -> core.Exclusion:
    names = random.choice((("d",), ("d",), ("x", "d"), ("a",), ("b", "c")))
    low = random.randint(1, stages - 1)
    high = random.randint(low + 1, stages)
    return core.Exclusion(names, random.choice((None, (low, high))), policy)


Name = tuple[str, str, int]
"""The user, the value and the beginning of a unit; simultaneous attempts share theirs."""


@dataclass(frozen=True)
class Told:
    """What the oracle says of a unit, or of one attempt."""

    unit: oracle.Unit
    time: int
    """When it begins."""
    outcome: oracle.Outcome

    @property
    def name(self) -> Name:
        """What the engine knows it by."""
        return self.unit.user, self.unit.value, self.time


def told(crowd: Crowd, timeout: int | None, ask: Funnel) -> list[Told]:
    """What the oracle says of everything that is counted."""
    last, found = oracle.end_of(crowd.trails), []
    for unit in oracle.units(crowd.trails, timeout, ask, crowd.values if ask.hold else None):
        if ask.attempts is None:
            found.append(Told(unit, unit.trail[0][0], oracle.outcome(unit.trail, ask, last)))
        else:
            found += [Told(unit, *each) for each in oracle.attempts(unit.trail, ask, last)]
    return found


def check(crowd: Crowd, timeout: int | None, ask: Funnel, *, times: bool = True) -> None:
    """Every number of a funnel is the oracle's; also the times to convert, if asked for."""
    funnel = count_funnel(core.Journeys(crowd.log, timeout), ask)
    expected, names = told(crowd, timeout, ask), _names(crowd, funnel)
    answers = zip(names, funnel.depths.tolist(), funnel.pending.tolist(), strict=True)
    found = sorted((*name, depth, pending) for name, depth, pending in answers)
    wanted = sorted((*each.name, each.outcome.depth, each.outcome.pending) for each in expected)
    if found != wanted:
        user = min(set(found) ^ set(wanted) or found)[0]
        raise AssertionError(
            f"{user} {crowd.trails[user]} {crowd.values[user]} is "
            f"{[each for each in wanted if each[0] == user]} and not "
            f"{[each for each in found if each[0] == user]}: {timeout=} {ask}"
        )
    deepest = dict.fromkeys(sorted(crowd.trails), 0)
    for each in expected:
        deepest[each.unit.user] = max(deepest[each.unit.user], each.outcome.depth)
    assert funnel.depth_by_user() == deepest
    outcomes = [each.outcome for each in expected]
    _check_counts(funnel, outcomes)
    if ask.attempts != "mixpanel":  # there the window decides what is counted
        for stage, needs in enumerate(core.window_curve(funnel).needs):
            smallest = [each.needs[stage] for each in outcomes if len(each.needs) > stage]
            assert needs.tolist() == sorted(smallest), f"{timeout=} {ask}"
    if times:
        _check_times(funnel, names, expected)


def _names(crowd: Crowd, funnel: FunnelResult) -> list[Name]:
    """The name of every unit."""
    units = funnel.units
    users = [str(crowd.log.users[number]) for number in units.users.tolist()]
    times = units.log.time[units.starts].tolist()
    if units.held is None:
        in_order = list(zip(users, times, strict=True))
        assert in_order == sorted(in_order)
        return [(user, "", time) for user, time in in_order]
    carried = [value or "" for user in sorted(crowd.values) for value in crowd.values[user]]
    values = [carried[place] for place in units.held.origin[units.starts].tolist()]
    return list(zip(users, values, times, strict=True))


def _check_counts(funnel: FunnelResult, outcomes: list[oracle.Outcome]) -> None:
    """The counts are those of the oracle's units, and they reconcile (rules R1, R2, N2)."""
    stages = range(len(funnel.funnel.stages))
    counts = [sum(each.depth > stage for each in outcomes) for stage in stages]
    pending = [sum(each.pending and each.depth == k + 1 for each in outcomes) for k in stages]
    gone = [before - after for before, after in pairwise(counts)]
    assert [stage.count for stage in funnel.counted] == counts
    assert [stage.pending for stage in funnel.counted] == pending
    assert [stage.dropped + stage.pending for stage in funnel.counted] == [*gone, 0]
    assert funnel.excluded == sum(each.excluded for each in outcomes)


def _check_times(funnel: FunnelResult, names: list[Name], expected: list[Told]) -> None:
    """Times to convert are those of an attempt that the oracle counts (rule R5)."""
    found: dict[Name, set[tuple[int, ...]]] = {}
    for number, took in _times(funnel).items():
        found.setdefault(names[number], set()).add(took)
    for each in expected:
        if each.outcome.depth:
            trail = each.unit.trail
            counted = {
                tuple(trail[place][0] - trail[taken[0]][0] for place in taken)
                for taken in each.outcome.counted
            }
            if not found[each.name] & counted:
                raise AssertionError(
                    f"{each.unit} took one of {counted}, not {found[each.name]}: {funnel.funnel}"
                )


def _times(funnel: FunnelResult) -> dict[int, tuple[int, ...]]:
    """Of each unit in the funnel, microseconds from its counted start to each stage it reached."""
    numbers, counted = funnel.counted_events
    time = funnel.units.log.time
    return {
        number: tuple(int(time[at] - time[min(events)]) for at in events)
        for number, row in zip(numbers.tolist(), counted.T.tolist(), strict=True)
        if (events := [at for at in row if at >= 0])
    }
