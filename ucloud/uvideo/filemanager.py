"""Objects: put, download, list, copy, delete and more, one call each.

FileManager has the names and arguments of the official SDK, ufile.  A program changes its imports and its hosts:

    from ucloud.uvideo import config, filemanager

    config.set_default(provider="us3", region="cn-bj")

docs/migrate/from-ufile.md lists what else differs.
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
from .protocol.errors import AlreadyExists, InvalidArgument, NotFound, SwitchDenied
from .protocol.location import check_key, check_space

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
    """The base of the methods about objects.  Safe to share between threads."""

    def _put_file(self, bucket, key, localfile, header):
        # type: (str, str, _Path, _Header) -> _Answer
        if hasattr(localfile, "read"):  # the older SDK's README puts a stream this way
            stream = localfile  # type: Any
            return self._put_stream(bucket, key, stream, None, header)
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

        ``refusals``: the errors of a second try if the first one took effect but its response was lost.  ``done()``:
        whether it did.
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
    """FileManager's methods that store files and streams."""

    @answers
    def putfile(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """Store a file as an object, in one request and with little memory.  For large files use MultipartUploadUVideo.

        header: Content-Type (None: guessed), X-Ufile-Meta-*, X-Ufile-Storage-Class, Content-MD5, Cache-Control ...
        status_code 200, resp.etag is the file's; 400 no such space or a different Content-MD5, 401 signature, 403 keys;
        -1 no response, -2 the service stored other bytes, -3 a local failure, for example the file changed.
        """
        return self._put_file(bucket, key, localfile, header)

    @answers
    def putstream(self, bucket, key, stream, mime_type=None, header=None):
        # type: (str, str, _Readable | _Receiving | bytes | str | Iterable[bytes | str], str | None, _Header) -> _Answer
        """Store a stream, from its position to its end, as an object.  The stream stays open.

        stream: an object with read() or recv() that gives bytes; bytes; an iterable of bytes; or text in these forms,
        stored as UTF-8.  A file opened in text mode is stored as the bytes it has.  A stream that cannot seek is sent
        chunked, and is sent again after a lost connection only if at most 1 MiB of it was read.  mime_type: None for
        header's Content-Type, or else guessed from the key.  Otherwise as putfile.
        """
        return self._put_stream(bucket, key, stream, mime_type, header)


class Posts(Files):
    """FileManager's method that stores files under the name of a form upload."""

    @answers
    def postfile(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """The same as putfile: a form would send the same with more bytes and without a length known in advance."""
        return self._put_file(bucket, key, localfile, header)


class Hits(Files):
    """FileManager's method that makes objects of content the service already has."""

    @answers
    def uploadhit(self, bucket, key, localfile, header=None):
        # type: (str, str, _Path, _Header) -> _Answer
        """Make an object with a file's content, without sending it, if one of this account's objects has that content.

        status_code 200; 404 if no object has the content: use putfile.  (In older releases of the official SDK.)
        """
        space, key, pairs, mime = self._target(bucket, key, None, shown(localfile), header)
        with closing(FileSource(localfile)) as source:
            op = operation.UploadHit(space, key, to_text(file_etag(source)), source.size, mime)
        return self._did(op, pairs)


class Downloads(Files):
    """FileManager's methods that save objects and make URLs of them."""

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
        """Save an object, or a range of it, as ``localfile``.  The file appears once it is complete and verified.

        isprivate: sign the URL.  expires: seconds until the URL expires; None for config's.  content_range: (first,
        last), both inclusive.  last None: to the end.  first None: the last ``last`` bytes.  header's Range does the
        same.  status_code 200, or 206 for a range, with resp.content_range (first, last); 404, 416 ... as
        DownloadUVideo.
        """
        lasting = seconds(expires, self._settings)
        return paired(
            download(self._carrier, bucket, key, localfile, lasting if isprivate else None, content_range, header)
        )

    def public_download_url(self, bucket, key):
        # type: (str, str) -> str
        """The URL of an object in a public space, escaped.  Raises ValueError."""
        return self._carrier.url(operation.GetObject(check_space(bucket), check_key(key)))

    def private_download_url(self, bucket, key, expires=None, header=None, internal=False):
        # type: (str, str, int | None, _Header, bool) -> str
        """A URL that anybody can download with for ``expires`` seconds; None for config's.  Raises ValueError.

        header: checked but not used, as a GET signs no headers.  internal: not used; the URL is always escaped.
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
    """FileManager's method that lists objects."""

    @answers
    def getfilelist(self, bucket, prefix=None, marker=None, limit=None, header=None):
        # type: (str, str | None, str | None, int | str | None, _Header) -> _Answer
        """A page of a space's objects whose keys are greater than ``marker``, in order of their keys.

        limit: of the page; the service's default is 20.  ret: DataSet (FileName, Hash, MimeType, Size, CreateTime ...)
        and NextMarker, the next page's marker, empty after the last page.
        """
        op = operation.ListFiles(
            check_space(bucket),
            text(u"prefix", prefix) or u"",
            text(u"marker", marker) or u"",
            count(u"limit", limit, digits=True),
        )
        return self._did(op, header_pairs(header))


class Deletes(Files):
    """FileManager's method that deletes objects."""

    @answers
    def deletefile(self, bucket, key, header=None):
        # type: (str, str, _Header) -> _Answer
        """Delete an object.  status_code 204 also if there was no such object."""
        return self._did(operation.DeleteObject(check_space(bucket), check_key(key)), header_pairs(header))


class FileManager(Puts, Posts, Hits, Downloads, Lists, Deletes):
    """Puts, reads and manages objects in any space of this key pair.  Safe to share between threads.

    Methods return (ret, resp) and raise nothing.  ret: the dict of the response's JSON, {} without one, None if the
    service refused.  resp: a ResponseInfo, whose error is the reason.  header: a dict of further headers to send, never
    changed.  The URL methods and compare_file_etag return no resp but raise ValueError, and UVideoError.
    """

    @answers
    def head_file(self, bucket, key, header=None):
        # type: (str, str, _Header) -> _Answer
        """An object's headers: resp.etag, content_type, content_length, x_ufile_restore ...

        status_code 200; 404 no such object; 304 as header's If-None-Match or If-Modified-Since asks.
        """
        found, response = self._head(bucket, key, header)
        if isinstance(found, operation.NotModified):
            return None, ResponseInfo(response.status, response.headers, response.body, u"not modified")
        return succeeded(response.status, response.headers, response.body)

    def compare_file_etag(self, bucket, remotekey, localfile):
        # type: (str, str, _Path) -> bool
        """True if an object has a file's content; False if it has other content or does not exist.

        Raises UVideoError if that cannot be found out: for example NoAnswer, or LocalFailure for the file.
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
        """A page of a space's objects; with the delimiter "/", of the objects and folders at one level.

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
        """Store another object's bytes as this object, without sending them.

        header: X-Ufile-Metadata-Directive (COPY or REPLACE), Content-Type, X-Ufile-Storage-Class, X-Ufile-Meta-*.
        status_code 200; 404 no such source.
        """
        op = operation.CopyObject(check_space(bucket), check_key(key), check_space(srcbucket), check_key(srckey))
        return self._did(op, header_pairs(header))

    @answers
    def rename(self, bucket, key, newkey, force="true", header=None):
        # type: (str, str, str, str | bool, _Header) -> _Answer
        """Give an object another key.  force: 'true' or True, to replace an object with the new key.

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
        """Request that an object of class ARCHIVE be made readable.  header: Tier, Expedited or Standard."""
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
        """Set an object's media type, the only attribute of the protocol.

        metak: 'mimetype'.  op: 'set'.  metav: for example "text/plain".
        """
        if metak != "mimetype" or op != "set":
            raise InvalidArgument(u"the service sets mimetype only, not %r" % (metak,))
        change = operation.SetMime(check_space(bucket), check_key(key), mime_of("" if metav is None else metav, key))
        pairs = [pair for pair in header_pairs(header) if pair[0].lower() != "content-type"]
        return self._did(change, pairs)


def _value(pairs, name):
    # type: (list[tuple[str, str]], str) -> str | None
    return next((value for given, value in pairs if given.lower() == name), None)
