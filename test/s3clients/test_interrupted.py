"""A client is killed in the middle of an upload in parts.  What is left can be finished, aborted or done again."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.fakes import FaultProxy
from test.interpreters import ROOT
from test.patience import until
from test.s3.s3_server import S3Server
from test.s3clients.client import Client, Place
from uvideo import Client as UFileClient
from uvideo import errors

pytestmark = pytest.mark.s3clients

PART = 5 << 20
DATA = b"".join(b"%015d\n" % number for number in range(12 * 1024 * 1024 // 16))  # three parts


@pytest.fixture
def film(tmp_path: Path) -> Path:
    path = tmp_path / "film.bin"
    path.write_bytes(DATA)
    return path


@contextmanager
def killed(name: str, place: Place, call: str, *arguments: Any) -> Iterator[None]:
    """A process with a call of the client begins; it is killed at the end, and its children are."""
    folder = place.folder / "killed"  # of its own: some clients write their settings there
    folder.mkdir()
    given = [{"path": str(each)} if isinstance(each, Path) else each for each in arguments]
    words = [name, [*place[:3], str(folder)], call, given]
    process = subprocess.Popen(
        [sys.executable, "-m", "test.s3clients.one_call"],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        cwd=ROOT,
        start_new_session=True,
    )
    assert process.stdin is not None
    try:
        process.stdin.write(json.dumps(words).encode())
        process.stdin.close()
        yield
        assert process.poll() is None, "it ended by itself"
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait(patience.SECONDS)


def parts(s3: Any, bucket: str) -> list[int]:
    """The numbers of the parts of the only unfinished upload."""
    uploads = s3.list_multipart_uploads(Bucket=bucket).get("Uploads", [])
    if not uploads:
        return []
    (upload,) = uploads
    found = s3.list_parts(Bucket=bucket, Key=upload["Key"], UploadId=upload["UploadId"])
    return [each["PartNumber"] for each in found.get("Parts", [])]


@pytest.fixture
def left(
    client: Client, place: Place, s3_server: S3Server, bucket: str, film: Path, request: pytest.FixtureRequest
) -> Any:
    """A client of S3 that sees the unfinished upload of ``film.bin`` to the bucket, without its second part."""
    s3 = s3_server.client()
    with FaultProxy("127.0.0.1", s3_server.port) as proxy:
        proxy.on(where="partNumber=2").pause("second", times=None)
        name = request.node.callspec.params["client"]
        with killed(name, place._replace(url=proxy.endpoint), "multipart", bucket, "film.bin", film, PART):
            until(lambda: proxy.wait("second"))
            until(lambda: parts(s3, bucket))
        proxy.settle("second")
    assert 2 not in parts(s3, bucket)
    return s3


def test_multipart_after_a_kill(client: Client, left: Any, ufile: UFileClient, bucket: str, film: Path) -> None:
    """The key has no object until the upload is done again.  Then the client aborts what is left, if it can."""
    with pytest.raises(errors.NotFound):
        ufile.stat(bucket, "film.bin")
    client.multipart(bucket, "film.bin", film, PART)
    assert ufile.get(bucket, "film.bin").data == DATA
    if hasattr(client, "abort"):
        client.abort(bucket, "film.bin")
        assert "Uploads" not in left.list_multipart_uploads(Bucket=bucket)
    assert ufile.get(bucket, "film.bin").data == DATA


test_multipart_after_a_kill.needs = "multipart"  # type: ignore[attr-defined]


def test_resume(client: Client, left: Any, ufile: UFileClient, bucket: str, film: Path) -> None:
    client.resume(bucket, "film.bin", film, PART)
    assert ufile.get(bucket, "film.bin").data == DATA and parts(left, bucket) == []
    assert left.head_object(Bucket=bucket, Key="film.bin", PartNumber=1)["PartsCount"] == 3
