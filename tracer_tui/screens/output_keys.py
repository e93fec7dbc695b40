"""The keys that take something out, keep it, or hold it beside something else."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar

from textual import events
from textual.binding import Binding, BindingType
from textual.reactive import var

from core.engine import Engine, FunnelAnswer
from core.errors import Cancelled, QuestionError, TracerError
from core.files import write_whole
from core.study import Study
from core.tables import funnel_table, trail_table, users_table
from tracer_tui.answers import Answers
from tracer_tui.crash import state_folder
from tracer_tui.drawing import plural
from tracer_tui.keys import key_of
from tracer_tui.leaving import held
from tracer_tui.saved import SavedFunnels, files_for
from tracer_tui.screens.export_box import ExportBox, Target, What
from tracer_tui.screens.funnel_picker import FunnelPicker
from tracer_tui.screens.opening import Opening
from tracer_tui.screens.pane_keys import PaneKeys
from tracer_tui.screens.prompt import Prompt
from tracer_tui.text import visible
from tracer_tui.widgets.status_line import StatusLine

_TO_SHOW = 400
"""Signs that are shown of what was copied: about ten lines of a note on a small screen."""
_TO_WRITE = 60.0
"""Seconds that leaving waits for a file that is being written."""


class OutputKeys(PaneKeys):
    """A screen whose answers can be written, copied, saved and compared."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("y", "copy", "Copy the row", show=False, id="out.copy"),
        Binding("Y", "copy_flags", "Copy the command", show=False, id="out.copy_flags"),
        Binding("m", "pin", "Compare with this", show=False, id="funnel.pin"),
        Binding("ctrl+s", "save", "Save the funnel", show=False, id="funnel.save"),
        Binding("ctrl+o", "open", "Open a funnel", show=False, id="funnel.open"),
    ]

    pinned: var[FunnelAnswer | None] = var(None)
    """The funnel that the present one is compared with."""

    def __init__(
        self,
        engine: Engine,
        answers: Answers,
        sources: Sequence[str] = (),
        how_read: Sequence[str] = (),
        *,
        is_picking: bool = False,
    ) -> None:
        """Begin with what an engine answered already; funnels are saved beside the sources, and
        a command that is copied says how they are read.
        """
        super().__init__(engine, answers)
        self._sources = sources
        self._how_read = how_read
        self._saved = SavedFunnels(tuple(files_for(sources)))
        self.is_picking = is_picking

    # A hint for the first time.

    def first_hint(self) -> str:
        """What to say to a person who was never here, with the keys that are in force."""
        if self.is_picking:
            return (
                f"{self._key('users.mark')} marks, {self._key('users.open')} prints the users that "
                "are marked, or the one at the cursor"
            )
        if (state_folder() / "seen").exists():
            return ""
        return (
            f"{self._key('app.help')} keys · {self._key('app.palette')} everything · "
            f"{self._key('timeout.shorter')} {self._key('timeout.longer')} timeout · "
            f"{self._key('pane.funnel')}, {self._key('funnel.left')}: who left · "
            f"{self._key('funnel.drop_off')} what they did"
        )

    def _key(self, id_: str) -> str:
        return key_of(self.app, id_)

    def on_key(self, event: events.Key) -> None:  # noqa: ARG002 - any key will do
        """After the next key the hint makes way for the facts, once it has been there."""
        status = self.query_one(StatusLine)
        if not status.shows_hint:
            return
        status.hint = ""
        seen = state_folder() / "seen"
        try:
            seen.parent.mkdir(parents=True, exist_ok=True)
            seen.touch()
        except OSError:
            return  # without a place to remember, the hint comes again

    def pick(self, users: list[str]) -> None:
        """Leave with some users as the answer."""
        self.app.post_message(Opening.Picked(users))

    # Writing.

    def action_export(self) -> None:
        """Ask what to write where, and write it."""
        self.when_answered(self._ask_where)

    def _ask_where(self) -> None:
        if self.funnel is None or self.listing is None:
            return
        listed = self.users.border_title or ""
        words: dict[What, str] = {"list": f"The list: {str(listed)[2:]}"}
        words["funnel"] = f"The funnel: {len(self.funnel.stages)} stages"
        if self.shown is not None:
            words["timeline"] = f"The timeline of {self.shown.trail.user}"
        words["picture"] = "A picture of the screen"
        # Of the screen as it is before there is a box on it.
        picture = self.app.export_screenshot(title="tracer-tui")

        def write(target: Target, cancelled: Callable[[], bool]) -> None:
            pieces = [picture] if target.what == "picture" else self._pieces(target)
            with held(_TO_WRITE):
                write_whole(target.path, _until(cancelled, pieces), replace=target.is_replacing)

        self.app.push_screen(ExportBox(words, write), self._tell_written)

    def _tell_written(self, target: Target | None) -> None:
        if target is None:
            return
        rows = ""
        if target.what == "list" and self.listing is not None:
            rows = f": {plural(self.listing.page.total, 'row')}"
        self._tell(f"Written to {target.path.absolute()}{rows}")

    def _pieces(self, target: Target) -> Iterable[str]:
        if target.what == "list":
            view = self.listing.view if self.listing is not None else self.view
            table = users_table(self.engine, view.study, view.cohort, view.sort, view.search)
        elif target.what == "timeline" and self.shown is not None:
            table = trail_table(self.shown.trail)
        else:
            answer = self._answer_shown
            is_known = self.details is not None and self.details.study == answer.study
            medians = self.details.medians if is_known and self.details else ()
            table = funnel_table(answer, medians)
        return table.lines(target.form)

    @property
    def _answer_shown(self) -> FunnelAnswer:
        if self.funnel is None:
            raise QuestionError("nothing is shown yet")
        return self.funnel

    def _tell(self, text: str, severity: str = "information") -> None:
        is_error = severity == "error"
        self.notify(visible(text), severity="error" if is_error else "information", markup=False)

    # Copying.

    def action_copy(self) -> None:
        """Copy what the cursor is on, exactly as it stands in the data."""
        text = self._row_text()
        if text:
            self._copy(text)

    def action_copy_flags(self) -> None:
        """Copy the command that asks the present question."""
        flags = [*self._how_read, *self.view.study.flags()]
        # A file whose name begins as a flag does is the same file by a longer name.
        sources = [f"./{name}" if name[:1] == "-" != name else name for name in self._sources]
        self._copy(shlex.join(["tracer-tui", *sources, *flags]))

    def _copy(self, text: str) -> None:
        self.app.copy_to_clipboard(text)
        shown = text if len(text) <= _TO_SHOW else f"{text[: _TO_SHOW - 1]}…"
        self._tell(f"Sent to the terminal's clipboard: {shown}")

    def _row_text(self) -> str:
        if self.timeline.has_focus_within and self.shown is not None:
            place = self.timeline.lines.place
            if place is None:
                return ""
            event = self.shown.trail.event(place)
            return f"{event.time.isoformat()}\t{event.name}"
        if self.funnel_pane.has_focus_within:
            stages = self._answer_shown.stages
            here = self.funnel_pane.bars.cursor
            if here >= len(stages):
                return ""
            stage = stages[here]
            return f"{stage.stage}\t{stage.count}\t{stage.conversion}"
        row = self.users.lines.row
        return "\n".join(self.users.marked or ([row.user] if row is not None else []))

    # Comparing and saving.

    def action_pin(self) -> None:
        """Hold the present funnel beside those to come, or end that."""
        self.pinned = self.funnel if self.pinned is None else None

    def action_save(self) -> None:
        """Ask for a name, and save the present question under it."""
        study, known = self.view.study, self.saved_funnels()
        if known is None:
            return

        def doubt(name: str) -> str:
            is_there = name.strip() in known
            return f"{name.strip()} is there already: enter again replaces it" if is_there else ""

        def save(name: str) -> None:
            # Suggested stages are saved too: tomorrow's data would suggest others.
            file = self._saved.save(name.strip(), replace(study, suggested=False))
            self._tell(f"Saved as {name.strip()} in {file}")

        hint = f"it can be opened with {self._key('funnel.open')}, or with --funnel"
        self.app.push_screen(Prompt("Save the funnel as", hint, "", _check_name, doubt, save))

    def saved_funnels(self) -> Mapping[str, Study] | None:
        """The funnels under names; says why and returns None when they cannot be read."""
        try:
            return self._saved.load()
        except TracerError as error:
            self._tell(str(error), "error")
            return None

    def action_open(self) -> None:
        """Choose a funnel that was saved."""
        funnels = self.saved_funnels()
        if funnels is None:
            return
        if not funnels:
            self._tell(f"No funnel is saved yet: {self._key('funnel.save')} saves this one")
            return

        def open_it(study: Study | None) -> None:
            if study is not None:
                self.change(study)

        self.app.push_screen(FunnelPicker(funnels), open_it)


def _check_name(text: str) -> None:
    """Refuse an empty name."""
    if not text.strip():
        raise QuestionError("a name is needed, such as checkout")


def _until(cancelled: Callable[[], bool], pieces: Iterable[str]) -> Iterator[str]:
    """The pieces; raises Cancelled when there are to be no more."""
    for piece in pieces:
        if cancelled():
            raise Cancelled("writing was stopped")
        yield piece
