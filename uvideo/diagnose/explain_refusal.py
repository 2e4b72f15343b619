"""Why the service may have refused a request, and the text that was signed, with the keys masked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from uvideo._core import cause, compat, location, message, provider, signature
from uvideo.errors import (
    AccessDenied,
    BadAnswer,
    NoAnswer,
    NoCredentials,
    SignatureExpired,
    SignatureMismatch,
    SpaceNotFound,
    UnknownKey,
    UVideoError,
)
from uvideo.models import Finding

if TYPE_CHECKING:
    from uvideo._core import DataOperation, ManagementOperation
    from uvideo.client.carrier import Carrier

Credentials = signature.Credentials

__all__ = ["CAUSES", "causes", "failed", "masked", "refused"]

#: {code: (text, remedy)} for each cause of a missing response.
CAUSES = {each.code: (each.text, each.remedy) for each in cause.CAUSES}

TOKEN, TEMPORARY = "TOKEN_", "STS_"  # prefixes of the public keys of tokens and of temporary key pairs
PRIVATE = "<private key>"


def masked(public_key: str) -> str:
    """A public key for display: only its last four characters."""
    return "***" + public_key[-4:] if len(public_key) > 8 else "***"


def kind(public_key: str) -> str:
    """account, token or temporary."""
    if public_key.startswith(TOKEN):
        return "token"
    return "temporary" if public_key.startswith(TEMPORARY) else "account"


def failed(check: str, error: UVideoError, facts: Mapping[str, object]) -> Finding:
    """The Finding for a request without a response.  Its text and remedy are in CAUSES."""
    said: dict[str, object] = {**facts, "message": error.message, "error": type(error).__name__}
    if error.cause is None:
        return Finding(check, "failed", "refused", said, causes(error, None))
    return Finding(check, "failed", error.cause, {**said, **error.facts}, (error.cause,))


def refused(
    check: str,
    error: UVideoError,
    carrier: Carrier,
    op: DataOperation | None = None,
    *,
    action: ManagementOperation | None = None,
    expires: int | None = None,
) -> Finding:
    """The Finding for a refusal.  ``op``: the operation, if known, whose signed text is then shown.

    ``action``: the management operation instead, which has its own host and signature.  ``expires``: seconds until the
    signed URL of ``op`` expires; None if it was signed by header.
    """
    facts: dict[str, object] = {"message": error.message, "error": type(error).__name__}
    for name in ("operation", "space", "status", "ret_code", "request_id"):
        if getattr(error, name) is not None:
            facts[name] = getattr(error, name)
    keys = carrier.credentials
    if keys is not None:
        facts["public_key"] = masked(keys.public_key)
    if isinstance(error, SignatureMismatch) and keys is not None:
        if action is not None:
            facts.update(signed_action(carrier, action))
        elif op is not None:
            facts.update(signed_text(carrier, op, expires))
    if error.cause is not None:
        return failed(check, error, facts)
    management = action is not None
    own = _is_own(carrier, management=management)
    return Finding(check, "failed", "refused", facts, causes(error, keys, management=management, own=own))


def _is_own(carrier: Carrier, *, management: bool) -> bool:
    """Whether the management or upload host is a server of the user's own, and no provider's."""
    endpoint = carrier.endpoint
    host = urlsplit(provider.named(endpoint.api)).netloc if management else provider.named(endpoint.upload).host
    return provider.owner_of(host) is None


def causes(
    error: UVideoError, keys: Credentials | None, *, management: bool = False, own: bool = False
) -> tuple[str, ...]:
    """Possible causes of an error, the likeliest first; empty if none is known.

    ``own``: a server of the user's own refused, which accepts both scheme words and has no vendor's console.
    """
    if isinstance(error, NoCredentials):
        return ("keys-absent",) if keys is None else ("header-lost", "keys-absent-there")
    if isinstance(error, SignatureExpired):
        return ("clock",) if management else ("clock", "url-expired")
    if isinstance(error, SignatureMismatch):
        blanks = keys is not None and keys.private_key != keys.private_key.strip()
        others = ("changed-on-the-way",) if management else ("host", "changed-on-the-way")
        pair = ("server-private-key",) if own else ("private-key",) if management else ("private-key", "word")
        ended = keys is not None and _is_temporary(keys)  # an expired one is refused like a wrong signature
        return ("private-key-blanks",) * blanks + ("temporary-ended",) * ended + pair + others
    if isinstance(error, UnknownKey):
        if keys is not None and kind(keys.public_key) == "token":
            return ("token-gone", "token-on-management") if management else ("token-gone", "other-service")
        return ("public-key", "other-service")
    if isinstance(error, AccessDenied):
        if keys is not None and kind(keys.public_key) == "token":
            return ("token-on-management",) if management else ("token-limits", "foreign-space")
        if keys is not None and _is_temporary(keys):
            return ("temporary-ended", "foreign-space")
        return ("foreign-space", "rights")
    if isinstance(error, SpaceNotFound):
        return ("space-name", "other-region")
    if isinstance(error, BadAnswer):
        return ("no-such-service", "portal")
    if isinstance(error, NoAnswer):
        return ("unreachable",)
    return ()


def _is_temporary(keys: Credentials) -> bool:
    return keys.security_token is not None or kind(keys.public_key) == "temporary"


def signed_action(carrier: Carrier, action: ManagementOperation) -> Mapping[str, object]:
    """method, host and text_to_sign of a management operation, with the keys masked."""
    request: message.Request = carrier.action_request(action)
    query = dict(location.parse_target(request.target).query)
    query.pop("Signature", None)
    assert carrier.credentials is not None  # a signed request needs credentials
    query["PublicKey"] = masked(carrier.credentials.public_key)
    named = sorted(query.items(), key=lambda pair: compat.to_bytes(pair[0]))
    return _signed(request, "".join(name + value for name, value in named) + PRIVATE)


def signed_text(carrier: Carrier, op: DataOperation, expires: int | None) -> Mapping[str, object]:
    """As ``signed_action``, for a data-plane operation.  expires: of a signed URL; None for a signed header."""
    request: message.Request = carrier.request(op) if expires is None else carrier.link(op, expires)
    claim = signature.claim(request.headers, location.parse_target(request.target).query)
    assert claim is not None  # the request was just signed
    key = getattr(op, "key", None) or ""
    return _signed(request, next(iter(signature.candidates(claim, request.method, op.space, (key,), request.headers))))


def _signed(request: message.Request, text_to_sign: str) -> Mapping[str, object]:
    return {"method": request.method, "host": urlsplit(request.origin).netloc, "text_to_sign": str(text_to_sign)}
