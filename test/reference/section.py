"""A part of a page that is made from the code: between <!-- NAME --> and <!-- end of NAME -->."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from test.interpreters import ROOT

__all__ = ["put", "table", "written"]


def _marks(name: str) -> tuple[str, str]:
    return f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"


def written(page: str, name: str) -> str:
    """What the page has there."""
    begin, end = _marks(name)
    text = (ROOT / page).read_text(encoding="utf-8")
    assert text.count(begin) == text.count(end) == 1, f"{page} needs one {begin} and one {end}"
    return text.partition(begin)[2].partition(end)[0]


def put(page: str, name: str, content: str) -> None:
    """Write it there."""
    written(page, name)
    begin, end = _marks(name)
    path = ROOT / page
    before, _, rest = path.read_text(encoding="utf-8").partition(begin)
    path.write_text(before + begin + content + end + rest.partition(end)[2], encoding="utf-8")


def table(head: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    cells = [[str(cell).removesuffix("。") or "-" for cell in line] for line in lines]
    return (
        "".join("| " + " | ".join(line) + " |\n" for line in cells)
        .replace("| --- ", "|---")
        .replace("|--- |\n", "|---|\n")
    )
