"""One pass over a text file: whether it is UTF-8, where its lines are, what else to beware of.

So a line is found again by its number with one short read, and nothing of the file is kept.
"""

from __future__ import annotations

import codecs
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BLOCK = 1 << 18
"""Bytes between two remembered places."""

NEWLINE = 10


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


def survey(path: Path, told: Callable[[int], None]) -> Survey:
    """Go through a file once. `told` hears how many bytes are done, and may raise to stop."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    is_utf8, is_pending = True, False
    ends, size = [0], 0
    returns = pairs = 0
    has_quote = False
    last = b""
    with path.open("rb") as file:
        while block := file.read(BLOCK):
            if is_utf8 and (is_pending or not block.isascii()):
                try:
                    decoder.decode(block)
                    is_pending = bool(decoder.getstate()[0])
                except UnicodeDecodeError:
                    is_utf8 = False
            has_quote = has_quote or b'"' in block
            if b"\r" in block:
                returns += block.count(b"\r")
                pairs += block.count(b"\r\n")
            pairs += last == b"\r" and block.startswith(b"\n")
            found = np.count_nonzero(np.frombuffer(block, np.uint8) == NEWLINE)
            ends.append(ends[-1] + int(found))
            last = block[-1:]
            size += len(block)
            told(size)
    return Survey(
        path=path,
        size=size,
        ends_before=np.array(ends, dtype=np.int64),
        is_utf8=is_utf8 and not is_pending,
        has_lone_cr=returns > pairs,
        ends_alike=returns == pairs and pairs in (0, ends[-1]),
        has_quote=has_quote,
        ends_in_line=bool(last) and last != b"\n",
    )
