"""The engine of tracer-tui: events to journeys, journeys through a funnel, and who left where.

    import core

    log = core.read_events("events.ndjson")
    journeys = core.reconstruct_journeys(log, session_timeout_minutes=30)
    funnel = core.analyze_funnel(journeys, ["view", "cart", "purchase"])
    for point in core.find_drop_offs(funnel):
        print(point.stage, point.percent)

It needs no terminal. Importing it loads nothing: each public name loads its module when first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from core.analysis import analyze_funnel
    from core.cohort import Cohort, Did, Has, Part, Stayed
    from core.dropoff import DropOff, find_drop_offs
    from core.engine import Engine, Sort
    from core.errors import Cancelled, QuestionError, SourceError, TracerError
    from core.event import Event, Journey
    from core.explanation import Explanation, Step, explain
    from core.export import document
    from core.funnel import Exclusion, Funnel
    from core.journeys import JourneyRules, Journeys, reconstruct_journeys
    from core.local import LocalEngine
    from core.log import EventLog, read_events
    from core.opening import open_engine
    from core.reading.report import LoadReport, RejectedRow
    from core.remedy import Remedy
    from core.result import FunnelResult, StageResult
    from core.stage import Stage
    from core.study import Study
    from core.suggest import suggest_stages
    from core.sweep import funnel_curve, timeout_curve, window_curve

__version__ = "0.1.0"

__all__ = [
    "Cancelled",
    "Cohort",
    "Did",
    "DropOff",
    "Engine",
    "Event",
    "EventLog",
    "Exclusion",
    "Explanation",
    "Funnel",
    "FunnelResult",
    "Has",
    "Journey",
    "JourneyRules",
    "Journeys",
    "LoadReport",
    "LocalEngine",
    "Part",
    "QuestionError",
    "RejectedRow",
    "Remedy",
    "Sort",
    "SourceError",
    "Stage",
    "StageResult",
    "Stayed",
    "Step",
    "Study",
    "TracerError",
    "analyze_funnel",
    "document",
    "explain",
    "find_drop_offs",
    "funnel_curve",
    "open_engine",
    "read_events",
    "reconstruct_journeys",
    "suggest_stages",
    "timeout_curve",
    "window_curve",
]

_HOMES = {
    "core.dropoff": ("DropOff", "find_drop_offs"),
    "core.cohort": ("Cohort", "Did", "Has", "Part", "Stayed"),
    "core.engine": ("Engine", "Sort"),
    "core.errors": ("Cancelled", "QuestionError", "SourceError", "TracerError"),
    "core.event": ("Event", "Journey"),
    "core.explanation": ("Explanation", "Step", "explain"),
    "core.export": ("document",),
    "core.funnel": ("Exclusion", "Funnel"),
    "core.journeys": ("JourneyRules", "Journeys", "reconstruct_journeys"),
    "core.local": ("LocalEngine",),
    "core.log": ("EventLog", "read_events"),
    "core.opening": ("open_engine",),
    "core.reading.report": ("LoadReport", "RejectedRow"),
    "core.remedy": ("Remedy",),
    "core.analysis": ("analyze_funnel",),
    "core.result": ("FunnelResult", "StageResult"),
    "core.stage": ("Stage",),
    "core.study": ("Study",),
    "core.suggest": ("suggest_stages",),
    "core.sweep": ("funnel_curve", "timeout_curve", "window_curve"),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module 'core' has no attribute {name!r}")
    value: object = getattr(import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
