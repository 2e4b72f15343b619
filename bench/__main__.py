"""make bench: the SDK beside curl and beside the official SDK, on the same server, alternating, medians.

python -m bench [--rounds 5] [--size 1024] [--count 2000] [--folder DIR]
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from bench.measure import Figures, medians, run
from test.server_fixture import start_server
from ucloud.uvideo import config, multipartuploaduvideo, spacemanager
from ucloud.uvideo.protocol import dialect, operation, provider, signature
from ucloud.uvideo.protocol.message import Headers

BLOCK = 4194304
SPACE = "localhost"  # the official SDK can be pointed at a local server by this name


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--size", type=int, default=1024, help="MiB of the large file")
    parser.add_argument("--count", type=int, default=2000, help="small operations of each kind")
    parser.add_argument("--folder", default=None, help="where files and the server's data go (default: TMPDIR)")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="uvideo-bench-", dir=options.folder))
    try:
        with start_server(folder / "server", "--no-fsync", anew=True) as server:
            Bench(server, folder, options).all()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


class Bench:
    """One server, one large file, and the clients that move it."""

    def __init__(self, server, folder: Path, options: argparse.Namespace) -> None:
        self.server, self.folder, self.options = server, folder, options
        self.host = server.endpoint.partition("://")[2]
        config.set_default(uploadsuffix=self.host, downloadsuffix=self.host)
        ret, resp = spacemanager.BucketManager(server.public_key, server.private_key).createspace(SPACE, "public")
        assert resp.ok(), resp
        self.source, self.target = folder / "source", folder / "target"
        write(self.source, options.size)

    def all(self) -> None:
        machine = f"{platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
        print(f"# {datetime.date.today()}  {machine}, {self.options.size} MiB")
        print(f"# medians of {self.options.rounds} alternating rounds, server with --no-fsync")
        self.compare("upload in parts, 4 threads", self.uploads(), "curl, 4 at a time")
        self.put_large()
        self.compare("download to a file on disk", self.downloads(), "curl")
        for threads in (1, 8):
            self.small(threads)

    # Large

    def client(self, module: str, *arguments: object) -> list[str]:
        words = [str(argument) for argument in arguments]
        return [sys.executable, "-m", module, words[0], self.host, self.server.public_key, SPACE, *words[1:]]

    def go(self, command: list[str]) -> Figures:
        return run(command, self.server.pid, self.server.private_key)

    def put_large(self) -> None:
        uploader = multipartuploaduvideo.MultipartUploadUVideo(self.server.public_key, self.server.private_key)
        ret, resp = uploader.uploadfile(SPACE, "big", str(self.source))
        assert resp.ok(), resp

    def downloads(self) -> dict[str, Callable[[], Figures]]:
        url = f"{self.server.endpoint}/big"
        curl = ["curl", "-sS", "--fail", "-H", f"Bucket: {SPACE}", "-o", str(self.target), url]
        return {
            "curl": lambda: self.fetched(curl),
            "ucloud (verified)": lambda: self.fetched(self.client("bench.client_sdk", "download", self.target)),
            "ufile 3.2.11 (unverified)": lambda: self.fetched(
                self.client("bench.client_ufile", "download", self.target)
            ),
        }

    def fetched(self, command: list[str]) -> Figures:
        self.target.unlink(missing_ok=True)
        figures = self.go(command)
        assert self.target.stat().st_size == self.source.stat().st_size
        return figures

    def uploads(self) -> dict[str, Callable[[], Figures]]:
        return {
            "curl, 4 at a time": self.curl_parts,
            "ucloud (verified)": lambda: self.go(self.client("bench.client_sdk", "upload", self.source, 4)),
            "ufile 3.2.11 (unverified)": lambda: self.go(self.client("bench.client_ufile", "upload", self.source, 4)),
        }

    def curl_parts(self) -> Figures:
        """Every part as a file of its own, sent by one curl; Initiate and Finish are not counted."""
        parts = self.folder / "parts"
        if not parts.exists():
            parts.mkdir()
            with self.source.open("rb") as file:
                for number in range(-(-self.source.stat().st_size // BLOCK)):
                    (parts / str(number)).write_bytes(file.read(BLOCK))
        credentials = signature.Credentials(self.server.public_key, self.server.private_key)
        from ucloud.uvideo.engine.carrier import Carrier, Endpoint
        from ucloud.uvideo.engine.retry import Retry
        from ucloud.uvideo.http.pool import Transport

        suffix = provider.parse_suffix(self.host)
        endpoint = Endpoint(suffix, suffix, self.server.endpoint, "UCloud", "BucketName", False, "bench")
        carrier = Carrier(endpoint, credentials, Transport(60), Retry())
        begun, _ = carrier.call(operation.InitiateUpload(SPACE, "big"))
        lines = ['header = "Expect:"', f'header = "Bucket: {SPACE}"', 'header = "Content-Type: video/mp4"']
        fields = Headers([("Content-Type", "video/mp4")])
        lines.append(f'header = "Authorization: {signature.authorization(credentials, "PUT", SPACE, "big", fields)}"')
        for number in range(len(list(parts.iterdir()))):
            target = dialect.encode(operation.UploadPart(SPACE, "big", begun.upload_id, number), suffix).target
            lines += [f'upload-file = "{parts / str(number)}"', f'url = "{self.server.endpoint}{target}"']
            lines.append('output = "/dev/null"')
        script = self.folder / "curl"
        script.write_text("\n".join(lines))
        figures = self.go(["curl", "-sS", "--fail", "-Z", "--parallel-max", "4", "-K", str(script)])
        carrier.call(operation.AbortUpload(SPACE, "big", begun.upload_id))
        return figures

    def compare(self, title: str, cases: dict[str, Callable[[], Figures]], base: str) -> None:
        rounds: dict[str, list[Figures]] = {name: [] for name in cases}
        for _ in range(self.options.rounds):
            for name, case in cases.items():
                rounds[name].append(case())
        found = {name: medians(each) for name, each in rounds.items()}
        print(f"\n{title}")
        print(f"{'':28}{'wall s':>8}{'x':>6}{'cpu s':>8}{'x':>6}{'MiB':>6}{'server cpu s':>14}{'MiB':>6}")
        for name, each in found.items():
            wall = statistics.median(a.wall / b.wall for a, b in zip(rounds[name], rounds[base], strict=True))
            cpu = statistics.median(a.cpu / b.cpu for a, b in zip(rounds[name], rounds[base], strict=True))
            print(
                f"{name:28}{each.wall:8.2f}{wall:6.2f}{each.cpu:8.2f}{cpu:6.2f}{each.memory:6.0f}"
                f"{each.server_cpu:14.2f}{each.server_memory:6.0f}",
                flush=True,
            )

    # Small

    def small(self, threads: int) -> None:
        folder = self.folder / "small"
        folder.mkdir(exist_ok=True)
        (folder / "source").write_bytes(os.urandom(1024))
        found: dict[str, dict[str, list[dict[str, float]]]] = {}
        for _ in range(self.options.rounds):
            for name, module in (("ucloud", "bench.client_sdk"), ("ufile 3.2.11", "bench.client_ufile")):
                figures = json.loads(self.go(self.client(module, "small", folder, self.options.count, threads)).output)
                for job, each in figures.items():
                    found.setdefault(job, {}).setdefault(name, []).append(each)
        print(f"\n1 KiB objects, {threads} thread{'s' if threads > 1 else ''}: operations a second (CPU us)")
        print(f"{'':20}{'ucloud':>16}{'ufile 3.2.11':>18}{'x':>7}")
        for job, each in found.items():
            cells = {}
            for name, figures in each.items():
                rate = statistics.median(figure["rate"] for figure in figures)
                cells[name] = (rate, statistics.median(figure["cpu"] for figure in figures))
            row = f"{job:20}"
            for name, width in (("ucloud", 16), ("ufile 3.2.11", 18)):
                row += f"{f'{cells[name][0]:.0f} ({cells[name][1]:.0f})' if name in cells else '-':>{width}}"
            if len(cells) == 2:
                row += f"{cells['ucloud'][0] / cells['ufile 3.2.11'][0]:7.2f}"
            print(row, flush=True)


def write(path: Path, mebibytes: int) -> None:
    """A file whose blocks all differ."""
    block = os.urandom(1048576 - 16)
    with path.open("wb") as file:
        for number in range(mebibytes):
            file.write(b"%016d" % number + block)


if __name__ == "__main__":
    main()
