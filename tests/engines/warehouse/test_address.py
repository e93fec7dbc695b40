"""Addresses: told from files, taken apart, and shown without what is secret."""

from __future__ import annotations

import sys

import pytest

import core
from core.warehouse.address import EXTRAS, is_address, parse_address
from core.warehouse.session import Session


@pytest.mark.parametrize("scheme", EXTRAS)
def test_each_kind_of_warehouse_is_an_address(scheme: str) -> None:
    assert is_address(f"{scheme}://somewhere/db")


@pytest.mark.parametrize("source", ["events.json", "-", "https://h/e.csv", "s3://b/k", "a:b"])
def test_anything_else_is_a_source_to_read(source: str) -> None:
    assert not is_address(source)


def test_an_address_is_taken_apart() -> None:
    found = parse_address("clickhouse://ana:p%40ss@host:8123/shop?secure=1")
    assert (found.scheme, found.host, found.port, found.path) == (
        "clickhouse",
        "host",
        8123,
        "shop",
    )
    assert (found.user, found.secret, found.path) == ("ana", "p@ss", "shop")
    assert found.options == {"secure": "1"}


def test_spark_connect_has_its_options_after_semicolons() -> None:
    found = parse_address("sc://host:15002/;token=abcdefghijk;user_id=ana")
    assert (found.port, found.options) == (15002, {"token": "abcdefghijk", "user_id": "ana"})
    assert found.hidden("bad token abcdefghijk") == "bad token ***"


def test_a_password_is_taken_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PGPASSWORD", "from outside")
    assert parse_address("postgresql://ana@host/shop").secret == "from outside"  # noqa: S105 - of no account
    assert parse_address("postgresql://ana:own@host/shop").secret == "own"  # noqa: S105 - of no account


@pytest.mark.parametrize("text", ["a b'\"c", "päss", "%41"])
def test_a_secret_is_never_shown(text: str) -> None:
    from urllib.parse import quote

    found = parse_address(f"postgres://ana:{quote(text)}@host/db?token=0123456789abc")
    assert text == found.secret
    for shown in (found.label, repr(found), found.hidden(f"no {text!r} or {quote(text)}: {text}")):
        assert text not in shown
        assert quote(text, safe="") not in shown
    assert "0123456789abc" not in found.label + repr(found)


def test_an_address_that_is_none_is_not_repeated() -> None:
    with pytest.raises(core.SourceError, match="cannot be understood") as error:
        parse_address("postgres://ana:secret@host:no/db")
    assert "secret" not in str(error.value)


@pytest.mark.parametrize(
    ("url", "module", "extra"),
    [
        ("clickhouse://h/db", "clickhouse_connect", "tracer-tui[clickhouse]"),
        ("postgres://h/db", "psycopg", "tracer-tui[warehouse]"),
        ("sc://h", "pyspark.errors", "tracer-tui[spark]"),
    ],
)
def test_a_missing_driver_is_named_with_what_brings_it(
    url: str, module: str, extra: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.startswith("core.warehouse.dialects.")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(core.SourceError) as error:
        Session(url)
    assert extra in str(error.value)


def test_without_ibis_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith("core.warehouse.")]:
        if name != "core.warehouse.address":
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ibis", None)
    with pytest.raises(core.SourceError) as error:
        core.open_engine("duckdb:///events.duckdb", table="events")
    assert "pip install 'tracer-tui[warehouse]'" in str(error.value)


def test_warehouse_flags_are_refused_for_files() -> None:
    with pytest.raises(core.QuestionError, match="for the address of a warehouse"):
        core.open_engine("events.json", table=None, exact=True)


def test_a_warehouse_is_opened_by_itself() -> None:
    with pytest.raises(core.SourceError, match="by itself"):
        core.open_engine(["a.json", "duckdb:///events.duckdb"])
