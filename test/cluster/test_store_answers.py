"""Every answer of the store, at every place that asks it: what a client, the log and the metrics are told."""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import socket
import ssl
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import obstore
import pytest

from test import patience
from test.cluster.gateways import Cluster, start_cluster
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.program import find, until
from test.cluster.store_faults import before_store, having, refusal
from test.fakes import FaultProxy
from test.ports import free_ports
from test.sdk.peer import Peer as Socket
from test.server.wire import BLOCK, Peer
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation
from uvideo.server.process.exit_codes import AWAY, UNFIT, Ending
from uvideo.storage.s3_failures import ROWS

pytestmark = pytest.mark.cluster

BODY = os.urandom(100_000)
LONG = os.urandom(5 * BLOCK)
METRIC = re.compile(r'uvideo_storage_failures_total\{cause="(\w+)"\} (\d+)')
TEXTS = {row.text.split("{")[0].strip() or row.text.partition("}")[2].strip() for row in ROWS}


@dataclass
class Gateway:
    """A gateway whose store is behind the proxy, and what it has stored there."""

    server: Server
    proxy: FaultProxy
    peer: Peer
    space: str

    def page(self, path: str) -> tuple[int, str]:
        """(status, text) of the admin port."""
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.admin_port, timeout=60)) as asked:
            asked.request("GET", path)
            answer = asked.getresponse()
            return answer.status, answer.read().decode()

    def causes(self) -> dict[str, int]:
        return {cause: int(count) for cause, count in METRIC.findall(self.page("/metrics")[1])}


@pytest.fixture(scope="module")
def proxy(object_store: ObjectStore) -> Iterator[FaultProxy]:
    with before_store(object_store) as started:
        yield started


@pytest.fixture(scope="module")
def cluster(
    postgres: Postgres, object_store: ObjectStore, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Cluster]:
    with start_cluster(postgres, object_store, tmp_path_factory.mktemp("cluster"), 0) as started:
        yield started


@pytest.fixture(scope="module")
def gateway(cluster: Cluster, proxy: FaultProxy) -> Gateway:
    server = cluster.gateway(blobs=cluster.object_store.through(cluster.settings["UVIDEO_SERVE_BLOBS"], proxy.port))
    peer = Peer(server)
    made = Gateway(server, proxy, peer, peer.space())
    peer.do(operation.PutObject(made.space, "short"), BODY)
    peer.upload(made.space, "long", LONG)
    return made


def put(gateway: Gateway) -> tuple[int, object]:
    return answered(gateway, operation.PutObject(gateway.space, "new"), BODY)


def head_of_read(gateway: Gateway) -> tuple[int, object]:
    return answered(gateway, operation.GetObject(gateway.space, "short"))


def head_of_long_read(gateway: Gateway) -> tuple[int, object]:
    return answered(gateway, operation.GetObject(gateway.space, "long"))


def part(gateway: Gateway) -> tuple[int, object]:
    begun = gateway.peer.do(operation.InitiateUpload(gateway.space, "parts"))
    return answered(gateway, operation.UploadPart(gateway.space, "parts", begun.upload_id, 0), BODY)


def copy_of_part(gateway: Gateway) -> tuple[int, object]:
    begun = gateway.peer.do(operation.InitiateUpload(gateway.space, "parts"))
    op = operation.CopyPart(gateway.space, "parts", begun.upload_id, 0, gateway.space, "short")
    return answered(gateway, op)


def append(gateway: Gateway) -> tuple[int, object]:
    return answered(gateway, operation.AppendObject(gateway.space, "short", len(BODY)), BODY)


def middle_of_read(gateway: Gateway) -> tuple[int, object]:
    """The head is sent before the second segment is asked for in vain: only a broken connection tells."""
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        gateway.peer.call(operation.GetObject(gateway.space, "long"))
    return 0, None


def answered(gateway: Gateway, op: object, body: bytes = b"") -> tuple[int, object]:
    got = gateway.peer.call(op, body)
    if got.status == 503:
        assert got.header("Retry-After") == "1"
    return got.refusal()[0], got.refusal()[1]


READS = {
    head_of_read: ("GET", "/000000-"),
    head_of_long_read: ("GET", "/000000-"),
    copy_of_part: ("GET", "/000000-"),
    append: ("GET", "/000000-"),
    middle_of_read: ("GET", "/000001-"),
}
WRITES = {put: ("PUT", "/000000-"), part: ("PUT", "/000000-")}
#: (status, code of the store, cause when reading, cause when writing)
ANSWERS = [
    (404, "NoSuchKey", "damaged", "bucket"),
    (404, "NoSuchBucket", "bucket", "bucket"),
    (404, "", "bucket", "bucket"),
    (416, "InvalidRange", "damaged", "failed"),
    (400, "InvalidArgument", "failed", "failed"),
    (400, "AuthorizationHeaderMalformed", "redirect", "redirect"),
    (401, "Unauthorized", "denied", "denied"),
    (403, "AccessDenied", "denied", "denied"),
    (403, "SignatureDoesNotMatch", "denied", "denied"),
    (403, "RequestTimeTooSkewed", "denied", "denied"),
    (403, "QuotaExceeded", "full", "full"),
    (507, "InsufficientStorage", "full", "full"),
    (409, "OperationAborted", "conflict", "conflict"),
    (412, "PreconditionFailed", "conflict", "conflict"),
    (429, "TooManyRequests", "busy", "busy"),
    (503, "SlowDown", "busy", "busy"),
    (503, "ServiceUnavailable", "failed", "failed"),
    (500, "InternalError", "failed", "failed"),
]
PLACES = [*READS, *WRITES]
#: All answers at the two simplest places; at the others one of each kind that is treated differently.
FEW = {(404, "NoSuchKey"), (404, "NoSuchBucket"), (416, "InvalidRange"), (403, "AccessDenied"), (503, "SlowDown")}
CASES = [
    pytest.param(place, *answer, id=f"{place.__name__} {answer[0]} {answer[1]}")
    for place in PLACES
    for answer in ANSWERS
    if place in (head_of_read, put) or answer[:2] in FEW
]


@pytest.mark.parametrize(("place", "status", "code", "reading", "writing"), CASES)
def test_an_answer_of_the_store(gateway: Gateway, place, status: int, code: str, reading: str, writing: str) -> None:
    cause = reading if place in READS else writing
    method, where = {**READS, **WRITES}[place]
    before, logged = gateway.causes(), gateway.server.log.stat().st_size
    with having(gateway.proxy, refusal(method, where, status, code)):
        said = place(gateway)
    wrong = 500 if cause == "damaged" else 503
    if place is not middle_of_read:
        assert said == (wrong, -148600)
    # A connection that breaks is seen before the line is written.
    assert until(lambda: "session" in gateway.server.log.read_text()[logged:].rpartition("\n")[0], patience.SECONDS)
    text = gateway.server.log.read_text()[logged:]
    (line,) = [each for each in text.splitlines() if "session" in each]
    assert str(status) in line and code in line and ("scripted" in line) == bool(code)
    assert ("was aborted" in line) == (place is middle_of_read)
    assert any(each in line for each in TEXTS)
    assert "Traceback" not in text and "Debug" not in text and len(text) < 2000
    after = gateway.causes()
    assert {name: after[name] - before.get(name, 0) for name in after if after[name] != before.get(name, 0)} == {
        cause: 1
    }
    assert gateway.peer.call(operation.GetObject(gateway.space, "short")).body == BODY


def test_a_read_that_breaks_off_ahead_of_its_end_is_tried_again(gateway: Gateway) -> None:
    with having(gateway.proxy, {"where": "/000001-", "do": "truncate", "bytes": 1000}):
        assert gateway.peer.call(operation.GetObject(gateway.space, "long")).body == LONG


def test_a_read_that_breaks_off_for_ever(gateway: Gateway) -> None:
    before = gateway.causes().get("broken", 0)
    with having(gateway.proxy, {"where": "/000000-", "do": "truncate", "bytes": 1000, "times": None}):
        assert gateway.peer.call(operation.GetObject(gateway.space, "short")).refusal()[0] == 503
    assert gateway.causes()["broken"] == before + 1


def test_a_segment_that_is_too_short_is_damage(gateway: Gateway, object_store: ObjectStore) -> None:
    gateway.peer.do(operation.PutObject(gateway.space, "cut"), BODY)
    path = next(each.target for each in reversed(gateway.proxy.log(method="PUT")) if "/000000-" in each.target)
    store = object_store.store()
    obstore.put(store, path.removeprefix(f"/{object_store.bucket}/"), BODY[:1000])
    before = gateway.causes().get("damaged", 0)
    assert gateway.peer.call(operation.GetObject(gateway.space, "cut")).refusal()[0] == 500
    assert gateway.causes()["damaged"] == before + 1
    patience.until_said(gateway.server.log, "has 1000 bytes, not 100000")


def test_readiness_says_what_is_wrong_and_what_to_do(gateway: Gateway, object_store: ObjectStore) -> None:
    for fault, text in (
        (refusal("PUT", "/probe", 403, "QuotaExceeded"), f"raise the quota of the user and of {object_store.bucket}"),
        (refusal("PUT", "/probe", 404, "NoSuchBucket"), f"there is no bucket {object_store.bucket}: create it"),
    ):
        with having(gateway.proxy, fault):
            status, said = gateway.page("/readyz")
        assert status == 503 and text in said
    assert gateway.page("/readyz")[0] == 200


# The start


def refused(cluster: Cluster, blobs: str, env: dict[str, str] | None = None, ending: Ending = AWAY) -> str:
    """What a gateway that does not start says: one line."""
    with pytest.raises(RuntimeError, match=f"did not start, exit code {ending.code}:") as caught:
        cluster.gateway(blobs=blobs, env=env)
    said = str(caught.value)
    assert "Traceback" not in said and "Debug source" not in said and "secret" not in said
    (line,) = [each for each in said.splitlines() if "cannot start" in each or "cannot be used" in each]
    return line


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        (refusal("PUT", "", 404, "NoSuchBucket"), "there is no bucket"),
        (refusal("PUT", "", 403, "AccessDenied"), "or there is no bucket"),
        (refusal("GET", "/probe-", 403, "AccessDenied"), "allow them to get, put, delete and list"),
        (refusal("GET", "list-type", 403, "AccessDenied"), "allow them to get, put, delete and list"),
        (refusal("POST", "delete", 403, "AccessDenied"), "allow them to get, put, delete and list"),
        (
            refusal("PUT", "", 301, "PermanentRedirect", Location="http://127.0.0.1:1/"),
            "correct endpoint and region",
        ),
        (refusal("GET", "/probe-", 307, "", Location="http://127.0.0.1:1/"), "nothing listens at 127.0.0.1:1"),
    ],
    ids=lambda each: f"{each['method']} {each['status']}" if isinstance(each, dict) else None,
)
def test_a_gateway_does_not_start_and_says_why(
    cluster: Cluster, proxy: FaultProxy, fault: dict[str, Any], text: str
) -> None:
    url = cluster.object_store.through(cluster.settings["UVIDEO_SERVE_BLOBS"], proxy.port)
    with having(proxy, fault):
        assert text in refused(cluster, url)


def test_the_ways_of_not_reaching_a_store_are_told_apart(cluster: Cluster, tmp_path: Path) -> None:
    store = cluster.object_store
    (unused,) = free_ports(1)
    assert f"nothing listens at 127.0.0.1:{unused}" in refused(
        cluster, store.url(endpoint=f"http://127.0.0.1:{unused}")
    )
    assert "the name of nowhere.invalid" in refused(cluster, store.url(endpoint="http://nowhere.invalid:9"))
    plain = f"https://{store.host}:{store.port}"
    assert "does not use TLS: write http://" in refused(cluster, store.url(endpoint=plain))


def test_the_ways_of_not_reaching_a_database_are_told_apart(cluster: Cluster) -> None:
    url, (unused,) = cluster.settings["UVIDEO_SERVE_DATABASE"], free_ports(1)
    port = f":{cluster.postgres.port}/"
    for wrong, text in (
        (url.replace(port, f":{unused}/"), "start PostgreSQL, or correct host and port"),
        (url.replace(f"@127.0.0.1{port}", f"@nowhere.invalid{port}"), "correct the host in --database, or the DNS"),
        (url.replace("a%20password", "another"), "correct user and password in --database or ~/.pgpass"),
        (f"{url}-none", "create it with createdb, or correct --database"),
    ):
        assert wrong != url
        assert text in refused(cluster, cluster.settings["UVIDEO_SERVE_BLOBS"], {"UVIDEO_SERVE_DATABASE": wrong})


@pytest.fixture
def tls(tmp_path: Path) -> dict[str, Path]:
    """Certificates of a CA of our own: its own, one of 127.0.0.1 and one of it that has expired.  "host" has a key."""
    openssl = find("openssl")
    for name, what in (
        ("ca", ["-x509", "-subj", "/CN=a CA of the tests", "-addext", "keyUsage=critical,keyCertSign"]),
        ("host", ["-subj", "/CN=127.0.0.1"]),
    ):
        command = [openssl, "req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out", f"{name}.pem"]
        subprocess.run([*command, *what], cwd=tmp_path, check=True, capture_output=True, timeout=patience.SECONDS)
    (tmp_path / "names").write_text("subjectAltName=IP:127.0.0.1\n")
    for name, days in (("host", "2"), ("expired", "-1")):
        command = [openssl, "x509", "-req", "-in", "host.pem", "-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial"]
        command += ["-extfile", "names", "-days", days, "-out", f"{name}.crt"]
        subprocess.run(command, cwd=tmp_path, check=True, capture_output=True, timeout=patience.SECONDS)
    return {name.partition(".")[0]: tmp_path / name for name in ("ca.pem", "host.crt", "expired.crt")}


def over_tls(store: ObjectStore, certificate: Path, key: Path) -> Socket:
    """What speaks TLS before the store."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)
    return Socket(lambda call: call.tunnel(store.port), context)


def test_a_store_with_a_private_ca_needs_ssl_cert_file(cluster: Cluster, tls: dict[str, Path]) -> None:
    key, trusted = tls["host"].with_suffix(".key"), {"SSL_CERT_FILE": str(tls["ca"])}
    place = cluster.settings["UVIDEO_SERVE_BLOBS"].partition("?")[0]
    with contextlib.closing(over_tls(cluster.object_store, tls["expired"], key)) as proxy:
        blobs = f"{place}?endpoint=https%3A%2F%2F127.0.0.1%3A{proxy.port}"
        assert "has expired: renew it" in refused(cluster, blobs, trusted)
    with contextlib.closing(over_tls(cluster.object_store, tls["host"], key)) as proxy:
        blobs = f"{place}?endpoint=https%3A%2F%2F127.0.0.1%3A{proxy.port}&region={cluster.object_store.region}"
        assert "set SSL_CERT_FILE to that CA's file" in refused(cluster, blobs)
        other = blobs.replace("127.0.0.1", "localhost")
        assert "is not for the name localhost" in refused(cluster, other, trusted)
        server = cluster.gateway(blobs=blobs, env=trusted)
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "key"), BODY)
        assert peer.call(operation.GetObject(space, "key")).body == BODY


def test_a_bucket_that_keeps_versions_is_refused(cluster: Cluster, object_store: ObjectStore) -> None:
    boto3 = pytest.importorskip("boto3")
    client = boto3.client(
        "s3",
        endpoint_url=object_store.endpoint,
        aws_access_key_id=object_store.access,
        aws_secret_access_key=object_store.secret,
        region_name=object_store.region,
    )
    bucket = f"versions-{os.getpid()}-{socket.gethostname().lower()}"[:60].strip("-")
    client.create_bucket(Bucket=bucket)
    try:
        client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
        line = refused(cluster, object_store.url("place", bucket=bucket), ending=UNFIT)
        assert f"the bucket {bucket} keeps old versions" in line and "use a bucket that never had versioning" in line
    finally:
        found = client.list_object_versions(Bucket=bucket)
        for each in (*found.get("Versions", ()), *found.get("DeleteMarkers", ())):
            client.delete_object(Bucket=bucket, Key=each["Key"], VersionId=each["VersionId"])
        with contextlib.suppress(client.exceptions.ClientError):
            client.delete_bucket(Bucket=bucket)
