"""The temporary file of a killed download, with which the same call continues.

The file describes itself.  After the object's bytes it holds the SHA-1 of each arrived block (20 bytes each, zeros for
missing blocks), then the header line of the Download's record, then the length of that line.
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

#: Digits of the header line's length.
DIGITS = 8
_NONE = b"\0" * DIGEST


class PartialDownload(Watch):
    """Records in a FileTarget which blocks have arrived.  ``find`` an earlier run's record; ``close`` this one at the
    end.

    ``op``: the GetObject.  ``origin``: identifies the service.
    """

    def __init__(self, op, target, origin):
        # type: (GetObject, FileTarget, str) -> None
        self._op, self._target, self._origin = op, target, origin
        self._download = None  # type: Download | None
        self._notes = None  # type: Handle | None

    def find(self):
        # type: () -> Download | None
        """An earlier run's Download, with those of its blocks whose SHA-1 still matches, or None."""
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
        _log.info("%s: continuing with %d of %d bytes", self._target.path, found.done(), found.size)
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
        if found.complete():  # fetch the last block again: that request shows whether the object changed
            del found.digests[found.blocks() - 1]
        return found

    # Called by the Receiver

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
            _log.warning("%s: if this download is killed, the next one starts over", error)
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
            _log.warning("%s: a block was not recorded", error)
            self.close()

    def ending(self):
        # type: () -> None
        if self._notes is not None:
            self._notes.finish()

    def close(self):
        # type: () -> None
        notes, self._notes = self._notes, None
        if notes is not None:
            notes.close()


def _is_verifiable(download):
    # type: (Download) -> bool
    """Whether the etag will verify the whole download at the end, and so anything planted in the file."""
    return download.is_whole() and is_etag(download.etag)
