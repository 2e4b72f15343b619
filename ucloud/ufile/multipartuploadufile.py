"""Multipart upload with resume, under the older SDK's names."""

from __future__ import absolute_import, division, print_function

import json  # noqa: F401  the older SDK's modules have these names too
import os  # noqa: F401
import time  # noqa: F401

from ..compact import s  # noqa: F401
from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..util import finishsharding_url, initialsharding_url, shardingupload_url  # noqa: F401
from ..uvideo.engine.upload_source import FileSource, StreamSource, shown
from ..uvideo.engine.validation import count, mime_of, text
from ..uvideo.handler import answers
from ..uvideo.multipartuploaduvideo import MultipartUploadUVideo
from ..uvideo.protocol.compat import TYPE_CHECKING
from ..uvideo.protocol.errors import InvalidArgument
from ..uvideo.protocol.field import unquoted
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE
from .httprequest import ResponseInfo  # noqa: F401
from .magicwrapper import Mimetype  # noqa: F401

if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, Sequence, TypeVar  # noqa: F401

    from ..uvideo.config import HandlerSettings  # noqa: F401
    from ..uvideo.engine.upload_source import Reads as _Readable  # noqa: F401
    from ..uvideo.engine.upload_source import Receives as _Receiving  # noqa: F401
    from ..uvideo.handler import _Answer  # noqa: F401
    from ..uvideo.multipartuploaduvideo import _Options, _Task  # noqa: F401
    from ..uvideo.protocol.signature import Credentials  # noqa: F401
    from ..uvideo.protocol.upload import Upload  # noqa: F401

    _Header = Mapping[str, str] | None
    T = TypeVar("T")


class MultipartUploadUFile(BaseUFile, MultipartUploadUVideo):
    """Uploads files and streams in parts, several at the same time.  Safe to share between threads.

    uploadid, blocksize, etaglist, pausepartnumber: of the upload that resume would continue, for programs that store
    them.  If a program sets them, resume uses the values for arguments that it is not given.
    """

    def _make(self, credentials, suffixes=(), chosen=None):
        # type: (Credentials, tuple[str | None, ...], HandlerSettings | None) -> None
        super(MultipartUploadUFile, self)._make(credentials, suffixes, chosen)
        self._kept = {}  # type: dict[str, Any]  # values that the program set

    def uploadfile(self, bucket, key, localfile, retrycount=3, retryinterval=5, header=None):  # type: ignore[override]  # its own arguments
        # type: (str, str, str | os.PathLike[str], int, float, _Header) -> _Answer
        """Upload a file in parts.  As ucloud.uvideo's."""
        self._kept = {}
        return super(MultipartUploadUFile, self).uploadfile(
            bucket, key, localfile, None, retrycount, retryinterval, header=header
        )

    def uploadstream(self, bucket, key, stream, retrycount=3, retryinterval=5, mime_type=None, header=None):  # type: ignore[override]  # as above
        # type: (str, str, _Readable | _Receiving, int, float, str | None, _Header) -> _Answer
        """Upload a stream, from its position to its end.  As ucloud.uvideo's."""
        self._kept = {}
        return super(MultipartUploadUFile, self).uploadstream(
            bucket, key, stream, None, retrycount, retryinterval, mime_type, header
        )

    @answers
    def resumeuploadfile(  # type: ignore[override]  # as above
        self,
        retrycount=3,  # type: int
        retryinterval=5,  # type: float
        bucket=None,  # type: str | None
        key=None,  # type: str | None
        uploadid=None,  # type: str | None
        blocksize=None,  # type: int | None
        etaglist=None,  # type: Sequence[str] | None
        localfile=None,  # type: str | os.PathLike[str] | None
        pausepartnumber=None,  # type: int | None
        mime_type=None,  # type: str | None
        header=None,  # type: _Header
    ):
        # type: (...) -> _Answer
        """Continue an interrupted uploadfile: this handler's, or any process's that the arguments describe.

        An argument that is not given is that of this handler's interrupted upload.  Without an uploadid a new upload
        begins.  The service is asked for its parts, and each is compared with the file, so etaglist and pausepartnumber
        are not needed.  (ret, resp) as uploadfile.
        """
        kept = self._kept
        given = [each or None for each in (bucket, key, uploadid or kept.get("uploadid"), localfile)]
        options = self._options(None, retrycount, retryinterval, header, None)
        return self._resumed(True, options, given, blocksize or kept.get("blocksize"), (), mime_type)

    @answers
    def resumeuploadstream(
        self,
        retrycount=3,  # type: int
        retryinterval=5,  # type: float
        bucket=None,  # type: str | None
        key=None,  # type: str | None
        uploadid=None,  # type: str | None
        blocksize=None,  # type: int | None
        etaglist=None,  # type: Sequence[str] | None
        stream=None,  # type: _Readable | _Receiving | None
        pausepartnumber=None,  # type: int | None
        mime_type=None,  # type: str | None
        header=None,  # type: _Header
    ):
        # type: (...) -> _Answer
        """Continue an interrupted uploadstream: this handler's, or any process's that the arguments describe.

        stream: its next bytes are those of part pausepartnumber, so from pausepartnumber * blocksize on.
        etaglist: the etags of the parts before, in order.  (ret, resp) as uploadstream.
        """
        kept = self._kept
        given = [each or None for each in (bucket, key, uploadid or kept.get("uploadid"))] + [stream]
        etags = [unquoted(text(u"each of etaglist", each) or u"") for each in etaglist or kept.get("etaglist") or ()]
        if not all(etags):
            raise InvalidArgument(u"etaglist has no etag for part %d" % [bool(each) for each in etags].index(False))
        paused = count(u"pausepartnumber", pausepartnumber or kept.get("pausepartnumber") or pausepartnumber)
        options = self._options(None, retrycount, retryinterval, header, None)
        return self._resumed(False, options, given, blocksize or kept.get("blocksize"), etags, mime_type, paused)

    def _resumed(
        self,
        is_file,  # type: bool
        options,  # type: _Options
        given,  # type: list[Any]
        blocksize,  # type: int | None
        etags,  # type: Sequence[str]
        mime_type,  # type: str | None
        first=None,  # type: int | None
    ):
        # type: (...) -> _Answer
        """(ret, resp) of continuing the upload that the caller describes; None values are the interrupted upload's.

        ``given``: space, key, upload id and file or stream.  ``first``: the part that the stream continues with.
        """
        space, key, upload_id, data = given
        paused = self._paused(is_file)
        if paused is None or not _is_about(paused, space, key, upload_id):
            paused = None
        if data is None and (paused is not None or not any(each is not None for each in given)):
            task = self._claim(is_file)
            task.options.retry = options.retry
            self._kept = {}
            return self._run(task)
        if paused is not None:
            space, key, mime_type = paused.space, paused.key, mime_type or paused.options.mime
            if paused.upload is not None:
                upload_id, blocksize = paused.upload.upload_id, blocksize or paused.upload.block_size
                if not is_file:  # a file's parts are compared with the file
                    etags = etags or paused.upload.first_etags()
        missing = [name for name, value in (("bucket", space), ("key", key)) if value is None]
        missing += ["localfile" if is_file else "stream"] if data is None else []
        missing += ["uploadid"] if upload_id is None and (etags or first) else []
        if missing:
            raise InvalidArgument(u"%s is needed to continue this upload" % missing[0])
        if first is not None and first != len(etags):
            raise InvalidArgument(
                u"etaglist has %d etags, but the stream continues with part %d: give one etag for each part "
                u"before it"
                % (len(etags), first)
            )
        source = FileSource(data) if is_file else StreamSource(data, len(etags))
        if paused is not None:
            self._claim(is_file).source.close()
        try:
            options.mime = mime_of(mime_type or None, key, shown(data) if is_file else u"", options.header)
            size = count(u"blocksize", blocksize) or BLOCKSIZE
            upload_id, self._kept = text(u"uploadid", upload_id), {}
            return self._described(source, options, space, key, upload_id, size, etags)
        except InvalidArgument:
            source.close()
            raise

    def _current_upload(self):
        # type: () -> Upload | None
        paused = self._paused()
        return None if paused is None else paused.upload

    def _attribute(self, name, own, begun):
        # type: (str, Callable[[Upload], T], Any) -> T | None  # begun: a property
        """The program's value, or ``own(upload)`` of the interrupted upload, or the value of one begun by hand."""
        value = self._kept.get(name)  # type: T | None
        if name not in self._kept:
            found = self._current_upload()
            value = begun.fget(self) if found is None else own(found)
        return value

    @property
    def uploadid(self):
        # type: () -> str | None
        """The UploadId of the interrupted upload, or of one begun by init_multipart_upload; None without one."""
        return self._attribute("uploadid", lambda upload: upload.upload_id, MultipartUploadUVideo.uploadid)

    @uploadid.setter
    def uploadid(self, value):
        # type: (str | None) -> None
        self._kept["uploadid"] = value

    @property
    def blocksize(self):
        # type: () -> int | None
        """Its BlkSize in bytes; None without one."""
        return self._attribute("blocksize", lambda upload: upload.block_size, MultipartUploadUVideo.blocksize)

    @blocksize.setter
    def blocksize(self, value):
        # type: (int | None) -> None
        self._kept["blocksize"] = value

    @property
    def etaglist(self):
        # type: () -> list[str]
        """Its parts' etags in order, up to the first missing part."""
        found = self._attribute("etaglist", lambda upload: upload.first_etags(), MultipartUploadUVideo.etaglist)
        return list(found or ())

    @etaglist.setter
    def etaglist(self, value):
        # type: (Sequence[str]) -> None
        self._kept["etaglist"] = value

    @property
    def pausepartnumber(self):
        # type: () -> int
        """The first missing part."""
        paused = self._kept.get("pausepartnumber", len(self.etaglist))  # type: int
        return paused

    @pausepartnumber.setter
    def pausepartnumber(self, value):
        # type: (int) -> None
        self._kept["pausepartnumber"] = value


def _is_about(task, space, key, upload_id):
    # type: (_Task, str | None, str | None, str | None) -> bool
    """Whether the given values that are not None are those of a task."""
    about = task.space, task.key, None if task.upload is None else task.upload.upload_id
    pairs = zip((space, key, upload_id), about)
    return all([given is None or text(u"each of bucket, key and uploadid", given) == own for given, own in pairs])
