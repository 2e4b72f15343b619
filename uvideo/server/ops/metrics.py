"""Counters shared by the worker processes, and the metric families made of them."""

from __future__ import annotations

import mmap
import os
from bisect import bisect_left
from collections.abc import Iterator
from typing import NamedTuple

from uvideo._core import errors
from uvideo.server.ops.prometheus_text import Family, Sample
from uvideo.server.ops.refusal_causes import CAUSES
from uvideo.storage import base

__all__ = ["Counts", "Metrics"]

METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE", "other")
STATUSES = (200, 204, 206, 304, 400, 401, 403, 404, 412, 416, 429, 499, 500, 503, 0)  # 499: no answer; 0: any other
_METHOD = {name: number for number, name in enumerate(METHODS)}
_STATUS = {status: number for number, status in enumerate(STATUSES)}
_IN = len(METHODS) * len(STATUSES)
_OUT, _INFLIGHT = _IN + 1, _IN + 2

#: Upper bounds in seconds.  Behind them: a bucket for longer times, and the sum in microseconds.
BUCKETS = (
    *(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0),
    *(30.0, 60.0, 120.0, 300.0, 600.0),
)
_WIDTH = len(BUCKETS) + 2
STORES = ("catalog_read", "catalog_write", "blob_read", "blob_write")
#: RetCodes of errors; "other" for those that this version does not know.
CODES = (*sorted({cls.ret_code for cls in errors.CLASSES if cls.ret_code is not None}, reverse=True), 0)
#: name -> (Prometheus type, description).  The first worker sets a gauge; each worker sets its own of EACH.
VALUES = {
    "uvideo_connections_refused_total": ("counter", "Connections beyond the limit."),
    "uvideo_connections_open": ("gauge", "Connections to the data port, of all workers."),
    "uvideo_connections_limit": ("gauge", "Limit of connections to the data port, of all workers; 0: no limit."),
    "uvideo_uploads_begun_total": ("counter", "Multipart uploads begun."),
    "uvideo_uploads_finished_total": ("counter", "Multipart uploads finished."),
    "uvideo_uploads_aborted_total": ("counter", "Multipart uploads aborted."),
    "uvideo_uploads_stale_aborted_total": ("counter", "Multipart uploads that --stale-days aborted."),
    "uvideo_uploads_open": ("gauge", "Multipart uploads neither finished nor aborted, of all servers on the catalog."),
    "uvideo_uploads_open_bytes": ("gauge", "Bytes of their parts."),
    "uvideo_uploads_stale": ("gauge", "Open multipart uploads without a new part for 7 days."),
    "uvideo_uploads_stale_bytes": ("gauge", "Bytes of their parts."),
    "uvideo_memory_stored_bytes": ("gauge", "Memory reserved for uploads in progress, out of --memory."),
    "uvideo_memory_others_bytes": ("gauge", "Memory of other requests, out of a quarter of --memory."),
    "uvideo_disk_reserved_bytes": ("gauge", "Disk space reserved for uploads in progress."),
    "uvideo_gc_removed_total": ("counter", "Files that the catalog did not name, moved to the quarantine or removed."),
    "uvideo_gc_freed_total": (
        "counter",
        "Blobs and drafts freed by garbage collection, including those of deleted objects.",
    ),
    "uvideo_gc_freed_bytes_total": ("counter", "Bytes of them."),
    "uvideo_gc_failures_total": ("counter", "Failed garbage collections."),
    "uvideo_gc_last_run_seconds": ("gauge", "Time of the last garbage collection, unix seconds."),
    "uvideo_quarantine_files": ("gauge", "Files in the quarantine, which the catalog does not name."),
    "uvideo_quarantine_bytes": ("gauge", "Bytes of them."),
    "uvideo_scrub_objects": ("gauge", "Objects that the present or last pass of the scrubber has read."),
    "uvideo_scrub_bytes": ("gauge", "Bytes that this pass has read."),
    "uvideo_scrub_damaged": ("gauge", "Damaged objects that this pass has found."),
    "uvideo_reload_last_seconds": ("gauge", "Time of the last reload of settings and certificate, unix seconds."),
    "uvideo_reload_successful": ("gauge", "1 if the last reload succeeded or there was none, else 0."),
    "uvideo_reload_failures_total": ("counter", "Failed reloads."),
    "uvideo_workers_died_total": ("counter", "Workers that died and were replaced."),
    "uvideo_unplanned_starts_total": ("counter", "Starts of the server after a server that ended unexpectedly."),
}
#: As VALUES, for values that the first worker observes.  Absent until observed; they may have labels.
SHOWN = {
    "uvideo_ready": (
        "gauge",
        "1 while this condition allows /readyz to answer 200, 0 while it makes /readyz answer 503.",
    ),
    "uvideo_writable": ("gauge", "1 while the disk has space for uploads beyond --headroom, else 0."),
    "uvideo_disk_free_bytes": ("gauge", "Free bytes of the folder's disk, without those reserved for root."),
    "uvideo_disk_size_bytes": ("gauge", "Size of the folder's disk."),
    "uvideo_disk_headroom_bytes": ("gauge", "Bytes of this disk that --headroom keeps free."),
    "uvideo_workers": ("gauge", "Worker processes."),
    "uvideo_backup_last_seconds": ("gauge", "Time of the last complete backup, unix seconds; absent if there is none."),
    "uvideo_certificate_not_after_seconds": (
        "gauge",
        "Time at which the certificate of --tls-cert expires, unix seconds.",
    ),
    "uvideo_usage_counted_seconds": (
        "gauge",
        "Time at which the usage of accounts and spaces was counted, unix seconds.",
    ),
    **{
        f"uvideo_{kind}_{name}": ("gauge", f"{text} of {which}.")
        for kind, which in (("account", "an account; * is the rest"), ("space", "a space; * is the rest"))
        for name, text in (
            ("objects", "Objects"),
            ("stored_bytes", "Bytes of objects"),
            ("uploads", "Unfinished uploads"),
            ("uploads_stored_bytes", "Bytes of unfinished uploads"),
            ("sent_bytes", "Bytes sent since its creation"),
            ("received_bytes", "Bytes received since its creation"),
        )
    },
    "uvideo_build_info": ("info", "Version of the running server."),
    "process_resident_memory_bytes": ("gauge", "Resident memory of all workers together."),
    "process_open_fds": ("gauge", "Open file descriptors of the worker that has the most."),
    "process_max_fds": ("gauge", "Limit of file descriptors of one worker."),
}
EACH = ("uvideo_connections_open", "uvideo_connections_limit")
_METHODS_SECONDS = _INFLIGHT + 1
_STORES_SECONDS = _METHODS_SECONDS + len(METHODS) * _WIDTH
_CODES = _STORES_SECONDS + len(STORES) * _WIDTH
_VALUES = _CODES + len(CODES)
_CAUSES = _VALUES + len(VALUES)
_PID = _CAUSES + len(CAUSES)
_SLOTS = _PID + 1
_STORE = {name: _STORES_SECONDS + at * _WIDTH for at, name in enumerate(STORES)}
_CODE = {code: _CODES + at for at, code in enumerate(CODES)}
_CAUSE = {name: _CAUSES + at for at, name in enumerate(CAUSES)}
_VALUE = {name: _VALUES + at for at, name in enumerate(VALUES)}


class Counts(NamedTuple):
    """Since the start: answered requests, those with 4xx and 5xx, bytes of bodies.  Now: requests in flight."""

    requests: int
    refused: int
    failed: int
    received: int
    sent: int
    in_flight: int


class Metrics:
    """Counters of each of ``workers`` processes, made before they are forked.  Each process writes only its own."""

    def __init__(self, started: float, workers: int = 1) -> None:
        self._started, self._workers = started, workers
        self._cells = memoryview(mmap.mmap(-1, workers * _SLOTS * 8)).cast("Q")
        self._base = 0
        self._shown = dict[str, list[Sample]]()

    def take(self, worker: int) -> None:
        """Set the number of this worker.  Resets requests in flight and connections of its predecessor."""
        self._base = worker * _SLOTS
        self._cells[self._base + _INFLIGHT] = 0
        for name in EACH:
            self.set(name, 0)
        if self._cells[self._base + _PID]:
            self.add("uvideo_workers_died_total")
        self._cells[self._base + _PID] = os.getpid()

    @property
    def pids(self) -> list[int]:
        """The workers' process ids."""
        return [pid for worker in range(self._workers) if (pid := self._cells[worker * _SLOTS + _PID])]

    def begin(self) -> None:
        self._cells[self._base + _INFLIGHT] += 1

    def end(self, method: str, status: int, received: int, sent: int, seconds: float = 0.0) -> None:
        """Count a finished request.  ``received``, ``sent``: bytes of the bodies."""
        cells, base, number = self._cells, self._base, _METHOD.get(method, 5)
        cells[base + _INFLIGHT] -= 1
        cells[base + number * len(STATUSES) + _STATUS.get(status, len(STATUSES) - 1)] += 1
        slot = base + _METHODS_SECONDS + number * _WIDTH
        cells[slot + bisect_left(BUCKETS, seconds)] += 1
        cells[slot + _WIDTH - 1] += int(seconds * 1e6)
        cells[base + _IN] += received
        cells[base + _OUT] += sent

    def place(self, store: str) -> tuple[memoryview[int], int, int]:
        """(cells, index of the first bucket, index of the sum) of one of STORES in this process.  After ``take``."""
        slot = self._base + _STORE[store]
        return self._cells, slot, slot + _WIDTH - 1

    def refused(self, ret_code: int | None) -> None:
        """Count a request answered with this RetCode."""
        self._cells[self._base + _CODE.get(ret_code or 0, _CODES + len(CODES) - 1)] += 1

    def failed(self, cause: str) -> None:
        """Count a request that failed because of the server.  ``cause``: one of CAUSES."""
        self._cells[self._base + _CAUSE[cause]] += 1

    def add(self, name: str, count: int = 1) -> None:
        """Add to a counter of VALUES."""
        self._cells[self._base + _VALUE[name]] += count

    def set(self, name: str, value: int) -> None:
        """Set a gauge of VALUES."""
        self._cells[self._base + _VALUE[name]] = value

    def show(self, name: str, *samples: Sample) -> None:
        """Replace the samples of a family of SHOWN.  In the first worker, which answers scrapes."""
        self._shown[name] = list(samples)

    def _sum(self, slot: int) -> int:
        return sum(self._cells[worker * _SLOTS + slot] for worker in range(self._workers))

    def is_crowded(self) -> bool:
        """Whether any worker would refuse another connection to the data port."""
        open_at, limit_at = (_VALUE[name] for name in EACH)
        cells, bases = self._cells, range(0, self._workers * _SLOTS, _SLOTS)
        return any(0 < cells[base + limit_at] <= cells[base + open_at] for base in bases)

    @property
    def started(self) -> float:
        """The time of the start in unix seconds."""
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

    def families(self) -> Iterator[Family]:
        """All families, summed over the workers.  Samples with a method, status or code only after their first use."""
        by_status = [
            Sample(count, {"method": method, "status": str(status) if status else "other"})
            for method, first in _METHOD.items()
            for status, second in _STATUS.items()
            if (count := self._sum(first * len(STATUSES) + second))
        ]
        yield Family("uvideo_requests_total", "counter", "Requests answered.", by_status)
        for name, kind, slot, what in (
            ("uvideo_received_bytes_total", "counter", _IN, "Bytes of request bodies."),
            ("uvideo_sent_bytes_total", "counter", _OUT, "Bytes of answers' bodies."),
            ("uvideo_requests_in_flight", "gauge", _INFLIGHT, "Requests in progress."),
        ):
            yield Family(name, kind, what, [Sample(self._sum(slot))])
        name, what = "uvideo_request_seconds", "Time to answer a request."
        yield Family(name, "histogram", what, self._histogram("method", METHODS, _METHODS_SECONDS))
        name, what = "uvideo_store_seconds", "Duration of a driver's call."
        yield Family(name, "histogram", what, self._histogram("store", STORES, _STORES_SECONDS))
        by_code = [
            Sample(count, {"code": str(code or "other")}) for code, at in _CODE.items() if (count := self._sum(at))
        ]
        yield Family("uvideo_errors_total", "counter", "Answers by their RetCode.", by_code)
        causes = [Sample(self._sum(slot), {"cause": cause}) for cause, slot in _CAUSE.items()]
        name, what = "uvideo_failures_total", "Requests refused or failed for a cause in the server, by cause."
        yield Family(name, "counter", what, causes)
        name, what = "uvideo_storage_failures_total", "Requests that failed in the database or the store."
        storage = [each for each in causes if each.labels["cause"] in base.CAUSES]
        yield Family(name, "counter", what, storage)
        for name, (kind, what) in VALUES.items():
            yield Family(name, kind, what, [Sample(self._sum(_VALUE[name]))])
        for name, (kind, what) in SHOWN.items():
            if name in self._shown:
                yield Family(name, kind, what, self._shown[name])
        what = "Start of the server, unix seconds."
        yield Family("process_start_time_seconds", "gauge", what, [Sample(self._started)])

    def _histogram(self, label: str, names: tuple[str, ...], first: int) -> list[Sample]:
        """The samples of the histograms that were used."""
        samples = list[Sample]()
        for at, value in enumerate(names):
            slot, count = first + at * _WIDTH, 0
            counts = [self._sum(slot + bucket) for bucket in range(len(BUCKETS) + 1)]
            if not any(counts):
                continue
            labels = {label: value}
            for bound, found in zip((*map(str, BUCKETS), "+Inf"), counts, strict=True):
                count += found
                samples.append(Sample(count, {**labels, "le": bound}, "_bucket"))
            samples.append(Sample(self._sum(slot + _WIDTH - 1) / 1e6, labels, "_sum"))
            samples.append(Sample(count, labels, "_count"))
        return samples
