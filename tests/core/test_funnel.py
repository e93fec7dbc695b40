from datetime import timedelta
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.funnel import MOST_STAGES, Policy, Scope, format_exclusion, parse_exclusion
from core.stage import format_stages, parse_stages
from tests.core.build import LIMIT, SCOPE, STAGES, TRAILS, Trails, quick_log

Stages = tuple[core.Stage, ...]
JOURNEYS = core.Journeys(
    quick_log(
        {
            "ana": [(0, "view"), (1, "cart"), (2, "buy")],
            "bo": [(0, "view"), (1, "cart"), (100, "view")],
            "cy": [(0, "view")],
            "dee": [(0, "help")],
        }
    ),
    50,
)
SHOP = ("view", "cart", "buy")


def _funnel(*stages: str, scope: Scope = "journeys") -> core.FunnelResult:
    return core.analyze_funnel(JOURNEYS, stages, scope=scope)


def test_r1_each_stage_has_count_and_both_conversions() -> None:
    stages = _funnel(*SHOP).stages
    assert [stage.count for stage in stages] == [4, 2, 1]
    assert [stage.conversion for stage in stages] == [1.0, 0.5, 0.25]
    assert [stage.step_conversion for stage in stages] == [None, 0.5, 0.5]
    assert _funnel(*SHOP).conversion_rates == [1.0, 0.5, 0.25]


def test_r2_each_stage_but_the_last_has_who_left() -> None:
    stages = _funnel(*SHOP, scope="users").stages
    assert [stage.count for stage in stages] == [3, 2, 1]
    assert [stage.dropped for stage in stages] == [1, 1, 0]
    assert [stage.drop_off for stage in stages] == [pytest.approx(1 / 3), 0.5, None]
    assert [stage.pending for stage in stages] == [0, 0, 0]


@pytest.mark.parametrize(
    ("stages", "conversion", "step", "drop_off"),
    [
        (("view", "nope", "cart"), [1.0, 0.0, 0.0], [None, 0.0, None], [1.0, None, None]),
        (("nope", "view"), [0.0, 0.0], [None, None], [None, None]),
        (("nope",), [0.0], [None], [None]),
        (("view",), [1.0], [None], [None]),
    ],
    ids=["absent later", "absent first", "absent alone", "alone"],
)
def test_r3_nothing_is_divided_by_zero(
    stages: tuple[str, ...],
    conversion: list[float],
    step: list[float | None],
    drop_off: list[float | None],
) -> None:
    results = _funnel(*stages).stages
    assert [stage.conversion for stage in results] == conversion
    assert [stage.step_conversion for stage in results] == step
    assert [stage.drop_off for stage in results] == drop_off


@pytest.mark.parametrize(
    ("stages", "warnings"),
    [
        (("view", "cart"), []),
        (("veiw",), ["no event is named 'veiw'; did you mean view?"]),
        (("VIEW",), ["no event is named 'VIEW'; did you mean view?"]),
        (("zzz", "zzz"), ["no event is named 'zzz'"]),
        (
            ("zzz", "crat"),
            ["no event is named 'zzz'", "no event is named 'crat'; did you mean cart?"],
        ),
        (("*",), ["no event is named '*'"]),
    ],
    ids=["none", "near", "other case", "far, twice", "two", "a star is a name here"],
)
def test_r4_a_name_that_never_occurs_is_a_warning_with_the_nearest(
    stages: tuple[str, ...], warnings: list[str]
) -> None:
    assert list(_funnel(*stages).warnings) == warnings


def test_r4_each_absent_name_of_a_set_is_a_warning_and_the_others_count() -> None:
    funnel = core.analyze_funnel(JOURNEYS, [core.Stage(("veiw", "view"))])
    assert funnel.stages[0].count == 4
    assert funnel.warnings == ("no event is named 'veiw'; did you mean view?",)


def test_no_event_of_an_any_event_stage_is_no_warning() -> None:
    funnel = core.analyze_funnel(
        core.Journeys(quick_log({}), 50), [core.Stage.any_event(), core.Stage.any_event()]
    )
    assert funnel.warnings == ()
    assert [stage.count for stage in funnel.stages] == [0, 0]


@pytest.mark.parametrize("scope", ["journeys", "users"])
def test_j4_an_empty_log_gives_zeros(scope: Scope) -> None:
    funnel = core.analyze_funnel(core.Journeys(quick_log({}), 50), SHOP, scope=scope)
    assert [(stage.count, stage.dropped) for stage in funnel.stages] == [(0, 0)] * 3
    assert funnel.conversion_rates == [0.0, 0.0, 0.0]
    assert funnel.depth_by_user() == {}
    assert funnel.depths.tolist() == []
    assert len(funnel.warnings) == 3


@given(TRAILS, STAGES, SCOPE, LIMIT, LIMIT)
def test_rates_and_counts_reconcile(
    trails: Trails, stages: Stages, scope: Scope, timeout: int | None, window: int | None
) -> None:
    limit = None if window is None else timedelta(microseconds=window)
    journeys = core.Journeys(quick_log(trails), timeout)
    funnel = core.analyze_funnel(journeys, stages, scope=scope, window=limit)
    results = funnel.stages
    units = len(trails) if scope == "users" else len(journeys)
    assert len(funnel.depths) == units
    counts = [stage.count for stage in results]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] <= units
    for here, after in pairwise(results):
        assert here.count == after.count + here.dropped + here.pending  # N2
        assert here.drop_off == (here.dropped / here.count if here.count else None)
        assert after.step_conversion == (after.count / here.count if here.count else None)
    assert [stage.conversion for stage in results] == [
        count / counts[0] if counts[0] else 0.0 for count in counts
    ]
    assert funnel.depth_by_user().keys() == trails.keys()


@given(TRAILS, STAGES, SCOPE, LIMIT)
def test_a_longer_window_never_loses_anybody(
    trails: Trails, stages: Stages, scope: Scope, timeout: int | None
) -> None:
    journeys = core.Journeys(quick_log(trails), timeout)
    windows = [*(timedelta(microseconds=i) for i in range(6)), None]
    depths = [
        core.analyze_funnel(journeys, stages, scope=scope, window=window).depths
        for window in windows
    ]
    for narrow, wide in pairwise(depths):
        assert (narrow <= wide).all()


NAME = st.text(min_size=1, max_size=8)
SIGNS = (":remove", ":break", "@1..2", ",", "|", "*", "=", "\\", " ", " where ", "-")
"""What means something in the text of a stage or an exclusion."""


ANY_STAGE = st.builds(
    core.Stage,
    any_of=st.lists(NAME, max_size=3).map(tuple),
    where=st.none() | NAME.filter(lambda text: text.strip() == text),
    name=st.none() | NAME,
)


@given(st.lists(ANY_STAGE, min_size=1))
def test_stage_text_is_read_back_unchanged(stages: list[core.Stage]) -> None:
    assert parse_stages(format_stages(stages)) == tuple(stages)


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("a", [("a",)]),
        ("a,b|c,*", [("a",), ("b", "c"), ()]),
        (" a | b , add to cart ", [("a", "b"), ("add to cart",)]),
        (r"a\,b,c\|d,\*,e\\", [("a,b",), ("c|d",), ("*",), ("e\\",)]),
        (r"\ a\ ,b", [(" a ",), ("b",)]),
        ("日本,🛒", [("日本",), ("🛒",)]),
    ],
)
def test_stage_text_is_read(text: str, names: list[tuple[str, ...]]) -> None:
    assert [stage.any_of for stage in parse_stages(text)] == names


@given(
    st.lists(
        st.builds("".join, st.lists(NAME | st.sampled_from(SIGNS), min_size=1, max_size=3)),
        min_size=1,
        max_size=3,
    ),
    st.none() | st.tuples(st.integers(0, 99), st.integers(0, 99)),
    st.sampled_from(("break", "remove")),
)
def test_exclusion_text_is_read_back_unchanged(
    names: list[str], between: tuple[int, int] | None, policy: Policy
) -> None:
    exclusion = core.Exclusion(tuple(names), between, policy)
    assert parse_exclusion(format_exclusion(exclusion)) == exclusion


@pytest.mark.parametrize(
    ("text", "exclusion"),
    [
        ("a", core.Exclusion(("a",))),
        (" a | b @2..4:remove ", core.Exclusion(("a", "b"), (2, 4), "remove")),
        ("cart:add@home", core.Exclusion(("cart:add@home",))),
        ("cart:remove", core.Exclusion(("cart",), None, "remove")),
        (r"cart\:remove", core.Exclusion(("cart:remove",))),
        (r"cart\:remove:remove", core.Exclusion(("cart:remove",), None, "remove")),
        (r"cart\@1..2@2..3", core.Exclusion(("cart@1..2",), (2, 3))),
        (r"a\,b|\*:break", core.Exclusion(("a,b", "*"))),
    ],
)
def test_exclusion_text_is_read(text: str, exclusion: core.Exclusion) -> None:
    assert parse_exclusion(text) == exclusion


@pytest.mark.parametrize("text", ["", "*", "a,b", "a where price > 9", "Name=a", "a\\"])
def test_exclusion_text_that_would_lose_a_part_is_refused_with_help(text: str) -> None:
    with pytest.raises(core.QuestionError, match="is not an exclusion: write refund"):
        parse_exclusion(text)


def test_a_stage_is_given_a_name() -> None:
    stages = parse_stages(r"Look=view|see, Buy = pay where total > 9, a\=b")
    assert stages == (
        core.Stage(("view", "see"), name="Look"),
        core.Stage(("pay",), where="total > 9", name="Buy"),
        core.Stage(("a=b",)),
    )
    assert [stage.label for stage in stages] == ["Look", "Buy", "a=b"]


@pytest.mark.parametrize("text", ["a=b=c", "=a", " = a"])
def test_stage_text_with_a_name_that_is_none_is_refused_with_help(text: str) -> None:
    with pytest.raises(core.QuestionError, match="write Name=event"):
        parse_stages(text)


@pytest.mark.parametrize("text", ["", " ", "a,", ",a", "a,,b", "a|", "|a", "a| |b", ","])
def test_stage_text_with_a_hole_is_refused_with_help(text: str) -> None:
    with pytest.raises(core.QuestionError, match="write an event name, a\\|b for any of several"):
        parse_stages(text)


@pytest.mark.parametrize(
    ("stage", "label"),
    [
        (core.Stage(("view",)), "view"),
        (core.Stage(("card", "paypal")), "card|paypal"),
        (core.Stage.any_event(), "*"),
        (core.Stage(("card", "paypal"), name="pay"), "pay"),
        (core.Stage.any_event("anything"), "anything"),
    ],
    ids=["one", "several", "any", "named", "any named"],
)
def test_stage_is_called_by_its_name_or_its_events(stage: core.Stage, label: str) -> None:
    assert stage.label == label
    assert core.analyze_funnel(JOURNEYS, [stage]).stages[0].stage == label


def test_stage_of_one_text_is_a_stage_of_one_name() -> None:
    one: object = "view"
    assert core.Stage(one) == core.Stage(("view",))  # type: ignore[arg-type]  # people write it


def test_stages_may_be_text_sets_or_stages() -> None:
    funnel = core.analyze_funnel(JOURNEYS, ["view", ["cart", "help"], core.Stage(("buy",))])
    assert [stage.stage for stage in funnel.stages] == ["view", "cart|help", "buy"]
    assert [stage.count for stage in funnel.stages] == [4, 2, 1]


@pytest.mark.parametrize(
    ("window", "counts"),
    [
        (None, [4, 2, 1]),
        ("off", [4, 2, 1]),
        ("7d", [4, 2, 1]),
        ("2us", [4, 2, 1]),
        ("1us", [4, 2, 0]),
        (timedelta(microseconds=1), [4, 2, 0]),
        ("0s", [4, 0, 0]),
        (timedelta(0), [4, 0, 0]),
    ],
    ids=str,
)
def test_f4_window_is_text_a_timedelta_or_off(
    window: str | timedelta | None, counts: list[int]
) -> None:
    funnel = core.analyze_funnel(JOURNEYS, SHOP, window=window)
    assert [stage.count for stage in funnel.stages] == counts


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"stages": []}, "a funnel needs at least one stage"),
        ({"stages": ["a"] * (MOST_STAGES + 1)}, "at most 64 stages, and this one has 65"),
        ({"stages": [""]}, "this one is empty"),
        ({"stages": [("a", "")]}, "this one is empty"),
        ({"scope": "sessions"}, "there is no scope 'sessions': use journeys or users"),
        ({"order": "random"}, "there is no order 'random': use ordered or strict or any"),
        ({"start": "last"}, "there is no start 'last': use best or first"),
        ({"window": 7}, "a window is text with a unit, such as '7d', not 7"),
        ({"window": "7"}, "'7' has no unit"),
        ({"window": "-1s"}, "cannot be negative"),
        ({"window": timedelta(days=-1)}, "cannot be negative"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_question_that_makes_no_sense_is_refused_with_help(
    options: dict[str, object], says: str
) -> None:
    asked: dict[str, object] = {"stages": SHOP, **options}
    with pytest.raises(core.QuestionError) as error:
        core.analyze_funnel(JOURNEYS, asked.pop("stages"), **asked)  # type: ignore[arg-type]  # it is the point
    assert says in str(error.value)


def test_depth_by_user_is_the_deepest_of_the_users_units() -> None:
    assert _funnel(*SHOP).depth_by_user() == {"ana": 3, "bo": 2, "cy": 1, "dee": 0}
    assert _funnel(*SHOP).depths.tolist() == [3, 2, 1, 1, 0]
    assert _funnel(*SHOP, scope="users").depths.tolist() == [3, 2, 1, 0]
