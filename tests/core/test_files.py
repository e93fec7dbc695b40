"""Files are written whole or not at all."""

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

import core
from core.errors import OutputError
from core.files import FileExists, write_whole


def test_a_file_is_written(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    write_whole(path, ["a\r\n", "ö\n"])
    assert path.read_bytes() == "a\r\nö\n".encode()
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~_umask()
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


def test_a_file_that_is_there_is_replaced_only_when_told_to(tmp_path: Path) -> None:
    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(FileExists, match="is there already"):
        write_whole(path, ["new"])
    assert path.read_text() == "old"
    write_whole(path, ["new"], replace=True)
    assert path.read_text() == "new"


def test_nothing_is_left_where_the_text_breaks_off(tmp_path: Path) -> None:
    def pieces() -> Iterator[str]:
        yield "half"
        raise core.QuestionError("no more")

    path = tmp_path / "out.csv"
    path.write_text("old")
    with pytest.raises(core.QuestionError):
        write_whole(path, pieces(), replace=True)
    assert path.read_text() == "old"
    assert [file.name for file in tmp_path.iterdir()] == ["out.csv"]


@pytest.mark.parametrize("name", ["not/there/out.csv", "a\0b.csv"])
def test_what_cannot_be_written_is_one_clear_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(OutputError, match="cannot write"):
        write_whole(tmp_path / name, ["a"])


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
