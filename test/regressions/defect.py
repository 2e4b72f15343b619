"""The list of known defects: each a function that finds broken promises, with the words of the table about it."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from test.regressions.world import World

__all__ = ["DEFECTS", "NOT_APPLICABLE", "TOTAL", "Defect", "defect"]

#: How many entries the list has, those that do not apply included.
TOTAL = 34
#: Entries that have no scenario, and why.
NOT_APPLICABLE = {
    13: (
        "A captured signature never expires: no Date, no nonce",
        "defined by the service: Date is signed but not checked, and management calls have no nonce. No client "
        "can fix this; TLS (10) protects against it",
    ),
    30: (
        "A failure is a (ret, resp) that the caller must check, not an exception",
        "this is the published interface, which a replacement must keep. In ours a failure "
        "never looks like a success (1, 7, 8, 26) and always has this form (18, 19)",
    ),
}


class Defect(NamedTuple):
    """One entry of the list.  ``scenario(world)`` calls ``world.found`` for each promise that is broken.

    ``title``: the promise.  ``official``: exactly what the scenario finds with the official SDK.  ``ours``: what ours
    does instead; nothing is found.  ``limit``: what the scenario does not show.
    """

    number: int
    name: str
    title: str
    official: tuple[str, ...]
    ours: str
    limit: str
    scenario: Callable[[World], None]


#: By name, in the order of their numbers once all modules with scenarios are imported.
DEFECTS: dict[str, Defect] = {}


def defect(
    number: int, title: str, *, official: tuple[str, ...], ours: str, limit: str = ""
) -> Callable[[Callable[[World], None]], Callable[[World], None]]:
    """Register the decorated function as the scenario of a defect."""
    if not official or not 1 <= number <= TOTAL:
        raise ValueError(f"defect {number}: what does the official SDK do?")

    def register(scenario: Callable[[World], None]) -> Callable[[World], None]:
        name = f"{number:02d}_{scenario.__name__}"
        if any(each.number == number for each in DEFECTS.values()):
            raise ValueError(f"defect {number} is there twice")
        DEFECTS[name] = Defect(number, name, title, official, ours, limit, scenario)
        return scenario

    return register
