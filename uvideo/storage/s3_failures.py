"""The meaning of every failure of an S3 store: one table for error responses and for missing responses.

Only ``meaning`` reads the library's texts.  The library does not promise them, so a text without a row becomes an
Unreachable with the library's first line.  ``test/cluster/test_store_answers.py`` tests the rows.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from obstore.exceptions import BaseError

from uvideo.storage.base import Damaged, Unreachable

__all__ = ["ROWS", "Row", "meaning", "telling"]

LONGEST = 300  # characters quoted from the store's message


@dataclass(frozen=True, slots=True)
class Row:
    """``sign``: matches the beginning of "404 NoSuchKey", or of the kind of a connection failure and its text.

    ``cause``: one of ``base.CAUSES``.  ``text``: what is wrong, and what to do about it.
    ``lost``: this row is for reads only, and the bytes are gone: a retry does not help.
    """

    sign: str
    cause: str
    text: str
    lost: bool = False


#: The first matching row is used.
ROWS = (
    Row("404 NoSuchBucket", "bucket", "there is no bucket {bucket}: create it, or correct --blobs"),
    Row("404 NoSuchKey|416", "damaged", "the object is not there, or too short", lost=True),
    Row("404", "bucket", "{place} does not know this address: correct endpoint and bucket in --blobs"),
    Row(
        r"507|\d+ \w*(Quota|StorageFull|InsufficientStorage|InsufficientCapacity)",
        "full",
        "it is full or over a quota: raise the quota of the user and of {bucket}, or free space",
    ),
    Row(r"\d+ RequestTimeTooSkewed", "denied", "the clocks of this machine and the store differ: synchronize them"),
    Row(
        r"401|\d+ (SignatureDoesNotMatch|InvalidAccessKeyId|ExpiredToken|InvalidToken)",
        "denied",
        "it does not accept the credentials: correct AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or credentials=FILE",
    ),
    Row(
        "403",
        "denied",
        "the credentials are not enough, or there is no bucket {bucket}: allow them to get, put, delete and list in it",
    ),
    Row(
        "3|400 AuthorizationHeaderMalformed",
        "redirect",
        "the bucket is in another region or at another endpoint: correct endpoint and region in --blobs",
    ),
    Row("409|412", "conflict", "another request changed the same object at the same time: retry"),
    Row(
        r"429|\d+ (SlowDown|TooManyRequests|RequestLimitExceeded)",
        "busy",
        "it gets too many requests: it needs more capacity",
    ),
    Row("5", "failed", "it failed: look into its log"),
    Row("[124]", "failed", "it rejects this request: look into its log"),
    Row("Connect .*dns error", "name", "the name of {place} is unknown: correct the endpoint in --blobs, or the DNS"),
    Row(
        ".*NotValidForName",
        "certificate",
        "its certificate is not for the name {place}: correct the endpoint in --blobs",
    ),
    Row(".*InvalidCertificate.*Expired", "certificate", "the certificate of {place} has expired: renew it"),
    Row(
        ".*InvalidCertificate",
        "certificate",
        "this machine does not know the CA of {place}'s certificate: set SSL_CERT_FILE to that CA's file",
    ),
    Row(".*InvalidContentType", "certificate", "{place} does not use TLS: write http:// in --blobs"),
    Row(".*ConnectionRefused", "refused", "nothing listens at {place}: start the store, or correct --blobs"),
    Row("Timeout", "timeout", "{place} did not answer in time: look at its load and at the network between"),
    Row("Connect", "refused", "{place} cannot be reached: look at the network between"),
    Row("Interrupted|Request|Decode|Unknown", "broken", "{place} closed the connection: look into its log"),
)

_STATUS = re.compile(r"status code: (\d{3})")
_CODE = re.compile(r"<Code>(\w+)</Code>")
_MESSAGE = re.compile(r"<Message>([^<]+)</Message>")
_KIND = re.compile(r"kind: (Connect|Timeout|Interrupted|Request|Decode|Unknown)\b")
_REASON = re.compile(r"(?:error|message): \"([^\"]+)\"")
_PLACE = re.compile(r"https?://([^/\s?#]+)")
_ADDRESS = re.compile(r'"tcp connect error",\s+([0-9a-f.:\[\]]+),')


def meaning(failure: Exception, bucket: str, *, reading: bool = False) -> OSError:
    """The failure as an exception of ``base``: Damaged if bytes are gone, otherwise Unreachable.

    The library's text contains the request's address, but no credentials.
    """
    said = str(failure)
    sign, detail = _sign(failure, said)
    for row in ROWS:
        if (reading or not row.lost) and re.match(row.sign, sign, re.DOTALL):
            if row.lost:
                return Damaged(f"the store: {row.text} ({detail})")
            place = _ADDRESS.search(said) or _PLACE.search(said)
            text = row.text.format(bucket=bucket, place=place[1] if place else "the store")
            return Unreachable(f"the store: {text} ({detail})", row.cause)
    return Unreachable(f"the store: {said.partition(chr(10))[0][:LONGEST] or type(failure).__name__}", "failed")


def _sign(failure: Exception, said: str) -> tuple[str, str]:
    """(the text that the rows match, the same text for people)."""
    status = _STATUS.search(said)
    if status is not None:
        code, message = _CODE.search(said), _MESSAGE.search(said)
        sign = f"{status[1]} {code[1] if code else ''}".strip()
        return sign, f"{sign}: {' '.join(message[1].split())[:LONGEST]}" if message else sign
    kind, reason = _KIND.search(said), _REASON.findall(said)
    if kind is not None:
        return f"{kind[1]} {said}", reason[-1] if reason else kind[1].lower()
    return ("Timeout", "timeout") if isinstance(failure, TimeoutError) else ("", "")


@contextlib.contextmanager
def telling(bucket: str, *, reading: bool = False) -> Iterator[None]:
    """Translate failures of the library within the block by ``meaning``."""
    try:
        yield
    except (BaseError, FileNotFoundError, TimeoutError) as failure:
        raise meaning(failure, bucket, reading=reading) from None
