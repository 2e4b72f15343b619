"""Ranged download: threads that fetch ranges of an object, write each at its offset and hash it."""

from __future__ import absolute_import, division, print_function

import hashlib
import logging
from collections import deque
from contextlib import closing

from ..protocol import byterange, etag, objects, operation
from ..protocol import download as downloads
from ..protocol.byterange import ByteRange
from ..protocol.compat import TYPE_CHECKING
from ..protocol.errors import BadAnswer, IntegrityError, InvalidRange, NoAnswer, ObjectChanged, UVideoError
from .carrier import described
from .multipart_upload import Hashing, paced
from .upload_source import shown
from .workers import LOOK, Workers

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Iterator, Protocol  # noqa: F401

    from ..http.pool import Stream  # noqa: F401
    from ..protocol.message import Headers  # noqa: F401
    from .carrier import Carrier, Pairs  # noqa: F401
    from .download_target import FileTarget, StreamTarget  # noqa: F401
    from .multipart_upload import Limit  # noqa: F401

    class Handle(Protocol):
        def write(self, __data, __offset):
            # type: (memoryview, int) -> None
            pass

        def finish(self):
            # type: () -> None
            pass

        def close(self):
            # type: () -> None
            pass

    class Target(Protocol):
        @property
        def sequential(self):
            # type: () -> bool
            pass

        def start(self, size, temporary=None):
            # type: (int | None, str | None) -> None
            pass

        def handle(self):
            # type: () -> Handle
            pass

        def commit(self, __size):
            # type: (int) -> None
            pass

        def leave(self):
            # type: () -> None
            pass

_log = logging.getLogger("ucloud.uvideo")

BLOCK = etag.BLOCK
#: The most blocks in one request when several threads share the work.
RUN = 16
#: The fewest bytes in one read, however slow the network is.
CALM = 16 * 1024
#: Seconds that one read may take: a broken connection loses its bytes, and no progress is reported meanwhile.
PACE = 0.5
#: Seconds that an error waits for the other threads.
GRACE = 0.2


class Watch(object):
    """Follows a download.  Its methods are never called from two threads at a time."""

    def hashes(self):
        # type: () -> bool
        """Whether to compute each block's SHA-1 even if the etag does not need it."""
        return False

    def begun(self, download, target):
        # type: (downloads.Download, Target) -> None
        """The object's size and etag are known.  Must start ``target``."""
        target.start(download.size)

    def moved(self, block, size):
        # type: (int, int) -> None
        """``size`` more bytes of a block are in the file."""

    def failed(self):
        # type: () -> None
        """A try failed and will be repeated."""

    def arrived(self, block, size):
        # type: (int, int) -> None
        """A complete block of ``size`` bytes is in the file."""

    def anew(self):
        # type: () -> None
        """The object changed; the download starts over."""

    def ending(self):
        # type: () -> None
        """The target is complete and verified, and is committed next.  Close any handle to its file.  LocalFailure."""


def receive(
    carrier,  # type: Carrier
    space,  # type: str
    key,  # type: str
    target,  # type: Target
    pinned=False,  # type: bool
    download=None,  # type: downloads.Download | None
    watch=None,  # type: Watch | None
    **options  # type: Any  # of Receiver
):
    # type: (...) -> Receiver
    """Download into a target and return the Receiver.  Commits the target once it is complete and verified.

    After an error the target's ``leave`` is called.  If the object changes, the download starts over, once; with
    ``pinned`` it raises ObjectChanged instead.  ``download``: an earlier run's Download, whose target was adopted or
    started.  ``options``: of Receiver.
    """
    watch = watch or Watch()
    try:
        while True:
            receiver = Receiver(carrier, space, key, target, download, watch, **options)
            try:
                receiver.run()
                break
            except ObjectChanged as error:
                if pinned:
                    raise
                _log.info("%s; the download starts over", error)
                pinned, download = True, None
                watch.anew()
        watch.ending()
        target.commit(receiver.size())
    except BaseException:
        target.leave()
        raise
    return receiver


class _Run(object):
    """A range of bytes fetched by one request, or by more if connections break.

    Positions count from the download's first byte.  ``end``: None if unknown.  ``at``: position of the next byte.
    """

    def __init__(self, begin=0, end=None):
        # type: (int, int | None) -> None
        self.begin = self.at = begin
        self.end = end
        self.blocks = None  # type: _Blocks | None
        self.hashing = None  # type: Hashing | None

    def close(self):
        # type: () -> None
        if self.hashing is not None:
            self.hashing.close()

    def again(self):
        # type: () -> None
        """Go back to the first byte."""
        self.close()
        self.at, self.blocks, self.hashing = self.begin, None, None


class _Blocks(object):
    """Hashes each block of a run, whose bytes arrive in order.  Calls ``arrived(block, size, digest)``."""

    def __init__(self, block, arrived, hashes):
        # type: (int, Callable[[int, int, bytes | None], object], bool) -> None
        self._block, self._arrived, self._hashes = block, arrived, hashes
        self._begin()

    def _begin(self):
        # type: () -> None
        self._size, self._sha1 = 0, hashlib.sha1() if self._hashes else None

    def update(self, data):
        # type: (bytes | memoryview) -> None
        """Add bytes of the current block, none beyond its end."""
        if self._sha1 is not None:
            self._sha1.update(data)
        self._size += len(data)
        if self._size == BLOCK:
            self.end()

    def end(self):
        # type: () -> None
        """End the current block, which may be short."""
        if self._size:
            self._arrived(self._block, self._size, None if self._sha1 is None else self._sha1.digest())
            self._block += 1
            self._begin()


class Receiver(object):
    """Downloads one version of an object, or a range of it, into a target.

    ``expires``: seconds until each signed URL expires; None for a public space.  ``wanted``: a ByteRange or None.
    ``jobs``: threads.  ``lead``: with several threads, bytes of the first request, whose response also tells the size.
    ``verify``: compare the etag.  ``limit``: has ``rate`` and ``reserve``, may be shared with other transfers.
    Memory: READ bytes a thread; a few times as much for a single thread that hashes beside the reading.
    """

    def __init__(
        self,
        carrier,  # type: Carrier
        space,  # type: str
        key,  # type: str
        target,  # type: Target
        download=None,  # type: downloads.Download | None
        watch=None,  # type: Watch | None
        expires=None,  # type: int | None
        wanted=None,  # type: ByteRange | None
        headers=(),  # type: Pairs
        jobs=1,  # type: int
        lead=2 * BLOCK,  # type: int
        verify=True,  # type: bool
        limit=None,  # type: Limit | None
    ):
        # type: (...) -> None
        self.carrier, self.op, self.target = carrier, operation.GetObject(space, key), target
        self.expires, self.wanted, self.fields = expires, wanted, list(headers)
        self.jobs = 1 if target.sequential else jobs
        self.lead = self._ahead(lead) if self.jobs > 1 and download is None else None
        self.limit = limit
        self.piece = paced(limit, self.jobs)
        self.download = download
        self.status, self.headers = None, None  # type: int | None, Headers | None  # of the first response
        self.verified = False  # whether the object's etag was compared
        self.conditional = True  # whether the service understands If-Range
        self.until = carrier.attempts(self.op).deadline
        self._verify, self._watch = verify, watch or Watch()
        self._workers = Workers(self._work, carrier, GRACE)
        self.check, self._lock = self._workers.check, self._workers.lock  # shared with the download and the watch
        self._pending, self._next, self._left = iter(()), None, 0  # type: Iterator[int], int | None, int
        self._endless = False  # no length is given: the body ends when the connection closes
        if download is not None:
            self._plan(0)

    def known(self):
        # type: () -> downloads.Download
        """The Download.  Call only after the first response."""
        assert self.download is not None
        return self.download

    def size(self):
        # type: () -> int
        """Bytes of the download.  Call only once they are known."""
        size = self.known().size
        assert size is not None
        return size

    def _ahead(self, lead):
        # type: (int) -> ByteRange | None
        """The ByteRange of the first request; None to request all that is wanted."""
        first, last = self.wanted or (0, None)
        if first is None:  # the last N bytes: their position is unknown
            return None
        end = first + -(-lead // BLOCK) * BLOCK - 1
        return None if last is not None and last <= end else ByteRange(first, end)

    def run(self):
        # type: () -> None
        """Fetch the missing bytes, then compare.  UVideoError; ObjectChanged if this version no longer exists."""
        if self.download is not None and self.download.complete():
            self._look()
        else:
            self._share()
        self._compare()

    def _look(self):
        # type: () -> None
        """All bytes have arrived: check that the object has not changed."""
        found, response = self.carrier.call(operation.HeadObject(self.op.space, self.op.key))
        if found.etag != self.known().etag:
            raise described(ObjectChanged(), self.op)
        self.status, self.headers = response.status, response.headers

    def _compare(self):
        # type: () -> None
        download = self.known()
        whole, known = download.is_whole(), etag.is_etag(download.etag)
        if self._endless and not (whole and known and self._verify):
            raise IntegrityError(u"the answer has neither a length nor an etag that can be verified")
        if not whole or not self._verify:
            return
        if not known:
            _log.warning("the service gave no etag that can be verified; only the length was verified")
            return
        actual = download.value()
        if actual is None or not etag.same(download.etag, actual, download.size):
            raise IntegrityError(
                shown(etag.mismatch(download.etag, actual, self.headers or ())),
                operation="GetObject",
                space=self.op.space,
                key=self.op.key,
                status=self.status,
            )
        self.verified = True

    # Threads

    def _share(self):
        # type: () -> None
        """Fetch in as many threads as needed.

        The calling thread works too, unless it must watch a deadline: a target may be a pipe that nobody reads, and
        then only requests to the service end by themselves.
        """
        count = 1 if self.download is None else max(1, min(self.jobs, self._left))
        self._workers.run(count, here=self.carrier.deadline is None)

    def _work(self):
        # type: () -> None
        with closing(_Worker(self)) as worker:
            run = _Run() if self.download is None else self._take()
            while run is not None:
                worker.receive(run)
                run = self._take()
            worker.finish()

    def _plan(self, begin):
        # type: (int) -> None
        """Queue every missing block from ``begin`` on."""
        self._pending = (block for block in self.known().pending() if block >= begin)
        self._left = self.known().blocks() - max(begin, len(self.known().digests))
        self._next = next(self._pending, None)

    def _take(self):
        # type: () -> _Run | None
        """The next _Run, or None.  Runs get shorter towards the end, so that all threads finish together."""
        with self._lock:
            if self._workers.stopped or self._next is None:
                return None
            most = self._left if self.jobs == 1 else max(1, min(RUN, self._left // (2 * self.jobs)))
            first = last = self._next
            self._next = next(self._pending, None)
            while self._next == last + 1 and self._next - first < most:
                last = self._next
                self._next = next(self._pending, None)
            self._left -= last - first + 1
            return _Run(first * BLOCK, min(self.size(), (last + 1) * BLOCK))

    # Called by the workers

    def begin(self, run, stream, info):
        # type: (_Run, Stream, operation.ObjectInfo) -> None
        """Take the first response and start the other threads."""
        first, length = (0, info.size) if info.span is None else info.span
        size = length
        if info.span is not None and info.size is not None and self.lead is not None:
            last = (self.wanted or (0, None))[1]
            size = min(info.size, info.size if last is None else last + 1) - first
        with self._lock:
            self.check()
            self.download = downloads.Download(self.op.space, self.op.key, info.etag or u"", first, size, info.size)
            self.status, self.headers = stream.status, stream.headers
            self._endless = size is None and not stream.headers.get("Transfer-Encoding")
            self._watch.begun(self.download, self.target)
            run.end = length
            if length is not None and size != length:
                self._plan(length // BLOCK)
        self._workers.add(min(self.jobs - 1, self._left))

    def hashed(self, run):
        # type: (_Run) -> Hashing
        """Give a run its hashing: in this thread, or in another one if this is the only thread of the download."""
        download = self.known()
        whole = self._verify and (download.size is None or download.is_whole()) and etag.is_etag(download.etag)
        run.blocks = _Blocks(run.begin // BLOCK, self._arrived, whole or self._watch.hashes())
        run.hashing = Hashing(0 if self.jobs > 1 or not whole else download.size, run.blocks)
        return run.hashing

    def _arrived(self, block, size, digest):
        # type: (int, int, bytes | None) -> None
        with self._lock:
            self.check()
            self.known().arrived(block, digest)
            self._watch.arrived(block, size)

    def moved(self, block, size):
        # type: (int, int) -> None
        with self._lock:
            self.check()
            self._watch.moved(block, size)

    def failed(self):
        # type: () -> None
        with self._lock:
            self.check()
            self._watch.failed()

    def ended(self, size):
        # type: (int) -> None
        """A body of unknown length has ended: set the size."""
        with self._lock:
            self.known().size = self.known().total = size

    def forget(self):
        # type: () -> None
        """Forget all digests: the whole object is sent again."""
        with self._lock:
            self.known().digests.clear()


class _Worker(object):
    """One thread's buffers and its handle to the target."""

    def __init__(self, receiver):
        # type: (Receiver) -> None
        self._receiver, self._carrier, self._op = receiver, receiver.carrier, receiver.op
        self._handle = None  # type: Handle | None
        self._piece = receiver.piece
        self._buffers = deque()  # type: deque[memoryview]
        self._is_taken = True  # whether the last buffer is with the hashing

    def finish(self):
        # type: () -> None
        """Close the handle after the last write.  LocalFailure."""
        if self._handle is not None:
            self._handle.finish()

    def close(self):
        # type: () -> None
        if self._handle is not None:
            self._handle.close()

    def receive(self, run):
        # type: (_Run) -> None
        """Fetch all bytes of a run.  UVideoError if a retry does not help."""
        shared, carrier = self._receiver, self._carrier
        attempts = carrier.attempts(self._op)
        attempts.deadline = shared.until
        try:
            while True:
                before = run.at
                try:
                    shared.check()
                    self._attempt(run)
                    break
                except UVideoError as error:
                    described(error, self._op)
                    if run.at - before >= self._piece:  # progress was made
                        attempts.progress()
                    shared.check()
                    if not carrier.pause(attempts, error, self._op):
                        raise
                    shared.failed()
            if run.hashing is not None and run.blocks is not None:
                run.hashing.settle()
                run.blocks.end()
            if run.end is None:
                shared.ended(run.at)
        finally:
            run.close()

    def _attempt(self, run):
        # type: (_Run) -> None
        stream = self._first(run) if self._receiver.download is None else self._further(run)
        ended = False
        try:
            self._read(stream, run)
            ended = True
        finally:
            stream.close(reuse=ended)

    def _get(self, wanted, headers=()):
        # type: (ByteRange | None, Pairs) -> Stream
        op = operation.GetObject(self._op.space, self._op.key, wanted)
        shared = self._receiver
        return self._carrier.open(op, shared.expires, shared.fields + list(headers), shared.until)

    def _first(self, run):
        # type: (_Run) -> Stream
        """The Stream of the first response."""
        shared = self._receiver
        wanted = shared.lead or shared.wanted
        try:
            stream = self._get(wanted)
        except InvalidRange:
            if shared.lead is None or shared.wanted is not None:
                raise
            shared.lead = wanted = None  # an empty object has no ranges
            stream = self._get(None)
        try:
            info = objects.decode_info(stream.headers, stream.status)
            asked = shared.wanted if info.span is None else wanted  # a service may send all for a range that covers it
            wrong = byterange.mismatch(asked, info.span, info.size)
            if wrong is not None:
                raise IntegrityError(wrong)
            if info.span is not None and info.size is None and shared.lead is not None:
                shared.lead = None
                raise BadAnswer(u"the answer does not contain the size of the object")  # the next try requests all
            shared.begin(run, stream, info)
            return stream
        except BaseException:
            stream.close()
            raise

    def _further(self, run):
        # type: (_Run) -> Stream
        """The Stream from the run's position on.  ObjectChanged."""
        shared = self._receiver
        download = shared.known()
        first = download.first + run.at
        wanted = ByteRange(first, None if run.end is None else download.first + run.end - 1)
        try:
            stream = self._get(wanted, [("If-Range", '"%s"' % download.etag)] if shared.conditional else ())
        except InvalidRange:  # the object is shorter now
            raise ObjectChanged()
        try:
            if shared.headers is None:  # the download continues an earlier run's
                shared.status, shared.headers = stream.status, stream.headers
            info = objects.decode_info(stream.headers, stream.status)
            if info.etag != download.etag:
                raise ObjectChanged()
            if info.span is None:
                self._begin_again(run)
            elif info.span[0] != first or (run.end is not None and info.span[1] != run.end - run.at):
                raise IntegrityError(u"bytes from %d on were requested, but %s were sent" % (first, info.span))
            return stream
        except BaseException:
            stream.close()
            raise

    def _begin_again(self, run):
        # type: (_Run) -> None
        """The same object came whole: the service supports no ranges, or does not recognise its etag in If-Range."""
        shared, download = self._receiver, self._receiver.known()
        if run.begin or run.end != download.size or not (download.size is None or download.is_whole()):
            shared.conditional = False
            raise BadAnswer(u"a range was requested, but the whole object was sent")
        run.again()
        shared.forget()

    def _read(self, stream, run):
        # type: (Stream, _Run) -> None
        shared = self._receiver
        while run.end is None or run.at < run.end:
            size = min(self._piece, BLOCK - run.at % BLOCK)
            view = self._buffer(size if run.end is None else min(size, run.end - run.at))
            count = self._filled(stream, view)
            shared.check()
            if not count:
                break
            self._put(run, view[:count])
        if run.end is None:
            if stream.missing():
                raise NoAnswer(u"the body ended after %d bytes" % run.at)
        elif run.at < run.end:
            raise NoAnswer(u"the body ended after %d of %d bytes" % (run.at - run.begin, run.end - run.begin))
        elif stream.missing() or (stream.missing() is None and stream.readinto(self._buffer(1))):
            raise IntegrityError(u"more bytes were sent than the announced %d" % (run.end - run.begin))

    def _filled(self, stream, view):
        # type: (Stream, memoryview) -> int
        """The number of bytes read.  The next read is smaller if this one was slow, and larger if it was fast."""
        begin = self._carrier.ticks()
        count = stream.readinto(view)
        seconds = self._carrier.ticks() - begin
        if seconds > PACE:
            self._piece = max(min(CALM, self._piece), self._piece // 2)
        elif seconds < PACE / 4:
            self._piece = min(2 * self._piece, self._receiver.piece)
        return count

    def _put(self, run, data):
        # type: (_Run, memoryview) -> None
        shared, size = self._receiver, len(data)
        if self._handle is None:
            self._handle = shared.target.handle()
        hashing = run.hashing or shared.hashed(run)
        self._handle.write(data, run.at)
        block = run.at // BLOCK
        run.at += size
        shared.moved(block, size)
        self._is_taken = True
        hashing.update(data)
        if shared.limit is not None:
            self._wait(shared.limit.reserve(size, self._carrier.ticks()))

    def _wait(self, seconds):
        # type: (float) -> None
        while seconds > 0:
            step = min(seconds, LOOK)
            self._carrier.wait(step)
            self._receiver.check()
            seconds -= step

    def _buffer(self, size):
        # type: (int) -> memoryview
        """A memoryview to read into.  The hashing thread may lag by AHEAD buffers, so keep one more."""
        count = 1 if self._receiver.jobs > 1 else Hashing.AHEAD + 1
        if self._is_taken:  # else the last read returned no bytes: use its buffer again
            self._is_taken = False
            if len(self._buffers) < count:
                self._buffers.appendleft(memoryview(bytearray(size)))
            self._buffers.rotate(-1)
        if len(self._buffers[-1]) < size:
            self._buffers[-1] = memoryview(bytearray(size))
        return self._buffers[-1][:size]
