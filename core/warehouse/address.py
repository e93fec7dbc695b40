"""Addresses of warehouses: `clickhouse://user@host:8123/db` to what a connection needs.

It loads no driver, so that a command line can tell an address from a file at no cost. A password
leaves an `Address` only by `secret`, and `hidden` takes it out of any text.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from core.errors import SourceError

EXTRAS = {
    "clickhouse": "tracer-tui[clickhouse]",
    "chdb": "tracer-tui[clickhouse]",
    "spark": "tracer-tui[spark]",
    "sc": "tracer-tui[spark]",
    "duckdb": "tracer-tui[warehouse]",
    "postgres": "tracer-tui[warehouse]",
    "postgresql": "tracer-tui[warehouse]",
    **{
        name: f"ibis-framework[{name}]"
        for name in (
            "athena", "bigquery", "databricks", "exasol", "impala", "materialize", "mssql",
            "mysql", "oracle", "risingwave", "singlestoredb", "snowflake", "trino",
        )
    },
}  # fmt: skip
"""For each scheme of a warehouse what brings its driver."""

PASSWORDS = {
    "clickhouse": "CLICKHOUSE_PASSWORD",
    "postgres": "PGPASSWORD",
    "postgresql": "PGPASSWORD",
    "snowflake": "SNOWFLAKE_PASSWORD",
    "trino": "TRINO_PASSWORD",
    "mysql": "MYSQL_PWD",
}
"""The environment variable of a password that an address leaves out."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a warehouse is, and as whom to ask it."""

    scheme: str
    """The kind of warehouse."""
    host: str | None
    """The machine; None where the address names none."""
    port: int | None
    """None is the kind's own."""
    path: str
    """What stands after the host, without its first slash: most often the database."""
    user: str | None
    """Who asks; None is the kind's own."""
    secret: str | None = field(repr=False)
    """The password; None asks without one."""
    options: Mapping[str, str] = field(default_factory=dict, repr=False)
    """What stands after the question mark, which may hold secrets too."""

    @property
    def label(self) -> str:
        """The address without anything secret, fit to show."""
        where = f"{self.host or ''}{f':{self.port}' if self.port else ''}"
        who = f"{self.user}@" if self.user else ""
        return f"{self.scheme}://{who}{where}{'/' if self.path or not where else ''}{self.path}"

    @property
    def url(self) -> str:
        """The whole address, secrets and all, for a driver that takes one."""
        secret = "" if self.secret is None else f":{quote(self.secret, safe='')}"
        who = f"{quote(self.user or '', safe='')}{secret}@" if self.user or secret else ""
        where = f"{self.host or ''}{f':{self.port}' if self.port else ''}"
        asked = "&".join(f"{quote(key)}={quote(value)}" for key, value in self.options.items())
        return f"{self.scheme}://{who}{where}/{quote(self.path)}{'?' if asked else ''}{asked}"

    def hidden(self, text: str) -> str:
        """A text of a driver without the secrets of the address."""
        secrets = [value for value in (self.secret, *self.options.values()) if value]
        for value in [v for v in secrets if v == self.secret or len(v) > 8]:
            for spelled in (value, quote(value, safe=""), repr(value)[1:-1]):
                text = text.replace(spelled, "***")
        return text


def is_address(source: str) -> bool:
    """Whether a source is the address of a warehouse, not a file."""
    scheme, sign, _ = source.partition("://")
    return bool(sign) and scheme.lower() in EXTRAS


def parse_address(text: str) -> Address:
    """Where and as whom. A password it leaves out is taken from the environment.

    Raises SourceError, which never repeats the text: it may hold a password.
    """
    scheme = text.partition("://")[0].lower()
    if scheme in ("spark", "sc"):
        # Spark's addresses carry their options after semicolons: sc://host:15002/;token=...
        text, _, given = text.partition(";")
        options = dict(part.partition("=")[::2] for part in given.split(";") if part)
    else:
        options = {}
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise SourceError(
            f"this {scheme} address cannot be understood: write {scheme}://user@host:port/database"
        ) from None
    password = unquote(parts.password) if parts.password else None
    return Address(
        scheme="postgres" if scheme == "postgresql" else scheme,
        host=parts.hostname,
        port=port,
        path=unquote(parts.path).removeprefix("/"),
        user=unquote(parts.username) if parts.username else None,
        secret=password or os.environ.get(PASSWORDS.get(scheme, "")) or None,
        options={**options, **dict(parse_qsl(parts.query, keep_blank_values=True))},
    )


def missing_driver(scheme: str, error: ImportError) -> SourceError:
    """What to say when a warehouse's driver is not installed."""
    return SourceError(
        f"{scheme}:// needs a driver that is not installed ({error.name or error}): "
        f"pip install '{EXTRAS[scheme]}'"
    )
