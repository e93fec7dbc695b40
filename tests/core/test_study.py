import dataclasses
from collections.abc import Callable

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

import core
from core.durations import LONGEST
from core.journeys import DEFAULT_TIMEOUT
from core.settings import NAMES, study_of
from tests.core.build import MINUTE
from tracer_tui.flags import build_parser

STAGES = (core.Stage(("view",)), core.Stage(("card", "paypal")))
PLAIN = core.Study()

CHANGES: dict[str, tuple[Callable[[core.Study], core.Study], dict[str, object]]] = {
    "timeout": (lambda study: study.with_timeout(MINUTE), {"timeout": MINUTE}),
    "timeout off": (lambda study: study.with_timeout(None), {"timeout": None}),
    "window": (lambda study: study.with_window(7), {"window": 7}),
    "scope": (lambda study: study.with_scope("users"), {"scope": "users"}),
    "stages": (lambda study: study.with_stages(STAGES), {"stages": STAGES}),
    "suggested stages": (
        lambda study: study.with_stages(STAGES, suggested=True),
        {"stages": STAGES, "suggested": True},
    ),
}


@pytest.mark.parametrize("change", CHANGES)
def test_with_gives_a_new_question_that_differs_in_one_thing(change: str) -> None:
    make, fields = CHANGES[change]
    changed = make(PLAIN)
    assert {name: getattr(changed, name) for name in fields} == fields
    assert dataclasses.replace(changed, **{name: getattr(PLAIN, name) for name in fields}) == PLAIN
    assert changed != PLAIN == core.Study()


@pytest.mark.parametrize("change", CHANGES)
def test_questions_compare_and_hash_by_value(change: str) -> None:
    make, _ = CHANGES[change]
    assert make(core.Study()) == make(core.Study())
    assert len({make(core.Study()), make(core.Study()), PLAIN}) == 2


def test_a_question_never_changes() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        PLAIN.timeout = 1  # type: ignore[misc]  # it is the point


def test_named_stages_are_no_longer_suggested() -> None:
    suggested = PLAIN.with_stages(STAGES, suggested=True)
    assert not suggested.with_stages(STAGES).suggested
    assert suggested.with_timeout(None).suggested


def test_j2_default_timeout_is_thirty_minutes() -> None:
    assert PLAIN.timeout == DEFAULT_TIMEOUT == 30 * MINUTE


def test_its_funnel_asks_the_same() -> None:
    assert PLAIN.funnel is None
    study = PLAIN.with_stages(STAGES).with_scope("users").with_window(7)
    assert study.funnel == core.Funnel(STAGES, "users", window=7)


def test_a_plain_question_needs_no_flags() -> None:
    assert PLAIN.flags() == []


def test_suggested_stages_are_no_flag() -> None:
    assert PLAIN.with_stages(STAGES, suggested=True).flags() == []


def test_flags_are_what_a_person_would_type() -> None:
    study = core.Study(None, STAGES, scope="users", window=90_000_000, user="ana maria")
    assert study.flags() == [
        *("--timeout", "off"),
        *("--stages", "view,card|paypal"),
        *("--window", "1m30s"),
        *("--scope", "users"),
        *("--user", "ana maria"),
    ]


LIMIT = st.none() | st.integers(0, LONGEST)
STAGE = st.lists(st.text(min_size=1, max_size=8), max_size=3).map(
    lambda names: core.Stage(tuple(names))
)


@given(
    st.builds(
        core.Study,
        timeout=LIMIT,
        stages=st.lists(STAGE, max_size=3).map(tuple),
        scope=st.sampled_from(("journeys", "users")),
        window=LIMIT,
        where=st.none() | st.text(),
        user=st.none() | st.text(),
    )
)
@example(core.Study(user="-abc", where="-amount < 3", hold="--json", stages=STAGES))
def test_flags_ask_the_same_question(study: core.Study) -> None:
    options = build_parser().parse_args(study.flags())
    assert study_of({name: getattr(options, name) for name in NAMES}) == study
