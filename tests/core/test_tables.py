"""Tables as text: exact for programs, harmless for spreadsheets and readers."""

import csv
import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

import core
from core.cohort import EVERYBODY, Cohort, Part
from core.engine import UsersPage
from core.result import Sampled
from core.study import Study
from core.tables import PAGE, Table, funnel_table, trail_table, users_table
from tests.core.build import log_of

CELL = st.none() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text()
ROWS = st.lists(st.tuples(CELL, CELL), max_size=4)
SHOP = core.LocalEngine(
    log_of(("ana", "cart", 0), ("ana", "=cmd()", 60), ("bo", "cart", 0), ("bo", "pay", 30))
)
STUDY = core.Study(stages=(core.Stage(("cart",)), core.Stage(("pay",))))


@given(ROWS)
def test_json_is_read_back_exactly(rows: list[tuple[object, object]]) -> None:
    text = Table(("one", "other"), rows).text("json")  # type: ignore[arg-type]  # of any kind
    assert text.isascii()
    assert json.loads(text) == [{"one": one, "other": other} for one, other in rows]


@given(ROWS)
def test_csv_is_read_back_and_no_cell_begins_a_formula(rows: list[tuple[object, object]]) -> None:
    text = Table(("one", "other"), rows).text("csv")  # type: ignore[arg-type]  # of any kind
    names, *read = csv.reader(io.StringIO(text, newline=""))
    assert names == ["one", "other"]
    assert len(read) == len(rows)
    for cells, values in zip(read, rows, strict=True):
        for cell, value in zip(cells, values, strict=True):
            if isinstance(value, str):
                assert cell.removeprefix("'") == value.removeprefix("'") or cell[1:] == value
                assert not cell.startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
            else:
                assert cell == ("" if value is None else str(value))


@given(st.lists(st.text(), min_size=1, max_size=3))
def test_a_markdown_row_stays_one_line_of_as_many_cells(texts: list[str]) -> None:
    text = Table(tuple("abc"[: len(texts)]), [texts]).text("md")
    lines = text.split("\n")
    assert len(lines) == 4
    row = lines[2].replace("\\\\", "").replace("\\|", "")
    assert row.count("|") == len(texts) + 1
    assert all(sign.isprintable() for sign in lines[2])
    assert "<" not in row.replace("\\<", "")


def test_a_markdown_cell_marks_nothing_up() -> None:
    assert Table(("a",), [["[x](http://y) *b* `c` <i>"]]).text("md").splitlines()[2] == (
        r"| \[x\]\(http://y\) \*b\* \`c\` \<i\> |"
    )


def test_an_empty_table_is_valid_everywhere() -> None:
    table = Table(("a", "b"), [])
    assert json.loads(table.text("json")) == []
    assert table.text("csv") == "a,b\n"
    assert table.text("md") == "| a | b |\n| --- | --- |\n"


def test_the_funnel_is_written_with_its_medians() -> None:
    answer = SHOP.funnel(STUDY)
    rows = list(funnel_table(answer, SHOP.medians_to_next(STUDY)).rows)
    assert rows == [
        ("cart", 2, 1.0, None, 1, 0.5, 0, 30.0),
        ("pay", 1, 0.5, 0.5, 0, None, 0, None),
    ]
    assert next(iter(funnel_table(answer).rows))[-1] is None


@pytest.mark.parametrize("page", [1, 2, 1000])
def test_a_list_is_written_in_its_order_whatever_is_asked_at_a_time(
    page: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.tables.PAGE", page)
    log = log_of(*((f"u{i}", "cart", i) for i in range(5)))
    sort = core.Sort("first", descending=True)
    rows = list(users_table(core.LocalEngine(log), STUDY, EVERYBODY, sort).rows)
    assert [row[0] for row in rows] == ["u4", "u3", "u2", "u1", "u0"]
    assert rows[0] == ("u4", None, 1, 1, "1970-01-01T00:00:04Z", "1970-01-01T00:00:04Z", 1, None)


def test_a_list_of_those_who_left_has_their_sessions() -> None:
    cohort = Cohort((Part("left", 0),))
    rows = list(users_table(SHOP, STUDY, cohort, core.Sort()).rows)
    assert [row[:2] for row in rows] == [("ana", 1)]


def test_a_trail_is_written_with_what_each_event_was_to_the_funnel() -> None:
    trail = SHOP.journeys(STUDY, "ana")
    assert list(trail_table(trail).rows) == [
        ("ana", 1, "1970-01-01T00:00:00Z", "cart", 1, 0, "{}"),
        ("ana", 1, "1970-01-01T00:01:00Z", "=cmd()", None, 1, "{}"),
    ]
    assert "'=cmd()" in trail_table(trail).text("csv")


HOSTILE: dict[str, object] = {
    "text": '{"a": 1}',
    "deep": {"__proto__": [1.5, True, None, {}], "=cmd()": "=1+1"},
    '"}],': "\x1b]52;c;x\x07 </script>",
    "none": None,
}


def test_properties_are_values_in_json_and_text_elsewhere(tmp_path: Path) -> None:
    event = json.dumps({"user": "ana", "event": "a", "time": "2026-01-03T10:00:00Z", **HOSTILE})
    tmp_path.joinpath("events.json").write_text(f'{event[:-1]}, "far": [1e999]}}\n')
    engine = core.LocalEngine(core.read_events(str(tmp_path / "events.json")))

    def table() -> Table:
        return trail_table(engine.journeys(Study(), "ana"))

    text = table().text("json")
    assert text.isascii()
    kept = {key: value for key, value in HOSTILE.items() if value is not None}
    assert json.loads(text, parse_constant=pytest.fail)[0]["properties"] == {
        **kept,
        "far": [None],
    }
    (row,) = csv.DictReader(io.StringIO(table().text("csv"), newline=""))
    assert json.loads(row["properties"])["deep"] == HOSTILE["deep"]


def test_numbers_of_a_sample_have_their_bounds_beside_them() -> None:
    sampled = Sampled(0.5, ((1, 4), (0, 2)), ((1.0, 1.0), (0.2, 0.8)))
    answer = replace(SHOP.funnel(STUDY), sampled=sampled)
    first, second = json.loads(funnel_table(answer).text("json"))
    assert [first["count_low"], first["count_high"]] == [1, 4]
    assert [second["conversion_low"], second["conversion_high"]] == [0.2, 0.8]
    assert "count_low" not in json.loads(funnel_table(SHOP.funnel(STUDY)).text("json"))[0]


class BecomingExact(core.LocalEngine):
    """Lists a sample at first."""

    def users(self, study: Study, *args: Any, **options: Any) -> UsersPage:
        page = super().users(study, *args, **options)
        is_first = page.start == 0
        return replace(page, total=2 * PAGE, share=0.5 if is_first else 1.0)


def test_a_list_is_not_written_half_from_a_sample() -> None:
    table = users_table(BecomingExact(SHOP.log), STUDY, EVERYBODY, core.engine.Sort())
    with pytest.raises(core.QuestionError, match="write it again"):
        table.text("csv")
