"""Memory that the workers share.  It is mapped before they are forked; there are no locks that a worker could leave."""

from __future__ import annotations

from dataclasses import dataclass

from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.console.sessions import Sessions
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Moment, Writes
from uvideo.server.ops.request_log import RequestLog
from uvideo.server.ops.shared_gauge import Level
from uvideo.server.process.loop_pulse import Pulse
from uvideo.server.process.reload import Published

__all__ = ["Shared"]


@dataclass(frozen=True, slots=True)
class Shared:
    guesses: Guesses
    metrics: Metrics
    requests: RequestLog
    sessions: Sessions
    writes: Writes
    published: Published
    short: Moment  # of file descriptors
    pulse: Pulse
    stored: Level  # bytes in memory, of bodies that are stored
    others: Level  # bytes in memory, all others of requests
    reserved: Level  # bytes on the disk, announced by uploads

    @property
    def gauges(self) -> dict[str, Level]:
        """{name in the metrics: level}."""
        return {
            "uvideo_disk_reserved_bytes": self.reserved,
            "uvideo_memory_stored_bytes": self.stored,
            "uvideo_memory_others_bytes": self.others,
        }

    def take(self, number: int) -> None:
        """Set the number of this worker."""
        self.guesses.take(number)
        self.metrics.take(number)
        self.requests.take(number)
        for level in (self.reserved, self.stored, self.others):
            level.take(number)
