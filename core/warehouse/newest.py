"""`Newest`: what was found last, and no more than that."""

from __future__ import annotations

from typing import TypeVar

Key = TypeVar("Key")
Value = TypeVar("Value")


class Newest(dict[Key, Value]):
    """Values by their keys; of more than `most` those kept longest ago are let go."""

    def __init__(self, most: int) -> None:
        """Nothing yet."""
        super().__init__()
        self._most = most

    def keep(self, key: Key, value: Value) -> None:
        """Keep a value as the newest."""
        self.pop(key, None)
        for oldest in list(self)[: 1 - self._most]:
            del self[oldest]
        self[key] = value
