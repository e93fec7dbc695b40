"""`explain`: its sentences one by one, and its numbers against the kernels for random questions."""

from contextlib import suppress
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import core
from core.analysis import count_funnel
from core.durations import parse_duration, parse_limit
from core.errors import QuestionError
from core.event import parse_moment
from core.explanation import Explanation
from core.funnel import Funnel, parse_exclusion
from core.journeys import JourneyRules
from core.probe import Probe
from core.stage import parse_stages
from core.words import moment, spelled
from tests.core import oracle
from tests.core.build import LIMIT, SCOPE, STAGES, TRAIL, TRAILS, Trails, quick_log

TEN = parse_moment("2026-01-05T10:00Z")
"""Ten o'clock, when every table below begins."""
OTHERS = "view@0s cart@0s payment@0s purchase@0s refund@0s search@0s"
"""Somebody else's events, so that every name is known."""


def trail(text: str) -> list[tuple[int, str]]:
    """Events such as "view@0s cart@5m", each with the time since ten o'clock."""
    events = (event.split("@") for event in text.split())
    return [(TEN + parse_duration(since), name) for name, since in events]


def ask(stages: str, *, window: str = "off", exclude: str = "", **more: Any) -> Funnel:
    """A question as the flags write it."""
    return Funnel(
        parse_stages(stages),
        window=parse_limit(window),
        exclusions=tuple(map(parse_exclusion, exclude.split())),
        **more,
    )


def explain(
    events: str, funnel: Funnel, timeout: str = "30m", others: str = OTHERS, **cuts: Any
) -> Explanation:
    """The explanation of ana, whose trail this is; proves that the remedy works."""
    trails = {"ana": trail(events)} | ({"bo": trail(others)} if others else {})
    journeys = core.Journeys(quick_log(trails), parse_limit(timeout), JourneyRules(**cuts))
    result = count_funnel(journeys, funnel)
    found = core.explain(journeys, result, "ana")
    assert found.depth == result.depth_by_user()["ana"]
    if found.remedy is not None:
        changed = core.explain(*found.remedy.question(journeys, funnel), "ana")
        assert changed.converted
        assert changed.reason.startswith("converted")
    return found


def words(found: Explanation) -> str | None:
    return found.remedy.words if found.remedy else None


@pytest.mark.parametrize(
    ("events", "funnel", "reason", "remedy"),
    [
        pytest.param(
            "view@0s purchase@26h10m",
            ask("view,purchase", window="24h", scope="users"),
            "purchase came 1d 2h 10m after view; the window is 1d",
            "set the window to 1d 2h 10m",
            id="f4 window",
        ),
        pytest.param(
            "view@0s view@50m cart@1h purchase@1h10m0.4s",
            ask("view,cart,purchase", window="20m", scope="users"),
            "purchase came 20m 400ms after view; the window is 20m",
            "set the window to 20m 400ms",
            id="f4 the smallest window is that of the latest start",
        ),
        pytest.param(
            "view@0s purchase@1m cart@2m",
            ask("view,cart,purchase", window="1m", order="any"),
            "cart came 2m after view; the window is 1m",
            "set the window to 2m",
            id="f7 window",
        ),
        pytest.param(
            "view@0s search@5m purchase@18m30s",
            ask("view,purchase"),
            "purchase came in the next session, after 13m 30s of inactivity; the timeout is 10m",
            "set the session timeout to 13m 30s",
            id="j1 timeout",
        ),
        pytest.param(
            "view@0s search@12m search@32m purchase@50m",
            ask("view,purchase"),
            "purchase came 3 sessions later, across up to 20m of inactivity; the timeout is 10m",
            "set the session timeout to 20m",
            id="j1 timeout over several sessions",
        ),
        pytest.param(
            "view@0s cart@12m purchase@32m",
            ask("view,cart,purchase"),
            "purchase came 2 sessions later, across up to 20m of inactivity; the timeout is 10m",
            "set the session timeout to 20m",
            id="j1 what lies beyond the pause that is named, not beyond a shorter one",
        ),
        pytest.param(
            "view@0s search@1m purchase@24h1m0.5s",
            ask("view,purchase"),
            "purchase came in the next session, and each session is counted by itself",
            "count users, each over all sessions",
            id="j1 a pause of more than a day is in no session",
        ),
        pytest.param(
            "view@0s cart@1h view@30h cart@31h purchase@32h",
            ask("view,cart,purchase"),
            "cart came in the next session, and each session is counted by itself",
            "count users, each over all sessions",
            id="j1 what follows here, and not in a later attempt",
        ),
        pytest.param(
            "view@0s cart@1h view@30h cart@31h purchase@32h",
            ask("view,cart,purchase", window="3h"),
            "cart came 3 sessions later, and each session is counted by itself",
            "count users, each over all sessions",
            id="j1 a later attempt, where the window lets none convert that begins here",
        ),
        pytest.param(
            "view@0s search@1m purchase@23h59m",
            ask("view,purchase"),
            "purchase came in the next session, after 23h 58m of inactivity; the timeout is 10m",
            "set the session timeout to 23h 58m",
            id="j1 a pause of less than a day may be",
        ),
        pytest.param(
            "view@0s view@20m view@21m purchase@22m",
            ask("view,view,view,purchase"),
            "view came in the session before, ahead of 20m of inactivity; the timeout is 10m",
            "set the session timeout to 20m",
            id="j1 timeout before",
        ),
        pytest.param(
            "view@0s payment@1m cart@1m0.4s purchase@2m",
            ask("view,cart,payment,purchase"),
            "payment happened 400ms before cart",
            "take the stages in any order",
            id="f1 order",
        ),
        pytest.param(
            "view@0s cart@1m search@2m payment@3m",
            ask("view,cart,payment", order="strict"),
            "search stands between cart and payment in strict order",
            "ignore search",
            id="f6 ignore",
        ),
        pytest.param(
            "view@0s refund@1m cart@2m search@3m payment@4m",
            ask("view,cart,payment", order="strict"),
            "refund stands between view and cart in strict order",
            "allow other events between the stages (ordered)",
            id="f6 ordered",
        ),
        pytest.param(
            "view@0s refund@1m cart@2m search@3m payment@4m",
            ask("view,cart,payment", order="strict", ignore=("refund",)),
            "search stands between cart and payment in strict order",
            "ignore search",
            id="f6 ignore one more",
        ),
        pytest.param(
            "view@0s payment@1m cart@3m",
            ask("view,cart,payment", order="strict"),
            "payment happened 2m before cart",
            "take the stages in any order",
            id="f6 any order",
        ),
        pytest.param(
            "view@0s view@5m purchase@6m",
            ask("view,purchase", window="1m", start="first", exclude="view"),
            "the first view was at 10:00; with start 'first' later ones do not count",
            "let any start count (best)",
            id="f5 start, for a longer window is not enough",
        ),
        pytest.param(
            "view@2m search@3m view@4m cart@4m",
            ask("view,cart", start="first", exclude="search"),
            "the first view was at 10:02; with start 'first' later ones do not count",
            "let any start count (best)",
            id="f5 start",
        ),
        pytest.param(
            "view@0s refund@2m purchase@6m",
            ask("view,purchase", exclude="refund"),
            "excluded by refund at 10:02",
            "leave out the exclusion of refund",
            id="f8 exclusion",
        ),
        pytest.param(
            "view@0s refund@2m5s purchase@6m",
            ask("view,purchase", exclude="refund|search:remove"),
            "excluded by refund at 10:02:05",
            "leave out the exclusion of refund or search",
            id="f8 removed",
        ),
        pytest.param(
            "view@0s refund@20h purchase@21h",
            ask("view,purchase", exclude="refund", scope="users"),
            "excluded by refund at 2026-01-06 06:00",
            "leave out the exclusion of refund",
            id="f8 on another day",
        ),
        pytest.param(
            "view@0s refund@1m search@2m purchase@3m",
            ask("view,purchase", exclude="refund:remove search:remove"),
            "taken out of the funnel by its exclusions",
            None,
            id="f8 removed twice",
        ),
        pytest.param(
            "view@5m purchase@8m",
            ask("view,purchase", since=TEN + parse_duration("6m")),
            "the attempt began at 2026-01-05 10:05, before the date range",
            "let the date range begin at 2026-01-05T10:05:00Z",
            id="f12 before",
        ),
        pytest.param(
            "view@5m view@7m purchase@8m",
            ask("view,purchase", until=TEN + parse_duration("5m")),
            "the attempt began at 2026-01-05 10:05, after the date range",
            "let the date range end at 2026-01-05T10:05:00.000001Z",
            id="f12 after",
        ),
        pytest.param(
            "view@0s purchase@1m",
            ask("view,pruchase"),
            "no event is named pruchase; purchase is",
            "let the stage be purchase",
            id="r4 name",
        ),
        pytest.param(
            "view@0s cart@1m",
            ask("view,pruchase"),
            "no event is named pruchase; purchase is",
            None,
            id="r4 name that does not help",
        ),
        pytest.param(
            "view@0s",
            ask("view,pruchase,qqqq"),
            "no event is named pruchase; purchase is",
            None,
            id="r4 names that do not help",
        ),
        pytest.param(
            "view@0s",
            ask("view,cart,qqqq"),
            "ana never did cart",
            None,
            id="nothing helps",
        ),
        pytest.param(
            "view@0s cart@1m",
            ask("view,cart,qqqq"),
            "no event is named qqqq",
            None,
            id="r4 nothing like it",
        ),
        pytest.param(
            "view@0s cart@1m",
            ask("view,cart,purchase"),
            "ana never did purchase",
            None,
            id="never",
        ),
        pytest.param(
            "cart@1m",
            ask("view,cart"),
            "ana never did view",
            "leave out the stage view",
            id="never the first",
        ),
        pytest.param(
            "view@0s view@1m",
            ask("view,view,view"),
            "ana did view too few times",
            "leave out the stage view",
            id="f3 too few",
        ),
        pytest.param(
            "search@0s", ask("*,*,*"), "ana did any event too few times", None, id="f3 far too few"
        ),
        pytest.param(
            "purchase@0s view@1m",
            ask("view,purchase", exclude="cart"),
            "ana did purchase only before view",
            None,
            id="f8 exclusions need two stages",
        ),
        pytest.param(
            "view@0s cart@5m view@10h cart@10h5m search@20h",
            ask("view,cart,search,payment"),
            "search came 2 sessions later, across up to 9h 55m of inactivity; the timeout is 10m",
            None,
            id="the stage that is missing, and no earlier one that it would need anew",
        ),
        pytest.param(
            "view@0s cart@2d search@48h1m view@48h2m cart@48h3m",
            ask("view,cart,search,purchase"),
            "ana did search only before cart",
            None,
            id="what came before, in the session it came in",
        ),
        pytest.param(
            "view@0s purchase@1m cart@2m payment@3m",
            ask("view,cart,purchase,payment", since=TEN),
            "ana did purchase, but it never counts between cart and payment",
            "leave out the stage purchase",
            id="f12 any order has no range",
        ),
        pytest.param(
            "view@0s purchase@1m cart@1h",
            ask("view,cart,purchase", order="any", window="2m"),
            "ana did cart, but it never counts together with the other stages",
            "leave out the stage cart",
            id="f7 in another session and out of the window",
        ),
        pytest.param(
            "view@0s",
            ask("view"),
            "converted at once",
            None,
            id="converted at once",
        ),
        pytest.param(
            "view@0s cart@0s view@1h cart@1h37m10s purchase@1h37m10s view@2h",
            ask("view,cart,purchase", scope="users", window="40m"),
            "converted in 37m 10s",
            None,
            id="converted",
        ),
        pytest.param(
            "view@0s cart@1m30.6s",
            ask("view,cart"),
            "converted in 1m 31s",
            None,
            id="converted, in whole seconds from a minute on",
        ),
        pytest.param(
            "view@0s cart@30.6s",
            ask("view,cart"),
            "converted in 30s 600ms",
            None,
            id="converted, exactly below a minute",
        ),
        pytest.param(
            "cart@1h view@1h37m10s",
            ask("view,cart", order="any", scope="users", window="40m"),
            "converted in 37m 10s",
            None,
            id="f7 converted",
        ),
    ],
)
def test_reason_and_remedy(events: str, funnel: Funnel, reason: str, remedy: str | None) -> None:
    found = explain(events, funnel, timeout="10m")
    assert (found.reason, words(found)) == (reason, remedy)


@pytest.mark.parametrize(
    ("journey", "where"),
    [(1, "2 sessions later"), (2, "in the next session"), (4, "in the session before")],
)
def test_j1_of_several_starts_in_other_sessions_the_nearest_is_told(
    journey: int, where: str
) -> None:
    events = "search@0s search@10h view@40h search@50h view@99h cart@100h purchase@101h"
    journeys = core.Journeys(quick_log({"ana": trail(events)}), parse_limit("30m"))
    result = count_funnel(journeys, ask("view,cart,purchase"))
    found = core.explain(journeys, result, "ana", journey)
    assert found.reason == f"view came {where}, and each session is counted by itself"


@pytest.mark.parametrize(
    ("events", "cuts", "funnel", "reason"),
    [
        (
            "view@13h59m purchase@14h1m",
            {"midnight_tz": "UTC"},
            ask("view,purchase"),
            "purchase came in the next session, and each session is counted by itself",
        ),
        (
            "view@0s search@1m search@2m purchase@3m",
            {"start_event": "search"},
            ask("view,purchase"),
            "purchase came 2 sessions later, and each session is counted by itself",
        ),
    ],
)
def test_j3_where_no_timeout_helps_users_are_counted(
    events: str, cuts: dict[str, Any], funnel: Funnel, reason: str
) -> None:
    found = explain(events, funnel, **cuts)
    assert (found.reason, words(found)) == (reason, "count users, each over all sessions")


def test_a_condition_that_fails_is_named_with_its_event() -> None:
    rows = [("ana", "view", 0, 1), ("ana", "buy", 65, 5), ("bo", "buy", 9, 200)]
    keys = ("user", "event", "time", "amount")
    log = core.read_events([dict(zip(keys, row, strict=True)) for row in rows])
    journeys = core.reconstruct_journeys(log)
    funnel = Funnel((core.Stage(("view",)), core.Stage(("buy",), where="amount > 100")))
    found = core.explain(journeys, funnel, "ana")
    assert found.reason == "buy at 00:01:05 is not one where amount > 100"
    assert words(found) == "leave out the condition amount > 100"
    assert found.remedy is not None
    assert core.explain(*found.remedy.question(journeys, funnel), "ana").converted


@pytest.mark.parametrize(
    ("events", "others", "reason"),
    [
        (
            "view@0s",
            "view@21h",
            "may still convert: the window ends 3h after the data",
        ),
        ("view@0s", "view@24h purchase@24h", "ana never did purchase"),
        (
            "view@0s purchase@1s view@2s",
            "view@1h",
            "converted in 1s",
        ),
    ],
)
def test_f11_pending_users_have_the_time_that_is_left(
    events: str, others: str, reason: str
) -> None:
    found = explain(events, ask("view,purchase", window="24h", scope="users"), others=others)
    assert (found.reason, found.pending) == (reason, reason.startswith("may"))
    assert found.remedy is None or not found.pending


def standing(found: Explanation) -> list[str]:
    """Each step in one line: event, stage counted, stage armed, seconds since and left, ending."""
    return [
        " ".join(
            str(part)
            for part in (
                step.name,
                "-" if step.counted is None else step.counted,
                "-" if step.armed is None else step.armed,
                "-" if step.start is None else (step.start - TEN) // 1_000_000,
                "-" if step.left is None else step.left // 1_000_000,
                step.ended or "",
            )
        ).strip()
        for step in found.steps
    ]


@pytest.mark.parametrize(
    ("events", "funnel", "lines"),
    [
        pytest.param(
            "x@0s a@1s x@2s b@3s c@4s a@5s",
            ask("a,b,c"),
            ["x - 0 - -", "a 0 1 1 -", "x - 1 1 -", "b 1 2 1 -", "c 2 - 1 -", "a - - 1 -"],
            id="f1",
        ),
        pytest.param(
            "a@0s b@4s x@10s x@11s a@12s b@13s",
            ask("a,b,c", window="10s"),
            [
                *("a 0 1 0 10", "b 1 2 0 6", "x - 2 0 0", "x - 0 - - window"),
                *("a - 1 12 10", "b - 2 12 9"),
            ],
            id="f4 the window runs out after its edge",
        ),
        pytest.param(
            "a@0s a@20s b@21s",
            ask("a,b,c", window="10s"),
            ["a - 1 0 10", "a 0 1 20 10 window", "b 1 2 20 9"],
            id="f4 another attempt begins as one runs out",
        ),
        pytest.param(
            "b@0s a@0s a@5s",
            ask("a,b,c"),
            ["b 1 2 0 -", "a 0 2 0 -", "a - 2 0 -"],
            id="f2 ties stand as after all of them",
        ),
        pytest.param(
            "a@0s a@3s b@4s",
            ask("a,b", window="2s", start="first"),
            ["a 0 1 0 2", "a - - - - window", "b - - - -"],
            id="f5 only the first starts",
        ),
        pytest.param(
            "a@0s b@1s x@2s a@3s b@4s c@5s",
            ask("a,b,c", order="strict"),
            ["a - 1 0 -", "b - 2 0 -", "x - 0 - - strict", "a 0 1 3 -", "b 1 2 3 -", "c 2 - 3 -"],
            id="f6 what stands between ends an attempt",
        ),
        pytest.param(
            "b@0s x@1s a@2s x@9s c@10s",
            ask("a,b,c", order="any", window="5s"),
            ["b 0 0 0 5", "x - 0 0 4", "a 1 2 0 3", "x - 0 - - window", "c - 0 10 5"],
            id="f7 what is lacking is armed",
        ),
        pytest.param(
            "a@0s x@1s b@2s a@3s",
            ask("a,b", exclude="x"),
            ["a 0 1 0 -", "x - 0 - - exclusion", "b - 0 - -", "a - 1 3 -"],
            id="f8 an excluded event ends an attempt",
        ),
        pytest.param(
            "a@0s a@5s a@9s b@10s",
            ask("a,b", since=TEN + 2_000_000, until=TEN + 6_000_000),
            ["a - 0 - -", "a 0 1 5 -", "a - 1 5 -", "b 1 - 5 -"],
            id="f12 starts in the range",
        ),
        pytest.param(
            "a@0s x@7s",
            ask("a,b", until=TEN - 1),
            ["a - - - -", "x - - - -"],
            id="f12 after the range nothing is waited for",
        ),
    ],
)
def test_steps_say_how_things_stand(events: str, funnel: Funnel, lines: list[str]) -> None:
    assert standing(explain(events, funnel)) == lines


def test_the_deepest_session_is_explained_the_earliest_of_equals() -> None:
    found = explain("view@0s view@1h cart@61m view@2h cart@122m", ask("view,cart,purchase"))
    assert (found.journey, found.depth, found.start) == (2, 2, TEN + parse_duration("1h"))
    assert [(step.place, step.journey) for step in found.steps] == [(1, 2), (2, 2)]


def test_a_session_can_be_chosen() -> None:
    journeys = core.Journeys(quick_log({"ana": trail("view@0s view@1h cart@61m")}), 1)
    found = core.explain(journeys, ask("view,cart"), "ana", 1)
    assert (found.journey, found.depth) == (1, 1)
    whole = core.explain(journeys, ask("view,cart", scope="users"), "ana", 1)
    assert (whole.journey, whole.depth, len(whole.steps)) == (None, 2, 3)


@pytest.mark.parametrize(
    ("user", "journey", "problem"),
    [
        ("anna", None, "no user is named 'anna'; did you mean ana?"),
        ("ana", 0, "'ana' has no session 0, but 1 in all"),
        ("ana", 2, "'ana' has no session 2, but 1 in all"),
    ],
)
def test_nobody_cannot_be_explained(user: str, journey: int | None, problem: str) -> None:
    journeys = core.Journeys(quick_log({"ana": trail("view@0s")}), None)
    with pytest.raises(QuestionError) as error:
        core.explain(journeys, ask("view"), user, journey)
    assert str(error.value) == problem


def test_an_engine_explains_with_the_study() -> None:
    engine = core.LocalEngine(
        quick_log({"ana": trail("view@0s cart@1h"), "bo": trail("cart@0s cart@1h")})
    )
    study = core.Study(stages=parse_stages("view,cart"), suggested=True)
    found = engine.explain(study, "ana")
    assert (found.study, found.depth) == (study, 1)
    assert found.remedy is not None
    changed = found.remedy.study(study)
    assert changed == replace(study, timeout=parse_duration("1h"))
    assert engine.explain(changed, "ana").converted
    dropped = engine.explain(study, "bo").remedy
    assert dropped is not None
    assert dropped.study(study) == core.Study(stages=parse_stages("cart"))
    assert engine.explain(replace(study, user="bo"), "bo").depth == 0
    with pytest.raises(QuestionError, match="name a stage"):
        engine.explain(core.Study(), "ana")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *(("0s", "0s"), ("1us", "1us"), ("400ms", "400ms"), ("10s", "10s")),
        *(("26h10m", "1d 2h 10m"), ("47h59m", "1d 23h 59m"), ("48h", "2d"), ("7d", "7d")),
        ("9d2h13m5s250ms", "9d 2h 13m 5s 250ms"),
    ],
)
def test_lengths_of_time_are_spelled_exactly(text: str, words: str) -> None:
    assert spelled(parse_duration(text)) == words


@pytest.mark.parametrize(
    ("text", "words"),
    [
        *(("2026-01-05T23:59", "23:59"), ("2026-01-06T00:00", "2026-01-06 00:00")),
        *(("2026-01-05T10:00:05", "10:00:05"), ("2026-01-05T10:00:05.5", "10:00:05.500000")),
    ],
)
def test_moments_of_another_day_have_their_date(text: str, words: str) -> None:
    assert moment(parse_moment(text), TEN) == words


# Any question.

EXCLUSION = st.builds(
    core.Exclusion,
    any_of=st.sampled_from((("b",), ("c",), ("d",), ("a", "d"), ("x",))),
    between=st.sampled_from((None, (1, 2), (2, 3), (1, 3))),
    policy=st.sampled_from(("break", "remove")),
)


@st.composite
def questions(draw: st.DrawFn) -> Funnel:
    """Every kind of question, some with names that never occur."""
    stages, order = draw(STAGES), draw(st.sampled_from(("ordered", "ordered", "strict", "any")))
    more: dict[str, Any] = {}
    if order == "strict":
        more["ignore"] = draw(st.sampled_from(((), ("c",), ("d",), ("b", "d"))))
    if order != "any":
        more["start"] = draw(st.sampled_from(("best", "first")))
        more["since"], more["until"] = draw(LIMIT), draw(LIMIT)
        if more["start"] == "best":
            more["attempts"] = draw(st.sampled_from((None, None, "starts", "mixpanel")))
        if len(stages) > 1:
            fits = EXCLUSION.filter(lambda e: (e.between or (1, 2))[1] <= len(stages))
            more["exclusions"] = tuple(draw(st.lists(fits, max_size=2)))
    more["scope"], more["order"] = draw(SCOPE), order
    return Funnel(stages, window=draw(LIMIT), **more)


@settings(max_examples=40)  # the oracle is asked about more of them
@given(TRAILS, questions(), LIMIT)
def test_depth_is_the_kernels_and_the_remedy_works(
    trails: Trails, funnel: Funnel, timeout: int | None
) -> None:
    journeys = core.Journeys(quick_log(trails), timeout)
    result = count_funnel(journeys, funnel)
    for number, (user, depth) in enumerate(result.depth_by_user().items()):
        found = core.explain(journeys, result, user)
        assert found.depth == depth
        assert found.converted == (depth == len(funnel.stages))
        if funnel.attempts is None:  # else these are of attempts, not of users
            assert found.pending == (funnel.scope == "users" and bool(result.pending[number]))
        if found.remedy is not None:
            changed = count_funnel(*found.remedy.question(journeys, funnel))
            assert changed.depth_by_user()[user] == len(changed.funnel.stages)


@given(TRAIL, questions(), LIMIT)
def test_steps_are_the_counted_attempt_of_the_kernels(
    trail: oracle.Trail, funnel: Funnel, timeout: int | None
) -> None:
    if funnel.attempts == "mixpanel":
        return  # these may be less deep than the unit
    journeys = core.Journeys(quick_log({"ana": trail}), timeout)
    for journey in range(1, len(journeys) + 1 if funnel.scope == "journeys" else 2):
        found = core.explain(journeys, funnel, "ana", journey)
        start, stop = (step.place for step in (found.steps[0], found.steps[-1]))
        alone = core.Journeys(quick_log({"ana": trail[start : stop + 1]}), None)
        result = count_funnel(alone, replace(funnel, attempts=None))
        assert found.depth == result.depths[0]
        if result.excluded:
            continue
        times = {step.counted: step.time for step in found.steps if step.counted is not None}
        assert list(range(found.depth)) == sorted(times)
        assert found.start == (min(times.values()) if times else None)
        took = [int(times_of_one[0]) for times_of_one in result.step_times if len(times_of_one)]
        assert [times[stage] - (found.start or 0) for stage in sorted(times)] == took


@given(TRAIL, STAGES, LIMIT)
def test_what_is_armed_is_what_the_oracle_waits_for(
    trail: oracle.Trail, stages: tuple[core.Stage, ...], window: int | None
) -> None:
    found = core.explain(
        core.Journeys(quick_log({"ana": trail}), None), Funnel(stages, window=window), "ana"
    )
    names = [stage.names for stage in stages]
    for step in found.steps:
        if step.armed is None:
            assert found.converted
            break
        seen = [event for event in trail if event[0] <= step.time]
        alive = [
            (len(taken), seen[taken[0]][0])
            for taken in oracle.matchings(seen, names)
            if window is None or step.time - seen[taken[0]][0] <= window
        ]
        assert (step.armed, step.start) == max(alive, default=(0, None))
        if window is None or step.start is None:
            assert step.left is None
        else:
            assert step.left == step.start + window - step.time


@given(TRAIL, questions(), LIMIT)
def test_no_smaller_value_of_the_remedy_works(
    trail: oracle.Trail, funnel: Funnel, timeout: int | None
) -> None:
    journeys = core.Journeys(quick_log({"ana": trail}), timeout)
    found = core.explain(journeys, funnel, "ana")
    if found.remedy is None:
        return
    [(field, value), *more] = found.remedy.changes.items()
    before = timeout if field == "timeout" else getattr(funnel, field, None)
    if more or not isinstance(value, int) or before is None:
        return
    place = found.steps[0].place
    for smaller in range(before, value, 1 if value > before else -1):
        changed = replace(found.remedy, changes={field: smaller})
        probe = Probe(*changed.question(journeys, funnel))
        assert probe.depth_at(place) < len(funnel.stages)


@given(TRAIL, questions(), LIMIT)
def test_without_a_remedy_no_milder_change_works(
    trail: oracle.Trail, funnel: Funnel, timeout: int | None
) -> None:
    journeys = core.Journeys(quick_log({"ana": trail}), timeout)
    found = core.explain(journeys, funnel, "ana")
    if found.remedy is not None or found.converted or found.pending:
        return
    place, probe = found.steps[0].place, Probe(journeys, funnel)
    rest = [
        funnel.exclusions[:i] + funnel.exclusions[i + 1 :] for i in range(len(funnel.exclusions))
    ]
    tried: list[dict[str, Any]] = [
        *({"window": None}, {"scope": "users"}, {"start": "best"}, {"since": None}),
        *({"until": None}, {"order": "any", "ignore": ()}, {"order": "ordered", "ignore": ()}),
        *({"timeout": longer} for longer in range(timeout or 0, 40)),
        *({"ignore": (*funnel.ignore, name)} for name in "abcd"),
        *({"exclusions": exclusions} for exclusions in rest),
    ]
    for changes in tried:
        with suppress(QuestionError):
            assert probe.asking(**changes).depth_at(place) < len(funnel.stages), changes
