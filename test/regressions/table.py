"""docs/why.md, written out of the scenarios: `python -m test.regressions.table` writes it, `--check` only compares.

The words of docs/why.zh.md are written by hand; the same command puts the figures into its second table.
The figures of its second table are those that `python -m bench.scenarios --write` recorded.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from test.regressions.defect import DEFECTS, NOT_APPLICABLE, TOTAL, Defect

__all__ = ["FIGURES", "PATH", "chinese", "count", "figures", "render"]

ROOT = Path(__file__).resolve().parents[2]
PATH, FIGURES = ROOT / "docs" / "why.md", ROOT / "bench" / "scenarios.json"

HEAD = """\
# Why not the official SDK

*[中文](why.zh.md)*

This page lists the known defects of `ufile` 3.2.11, the newest official Python SDK, and what our SDK does instead.
`python -m test.regressions.table` writes the page out of `test/regressions/`; do not edit it. Each row is a test
scenario. It runs with the unmodified wheel from PyPI and with `ucloud.uvideo`, each in a process of its own, against a
real `uvideo serve` behind a proxy that injects faults. The test fails unless the official SDK shows exactly the defects
in its column and our SDK shows none of them. We chose the tests by these defects, so they do not say how good the
official SDK is elsewhere. [How to change over](migrate/from-ufile.md).

**{count}**

Nothing was run against the real service. Both SDKs talk to our server, which follows the published documents and the
observed behaviour. Where the real service may behave otherwise, the column "limit" says so. The tests record the waits
before retries instead of waiting. A call "hangs" if its thread waits for a lock, or still waits on a silent connection
after ten times the timeout.

| | promise | official SDK 3.2.11 | ours | limit |
|---|---|---|---|---|
"""

SECOND = """
## With every client

The {count} entries in which data, time or secrets are at stake, with all our clients: both SDKs as above, and the same
promises with `uvideo.Client`, `uvideo.AsyncClient` and the command `uvideo`, under the same kinds of faults. `make
test` tests the clients, `make test-long` the command.

- *broken*: the number of promises of the first table that were broken.
- *sent*: bytes of request bodies, all retries included.
- *left*: bytes of unfinished uploads that stay on the account. In row 1 ours keeps an upload that was answered with
  503, so that it can be resumed.
- Seconds are those of the scenario. Both SDKs record waits instead of waiting, and both clients wait 10 ms at most. The
  command waits as it does for a user, and starts a process for each step.

Measured on {date} ({machine}) by `python -m bench.scenarios --write`.

| | what the official SDK does | `ufile` | `ucloud` | `Client` | `AsyncClient` | `uvideo` |
|---|---|---|---|---|---|---|
"""


#: Where the second table of the Chinese page begins.
SECOND_CHINESE = "## 与各个客户端对比"
#: (what a cell or the machine is called, how in Chinese).
WORDS = (
    (r"\*\*(\d+) broken\*\*", r"**\1 项未兑现**"),
    ("kept", "全部兑现"),
    (r"([\d.]+ MB) sent", r"发送 \1"),
    (r"([\d.]+ MB) left", r"残留 \1"),
    ("has no manual part copy", "没有手工的分片复制"),
    ("has no header dict", "没有 header 字典"),
    ("uses the settings of Client", "使用 Client 的设置"),
    (r"(\d+) cores", r"\1 个核"),
    (", ", "，"),
)


def figures() -> dict[str, Any]:
    """What bench.scenarios recorded."""
    found: dict[str, Any] = json.loads(FIGURES.read_text(encoding="utf-8"))
    return found


def count() -> str:
    """The line with the count."""
    number = len(DEFECTS)
    return (
        f"{number} defects of the official SDK, each with a test. Ours passes all {number} tests."
        f" {len(NOT_APPLICABLE)} of the {TOTAL} rows do not apply and have no test."
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


def cells() -> dict[int, list[str]]:
    """{number: what each of the five clients did}, in the order of the numbers."""
    from test.regressions.situations import SITUATIONS

    found: dict[int, dict[str, str]] = {}
    for each in figures()["rows"]:
        found.setdefault(each["number"], {})[each["subject"]] = measured(each)
    names = ("ufile", "ucloud", "Client", "AsyncClient", "uvideo")
    return {
        number: [cell(found[number].get(name) or given.without[name]) for name in names]
        for number, given in sorted(SITUATIONS.items())
    }


def second() -> str:
    """The table with every client."""
    from test.regressions.situations import SITUATIONS

    recorded = figures()
    text = SECOND.format(count=len(SITUATIONS), date=recorded["date"], machine=recorded["machine"])
    for number, given in cells().items():
        text += f"| {number} | {SITUATIONS[number].harm} | " + " | ".join(given) + " |\n"
    return text


def chinese(page: str) -> str:
    """The Chinese page with the figures as they are recorded."""

    def said(text: str) -> str:
        for english, meant in WORDS:
            text = re.sub(english, meant, text)
        return text

    recorded = figures()
    head, mark, tail = page.partition(SECOND_CHINESE)
    line = f"{recorded['date']} 用 `python -m bench.scenarios --write` 测得（{said(recorded['machine'])}）。"
    tail = re.sub(r"(?m)^.*`python -m bench\.scenarios --write`.*$", lambda _: line, tail)
    for number, given in cells().items():
        row = "".join(f" {said(each)} |" for each in given)
        tail = re.sub(rf"(?m)^(\| {number} \|[^|]*\|).*$", rf"\g<1>{row}", tail)
    return head + mark + tail


def measured(row: dict[str, Any]) -> str:
    """A cell of the second table."""
    words = [f"**{len(row['findings'])} broken**" if row["findings"] else "kept"]
    words += [f"{row[name] / 1e6:.1f} MB {name}" for name in ("sent", "left") if row[name] >= 50_000]
    return ", ".join([*words, f"{row['seconds']:.1f} s"])


def main(arguments: list[str]) -> int:
    made = {PATH: render()}
    twin = PATH.with_suffix(".zh.md")
    if twin.exists():
        made[twin] = chinese(twin.read_text(encoding="utf-8"))
    if arguments == ["--check"]:
        return int(any(path.read_text(encoding="utf-8") != page for path, page in made.items()))
    for path, page in made.items():
        path.write_text(page, encoding="utf-8")
    return 0


if __name__ == "__main__":
    from test.regressions import scenarios  # noqa: F401  (fills DEFECTS)

    sys.exit(main(sys.argv[1:]))
