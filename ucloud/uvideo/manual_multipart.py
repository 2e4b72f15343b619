"""Multipart upload by hand: begin, copy parts from other objects, list the parts, finish."""

from __future__ import absolute_import, division, print_function

import threading

from .engine.multipart_upload import finish
from .engine.validation import header_pairs
from .handler import Signer, answers, paired, stored_as, succeeded
from .protocol import etag
from .protocol.byterange import ByteRange
from .protocol.compat import TYPE_CHECKING, is_integer, is_text, to_text
from .protocol.errors import IntegrityError, InvalidArgument, PartExists, UploadNotFound
from .protocol.location import check_key, check_space
from .protocol.operation import AbortUpload, CopyPart, InitiateUpload, ListParts
from .protocol.provider import choose

if TYPE_CHECKING:
    from typing import Any, Mapping  # noqa: F401

    from .config import HandlerSettings  # noqa: F401
    from .engine.carrier import Carrier  # noqa: F401
    from .handler import _Answer  # noqa: F401
    from .protocol.errors import UVideoError  # noqa: F401
    from .protocol.operation import Part  # noqa: F401
    from .protocol.signature import Credentials  # noqa: F401
    from .protocol.upload import Upload  # noqa: F401


class Begun(object):
    """An upload whose parts the service copies.  Safe to share between threads: each part is recorded separately."""

    def __init__(self, carrier, space, key, upload_id, block_size):
        # type: (Carrier, str, str, str, int) -> None
        self.carrier, self.space, self.key = carrier, space, key
        self.upload_id, self.block_size = upload_id, block_size
        self._parts = {}  # type: dict[int, tuple[str, int]]  # part: (etag, length)

    def acknowledge(self, part, given, length):
        # type: (int, str, int) -> None
        self._parts[part] = (given, length)

    def numbers(self):
        # type: () -> list[int]
        return sorted(list(self._parts))

    def part_etags(self):
        # type: () -> tuple[str, ...]
        """The parts' etags in order, up to the first missing part."""
        found = []  # type: list[str]
        while len(found) in self._parts:
            found.append(self._parts[len(found)][0])
        return tuple(found)

    @property
    def size(self):
        # type: () -> int
        """Bytes of all parts together."""
        return sum(length for _, length in self._parts.values())

    def etag(self):
        # type: () -> str | None
        """The etag to expect of the finished object; None if the parts' etags do not determine it."""
        return etag.of_parts(self.part_etags(), self.block_size)


def aborted(carrier, upload):
    # type: (Carrier, Begun | Upload) -> _Answer
    """(ret, resp) of aborting an upload; a success also if the service no longer knows it."""
    try:
        _, response = carrier.call(AbortUpload(upload.space, upload.key, upload.upload_id))
    except UploadNotFound as error:
        return succeeded(200, error.response and error.response.headers)
    return succeeded(200, response.headers)


class Assembler(Signer):
    """Assembles objects from parts.

    ``finish_upload`` and ``upload_part_copy`` use the upload that the calling thread began last, or else the only
    upload begun.  So several threads may copy parts of one upload.
    """

    def _make(self, credentials, suffixes=(), chosen=None):
        # type: (Credentials, tuple[str | None, ...], HandlerSettings | None) -> None
        super(Assembler, self)._make(credentials, suffixes, chosen)
        self._begun_lock = threading.Lock()
        self._begun = {}  # type: dict[int | None, Begun]  # thread's ident: Begun

    @answers
    def init_multipart_upload(self, bucket, key, header=None, upload_suffix=None):
        # type: (str, str, Mapping[str, str] | None, str | None) -> _Answer
        """Begin an upload.  ret: UploadId, BlkSize (bytes of every part but the last), Bucket, Key.

        header: the object's headers, for example Content-Type, X-Ufile-Meta-* and X-Ufile-Storage-Class.
        upload_suffix: host of this upload in place of the handler's.  (ret, resp) as uploadfile.
        """
        space, key = check_space(bucket), check_key(key)
        carrier = self._at(upload_suffix)
        initiated, response = carrier.call(InitiateUpload(space, key), headers=header_pairs(header))
        begun = Begun(carrier, space, key, initiated.upload_id, initiated.block_size)
        with self._begun_lock:
            self._begun[threading.current_thread().ident] = begun
        return succeeded(response.status, response.headers, response.body)

    @answers
    def upload_part_copy(
        self, source_bucket, source_key, mime_type, offset, size, part_number, upload_suffix=None
    ):
        # type: (str, str, str | None, int, int, int, str | None) -> _Answer
        """Make a part from ``size`` bytes at ``offset`` of another object, without sending them.  ret: PartNumber.

        size: the number of bytes, not the end position: init_multipart_upload's BlkSize; the last part may be shorter.
        part_number: from 0.  Parts may be copied in any order and by several threads.  status_code 200,
        resp.content_range (first, last); 404 no such source, 419 range beyond it, -2 the service copied another range.
        """
        source_space, source_key = check_space(source_bucket), check_key(source_key)
        begun = self._current()
        _whole(u"offset", offset, 0)
        _whole(u"size", size, 1)
        _whole(u"part_number", part_number, 0)
        if size > begun.block_size:
            raise InvalidArgument(
                u"size is %d but a part has at most %d bytes: give the number of bytes to copy, not the end of "
                u"the range"
                % (size, begun.block_size)
            )
        carrier = begun.carrier if upload_suffix is None else self._at(upload_suffix)
        wanted = ByteRange(offset, offset + size - 1)
        op = CopyPart(begun.space, begun.key, begun.upload_id, part_number, source_space, source_key, wanted)
        headers = header_pairs(None if mime_type is None else {"Content-Type": mime_type})
        lost = []  # type: list[UVideoError]
        try:
            copied, response = carrier.call(op, headers=headers, lost=lost)
        except PartExists as error:
            found = _listed(carrier, begun, part_number) if lost else None
            if found is None:
                raise
            begun.acknowledge(part_number, found.etag, size if found.size is None else found.size)
            resp = succeeded(200, error.response and error.response.headers)[1]
            resp.etag = found.etag
            return {"PartNumber": part_number}, resp
        length = size if copied.length is None else copied.length
        # A part is shorter only at the end of the source.
        at_end = copied.size is not None and offset + length == copied.size
        if copied.first not in (None, offset) or length > size or (length < size and not at_end):
            raise IntegrityError(
                u"%d bytes from offset %d were to be copied, but the service copied %d from %s"
                % (size, offset, length, copied.first)
            )
        begun.acknowledge(part_number, copied.etag, length)
        return paired(succeeded(response.status, response.headers, response.body))

    @answers
    def finish_upload(self):
        # type: () -> _Answer
        """Make the object from the copied parts.  ret: Bucket, Key, FileSize.  resp.etag is verified if possible.

        status_code -3 if a part number is missing.  After a failure it may be called again.
        """
        begun = self._current()
        numbers = begun.numbers()
        missing = sorted(set(range(numbers[-1] + 1)) - set(numbers)) if numbers else []
        if missing:
            raise InvalidArgument(u"part %d of upload %s was not copied" % (missing[0], begun.upload_id))
        finished, response, _ = finish(begun.carrier, begun, None)  # type: ignore[arg-type]  # it has what is asked of an Upload
        self._forget(begun)
        return stored_as(finished, response)

    @answers
    def get_multi_upload_part(
        self, bucket, upload_id, max_parts=None, part_number_marker=None, header=None, upload_suffix=None
    ):
        # type: (str, str, int | None, int | None, Mapping[str, str] | None, str | None) -> _Answer
        """List the service's parts of an unfinished upload, one page at a time.

        max_parts: of a page.  part_number_marker: list parts with greater numbers.
        ret: Parts (PartNum, Etag, Size, LastModified), IsTruncated, NextPartNumberMarker, Key, StorageClass ...
        """
        if not is_text(upload_id) or not upload_id:
            raise InvalidArgument(u"upload_id must be the UploadId of an upload")
        for name, value in ((u"max_parts", max_parts), (u"part_number_marker", part_number_marker)):
            if value is not None:
                _whole(name, value, 0)
        op = ListParts(check_space(bucket), to_text(upload_id), max_parts, part_number_marker)
        _, response = self._at(upload_suffix).call(op, headers=header_pairs(header))
        return succeeded(response.status, response.headers, response.body)

    def _abort_begun(self):
        # type: () -> _Answer
        """(ret, resp) of aborting the current upload."""
        begun = self._current()
        answer = aborted(begun.carrier, begun)
        self._forget(begun)
        return answer

    @property
    def uploadid(self):
        # type: () -> str | None
        """The UploadId of the upload that upload_part_copy uses; None without one."""
        found = self._found()
        return None if found is None else found.upload_id

    @property
    def blocksize(self):
        # type: () -> int | None
        """Its BlkSize in bytes; None without one."""
        found = self._found()
        return None if found is None else found.block_size

    @property
    def etaglist(self):
        # type: () -> list[str]
        """Its parts' etags in order, up to the first missing part."""
        found = self._found()
        return [] if found is None else list(found.part_etags())

    @etaglist.setter
    def etaglist(self, etags):  # the official SDK's programs empty it between uploads
        # type: (list[str]) -> None
        if etags:
            raise InvalidArgument(u"the etags are those of the parts that were copied: only [] can be set")

    def _at(self, upload_suffix):
        # type: (str | None) -> Carrier
        """A Carrier for another upload host, with the same connections and keys."""
        if upload_suffix is None:
            return self._carrier
        return self._carrier.to(choose(upload_suffix, "upload_suffix", self._settings.open_ssl))

    def _found(self):
        # type: () -> Begun | None
        with self._begun_lock:
            own = self._begun.get(threading.current_thread().ident)
            if own is None and len(self._begun) == 1:
                own = list(self._begun.values())[0]
            return own

    def _current(self):
        # type: () -> Begun
        found = self._found()
        if found is None:
            several = u"several uploads have begun: continue each in its own thread"
            raise InvalidArgument(several if self._begun else u"call init_multipart_upload first")
        return found

    def _forget(self, begun):
        # type: (Begun) -> None
        with self._begun_lock:
            for ident in [ident for ident, other in self._begun.items() if other is begun]:
                del self._begun[ident]


def _listed(carrier, begun, part):
    # type: (Carrier, Begun, int) -> Part | None
    """The service's Part of that number, or None."""
    marker = part - 1 if part > 1 else None  # marker 0 also means: from part 0
    page, _ = carrier.call(ListParts(begun.space, begun.upload_id, 2, marker))
    return next((found for found in page.parts if found.part == part), None)


def _whole(name, value, low):
    # type: (str, object, int) -> None
    if not is_integer(value) or value < low:
        raise InvalidArgument(u"%s must be a whole number from %d, not %r" % (name, low, value))
