"""Published cases of other engines, asked through the face everybody uses."""

import json
from collections.abc import Sequence
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

import core
from tests.core.build import log_of

CASES: list[dict[str, Any]] = [
    case
    for case in json.loads((Path(__file__).parent / "conformance.json").read_text(encoding="utf-8"))
    if case["question"]["kind"] == "funnel"
    and (case["question"]["order"], case["question"]["start"]) == ("ordered", "best")
]


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
def test_published_funnel(case: dict[str, Any]) -> None:
    question, expected = case["question"], case["expected"]
    funnel = core.analyze_funnel(
        core.reconstruct_journeys(log_of(*case["events"])),
        _stages(question["stages"]),
        scope=question["scope"],
        window=timedelta(seconds=question["window_seconds"]),
    )
    assert funnel.depth_by_user() == expected["depth"]
    if "counts" in expected:
        assert [stage.count for stage in funnel.stages] == expected["counts"]


def test_all_published_cases_of_the_rule_are_asked() -> None:
    assert len(CASES) >= 17
