"""A bucket as a folder, by s3fs-fuse."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from test import patience
from test.patience import until
from test.s3clients.client import Place
from uvideo import Client

pytestmark = pytest.mark.s3clients

DATA = b"".join(b"%015d\n" % number for number in range(26 * 1024 * 1024 // 16))  # s3fs-fuse sends it in parts


@pytest.fixture
def mounted(place: Place, bucket: str, tmp_path: Path) -> Iterator[Path]:
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("there is no /dev/fuse here that this user may open")
    command = shutil.which("s3fs")
    if command is None:
        pytest.fail("there is no s3fs (Debian: apt-get install --no-install-recommends s3fs)")
    keys, folder, log = place.folder / "keys", tmp_path / "mount", tmp_path / "log"
    keys.write_text(f"{place.public}:{place.private}\n")
    keys.chmod(0o600)
    folder.mkdir()
    options = f"passwd_file={keys},url={place.url},use_path_request_style,endpoint=cn-bj,multipart_size=5,retries=1"
    with log.open("wb") as file:
        process = subprocess.Popen(
            [command, bucket, folder, "-f", "-o", options], stdout=file, stderr=file, env=place.environment()
        )
    try:
        until(lambda: os.path.ismount(folder) or process.poll() is not None)
        if process.poll() is not None and "Operation not permitted" in log.read_text():
            pytest.skip("this machine does not let a process mount")
        assert process.poll() is None, log.read_text()[-2000:]
        yield folder
    finally:
        subprocess.run(["umount", folder], check=False, capture_output=True, timeout=patience.SECONDS)
        if process.poll() is None:
            process.terminate()
        process.wait(patience.SECONDS)


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
