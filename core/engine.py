"""What a face may ask: the `Engine` protocol, and its answers as frozen values.

Each answer about a study carries it, so that one that comes late can be told and dropped. Answers
compare by identity (`eq=False`): they may be large.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, Protocol

from core.aftermath import Contrast
from core.cohort import EVERYBODY, Cohort
from core.explanation import Explanation
from core.result import Sampled, StageResult, StepTime
from core.stage import Stage
from core.study import Study
from core.timeline import Trail

if TYPE_CHECKING:
    from core.reading.report import LoadReport
    from core.vocabulary import Vocabulary

SortKey = Literal["user", "sessions", "events", "first", "last", "depth"]
"""What a list of users is ordered by."""


@dataclass(frozen=True, slots=True)
class Sort:
    """The order of a list of users; users with equal keys stand in the order of their ids."""

    key: SortKey = "last"
    """The column."""
    descending: bool = True
    """Largest first."""


@dataclass(frozen=True, eq=False)
class Summary:
    """What there is, whatever is asked of it."""

    source: str
    """What was opened, in a few words."""
    events_count: int
    """Accepted events."""
    users_count: int
    """Users with at least one."""
    first: int | None
    """Time of the earliest event, microseconds since 1970; None when there are none."""
    last: int | None
    """Time of the latest."""
    name_counts: Mapping[str, int]
    """Events of each name, in the order of the names."""
    report: LoadReport
    """How the source was read, and what was rejected."""


class Curves(Protocol):
    """The sweeps of a study: what every timeout and every window would come to."""

    @property
    def share(self) -> float:
        """The fraction of all users that they are made of; less than 1 in a sample."""
        ...

    def journeys(self, timeout: int | None) -> int:
        """Journeys at a session timeout, microseconds; None is off."""
        ...

    def counts_at(self, timeout: int | None) -> list[int] | None:
        """Units at each stage at a session timeout; None where each has to be counted anew."""
        ...

    def counts(self, windows: Sequence[int | None]) -> list[list[int]]:
        """Units at each stage within each of some conversion windows, microseconds; None is off."""
        ...

    def knee(self) -> int | None:
        """The window beyond which a longer one gains least; None without conversions."""
        ...

    def gaps(self, edges: Sequence[int]) -> list[int]:
        """Gaps within users between neighbouring edges, microseconds; the lower edge included."""
        ...


@dataclass(frozen=True, slots=True)
class UserRow:
    """One line of a list of users: a user, or one journey of a user."""

    user: str
    """The id."""
    journey: int | None
    """In a list of journeys, which of the user's it is, from 1; None is the whole user."""
    sessions: int
    """Journeys of the user."""
    events: int
    """Events of the user, or of the journey."""
    first: int
    """Time of the first of them, microseconds since 1970."""
    last: int
    """Time of the last of them."""
    depth: int
    """The deepest stage reached, from 1; 0 for none."""
    held: str | None = None
    """The value that its events share, where one is held constant."""
    pending: bool = False
    """Whether it could still go on when the data ends (rule F11)."""


@dataclass(frozen=True, eq=False)
class UsersPage:
    """A stretch of a list of users."""

    study: Study
    """The question it belongs to."""
    cohort: Cohort
    """Who is listed."""
    sort: Sort
    """In which order."""
    search: str
    """The text their ids contain."""
    total: int
    """Rows of the whole list."""
    start: int
    """Place in the list of the first of `rows`."""
    rows: tuple[UserRow, ...]
    """The rows from `start` on."""
    share: float = 1.0
    """The fraction of all users that the list is made of; less than 1 in a sample."""


@dataclass(frozen=True, eq=False)
class FunnelAnswer:
    """How a study came out."""

    study: Study
    """The question."""
    events_count: int
    """Events it saw."""
    users_count: int
    """Users it saw."""
    journeys_count: int
    """Journeys at its timeout."""
    stages: tuple[StageResult, ...]
    """One for each stage; empty when the study has none."""
    leak: int | None
    """Index of the stage after which the most units left; None when nobody did."""
    warnings: tuple[str, ...]
    """What a reader should know."""
    excluded: int = 0
    """Units taken out of the funnel by exclusions."""
    sampled: Sampled | None = None
    """Where it is estimated from a sample, how well; None for an exact answer."""

    @property
    def units_count(self) -> int:
        """All units counted, those that never reached the first stage included."""
        return self.users_count if self.study.scope == "users" else self.journeys_count


@dataclass(frozen=True, eq=False)
class DropOffPanel:
    """What those who left after a stage did, beside those who went on to the next."""

    study: Study
    """The question it belongs to."""
    stage: int
    """The stage's index, from 0."""
    left: int
    """Units that left there."""
    went_on: int
    """Units that reached the next stage."""
    errors: Contrast | None
    """Units that met an event named like an error before the next stage, or before their end; None
    when nobody did."""
    next: tuple[Contrast, ...]
    """The event just after the stage: most leavers first. Without names: nothing followed."""
    last: tuple[Contrast, ...]
    """The last event of the unit, likewise."""
    between: tuple[Contrast, ...]
    """Events before the next stage, or before the unit's end: the greatest differences first."""
    stays: tuple[Contrast, ...]
    """Time from the stage to the unit's last event, by stretches."""
    left_median_seconds: float | None
    """The median of these times, of those who left; None for nobody."""
    went_on_median_seconds: float | None
    """The same of those who went on."""
    share: float = 1.0
    """The fraction of all users that it is made of; less than 1 in a sample."""


class Engine(Protocol):
    """Answers studies. Methods may be called from any thread, and are slow for some engines."""

    def summary(self) -> Summary:
        """What there is."""
        ...

    def suggest(self) -> tuple[Stage, ...]:
        """A sensible funnel; empty when there are no events."""
        ...

    @property
    def doing(self) -> str:
        """What runs where, in a line fit to show; empty where nothing takes long."""
        ...

    def funnel(self, study: Study) -> FunnelAnswer:
        """Count units through the stages; an estimate from a sample says that it is one."""
        ...

    def exact(self, study: Study, cancelled: Callable[[], bool] | None = None) -> FunnelAnswer:
        """Like `funnel`, from everybody; so are its answers to the study from then on.

        Raises Cancelled soon after `cancelled()` turns true, and QuestionError for what the engine
        cannot find exactly.
        """
        ...

    def time_to_convert(self, study: Study) -> tuple[StepTime | None, ...]:
        """How long units took to each stage; None for the first, or when nobody reached it."""
        ...

    def medians_to_next(self, study: Study) -> tuple[float | None, ...]:
        """For each stage the median seconds to the next, of those who went on; None for nobody."""
        ...

    def curves(self, study: Study) -> Curves:
        """The sweeps of a study; `counts` is empty where the window decides what is counted."""
        ...

    def drop_off(
        self, study: Study, stage: int, cancelled: Callable[[], bool] | None = None
    ) -> DropOffPanel:
        """What was done after a stage, from 0, which is not the last. Raises as `exact` does."""
        ...

    def exact_drop_off(
        self, study: Study, stage: int, cancelled: Callable[[], bool] | None = None
    ) -> DropOffPanel:
        """Like `drop_off`, from everybody; so are its answers about the stage from then on.

        Raises as `exact` does.
        """
        ...

    def vocabulary(self) -> Vocabulary:
        """What a question can be made of, for completion."""
        ...

    def users(
        self,
        study: Study,
        cohort: Cohort = EVERYBODY,
        sort: Sort = Sort(),
        search: str = "",
        start: int = 0,
        stop: int = 100,
    ) -> UsersPage:
        """The rows of a list of users from `start` up to `stop`."""
        ...

    def place(
        self,
        study: Study,
        cohort: Cohort,
        sort: Sort,
        search: str,
        user: str,
        journey: int | None = None,
    ) -> int | None:
        """Where in a list a user, or a journey of a user, stands; None when not in it."""
        ...

    def journeys(self, study: Study, user: str) -> Trail:
        """One user's trail, cut into journeys; empty for nobody."""
        ...

    def explain(self, study: Study, user: str, journey: int | None = None) -> Explanation:
        """How far a user got, or one journey of the user's, event by event, and why no farther.

        Raises QuestionError for a study without stages, or when there is no such user or journey.
        """
        ...

    def stop(self) -> None:
        """Stop what is being asked: it raises Cancelled soon."""
        ...

    def close(self) -> None:
        """Stop what is being asked, and leave; nothing is asked afterwards."""
        ...
