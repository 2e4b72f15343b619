"""Errors for the user: the exit code of each error, its text, and a hint what to do."""

from __future__ import annotations

import re

from uvideo import errors
from uvideo.cli.i18n import language, say
from uvideo.transfer.fatal_errors import is_full, system

__all__ = [
    "AUTH",
    "FAILED",
    "INTEGRITY",
    "INTERRUPTED",
    "NOT_FOUND",
    "OK",
    "PIPE",
    "USAGE",
    "CannotStart",
    "code",
    "hint",
    "text",
]

PLACES = re.compile(r"\{(\w+)\}")

OK, FAILED, USAGE, AUTH, NOT_FOUND, INTEGRITY, INTERRUPTED, PIPE = 0, 1, 2, 3, 4, 5, 130, 141

#: The first class that matches is used.  All other errors are FAILED.
CODES: tuple[tuple[type[BaseException], int], ...] = (
    (KeyboardInterrupt, INTERRUPTED),
    (errors.Cancelled, INTERRUPTED),
    (errors.InvalidArgument, USAGE),
    (errors.ConfigurationError, USAGE),
    (errors.NoCredentials, AUTH),
    (errors.SignatureMismatch, AUTH),
    (errors.SignatureExpired, AUTH),
    (errors.UnknownKey, AUTH),
    (errors.AccessDenied, AUTH),
    (errors.NotFound, NOT_FOUND),
    (errors.SpaceNotFound, NOT_FOUND),
    (errors.UploadNotFound, NOT_FOUND),
    (FileNotFoundError, NOT_FOUND),
    (errors.IntegrityError, INTEGRITY),
    (BrokenPipeError, PIPE),
)


class CannotStart(errors.UVideoError):
    """The server could not start, or it ended.  ``exit``: the exit code, see docs/server.md."""

    def __init__(self, message: str, exit: int) -> None:
        super().__init__(message)
        self.exit = exit


def code(error: BaseException) -> int:
    """The exit code of an error."""
    if isinstance(error, CannotStart):
        return error.exit
    for kind, found in CODES:
        if isinstance(error, kind):
            return found
    if isinstance(system(error), FileNotFoundError):
        return NOT_FOUND
    return FAILED


def text(error: BaseException) -> str:
    """The error's text, on one line."""
    if isinstance(error, errors.SpaceNotFound) and error.space:
        return say("there is no space {space}", space=error.space)
    if isinstance(error, errors.NotFound):
        if error.key:
            return say("there is no object uvideo://{space}/{key}", space=error.space, key=error.key)
        return str(error)
    if isinstance(error, errors.Cancelled):
        return say("interrupted")
    if isinstance(error, errors.NoCredentials) and error.response is None:  # nothing was sent
        return say("no keys are configured")
    if isinstance(error, errors.Refused) and error.cause is None:
        parts = [str(error.message)]
        if error.status:
            parts.append(f"HTTP {error.status}")
        if error.ret_code is not None:
            parts.append(f"RetCode {error.ret_code}")
        if error.request_id:
            parts.append(say("request {id}", id=error.request_id))
        return say("the service refused: {reason}", reason=", ".join(parts))
    if isinstance(error, errors.UVideoError):
        return _of_cause(error) or str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return f"{type(error).__name__}: {error}"


def _of_cause(error: errors.UVideoError) -> str | None:
    """The Chinese text of an error's cause; None in English, which is the error's own text, and without a cause."""
    if error.cause is None or language() != "zh":
        return None
    from uvideo.diagnose.explain_refusal import CAUSES

    pair = CAUSES.get(error.cause)
    if pair is None or not error.facts.keys() >= {*PLACES.findall("".join(pair))}:  # a pickled error has no facts
        return None
    text, remedy = (say(each, **error.facts, _=None) for each in pair)
    if "origin" in error.facts:
        text = say("no answer from {origin} ({text})", origin=error.facts["origin"], text=text)
    return say("{text}; {remedy}", text=text, remedy=remedy)


def hint(error: BaseException, doctor: str = "uvideo doctor") -> str | None:
    """What to do about an error; None if there is no hint.  ``doctor``: the call that checks the same keys and host."""
    if isinstance(error, errors.SpaceNotFound) and error.space:
        return say("uvideo mb uvideo://{space} creates it; uvideo spaces lists the existing ones", space=error.space)
    if isinstance(error, errors.SpaceNotEmpty):
        return say("uvideo rb --force removes its objects too")
    if isinstance(error, errors.NoCredentials):
        return say(
            "run uvideo config init, or set UVIDEO_PUBLIC_KEY and UVIDEO_PRIVATE_KEY; {doctor} checks them",
            doctor=doctor,
        )
    if isinstance(error, errors.SignatureMismatch):
        return say(
            "often the private key does not belong to the public key; {doctor} checks keys, clock and host",
            doctor=doctor,
        )
    if isinstance(error, (errors.SignatureExpired, errors.UnknownKey, errors.AccessDenied)):
        return say("{doctor} checks keys, clock and host", doctor=doctor)
    if isinstance(error, errors.NotRestored):
        return say("it is of class ARCHIVE: uvideo restore makes it readable")
    if isinstance(error, errors.NoAnswer) and error.transfer:
        return say("to continue, run the same command or uvideo transfers resume {id}", id=error.transfer)
    if isinstance(error, errors.ConfigurationError):
        return say("{doctor} checks proxy, certificates and host step by step", doctor=doctor)
    if isinstance(error, errors.NoAnswer):
        return say("check the endpoint and the network; {doctor} checks them step by step", doctor=doctor)
    if is_full(error):
        return say("the disk is full: free some space and run the command again")
    return None
