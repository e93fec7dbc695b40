import json
from datetime import timedelta
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from tests.core.build import TRAILS, Trails, log_of, quick_log, records

ROWS = [
    ("ana", "view", 36_120),
    ("ana", "cart", 36_660.5),
    ("ana", "help", 40_000),
    ("bo", "view", 36_120),
]
STUDY = core.Study(stages=(core.Stage(("view",)), core.Stage(("cart", "basket"))))
JOURNEYS = [
    {
        "user": "ana",
        "index": 1,
        "start": "1970-01-01T10:02:00Z",
        "end": "1970-01-01T10:11:00.500000Z",
        "duration_seconds": 540.5,
        "event_count": 2,
        "events": ["view", "cart"],
        "depth": 2,
    },
    {
        "user": "ana",
        "index": 2,
        "start": "1970-01-01T11:06:40Z",
        "end": "1970-01-01T11:06:40Z",
        "duration_seconds": 0.0,
        "event_count": 1,
        "events": ["help"],
        "depth": 0,
    },
    {
        "user": "bo",
        "index": 1,
        "start": "1970-01-01T10:02:00Z",
        "end": "1970-01-01T10:02:00Z",
        "duration_seconds": 0.0,
        "event_count": 1,
        "events": ["view"],
        "depth": 1,
    },
]
DOCUMENT = {
    "journeys_count": 3,
    "users_count": 2,
    "events_count": 4,
    "rejected_rows": 0,
    "duplicate_events": 0,
    "merged_ids": 0,
    "session_timeout_minutes": 30.0,
    "funnel": {
        "scope": "journeys",
        "order": "ordered",
        "start": "best",
        "window_seconds": None,
        "stages": [
            {
                "stage": "view",
                "count": 2,
                "conversion": 1.0,
                "step_conversion": None,
                "dropped": 1,
                "drop_off": 0.5,
                "pending": 0,
                "median_seconds": None,
            },
            {
                "stage": "cart|basket",
                "count": 1,
                "conversion": 0.5,
                "step_conversion": 0.5,
                "dropped": 0,
                "drop_off": None,
                "pending": 0,
                "median_seconds": None,
            },
        ],
        "conversion_rates": [1.0, 0.5],
    },
    "drop_off_points": [
        {"stage": "view", "next_stage": "cart|basket", "dropped": 1, "percent": 50.0}
    ],
    "journeys": JOURNEYS,
    "warnings": ["no event is named 'basket'"],
    "sources": [
        {
            "source": "list",
            "format": "records",
            "rows": 4,
            "user_field": "user",
            "event_field": "event",
            "time_field": "time",
            "time_kind": "epoch seconds",
            "shape": "plain",
            "why": "by the names of its fields",
            "id_field": None,
        }
    ],
}


def _document(rows: list[tuple[str, str, float]], study: core.Study = STUDY) -> dict[str, object]:
    return core.document(core.open_engine(records(rows)), study)


def test_document_is_whole() -> None:
    document = _document(ROWS)
    # The median is measured by a rule of its own.
    for stage in document["funnel"]["stages"]:  # type: ignore[index]  # a document of any shape
        stage["median_seconds"] = None
        del stage["p90_seconds"], stage["histogram"]
    assert document == DOCUMENT


def test_document_has_its_keys_in_order() -> None:
    def keys(value: object) -> object:
        return {key: keys(inner) for key, inner in value.items()} if isinstance(value, dict) else 0

    document = _document(ROWS)
    assert list(document) == list(DOCUMENT)
    assert json.dumps(keys(document)) == json.dumps(keys(DOCUMENT))


def test_document_is_json_without_nan() -> None:
    text = json.dumps(_document(ROWS), allow_nan=False)
    assert json.loads(text) == _document(ROWS)


def test_shuffled_input_gives_the_identical_document() -> None:
    shuffled = Random(1).sample(ROWS, len(ROWS))
    assert json.dumps(_document(shuffled)) == json.dumps(_document(ROWS))


@given(TRAILS, st.randoms(use_true_random=False))
def test_shuffled_input_without_ties_gives_the_identical_document(
    trails: Trails, random: Random
) -> None:
    apart = {
        user: [(time * 10 + i, name) for i, (time, name) in enumerate(trail)]
        for user, trail in trails.items()
    }
    shuffled = {user: random.sample(trail, len(trail)) for user, trail in apart.items()}
    one, other = (
        core.document(core.LocalEngine(quick_log(each)), core.Study(20))
        for each in (apart, shuffled)
    )
    assert one == other


@pytest.mark.parametrize(
    ("study", "key", "value"),
    [
        (STUDY.with_timeout(None), "session_timeout_minutes", None),
        (STUDY.with_timeout(90_000_000), "session_timeout_minutes", 1.5),
        (STUDY.with_timeout(None), "journeys_count", 2),
    ],
    ids=["off", "fraction", "one each"],
)
def test_timeout_is_in_minutes_and_off_is_null(study: core.Study, key: str, value: object) -> None:
    assert _document(ROWS, study)[key] == value


def test_window_is_in_seconds() -> None:
    window = timedelta(seconds=540.25) // timedelta(microseconds=1)
    document = _document(ROWS, STUDY.with_window(window).with_scope("users"))
    funnel = document["funnel"]
    assert isinstance(funnel, dict)
    assert (funnel["window_seconds"], funnel["scope"]) == (540.25, "users")
    assert funnel["conversion_rates"] == [1.0, 0.0]


def test_stages_are_suggested_when_none_are_named_and_it_says_so() -> None:
    document = _document(ROWS, core.Study())
    funnel = document["funnel"]
    assert isinstance(funnel, dict)
    assert funnel["suggested"] is True
    assert funnel["stages"][0]["stage"] == "view"
    assert "suggested" not in str(_document(ROWS, STUDY))


def test_r3_absent_stages_give_zero_rates_and_warnings() -> None:
    study = core.Study(stages=(core.Stage(("veiw",)), core.Stage(("nope",))))
    document = _document(ROWS, study)
    funnel = document["funnel"]
    assert isinstance(funnel, dict)
    assert funnel["conversion_rates"] == [0.0, 0.0]
    assert document["drop_off_points"] == [
        {"stage": "veiw", "next_stage": "nope", "dropped": 0, "percent": None}
    ]
    assert document["warnings"] == [
        "no event is named 'veiw'; did you mean view?",
        "no event is named 'nope'",
    ]


def test_j4_no_events_give_zeros() -> None:
    document = _document([], core.Study())
    assert document["journeys"] == document["drop_off_points"] == document["warnings"] == []
    for key in ("journeys_count", "users_count", "events_count", "rejected_rows"):
        assert document[key] == 0
    funnel = document["funnel"]
    assert isinstance(funnel, dict)
    assert funnel["stages"] == funnel["conversion_rates"] == []


@pytest.mark.parametrize(("journeys", "listed"), [(100, True), (101, False)])
def test_journeys_are_listed_up_to_a_hundred(journeys: int, listed: bool) -> None:
    log = quick_log({f"u{i}": [(i, "view")] for i in range(journeys)})
    document = core.document(core.LocalEngine(log), STUDY)
    assert ("journeys" in document) == listed
    assert document["journeys_count"] == journeys


def test_one_users_journeys_are_always_listed_and_only_those() -> None:
    rows = [*ROWS, *((f"u{i}", "view", float(i)) for i in range(200))]
    document = _document(rows, core.Study(stages=STUDY.stages, user="ana"))
    assert document["journeys"] == [j for j in JOURNEYS if j["user"] == "ana"]
    assert (document["users_count"], document["journeys_count"], document["events_count"]) == (
        1,
        2,
        3,
    )


def test_an_unknown_user_is_a_warning_and_zeros() -> None:
    document = _document(ROWS, core.Study(stages=(core.Stage(("view",)),), user="anna"))
    assert document["warnings"] == ["no user is named 'anna'; did you mean ana?"]
    assert (document["journeys"], document["users_count"]) == ([], 0)


def test_n2_rejected_rows_are_counted_and_the_first_are_told() -> None:
    rows = records(ROWS) + [{"user": "cy", "event": "x"}] * 12
    document = core.document(core.open_engine(rows), core.Study(stages=(core.Stage(("view",)),)))
    assert (document["rejected_rows"], document["events_count"]) == (12, 4)
    warnings = document["warnings"]
    assert isinstance(warnings, list)
    assert len(warnings) == 11
    assert warnings[0] == "rejected list row 5: no time in 'time'"
    assert warnings[-1] == "and 2 more rejected rows"


def test_the_log_of_the_document_reads_back_as_its_journeys() -> None:
    journeys = core.reconstruct_journeys(log_of(*ROWS))
    assert [j.duration.total_seconds() for j in journeys] == [
        j["duration_seconds"] for j in JOURNEYS
    ]
