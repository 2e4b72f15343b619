"""Large files up and down, broken off and gone on with, by all clients.  make test-systems runs it on other systems."""

from __future__ import annotations

import asyncio
import hashlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.interpreters import ROOT
from test.patience import until
from ucloud.uvideo import config, downloaduvideo, multipartuploaduvideo
from uvideo import AsyncClient
from uvideo.errors import UVideoError
from uvideo.testing import TestServer, serve

SIZE = 20 * 1024 * 1024 + 1
MARK = b"\r\n\x1a\0"  # what a system would change that takes files for text


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestServer]:
    with serve(tmp_path_factory.mktemp("served")) as started:
        started.client.create_space("films")
        yield started


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("film") / "a film.mp4"
    piece = hashlib.sha512(b"film").digest() * 1024 + MARK
    path.write_bytes((piece * (SIZE // len(piece) + 1))[:SIZE])
    return path


def left(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_client_replaces_its_journal_and_its_target(served: TestServer, film: Path, tmp_path: Path) -> None:
    target = tmp_path / "copy"
    target.write_bytes(b"older")
    assert served.client.upload("films", "a", film).verified
    assert served.client.download("films", "a", target, part_jobs=4).verified
    assert target.read_bytes() == film.read_bytes() and left(tmp_path) == ["copy"]
    assert served.client.transfers() == ()


def test_what_was_broken_off_is_gone_on_with(served: TestServer, film: Path, tmp_path: Path) -> None:
    served.faults.on("UploadPart", part=3).then(503, times=None)
    with pytest.raises(UVideoError):
        served.client.upload("films", "b", film, part_jobs=1)
    served.faults.clear()
    (noted,) = served.client.transfers()
    assert noted.direction == "upload" and noted.done == 12 * 1024 * 1024 and not noted.active
    assert served.client.resume(noted.id).etag
    assert served.client.transfers() == ()

    served.faults.on("GetObject").truncate(5 * 1024 * 1024).then(503, times=None)
    with pytest.raises(UVideoError):
        served.client.download("films", "b", tmp_path / "copy", part_jobs=1)
    served.faults.clear()
    (noted,) = served.client.transfers()
    assert noted.direction == "download" and 0 < noted.done < SIZE
    served.client.resume(noted.id)
    assert (tmp_path / "copy").read_bytes() == film.read_bytes() and left(tmp_path) == ["copy"]


def test_an_asynchronous_client(served: TestServer, film: Path, tmp_path: Path) -> None:
    async def story() -> None:
        options = {"endpoint": served.host, "state_dir": str(served.folder / "async")}
        async with AsyncClient(served.public_key, served.private_key, **options) as client:
            await client.upload("films", "c", film)
            await client.download("films", "c", tmp_path / "copy")

    asyncio.run(story())
    assert (tmp_path / "copy").read_bytes() == film.read_bytes()


def test_the_sdk_with_a_checkpoint(served: TestServer, film: Path, tmp_path: Path) -> None:
    config.set_default(uploadsuffix=served.host, downloadsuffix=served.host)
    keys = served.public_key, served.private_key
    for _ in range(2):  # the second replaces what the first made
        _, resp = multipartuploaduvideo.MultipartUploadUVideo(*keys).uploadfile("films", "d", str(film))
        assert resp.status_code == 200, resp
        _, resp = downloaduvideo.DownloadUVideo(*keys).download_file("films", "d", str(tmp_path / "copy"))
        assert resp.status_code in (200, 206), resp
    assert (tmp_path / "copy").read_bytes() == film.read_bytes() and left(tmp_path) == ["copy"]


DOWNLOAD = """
import sys
from ucloud.uvideo import config, downloaduvideo
config.set_default(uploadsuffix=sys.argv[1], downloadsuffix=sys.argv[1], connection_timeout=60)
downloaduvideo.DownloadUVideo(sys.argv[2], sys.stdin.read()).download_file("films", "f", sys.argv[3])
"""


def test_a_killed_download_of_the_sdk_is_gone_on_with(
    served: TestServer, film: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    served.client.upload("films", "f", film)
    served.faults.on("GetObject").stall(9 * 1024 * 1024, times=None)
    process = subprocess.Popen(
        [sys.executable, "-c", DOWNLOAD, served.host, served.public_key, str(tmp_path / "copy")],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.PIPE,
        encoding="utf-8",
    )
    with process:
        assert process.stdin is not None
        process.stdin.write(served.private_key)
        process.stdin.close()

        def has_a_block() -> bool:  # behind the bytes are the digests of those blocks that have arrived
            for path in tmp_path.glob(".*.part"):
                with path.open("rb") as file:
                    file.seek(SIZE)
                    return any(file.read(20))
            return False

        until(has_a_block)
        process.kill()
    served.faults.clear()
    config.set_default(uploadsuffix=served.host, downloadsuffix=served.host)
    with caplog.at_level("INFO", "ucloud.uvideo"):
        handler = downloaduvideo.DownloadUVideo(served.public_key, served.private_key)
        _, resp = handler.download_file("films", "f", str(tmp_path / "copy"))
    assert resp.status_code in (200, 206), resp
    assert "continuing with" in caplog.text
    assert (tmp_path / "copy").read_bytes() == film.read_bytes() and left(tmp_path) == ["copy"]


def test_the_command(served: TestServer, film: Path, tmp_path: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    environment.update(
        PYTHONPATH=str(ROOT),
        XDG_CONFIG_HOME=str(tmp_path / "config"),
        XDG_STATE_HOME=str(tmp_path / "state"),
        XDG_CACHE_HOME=str(tmp_path / "cache"),
        UVIDEO_PUBLIC_KEY=served.public_key,
        UVIDEO_PRIVATE_KEY=served.private_key,
        UVIDEO_ENDPOINT=served.host,
    )

    def uvideo(*arguments: str) -> str:
        command = [sys.executable, "-m", "uvideo", *arguments]
        done = subprocess.run(
            command, env=environment, capture_output=True, stdin=subprocess.DEVNULL, timeout=patience.SECONDS
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout.decode("utf-8", "replace")

    folder = tmp_path / "films"
    (folder / "of a kind").mkdir(parents=True)
    (folder / "of a kind" / "one").write_bytes(MARK)
    uvideo("cp", str(film), "uvideo://films/e/film")
    uvideo("sync", str(folder), "uvideo://films/e/folder/")
    assert "folder/of a kind/one" in uvideo("ls", "-r", "uvideo://films/e/")
    uvideo("cp", "-r", "uvideo://films/e/", str(tmp_path / "back"))
    assert (tmp_path / "back" / "film").read_bytes() == film.read_bytes()
    assert (tmp_path / "back" / "folder" / "of a kind" / "one").read_bytes() == MARK


def test_a_server_is_killed_and_keeps_what_it_acknowledged(tmp_path: Path) -> None:
    with serve(tmp_path / "server") as started:
        started.client.create_space("films")
        started.client.put("films", "a", MARK)
        started.client.put("films", "a", MARK * 2)  # the blob before it is removed
        started.kill()
        started.start()
        assert started.client.get("films", "a").data == MARK * 2
        started.client.delete("films", "a")
