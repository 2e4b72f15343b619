"""Metrics of the machine, from the first worker: disk, memory, descriptors, backup, certificate."""

from __future__ import annotations

import asyncio
import errno
import os
import platform
import shutil
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from uvideo._core import __version__
from uvideo.server.ops import backup_record
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.prometheus_text import Sample
from uvideo.server.ops.readiness import is_short
from uvideo.server.process.drivers import SCHEMA

try:
    import resource
except ImportError:  # Windows
    resource = None  # type: ignore[assignment]  # it may be absent

__all__ = ["Vitals"]

PROC = Path("/proc")


class Vitals:
    """``folder``: the server's.  ``headroom``: bytes of its disk to keep free.

    ``not_after``: returns the expiry of the current certificate in unix seconds; None without TLS.
    """

    def __init__(
        self, metrics: Metrics, folder: Path, headroom: int, not_after: Callable[[], float | None] = lambda: None
    ) -> None:
        self._metrics, self._folder, self._not_after = metrics, folder, not_after
        labels = {"version": __version__, "python": platform.python_version(), "schema": str(SCHEMA)}
        metrics.show("uvideo_build_info", Sample(1, labels))
        self.change(headroom)

    def change(self, headroom: int) -> None:
        """Set another headroom."""
        self._metrics.show("uvideo_disk_headroom_bytes", Sample(headroom))

    async def look(self) -> None:
        """Update the metrics, except those that the system does not have.  OSError.

        Those that cannot be read because this process has no descriptor left stay as they are.
        """
        for name, value in (await asyncio.to_thread(self._seen)).items():
            self._metrics.show(name, *([] if value is None else [Sample(value)]))

    def _seen(self) -> Mapping[str, int | float | None]:
        disk, pids = shutil.disk_usage(self._folder), self._metrics.pids
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[0] if resource is not None else None
        found = dict[str, int | float | None](
            uvideo_disk_free_bytes=disk.free,
            uvideo_disk_size_bytes=disk.total,
            uvideo_workers=len(pids),
            uvideo_certificate_not_after_seconds=self._not_after(),
            process_max_fds=most,
        )
        read: Mapping[str, Callable[[], int | None]] = {
            "uvideo_backup_last_seconds": lambda: backup_record.last(self._folder),
            "process_resident_memory_bytes": lambda: _resident(pids),
            "process_open_fds": lambda: _open(pids, most),
        }
        for name, look in read.items():
            try:
                found[name] = look()
            except OSError as failure:
                if not is_short(failure):
                    raise
        return found


def _resident(pids: Sequence[int]) -> int | None:
    """Resident memory of the processes in bytes.  A process that just ended counts 0."""
    found = list[int]()
    for pid in pids:
        try:
            found.append(int((PROC / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE"))
        except (OSError, ValueError, IndexError) as failure:
            if is_short(failure):
                raise
    return sum(found) or None


def _open(pids: Sequence[int], most: int | None) -> int | None:
    """The largest number of open descriptors of one process; ``most`` if this one may not open another."""
    found = list[int]()
    for pid in pids:
        try:
            found.append(sum(1 for _ in os.scandir(PROC / str(pid) / "fd")))
        except OSError as failure:
            if failure.errno == errno.EMFILE:
                return most
            if is_short(failure):
                raise
    return max(found, default=None)
