"""Whether a history of one register is linearizable: Wing and Gong's search, with Lowe's memory of what was tried.

A register holds a value or None.  An operation takes effect at one instant between its begin and its end.  One that got
no answer may have taken effect at any instant after its begin, or never.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

NEVER = float("inf")


@dataclass(frozen=True)
class Op:
    """``kind``: "put" (of ``value``), "delete", or "get" (that found ``value``).  ``end``: NEVER without an answer."""

    kind: str
    value: str | None
    begin: float
    end: float = NEVER


def linearizable(history: Iterable[Op], initial: str | None = None) -> bool:
    """True if the operations can be put into an order that keeps to their times and explains every get."""
    ops = sorted((op for op in history if op.kind != "get" or op.end != NEVER), key=lambda op: op.begin)
    answered = sum(1 << at for at, op in enumerate(ops) if op.end != NEVER)
    tried = set[tuple[int, str | None]]()
    paths = [(0, initial)]
    while paths:
        done, value = paths.pop()
        if done & answered == answered:
            return True
        for at in _next(ops, done):
            op = ops[at]
            if op.kind == "get" and op.value != value:
                continue
            step = (done | 1 << at, value if op.kind == "get" else op.value if op.kind == "put" else None)
            if step not in tried:
                tried.add(step)
                paths.append(step)
    return False


def _next(ops: list[Op], done: int) -> list[int]:
    """Those that may come next: begun before the first of all that are left has ended."""
    left = [at for at in range(len(ops)) if not done >> at & 1]
    first = min((ops[at].end for at in left), default=NEVER)
    return [at for at in left if ops[at].begin <= first]
