"""A search in one user's events: in their names at once, then in their properties' values.

Properties are read in stretches, so that the first matches are there soon and a search can be
given up; what was read is kept for the next one. It knows no screen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from core.timeline import Trail
from tracer_tui.text import value_text

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST, LARGEST = 1_024, 32_768
"""Events that are read first, and at most at once; each stretch is twice the one before."""
_BETWEEN = "\x1f"
_BEFORE = 12
"""Characters of a long value that are shown before the match in it."""


class TrailTexts:
    """What the properties of a trail's events say, as far as they were read.

    One thread at a time may read on.
    """

    def __init__(self, trail: Trail) -> None:
        """Nothing is read yet."""
        self.trail = trail
        self._values: list[str] = []
        self._keys: list[tuple[str, ...]] = []
        self._known: dict[tuple[str, ...], tuple[str, ...]] = {}
        self.is_broken = False
        """Whether they cannot be read any more."""

    def is_of(self, trail: Trail) -> bool:
        """Whether another trail has the same events."""
        mine, other = self.trail.study, trail.study
        same = self.trail.user == trail.user and len(self.trail) == len(trail)
        return same and (mine.where, mine.user) == (other.where, other.user)

    def from_place(self, start: int) -> list[str]:
        """The values of some events from a place on; reads more where none was read yet.

        Raises SourceError when the source cannot be read any more.
        """
        read = len(self._values)
        if read <= start:
            stop = min(read + max(FIRST, min(read, LARGEST)), len(self.trail))
            for event in self.trail.events(read, stop):
                texts = map(value_text, event.properties.values())
                keys = tuple(event.properties)
                self._keys.append(self._known.setdefault(keys, keys))
                self._values.append(_BETWEEN.join(t.replace(_BETWEEN, "␟") for t in texts))
        return self._values[start : start + LARGEST]

    def where(self, place: int, text: str) -> str:
        """Which property of an event has a text in its value: "plan: pro"; "" for none."""
        if place < len(self._values):
            letters = text.casefold()
            values = self._values[place].split(_BETWEEN)
            for key, value in zip(self._keys[place], values, strict=False):
                at = value.casefold().find(letters)
                if at >= 0:
                    return f"{key}: {value if at <= 2 * _BEFORE else '…' + value[at - _BEFORE :]}"
        return ""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found so far."""

    text: str
    """What was searched for."""
    texts: TrailTexts
    """What it was searched in."""
    places: NDArray[np.int64]
    """(matches) the places of the events, in order."""
    read: int
    """How many of the trail's events have been looked at with their properties."""

    @property
    def is_whole(self) -> bool:
        """Whether there is no more to find."""
        return self.read == len(self.texts.trail)

    def has(self, place: int) -> bool:
        """Whether the event at a place is a match."""
        at = int(self.places.searchsorted(place))
        return at < len(self.places) and int(self.places[at]) == place

    def where(self, place: int) -> str:
        """The property that a match is in; "" where it is in the name."""
        is_named = self.text.casefold() in self.texts.trail.name(place).casefold()
        return "" if is_named else self.texts.where(place, self.text)


def in_names(texts: TrailTexts, text: str) -> Found:
    """Search names for a text, not empty; case is ignored."""
    return Found(text, texts, texts.trail.named(text), 0)


def in_values(found: Found, cancelled: Callable[[], bool]) -> Iterator[Found]:
    """Go on searching, in what properties say. Ends when all was read, or when cancelled.

    Raises SourceError when the source cannot be read any more.
    """
    texts, letters, read = found.texts, found.text.casefold(), found.read
    flags = np.zeros(len(texts.trail), dtype=np.bool_)
    flags[found.places] = True
    while read < len(flags) and not texts.is_broken and not cancelled():
        has = [letters in values.casefold() for values in texts.from_place(read)]
        flags[read : read + len(has)] |= np.array(has, dtype=np.bool_)
        read += len(has)
        yield replace(found, places=np.flatnonzero(flags), read=read)
