"""What the workers of a server share: memory that is mapped before they are forked, so no lock outlives one of them."""

from __future__ import annotations

from dataclasses import dataclass

from uvideo.server.auth.auth_throttle import Guesses
from uvideo.server.console.sessions import Sessions
from uvideo.server.ops.metrics import Metrics
from uvideo.server.ops.readiness import Moment, Writes
from uvideo.server.ops.shared_gauge import Level
from uvideo.server.process.loop_pulse import Pulse
from uvideo.server.process.reload import Published

__all__ = ["Shared"]


@dataclass(frozen=True, slots=True)
class Shared:
    guesses: Guesses
    metrics: Metrics
    sessions: Sessions
    writes: Writes
    published: Published
    short: Moment  # of descriptors
    pulse: Pulse
    stored: Level  # bytes of bodies that are stored, in memory
    others: Level  # all else that requests hold
    reserved: Level  # bytes of the disk that uploads have announced

    @property
    def gauges(self) -> dict[str, Level]:
        """Those that the metrics show, by their names there."""
        return {
            "uvideo_disk_reserved_bytes": self.reserved,
            "uvideo_memory_stored_bytes": self.stored,
            "uvideo_memory_others_bytes": self.others,
        }

    def take(self, number: int) -> None:
        """Say which worker this process is."""
        self.guesses.take(number)
        self.metrics.take(number)
        for level in (self.reserved, self.stored, self.others):
            level.take(number)
