"""AWS Signature Version 4 in the header Authorization, or in the query of a presigned URL.

A server takes these steps, and the first that refuses determines the answer: ``claim`` and ``payload_of`` (syntax),
``check_clock``, then it looks up the access key and checks the security token, then ``verify``.
"""

from __future__ import annotations

import functools
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, NoReturn, TypeVar
from urllib.parse import quote_from_bytes, unquote_to_bytes

from uvideo._core import compat, dates, expiry, message
from uvideo.s3 import payload
from uvideo.s3.errors import S3Error
from uvideo.s3.field import has_control, is_token

__all__ = [
    "ALGORITHM",
    "CredentialScope",
    "SignatureClaim",
    "SigningKey",
    "check_clock",
    "claim",
    "claimed",
    "hoisted",
    "is_signature",
    "payload_of",
    "refuse_version_2",
    "scope_of",
    "time_of",
    "verify",
]

ALGORITHM = "AWS4-HMAC-SHA256"
MALFORMED = "AuthorizationHeaderMalformed"
SKEW = 15 * 60  # seconds between the clocks of client and server
LONGEST = 7 * 24 * 3600  # seconds that a presigned URL may be valid
#: An access key may contain "/"; a region is printable.
_CREDENTIAL = re.compile(r"(.+)/([0-9]{8})/([!-.0-~]{1,64})/([a-z0-9-]+)/aws4_request\Z").match
_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})T([0-9]{2})([0-9]{2})([0-9]{2})Z\Z").match
_YEAR_10000 = 253402300800  # Unix seconds
_SECONDS = re.compile(r"-?[0-9]+\Z").match
_PLAIN = re.compile(rb"[A-Za-z0-9_.~-]*\Z").match
_PLAIN_PATH = re.compile(r"/[A-Za-z0-9_.~/-]*\Z").match
_BLANKS = re.compile(r"[ \t]+")
#: Whether a text has the form of a signature.
is_signature = re.compile(r"[0-9a-f]{64}\Z").match
#: An Authorization up to its signature, with its parts in the order in which SDKs send them.
_USUAL = re.compile(rf"{ALGORITHM} Credential=([^, =]+), ?SignedHeaders=([^, =]+), ?\Z").match
#: What a presigned URL must have.
_REQUIRED = ("algorithm", "credential", "date", "expires", "signedheaders", "signature")
#: Parameters of a presigned query that are no headers.
_OWN = frozenset([*(f"x-amz-{name}" for name in _REQUIRED), "x-amz-security-token"])
_KEPT = 512  # characters of the texts for which a cache keeps the result

T = TypeVar("T")


def _cached(found: Callable[..., T]) -> Callable[..., T]:
    """The function with a cache of its results for short texts.

    Clients choose the texts before anything is verified: a cache of long ones would hold many MiB forever.
    """
    kept = functools.lru_cache(maxsize=256)(found)

    @functools.wraps(found)
    def called(*texts: str) -> T:
        return kept(*texts) if sum(map(len, texts)) <= _KEPT else found(*texts)

    return called


class CredentialScope(NamedTuple):
    """A credential: access key, day ("20260102") and region."""

    access_key: str
    day: str
    region: str

    @property
    def text(self) -> str:
        """The scope as it is signed."""
        return f"{self.day}/{self.region}/s3/aws4_request"


class SignedHeaders(NamedTuple):
    """The names of the signed headers: as sent, with semicolons between them, and in lower case.

    ``known``: the latter again.
    """

    text: str
    names: tuple[str, ...]
    known: frozenset[str]


@dataclass(slots=True)  # not frozen: creating a frozen one takes several times as long, per request
class SignatureClaim:
    """What a request says of its signature.  Nothing of it is verified.  Do not change it.

    ``date``: "20260102T030405Z".  ``time``: the same in Unix seconds.
    ``payload``: the value of x-amz-content-sha256 that is signed.  ``expires``: how many seconds a presigned URL is
    valid; None if the signature is in a header.
    """

    scope: CredentialScope
    date: str
    time: int
    signed: SignedHeaders
    payload: str
    signature: str = field(repr=False)
    security_token: str | None = field(repr=False)
    expires: int | None = None

    @property
    def access_key(self) -> str:
        return self.scope.access_key


@dataclass(slots=True)  # not frozen, as SignatureClaim
class SigningKey:
    """The key for the signatures of one secret, day and region.  ``date``, ``scope``: of the request that it is for.

    ``keyed``: an HMAC with this key and no text, which is only copied.  That takes half the time of ``hmac.digest``,
    and keeps the interpreter's lock, for which another thread may wait.
    """

    keyed: hmac.HMAC = field(repr=False)
    date: str
    scope: str

    @classmethod
    def derive(cls, secret: str, scope: CredentialScope, date: str) -> SigningKey:
        return cls(_derived(secret, scope.day, scope.region), date, scope.text)

    def sign(self, text: str) -> str:
        """The signature of a text, in hex."""
        found = self.keyed.copy()
        found.update(text.encode())
        return found.hexdigest()

    def is_right(self, text: str, signature: str) -> bool:
        """Whether this is the signature of the text.  Takes the same time if it is wrong."""
        return hmac.compare_digest(self.sign(text).encode(), signature.encode())


@functools.lru_cache(maxsize=256)
def _derived(secret: str, day: str, region: str) -> hmac.HMAC:
    key = b"AWS4" + compat.to_bytes(secret)
    for text in (day, region, "s3", "aws4_request"):
        key = hmac.digest(key, text.encode(), "sha256")
    return hmac.new(key, digestmod="sha256")


# What a request claims


def claimed(request: message.Request) -> str:
    """The access key that a request names, "" if none can be read.  Not verified.  Never raises."""
    value = _authorization(request)
    if value:
        credential = _parts(value).get("Credential", "")
    else:
        credential = next(iter(_parameters(request.target).get("x-amz-credential", ())), "")
    key, *scope = credential.rsplit("/", 4)
    return key if len(scope) == 4 else ""


def claim(request: message.Request) -> SignatureClaim | None:
    """The SignatureClaim of a request, None for an anonymous one.

    S3Error: 400 for what is malformed; 403 AccessDenied for a header's signature without a date; 501.
    """
    value, given = _authorization(request), _parameters(request.target)
    if "awsaccesskeyid" in given:
        refuse_version_2()
    in_query = not given.keys().isdisjoint(("x-amz-algorithm", "x-amz-credential", "x-amz-signature"))
    if value and in_query:
        raise S3Error(
            "InvalidArgument",
            message="Only one auth mechanism allowed: the query is signed, and there is Authorization.",
        )
    if value:
        return _header_claim(request, value)
    return _query_claim(request, given) if in_query else None


def refuse_version_2() -> NoReturn:
    raise S3Error(
        "InvalidRequest",
        message="The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.",
    )


@_cached
def scope_of(credential: str, code: str) -> CredentialScope:
    """The CredentialScope in <access key>/<day>/<region>/s3/aws4_request.  An access key may contain "/".

    S3Error: ``code`` if it is malformed, NotImplemented for the service sts.
    """
    found = _CREDENTIAL(credential)
    if found is None or compat.printable(found[1]) != found[1] or found[4] not in ("s3", "sts"):
        raise S3Error(
            code, message='The Credential is malformed; expecting "<access key>/YYYYMMDD/<region>/s3/aws4_request".'
        )
    if found[4] == "sts":
        raise S3Error("NotImplemented", message="The STS API is not served here.")
    return CredentialScope(found[1], found[2], found[3])


@_cached
def time_of(date: str) -> int | None:
    """Unix seconds for "20260102T030405Z", or None."""
    found = _DATE(date)
    return dates.parse_utc("{}-{}-{}T{}:{}:{}Z".format(*found.groups())) if found else None


def _authorization(request: message.Request) -> str:
    return request.headers.get("Authorization", "").strip()


def _parts(authorization: str) -> dict[str, str]:
    """{name: value} of the parts behind the scheme.  The last of a name counts."""
    _, _, rest = authorization.partition(" ")
    pairs = [part.strip().partition("=") for part in rest.split(",")]
    return {name: value for name, _, value in pairs}


def _header_claim(request: message.Request, value: str) -> SignatureClaim:
    front, _, signature = value.rpartition("Signature=")
    found = _signer(front)
    if found is None:
        found, signature = _unusual(value)
    scope, signed = found
    if not is_signature(signature):
        raise S3Error(MALFORMED, message="The Signature is not 64 lower-case hexadecimal digits.")
    line = request.headers.get(payload.HEADER)
    if line is None:
        raise S3Error("InvalidRequest", message=f"Missing required header for this request: {payload.HEADER}")
    payload.check_line(line)
    date, time = _dated(request.headers)
    if date[:8] != scope.day:
        raise S3Error(MALFORMED, message="The day of the Credential is not that of the request's date.")
    token = request.headers.get("x-amz-security-token")
    return SignatureClaim(scope, date, time, signed, line, signature, token)


@_cached
def _signer(front: str) -> tuple[CredentialScope, SignedHeaders] | None:
    """Scope and signed headers of an Authorization up to its signature; None if it is not as SDKs send it.

    A client sends the same text with many requests.  S3Error as ``scope_of``.
    """
    usual = _USUAL(front)
    return None if usual is None else (scope_of(usual[1], MALFORMED), _names(usual[2], MALFORMED))


def _unusual(authorization: str) -> tuple[tuple[CredentialScope, SignedHeaders], str]:
    """(scope and signed headers, signature) of an Authorization that is not as SDKs send it.  S3Error."""
    word, _, rest = authorization.partition(" ")
    if word == "AWS" and ":" in rest:
        refuse_version_2()
    if word != ALGORITHM:
        raise S3Error("InvalidArgument", message="Unsupported Authorization Type")
    parts = _parts(authorization)
    if rest.count(",") != 2 or sorted(parts) != ["Credential", "Signature", "SignedHeaders"]:
        raise S3Error(MALFORMED, message="Authorization needs Credential, SignedHeaders and Signature, once each.")
    found = scope_of(parts["Credential"], MALFORMED), _names(parts["SignedHeaders"], MALFORMED)
    return found, parts["Signature"]


def _dated(headers: message.Headers) -> tuple[str, int]:
    """(the date as it is signed, Unix seconds): X-Amz-Date, else Date.  S3Error AccessDenied."""
    date = headers.get("X-Amz-Date")
    if date is not None:
        time = time_of(date)
    else:
        time = dates.parse_date(headers.get("Date"))
        if time is not None and 0 <= time < _YEAR_10000:
            date = dates.utc_text(time).replace("-", "").replace(":", "")
    if date is None or time is None:
        raise S3Error("AccessDenied", message="AWS authentication requires a valid Date or x-amz-date header")
    return date, time


def _query_claim(request: message.Request, given: dict[str, list[str]]) -> SignatureClaim:
    malformed = "AuthorizationQueryParametersError"
    found = {}
    for name in (*_REQUIRED, "security-token"):
        values = given.get(f"x-amz-{name}", [])
        if len(values) > 1 or (not values and name in _REQUIRED):
            raise S3Error(malformed, message=f"A presigned URL needs the parameter X-Amz-{name.title()} once.")
        found[name] = values[0] if values else None
    algorithm, credential, date, expires, names, signature = (found[name] or "" for name in _REQUIRED)
    if algorithm != ALGORITHM:
        raise S3Error(malformed, message=f"X-Amz-Algorithm only supports {ALGORITHM}")
    scope, signed, time = scope_of(credential, malformed), _names(names, malformed), time_of(date)
    if time is None:
        raise S3Error(malformed, message="X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    if date[:8] != scope.day:
        raise S3Error(malformed, message="The day of X-Amz-Credential is not that of X-Amz-Date.")
    if not _SECONDS(expires):
        raise S3Error(malformed, message="X-Amz-Expires should be a number")
    if not is_signature(signature):
        raise S3Error(malformed, message="X-Amz-Signature is not 64 lower-case hexadecimal digits.")
    line = (given.get(payload.HEADER) or request.headers.all(payload.HEADER) or [payload.UNSIGNED])[0]
    payload.check_line(line)
    return SignatureClaim(scope, date, time, signed, line, signature, found["security-token"], int(expires[:20]))


@_cached
def _names(text: str, code: str) -> SignedHeaders:
    names = text.split(";")
    if not all(is_token(name) for name in names):
        raise S3Error(code, message="SignedHeaders is not a list of header names, separated by semicolons.")
    lower = tuple(map(str.lower, names))
    return SignedHeaders(text, lower, frozenset(lower))


# What a presigned query adds


def hoisted(request: message.Request) -> message.Headers:
    """The headers of a presigned request, with those that its query holds.  A real header wins.

    Checksums in the query are left out: some clients sign that of an empty body there.  S3Error InvalidArgument.
    """
    headers = message.Headers(request.headers)
    for name, values in _parameters(request.target).items():
        if name in _OWN or name.startswith("x-amz-checksum-") or name == "x-amz-sdk-checksum-algorithm":
            continue
        if headers.get(name) is None and name.startswith("x-amz-"):
            if not is_token(name) or any(has_control(value) for value in values):
                raise S3Error("InvalidArgument", message="A parameter of the query cannot be a header.")
            for value in values:
                headers.add(name, value if name.startswith("x-amz-meta-") else value.strip(" \t"))
    return headers


def payload_of(request: message.Request, claimed: SignatureClaim | None) -> payload.Payload:
    """How the request's body is sent.  ``claimed``: its ``claim``.  Errors as ``payload.announced``."""
    if claimed is None:
        return payload.announced(request.headers, request.headers.get(payload.HEADER), False)
    if claimed.expires is None:
        return payload.of_line(request.headers, claimed.payload, True)
    return payload.of_line(hoisted(request), claimed.payload, False)


# Verification


def check_clock(claimed: SignatureClaim, now: float) -> None:
    """Refuse a signature outside of its time.  ``now``: Unix seconds.  S3Error RequestTimeTooSkewed, AccessDenied."""
    seconds = int(now)
    if claimed.expires is None:
        if abs(seconds - claimed.time) > SKEW:
            raise S3Error(
                "RequestTimeTooSkewed",
                RequestTime=claimed.date,
                ServerTime=dates.utc_text(seconds),
                MaxAllowedSkewMilliseconds=str(SKEW * 1000),
            )
        return
    if not 1 <= claimed.expires <= LONGEST:
        raise S3Error("AccessDenied", message=f"X-Amz-Expires must be from 1 to {LONGEST} seconds")
    if claimed.time - seconds > SKEW:
        raise S3Error("AccessDenied", message="Request is not valid yet", ServerTime=dates.utc_text(seconds))
    if expiry.is_past(claimed.time + claimed.expires, seconds):
        raise S3Error("AccessDenied", message="Request has expired", ServerTime=dates.utc_text(seconds))


def verify(claimed: SignatureClaim, secret: str, request: message.Request, hosts: Sequence[str] = ()) -> SigningKey:
    """The SigningKey of a request whose signature is right.

    ``claimed``: its ``claim``.  ``hosts``: other values of Host that the client may have signed, such as those behind
    a proxy.  S3Error: AccessDenied if a header is not signed that must be, SignatureDoesNotMatch.
    """
    missing = _unsigned(claimed, request.headers)
    if missing:
        raise S3Error(
            "AccessDenied",
            message="There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(missing),
        )
    key = SigningKey.derive(secret, claimed.scope, claimed.date)
    shown = None
    for canonical in _canonical_requests(claimed, request, hosts):
        digest = hashlib.sha256(canonical).hexdigest()
        text = f"{ALGORITHM}\n{claimed.date}\n{key.scope}\n{digest}"
        if key.is_right(text, claimed.signature):
            return key
        shown = shown or (text, canonical.decode("utf-8", "replace"))
    assert shown is not None  # there is always one
    raise S3Error("SignatureDoesNotMatch", StringToSign=shown[0], CanonicalRequest=shown[1])


def _unsigned(claimed: SignatureClaim, headers: message.Headers) -> list[str]:
    """Names of the headers that must be signed and are not."""
    signed = claimed.signed.known
    missing = [
        name for name in headers.names() if name not in signed and name[:6] == "x-amz-" and name[:9] != "x-amz-cf-"
    ]
    return missing if "host" in signed else ["host", *missing]


def _canonical_requests(claimed: SignatureClaim, request: message.Request, hosts: Sequence[str]) -> Iterator[bytes]:
    """Every text that the client may have signed: as AWS prescribes, then with path and query as they were sent."""
    names, forms = claimed.signed.names, [*_forms(request.target)]
    for host in (None, *hosts):
        lines = _lines(names, request.headers, host)
        end = _raw(f"{lines}\n{claimed.signed.text}\n{claimed.payload}")
        for uri, parameters in forms:
            yield b"%b\n%b\n%b\n%b" % (_raw(request.method), uri, parameters, end)


def _lines(names: Sequence[str], headers: message.Headers, host: str | None) -> str:
    """The signed headers as they are signed, a line for each.  All values of a name are one.

    ``host``: the value of Host in place of the one in the headers, or None.
    """
    if host is None and len(headers) == len(headers.names()):
        lines = "".join([f"{name}:{headers.get(name, '')}\n" for name in names])
        if not ("  " in lines or ": " in lines or " \n" in lines or "\t" in lines):  # the usual one
            return lines
    found = {name: ",".join([_trimmed(each) for each in headers.all(name)]) for name in names}
    if host is not None:
        found["host"] = host
    return "".join([f"{name}:{found[name]}\n" for name in names])


def _trimmed(value: str) -> str:
    return (_BLANKS.sub(" ", value) if "  " in value or "\t" in value else value).strip(" ")


def _forms(target: str) -> Iterator[tuple[bytes, bytes]]:
    """(path, query) of a target as AWS prescribes, then as they were sent, but for the order of the query."""
    if _PLAIN_PATH(target):  # the usual one: there is nothing to encode
        yield target.encode(), b""
        return
    path, query = _split(target)
    pairs = [pair.partition(b"=")[::2] for pair in query.split(b"&")] if query else []
    pairs = [(name, value) for name, value in pairs if _decoded(name).lower() != b"x-amz-signature"]
    encoded = [(_encoded(_decoded(name)), _encoded(_decoded(value))) for name, value in pairs if name or value]
    first = quote_from_bytes(unquote_to_bytes(path)).encode(), _joined(encoded)
    yield first
    second = path, _joined(pairs)
    if second != first:
        yield second


# Text and bytes.  A target and a header's value are text with the bytes of the wire, escaped where they are not UTF-8.


def _raw(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")


def _split(target: str) -> tuple[bytes, bytes]:
    """(path, query) of a target as it was sent, in origin or absolute form."""
    if not target.startswith("/"):
        _, _, rest = target.partition("://")
        cut = min(len(rest), *(rest.find(stop) % (len(rest) + 1) for stop in "/?"))
        target = rest[cut:]
    path, _, query = target.partition("#")[0].partition("?")
    return _raw(path or "/"), _raw(query)


def _decoded(part: bytes) -> bytes:
    """A name or value of a query without its escapes."""
    return unquote_to_bytes(part.replace(b"+", b" ")) if b"%" in part or b"+" in part else part


def _encoded(part: bytes) -> bytes:
    return part if _PLAIN(part) else quote_from_bytes(part, safe="").encode()


def _joined(pairs: list[tuple[bytes, bytes]]) -> bytes:
    return b"&".join([name + b"=" + value for name, value in sorted(pairs)])


def _parameters(target: str) -> dict[str, list[str]]:
    """{name in lower case: values} of the query's parameters that the signature is about, decoded."""
    found: dict[str, list[str]] = {}
    if "?" not in target:
        return found
    for pair in _split(target)[1].split(b"&"):
        name, _, value = pair.partition(b"=")
        lower = _decoded(name).lower()
        if lower.startswith(b"x-amz-") or lower == b"awsaccesskeyid":
            text = _decoded(value).decode("utf-8", "surrogateescape")
            found.setdefault(lower.decode("utf-8", "surrogateescape"), []).append(text)
    return found
