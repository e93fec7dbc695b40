from io import StringIO

from tracer_tui.signals import LastingFile


class Closing(StringIO):
    """A terminal that is closed in the middle."""

    is_closed = False

    def write(self, text: str) -> int:
        if self.is_closed:
            raise OSError(5, "Input/output error")
        return super().write(text)

    def flush(self) -> None:
        if self.is_closed:
            raise OSError(5, "Input/output error")


def test_a_terminal_is_drawn_on_as_long_as_it_lasts_and_never_fails() -> None:
    terminal = Closing()
    file = LastingFile(terminal)
    assert file.write("seen") == 4
    file.flush()
    terminal.is_closed = True
    assert file.write("unseen") == 6
    file.flush()
    terminal.is_closed = False
    assert file.write("no more") == 7
    assert terminal.getvalue() == "seen"


def test_everything_else_is_the_terminals_own() -> None:
    assert LastingFile(Closing("text")).getvalue() == "text"  # type: ignore[operator]  # any attribute
