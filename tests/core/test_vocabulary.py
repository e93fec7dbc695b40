"""What a question can be made of."""

import pytest
from hypothesis import given

import core
from core.vocabulary import MOST_VALUES, find_vocabulary
from tests.core.build import TRAILS, Trails, quick_log


@pytest.mark.parametrize("flags", [1, 5, 1_000])
@given(trails=TRAILS)
def test_users_of_a_name_are_those_who_have_it(flags: int, trails: Trails) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("core.vocabulary.FLAGS", flags)
        patch.setattr("core.vocabulary._properties", lambda log: {})
        found = find_vocabulary(quick_log(trails)).users
    expected = {
        name: sum(any(name == one for _, one in trail) for trail in trails.values())
        for name in sorted({name for trail in trails.values() for _, name in trail})
    }
    assert dict(found) == expected


def test_properties_have_their_frequent_values_as_sql_writes_them() -> None:
    rows: list[dict[str, object]] = [
        {"user": "u", "event": "e", "time": i, "plan": "free" if i % 3 else "it's", "n": i % 2}
        for i in range(30)
    ]
    rows.append(
        {
            "user": "u",
            "event": "e",
            "time": 99,
            "plan": "x" * 999,
            "ok": True,
            "at": {"a": 1, "b": {"c": "x"}},
        }
    )
    properties = core.open_engine(rows).vocabulary().properties
    assert properties == {
        "at.a": ("1",),
        "at.b.c": ("'x'",),
        "n": ("0", "1"),
        "ok": ("true",),
        "plan": ("'free'", "'it''s'"),
    }


def test_values_are_some_of_many_and_conditions_take_them() -> None:
    rows = [{"user": f"u{i}", "event": "e", "time": i, "city": f"c{i}"} for i in range(99)]
    engine = core.open_engine(rows)
    values = engine.vocabulary().properties["city"]
    assert len(values) == MOST_VALUES
    study = core.Study(stages=(core.Stage((), where=f"city = {values[0]}"),))
    assert [stage.count for stage in engine.funnel(study).stages] == [1]


def test_an_empty_log_has_an_empty_vocabulary() -> None:
    vocabulary = core.open_engine([]).vocabulary()
    assert (dict(vocabulary.users), dict(vocabulary.properties)) == ({}, {})
