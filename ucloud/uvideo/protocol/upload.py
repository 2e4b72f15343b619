"""Upload: which parts of an object are still to be sent.  Without I/O, for threads, asyncio and plain loops.

Not safe to share between threads: the caller holds a lock around each call.  The record is a list of JSON lines, first
one for the upload, then one for each part, so it is written by appending.
"""

from __future__ import absolute_import, division, print_function

import json

from . import etag as etags
from .compat import TYPE_CHECKING, is_integer, is_text, native, to_text
from .errors import IntegrityError, InvalidArgument
from .message import Slice

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator  # noqa: F401

    from .operation import Part  # noqa: F401

RECORD_VERSION = 1
#: The fields of the record's first line, in the order of Upload's arguments.
_FIELDS = ("space", "key", "upload_id", "block_size", "size", "mime", "source")


class Upload(object):
    """One multipart upload.

    ``size``: bytes of the object, None until a stream has ended.  ``digests``: {part: binary SHA-1} of the parts that
    the service has, None for a part that was not hashed here.  ``source``: identifies the source's version, as JSON.
    """

    def __init__(self, space, key, upload_id, block_size, size=None, mime=None, source=None):
        # type: (str, str, str, int, int | None, str | None, Any) -> None  # source: JSON
        self.space, self.key, self.upload_id = space, key, upload_id
        self.block_size, self.size, self.mime, self.source = block_size, size, mime, source
        self.digests = {}  # type: dict[int, bytes | None]
        self._given = {}  # type: dict[int, str]  # part: the service's etag, if its form is not part_etag's

    def parts(self):
        # type: () -> int | None
        """The number of parts; None while the size is unknown."""
        return None if self.size is None else self._count()

    def _count(self):
        # type: () -> int
        assert self.size is not None
        return -(-self.size // self.block_size)

    def pending(self):
        # type: () -> Iterator[tuple[int, Slice]]
        """Yield (part, Slice) for each part not yet acknowledged, in order.  Offsets and lengths in bytes.

        An empty object has no part.  The size must be known.
        """
        for part in range(self._count()):
            if part not in self.digests:
                yield part, self.slice(part)

    def slice(self, part):
        # type: (int) -> Slice
        """The Slice of a part; a whole block while the size is unknown."""
        offset = part * self.block_size
        return Slice(offset, self.block_size if self.size is None else min(self.block_size, self.size - offset))

    def acknowledge(self, part, digest, etag=None):
        # type: (int, bytes | None, str | None) -> None
        """The service has this part.  ``digest``: the SHA-1 of its bytes, computed on this side, or None.

        ``etag``: the service's; None if it sent none, and then there must be a digest.  IntegrityError if it is the
        etag of other bytes; an etag that cannot be compared is kept for FinishUpload.
        """
        self._given.pop(part, None)
        if digest is None:
            assert etag is not None
            self._given[part] = etag
        elif etag is not None and etag != etags.part_etag(digest):
            if etags.agrees(etag, digest) is False:
                raise IntegrityError(
                    u"part %d is stored with etag %s but was sent with %s: abort the upload and begin again"
                    % (part, to_text(etag), to_text(etags.part_etag(digest)))
                )
            self._given[part] = etag
        self.digests[part] = digest

    def sent(self):
        # type: () -> int
        """Bytes that the service has."""
        whole = len(self.digests) * self.block_size
        if self.size is None or self._count() - 1 not in self.digests:
            return whole
        return whole - self._count() * self.block_size + self.size  # the last part may be shorter

    def complete(self):
        # type: () -> bool
        """True when nothing is pending and the size is known."""
        return self.size is not None and len(self.digests) == self.parts()

    def part_etags(self):
        # type: () -> tuple[str, ...]
        """The parts' etags in order, for FinishUpload.  The upload must be complete."""
        return tuple([self._part_etag(part) for part in range(self._count())])

    def _part_etag(self, part):
        # type: (int) -> str
        given, digest = self._given.get(part), self.digests[part]
        if given:
            return given
        assert digest is not None  # a part without a hash has an etag
        return etags.part_etag(digest)

    def first_etags(self):
        # type: () -> tuple[str, ...]
        """The etags of the parts from 0 up to the first that the service does not have."""
        found = []  # type: list[str]
        while len(found) in self.digests:
            found.append(self._part_etag(len(found)))
        return tuple(found)

    def etag(self):
        # type: () -> str | None
        """The etag to expect of the finished object; None if the parts do not determine it.

        The tree is over 4 MiB blocks however the object was uploaded, so with another block size only one part
        determines it.
        """
        assert self.size is not None
        if self.block_size != etags.BLOCK and (self.size > etags.BLOCK or self._count() > 1):
            return None
        digests = []
        for part in range(self._count()):
            digest = self._digest(part)
            if digest is None:
                return None
            digests.append(digest)
        return etags.from_digests(digests)

    def _digest(self, part):
        # type: (int) -> bytes | None
        """A part's SHA-1: computed on this side, else from the service's etag, else None."""
        digest = self.digests[part]
        if digest is not None:
            return digest
        try:
            return etags.part_digest(self._given[part])
        except ValueError:
            return None

    def verified(self):
        # type: () -> bool
        """Whether this side hashed all parts, so that ``etag`` is its own.  The upload must be complete."""
        return None not in self.digests.values() and self.etag() is not None

    def is_noted(self, part, etag):
        # type: (int, str) -> bool
        """Whether a part that was not hashed here is acknowledged with this etag."""
        return part in self.digests and self.digests[part] is None and self._given.get(part) == etag

    # The record

    def header_line(self):
        # type: () -> str
        """The record's first line, without line end."""
        fields = dict((name, getattr(self, name)) for name in _FIELDS)
        fields["uvideo-upload"] = RECORD_VERSION
        return native(json.dumps(fields, sort_keys=True))

    def part_line(self, part):
        # type: (int) -> str
        """The record's line for one acknowledged part, without line end."""
        fields, digest = {"part": part}, self.digests[part]  # type: dict[str, object], bytes | None
        if digest is not None:
            fields["sha1"] = etags.part_etag(digest)
        if part in self._given:
            fields["etag"] = self._given[part]
        return native(json.dumps(fields, sort_keys=True))

    def lines(self):
        # type: () -> list[str]
        return [self.header_line()] + [self.part_line(part) for part in sorted(self.digests)]


def read(text):
    # type: (str | bytes) -> Upload
    """The Upload of a record.  InvalidArgument if it is none.  A last line cut by a crash is ignored."""
    try:
        head, _, rest = _decoded(text).partition(u"\n")
        fields = json.loads(head)
        if fields["uvideo-upload"] != RECORD_VERSION:
            raise InvalidArgument(u"the checkpoint was written by another version of this program")
        upload = Upload(*[fields[name] for name in _FIELDS])
        if not _usable(upload):
            raise ValueError("fields of the wrong kind")
    except InvalidArgument:
        raise
    except (ValueError, KeyError, TypeError, RuntimeError):  # RuntimeError: nested too deeply
        raise InvalidArgument(u"the file is not a checkpoint of an upload")
    for line in rest.split(u"\n")[:-1]:  # each complete line has a line end, so the last piece is empty or cut
        try:
            fields = json.loads(line)
            part, given = fields["part"], fields.get("etag")
            digest = None if given is not None and "sha1" not in fields else etags.part_digest(fields["sha1"])
            if not is_integer(part) or part < 0 or not (given is None or is_text(given)):
                continue
            count = upload.parts()
            if count is None or part < count:
                upload.acknowledge(part, digest, given)
        except (ValueError, KeyError, TypeError, AttributeError, RuntimeError, IntegrityError):
            continue
    return upload


def _decoded(text):
    # type: (str | bytes) -> str
    """A record's text.  A crash may have cut its last line within a character."""
    return to_text(text[: text.rfind(b"\n") + 1] or text) if isinstance(text, bytes) else text


def _usable(upload):
    # type: (Upload) -> bool
    texts = [upload.space, upload.key, upload.upload_id] + ([] if upload.mime is None else [upload.mime])
    if not all(is_text(value) for value in texts) or not is_integer(upload.block_size) or upload.block_size < 1:
        return False
    return upload.size is None or (is_integer(upload.size) and upload.size >= 0)


def match(upload, listed, digest_of):
    # type: (Upload, Iterable[Part], Callable[[int, Slice], bytes]) -> None
    """Update an Upload from the service's list of parts.

    ``listed``: Part values.  ``digest_of(part, Slice)``: the SHA-1 of the source's bytes, called only if this side does
    not know it.  A part that the service does not list becomes pending.  IntegrityError if the service has other bytes
    than the source.
    """
    unhashed = [part for part in listed if upload.is_noted(part.part, part.etag)]
    known, upload.digests = upload.digests, {}
    count = upload.parts()
    for part in unhashed:
        upload.acknowledge(part.part, None, part.etag)
    for part in listed:
        if part.part in upload.digests:
            continue
        if count is not None and part.part >= count:
            raise IntegrityError(u"the service has part %d, which this file does not have" % part.part)
        digest = known.get(part.part)
        if digest is None:
            digest = digest_of(part.part, upload.slice(part.part))
        upload.acknowledge(part.part, digest, part.etag)
