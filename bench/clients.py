"""The clients beside curl and the official SDK: against nginx, which costs next to nothing, and against our server.

python -m bench.clients [--rounds 5] [--size 1024] [--count 2000] [--folder DIR] [--peer nginx|ours] [--only small|bulk]
"""

from __future__ import annotations

import argparse
import contextlib
import datetime
import os
import platform
import shutil
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from bench.__main__ import write
from bench.measure import Figures, run
from bench.peer import NGINX, SMALL, start_nginx
from bench.table import Cases, alternate, bulk, small
from test.server_fixture import start_server
from ucloud.uvideo import config, multipartuploaduvideo, spacemanager
from ucloud.uvideo.protocol import etag, signature
from ucloud.uvideo.protocol.message import Headers

BLOCK = 4194304
SPACE = "localhost"  # the official SDK can be pointed at a local server by this name
UFILE = "ufile 3.2.11"
SMALL_TARGETS = {
    1: {"ucloud": ">= 2.5", "Client": ">= 4"},
    8: {"ucloud": ">= 2.5", "Client": ">= 5", "AsyncClient": ">= 6"},
    32: {"AsyncClient": ">= 6"},
}


@dataclass(frozen=True)
class Peer:
    """host: where the official SDK goes, and its port; ours: what our clients are given.  pid: of the server."""

    name: str
    host: str
    ours: str
    pid: int
    public_key: str
    private_key: str


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench.clients", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file")
    parser.add_argument("--count", type=int, default=2000, help="small operations of each kind")
    parser.add_argument("--folder", default=None, help="where files and the servers' data go (default: TMPDIR)")
    parser.add_argument("--peer", choices=("nginx", "ours"), default=None)
    parser.add_argument("--only", choices=("small", "bulk"), default=None)
    options = parser.parse_args()
    print(
        f"# {datetime.date.today()}  {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    print(f"# medians of {options.rounds} alternating rounds; x: of the rate, or of the CPU, in the same round")
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    try:
        source = folder / "source"
        write(source, options.size if options.only != "small" else 1)
        peers: list[Callable[[], contextlib.AbstractContextManager[Peer]]] = []
        if options.peer != "ours":
            if NGINX is None:
                print("# nginx is not installed: only our own server is measured")
            else:
                peers.append(lambda: nginx(folder, source))
        if options.peer != "nginx":
            peers.append(lambda: ours(folder, source))
        for start in peers:
            with start() as peer:
                bench = Bench(peer, folder, source, options)
                if options.only != "bulk":
                    bench.small()
                if options.only != "small":
                    bench.downloads()
                    bench.uploads()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def nginx(folder: Path, source: Path) -> Iterator[Peer]:
    tree = etag.Etag()
    with source.open("rb") as file:
        for block in iter(lambda: file.read(BLOCK), b""):
            tree.update(block)
    with start_nginx(folder / "nginx", tree.value()) as found:
        os.link(source, found.data / "big")
        yield Peer("nginx", f"{SPACE}:{found.port}", f".{SPACE}:{found.port}", found.pid, "public", "private")


@contextlib.contextmanager
def ours(folder: Path, source: Path) -> Iterator[Peer]:
    with start_server(folder / "server", "--no-fsync", anew=True) as server:
        config.set_default(uploadsuffix=server.host, downloadsuffix=server.host)
        keys = (server.public_key, server.private_key)
        for answer in (
            spacemanager.BucketManager(*keys).createspace(SPACE, "public"),
            multipartuploaduvideo.MultipartUploadUVideo(*keys).uploadfile(SPACE, "big", str(source)),
        ):
            assert answer[1].ok(), answer[1]
        yield Peer("our server", f"{SPACE}:{server.port}", server.host, server.pid, *keys)


class Bench:
    def __init__(self, peer: Peer, folder: Path, source: Path, options: argparse.Namespace) -> None:
        self.peer, self.folder, self.source, self.options = peer, folder, source, options
        self.target = folder / "target"
        # On nginx nothing tells spaces apart, and one that no host is called after needs no DNS.
        self.space = SPACE if peer.name != "nginx" else "space"

    def client(self, module: str, *words: object) -> Callable[[], Figures]:
        """One of bench.client_*; ``words``: the kind of client if there are several, the job and its arguments."""
        texts = [str(word) for word in words]
        place = [self.peer.ours, self.peer.public_key, self.space]
        if module == "client_ufile":
            place = [self.peer.host, self.peer.public_key, SPACE]
        at = 2 if module == "client_uvideo" else 1
        command = [sys.executable, "-m", f"bench.{module}", *texts[:at], *place, *texts[at:]]
        return lambda: run(command, self.peer.pid, self.peer.private_key)

    # Small

    def small(self) -> None:
        folder = self.folder / "small"
        folder.mkdir(exist_ok=True)
        (folder / "source").write_bytes(SMALL)
        count = self.options.count
        for at_once in (1, 8, 32):
            files = ("small", folder, count, at_once, "put,get,delete")
            cases: Cases = {
                UFILE: self.client("client_ufile", *files),
                "ucloud": self.client("client_sdk", *files),
                "Client": self.client("client_uvideo", "client", "small", count, at_once),
                "AsyncClient": self.client("client_uvideo", "async", "small", count, at_once),
            }
            title = f"1 KiB against {self.peer.name}, {at_once} at once"
            small(title, alternate(cases, self.options.rounds), UFILE, SMALL_TARGETS[at_once])

    # Large

    def downloads(self) -> None:
        target = self.target
        curl = ["curl", "-sS", "--fail", "-o", str(target), f"http://{self.peer.host}/big"]
        cases: Cases = {
            "curl": lambda: run(curl, self.peer.pid),
            "ucloud": self.client("client_sdk", "download", target),
            "Client": self.client("client_uvideo", "client", "download", target, 1),
            "Client, unverified": self.client("client_uvideo", "client", "download", target, 0),
            "AsyncClient": self.client("client_uvideo", "async", "download", target, 1),
            "AsyncClient, unverified": self.client("client_uvideo", "async", "download", target, 0),
            UFILE: self.client("client_ufile", "download", target),
        }
        title = f"{self.options.size} MiB down to a file, {self.peer.name}"
        unverified = dict.fromkeys(("Client, unverified", "AsyncClient, unverified"), "<= 0.6")
        checked = {name: self.checked(case) for name, case in cases.items()}
        bulk(title, alternate(checked, self.options.rounds), "curl", unverified)
        target.unlink()

    def checked(self, case: Callable[[], Figures]) -> Callable[[], Figures]:
        def job() -> Figures:
            self.target.unlink(missing_ok=True)
            figures = case()
            assert self.target.stat().st_size == self.source.stat().st_size
            return figures

        return job

    def uploads(self) -> None:
        source = self.source
        cases: dict[str, Callable[[], Figures]] = {
            "curl": self.curl(),
            "ucloud": self.client("client_sdk", "upload", source, 4),
            "Client": self.client("client_uvideo", "client", "upload", source, 4, 1),
            "Client, unverified": self.client("client_uvideo", "client", "upload", source, 4, 0),
            "AsyncClient": self.client("client_uvideo", "async", "upload", source, 4, 1),
            "AsyncClient, unverified": self.client("client_uvideo", "async", "upload", source, 4, 0),
        }
        if self.peer.name != "nginx":  # which cannot answer its Finish
            cases[UFILE] = self.client("client_ufile", "upload", source, 4)
        cases["SHA-1 of it alone"] = self.hashed()
        title = f"{self.options.size} MiB up in parts, 4 at once, {self.peer.name}"
        targets = dict.fromkeys(("Client, unverified", "AsyncClient, unverified"), "<= 0.9")
        targets |= dict.fromkeys(("ucloud", "Client", "AsyncClient"), "<= 1.1 + the SHA-1")
        bulk(title, alternate(cases, self.options.rounds), "curl", targets if self.peer.name == "nginx" else {})

    def curl(self) -> Callable[[], Figures]:
        """Against nginx: every part as a file of its own, sent by one curl, 4 at once.  Against our server: one PUT."""
        url = f"http://{self.peer.host}"
        if self.peer.name != "nginx":
            credentials = signature.Credentials(self.peer.public_key, self.peer.private_key)
            fields = Headers([("Content-Type", "video/mp4")])
            signed = signature.authorization(credentials, "PUT", SPACE, "big", fields)
            sent = ["-H", "Content-Type: video/mp4", "-H", f"Authorization: {signed}", "-T", str(self.source)]
            command = ["curl", "-sS", "--fail", "-o", "/dev/null", "-HExpect:", *sent, f"{url}/big"]
            return lambda: run(command, self.peer.pid)
        parts = self.folder / "parts"
        parts.mkdir()
        lines = ['header = "Expect:"']
        with self.source.open("rb") as file:
            for number, block in enumerate(iter(lambda: file.read(BLOCK), b"")):
                (parts / str(number)).write_bytes(block)
                lines += [f'upload-file = "{parts / str(number)}"', f'url = "{url}/part-{number % 4}"']
                lines.append('output = "/dev/null"')
        script = self.folder / "curl"
        script.write_text("\n".join(lines))
        return lambda: run(["curl", "-sS", "--fail", "-Z", "--parallel-max", "4", "-K", str(script)], self.peer.pid)

    def hashed(self) -> Callable[[], Figures]:
        program = (
            "import hashlib, sys; file = open(sys.argv[1], 'rb', buffering=0); view = memoryview(bytearray(1 << 18))\n"
            "sha1 = hashlib.sha1()\nfor size in iter(lambda: file.readinto(view), 0): sha1.update(view[:size])"
        )
        return lambda: run([sys.executable, "-c", program, str(self.source)], self.peer.pid)


if __name__ == "__main__":
    main()
