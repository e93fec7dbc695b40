"""First a sample, then the truth."""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

import core
from core.cohort import Cohort, Part
from core.warehouse import pull as pulling
from core.warehouse.estimate import _ratio, _total
from core.warehouse.sampled import SampledEngine
from tests.engines.warehouse.conftest import engine_of, on, open_table
from tests.engines.warehouse.crowd import CROWD, STUDIES, stages, study
from tests.engines.warehouse.targets import Target


@on("duckdb", "chdb", "postgres", "spark")
def test_a_sample_is_whole_users_and_says_so(target: Target) -> None:
    engine = SampledEngine(engine_of(target), 0.3)
    asked = STUDIES["users"]
    answer = engine.funnel(asked)
    assert answer.sampled is not None
    assert answer.sampled.share == 0.3
    assert answer.study == asked
    assert answer.users_count == 2_000
    page = engine.users(asked, stop=2_000)
    assert 500 < page.total < 700
    assert page.share == 0.3
    exact = {row.user: row for row in CROWD.local.users(asked, stop=2_000).rows}
    assert all(row == exact[row.user] for row in page.rows)


@on("duckdb")
def test_the_exact_numbers_replace_those_of_the_sample(target: Target) -> None:
    engine, asked = SampledEngine(open_table(target, "crowd"), 0.2), STUDIES["overlaps"]
    local = CROWD.local.funnel(asked)
    assert engine.funnel(asked).sampled is not None
    exact = engine.exact(asked, lambda: False)
    assert exact.sampled is None
    assert exact.stages == local.stages
    assert engine.funnel(asked) is exact
    part = engine.users(asked, Cohort((Part("left", 0),)))
    assert (part.total, part.share) == (local.stages[0].dropped, 1.0)
    other = replace(asked, window=None)
    assert engine.funnel(other).sampled is not None


@on("duckdb")
def test_counting_is_stopped_on_request(target: Target) -> None:
    engine = SampledEngine(open_table(target, "crowd"), 0.2)
    with pytest.raises(core.Cancelled):
        engine.exact(STUDIES["ordered"], lambda: True)
    assert engine.funnel(STUDIES["ordered"]).sampled is not None


@on("duckdb")
def test_bounds_hold_what_is_true_nearly_always(target: Target) -> None:
    asked = [STUDIES[name] for name in ("ordered", "users", "any order", "held", "removing")]
    held = []
    for share in (0.05, 0.1, 0.2, 0.4):
        engine = SampledEngine(engine_of(target), share)
        for each in asked:
            found, truth = engine.funnel(each).sampled, CROWD.local.funnel(each)
            assert found is not None
            for stage, count, rate in zip(
                truth.stages, found.counts, found.conversions, strict=True
            ):
                held.append(count[0] <= stage.count <= count[1])
                held.append(rate[0] - 1e-9 <= stage.conversion <= rate[1] + 1e-9)
    assert sum(held) >= 0.85 * len(held)


@on("duckdb")
def test_what_was_done_after_a_stage_is_told_of_the_sample_until_it_is_counted(
    target: Target,
) -> None:
    asked, engine = STUDIES["ordered"], SampledEngine(open_table(target, "crowd"), 0.5)
    panel, truth = engine.drop_off(asked, 0), CROWD.local.drop_off(asked, 0)
    assert (panel.study, panel.share) == (asked, 0.5)
    assert abs(panel.left - truth.left) < 0.2 * truth.left
    cohort = Cohort((Part("left", 0), panel.next[0].what))
    engine.exact(asked)
    # The list belongs to the panel, not to the bars.
    assert engine.users(asked, cohort, stop=5).share == 0.5
    with pytest.raises(core.Cancelled):
        engine.exact_drop_off(asked, 0, lambda: True)
    assert engine.drop_off(asked, 0).share == 0.5
    assert vars(engine.exact_drop_off(asked, 0)) == vars(truth)
    assert engine.drop_off(asked, 0).share == 1
    page = engine.users(asked, cohort, stop=5)
    assert (page.total, page.share) == (CROWD.local.users(asked, cohort).total, 1.0)


@on("duckdb")
def test_who_has_too_many_events_is_not_pulled(
    target: Target, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pulling, "MOST_EVENTS", 100)
    engine = open_table(target, "crowd")
    told = "users who reached stage 1: more than 100 events would have to be fetched"
    with pytest.raises(core.QuestionError, match=told):
        engine.drop_off(STUDIES["ordered"], 0)


@on("duckdb")
def test_rulers_are_exact_as_soon_as_the_funnel_is(target: Target) -> None:
    asked, engine = STUDIES["ordered"], SampledEngine(open_table(target, "crowd"), 0.5)
    assert engine.curves(asked).share == 0.5
    engine.exact(asked)
    curves, truth = engine.curves(asked), CROWD.local.curves(asked)
    assert curves.share == 1
    assert curves.counts([None, 0]) == truth.counts([None, 0])


def test_bounds_hold_in_ninety_five_of_a_hundred_samples() -> None:
    random = np.random.default_rng(5)
    # A few users have most of the journeys: a count that took them for as many draws would be off.
    began = random.geometric(0.2, 4_000) * (random.random(4_000) < 0.8)
    reached = random.binomial(began, 0.3)
    totals, ratios = 0, 0
    for _ in range(400):
        inside = random.random(4_000) < 0.1
        low, high = _total(reached[inside], 0.1)
        totals += low <= reached.sum() <= high
        least, most = _ratio(reached[inside], began[inside], 0.1)
        ratios += least <= reached.sum() / began.sum() <= most
    assert 0.92 < totals / 400 < 0.98
    assert 0.92 < ratios / 400 < 0.98


def test_bounds_of_what_was_never_seen_leave_room() -> None:
    nobody, somebody = np.zeros(10, dtype=np.int64), np.ones(10, dtype=np.int64)
    assert _total(nobody, 0.01) == (0, 297)
    assert _ratio(nobody, somebody, 0.01) == pytest.approx((0.0, 0.297))
    assert _ratio(nobody, nobody, 0.01) == (0.0, 1.0)


@on("duckdb")
def test_a_sample_knows_the_conditions_that_are_asked(target: Target) -> None:
    engine = SampledEngine(open_table(target, "crowd"), 1.0)
    asked = core.Study(
        timeout=4_000_000,
        stages=(core.Stage(("a",), where="loud = 1"), *stages("b")),
        where="lane = 'left'",
    )
    sampled, exact = engine.funnel(asked), engine.warehouse.funnel(asked)
    assert sampled.stages == exact.stages
    assert sampled.sampled is None
    assert engine.suggest() == CROWD.local.suggest()


@on("duckdb")
def test_one_user_is_asked_of_the_warehouse(target: Target) -> None:
    engine, asked = SampledEngine(open_table(target, "crowd"), 0.01), study("a", "b", "c")
    for user in ("u001", "u002", "u003"):
        assert len(engine.journeys(asked, user)) == len(CROWD.local.journeys(asked, user))
        alone = replace(asked, user=user)
        assert engine.funnel(alone).stages == CROWD.local.funnel(alone).stages


def run(target: Target, *flags: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "tracer_tui", target.url(), "--table", "crowd", *flags],
        capture_output=True,
        text=True,
        check=False,
    )


@on("duckdb", "postgres")
def test_the_command_line_prints_exact_numbers(target: Target) -> None:
    done = run(target, "--stages", "a,b,c", "--timeout", "4s", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found, expected = json.loads(done.stdout), core.document(CROWD.local, STUDIES["ordered"])
    assert found.pop("sources")[0]["source"].endswith(" crowd")
    del expected["sources"]
    assert found == json.loads(json.dumps(expected))


@on("duckdb")
def test_the_command_line_says_what_is_a_sample(target: Target) -> None:
    done = run(target, "--stages", "a,b,c", "--timeout", "4s", "--json", "--sample", "30%")
    found = json.loads(done.stdout)
    assert found["funnel"]["sample"]["share"] == 0.3
    assert "estimated from 30 % of the users" in found["warnings"][0]
    assert run(target, "--sample", "30", "--json").returncode == 2


@on("postgres")
def test_the_command_line_never_tells_a_password(target: Target) -> None:
    url = target.url(password="not the right one")  # noqa: S106 - that is the test
    done = subprocess.run(
        [sys.executable, "-m", "tracer_tui", url, "--table", "crowd", "--json"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (3, "", 1)
    assert "not the right one" not in done.stderr
