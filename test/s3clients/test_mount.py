"""A bucket as a folder, by s3fs-fuse and by rclone."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from test import patience
from test.patience import until
from test.s3clients.client import PROGRAMS, Place
from test.s3clients.rclone import rclone_settings
from uvideo import Client

pytestmark = pytest.mark.s3clients

DATA = b"".join(b"%015d\n" % number for number in range(26 * 1024 * 1024 // 16))  # s3fs-fuse sends it in parts


@contextmanager
def mount(place: Place, tmp_path: Path, *command: str | Path, **settings: str) -> Iterator[Path]:
    """A folder at which a program mounts, which is given as its last word.  Skips where nobody may mount."""
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse here that this user may open")
    folder, log = tmp_path / "mount", tmp_path / "log"
    folder.mkdir()
    environment = {**place.environment(), **settings}
    with log.open("wb") as file:
        process = subprocess.Popen([*command, folder], stdout=file, stderr=file, env=environment)
    try:
        until(lambda: os.path.ismount(folder) or process.poll() is not None)
        said = log.read_text()
        if process.poll() is not None and "Operation not permitted" in said:
            pytest.skip("this machine does not let a process mount")
        assert process.poll() is None, said[-2000:]
        yield folder
    finally:
        subprocess.run(["umount", folder], check=False, capture_output=True, timeout=patience.SECONDS)
        if process.poll() is None:
            process.terminate()
        process.wait(patience.SECONDS)


@pytest.fixture
def mounted(place: Place, bucket: str, tmp_path: Path) -> Iterator[Path]:
    command = shutil.which("s3fs")
    if command is None:
        pytest.fail("there is no s3fs (Debian: apt-get install --no-install-recommends s3fs)")
    keys = place.folder / "keys"
    keys.write_text(f"{place.public}:{place.private}\n")
    keys.chmod(0o600)
    options = f"passwd_file={keys},url={place.url},use_path_request_style,endpoint=cn-bj,multipart_size=5,retries=1"
    with mount(place, tmp_path, command, "-f", "-o", options, bucket) as folder:
        yield folder


def test_a_mounted_bucket_is_a_folder(mounted: Path, ufile: Client, bucket: str) -> None:
    ufile.put(bucket, "视频/of ufile.txt", b"of UFile")
    assert (mounted / "视频" / "of ufile.txt").read_bytes() == b"of UFile"
    (mounted / "a folder").mkdir()
    (mounted / "a folder" / "film.bin").write_bytes(DATA)
    assert ufile.get(bucket, "a folder/film.bin").data == DATA
    with (mounted / "a folder" / "film.bin").open("r+b") as file:  # which it sends again, most by copies of parts
        file.seek(100)
        file.write(b"changed")
    assert ufile.get(bucket, "a folder/film.bin", start=90, end=120).data == DATA[90:100] + b"changed" + DATA[107:120]
    (mounted / "a folder" / "film.bin").rename(mounted / "renamed.bin")
    (mounted / "renamed.bin").chmod(0o640)
    os.utime(mounted / "renamed.bin", (10**9, 10**9))
    found = (mounted / "renamed.bin").stat()
    assert (stat.S_IMODE(found.st_mode), found.st_mtime, found.st_size) == (0o640, 10**9, len(DATA))
    assert sorted(os.listdir(mounted)) == ["a folder", "renamed.bin", "视频"]
    (mounted / "renamed.bin").unlink()
    (mounted / "a folder").rmdir()
    assert [each.key for each in ufile.list(bucket)] == ["视频/of ufile.txt"]


def path_with_fusermount3(tmp_path: Path) -> str:
    """PATH for rclone, which asks for the program of FUSE 3; that of FUSE 2 does the same for it."""
    if shutil.which("fusermount3") is None:
        older = shutil.which("fusermount")
        if older is None:
            pytest.skip("there is no fusermount3 (Debian: apt-get install --no-install-recommends fuse3)")
        (tmp_path / "bin").mkdir()
        (tmp_path / "bin" / "fusermount3").symlink_to(older)
    return f"{tmp_path / 'bin'}{os.pathsep}{os.environ['PATH']}"


def test_a_bucket_mounted_by_rclone_is_a_folder(place: Place, ufile: Client, bucket: str, tmp_path: Path) -> None:
    """What is read comes in ranges; what is written goes to the server from rclone's cache, some time after a close."""
    ufile.put(bucket, "视频/of ufile.txt", b"of UFile")
    ufile.put(bucket, "视频/film.bin", DATA)
    settings, cache = {**rclone_settings(place), "PATH": path_with_fusermount3(tmp_path)}, tmp_path / "cache"
    options = ("--vfs-cache-mode=writes", "--vfs-write-back=0s", "--dir-cache-time=0s", f"--cache-dir={cache}")
    with mount(place, tmp_path, PROGRAMS / "rclone", "mount", *options, f"s:{bucket}", **settings) as folder:
        assert (folder / "视频" / "of ufile.txt").read_bytes() == b"of UFile"
        with (folder / "视频" / "film.bin").open("rb") as film:
            film.seek(20 << 20)
            assert film.read(100) == DATA[20 << 20 :][:100]
            film.seek(100)
            assert film.read(1 << 20) == DATA[100:][: 1 << 20]
        (folder / "a folder").mkdir()
        (folder / "a folder" / "film.bin").write_bytes(DATA)
        until(lambda: ufile.exists(bucket, "a folder/film.bin"))
        assert ufile.get(bucket, "a folder/film.bin").data == DATA
        with (folder / "a folder" / "film.bin").open("r+b") as file:
            file.seek(100)
            file.write(b"changed")
        until(lambda: ufile.get(bucket, "a folder/film.bin", start=100, end=107).data == b"changed")
        assert ufile.get(bucket, "a folder/film.bin").data == DATA[:100] + b"changed" + DATA[107:]
        (folder / "a folder" / "film.bin").rename(folder / "renamed.bin")
        assert {"renamed.bin", "视频"} <= set(os.listdir(folder))  # it forgets an empty folder at some time
        (folder / "renamed.bin").unlink()
        until(lambda: sorted(each.key for each in ufile.list(bucket)) == ["视频/film.bin", "视频/of ufile.txt"])
