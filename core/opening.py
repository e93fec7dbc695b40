"""`open_engine`: the right engine for files on this machine, or for the address of a warehouse.

It stands above all engines, so that none knows of another.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Unpack

from core.errors import QuestionError, SourceError
from core.log import ReadArguments, read_events
from core.warehouse.address import is_address, missing_driver

if TYPE_CHECKING:
    from core.engine import Engine
    from core.reading.records import Source

OF_FILES = ("alias", "rejects", "strict")
"""Arguments that have no meaning for a warehouse."""


def open_engine(
    source: Source,
    *,
    sample: float | None = None,
    exact: bool = False,
    **options: Unpack[ReadArguments],
) -> Engine:
    """An engine on events, wherever they are.

    A `source` that `core.read_events` takes is read into an engine on this machine; that takes the
    same arguments, and raises what it raises. An address, such as
    "clickhouse://user@host:8123/database", opens the `table` of a warehouse, whose engine answers
    there. It answers from a sample of whole users first, and says so in its answers: `sample` is
    their fraction, None takes about a million events. With `exact`, every answer is the
    warehouse's. Raises SourceError when it cannot be opened.
    """
    address = _address(source)
    if address is None:
        if sample is not None or exact:
            raise QuestionError("--sample and --exact are for the address of a warehouse")
        from core.local import LocalEngine

        return LocalEngine(read_events(source, **options))
    meaningless = [name for name in OF_FILES if options.get(name)]
    if meaningless:
        raise QuestionError(f"--{meaningless[0]} is for files, not for a warehouse")
    if sample is not None and not 0 < sample <= 1:
        raise QuestionError(f"a sample is more than nobody and at most everybody, not {sample:.3g}")
    try:
        from core.warehouse.opening import open_warehouse
    except ImportError as error:
        raise missing_driver(address.partition("://")[0].lower(), error) from error
    return open_warehouse(address, options, sample=sample, exact=exact)


def _address(source: Source) -> str | None:
    """The address that a source is; None for anything else. Raises SourceError for several."""
    given = [source] if isinstance(source, str) else source
    if not isinstance(given, Sequence):
        return None
    found = [each for each in given if isinstance(each, str) and is_address(each)]
    if found and len(given) > 1:
        raise SourceError("a warehouse is opened by itself, without other sources")
    return found[0] if found else None
