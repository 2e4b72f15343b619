"""Objects of several blobs, made through S3 and copied in all ways, and what each must be like wherever it is."""

from __future__ import annotations

from typing import Any

from test.crash.state import md5
from test.s3.peer import S3Peer, etag_of, source
from test.server.wire import MIB, Peer, pattern, ufile_etag
from ucloud.uvideo.protocol import operation
from uvideo.s3 import etag as s3_etag

__all__ = ["COUNT", "COPIED", "LINKED", "drop_parts", "fill_parts", "holds_parts"]

ODD = [pattern(5 * MIB + 3, 1), pattern(5 * MIB, 2), pattern(1000, 3)]  # only its bytes can tell its UFile etag
EVEN = [pattern(8 * MIB, 4), pattern(1000, 5)]  # its UFile etag is known
SPAN = 5 * MIB, 5 * MIB + 2000  # over the end of a part
CUT = b"".join(ODD)[SPAN[0] : SPAN[1] + 1]
#: key -> (bytes, ETag of S3, sizes of its parts; none if it has no list of parts)
OBJECTS: dict[str, tuple[bytes, str, list[int]]] = {}


def _of(parts: list[bytes]) -> tuple[bytes, str, list[int]]:
    etag = s3_etag.of_parts([bytes.fromhex(md5(part)) for part in parts])
    return b"".join(parts), etag, [len(part) for part in parts]


def _plain(data: bytes, etag: str) -> tuple[bytes, str, list[int]]:
    return data, etag, []


OBJECTS["parts/odd"] = OBJECTS["parts/odd copied"] = OBJECTS["parts/odd copied by UFile"] = _of(ODD)
OBJECTS["parts/even"] = _of(EVEN)
OBJECTS["parts/even hit"] = (b"".join(EVEN), s3_etag.from_ufile(ufile_etag(b"".join(EVEN))), [8 * MIB, 1000])
OBJECTS["parts/cut"] = _of([CUT])
OBJECTS["parts/plain"] = _plain(b"".join(EVEN), s3_etag.from_ufile(ufile_etag(b"".join(EVEN))))
OBJECTS["parts/put"] = _plain(ODD[2] * 100, md5(ODD[2] * 100))
COUNT = len(OBJECTS)
COPIED, LINKED = 5, 3  # by a migration


def fill_parts(server: Any, space: str) -> None:
    """Store them, and an unfinished upload with two parts.

    No space of the owner holds any of them: a hit takes whichever object with its etag the catalog finds.
    """
    peer, s3 = Peer(server), S3Peer(server)
    s3.upload(space, "parts/odd", ODD)
    s3.upload(space, "parts/even", EVEN)
    data, _, _ = OBJECTS["parts/even"]
    peer.do(operation.UploadHit(space, "parts/even hit", ufile_etag(data), len(data)))  # before there is a plain one
    peer.do(operation.PutObject(space, "parts/plain"), data)
    assert s3.ask("PUT", space, "parts/put", body=OBJECTS["parts/put"][0]).status == 200
    assert s3.ask("PUT", space, "parts/odd copied", headers=source(space, "parts/odd")).status == 200
    peer.do(operation.CopyObject(space, "parts/odd copied by UFile", space, "parts/odd"))
    upload_id = s3.begin(space, "parts/cut")
    query = {"partNumber": "3", "uploadId": upload_id}
    part = etag_of(s3.ask("PUT", space, "parts/cut", query, source(space, "parts/odd", SPAN)))
    assert s3.complete(space, "parts/cut", upload_id, [(3, part)]).status == 200
    upload_id = s3.begin(space, "parts/unfinished")
    for number in ("1", "2"):
        query = {"partNumber": number, "uploadId": upload_id}
        assert s3.ask("PUT", space, "parts/unfinished", query, body=b"part").status == 200


def holds_parts(server: Any, space: str) -> None:
    """AssertionError unless each is as it was stored, in both dialects, part by part."""
    peer, s3 = Peer(server), S3Peer(server)
    for key, (data, etag, sizes) in OBJECTS.items():
        assert peer.call(operation.GetObject(space, key)).body == data, key
        got = s3.ask("GET", space, key)
        assert (got.status, etag_of(got), got.body) == (200, etag, data), key
        first = 0
        for number, size in enumerate(sizes, 1):
            got = s3.ask("GET", space, key, {"partNumber": str(number)})
            assert (got.status, got.body) == (206, data[first : first + size]), (key, number)
            assert got.header("x-amz-mp-parts-count") == str(len(sizes))
            first += size


def drop_parts(server: Any, space: str) -> None:
    """Delete them."""
    for key in OBJECTS:
        Peer(server).do(operation.DeleteObject(space, key))
