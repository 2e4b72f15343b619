"""The signed text, signing and verifying: the same for a header, for a URL and for the server's check.

    Authorization: <word> <public key>:<signature>[:<put policy>]
    signature    = base64( HMAC-SHA1( private key, UTF-8(StringToSign) ) )
    StringToSign = VERB LF Content-MD5 LF Content-Type LF Date LF CanonicalHeaders Resource [PutPolicy]
    Resource     = "/" space "/" key

A signed URL has Expires in place of Date, or nothing if it never expires.  Management calls: hex SHA1 of the sorted
parameters and the private key.

No text has two readings.  A Date is absent, an HTTP date or 14 digits; an Expires has at most 11 digits.  None of the
first three values has a line break.  The beginning of a put policy separates it from the key before it.  The one
exception is a URL without expiry, whose text is that of a header without Date: a server accepts it only if its operator
allows that.
Source: signing.md.
"""

from __future__ import absolute_import, division, print_function

import binascii
import hashlib
import hmac
import re
from decimal import Decimal

from .compat import TYPE_CHECKING, NamedTuple, build_query, native, quote_query, to_bytes, to_text
from .errors import InvalidArgument, NoCredentials, SignatureExpired, SignatureMismatch
from .expiry import is_past

if TYPE_CHECKING:
    from typing import Iterable, Iterator, Mapping, Sequence  # noqa: F401

    from .message import Headers  # noqa: F401

WORDS = ("UCloud", "AutoAI")


#: The header, or URL parameter, with a temporary key pair's token.
TOKEN = "SecurityToken"
#: The beginnings of put policies: base64 of {"callback in compact JSON, and of the iOS SDK's form, with each member on
#: its own line after two blanks.
POLICIES = (u"eyJjYWxsYmFja", u"ewogICJjYWxsYmFja")
#: The most digits of a URL's Expires.  Java's Date has 14, so no signed text is both a header's and a URL's.
EXPIRES_DIGITS = 11
#: The Expires that means the same as none.
ENDLESS = u"0"


class Credentials(
    NamedTuple(
        "Credentials", [("public_key", "str"), ("private_key", "str"), ("security_token", "str | None")]
    )
):
    """A key pair, text.  ``security_token``: of temporary keys, else None.  Its repr shows the public key only."""

    __slots__ = ()

    def __new__(cls, public_key, private_key, security_token=None):
        # type: (str, str, str | None) -> Credentials
        return super(Credentials, cls).__new__(cls, public_key, private_key, security_token)

    def __repr__(self):
        # type: () -> str
        return "Credentials(%s, ***)" % native(self.public_key)

    __str__ = __repr__


class Claim(
    NamedTuple(
        "Claim",
        [
            ("word", "str | None"), ("public_key", "str"), ("signature", "str"), ("expires", "str | None"),
            ("policy", "str"),
        ],
    )
):
    """A request's claim about its sender.

    ``expires``: the text of a signed URL's Expires, u"" for a signed URL without expiry, None for a header.
    """

    __slots__ = ()

    @property
    def is_endless(self):
        # type: () -> bool
        """Whether it is a signed URL without expiry."""
        return self.expires == u""

    def __repr__(self):
        # type: () -> str
        return "Claim(%s)" % native(self.public_key)

    __str__ = __repr__


_BLANKS = re.compile(r"[ \t\r\n]+")


def _trimmed(value):
    # type: (str | bytes | None) -> str
    return to_text(value).strip(u" \t") if value else u""


def canonical_headers(headers, word="UCloud"):
    # type: (Iterable[tuple[str, str]], str) -> str
    """The signed X-UCloud-* (white label: X-AutoAI-*) headers: sorted, folded, one line each, LF after each."""
    found = {}  # type: dict[str, list[str]]
    start = None
    for name, value in headers:
        if name[:2] in ("X-", "x-"):
            start = start or "x-%s-" % word.lower()
            name = name.lower()
            if name.startswith(start):
                found.setdefault(name, []).append(_BLANKS.sub(" ", native(value)).strip())
    if not found:
        return u""
    return u"".join([u"%s:%s\n" % (to_text(name), to_text(",".join(found[name]))) for name in sorted(found)])


def string_to_sign(method, space, key, md5=u"", mime=u"", date=u"", canonical=u"", tail=u"", policy=u""):
    # type: (str, str, str, str, str, str, str, str, str) -> str
    """The text to sign.  ``date``: the Date header as sent, or a signed URL's Expires.

    ``key``: raw, not escaped.  ``tail``: what follows the resource.  All text.
    """
    return u"%s\n%s\n%s\n%s\n%s/%s/%s%s%s" % (method, md5, mime, date, canonical, space, key, tail, policy)


_KEYED = {}  # type: dict[str, hmac.HMAC]  # private key: its HMAC, begun
_KEYED_LIMIT = 256


def sign(private_key, text):
    # type: (str, str) -> str
    """The signature of a text: HMAC-SHA1 in base64."""
    found = _KEYED.get(private_key)
    if found is None:
        found = hmac.new(to_bytes(private_key), digestmod=hashlib.sha1)
        if len(_KEYED) >= _KEYED_LIMIT:  # a server with many keys
            _KEYED.clear()
        _KEYED[private_key] = found
    keyed = found.copy()
    keyed.update(to_bytes(text))
    return native(binascii.b2a_base64(keyed.digest())[:-1])


_LISTED = u"\nlistobjects\n"


def signs_another(method, key):
    # type: (str, str) -> bool
    """Whether a header's signature for this key is also valid for another request.

    Such a key ends in a put policy, or equals the text that the Python SDK signs after an empty key.  It cannot be used
    with a signed header, only with a signed URL.
    """
    if method == "GET":
        return key.startswith(_LISTED)
    return method in ("PUT", "POST") and any(beginning in key for beginning in POLICIES)


def authorization(credentials, method, space, key, headers, word="UCloud", policy=None):
    # type: (Credentials, str, str, str, Headers, str, str | None) -> str
    """The Authorization header of a request with these headers (a Headers).

    InvalidArgument for a key whose signature would also be valid for another request.
    """
    if signs_another(method, to_text(key)):
        raise InvalidArgument(u"a signed header cannot contain this key: use a signed URL, or another key")
    text = string_to_sign(
        method,
        to_text(space),
        to_text(key),
        _trimmed(headers.get("Content-MD5")),
        _trimmed(headers.get("Content-Type")),
        _trimmed(headers.get("Date")),
        canonical_headers(headers, word),
        u"",
        to_text(policy or u""),
    )
    value = "%s %s:%s" % (word, native(credentials.public_key), sign(credentials.private_key, text))
    return value + ":" + native(policy) if policy else value


def signed_query(credentials, method, space, key, expires, mime=u"", md5=u""):
    # type: (Credentials, str, str, str, int, str, str) -> str
    """The query that signs a URL until ``expires`` (Unix seconds), with every value escaped.

    ``mime`` and ``md5``: the Content-Type and Content-MD5 of the later PUT; empty for GET and HEAD.
    InvalidArgument for a time of more than EXPIRES_DIGITS digits.
    """
    if not 0 <= expires < 10**EXPIRES_DIGITS:
        raise InvalidArgument(u"a signed URL cannot expire later than %d" % (10**EXPIRES_DIGITS - 1))
    text = string_to_sign(method, to_text(space), to_text(key), to_text(md5), to_text(mime), u"%d" % expires)
    signed = sign(credentials.private_key, text).replace("+", "%2B").replace("=", "%3D")  # all that base64 needs
    query = "UCloudPublicKey=%s&Expires=%d&Signature=%s" % (quote_query(credentials.public_key), expires, signed)
    if credentials.security_token is not None:
        query += "&" + build_query([(TOKEN, credentials.security_token)])
    return query.replace("/", "%2F")


def claim(headers, query):
    # type: (Headers, Iterable[tuple[str, str]]) -> Claim | None
    """The Claim of a request; None for an anonymous one.  ``query``: from parse_target.

    If there is an Authorization header, only it counts.  NoCredentials if it cannot be read.  Without Expires, or with
    Expires=0 as PHP 8 writes it, the URL never expires.
    """
    value = headers.get("Authorization")
    if value is not None:
        return read_authorization(value)
    given = dict((name, value) for name, value in query if name in ("UCloudPublicKey", "Signature", "Expires"))
    if "UCloudPublicKey" not in given and "Signature" not in given:
        return None
    expires = given.get("Expires", ENDLESS)
    if "UCloudPublicKey" not in given or "Signature" not in given or not expires:
        raise NoCredentials(u"a signed URL needs UCloudPublicKey, Expires and Signature")
    # A blank in these two must have been a "+", which the Python SDK does not escape.  Source: signing.md section 2
    return Claim(
        None,
        given["UCloudPublicKey"].replace(u" ", u"+"),
        given["Signature"].replace(u" ", u"+"),
        u"" if expires == ENDLESS else expires,
        u"",
    )


def read_authorization(value):
    # type: (str) -> Claim
    """The Claim of an Authorization header or form field.  NoCredentials if it does not follow this protocol."""
    try:
        text = to_text(value).strip()
        to_bytes(text)
    except UnicodeError:
        raise NoCredentials(u"the Authorization header is not UTF-8")
    word, _, rest = text.partition(u" ")
    fields = rest.strip().split(u":")
    if word not in WORDS or not 2 <= len(fields) <= 3 or not fields[0]:
        raise NoCredentials(u"the Authorization header is not '<word> <public key>:<signature>'")
    return Claim(word, fields[0], fields[1], None, fields[2] if len(fields) == 3 else u"")


_COPY = (u"x-ufile-copy-source", u"x-ufile-copy-source-range")
_DATE = re.compile(  # IMF-fixdate, RFC 850 and asctime of RFC 9110 section 5.6.7; Java's yyyyMMddHHmmss
    u"(?:[A-Z][a-z]{2}, [0-9]{2} [A-Z][a-z]{2} [0-9]{4} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    u"|[A-Z][a-z]{5,8}, [0-9]{2}-[A-Z][a-z]{2}-[0-9]{2} [0-9]{2}:[0-9]{2}:[0-9]{2} GMT"
    u"|[A-Z][a-z]{2} [A-Z][a-z]{2} [ 0-9][0-9] [0-9]{2}:[0-9]{2}:[0-9]{2} [0-9]{4}"
    u"|[0-9]{14})\\Z"
).match


def candidates(claimed, method, space, keys, headers, tails=(u"",), mime=None):
    # type: (Claim, str, str, Sequence[str], Headers, Sequence[str], str | None) -> Iterator[str]
    """Every text that an official client may have signed for this request, the documented one first.

    ``keys``: the raw keys to try.  ``tails``: what may follow the resource.  ``mime``: the Content-Type to use in place
    of the request's own (for a form upload).  SignatureMismatch, with the reason, if another request could have the
    same text.  Source: signing.md section 3.
    """
    if claimed.is_endless:
        for text in _endless(method, space, keys):
            yield text
        return
    md5 = _trimmed(headers.get("Content-MD5"))
    mime = _trimmed(headers.get("Content-Type") if mime is None else mime)
    if claimed.expires is not None:
        date, tails = claimed.expires, (u"",)  # no client signs one in a URL, and a key may look like one
        if method in ("GET", "HEAD"):
            md5 = mime = u""
    else:
        date = _trimmed(headers.get("Date"))
        if date and not _DATE(date):
            raise SignatureMismatch(u"invalid signature: a signed Date is an HTTP date or 14 digits, or left out")
        for key in keys:
            if signs_another(method, key):
                raise SignatureMismatch(u"invalid signature: a signed header cannot contain this key: use a signed URL")
    if u"\n" in md5 or u"\n" in mime:  # for example in a form's field
        raise SignatureMismatch(u"invalid signature: a signed header contains a line break")
    seen = set()
    for block in _blocks(claimed, headers):
        for key in keys:
            for tail in tails:
                text = string_to_sign(method, space, key, md5, mime, date, block, tail, claimed.policy)
                if text not in seen:
                    seen.add(text)
                    yield text


def _endless(method, space, keys):
    # type: (str, str, Sequence[str]) -> Iterator[str]
    """The texts of a URL without expiry: of the method, and for HEAD also of GET, as HEAD needs no more rights.

    Nothing else is signed: a header or parameter in the text would make it that of another request.
    """
    for verb in (u"HEAD", u"GET") if method == "HEAD" else (method,):
        for key in keys:
            if signs_another(verb, key):
                raise SignatureMismatch(u"invalid signature: this key needs a signed URL that expires")
            yield string_to_sign(verb, space, key)


def _blocks(claimed, headers):
    # type: (Claim, Headers) -> Iterator[str]
    """The canonical headers that may have been signed.  Computed lazily, as the first nearly always matches."""
    blocks = []
    for word in WORDS if claimed.word is None else (claimed.word,):  # a URL does not have its signer's word
        blocks.append(canonical_headers(headers, word))
        yield blocks[-1]
    blocks.append(u"")  # Go sends such headers without signing them
    yield u""
    copied = [(name, to_text(headers.get(name, u""))) for name in _COPY if headers.get(name) is not None]
    if copied and not any(u"\n" in value for _, value in copied):  # only Java's part copy signs these, as sent
        lines = u"".join(u"%s:%s\n" % pair for pair in copied)
        for block in blocks:
            yield block + lines


class Signed(NamedTuple("Signed", [("headers", "dict[str, str]"), ("tail", "str")])):
    """The parts of a signed text besides verb, three values and resource.

    ``headers``: {lower-case name: value} of its canonical headers.  ``tail``: what follows the resource, without the
    put policy.
    """

    __slots__ = ()

    @property
    def is_copy(self):
        # type: () -> bool
        """Whether it has the source of a copy, as in Java's part copy."""
        return _COPY[0] in self.headers


_PLAIN = Signed({}, u"")


def read_text(text, space, key, policy=u""):
    # type: (str, str, str, str) -> Signed
    """The Signed of a text from ``candidates``."""
    rest = text.split(u"\n", 4)[4]
    resource = u"/%s/%s%s" % (space, key, policy)
    if rest == resource:
        return _PLAIN
    start = 0 if rest.startswith(u"/") else rest.index(u"\n/") + 1  # a header's line begins with x-
    lines = [line.partition(u":") for line in rest[:start].split(u"\n") if line]
    behind = rest[start + len(resource) - len(policy) : len(rest) - len(policy)]
    return Signed(dict((name, value) for name, _, value in lines), behind)


_LENGTH_AND_PREFIX = re.compile(u"\nmax-keys:[0-9]*\nprefix:").findall


def list_tail(query):
    # type: (Iterable[tuple[str, str]]) -> str
    """The text that the Python SDK signs after the resource of a listobjects call.  ``query``: decoded pairs."""
    given = dict((name.lower(), value) for name, value in query)  # names as the listing reads them
    names = (u"delimiter", u"marker", u"max-keys", u"prefix")
    return _LISTED + u"\n".join(u"%s:%s" % (name, given.get(name, u"")) for name in names)


def variants(method, key, query):
    # type: (str, str, Iterable[tuple[str, str]]) -> tuple[tuple[str, ...], tuple[str, ...]]
    """(keys, tails) that an official client may have signed for this request, for ``candidates``.

    ``query``: decoded [(name, value)].  Source: signing.md section 3.
    """
    given = dict(query)
    keys, tails = (key,), [u""]  # type: tuple[str, ...], list[str]
    if method == "POST" and key == u"uploadhit":
        named = dict((name.lower(), value) for name, value in query)
        name = named.get(u"filename")
        if u"hash" in named and name:
            # JuiceFS does not escape a "+", which is then read as a blank
            keys = (name, name.replace(u" ", u"+")) if u" " in name else (name,)
    elif method == "GET" and key == u"" and u"listobjects" in given:
        tail = list_tail(query)
        if len(_LENGTH_AND_PREFIX(tail)) == 1:  # else a marker or prefix could be read as the other
            tails.append(tail)
    elif method == "PUT" and u"append" in given:
        tail = u"?append&position=" + given.get(u"position", u"")
        if is_appending(tail):
            tails.append(tail)
    return keys, tuple(tails)


#: A key from Java's appendObject, which escapes its query into the path: the signed text is also an append's.
is_appending = re.compile(u"[?]append&position=[0-9]+\\Z").search


def equal(left, right):
    # type: (str | bytes, str | bytes) -> bool
    """Compare two texts in constant time."""
    left, right = to_bytes(left), to_bytes(right)
    return hmac.compare_digest(left, right)


_EXPIRES = re.compile(u"[0-9]{1,%d}\\Z" % EXPIRES_DIGITS).match


def verify(claimed, private_key, texts, now):
    # type: (Claim, str, Iterable[str], float) -> str
    """The text that matches.  SignatureExpired, which is checked first, or SignatureMismatch.

    ``texts``: the candidates.  ``now``: Unix seconds.
    """
    if claimed.expires is not None and not claimed.is_endless:
        if not _EXPIRES(claimed.expires):
            raise SignatureMismatch()
        if is_past(int(claimed.expires), now):
            raise SignatureExpired()
    for text in texts:
        try:
            if equal(sign(private_key, text), claimed.signature):
                return text
        except UnicodeError:  # a lone surrogate in a header is in no signed text
            continue
    raise SignatureMismatch()


def parameter_text(value):
    # type: (str | bytes | float) -> str
    """The text of a management parameter.  ValueError or OverflowError for a float that is not finite."""
    if value is True:
        return u"true"
    if value is False:
        return u"false"
    if isinstance(value, float):
        return u"%d" % value if value == int(value) else to_text("{0:f}".format(Decimal(repr(value))))
    return to_text(value) if isinstance(value, bytes) else u"%s" % value


def action_signature(private_key, parameters):
    # type: (str, Mapping[str, str | bytes | float]) -> str
    """The Signature of a management call over ``parameters`` (a dict; "Signature" in it is ignored)."""
    named = sorted((to_bytes(name), to_bytes(parameter_text(value))) for name, value in parameters.items())
    text = b"".join(name + value for name, value in named if name != b"Signature")
    return native(hashlib.sha1(text + to_bytes(private_key)).hexdigest())
