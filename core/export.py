"""Answers as documents for other programs. Fractions are 0 to 1, `percent` is 0 to 100."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from core.cohort import Cohort
from core.engine import Engine, FunnelAnswer, Sort
from core.event import iso_text
from core.explanation import Explanation
from core.result import StepTime
from core.study import Study

MOST_JOURNEYS = 100
"""A log of more journeys has them listed only for one user."""

Json = dict[str, object]
"""A JSON object."""


def document(engine: Engine, study: Study) -> Json:
    """The answer to a study as one JSON document. Without stages in it, they are suggested."""
    if not study.stages:
        study = study.with_stages(engine.suggest(), suggested=True)
    answer = engine.funnel(study)
    report = engine.summary().report
    result: Json = {
        "journeys_count": answer.journeys_count,
        "users_count": answer.users_count,
        "events_count": answer.events_count,
        "rejected_rows": report.rejected_rows,
        "duplicate_events": report.duplicate_events,
        "merged_ids": report.merged_ids,
        **_session_rules(study),
        "funnel": _funnel(answer, engine.time_to_convert(study)),
        "drop_off_points": _drop_off_points(answer),
    }
    if study.user is not None or answer.journeys_count <= MOST_JOURNEYS:
        result["journeys"] = _journeys(engine, study)
    if study.user is not None and answer.users_count and answer.stages:
        result["explanation"] = _explanation(engine.explain(study, study.user))
    rejects = (f"rejected {row}" for row in report.rejected[:10])
    more = report.rejected_rows - 10
    result["warnings"] = [
        *([answer.sampled.words] if answer.sampled else []),
        *answer.warnings,
        *report.warnings,
        *rejects,
        *([f"and {more} more rejected rows"] if more > 0 else []),
    ]
    result["sources"] = [asdict(part) for part in report.parts]
    return result


def _session_rules(study: Study) -> Json:
    """What cut the journeys: a timeout of null is off, as it is where a field tells sessions."""
    rules = study.journey_rules
    timeout = None if rules.session_field is not None else study.timeout
    named = {
        "midnight_tz": rules.midnight_tz,
        "max_minutes": _units(rules.max_length, 60_000_000),
        "start_event": rules.start_event,
        "end_event": rules.end_event,
        "session_field": rules.session_field,
    }
    in_use = {name: value for name, value in named.items() if value is not None}
    result: Json = {"session_timeout_minutes": _units(timeout, 60_000_000)}
    return {**result, "journey_rules": in_use} if in_use else result


def _funnel(answer: FunnelAnswer, times: Sequence[StepTime | None]) -> Json:
    study = answer.study
    result: Json = {
        "scope": study.scope,
        "order": study.order,
        "start": study.start,
        "window_seconds": _units(study.window, 1_000_000),
        "stages": [
            {
                "stage": stage.stage,
                "count": stage.count,
                "conversion": stage.conversion,
                "step_conversion": stage.step_conversion,
                "dropped": stage.dropped,
                "drop_off": stage.drop_off,
                "pending": stage.pending,
                "median_seconds": time.median_seconds if time else None,
                "p90_seconds": time.p90_seconds if time else None,
                "histogram": _histogram(time),
            }
            for stage, time in zip(answer.stages, times, strict=True)
        ],
        "conversion_rates": [stage.conversion for stage in answer.stages],
    }
    if study.suggested:
        result["suggested"] = True
    if answer.sampled is not None:
        result["sample"] = {
            "share": answer.sampled.share,
            "count_bounds": answer.sampled.counts,
            "conversion_bounds": answer.sampled.conversions,
        }
    for name, value in (("hold", study.hold), ("attempts", study.attempts)):
        if value is not None:
            result[name] = value
    if study.exclusions:
        result["excluded"] = answer.excluded
    return result


def _histogram(time: StepTime | None) -> list[Json]:
    """How many units took how long; only lengths of time that some took."""
    return [
        {"from_seconds": low, "to_seconds": high, "count": count}
        for low, high, count in (time.histogram if time else ())
        if count
    ]


def _drop_off_points(answer: FunnelAnswer) -> list[Json]:
    return [
        {
            "stage": here.stage,
            "next_stage": after.stage,
            "dropped": here.dropped,
            "percent": None if here.drop_off is None else round(100 * here.drop_off, 1),
        }
        for here, after in zip(answer.stages, answer.stages[1:], strict=False)
    ]


def _journeys(engine: Engine, study: Study) -> list[Json]:
    everybody = engine.users(
        study, Cohort(), Sort("user", descending=False), stop=engine.summary().users_count
    )
    result: list[Json] = []
    for row in everybody.rows:
        trail = engine.journeys(study, row.user)
        result += [
            {
                "user": row.user,
                "index": session.index,
                "start": iso_text(session.start),
                "end": iso_text(session.end),
                "duration_seconds": (session.end - session.start) / 1_000_000,
                "event_count": session.event_count,
                "events": [
                    trail.event(session.first_event + i).name for i in range(session.event_count)
                ],
                "depth": session.depth,
            }
            for session in trail.sessions
        ]
    return result


def _explanation(found: Explanation) -> Json:
    """How far the user got, event by event, and why no farther."""
    remedy, study = found.remedy, found.study
    return {
        "depth": found.depth,
        "converted": found.converted,
        "pending": found.pending,
        "journey": found.journey,
        **({} if found.held is None else {"held": found.held}),
        "start": _time(found.start),
        "reason": found.reason,
        "remedy": None if remedy is None else remedy.words,
        "remedy_flags": remedy.study(study).flags() if remedy and study else None,
        "steps": [
            {
                "time": iso_text(step.time),
                "event": step.name,
                "journey": step.journey,
                "matches": [stage + 1 for stage in step.matches],
                "counted": None if step.counted is None else step.counted + 1,
                "waiting_for": None if step.armed is None else step.armed + 1,
                "attempt_start": _time(step.start),
                "left_seconds": _units(step.left, 1_000_000),
                "ended_by": step.ended,
            }
            for step in found.steps
        ],
    }


def _time(microseconds: int | None) -> str | None:
    return None if microseconds is None else iso_text(microseconds)


def _units(microseconds: int | None, size: int) -> float | None:
    return None if microseconds is None else microseconds / size
