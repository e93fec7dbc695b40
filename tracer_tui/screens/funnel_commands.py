"""The saved funnels in the command palette, each under its own name."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from core.study import Study
from tracer_tui.drawing import fit
from tracer_tui.screens.output_keys import OutputKeys
from tracer_tui.text import visible

_LONGEST = 60
"""Cells of a name in the palette."""
_HELP = "saved in tracer.toml"


class FunnelCommands(Provider):
    """Offers to open each funnel that was saved. Names are somebody's text, and never markup."""

    async def startup(self) -> None:
        """Read the funnels once for each time that the palette opens."""
        self._funnels: Mapping[str, Study] = self._explorer.saved_funnels() or {}

    async def discover(self) -> Hits:
        """All of them."""
        for name, study in self._funnels.items():
            yield DiscoveryHit(Content(_title(name)), self._opener(study), help=_HELP)

    async def search(self, query: str) -> Hits:
        """Those whose title has the letters of `query` in their order, these told apart."""
        matcher = self.matcher(query)
        for name, study in self._funnels.items():
            shown = Content(title := _title(name))
            score, places = matcher.fuzzy_search.match(query, title)
            for place in places:
                shown = shown.stylize(matcher.match_style, place, place + 1)
            if score > 0:
                yield Hit(score, shown, self._opener(study), help=_HELP)

    @property
    def _explorer(self) -> OutputKeys:
        assert isinstance(self.screen, OutputKeys)  # noqa: S101 - for the types: it is theirs alone
        return self.screen

    def _opener(self, study: Study) -> partial[None]:
        return partial(self._explorer.change, study)


def _title(name: str) -> str:
    return f"Open funnel: {fit(visible(name), _LONGEST).rstrip()}"
