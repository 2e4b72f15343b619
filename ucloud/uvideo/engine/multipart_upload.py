"""Multipart upload: threads that send an Upload's parts, the finish, and hashing beside the reading."""

from __future__ import absolute_import, division, print_function

import logging
import threading
from collections import deque

from ..http import threads
from ..http.wakeup import Wakeup
from ..protocol import errors, etag, operation
from ..protocol import upload as uploads
from ..protocol.compat import TYPE_CHECKING, printable
from .carrier import described
from .retry import Retry
from .upload_source import READ, shown
from .workers import Workers

if TYPE_CHECKING:
    from typing import Any, Callable, Protocol, TypeVar  # noqa: F401

    from ..http.pool import Body  # noqa: F401
    from ..protocol.message import Response, Slice  # noqa: F401
    from ..protocol.upload import Upload  # noqa: F401
    from .carrier import Carrier, Pairs  # noqa: F401
    from .retry import Decides  # noqa: F401
    from .upload_source import Block, FileBlock, FileSource, StreamSource, UnreadBlock  # noqa: F401

    U = TypeVar("U")
    Blocks = Block | FileBlock | UnreadBlock

    class Limit(Protocol):
        @property
        def rate(self):
            # type: () -> float
            pass

        def reserve(self, __size, __now):
            # type: (int, float) -> float
            pass

    class Digests(Protocol):
        def update(self, __data):
            # type: (bytes | memoryview) -> object
            pass

_log = logging.getLogger("ucloud.uvideo")

#: Bytes: a larger block size from the service is refused, as it decides this process's memory.
BLOCK_LIMIT = 64 * 1024 * 1024
#: Bytes: a smaller block size is refused, as it decides the number of requests and of digests kept.
BLOCK_FLOOR = 16 * 1024
#: Characters of an upload id, which is part of every request's target.
ID_LIMIT = 2000
#: Seconds that Ctrl-C waits for the other threads.  They end by themselves later.
GRACE = 2.0
#: The fewest bytes moved at a time, however slow a limit is.
SLOW = 1024


def paced(limit, jobs):
    # type: (Limit | None, int) -> int
    """Bytes that each of ``jobs`` threads moves at a time under a limit; None without a limit.

    This keeps a connection from being silent for much longer than a quarter of a second: servers close silent
    connections.
    """
    return READ if limit is None else max(SLOW, min(READ, int(limit.rate / (4 * jobs))))


# Upload


def begin(carrier, op, make_upload, headers=(), retry=None):
    # type: (Carrier, operation.InitiateUpload, Callable[[str, int], U], Pairs, Decides | None) -> U
    """Initiate and return ``make_upload(upload_id, block_size)``."""
    initiated, _ = carrier.call(op, headers=headers, retry=retry, check=check_begun)
    return make_upload(initiated.upload_id, initiated.block_size)


def check_begun(initiated):
    # type: (operation.Initiated | Upload) -> None
    """BadAnswer if the service's ``upload_id`` or ``block_size`` cannot be used."""
    if not BLOCK_FLOOR <= initiated.block_size <= BLOCK_LIMIT:
        raise errors.BadAnswer(u"the service asks for blocks of %d bytes" % initiated.block_size)
    upload_id = initiated.upload_id
    if len(upload_id) > ID_LIMIT or printable(upload_id) != upload_id:
        raise errors.BadAnswer(u"the service's upload id is too long or contains control characters")


class Sender(object):
    """Sends the pending parts of one Upload in several threads, with at most one block in memory for each.

    ``retry``: for each part and for the finish.  ``acknowledged(part)``: called after each part, one call at a time.
    ``body(part, block)``: the body to send for a block, as Carrier.call takes it; None: the block itself.
    ``verify``: compare each part's etag with that of the bytes sent; each thread hashes its own part.
    """

    def __init__(
        self,
        carrier,  # type: Carrier
        upload,  # type: Upload
        source,  # type: FileSource | StreamSource
        threads,  # type: int
        retry,  # type: Retry
        acknowledged=None,  # type: Callable[[int], object] | None
        body=None,  # type: Callable[[int, Blocks], Body] | None
        verify=True,  # type: bool
    ):
        # type: (...) -> None
        self._carrier, self._upload, self._source, self._retry = carrier, upload, source, retry
        self._threads = threads
        self._acknowledged, self._body, self._verify = acknowledged, body, verify
        self._workers = Workers(self._work, carrier, GRACE, patient=True)

    def send(self):
        # type: () -> None
        """Send every pending part.  Raises the worst error; acknowledged parts stay acknowledged."""
        self._source.bind(self._upload, self._verify)
        parts, count = self._upload.parts(), self._threads
        self._workers.run(count if parts is None else min(count, parts - len(self._upload.digests)), here=True)
        self._source.check()
        if not self._upload.complete():  # a thread of an interrupted call still has a block
            raise errors.TransferInterrupted(u"parts of the interrupted upload are still being sent; resume later")

    def _work(self):
        # type: () -> None
        while not self._workers.stopped:
            taken = self._source.take()
            if taken is None or self._workers.stopped:
                return
            self._send(*taken)

    def _send(self, part, block):
        # type: (int, Blocks) -> None
        upload = self._upload
        op = operation.UploadPart(upload.space, upload.key, upload.upload_id, part, upload.mime)
        try:
            sent = block if self._body is None else self._body(part, block)
            stored, _ = self._carrier.call(op, sent, retry=self)
            given = stored.etag
        except errors.PartExists:  # an earlier try was stored but its response was lost; Finish compares the etags
            given = None
        digest = block.digest()
        if digest is None and given is None:
            block.rewind()
            digest = etag.block_digest(b"".join(iter(block.read, b"")))
        with self._workers.lock:
            upload.acknowledge(part, digest, given)
            self._source.let_go(part)
            if self._acknowledged is not None:
                self._acknowledged(part)

    def decide(self, attempt, error, waited, fraction):
        # type: (int, errors.UVideoError, float, float) -> float | None
        """As Retry.decide; None once another part has failed or the call was interrupted."""
        return None if self._workers.stopped else self._retry.decide(attempt, error, waited, fraction)


def finish(carrier, upload, retry, proof=True):
    # type: (Carrier, Upload, Decides | None, bool) -> tuple[operation.Finished, Response, bool]
    """(Finished, Response, agrees) of a complete Upload.  ``agrees``: whether the etag was compared and is equal.

    If the service does not know the upload, an earlier try may have finished it; then the object itself is compared.
    IntegrityError for another size or etag.  ``proof``: as in Carrier.call.
    """
    op = operation.FinishUpload(upload.space, upload.key, upload.upload_id, upload.part_etags())

    def check(finished):
        # type: (operation.Finished) -> None
        if proof and not finished.etag and finished.size in (None, upload.size):  # a wrong size is the worse error
            raise errors.BadAnswer(u"the answer has no ETag, so it does not confirm what was stored", status=200)

    try:
        finished, response = carrier.call(op, retry=retry, check=check, proof=False)
    except errors.UploadNotFound:
        found = stored(carrier, upload)
        if found is None:
            raise
        finished, response = found
    return finished, response, agrees(upload, op, finished, response)


def agrees(upload, op, finished, response):
    # type: (Upload, operation.FinishUpload, operation.Finished, Response) -> bool
    """Whether a Finished's etag equals the Upload's; False if either is unknown.  IntegrityError if they differ."""
    expected, wrong = upload.etag(), None
    if finished.size is not None and finished.size != upload.size:
        wrong = u"the stored object has %s bytes but the source has %s" % (finished.size, upload.size)
    compared = expected is not None and bool(finished.etag)
    if compared and not etag.same(finished.etag or u"", expected or u"", upload.size):
        wrong = u"the stored object has etag %s but the source has %s" % (shown(finished.etag), expected)
    if wrong is not None:
        raise described(errors.IntegrityError(wrong, status=response.status), op)
    return compared


def stored(carrier, upload, fill=None):
    # type: (Carrier, Upload, Callable[[], object] | None) -> tuple[operation.Finished, Response] | None
    """(Finished, Response) if the object at the upload's key already has the upload's content, else None.

    ``fill()``: acknowledges the parts that have no digest yet.  It is called only if the sizes are equal.
    """
    try:
        info, response = carrier.call(operation.HeadObject(upload.space, upload.key))
    except errors.NotFound:
        return None
    if isinstance(info, operation.NotModified) or info.size != upload.size:
        return None
    if fill is not None:
        fill()
    expected = upload.etag()
    if expected is None or not etag.same(info.etag or u"", expected, upload.size):
        return None
    return operation.Finished(upload.space, upload.key, info.size, info.etag), response


def listed_parts(carrier, upload):
    # type: (Carrier, Upload) -> list[operation.Part]
    """Every Part that the service has of an upload, in order.  UploadNotFound."""
    parts, marker = [], None  # type: list[operation.Part], int | None
    while True:

        def check(page, marker=marker):
            # type: (operation.PartPage, int | None) -> None
            if upload.size is not None and len(parts) + len(page.parts) > (upload.parts() or 0):
                raise errors.BadAnswer(u"the list of parts is longer than the object")
            if page.truncated and page.parts and marker is not None and _following(page) <= marker:
                raise errors.BadAnswer(u"the list of parts does not advance")

        op = operation.ListParts(upload.space, upload.upload_id, 1000, marker)
        page, _ = carrier.call(op, check=check)
        parts.extend(page.parts)
        if not page.truncated or not page.parts:
            return parts
        marker = _following(page)


def reconcile(carrier, upload, source):
    # type: (Carrier, Upload, FileSource) -> tuple[operation.Finished, Response] | None
    """Compare an earlier run's Upload with the parts that the service has.

    (Finished, Response) if the upload has finished after all, else None: continue with the pending parts.
    UploadNotFound if the service no longer knows it.  SourceChanged if the source differs.  If the service does not
    list parts, the record is trusted.
    """
    source.check()

    def digest(part, where):
        # type: (int, Slice) -> bytes
        return etag.block_digest(source.read(where))

    def fill():
        # type: () -> None
        for part, where in upload.pending():
            upload.acknowledge(part, digest(part, where))

    try:
        listed = listed_parts(carrier, upload)
    except errors.UploadNotFound:
        found = stored(carrier, upload, fill)
        if found is None:
            raise
        return found
    except errors.Refused as error:
        if error.retryable:
            raise
        # Safe: a key that may not write is refused at the next part, too.
        _log.warning("the service does not list parts (%s); the upload continues by its record", error)
        return None
    uploads.match(upload, listed, digest)
    return None


def give_up(carrier, upload):
    # type: (Carrier, Upload) -> bool
    """Abort an upload.  False if that failed, which is only logged: the error that led here matters more."""
    try:
        carrier.call(operation.AbortUpload(upload.space, upload.key, upload.upload_id), retry=Retry(0))
    except errors.UploadNotFound:
        pass
    except errors.UVideoError as error:
        _log.warning("the upload could not be aborted: %s", error)
        return False
    return True


def _following(page):
    # type: (operation.PartPage) -> int
    return max(page.next_marker, page.parts[-1].part)


# Hashing


class Hashing(object):
    """Computes an etag while the bytes are read; a large object is hashed in a thread of its own.

    ``digest``: has ``update(piece)``, an Etag by default.  If ``update`` raises in the thread, the next call here
    raises that error.
    """

    #: Pieces that may wait for the thread: few, so that they are still in the processor's cache.
    AHEAD = 4

    def __init__(self, size, digest=None):
        # type: (int | None, Digests | None) -> None
        self._etag = etag.Etag() if digest is None else digest  # type: Any
        self._beside, self._error = False, None  # type: bool, BaseException | None
        if size is None or size > 4 * READ:
            self._pieces = deque()  # type: deque[bytes | memoryview]
            self._over = self._ended = False
            self._more, self._fewer = Wakeup(), Wakeup()
            thread = threading.Thread(target=self.work)
            thread.daemon = True
            try:
                threads.start(thread)
            except BaseException:
                self._over = True
                self._more.set()
                raise
            self._beside = True

    def work(self):
        # type: () -> None
        while True:
            over = self._over  # read before the pieces: once it is set, no piece is added
            if self._pieces:
                self._take(self._pieces[0])
            elif over:
                break
            else:
                self._more.wait()
        self._ended = True
        self._fewer.set()

    def _take(self, data):
        # type: (bytes | memoryview) -> None
        try:
            if self._error is None:
                self._etag.update(data)
        except BaseException as error:
            self._error = error
        self._pieces.popleft()
        self._fewer.set()

    def update(self, data):
        # type: (bytes | memoryview) -> None
        """Add bytes.  Do not change them until AHEAD more pieces have been added."""
        if not self._beside:
            self._etag.update(data)
        else:
            while len(self._pieces) >= self.AHEAD:
                self._fewer.wait()
            self._pieces.append(data)
            self._more.set()
            if self._error is not None:
                raise self._error

    def settle(self):
        # type: () -> None
        """Wait until every piece is hashed.  Raises the digest's error."""
        self.close()
        if self._error is not None:
            raise self._error

    def value(self):
        # type: () -> Any  # the type of the digest's value
        self.settle()
        return self._etag.value()

    def close(self):
        # type: () -> None
        if self._beside:
            self._over = True
            self._more.set()
            while not self._ended:
                self._fewer.wait()
            self._beside = False
