"""The command line: flags to a study, then one JSON document or the screen.

Nothing heavy is imported before it is needed: `--help` costs no engine, `--json` no screen.
"""

from __future__ import annotations

import argparse
import json
import os
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn, TypeVar

import core
from core.durations import parse_limit
from core.errors import QuestionError, SourceError, TracerError
from core.event import parse_moment
from core.funnel import parse_exclusion
from core.journeys import JourneyRules, known_zone
from core.stage import parse_names, parse_stages
from core.study import Study
from tracer_tui.text import visible

if TYPE_CHECKING:
    from core.engine import Engine

Parsed = TypeVar("Parsed")

DONE, BAD_USAGE, UNREADABLE = 0, 2, 3
"""Exit codes; 1 is kept for a limit that failed, and for a fault of the program itself."""

DEMO = "demo_events.json"

DESCRIPTION = """\
examples:
  tracer-tui events.ndjson                          explore a file
  tracer-tui --demo                                 explore the bundled demo
  tracer-tui shop.csv --stages view,cart,purchase --timeout 20m --json

Where do users leave, who were they, and what did they do instead?
Reads JSON, CSV, Parquet and the exports of many vendors, packed or not; a file, several, a
glob, a folder, an address, or "-".
"""


class Parser(argparse.ArgumentParser):
    """Reports bad usage as one line."""

    def error(self, message: str) -> NoReturn:
        """Say what is wrong and where help is."""
        self.exit(BAD_USAGE, f"tracer-tui: {visible(message)}; see tracer-tui --help\n")


def build_parser() -> Parser:
    """The flags."""
    parser = Parser(
        prog="tracer-tui",
        usage="tracer-tui [SOURCE ...] [flags]",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("sources", nargs="*", metavar="SOURCE", help="what to read")
    parser.add_argument("--demo", action="store_true", help="read the bundled demo")
    parser.add_argument("--json", action="store_true", help="print one JSON document; no screen")
    parser.add_argument("--version", action="version", version=f"tracer-tui {core.__version__}")
    question = parser.add_argument_group("the question")
    question.add_argument(
        "--timeout", default="30m", metavar="30m|off", help="session timeout (default 30m)"
    )
    question.add_argument(
        "--stages", metavar="a,b,c|d", help='funnel stages; "|" means any of, "*" any event'
    )
    question.add_argument(
        "--window", default="off", metavar="7d|off", help="conversion window (default off)"
    )
    question.add_argument(
        "--scope", default="journeys", metavar="journeys|users", help="what is counted"
    )
    question.add_argument(
        "--order", default="ordered", metavar="ordered|strict|any", help="how stages follow"
    )
    question.add_argument(
        "--start", default="best", metavar="best|first", help="which first event may start"
    )
    question.add_argument(
        "--ignore", metavar="a,b", help="events that may stand between in strict order"
    )
    question.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="a|b[@1..3][:remove]",
        help="events that must not occur between two stages (default the first and the last)",
    )
    question.add_argument(
        "--since", metavar="TIME", help="only attempts that start then or later, ISO text"
    )
    question.add_argument("--until", metavar="TIME", help="only attempts that start before then")
    question.add_argument(
        "--hold", metavar="FIELD", help="the field has the same value along the funnel"
    )
    question.add_argument(
        "--attempts", metavar="mixpanel|starts", help="count attempts: in turn, or every start"
    )
    question.add_argument(
        "--where", metavar="SQL", help="only events for which a condition on their fields holds"
    )
    question.add_argument("--user", metavar="ID", help="only this user's journeys")
    sessions = parser.add_argument_group("what else ends a session")
    sessions.add_argument("--midnight", metavar="TZ", help="midnight of a time zone")
    sessions.add_argument("--max-length", metavar="2h", help="a session lasts no longer")
    sessions.add_argument("--session-start", metavar="NAME", help="an event begins a session")
    sessions.add_argument("--session-end", metavar="NAME", help="an event ends a session")
    sessions.add_argument(
        "--session-field", metavar="NAME", help="a field tells sessions; no timeout then"
    )
    fields = parser.add_argument_group("where guessing is wrong")
    fields.add_argument("--user-field", metavar="NAME", help="the field of the user")
    fields.add_argument("--event-field", metavar="NAME", help="the field of the event")
    fields.add_argument("--time-field", metavar="NAME", help="the field of the time")
    fields.add_argument("--shape", metavar="NAME", help="whose export it is: Amplitude, …, plain")
    fields.add_argument("--table", metavar="NAME", help="the table of a database file")
    fields.add_argument(
        "--alias", metavar="FILE", help="two columns: an id, and the user it belongs to"
    )
    fields.add_argument(
        "--tz", default="UTC", metavar="NAME", help="zone of times without one (default UTC)"
    )
    rows = parser.add_argument_group("rows that are not events, and large files")
    rows.add_argument("--rejects", metavar="FILE", help="write every rejected row there, as JSON")
    rows.add_argument("--strict", action="store_true", help="stop at the first rejected row")
    rows.add_argument(
        "--no-cache", action="store_true", help="neither use nor leave a prepared copy"
    )
    return parser


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command; always ends in SystemExit with one of the exit codes."""
    parser = build_parser()
    options = parser.parse_args(argv)
    sources: list[str] = options.sources
    if options.demo:
        sources = [str(demo_path()), *sources]
    if not sources and is_piped(0):
        sources = ["-"]
    if not sources:
        parser.print_help()
        raise SystemExit(DONE)
    try:
        study = study_of(options)
        code = (
            print_json(options, sources, study)
            if options.json
            else explore(options, sources, study)
        )
    except TracerError as error:
        print(f"tracer-tui: {visible(str(error))}", file=sys.stderr)
        raise SystemExit(BAD_USAGE if isinstance(error, QuestionError) else UNREADABLE) from None
    except BrokenPipeError:
        # Whoever read the output has enough; nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = DONE
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)


def study_of(options: argparse.Namespace) -> Study:
    """The study that the flags ask. Raises QuestionError that names the flag."""
    study = Study(
        timeout=_flag("--timeout", parse_limit, options.timeout),
        stages=() if options.stages is None else _flag("--stages", parse_stages, options.stages),
        scope=options.scope,
        order=options.order,
        start=options.start,
        window=_flag("--window", parse_limit, options.window),
        ignore=() if options.ignore is None else _flag("--ignore", parse_names, options.ignore),
        exclusions=tuple(_flag("--exclude", parse_exclusion, text) for text in options.exclude),
        since=None if options.since is None else _flag("--since", parse_moment, options.since),
        until=None if options.until is None else _flag("--until", parse_moment, options.until),
        hold=options.hold,
        attempts=options.attempts,
        where=options.where,
        user=options.user,
        journey_rules=rules_of(options),
    )
    study.check()
    return study


def rules_of(options: argparse.Namespace) -> JourneyRules:
    """What cuts sessions besides the timeout. Raises QuestionError that names the flag."""
    zone, longest = options.midnight, options.max_length
    return JourneyRules(
        midnight_tz=None if zone is None else _flag("--midnight", known_zone, zone),
        max_length=None if longest is None else _flag("--max-length", parse_limit, longest),
        start_event=options.session_start,
        end_event=options.session_end,
        session_field=options.session_field,
    )


def open_sources(
    options: argparse.Namespace,
    sources: Sequence[str],
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Engine:
    """An engine on the sources, with the fields and the zone that the flags name."""
    return core.open_engine(
        sources,
        user_field=options.user_field,
        event_field=options.event_field,
        time_field=options.time_field,
        shape=options.shape,
        tz=options.tz,
        table=options.table,
        alias=options.alias,
        rejects=options.rejects,
        strict=options.strict,
        cache=not options.no_cache,
        cancelled=cancelled,
        progress=progress,
    )


def print_json(options: argparse.Namespace, sources: Sequence[str], study: Study) -> int:
    """Print the document that answers the study."""
    document = core.document(open_sources(options, sources), study)
    # ASCII only: no sign of the data can act on a terminal, and every reader gets it back exactly.
    json.dump(document, sys.stdout, indent=2, allow_nan=False)
    print(flush=True)
    return DONE


def explore(options: argparse.Namespace, sources: Sequence[str], study: Study) -> int:
    """Open the screen."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        raise QuestionError("the explorer needs a terminal; add --json for the numbers alone")
    if "-" in sources or not sys.stdin.isatty():
        keys_from_terminal()
    from tracer_tui.app import TracerApp

    def open_engine(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        return open_sources(options, sources, cancelled, progress)

    app = TracerApp(open_engine, study, label=", ".join(sources))
    app.run()
    return app.return_code or DONE


def keys_from_terminal() -> None:
    """Keep the pipe on `sys.stdin` for reading events, and put the terminal on descriptor 0."""
    pipe = os.dup(0)
    try:
        terminal = os.open("/dev/tty", os.O_RDONLY)
    except OSError:
        raise SourceError(
            "no terminal to read keys from; add --json for the numbers alone"
        ) from None
    os.dup2(terminal, 0)
    os.close(terminal)
    sys.stdin = os.fdopen(pipe)


def is_piped(descriptor: int) -> bool:
    """Whether a descriptor is a pipe, a file or a socket: something with events to read."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


def demo_path() -> Path:
    """The bundled demo: inside the installed package, or beside it in a checkout."""
    package = Path(core.__file__).parent
    installed = package / DEMO
    return installed if installed.exists() else package.parent / DEMO


def _flag(flag: str, parse: Callable[[str], Parsed], text: str) -> Parsed:
    try:
        return parse(text)
    except QuestionError as error:
        raise QuestionError(f"{flag}: {error}") from None
