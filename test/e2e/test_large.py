"""One gibibyte: killed and resumed, and moved both ways in bounded memory, by real processes against a real server."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from test import patience
from test.fakes import FaultProxy
from test.interpreters import ROOT
from test.server_fixture import Server, start_server

pytestmark = pytest.mark.long

BLOCK = 4194304
GIBIBYTE = 1 << 30
PARTS = GIBIBYTE // BLOCK
THREADS = 4
MEBIBYTE = 1 << 20

PROGRAM = """
import json, sys
from ucloud.uvideo import config, downloaduvideo, multipartuploaduvideo, spacemanager
host, public_key, job, space, path, checkpoint, threads = sys.argv[1:]
private_key = sys.stdin.readline().strip()
config.set_default(uploadsuffix=host, downloadsuffix=host)
uploader = multipartuploaduvideo.MultipartUploadUVideo(public_key, private_key)
if job == "space":
    ret, resp = spacemanager.BucketManager(public_key, private_key).createspace(space)
elif job == "upload":
    ret, resp = uploader.uploadfile(space, "big", path, maxthread=int(threads), checkpoint=checkpoint or None)
elif job == "resume":
    ret, resp = uploader.resumeuploadfile(checkpoint=checkpoint)
else:
    ret, resp = downloaduvideo.DownloadUVideo(public_key, private_key).download_file(space, "big", path)
peak = [int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("VmHWM")][0]
print(json.dumps({"status": resp.status_code, "error": resp.error, "etag": resp.etag, "peak": peak}))
"""


def begin(host: str, server: Server, job: str, path: Path | str = "", checkpoint: Path | str = "") -> subprocess.Popen:
    command = [sys.executable, "-c", PROGRAM, host, server.public_key, job, "large", str(path), str(checkpoint)]
    command.append(str(THREADS))
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert process.stdin is not None
    process.stdin.write(server.private_key.encode() + b"\n")
    process.stdin.close()
    return process


def do(host: str, server: Server, job: str, path: Path | str = "", checkpoint: Path | str = "") -> dict:
    """What the program printed, after asserting that all went well."""
    with begin(host, server, job, path, checkpoint) as process:
        assert process.stdout is not None
        out = process.stdout.read()
        assert process.wait(patience.SUITE_SECONDS) == 0
    answer = json.loads(out)
    assert answer["status"] == 200, answer
    return answer


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of a gibibyte whose blocks all differ."""
    path = tmp_path_factory.mktemp("large") / "source"
    block = os.urandom(MEBIBYTE - 16)
    with path.open("wb") as file:
        for number in range(GIBIBYTE // MEBIBYTE):
            file.write(b"%016d" % number + block)
    return path


def same(one: Path, other: Path) -> bool:
    with one.open("rb") as left, other.open("rb") as right:
        while True:
            a, b = left.read(MEBIBYTE), right.read(MEBIBYTE)
            if a != b:
                return False
            if not a:
                return True


def test_killed_in_the_middle_then_only_the_missing_parts_are_sent(large: Path, tmp_path: Path) -> None:
    with start_server(tmp_path / "server", "--no-fsync") as server, FaultProxy("127.0.0.1", server.port) as proxy:
        host = proxy.endpoint.rpartition("/")[2]
        do(host, server, "space")
        checkpoint = tmp_path / "checkpoint"
        middle = range(PARTS // 2, PARTS // 2 + THREADS)
        for number in middle:  # each thread stands at one of them
            proxy.on("UploadPart", part=number).pause(f"part {number}", bytes=1000)
        with begin(host, server, "upload", large, checkpoint) as uploading:
            assert all(proxy.wait(f"part {number}") for number in middle)
            uploading.kill()
        for number in middle:
            proxy.release(f"part {number}")
        patience.until(lambda: all(seen.done for seen in proxy.log()))
        before = {seen.part for seen in proxy.log("UploadPart") if seen.upstream_status == 200}
        assert set(range(PARTS // 2)) <= before <= set(range(PARTS // 2 + THREADS))  # what was sent may arrive
        proxy.check()
        proxy.reset()

        do(host, server, "resume", "", checkpoint)
        after = [seen.part for seen in proxy.log("UploadPart")]
        assert sorted(after) == sorted(set(range(PARTS)) - before)
        assert not checkpoint.exists()
        target = tmp_path / "target"
        do(server.host, server, "download", target)
        assert same(large, target)


def test_memory_does_not_depend_on_the_size(large: Path, tmp_path: Path) -> None:
    small = tmp_path / "small"
    with large.open("rb") as file:
        small.write_bytes(file.read(16 * BLOCK))
    with start_server(tmp_path / "server", "--no-fsync") as server:
        do(server.host, server, "space")
        peaks = {}
        for source in (small, large):
            up = do(server.host, server, "upload", source)
            target = tmp_path / "target"
            down = do(server.host, server, "download", target)
            assert up["etag"] == down["etag"]
            assert same(source, target)
            target.unlink()
            peaks[source] = (up["peak"], down["peak"])
        assert max(peaks[large]) < 80 * MEBIBYTE, peaks
        assert max(a - b for a, b in zip(peaks[large], peaks[small], strict=True)) < 8 * MEBIBYTE, peaks
        assert server.peak_memory() < 150 * MEBIBYTE
        print(
            "peak MiB, up and down, of 64 MiB and 1 GiB:",
            [[peak // MEBIBYTE for peak in each] for each in peaks.values()],
        )
        print("peak MiB of the server:", server.peak_memory() // MEBIBYTE)
