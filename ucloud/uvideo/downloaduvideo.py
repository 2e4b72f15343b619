"""Download objects into files."""

from __future__ import absolute_import, division, print_function

from .engine.download_target import StreamTarget, opened
from .engine.partial_download import PartialDownload
from .engine.ranged_download import receive
from .engine.upload_source import usable
from .engine.validation import header_pairs
from .handler import Handler, also, answers, succeeded
from .protocol.byterange import ByteRange, parse
from .protocol.compat import TYPE_CHECKING, is_integer, is_text, whole
from .protocol.errors import InvalidArgument
from .protocol.location import check_key, check_space
from .protocol.message import Headers
from .protocol.operation import GetObject

if TYPE_CHECKING:
    import os  # noqa: F401
    from typing import Any, Mapping  # noqa: F401

    from .config import HandlerSettings  # noqa: F401
    from .engine.carrier import Carrier  # noqa: F401
    from .engine.localfile import Path  # noqa: F401
    from .engine.ranged_download import Receiver  # noqa: F401
    from .handler import ResponseInfo, _Answer  # noqa: F401


class DownloadUVideo(Handler):
    """Downloads objects of public spaces and of this key pair's private ones.  Safe to share between threads."""

    @also(bucket="space")
    @answers
    def download_file(
        self,
        space,  # type: str
        key,  # type: str
        localfile,  # type: str | os.PathLike[str]
        isprivate=True,  # type: bool
        expires=None,  # type: int | None
        content_range=None,  # type: tuple[int | str | None, int | str | None] | None
        header=None,  # type: Mapping[str, str] | None
    ):
        # type: (...) -> tuple[dict[str, Any] | None, ResponseInfo]
        """Save an object, or a range of it, as ``localfile``.  bucket: another name for space.

        isprivate: sign the URL.  expires: seconds until the URL expires; None for config's.  content_range: (first,
        last), both inclusive, bytes from 0.  last None: to the end.  first None: the last ``last`` bytes.  Digits as
        text are accepted, and empty text for None.

        (ret, resp); status_code 200 for the whole object, 206 for a range; 400 no such space, 401 signature, 403 keys,
        404 no such object, 416 range beyond the object; -1 no response, -2 wrong content, -3 a local failure.  The file
        appears once it is complete and verified.  After a failure an existing file is unchanged.
        """
        lasting = seconds(expires, self._settings)
        return download(
            self._carrier, space, key, localfile, lasting if isprivate else None, content_range, header
        )


def download(
    carrier,  # type: Carrier
    space,  # type: str
    key,  # type: str
    localfile,  # type: Path
    expires,  # type: int | None
    content_range,  # type: tuple[int | str | None, int | str | None] | None
    header,  # type: Mapping[str, str] | None
):
    # type: (...) -> _Answer
    """(ret, resp) of a download.  ``expires``: seconds until the signed URL expires; None for an unsigned one."""
    given = header_pairs(header)
    named = [value for name, value in given if name.lower() == "range"]
    wanted = _range(content_range, named[-1] if named else None)
    pairs = [pair for pair in given if pair[0].lower() != "range"]  # a resumed download requests another range
    op = GetObject(check_space(space), check_key(key), wanted)
    target = opened(usable(localfile))
    options = {"expires": expires, "wanted": wanted, "headers": pairs}  # type: dict[str, Any]
    if isinstance(target, StreamTarget) or wanted is not None:
        receiver = receive(carrier, op.space, op.key, target, **options)
        return succeeded(receiver.status or 0, receiver.headers)
    suffix = carrier.endpoint.download
    partial = PartialDownload(op, target, u"%s://%s" % (suffix.scheme, suffix.host))
    try:
        receiver = receive(carrier, op.space, op.key, target, download=partial.find(), watch=partial, **options)
    except BaseException:
        target.leave()
        raise
    finally:
        partial.close()
    return succeeded(*_whole(receiver))


def _whole(receiver):
    # type: (Receiver) -> tuple[int, Headers]
    """(status, headers) of a download of the whole object, even if the last request was for its last part only."""
    headers = receiver.headers or Headers()
    if receiver.status != 206:
        return receiver.status or 0, headers
    kept = [pair for pair in headers if pair[0].lower() not in ("content-length", "content-range")]
    return 200, Headers(kept + [("Content-Length", "%d" % receiver.size())])


def seconds(expires, settings):
    # type: (int | None, HandlerSettings) -> int
    """Seconds until a signed URL expires: the argument, or config's value.  InvalidArgument."""
    if expires is None:
        return settings.expires
    if not is_integer(expires) or not 0 < expires <= 10**9:
        raise InvalidArgument(u"expires must be a whole number of seconds above 0")
    return expires


def _place(value):
    # type: (int | str | None) -> Any
    """A number, or digits as text, as the official SDK accepts; None for None and empty text."""
    if not is_text(value):
        return value
    found = whole(value.strip())
    return found if found is not None or not value else value


def _range(content_range, named):
    # type: (tuple[int | str | None, int | str | None] | None, str | None) -> ByteRange | None
    """The ByteRange of the argument, or else of a Range header; None if there is neither."""
    if content_range is None:
        found = parse(named) if named is not None else None
        if found is None and named is not None:
            raise InvalidArgument(u"the header Range is not one range such as bytes=0-99")
        return found
    try:
        first, last = content_range
    except (TypeError, ValueError):
        raise InvalidArgument(u"content_range must be a pair (first, last)")
    ends = [_place(value) for value in (first, last)]
    if ends == [None, None] or not all(value is None or (is_integer(value) and value >= 0) for value in ends):
        raise InvalidArgument(u"content_range must contain whole numbers of 0 or more, not %r" % (content_range,))
    wanted = ByteRange(*ends)
    if wanted.first is not None and wanted.last is not None and wanted.last < wanted.first:
        raise InvalidArgument(u"content_range is reversed: end %d is before start %d" % (wanted.last, wanted.first))
    return wanted
