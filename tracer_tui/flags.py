"""The flags of the command line. Nothing heavy is imported: `--help` costs no engine."""

from __future__ import annotations

import argparse
from typing import NoReturn

import core
from tracer_tui.text import visible

BAD_USAGE = 2
"""Exit code where the question makes no sense."""

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
        if message.endswith("expected one argument"):
            message += "; one that begins with - follows an ="
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
    parser.add_argument(
        "--format",
        choices=("json", "csv", "md"),
        help="print the funnel, with --list a list, with --user a user's events; no screen",
    )
    parser.add_argument(
        "--list",
        metavar="left@2",
        help="print who is there: everybody, reached@N, left@N, went_on@N or pending@N",
    )
    parser.add_argument("--out", metavar="FILE", help="write to a new file what would be printed")
    parser.add_argument(
        "--pick",
        action="store_true",
        help="enter prints the users that are chosen, and leaves; q leaves with none, exit code 1",
    )
    parser.add_argument("--no-mouse", action="store_true", help="leave the mouse to the terminal")
    parser.add_argument(
        "--completion", choices=("bash", "zsh", "fish"), help="print the completion for a shell"
    )
    parser.add_argument("--version", action="version", version=f"tracer-tui {core.__version__}")
    question = parser.add_argument_group("the question")
    question.add_argument(
        "--funnel", metavar="NAME", help="begin with a funnel saved in tracer.toml"
    )
    question.add_argument("--timeout", metavar="30m|off", help="session timeout (default 30m)")
    question.add_argument(
        "--stages",
        metavar="a,b,c|d",
        help=r'funnel stages; "|" means any of, "*" any event, "\|" and "\*" such a sign in a name',
    )
    question.add_argument("--window", metavar="7d|off", help="conversion window (default off)")
    question.add_argument("--scope", metavar="journeys|users", help="what is counted")
    question.add_argument("--order", metavar="ordered|strict|any", help="how stages follow")
    question.add_argument("--start", metavar="best|first", help="which first event may start")
    question.add_argument(
        "--ignore", metavar="a,b", help="events that may stand between in strict order"
    )
    question.add_argument(
        "--exclude",
        action="append",
        default=[],
        metavar="a|b[@1..3][:remove]",
        help="events that must not occur between stages 1 and 3; without @ between the first and "
        "the last, where only the last count falls; for each step say @1..2, then @2..3 in another"
        r'; "\@" and "\:" are such a sign in a name',
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
    fields.add_argument("--table", metavar="NAME", help="the table of a database file or warehouse")
    fields.add_argument(
        "--alias", metavar="FILE", help="two columns: an id, and the user it belongs to"
    )
    fields.add_argument(
        "--tz", default="UTC", metavar="NAME", help="zone of times without one (default UTC)"
    )
    warehouse = parser.add_argument_group("a source like clickhouse://user@host:8123/database")
    warehouse.add_argument(
        "--sample", metavar="5%", help="share of users to look at first (default 1 M events)"
    )
    warehouse.add_argument("--exact", action="store_true", help="no sample: count everybody")
    rows = parser.add_argument_group("rows that are not events, and large files")
    rows.add_argument("--rejects", metavar="FILE", help="write every rejected row there, as JSON")
    rows.add_argument("--strict", action="store_true", help="stop at the first rejected row")
    rows.add_argument(
        "--no-cache", action="store_true", help="neither use nor leave a prepared copy"
    )
    return parser
