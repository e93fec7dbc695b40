"""Whole numbers that DuckDB works out, piece by piece, by Arrow's C stream interface.

An answer as a whole would be kept twice, and be made an array on one core while the others wait.
The structures are those of https://arrow.apache.org/docs/format/CDataInterface.html and
https://arrow.apache.org/docs/format/CStreamInterface.html, which do not change.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from ctypes import POINTER, c_char, c_char_p, c_int, c_int64, c_void_p
from typing import TYPE_CHECKING, Any

import duckdb
import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

_KINDS = {b"C": np.uint8, b"S": np.uint16, b"I": np.uint32, b"L": np.uint64, b"l": np.int64}
"""Arrow's letters for kinds of numbers."""

_pointer = ctypes.pythonapi.PyCapsule_GetPointer
_pointer.restype, _pointer.argtypes = c_void_p, (ctypes.py_object, c_char_p)


class _Schema(ctypes.Structure):
    """What a column is."""


class _Array(ctypes.Structure):
    """A piece of a column, or of an answer, which has columns for children."""


class _Stream(ctypes.Structure):
    """An answer."""


_Schema._fields_ = (
    ("format", c_char_p),
    ("name", c_char_p),
    ("metadata", c_void_p),
    ("flags", c_int64),
    ("n_children", c_int64),
    ("children", POINTER(POINTER(_Schema))),
    ("dictionary", c_void_p),
    ("release", ctypes.CFUNCTYPE(None, POINTER(_Schema))),
    ("private_data", c_void_p),
)
_Array._fields_ = (
    ("length", c_int64),
    ("null_count", c_int64),
    ("offset", c_int64),
    ("n_buffers", c_int64),
    ("n_children", c_int64),
    ("buffers", POINTER(c_void_p)),
    ("children", POINTER(POINTER(_Array))),
    ("dictionary", c_void_p),
    ("release", ctypes.CFUNCTYPE(None, POINTER(_Array))),
    ("private_data", c_void_p),
)
_Stream._fields_ = (
    ("get_schema", ctypes.CFUNCTYPE(c_int, POINTER(_Stream), POINTER(_Schema))),
    ("get_next", ctypes.CFUNCTYPE(c_int, POINTER(_Stream), POINTER(_Array))),
    ("get_last_error", ctypes.CFUNCTYPE(c_char_p, POINTER(_Stream))),
    ("release", c_void_p),
    ("private_data", c_void_p),
)


def ask_numbers(connection: duckdb.DuckDBPyConnection, query: str) -> Iterator[NDArray[Any]]:
    """The only column of an answer, of whole numbers and without NULL, some rows at a time.

    A piece is there until the next is asked for. Raises InterruptException when the query was
    interrupted, and Error when it fails.
    """
    # The capsule lets go of the answer when it goes itself.
    capsule = connection.sql(query).__arrow_c_stream__()
    stream = _Stream.from_address(_pointer(capsule, b"arrow_array_stream"))
    schema = _Schema()
    _check(stream, stream.get_schema(stream, schema))
    kind = np.dtype(_KINDS[schema.children[0].contents.format])
    schema.release(schema)
    while True:
        piece = _Array()
        _check(stream, stream.get_next(stream, piece))
        if not piece.release:
            return
        try:
            column = piece.children[0].contents
            if column.length:
                start = column.buffers[1] + column.offset * kind.itemsize
                memory = (c_char * (column.length * kind.itemsize)).from_address(start)
                yield np.frombuffer(memory, kind)
        finally:
            piece.release(piece)


def put_numbers(connection: duckdb.DuckDBPyConnection, query: str, found: NDArray[Any]) -> int:
    """Put the only column of an answer into `found`, as far as that goes; how many rows it has."""
    rows = 0
    for piece in ask_numbers(connection, query):
        room = found[rows : rows + len(piece)]
        room[:] = piece[: len(room)]
        rows += len(piece)
    return rows


def _check(stream: _Stream, code: int) -> None:
    if code:
        said = (stream.get_last_error(stream) or b"").decode(errors="replace")
        is_stopped = said.startswith("INTERRUPT")
        raise duckdb.InterruptException(said) if is_stopped else duckdb.Error(said)
