"""What fails, with clients at work: nothing that was acknowledged is lost, and the rest goes on by itself."""

from __future__ import annotations

import contextlib
import hashlib
import http.client
import itertools
import os
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from test import patience
from test.cluster.gateways import Cluster, start_cluster
from test.cluster.nginx import start_nginx
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.program import until
from test.cluster.recorder import recording
from test.cluster.relay import Relay, start_relay
from test.fakes import FaultProxy
from test.s3.peer import S3Peer, text_of
from test.server.part_objects import drop_parts, fill_parts, holds_parts
from test.server.test_maintenance import admin, told
from test.server.wire import BLOCK, Peer
from test.server_fixture import ROOT, Server
from ucloud.uvideo.protocol import operation, signature
from uvideo import Client, errors
from uvideo.storage.schema import MIGRATIONS, statements

pytestmark = pytest.mark.cluster

BEFORE_S3 = "83e36bc"  # a commit


@pytest.fixture(autouse=True)
def no_settings_of_the_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "config"))
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))


@pytest.fixture
def cluster(postgres: Postgres, object_store: ObjectStore, tmp_path: Path) -> Iterator[Cluster]:
    with start_cluster(postgres, object_store, tmp_path / "cluster") as started:
        yield started


@pytest.fixture
def front(cluster: Cluster) -> Iterator[Server]:
    """Both gateways behind nginx."""
    with start_nginx([each.port for each in cluster.gateways]) as nginx:
        yield cluster.at(nginx.port)


def client_of(server: Server, **options: object) -> Client:
    return Client(server.public_key, server.private_key, endpoint=server.host, **options)


def readiness(server: Server) -> tuple[int, str]:
    with contextlib.closing(http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=60)) as asked:
        asked.request("GET", "/readyz")
        answer = asked.getresponse()
        return answer.status, answer.read().decode()


# Gateways


def test_a_gateway_is_killed_and_the_upload_goes_on_through_the_other(
    cluster: Cluster, front: Server, tmp_path: Path
) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(20 * BLOCK + 5))
    first, second = cluster.gateways

    def watch(progress) -> None:
        if progress.done > 5 * BLOCK:
            first.process.kill()

    with client_of(front, retries=8) as client:
        space = client.create_space("survivor").name
        stored = client.upload(space, "film.mp4", path, progress=watch)
        assert first.process.wait() == -9
        assert stored.verified and stored.size == path.stat().st_size
        assert list(client.list_uploads(space)) == []
    with client_of(second) as client:
        assert hashlib.sha1(client.get(space, "film.mp4").data).digest() == hashlib.sha1(path.read_bytes()).digest()


def test_an_upload_that_broke_off_is_resumed_through_the_other(cluster: Cluster, tmp_path: Path) -> None:
    path = tmp_path / "film.mp4"
    path.write_bytes(os.urandom(12 * BLOCK))
    first, second = cluster.gateways
    with start_relay(first.port, second.port) as relay:
        server = cluster.at(relay.port)
        sent = []

        def watch(progress) -> None:
            sent.append(progress.done)
            if progress.done > 4 * BLOCK:
                first.process.kill()
                relay.cut()

        with client_of(server, retries=0) as client:
            space = client.create_space("resumer").name
            with pytest.raises(errors.TransferInterrupted) as caught:
                client.upload(space, "film.mp4", path, progress=watch, part_jobs=2)
        relay.mend()
        resumed = []
        with client_of(server) as client:
            stored = client.resume(caught.value.transfer, progress=lambda progress: resumed.append(progress.done))
            assert stored.verified and stored.size == 12 * BLOCK
            assert resumed[0] >= 2 * BLOCK  # what the dead one had acknowledged is not sent again
            assert client.get(space, "film.mp4").data == path.read_bytes()


def test_resume_goes_on_at_the_address_of_another_gateway(cluster: Cluster, tmp_path: Path) -> None:
    """The first gateway is gone for ever; nothing that it acknowledged is sent again."""
    path, target = tmp_path / "film.mp4", tmp_path / "again.mp4"
    path.write_bytes(os.urandom(12 * BLOCK))
    first, second = cluster.gateways

    def kill(progress) -> None:
        if progress.done > 4 * BLOCK:
            first.process.kill()

    with client_of(first, retries=0) as client:
        space = client.create_space("mover").name
        with pytest.raises(errors.TransferInterrupted) as up:
            client.upload(space, "film.mp4", path, progress=kill, part_jobs=2)
    resumed = []
    with client_of(second) as client:
        stored = client.resume(up.value.transfer, progress=lambda progress: resumed.append(progress.done))
        assert stored.verified and resumed[0] >= 2 * BLOCK
        assert list(client.list_uploads(space)) == [] and client.transfers() == ()
    third, done = cluster.gateway(), []
    with FaultProxy("127.0.0.1", third.port) as proxy:
        # What a killed gateway has sent may all have arrived, so the last bytes are held back.
        proxy.on("GetObject", byte=12 * BLOCK - 1).reset(1000)
        with client_of(cluster.at(proxy.port), retries=0) as client:
            with pytest.raises(errors.TransferInterrupted) as down:
                client.download(space, "film.mp4", target, progress=lambda each: done.append(each.done), part_jobs=2)
        third.process.kill()
    with client_of(second) as client:
        assert client.resume(down.value.transfer).verified
        assert client.transfers() == ()
    assert target.read_bytes() == path.read_bytes()


def version_before_s3(folder: Path) -> dict[str, str]:
    """The environment of the last program that cannot read part lists; skips without the history of the repository."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", BEFORE_S3, "ucloud", "uvideo"],
        capture_output=True,
        timeout=patience.SECONDS,
    )
    if packed.returncode:
        pytest.skip(f"the commit {BEFORE_S3} is not in this clone")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True, timeout=patience.SECONDS)
    return {"PYTHONPATH": str(folder)}


def test_gateways_are_upgraded_one_by_one_to_a_version_with_s3(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """UFile goes on all the time.  S3 stores nothing until no gateway runs that cannot read it."""
    older = version_before_s3(tmp_path / "before")
    inside = ("env", "-C", older["PYTHONPATH"])
    with start_cluster(postgres, object_store, tmp_path / "cluster", 0) as cluster:
        old, last = (cluster.gateway(command=inside, env=older) for _ in range(2))
        with start_nginx([old.port, last.port]) as nginx, recording(cluster.at(nginx.port)) as recorder:
            recorder.goes_on()
            assert old.stop() == 0
            recorder.goes_on()
            first = cluster.gateway("--port", str(old.port))
            recorder.goes_on(60)  # one of each
            space = Peer(first).space()
            for server, other in ((first, last), (last, first)):
                Peer(server).do(operation.PutObject(space, "key"), b"x" * 100_000)
                assert Peer(other).call(operation.GetObject(space, "key")).body == b"x" * 100_000
                begun = Peer(server).do(operation.InitiateUpload(space, "parts"))
                part = Peer(other).do(operation.UploadPart(space, "parts", begun.upload_id, 0), b"part")
                Peer(server).do(operation.FinishUpload(space, "parts", begun.upload_id, (part.etag,)))
                assert Peer(other).call(operation.GetObject(space, "parts")).body == b"part"
            s3 = S3Peer(first)
            assert s3.ask("GET", space, "key").body == b"x" * 100_000
            for asked in (s3.ask("PUT", space, "s3", body=b"x"), s3.ask("POST", space, "s3", {"uploads": ""})):
                assert (asked.status, text_of(asked, "Code")) == (503, "ServiceUnavailable"), asked
            assert last.stop() == 0
            recorder.goes_on()
            second = cluster.gateway("--port", str(last.port))
            recorder.goes_on()
            assert "run `uvideo admin upgraded`" in second.log.read_text()
            assert s3.ask("PUT", space, "s3", body=b"x").status == 503
            told(admin("upgraded", tmp_path, "--json", env=cluster.settings))
            for server, other in ((first, second), (second, first)):
                fill_parts(server, space)
                holds_parts(other, space)
                drop_parts(other, space)
            recorder.goes_on()
            with pytest.raises(RuntimeError, match="this program knows"):
                cluster.gateway(command=inside, env=older)
        assert recorder.check(second)
        assert recorder.failed == []
        assert told(admin("fsck", tmp_path, "--rehash", "--json", env=cluster.settings))["damaged"] == 0


def next_version(folder: Path) -> dict[str, str]:
    """The environment of a program that is this one with another migration and a longer schema."""
    for package in ("ucloud", "uvideo"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    schema = folder / "uvideo" / "storage" / "schema.py"
    text = schema.read_text()
    end = text.index("\n)\n", text.index("\nMIGRATIONS = ("))
    added = "ALTER TABLE objects ADD COLUMN kept BIGINT NOT NULL DEFAULT 0; CREATE INDEX objects_kept ON objects (kept)"
    schema.write_text(f'{text[:end]}\n    "{added}",{text[end:]}')
    return {"PYTHONPATH": str(folder)}


def test_gateways_are_upgraded_one_by_one_to_another_schema(cluster: Cluster, front: Server, tmp_path: Path) -> None:
    """As docs/cluster.md says it: the first new one migrates, old ones that run go on, none of them starts again."""
    newer, database = next_version(tmp_path / "next"), cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2]
    inside = ("env", "-C", newer["PYTHONPATH"])

    def version() -> int:
        return int(cluster.postgres.run(database, "SELECT version FROM schema_version"))

    with recording(front) as recorder:
        recorder.goes_on()
        old, last = cluster.gateways
        assert version() == len(MIGRATIONS)
        assert old.stop() == 0
        first = cluster.gateway("--port", str(old.port), command=inside, env=newer)
        assert version() == len(MIGRATIONS) + 1
        recorder.goes_on(60)  # one of each
        assert readiness(first)[0] == readiness(last)[0] == 200
        for server, other in ((first, last), (last, first)):
            space, peer = Peer(server).space(), Peer(other)
            peer.do(operation.PutObject(space, "key"), b"x" * 100_000)
            assert Peer(server).call(operation.GetObject(space, "key")).body == b"x" * 100_000
        with pytest.raises(RuntimeError, match=f"the catalog has schema {len(MIGRATIONS) + 1}, this program knows"):
            cluster.gateway()
        assert last.stop() == 0
        recorder.goes_on()
        second = cluster.gateway("--port", str(last.port), command=inside, env=newer)
        recorder.goes_on()
        assert Path(f"/proc/{second.pid}/cwd").readlink() == tmp_path / "next"
    assert recorder.check(second)
    assert recorder.failed == []


def test_secrets_are_encrypted_for_the_older_gateways_until_none_runs(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """A database that older gateways may still work on, and `uvideo admin upgraded` once they are gone."""
    with start_cluster(postgres, object_store, tmp_path / "cluster", 0) as cluster:
        name = cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2]
        older = "\n;".join(statements(0, postgres=True, to=3))
        postgres.run(name, f"{older}; CREATE TABLE schema_version (version BIGINT NOT NULL)")
        postgres.run(name, "INSERT INTO schema_version VALUES (3)")

        def forms() -> list[str]:
            return postgres.run(name, "SELECT left(private, 3) FROM tokens ORDER BY private").split()

        one, two = cluster.gateway(), cluster.gateway("--workers", "2")
        owner = Peer(one)
        space, tokens = owner.space(), []
        for expected in (["s1."], ["s1.", "s1."]):
            tokens.append(owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",))))
            assert forms() == expected
        for gateway in (one, two):
            assert "run `uvideo admin upgraded`" in gateway.log.read_text()
        told(admin("upgraded", tmp_path, "--json", env=cluster.settings))
        tokens.append(Peer(two).manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",))))
        assert forms() == ["s1.", "s1.", "s2."]
        three = cluster.gateway()
        assert "older gateways" not in three.log.read_text()
        for gateway, token in itertools.product((one, two, three), tokens):
            holder = Peer(gateway)
            holder.credentials = signature.Credentials(token.public_key, token.private_key)
            assert holder.call(operation.ListObjects(space)).status == 200


def test_gateways_are_replaced_one_by_one(cluster: Cluster, front: Server) -> None:
    """Each is told to stop, drains, and comes back on the same port."""
    with recording(front) as recorder:
        recorder.goes_on()
        for each in list(cluster.gateways):
            assert each.stop() == 0
            recorder.goes_on()
            cluster.gateway("--port", str(each.port))
            recorder.goes_on()
    assert recorder.check(cluster.gateways[-1])
    assert recorder.failed == []


def test_everything_is_killed_at_once(cluster: Cluster, front: Server) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        ports = [each.port for each in cluster.gateways]
        for each in cluster.gateways:
            each.process.kill()
        cluster.postgres.kill()
        time.sleep(0.1)
        cluster.postgres.start_again()
        for port in ports:
            cluster.gateway("--port", str(port))
        recorder.goes_on(20)
    assert recorder.check(cluster.gateways[-1])


def test_two_gateways_finish_one_upload_at_once(cluster: Cluster) -> None:
    one, two = (Peer(each) for each in cluster.gateways)
    space = one.space()
    data = [os.urandom(BLOCK), b"the end"]

    def finish(peer: Peer, upload_id: str, etags: list[str], start: threading.Barrier) -> str:
        start.wait()
        try:
            done = peer.do(operation.FinishUpload(space, "key", upload_id, tuple(etags)))
        except errors.UploadNotFound:
            return "not found"
        assert done.size == BLOCK + 7
        return "finished"

    with ThreadPoolExecutor(4) as threads:
        for number in range(15):
            begun = one.do(operation.InitiateUpload(space, "key"))
            etags = []
            for part, piece in enumerate(data):
                peer = (one, two)[(part + number) % 2]
                etags.append(peer.do(operation.UploadPart(space, "key", begun.upload_id, part), piece).etag)
            start = threading.Barrier(4)
            going = [threads.submit(finish, peer, begun.upload_id, etags, start) for peer in (one, two, one, two)]
            said = sorted(each.result(60) for each in going)
            assert said == ["finished"] + 3 * ["not found"]
            got = two.call(operation.GetObject(space, "key"))
            assert got.status == 200 and got.body == b"".join(data)


def test_the_same_part_through_both_at_once_is_the_same_answer(cluster: Cluster) -> None:
    one, two = (Peer(each) for each in cluster.gateways)
    space = one.space()
    begun = one.do(operation.InitiateUpload(space, "key"))
    with ThreadPoolExecutor(4) as threads:
        for part in range(6):
            data = os.urandom(BLOCK)
            op = operation.UploadPart(space, "key", begun.upload_id, part)
            going = [threads.submit(peer.do, op, data) for peer in (one, two, one, two)]
            assert len({each.result(60).etag for each in going}) == 1


def test_a_reader_gets_one_whole_version_while_another_gateway_overwrites(cluster: Cluster) -> None:
    first, second = cluster.gateways
    versions = {hashlib.sha1(data).hexdigest(): data for data in (bytes([n]) * (3 * BLOCK + n) for n in range(4))}
    over = threading.Event()
    with client_of(first) as writer, client_of(second) as reader:
        space = writer.create_space("overwritten").name
        writer.put(space, "key", versions[min(versions)])

        def overwrite() -> None:
            while not over.is_set():
                for data in versions.values():
                    writer.put(space, "key", data)

        seen: list[str] = []

        def look() -> bool:
            """True once there were 40 reads, and more than one version in them."""
            seen.append(hashlib.sha1(reader.get(space, "key").data).hexdigest())
            return len(seen) >= 40 and len(set(seen)) > 1

        with ThreadPoolExecutor(1) as threads:
            writing = threads.submit(overwrite)
            try:
                while not look():
                    assert not writing.done(), writing.result()
            finally:
                over.set()
            writing.result(60)
    assert set(seen) <= set(versions)


SKEW = """
import os, time
_real, _by = time.time, float(os.environ["TEST_CLOCK_IS_AHEAD"])
time.time = lambda: _real() + _by
"""


@pytest.mark.parametrize("hours", [-30, 30])
def test_a_gateway_whose_clock_is_wrong_loses_nothing(
    cluster: Cluster, tmp_path: Path, hours: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "sitecustomize.py").write_text(SKEW)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    with recording(cluster.gateways[0]) as recorder:
        recorder.goes_on()
        cluster.settings["TEST_CLOCK_IS_AHEAD"] = str(hours * 3600)
        wrong = cluster.gateway()  # it looks for garbage at once
        with client_of(wrong) as client:
            if hours < 0:
                assert abs(client.stat_space(recorder.space).created.timestamp() - time.time()) < 3600
            else:  # by its clock a management call is over, which says until when it counts
                with pytest.raises(errors.SignatureMismatch, match="signature expired"):
                    client.stat_space(recorder.space)
            client.put(recorder.space, "9/wrong", bytes(9 * 1024 * 1024))
            assert abs(client.stat(recorder.space, "9/wrong").modified.timestamp() - time.time()) > 24 * 3600
        one, two = Peer(cluster.gateways[1]), Peer(wrong)
        begun = one.do(operation.InitiateUpload(recorder.space, "9/both"))
        op = operation.UploadPart(recorder.space, "9/both", begun.upload_id, 0)
        etag = two.do(op, b"x" * 100).etag
        assert one.do(operation.FinishUpload(recorder.space, "9/both", begun.upload_id, (etag,))).size == 100
        recorder.goes_on()
    with client_of(cluster.gateways[0]) as client:
        assert client.get(recorder.space, "9/wrong").data == bytes(9 * 1024 * 1024)
        for key in ("9/wrong", "9/both"):
            client.delete(recorder.space, key)
    assert recorder.check(cluster.gateways[1])


def test_the_disk_of_a_gateway_may_be_full(cluster: Cluster) -> None:
    """Nothing is stored there; all uploads were refused."""
    peer = Peer(cluster.gateway("--headroom", str(10**9)))
    space = peer.space()
    assert peer.call(operation.PutObject(space, "key"), b"x" * 100_000).status == 200


# What is below them


def test_a_volume_server_is_killed(cluster: Cluster, front: Server) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        volume = cluster.object_store.the_first_volume()
        volume.kill()
        try:
            recorder.goes_on(40, 120)
            there = recorder.done
        finally:
            volume.start_again()
        recorder.goes_on(10)
    assert there and recorder.check()


@pytest.mark.parametrize("how", ["restart", "kill"])
def test_postgresql_goes_away_and_comes_back(cluster: Cluster, front: Server, how: str) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        getattr(cluster.postgres, "stop" if how == "restart" else "kill")()
        assert until(lambda: readiness(cluster.gateways[0])[0] == 503, patience.SECONDS)
        cluster.postgres.start_again()
        recorder.goes_on(40)
    assert recorder.check()
    assert readiness(cluster.gateways[0]) == (200, "ok\n")


@pytest.fixture
def to_postgres(postgres: Postgres) -> Iterator[Relay]:
    with start_relay(postgres.port) as relay:
        yield relay


@pytest.fixture
def to_store(object_store: ObjectStore) -> Iterator[Relay]:
    with start_relay(object_store.port, host=object_store.host) as relay:
        yield relay


@pytest.mark.parametrize("how", ["cut", "mute"])
def test_a_gateway_without_its_database_says_so_and_recovers(cluster: Cluster, to_postgres: Relay, how: str) -> None:
    database = cluster.settings["UVIDEO_SERVE_DATABASE"].replace(f":{cluster.postgres.port}/", f":{to_postgres.port}/")
    server = cluster.gateway(database=database)
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "key"), b"x" * 100)
    getattr(to_postgres, how)()
    began = time.monotonic()
    got = peer.call(operation.GetObject(space, "key"))
    assert (got.status, got.header("Retry-After")) == (503, "1")
    assert got.refusal()[1] == -148600
    print(f"the answer came after {time.monotonic() - began:.1f} s")
    status, reason = readiness(server)
    assert status == 503 and reason.startswith("catalog: the database")
    assert time.monotonic() - began < 60
    with client_of(cluster.gateways[0]) as other:
        assert other.get(space, "key").data == b"x" * 100
    to_postgres.mend()
    assert until(lambda: readiness(server)[0] == 200, patience.SECONDS)
    assert peer.call(operation.GetObject(space, "key")).body == b"x" * 100
    assert "Traceback" not in server.log.read_text()


@pytest.mark.parametrize("how", ["cut", "mute"])
def test_a_gateway_without_its_store_says_so_and_recovers(cluster: Cluster, to_store: Relay, how: str) -> None:
    blobs = cluster.object_store.through(cluster.settings["UVIDEO_SERVE_BLOBS"], to_store.port)
    server = cluster.gateway(blobs=blobs)
    peer = Peer(server)
    space = peer.space()
    peer.do(operation.PutObject(space, "small"), b"x" * 100)
    peer.do(operation.PutObject(space, "large"), b"x" * 100_000)
    getattr(to_store, how)()
    with client_of(server, retries=0) as client:
        assert client.get(space, "small").data == b"x" * 100  # in the catalog
        with pytest.raises(errors.UVideoError) as caught:
            client.put(space, "new", b"y" * 100_000)
        assert caught.value.status == 503 and caught.value.retryable
    began = time.monotonic()
    got = peer.call(operation.GetObject(space, "large"))
    print(f"the answer came after {time.monotonic() - began:.1f} s")
    assert (got.status, got.header("Retry-After")) == (503, "1")
    status, reason = readiness(server)
    assert status == 503 and reason.startswith({"cut": "blobs: the store", "mute": "blobs: no answer"}[how])
    assert how == "mute" or "closed the connection" in reason
    to_store.mend()
    assert until(lambda: readiness(server)[0] == 200, patience.SECONDS)
    assert peer.call(operation.GetObject(space, "large")).body == b"x" * 100_000
    with client_of(server) as client, pytest.raises(errors.NotFound):
        client.get(space, "new")
    assert "Traceback" not in server.log.read_text() and "secret" not in server.log.read_text()
