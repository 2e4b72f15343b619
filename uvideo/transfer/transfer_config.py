"""What uploads and downloads are told alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uvideo.models import Progress
from uvideo.transfer.journal import Journal
from uvideo.transfer.limit import Limit

__all__ = ["TransferConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferConfig:
    """How a transfer goes.  threshold: bytes up to which an object goes in one request.

    jobs: parts moved at a time.  verify: compare the etags of parts and object; None as an earlier run had it.
    limit: shared with other transfers.  journal: None to leave no record.
    """

    jobs: int
    threshold: int
    verify: bool | None
    limit: Limit | None
    progress: Callable[[Progress], None] | None
    journal: Journal | None
