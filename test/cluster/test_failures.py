"""What fails, with clients at work: nothing that was acknowledged is lost, and the rest goes on by itself."""

from __future__ import annotations

import hashlib
import os
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from test.cluster.gateways import Cluster, client_of
from test.cluster.recorder import recording
from test.cluster.relay import start_relay
from test.fakes import FaultProxy
from test.server.wire import BLOCK, Peer
from test.server_fixture import Server
from ucloud.uvideo.protocol import operation
from uvideo import errors

pytestmark = pytest.mark.cluster


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
    """The first gateway is gone forever; nothing that it acknowledged is sent again."""
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


def test_everything_is_killed_at_once(cluster: Cluster, front: Server) -> None:
    with recording(front) as recorder:
        recorder.goes_on(40)
        ports = [each.port for each in cluster.gateways]
        for each in cluster.gateways:
            each.process.kill()
        cluster.postgres.kill()
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
