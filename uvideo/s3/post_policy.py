"""The form of a POST upload: its signature, its policy, and whether its fields keep to the policy.

A server takes these steps, and the first that refuses determines the answer: ``read`` (syntax), ``check_expiry``, then
it looks up the access key and checks the security token, then ``verify``, ``permit``, and ``check_size`` for the file.
"""

from __future__ import annotations

import base64
import binascii
import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from uvideo._core import compat, dates, expiry, json_document
from uvideo.s3 import signature
from uvideo.s3.errors import S3Error

__all__ = [
    "FormClaim",
    "FormGrant",
    "PolicyCondition",
    "PolicyDocument",
    "PostForm",
    "check_expiry",
    "check_size",
    "claimed",
    "permit",
    "read",
    "signed",
    "verify",
]

FILENAME = "${filename}"
EQUAL, PREFIX, SIZE = "eq", "starts-with", "content-length-range"
_ANY_SIZE = 5 << 40  # bytes: the largest object
#: Fields that no condition needs to name, and beginnings of such fields.
_FREE = ("x-amz-signature", "policy", "file", "awsaccesskeyid", "signature")
_FREE_BEGINNINGS = ("x-ignore-", "x-amz-checksum-")
_VERSION_4 = ("x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-signature", "policy")
_VERSION_2 = ("awsaccesskeyid", "signature", "policy")
_EXPIRATION = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(?:\.[0-9]+)?Z\Z").match


class PolicyCondition(NamedTuple):
    """What the value of a field must be.  ``operator``: EQUAL or PREFIX.  ``field``: its name in lower case."""

    operator: str
    field: str
    value: str

    def holds(self, given: str) -> bool:
        if self.operator == EQUAL:
            return given == self.value
        items = [item.strip(" \t") for item in given.split(",")] if self.field == "content-type" else [given]
        return all(item.startswith(self.value) for item in items)


@dataclass(frozen=True, slots=True)
class PolicyDocument:
    """``expiration``: Unix seconds.  ``smallest``, ``largest``: bytes of the file, None without a limit."""

    expiration: int
    conditions: tuple[PolicyCondition, ...] = field(repr=False)  # one may hold the security token
    smallest: int = 0
    largest: int | None = None


@dataclass(frozen=True, slots=True)
class FormGrant:
    """What a client lets the holder of a form upload.  ``now``, ``expiration``: Unix seconds.

    ``fields``: of the form, in addition to the signature's; each must keep its value.  ``beginnings``: {name: how the
    value of a field must begin}.
    """

    access_key: str
    secret: str = field(repr=False)
    security_token: str | None = field(repr=False)
    region: str
    bucket: str
    now: int
    expiration: int
    fields: Mapping[str, str]
    beginnings: Mapping[str, str]
    smallest: int
    largest: int | None


def signed(grant: FormGrant) -> dict[str, str]:
    """The fields of the form, which a server reads with ``read``.  The file follows them."""
    date = dates.utc_text(grant.now).replace("-", "").replace(":", "")
    scope = signature.CredentialScope(grant.access_key, date[:8], grant.region)
    fields = {
        "x-amz-algorithm": "AWS4-HMAC-SHA256",
        "x-amz-credential": f"{grant.access_key}/{scope.text}",
        "x-amz-date": date,
    }
    if grant.security_token is not None:
        fields["x-amz-security-token"] = grant.security_token
    conditions: list[object] = [{"bucket": grant.bucket}]
    conditions += ({name: value} for name, value in {**fields, **grant.fields}.items() if name not in grant.beginnings)
    conditions += ([PREFIX, f"${name}", value] for name, value in grant.beginnings.items())
    if grant.smallest or grant.largest is not None:
        conditions.append([SIZE, grant.smallest, _ANY_SIZE if grant.largest is None else grant.largest])
    document = {"expiration": dates.utc_text(grant.expiration), "conditions": conditions}
    policy = base64.b64encode(json.dumps(document).encode()).decode()
    key = signature.SigningKey.derive(grant.secret, scope, date)
    return {**grant.fields, **fields, "policy": policy, "x-amz-signature": key.sign(policy)}


@dataclass(frozen=True, slots=True)
class FormClaim:
    """What a form says of its signature.  Nothing of it is verified.

    ``scope``, ``date``: None in a form of version 2.  ``text``: the text that is signed.
    """

    access_key: str
    scope: signature.CredentialScope | None
    date: str | None
    text: str = field(repr=False)
    signature: str = field(repr=False)
    security_token: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class PostForm:
    """A form.  ``fields``: {name in lower case: value}.  ``key``: of the object, with the name of the file in it.

    ``claim``, ``policy``: None for an anonymous form.
    """

    fields: Mapping[str, str] = field(repr=False)
    key: str
    claim: FormClaim | None
    policy: PolicyDocument | None


def claimed(fields: Iterable[tuple[str, str]]) -> str:
    """The access key that a form names, "" if none can be read.  Not verified.  Never raises."""
    given = {name.lower(): value for name, value in fields}
    key, *scope = given.get("x-amz-credential", "").rsplit("/", 4)
    return key if len(scope) == 4 else given.get("awsaccesskeyid", "")


def read(fields: Iterable[tuple[str, str]], filename: str, version_2: bool = False) -> PostForm:
    """The PostForm of a form's fields before its file.

    ``filename``: of the file's part.  ``version_2``: whether a signature of version 2 is taken.
    S3Error: 400 InvalidArgument, InvalidPolicyDocument, InvalidRequest; 501.
    """
    given: dict[str, str] = {}
    for name, value in fields:
        if given.setdefault(name.lower(), value) != value:
            raise _invalid(f"The form has the field {_shown(name)} twice.")
    key = given.get("key")
    if not key:
        raise _invalid("Bucket POST must contain a field named 'key'. It must stand before the file.")
    base = re.split(r"[/\\]", filename)[-1]  # some browsers send the whole path
    key = key.replace(FILENAME, base)
    if "\0" in key:  # no other request of S3 could name it
        raise _invalid("The key of the object must not contain NUL.")
    claim = _claim(given, version_2)
    policy = None if claim is None else _policy(claim.text)
    return PostForm(given, key, claim, policy)


def _shown(name: str) -> str:
    """A field's name for a message.  Its value may be a secret."""
    return compat.printable(name[:100])


def _invalid(text: str) -> S3Error:
    return S3Error("InvalidArgument", message=text)


def _claim(given: Mapping[str, str], version_2: bool) -> FormClaim | None:
    if given.keys().isdisjoint((*_VERSION_4, *_VERSION_2)):
        return None
    is_old = "x-amz-signature" not in given and not given.keys().isdisjoint(_VERSION_2[:2])
    if is_old and not version_2:
        signature.refuse_version_2()
    for name in _VERSION_2 if is_old else _VERSION_4:
        if not given.get(name):
            raise _invalid(f"A signed form must contain a field named '{name}'.")
    token = given.get("x-amz-security-token")
    if is_old:
        return FormClaim(given["awsaccesskeyid"], None, None, given["policy"], given["signature"], token)
    if given["x-amz-algorithm"] != signature.ALGORITHM:
        raise _invalid(f"x-amz-algorithm only supports {signature.ALGORITHM}.")
    scope, date = signature.scope_of(given["x-amz-credential"], "InvalidArgument"), given["x-amz-date"]
    if signature.time_of(date) is None or date[:8] != scope.day:
        raise _invalid("x-amz-date is malformed, or its day is not that of x-amz-credential.")
    if not signature.is_signature(given["x-amz-signature"]):
        raise _invalid("x-amz-signature is not 64 lower-case hexadecimal digits.")
    return FormClaim(scope.access_key, scope, date, given["policy"], given["x-amz-signature"], token)


# The policy


def _malformed(text: str) -> S3Error:
    return S3Error("InvalidPolicyDocument", message=f"Invalid Policy: {text}")


def _policy(text: str) -> PolicyDocument:
    bare = "".join(text.split()).rstrip("=")
    try:
        document = json_document.parse_json(base64.b64decode(bare + "=" * (-len(bare) % 4), validate=True))
    except (ValueError, binascii.Error):
        raise _malformed("it is not JSON in base64.") from None
    if not isinstance(document, dict):
        raise _malformed("it is not a JSON object.")
    end, conditions = document.get("expiration"), document.get("conditions")
    expiration = dates.parse_utc(end) if isinstance(end, str) and _EXPIRATION(end) else None
    if expiration is None:
        raise _malformed("its expiration is missing, or not a date such as 2026-01-02T03:04:05Z.")
    if not isinstance(conditions, list):
        raise _malformed("its list of conditions is missing.")
    found: list[PolicyCondition] = []
    smallest, largest = 0, None
    for each in conditions:
        if isinstance(each, list) and each and str(each[0]).lower() == SIZE:
            low, high = _range(each)
            smallest, largest = max(smallest, low), high if largest is None else min(largest, high)
        else:
            found.extend(_conditions(each))
    return PolicyDocument(expiration, tuple(found), smallest, largest)


def _range(condition: list[Any]) -> tuple[int, int]:
    bounds = [compat.whole(each) if isinstance(each, str) else each for each in condition[1:]]
    if len(bounds) == 2:
        low, high = bounds
        if compat.is_integer(low) and compat.is_integer(high) and 0 <= min(low, high):
            return low, high
    raise _malformed(f"{SIZE} needs two whole numbers of bytes.")


def _conditions(condition: object) -> list[PolicyCondition]:
    if isinstance(condition, dict) and condition:
        rows = [(EQUAL, f"${name}", value) for name, value in condition.items()]
    elif isinstance(condition, list) and len(condition) == 3:
        rows = [(condition[0], condition[1], condition[2])]
    else:
        raise _malformed("a condition is neither an object with a field nor a list of three texts.")
    found = []
    for operator, name, value in rows:
        if not (isinstance(operator, str) and isinstance(name, str) and isinstance(value, str)):
            raise _malformed("a condition does not consist of texts.")
        if operator.lower() not in (EQUAL, PREFIX) or not name.startswith("$"):
            raise _malformed(f"a condition has no operator {EQUAL}, {PREFIX} or {SIZE}, or no $ before its field.")
        found.append(PolicyCondition(operator.lower(), name[1:].lower(), value))
    return found


# The checks


def check_expiry(form: PostForm, now: float) -> None:
    """``now``: Unix seconds.  S3Error AccessDenied if the policy has expired."""
    if form.policy is not None and expiry.is_past(form.policy.expiration, now):
        raise _denied("Policy expired.")


def _denied(text: str) -> S3Error:
    return S3Error("AccessDenied", message=f"Invalid according to Policy: {text}")


def verify(claimed: FormClaim, secret: str) -> None:
    """S3Error SignatureDoesNotMatch."""
    if claimed.scope is not None and claimed.date is not None:
        key = signature.SigningKey.derive(secret, claimed.scope, claimed.date)
        is_right = key.is_right(claimed.text, claimed.signature)
    else:
        digest = hmac.digest(compat.to_bytes(secret), claimed.text.encode("utf-8", "surrogateescape"), "sha1")
        given = claimed.signature.encode("utf-8", "surrogateescape")
        is_right = hmac.compare_digest(base64.b64encode(digest), given)
    if not is_right:
        raise S3Error("SignatureDoesNotMatch", StringToSign=claimed.text)


def permit(form: PostForm, bucket: str) -> None:
    """Check that the form keeps to its policy.  ``bucket``: the addressed one, which needs a condition too.

    S3Error AccessDenied.
    """
    if form.policy is None:
        return
    given = {**form.fields, "key": form.key, "bucket": bucket}
    for condition in form.policy.conditions:
        value = given.get(condition.field)
        if value is None or not condition.holds(value):
            raise _denied(f"Policy Condition failed: {condition.operator} ${_shown(condition.field)}")
    covered = {condition.field for condition in form.policy.conditions}
    for name in given:
        if name not in covered and name not in _FREE and not name.startswith(_FREE_BEGINNINGS):
            raise _denied(f"Extra input fields: {_shown(name)}")


def check_size(form: PostForm, size: int) -> None:
    """Check the file's size in bytes.  S3Error EntityTooLarge, EntityTooSmall."""
    if form.policy is None:
        return
    smallest, largest = form.policy.smallest, form.policy.largest
    if size < smallest:
        raise S3Error("EntityTooSmall", ProposedSize=str(size), MinSizeAllowed=str(smallest))
    if largest is not None and size > largest:
        raise S3Error("EntityTooLarge", ProposedSize=str(size), MaxSizeAllowed=str(largest))
