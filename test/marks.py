"""Which files of tests ``-m`` leaves out as a whole, without an import of them, and which tests are slow."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path

__all__ = ["SLOW", "is_slow", "leaves_out"]

#: Names of tests, without their parameters, and of files of which all tests are slow.
SLOW = Path(__file__).with_name("slow.txt")

#: Of a list only what comes before its first "]", so that it never takes in what follows the list.
MARKED = re.compile(r"^pytestmark\s*=\s*(\[[^\]]*|.*)", re.MULTILINE)


@cache
def slow() -> frozenset[str]:
    lines = SLOW.read_text("utf-8").splitlines()
    return frozenset(line for line in lines if line and not line.startswith("#"))


def is_slow(name: str) -> bool:
    """Whether the list has a test, or a file, of this name."""
    return name in slow() or name.partition("::")[0] in slow()


def leaves_out(expression: str, source: str, name: str = "") -> bool:
    """Whether all tests of a file have a mark that ``-m expression`` leaves out.  False if that is not certain."""
    if re.search(r"\bor\b|\(", expression):
        return False
    names = {each[4:] for each in expression.split(" and ") if re.fullmatch(r"not \w+", each)}
    marks = MARKED.search(source) if names else None
    found = set(re.findall(r"\bpytest\.mark\.(\w+)", marks[1])) if marks else set[str]()
    return bool(names & (found | ({"slow"} if is_slow(name) else set())))
