"""What is printed without a screen: the document, the funnel, a list, or a user's events."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

import core
from core.cohort import parse_cohort
from core.engine import Engine, Sort
from core.errors import QuestionError
from core.files import FileExists, write_whole
from core.study import Study
from core.tables import Format, Table, funnel_table, trail_table, users_table
from tracer_tui.text import visible


def print_answer(engine: Engine, study: Study, options: argparse.Namespace) -> None:
    """Print what the flags ask for, or write it to a new file."""
    pieces = _pieces(engine, study, options)
    if options.out is not None:
        try:
            write_whole(Path(options.out), pieces)
        except FileExists as error:
            raise FileExists(f"{error}: name another file, or move that one away") from None
        return
    if sys.stdout.isatty():
        pieces = (visible(line) for line in "".join(pieces).splitlines())
        for line in pieces:
            sys.stdout.write(f"{line}\n")
    else:
        sys.stdout.writelines(pieces)
    sys.stdout.flush()


def _pieces(engine: Engine, study: Study, options: argparse.Namespace) -> Iterable[str]:
    if not study.stages:
        study = study.with_stages(engine.suggest(), suggested=True)
    form: Format = options.format or ("json" if options.json or not options.list else "csv")
    if options.list is not None:
        return _list(engine, study, options.list).lines(form)
    if study.user is not None and options.format:
        return trail_table(engine.journeys(study, study.user)).lines(form)
    if form == "json":
        return _document(engine, study)
    return funnel_table(engine.funnel(study), engine.medians_to_next(study)).lines(form)


def _list(engine: Engine, study: Study, text: str) -> Table:
    cohort = parse_cohort(text)
    last = max((each.stage for each in cohort.filters if not isinstance(each, core.Has)), default=0)
    if cohort.filters and last >= len(study.stages):
        raise QuestionError(f"--list: there is no stage {last + 1}: there are {len(study.stages)}")
    return users_table(engine, study, cohort, Sort("user", descending=False))


def _document(engine: Engine, study: Study) -> Iterator[str]:
    # ASCII only: no sign of the data can act on a terminal, and every reader gets it back exactly.
    encoder = json.JSONEncoder(indent=2, allow_nan=False)
    yield from encoder.iterencode(core.document(engine, study))
    yield "\n"
