"""The command line: flags to a study, then one JSON document or the screen.

Nothing heavy is imported before it is needed: `--help` costs no engine, `--json` no screen.
"""

from __future__ import annotations

import argparse
import io
import os
import re
import stat
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import core
from core.errors import OutputError, QuestionError, SourceError, TracerError
from core.settings import NAMES, study_of
from core.study import Study, as_flag
from core.warehouse.address import is_address, parse_address
from tracer_tui.flags import BAD_USAGE, build_parser
from tracer_tui.text import visible

if TYPE_CHECKING:
    from core.engine import Engine

DONE, UNREADABLE = 0, 3
"""Exit codes beside `BAD_USAGE`; 1 is kept for a limit that failed, for nothing picked, and for a
fault of the program itself."""

DEMO = "demo_events.json"


def main(argv: Sequence[str] | None = None) -> NoReturn:
    """Run the command; always ends in SystemExit with one of the exit codes."""
    print_anything()
    parser = build_parser()
    options = parser.parse_args(argv)
    sources: list[str] = options.sources
    if options.completion:
        from tracer_tui.completions import completion

        print(completion(parser, options.completion), end="")
        raise SystemExit(DONE)
    if options.demo:
        sources = [str(demo_path()), *sources]
    if not sources and is_piped(0):
        sources = ["-"]
    if not sources:
        parser.print_help()
        raise SystemExit(DONE)
    try:
        study = asked(options, sources)
        code = (
            print_only(options, sources, study)
            if options.json or options.format or options.list or options.out
            else explore(options, sources, study)
        )
    except TracerError as error:
        print(f"tracer-tui: {visible(str(error))}", file=sys.stderr)
        is_usage = isinstance(error, QuestionError | OutputError)
        raise SystemExit(BAD_USAGE if is_usage else UNREADABLE) from None
    except BrokenPipeError:
        # Whoever read the output has enough; nothing is left to be said.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        code = DONE
    except KeyboardInterrupt:
        code = 130
    raise SystemExit(code)


def print_anything() -> None:
    """Have signs that the output's encoding lacks written as escapes: they are no fault."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def asked(options: argparse.Namespace, sources: Sequence[str]) -> Study:
    """The study that the flags ask, on top of a saved funnel where one is named.

    Raises QuestionError that names the flag.
    """
    base = Study()
    if options.funnel is not None:
        from core.errors import did_you_mean
        from tracer_tui.saved import SavedFunnels, files_for

        funnels = SavedFunnels(tuple(files_for(sources))).load()
        if options.funnel not in funnels:
            near = did_you_mean(options.funnel, sorted(funnels)) or "; see tracer.toml"
            raise QuestionError(f"--funnel: none is saved as {options.funnel!r}{near}")
        base = funnels[options.funnel]
    return study_of({name: getattr(options, name) for name in NAMES}, base)


def parse_share(text: str) -> float:
    """A fraction of users from text such as "5%". Raises QuestionError."""
    found = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text.strip(), re.ASCII)
    if found is None:
        raise QuestionError(f"--sample: {text!r} is not a share: write 5%")
    return float(found[1]) / 100


def open_sources(
    options: argparse.Namespace,
    sources: Sequence[str],
    cancelled: Callable[[], bool] | None = None,
    progress: Callable[[float], None] | None = None,
) -> Engine:
    """An engine on the sources, with the fields and the zone that the flags name."""
    share = None if options.sample is None else parse_share(options.sample)
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
        sample=share,
        exact=options.exact,
        cancelled=cancelled,
        progress=progress,
    )


def print_only(options: argparse.Namespace, sources: Sequence[str], study: Study) -> int:
    """Print what answers the study, without a screen."""
    from tracer_tui.printing import print_answer

    if options.sample is None and any(map(is_address, sources)):
        options.exact = True  # who reads numbers alone sees no sign that they are estimates
    print_answer(open_sources(options, sources), study, options)
    return DONE


def explore(options: argparse.Namespace, sources: Sequence[str], study: Study) -> NoReturn:
    """Open the screen, and end the process."""
    if not sys.stderr.isatty() or os.environ.get("TERM") in (None, "", "dumb"):
        raise QuestionError("the explorer needs a terminal; add --json for the numbers alone")
    from tracer_tui.config import load_config

    config = load_config()
    if "-" in sources or not sys.stdin.isatty():
        keys_from_terminal()
    import asyncio

    from tracer_tui.app import TracerApp
    from tracer_tui.leaving import leave
    from tracer_tui.signals import LastingFile

    if isinstance(sys.stderr, io.TextIOWrapper):
        sys.stderr.reconfigure(encoding="utf-8")  # no other has the signs that a screen is made of
    sys.__stderr__ = LastingFile(sys.stderr)  # type: ignore[assignment, misc]  # what Textual draws on
    sys.__stdout__ = sys.__stderr__  # type: ignore[misc]  # whose size is asked: a pipe has none

    def open_engine(cancelled: Callable[[], bool], progress: Callable[[float], None]) -> Engine:
        return open_sources(options, sources, cancelled, progress)

    # A password of an address is neither drawn nor saved.
    shown = [parse_address(text).label if is_address(text) else text for text in sources]
    app = TracerApp(
        open_engine, study, label=", ".join(shown), sources=shown, how_read=how_read(options),
        config=config, is_picking=options.pick,
    )  # fmt: skip
    # Of a loop of its own nobody closes it, and closing waits for threads.
    app.run(mouse=config.mouse and not options.no_mouse, loop=asyncio.new_event_loop())
    if app.fault:
        print(app.fault, file=sys.stderr)
    for user in app.picked:
        print(visible(user) if sys.stdout.isatty() else user)
    sys.stdout.flush()
    leave(app.return_code or DONE)


def how_read(options: argparse.Namespace) -> list[str]:
    """The flags that say how the sources are read; those at their default are left out."""
    names = ("user_field", "event_field", "time_field", "shape", "table", "alias", "sample")
    given = [(name, getattr(options, name)) for name in names]
    if options.tz != "UTC":
        given.append(("tz", options.tz))
    flags = [part for name, text in given if text is not None for part in as_flag(name, text)]
    return [*flags, *(["--exact"] if options.exact else [])]


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
