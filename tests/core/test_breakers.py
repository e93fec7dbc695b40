"""The three inputs that classically break a funnel."""

from itertools import permutations

import pytest

import core
from core.funnel import Scope

SCOPES: tuple[Scope, ...] = ("journeys", "users")
EVENTS = [
    {"user": "ana", "event": "view", "time": "2026-01-05T10:00:00Z"},
    {"user": "ana", "event": "cart", "time": "2026-01-05T10:05:00Z"},
    {"user": "ana", "event": "buy", "time": "2026-01-05T10:40:00Z"},
    {"user": "bo", "event": "view", "time": "2026-01-05T10:00:00Z"},
]


def test_unsorted_timestamps_give_the_journeys_and_funnel_of_sorted_ones() -> None:
    answers = set()
    for events in permutations(EVENTS[:3]):
        log = core.read_events([EVENTS[3], *events])
        journeys = core.reconstruct_journeys(log, session_timeout_minutes=30)
        names = tuple(tuple(event.name for event in journey.events) for journey in journeys)
        counts = [
            stage.count
            for scope in SCOPES
            for stage in core.analyze_funnel(journeys, ["view", "cart", "buy"], scope=scope).stages
        ]
        answers.add((names, tuple(counts)))
    assert answers == {((("view", "cart"), ("buy",), ("view",)), (2, 1, 0, 2, 1, 1))}


@pytest.mark.parametrize("scope", SCOPES)
def test_stages_absent_from_every_event_are_reached_by_nobody_and_said_so(scope: Scope) -> None:
    journeys = core.reconstruct_journeys(core.read_events(EVENTS))
    funnel = core.analyze_funnel(journeys, ["signup", "veiw"], scope=scope)
    assert funnel.conversion_rates == [0.0, 0.0]
    assert [stage.count for stage in funnel.stages] == [0, 0]
    assert funnel.depth_by_user() == {"ana": 0, "bo": 0}
    assert [point.users for point in core.find_drop_offs(funnel)] == [[]]
    assert funnel.warnings == (
        "no event is named 'signup'",
        "no event is named 'veiw'; did you mean view?",
    )


@pytest.mark.parametrize("scope", SCOPES)
def test_empty_event_list_gives_zeros_everywhere(scope: Scope) -> None:
    log = core.read_events([])
    journeys = core.reconstruct_journeys(log)
    funnel = core.analyze_funnel(journeys, ["view", "cart"], scope=scope)
    assert (len(log), len(journeys), core.suggest_stages(log)) == (0, 0, ())
    assert funnel.conversion_rates == [0.0, 0.0]
    assert [point.dropped for point in core.find_drop_offs(funnel)] == [0]
    assert funnel.depth_by_user() == {}
    assert core.document(core.LocalEngine(log), core.Study(scope=scope))["journeys_count"] == 0
