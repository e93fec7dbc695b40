import core


def test_people_are_listed_by_when_they_were_last_seen_unless_asked_otherwise() -> None:
    assert core.Sort() == core.Sort("last", descending=True)
