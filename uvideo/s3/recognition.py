"""Which requests are S3, and which bucket and key they name.

The other dialects share the port.  The first rule that fits decides; a request that fits none is not S3:

1. It came to the port that serves nothing but S3: S3.
2. ``Authorization`` has a scheme of AWS: S3.
3. The query has a parameter of a URL that is signed for AWS: S3.
4. It has a mark of UFile: the header ``Bucket``, an ``Authorization`` or a signed URL of UFile: not S3.
5. The host name is one for S3: S3.
6. It has a header or a parameter that only SDKs of AWS send: S3.
7. It is a form with the fields of S3: S3 (see ``is_form``).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import NamedTuple

from uvideo._core import compat, location, message
from uvideo.s3.errors import S3Error

__all__ = ["S3Address", "HostNames", "S3Host", "address", "by_signature", "is_form", "is_s3"]

KEY_LIMIT = 1024  # bytes
_REGION = re.compile(r"s3-[a-z0-9-]+\Z").match
_INTERNAL = "internal"
_AWS, _UFILE = ("AWS4-HMAC-SHA256", "AWS "), ("UCloud ", "AutoAI ")  # how Authorization begins
_NO_NAMES = frozenset[str]()
_SIGNED_URL = frozenset(("x-amz-algorithm", "x-amz-credential", "x-amz-signature", "awsaccesskeyid"))
_SDK_PARAMETERS = frozenset(("list-type", "x-id"))
_UFILE_FIELDS = frozenset(("filename", "objectname", "authorization"))


class S3Host(NamedTuple):
    """A host name for S3.

    ``bucket``: "" if the path names it.  ``space``: the space that UFile would take the name for, or "".  If there is
    such a space, the name is not for S3: pass None to is_s3 and no bucket to address.
    """

    bucket: str
    space: str = ""


@dataclass(frozen=True, slots=True)
class HostNames:
    """The names that are for S3.

    ``suffixes``: of the service's hosts, without the region, such as "ufileos.com": ``s3-<region>.<suffix>`` is for S3.
    ``names``: further names of the server.  All in lower case, without ports.
    """

    suffixes: tuple[str, ...] = ()
    names: tuple[str, ...] = ()

    def match(self, host: str) -> S3Host | None:
        """The S3Host that a Host header or an authority is, or None.  A port and a dot at the end do not count."""
        name = location.without_port(host).rstrip(".").lower()
        if name.startswith("["):  # IPv6
            return S3Host("") if name[1:-1] in self.names else None
        for suffix in self.suffixes if "s3-" in name else ():
            if name.endswith("." + suffix):
                front, _, label = name[: -len(suffix) - 1].rpartition(".")
                if _REGION(label):
                    if front == _INTERNAL or front.endswith("." + _INTERNAL):
                        return S3Host(front[: -len(_INTERNAL) - 1])
                    return S3Host(front, "" if front else label)
        if not self.names:
            return None
        if name in self.names:  # also below another one: never the host of a bucket
            return S3Host("")
        known = max((each for each in self.names if name.endswith("." + each)), key=len, default=None)
        return None if known is None else S3Host(name[: -len(known) - 1])


def by_signature(query: Collection[tuple[str, str]], headers: message.Headers, *, port: bool = False) -> bool | None:
    """Whether the rules 1 to 4 say that a request is S3; None if none of them fits.  Arguments as of is_s3."""
    authorization = headers.get("Authorization", "")
    if not query and not port and authorization.startswith(_UFILE):  # the usual request: rules 1 to 3 cannot fit
        return False
    if port or authorization.startswith(_AWS):
        return True
    lower = {name.lower() for name, _ in query} if query else _NO_NAMES
    if not lower.isdisjoint(_SIGNED_URL):
        return True
    if authorization.startswith(_UFILE) or headers.get("Bucket") is not None or "ucloudpublickey" in lower:
        return False
    return None


def is_s3(
    method: str,
    query: Collection[tuple[str, str]],
    headers: message.Headers,
    host: S3Host | None,
    *,
    port: bool = False,
) -> bool:
    """Whether the rules 1 to 6 say that a request is S3.

    ``query``: decoded (name, value).  ``host``: what HostNames has found.  ``port``: whether it came to the S3 port.
    """
    decided = by_signature(query, headers, port=port)
    if decided is not None:
        return decided
    if host is not None or not _SDK_PARAMETERS.isdisjoint(name for name, _ in query):
        return True
    return any(_is_mark(name.lower()) for name, _ in headers) or (method == "OPTIONS" and _asks_for_mark(headers))


def _is_mark(header: str) -> bool:
    """Whether only SDKs of AWS send a header.  CloudFront adds x-amz-cf-id to every request."""
    if header.startswith("x-amz-"):
        return not header.startswith("x-amz-cf-")
    return header in ("amz-sdk-invocation-id", "amz-sdk-request")


def _asks_for_mark(headers: message.Headers) -> bool:
    asked = headers.get("Access-Control-Request-Headers", "")
    return any(_is_mark(name.strip().lower()) for name in asked.split(","))


def is_form(fields: Iterable[str]) -> bool:
    """Whether a posted form is S3: rule 7.  ``fields``: the names of those before the file."""
    lower = {field.lower() for field in fields}
    return "key" in lower and lower.isdisjoint(_UFILE_FIELDS)


class S3Address(NamedTuple):
    """``bucket``: "" for the service.  ``key``: "" for the bucket."""

    bucket: str
    key: str


def address(path: str, bucket: str = "") -> S3Address:
    """The S3Address of a raw path.  ``bucket``: if the host names it.  InvalidURI; KeyTooLongError.

    Nothing is normalised: "//", dot segments and "+" are data.
    """
    rest = path.removeprefix("/")
    if not bucket:
        first, _, rest = rest.partition("/")
        bucket = _decoded(first)
    key = _decoded(rest)
    if key and not bucket:
        raise S3Error("InvalidURI")
    if len(key) * 4 > KEY_LIMIT and len(key.encode()) > KEY_LIMIT:
        raise S3Error("KeyTooLongError", MaxSizeAllowed=str(KEY_LIMIT), Size=str(len(key.encode())))
    return S3Address(bucket, key)


def _decoded(escaped: str) -> str:
    try:
        text = compat.unquote(escaped)
    except ValueError:
        raise S3Error("InvalidURI") from None
    if "\0" in text:
        raise S3Error("InvalidURI")
    return text
