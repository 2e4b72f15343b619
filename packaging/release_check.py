"""The checklist of docs/release.md, done on a fresh clone of the last commit: python packaging/release_check.py.

[--only NAME,NAME] [--list].  Each check prints whether it holds and how long it took; at the first that
does not hold its output follows, and the exit code is 1.  Needs git, make and Linux; `audit` needs the Internet.
"""

from __future__ import annotations

import argparse
import datetime
import os
import re
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).resolve().parents[1]
#: The pages whose figures a reader takes for those of this release.
FIGURES = ("README.md", "README.zh.md", "docs/performance.md", "docs/reliability.md", "docs/why.md")
DAYS = 30
HOURS = 2 * 3600  # seconds that one check may take
#: Without what make passes on to the makes below it: ARGS is of this one.
ENVIRON = {
    name: value for name, value in os.environ.items() if not name.startswith(("MAKE", "MFLAGS")) and name != "ARGS"
}
OUTPUT = ROOT / ".cache" / "release-check.txt"
DATE = re.compile(r"\b(20\d\d-[01]\d-[0-3]\d)\b")


class Failed(Exception):
    """A check does not hold; the message says why, and what to do."""


def run(clone: Path, *command: str, env: dict[str, str] | None = None) -> str:
    """Its output, which the file OUTPUT holds while it runs.  Raises Failed with the last of it."""
    OUTPUT.parent.mkdir(exist_ok=True)
    try:
        with OUTPUT.open("wb") as file:
            done = subprocess.run(
                command,
                cwd=clone,
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT,
                timeout=HOURS,
                env={**ENVIRON, **(env or {})},
            )
        printed = OUTPUT.read_text("utf-8", "replace")
    except FileNotFoundError:
        raise Failed(f"{command[0]} is not installed: install it") from None
    except subprocess.TimeoutExpired:
        raise Failed(f"{' '.join(command)}: did not end within {HOURS // 3600} hours") from None
    if done.returncode:
        raise Failed(f"{' '.join(command)}: exit code {done.returncode}\n{printed[-4000:]}\nAll of it: {OUTPUT}")
    return printed


def old_figures(clone: Path, today: datetime.date, days: int = DAYS) -> Iterator[str]:
    """``page:line: date`` of each date that is more than so many days before today."""
    for page in FIGURES:
        for number, line in enumerate((clone / page).read_text("utf-8").splitlines(), 1):
            for found in DATE.findall(line):
                try:
                    measured = datetime.date.fromisoformat(found)
                except ValueError:
                    raise Failed(f"{page}:{number}: {found} is not a date") from None
                if (today - measured).days > days:
                    yield f"{page}:{number}: {found}"


def figures(clone: Path) -> None:
    old = list(old_figures(clone, datetime.date.today()))
    if old:
        shown = "\n".join(old)
        raise Failed(f"measured more than {DAYS} days ago; measure again (make bench) and give the new date:\n{shown}")


def committed(clone: Path) -> None:
    changed = run(ROOT, "git", "status", "--porcelain").splitlines()
    if changed:
        names = ", ".join(line[3:] for line in changed[:5])
        raise Failed(f"not committed: {names}{' ...' if len(changed) > 5 else ''}; commit, or remove it")


def published(clone: Path) -> None:
    run(clone, "make", "api", "manual")
    changed = run(clone, "git", "diff", "--stat", "--", "docs/api", "packaging/share")
    if changed:
        raise Failed(f"make api manual changes these files; look at them and commit them:\n{changed}")


def release(clone: Path) -> None:
    """Built twice, in two clones, with the same bytes."""
    sums = []
    for folder in (clone, clone.with_name("second")):
        if not folder.exists():
            run(ROOT, "git", "clone", "--quiet", str(clone), str(folder))
        run(folder, "make", "dist")
        lines = (folder / "dist" / "SHA256SUMS").read_text("utf-8").splitlines()
        sums.append([line for line in lines if not line.endswith(".cdx.json")])  # lists what is the newest on that day
    if sums[0] != sums[1]:
        raise Failed(f"two builds of one commit differ:\n{sums[0]}\n{sums[1]}")


def tools(clone: Path) -> None:
    """The lines of the README that install the command alone, each for a user of its own."""
    run(clone, "make", ".cache/upkeep/.made")
    found = re.findall(r"^(?:uv tool|pipx) install .*$", (clone / "README.md").read_text("utf-8"), re.MULTILINE)
    if len(found) != 2:
        raise Failed(f"README.md has other lines than expected: {found}; change `tools` in packaging/release_check.py")
    for number, line in enumerate(found):
        home = clone.parent / f"home{number}"
        home.mkdir()
        env = {"HOME": str(home), "PATH": f"{clone}/.cache/upkeep/bin:{os.environ['PATH']}"}
        run(clone, *shlex.split(line, comments=True), env=env)
        run(clone, str(home / ".local" / "bin" / "uvideo"), "--version", env=env)


def packages(clone: Path) -> None:
    """The tests that .ci/run leaves to this checklist."""
    found = re.findall(r"^packages=\((test/.*)\)$", (clone / ".ci" / "run").read_text("utf-8"), re.MULTILINE)
    if len(found) != 1:
        raise Failed(".ci/run has no line packages=(test/...): change `packages` in packaging/release_check.py")
    run(clone, "make", "test-long", f"ARGS={found[0]}")


def make(*targets: str) -> Callable[[Path], str]:
    return lambda clone: run(clone, "make", *targets)


class Check(NamedTuple):
    name: str
    promise: str
    does: Callable[[Path], object]


CHECKS = [
    Check("committed", "nothing is left to commit", committed),
    Check("figures", f"no figure of a page is older than {DAYS} days", figures),
    Check("published", "docs/api, man pages and completions are those of this commit", published),
    Check("docs", "the documentation builds, and every link leads somewhere", make("docs")),
    Check("audit", "no package of the lock file has a known weakness", make("audit")),
    Check("release", "two builds are the same bytes, and twine accepts them", release),
    Check("tools", "uv and pipx install the command as the README says", tools),
    Check("packages", "the packages install, alone and beside the vendor's, and work", packages),
    Check("suites", "all suites pass; they run the blocks of both READMEs", lambda clone: run(clone, ".ci/run")),
]


def chosen(names: str | None) -> list[Check]:
    if names is None:
        return CHECKS
    wanted = names.split(",")
    known = {each.name for each in CHECKS}
    for name in wanted:
        if name not in known:
            raise Failed(f"there is no check {name!r}: choose from {', '.join(each.name for each in CHECKS)}")
    return [each for each in CHECKS if each.name in wanted]


def checked(checks: Iterable[Check], clone: Path) -> None:
    for each in checks:
        print(f"{each.name}: {each.promise} ...", end=" ", flush=True)
        began = time.monotonic()
        try:
            each.does(clone)
        except Failed:
            print("no", flush=True)
            raise
        print(f"yes ({time.monotonic() - began:.0f} s)", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="make release-check", description=__doc__.partition("\n")[0])
    parser.add_argument("--only", metavar="NAME,NAME", help="these checks")
    parser.add_argument("--list", action="store_true", help="print the checks and do none")
    given = parser.parse_args()
    try:
        checks = chosen(given.only)
        if given.list:
            print("\n".join(f"{each.name}: {each.promise}" for each in checks))
            return 0
        with tempfile.TemporaryDirectory(prefix="release-check-") as folder:
            clone = Path(folder) / "clone"
            run(ROOT, "git", "clone", "--quiet", str(ROOT), str(clone))
            checked(checks, clone)
    except Failed as error:
        print(error, file=sys.stderr)
        return 1
    print(f"all hold: {len(checks)} of {len(CHECKS)} checks")
    return 0


if __name__ == "__main__":
    sys.exit(main())
