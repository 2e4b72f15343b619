"""Videos for the tests, made with Debian's ffmpeg."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from test.server.wire import BLOCK, Peer
from test.server_fixture import ROOT
from ucloud.uvideo.protocol import operation

DEMO = ROOT / "test" / "data" / "demo.mp4"  # 20 s


def ffmpeg(*arguments: str | Path) -> None:
    command = ["ffmpeg", "-v", "error", "-nostdin", "-y", *map(str, arguments)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    except FileNotFoundError:
        pytest.fail("there is no ffmpeg (Debian: apt-get install ffmpeg)")
    assert done.returncode == 0, done.stderr


def repeated(path: Path, times: int) -> Path:
    """The demo so many times in one MP4, its index at the end: what a player must seek for first."""
    ffmpeg("-stream_loop", str(times - 1), "-i", DEMO, "-c", "copy", path)
    return path


def store(peer: Peer, space: str, key: str, path: Path, mime: str) -> None:
    """Upload a file of any size, a part at a time."""
    begun = peer.do(operation.InitiateUpload(space, key))
    etags = []
    with open(path, "rb") as source:
        while data := source.read(BLOCK):
            op = operation.UploadPart(space, key, begun.upload_id, len(etags), mime)
            etags.append(peer.do(op, data).etag)
    peer.do(operation.FinishUpload(space, key, begun.upload_id, tuple(etags)))
