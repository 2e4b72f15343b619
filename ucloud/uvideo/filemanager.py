"""Objects one call each: put, download, list, copy, delete and what else can be done to them.

FileManager has the names and arguments of the official SDK's (ufile), so that one import is all that changes:

    from ucloud.uvideo import config, filemanager
"""

from __future__ import absolute_import, division, print_function

from contextlib import closing

from ..logger import logger  # noqa: F401  the official SDK's modules have these names too
from . import config  # noqa: F401
from .config import BLOCKSIZE, get_default  # noqa: F401
from .downloaduvideo import download, seconds
from .engine.single_upload import FileBody, StreamBody, file_etag, put
from .engine.upload_source import FileSource, reader, shown
from .engine.validation import count, header_pairs, mime_of, text
from .handler import ResponseInfo, Signer, answers, paired, succeeded
from .protocol import etag, operation
from .protocol.compat import TYPE_CHECKING, is_text, native, to_text
from .protocol.dialect import check_key, check_space
from .protocol.errors import AlreadyExists, InvalidArgument, NotFound, SwitchDenied

if TYPE_CHECKING:
    import os
    from typing import Any, Callable, Iterable, Mapping  # noqa: F401

    from .engine.single_upload import _Body  # noqa: F401
    from .engine.upload_source import Given  # noqa: F401
    from .engine.upload_source import Reads as _Readable  # noqa: F401
    from .engine.upload_source import Receives as _Receiving  # noqa: F401
    from .handler import _Answer  # noqa: F401
    from .protocol.errors import UVideoError  # noqa: F401
    from .protocol.message import Response  # noqa: F401

    _Header = Mapping[str, str] | None
    _Path = str | os.PathLike[str]


class Files(Signer):
    """What the methods about objects are made of.  Safe to share between threads."""

    def _put_file(self, bucket, key, localfile, header):
        # type: (str, str, _Path, _Header) -> _Answer
        if hasattr(localfile, "read"):  # the older SDK's README puts a stream so
            return self._put_stream(bucket, key, localfile, None, header)  # type: ignore[arg-type]
        space, key, pairs, mime = self._target(bucket, key, None, shown(localfile), header)
        with closing(FileSource(localfile)) as source:
            return self._put(space, key, FileBody(source), pairs, mime)

    def _put_stream(self, bucket, key, stream, mime_type, header):
        # type: (str, str, Given, str | None, _Header) -> _Answer
        space, key, pairs, mime = self._target(bucket, key, mime_type, u"", header)
        return self._put(space, key, StreamBody(reader(stream)), pairs, mime)

    def _target(self, bucket, key, mime_type, path, header):
        # type: (str, str, str | None, str, _Header) -> tuple[str, str, list[tuple[str, str]], str]
        space, key = check_space(bucket), check_key(key)
        pairs = header_pairs(header)
        mime = mime_of(mime_type or None, key, path, pairs)
        return space, key, [pair for pair in pairs if pair[0].lower() != "content-type"], mime

    def _put(self, space, key, body, pairs, mime):
        # type: (str, str, _Body, list[tuple[str, str]], str) -> _Answer
        md5 = body.md5() if self._settings.md5 and _value(pairs, "content-md5") is None else None
        _, response, _ = put(self._carrier, operation.PutObject(space, key, mime, md5), body, pairs)
        return succeeded(response.status, response.headers, response.body)

    def _head(self, bucket, key, header=None):
        # type: (str, str, _Header) -> tuple[operation.ObjectInfo | operation.NotModified, Response]
        op = operation.HeadObject(check_space(bucket), check_key(key))
        return self._carrier.call(op, headers=header_pairs(header))

    def _did(
        self,
        op,  # type: operation.Data[object]
        pairs,  # type: Iterable[tuple[str, str]]
        refusals=(),  # type: tuple[type[UVideoError], ...]
        done=None,  # type: Callable[[], bool] | None
    ):
        # type: (...) -> _Answer
        """(ret, resp) of an operation.

        ``refusals``: what a service says to a second try when the first one, whose answer was lost, did it already;
        ``done()`` finds out whether that is so.
        """
        lost = []  # type: list[UVideoError]
        try:
            _, response = self._carrier.call(op, headers=pairs, lost=lost)
        except refusals as error:
            if not lost or done is None or not done():
                raise
            return succeeded(200, error.response and error.response.headers)
        return succeeded(response.status, response.headers, response.body)

    def _is_absent(self, bucket, key):
        # type: (str, str) -> bool
        try:
            self._head(bucket, key)
        except NotFound:
            return True
        return False


class Puts(Files):
    """Stores files and streams.  The methods of FileManager."""

    @answers
    def putfile(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """Store a file as an object, in one request and with little memory.  For large ones MultipartUploadUVideo.

        header: Content-Type (else guessed), X-Ufile-Meta-*, X-Ufile-Storage-Class, Content-MD5, Cache-Control ...
        status_code 200, resp.etag is that of the file; 400 no such space or another Content-MD5, 401 signature, 403
        keys; -1 no answer, -2 the service stored other bytes, -3 a local failure, such as the file changing.
        """
        return self._put_file(bucket, key, localfile, header)

    @answers
    def putstream(self, bucket, key, stream, mime_type=None, header=None):
        # type: (str, str, _Readable | _Receiving | bytes | str | Iterable[bytes | str], str | None, _Header) -> _Answer
        """Store what a stream gives, from where it stands to its end, as an object.  It is left open.

        stream: anything with read() or recv() that gives bytes; bytes; an iterable of bytes; text or what gives text,
        stored as UTF-8, but a file that was opened as text is stored as the bytes that it has.  What cannot seek is
        sent chunked, and sent again after a lost connection only while no more than 1 MiB of it was read.
        mime_type: else header's Content-Type, else guessed from the key.  Otherwise as putfile.
        """
        return self._put_stream(bucket, key, stream, mime_type, header)


class Posts(Files):
    """Stores files, by the name of a form.  The methods of FileManager."""

    @answers
    def postfile(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """As putfile, which it is: a form would say the same with more bytes and without a retry-safe length."""
        return self._put_file(bucket, key, localfile, header)


class Hits(Files):
    """Makes objects of content that the service has already.  The methods of FileManager."""

    @answers
    def uploadhit(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """Make an object of a file's content without sending it, if one of this account's objects has that content.

        status_code 200; 404 if none has it: put the file.  (In older releases of the official SDK.)
        """
        space, key, pairs, mime = self._target(bucket, key, None, shown(localfile), header)
        with closing(FileSource(localfile)) as source:
            op = operation.UploadHit(space, key, to_text(file_etag(source)), source.size, mime)
        return self._did(op, pairs)


class Downloads(Files):
    """Saves objects, and makes URLs of them.  The methods of FileManager."""

    @answers
    def download_file(
        self,
        bucket,  # type: str
        key,  # type: str
        localfile,  # type: _Path
        isprivate=True,  # type: bool
        expires=None,  # type: int | None
        content_range=None,  # type: tuple[int | str | None, int | str | None] | None
        header=None,  # type: _Header
    ):
        # type: (...) -> _Answer
        """Save an object, or a part of it, as ``localfile``, which appears only when it is complete and verified.

        isprivate: sign the URL.  expires: seconds that it lasts, default config's.  content_range: (first, last), both
        inclusive; last None means to the end, first None the last ``last`` bytes.  header's Range does the same.
        status_code 200, or 206 for a range, with resp.content_range (first, last); 404, 416 ... as DownloadUVideo.
        """
        lasting = seconds(expires, self._settings)
        return paired(
            download(self._carrier, bucket, key, localfile, lasting if isprivate else None, content_range, header)
        )

    def public_download_url(self, bucket, key):
        # type: (str, str) -> str
        """The URL of an object of a public space, escaped.  Raises ValueError."""
        return self._carrier.url(operation.GetObject(check_space(bucket), check_key(key)))

    def private_download_url(self, bucket, key, expires=None, header=None, internal=False):
        # type: (str, str, int | None, _Header, bool) -> str
        """A URL that anybody may download with for ``expires`` seconds, default config's.  Raises ValueError.

        header: checked and of no effect, as is internal: a GET signs none, and the URL is escaped in any case.
        """
        header_pairs(header)
        op = operation.GetObject(check_space(bucket), check_key(key))
        return self._carrier.url(op, seconds(expires, self._settings))

    def private_head_url(self, bucket, key, expires=None, header=None):
        # type: (str, str, int | None, _Header) -> str
        """A URL for a HEAD request, as private_download_url."""
        header_pairs(header)
        op = operation.HeadObject(check_space(bucket), check_key(key))
        return self._carrier.url(op, seconds(expires, self._settings))


class Lists(Files):
    """Lists objects.  The methods of FileManager."""

    @answers
    def getfilelist(self, bucket, prefix=None, marker=None, limit=None, header=None):
        # type: (str, str | None, str | None, int | str | None, _Header) -> _Answer
        """A page of a space's objects whose keys are behind ``marker``, in order of their keys.

        limit: of the page, the service's default is 20.  ret: DataSet (FileName, Hash, MimeType, Size, CreateTime ...)
        and NextMarker, the next page's marker, empty after the last.
        """
        op = operation.ListFiles(
            check_space(bucket),
            text(u"prefix", prefix) or u"",
            text(u"marker", marker) or u"",
            count(u"limit", limit, digits=True),
        )
        return self._did(op, header_pairs(header))


class Deletes(Files):
    """Deletes objects.  The methods of FileManager."""

    @answers
    def deletefile(self, bucket, key, header=None):
        # type: (str, str, _Header) -> _Answer
        """Delete an object.  status_code 204 also if it was not there."""
        return self._did(operation.DeleteObject(check_space(bucket), check_key(key)), header_pairs(header))


class FileManager(Puts, Posts, Hits, Downloads, Lists, Deletes):
    """Puts, reads and manages objects of any space of this key pair.  Safe to share between threads.

    Methods return (ret, resp) and raise nothing: ret is the dict of the answer's JSON, {} without one and None if the
    service refused; resp is a ResponseInfo, whose error says why.  header: a dict of more headers to send, which stays
    as it is.  The URL methods and compare_file_etag return no resp: they raise ValueError, and UVideoError.
    """

    @answers
    def head_file(self, bucket, key, header=None):
        # type: (str, str, _Header) -> _Answer
        """What the service says of an object: resp.etag, content_type, content_length, x_ufile_restore ...

        status_code 200; 404 no such object; 304 if header's If-None-Match or If-Modified-Since says so.
        """
        found, response = self._head(bucket, key, header)
        if isinstance(found, operation.NotModified):
            return None, ResponseInfo(response.status, response.headers, response.body, u"not modified")
        return succeeded(response.status, response.headers, response.body)

    def compare_file_etag(self, bucket, remotekey, localfile):
        # type: (str, str, _Path) -> bool
        """True if an object has a file's content, False if it has another or there is no such object.

        What prevents an answer is raised: UVideoError, such as NoAnswer, or LocalFailure for the file.
        """
        with closing(FileSource(localfile)) as source:
            try:
                found, _ = self._head(bucket, remotekey)
            except NotFound:
                return False
            if isinstance(found, operation.NotModified) or (found.size is not None and found.size != source.size):
                return False
            return found.etag is not None and etag.same(found.etag, file_etag(source), source.size)

    @answers
    def listobjects(self, bucket, prefix=None, marker=None, maxkeys=None, delimiter=None, header=None):
        # type: (str, str | None, str | None, int | None, str | None, _Header) -> _Answer
        """A page of a space's objects, and with the delimiter "/" of the folders beside them.

        maxkeys: of the page, default 100.  ret: Contents (Key, Size (text), ETag, ...), CommonPrefixes, IsTruncated and
        NextMarker, the next page's marker.
        """
        op = operation.ListObjects(
            check_space(bucket),
            text(u"prefix", prefix) or u"",
            text(u"marker", marker) or u"",
            100 if maxkeys is None else count(u"maxkeys", maxkeys),
            text(u"delimiter", delimiter) or u"",
        )
        return self._did(op, header_pairs(header))

    @answers
    def copy(self, bucket, key, srcbucket, srckey, header=None):
        # type: (str, str, str, str, _Header) -> _Answer
        """Store another object's bytes as this one, without sending them.

        header: X-Ufile-Metadata-Directive (COPY or REPLACE), Content-Type, X-Ufile-Storage-Class, X-Ufile-Meta-*.
        status_code 200; 404 no such source.
        """
        op = operation.CopyObject(check_space(bucket), check_key(key), check_space(srcbucket), check_key(srckey))
        return self._did(op, header_pairs(header))

    @answers
    def rename(self, bucket, key, newkey, force="true", header=None):
        # type: (str, str, str, str | bool, _Header) -> _Answer
        """Give an object another key.  force: 'true' or True, also if that takes the place of another object.

        status_code 200; 404 no such object, 400 the new key is taken.  (In older releases of the official SDK.)
        """
        forced = force is True or (is_text(force) and force.lower() == "true")
        op = operation.RenameObject(check_space(bucket), check_key(key), check_key(newkey), forced)

        def done():
            # type: () -> bool
            return self._is_absent(bucket, key) and not self._is_absent(bucket, newkey)

        return self._did(op, header_pairs(header), (NotFound, AlreadyExists), done)

    @answers
    def restore_file(self, bucket, key, header=None):
        # type: (str, str, _Header) -> _Answer
        """Ask for an object of class ARCHIVE to be made readable.  header: Tier, Expedited or Standard."""
        return self._did(operation.RestoreObject(check_space(bucket), check_key(key)), header_pairs(header))

    @answers
    def class_switch_file(self, bucket, key, storageclass, header=None):
        # type: (str, str, str, _Header) -> _Answer
        """Move an object to a cheaper class: STANDARD to IA or ARCHIVE, IA to ARCHIVE.  403 where not allowed."""
        if not is_text(storageclass) or not storageclass:
            raise InvalidArgument(u"storageclass must be text such as IA")
        op = operation.SwitchClass(check_space(bucket), check_key(key), to_text(storageclass))

        def done():
            # type: () -> bool
            found, _ = self._head(bucket, key)
            return getattr(found, "storage_class", None) == native(storageclass)

        return self._did(op, header_pairs(header), (SwitchDenied,), done)

    @answers
    def opMeta(self, bucket, key, metak, metav, op="set", header=None):
        # type: (str, str, str, str, str, _Header) -> _Answer
        """Set what is kept of an object.  The protocol has one: metak 'mimetype', op 'set'; metav: as "text/plain"."""
        if metak != "mimetype" or op != "set":
            raise InvalidArgument(u"the service sets mimetype only, not %r" % (metak,))
        change = operation.SetMime(check_space(bucket), check_key(key), mime_of("" if metav is None else metav, key))
        pairs = [pair for pair in header_pairs(header) if pair[0].lower() != "content-type"]
        return self._did(change, pairs)


def _value(pairs, name):
    # type: (list[tuple[str, str]], str) -> str | None
    return next((value for given, value in pairs if given.lower() == name), None)
