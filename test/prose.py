"""`python -m test.prose`: proselint, and our own rules of plain English, over the English pages and all docstrings.

Code, links and file names are left out.  Prints ``file:line: rule: what to do``, and exits with 1
if there is any.
"""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator

from proselint.checks import __register__ as theirs
from proselint.config import DEFAULT, Config
from proselint.registry import CheckRegistry
from proselint.registry.checks import Check, CheckResult, types
from proselint.tools import LintFile

from test.interpreters import ROOT

PACKAGES = ("ucloud", "uvideo")
#: Checks of proselint that are about something else than plain English.
#: ``lexical_illusions`` takes a heading and the first word below it for a repetition.
LEFT_OUT = (
    "typography",
    "annotations",
    "restricted",
    "lexical_illusions",
    "uncomparables",
    "dates_times",
    "misc.illogic",
    "spelling.er_or",
)
#: A word or phrase, and what to write instead.
INSTEAD = {
    r", say, \w+": ", for example, ...",
    "in order to": "to",
    "prior to": "before",
    "subsequent to": "after",
    "due to the fact that": "because",
    "at this point in time": "now",
    "in the event that": "if",
    "utilize": "use",
    "utilise": "use",
    "leverage": "use",
    "facilitate": "help",
    "aforementioned": "this",
    "hitherto": "until now",
    "henceforth": "from now on",
    "notwithstanding": "despite",
    "thereof": "of it",
    "whereof": "of which",
    "thereby": "by this",
    "whereby": "by which",
    "as it were": "(nothing)",
    "so to speak": "(nothing)",
    "of course": "(nothing, or the reason)",
    "obviously": "(nothing, or the reason)",
    "needless to say": "(nothing)",
    "it should be noted that": "(nothing)",
    "seamlessly": "what happens",
    "blazingly": "a figure",
    "robust": "what it survives",
    "simply": "(nothing)",
    "nobody asked for": "who asks, and for what",
}
LONGEST = 40  # words of a sentence
_BLOCK = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`+[^`]*?`+|\]\([^)\n]*\)|https?://[^\s)]+")
_BORDER = re.compile(
    r"\n\s*\n|\n\s*(?:[-*#]|\d+\.)\s|\||(?<=\S) {2,}(?=\S)|[.!?:;](?=[\s)*\"'])"
)  # where a sentence ends
_REPEATED = re.compile(r"\b([a-z]+)\s\1\b")


def repeated(text: str, check: Check) -> Iterator[CheckResult]:
    for each in _REPEATED.finditer(text):
        if each[1].strip("x"):
            yield CheckResult(check.path, f"{each[1]!r} is written twice", each.span(), None)


def long(text: str, check: Check) -> Iterator[CheckResult]:
    begin = 0
    for border in [*(each.span() for each in _BORDER.finditer(text)), (len(text), len(text))]:
        words = len(text[begin : border[0]].split())
        if words > LONGEST:
            at = begin + len(text[begin:]) - len(text[begin:].lstrip())
            yield CheckResult(check.path, f"a sentence of {words} words: make two of it", (at, border[0]), None)
        begin = border[1]


OURS = (
    Check(types.PreferredForms(INSTEAD), path="plain", message="write {} instead of {}"),
    Check(repeated, path="plain.repeated"),
    Check(long, path="plain.long"),
)


def hidden(text: str) -> str:
    """A text without its blocks, and with a word of the same length for each code and address."""
    without = _BLOCK.sub(lambda found: "\n" * found[0].count("\n"), text)
    return _CODE.sub(lambda found: re.sub(r"[^\n]", "x", found[0]), without)


def docstrings(source: str) -> str:
    """The docstrings of a module, each on its own lines; all other lines are empty."""
    lines = [""] * (source.count("\n") + 2)
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            text = ast.get_docstring(node, clean=False)
            if text is not None:
                first = node.body[0].lineno - 1
                for number, line in enumerate(text.split("\n")):
                    lines[first + number] = line
    return "\n".join(lines)


def texts() -> Iterator[tuple[str, str]]:
    """(file, its prose)."""
    pages = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]
    for path in sorted(pages):
        if not path.name.endswith(".zh.md"):
            yield str(path.relative_to(ROOT)), hidden(path.read_text("utf-8"))
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            yield str(path.relative_to(ROOT)), hidden(docstrings(path.read_text("utf-8")))


def found(name: str, text: str, config: Config) -> Iterator[str]:
    if text.strip():
        for each in LintFile(name, text).lint(config):
            line = each.pos[0]
            yield f"{name}:{line}: {each.check_result.check_path}: {each.check_result.message}"


def config() -> Config:
    """Which checks count; loads them at the first call."""
    registry = CheckRegistry()
    if not registry.checks:
        registry.register_many((*theirs, *OURS))
    chosen = [name for name in (*DEFAULT["checks"], "plain") if name not in LEFT_OUT]
    checks = dict.fromkeys(LEFT_OUT, False) | dict.fromkeys(chosen, True)  # the first that fits counts
    return Config(max_errors=1000, checks=checks)


def main() -> int:
    chosen = config()
    lines = [line for name, text in texts() for line in found(name, text, chosen)]
    print("\n".join(lines) or "the prose is plain")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main())
