"""The engine on this machine: the same answers as the Python face, and lists that reconcile."""

import dataclasses
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from itertools import product
from random import Random
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.cohort import EVERYBODY, Kind, Part
from core.engine import SortKey, UserRow
from core.funnel import Scope
from core.listing import Listing
from core.local import REMEMBERED
from core.stage import parse_stages
from core.timeline import Marks, Trail
from tests.core import oracle
from tests.core.build import (
    LIMIT,
    SCOPE,
    SECOND,
    STAGES,
    TRAILS,
    Trails,
    log_of,
    quick_log,
    random_trails,
)

STUDY = st.builds(
    core.Study,
    timeout=LIMIT,
    stages=STAGES,
    scope=SCOPE,
    window=LIMIT,
    user=st.sampled_from((None, None, None, None, "u0", "u001", "nobody")),
)
SORTS = [core.Sort(key, down) for key, down in product(get_args(SortKey), (True, False))]
BY_ID = core.Sort("user", descending=False)
ALL = 1_000_000


def _of(trails: Trails, study: core.Study) -> Trails:
    return {user: trails[user] for user in sorted(trails) if study.user in (None, user)}


def _depth(study: core.Study, trail: oracle.Trail) -> int:
    return oracle.depth(trail, [stage.names for stage in study.stages], study.window)


def _parts(study: core.Study) -> list[Part]:
    """Everything that can be opened on a funnel's bars."""
    kinds: tuple[Kind, ...] = ("reached", "left", "went_on")
    return [Part(kind, stage) for stage in range(len(study.stages)) for kind in kinds]


def _may_wait(study: core.Study) -> bool:
    """Whether users who may still go on have not left (rule F11)."""
    return study.scope == "users" and study.window is not None


def _belongs(study: core.Study, part: Part | None, depth: int) -> bool:
    if part is None:
        return True
    reached, is_last = part.stage + 1, part.stage + 1 == len(study.stages)
    return {
        "reached": depth >= reached,
        "left": depth == reached and not is_last,
        "went_on": depth > reached,
    }[part.kind]


def _rows(trails: Trails, study: core.Study, part: Part | None) -> list[UserRow]:
    """A list of users as one would write it down, in the order of the ids."""
    rows = []
    for user, trail in _of(trails, study).items():
        journeys = oracle.cut(trail, study.timeout)
        by_users = study.scope == "users"
        depth = max(_depth(study, unit) for unit in ([trail] if by_users else journeys))
        lines: Sequence[tuple[int | None, oracle.Trail, int]] = [(None, trail, depth)]
        if part is not None and not by_users:
            lines = [(i, journey, _depth(study, journey)) for i, journey in enumerate(journeys, 1)]
        rows += [
            UserRow(user, i, len(journeys), len(events), events[0][0], events[-1][0], reached)
            for i, events, reached in lines
            if _belongs(study, part, reached)
        ]
    return rows


def _cohort(part: Part | None) -> core.Cohort:
    return EVERYBODY if part is None else core.Cohort((part,))


def _face(log: core.EventLog, study: core.Study) -> core.FunnelResult:
    timeout = None if study.timeout is None else timedelta(microseconds=study.timeout)
    window = None if study.window is None else timedelta(microseconds=study.window)
    journeys = core.reconstruct_journeys(log, timeout, user=study.user)
    return core.analyze_funnel(journeys, study.stages, scope=study.scope, window=window)


@given(TRAILS, st.lists(STUDY, min_size=1, max_size=4), st.randoms(use_true_random=False))
def test_n3_the_engine_answers_like_the_python_face_whatever_was_asked_before(
    trails: Trails, studies: list[core.Study], random: Random
) -> None:
    log = quick_log(trails)
    engine = core.LocalEngine(log)
    varied = [
        dataclasses.replace(study, **{field: getattr(other, field)})
        for study, other in product(studies, studies)
        for field in ("timeout", "stages", "scope", "window", "user")
    ]
    for study in random.sample(varied, min(len(varied), 2 * REMEMBERED + 5)):
        face, answer = _face(log, study), engine.funnel(study)
        assert answer.study == study
        assert answer.stages == face.counted
        assert answer.journeys_count == len(face.journeys)
        assert answer.users_count == len(_of(trails, study))
        assert answer.events_count == sum(map(len, _of(trails, study).values()))
        assert answer.warnings[-len(face.warnings) :] == face.warnings or not face.warnings
        points = core.find_drop_offs(face)
        most = max((point.dropped for point in points), default=0)
        leak = next((i for i, p in enumerate(points) if most and p.dropped == most), None)
        assert answer.leak == leak


@given(TRAILS, STUDY)
def test_n1_every_cohort_lists_exactly_the_number_shown(trails: Trails, study: core.Study) -> None:
    engine = core.LocalEngine(quick_log(trails))
    answer = engine.funnel(study)
    for number, stage in enumerate(answer.stages):
        after = answer.stages[number + 1].count if number + 1 < len(answer.stages) else 0
        shown = {"reached": stage.count, "left": stage.dropped, "went_on": after}
        for part in (part for part in _parts(study) if part.stage == number):
            page = engine.users(study, core.Cohort((part,)), stop=ALL)
            assert page.total == len(page.rows) == shown[part.kind]
    assert engine.users(study, stop=ALL).total == answer.users_count


@given(TRAILS, STUDY, st.sampled_from(SORTS), st.sampled_from(("", "u", "1", "U2", "zzz")))
def test_lists_are_those_of_a_plain_sort(
    trails: Trails, study: core.Study, sort: core.Sort, search: str
) -> None:
    engine = core.LocalEngine(quick_log(trails))
    for part in (None, *_parts(study)):
        if _may_wait(study):
            continue
        cohort = _cohort(part)
        rows = [row for row in _rows(trails, study, part) if search.lower() in row.user.lower()]
        rows.sort(key=lambda row: getattr(row, sort.key), reverse=sort.descending)
        page = engine.users(study, cohort, sort, search, stop=ALL)
        assert list(page.rows) == rows
        assert (page.study, page.cohort, page.sort, page.search) == (study, cohort, sort, search)
        some = engine.users(study, cohort, sort, search, 1, 3)
        assert (some.total, some.start, list(some.rows)) == (len(rows), 1, rows[1:3])


@given(TRAILS, STUDY, st.sampled_from(SORTS), st.sampled_from(("", "1")))
def test_place_is_where_the_list_has_it(
    trails: Trails, study: core.Study, sort: core.Sort, search: str
) -> None:
    engine = core.LocalEngine(quick_log(trails))
    for cohort in map(_cohort, (None, *_parts(study))):
        rows = engine.users(study, cohort, sort, search, stop=ALL).rows
        places = [engine.place(study, cohort, sort, search, row.user, row.journey) for row in rows]
        assert places == list(range(len(rows)))
        for user in {*trails, "nobody"} - {row.user for row in rows}:
            assert engine.place(study, cohort, sort, search, user) is None


def test_place_without_a_journey_is_the_users_first_line() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a")], "bo": [(0, "a"), (9, "b"), (99, "a")]}))
    study, reached = core.Study(5, (core.Stage(("a",)),)), core.Cohort((Part("reached", 0),))
    by_time = core.Sort("first", descending=True)
    assert engine.place(study, reached, by_time, "", "bo") == 0
    assert engine.place(study, reached, by_time, "", "bo", 3) == 0
    assert engine.place(study, reached, by_time, "", "bo", 1) == 2
    assert engine.place(study, reached, by_time, "", "bo", 2) is None


def test_nobody_is_listed_of_a_stage_that_is_not_there() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a"), (99, "a")], "bo": [(0, "a")]}))
    for study in (core.Study(5), core.Study(5, (core.Stage(("a",)),))):
        cohort = core.Cohort((Part("reached", 1),))
        assert engine.users(study, cohort).total == 0
        assert engine.place(study, cohort, BY_ID, "", "ana") is None


def test_pages_past_either_end_are_empty_or_cut() -> None:
    engine = core.LocalEngine(quick_log({f"u{i}": [(i, "a")] for i in range(5)}))
    sort = core.Sort("user", descending=False)

    def users(start: int, stop: int) -> list[str]:
        page = engine.users(core.Study(), EVERYBODY, sort, "", start, stop)
        assert page.total == 5
        return [row.user for row in page.rows]

    assert users(3, 99) == ["u3", "u4"]
    assert users(9, 99) == []
    assert users(-2, 2) == ["u0", "u1"]
    assert users(2, 2) == []


@pytest.mark.slow
@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_n1_long_lists_reconcile(scope: Scope) -> None:
    random = Random(3)
    trails = random_trails(random, 800, most_events=7)
    rows = [(user, name, time / SECOND) for user, trail in trails.items() for time, name in trail]
    study = core.Study(1, tuple(map(core.Stage, ("a", "b", "c"))), scope=scope, window=4)  # type: ignore[arg-type]  # one text is one name
    engine = core.LocalEngine(log_of(*rows))
    for part in (None, *_parts(study)):
        if part is not None and part.kind == "left" and _may_wait(study):
            continue
        cohort = _cohort(part)
        expected = [
            dataclasses.replace(row, pending=listed.pending)
            for row, listed in zip(
                _rows(trails, study, part),
                engine.users(study, cohort, BY_ID, stop=ALL).rows,
                strict=True,
            )
        ]
        for sort in random.sample(SORTS, 4):
            expected.sort(key=lambda row: (row.user, row.journey or 0))
            expected.sort(key=lambda row: getattr(row, sort.key), reverse=sort.descending)
            assert list(engine.users(study, cohort, sort, stop=ALL).rows) == expected


@given(TRAILS, STUDY)
def test_a_trail_is_cut_and_marked_as_the_funnel_counts_it(
    trails: Trails, study: core.Study
) -> None:
    engine = core.LocalEngine(quick_log(trails))
    for user in trails:
        trail = engine.journeys(study, user)
        events = list(_of(trails, study).get(user, ()))
        assert (trail.study, trail.user, len(trail)) == (study, user, len(events))
        seen = [trail.event(i) for i in range(len(trail))]
        assert [(e.user, e.time.microsecond, e.name) for e in seen] == [(user, *e) for e in events]
        journeys = oracle.cut(events, study.timeout)
        edges = [sum(map(len, journeys[:i])) for i in range(len(journeys) + 1)]
        assert [
            (s.index, s.first_event, s.event_count, s.start, s.end, s.depth) for s in trail.sessions
        ] == [
            (i + 1, edges[i], len(j), j[0][0], j[-1][0], _depth(study, j))
            for i, j in enumerate(journeys)
        ]
        assert trail.sessions[::-1] == list(trail.sessions)[::-1]
        units = [range(len(events))] if study.scope == "users" else map(range, edges, edges[1:])
        for unit in units:
            _check_marks(study, trail, events, unit)


def _check_marks(study: core.Study, trail: Trail, events: oracle.Trail, unit: range) -> None:
    """The counted events of a unit are a matching of its depth; the last says whether it left."""
    depth = _depth(study, [events[place] for place in unit])
    counted: dict[int, int] = {}
    for place in unit:
        marks = trail.marks(place)
        assert marks.matches == tuple(
            i for i, s in enumerate(study.stages) if s.names is None or events[place][1] in s.names
        )
        is_end = place == unit[-1] and 0 < depth < len(study.stages)
        assert marks.left == is_end or (_may_wait(study) and not marks.left)
        so_far = len(counted) + (marks.counted is not None)
        assert marks.armed == (so_far if so_far < len(study.stages) else None)
        assert marks.start == min([*counted.values(), events[place][0]]) or not so_far
        if marks.counted is not None:
            assert marks.counted in marks.matches
            assert marks.counted not in counted
            counted[marks.counted] = events[place][0]
    times = [counted[stage] for stage in sorted(counted)]
    assert sorted(counted) == list(range(depth))
    assert times == sorted(times)
    assert study.window is None or not times or times[-1] - times[0] <= study.window


def test_a_trail_without_stages_has_no_marks() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a"), (9, "b")]}))
    trail = engine.journeys(core.Study(5), "ana")
    assert [trail.marks(i) for i in range(2)] == [Marks()] * 2
    assert [session.depth for session in trail.sessions] == [0, 0]


def test_a_study_without_stages_counts_everything_but_stages() -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a"), (9, "b")], "bo": [(0, "a")]}))
    answer = engine.funnel(core.Study(5))
    assert (answer.events_count, answer.users_count, answer.journeys_count) == (3, 2, 3)
    assert (answer.stages, answer.leak, answer.warnings) == ((), None, ())
    assert [row.depth for row in engine.users(core.Study(5)).rows] == [0, 0]


@pytest.mark.parametrize(("scope", "units"), [("journeys", 3), ("users", 2)])
def test_units_are_what_the_scope_counts(scope: Scope, units: int) -> None:
    engine = core.LocalEngine(quick_log({"ana": [(0, "a"), (9, "b")], "bo": [(0, "a")]}))
    assert engine.funnel(core.Study(5, scope=scope)).units_count == units


def test_an_unknown_user_is_a_warning_with_the_nearest() -> None:
    engine = core.LocalEngine(quick_log({"anna": [(0, "a")], "bo": [(0, "a")]}))
    answer = engine.funnel(core.Study(user="ana"))
    assert answer.warnings == ("no user is named 'ana'; did you mean anna?",)
    assert (answer.users_count, answer.journeys_count) == (0, 0)
    assert engine.funnel(core.Study(user="bo")).warnings == ()


def test_summary_is_of_everything() -> None:
    engine = core.open_engine(
        [{"user": u, "event": e, "time": t} for u, e, t in (("bo", "b", 7), ("ana", "a", 3))]
    )
    summary = engine.summary()
    assert (summary.source, summary.events_count, summary.users_count) == ("list", 2, 2)
    assert (summary.first, summary.last) == (3 * SECOND, 7 * SECOND)
    assert summary.name_counts == {"a": 1, "b": 1}
    assert summary.report.rows_read == 2


def test_j4_an_empty_log_is_answered() -> None:
    engine = core.open_engine([])
    summary = engine.summary()
    assert (summary.events_count, summary.users_count, summary.first, summary.last) == (
        0,
        0,
        None,
        None,
    )
    assert engine.suggest() == ()
    study = core.Study(stages=(core.Stage(("a",)), core.Stage.any_event()))
    assert [stage.count for stage in engine.funnel(study).stages] == [0, 0]
    for cohort in map(_cohort, (None, *_parts(study))):
        assert engine.users(study, cohort).rows == ()
        assert engine.place(study, cohort, core.Sort(), "", "ana") is None
    assert len(engine.journeys(study, "ana")) == 0
    assert list(engine.journeys(study, "ana").sessions) == []


def test_the_engine_may_be_asked_from_several_threads() -> None:
    random = Random(5)
    log = quick_log(random_trails(random, 200, most_events=9))
    scopes: tuple[Scope, ...] = ("journeys", "users")
    studies = [
        core.Study(timeout, (core.Stage(("a",)), core.Stage((name,))), scope=scope, window=window)
        for timeout, name, scope, window in product((0, 1, None), "bcd", scopes, (1, 9))
    ]
    engine = core.LocalEngine(log)
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(engine.funnel, studies * 3))
    assert [answer.stages for answer in answers] == [_face(log, s).counted for s in studies * 3]


@pytest.mark.parametrize(
    "rules",
    [
        core.JourneyRules(),
        core.JourneyRules(max_length=9 * SECOND),
        core.JourneyRules(start_event="a", midnight_tz="UTC"),
    ],
    ids=["plain", "longest", "cut"],
)
@pytest.mark.parametrize(
    "more", [{}, {"scope": "users", "window": 4 * SECOND}, {"order": "strict"}]
)
def test_a_page_is_what_the_whole_list_has_there(
    rules: core.JourneyRules, more: dict[str, Any]
) -> None:
    log = quick_log(random_trails(Random(60), 60, 20))
    asked = core.Study(stages=parse_stages("a,b,c"), journey_rules=rules, **more)
    engine = core.LocalEngine(log)
    engine.curves(asked)  # counts of journeys come from it from now on
    for timeout in (None, 0, SECOND, 3 * SECOND, 20 * SECOND):
        study = asked.with_timeout(timeout)
        assert engine.funnel(study).journeys_count == len(core.Journeys(log, timeout, rules))
        whole = Listing(
            core.Journeys(log, timeout, rules),
            core.LocalEngine(log).result(study),
            EVERYBODY,
            lambda stage: pytest.fail("nobody asked what was done"),
        )
        for sort in SORTS:
            rows = list(whole.rows(whole.in_order(whole.lines(), sort)))
            page = engine.users(study, sort=sort, start=7, stop=19)
            assert (page.total, list(page.rows)) == (len(rows), rows[7:19])
