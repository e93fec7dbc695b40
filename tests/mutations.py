"""Small errors put into the engine one by one, to see that a test notices each.

    python -m tests.mutations            every error, in copies of the project
    python -m tests.mutations walk cuts  only those of some files

Prints which test was the first to fail; an error that none noticed has survived. Not part of the
suite: it takes some seconds for each error, and minutes for one that survives.
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import SimpleQueue

ROOT = Path(__file__).parents[1]
PARTS = ("core", "tests", "tracer_tui", "pyproject.toml", "demo_events.json", "README.md")
TESTS = (
    *("depth", "walk", "funnel", "oracle_funnels", "journeys", "cuts", "cuts_together"),
    *("attempts", "held", "pending", "sweep", "log", "dropoff", "conformance", "local", "explain"),
)
"""The fast tests of the engine, those that notice most first."""
PATIENCE = 300
"""Seconds; an error may also make the engine run for ever."""

Mutation = tuple[str, str, str]
"""A file of `core`, what stands there once, and what is put in its place."""

MUTATIONS: tuple[Mutation, ...] = (
    # Where units begin and what cuts them.
    ("kernels", "begins = rows.gap > limit", "begins = rows.gap >= limit"),
    ("journeys", "self.gaps[events] > gap_limit", "self.gaps[events] >= gap_limit"),
    ("journeys", "LONGEST - 1 if timeout is None", "LONGEST if timeout is None"),
    ("journeys", "min(timeout, LONGEST - 1)", "min(timeout, LONGEST - 2)"),
    ("journeys", "at_name(log, rules.end_event) + 1", "at_name(log, rules.end_event)"),
    ("journeys", "at_name(log, rules.start_event))", "at_name(log, rules.start_event) + 1)"),
    ("journeys", 'side="right")) - 1', 'side="left")) - 1'),
    ("cuts", "cut[at] = LONGEST", "cut[at] = LONGEST - 1"),
    ("cuts", "at = at[gap[at] != FIRST_GAP]", "at = at[gap[at] != 0]"),
    ("cuts", "known = np.flatnonzero(value >= 0)", "known = np.flatnonzero(value > 0)"),
    ("cuts", "return at[same_user]", "return at"),
    ("cuts", "np.diff(local // DAY)) + 1", "np.diff(local // DAY))"),
    ("cuts", 'since.searchsorted(log.time, side="right") - 1', "since.searchsorted(log.time) - 1"),
    ("cuts", "first = np.flatnonzero(gap > limit)", "first = np.flatnonzero(gap >= limit)"),
    ("cuts", "time[last] - time[first] > longest", "time[last] - time[first] >= longest"),
    ("cuts", "is_later = time[middle] > moment", "is_later = time[middle] >= moment"),
    ("cuts", 'time[place] + longest, side="right"', 'time[place] + longest, side="left"'),
    # Which events are stages, in which order, and which units are walked.
    ("rows", "- picked(is_prior, rows) - 1", "- 1"),
    ("rows", "blocks = ~ignored[", "blocks = ignored["),
    ("rows", "before[1:] == through[:-1]", "before[1:] <= through[:-1] + 1"),
    ("rows", "before[1:] == through[:-1]", "before[1:] == before[:-1] + 1"),
    ("rows", "begins & (through == before + 1)", "begins"),
    ("rows", "knots = np.union1d(knots, np.flatnonzero(gap == 0))", "pass"),
    ("rows", "self.positions) & several", "self.positions) & ~several"),
    ("attempts", "units.append(first[rows.torn])", "pass"),
    ("kernels", "rows.follows[stage > 1]", "rows.follows[0]"),
    ("kernels", "rows.follows[stage > 1]", "rows.follows[1]"),
    (
        "rows",
        "np.searchsorted(excluded, first_of_instant) - 1",
        "np.searchsorted(excluded, self.positions) - 1",
    ),
    ("rows", "is_own = (place >= 0) & (found >= user_start)", "is_own = place >= 0"),
    (
        "rows",
        "position = self.positions[rows]\n        instants = np.append(np.flatnonzero(",
        "position = self.positions[rows]\n        instants = np.append(np.atleast_1d(",
    ),
    ("rows", "np.where(found < end, ", "np.where(found <= end, "),
    ("rows", "([0], positions[:-1] + 1)", "([0], positions[:-1])"),
    (
        "rows",
        "np.lexsort((mask[members], group))",
        "np.lexsort((-mask[members].astype(int), group))",
    ),
    ("rows", "[np.unique(group[several])]", "[np.unique(group[several])][:0]"),
    ("rows", "[np.unique(group[several])]", "[np.unique(group)]"),
    ("rows", "if high - low > 1]", "if high - low > 2]"),
    ("rows", "np.union1d(knots, _with_any(", "np.union1d(knots[:0], _with_any("),
    ("rows", "_with_any(log.gap[start:stop], excluded, found)", "knots"),
    ("rows", "mask[~matching[start:stop][found]] &=", "mask[matching[start:stop][found]] &="),
    # The kernels: latest starts.
    ("kernels", "with_none(np.cumsum(fits) - 1)", "with_none(np.cumsum(fits))"),
    (
        "kernels",
        "= rows.latest[stage]\n            fits = start >=",
        "= rows.latest[stage]\n            fits = start >",
    ),
    ("kernels", "[last]\n            fits = start >=", "[last]\n            fits = start >"),
    ("kernels", "start is rows.at[0] and not rules.exclusions", "start is rows.at[0]"),
    ("kernels", "start is rows.at[0] and not rules.exclusions", "not rules.exclusions"),
    (
        "kernels",
        "if low < stage <= high:\n                    came",
        "if low <= stage <= high:\n                    came",
    ),
    (
        "kernels",
        "if low < stage <= high:\n                    came",
        "if low < stage < high:\n                    came",
    ),
    ("kernels", "fits &= came >= rows.last", "fits &= came > rows.last"),
    (
        "kernels",
        "if low < stage <= high:\n                fits",
        "if low < stage < high:\n                fits",
    ),
    ("kernels", "rows.times(here - 1) >= rows.last", "rows.times(here - 1) > rows.last"),
    ("kernels", "& (first[here] != here)", "& (first[here] <= here)"),
    ("rows", "copies = sum(", "copies = 0 * sum("),
    ("kernels", "(start >= first) & is_last", "(start > first) & is_last"),
    ("kernels", "np.append(rows.gap[1:] != 0, True)", "np.append(np.diff(first) != 0, True)"),
    ("kernels", "rows.times(here) >= rules.since", "rows.times(here) > rules.since"),
    ("kernels", "rows.times(here) < rules.until", "rows.times(here) <= rules.until"),
    ("kernels", "may &= rows.times(here) == opening", "may &= rows.times(here) >= opening"),
    ("kernels", "able = here[may]", "able = here"),
    ("kernels", "np.unique(first) if _overlap(rows)", "np.unique(first) if not _overlap(rows)"),
    ("kernels", "return any(a & b and a != b", "return any(a & b and a < b"),
    ("kernels", "if ignored and any(", "if not ignored and any("),
    # Depths, needs and who is pending.
    ("depth", "np.minimum.reduceat(needs", "np.maximum.reduceat(needs"),
    ("depth", "np.maximum.reduceat(starts", "np.minimum.reduceat(starts"),
    ("depth", "self.units[self.need <= window]", "self.units[self.need < window]"),
    ("depth", "np.count_nonzero(self.need <= window)", "np.count_nonzero(self.need < window)"),
    ("depth", "None if start is here else needs", "None"),
    ("kernels", "    fits = start >= 0\n", "    fits = start > 0\n"),
    ("pending", "stage.start > open_since", "stage.start >= open_since"),
    ("depth", "self.need[place] <= window)", "self.need[place] < window)"),
    ("pending", "~following.has(here, window) &", ""),
    ("pending", "& ~np.isin(here, removed)", ""),
    ("pending", "begun > since", "begun >= since"),
    ("pending", "(rows.times(start) > since)", "(rows.times(start) >= since)"),
    ("pending", 'side="right") - 1\n        has', 'side="left")\n        has'),
    ("pending", "unsure | np.isin(units, walked)", "unsure"),
    ("pending", "alive = last == position", "alive = last >= position"),
    ("pending", "== log.time[position]) & are_", "< log.time[position]) & are_"),
    ("pending", "if low < depth <= high:", "if low < depth < high:"),
    ("pending", "(came >= begin) &", ""),
    ("pending", "(log.time[came] > rows", "(log.time[came] >= rows"),
    ("pending", "since = here if is_strict else start", "since = start"),
    ("pending", "unsure |= ends", "alive &= ~ends"),
    ("rows", "(log.gap[positions] == 0) | shares_after", "shares_after"),
    ("rows", "(log.gap[positions] == 0) | shares_after", "log.gap[positions] == 0"),
    ("attempts", "unsure |= here < 0", "pass"),
    (
        "attempts",
        "unended(self.rows, self.rules, here, units, depth)",
        "unended(self.rows, self.rules, here, here, depth)",
    ),
    ("depth", "while low > 0 and rows.log.gap[low] == 0:", "while low < 0:"),
    ("depth", "while high < len(rows.log) and rows.log.gap[high] == 0:", "while high < 0:"),
    ("depth", "stays = ~np.isin(", "stays = np.isin("),
    (
        "depth",
        "np.setdiff1d(more.within(window), here.within(window)",
        "np.setdiff1d(more.units, here.units",
    ),
    ("depth", "enumerate(later, least + 1)", "enumerate(later, least)"),
    # The walk: one unit, exactly.
    ("walk", "if e[2] <= stage)", "if e[2] < stage)"),
    ("walk", "time >= self.since) and", "time > self.since) and"),
    ("walk", "or time < self.until", "or time <= self.until"),
    ("walk", "time - attempt.start > window):", "time - attempt.start >= window):"),
    ("walk", "if rules.first and in_range and any(", "if rules.first and any("),
    ("walk", "if not reached or _cover(", "if _cover("),
    (
        "walk",
        "must = [row for row in rows if is_strict and others",
        "must = [row for row in rows[1:] if is_strict and others",
    ),
    ("walk", "in reversed(range(stages)):", "in range(stages):"),
    ("walk", "min(self.needs[stage], need)", "max(self.needs[stage], need)"),
    ("walk", "max(self.starts[stage], attempt.start)", "min(self.starts[stage], attempt.start)"),
    ("walk", "attempt.start >= known.start + (not self._newest)", "attempt.start > known.start"),
    ("walk", "range(low + 1, high + 1):", "range(low + 1, high):"),
    ("walk", "range(low + 1, high + 1):", "range(low, high + 1):"),
    ("walk", "times[attempt.rows[low]] < time:", "times[attempt.rows[low]] <= time:"),
    ("walk", "if row not in holder.values()]", "]"),
    ("walk", "and span > window):", "and span >= window):"),
    ("walk", "deque(maxlen=mask.bit_count())", "deque(maxlen=1)"),
    (
        "walk",
        "if other is None or other in spare or _seat(",
        "if other is None or other in spare or not _seat(",
    ),
    # The counted attempt, and attempts counted by themselves.
    ("convert", "rows.times(start) <= window", "rows.times(start) < window"),
    ("convert", "[end - earlier for earlier", "[end - earlier + 1 for earlier"),
    ("convert", "spans |= rows.last", "spans &= rows.last"),
    ("convert", "[end] > rows.times(start)", "[end] >= rows.times(start)"),
    (
        "convert",
        "starts.searchsorted(start)",
        'starts.searchsorted(start, side="right") - 1',
    ),
    ("convert", "here.searchsorted(matched[-1]) - 1", "here.searchsorted(matched[-1])"),
    ("rows", "np.maximum(high, low), np.minimum(high, low)", "high, low"),
    ("rows", "part.stretches[0].knots + low", "part.stretches[0].knots"),
    ("rows", "(found + start).astype(index)", "found.astype(index)"),
    ("convert", "for each in reversed(carried)]", "for each in carried]"),
    ("attempts", "self.ended[able] - 1", "self.ended[able]"),
    ("attempts", "np.minimum(over, begun + window)", "np.minimum(over, begun + window - 1)"),
    ("attempts", "is_done &= need <= window", "is_done &= need < window"),
    (
        "attempts",
        "np.where(is_done, begun + need, over)",
        "np.where(is_done, begun + need - 1, over)",
    ),
    ("attempts", "-fits.sum(axis=0), instant", "fits.sum(axis=0), instant"),
    ("attempts", 'edges.searchsorted(here, side="right")]', "edges.searchsorted(here)]"),
    (
        "attempts",
        "rows.last_excluded[number][here] > begun",
        "rows.last_excluded[number][here] >= begun",
    ),
    ("attempts", "if high == stage:", "if high <= stage:"),
    ("attempts", "came < rows.times(row[high])", "came <= rows.times(row[high])"),
    ("attempts", "rows.times(here[~goes_on]) + 1", "rows.times(here[~goes_on]) + 2"),
    ("attempts", 'if low or rules.order == "strict":', "if low:"),
    ("attempts", 'if low or rules.order == "strict":', 'if rules.order == "strict":'),
    ("attempts", "masks[row - low] |= 1", "masks[row - low] |= 0"),
    ("attempts", "times[group[0]] > times[0] and", "times[group[0]] >= times[0] and"),
    ("held", "np.flatnonzero(value >= 0)", "np.flatnonzero(value > 0)"),
    ("held", "own[later - 1], own[later]", "own[later] - 1, own[later]"),
    ("timeouts", 'values.searchsorted(limit, side="right")', "values.searchsorted(limit)"),
    ("timeouts", "rows.times(here) - since <= window", "rows.times(here) - since < window"),
    ("timeouts", "np.maximum(reached[prior], span)", "span"),
    ("timeouts", "np.maximum(appears, np.maximum(first, since))", "np.maximum(first, since)"),
)

SAME: dict[Mutation, str] = {
    ("convert", "[end] > rows.times(start)", "[end] >= rows.times(start)"): (
        "that an attempt may span an excluded event only says that it must be looked at"
    ),
    ("journeys", "min(timeout, LONGEST - 1)", "min(timeout, LONGEST - 2)"): (
        "no event is so long after another"
    ),
    ("pending", "begun > since", "begun >= since"): (
        "an attempt that is open is the latest of its depth, and that began after `since`"
    ),
    ("pending", "(rows.times(start) > since)", "(rows.times(start) >= since)"): (
        "what ends a later attempt ends this one too, or else it is walked"
    ),
    ("depth", "while low > 0 and rows.log.gap[low] == 0:", "while low < 0:"): (
        "what is simultaneous with the first event of an attempt may come before it"
    ),
    ("attempts", "is_done &= need <= window", "is_done &= need < window"): (
        "a conversion at the edge of the window is over when the window is"
    ),
    ("attempts", "times[group[0]] > times[0] and", "times[group[0]] >= times[0] and"): (
        "nothing ends an attempt at the instant of its start"
    ),
}
"""Changes that no test can notice, and why."""


def copy_of(folder: Path) -> Path:
    """The project in a folder of its own."""
    for part in PARTS:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, folder / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / part)
    return folder


def noticed_by(mutation: Mutation, folder: Path) -> str:
    """The first test that fails, or in capitals that there is none, or nothing to change."""
    path = folder / "core" / f"{mutation[0]}.py"
    text = path.read_text(encoding="utf-8")
    if text.count(mutation[1]) != 1:
        return "GONE"
    path.write_text(text.replace(mutation[1], mutation[2]), encoding="utf-8")
    try:
        return first_failure(folder)
    finally:
        path.write_text(text, encoding="utf-8")


def first_failure(folder: Path) -> str:
    """What a run of the fast tests says, up to the first failure."""
    flags = ["-n0", "-x", "--no-header", "--tb=no", "-p", "no:cacheprovider", "-m"]
    tests = [f"tests/core/test_{name}.py" for name in TESTS]
    environment = {**os.environ, "PYTHONPATH": str(folder), "HYPOTHESIS_PROFILE": "first"}
    try:
        run = subprocess.run(
            [sys.executable, "-B", "-m", "pytest", *flags, "not slow", *tests],
            cwd=folder, env=environment, capture_output=True, text=True, timeout=PATIENCE,
            check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        return f"nothing ended for {PATIENCE} s"
    failed = re.search(r"^(?:FAILED|ERROR) \S*/test_(\S+)", run.stdout, re.M)
    return failed[1] if failed else "SURVIVED" if run.returncode == 0 else run.stdout[-200:]


def results(mutations: Sequence[Mutation]) -> Iterator[str]:
    """What became of each mutation, two at a time."""
    with tempfile.TemporaryDirectory() as name, ThreadPoolExecutor(2) as pool:
        free: SimpleQueue[Path] = SimpleQueue()
        for number in range(2):
            (Path(name) / str(number)).mkdir()
            free.put(copy_of(Path(name) / str(number)))

        def one(mutation: Mutation) -> str:
            folder = free.get()
            try:
                return noticed_by(mutation, folder)
            finally:
                free.put(folder)

        yield from pool.map(one, mutations)


def main(files: Sequence[str]) -> None:
    """Try all, or those of some files, and print a line for each."""
    chosen = [each for each in MUTATIONS if not files or each[0] in files]
    survived = 0
    for mutation, told in zip(chosen, results(chosen), strict=True):
        is_same = told == "SURVIVED" and mutation in SAME
        found = f"the same: {SAME[mutation]}" if is_same else told
        survived += found.isupper()
        file, before, after = (" ".join(text.split()) for text in mutation)
        print(f"{file}: {before}  →  {after}\n    {found}", flush=True)
    print(f"{len(chosen)} errors, {survived} not noticed")


if __name__ == "__main__":
    main(sys.argv[1:])
