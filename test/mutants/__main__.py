"""python -m test.mutants [--sample N] [--seed S] [--only TEXT] [--id ID] [--quick] [--share K/N]: CONTRIBUTING.md."""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import itertools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from test.marks import leaves_out
from test.mutants import children
from test.mutants.mutation import Mutant, mutants
from test.mutants.reach import MARKS, PACKAGES, UNSEEN, Reached, command, quick, reached

ROOT = Path(__file__).resolve().parents[2]
CACHE = ROOT / ".cache" / "mutants"
EQUIVALENT = Path(__file__).with_name("equivalent.txt")
_STAMPS = itertools.count(1)
FACTOR, GRACE = 4.0, 60.0  # a file may take so many times as long, and so many seconds more, until it counts as hung


def judged() -> dict[str, str]:
    """The reason why a mutant is no fault, by its id."""
    lines = EQUIVALENT.read_text(encoding="utf-8").splitlines()
    pairs = [line.split(None, 1) for line in lines if line and not line.startswith("#")]
    return {identity: reason for identity, reason in pairs}


def copied(target: Path) -> Path:
    """A copy of the tree as it is, with this environment: the checkout itself is never changed."""
    listed = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    for name in filter(None, listed.stdout.decode().split("\0")):
        source = ROOT / name
        if source.is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(source, target / name)
    environment = Path(sys.prefix)
    (target / environment.name).symlink_to(environment)
    subprocess.run(["git", "init", "--quiet"], cwd=target, check=True)
    subprocess.run(["git", "add", "--all"], cwd=target, check=True, capture_output=True)
    return target


def candidates(tree: Path, known: dict[str, Reached]) -> list[Mutant]:
    """Every Mutant on a line that a test reaches."""
    lines: dict[str, set[int]] = {}
    for each in known.values():
        for path, numbers in each.lines.items():
            lines.setdefault(path, set()).update(numbers)
    found = []
    for package in PACKAGES:
        for path in sorted((tree / package).rglob("*.py")):
            name = str(path.relative_to(tree))
            found += [each for each in mutants(name, path.read_bytes()) if each.line in lines.get(name, ())]
    return found


def shuffled(every: Iterable[Mutant], seed: int) -> list[Mutant]:
    """In a random order that depends only on the seed and each id: one mutant more or less moves no other."""
    return sorted(every, key=lambda each: hashlib.sha256(f"{seed} {each.id}".encode()).digest())


@contextlib.contextmanager
def changed(path: Path, source: bytes) -> Iterator[None]:
    """Write another source into a module, and its own at the end.

    Python takes a .pyc for that of a source of the same size and second.  So each change has a time of its own, and the
    source gets back its old one.
    """
    before, at = path.read_bytes(), path.stat()
    path.write_bytes(source)
    os.utime(path, (at.st_atime, int(at.st_mtime) + next(_STAMPS)))
    try:
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(at.st_atime_ns, at.st_mtime_ns))


def tried(tree: Path, mutant: Mutant, known: dict[str, Reached], marks: str = MARKS) -> str | None:
    """The test file that kills it, None if all that reach its line pass.  The most special and the quickest first.

    Only tests with these ``marks`` are run.
    """
    path = tree / mutant.path
    with changed(path, mutant.apply(path.read_bytes())):
        at = (mutant.path, mutant.line)
        files = [(each.size() + 50 * each.seconds, name) for name, each in known.items() if at in each]
        ordered = [name for _, name in sorted(files)]
        ordered += [name for name, place in UNSEEN.items() if at[0].startswith(place) and name not in ordered]
        for name in ordered:
            if leaves_out(marks, (tree / name).read_text("utf-8"), name):
                continue
            each = known.get(name) or Reached(GRACE)
            limit = FACTOR * each.seconds + GRACE
            code, _ = children.run(command(name, each.tests(at), marks), tree, {}, limit)
            if code == pytest.ExitCode.USAGE_ERROR:  # a test has another name now
                code, _ = children.run(command(name, marks=marks), tree, {}, limit)
            if code not in (pytest.ExitCode.OK, pytest.ExitCode.NO_TESTS_COLLECTED):
                return f"{name}{'' if code else ' (hung)'}"
    return None


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m test.mutants", description=sys.modules["test.mutants"].__doc__)
    parser.add_argument("--sample", type=int, default=120, metavar="N")
    parser.add_argument("--seed", type=int, default=14, metavar="S")
    parser.add_argument("--only", default="", metavar="TEXT", help="what the path must contain")
    parser.add_argument("--id", action="append", default=[], help="these mutants and no sample")
    parser.add_argument("--quick", action="store_true", help="only what `make test` runs: without the slow tests")
    parser.add_argument("--anew", action="store_true", help="ask again which tests reach what")
    parser.add_argument("--share", default="1/1", metavar="K/N", help="only the K-th of N shares: one process for each")
    parser.add_argument("--list", action="store_true", help="show the sample and run nothing")
    given = parser.parse_args()
    children.adopt()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):  # what was started and the copy go in any case
        signal.signal(number, lambda *_: sys.exit(1))
    os.nice(19 - os.nice(0))
    reasons = judged()
    with tempfile.TemporaryDirectory(prefix="mutants-") as folder:
        tree = copied(Path(folder) / "tree")
        known = reached(tree, CACHE, given.anew)
        every = candidates(tree, known)
        chosen = [each for each in every if given.only in each.path]
        if given.id:
            chosen = [each for each in every if each.id in given.id]
        else:
            faults = (each for each in shuffled(chosen, given.seed) if each.is_fault((tree / each.path).read_bytes()))
            chosen = list(itertools.islice(faults, given.sample))
        marks = quick(tree) if given.quick else MARKS
        share, shares = map(int, given.share.split("/"))
        print(f"{len(every)} places to change; a sample of {len(chosen)} with the seed {given.seed}", flush=True)
        counts: Counter[str] = Counter()
        for number, each in list(enumerate(chosen, 1))[share - 1 :: shares]:
            source = (tree / each.path).read_bytes()
            if given.list:
                print(each.diff(source))
                continue
            if each.id in reasons:
                counts["equivalent"] += 1
                print(f"{number}. equivalent: {each.diff(source)}\n    {reasons[each.id]}", flush=True)
                continue
            began = time.monotonic()
            killer = tried(tree, each, known, marks)
            counts["killed" if killer else "survived"] += 1
            said = f"killed by {killer}" if killer else "SURVIVED"
            shown = f"{each.id} {each.path}:{each.line} {each.kind}" if killer else each.diff(source)
            print(f"{number}. {said} in {time.monotonic() - began:.0f} s: {shown}", flush=True)
        for gone in sorted(set(reasons) - {each.id for each in every}):
            print(f"equivalent.txt: {gone} is no mutant any more")
    real = counts["killed"] + counts["survived"]
    if real:
        print(f"{dict(counts)}: {100 * counts['killed'] / real:.1f} % of those that are faults were killed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
