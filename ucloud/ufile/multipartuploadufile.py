"""Multipart upload with resume, by the names of the older SDK."""

from __future__ import absolute_import, division, print_function

from ..logger import logger  # noqa: F401  the older SDK's modules have these names too
from ..uvideo.argument import count, mime_of, text
from ..uvideo.handler import answers
from ..uvideo.multipartuploaduvideo import MultipartUploadUVideo
from ..uvideo.protocol.answer import unquoted
from ..uvideo.protocol.errors import InvalidArgument
from ..uvideo.source import FileSource, StreamSource, shown
from . import config  # noqa: F401
from .baseufile import BaseUFile
from .config import BLOCKSIZE


class MultipartUploadUFile(BaseUFile, MultipartUploadUVideo):
    """Uploads files and streams in parts, several at a time.  Safe to share between threads.

    uploadid, blocksize, etaglist, pausepartnumber: of the upload that resume would continue, for whoever keeps them.
    """

    def uploadfile(self, bucket, key, localfile, retrycount=3, retryinterval=5, header=None):
        """Upload a file in parts.  As ucloud.uvideo's."""
        return super(MultipartUploadUFile, self).uploadfile(
            bucket, key, localfile, None, retrycount, retryinterval, header=header
        )

    def uploadstream(self, bucket, key, stream, retrycount=3, retryinterval=5, mime_type=None, header=None):
        """Upload what a stream gives from where it stands to its end.  As ucloud.uvideo's."""
        return super(MultipartUploadUFile, self).uploadstream(
            bucket, key, stream, None, retrycount, retryinterval, mime_type, header
        )

    @answers
    def resumeuploadfile(
        self,
        retrycount=3,
        retryinterval=5,
        bucket=None,
        key=None,
        uploadid=None,
        blocksize=None,
        etaglist=None,
        localfile=None,
        pausepartnumber=None,
        mime_type=None,
        header=None,
    ):
        """Continue an interrupted uploadfile: this handler's, or in any process the one that the arguments describe.

        What is not given is that of this handler's interrupted upload.  The service is asked which parts it has, and
        each is compared with the file: etaglist and pausepartnumber are not needed.  (ret, resp) as uploadfile.
        """
        given = (bucket, key, uploadid, localfile)
        options = self._options(None, retrycount, retryinterval, header, None)
        return self._resumed(True, options, given, blocksize, (), mime_type)

    @answers
    def resumeuploadstream(
        self,
        retrycount=3,
        retryinterval=5,
        bucket=None,
        key=None,
        uploadid=None,
        blocksize=None,
        etaglist=None,
        stream=None,
        pausepartnumber=None,
        mime_type=None,
        header=None,
    ):
        """Continue an interrupted uploadstream: this handler's, or in any process the one that the arguments describe.

        stream: gives the bytes of part pausepartnumber next, that is from pausepartnumber * blocksize on.
        etaglist: the etags of the parts before it, in their order.  (ret, resp) as uploadstream.
        """
        given = (bucket, key, uploadid, stream)
        etags = [unquoted(text(u"each of etaglist", each)) for each in etaglist or ()]
        paused = count(u"pausepartnumber", pausepartnumber)
        if paused is not None and stream is not None and uploadid and paused != len(etags):
            raise InvalidArgument(
                u"etaglist has %d etags, but the stream goes on with part %d: one for each part before it is needed"
                % (len(etags), paused)
            )
        options = self._options(None, retrycount, retryinterval, header, None)
        return self._resumed(False, options, given, blocksize, etags, mime_type)

    def _resumed(self, is_file, options, given, blocksize, etags, mime_type):
        """(ret, resp) of going on.  ``given``: space, key, upload id and file or stream, None where not given."""
        paused = self._paused(is_file)
        space, key, upload_id, data = given
        if not any(each is not None for each in given) or (data is None and self._is_about(paused, *given[:3])):
            task = self._claim(is_file)
            task.options.retry = options.retry
            return self._run(task)
        if paused is not None and self._is_about(paused, *given[:3]):
            task = self._claim(is_file)
            space, key, upload_id = task.space, task.key, task.upload.upload_id
            blocksize = blocksize or task.upload.block_size
            etags = etags or task.upload.first_etags()
            mime_type = mime_type or task.options.mime
            task.source.close()
        names = ("bucket", "key", "uploadid", "localfile" if is_file else "stream")
        missing = [name for name, value in zip(names, (space, key, upload_id, data)) if value is None]
        if missing:
            raise InvalidArgument(u"%s is needed to continue this upload" % missing[0])
        source = FileSource(data) if is_file else StreamSource(data, len(etags))
        try:
            options.mime = mime_of(mime_type, key, shown(data) if is_file else u"", options.header)
            size = count(u"blocksize", blocksize) or BLOCKSIZE
            return self._described(source, options, space, key, text(u"uploadid", upload_id), size, etags)
        except InvalidArgument:
            source.close()
            raise

    @staticmethod
    def _is_about(task, space, key, upload_id):
        """Whether a task has begun an upload, of which what is given does not differ."""
        if task is None or task.upload is None:
            return False
        pairs = zip((space, key, upload_id), (task.space, task.key, task.upload.upload_id))
        return all([given is None or text(u"each of bucket, key and uploadid", given) == own for given, own in pairs])

    def _current_upload(self):
        paused = self._paused()
        return None if paused is None else paused.upload

    @property
    def uploadid(self):
        """The UploadId of the interrupted upload, or else of one begun by init_multipart_upload; None without one."""
        found = self._current_upload()
        return MultipartUploadUVideo.uploadid.fget(self) if found is None else found.upload_id

    @property
    def blocksize(self):
        """Its BlkSize, bytes; None without one."""
        found = self._current_upload()
        return MultipartUploadUVideo.blocksize.fget(self) if found is None else found.block_size

    @property
    def etaglist(self):
        """Its parts' etags in order, from part 0 up to the first that is missing."""
        found = self._current_upload()
        return MultipartUploadUVideo.etaglist.fget(self) if found is None else list(found.first_etags())

    @property
    def pausepartnumber(self):
        """The first part that is missing."""
        return len(self.etaglist)
