"""One look at a text file: whether it is UTF-8, where its lines are, what else to beware of.

So a line is found again by its number with one short read, and nothing of the file is kept.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

from core.threads import Begun

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 18
"""Bytes between two remembered places."""

STRETCH = 64 * BLOCK
"""Bytes that one core goes through at a time."""

NEWLINE = 10

LONGEST_SIGN = 4
"""Bytes of a sign in UTF-8, at most."""


@dataclass(frozen=True, eq=False)
class Survey:
    """What one pass over a text file found."""

    path: Path
    """The file."""
    size: int
    """Its bytes."""
    ends_before: NDArray[np.int64]
    """(blocks + 1) ends of lines before each block, and in the whole file."""
    is_utf8: bool
    """Whether all of it is UTF-8."""
    has_lone_cr: bool
    """Whether a carriage return stands anywhere but before a line feed."""
    ends_alike: bool
    """Whether carriage returns stand before all line feeds and nowhere else, or nowhere at all."""
    has_quote: bool
    """Whether a quotation mark stands anywhere."""
    ends_in_line: bool
    """Whether the last line has no end."""

    @property
    def longest_line(self) -> int:
        """Bytes that no line has more of."""
        # A line is longer than a block only over blocks in which none ends.
        has_end = np.flatnonzero(np.diff(self.ends_before))
        stretches = np.diff(has_end, prepend=-1, append=len(self.ends_before) - 1)
        return int(stretches.max() + 1) * BLOCK

    @property
    def lines(self) -> int:
        """The number of lines."""
        return int(self.ends_before[-1]) + self.ends_in_line

    def line_at(self, position: int) -> int:
        """The number of the line, from 0, that holds the byte at a position."""
        block = position // BLOCK
        with self.path.open("rb") as file:
            file.seek(block * BLOCK)
            return int(self.ends_before[block]) + file.read(position % BLOCK).count(b"\n")

    def read_lines(self, numbers: Sequence[int]) -> list[bytes]:
        """The lines of some numbers, from 0, without their ends, in the order asked."""
        with self.path.open("rb") as file:
            reader = _Reader(file, self)
            return [reader.line(number) for number in numbers]


class _Reader:
    """Reads lines; the last block stays, for lines that are asked for together lie together."""

    def __init__(self, file: IO[bytes], survey: Survey) -> None:
        self._file = file
        self._survey = survey
        self._block = -1
        self._ends = np.empty(0, dtype=np.int64)

    def line(self, number: int) -> bytes:
        start = self._end_of(number - 1) + 1 if number else 0
        last = number >= int(self._survey.ends_before[-1])
        end = self._survey.size if last else self._end_of(number)
        return read_between(self._file, start, end).removesuffix(b"\r")

    def _end_of(self, number: int) -> int:
        """The position of the line feed that ends a line."""
        before = self._survey.ends_before
        block = int(before.searchsorted(number, side="right")) - 1
        if block != self._block:
            data = read_between(self._file, block * BLOCK, (block + 1) * BLOCK)
            self._ends = np.flatnonzero(np.frombuffer(data, np.uint8) == NEWLINE) + block * BLOCK
            self._block = block
        return int(self._ends[number - before[block]])


def read_between(file: IO[bytes], start: int, end: int) -> bytes:
    """The bytes of an open file from `start` up to `end`."""
    file.seek(start)
    return file.read(end - start)


@dataclass(frozen=True, eq=False, slots=True)
class _Seen:
    """What was found in one stretch of a file."""

    size: int
    ends: list[int]
    """Ends of lines in each block."""
    returns: int
    pairs: int
    """Carriage returns before line feeds, of which the last may stand after the stretch."""
    has_quote: bool
    is_utf8: bool
    """Whether the signs that begin in the stretch are UTF-8, and none is cut off."""
    last: bytes
    """The last byte."""


class Look:
    """A look at a text file on all cores, while other things are done."""

    def __init__(self, path: Path, told: Callable[[int], None]) -> None:
        """Begin it.

        `told` hears how many more bytes are done, from other threads, and may raise to stop.
        """
        starts = range(0, max(1, path.stat().st_size), STRETCH)
        self._path = path
        self._begun = Begun(partial(_look, path, told), starts)

    def survey(self) -> Survey:
        """What was found, once all has been seen. Raises what `told` raised."""
        return _survey(self._path, self._begun.found())

    def stop(self) -> None:
        """Look no further."""
        self._begun.stop()


def _survey(path: Path, seen: Sequence[_Seen]) -> Survey:
    """What all stretches of a file say of it."""
    ends = np.concatenate([[0], *(stretch.ends for stretch in seen)]).astype(np.int64)
    ends = np.cumsum(ends)
    returns, pairs = (sum(s.returns for s in seen), sum(s.pairs for s in seen))
    last = seen[-1].last
    return Survey(
        path=path,
        size=sum(stretch.size for stretch in seen),
        ends_before=ends,
        is_utf8=all(stretch.is_utf8 for stretch in seen),
        has_lone_cr=returns > pairs,
        ends_alike=returns == pairs and pairs in (0, int(ends[-1])),
        has_quote=any(stretch.has_quote for stretch in seen),
        ends_in_line=bool(last) and last != b"\n",
    )


def _look(path: Path, told: Callable[[int], None], start: int) -> _Seen:
    ends, size = list[int](), 0
    returns = pairs = 0
    has_quote = False
    signs = _Signs()
    last = b""
    buffer = bytearray(BLOCK)
    with path.open("rb") as file:
        file.seek(start)
        while size < STRETCH and (count := file.readinto(buffer)):
            block = buffer if count == BLOCK else buffer[:count]
            values = np.frombuffer(block, np.uint8)
            # The rest of a sign that begins in the stretch before is looked at there.
            first = _rest_of_sign(block) if start and not size else 0
            signs.take(block[first:] if first else block, is_ascii=bool(values.max() < 128))
            has_quote = has_quote or b'"' in block
            if b"\r" in block:
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n")
            pairs += last == b"\r" and block.startswith(b"\n")
            ends.append(int(np.count_nonzero(values == NEWLINE)))
            last = bytes(block[-1:])
            size += count
            told(count)
        after = file.read(LONGEST_SIGN - 1)
    pairs += last == b"\r" and after.startswith(b"\n")
    rest = after[: _rest_of_sign(after)]
    signs.take(rest, is_ascii=rest.isascii(), is_end=True)
    return _Seen(size, ends, returns, pairs, has_quote, signs.are_utf8, last)


class _Signs:
    """Bytes that are UTF-8 as far as they were looked at."""

    def __init__(self) -> None:
        self.are_utf8 = True
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._is_pending = False

    def take(self, block: bytes | bytearray, *, is_ascii: bool, is_end: bool = False) -> None:
        """Look at more; at the end no sign may be cut off."""
        if self.are_utf8 and (self._is_pending or not is_ascii):
            try:
                self._decoder.decode(block, is_end)
                self._is_pending = bool(self._decoder.getstate()[0])
            except UnicodeDecodeError:
                self.are_utf8 = False


def _rest_of_sign(block: bytes | bytearray) -> int:
    """How many bytes at the beginning do not begin a sign; at most as many as one can have."""
    first = block[: LONGEST_SIGN - 1]
    return next((n for n, byte in enumerate(first) if byte & 0xC0 != 0x80), len(first))
