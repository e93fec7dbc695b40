"""Events of a shop that does not exist.

    python -m tests.benchmarks.generate --events 1e6 --to FOLDER

The same flags make the same rows, and a file that is there is not made again. About 25 events a
user, a few users with thousands; sessions of minutes with hours and days between them; 20 event
names in an order that makes sense; six properties. Rows come ordered by time as an export would be,
but 1 % of them late, and 0.1 % twice with the same `event_id`.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import duckdb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

SEED = 7
VERSION = 1
"""Part of each file's name: another recipe makes another file."""
CHUNK_USERS = 50_000
"""Users made at a time, so that memory does not grow with the number of events."""

MOST_IN_A_FILE = 10_000_000
"""Events; more are in several files."""

FORMATS = ("parquet", "csv", "ndjson")

NEXT: dict[str, dict[str, float]] = {
    "home": {"category": 30, "search": 24, "product": 22, "login": 8, "signup": 3, "help": 2},
    "search": {"product": 58, "search": 22, "category": 8, "home": 6},
    "category": {"product": 60, "category": 22, "search": 8, "home": 6},
    "product": {"photos": 18, "reviews": 14, "product": 18, "cart": 13, "wishlist": 5, "share": 2,
                "search": 8, "category": 8, "home": 5},
    "photos": {"product": 46, "reviews": 14, "photos": 18, "cart": 13, "wishlist": 4},
    "reviews": {"product": 48, "photos": 16, "cart": 14, "search": 6},
    "wishlist": {"product": 50, "search": 16, "cart": 12, "home": 8},
    "cart": {"checkout": 40, "product": 24, "coupon": 9, "search": 8, "cart": 6},
    "coupon": {"checkout": 62, "cart": 22},
    "checkout": {"address": 52, "login": 10, "coupon": 6, "help": 5, "cart": 8},
    "address": {"payment": 74, "help": 5, "address": 8},
    "payment": {"purchase": 66, "payment_error": 20, "help": 3},
    "payment_error": {"payment": 56, "help": 16, "cart": 7},
    "purchase": {"home": 28, "share": 12, "logout": 20, "product": 16},
    "login": {"home": 40, "checkout": 18, "wishlist": 12, "settings": 10, "product": 12},
    "signup": {"home": 50, "settings": 16, "product": 18},
    "help": {"home": 24, "search": 22, "payment": 8, "logout": 8},
    "share": {"product": 44, "home": 24},
    "settings": {"home": 38, "logout": 22, "wishlist": 10},
    "logout": {"login": 40, "home": 40},
}  # fmt: skip
"""What tends to follow what; anything may follow anything a little."""
FIRST = {"home": 55, "product": 20, "search": 10, "category": 10, "login": 5}
"""What sessions begin with."""
NAMES = tuple(NEXT)

DEVICES = ("phone", "desktop", "tablet", "television")
COUNTRIES = ("US", "DE", "IN", "BR", "GB", "FR", "JP", "NL", "ES", "PL", "SE", "MX")
PLANS = ("free", "basic", "pro", "team")
ERRORS = ("card_declined", "timeout", "bad_cvc", "limit_reached", "unknown")

HOUR = 3_600_000
"""In milliseconds, as all times here."""
BEGIN = 1_767_225_600_000
"""1 January 2026."""
SPAN = 120 * 24 * HOUR
"""The time over which users first appear."""


Columns = Mapping[str, "NDArray[np.generic]"]


def event_file(events: int, folder: Path, file_format: str) -> Path:
    """The file with so many events; it is made if it is not there."""
    path = folder / f"shop-{events}-seed{SEED}-v{VERSION}.{file_format}"
    if not path.exists():
        folder.mkdir(parents=True, exist_ok=True)
        # The others are copies of the Parquet file.
        source = event_file(events, folder, "parquet") if file_format != "parquet" else None
        with tempfile.TemporaryDirectory(dir=folder) as scratch:
            made = Path(scratch) / path.name
            _make(events, made) if source is None else _convert(source, made, file_format)
            made.replace(path)
    return path


def event_files(events: int, folder: Path, file_format: str) -> Path:
    """So many events: a file, or a pattern for several of ten million events each, every one of
    which has users of its own.
    """
    if events <= MOST_IN_A_FILE:
        return event_file(events, folder, file_format)
    source = event_file(MOST_IN_A_FILE, folder, "parquet")
    home = folder / f"{source.stem}-times-{events // MOST_IN_A_FILE}"
    home.mkdir(exist_ok=True)
    for number in range(events // MOST_IN_A_FILE):
        path = home / f"{number:03}.{file_format}"
        if not path.exists():
            made = path.with_suffix(".part")
            _convert(source, made, file_format, f"{number}-")
            made.replace(path)
    return home / f"*.{file_format}"


def _make(events: int, path: Path) -> None:
    with duckdb.connect(path.with_suffix(".duckdb")) as connection:
        made = first_user = 0
        while made < events:
            columns = _chunk(first_user, made, events - made)
            connection.register("chunk", columns)
            verb = "INSERT INTO coded" if made else "CREATE TABLE coded AS"
            connection.execute(f"{verb} SELECT * FROM chunk")
            connection.unregister("chunk")
            made += len(columns["time"])
            first_user += CHUNK_USERS
        connection.execute(
            "INSERT INTO coded SELECT * REPLACE (filed + 5000 AS filed) FROM coded "
            f"WHERE number % 1000 = {SEED}"
        )
        connection.execute(f"COPY ({_as_texts()}) TO '{path}' (FORMAT parquet, COMPRESSION zstd)")


def _convert(source: Path, path: Path, file_format: str, prefix: str = "") -> None:
    """Copy a Parquet file, with something in front of each of its ids."""
    time = "time" if file_format == "parquet" else "strftime(time, '%Y-%m-%dT%H:%M:%S.%gZ')"
    options = {"parquet": "parquet, COMPRESSION zstd", "csv": "csv, HEADER", "ndjson": "json"}
    with duckdb.connect() as connection:
        connection.execute("SET enable_progress_bar = false")
        connection.execute(
            f"COPY (SELECT * REPLACE ('{prefix}' || event_id AS event_id, '{prefix}' || user_id AS "
            f"user_id, {time} AS time) FROM read_parquet('{source}')) TO '{path}' "
            f"(FORMAT {options[file_format]})"
        )


def _as_texts() -> str:
    """SQL for the rows as they are exported, in the order in which they were filed."""
    name = _text_of("name", NAMES)
    return f"""
        SELECT format('{{:016x}}', event_id) AS event_id, format('{{:016x}}', user_id) AS user_id,
            {name} AS event, epoch_ms(time) AS time,
            {_text_of("device", DEVICES)} AS device, {_text_of("country", COUNTRIES)} AS country,
            {_text_of("plan", PLANS)} AS plan, '/shop/' || {name} || '/' || page AS page,
            CASE WHEN {name} IN ('cart', 'purchase') THEN cents / 100.0 END AS amount,
            CASE WHEN {name} = 'payment_error' THEN {_text_of("error", ERRORS)} END AS error_code
        FROM coded ORDER BY filed, number
    """


def _text_of(code: str, texts: Sequence[str]) -> str:
    return f"[{', '.join(map(repr, texts))}][{code} + 1]"


def _chunk(
    first_user: int, first_event: int, most_events: int
) -> Mapping[str, NDArray[np.generic]]:
    """All events of `CHUNK_USERS` users as numbers, by user and time."""
    random = np.random.default_rng((SEED, first_user))
    sessions = 1 + np.minimum(2 * random.pareto(1.5, CHUNK_USERS), 3_000).astype(np.int64)
    user_of_session = np.repeat(np.arange(CHUNK_USERS), sessions)
    lengths = 1 + np.minimum(random.lognormal(1.2, 1.0, len(user_of_session)), 250).astype(np.int64)
    name = _walk(random, lengths)
    user = np.repeat(user_of_session, lengths)

    gap = random.lognormal(np.log(25_000), 1.5, len(user))
    # Who comes often comes back sooner.
    away = np.minimum(20 * HOUR, SPAN / sessions)[user_of_session]
    gap[np.cumsum(lengths) - lengths] = away * random.lognormal(0.0, 1.2, len(away))
    first = np.searchsorted(user, np.arange(CHUNK_USERS))
    gap[first] = 0
    since_first = np.cumsum(gap.astype(np.int64))
    time = since_first + (BEGIN + random.integers(0, SPAN, CHUNK_USERS) - since_first[first])[user]

    is_late = random.random(len(user)) < 0.01
    filed = time + np.where(is_late, random.lognormal(np.log(HOUR / 3), 1.2, len(user)), 0)
    number = first_event + np.arange(len(user))
    columns: dict[str, NDArray[np.generic]] = {
        "number": number,
        "event_id": _scrambled(number),
        "user_id": _scrambled(first_user + user),
        "name": name,
        "time": time,
        "filed": filed.astype(np.int64),
        "device": random.choice(4, CHUNK_USERS, p=(0.6, 0.3, 0.08, 0.02))[user],
        "country": np.minimum(random.geometric(0.25, CHUNK_USERS) - 1, 11)[user],
        "plan": random.choice(4, CHUNK_USERS, p=(0.7, 0.17, 0.1, 0.03))[user],
        "page": np.minimum(random.zipf(1.4, len(user)), 5_000),
        "cents": random.lognormal(8.3, 0.8, len(user)).astype(np.int32),
        "error": random.choice(5, len(user), p=(0.5, 0.2, 0.15, 0.1, 0.05)),
    }
    return {key: column[:most_events] for key, column in columns.items()}


def _scrambled(numbers: NDArray[np.int64]) -> NDArray[np.uint64]:
    """Numbers that look random and never repeat: an odd factor loses nothing modulo 2^64."""
    return (numbers.astype(np.uint64) + np.uint64(1)) * np.uint64(11_400_714_819_323_198_485)


def _walk(random: np.random.Generator, lengths: NDArray[np.int64]) -> NDArray[np.int8]:
    """The names of the events of all sessions: one step at a time in all that still go on."""
    follows = np.full((len(NAMES), len(NAMES)), 0.3)
    for row, after in enumerate(NEXT.values()):
        for following, weight in after.items():
            follows[row, NAMES.index(following)] += weight
    shares = np.cumsum(follows / follows.sum(axis=1, keepdims=True), axis=1)[:, :-1]
    begins = np.cumsum(lengths) - lengths
    result = np.empty(lengths.sum(), dtype=np.int8)
    weights = np.array([FIRST.get(name, 0) for name in NAMES]) / 100
    result[begins] = random.choice(len(NAMES), len(lengths), p=weights)
    for step in range(1, int(lengths.max())):
        here = begins[lengths > step] + step
        result[here] = (shares[result[here - 1]] < random.random((len(here), 1))).sum(axis=1)
    return result


def main() -> None:
    """Make the files the flags name, and say where they are."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=float, default=1e6)
    parser.add_argument("--to", type=Path, required=True)
    parser.add_argument("--format", nargs="+", choices=FORMATS, default=FORMATS)
    options = parser.parse_args()
    for file_format in options.format:
        path = event_file(int(options.events), options.to, file_format)
        print(f"{path}  {path.stat().st_size / 1e6:,.0f} MB")


if __name__ == "__main__":
    main()
