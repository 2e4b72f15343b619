"""What a download that was killed has left beside its target, so that the same call goes on with it.

The temporary file tells it itself.  Behind the room of the object's bytes lie the SHA-1 of each block that has arrived,
20 bytes each and zeros for the others, then the head of a Download's record, then the length of that head.
"""

from __future__ import absolute_import, division, print_function

import logging
from contextlib import closing

from ..protocol import download as downloads
from ..protocol.compat import TYPE_CHECKING, native, to_bytes
from ..protocol.errors import LocalFailure, UVideoError
from ..protocol.etag import BLOCK, DIGEST, is_etag
from .ranged_download import Watch

if TYPE_CHECKING:
    from ..protocol.download import Download  # noqa: F401
    from ..protocol.operation import GetObject  # noqa: F401
    from .download_target import FileTarget  # noqa: F401
    from .ranged_download import Handle, Target  # noqa: F401

_log = logging.getLogger("ucloud.uvideo")

#: Digits of the length of the head.
DIGITS = 8
_NONE = b"\0" * DIGEST


class PartialDownload(Watch):
    """Notes in a FileTarget what has arrived of an object.  ``find`` what an earlier run noted; ``close`` it when done.

    ``op``: the GetObject.  ``origin``: what tells one service from another.
    """

    def __init__(self, op, target, origin):
        # type: (GetObject, FileTarget, str) -> None
        self._op, self._target, self._origin = op, target, origin
        self._download = None  # type: Download | None
        self._notes = None  # type: Handle | None

    def find(self):
        # type: () -> Download | None
        """The Download that an earlier run left, with those of its blocks that are as they came; else None."""
        if not self._target.reclaim():
            return None
        try:
            found = self._read()
        except (UVideoError, ValueError):
            found = None
        if found is None:
            self._target.remove()
            return None
        self._download, self._notes = found, self._target.handle()
        _log.info("%s: going on with %d of %d bytes", self._target.path, found.done(), found.size)
        return found

    def _read(self):
        # type: () -> Download | None
        with closing(self._target.handle()) as handle:
            end = self._target.length() - DIGITS
            length = int(handle.read(DIGITS, max(0, end)))
            head = handle.read(length, end - length) if 0 < length <= end else b""
            found = downloads.read(head + b"\n")
            about = (self._op.space, self._op.key, self._origin)
            if (found.space, found.key, found.target.get("origin")) != about or not _is_verifiable(found):
                return None
            if found.size is None or end != found.size + found.blocks() * DIGEST + length:
                return None
            noted = handle.read(found.blocks() * DIGEST, found.size)
        for block in range(found.blocks()):
            digest = noted[block * DIGEST : (block + 1) * DIGEST]
            if digest != _NONE and digest == self._target.digest(found.slice(block)):
                found.arrived(block, digest)
        if found.complete():  # what is asked for shows that the object is still the same
            del found.digests[found.blocks() - 1]
        return found

    # What the receiver tells

    def hashes(self):
        # type: () -> bool
        return self._notes is not None

    def begun(self, download, target):
        # type: (Download, Target) -> None
        self.close()
        target.start(download.size)
        if not download.size or download.size <= BLOCK or not _is_verifiable(download):
            return
        download.target = {"origin": self._origin}
        head = to_bytes(download.header_line())
        tail = _NONE * download.blocks() + head + to_bytes(native("%0*d" % (DIGITS, len(head))))
        notes = target.handle()
        try:
            notes.write(memoryview(tail), download.size)
        except LocalFailure as error:
            notes.close()
            _log.warning("%s: if this download is killed, the next begins anew", error)
            return
        self._download, self._notes = download, notes

    def arrived(self, block, size):
        # type: (int, int) -> None
        if self._notes is None or self._download is None or self._download.size is None:
            return
        digest = self._download.digests[block] or _NONE
        try:
            self._notes.write(memoryview(digest), self._download.size + block * DIGEST)
        except LocalFailure as error:
            _log.warning("%s: a block is not noted", error)
            self.close()

    def ending(self):
        # type: () -> None
        self.close()

    def close(self):
        # type: () -> None
        notes, self._notes = self._notes, None
        if notes is not None:
            notes.close()


def _is_verifiable(download):
    # type: (Download) -> bool
    """Whether the etag will tell in the end if all of it is right, also what somebody may have put into the file."""
    return download.is_whole() and is_etag(download.etag)
