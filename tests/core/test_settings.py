"""Settings ask the same question as the flags they are named after."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.funnel import Exclusion
from core.settings import NAMES, settings_of, study_of
from tests.core.test_funnel import ANY_STAGE

STUDY = st.builds(
    core.Study,
    timeout=st.none() | st.integers(0, 10**12),
    stages=st.lists(ANY_STAGE, min_size=2, max_size=3).map(tuple),
    window=st.none() | st.integers(0, 10**12),
    scope=st.sampled_from(("journeys", "users")),
    order=st.sampled_from(("ordered", "strict")),
    start=st.sampled_from(("best", "first")),
    exclusions=st.lists(st.just(Exclusion(("refund",), (1, 2), "remove")), max_size=2).map(tuple),
    since=st.none() | st.integers(0, 10**15),
    hold=st.none() | st.just("item"),
    where=st.none() | st.just("price > 9"),
    journey_rules=st.builds(
        core.JourneyRules,
        midnight_tz=st.none() | st.just("Europe/Berlin"),
        max_length=st.none() | st.integers(0, 10**12),
        start_event=st.none() | st.just("open"),
    ),
)


@given(STUDY)
def test_settings_are_read_back_unchanged(study: core.Study) -> None:
    settings = settings_of(study)
    assert set(settings) <= set(NAMES)
    assert study_of(settings) == study


def test_settings_change_only_what_they_name() -> None:
    base = core.Study(timeout=5, scope="users", journey_rules=core.JourneyRules(start_event="open"))
    changed = study_of({"window": "7d", "session_end": "close", "scope": None}, base)
    assert (changed.timeout, changed.scope, changed.window) == (5, "users", 7 * 86_400_000_000)
    assert changed.journey_rules == core.JourneyRules(start_event="open", end_event="close")


def test_stages_may_be_a_list() -> None:
    assert study_of({"stages": ["a|b", "Buy=c"]}).stages == (
        core.Stage(("a", "b")),
        core.Stage(("c",), name="Buy"),
    )


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"timeout": "30"}, "--timeout: '30' has no unit"),
        ({"max_length": "x"}, "--max-length: "),
        ({"exclude": ["a@2..1"], "stages": "a,b"}, "is not inside a funnel"),
        ({"windw": "7d"}, "there is no setting 'windw'"),
        ({"window": 7}, "--window: one text is needed, not 7"),
        ({"scope": "people"}, "there is no scope 'people'"),
    ],
)
def test_what_is_no_setting_is_refused_by_its_name(settings: dict[str, str], message: str) -> None:
    with pytest.raises(core.QuestionError, match=message):
        study_of(settings)
