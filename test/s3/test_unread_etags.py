"""UFile's etag of objects that S3 uploaded in parts of which only the bytes tell it."""

from __future__ import annotations

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from typing import Any

from test.patience import SECONDS, until, until_said
from test.s3.s3_server import S3Server, client, start_s3_server
from test.server.inprocess import running
from test.server.wire import CONTINUE, MIB, Peer, connect, head, pattern, receive, ufile_etag
from ucloud.uvideo.protocol import operation
from uvideo.server.ops.unread_etags import UnreadEtags

BUCKET = "unread"
DATA = pattern(6 * MIB)


def uploaded(s3: Any, key: str, data: bytes = DATA) -> str:
    """Upload in parts of 5 MiB; the ETag."""
    here = {"Bucket": BUCKET, "Key": key}
    upload, parts = s3.create_multipart_upload(**here)["UploadId"], []
    for number, at in enumerate(range(0, len(data), 5 * MIB), 1):
        body = data[at : at + 5 * MIB]
        sent = s3.upload_part(PartNumber=number, UploadId=upload, Body=body, **here)
        parts.append({"PartNumber": number, "ETag": sent["ETag"]})
    done = s3.complete_multipart_upload(UploadId=upload, MultipartUpload={"Parts": parts}, **here)
    etag: str = done["ETag"].strip('"')
    return etag


def etag_of(made: S3Server, key: str) -> str:
    """The etag that UFile shows."""
    found: str = Peer(made.server).do(operation.HeadObject(BUCKET, key)).etag
    return found


def forget(folder: Path, shown: str) -> None:
    """Give every object with this ETag of S3 the state that it has until its bytes are read."""
    with contextlib.closing(sqlite3.connect(folder / "catalog.db", timeout=SECONDS)) as catalog:
        catalog.execute("UPDATE objects SET etag = ? WHERE extra LIKE ?", (shown, f"%{shown}%"))
        catalog.commit()


def test_the_bytes_are_read_in_the_background(tmp_path: Path) -> None:
    with start_s3_server(tmp_path) as made:
        s3, peer = made.client(), Peer(made.server)
        s3.create_bucket(Bucket=BUCKET)
        shown, known = uploaded(s3, "k"), ufile_etag(DATA)
        s3.copy_object(Bucket=BUCKET, Key="copy", CopySource=f"{BUCKET}/k")
        before = s3.head_object(Bucket=BUCKET, Key="k")
        for key in ("k", "copy"):
            assert etag_of(made, key) in (shown, known)
            until(lambda key=key: etag_of(made, key) == known)
        after = s3.head_object(Bucket=BUCKET, Key="k")
        assert after["ETag"] == before["ETag"] == f'"{shown}"' and after["LastModified"] == before["LastModified"]
        assert s3.get_object(Bucket=BUCKET, Key="copy", PartNumber=2)["Body"].read() == DATA[5 * MIB :]
        peer.do(operation.UploadHit(BUCKET, "hit", known, len(DATA)))
        for name, value, status in (
            *(("If-Match", shown, 200), ("If-Match", known, 200), ("If-Match", "x", 412)),
            *(("If-None-Match", shown, 304), ("If-None-Match", known, 304), ("If-None-Match", "x", 200)),
        ):
            for method in ("GET", "HEAD"):
                answer = peer.ask(method, BUCKET, "/k", "k", [(name, f'"{value}"')])
                assert answer.status == status, (method, name, value)
                if name == "If-Match" and status == 200:  # a client that asks for a version compares it
                    assert answer.header("ETag") == f'"{value}"', method
        for value, status in ((shown, 206), (known, 206), ("x", 200)):
            ranged = [("If-Range", f'"{value}"'), ("Range", "bytes=0-9")]
            answer = peer.ask("GET", BUCKET, "/k", "k", ranged)
            assert answer.status == status and answer.header("ETag") == f'"{known if value == "x" else value}"', value


def test_after_a_start_and_with_damage(tmp_path: Path) -> None:
    """What an ended server had not read is read by the next one; damaged bytes get no etag that fits them."""
    other = pattern(6 * MIB, seed=1)
    with start_s3_server(tmp_path) as made:
        s3 = made.client()
        s3.create_bucket(Bucket=BUCKET)
        shown, damaged = uploaded(s3, "k"), uploaded(s3, "damaged", other)
        until(lambda: etag_of(made, "damaged") == ufile_etag(other))
        Peer(made.server).do(operation.RenameObject(BUCKET, "k", "renamed"))
    for each in (shown, damaged):
        forget(tmp_path, each)
    (blob,) = [
        path
        for path in tmp_path.rglob("*")
        if path.is_file() and path.stat().st_size == 1 * MIB and path.read_bytes() == other[5 * MIB :]
    ]
    blob.chmod(0o600)
    blob.write_bytes(b"x" * MIB)
    with start_s3_server(tmp_path) as made:
        until(lambda: etag_of(made, "renamed") == ufile_etag(DATA))
        until_said(made.server.log, "has no etag of UFile: its part 2 has the MD5")
        assert etag_of(made, "damaged") == damaged
        assert made.client().head_object(Bucket=BUCKET, Key="renamed")["ETag"] == f'"{shown}"'


def test_an_append_while_the_bytes_are_read(tmp_path: Path) -> None:
    with running(tmp_path) as made:
        s3, more = client(f"http://127.0.0.1:{made.port}", made.public_key, made.private_key), b"more"
        s3.create_bucket(Bucket=BUCKET)
        shown = uploaded(s3, "k")
        signed = ("Authorization", Peer(made).signed("PUT", BUCKET, "k"))
        pairs = [("Host", f"{BUCKET}.x"), signed, ("Content-Length", str(len(more))), ("Expect", "100-continue")]
        with connect(made.port) as sock:
            sock.sendall(head("PUT", f"/k?append&position={len(DATA)}", pairs))
            assert b"".join(sock.recv(1) for _ in CONTINUE) == CONTINUE
            computing = UnreadEtags(made.service.blobs, made.service.catalog, 1 << 40).once()
            assert asyncio.run_coroutine_threadsafe(computing, made.loop).result(SECONDS) == 1
            sock.sendall(more)
            answer = receive(sock)
        assert answer.status == 200, answer.body
        found = Peer(made).do(operation.HeadObject(BUCKET, "k"))
        assert (found.etag, found.size) == (ufile_etag(DATA + more), len(DATA + more)) and found.etag != shown
