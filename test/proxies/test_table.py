"""docs/reliability.md shows what is tried through which box.  Quick: nothing is started."""

from __future__ import annotations

from collections.abc import Iterator

from test.interpreters import ROOT
from test.proxies.boxes import BOXES, UNFIT
from test.proxies.faces import FACES
from test.proxies.refusals import REFUSALS


def through() -> Iterator[str]:
    yield "| through | " + " | ".join(FACES) + " |"
    yield "|---" * (len(FACES) + 1) + "|"
    for box in BOXES:
        yield f"| {box} | " + " | ".join("refused" if (box, face) in UNFIT else "all" for face in FACES) + " |"


def refused() -> Iterator[str]:
    yield "| what happens | while a client does | cause | SDK |"
    yield "|---|---|---|---|"
    for each in REFUSALS.values():
        yield f"| {each.name} | {each.step} | `{each.cause}` | {each.code} |"


def test_the_tables_are_those_of_the_tests() -> None:
    text = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    for table in (through(), refused()):
        wanted = "\n".join(table) + "\n"
        assert wanted in text, f"docs/reliability.md must hold:\n{wanted}"
