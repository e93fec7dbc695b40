"""Completion for shells, made from the parser, so that no flag is ever missing."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator


def completion(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for bash, zsh or fish."""
    make = {"bash": _bash, "zsh": _zsh, "fish": _fish}[shell]
    return make(parser)


def _flags(parser: argparse.ArgumentParser) -> Iterator[tuple[str, argparse.Action, list[str]]]:
    """Each long flag, its action, and the values it may have where these are few."""
    for action in parser._actions:
        for flag in action.option_strings:
            if flag.startswith("--"):
                yield flag, action, _values(action)


def _values(action: argparse.Action) -> list[str]:
    """The choices, or examples such as "30m" and "off"."""
    if action.choices:
        return [str(choice) for choice in action.choices]
    named = str(action.metavar or "")
    return named.split("|") if re.fullmatch(r"[a-z\d]+(\|[a-z]+)+", named) else []


def _takes_value(action: argparse.Action) -> bool:
    return action.nargs != 0


def _takes_file(action: argparse.Action) -> bool:
    return action.metavar == "FILE"


def _bash(parser: argparse.ArgumentParser) -> str:
    cases = "".join(
        f'        {flag}) COMPREPLY=($(compgen -W "{" ".join(values)}" -- "$cur")); return ;;\n'
        for flag, action, values in _flags(parser)
        if _takes_value(action) and not _takes_file(action)
    )
    flags = " ".join(flag for flag, _, _ in _flags(parser))
    return (
        "_tracer_tui() {\n"
        '    local cur="${COMP_WORDS[COMP_CWORD]}" prev="${COMP_WORDS[COMP_CWORD-1]}"\n'
        f'    case "$prev" in\n{cases}    esac\n'
        f'    if [[ "$cur" == -* ]]; then COMPREPLY=($(compgen -W "{flags}" -- "$cur"))\n'
        '    else COMPREPLY=($(compgen -f -- "$cur")); fi\n'
        "}\n"
        "complete -o filenames -F _tracer_tui tracer-tui\n"
    )


def _zsh(parser: argparse.ArgumentParser) -> str:
    """Works as a file of `fpath`, and where it is sourced."""
    lines = []
    for flag, action, values in _flags(parser):
        words = re.sub(r"[\[\]:\\]", r"\\\g<0>", action.help or "").replace("'", "'\\''")
        # A space is what zsh takes for a value that it knows nothing of.
        others = "_files" if _takes_file(action) else " "
        value = f":value:({' '.join(values)})" if values else f":value:{others}"
        lines.append(f"        '{flag}[{words}]{value if _takes_value(action) else ''}'")
    joined = " \\\n".join(lines)
    return (
        "#compdef tracer-tui\n"
        f"_tracer_tui() {{\n    _arguments \\\n{joined} \\\n        '*:source:_files'\n}}\n"
        "if [[ ${zsh_eval_context[-1]} == loadautofunc ]]; then\n"
        '    _tracer_tui "$@"\n'
        "else\n    compdef _tracer_tui tracer-tui\nfi\n"
    )


def _fish(parser: argparse.ArgumentParser) -> str:
    lines = []
    for flag, action, values in _flags(parser):
        words = (action.help or "").replace("\\", "\\\\").replace("'", "\\'")
        needs = " -r" if _takes_value(action) else ""
        needs += " -f" if needs and not _takes_file(action) else ""
        listed = f" -a '{' '.join(values)}'" if values else ""
        lines.append(f"complete -c tracer-tui -l {flag[2:]}{needs}{listed} -d '{words}'\n")
    return "".join(lines)
