"""Requests of S3 as bytes, signed with version 4, and bodies in chunks: written here, so that the server's own code is
not asked about itself."""

from __future__ import annotations

import base64
import datetime
import hashlib
import hmac
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

REGION = "us-east-1"
EMPTY = hashlib.sha256(b"").hexdigest()
UNSIGNED = "UNSIGNED-PAYLOAD"
SIGNED_CHUNKS = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CHUNK = 64 * 1024  # bytes; of most SDKs


class Signer(NamedTuple):
    """A key pair, and the address of the server that it is for: "127.0.0.1:9000"."""

    host: str
    access_key: str
    secret: str

    def head(
        self, method: str, path: str, query: str = "", payload: str = EMPTY, more: Iterable[tuple[str, str]] = ()
    ) -> tuple[bytes, Chain]:
        """(the head, what the chunks of its body are signed with).  ``query``: encoded and sorted."""
        date = datetime.datetime.now(datetime.timezone.utc).strftime("%Y%m%dT%H%M%SZ")
        headers = {"host": self.host, "x-amz-content-sha256": payload, "x-amz-date": date}
        headers |= {name.lower(): value for name, value in more}
        names = sorted(headers)
        lines = "".join(f"{name}:{headers[name]}\n" for name in names)
        canonical = f"{method}\n{path}\n{query}\n{lines}\n{';'.join(names)}\n{payload}"
        scope = f"{date[:8]}/{REGION}/s3/aws4_request"
        key = b"AWS4" + self.secret.encode()
        for text in scope.split("/"):
            key = hmac.digest(key, text.encode(), "sha256")
        digest = hashlib.sha256(canonical.encode()).hexdigest()
        signature = hmac.digest(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}".encode(), "sha256").hex()
        headers["authorization"] = (
            f"AWS4-HMAC-SHA256 Credential={self.access_key}/{scope}, SignedHeaders={';'.join(names)}, "
            f"Signature={signature}"
        )
        target = f"{path}?{query}" if query else path
        text = f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        return text.encode() + b"\r\n", Chain(key, f"{date}\n{scope}", signature)


def sha256(data: bytes) -> str:
    """In hex."""
    return hashlib.sha256(data).hexdigest()


def sha256_of(path: Path) -> str:
    """Of a file, in hex."""
    found = hashlib.sha256()
    with path.open("rb") as file:
        while data := file.read(CHUNK * 16):
            found.update(data)
    return found.hexdigest()


class Chain(NamedTuple):
    """What signs the chunks of a body: the key, "<date>\\n<scope>", and the signature of the head."""

    key: bytes
    scope: str
    seed: str


def signed_length(size: int) -> int:
    """The bytes of a body in signed chunks."""
    whole, rest = divmod(size, CHUNK)
    sizes = [CHUNK] * whole + ([rest] if rest else []) + [0]
    return sum(len(f"{each:x};chunk-signature=") + 64 + 4 + each for each in sizes)


def write_signed(source: Path, target: Path, chain: Chain) -> None:
    """Write the bytes of a file in signed chunks."""
    last = chain.seed
    with source.open("rb") as file, target.open("wb") as out:
        while True:
            data = file.read(CHUNK)
            text = f"AWS4-HMAC-SHA256-PAYLOAD\n{chain.scope}\n{last}\n{EMPTY}\n{hashlib.sha256(data).hexdigest()}"
            last = hmac.digest(chain.key, text.encode(), "sha256").hex()
            out.write(b"%x;chunk-signature=%s\r\n%s\r\n" % (len(data), last.encode(), data))
            if not data:
                return


def write_unsigned(source: Path, target: Path) -> None:
    """Write the bytes of a file in chunks that are not signed, with the CRC32 as trailer."""
    crc = 0
    with source.open("rb") as file, target.open("wb") as out:
        while data := file.read(CHUNK):
            crc = zlib.crc32(data, crc)
            out.write(b"%x\r\n%s\r\n" % (len(data), data))
        value = base64.b64encode(crc.to_bytes(4, "big"))
        out.write(b"0\r\nx-amz-checksum-crc32:%s\r\n\r\n" % value)
