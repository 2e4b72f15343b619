"""Threads that drive an Upload, and a download that ends complete and verified or leaves no trace."""

from __future__ import absolute_import, division, print_function

import logging
import os
import stat
import threading
import uuid

from .carrier import describe
from .protocol import answer, etag, operation
from .protocol import upload as uploads
from .protocol.byterange import ByteRange, parse_content
from .protocol.errors import (
    BadAnswer,
    IntegrityError,
    InvalidArgument,
    LocalFailure,
    NoAnswer,
    NotFound,
    PartExists,
    Refused,
    TransferInterrupted,
    UploadNotFound,
    UVideoError,
)
from .protocol.text import printable
from .retry import Retry
from .source import READ, local, shown

try:
    from queue import SimpleQueue as Queue  # in C, half the cost of queue.Queue for each piece
except ImportError:
    try:
        from queue import Queue  # Python 3.6
    except ImportError:
        from Queue import Queue  # Python 2.7

_log = logging.getLogger("ucloud.uvideo")

#: A server that asks for larger blocks would decide over this process's memory.
BLOCK_LIMIT = 64 * 1024 * 1024
#: One that asks for smaller ones would decide over the number of requests and of digests kept.
BLOCK_FLOOR = 16 * 1024
#: Characters of an upload id: it stands in the target of every request about it.
ID_LIMIT = 2000
#: Seconds that an interruption (Ctrl-C) waits for the other threads; they end by themselves after that.
GRACE = 2.0


# Upload


def begin(carrier, op, make_upload, headers=(), retry=None):
    """Initiate and return ``make_upload(upload_id, block_size)``."""
    initiated, _ = carrier.call(op, headers=headers, retry=retry, check=check_begun)
    return make_upload(initiated.upload_id, initiated.block_size)


def check_begun(initiated):
    """BadAnswer if the ``upload_id`` or ``block_size`` of what the service began is of no use."""
    if not BLOCK_FLOOR <= initiated.block_size <= BLOCK_LIMIT:
        raise BadAnswer(u"the service asks for blocks of %d bytes" % initiated.block_size)
    upload_id = initiated.upload_id
    if len(upload_id) > ID_LIMIT or printable(upload_id) != upload_id:
        raise BadAnswer(u"the service's upload id is too long or holds control characters")


class Sender(object):
    """Sends what is pending of one Upload, in several threads, at most one block in memory for each.

    ``retry``: for each part and for the finish.  ``acknowledged(part)``: called after each part, one call at a time.
    ``body(part, block)``: what is sent of a block, as Carrier.call takes it; None: the block itself.
    ``verify``: whether each part's etag is compared with that of the bytes sent, each thread hashing its own.
    """

    def __init__(self, carrier, upload, source, threads, retry, acknowledged=None, body=None, verify=True):
        self._carrier, self._upload, self._source, self._retry = carrier, upload, source, retry
        self._threads = threads
        self._acknowledged, self._body, self._verify = acknowledged, body, verify
        self._lock = threading.Lock()
        self._error = None
        self._stopped = False

    def send(self):
        """Send every pending part.  Raises the worst error; what was acknowledged stays so."""
        self._source.bind(self._upload, self._verify)
        parts = self._upload.parts()
        left = self._threads if parts is None else min(self._threads, parts - len(self._upload.digests))
        others = []
        try:
            for _ in range(left - 1):
                thread = threading.Thread(target=self._work)
                thread.daemon = True
                try:
                    thread.start()
                except RuntimeError as error:  # the system gives no more threads: fewer will do
                    _log.warning("%s; going on with %d", error, len(others) + 1)
                    break
                others.append(thread)
            self._work()
            for thread in others:
                while thread.is_alive():
                    thread.join(1.0)  # with a limit, or Python 2.7 would not see Ctrl-C
        except BaseException:
            self._stopped = True
            for thread in others:
                thread.join(GRACE / len(others))
            raise
        if self._error is not None:
            raise self._error
        self._source.check()
        if not self._upload.complete():  # a thread of an interrupted call took a block that this one did not get
            raise TransferInterrupted(u"parts of the interrupted upload are still on their way; resume again")

    def _work(self):
        while not self._stopped:
            try:
                taken = self._source.take()
                if taken is None or self._stopped:
                    return
                self._send(*taken)
            except BaseException as error:
                self._fail(error)
                if not isinstance(error, Exception):
                    raise
                return

    def _send(self, part, block):
        upload = self._upload
        op = operation.UploadPart(upload.space, upload.key, upload.upload_id, part, upload.mime)
        try:
            sent = block if self._body is None else self._body(part, block)
            stored, _ = self._carrier.call(op, sent, retry=self)
            given = stored.etag
        except PartExists:  # an earlier try arrived though its answer did not; Finish compares the etags
            given = None
        digest = block.digest()
        if digest is None and given is None:
            block.rewind()
            digest = etag.block_digest(b"".join(iter(block.read, b"")))
        with self._lock:
            upload.acknowledge(part, digest, given)
            self._source.let_go(part)
            if self._acknowledged is not None:
                self._acknowledged(part)

    def decide(self, attempt, error, waited, fraction):
        """As Retry; None once another part has failed or the call was interrupted."""
        return None if self._stopped else self._retry.decide(attempt, error, waited, fraction)

    def _fail(self, error):
        """The first error counts, but one that trying again cannot help more than one that it can."""
        with self._lock:
            self._stopped = True
            if self._error is None or (_passing(self._error) and not _passing(error)):
                self._error = error


def _passing(error):
    return getattr(error, "retryable", False)


def finish(carrier, upload, retry):
    """(Finished, Response) of a complete Upload, its etag compared with the one computed here.

    When the service does not know the upload, an earlier try may have finished it: then the object itself tells.
    """
    op = operation.FinishUpload(upload.space, upload.key, upload.upload_id, upload.part_etags())
    try:
        finished, response = carrier.call(op, retry=retry)
    except UploadNotFound:
        found = stored(carrier, upload)
        if found is None:
            raise
        finished, response = found
    expected, wrong = upload.etag(), None
    if finished.size is not None and finished.size != upload.size:
        wrong = u"the stored object has %d bytes but the source has %d" % (finished.size, upload.size)
    if expected is not None and finished.etag is not None and not etag.same(finished.etag, expected, upload.size):
        wrong = u"the stored object has etag %s but the source has %s" % (shown(finished.etag), expected)
    if wrong is not None:
        error = IntegrityError(wrong, status=response.status)
        describe(error, op)
        raise error
    return finished, response


def stored(carrier, upload, fill=None):
    """(Finished, Response) if the object at the upload's key already has the upload's content, else None.

    ``fill()``: acknowledges the parts whose digests are still to be computed; called only if the sizes agree.
    """
    try:
        info, response = carrier.call(operation.HeadObject(upload.space, upload.key))
    except NotFound:
        return None
    if info.size != upload.size:
        return None
    if fill is not None:
        fill()
    expected = upload.etag()
    if expected is None or not etag.same(info.etag, expected, upload.size):
        return None
    return operation.Finished(upload.space, upload.key, info.size, info.etag), response


def listed_parts(carrier, upload):
    """Every Part that the service has of an upload, in order.  UploadNotFound if it does not know it."""
    parts, marker = [], None
    while True:

        def check(page, marker=marker):
            if upload.size is not None and len(parts) + len(page.parts) > upload.parts():
                raise BadAnswer(u"the list of parts is longer than the object")
            if page.truncated and page.parts and marker is not None and _following(page) <= marker:
                raise BadAnswer(u"the list of parts does not advance")

        op = operation.ListParts(upload.space, upload.upload_id, 1000, marker)
        page, _ = carrier.call(op, check=check)
        parts.extend(page.parts)
        if not page.truncated or not page.parts:
            return parts
        marker = _following(page)


def reconcile(carrier, upload, source):
    """Bring an Upload of an earlier run in line with what the service has of it.

    (Finished, Response) if it had finished after all, else None: go on with what is pending.  UploadNotFound if the
    service no longer knows it; SourceChanged if the source is not the same.  One whose parts cannot be listed is
    trusted.
    """
    source.check()

    def digest(part, where):
        return etag.block_digest(source.read(where))

    def fill():
        for part, where in upload.pending():
            upload.acknowledge(part, digest(part, where))

    try:
        listed = listed_parts(carrier, upload)
    except UploadNotFound:
        found = stored(carrier, upload, fill)
        if found is None:
            raise
        return found
    except Refused as error:
        if error.status in (401, 403) or error.retryable:
            raise
        _log.warning("the service does not list parts (%s); the record is trusted", error)
        return None
    uploads.match(upload, listed, digest)
    return None


def give_up(carrier, upload):
    """Abort an upload.  False if that failed, which is only logged: what led to it counts more."""
    try:
        carrier.call(operation.AbortUpload(upload.space, upload.key, upload.upload_id), retry=Retry(0))
    except UploadNotFound:
        pass
    except UVideoError as error:
        _log.warning("the upload could not be aborted: %s", error)
        return False
    return True


def _following(page):
    return max(page.next_marker, page.parts[-1].part)


# Download


class Hashing(object):
    """An etag computed beside the reading, in a thread where the object is large enough to gain from it."""

    def __init__(self, size):
        self._etag = etag.Etag()
        self._queue = None
        if size is None or size > 4 * READ:
            self._queue, self._room = Queue(), Queue()
            for _ in range(4):  # pieces on their way: few, so that the bytes are still in the cache
                self._room.put(None)
            self._thread = threading.Thread(target=self._work)
            self._thread.daemon = True
            self._thread.start()

    def _work(self):
        while True:
            data = self._queue.get()
            if data is None:
                return
            self._etag.update(data)
            self._room.put(None)

    def update(self, data):
        if self._queue is None:
            self._etag.update(data)
        else:
            self._room.get()
            self._queue.put(data)

    def value(self):
        self.close()
        return self._etag.value()

    def close(self):
        if self._queue is not None:
            self._queue.put(None)
            self._thread.join()
            self._queue = None


def _check_link(path):
    """LocalFailure for a link that another user left in a sticky folder; the system does not follow it either."""
    if not os.path.islink(path) or not hasattr(os, "geteuid"):
        return
    folder, owner = os.stat(os.path.dirname(path) or "."), os.lstat(path).st_uid
    shared = folder.st_mode & stat.S_ISVTX and folder.st_mode & stat.S_IWOTH
    if shared and owner not in (os.geteuid(), folder.st_uid):
        raise LocalFailure(u"%s is a link that another user left there" % shown(path))


class _Target(object):
    """The file a download ends in: a temporary one beside it, renamed when all is well.

    An existing target keeps its permissions (not set-uid); a symbolic link is followed, but none that another user left
    in a shared folder such as /tmp; a device or pipe is written into directly.
    """

    def __init__(self, path):
        try:
            _check_link(path)
            self._final = os.path.realpath(path)
            status = os.stat(self._final) if os.path.exists(self._final) else None
        except (TypeError, ValueError, AttributeError):
            raise InvalidArgument(u"the local file is a %s; a path is needed" % type(path).__name__)
        self.path, self.file, self._temporary = path, None, None
        self._mode = None
        self._direct = status is not None and not stat.S_ISREG(status.st_mode)
        if status is not None and stat.S_ISDIR(status.st_mode):
            raise LocalFailure(u"%s is a directory; name a file in it" % shown(path))
        folder = os.path.dirname(self._final)
        if not os.path.isdir(folder):
            raise LocalFailure(u"the directory %s does not exist" % shown(folder))
        if not self._direct and not os.access(folder, os.W_OK | os.X_OK):
            raise LocalFailure(u"the directory %s cannot be written to" % shown(folder))
        if status is not None and not self._direct:
            self._mode = stat.S_IMODE(status.st_mode) & 0o777

    def start(self):
        """Begin with an empty file, again if need be."""
        try:
            if self.file is not None:
                if self._direct:
                    raise LocalFailure(u"%s cannot be begun again" % shown(self.path))
                self.file.seek(0)
                self.file.truncate()
            elif self._direct:
                self.file = open(self._final, "wb", 0)
            else:
                self._temporary = os.path.join(
                    os.path.dirname(self._final), ".%s.part" % uuid.uuid4().hex
                )
                flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
                self.file = os.fdopen(os.open(self._temporary, flags, 0o666 if self._mode is None else 0o600), "wb", 0)
                if self._mode is not None:
                    os.chmod(self._temporary, self._mode)
        except EnvironmentError as error:
            raise local(error, self.path)

    def write(self, data):
        try:
            written = self.file.write(data)
            while written is not None and written < len(data):  # a full disk or a pipe takes less
                data = memoryview(data)[written:]
                written = self.file.write(data)
        except EnvironmentError as error:
            raise local(error, self.path)

    def commit(self):
        try:
            self.file.close()
            if self._temporary is not None:
                getattr(os, "replace", os.rename)(self._temporary, self._final)
                self._temporary = None
        except EnvironmentError as error:
            raise local(error, self.path)

    def discard(self):
        if self.file is not None:
            try:
                self.file.close()
            except EnvironmentError:
                pass
        if self._temporary is not None:
            try:
                os.remove(self._temporary)
            except EnvironmentError:
                pass


class Download(object):
    """One download into a file: complete, verified and then renamed into place, or an error and no trace.

    ``expires``: seconds that each signed URL lasts, None for a public space.  ``wanted``: a ByteRange or None.
    A body that breaks off is continued by Range as long as the object's etag stays the same.
    """

    def __init__(self, carrier, space, key, path, expires=None, wanted=None, headers=()):
        self._carrier, self._space, self._key, self._path = carrier, space, key, path
        self._expires, self._wanted, self._headers = expires, wanted, headers
        self._target = self._hashing = None
        self._done = 0  # bytes of this version that are in the file
        self._span = None  # (first, length) in the object of what is wanted
        self._info = None
        self._status = None
        self.size = 0  # bytes of the file, when it is done
        self.verified = False  # whether the object's etag was compared

    def run(self):
        """(status, Headers) of the first answer of the version that was saved.  Raises UVideoError."""
        self._target = _Target(self._path)
        try:
            self._fetch()
            self._verify()
            self._target.commit()
            self.size = self._done
        except BaseException:
            self._target.discard()
            raise
        finally:
            if self._hashing is not None:
                self._hashing.close()
        return self._status, self._first_headers

    def _fetch(self):
        op = operation.GetObject(self._space, self._key)
        attempts = self._carrier.attempts(op)
        while True:
            before = self._done
            try:
                self._carrier.check()
                self._attempt()
                return
            except UVideoError as error:
                describe(error, op)
                if self._done - before >= READ:  # it goes forward
                    attempts.progress()
                if not self._carrier.pause(attempts, error, op):
                    raise

    def _attempt(self):
        stream = self._open()
        ended = False
        try:
            for data in iter(lambda: stream.read(READ), b""):
                self._carrier.check()
                if self._span is not None and self._done + len(data) > self._span[1]:
                    raise IntegrityError(u"more than the %d bytes that were promised came" % self._span[1])
                self._target.write(data)
                if self._hashing is not None:
                    self._hashing.update(data)
                self._done += len(data)
            if self._span is not None and self._done < self._span[1]:
                raise NoAnswer(u"the body ended after %d of %d bytes" % (self._done, self._span[1]))
            ended = True
        finally:
            stream.close(reuse=ended)

    def _open(self):
        """The Stream that goes on where the file ends; the file begins anew where that cannot be."""
        wanted, headers = self._wanted, list(self._headers)
        if self._done:
            first = (self._span[0] if self._span else 0) + self._done
            last = self._span[0] + self._span[1] - 1 if self._span else None
            wanted = ByteRange(first, last)
            headers.append(("If-Range", '"%s"' % self._info.etag))
        stream = self._carrier.open(operation.GetObject(self._space, self._key, wanted), self._expires, headers)
        try:
            info = answer.decode_info(stream.headers, stream.status)
            if self._done:
                if self._continues(info, wanted):
                    return stream
                if stream.status == 206 and self._wanted is None:  # part of another version
                    stream.close()
                    self._done = 0
                    return self._open()
            self._begin(stream, info)
            return stream
        except BaseException:
            stream.close()
            raise

    def _continues(self, info, wanted):
        return info.etag == self._info.etag and info.span is not None and info.span[0] == wanted.first

    def _begin(self, stream, info):
        if self._wanted is not None and info.span is not None:
            self._check_span(info, stream.headers)
        self._done, self._info, self._span = 0, info, info.span
        self._status, self._first_headers = stream.status, stream.headers
        if self._span is None and info.size is not None:
            self._span = (0, info.size)
        self._target.start()
        if self._hashing is not None:
            self._hashing.close()
            self._hashing = None
        if stream.status == 200 and etag.is_etag(info.etag):
            self._hashing = Hashing(info.size)

    def _check_span(self, info, headers):
        first, last = self._wanted
        total = parse_content(headers.get("Content-Range"))[2]
        if first is None:
            first = None if total is None else max(0, total - last)
            last = None
        end = info.span[0] + info.span[1] - 1
        wrong = first is not None and info.span[0] != first
        if last is not None and (end > last or (end < last and total is not None and end != total - 1)):
            wrong = True
        if wrong:
            raise IntegrityError(
                u"bytes %s were asked for but %s came" % (u"-".join([u"%s" % part for part in self._wanted]), info.span)
            )

    def _verify(self):
        if self._span is not None and self._done != self._span[1]:
            raise IntegrityError(u"%d bytes were promised but %d came" % (self._span[1], self._done))
        if self._hashing is None:
            if self._span is None and not self._first_headers.get("Transfer-Encoding"):
                raise IntegrityError(u"the answer says neither its length nor an etag that can be checked")
            if self._status == 200:
                _log.warning("the service gave no etag that can be checked; only the length was verified")
            return
        actual = self._hashing.value()
        if not etag.same(self._info.etag, actual, self._done):
            raise IntegrityError(
                u"the content does not verify: expected etag %s, actual %s" % (shown(self._info.etag), actual),
                operation="GetObject",
                space=self._space,
                key=self._key,
                status=self._status,
            )
        self.verified = True
