"""Counters that several worker processes share, and their Prometheus text."""

from __future__ import annotations

import mmap
from typing import NamedTuple

__all__ = ["Counts", "Metrics"]

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "other")
STATUSES = (200, 204, 206, 304, 400, 401, 403, 404, 412, 416, 429, 499, 500, 503, 0)  # 499: no answer; 0: any other
_METHOD = {name: number for number, name in enumerate(METHODS)}
_STATUS = {status: number for number, status in enumerate(STATUSES)}
_IN = len(METHODS) * len(STATUSES)
_OUT, _INFLIGHT, _SLOTS = _IN + 1, _IN + 2, _IN + 3


class Counts(NamedTuple):
    """Since the start: requests answered, of them with 4xx and with 5xx, and bytes of bodies.  And those in flight."""

    requests: int
    refused: int
    failed: int
    received: int
    sent: int
    in_flight: int


class Metrics:
    """Counts of each of ``workers`` processes, made before they are forked.  Each process adds to its own only."""

    def __init__(self, started: float, workers: int = 1) -> None:
        self._started, self._workers = started, workers
        self._cells = memoryview(mmap.mmap(-1, workers * _SLOTS * 8)).cast("Q")
        self._base = 0

    def take(self, worker: int) -> None:
        """Say which worker this process is.  What an earlier one of this number had in flight is gone."""
        self._base = worker * _SLOTS
        self._cells[self._base + _INFLIGHT] = 0

    def begin(self) -> None:
        self._cells[self._base + _INFLIGHT] += 1

    def end(self, method: str, status: int, received: int, sent: int) -> None:
        """One request is over.  ``received``, ``sent``: bytes of the bodies."""
        cells, base = self._cells, self._base
        cells[base + _INFLIGHT] -= 1
        cells[base + _METHOD.get(method, 5) * len(STATUSES) + _STATUS.get(status, len(STATUSES) - 1)] += 1
        cells[base + _IN] += received
        cells[base + _OUT] += sent

    def _sum(self, slot: int) -> int:
        return sum(self._cells[worker * _SLOTS + slot] for worker in range(self._workers))

    @property
    def started(self) -> float:
        """Unix seconds."""
        return self._started

    def counts(self) -> Counts:
        """The sums over the workers."""
        by_status = [0] * len(STATUSES)
        for slot in range(_IN):
            by_status[slot % len(STATUSES)] += self._sum(slot)
        named = list(zip(STATUSES, by_status, strict=True))
        refused = sum(count for status, count in named if 400 <= status < 499)
        failed = sum(count for status, count in named if status >= 500)
        return Counts(sum(by_status), refused, failed, self._sum(_IN), self._sum(_OUT), self._sum(_INFLIGHT))

    def text(self) -> str:
        """All of it in Prometheus' text format, summed over the workers."""
        lines = ["# HELP uvideo_requests_total Requests answered.", "# TYPE uvideo_requests_total counter"]
        for method, first in _METHOD.items():
            for status, second in _STATUS.items():
                count = self._sum(first * len(STATUSES) + second)
                if count:
                    name = str(status) if status else "other"
                    lines.append(f'uvideo_requests_total{{method="{method}",status="{name}"}} {count}')
        for name, kind, slot, text in (
            ("uvideo_received_bytes_total", "counter", _IN, "Bytes of request bodies."),
            ("uvideo_sent_bytes_total", "counter", _OUT, "Bytes of answers' bodies."),
            ("uvideo_requests_in_flight", "gauge", _INFLIGHT, "Requests being answered."),
        ):
            lines += [f"# HELP {name} {text}", f"# TYPE {name} {kind}", f"{name} {self._sum(slot)}"]
        lines += [
            "# HELP process_start_time_seconds Start of the server, unix seconds.",
            "# TYPE process_start_time_seconds gauge",
            f"process_start_time_seconds {self._started:.3f}",
        ]
        return "\n".join(lines) + "\n"
