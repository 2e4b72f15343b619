"""The operations, headers and parameters that a signature permits, in one table.

A signature covers a verb, a key, Content-MD5, Content-Type, a time and the X-UCloud headers.  It covers neither the
query nor the X-Ufile headers.  So several operations have the same signed text, and a client that was given a signature
can choose among them.  The table says which carriers of a signature may request an operation, and which headers and
parameters each may bring.  Everything else is refused: an operation without a row, a header or parameter without an
entry.

The table does not depend on the signer.  ``token_rights`` has the rights of tokens.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from uvideo._core import compat, dialect, errors, field, message, operation, signature
from uvideo.s3 import operation as s3
from uvideo.s3.routing import FixedAnswer, FixedError

__all__ = [
    *("BRINGS", "MAY", "NOTHING", "S3_MAY", "Brings", "Listed", "ListedHeaders", "S3Carrier", "SignatureCarrier"),
    *("carrier_of", "check", "check_s3"),
]


class SignatureCarrier(enum.Enum):
    """The place of the signature in a request.  LINK: a signed URL without expiry, if the operator allows those."""

    HEADER = "a signed header"
    POLICY = "a put policy"
    FORM = "a form"
    URL = "a signed URL"
    LINK = "a signed URL without an end"
    NOBODY = "no signature"

    __hash__ = object.__hash__  # members are unique objects: a dict finds them five times as fast


class S3Carrier(enum.Enum):
    """The place of a signature of S3, version 4."""

    HEADER = "a signed header"
    URL = "a presigned URL"
    FORM = "a signed form"
    NOBODY = "no signature"


HEADER, POLICY, FORM, URL, LINK, NOBODY = SignatureCarrier
ALL = tuple(SignatureCarrier)

#: Operation -> the carriers that may request it.
MAY: dict[type, tuple[SignatureCarrier, ...]] = {
    operation.GetObject: (HEADER, URL, LINK, NOBODY),
    operation.HeadObject: (HEADER, URL, LINK, NOBODY),
    operation.PutObject: (HEADER, POLICY, FORM, URL),
    operation.InitiateUpload: (HEADER, URL),
    operation.UploadPart: (HEADER, POLICY, URL),
    operation.FinishUpload: (HEADER, POLICY, URL),
    operation.AbortUpload: (HEADER, URL),
    operation.DeleteObject: (HEADER, URL),
    **dict.fromkeys(
        (operation.ListFiles, operation.ListObjects, operation.ListUploads, operation.ListParts), (HEADER, URL)
    ),
    **dict.fromkeys(
        (
            *(operation.CopyObject, operation.CopyPart, operation.UploadHit, operation.RenameObject),
            *(operation.AppendObject, operation.SetMime, operation.SwitchClass, operation.RestoreObject),
            *(operation.PutTags, operation.GetTags, operation.DeleteTags, operation.PutAcl, operation.GetAcl),
        ),
        (HEADER,),
    ),
}


#: The same for the operations of S3.  S3's signature covers method, path, query, and the headers that count, so a
#: header and a URL stand for whatever they name.
S3_MAY: dict[type, tuple[S3Carrier, ...]] = {
    **dict.fromkeys((*s3.OPERATIONS, FixedAnswer, FixedError), (S3Carrier.HEADER, S3Carrier.URL)),
    # Without a signature only where an ACL lets everybody: rules/s3_access.py
    **dict.fromkeys(
        (
            *(s3.GetObject, s3.HeadObject, s3.HeadBucket, s3.ListObjects, s3.ListObjectsV2, s3.ListObjectVersions),
            *(s3.ListMultipartUploads, s3.ListParts, s3.PutObject, s3.DeleteObject, s3.DeleteObjects),
            *(s3.CreateMultipartUpload, s3.UploadPart, s3.CompleteMultipartUpload, s3.AbortMultipartUpload),
        ),
        (S3Carrier.HEADER, S3Carrier.URL, S3Carrier.NOBODY),
    ),
    s3.PostObject: (S3Carrier.FORM, S3Carrier.NOBODY),
}


class Brings(NamedTuple):
    """``names``: headers or parameters; "*" at the end stands for any rest.  ``operations``: those that read them.
    ``carriers``: those that may bring them.  ``covered``: a value that the signature does not cover is ignored.
    """

    names: tuple[str, ...]
    operations: tuple[type, ...]
    carriers: tuple[SignatureCarrier, ...]
    covered: bool = False


_STORES = (operation.PutObject, operation.InitiateUpload, operation.AppendObject, operation.CopyObject)
_PARTS = (operation.UploadPart, operation.CopyPart)
_PAGES = (operation.ListFiles, operation.ListObjects, operation.ListUploads)

BRINGS: tuple[Brings, ...] = (
    # They change more than the bytes of the signed key, or make it public.
    Brings((field.ACL,), (operation.PutObject, operation.PutAcl), (HEADER,)),
    Brings((field.SOURCE,), (operation.CopyObject, operation.CopyPart), (HEADER,)),
    Brings((field.SOURCE_RANGE,), (operation.CopyPart,), (HEADER,)),
    Brings(("newFileName", "force"), (operation.RenameObject,), (HEADER,)),
    Brings(("newKey", "newObject"), (operation.FinishUpload,), (HEADER,), covered=True),
    # They are stored with an object, in addition to bytes and media type.
    Brings((field.CLASS,), _STORES, (HEADER, POLICY, FORM)),
    Brings((field.META + "*",), (*_STORES, operation.FinishUpload), (HEADER, POLICY, FORM)),
    Brings((field.DIRECTIVE,), (operation.FinishUpload, operation.CopyObject), (HEADER, POLICY)),
    Brings(operation.KEPT, _STORES, ALL),
    # They are signed, or select the bytes that are sent or read.
    Brings(("Content-Type",), (*_STORES, operation.UploadPart, operation.UploadHit), ALL),
    Brings(("Content-MD5",), (operation.PutObject, operation.UploadPart, operation.AppendObject), ALL),
    Brings(("Range", "ufileattname"), (operation.GetObject,), ALL),
    Brings(operation.CONDITIONS, (operation.GetObject, operation.HeadObject), ALL),
    Brings(("uploadId",), (*_PARTS, operation.FinishUpload, operation.AbortUpload, operation.ListParts), ALL),
    Brings(("uploads",), (operation.AbortUpload,), ALL),
    Brings(("partNumber",), _PARTS, ALL),
    Brings(("prefix", "marker"), _PAGES, ALL),
    Brings(("limit",), (operation.ListFiles, operation.ListUploads), ALL),
    Brings(("max-keys", "delimiter"), (operation.ListObjects,), ALL),
    Brings(("upload-id-marker",), (operation.ListUploads,), ALL),
    Brings(("max-parts", "part-number-marker"), (operation.ListParts,), ALL),
    # They alone choose the operation.
    Brings(("Hash", "FileName", "FileSize"), (operation.UploadHit,), (HEADER,)),
    Brings(("position",), (operation.AppendObject,), (HEADER,)),
    Brings(("storageClass",), (operation.SwitchClass,), (HEADER,)),
    Brings(("Tier",), (operation.RestoreObject,), (HEADER,)),
)


class Listed:
    """The headers or parameters of a request that the table has for its operation.

    LookupError for any other name: add it to the table before code reads it.  ``left_out``: names that were given, but
    are not covered by the signature; they read as absent.
    """

    __slots__ = ("_given", "_names", "left_out")

    def __init__(
        self, given: Mapping[str, str] | message.Headers, names: frozenset[str], left_out: tuple[str, ...] = ()
    ) -> None:
        self._given, self._names, self.left_out = given, names, left_out

    def get(self, name: str, default: str | None = None) -> str | None:
        if name.lower() not in self._names:
            raise LookupError(f"{name} is not in the table of carriers for this operation")
        value = self._given.get(name)
        return default if value is None else value

    def __getitem__(self, name: str) -> str:
        value = self.get(name)
        if value is None:
            raise KeyError(name)
        return value


class ListedHeaders(Listed):
    __slots__ = ()

    _given: message.Headers

    def has_any(self, names: frozenset[str]) -> bool:
        if not names <= self._names:
            raise LookupError("a header is not in the table of carriers for this operation")
        return self._given.has_any(names)

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """The headers with metadata; there is no way to list the others."""
        if _ALL_META not in self._names:
            raise LookupError("metadata is not in the table of carriers for this operation")
        return (pair for pair in self._given if _is_meta(pair[0]))


#: The parameters and headers of an operation that the table does not have.
NOTHING = Listed({}, frozenset()), ListedHeaders(message.Headers(), frozenset())


class _Rule(NamedTuple):
    """For an operation and a carrier.  ``reads``: all names that the operation reads, in lower case.  ``headers``,
    ``parameters``: those of them that this carrier may not bring.  ``metadata``: whether metadata is among these.
    ``covered``: parameters that are ignored unless the signature covers them.
    """

    reads: frozenset[str]
    headers: frozenset[str]
    parameters: tuple[str, ...]
    metadata: bool
    covered: tuple[str, ...]


_META = field.META.lower()
_ALL_META = _META + "*"


def _is_meta(name: str) -> bool:
    return name[: len(_META)].lower() == _META


def _rules() -> Iterator[tuple[tuple[type, SignatureCarrier], _Rule]]:
    for cls, carriers in MAY.items():
        entries = [entry for entry in BRINGS if cls in entry.operations]
        for carrier in carriers:
            closed = [name for entry in entries if carrier not in entry.carriers for name in entry.names]
            covered = [name for entry in entries if carrier in entry.carriers and entry.covered for name in entry.names]
            yield (
                (cls, carrier),
                _Rule(
                    frozenset(name.lower() for entry in entries for name in entry.names),
                    frozenset(name.lower() for name in closed if name not in dialect.PARAMETERS),
                    tuple(name for name in closed if name in dialect.PARAMETERS),
                    field.META + "*" in closed,
                    tuple(covered),
                ),
            )


RULES = dict(_rules())


def carrier_of(claimed: signature.Claim | None, form: bool = False) -> SignatureCarrier:
    """The carrier.  ``claimed``: None for an unsigned request.  ``form``: the request is a form upload."""
    if claimed is None:
        return NOBODY
    if form:
        return FORM
    if claimed.expires is not None:
        return LINK if claimed.is_endless else URL
    return POLICY if claimed.policy else HEADER


def check_s3(carrier: S3Carrier, cls: type) -> None:
    """AccessDenied unless the table allows the operation of S3 to this carrier."""
    allowed = S3_MAY.get(cls, ())
    if carrier not in allowed:
        raise _denied(cls.__name__, allowed, carrier)


def check(
    carrier: SignatureCarrier,
    cls: type,
    key: str,
    query: Mapping[str, str],
    headers: message.Headers,
    signed: signature.Signed | None,
) -> tuple[Listed, ListedHeaders]:
    """(query, headers) that the operation may read.  AccessDenied unless the table allows the request to this carrier.

    ``key``: the signed key.  ``query``: from dialect.parameters.  ``signed``: from signature.read_text; None for an
    unsigned request.
    """
    rule = RULES.get((cls, carrier))
    if rule is None:
        raise _denied(cls.__name__, MAY.get(cls, ()), carrier)
    if rule.headers and headers.has_any(rule.headers):
        raise _brought(next(name for name, _ in headers if name.lower() in rule.headers), cls, carrier)
    if rule.metadata and any(_is_meta(name) for name, _ in headers):
        raise _brought(_ALL_META, cls, carrier)
    for name in rule.parameters:
        if query.get(name):
            raise _brought(name, cls, carrier)
    bare: tuple[str, ...] = ()
    if rule.covered:
        bare = tuple(name for name in rule.covered if query.get(name) not in (None, "", key, *_covered(signed)))
        query = {name: value for name, value in query.items() if name not in bare}
    if signed is not None:
        _check_purpose(carrier, cls, key, signed)
    return Listed(query, rule.reads, bare), ListedHeaders(headers, rule.reads)


def _check_purpose(carrier: SignatureCarrier, cls: type, key: str, signed: signature.Signed) -> None:
    """AccessDenied if the form of the signed text belongs to another operation."""
    if signed.tail and cls not in (operation.ListObjects, operation.AppendObject):
        raise errors.AccessDenied("permission denied: this signature is for a listing or an append")
    if signed.is_copy and cls is not operation.CopyPart:
        raise errors.AccessDenied("permission denied: this signature is for the copy of a part")
    if carrier is HEADER and cls in _OTHER_PUTS and signature.is_appending(key):
        raise errors.AccessDenied(
            "permission denied: this key is signed as an append to another: only store, read, delete"
        )


#: Operations requested with PUT, except PutObject: the Java SDK stores bytes to append under such a key.
_OTHER_PUTS = frozenset(
    (
        *(operation.UploadPart, operation.CopyObject, operation.CopyPart, operation.RenameObject),
        *(operation.AppendObject, operation.SwitchClass, operation.RestoreObject, operation.PutTags, operation.PutAcl),
    )
)


def _covered(signed: signature.Signed | None) -> list[str]:
    """The new keys that the signature covers."""
    headers = signed.headers if signed is not None else {}
    found = [headers[name.lower()] for name in field.NEW_KEY if name.lower() in headers]
    try:
        return [compat.unquote(value) for value in found]
    except ValueError:
        return []


def _brought(name: str, cls: type, carrier: SignatureCarrier) -> errors.AccessDenied:
    """The error for a header or parameter that the carrier may not bring."""
    (entry,) = (each for each in BRINGS if cls in each.operations and name.lower() in map(str.lower, each.names))
    return _denied(name, entry.carriers, carrier)


def _denied(what: str, carriers: Sequence[enum.Enum], carrier: enum.Enum) -> errors.AccessDenied:
    goes = " or ".join(each.value for each in carriers) or "no request"
    return errors.AccessDenied(f"permission denied: {what} is accepted with {goes}, not with {carrier.value}")
