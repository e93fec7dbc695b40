"""Published cases of other engines, asked through the face everybody uses."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import core
from tests.core.build import SECOND, log_of

CASES: list[dict[str, Any]] = json.loads(
    (Path(__file__).parent / "conformance.json").read_text(encoding="utf-8")
)


def _stages(given: Sequence[str | dict[str, Any]]) -> list[core.Stage | str]:
    return [
        stage
        if isinstance(stage, str)
        else core.Stage.any_event()
        if stage.get("any_event")
        else core.Stage(any_of=tuple(stage["any_of"]))
        for stage in given
    ]


@pytest.mark.parametrize("case", CASES, ids=[case["id"] for case in CASES])
def test_published_case(case: dict[str, Any]) -> None:
    question, expected = case["question"], case["expected"]
    log = log_of(*case["events"])
    if question["kind"] == "journeys":
        found: dict[str, list[list[str]]] = {}
        for journey in core.Journeys(log, question["timeout_seconds"] * SECOND):
            found.setdefault(journey.user, []).append([event.name for event in journey.events])
        assert found == expected["sessions"]
        return
    funnel = core.analyze_funnel(
        core.reconstruct_journeys(log),
        _stages(question["stages"]),
        scope=question["scope"],
        order=question["order"],
        start=question["start"],
        window=timedelta(seconds=question["window_seconds"]),
    )
    assert funnel.depth_by_user() == expected["depth"]
    if "counts" in expected:
        assert [stage.count for stage in funnel.stages] == expected["counts"]
