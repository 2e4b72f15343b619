"""ACLs of buckets and objects: private, public-read, public-read-write.  Source: s3.md section 3.10.

A request gives one of them by its name, or as grants in headers or in a document, which must amount to one of them.
The owner always has full control.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import NamedTuple

from uvideo._core import message
from uvideo.s3 import checksum, field, operation, xml
from uvideo.s3.codec import OperationCodec, OperationRequest, bare, written
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import PRIVATE, PUBLIC_READ, PUBLIC_READ_WRITE, Owner
from uvideo.s3.xml_text import element

__all__ = ["ALL_USERS", "CODECS", "DocumentAcl", "of_document", "of_headers"]

ALL_USERS = "http://acs.amazonaws.com/groups/global/AllUsers"
_GROUPS = "http://acs.amazonaws.com/groups/"
_CANNED = {
    "private": PRIVATE,
    "public-read": PUBLIC_READ,
    "public-read-write": PUBLIC_READ_WRITE,
    "bucket-owner-full-control": PRIVATE,
    "bucket-owner-read": PRIVATE,
}
_PERMISSIONS = ("FULL_CONTROL", "READ", "WRITE", "READ_ACP", "WRITE_ACP")
_HEADERS = {f"x-amz-grant-{name.lower().replace('_', '-')}": name for name in _PERMISSIONS}
_HEADER_NAMES = frozenset(_HEADERS)
#: What everybody may -> the ACL.
_AMOUNTS = {
    frozenset[str](): PRIVATE,
    frozenset(["READ"]): PUBLIC_READ,
    frozenset(["READ", "WRITE"]): PUBLIC_READ_WRITE,
}


def _amount(everybody: Iterable[str]) -> str:
    """The ACL that grants everybody these permissions.  NotImplemented if there is none."""
    found = _AMOUNTS.get(frozenset(everybody))
    if found is None:
        raise S3Error("NotImplemented", message="These grants amount to none of the ACLs that are served.")
    return found


def _group(uri: str) -> None:
    """NotImplemented or InvalidArgument for a group that is not everybody."""
    if uri == ALL_USERS:
        return
    if uri.startswith(_GROUPS):
        raise S3Error("NotImplemented", message="Of the groups, only AllUsers can be granted a permission.")
    raise field.invalid("Invalid group uri", "uri", uri)


_OTHERS = "Permissions of single users are not served. Use a token."


def of_headers(headers: message.Headers) -> str | None:
    """The ACL of x-amz-acl or x-amz-grant-*; None if there is neither.

    InvalidArgument; InvalidRequest for both; NotImplemented for grants to single users;
    UnresolvableGrantByEmailAddress.
    """
    canned = headers.get("x-amz-acl")
    if headers.has_any(_HEADER_NAMES):
        if canned:
            raise S3Error("InvalidRequest", message="Specifying both Canned ACLs and Header Grants is not allowed")
        return _amount(_of_grants(headers))
    if not canned:
        return None
    if canned not in _CANNED:
        raise field.invalid(f"The ACL is none of {', '.join(_CANNED)}", "x-amz-acl", canned)
    return _CANNED[canned]


_GRANTEE = re.compile(r'\s*(id|uri|emailaddress)\s*=\s*(?:"([^"]*)"|([^\s",]*))\s*', re.I).fullmatch


def _of_grants(headers: message.Headers) -> set[str]:
    """What the headers grant to everybody."""
    found = set[str]()
    for header, permission in _HEADERS.items():
        value = headers.get(header)
        for item in value.split(",") if value is not None else ():
            grantee = _GRANTEE(item)
            if grantee is None:
                raise field.invalid("A grantee is id=, uri= or emailAddress= and a value", header, item)
            kind = grantee[1].lower()
            if kind == "uri":
                _group(grantee[2] or grantee[3] or "")
                found.add(permission)
            elif kind == "id":
                raise S3Error("NotImplemented", message=_OTHERS)
            else:
                raise S3Error("UnresolvableGrantByEmailAddress")
    return found


class DocumentAcl(NamedTuple):
    """``owner``: the id of the owner, None if the document has none."""

    acl: str
    owner: str | None


def of_document(body: bytes) -> DocumentAcl:
    """The ACL of an AccessControlPolicy document.  Errors as of_headers; MalformedXML."""
    root = xml.read(body, "AccessControlPolicy")
    owner, grants = root.find("Owner"), root.find("AccessControlList")
    if owner is None or grants is None:
        raise S3Error("MalformedXML")
    everybody = set[str]()
    for grant in grants.all("Grant"):
        grantee, permission = grant.find("Grantee"), grant.need("Permission")
        if grantee is None or permission not in _PERMISSIONS:
            raise S3Error("MalformedXML")
        kind = grantee.attributes.get("type")
        if kind == "Group":
            _group(grantee.need("URI"))
            everybody.add(permission)
        elif kind == "AmazonCustomerByEmail":
            raise S3Error("UnresolvableGrantByEmailAddress")
        elif kind != "CanonicalUser":
            raise S3Error("MalformedXML")
        elif grantee.need("ID") != owner.need("ID") or permission != "FULL_CONTROL":
            raise S3Error("NotImplemented", message=_OTHERS)
    return DocumentAcl(_amount(everybody), owner.get("ID") or None)


def _of_request(asked: OperationRequest) -> DocumentAcl:
    """The ACL of a request that sets it.  InvalidRequest if it has none, or two."""
    found = of_headers(asked.headers)
    if not asked.body.strip():
        if found is None:
            raise S3Error("InvalidRequest", message="Your request was missing a required header: x-amz-acl")
        return DocumentAcl(found, None)
    if found is not None:
        raise S3Error("InvalidRequest", message="This request does not support content and an ACL in a header.")
    return of_document(asked.body)


_XSI = 'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'


def _grant(kind: str, content: str, permission: str) -> str:
    return f'<Grant><Grantee {_XSI} xsi:type="{kind}">{content}</Grantee><Permission>{permission}</Permission></Grant>'


def _policy(account: Owner, acl: str) -> message.Response:
    itself = element("ID", account.id) + element("DisplayName", account.display_name)
    grants = [_grant("CanonicalUser", itself, "FULL_CONTROL")]
    everybody = next(granted for granted, name in _AMOUNTS.items() if name == acl)
    grants += [_grant("Group", element("URI", ALL_USERS), permission) for permission in sorted(everybody)]
    whole = f"<AccessControlList>{''.join(grants)}</AccessControlList>"
    return written("AccessControlPolicy", field.owner("Owner", account), whole)


def _decode_put_bucket(asked: OperationRequest) -> operation.PutBucketAcl:
    checksum.check_body(asked.headers, asked.body, required=bool(asked.body.strip()))
    return operation.PutBucketAcl(**field.of_bucket(asked), **_of_request(asked)._asdict())


def _decode_put(asked: OperationRequest) -> operation.PutObjectAcl:
    checksum.check_body(asked.headers, asked.body, required=False)
    return operation.PutObjectAcl(**field.of_version(asked), **_of_request(asked)._asdict())


def _encode_get(op: object, result: operation.GetBucketAclOutput | operation.GetObjectAclOutput) -> message.Response:
    return _policy(result.owner, result.acl)


CODECS: dict[type, OperationCodec] = {
    operation.GetBucketAcl: OperationCodec(field.on_bucket(operation.GetBucketAcl), _encode_get),
    operation.PutBucketAcl: OperationCodec(_decode_put_bucket, bare()),
    operation.GetObjectAcl: OperationCodec(field.on_version(operation.GetObjectAcl), _encode_get),
    operation.PutObjectAcl: OperationCodec(_decode_put, bare()),
}
