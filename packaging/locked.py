"""Print the lines of packaging/lock.txt for extras of setup.cfg and all they bring: python packaging/locked.py EXTRA...

For `pip install --require-hashes -r`.  What uvideo itself needs is always among them.  --file takes another file of the
same form; --direct prints the requirements of setup.cfg instead, from which `make lock` makes these files.
Needs Python 3.10 or newer, and no package.
"""

from __future__ import annotations

import argparse
import configparser
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
LOCK = ROOT / "packaging" / "lock.txt"
NAME = re.compile(r"[\w.-]+")
LOWEST = (3, 10)  # the Python that the files are for, and all above it
BELOW = re.compile(r"""python_version < ["'](\d+)\.(\d+)["']""")


def normal(name: str) -> str:
    """A package's name as an index spells it."""
    return re.sub(r"[-_.]+", "-", name).lower()


def counts(line: str) -> bool:
    """Whether a requirement is for any Python that the files are for."""
    below = BELOW.search(line)
    return below is None or (int(below[1]), int(below[2])) > LOWEST


def direct(extras: list[str]) -> list[str]:
    """The requirements of setup.cfg: its own, and those of the extras."""
    setup = configparser.ConfigParser()
    setup.read(ROOT / "setup.cfg", encoding="utf-8")
    known = setup["options.extras_require"]
    unknown = [each for each in extras if each not in known]
    if unknown:
        raise SystemExit(f"setup.cfg has no extra {', '.join(unknown)}; it has {', '.join(known)}")
    texts = [setup["options"]["install_requires"], *(known[each] for each in extras)]
    lines = [line for text in texts for line in text.splitlines() if line and counts(line)]
    return list(dict.fromkeys(lines))


def entries(text: str) -> list[tuple[str, set[str], str]]:
    """(name, the names of what needs it, lines) of each package of a lock file."""
    found = []
    for block in re.findall(r"^[\w].*\n(?:[ \t].*\n)*", text, re.MULTILINE):
        needed_by = re.findall(r"^ +#(?: via)? +([\w.-]+)$", block, re.MULTILINE)
        found.append((normal(NAME.match(block)[0]), {normal(each) for each in needed_by}, block))
    return found


def locked(extras: list[str], text: str) -> str:
    """The lines for the extras and for all that they bring."""
    packages = entries(text)
    wanted = {normal(NAME.match(each)[0]) for each in direct(extras)}
    missing = wanted - {name for name, _, _ in packages}
    if missing:
        raise SystemExit(f"{', '.join(sorted(missing))}: in setup.cfg and not in the lock file: run make lock")
    while more := {name for name, needed_by, _ in packages if needed_by & wanted} - wanted:
        wanted |= more
    return "".join(block for name, _, block in packages if name in wanted)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("extras", nargs="*", metavar="EXTRA")
    parser.add_argument("--file", type=Path, default=LOCK)
    parser.add_argument("--direct", action="store_true")
    given = parser.parse_args()
    if given.direct:
        print(*direct(given.extras), sep="\n")
    else:
        sys.stdout.write(locked(given.extras, given.file.read_text(encoding="utf-8")))


if __name__ == "__main__":
    main()
