"""Modification times: what rclone stores over S3 the command restores, and what the command stores rclone shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from test.cli.inside import Inside, calls
from test.cli.shell import Shell
from test.s3.s3_server import S3Server
from test.s3clients.client import Place
from test.s3clients.rclone import Rclone
from uvideo import Client as UFileClient

pytestmark = pytest.mark.s3clients

PART = 5 << 20
#: Nanoseconds since 1970: with nine decimals, with fewer, without any, before 1970.
TIMES = {"nine": 1354040105123456789, "two": 1354040105120000000, "none": 1354040105000000000, "old": -1500000000}


@pytest.fixture
def shell(s3_server: S3Server, tmp_path: Path) -> Shell:
    folder = tmp_path / "shell"
    folder.mkdir()
    return Shell(s3_server.server, folder)


@pytest.fixture
def uvideo(shell: Shell, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Inside:
    return calls(shell, monkeypatch, capsys)


def made(folder: Path) -> dict[str, int]:
    """Files with TIMES, and one that needs several parts; their times."""
    folder.mkdir()
    times = {**TIMES, "parts": TIMES["nine"] + 1}
    for name, ns in times.items():
        (folder / name).write_bytes(b"x" * (PART + 9 if name == "parts" else 3))
        os.utime(folder / name, ns=(ns, ns))
    return times


def found(folder: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mtime_ns for each in folder.iterdir()}


def test_the_command_restores_what_rclone_stored(
    place: Place, bucket: str, ufile: UFileClient, shell: Shell, uvideo: Inside
) -> None:
    rclone, files = Rclone(place), shell.folder / "files"
    times = made(files)
    for name in times:
        rclone.multipart(bucket, name, files / name, PART)
    done = uvideo("cp", "-r", f"uvideo://{bucket}/", "down")
    assert done.code == 0 and found(shell.folder / "down") == times, done.err
    done = uvideo("sync", "--times", f"uvideo://{bucket}/", "down")
    assert done.code == 0 and f"{len(times)} skipped" in done.err
    ufile.download_dir(bucket, "", shell.folder / "typed", times=True)
    assert found(shell.folder / "typed") == times

    rclone.set_time(bucket, "two", "2020-01-02T03:04:05.678")
    rclone.copy(bucket, "nine", "copy")
    done = uvideo("sync", "--times", f"uvideo://{bucket}/", "down")
    times |= {"two": 1577934245678000000, "copy": times["nine"]}
    assert done.code == 0 and found(shell.folder / "down") == times, done.err


def test_rclone_shows_what_the_command_stored(
    place: Place, bucket: str, ufile: UFileClient, shell: Shell, uvideo: Inside
) -> None:
    rclone, files = Rclone(place), shell.folder / "files"
    times = made(files)
    done = uvideo("cp", "-r", "files", f"uvideo://{bucket}/command")
    assert done.code == 0, done.err
    ufile.upload_dir(files, bucket, "typed", times=True)
    both = {f"{folder}/{name}": ns for folder in ("command", "typed") for name, ns in times.items()}
    assert rclone.times(bucket) == both
    assert uvideo("mv", f"uvideo://{bucket}/command/old", f"uvideo://{bucket}/moved").code == 0
    assert uvideo("cp", f"uvideo://{bucket}/typed/two", f"uvideo://{bucket}/copied", "--meta", "a=b").code == 0
    both |= {"moved": both.pop("command/old"), "copied": times["two"]}
    assert rclone.times(bucket) == both
