"""docs/why.md, written out of the scenarios: `python -m test.regressions.table` writes it, `--check` only compares.

The figures of its second table are those that `python -m bench.scenarios --write` recorded.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from test.regressions.defect import DEFECTS, NOT_APPLICABLE, TOTAL, Defect

__all__ = ["FIGURES", "PATH", "count", "figures", "render"]

ROOT = Path(__file__).resolve().parents[2]
PATH, FIGURES = ROOT / "docs" / "why.md", ROOT / "bench" / "scenarios.json"

HEAD = """\
# Why not the official SDK

The list of what is known to be wrong with `ufile` 3.2.11, the newest official Python SDK, and what ours does instead.
This page is written by `python -m test.regressions.table` out of `test/regressions/`; do not edit it. Each row is a
scenario that runs twice in `make test`, in processes of their own, with the unmodified wheel from PyPI and with
`ucloud.uvideo`, against a real `uvideo serve` behind a proxy that injects faults. The test fails unless the official
SDK shows exactly what its column says, and ours nothing of it. [How to change over](migrate/from-ufile.md).

**{count}**

What this does not show: nothing was run against the real service. Both SDKs meet our server, which keeps the rules
of the published documents and of what was observed; where the real service may behave otherwise, the row says so. Time
is not waited for: waits before a new try are noted, and "for ever" means that the thread stands at a lock, or at a
silent connection for ten times the timeout that was set.

| | promise | official SDK 3.2.11 | ours | limit |
|---|---|---|---|---|
"""

SECOND = """
## With every client

The {count} entries in which data, time or secrets are at stake, with everything of ours that can meet them: both SDKs
as above, and the same promises with `uvideo.Client`, `uvideo.AsyncClient` and the command `uvideo`, each behind the
same kinds of scripted faults. `make test` holds the clients to them, `make test-long` the command. *Broken* counts
the promises that the first table lists; *sent* are bytes of bodies in all tries, *left* the bytes of unfinished
uploads that stay on the account: what ours leaves in 1 was answered with 503, and is kept to be resumed. Seconds are
of the scenario, waits noted rather than waited in both SDKs and cut to 10 ms in both clients; the command waits as it
does for a user, and starts a process for each step.

Measured on {date} ({machine}) by `python -m bench.scenarios --write`.

| | what the official SDK does | `ufile` | `ucloud` | `Client` | `AsyncClient` | `uvideo` |
|---|---|---|---|---|---|---|
"""


def figures() -> dict[str, Any]:
    """What bench.scenarios recorded."""
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return found


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
    return HEAD.format(count=count()) + "".join(rows[number] for number in sorted(rows)) + second()


def second() -> str:
    """The table with every client."""
    from test.regressions.situations import SITUATIONS

    recorded = figures()
    cells: dict[int, dict[str, str]] = {}
    for each in recorded["rows"]:
        cells.setdefault(each["number"], {})[each["subject"]] = measured(each)
    text = SECOND.format(count=len(SITUATIONS), date=recorded["date"], machine=recorded["machine"])
    for number, given in sorted(SITUATIONS.items()):
        fields = [
            cells[number].get(name) or given.without[name]
            for name in ("ufile", "ucloud", "Client", "AsyncClient", "uvideo")
        ]
        text += f"| {number} | {given.harm} | " + " | ".join(map(cell, fields)) + " |\n"
    return text


def measured(row: dict[str, Any]) -> str:
    """A cell of the second table."""
    words = [f"**{len(row['findings'])} broken**" if row["findings"] else "kept"]
    words += [f"{row[name] / 1e6:.1f} MB {name}" for name in ("sent", "left") if row[name] >= 50_000]
    return ", ".join([*words, f"{row['seconds']:.1f} s"])


def main(arguments: list[str]) -> int:
    page = render()
    if arguments == ["--check"]:
        return int(PATH.read_text(encoding="utf-8") != page)
    PATH.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    from test.regressions import scenarios  # noqa: F401  (fills DEFECTS)

    sys.exit(main(sys.argv[1:]))
