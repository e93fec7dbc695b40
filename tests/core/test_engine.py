import pytest

import core
from core.engine import EVERYBODY


@pytest.mark.parametrize(
    ("cohort", "depths"),
    [
        (EVERYBODY, {0, 1, 2, 3, 64}),
        (core.Cohort("reached", 0), {1, 2, 3, 64}),
        (core.Cohort("reached", 1), {2, 3, 64}),
        (core.Cohort("left", 0), {1}),
        (core.Cohort("left", 1), {2}),
        (core.Cohort("went_on", 0), {2, 3, 64}),
        (core.Cohort("went_on", 1), {3, 64}),
    ],
    ids=str,
)
def test_a_cohort_is_a_span_of_depths(cohort: core.Cohort, depths: set[int]) -> None:
    assert {depth for depth in (0, 1, 2, 3, 64) if cohort.holds(depth)} == depths


def test_people_are_listed_by_when_they_were_last_seen_unless_asked_otherwise() -> None:
    assert core.Sort() == core.Sort("last", descending=True)
