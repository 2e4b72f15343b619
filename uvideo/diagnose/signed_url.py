"""Explains a signed URL: what it opens, until when, and whether a key pair signed it.  Sends nothing."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterator, Sequence
from datetime import datetime, timezone

from uvideo._core import expiry, location, message, provider, signature, validation
from uvideo.config.settings import Settings
from uvideo.diagnose.explain_refusal import masked
from uvideo.errors import InvalidArgument, SignatureMismatch, UVideoError
from uvideo.models import Finding

__all__ = ["read_link"]

_NAMES = ("UCloudPublicKey", "Expires", "Signature")
#: The end of a URL that was cut within a percent-encoded UTF-8 character.
_HALF = re.compile(r"(%[cd][0-9a-f]|%e[0-9a-f](%[89ab][0-9a-f])?|%f[0-4](%[89ab][0-9a-f]){0,2})?(%[0-9a-f]?)?\Z", re.I)
_DIGEST = 20  # bytes of a SHA-1
_LONG = 10 * 365 * 86400  # seconds: a later expiry is probably a mistake


def read_link(url: str, settings: Settings | None, now: float) -> Iterator[Finding]:
    """The Findings about a signed URL.  settings: whose key pair to compare, or None.  now: Unix seconds.

    InvalidArgument if it is no http or https URL.
    """
    scheme, target, cut = _taken_apart(url)
    given = dict(target.query)
    names = [name for name, _ in target.query]
    places = _places(target, settings)
    yield _opens(scheme, target, places[0], given, names)
    if scheme == "http" and not provider.is_loopback(target.authority):
        yield Finding("link.tls", "warning", "link-plain", {"host": target.authority})
    escaped = [name for name in names if name.startswith("amp;")]
    if escaped:
        yield Finding("link.fields", "failed", "link-escaped", {"names": escaped})
        return
    if cut:
        yield Finding("link.signature", "failed", "link-cut")
        return
    missing = [name for name in _NAMES if not given.get(name)]
    if len(missing) == len(_NAMES):
        yield Finding("link.fields", "warning", "link-unsigned")
        return
    if missing not in ([], ["Expires"]) or given.get("Expires") == "":
        yield Finding("link.fields", "failed", "link-incomplete", {"missing": missing})
        return
    expires = given.get("Expires") or signature.ENDLESS
    yield _lasts(expires, now)
    signed = given["Signature"].replace(" ", "+")
    if not _is_signature(signed):
        yield Finding("link.signature", "failed", "link-cut")
        return
    public = given["UCloudPublicKey"].replace(" ", "+")
    claim = signature.Claim(None, public, signed, "" if expires == signature.ENDLESS else expires, "")
    yield _verified(claim, places, settings)


def _taken_apart(url: str) -> tuple[str, location.RequestTarget, bool]:
    """(scheme, target, whether the URL was cut within an escaped character, which is then dropped)."""
    given = url.strip()
    text = _HALF.sub("", given)
    found = re.match(r"(https?)://([^/?#]+)", text, re.IGNORECASE)
    if found is None or any(char <= " " for char in text):
        raise InvalidArgument(
            "this is not a URL: it must begin with http:// or https:// and contain no blanks; put the whole URL "
            "in quotes"
        )
    try:
        return found[1].lower(), location.parse_target(text), text != given
    except UVideoError as error:
        raise InvalidArgument(f"the URL cannot be read: {error.message}") from None


def _places(target: location.RequestTarget, settings: Settings | None) -> Sequence[tuple[str, str]]:
    """(space, key) for each reading of the URL, the likeliest first."""
    found = []
    for address in location.addresses(target.authority, None, target.path):
        try:
            found.append((address.space, location.key_of(address)))
        except UVideoError as error:
            raise InvalidArgument(f"the URL cannot be read: {error.message}") from None
    suffixes = settings.hosts().suffixes() if settings is not None else []
    shared = {each.host.lower() for each in suffixes if each.shared}
    numeric = re.match(r"[0-9.]+(:|\Z)|\[", target.authority)
    if target.authority.lower() in shared or numeric or "." not in target.authority:
        found.reverse()  # a host for every space: the path begins with the space
    return found


def _opens(
    scheme: str, target: location.RequestTarget, place: tuple[str, str], given: dict[str, str], names: list[str]
) -> Finding:
    facts: dict[str, object] = {"scheme": scheme, "host": target.authority, "space": place[0], "key": place[1]}
    if given.get("UCloudPublicKey"):
        facts["public_key"] = masked(given["UCloudPublicKey"].replace(" ", "+"))
    if "ufileattname" in given:
        facts["filename"] = given["ufileattname"]
    if signature.TOKEN in given:
        facts["temporary"] = True
    facts["others"] = [name for name in names if name not in (*_NAMES, "ufileattname", signature.TOKEN)]
    return Finding("link", "ok", "link", facts)


def _lasts(expires: str, now: float) -> Finding:
    if not (expires.isascii() and expires.isdigit() and len(expires) <= signature.EXPIRES_DIGITS):
        return Finding("link.expires", "failed", "link-expires-unreadable", {"expires": expires[:40]})
    if expires == signature.ENDLESS:
        return Finding("link.expires", "warning", "link-endless")
    left = int(expires) - int(now)
    try:
        facts: dict[str, object] = {"expires": datetime.fromtimestamp(int(expires), timezone.utc), "seconds": left}
    except (OverflowError, OSError, ValueError):
        return Finding("link.expires", "warning", "link-long", {"expires": expires, "seconds": left})
    if expiry.is_past(int(expires), now):
        return Finding("link.expires", "failed", "link-expired", {**facts, "seconds": -left})
    return Finding(
        "link.expires", "warning" if left > _LONG else "ok", "link-long" if left > _LONG else "link-lasts", facts
    )


def _is_signature(value: str) -> bool:
    try:
        return len(base64.b64decode(value, validate=True)) == _DIGEST
    except (binascii.Error, ValueError):
        return False


def _verified(claim: signature.Claim, places: Sequence[tuple[str, str]], settings: Settings | None) -> Finding:
    """Whether the settings' key pair signed it, and for which method."""
    public = claim.public_key
    keys = settings.credentials() if settings is not None else None
    if keys is None or keys.public_key != public:
        facts = {"public_key": masked(public), "ours": masked(keys.public_key) if keys else None}
        return Finding("link.signature", "skipped", "link-other-key", facts)
    for method in ("GET", "HEAD", "PUT"):
        for space, key in places:
            for mime in ("", validation.mime_of(None, key)) if method == "PUT" and key else ("",):
                texts = signature.candidates(claim, method, space, (key,), message.Headers(), mime=mime)
                try:
                    signature.verify(claim, keys.private_key, texts, 0)
                except SignatureMismatch:
                    continue
                facts = {"method": method, "space": space, "key": key, "mime": mime or None}
                return Finding("link.signature", "ok", "link-verified", facts)
    space, key = places[0]
    text = next(iter(signature.candidates(claim, "GET", space, (key,), message.Headers())))
    facts = {"public_key": masked(public), "text_to_sign": str(text)}
    return Finding("link.signature", "failed", "link-mismatch", facts, ("private-key", "link-changed", "link-put"))
