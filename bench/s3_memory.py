"""The server's peak memory through S3: objects of 4 MiB and of 1 GiB, and an upload of 10,000 parts."""

from __future__ import annotations

import asyncio
import hashlib
import statistics
import uuid
from pathlib import Path

from bench import s3_requests
from bench.load import save
from bench.measure import peak_memory, reset_peak
from bench.s3_client import Client, requests_of
from bench.s3_requests import Signer
from bench.server import MIB, Requests, resident
from test.server_fixture import Server, start_server
from uvideo.server.process.drivers import choose
from uvideo.storage.base import Extent, ExtentPart, S3Upload, UploadRecord

SMALL, LARGE = 4, 1024  # MiB
TIMES = 8  # small objects of a round
PARTS, PART = 10_000, 5 * MIB
BUCKET = "private"


def run(folder: Path, rounds: int) -> None:
    print("\npeak memory of the server, MiB")
    with start_server(folder / "memory", "--no-fsync", anew=True) as server:
        Requests(server)
        sizes(server, folder, rounds)
    uploads = asyncio.run(seeded(folder / "memory", rounds))
    with start_server(folder / "memory", "--no-fsync", anew=True) as server:
        parts(server, folder, uploads)


def sizes(server: Server, folder: Path, rounds: int) -> None:
    signer, source = of(server), folder / "zeros"
    peaks: dict[int, list[float]] = {SMALL: [], LARGE: []}
    for _ in range(rounds):
        for size, found in peaks.items():
            source.write_bytes(b"")
            with source.open("r+b") as file:
                file.truncate(size * MIB)
            reset_peak(server.pid)
            for _ in range(TIMES if size == SMALL else 1):
                more = [("content-length", str(size * MIB))]
                put = signer.head("PUT", f"/{BUCKET}/{size}", payload=s3_requests.UNSIGNED, more=more)[0]
                send(server, folder, put, source)
                send(server, folder, signer.head("GET", f"/{BUCKET}/{size}")[0])
            found.append(peak_memory(server.pid))
    for size, found in peaks.items():
        cells = f"{statistics.median(found):8.1f}   {', '.join(f'{each:.1f}' for each in found)}"
        print(f"put and get of {size:4} MiB {cells}", flush=True)


async def seeded(folder: Path, count: int) -> list[tuple[str, list[str]]]:
    """(upload id, the parts' ETags) of uploads that only need to be completed.  All parts are of one blob."""
    blobs, catalog = choose(folder, None, None, fsync=False).make()
    await blobs.start()
    await catalog.start()
    space, writer, found = await catalog.space(BUCKET), await blobs.writer(), []
    assert space is not None
    await writer.write([bytes(PART)])
    extents, md5 = (Extent(await writer.seal(), 0, PART),), hashlib.md5(bytes(PART)).hexdigest()
    for number in range(count):
        draft = f"parts-{uuid.uuid4().hex}"
        upload = UploadRecord(uuid.uuid4().hex, space.space_id, f"many-{number}", draft, s3=S3Upload())
        await catalog.begin(upload)
        rows = [ExtentPart(each, PART, md5, extents, digests=b"d" * 40, created=5) for each in range(1, PARTS + 1)]
        for first in range(0, PARTS, 200):
            await asyncio.gather(*(catalog.replace_part(upload.upload_id, each) for each in rows[first : first + 200]))
        found.append((upload.upload_id, [md5] * PARTS))
    await catalog.close()
    await blobs.close()
    return found


def parts(server: Server, folder: Path, uploads: list[tuple[str, list[str]]]) -> None:
    """How much more the server has in memory at most, for each request."""
    signer, found = of(server), dict[str, list[float]]()
    for number, (upload_id, etags) in enumerate(uploads):
        path = f"/{BUCKET}/many-{number}"
        entries = "".join(
            f"<Part><PartNumber>{at}</PartNumber><ETag>{etag}</ETag></Part>" for at, etag in enumerate(etags, 1)
        )
        body = f"<CompleteMultipartUpload>{entries}</CompleteMultipartUpload>".encode()
        more = [("content-length", str(len(body)))]
        ranged = [("range", f"bytes={PART * 5000}-{PART * 5000 + 99}")]
        complete = signer.head("POST", path, f"uploadId={upload_id}", s3_requests.sha256(body), more)[0] + body
        for name, request in (
            ("ListParts", signer.head("GET", path, f"uploadId={upload_id}")[0]),
            ("CompleteMultipartUpload", complete),
            ("GetObject of 100 bytes", signer.head("GET", path, more=ranged)[0]),
            ("HEAD of a part", signer.head("HEAD", path, "partNumber=5000")[0]),
        ):
            before = resident(server.pid)
            reset_peak(server.pid)
            send(server, folder, request)
            found.setdefault(name, []).append(peak_memory(server.pid) - before)
    for name, peaks in found.items():
        cells = f"{max(peaks):8.1f}   {', '.join(f'{each:.1f}' for each in peaks)}"
        print(f"{PARTS} parts, {name:24} adds at most {cells}", flush=True)


def of(server: Server) -> Signer:
    return Signer(f"127.0.0.1:{server.port}", server.public_key, server.private_key)


def send(server: Server, folder: Path, request: bytes, body: Path | None = None) -> None:
    save(folder / "requests", [request])

    async def work() -> None:
        file = body.open("rb") if body is not None else None
        await Client(server.port, requests_of(folder / "requests"), file).run(1)

    asyncio.run(work())
