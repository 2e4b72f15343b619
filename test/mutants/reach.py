"""Which tests reach a line, in their own process or in a Python that they start: asked once, kept in .cache."""

from __future__ import annotations

import difflib
import hashlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from test.mutants.children import run
from test.mutants.context import NAME

MARKS = "not long and not soak and not browser and not cluster and not data and not proxies and not s3clients"
#: Those that run the SDK's tests on many interpreters: here one, the one that is measured, be it a long test or not.
OWN = {"test/test_sdk.py": ["-m", "", f"-k=[{sys.version_info[0]}.{sys.version_info[1]}]"]}
#: About the tree and not about what it does.
LEFT_OUT = (
    "test/mutants/",
    "test/release/",
    "test/test_interpreters.py",
    "test/test_chance.py",
    "test/test_namespace.py",
)
#: Coverage does not hear of all that these reach, as they kill processes or start other Pythons: it may be anything.
UNSEEN = {
    "test/test_sdk.py": "ucloud/",
    "test/client/test_leftovers.py": "ucloud/",
    "test/client/test_targets.py": "ucloud/",
    "test/regressions/test_programs.py": "ucloud/",
    "test/crash/test_kill.py": "uvideo/",
    "test/crash/test_power.py": "uvideo/",
    "test/crash/test_races.py": "uvideo/",
    "test/server/test_backup.py": "uvideo/",
    "test/server/test_identity.py": "uvideo/",
}
PACKAGES = ("ucloud", "uvideo")
LIMIT = 900.0  # seconds of one file

START = "import coverage\ncoverage.process_startup()\n"
SETTINGS = """[run]
parallel = true
sigterm = true
concurrency = thread
context = ${{{name}-}}
data_file = {data}
source = {root}/ucloud
    {root}/uvideo
"""


@dataclass
class Reached:
    """What one test file reaches.

    ``seconds``: that it takes.  ``groups``: sets of tests, None for the file as a whole.  ``lines``: of each path the
    number of the group that reaches a line.
    """

    seconds: float
    groups: list[list[str] | None] = field(default_factory=list)
    lines: dict[str, dict[int, int]] = field(default_factory=dict)

    def __contains__(self, place: tuple[str, int]) -> bool:
        return place[1] in self.lines.get(place[0], ())

    def tests(self, place: tuple[str, int]) -> list[str] | None:
        """Those that reach it; None: the file as a whole."""
        group = self.lines.get(place[0], {}).get(place[1])
        return None if group is None else self.groups[group]

    def size(self) -> int:
        return sum(map(len, self.lines.values()))


def files(root: Path) -> list[str]:
    found = sorted(str(path.relative_to(root)) for path in (root / "test").rglob("test_*.py"))
    return [each for each in found if not each.startswith(("test/sdk/", "test/protocol/", "test/browser/", *LEFT_OUT))]


def quick(root: Path) -> str:
    """Which tests `make test` runs, as an expression of marks."""
    found = re.search(r"^QUICK := (.*)$", (root / "Makefile").read_text("utf-8"), re.MULTILINE)
    assert found is not None
    return found[1]


def command(file: str, tests: list[str] | None = None, marks: str = MARKS) -> list[str]:
    chosen = [*(OWN.get(file, []) if marks == MARKS else []), *(tests or [file])]
    return [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-m", marks, *chosen]


def measure(root: Path, file: str) -> Reached | None:
    """Run one test file and see.  None if it fails, or has nothing to run."""
    from coverage import CoverageData

    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "sitecustomize.py").write_text(START)
        settings = Path(folder) / "coveragerc"
        settings.write_text(SETTINGS.format(data=Path(folder) / "data", root=root, name=NAME))
        path = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH")]))
        began = time.monotonic()
        environment = {"PYTHONPATH": path, "COVERAGE_PROCESS_START": str(settings)}
        code, said = run([*command(file), "-p", "test.mutants.context"], root, environment, LIMIT)
        found = Reached(round(time.monotonic() - began, 1))
        if code != 0:
            if code != 5:  # nothing was to be run
                print(f"{file}: left out, it fails unchanged\n{said[-1000:]}", flush=True)
            return None
        by: dict[tuple[str, int], set[str]] = {}
        for data in Path(folder).glob("data.*"):
            measured = CoverageData(str(data))
            measured.read()
            for name in measured.measured_files():
                short = os.path.relpath(name, root)
                for line, contexts in measured.contexts_by_lineno(name).items():
                    by.setdefault((short, line), set()).update(contexts)
    numbers: dict[tuple[str, ...] | None, int] = {}
    for (name, line), contexts in sorted(by.items()):
        group = None if "" in contexts else tuple(sorted(contexts))
        found.lines.setdefault(name, {})[line] = numbers.setdefault(group, len(numbers))
    found.groups = [group and list(group) for group in numbers]
    return found


def sources(root: Path) -> dict[str, str]:
    paths = [path for package in PACKAGES for path in sorted((root / package).rglob("*.py"))]
    return {str(path.relative_to(root)): path.read_text(encoding="utf-8") for path in paths}


def moved(before: str, after: str) -> dict[int, int]:
    """Where each line that is still there stands now.  From 1."""
    if before == after:
        return {line: line for line in range(1, before.count("\n") + 2)}
    same = difflib.SequenceMatcher(None, before.splitlines(), after.splitlines(), False).get_matching_blocks()
    return {block.a + at + 1: block.b + at + 1 for block in same for at in range(block.size)}


def reached(root: Path, cache: Path, anew: bool) -> dict[str, Reached]:
    """Of each test file, as far as the lines that it reached are still there.  A file that has changed is asked again.

    ``cache``: the folder where it is kept.  ``anew``: ask all again, as the sources changed much.
    """
    now = sources(root)
    digest = hashlib.sha256(json.dumps(now).encode()).hexdigest()[:16]
    if anew:
        shutil.rmtree(cache, ignore_errors=True)
    cache.mkdir(parents=True, exist_ok=True)
    path = cache / "reach.json"
    asked: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
    for file in files(root):
        source = hashlib.sha256((root / file).read_bytes()).hexdigest()[:16]
        if asked.get(file, {}).get("source") == source:
            continue
        found = measure(root, file)
        print(f"{file}: {found.size() if found else 'no'} lines", flush=True)
        asked[file] = {**asdict(found or Reached(0.0)), "tree": digest, "source": source}
        (cache / f"{digest}.json").write_text(json.dumps(now))
        path.write_text(json.dumps(asked))
    trees = {each["tree"] for each in asked.values()}
    then = {tree: json.loads((cache / f"{tree}.json").read_text()) for tree in trees}
    places = {tree: {name: moved(then[tree].get(name, ""), text) for name, text in now.items()} for tree in trees}
    known = {}
    for file, each in asked.items():
        if each["groups"] and (root / file).exists():
            found = known[file] = Reached(each["seconds"], each["groups"])
            for name, lines in each["lines"].items():
                place = places[each["tree"]].get(name, {})
                found.lines[name] = {place[int(line)]: group for line, group in lines.items() if int(line) in place}
    return known
