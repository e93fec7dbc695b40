"""What one look at a text file tells, whatever stretches it is cut into, is true of the whole."""

import re
from itertools import accumulate
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.reading import survey as module
from core.reading.survey import Look

BITS = [b"a", b"xyz", b"\n", b"\r", b"\r\n", b'"', "é€😀".encode(), b"\x80", b"\xe2\x82", b"\xff"]
TEXTS = st.lists(st.sampled_from(BITS[:7]) | st.sampled_from(BITS), max_size=40).map(b"".join)


def _is_utf8(data: bytes) -> bool:
    try:
        data.decode()
    except UnicodeDecodeError:
        return False
    return True


@given(TEXTS, st.integers(3, 8), st.integers(1, 3))
def test_stretches_come_to_what_the_whole_is(
    tmp_path_factory: pytest.TempPathFactory, data: bytes, block: int, blocks: int
) -> None:
    path = tmp_path_factory.getbasetemp() / "surveyed"
    path.write_bytes(data)
    told = list[int]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "BLOCK", block)
        patch.setattr(module, "STRETCH", block * blocks)
        seen = Look(path, told.append).survey()
    lone = len(re.findall(rb"\r(?!\n)", data))
    pairs, ends = data.count(b"\r\n"), data.count(b"\n")
    assert seen.size == sum(told) == len(data)
    assert seen.is_utf8 == _is_utf8(data)
    assert seen.has_lone_cr == (lone > 0)
    assert seen.ends_alike == (not lone and pairs in (0, ends))
    assert seen.has_quote == (b'"' in data)
    assert seen.ends_in_line == (data[-1:] not in (b"", b"\n"))
    pieces = [data[at : at + block] for at in range(0, len(data), block)]
    counts = [piece.count(b"\n") for piece in pieces]
    assert seen.ends_before.tolist() == [0, *accumulate(counts)]


def test_what_is_told_may_stop_it(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"a\n" * 10)

    def stop(size: int) -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        Look(path, stop).survey()
