"""boto3 over TLS, where bodies are not signed and their checksum comes in a trailer."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.s3.s3_server import S3Server, start_s3_server
from test.s3clients.boto3_client import connected

pytestmark = pytest.mark.s3clients

PEM = str(Path(__file__).resolve().parents[1] / "data" / "tls.pem")
DATA = b"".join(b"%015d\n" % number for number in range(12 * 1024 * 1024 // 16))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[S3Server]:
    with start_s3_server(tmp_path_factory.mktemp("tls"), "--tls-cert", PEM, "--tls-key", PEM) as made:
        yield made


@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_trailers_over_tls(secure: S3Server, tmp_path: Path, algorithm: str) -> None:
    from boto3.s3.transfer import TransferConfig
    from botocore.exceptions import MissingDependencyException

    s3 = connected(secure.url, secure.public_key, secure.private_key, verify=PEM)
    bucket, sent = f"tls-{algorithm.lower()}", set[tuple[str, str]]()

    def note(request: Any, **_: object) -> None:
        names = ("X-Amz-Content-SHA256", "X-Amz-Trailer")
        values = [request.headers.get(name, b"") for name in names]
        framing, trailer = (value.decode() if isinstance(value, bytes) else value for value in values)
        sent.add((framing, trailer))

    s3.create_bucket(Bucket=bucket)
    for name in ("PutObject", "UploadPart"):
        s3.meta.events.register(f"before-send.s3.{name}", note)
    path = tmp_path / "source"
    path.write_bytes(DATA)
    try:
        for threshold in (5 << 20, 50 << 20):  # in parts; in one request
            config = TransferConfig(multipart_threshold=threshold, multipart_chunksize=5 << 20)
            more = {"ChecksumAlgorithm": algorithm, "Metadata": {"title": "\u89c6".encode().hex()}}
            s3.upload_file(str(path), bucket, "k", Config=config, ExtraArgs=more)
            s3.download_file(bucket, "k", str(tmp_path / "got"), ExtraArgs={"ChecksumMode": "ENABLED"})
            assert (tmp_path / "got").read_bytes() == DATA
            assert s3.head_object(Bucket=bucket, Key="k", ChecksumMode="ENABLED")[f"Checksum{algorithm}"]
    except MissingDependencyException:
        pytest.skip(f"boto3 computes {algorithm} with awscrt only")
    assert sent == {("STREAMING-UNSIGNED-PAYLOAD-TRAILER", f"x-amz-checksum-{algorithm.lower()}")}
