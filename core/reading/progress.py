"""How far reading is, and whether it should go on: asked and told while others do the work."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import duckdb

from core.errors import Cancelled

POLL_SECONDS = 0.05
"""How often a running query is asked how far it is and whether to stop."""


class Share(float):
    """A share of the work, 0 to 1, with what has been read so far, or what is being done."""

    bytes_read: int
    """Bytes of the sources, as they lie on disk."""
    bytes_total: int
    """All of them."""
    rows: int
    """Rows that have been read, of the files that are done."""
    doing: str
    """What runs where, where nobody tells how far it is; empty where somebody does."""

    def __new__(
        cls,
        share: float,
        bytes_read: int = 0,
        bytes_total: int = 0,
        rows: int = 0,
        doing: str = "",
    ) -> Share:
        """A share that knows its bytes and rows, or what is being done."""
        made = super().__new__(cls, share)
        made.bytes_read, made.bytes_total, made.rows = bytes_read, bytes_total, rows
        made.doing = doing
        return made


Progress = Callable[[Share], None]
"""Told how far reading is, from any thread."""


class Watch:
    """Tells progress, never backwards, and stops the work when asked to."""

    def __init__(
        self, cancelled: Callable[[], bool] | None = None, progress: Progress | None = None
    ) -> None:
        """Both may be left out."""
        self._cancelled = cancelled
        self._progress = progress
        self.span = (0.0, 1.0)
        """The share of all the work that a running query stands for: its start and end."""
        self.bytes_total = 0
        """Bytes of all sources."""
        self.bytes_share = 1.0
        """The share of the work after which they all have been read."""
        self.rows = 0
        """Rows of the files that are done."""
        self._told = 0.0

    def check(self) -> None:
        """Raise Cancelled if the work should stop."""
        if self._cancelled is not None and self._cancelled():
            raise Cancelled("reading was stopped")

    def tell(self, share_of_span: float) -> None:
        """Say how much of the span is done."""
        if self._progress is None:
            return
        start, end = self.span
        # Each query counts from 0 again, and progress must not.
        self._told = max(self._told, start + (end - start) * min(max(share_of_span, 0.0), 1.0))
        done = int(self.bytes_total * min(1.0, self._told / self.bytes_share))
        self._progress(Share(self._told, done, self.bytes_total, self.rows))

    @contextmanager
    def queries(self, *connections: duckdb.DuckDBPyConnection) -> Iterator[None]:
        """While inside, tell how far the first connection's queries are; interrupt those of all
        when cancelled.

        Raises Cancelled in place of DuckDB's own error.
        """
        if self._cancelled is None and self._progress is None:
            yield
            return
        done = threading.Event()

        def watch() -> None:
            while not done.wait(POLL_SECONDS):
                if self._cancelled is not None and self._cancelled():
                    for connection in connections:
                        connection.interrupt()
                else:
                    self.tell(connections[0].query_progress() / 100)

        watcher = threading.Thread(target=watch, name="reading-watch", daemon=True)
        watcher.start()
        try:
            yield
        except duckdb.InterruptException:
            raise Cancelled("reading was stopped") from None
        finally:
            done.set()
            watcher.join()
