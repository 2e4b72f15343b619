"""What the samples hold, as far as it is not in them: the bytes of the films, names, and values that are asked for."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test import interpreters, patience
from test.server_fixture import Server

ROOT = Path(__file__).resolve().parents[1] / "data" / "samples"
BLOCK = 4194304
SIZE = 3 * BLOCK + 9  # four parts
SPACE, PUBLIC = "samples", "samples-public"
TIME = 1767323045123456000  # nanoseconds: when the local files changed
OBJECTS = {"small.txt": b"a small object\n", "empty": b"", "视频/片 段.txt": "名".encode()}
METADATA, TAGS = {"colour": "blue"}, {"year": "2026"}
FOLDER = {"a.mp4": "folder a", "b/c.mp4": "folder c"}  # path in it: the film
#: file: the arguments of its download of film.mp4
DOWNLOADS: dict[str, dict[str, Any]] = {
    "down-again": {},
    "down-resumed": {},
    "down-unverified": {"checksum": False},
    "down-a-range": {"start": 5, "end": 2 * BLOCK + 5 + 1000},
}
#: key: (the Python that began the upload, the one that finishes it)
CHECKPOINTS = {f"{made}-on-{read}": (made, read) for made in ("2.7", "3") for read in ("2.7", "3")}
PROFILE = {
    "endpoint": "127.0.0.1:9000",
    "download_endpoint": "http://127.0.0.1:9001",
    "api_url": "http://127.0.0.1:9002",
    "public_key": "PUBLIC",
    "private_key": "a private key that signs nothing",
    "provider": "us3",
    "region": "cn-bj",
    "timeout": 30.0,
    "retries": 7,
    "part_jobs": 2,
    "bandwidth": "10M",
    "multipart_threshold": "16M",
    "checksum": False,
    "proxy": "http://user:password@127.0.0.1:3128",
}
COMMENT = "# The lab's server.\n"
#: What stands in a sample for what differs from machine to machine.
ENDPOINT_MARK, FOLDER_MARK, BOOT_MARK = "@ENDPOINT@", "@FOLDER@", "@BOOT@"


def film(name: str, size: int = SIZE) -> bytes:
    """Bytes that differ from film to film and from place to place; they compress well."""
    line = hashlib.sha256(name.encode()).digest() * 2048  # 64 KiB
    pieces = (b"%16d" % number + line[16:] for number in range(-(-size // len(line))))
    return b"".join(pieces)[:size]


def write(path: Path, data: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    os.utime(path, ns=(TIME, TIME))
    return path


def record_name(endpoint: str, space: str, key: str, path: str, *of_download: Any) -> str:
    """The name of a transfer's record in the journal, written down again.

    ``of_download``: "download", and first and last byte if it is not of all.
    """
    text = json.dumps([endpoint, space, key, path, *of_download])
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def span(name: str) -> tuple[int, ...]:
    """First and last byte of a download, () if it is of all."""
    options = DOWNLOADS[name]
    return (options["start"], options["end"] - 1) if options.get("end") else ()


@contextlib.contextmanager
def environment(given: dict[str, str]) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith("UVIDEO_")]:
            patch.delenv(name)
        for name, value in given.items():
            patch.setenv(name, value)
        yield


def settings(server: Server, host: str) -> dict[str, str]:
    """The environment of a command that uses the server, which answers there."""
    pair = {"UVIDEO_PUBLIC_KEY": server.public_key, "UVIDEO_PRIVATE_KEY": server.private_key}
    return {**pair, "UVIDEO_ENDPOINT": host}


def program(version: str, step: str, endpoint: str, server: Server, *words: object) -> list[tuple[int, str | None]]:
    """What the SDK's program (program.py) printed.  version: "2.7", or "3" for the newest."""
    chosen = interpreters.important()["2.7"] if version == "2.7" else interpreters.newest()
    assert chosen is not None
    done = subprocess.run(
        [chosen.path, "-m", "test.samples.program", step, endpoint, *map(str, words)],
        cwd=interpreters.ROOT,
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([interpreters.prepare(chosen), str(interpreters.ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "UVIDEO_TEST_PUBLIC_KEY": server.public_key,
            "UVIDEO_TEST_PRIVATE_KEY": server.private_key,
        },
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        timeout=patience.SECONDS,
        check=True,
    )
    return [(status, error) for status, error in json.loads(done.stdout)]
