"""Multipart upload with resume, from files and streams."""

from __future__ import absolute_import, division, print_function

import logging
import os
import threading

from ..logger import logger  # noqa: F401  the official SDK's modules have these names too
from . import config  # noqa: F401
from .engine import transfer_record as checkpoints
from .engine.keep_or_abort import RECORD, RESUME, keep_or_abort
from .engine.multipart_upload import Sender, begin, check_begun, finish, give_up, reconcile
from .engine.retry import Retry
from .engine.upload_source import FileSource, StreamSource, shown, usable
from .engine.validation import header_pairs, mime_of
from .handler import also, answers, stored_as, succeeded
from .manual_multipart import Assembler, aborted
from .protocol import upload as uploads
from .protocol.compat import TYPE_CHECKING, is_integer, is_text, native
from .protocol.errors import BadAnswer, InvalidArgument, UploadNotFound
from .protocol.location import check_key, check_space
from .protocol.message import Headers
from .protocol.operation import InitiateUpload
from .protocol.provider import named

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, Mapping  # noqa: F401

    from .config import HandlerSettings  # noqa: F401
    from .engine.upload_source import Reads as _Readable  # noqa: F401
    from .engine.upload_source import Receives as _Receiving  # noqa: F401
    from .handler import ResponseInfo, _Answer  # noqa: F401
    from .protocol.signature import Credentials  # noqa: F401

    Entry = tuple[int | None, "_Task"]

_log = logging.getLogger("ucloud.uvideo")


class _Task(object):
    """One upload of a handler, with all that resume needs."""

    def __init__(self, space, key, source, options):
        # type: (str, str, FileSource | StreamSource, _Options) -> None
        self.space, self.key, self.source, self.options = space, key, source, options
        self.upload = None  # type: uploads.Upload | None
        self.checkpoint = None  # type: str | None  # path

    def is_file(self):
        # type: () -> bool
        return isinstance(self.source, FileSource)


class _Options(object):
    def __init__(self, maxthread, retry, mime, header, progress):
        # type: (int, Retry, str | None, tuple[tuple[str, str], ...], Callable[[int, int | None], object] | None) -> None
        self.maxthread, self.retry, self.mime, self.header, self.progress = maxthread, retry, mime, header, progress


class MultipartUploadUVideo(Assembler):
    """Uploads files and streams in parts.

    Several threads may upload with one handler.  ``resumeuploadfile()`` and ``resumeuploadstream()`` continue the
    upload that was interrupted last in the calling thread, or else the only interrupted one.  Objects can also be
    assembled by hand from parts of other objects: init_multipart_upload, upload_part_copy, finish_upload.
    """

    def _make(self, credentials, suffixes=(), chosen=None):
        # type: (Credentials, tuple[str | None, ...], HandlerSettings | None) -> None
        super(MultipartUploadUVideo, self)._make(credentials, suffixes, chosen)
        self._lock = threading.Lock()
        self._interrupted = []  # type: list[Entry]  # (thread's ident, _Task), the newest last

    def close(self):
        # type: () -> None
        """Close the idle connections and the files of interrupted uploads.  Only a checkpoint can continue those."""
        with self._lock:
            interrupted, self._interrupted = self._interrupted, []
        for _, task in interrupted:
            task.source.close()
        super(MultipartUploadUVideo, self).close()

    @also(bucket="space")
    @answers
    def uploadfile(
        self,
        space,  # type: str
        key,  # type: str
        localfile,  # type: str | os.PathLike[str]
        maxthread=None,  # type: int | None
        retrycount=3,  # type: int
        retryinterval=5,  # type: float
        mime_type=None,  # type: str | None
        header=None,  # type: Mapping[str, str] | None
        checkpoint=None,  # type: str | os.PathLike[str] | None
        progress=None,  # type: Callable[[int, int | None], object] | None
    ):
        # type: (...) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Upload a file in parts.  bucket: another name for space.

        maxthread: parts sent at the same time; None for config's, 4.  retrycount: the most retries of a part.
        retryinterval: seconds; the wait before the n-th retry is at most retryinterval * 2 ** (n - 1).  mime_type: None
        for header's Content-Type, or else guessed from the names.  header: further headers of the object, for example
        X-Ufile-Meta-* and X-Ufile-Storage-Class.  checkpoint: path of a file with which another process can resume.  If
        it exists from an interrupted upload of the same file, that upload is continued.  progress: called as
        progress(sent, total), in bytes, never twice at the same time.  If it raises, the upload stops and can be
        resumed.

        (ret, resp); ret has Bucket, Key and FileSize.  status_code 200; 400 no such space, 401 signature, 403 keys; -1
        no response: resume; -2 wrong content was stored; -3 a local failure: the file changed, or a proxy or
        certificate setting is wrong.
        """
        space, key = check_space(space), check_key(key)
        options = self._options(maxthread, retrycount, retryinterval, header, progress)
        source = FileSource(localfile)
        try:
            task = _Task(space, key, source, options)
            options.mime = mime_of(mime_type or None, key, shown(localfile), options.header)
            task.checkpoint = _path(checkpoint)
            found = checkpoints.load(task.checkpoint) if task.checkpoint else None
            if found is not None:
                self._adopt(task, found, localfile)
        except BaseException:
            source.close()
            raise
        return self._run(task)

    @answers
    def resumeuploadfile(self, checkpoint=None):
        # type: (str | os.PathLike[str] | None) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Continue an interrupted uploadfile: this handler's, or any process's with its checkpoint.

        The file must be the same (size and time of change).  Parts that the service has are not sent again.
        (ret, resp) as uploadfile.
        """
        if checkpoint is None:
            return self._run(self._claim(True))
        path = _path(checkpoint)
        found = None if path is None else checkpoints.load(path)
        if found is None or path is None:
            raise InvalidArgument(u"no checkpoint %s: no upload was interrupted, or it is finished" % shown(path))
        local = (found.source or {}).get("path")
        if not local:
            raise InvalidArgument(u"%s does not name its file" % shown(path))
        options = self._options(None, 3, 5, None, None)
        options.maxthread = self._settings.maxthread
        source = FileSource(local)
        try:
            task = _Task(found.space, found.key, source, options)
            task.checkpoint, options.mime = path, found.mime
            self._adopt(task, found, local)
        except BaseException:
            source.close()
            raise
        return self._run(task)

    @also(bucket="space")
    @answers
    def uploadstream(
        self,
        space,  # type: str
        key,  # type: str
        stream,  # type: _Readable | _Receiving
        maxthread=None,  # type: int | None
        retrycount=3,  # type: int
        retryinterval=5,  # type: float
        mime_type=None,  # type: str | None
        header=None,  # type: Mapping[str, str] | None
        progress=None,  # type: Callable[[int, int | None], object] | None
    ):
        # type: (...) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Upload a stream of unknown length, from its position to its end.

        bucket: another name for space.  stream: an object with read() or recv() that gives bytes: a file, BytesIO,
        pipe, socket or HTTP response.  It need not seek, and short reads are joined.  It stays open.  Otherwise as
        uploadfile; progress's total is None until the end is known.
        """
        space, key = check_space(space), check_key(key)
        options = self._options(maxthread, retrycount, retryinterval, header, progress)
        options.mime = mime_of(mime_type or None, key, u"", options.header)
        return self._run(_Task(space, key, StreamSource(stream), options))

    @answers
    def resumeuploadstream(self):
        # type: () -> tuple[dict[str, Any] | None, ResponseInfo]
        """Continue this handler's interrupted uploadstream.  The stream need not be seekable.  (ret, resp) as it."""
        return self._run(self._claim(False))

    @answers
    def abort(self, checkpoint=None):
        # type: (str | os.PathLike[str] | None) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Abort an interrupted upload, which frees its parts at the service.  (ret, resp); status_code 200.

        Without an interrupted upload: abort that of init_multipart_upload.
        checkpoint: of another process's upload; the file is removed.
        """
        if checkpoint is None:
            if not self._interrupted and self.uploadid is not None:
                return self._abort_begun()
            task = self._claim(None)
            upload, path = task.upload, task.checkpoint
            task.source.close()
        else:
            path = _path(checkpoint)
            upload = None if path is None else checkpoints.load(path)
            if upload is None:
                raise InvalidArgument(u"there is no checkpoint %s" % shown(path))
        if upload is None:
            return succeeded(200, Headers())
        answer = aborted(self._carrier, upload)
        if path:
            checkpoints.remove(path)
        return answer

    # The steps of an upload

    def _options(
        self,
        maxthread,  # type: int | None
        retrycount,  # type: int
        retryinterval,  # type: float
        header,  # type: Mapping[str, str] | None
        progress,  # type: Callable[[int, int | None], object] | None
    ):
        # type: (...) -> _Options
        maxthread = self._settings.maxthread if maxthread is None else maxthread
        if not is_integer(maxthread) or not 1 <= maxthread <= 64:
            raise InvalidArgument(u"maxthread must be a whole number from 1 to 64, not %r" % (maxthread,))
        if not is_integer(retrycount) or retrycount < 0:
            raise InvalidArgument(u"retrycount must be a whole number from 0, not %r" % (retrycount,))
        if isinstance(retryinterval, bool) or not isinstance(retryinterval, (int, float)) or not (
            0 <= retryinterval < 10**7
        ):
            raise InvalidArgument(u"retryinterval must be a number of seconds, not %r" % (retryinterval,))
        if progress is not None and not callable(progress):
            raise InvalidArgument(u"progress must be callable")
        base = float(retryinterval)
        retry = Retry(retrycount, base, max(20.0, base), max(120.0, 4.0 * base))
        return _Options(maxthread, retry, None, header_pairs(header), progress)

    def _adopt(self, task, found, localfile):
        # type: (_Task, uploads.Upload, str | os.PathLike[str]) -> None
        """Continue a checkpoint's upload, after checking that it belongs to this file."""
        assert task.checkpoint is not None and isinstance(task.source, FileSource)
        if os.path.realpath(task.checkpoint) == os.path.realpath(localfile):
            raise InvalidArgument(u"%s cannot be both the file and its checkpoint" % shown(localfile))
        about = (found.space, found.key, (found.source or {}).get("identity"))
        if about[:2] != (task.space, task.key):
            raise InvalidArgument(
                u"%s belongs to the upload of %s/%s: give another checkpoint, or abort that upload with abort()"
                % (shown(task.checkpoint), found.space, found.key)
            )
        if about[2] != task.source.identity or found.size != task.source.size:
            raise InvalidArgument(
                u"%s changed since its upload was interrupted: abort that upload with abort(checkpoint=...), and "
                u"upload again"
                % shown(localfile)
            )
        task.upload = found
        task.options.mime = found.mime or task.options.mime

    def _run(self, task):
        # type: (_Task) -> _Answer
        try:
            result = self._transfer(task)
        except BaseException as error:
            self._after(task, keep_or_abort(error))
            raise
        task.source.close()
        if task.checkpoint:
            checkpoints.remove(task.checkpoint)
        return result

    def _transfer(self, task):
        # type: (_Task) -> _Answer
        carrier, options = self._carrier, task.options
        if task.upload is not None and isinstance(task.source, FileSource):
            done = self._reconcile(task, task.upload, task.source)
            if done is not None:
                return done
        upload = task.upload or self._begin(task)
        record = checkpoints.Checkpoint(task.checkpoint, upload) if task.checkpoint else None

        def acknowledged(part):
            # type: (int) -> None
            if record is not None:
                record.add(part)
            if options.progress is not None:
                options.progress(upload.sent(), upload.size)

        if not upload.complete():
            Sender(carrier, upload, task.source, options.maxthread, options.retry, acknowledged).send()
        if options.progress is not None and upload.size == 0:
            options.progress(0, 0)
        return stored_as(*finish(carrier, upload, options.retry)[:2])

    def _begin(self, task):
        # type: (_Task) -> uploads.Upload
        source, options = task.source, task.options
        shared = named(self._settings.upload).shared
        # The video service's own client signs a form's type here; the parts have the real type.
        op = InitiateUpload(task.space, task.key, None if shared else options.mime)
        made = size = None
        if isinstance(source, FileSource):
            size = source.size
            made = {"path": shown(os.path.abspath(source.path)), "identity": source.identity}

        def make(upload_id, block_size):
            # type: (str, int) -> uploads.Upload
            return uploads.Upload(task.space, task.key, upload_id, block_size, size, options.mime, made)

        task.upload = begin(self._carrier, op, make, options.header, options.retry)
        return task.upload

    def _described(
        self,
        source,  # type: FileSource | StreamSource
        options,  # type: _Options
        space,  # type: str
        key,  # type: str
        upload_id,  # type: str | None
        block_size,  # type: int
        etags=(),  # type: Iterable[str]
    ):
        # type: (...) -> _Answer
        """(ret, resp) of continuing an upload that another handler may have begun; without an upload id, of a new
        upload.

        ``etags``: of the parts before the stream's next bytes.  For a file the service is asked which parts it has.
        """
        task = _Task(check_space(space), check_key(key), source, options)
        if upload_id is None:
            return self._run(task)
        size = source.size if isinstance(source, FileSource) else None
        upload = uploads.Upload(task.space, task.key, upload_id, block_size, size, options.mime)
        try:
            check_begun(upload)
        except BadAnswer as error:
            raise InvalidArgument(u"this upload cannot be continued: " + error.message)
        for part, given in enumerate(etags):
            upload.acknowledge(part, None, given)
        task.upload = upload
        return self._run(task)

    def _reconcile(self, task, upload, source):
        # type: (_Task, uploads.Upload, FileSource) -> _Answer | None
        """The (ret, resp) of an upload that had finished after all, else None.  Starts over if it is unknown."""
        try:
            found = reconcile(self._carrier, upload, source)
        except UploadNotFound:
            _log.info("the service no longer knows the upload to %s; it starts over", native(upload.space))
            task.upload = None
            return None
        return None if found is None else stored_as(*found)

    def _after(self, task, found):
        # type: (_Task, str) -> None
        """Keep an upload that can be resumed; abort any other."""
        if found == RESUME:
            self._remember(task)
            return
        task.source.close()
        if task.upload is None or (found == RECORD and task.checkpoint):
            return
        if give_up(self._carrier, task.upload) and task.checkpoint:
            checkpoints.remove(task.checkpoint)

    def _remember(self, task):
        # type: (_Task) -> None
        """Keep a task for resume: one file and one stream a thread, so that files and blocks do not pile up."""
        mine = threading.current_thread().ident
        with self._lock:
            for entry in [each for each in self._interrupted if each[0] == mine]:
                if entry[1].is_file() is task.is_file():
                    self._interrupted.remove(entry)
                    entry[1].source.close()
            self._interrupted.append((mine, task))

    def _claim(self, file):
        # type: (bool | None) -> _Task
        """Take the interrupted task to continue.  ``file``: True for a file, False for a stream, None for either."""
        with self._lock:
            fitting, entry = self._fitting(file)
            if not fitting:
                raise InvalidArgument(u"no upload of this handler is interrupted")
            if entry is None:
                raise InvalidArgument(u"several uploads are interrupted: resume each in its own thread")
            self._interrupted.remove(entry)
            return entry[1]

    def _paused(self, file=None):
        # type: (bool | None) -> _Task | None
        """The task that ``_claim`` would take; None without one."""
        with self._lock:
            entry = self._fitting(file)[1]
        return None if entry is None else entry[1]

    def _fitting(self, file):
        # type: (bool | None) -> tuple[list[Entry], Entry | None]
        """(entries of such tasks, the entry that the calling thread may take or None).  The lock must be held."""
        fitting = [entry for entry in self._interrupted if file is None or entry[1].is_file() is file]
        own = [entry for entry in fitting if entry[0] == threading.current_thread().ident]
        if not own and len(fitting) > 1:
            return fitting, None
        found = own or fitting
        return fitting, found[-1] if found else None


def _path(value):
    # type: (str | os.PathLike[str] | None) -> str | None
    if value is None:
        return None
    path = usable(value, u"the checkpoint")
    if not is_text(path):
        raise InvalidArgument(u"checkpoint must be text")
    return path
