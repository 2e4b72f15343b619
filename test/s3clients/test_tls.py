"""boto3 over TLS, where bodies are not signed and their checksum comes in a trailer; how tools trust a certificate."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.pages import Page
from test.s3.s3_server import S3Server, start_s3_server
from test.s3clients.boto3_client import connected
from test.s3clients.client import PROGRAMS, Place

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


#: What lists a bucket, by the tool's name in the table of docs/s3.md.
LISTS = {
    "AWS CLI": "aws s3 ls s3://trusted",
    "rclone": "rclone --retries 1 --low-level-retries 1 lsf :s3:trusted",
    "s5cmd": "s5cmd --retry-count 0 ls s3://trusted/",
    "s3cmd": "s3cmd ls s3://trusted",
}


def test_tools_trust_a_certificate_as_the_page_says(secure: S3Server, tmp_path: Path) -> None:
    """Without what the table says, no tool answers; with each of the ways, all do."""
    s3 = connected(secure.url, secure.public_key, secure.private_key, verify=PEM)
    s3.create_bucket(Bucket="trusted")
    s3.put_object(Bucket="trusted", Key="the-object", Body=b"x")
    shutil.copy(PEM, tmp_path / "cert.pem")
    host = secure.url.partition("://")[2]
    (tmp_path / ".s3cfg").write_text(f"[default]\nhost_base = {host}\nhost_bucket = {host}\nuse_https = True\n")
    given = Place(secure.url, secure.public_key, secure.private_key, tmp_path).environment()
    given = {name: text for name, text in given.items() if not name.endswith(("CA_BUNDLE", "SSL_CERT_FILE"))}
    given |= {"AWS_ENDPOINT_URL": secure.url, "S3_ENDPOINT_URL": secure.url, "RCLONE_S3_ENDPOINT": secure.url}
    given |= {"RCLONE_S3_PROVIDER": "Other", "RCLONE_S3_ENV_AUTH": "true"}
    table = Page("docs/s3.md").text.partition("### A certificate of your own\n")[2].partition("\n## ")[0]

    def lists(command: str, environ: dict[str, str]) -> bool:
        program, *words = command.split()
        done = subprocess.run(
            [str(PROGRAMS / program), *words],
            cwd=tmp_path,
            env=given | environ,
            capture_output=True,
            text=True,
            timeout=patience.SECONDS,
        )
        return done.returncode == 0 and "the-object" in done.stdout

    for tool, command in LISTS.items():
        (row,) = re.findall(rf"^\| {tool}.*$", table, re.MULTILINE)
        assert not lists(command, {}), tool
        ways = re.findall(r"`([^`]*cert\.pem)`", row)
        assert ways, tool
        for way in ways:
            if way.startswith("-"):
                program, _, rest = command.partition(" ")
                assert lists(f"{program} {way} {rest}", {}), (tool, way)
            else:
                assert lists(command, dict([way.split("=")])), (tool, way)
