"""What a signature may stand for: the one table of operations, and of the headers and parameters that come with them.

A signature covers a verb, a key, Content-MD5, Content-Type, a time and the X-UCloud headers.  It covers neither the
query nor any X-Ufile header, so several operations sign one text, and whoever was given a signature chooses among them.
The table says which carrier of a signature may ask for an operation, and which may bring what changes it.  What it does
not name is refused: an operation without a row, and a header or parameter without an entry, cannot be reached.

Whose key signed makes no difference here.  A token may do less than its owner: ``rights``.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator, Mapping
from typing import NamedTuple

from uvideo._core import compat, dialect, errors, field, message, operation, signature

__all__ = ["BRINGS", "MAY", "NOTHING", "Brings", "Listed", "ListedHeaders", "SignatureCarrier", "carrier_of", "check"]


class SignatureCarrier(enum.Enum):
    """How a request brings its signature.  LINK: only where the operator lets a signed URL have no end."""

    HEADER = "a signed header"
    POLICY = "a put policy"
    FORM = "a form"
    URL = "a signed URL"
    LINK = "a signed URL without an end"
    NOBODY = "no signature"

    __hash__ = object.__hash__  # each is one object: a dict finds it five times as fast


HEADER, POLICY, FORM, URL, LINK, NOBODY = SignatureCarrier
ALL = tuple(SignatureCarrier)

#: Operation: the carriers whose signature may stand for it.
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


class Brings(NamedTuple):
    """``names``: of headers or parameters, "*" at the end for all that begin so.  ``operations``: those that read them.
    ``carriers``: those that may bring them.  ``covered``: a value that the signature does not cover is left out.
    """

    names: tuple[str, ...]
    operations: tuple[type, ...]
    carriers: tuple[SignatureCarrier, ...]
    covered: bool = False


_STORES = (operation.PutObject, operation.InitiateUpload, operation.AppendObject, operation.CopyObject)
_PARTS = (operation.UploadPart, operation.CopyPart)
_PAGES = (operation.ListFiles, operation.ListObjects, operation.ListUploads)

BRINGS: tuple[Brings, ...] = (
    # What changes more than the bytes of the signed key, or who may read them.
    Brings((field.ACL,), (operation.PutObject, operation.PutAcl), (HEADER,)),
    Brings((field.SOURCE,), (operation.CopyObject, operation.CopyPart), (HEADER,)),
    Brings((field.SOURCE_RANGE,), (operation.CopyPart,), (HEADER,)),
    Brings(("newFileName", "force"), (operation.RenameObject,), (HEADER,)),
    Brings(("newKey", "newObject"), (operation.FinishUpload,), (HEADER,), covered=True),
    # What an object is stored with beside its bytes and its type.
    Brings((field.CLASS,), _STORES, (HEADER, POLICY, FORM)),
    Brings((field.META + "*",), (*_STORES, operation.FinishUpload), (HEADER, POLICY, FORM)),
    Brings((field.DIRECTIVE,), (operation.FinishUpload, operation.CopyObject), (HEADER, POLICY)),
    Brings(operation.KEPT, _STORES, ALL),
    # What is signed, or names and cuts what is sent or read.
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
    # Of operations that a header alone stands for.
    Brings(("Hash", "FileName", "FileSize"), (operation.UploadHit,), (HEADER,)),
    Brings(("position",), (operation.AppendObject,), (HEADER,)),
    Brings(("storageClass",), (operation.SwitchClass,), (HEADER,)),
    Brings(("Tier",), (operation.RestoreObject,), (HEADER,)),
)


class Listed:
    """The headers or the parameters of a request, as far as the table has them for its operation.

    LookupError for any other: what reads it must be in the table first.  ``left_out``: those given without a signature
    that covers them; they read as absent.
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
        """The metadata among the headers: nobody asks for all of the others."""
        if _ALL_META not in self._names:
            raise LookupError("metadata is not in the table of carriers for this operation")
        return (pair for pair in self._given if _is_meta(pair[0]))


#: The parameters and headers of an operation that this table does not know.
NOTHING = Listed({}, frozenset()), ListedHeaders(message.Headers(), frozenset())


class _Rule(NamedTuple):
    """Of an operation and a carrier: the names, lower-case, of what the operation ``reads``; of it ``headers`` and
    ``parameters`` that this carrier may not bring, metadata among them or not; and parameters
    that count only if they are ``covered``.
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
    """``claimed``: None for nobody.  ``form``: the request is a form upload."""
    if claimed is None:
        return NOBODY
    if form:
        return FORM
    if claimed.expires is not None:
        return LINK if claimed.is_endless else URL
    return POLICY if claimed.policy else HEADER


def check(
    carrier: SignatureCarrier,
    cls: type,
    key: str,
    query: Mapping[str, str],
    headers: message.Headers,
    signed: signature.Signed | None,
) -> tuple[Listed, ListedHeaders]:
    """(query, headers) as the operation may read them; AccessDenied unless the table lets this carrier ask for it so.

    ``key``: the signed one.  ``query``: of dialect.parameters.  ``signed``: of signature.read_text; None for nobody.
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
    bare = tuple(name for name in rule.covered if query.get(name) not in (None, "", key, *_covered(signed)))
    if bare:
        query = {name: value for name, value in query.items() if name not in bare}
    if signed is not None:
        _check_purpose(carrier, cls, key, signed)
    return Listed(query, rule.reads, bare), ListedHeaders(headers, rule.reads)


def _check_purpose(carrier: SignatureCarrier, cls: type, key: str, signed: signature.Signed) -> None:
    """AccessDenied for another operation than the one that the signed text is of by its form."""
    if signed.tail and cls not in (operation.ListObjects, operation.AppendObject):
        raise errors.AccessDenied("permission denied: this signature is of a listing or an append")
    if signed.is_copy and cls is not operation.CopyPart:
        raise errors.AccessDenied("permission denied: this signature is of the copy of a part")
    if carrier is HEADER and cls in _OTHER_PUTS and signature.is_appending(key):
        raise errors.AccessDenied(
            "permission denied: this key is signed as an append to another: only store, read, delete"
        )


#: What is asked for with PUT, but PutObject: Java stores the bytes that it means to append under such a key.
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
    """The refusal of a header or a parameter."""
    (entry,) = (each for each in BRINGS if cls in each.operations and name.lower() in map(str.lower, each.names))
    return _denied(name, entry.carriers, carrier)


def _denied(what: str, carriers: tuple[SignatureCarrier, ...], carrier: SignatureCarrier) -> errors.AccessDenied:
    goes = " or ".join(each.value for each in carriers) or "no request"
    return errors.AccessDenied(f"permission denied: {what} goes with {goes}, not with {carrier.value}")
