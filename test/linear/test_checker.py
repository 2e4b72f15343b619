"""The checker against histories whose verdict is known, and against trying all orders."""

from __future__ import annotations

import itertools
import random

import pytest

from test.linear.checker import NEVER, Op, linearizable

RIGHT = {
    "nothing": [],
    "one after the other": [
        Op("put", "a", 0, 1),
        Op("get", "a", 2, 3),
        Op("delete", None, 4, 5),
        Op("get", None, 6, 7),
    ],
    "a get beside a put may find either": [
        Op("put", "a", 0, 1),
        Op("put", "b", 2, 9),
        Op("get", "a", 3, 4),
        Op("get", "b", 5, 6),
    ],
    "two puts at once, in either order": [Op("put", "a", 0, 5), Op("put", "b", 1, 4), Op("get", "a", 6, 7)],
    "no answer, yet done": [Op("put", "a", 0), Op("get", "a", 5, 6)],
    "no answer, and never done": [Op("put", "a", 0), Op("get", None, 5, 6), Op("get", None, 7, 8)],
    "no answer, and done late": [Op("put", "a", 0), Op("get", None, 5, 6), Op("get", "a", 7, 8)],
    "a get without answer says nothing": [Op("get", "z", 0)],
    "of two swaps one is refused": [
        Op("put", "a", 0, 1),
        Op("swap", "b", 2, 9, "a"),
        Op("other", "a", 3, 8),
        Op("get", "b", 10, 11),
    ],
    "a swap of nothing": [Op("swap", "a", 0, 1), Op("other", None, 2, 3)],
    "a swap that would be refused, without answer": [Op("put", "a", 0, 1), Op("swap", "b", 2), Op("get", "a", 3, 4)],
    "a swap without answer, done late": [
        Op("put", "a", 0, 1),
        Op("swap", "b", 2, expected="a"),
        Op("get", "a", 3, 4),
        Op("get", "b", 5, 6),
    ],
}
WRONG = {
    "a value that nobody put": [Op("get", "a", 0, 1)],
    "a stale read": [Op("put", "a", 0, 1), Op("put", "b", 2, 3), Op("get", "a", 4, 5)],
    "a lost put": [Op("put", "a", 0, 1), Op("get", None, 2, 3)],
    "back and forth": [
        Op("put", "a", 0, 1),
        Op("put", "b", 2, 9),
        Op("get", "b", 3, 4),
        Op("get", "a", 5, 6),
    ],
    "deleted, and there again": [Op("put", "a", 0, 1), Op("delete", None, 2, 3), Op("get", "a", 4, 5)],
    "no answer, done and undone": [Op("put", "a", 0), Op("get", "a", 1, 2), Op("get", None, 3, 4)],
    "read before it was put": [Op("get", "a", 0, 1), Op("put", "a", 2, 3)],
    "two swaps of one value": [Op("put", "a", 0, 1), Op("swap", "b", 2, 9, "a"), Op("swap", "c", 3, 8, "a")],
    "two swaps of nothing": [Op("swap", "a", 0, 5), Op("swap", "b", 1, 4)],
    "a swap of what was replaced": [Op("put", "a", 0, 1), Op("put", "b", 2, 3), Op("swap", "c", 4, 5, "a")],
    "refused though it holds": [Op("put", "a", 0, 1), Op("other", "a", 2, 3)],
    "refused for a value that nobody put": [Op("other", None, 0, 1)],
    "an unanswered swap of another value": [
        Op("put", "a", 0, 1),
        Op("swap", "c", 2, expected="b"),
        Op("get", "c", 3, 4),
    ],
}


@pytest.mark.parametrize("name", RIGHT)
def test_what_is_linearizable(name: str) -> None:
    assert linearizable(RIGHT[name])


@pytest.mark.parametrize("name", WRONG)
def test_what_is_not(name: str) -> None:
    assert not linearizable(WRONG[name])


def by_all_orders(history: list[Op]) -> bool:
    must = [op for op in history if op.end != NEVER]
    may = [op for op in history if op.end == NEVER and not op.reads]
    for count in range(len(may) + 1):
        for chosen in itertools.combinations(may, count):
            for order in itertools.permutations([*must, *chosen]):
                in_time = all(a.begin <= b.end for at, a in enumerate(order) for b in order[at:])
                if in_time and _explained(order):
                    return True
    return False


def _explained(order: tuple[Op, ...]) -> bool:
    value = None
    for op in order:
        held = {"get": op.value == value, "other": op.value != value, "swap": op.expected == value}
        if not held.get(op.kind, True):
            return False
        value = {"put": op.value, "swap": op.value, "delete": None}.get(op.kind, value)
    return True


def test_it_says_what_trying_all_orders_says() -> None:
    dice, verdicts = random.Random(5), [0, 0]
    for _ in range(400):
        history = []
        for _ in range(dice.randrange(1, 6)):
            begin, kind = dice.randrange(12), dice.choice(["put", "get", "get", "delete", "swap", "other"])
            end = NEVER if dice.random() < 0.15 else begin + dice.randrange(1, 8) + 0.5
            value = None if kind == "delete" else dice.choice(["a", "b", None][: 2 + (kind in ("get", "other"))])
            expected = dice.choice(["a", "b", None]) if kind == "swap" else None
            history.append(Op(kind, value, begin, end, expected))
        expected = by_all_orders(history)
        verdicts[expected] += 1
        assert linearizable(history) == expected, history
    assert min(verdicts) > 50


def test_a_long_history_is_judged_soon() -> None:
    """Eight clients at once, 400 operations, all of them explained."""
    dice, value, history = random.Random(6), None, []
    for number in range(400):
        kind = dice.choice(["put", "get", "delete"])
        if kind == "put":
            value = str(number)
        elif kind == "delete":
            value = None
        begin = number - dice.uniform(0, 8)
        history.append(Op(kind, value, begin, number + dice.uniform(0, 0.9)))
    assert linearizable(history)
