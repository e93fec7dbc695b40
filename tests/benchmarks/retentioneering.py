"""Retentioneering, on a frame of pandas: https://github.com/retentioneering/retentioneering-tools.

It has no windows for users and no list of them, so it is asked for sessions alone.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

Counts = tuple[int, ...]


class Retentioneering:
    """Its own sessions and its own funnel, without its widgets."""

    ANSWERS = ("timeout", "stages")

    def __init__(self) -> None:
        os.environ["RETENTIONEERING_NO_TRACK"] = "1"
        self.stream_of: Any = import_module("retentioneering").Eventstream
        self.pandas: Any = import_module("pandas")
        # Imports what it needs to cut sessions and to count.
        frame = self.pandas.DataFrame({"user_id": ["a"], "event": ["b"], "time": ["2026-01-01"]})
        self._keep(frame)
        self.by_sessions(1, ["b"])

    def from_file(self, path: Path, timeout: int, stages: Sequence[str]) -> Counts:
        self.load(path)
        return self.by_sessions(timeout, stages)

    def load(self, path: Path) -> None:
        columns = ["user_id", "event", "time"]
        if path.suffix == ".parquet":
            frame = self.pandas.read_parquet(path, columns=columns)
        elif path.suffix == ".csv":
            frame = self.pandas.read_csv(path, usecols=columns, engine="pyarrow")
        else:
            json = import_module("pyarrow.json")
            frame = json.read_json(path).select(columns).to_pandas()
        self._keep(frame)

    def _keep(self, frame: Any) -> None:
        schema = {"path_cols": ["user_id"], "event_col": "event", "timestamp_col": "time"}
        self.stream = self.stream_of(frame, schema)

    def prepare(self, timeout: int, stages: Sequence[str]) -> None:
        pass

    def by_sessions(self, timeout: int, stages: Sequence[str]) -> Counts:
        # A gap as long as its timeout begins a session; with us only a longer one does.
        cut = self.stream.split_sessions(timeout=self.pandas.Timedelta(timeout + 1, "us"))
        found = cut.funnel_data(list(stages), path_col="session_id")
        sessions = cut.df["session_id"].nunique()
        return (int(sessions), *(int(step["unique_paths"]) for step in found["steps"]))

    def by_users(self, window: int, stages: Sequence[str]) -> Counts:
        raise NotImplementedError

    def page(self, timeout: int, order: str, search: str) -> list[str]:
        raise NotImplementedError
