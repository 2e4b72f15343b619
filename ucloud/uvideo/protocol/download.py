"""Download: which blocks of an object have arrived.  Without I/O, for threads and for plain loops.

Not safe to share between threads: the caller holds a lock around each call.  The record is a list of JSON lines, first
one for the download, then one for each block, so it is written by appending.
"""

from __future__ import absolute_import, division, print_function

import json

from . import etag as etags
from .compat import TYPE_CHECKING, is_integer, is_text, native, to_text
from .errors import InvalidArgument, UVideoError
from .location import check_key, check_space
from .message import Slice

if TYPE_CHECKING:
    from typing import Any, Iterator  # noqa: F401

RECORD_VERSION = 1
#: The fields of the record's first line, in the order of Download's arguments.
_FIELDS = ("space", "key", "etag", "first", "size", "total", "target")
#: The record's line, without line end, after which all blocks before it are on the disk.
SYNCED = '{"synced": true}'


class Download(object):
    """The download of an object, or of ``size`` bytes of it from ``first`` on, in blocks counted from there.

    ``etag``: of the object when the download began.  ``total``: bytes of the object.  ``size``, ``total``: None until a
    body of unknown length has ended.  ``digests``: {block: binary SHA-1, None if not computed} of the blocks that have
    arrived.  ``unsynced``: {block: boot} of the blocks that a reboot loses, from a record.  ``target``: describes where
    the blocks are, as JSON.
    """

    def __init__(self, space, key, etag, first=0, size=None, total=None, target=None):
        # type: (str, str, str, int, int | None, int | None, dict[str, Any] | None) -> None
        self.space, self.key, self.etag = space, key, etag
        self.first, self.size, self.total = first, size, total
        self.target = {} if target is None else target
        self.digests = {}  # type: dict[int, bytes | None]
        self.unsynced = {}  # type: dict[int, Any]  # as the record says

    def blocks(self):
        # type: () -> int
        """The number of blocks.  The size must be known."""
        assert self.size is not None
        return -(-self.size // etags.BLOCK)

    def slice(self, block):
        # type: (int) -> Slice
        """A block's Slice of the file.  The size must be known."""
        assert self.size is not None
        offset = block * etags.BLOCK
        return Slice(offset, min(etags.BLOCK, self.size - offset))

    def pending(self):
        # type: () -> Iterator[int]
        """Yield the blocks that have not arrived, in order.  The size must be known."""
        block, count = 0, self.blocks()
        while block < count:  # no range(), a list on 2.7: the service decides the size
            if block not in self.digests:
                yield block
            block += 1

    def arrived(self, block, digest=None):
        # type: (int, bytes | None) -> None
        """A block is in the file.  ``digest``: the SHA-1 of its bytes, computed on this side."""
        self.digests[block] = digest

    def done(self):
        # type: () -> int
        """Bytes that have arrived.  The size must be known."""
        return sum([self.slice(block).length for block in self.digests])

    def complete(self):
        # type: () -> bool
        return self.size is not None and len(self.digests) == self.blocks()

    def is_whole(self):
        # type: () -> bool
        """Whether it is the whole object.  Only a whole object has an etag."""
        return self.first == 0 and self.size == self.total

    def value(self):
        # type: () -> str | None
        """The etag of the arrived bytes; None if it cannot be computed.  The download must be complete."""
        digests = [self.digests[block] for block in range(self.blocks())]
        known = [digest for digest in digests if digest is not None]
        return etags.from_digests(known) if self.is_whole() and len(known) == len(digests) else None

    # The record

    def header_line(self):
        # type: () -> str
        """The record's first line, without line end."""
        fields = dict((name, getattr(self, name)) for name in _FIELDS)
        fields["uvideo-download"] = RECORD_VERSION
        return native(json.dumps(fields, sort_keys=True))

    def target_line(self):
        # type: () -> str
        """The record's line for a ``target`` that has become known, without line end."""
        return native(json.dumps({"target": self.target}, sort_keys=True))

    def block_line(self, block, boot=None):
        # type: (int, str | None) -> str
        """The record's line for one block, without line end.

        ``boot``: identifies the time since the last boot; the block is not on the disk until a SYNCED follows.
        """
        fields, digest = {"block": block}, self.digests[block]  # type: dict[str, object], bytes | None
        if boot is not None:
            fields["boot"] = boot
        if digest is not None:
            fields["sha1"] = etags.part_etag(digest)
        return native(json.dumps(fields, sort_keys=True))


def read(text):
    # type: (str | bytes) -> Download
    """The Download of a record.  InvalidArgument if it is none.  A last line cut by a crash is ignored."""
    try:
        text = to_text(text[: text.rfind(b"\n") + 1]) if isinstance(text, bytes) else text
        head, _, rest = text.partition(u"\n")
        fields = json.loads(head)
        if fields["uvideo-download"] != RECORD_VERSION:
            raise ValueError("written by another version of this program")
        download = Download(*[fields[name] for name in _FIELDS])
        numbers = [fields[name] for name in ("first", "size", "total")]
        if not is_text(download.etag) or not isinstance(fields["target"], dict):
            raise ValueError("fields of the wrong kind")
        if not all([is_integer(value) and value >= 0 for value in numbers]) or numbers[0] + numbers[1] > numbers[2]:
            raise ValueError("fields of the wrong kind")
        download.space, download.key = check_space(download.space), check_key(download.key)
    except (ValueError, KeyError, TypeError, RuntimeError, UVideoError):  # RuntimeError: nested too deeply
        raise InvalidArgument(u"the file is not the record of a download")
    count = download.blocks()
    for line in rest.split(u"\n")[:-1]:  # each complete line has a line end, so the last piece is empty or cut
        try:
            fields = json.loads(line)
            if isinstance(fields.get("target"), dict):
                download.target = fields["target"]
                continue
            if fields.get("synced"):
                download.unsynced = {}
                continue
            block, digest = fields["block"], fields.get("sha1")
            if is_integer(block) and 0 <= block < count:
                download.arrived(block, None if digest is None else etags.part_digest(digest))
                if "boot" in fields:
                    download.unsynced[block] = fields["boot"]
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError):
            continue
    return download
