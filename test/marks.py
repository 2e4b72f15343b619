"""Which files of tests ``-m`` leaves out as a whole, without an import of them."""

from __future__ import annotations

import re

__all__ = ["leaves_out"]

#: Of a list only what comes before its first "]", so that it never takes in what follows the list.
MARKED = re.compile(r"^pytestmark\s*=\s*(\[[^\]]*|.*)", re.MULTILINE)


def leaves_out(expression: str, source: str) -> bool:
    """Whether all tests of a file have a mark that ``-m expression`` leaves out.  False if that is not certain."""
    if re.search(r"\bor\b|\(", expression):
        return False
    names = {each[4:] for each in expression.split(" and ") if re.fullmatch(r"not \w+", each)}
    marks = MARKED.search(source) if names else None
    return bool(marks and names & set(re.findall(r"\bpytest\.mark\.(\w+)", marks[1])))
