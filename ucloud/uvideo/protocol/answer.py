"""Result <-> response of the data plane, and the answer that an error is.  Source: data-plane.md sections 2 and 4."""

from __future__ import absolute_import, division, print_function

import json
import re
from email.utils import formatdate, mktime_tz, parsedate_tz

from . import byterange, objects, operation
from .cause import said, told
from .compat import (
    TYPE_CHECKING,
    is_integer,
    is_text,
    native,
    overload,
    printable,
    quote_query,
    to_bytes,
    to_text,
    whole,
)
from .dialect import LIST_LIMIT
from .errors import BadAnswer, refusal
from .field import CLASS, META
from .message import Headers, Response
from .operation import KEPT
from .page import coding, is_page, title

if TYPE_CHECKING:
    from typing import Any, Callable, Iterable, NoReturn, TypeVar  # noqa: F401

    from .dialect import Operation  # noqa: F401
    from .errors import UVideoError  # noqa: F401

    _Page = operation.PartPage | operation.UploadPage | operation.FilePage | operation.ObjectPage
    _Object = operation.ObjectInfo | operation.NotModified | operation.Tags | operation.Acl | operation.Done
    _Part = operation.Initiated | operation.StoredPart | operation.CopiedPart | operation.Finished
    R = TypeVar("R")
    Shape = tuple[tuple[str, Callable[[Any], Any]], ...]  # the names in a JSON object, and what reads their values
    Result = operation.Stored | _Object | _Part | _Page

JSON = ("Content-Type", "application/json")
SESSION = "X-SessionId"
RESTORE = "X-Ufile-Restore"
_DAY = {}  # type: dict[int, str]  # number of a day since 1970 -> its "Thu, 01 Jan 1970 "


def http_date(seconds):
    # type: (float) -> str
    """RFC 1123 date in GMT of unix seconds."""
    number, rest = divmod(int(seconds), 86400)
    day = _DAY.get(number)
    if day is None:
        if len(_DAY) >= 1000:
            _DAY.clear()
        day = _DAY[number] = formatdate(number * 86400, usegmt=True)[:-12]
    return "%s%02d:%02d:%02d GMT" % (day, rest // 3600, rest // 60 % 60, rest % 60)


def parse_date(value):
    # type: (str | None) -> int | None
    """Unix seconds of an HTTP date, or None."""
    if value and len(value) == 29 and value[25:] == " GMT":  # the usual form: most are of few days
        midnight, clock = _MIDNIGHT.get(value[:17]), _is_clock(value[17:25])
        if clock and midnight is None:
            midnight = _parsed(value[:17] + "00:00:00 GMT")
            if midnight is not None:
                if len(_MIDNIGHT) >= 1000:
                    _MIDNIGHT.clear()
                _MIDNIGHT[value[:17]] = midnight
        if clock and midnight is not None:
            return midnight + int(value[17:19]) * 3600 + int(value[20:22]) * 60 + int(value[23:25])
    return _parsed(value)


def utc_text(seconds):
    # type: (float) -> str
    """Unix seconds as "2023-07-11T20:15:58Z", as management answers write an end."""
    _, day, month, year, clock, _ = http_date(seconds).split()
    return "%s-%02d-%sT%sZ" % (year, _MONTHS.index(month) + 1, day, clock)


def parse_utc(value):
    # type: (object) -> int | None
    """Unix seconds of such a text, or None.  A blank for the T, and no zone or one of +00:00, are read as well."""
    found = _UTC(value) if is_text(value) else None
    if found is None or not is_text(value):
        return None
    year, month, day, clock = found.groups()
    seconds = parse_date("Thu, %s %s %s %s GMT" % (day, _MONTHS[int(month) - 1], year, clock))
    return seconds if seconds is not None and utc_text(seconds)[:10] == value[:10] else None  # no 31st of February


_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()
_UTC = re.compile(
    "([0-9]{4})-(0[1-9]|1[0-2])-([0-3][0-9])[T ]([0-2][0-9]:[0-5][0-9]:[0-5][0-9])(?:[.][0-9]+)?(?:Z|[+]00:?00)?\\Z"
).match
_MIDNIGHT = {}  # type: dict[str, int]  # "Thu, 01 Jan 1970 ": unix seconds of its beginning
_is_clock = re.compile("[0-2][0-9]:[0-5][0-9]:[0-5][0-9]\\Z").match


def _parsed(value):
    # type: (str | None) -> int | None
    try:
        parsed = parsedate_tz(value) if value else None
        # Without a zone it is GMT, as HTTP has it; mktime_tz would take this machine's.
        return None if parsed is None else int(mktime_tz(parsed[:9] + (parsed[9] or 0,)))
    except (ValueError, TypeError, IndexError, OverflowError):  # older Pythons fall over some malformed dates
        return None


def json_answer(document, pairs=(), status=200):
    # type: (object, Iterable[tuple[str, str]], int) -> Response
    """A Response with a JSON document.  Its type has no charset: the Python SDK reads nothing else."""
    body = to_bytes(json.dumps(document, separators=(",", ":")))
    return Response(status, Headers([JSON] + list(pairs)), body)


def _quoted(etag):
    # type: (str | None) -> tuple[str, str]
    assert etag is not None  # whoever answers knows it
    return ("ETag", '"%s"' % native(etag))


# Server: result -> response


def _encode_done(op, result):
    # type: (Operation, operation.Done) -> Response
    return Response(204 if isinstance(op, operation.DeleteObject) else 200, Headers(), b"")


def _encode_stored(op, result):
    # type: (Operation, operation.Stored) -> Response
    return Response(200, Headers([_quoted(result.etag)]), b"")


def _encode_info(op, result):
    # type: (Operation, operation.ObjectInfo) -> Response
    """The headers of a GET or HEAD; the bytes travel beside."""
    assert result.size is not None and result.mime is not None and result.storage_class is not None
    pairs = [("Content-Type", native(result.mime)), _quoted(result.etag), ("Accept-Ranges", "bytes")]
    length, status = result.size, 200
    if result.span is not None:
        first, length = result.span
        status = 206
        pairs.append(("Content-Range", byterange.build_content(first, length, result.size)))
    pairs.append(("Content-Length", "%d" % length))
    if result.modified is not None:
        pairs.append(("Last-Modified", http_date(result.modified)))
    if result.created is not None:
        pairs.append(("X-Ufile-Create-Time", http_date(result.created)))
    pairs.append((CLASS, native(result.storage_class)))
    if result.restore is not None:
        pairs.append((RESTORE, native(result.restore)))
    pairs.append(("Vary", "Origin"))
    for name, value in result.metadata:  # Java matches the prefix by case
        pairs.append((META + "-".join([word.capitalize() for word in native(name).split("-")]), native(value)))
    replayed = list(result.headers)
    if result.filename is not None:
        replayed = [(name, value) for name, value in replayed if name != "Content-Disposition"]
        replayed.append(("Content-Disposition", _attachment(result.filename)))
    for name, value in replayed:
        pairs.append((native(name), native(value)))
    return Response(status, Headers(pairs), b"")


#: Nothing else may stand in an extended value; a line break in it would end the header.  Source: RFC 8187
_ESCAPED = re.compile(u"(?:[A-Za-z0-9!#$&+.^_`|~-]|%[0-9A-Fa-f]{2})+\\Z").match


def _attachment(filename):
    # type: (str) -> str
    """Source: data-plane.md, GetFile: a name still in %XX form goes to filename*; so does what a header cannot hold."""
    if "%" in filename and _ESCAPED(filename):
        return "attachment;filename*=UTF-8''" + native(filename)
    plain = all(u" " <= char <= u"~" and char not in u'"\\' for char in filename)
    return ('attachment;filename="%s"' if plain else "attachment;filename*=UTF-8''%s") % (
        native(filename) if plain else quote_query(filename).replace("/", "%2F")
    )


def _encode_not_modified(op, result):
    # type: (Operation, operation.NotModified) -> Response
    assert result.modified is not None
    return Response(304, Headers([_quoted(result.etag), ("Last-Modified", http_date(result.modified))]), b"")


def _encode_initiated(op, result):
    # type: (Operation, operation.Initiated) -> Response
    return json_answer(
        {"UploadId": result.upload_id, "BlkSize": result.block_size, "Bucket": result.space, "Key": result.key}
    )


def _encode_part(op, result):
    # type: (Operation, operation.StoredPart) -> Response
    return json_answer({"PartNumber": result.part}, [_quoted(result.etag)])


def _encode_copied(op, result):
    # type: (Operation, operation.CopiedPart) -> Response
    assert result.first is not None and result.length is not None and result.size is not None
    ranged = byterange.build_content(result.first, result.length, result.size)
    # Java reads the etag of a copied part here, and that of a part which was sent in the header.
    pairs = [_quoted(result.etag), ("Content-Range", ranged)]
    return json_answer({"PartNumber": result.part, "ETag": result.etag}, pairs)


def _encode_tags(op, result):
    # type: (Operation, operation.Tags) -> Response
    return Response(200, Headers([JSON]), objects.build_tags(result.tags))


def _encode_acl(op, result):
    # type: (Operation, operation.Acl) -> Response
    owner = {"ID": result.owner, "DisplayName": result.owner_name}
    return json_answer({"Owner": owner, "AccessControlList": {"Grant": result.grant}})


def _encode_finished(op, result):
    # type: (Operation, operation.Finished) -> Response
    return json_answer({"Bucket": result.space, "Key": result.key, "FileSize": result.size}, [_quoted(result.etag)])


def _encode_parts(op, page):
    # type: (Operation, operation.PartPage) -> Response
    return json_answer(
        {
            "UploadId": page.upload_id,
            "Bucket": page.space,
            "Key": page.key,
            "StorageClass": page.storage_class,
            "MaxParts": page.limit,
            "IsTruncated": page.truncated,
            "NextPartNumberMarker": page.next_marker,
            "Parts": [entry(_PART, part) for part in page.parts],
        }
    )


def _encode_uploads(op, page):
    # type: (Operation, operation.UploadPage) -> Response
    return json_answer(
        {
            "RetCode": 0,
            "ErrMsg": "",
            "Bucket": page.space,
            "NextMarker": page.next_marker,
            "UploadIdMarker": page.next_upload_id,
            "IsTruncated": page.truncated,
            "DataSet": [entry(_UPLOAD, upload) for upload in page.uploads],
        }
    )


def entry(shape, values):
    # type: (Shape, Iterable[object]) -> dict[str, Any]
    """The JSON object of values that stand in the order of ``shape``."""
    return dict(zip([name for name, _ in shape], values))


def parse_entry(shape, found):
    # type: (Shape, dict[str, Any]) -> list[Any]
    """The values of such an object; ValueError where one is not what it must be."""
    return [read(found.get(name)) for name, read in shape]


def file_entry(space, info):
    # type: (str, operation.FileInfo) -> dict[str, Any]
    """One entry of PrefixFileList and GetFileList."""
    return _restorable(info, dict(entry(_FILE, info), BucketName=space))


def _restorable(info, found):
    # type: (operation.FileInfo, dict[str, Any]) -> dict[str, Any]
    if info.restore is not None:
        found["RestoreStatus"] = info.restore
    return found


def parse_file_entry(found):
    # type: (dict[str, Any]) -> operation.FileInfo
    return operation.FileInfo(*(parse_entry(_FILE, found) + [(), text_or_none(found.get("RestoreStatus") or None)]))


def _encode_files(op, page):
    # type: (Operation, operation.FilePage) -> Response
    return json_answer(
        {
            "BucketName": page.space,
            "BucketId": page.space_id,
            "NextMarker": page.next_marker,
            "DataSet": [dict(file_entry(page.space, info), ObjectName=info.key) for info in page.files],
        }
    )


def _object_entry(info):
    # type: (operation.FileInfo) -> dict[str, Any]
    found = dict(entry(_OBJECT, info), Size="%d" % info.size, UserMeta=dict(info.metadata))  # Go and JuiceFS need text
    return _restorable(info, found)


def _parse_object_entry(found):
    # type: (dict[str, Any]) -> operation.FileInfo
    metadata = tuple(sorted((text(name), text(value)) for name, value in (found.get("UserMeta") or {}).items()))
    restore = text_or_none(found.get("RestoreStatus") or None)
    return operation.FileInfo(*(parse_entry(_OBJECT, found) + [metadata, restore]))


def _encode_objects(op, page):
    # type: (Operation, operation.ObjectPage) -> Response
    return json_answer(
        {
            "Name": page.space,
            "Prefix": page.prefix,
            "MaxKeys": "%d" % page.limit,
            "Delimiter": page.delimiter,
            "IsTruncated": page.truncated,
            "NextMarker": page.next_marker,
            "Contents": [_object_entry(info) for info in page.objects],
            "CommonPrefixes": [{"Prefix": prefix} for prefix in page.prefixes],
        }
    )


_ENCODE = {
    operation.Done: _encode_done,
    operation.Stored: _encode_stored,
    operation.ObjectInfo: _encode_info,
    operation.NotModified: _encode_not_modified,
    operation.Initiated: _encode_initiated,
    operation.StoredPart: _encode_part,
    operation.Finished: _encode_finished,
    operation.PartPage: _encode_parts,
    operation.UploadPage: _encode_uploads,
    operation.FilePage: _encode_files,
    operation.ObjectPage: _encode_objects,
    operation.CopiedPart: _encode_copied,
    operation.Tags: _encode_tags,
    operation.Acl: _encode_acl,
}  # type: dict[type, Callable[[Operation, Any], Response]]  # of the result that is named


def encode(op, result):
    # type: (Operation, Result) -> Response
    """The Response that says this result of this operation.  Content-Length is the carrier's, but for ObjectInfo."""
    return _ENCODE[type(result)](op, result)


def encode_error(error):
    # type: (UVideoError) -> Response
    """The Response that says this error (a UVideoError with a status)."""
    assert error.status is not None
    pairs = [] if error.retry_after is None else [("Retry-After", "%d" % error.retry_after)]
    return json_answer({"RetCode": error.ret_code, "ErrMsg": error.message}, pairs, error.status)


# Client: response -> result


@overload
def unquoted(etag):
    # type: (str) -> str
    pass


@overload
def unquoted(etag):
    # type: (None) -> None
    pass


def unquoted(etag):
    # type: (str | None) -> str | None
    """An etag header's value without its quotes and the weak mark a proxy may have put before it; None stays."""
    if etag is None:
        return None
    etag = etag.strip()
    return (etag[2:] if etag.startswith("W/") else etag).strip('"')


def document(response):
    # type: (Response) -> dict[str, Any] | None
    """The JSON object of an answer, or None."""
    try:
        found = json.loads(response.body.decode("utf-8"))
    except (ValueError, RuntimeError):  # RuntimeError: nested deeper than Python can read
        return None
    return found if isinstance(found, dict) else None


def retry_after(headers, now=None):
    # type: (Headers, float | None) -> float | None
    """Seconds of a Retry-After header given in seconds, or as a date if ``now`` is; None without one."""
    value = headers.get("Retry-After")
    if value is None:
        return None
    seconds = whole(value.strip())
    if seconds is not None:
        return min(seconds, 10**9)
    date = parse_date(value)
    return None if date is None or now is None else max(0, date - now)


def readable(message):
    # type: (object) -> str | None
    """Short text, free of controls, of whatever an answer gives as its message; None if it says nothing."""
    if message is None or isinstance(message, (list, dict)):
        return None
    shown = to_text(message) if isinstance(message, bytes) else u"%s" % message
    return printable(shown[:500]).strip() or None


_ORIGIN = re.compile(
    r"(?:(https?):)?//(?:[^/?#]*@)?"  # a user's name and password may stand there
    r"([A-Za-z0-9._-]{1,253}|\[[0-9A-Fa-f:.]{2,45}\])(:[0-9]{1,5})?(?=[/?#]|\Z)",
    re.I,
)
#: A path that quotes no other URL, and so nothing that was signed.
_PLAIN_PATH = re.compile(r"(/[A-Za-z0-9._~/-]{0,100})(?=[?#]|\Z)")


def _elsewhere(headers, with_path):
    # type: (Headers, bool) -> str
    """Text of where a redirect points: scheme, host and perhaps a plain path, as the rest may quote what was signed."""
    location = (headers.get("Location") or "").strip()
    if not location:
        return u"nowhere (no Location)"
    found = _ORIGIN.match(location)
    plain = _PLAIN_PATH.match(location[found.end() if found else 0 :])
    path = to_text(plain.group(1)) if plain and with_path else u""
    if found:
        scheme = found.group(1).lower() + "://" if found.group(1) else ""
        return to_text(scheme + found.group(2) + (found.group(3) or "")) + path
    if location.startswith("/"):
        return u"another path of the same host%s" % (path and u", " + path)
    return u"a place that cannot be read"


def _is_own(response, found):
    # type: (Response, dict[str, Any] | None) -> bool
    """Whether a refusal has the service's form.  ``found``: its JSON object, or None.

    That is its session, or its JSON; or nothing at all, as in the answer to HEAD, and no type of a page.  An S3 gateway
    before the service says XML.
    """
    headers = response.headers
    if headers.get(SESSION) is not None:
        return True
    if headers.get("WWW-Authenticate") is not None:
        return False
    if found is not None:
        return "RetCode" in found or "ErrMsg" in found
    if response.body:
        return _S3_ERROR(response.body[:8192]) is not None
    return not is_page(headers, b"")


#: The answer of an S3 gateway.
_S3_ERROR = re.compile(
    br"\s*(?:<\?xml[^<>]{0,200}\?>)?\s*<Error[^<>]{0,200}>\s*<Code>([^<]{1,200})</Code>\s*(?:<Message>([^<]{0,500})|)"
).match


def stranger(response, now=None, **context):
    # type: (Response, float | None, **object) -> UVideoError
    """The UVideoError of an answer that somebody else gave in the service's place: a proxy, a captive portal."""
    status, headers = response.status, response.headers
    context["status"] = status
    if status in (301, 308):
        return told("moved", None, context, status=status, reason=_elsewhere(headers, False))
    if 300 <= status <= 399:
        return told("login", None, context, status=status, reason=_elsewhere(headers, True))
    if status == 407:
        return told("auth-on-the-way", None, context)
    reason = _unreadable(response)
    if not reason:
        shown = said(title(headers, response.body))
        reason = u'"%s"' % shown if shown else u"a page without a title" if response.body else u"without a word"
    context["retry_after"] = retry_after(headers, now)
    if status < 500 and status not in (408, 429):
        return told("too-long" if status == 413 else "page", None, context, status=status, reason=reason)
    found = told("gateway", None, context, status=status, reason=reason)
    del context["status"]
    error = refusal(status, None, found.message, cause=found.cause, **context)
    error.ret_code, error.facts = None, found.facts
    return error


def raise_refusal(response, now=None, **context):
    # type: (Response, float | None, **object) -> NoReturn
    """Raise the error that a response is.

    One that has not the service's form is no refusal: BadAnswer, or ConfigurationError where trying again cannot help.
    """
    found = document(response)
    if (300 <= response.status <= 399 and response.status != 304) or not _is_own(response, found):
        raise stranger(response, now, **context)
    ret_code = message = None
    if found is not None:
        ret_code = found.get("RetCode") if is_integer(found.get("RetCode")) else None
        message = found.get("ErrMsg") or found.get("Message")
    if message is None and response.body:
        message = _unformed(response)
    error = refusal(
        response.status,
        ret_code,
        readable(message) or u"the service answered %d" % response.status,
        request_id=response.headers.get(SESSION),
        retry_after=retry_after(response.headers, now),
        **context
    )
    if ret_code is None:
        error.ret_code = None  # not that of the class, which nobody said
    raise error


def _unreadable(response):
    # type: (Response) -> str
    """Text of why nobody can read a body; u"" if that is not so."""
    code = coding(response.headers) if response.body else u""
    return code and u"a body with %s, which nobody asked for" % code


def _unformed(response):
    # type: (Response) -> str
    """What a body says that is not JSON."""
    unreadable = _unreadable(response)
    if unreadable:
        return unreadable
    found = _S3_ERROR(response.body[:8192])
    if found:
        return b": ".join([part for part in found.groups() if part]).decode("utf-8", "replace")
    if is_page(response.headers, response.body):
        return title(response.headers, response.body)
    return response.body[:200].decode("utf-8", "replace")


def _fields(response, *names):
    # type: (Response, *str) -> dict[str, Any]
    found = document(response)
    if found is None or any(name not in found for name in names):
        raise BadAnswer(u"the answer lacks %s" % u", ".join([to_text(name) for name in names]), status=response.status)
    return found


def text(value):
    # type: (object) -> str
    """A JSON value that must be text that UTF-8 can say; ValueError otherwise."""
    if not is_text(value):
        raise ValueError("text is missing")
    to_bytes(value)
    return value


def text_or_none(value):
    # type: (object) -> str | None
    """As ``text``, or null."""
    return None if value is None else text(value)


def number(value):
    # type: (object) -> int
    """A JSON value that must be a whole number from 0, also one written as text; ValueError otherwise."""
    found = whole(value) if is_text(value) else value
    if not is_integer(found) or found < 0:
        raise ValueError("a whole number is missing")
    return found


def number_or_none(value):
    # type: (object) -> int | None
    """As ``number``, or null."""
    return None if value is None else number(value)


def _tag(value):
    # type: (object) -> str
    return text(value).strip('"')


#: In the order of Part and of UploadInfo.
_PART = (("PartNum", number), ("Etag", _tag), ("Size", number_or_none), ("LastModified", number_or_none))  # type: Shape
_UPLOAD = (
    ("UploadId", text),
    ("FileName", text),
    ("StartTime", number_or_none),
    ("StorageClass", text_or_none),
)  # type: Shape
#: In the order of FileInfo, up to its metadata.
_FILE = (
    ("FileName", text),
    ("Size", number),
    ("Hash", text),
    ("MimeType", text),
    ("StorageClass", text_or_none),
    ("CreateTime", number),
    ("ModifyTime", number),
)  # type: Shape
_OBJECT = (
    ("Key", text),
    ("Size", number),
    ("ETag", _tag),
    ("MimeType", text),
    ("StorageClass", text_or_none),
    ("CreateTime", number_or_none),
    ("LastModified", number_or_none),
)  # type: Shape


def check_coding(headers, status):
    # type: (Headers, int) -> None
    """ConfigurationError if a proxy encoded an answer: what is read then is not what the service sent."""
    code = coding(headers)
    if code:
        raise told("encoded", None, {"status": status, "sent": True}, reason=code)


#: An etag that somebody on the way changed, as servers do who compress: weak, or with what they did behind it.
_CHANGED = re.compile(r'\s*W/|.*[-+;:.](?:gzip|br|zstd|deflate|df)"?\s*\Z', re.I).match


def decode_info(headers, status=200):
    # type: (Headers, int) -> operation.ObjectInfo
    """ObjectInfo of a GET or HEAD answer's headers.  size and span are None where the headers do not say them.

    BadAnswer for an answer without ETag, or a partial one that does not say which part it is.  ConfigurationError for
    one that was compressed on the way.  An object may have been stored with a Content-Encoding: then length and etag
    of the answer are as the service gives them.
    """
    tag, said_length = headers.get("ETag"), headers.get("Content-Length")
    replays = headers.has_any(_KEPT)
    if replays and (said_length is None or tag is None or _CHANGED(tag)):
        check_coding(headers, status)
    etag = unquoted(tag)
    if not etag:  # every object has one; a captive portal's page has none
        raise BadAnswer(u"the answer says no ETag", status=status)
    length = sent = whole(said_length.strip()) if said_length is not None else None
    span = None
    if status == 206:
        ranged = byterange.parse_content(headers.get("Content-Range"))
        if ranged is None:
            raise BadAnswer(u"the answer is partial but says no Content-Range", status=status)
        span, length = (ranged[0], ranged[1] - ranged[0] + 1), ranged[2]
        if replays and sent != span[1]:
            check_coding(headers, status)
    metadata = [
        (name[len(META) :].lower(), value)
        for name, value in headers
        if name[:1] in "xX" and name.lower().startswith(_META)
    ]
    kept = [(name, headers.get(name, "")) for name in KEPT if headers.get(name) is not None] if replays else []
    restore = headers.get(RESTORE)
    return operation.ObjectInfo(
        length,
        etag,
        headers.get("Content-Type"),
        headers.get(CLASS),
        parse_date(headers.get("Last-Modified")),
        parse_date(headers.get("X-Ufile-Create-Time")),
        tuple(sorted((to_text(name), to_text(value)) for name, value in metadata)),
        tuple((name, to_text(value)) for name, value in kept),
        span,
        None,
        to_text(restore) if restore is not None else None,
    )


_META = META.lower()
_KEPT = frozenset([name.lower() for name in KEPT])


def _decode_initiated(op, response):
    # type: (operation.InitiateUpload, Response) -> operation.Initiated
    found = _fields(response, "UploadId", "BlkSize")
    upload_id, block_size = text(found["UploadId"]), number(found["BlkSize"])
    if not upload_id or not block_size:
        raise BadAnswer(u"the answer's UploadId or BlkSize is of no use", status=response.status)
    return operation.Initiated(
        upload_id, block_size, text(found.get("Bucket", op.space)), text(found.get("Key", op.key))
    )


def _decode_part(op, response):
    # type: (operation.UploadPart | operation.CopyPart, Response) -> operation.StoredPart
    etag = unquoted(response.headers.get("ETag"))
    if not etag:
        raise BadAnswer(u"the answer to a part lacks ETag", status=response.status)
    return operation.StoredPart(op.part, etag)


def _decode_copied(op, response):
    # type: (operation.CopyPart, Response) -> operation.CopiedPart
    stored = _decode_part(op, response)
    ranged = byterange.parse_content(response.headers.get("Content-Range"))
    if ranged is None:
        return operation.CopiedPart(stored.part, stored.etag, None, None, None)
    first, last, size = ranged
    return operation.CopiedPart(stored.part, stored.etag, first, last - first + 1, size)


def _decode_tags(op, response):
    # type: (operation.GetTags, Response) -> operation.Tags
    return operation.Tags(tuple([(text(key), text(value)) for key, value in objects.parse_tags(document(response))]))


def _decode_acl(op, response):
    # type: (operation.GetAcl, Response) -> operation.Acl
    found = _fields(response, "AccessControlList")
    owner = found.get("Owner") or {}
    return operation.Acl(
        text_or_none(owner.get("ID")), text_or_none(owner.get("DisplayName")), text(found["AccessControlList"]["Grant"])
    )


def _decode_finished(op, response):
    # type: (operation.FinishUpload, Response) -> operation.Finished
    found, etag = document(response), unquoted(response.headers.get("ETag"))
    if found is None and not etag:
        raise BadAnswer(u"the answer says nothing of the object", status=response.status)
    found = found or {}
    return operation.Finished(
        text(found.get("Bucket", op.space)),
        text(found.get("Key", op.key)),
        number_or_none(found.get("FileSize")),
        etag,
    )


def _decode_parts(op, response):
    # type: (operation.ListParts, Response) -> operation.PartPage
    found = _fields(response, "Parts")
    return operation.PartPage(
        text(found.get("Bucket", op.space)),
        text_or_none(found.get("Key")),
        text(found.get("UploadId", op.upload_id)),
        text_or_none(found.get("StorageClass")),
        number_or_none(found.get("MaxParts", op.limit)),
        bool(found.get("IsTruncated")),
        number(found.get("NextPartNumberMarker") or 0),
        tuple([operation.Part(*parse_entry(_PART, part)) for part in found["Parts"] or ()]),
    )


def _decode_uploads(op, response):
    # type: (operation.ListUploads, Response) -> operation.UploadPage
    found = _fields(response, "DataSet")
    return operation.UploadPage(
        text(found.get("Bucket", op.space)),
        bool(found.get("IsTruncated")),
        text(found.get("NextMarker") or u""),
        text(found.get("UploadIdMarker") or u""),
        tuple([operation.UploadInfo(*parse_entry(_UPLOAD, upload)) for upload in found["DataSet"] or ()]),
    )


def _decode_files(op, response):
    # type: (operation.ListFiles, Response) -> operation.FilePage
    found = _fields(response, "DataSet")
    return operation.FilePage(
        text(found.get("BucketName", op.space)),
        text_or_none(found.get("BucketId")),
        text(found.get("NextMarker") or u""),
        tuple([parse_file_entry(entry) for entry in found["DataSet"] or ()]),
    )


def _decode_objects(op, response):
    # type: (operation.ListObjects, Response) -> operation.ObjectPage
    found = _fields(response, "Contents")
    return operation.ObjectPage(
        text(found.get("Name", op.space)),
        text(found.get("Prefix", op.prefix)),
        number(found.get("MaxKeys") or LIST_LIMIT),
        text(found.get("Delimiter") or u""),
        bool(found.get("IsTruncated")),
        text(found.get("NextMarker") or u""),
        tuple([_parse_object_entry(entry) for entry in found["Contents"] or ()]),
        tuple([text(entry["Prefix"]) for entry in found.get("CommonPrefixes") or ()]),
    )


def _decode_stored(op, response):
    # type: (Operation, Response) -> operation.Stored
    return operation.Stored(unquoted(response.headers.get("ETag")))


def _decode_object(op, response):
    # type: (operation.GetObject | operation.HeadObject, Response) -> operation.ObjectInfo | operation.NotModified
    if response.status == 304:
        headers = response.headers
        return operation.NotModified(unquoted(headers.get("ETag")), parse_date(headers.get("Last-Modified")))
    return decode_info(response.headers, response.status)


_DECODE = {
    operation.PutObject: _decode_stored,
    operation.GetObject: _decode_object,
    operation.HeadObject: _decode_object,
    operation.InitiateUpload: _decode_initiated,
    operation.UploadPart: _decode_part,
    operation.FinishUpload: _decode_finished,
    operation.ListParts: _decode_parts,
    operation.ListUploads: _decode_uploads,
    operation.ListFiles: _decode_files,
    operation.ListObjects: _decode_objects,
    operation.UploadHit: _decode_stored,
    operation.CopyObject: _decode_stored,
    operation.AppendObject: _decode_stored,
    operation.CopyPart: _decode_copied,
    operation.GetTags: _decode_tags,
    operation.GetAcl: _decode_acl,
}  # type: dict[type, Callable[[Any, Response], Any]]  # of the operation that is named


def _check_sender(response, reader):
    # type: (Response, object) -> None
    """BadAnswer for a web page as a sign of success: somebody else said it in the service's place.

    ConfigurationError for a body that a proxy encoded.
    """
    if response.status > 299 or reader is _decode_object:
        return
    if response.body and response.headers.get("Content-Encoding") is not None and document(response) is None:
        check_coding(response.headers, response.status)
    if response.body[:1] == b"<" or (response.headers.get("Content-Type") or "")[:5].lower() == "text/":
        if is_page(response.headers, response.body):
            raise stranger(response)


def decode(op, response, now=None):
    # type: (operation.Data[R], Response, float | None) -> R
    """The result that a Response says of an operation; a UVideoError is raised if it says no.

    BadAnswer for an answer that this protocol does not have.  ``now``: unix seconds, for a Retry-After date.
    """
    reader = _DECODE.get(type(op))
    _check_sender(response, reader)
    if not (200 <= response.status <= 299 or (response.status == 304 and reader is _decode_object)):
        where = {"operation": type(op).__name__, "space": op.space, "key": getattr(op, "key", None) or None}
        raise_refusal(response, now, **where)
    if reader is None:
        if response.body and response.headers.get(SESSION) is None and document(response) is None:
            raise stranger(response)  # the service says nothing then, or JSON
        return operation.Done()  # type: ignore[return-value]  # it has no other
    try:
        return reader(op, response)  # type: ignore[no-any-return]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError):
        raise BadAnswer(u"the answer to %s has an unexpected shape" % type(op).__name__, status=response.status)
