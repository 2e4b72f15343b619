"""Totals of each account and space, for the metrics, the console and ``uvideo admin stats``."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.prometheus_text import Sample
from uvideo.storage.base import Catalog, Holding

__all__ = ["BY_CLASS", "COUNTS", "EVERY", "REST", "SHOWN", "Holdings", "by_account"]

EVERY = 60.0  # least seconds between two counts; Gauges waits longer if a count takes long
SHOWN = 100  # the largest accounts, and the largest spaces: only they have their own label in the metrics
REST = "*"  # the label for the sum of all others; no account or space can have this name
COUNTS = ("objects", "stored", "uploads", "uploads_stored", "sent", "received")
BY_CLASS = ("infrequent", "infrequent_stored", "archived", "archived_stored")  # not in the metrics


class Holdings:
    """``latest``: the totals of every space, sorted by account and name; None until the first count.  ``clock``: unix
    seconds."""

    def __init__(self, catalog: Catalog, metrics: Metrics, clock: Callable[[], float] = time.time) -> None:
        self._catalog, self._metrics, self._clock = catalog, metrics, clock
        self.latest: Sequence[Holding] | None = None
        self.counted = 0  # unix seconds

    async def look(self) -> None:
        """Count, and update the metrics.  Errors of the catalog."""
        began = int(self._clock())
        found = await self._catalog.holdings()
        self.latest, self.counted = found, began
        self._metrics.show("uvideo_usage_counted_seconds", Sample(began))
        for kind, parts in (("account", by_account(found)), ("space", found)):
            for count in COUNTS:
                values = [(_labels(each, kind), getattr(each, count)) for each in _bounded(parts)]
                self._metrics.show(
                    f"uvideo_{kind}_{_said(count)}", *(Sample(value, labels) for labels, value in values)
                )


def by_account(found: Iterable[Holding]) -> list[Holding]:
    """The sums of each account, sorted; their space is ""."""
    sums = dict[str, list[int]]()
    for each in found:
        counts = sums.setdefault(each.account, [0] * len((*COUNTS, *BY_CLASS)))
        for at, name in enumerate((*COUNTS, *BY_CLASS)):
            counts[at] += getattr(each, name)
    return [Holding(account, "", *counts) for account, counts in sorted(sums.items())]


def _bounded(found: Sequence[Holding]) -> list[Holding]:
    """The SHOWN largest, and the sum of the rest."""
    largest = sorted(found, key=lambda each: each.stored + each.uploads_stored, reverse=True)
    rest = by_account(replace(each, account=REST) for each in largest[SHOWN:])
    return [*largest[:SHOWN], *(replace(each, space=REST) for each in rest)]


def _labels(each: Holding, kind: str) -> dict[str, str]:
    return {"account": each.account} if kind == "account" else {"account": each.account, "space": each.space}


def _said(count: str) -> str:
    """The name in the metrics, with its unit."""
    return count if count in ("objects", "uploads") else f"{count}_bytes"
