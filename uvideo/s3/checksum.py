"""Checksums of S3: values of bytes, and of an object from those of its parts.  Source: s3.md section 3.5.

A value is base64 of the raw sum, CRCs big endian.  A composite value is the sum of the parts' raw sums, with ``-N`` for
N parts.  If awscrt is installed, it computes CRC32C and CRC64NVME with instructions of the processor.  Otherwise this
module computes them: correct, but at about 10 MB/s.
"""

from __future__ import annotations

import base64
import binascii
import functools
import hashlib
import re
import zlib
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from uvideo._core import message
from uvideo.s3 import payload
from uvideo.s3.errors import S3Error
from uvideo.s3.operation import ALGORITHMS, COMPOSITE, FULL_OBJECT, AnnouncedChecksum

try:
    from awscrt import checksums as _native
except ImportError:
    _native = None

__all__ = [
    *("PREFIX", "REFUSED", "Hasher", "algorithm_of", "announced", "check_body", "combined", "composite", "content_md5"),
    *("digest_of", "hasher", "is_native", "of_parts", "type_for", "value_of"),
]

#: Algorithm -> the types that a multipart object's checksum may have, the default first.
TYPES = {
    "CRC32": (COMPOSITE, FULL_OBJECT),
    "CRC32C": (COMPOSITE, FULL_OBJECT),
    "CRC64NVME": (FULL_OBJECT,),
    "SHA1": (COMPOSITE,),
    "SHA256": (COMPOSITE,),
}
#: Algorithms of the API that are not served.
REFUSED = ("SHA512", "MD5", "XXHASH64", "XXHASH3", "XXHASH128")
PREFIX = "x-amz-checksum-"
SIZES = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "SHA1": 20, "SHA256": 32}
#: The polynomials without their highest power, bits reversed.
POLYNOMIALS = {"CRC32": 0xEDB88320, "CRC32C": 0x82F63B78, "CRC64NVME": 0x9A6C9329AC4BC9B5}

Buffer = bytes | bytearray | memoryview


class Hasher(Protocol):
    """A sum of bytes given piece by piece.  Not safe to share between threads."""

    def update(self, data: Buffer, /) -> object: ...

    def digest(self) -> bytes:
        """The raw sum of all bytes so far."""
        ...


class _Crc:
    """A CRC as a Hasher.  ``step``: (bytes, CRC before them) -> CRC."""

    __slots__ = ("_size", "_step", "_value")

    def __init__(self, step: Callable[[Buffer, int], int], size: int) -> None:
        self._step, self._size, self._value = step, size, 0

    def update(self, data: Buffer, /) -> None:
        self._value = self._step(data, self._value)

    def digest(self) -> bytes:
        return self._value.to_bytes(self._size, "big")


@functools.cache
def _table(polynomial: int) -> tuple[int, ...]:
    """The CRC of each byte."""
    found = []
    for value in range(256):
        for _ in range(8):
            value = value >> 1 ^ (polynomial if value & 1 else 0)
        found.append(value)
    return tuple(found)


def _step_in_python(algorithm: str) -> Callable[[Buffer, int], int]:
    table, ones = _table(POLYNOMIALS[algorithm]), (1 << 8 * SIZES[algorithm]) - 1

    def step(data: Buffer, value: int) -> int:
        value ^= ones
        for byte in memoryview(data).cast("B"):
            value = table[(value ^ byte) & 255] ^ value >> 8
        return value ^ ones

    return step


@functools.cache
def _step(algorithm: str, native: bool) -> Callable[[Buffer, int], int]:
    """The function that continues a CRC.  ``native``: that of awscrt; zlib's CRC32 is as fast."""
    if algorithm == "CRC32":
        return zlib.crc32
    if native:
        found: Callable[[Buffer, int], int] = getattr(_native, algorithm.lower())
        return found
    return _step_in_python(algorithm)


def is_native(algorithm: str) -> bool:
    """Whether the algorithm runs as machine code here, so that it keeps up with a disk."""
    return _native is not None or algorithm not in ("CRC32C", "CRC64NVME")


def hasher(algorithm: str, native: bool = True) -> Hasher:
    """A new Hasher of one of ALGORITHMS.  ``native``: use awscrt if it is installed."""
    if algorithm == "SHA1":
        return hashlib.sha1(usedforsecurity=False)
    if algorithm == "SHA256":
        return hashlib.sha256()
    return _Crc(_step(algorithm, native and _native is not None), SIZES[algorithm])


def value_of(digest: bytes) -> str:
    """The base64 text of a raw sum."""
    return base64.b64encode(digest).decode("ascii")


def digest_of(algorithm: str, value: str) -> bytes:
    """The raw sum of a base64 text.  BadDigest unless it is base64 of the algorithm's size."""
    try:
        digest = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != SIZES[algorithm] or value_of(digest) != value:
        raise S3Error("BadDigest", message=f"The {algorithm} you specified is not base64 of {SIZES[algorithm]} bytes.")
    return digest


def type_for(algorithm: str, wanted: str | None) -> str:
    """The type of a multipart object's checksum: the one wanted, or the default.  InvalidRequest if it may not be."""
    allowed = TYPES[algorithm]
    if wanted is None:
        return allowed[0]
    if wanted not in allowed:
        raise S3Error(
            "InvalidRequest",
            message=f"The checksum type of the {algorithm} checksum algorithm is {' or '.join(allowed)}.",
        )
    return wanted


@functools.lru_cache(maxsize=256)
def _shift_tables(algorithm: str, power: int) -> tuple[tuple[int, ...], ...]:
    """What a CRC becomes if ``2 ** power`` bytes of zeros follow: a table for each of its bytes, the lowest first.

    A CRC is a polynomial over two elements, so each of its bits counts by itself: the results of its bits are added.
    """
    bits = 8 * SIZES[algorithm]
    if power:
        shorter = _shift_tables(algorithm, power - 1)
        basis = [_shifted(shorter, _shifted(shorter, 1 << bit)) for bit in range(bits)]
    else:
        table = _table(POLYNOMIALS[algorithm])
        basis = [table[1 << bit & 255] ^ 1 << bit >> 8 for bit in range(bits)]
    found = []
    for first in range(0, bits, 8):
        entries = [0]
        for value in basis[first : first + 8]:
            entries += [value ^ entry for entry in entries]
        found.append(tuple(entries))
    return tuple(found)


def _shifted(tables: tuple[tuple[int, ...], ...], value: int) -> int:
    """The CRC ``value`` after the zeros of these tables."""
    found = 0
    for table in tables:
        found ^= table[value & 255]
        value >>= 8
    return found


def combined(algorithm: str, parts: Iterable[tuple[bytes, int]]) -> bytes:
    """The raw CRC of all bytes, from (raw CRC, size in bytes) of each part in order."""
    found = 0
    for digest, size in parts:
        for power in range(size.bit_length() if found else 0):
            if size >> power & 1:
                found = _shifted(_shift_tables(algorithm, power), found)
        found ^= int.from_bytes(digest, "big")
    return found.to_bytes(SIZES[algorithm], "big")


def composite(algorithm: str, digests: Sequence[bytes]) -> str:
    """The value of an object of parts with these raw sums: base64, and ``-N``."""
    whole = hasher(algorithm)
    whole.update(b"".join(digests))
    return f"{value_of(whole.digest())}-{len(digests)}"


def of_parts(algorithm: str, kind: str, parts: Sequence[tuple[bytes, int]]) -> str:
    """The value of a multipart object.  ``kind``: COMPOSITE or FULL_OBJECT.  ``parts``: (raw sum, size) in order."""
    if kind == COMPOSITE:
        return composite(algorithm, [digest for digest, _ in parts])
    return value_of(combined(algorithm, parts))


def announced(headers: message.Headers, has_body: bool = True, of_parts: bool = False) -> AnnouncedChecksum | None:
    """The checksum that a request announces, or None.  ``of_parts``: "-N" may stand at the end of its value.

    InvalidRequest for two checksums, for an unknown algorithm, and for an algorithm without value and trailer; the
    last counts only if the request ``has_body``.  BadDigest as digest_of.  NotImplemented for one of REFUSED.
    """
    for name in headers.names():
        if name.startswith(PREFIX) and name not in _KNOWN:
            algorithm_of(name[len(PREFIX) :])
    if not headers.has_any(_HEADERS):
        return None
    found = [(name, headers.get(PREFIX + name.lower())) for name in (*ALGORITHMS, *REFUSED)]
    values = [(name, value.strip()) for name, value in found if value is not None]
    trailers = _trailing(headers)
    if len(values) + len(trailers) > 1:
        raise S3Error("InvalidRequest", message="Expecting a single x-amz-checksum- header.")
    if values:
        name, value = values[0]
        digest_of(algorithm_of(name), _COUNT.sub("", value) if of_parts else value)
        return AnnouncedChecksum(algorithm=name, value=value)
    if trailers:
        return AnnouncedChecksum(algorithm=algorithm_of(trailers[0]))
    if has_body and headers.get("x-amz-sdk-checksum-algorithm"):
        raise S3Error(
            "InvalidRequest",
            message="x-amz-sdk-checksum-algorithm specified, but no corresponding x-amz-checksum-* or x-amz-trailer "
            "headers were found.",
        )
    return None


_COUNT = re.compile("-[0-9]{1,5}\\Z")


def _trailing(headers: message.Headers) -> list[str]:
    """The algorithms of the checksums that a request announces as trailers."""
    names = payload.declared_trailers(headers)
    return [name[len(PREFIX) :].upper() for name in names if name.startswith(PREFIX)]


_HEADERS = frozenset(
    ["x-amz-trailer", "x-amz-sdk-checksum-algorithm", *(PREFIX + name.lower() for name in (*ALGORITHMS, *REFUSED))]
)

#: Headers that begin with PREFIX: checksums, and what else is said of them.
_KNOWN = _HEADERS | {PREFIX + name for name in ("algorithm", "mode", "type")}


def algorithm_of(name: str) -> str:
    """The algorithm of this name.  NotImplemented for one of REFUSED, InvalidRequest for any other."""
    found = name.strip().upper()
    if found in REFUSED:
        raise S3Error("NotImplemented", message=f"The checksum algorithm {found} is not served.")
    if found not in TYPES:
        raise S3Error(
            "InvalidRequest", message=f"Checksum algorithm provided is unsupported: use one of {', '.join(ALGORITHMS)}."
        )
    return found


def content_md5(headers: message.Headers) -> str | None:
    """The Content-MD5 as 32 hexadecimal digits, or None.  InvalidDigest unless it is base64 of 16 bytes."""
    value = headers.get("Content-MD5")
    if value is None:
        return None
    try:
        digest = base64.b64decode(value.strip(), validate=True)
    except (binascii.Error, ValueError):
        digest = b""
    if len(digest) != 16:
        raise S3Error("InvalidDigest")
    return digest.hex()


def check_body(headers: message.Headers, body: bytes, required: bool = True) -> None:
    """Compare a whole small body with its Content-MD5 or checksum.  BadDigest; InvalidDigest.

    InvalidRequest if it has neither and one is ``required``.
    """
    md5, wanted = content_md5(headers), announced(headers, has_body=bool(body))
    if required and md5 is None and (wanted is None or wanted.value is None):
        raise S3Error("InvalidRequest", message="Missing required header for this request: Content-MD5")
    if md5 is not None and md5 != hashlib.md5(body, usedforsecurity=False).hexdigest():
        raise S3Error("BadDigest")
    if wanted is not None and wanted.value is not None:
        found = hasher(wanted.algorithm)
        found.update(body)
        if value_of(found.digest()) != wanted.value:
            raise S3Error("BadDigest")
