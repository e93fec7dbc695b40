"""What was done after a stage, against the same read off each unit's events one by one."""

from dataclasses import dataclass
from itertools import product
from statistics import median

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.aftermath import STAYS, Aftermath, after_stage, medians_to_next
from core.analysis import count_funnel
from core.cohort import Did, Part, Stayed, When
from core.timeline import Trail
from tests.core.build import LIMIT, SCOPE, STAGES, TRAILS, Trails, log_of, quick_log

STUDY = st.builds(
    core.Study, timeout=LIMIT, stages=STAGES.filter(lambda s: len(s) > 1), scope=SCOPE, window=LIMIT
)
WHENS: tuple[When, ...] = ("next", "last", "between")
ALL = 1_000_000


@dataclass(frozen=True)
class After:
    """What one unit did after a stage, as one reads it off its events."""

    left: bool
    went_on: bool
    next: str | None
    last: str | None
    between: frozenset[str]
    stay: int
    to_next: int | None


def _read_off(trail: Trail, stage: int, scope: str) -> list[After]:
    """The units of one user that reached a stage."""
    found = []
    ends = [session.first_event + session.event_count for session in trail.sessions]
    stretches = [(0, len(trail))] if scope == "users" else list(zip([0, *ends], ends, strict=False))
    for start, stop in stretches:
        counted = {trail.marks(place).counted: place for place in range(start, stop)}
        if stage not in counted:
            continue
        here, after = counted[stage], counted.get(stage + 1)
        until = stop if after is None else after
        found.append(
            After(
                left=after is None and not trail.marks(stop - 1).pending,
                went_on=after is not None,
                next=trail.name(here + 1) if here + 1 < stop else None,
                last=trail.name(stop - 1) if stop - 1 > here else None,
                between=frozenset(trail.name(place) for place in range(here + 1, until)),
                stay=trail.time(stop - 1) - trail.time(here),
                to_next=None if after is None else trail.time(after) - trail.time(here),
            )
        )
    return found


def _after(engine: core.LocalEngine, study: core.Study, stage: int) -> Aftermath:
    result = engine.result(study)
    assert result is not None
    return after_stage(result, stage)


def _did(one: After, what: Did | Stayed) -> bool:
    if isinstance(what, Stayed):
        return what.at_least <= one.stay and (what.below is None or one.stay < what.below)
    if what.when == "between":
        return bool(one.between & {*what.names}) if what.names else not one.between
    name = one.next if what.when == "next" else one.last
    return name is None if not what.names else name in what.names


@given(TRAILS, STUDY)
def test_every_number_and_every_median_is_the_one_that_is_read_off_the_events(
    trails: Trails, study: core.Study
) -> None:
    engine = core.LocalEngine(quick_log(trails))
    seen = [engine.journeys(study, user) for user in sorted(trails)]
    medians = engine.medians_to_next(study)
    assert medians[-1] is None
    for stage in range(len(study.stages) - 1):
        units = [one for trail in seen for one in _read_off(trail, stage, study.scope)]
        times = [one.to_next for one in units if one.to_next is not None]
        assert medians[stage] == (median(times) / 1e6 if times else None)
        after = _after(engine, study, stage)
        assert (int(after.left.sum()), int(after.went_on.sum())) == (
            sum(one.left for one in units),
            sum(one.went_on for one in units),
        )
        asked: list[Did | Stayed] = [Did(stage, when, names) for when, names in product(
            WHENS, [(), *((name,) for name in "abcdx"), ("a", "b"), ("x", "y")]
        )]  # fmt: skip
        asked += [Stayed(stage, low, high) for low, high in ((0, 3), (3, None), (0, None))]
        for what in asked:
            contrast = after.contrast(what)
            assert contrast.left == sum(one.left and _did(one, what) for one in units)
            assert contrast.went_on == sum(one.went_on and _did(one, what) for one in units)
        for group, chosen in ((after.left, "left"), (after.went_on, "went_on")):
            stays = [one.stay for one in units if getattr(one, chosen)]
            expected = median(stays) / 1e6 if stays else None
            assert after.median_stay(group) == expected


@given(TRAILS, STUDY)
def test_n1_every_number_of_the_panel_opens_as_many_rows(trails: Trails, study: core.Study) -> None:
    engine = core.LocalEngine(quick_log(trails))
    for stage in range(len(study.stages) - 1):
        panel = engine.drop_off(study, stage)
        left, went_on = Part("left", stage), Part("went_on", stage)
        assert engine.users(study, core.Cohort((left,)), stop=ALL).total == panel.left
        assert engine.users(study, core.Cohort((went_on,)), stop=ALL).total == panel.went_on
        contrasts = (*panel.next, *panel.last, *panel.between, *panel.stays)
        for contrast in contrasts:
            for part, number in ((left, contrast.left), (went_on, contrast.went_on)):
                page = engine.users(study, core.Cohort((part, contrast.what)), stop=ALL)
                assert page.total == len(page.rows) == number
        for group in (panel.next, panel.last, panel.stays):
            assert sum(each.left for each in group) == panel.left
            assert sum(each.went_on for each in group) == panel.went_on


SHOP = log_of(
    *(("ana", "cart", 0), ("ana", "payment_error", 5), ("ana", "help", 65)),
    *(("bo", "cart", 0), ("bo", "Card Declined", 3), ("bo", "pay", 9), ("bo", "thanks", 10)),
    *(("cy", "cart", 0), ("cy", "pay", 9)),
    ("dee", "cart", 0),
)
STAGES_OF_SHOP = (core.Stage(("cart",)), core.Stage(("pay",)))
PAID = core.Study(stages=STAGES_OF_SHOP)


def test_errors_in_between_are_told_by_their_names() -> None:
    errors = core.LocalEngine(SHOP).drop_off(PAID, 0).errors
    assert errors is not None
    assert errors.what == Did(0, "between", ("Card Declined", "payment_error"))
    assert (errors.left, errors.went_on) == (1, 1)
    assert (errors.left_share, errors.went_on_share, errors.difference) == (0.5, 0.5, 0.0)


def test_there_are_no_errors_where_nobody_met_one() -> None:
    calm = core.LocalEngine(log_of(("ana", "cart", 0), ("ana", "look", 1)))
    assert calm.drop_off(PAID, 0).errors is None


def test_what_most_leavers_did_comes_first() -> None:
    panel = core.LocalEngine(SHOP).drop_off(PAID, 0)
    assert (panel.left, panel.went_on) == (2, 2)
    told = [
        (each.what.names, each.left, each.went_on)
        for each in panel.next
        if isinstance(each.what, Did)
    ]
    assert told == [
        (("payment_error",), 1, 0),
        ((), 1, 0),
        (("Card Declined",), 0, 1),
        (("pay",), 0, 1),
    ]
    assert [each.what for each in panel.stays] == [
        Stayed(0, low, high) for low, high in zip(STAYS, (*STAYS[1:], None), strict=True)
    ]
    assert [each.left for each in panel.stays] == [1, 0, 1, 0, 0, 0]


def test_nobody_leaves_the_last_stage() -> None:
    for stage in (1, 2, -1):
        with pytest.raises(core.QuestionError, match="nobody leaves after stage"):
            core.LocalEngine(SHOP).drop_off(PAID, stage)


def test_an_empty_log_has_a_panel_of_zeros() -> None:
    panel = core.open_engine([]).drop_off(PAID, 0)
    assert (panel.left, panel.went_on, panel.errors, panel.next) == (0, 0, None, ())
    assert panel.left_median_seconds is None
    assert core.open_engine([]).medians_to_next(PAID) == (None, None)


def test_held_values_and_attempts_have_their_own_aftermath() -> None:
    rows = [
        {"user": "ana", "event": name, "time": time, "item": item}
        for time, (name, item) in enumerate(
            [("cart", "mug"), ("cart", "pot"), ("help", "mug"), ("pay", "pot"), ("bye", "mug")]
        )
    ]
    journeys = core.reconstruct_journeys(core.read_events(rows))
    held = count_funnel(journeys, core.Funnel(STAGES_OF_SHOP, hold="item"))
    after = after_stage(held, 0)
    assert (after.left.sum(), after.went_on.sum()) == (1, 1)
    assert after.contrast(Did(0, "next", ("help",))).left == 1
    assert after.contrast(Did(0, "last", ("bye",))).left == 1
    assert medians_to_next(held) == (2.0, None)
    starts = count_funnel(journeys, core.Funnel(STAGES_OF_SHOP, attempts="starts"))
    assert after_stage(starts, 0).went_on.tolist() == [True, True]
