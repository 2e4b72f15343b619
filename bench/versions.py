"""Two versions of this repository, turn by turn: the CPU time and the time of small requests and of large transfers.

python -m bench.versions OLD [--rounds 15] [--count 1000] [--size 256] [--only client,put,new]

OLD: a folder with the other version.  Both talk to one nginx, which costs next to nothing.  Figures are those of the
client's process: medians, and the median of the ratios of each round.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import io
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
CONFIGURATION = """
daemon off; worker_processes 1; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 512; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 100000000; client_max_body_size 0;
  client_body_buffer_size 64k; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi; uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
  map $request_method$uri $tag {{ ~small '"{small}"'; ~big|POST '"{big}"'; default '"opaque"'; }}
  root {folder}/data; etag off; add_header ETag $tag always; dav_methods PUT; create_full_put_path on;
  ssl_certificate {pem}; ssl_certificate_key {pem}; ssl_session_cache off; ssl_session_tickets off;
  server {{ listen 127.0.0.1:{keeps}; include {folder}/places; }}
  server {{ listen 127.0.0.1:{closes}; keepalive_timeout 0; include {folder}/places; }}
  server {{ listen 127.0.0.1:{encrypts} ssl; keepalive_timeout 0; include {folder}/places; }}
}}
"""
PLACES = """
location / { if ($request_method = POST) { return 200 '{"UploadId":"u","BlkSize":4194304}'; } }
location ~ small { if ($request_method = PUT) { return 200; } try_files /small =404; }
"""
PEM = ROOT / "test" / "data" / "tls.pem"
CLIENTS = ("sdk", "client", "async")
KINDS = ("head", "get", "put", "new", "tls", "upload", "download")


@contextlib.contextmanager
def nginx(folder: Path, size: int) -> Iterator[list[int]]:
    """Its ports: one that keeps connections, one that does not, and one that does not and speaks TLS."""
    from bench.peer import NGINX
    from ucloud.uvideo.protocol.etag import Etag

    (folder / "data").mkdir()
    folder.chmod(0o755)
    etags = {}
    for key, length in (("small", 1024), ("big", size << 20)):
        (folder / "data" / key).write_bytes(bytes(length))
        etag = Etag()
        etag.update(bytes(length))
        etags[key] = etag.value()
    with contextlib.ExitStack() as taken:
        sockets = [taken.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(3)]
        ports: list[int] = [each.getsockname()[1] for each in sockets]
    names = dict(zip(("keeps", "closes", "encrypts"), ports, strict=True))
    text = CONFIGURATION.format(folder=folder, **etags, pem=PEM, **names)
    (folder / "nginx.conf").write_text(("user root;\n" if os.getuid() == 0 else "") + text)
    (folder / "places").write_text(PLACES)
    process = subprocess.Popen([str(NGINX), "-c", str(folder / "nginx.conf"), "-e", str(folder / "error.log")])
    pin(process.pid, -1)
    try:
        until = time.monotonic() + 10
        while True:
            try:
                socket.create_connection(("127.0.0.1", ports[2]), 1).close()
                break
            except OSError:
                if time.monotonic() > until:
                    raise
                time.sleep(0.02)
        yield ports
    finally:
        process.terminate()
        process.wait(20)


def pin(pid: int, core: int) -> None:
    """Keep a process on the first core, 0, or the last, -1: beside its server a client takes half of the CPU."""
    os.sched_setaffinity(pid, {sorted(os.sched_getaffinity(0))[core]})


# In a process of each version


def sdk(kind: str, host: str, folder: Path) -> Callable[[], object]:
    from ucloud.uvideo import config, downloaduvideo, filemanager, multipartuploaduvideo

    config.set_default(uploadsuffix=host, downloadsuffix=host, retries=0)
    pair = ("public", "private")
    files, downloads = filemanager.FileManager(*pair), downloaduvideo.DownloadUVideo(*pair)
    uploads = multipartuploaduvideo.MultipartUploadUVideo(*pair)
    target = str(folder / "target")
    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: downloads.download_file("space", "small", target),
        "put": lambda: files.putstream("space", "small", io.BytesIO(bytes(1024))),
        "upload": lambda: uploads.uploadfile("space", "up", str(folder / "data" / "big")),
        "download": lambda: downloads.download_file("space", "big", target),
    }
    call = calls.get(kind, lambda: files.head_file("space", "small"))

    def good() -> None:
        response = call()[1]
        if response.status_code // 100 != 2:
            raise SystemExit(f"{kind}: {response}")

    return good


def typed(client: Any, kind: str, folder: Path) -> Callable[[], Any]:
    """A call of a Client; an AsyncClient's gives what is to be awaited."""
    calls: dict[str, Callable[[], Any]] = {
        "get": lambda: client.get("space", "small"),
        "put": lambda: client.put("space", "small", bytes(1024)),
        "upload": lambda: client.upload("space", "up", folder / "data" / "big", part_jobs=1, journal=False),
        "download": lambda: client.download("space", "big", folder / "target", journal=False),
    }
    return calls.get(kind, lambda: client.stat("space", "small"))


async def loop(kind: str, options: dict[str, Any], folder: Path) -> None:
    from uvideo import AsyncClient

    async with AsyncClient(**options) as client:
        call = typed(client, kind, folder)
        for count in map(int, sys.stdin):
            before, began = time.process_time(), time.perf_counter()
            for _ in range(count):
                await call()
            print(time.process_time() - before, time.perf_counter() - began, flush=True)


def job(client: str, kind: str, host: str, folder: Path) -> None:
    """Answer each number on standard input with the CPU and the wall seconds of so many calls."""
    options: dict[str, Any] = {"endpoint": host, "download_endpoint": host, "retries": 0}
    options |= {"public_key": "public", "private_key": "private"}
    if client != "sdk":
        from uvideo import Settings

        options["checksum" if hasattr(Settings, "checksum") else "verify"] = False
    if client == "async":
        asyncio.run(loop(kind, options, folder))
        return
    if client == "sdk":
        call = sdk(kind, host, folder)
    else:
        from uvideo import Client

        call = typed(Client(**options), kind, folder)
    for count in map(int, sys.stdin):
        before, began = time.process_time(), time.perf_counter()
        for _ in range(count):
            call()
        print(time.process_time() - before, time.perf_counter() - began, flush=True)


# Turn by turn


@contextlib.contextmanager
def started(tree: Path, *words: object) -> Iterator[Callable[[int], list[float]]]:
    """A function of a count: the CPU and the wall seconds of so many calls."""
    environment = {**os.environ, "PYTHONPATH": str(tree), "REQUESTS_CA_BUNDLE": str(PEM)}
    command = [sys.executable, str(Path(__file__)), "--job", *map(str, words)]
    with subprocess.Popen(
        command, cwd=tree, env=environment, text=True, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None and process.stdout is not None
        goes, comes = process.stdin, process.stdout
        pin(process.pid, 0)

        def measure(count: int) -> list[float]:
            print(count, file=goes, flush=True)
            return [float(each) / count for each in comes.readline().split()]

        yield measure
        goes.close()


def compare(client: str, kind: str, old: Path, ports: list[int], folder: Path, rounds: int, count: int) -> None:
    large = kind in ("upload", "download")
    host = {"new": f"http://127.0.0.1:{ports[1]}", "tls": f"https://localhost:{ports[2]}"}.get(
        kind, f"http://127.0.0.1:{ports[0]}"
    )
    count = 1 if large else count if host.endswith(str(ports[0])) else max(1, count // 4)
    words = (client, kind, host, folder)
    with started(old, *words) as before, started(ROOT, *words) as after:
        before(count), after(count)
        found = []
        for number in range(rounds):  # each begins in every other round
            if number % 2:
                second = after(count)
                first = before(count)
            else:
                first = before(count)
                second = after(count)
            found.append((*first, *second))
    unit, scale = ("ms", 1e3) if large else ("us", 1e6)
    columns = [statistics.median(column) * scale for column in zip(*found, strict=True)]
    ratios = [statistics.median(each[2 + index] / each[index] for each in found) for index in (0, 1)]
    print(
        f"{client:7} {kind:9} CPU {columns[0]:8.1f} -> {columns[2]:8.1f} {unit}  {ratios[0]:.3f}x   "
        f"wall {columns[1]:8.1f} -> {columns[3]:8.1f} {unit}  {ratios[1]:.3f}x",
        flush=True,
    )


def main() -> None:
    if sys.argv[1:2] == ["--job"]:
        client, kind, host, folder = sys.argv[2:]
        job(client, kind, host, Path(folder))
        return
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("old", type=Path)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--count", type=int, default=1000, help="small requests in a round; new connections: a quarter")
    parser.add_argument("--size", type=int, default=256, help="MiB of a large object")
    parser.add_argument("--only", default="", help="clients and kinds, with commas between")
    options = parser.parse_args()
    chosen = set(filter(None, options.only.split(",")))
    with tempfile.TemporaryDirectory() as name, nginx(Path(name), options.size) as ports:
        for client in CLIENTS:
            for kind in KINDS:
                if client in (chosen & {*CLIENTS} or CLIENTS) and kind in (chosen & {*KINDS} or KINDS):
                    compare(client, kind, options.old, ports, Path(name), options.rounds, options.count)


if __name__ == "__main__":
    main()
