"""The rows of a table in docs/migrate, and for each what shows that it is so."""

from __future__ import annotations

import re
from collections.abc import Callable

from test.migrate.pages import page

__all__ = ["Check", "Rows"]

Check = Callable[..., None]


class Rows:
    """Checks by the words that a row begins with.  ``name``: of the page.  ``heading``: above the table."""

    def __init__(self, name: str, heading: str) -> None:
        self.checks: dict[str, Check] = {}
        text = page(name).partition(f"\n## {heading}\n")[2].partition("\n## ")[0].partition("\n|---")[2]
        self.rows = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)

    def __call__(self, begin: str) -> Callable[[Check], Check]:
        """Register the decorated function as the check of the one row that begins so."""
        found = [row for row in self.rows if row.startswith(begin)]
        assert len(found) == 1 and begin not in self.checks, (begin, found)

        def register(check: Check) -> Check:
            self.checks[begin] = check
            return check

        return register

    def unchecked(self) -> list[str]:
        return [row for row in self.rows if not any(row.startswith(begin) for begin in self.checks)]
