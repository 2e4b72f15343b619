"""Cases that take turns, and the tables of what they took: medians, ratios to one of them, targets beside them."""

from __future__ import annotations

import json
import statistics
from collections.abc import Callable, Mapping

from bench.measure import Figures, medians

Cases = Mapping[str, Callable[[], Figures]]
Rounds = dict[str, list[Figures]]


def alternate(cases: Cases, rounds: int) -> Rounds:
    """What each case took in each round; in a round each has its turn."""
    found: Rounds = {name: [] for name in cases}
    for _ in range(rounds):
        for name, case in cases.items():
            found[name].append(case())
    return found


def bulk(title: str, rounds: Rounds, base: str, targets: Mapping[str, str] | None = None) -> None:
    """A row for each case; x is relative to ``base`` in the same round.  ``targets``: of the CPU's x."""
    print(f"\n{title}")
    print(f"{'':32}{'wall s':>8}{'x':>6}{'cpu s':>8}{'x':>6}{'MiB':>6}{'server cpu s':>14}   target of cpu x")
    for name, figures in rounds.items():
        each = medians(figures)
        wall = statistics.median(a.wall / b.wall for a, b in zip(figures, rounds[base], strict=True))
        cpu = statistics.median(a.cpu / b.cpu for a, b in zip(figures, rounds[base], strict=True))
        print(
            f"{name:32}{each.wall:8.2f}{wall:6.2f}{each.cpu:8.2f}{cpu:6.2f}{each.memory:6.0f}{each.server_cpu:14.2f}"
            f"   {(targets or {}).get(name, '')}",
            flush=True,
        )


def small(title: str, rounds: Rounds, base: str, targets: Mapping[str, str] | None = None) -> None:
    """A row for each job that bench.small reports and each case: rate, CPU microseconds, and how often better each is.

    The rate is what a user sees; on a machine that others use too, the CPU is what can be repeated.
    """
    found: dict[str, dict[str, list[dict[str, float]]]] = {}
    for name, figures in rounds.items():
        for each in figures:
            for job, one in json.loads(each.output).items():
                found.setdefault(job, {}).setdefault(name, []).append(one)
    print(f"\n{title}")
    print(f"{'':10}{'':24}{'a second':>10}{'x':>8}{'cpu us':>9}{'x':>8}   target of x")
    for job, cases in found.items():
        for name, each_round in cases.items():
            rate = statistics.median(one["rate"] for one in each_round)
            cpu = statistics.median(one["cpu"] for one in each_round)
            pairs = list(zip(each_round, cases[base], strict=True))
            faster = statistics.median(ours["rate"] / other["rate"] for ours, other in pairs)
            cheaper = statistics.median(other["cpu"] / ours["cpu"] for ours, other in pairs)
            target = (targets or {}).get(name, "")
            print(f"{job:10}{name:24}{rate:10.0f}{faster:8.2f}{cpu:9.0f}{cheaper:8.2f}   {target}", flush=True)
