"""Compressed bytes, piece by piece, so that all comes out that stands before damage or a cut.

Python's own file objects lose what they had read when they meet one.
"""

from __future__ import annotations

import bz2
import zlib
from collections.abc import Callable, Iterator
from typing import IO, Protocol


class _Decoder(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


_KINDS: dict[str, tuple[Callable[[], _Decoder], int]] = {
    "gzip": (lambda: zlib.decompressobj(wbits=31), 1 << 14),
    "bzip2": (bz2.BZ2Decompressor, 1 << 12),
}
"""What unpacks a kind, and how many bytes at a time: even of a bomb they make no more than fits
into memory."""


def decompressed(file: IO[bytes], kind: str) -> Iterator[bytes]:
    """The bytes in a file of a kind, "gzip" or "bzip2"; several stretches are one.

    Raises EOFError, zlib.error or OSError where it is cut off or damaged.
    """
    make, size = _KINDS[kind]
    decoder = make()
    while data := file.read(size):
        while data:
            if decoder.eof:
                # The next stretch, or zeros that fill up a block. Anything else is refused by it.
                data = data.lstrip(b"\0")
                if not data:
                    break
                decoder = make()
            yield decoder.decompress(data)
            data = decoder.unused_data if decoder.eof else b""
    if not decoder.eof:
        raise EOFError("it ends in the middle")
