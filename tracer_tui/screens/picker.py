"""The picker: a line to type a stage in, over what may come next, narrowed while typing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import ClassVar, Generic, TypeVar

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.widgets import Input, Label

from core.cohort import Filter, Has
from core.engine import Engine
from core.errors import QuestionError, TracerError
from core.stage import Stage, format_stages, parse_stages
from core.vocabulary import Vocabulary
from tracer_tui.completion import Completion, complete, matching
from tracer_tui.drawing import count, percent
from tracer_tui.in_turn import Worked
from tracer_tui.keys import key_of
from tracer_tui.text import content, visible
from tracer_tui.widgets.field import Field
from tracer_tui.widgets.line_view import Cell, LineView, columns

Picked = TypeVar("Picked")


class Choices(LineView, can_focus=False):
    """What may come next; of events how many there are, and the share of users who have one."""

    def __init__(self, counts: Mapping[str, int], users_count: int) -> None:
        """Begin empty; `counts` are the events of each name."""
        super().__init__(id="picker-names")
        self.choices: Sequence[Completion] = ()
        self.counts = counts
        self.users_count = users_count
        self.users: Mapping[str, int] = {}

    def show(self, choices: Sequence[Completion]) -> None:
        """Show some, with the cursor on the first."""
        self.choices = choices
        self.cursor = 0
        self.line_count = len(choices)
        self.refresh()

    @property
    def choice(self) -> Completion | None:
        """The one at the cursor."""
        return self.choices[self.cursor] if self.choices else None

    def draw_line(self, index: int, width: int) -> Sequence[Cell]:
        """One choice."""
        choice = self.choices[index]
        if choice.kind != "event":
            label = f" {visible(choice.label)}"
            return columns([(label, width - 20, ""), (choice.kind, -18, "line--dim")])
        users = self.users.get(choice.label)
        share = "…" if users is None else percent(users / max(self.users_count, 1))
        return columns(
            [
                (f" {visible(choice.label)}", width - 25, ""),
                (count(self.counts.get(choice.label, 0)), -10, ""),
                (f"{share} users", -13, "line--dim"),
            ]
        )


class Picker(ModalScreen[Picked | None], Generic[Picked]):
    """Asks for something that is typed with completions."""

    HINT = ""
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "cancel", "Cancel", id="picker.cancel"),
        Binding("down", "move(1)", "Down", show=False, id="picker.down"),
        Binding("up", "move(-1)", "Up", show=False, id="picker.up"),
        Binding("tab", "complete", "Complete", show=False, id="picker.complete"),
    ]

    @dataclass
    class Known(Message):
        """The engine told what there is to complete with."""

        vocabulary: Vocabulary

    @dataclass
    class Tried(Message):
        """The engine was asked what was picked; the problem is empty where it could answer."""

        picked: object
        problem: str

    def __init__(
        self, title: str, engine: Engine, ask: Callable[[Picked], object], text: str = ""
    ) -> None:
        """Ask for `title`, beginning with a text.

        What has a condition is asked of the engine by `ask` first: only that tells whether it can
        be answered, and what was typed is still there to be mended.
        """
        super().__init__()
        self._title = title
        self._engine = engine
        self._ask_engine = ask
        self._trying: Picked | None = None
        self._text = text
        self._chooses = not text
        self._has_moved = False
        summary = engine.summary()
        self._counts = summary.name_counts
        self._users_count = summary.users_count
        self._by_count = sorted(self._counts, key=lambda name: (-self._counts[name], name))
        self._properties: Mapping[str, Sequence[str]] = {}

    def compose(self) -> ComposeResult:
        """A box with the text above what may come next."""
        with Vertical(classes="box") as box:
            box.border_title = content(self._title)
            completes, cancels = (
                key_of(self.app, f"picker.{does}") for does in ("complete", "cancel")
            )
            box.border_subtitle = f"{completes} completes · enter takes · {cancels} cancels"
            yield Field(self._text, placeholder=self.HINT, compact=True)
            yield Choices(self._counts, self._users_count)
            yield Label("", id="picker-problem")

    def on_mount(self) -> None:
        """Show what there is, and ask for more of it."""
        self._narrow("")
        self.run_worker(self._ask, thread=True)

    def _ask(self) -> None:
        with suppress(TracerError):  # without it there is less to complete with
            self.post_message(self.Known(self._engine.vocabulary()))

    @on(Known)
    def _learn(self, message: Known) -> None:
        self._properties = message.vocabulary.properties
        self.list.users = message.vocabulary.users
        self.list.refresh()
        if " where " in self.query_one(Field).value:
            self._narrow(self.query_one(Field).value)

    @property
    def is_working(self) -> bool:
        """Whether keys have to wait: the engine is asked whether it can answer."""
        return self._trying is not None

    @property
    def list(self) -> Choices:
        """What may come next."""
        return self.query_one(Choices)

    def choices(self, typed: str) -> Sequence[Completion]:
        """What may come at the end of a text."""
        return complete(typed, self._by_count, self._properties)

    def picked(self, text: str, choice: Completion | None) -> Picked:
        """What is picked by a text, whose end is the choice that is meant if one is.

        Raises QuestionError.
        """
        raise NotImplementedError

    def _narrow(self, typed: str) -> None:
        self.list.show(self.choices(typed))

    def action_move(self, lines: int) -> None:
        """Move through the choices while typing: one that was gone to is meant."""
        self.list.action_move(lines)
        self._chooses = self._has_moved = True

    def action_complete(self) -> None:
        """Write the choice at the cursor into the text."""
        choice, field = self.list.choice, self.query_one(Field)
        if choice is not None:
            end = " " if choice.kind == "property" else ""
            field.value = f"{field.value[: choice.start]}{choice.insert}{end}"
            field.cursor_position = len(field.value)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Narrow the choices, the best match first."""
        self._stop_trying()
        self._tell("")
        self._has_moved = False
        if event.value != self._text:
            self._chooses = True
        # What stands there at first is there to be written over.
        self._narrow(event.value if self._chooses else "")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Take what was typed, or the choice at the cursor; go on where that is half a stage."""
        choice = self.list.choice if self._chooses else None
        if choice is not None and choice.kind == "condition":
            self.action_complete()
        elif choice is not None and (
            self._has_moved or choice.label == event.value.strip() or not says_more(event.value)
        ):
            self._take_choice(choice)
        else:
            self._take(event.value)

    @on(LineView.Picked)
    def _take_clicked(self, event: LineView.Picked) -> None:
        self._take_choice(self.list.choices[event.index])

    def _take_choice(self, choice: Completion) -> None:
        """Take exactly what is meant; write it where more may follow."""
        if choice.kind in ("property", "value", "condition"):
            self.action_complete()
        else:
            self._take(self.query_one(Field).value[: choice.start] + choice.insert, choice)

    def _take(self, text: str, choice: Completion | None = None) -> None:
        try:
            picked = self.picked(text, choice)
        except QuestionError as error:
            self._tell(str(error))
            return
        if not _has_condition(picked):
            self.dismiss(picked)
        elif picked != self._trying:
            self._trying = picked
            self._tell(f"working… {key_of(self.app, 'picker.cancel')} stops it")
            self.run_worker(lambda: self._try(picked), thread=True)

    def _try(self, picked: Picked) -> None:
        problem = ""
        try:
            self._ask_engine(picked)
        except TracerError as error:
            problem = str(error)
        self.post_message(self.Tried(picked, problem))

    @on(Tried)
    def _judge(self, message: Tried) -> None:
        """Give back what can be asked, unless another text stands there by now."""
        picked = self._trying
        if picked is None or message.picked is not picked:
            return
        self._trying = None
        if message.problem:
            self._tell(message.problem)
        else:
            self.dismiss(picked)
        self.app.post_message(Worked())

    def _stop_trying(self) -> None:
        if self._trying is not None:
            self._trying = None
            self._engine.stop()
            self._tell("")

    def action_cancel(self) -> None:
        """Stop what is worked on, or leave without anything."""
        if self.is_working:
            self._stop_trying()
        else:
            self.dismiss(None)

    def _tell(self, problem: str) -> None:
        self.query_one("#picker-problem", Label).update(content(problem))


def _has_condition(picked: object) -> bool:
    stage = picked.event if isinstance(picked, Has) else picked
    return isinstance(stage, Stage) and stage.where is not None


class StagePicker(Picker[Stage]):
    """Asks for a stage: a name of the list, or a text such as `a|b`, `*` or `a where x > 1`."""

    HINT = "an event · a|b any of two · * any · a where price > 9 · Name=a"

    def picked(self, text: str, choice: Completion | None) -> Stage:  # noqa: ARG002 - it is in it
        """The stage that is written there."""
        return _stage(text)


class FilterPicker(Picker[Filter]):
    """Asks for a filter: a part of the funnel's bars, or events that one has."""

    HINT = "a part of a bar, or an event they had · * where country = 'NL'"

    def __init__(
        self,
        title: str,
        engine: Engine,
        ask: Callable[[Filter], object],
        parts: Mapping[str, Filter],
        sizes: Mapping[str, str],
    ) -> None:
        """`parts` are filters by their words, `sizes` say how many each of them lists."""
        super().__init__(title, engine, ask)
        self._parts = parts
        self._sizes = sizes

    def choices(self, typed: str) -> Sequence[Completion]:
        """The parts of the bars, then events that one has; what begins as was typed is ahead."""
        others = super().choices(typed)
        if says_more(typed):
            return others
        parts = [
            Completion(0, words, words, self._sizes[words])
            for words in matching(typed, list(self._parts))
        ]
        begin = typed.casefold()
        return sorted(
            [*parts, *others], key=lambda each: not each.label.casefold().startswith(begin)
        )

    def picked(self, text: str, choice: Completion | None) -> Filter:
        """The part that is meant, or the event that is written there."""
        if choice is not None and choice.kind != "event":
            return self._parts[choice.label]
        return Has(_stage(text))


def _stage(text: str) -> Stage:
    stages = parse_stages(text)
    if len(stages) > 1:
        raise QuestionError(r"one at a time; a comma in the name of an event is written \,")
    return stages[0]


def says_more(text: str) -> bool:
    """Whether a text is more than the beginning of a name."""
    return bool(set(text) & set("|*=")) or " where " in text


def text_of(stage: Stage) -> str:
    """A stage as one types it."""
    return format_stages([stage])
