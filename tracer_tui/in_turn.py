"""Keys in turn: one that is typed ahead waits until the key before it has done what it does.

Textual hands a key to whatever has the focus at once, while the key before may still be on its way
up to the binding that would move the focus, or open a dialog: what is typed fast, or while the
screen is busy, would go to the wrong place. Likewise while a dialog works on what was entered: only
what cancels it does not wait then, and with it what was typed ahead is given up.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from textual import events, on
from textual.app import App
from textual.message import Message
from textual.message_pump import MessagePump

AT_ONCE = frozenset({"ctrl+c", "ctrl+q"})
"""Keys that wait for nothing."""


class Worked(Message):
    """A dialog, whose `is_working` said that keys have to wait, has done its work."""


class InTurn(App[None]):
    """An application that handles one key after the other."""

    def __init__(self, *, ansi_color: bool | None = None) -> None:
        """Begin with no key pressed."""
        super().__init__(ansi_color=ansi_color)
        self._ahead = deque[events.Key]()
        self._has_key = False

    async def on_event(self, event: events.Event) -> None:
        """Keep a key that comes while another is handled."""
        is_new = isinstance(event, events.Key) and not event.is_forwarded
        if not isinstance(event, events.Key) or not is_new or event.key in AT_ONCE:
            await super().on_event(event)
            return
        self._ahead.append(event)
        if not self._has_key:
            await self._next()

    def on_key(self, event: events.Key) -> None:
        """Keep a key that comes from a screen that made way for one that has yet to be made."""
        if not self.screen.is_mounted:
            event.prevent_default()
            self._ahead.appendleft(events.Key(event.key, event.character))

    async def _handle(self, key: events.Key) -> None:
        self._has_key = True
        way = list((self.focused or self.screen).ancestors_with_self)
        await super().on_event(key)
        # Messages are handled in order: what goes the key's way behind it comes when it is done
        # with. Then so do what an action posts, a dialog that it opened and a focus that it moved.
        self._follow(way, lambda: self._follow([*way, self.screen, self], self._next))

    def _follow(self, way: Sequence[MessagePump], then: Callable[[], object]) -> None:
        """Go from one to the next, through what each of them has to do before."""
        if not way:
            self.call_later(then)
        elif not way[0].call_later(self._follow, way[1:], then):
            self._follow(way[1:], then)

    async def _next(self) -> None:
        self._has_key = False
        if getattr(self.screen, "is_working", False):
            keys = self.screen.active_bindings
            cancels = {key for key, active in keys.items() if active.binding.action == "cancel"}
            stop = next((key for key in self._ahead if key.key in cancels), None)
            if stop is not None:
                self._ahead.clear()
                await self._handle(stop)
        elif self._ahead:
            await self._handle(self._ahead.popleft())

    @on(Worked)
    def _go_on(self) -> None:
        if not self._has_key:
            self._has_key = True
            self._follow([self.screen, self], self._next)
