"""Rule J3 with all its switches together, against a plain reading of it, and in every face."""

import json
import subprocess
import sys
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import core
from core.cuts import FEW
from core.durations import LONGEST
from core.event import from_datetime, to_datetime
from core.journeys import JourneyRules
from tests.core import oracle
from tests.core.build import MINUTE, SCOPE, SECOND, STAGES, log_of, quick_log
from tracer_tui.cli import main

ROOT = Path(__file__).parents[2]
HOUR = 60 * MINUTE
DAY = 24 * HOUR

Seen = tuple[int, str, int | None]
"""Time, name, and the value of the session field; None is missing."""


def cut(trail: Sequence[Seen], timeout: int | None, rules: JourneyRules) -> list[list[Seen]]:
    """The journeys of a trail, event by event."""
    journeys: list[list[Seen]] = [[trail[0]]]
    known = trail[0][2]
    for before, event in pairwise(trail):
        if rules.session_field is not None:
            is_cut = event[2] is not None and known not in (None, event[2])
            known = known if event[2] is None else event[2]
        else:
            is_cut = timeout is not None and event[0] - before[0] > timeout
        is_cut |= rules.start_event == event[1] or rules.end_event == before[1]
        if rules.midnight_tz is not None:
            zone = ZoneInfo(rules.midnight_tz)
            days = [to_datetime(time).astimezone(zone).date() for time, *_ in (before, event)]
            is_cut |= days[0] != days[1]
        if rules.max_length is not None:
            is_cut |= event[0] - journeys[-1][0][0] > rules.max_length
        if is_cut:
            journeys.append([])
        journeys[-1].append(event)
    return journeys


def _log(trails: dict[str, list[Seen]]) -> core.EventLog:
    named = {user: [event[:2] for event in trail] for user, trail in trails.items()}
    codes = [-1 if value is None else value for trail in trails.values() for *_, value in trail]
    return quick_log(named, codes)


def _summed(steps: tuple[int, list[tuple[int, str, int | None]]]) -> list[Seen]:
    time, trail = steps[0], []
    for gap, name, value in steps[1]:
        time += gap
        trail.append((time, name, value))
    return trail


BERLIN_CHANGES = from_datetime(datetime.fromisoformat("2026-03-28T22:59:59.999999"))
STEP = st.tuples(
    st.sampled_from((0, 0, 1, 2, HOUR, 23 * HOUR, DAY)),
    st.sampled_from("abcd"),
    st.sampled_from((None, 0, 0, 1)),
)
SEEN = st.tuples(
    st.sampled_from((0, BERLIN_CHANGES, BERLIN_CHANGES - HOUR)),
    st.lists(STEP, min_size=1, max_size=8),
).map(_summed)
SEEN_TRAILS = st.lists(SEEN, max_size=4).map(lambda ts: {f"u{i}": t for i, t in enumerate(ts)})
TIME_LIMIT = st.sampled_from((None, 0, 1, 2, 3, HOUR, HOUR + 2, DAY))
TOO_LONG: dict[str, list[Seen]] = {
    f"u{i:02}": [(0, "a", 0), (2, "a", 0), (3, "a", 0)] for i in range(FEW + 1)
}
RULES = st.builds(
    JourneyRules,
    midnight_tz=st.sampled_from((None, None, "UTC", "Europe/Berlin")),
    max_length=TIME_LIMIT,
    start_event=st.sampled_from((None, None, "a", "x")),
    end_event=st.sampled_from((None, None, "b")),
    session_field=st.sampled_from((None, None, "sid")),
)


@example(TOO_LONG, None, JourneyRules(max_length=2))
@given(SEEN_TRAILS, TIME_LIMIT, RULES)
def test_j3_journeys_are_those_of_a_plain_reading(
    trails: dict[str, list[Seen]], timeout: int | None, rules: JourneyRules
) -> None:
    journeys = core.Journeys(_log(trails), timeout, rules)
    expected = {u: [len(j) for j in cut(trail, timeout, rules)] for u, trail in trails.items()}
    assert _sizes(journeys) == [size for sizes in expected.values() for size in sizes]
    for user, sizes in expected.items():
        assert _sizes(journeys.only(user)) == sizes
    assert len(journeys.only("nobody")) == 0


def _sizes(journeys: core.Journeys) -> list[int]:
    sizes: list[int] = np.diff(journeys.starts, append=len(journeys.log)).tolist()
    return sizes


@given(
    SEEN_TRAILS,
    TIME_LIMIT,
    RULES,
    STAGES,
    SCOPE,
    TIME_LIMIT,
    st.sampled_from(("ordered", "strict", "any")),
    st.lists(st.sampled_from("cd"), max_size=1),
)
def test_j3_a_funnel_of_journeys_is_one_of_users_who_had_one_each(
    trails: dict[str, list[Seen]],
    timeout: int | None,
    rules: JourneyRules,
    stages: tuple[core.Stage, ...],
    scope: Any,
    window: int | None,
    order: Any,
    excluded: list[str],
) -> None:
    if order == "any" or len(stages) == 1:
        excluded = []
    asked: dict[str, Any] = {
        "order": order,
        "window": None if window is None else timedelta(microseconds=window),
        "exclusions": excluded,
    }
    log = _log(trails)
    journeys = core.Journeys(log, timeout, rules)
    result = core.analyze_funnel(journeys, stages, scope=scope, **asked)
    units = [
        [event[:2] for event in unit]
        for trail in trails.values()
        for unit in (cut(trail, timeout, rules) if scope == "journeys" else [trail])
    ]
    alone = core.Journeys(quick_log({f"{i:03}": unit for i, unit in enumerate(units)}), None)
    assert (
        result.depths.tolist()
        == core.analyze_funnel(alone, stages, scope="journeys", **asked).depths.tolist()
    )
    if order == "ordered" and not excluded:
        names = [stage.names for stage in stages]
        assert result.depths.tolist() == [oracle.depth(unit, names, window) for unit in units]


@pytest.mark.parametrize(
    ("scope", "counts", "ends"), [("journeys", [1, 0], 1), ("users", [1, 1], 0)]
)
def test_j3_a_cut_between_simultaneous_events_parts_journeys_and_not_users(
    scope: Any, counts: list[int], ends: int
) -> None:
    log = log_of(("u", "b", 0), ("u", "a", 0))
    journeys = core.reconstruct_journeys(log, start_event="a")
    result = core.analyze_funnel(journeys, ["a", "b"], scope=scope)
    assert [stage.count for stage in result.stages] == counts
    engine, stages = core.LocalEngine(log), (core.Stage(("a",)), core.Stage(("b",)))
    study = core.Study(stages=stages, scope=scope, journey_rules=journeys.rules)
    assert [stage.count for stage in engine.funnel(study).stages] == counts
    trail = engine.journeys(study, "u")
    assert [session.depth for session in trail.sessions] == [0, 1]
    assert [trail.marks(place).left for place in range(2)] == [False, bool(ends)]


def test_j3_the_engine_finds_the_stages_again_when_the_timeout_moves_a_length_cut() -> None:
    engine = core.LocalEngine(log_of(("u", "a", 0), ("u", "x", 100), ("u", "b", 150)))
    rules = JourneyRules(max_length=2 * MINUTE)
    study = core.Study(None, (core.Stage(("x",)), core.Stage(("b",))), journey_rules=rules)
    for timeout, counts in ((None, [1, 0]), (90 * SECOND, [1, 1]), (None, [1, 0])):
        stages = engine.funnel(study.with_timeout(timeout)).stages
        assert [stage.count for stage in stages] == counts


@given(SEEN_TRAILS, st.lists(st.tuples(TIME_LIMIT, RULES, SCOPE), min_size=1, max_size=4), STAGES)
def test_n3_the_engine_knows_the_rules_whatever_was_asked_before(
    trails: dict[str, list[Seen]], asked: list[tuple[int | None, JourneyRules, Any]], stages: Any
) -> None:
    log = _log(trails)
    engine = core.LocalEngine(log)
    for timeout, rules, scope in asked:
        study = core.Study(timeout, stages, scope=scope, journey_rules=rules)
        journeys = core.Journeys(log, timeout, rules)
        result = core.analyze_funnel(journeys, stages, scope=scope)
        answer = engine.funnel(study)
        assert answer.journeys_count == len(journeys)
        assert [stage.count for stage in answer.stages] == [s.count for s in result.stages]
        depths = core.analyze_funnel(journeys, stages).depths.tolist()
        for number, user in enumerate(trails):
            sessions = engine.journeys(study, user).sessions
            own = slice(journeys.first_of_user(number), journeys.first_of_user(number + 1))
            assert [session.event_count for session in sessions] == _sizes(journeys)[own]
            assert [session.depth for session in sessions] == depths[own]


@given(SEEN_TRAILS, TIME_LIMIT, RULES)
def test_j3_a_cut_is_longer_than_any_timeout_and_shorter_than_a_users_first(
    trails: dict[str, list[Seen]], timeout: int | None, rules: JourneyRules
) -> None:
    log = _log(trails)
    plain = core.Journeys(log, timeout)
    assert plain.gaps is log.gap
    assert plain.cut_log is log
    gaps = core.Journeys(log, timeout, rules).gaps
    changed = gaps != log.gap
    assert set(gaps[changed].tolist()) <= {LONGEST}
    assert not changed[log.offsets[:-1]].any()


# On the command line and in the document.


def _run(capsys: pytest.CaptureFixture[str], *flags: str) -> tuple[object, str, str]:
    """The exit code and what was printed."""
    with pytest.raises(SystemExit) as done:
        main(["--demo", "--json", *flags])
    return done.value.code, *capsys.readouterr()


@pytest.mark.parametrize(
    ("flags", "rules", "timeout", "count"),
    [
        (["--midnight", "UTC"], {"midnight_tz": "UTC"}, 30.0, 6),
        (["--max-length", "10m"], {"max_minutes": 10.0}, 30.0, 10),
        (
            ["--session-start", "home", "--session-end", "logout", "--timeout", "off"],
            {"start_event": "home", "end_event": "logout"},
            None,
            7,
        ),
        (["--session-field", "device", "--timeout", "1m"], {"session_field": "device"}, None, 5),
    ],
)
def test_j3_flags_and_the_document_say_the_rules(
    flags: list[str],
    rules: dict[str, object],
    timeout: float | None,
    count: int,
    capsys: pytest.CaptureFixture[str],
) -> None:
    code, out, err = _run(capsys, *flags)
    assert (code, err) == (0, "")
    document = json.loads(out)
    assert document["journey_rules"] == rules
    assert document["session_timeout_minutes"] == timeout
    assert document["journeys_count"] == len(document["journeys"]) == count


@pytest.mark.parametrize(
    ("flags", "message"),
    [
        (["--midnight", "Mars"], "--midnight: no time zone is named 'Mars'"),
        (["--max-length", "2"], "--max-length: '2' has no unit"),
        (["--session-field", "devise"], "no event has a field 'devise'; did you mean device"),
    ],
)
def test_j3_bad_rules_are_one_line_and_exit_code_2(
    flags: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code, out, err = _run(capsys, *flags)
    assert (code, out) == (2, "")
    assert err.startswith(f"tracer-tui: {message}")
    assert err.count("\n") == 1


def test_j3_rules_reach_the_program_itself() -> None:
    flags = ["--demo", "--json", "--midnight", "UTC", "--max-length", "1h", "--session-end", "x"]
    done = subprocess.run(
        [sys.executable, "-m", "tracer_tui", *flags],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    document = json.loads(done.stdout)
    assert document["journey_rules"] == {
        "midnight_tz": "UTC",
        "max_minutes": 60.0,
        "end_event": "x",
    }
    assert document["journeys_count"] == 6
    assert document["warnings"] == ["no event is named 'x'"]


def test_j3_without_rules_the_document_has_no_word_of_them() -> None:
    engine = core.LocalEngine(log_of(("u", "x", 0)))
    assert "journey_rules" not in core.document(engine, core.Study())
    assert core.document(engine, core.Study())["session_timeout_minutes"] == 30.0


def test_j3_a_study_renders_its_rules_as_flags() -> None:
    rules = JourneyRules("Asia/Tokyo", 2 * HOUR, "log in", "log out", "sid")
    assert core.Study(journey_rules=rules).flags() == [
        *("--midnight", "Asia/Tokyo"),
        *("--max-length", "2h"),
        *("--session-start", "log in"),
        *("--session-end", "log out"),
        *("--session-field", "sid"),
    ]
    assert core.Study(journey_rules=rules) != core.Study()
    assert core.Study(journey_rules=JourneyRules()) == core.Study()
