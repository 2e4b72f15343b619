"""The options that uploads and downloads share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from uvideo.models import Progress
from uvideo.transfer.journal import Journal
from uvideo.transfer.limit import Limit

__all__ = ["TransferConfig"]


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferConfig:
    """The options of a transfer.  threshold: larger objects, in bytes, are transferred in parts.

    jobs: parts at the same time.  verify: compare the etags of parts and object; None: as in the earlier run.
    limit: may be shared with other transfers.  journal: None for no record.  times: a download gives the file the time
    that is stored with the object.
    """

    jobs: int
    threshold: int
    verify: bool | None
    limit: Limit | None
    progress: Callable[[Progress], None] | None
    journal: Journal | None
    times: bool = False
