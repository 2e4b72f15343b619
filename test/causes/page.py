"""The table of causes as docs/reliability.md shows it.  `python -m test.causes.page` writes it there."""

from __future__ import annotations

from test.interpreters import ROOT
from ucloud.uvideo.protocol import cause
from uvideo.errors import ConfigurationError, Refused

PATH = ROOT / "docs" / "reliability.md"
BEGIN, END = "<!-- causes -->\n", "<!-- end of causes -->\n"


def table() -> str:
    rows = ["| `cause` | message | remedy | error | SDK | retried |", "|---|---|---|---|---|---|"]
    for each in cause.CAUSES:
        final = issubclass(each.error, ConfigurationError)
        status = "-3" if final else "its status" if issubclass(each.error, Refused) else "-1"
        cells = (f"`{each.code}`", each.text, each.remedy, f"`{each.error.__name__}`", status)
        rows.append(f"| {' | '.join(cells)} | {'no' if final else 'yes'} |")
    return "\n".join(rows) + "\n"


def written() -> str:
    """The table in the page."""
    page = PATH.read_text(encoding="utf-8")
    return page.partition(BEGIN)[2].partition(END)[0]


if __name__ == "__main__":
    page = PATH.read_text(encoding="utf-8")
    before, _, rest = page.partition(BEGIN)
    PATH.write_text(before + BEGIN + table() + END + rest.partition(END)[2], encoding="utf-8")
