"""What is another each time it is asked: the same question is to give the same answer."""

from __future__ import annotations

from collections.abc import Iterable

from core.errors import QuestionError

CLOCK_WORDS = frozenset(
    {"current_date", "current_time", "current_timestamp", "localtime", "localtimestamp"}
)
"""What SQL takes for the clock though it looks like a column."""

_CLOCK = CLOCK_WORDS.union(
    """
    age ago clock_timestamp curdate current_datetime current_localtime current_localtimestamp
    curtime get_current_time get_current_timestamp getdate getutcdate now now64 nowinblock
    pg_conf_load_time pg_postmaster_start_time statement_timestamp sysdate sysdatetime
    systimestamp timeofday today transaction_timestamp unix_timestamp utc_date utc_time
    utc_timestamp yesterday
    """.split()  # noqa: SIM905 - a text is read with less effort than its quotes
)
_CHANCE = frozenset(
    """
    blocknumber connection_id currval fuzzbits gen_random_uuid generate_uuid generatesnowflakeid
    generateuuidv4 generateuuidv7 initialqueryid lastval monotonically_increasing_id newid
    nextval pg_backend_pid pg_current_xact_id pg_sleep queryid rand rand32 rand64 randbernoulli
    randcanonical randconstant randexponential randn randnormal random random_normal
    randomfixedstring randomprintableascii randomstring randstr randuniform rownumberinallblocks
    rownumberinblock setseed setval shuffle sleep sleepeachrow spark_partition_id txid_current
    uniform uuid uuid_generate_v1 uuid_generate_v1mc uuid_generate_v4 uuidv4 uuidv7
    """.split()  # noqa: SIM905 - a text is read with less effort than its quotes
)
_CLOCK_UNLESS_GIVEN = {"age": 2, "unix_timestamp": 1}
"""So many arguments, and the clock is not looked at."""


def refuse_volatile(calls: Iterable[tuple[str, int]], others: frozenset[str] = frozenset()) -> None:
    """Raise QuestionError for a function, given with the number of its arguments, that gives
    another answer each time; `others` are more of those that the engine has.
    """
    for called, arguments in calls:
        name = called.casefold()
        if name in _CLOCK and arguments < _CLOCK_UNLESS_GIVEN.get(name, arguments + 1):
            raise QuestionError(
                f"{name} is another at another time: write the time itself, "
                "such as '2026-01-31 12:00'"
            )
        if name in _CHANCE or name in others:
            raise QuestionError(f"{name}() gives another answer each time: leave it out")
