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
    """``end``: NEVER without an answer.

    ``kind``: "put" of ``value``; "delete"; "get" that found ``value``; "swap", a put of ``value`` in place of
    ``expected``; "other", a swap that was refused since the register does not hold ``value``.
    """

    kind: str
    value: str | None
    begin: float
    end: float = NEVER
    expected: str | None = None

    @property
    def reads(self) -> bool:
        """Whether it changes nothing."""
        return self.kind in ("get", "other")

    def fits(self, value: str | None) -> bool:
        """Whether it may take effect on a register that holds ``value``."""
        if self.kind == "swap":
            return value == self.expected
        return not self.reads or (value == self.value) == (self.kind == "get")

    def after(self, value: str | None) -> str | None:
        """What the register holds then."""
        return value if self.reads else None if self.kind == "delete" else self.value


def linearizable(history: Iterable[Op], initial: str | None = None) -> bool:
    """True if the operations can be put into an order that keeps to their times and explains what each was told."""
    ops = sorted((op for op in history if not op.reads or op.end != NEVER), key=lambda op: op.begin)
    answered = sum(1 << at for at, op in enumerate(ops) if op.end != NEVER)
    tried = set[tuple[int, str | None]]()
    paths = [(0, initial)]
    while paths:
        done, value = paths.pop()
        if done & answered == answered:
            return True
        for at in _next(ops, done):
            op = ops[at]
            if not op.fits(value):
                continue
            step = (done | 1 << at, op.after(value))
            if step not in tried:
                tried.add(step)
                paths.append(step)
    return False


def _next(ops: list[Op], done: int) -> list[int]:
    """Those that may come next: begun before the first of all that are left has ended."""
    left = [at for at in range(len(ops)) if not done >> at & 1]
    first = min((ops[at].end for at in left), default=NEVER)
    return [at for at in left if ops[at].begin <= first]
