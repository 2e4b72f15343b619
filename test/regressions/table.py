"""docs/why.md, written out of the scenarios: `python -m test.regressions.table` writes it, `--check` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from test.regressions.defect import DEFECTS, NOT_APPLICABLE, TOTAL, Defect

__all__ = ["PATH", "count", "render"]

PATH = Path(__file__).resolve().parents[2] / "docs" / "why.md"

HEAD = """\
# Why not the official SDK

The list of what is known to be wrong with `ufile` 3.2.11, the newest official Python SDK, and what ours does instead.
This page is written by `python -m test.regressions.table` out of `test/regressions/`; do not edit it. Each row is a
scenario that runs twice in `make test`, in processes of their own, with the unmodified wheel from PyPI and with
`ucloud.uvideo`, against a real `uvideo serve` behind a proxy that injects faults. The test fails unless the official
SDK shows exactly what its column says, and ours nothing of it.

**{count}**

What this does not show: nothing was run against the real service. Both SDKs meet our server, which keeps the rules
of the published documents and of what was observed; where the real service may behave otherwise, the row says so. Time
is not waited for: waits before a new try are noted, and "for ever" means that the thread stands at a lock, or at a
silent connection for ten times the timeout that was set.

| | promise | official SDK 3.2.11 | ours | limit |
|---|---|---|---|---|
"""


def count() -> str:
    """The line with the count."""
    number = len(DEFECTS)
    return (
        f"official SDK fails {number} of {number}, ours passes {number} of {number}"
        f" ({TOTAL} entries; {len(NOT_APPLICABLE)} do not apply)"
    )


def cell(text: str) -> str:
    return text.replace("|", "\\|")


def row(each: Defect) -> str:
    fields = [each.title, "; ".join(each.official), each.ours, each.limit or "-"]
    return f"| {each.number} | " + " | ".join(map(cell, fields)) + " |\n"


def render() -> str:
    """The whole page."""
    rows = {each.number: row(each) for each in DEFECTS.values()}
    for number, (title, reason) in NOT_APPLICABLE.items():
        rows[number] = f"| {number} | {cell(title)} | does not apply | {cell(reason)} | - |\n"
    return HEAD.format(count=count()) + "".join(rows[number] for number in sorted(rows))


def main(arguments: list[str]) -> int:
    page = render()
    if arguments == ["--check"]:
        return int(PATH.read_text(encoding="utf-8") != page)
    PATH.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    from test.regressions import scenarios  # noqa: F401  (fills DEFECTS)

    sys.exit(main(sys.argv[1:]))
