"""The server as a process: start, settings, stop, death, memory."""

from __future__ import annotations

import contextlib
import http.client
import json
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from test import patience
from test.forked import Forked
from test.server.wire import BLOCK, MIB, Peer, connect, head, pattern, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "uvideo"]


def run(
    *arguments: str, env: dict[str, str] | None = None, command: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("UVIDEO_")}
    return subprocess.run(
        [*command, *COMMAND, *arguments],
        capture_output=True,
        text=True,
        timeout=patience.SECONDS,
        cwd=ROOT,
        env={**environment, "PYTHONPATH": str(ROOT), **(env or {})},
    )


def admin(server: Server, path: str, method: str = "GET") -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.admin_port, timeout=patience.SECONDS)
    connection.request(method, path)
    response = connection.getresponse()
    found = response.status, response.read().decode()
    connection.close()
    return found


# Start


def test_the_ready_file_and_the_first_line_of_stdout_say_the_same(tmp_path: Path) -> None:
    ready = tmp_path / "ready.json"
    with start_server(tmp_path / "data", "--ready-file", str(ready), "--no-fsync", anew=True) as server:
        said = json.loads(ready.read_text())
        assert said == {
            "endpoint": server.endpoint,
            "admin": server.admin,
            "pid": server.process.pid,
            "public_key": server.public_key,
        }
        keys = tmp_path / "data" / "credentials.json"
        assert keys.stat().st_mode & 0o777 == 0o600
        patience.until_said(server.log, str(keys))
        assert server.private_key not in server.log.read_text()
        Peer(server).space()
    first = json.loads(keys.read_text())
    with start_server(tmp_path / "data", "--no-fsync") as server:
        assert json.loads(keys.read_text()) == first
        assert server.stop() == 0


def test_settings_from_the_environment(tmp_path: Path) -> None:
    env = {"UVIDEO_SERVE_PUBLIC_KEY": "me@example.com", "UVIDEO_SERVE_PRIVATE_KEY": "s3cret-s3cret"}
    with start_server(tmp_path, env={**env, "UVIDEO_SERVE_FSYNC": "0", "UVIDEO_SERVE_ACCESS_LOG": "1"}) as server:
        assert server.public_key == "me@example.com" and not (tmp_path / "credentials.json").exists()
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "a b\n"), b"12345")
        patience.until_said(server.log, f'"method":"PUT","space":"{space}","key":"a b\\n","status":200,')
        assert "ignature" not in server.log.read_text() and "s3cret" not in server.log.read_text()


BAD = (
    (("--port", "70000"), "70000"),
    (("--public-key", "a"), "together"),
    (("--public-key", "a", "--private-key", "short"), "shorter"),
    (("--blobs", "s3://x"), "needs --database postgresql://"),
    (("--database", "postgresql://host/db", "--blobs", "s3://me:pass@x"), "it must not contain credentials"),
    (("--database", "postgresql://host/db", "--blobs", "s3://x?endpont=http://y"), "'endpont'"),
    (("--database", "postgresql://host/db", "--blobs", "s3://x"), "AWS_ACCESS_KEY_ID"),
    (("--nonsense",), "nonsense"),
    (("--public-key", "a", "--private-key", ""), "empty"),
    (("--public-key", "a:b", "--private-key", "long enough"), "colon"),
    (("--blobs", "ftp://x"), "it must be disk or s3://"),
    (("--tls-cert", "/nowhere"), "together"),
    (("--workers", "0"), "workers"),
    (("--trusted-proxy", "nginx.internal"), "'nginx.internal': it is not an address or a network; write 10.0.0.5, "),
)


@pytest.mark.parametrize(("options", "text"), BAD, ids=[" ".join(options) for options, _ in BAD])
def test_a_bad_setting_is_one_clear_line(tmp_path: Path, commands: Forked, options: tuple[str, ...], text: str) -> None:
    arguments = ["serve", str(tmp_path / "data"), *options]
    if "--port" not in options:
        arguments += ["--port", "0"]
    got = commands.run(*arguments, "--admin-port", "0")
    assert got.returncode == 2 and text in got.stderr and "Traceback" not in got.stderr
    assert got.stdout == "" and ":pass@" not in got.stderr and not (tmp_path / "data" / "catalog.db").exists()


def test_help_and_import_are_quick_and_missing_packages_are_named(tmp_path: Path) -> None:
    assert "serve" in run("--help").stdout and "UVIDEO_SERVE_" in run("serve", "--help").stdout
    heavy = "{'aiohttp', 'asyncio', 'click', 'requests', 'ssl'}"
    code = f"import sys, uvideo; assert uvideo.__version__; print(sorted({heavy} & set(sys.modules)))"
    got = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=patience.SECONDS
    )
    assert got.stdout.strip() == "[]", got.stderr
    code = "import sys, uvideo.cli; print('aiohttp' in sys.modules, 'asyncio' in sys.modules)"
    got = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=patience.SECONDS
    )
    assert got.stdout.strip() == "False False", got.stderr
    code = "import sys, uvideo.server.process.main; print([name for name in sys.modules if 'uvideo.testing' in name])"
    got = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, timeout=patience.SECONDS
    )
    assert got.stdout.strip() == "[]", got.stderr
    for missing in ("click", "aiohttp"):
        (tmp_path / f"{missing}.py").write_text(f"raise ModuleNotFoundError('no', name={missing!r})")
        got = run("serve", str(tmp_path / "data"), env={"PYTHONPATH": f"{tmp_path}:{ROOT}"})
        (tmp_path / f"{missing}.py").unlink()
        assert got.returncode == 2 and "pip install 'uvideo[server]'" in got.stderr and missing in got.stderr
        assert "Traceback" not in got.stderr


def test_the_admin_port(server: Server, peer: Peer, space: str) -> None:
    def metrics() -> str:
        status, text = admin(server, "/metrics")
        assert status == 200
        return text

    def is_counted() -> bool:
        peer.do(operation.PutObject(space, "k"), b"12345")  # behind a front another gateway may answer it
        return 'uvideo_requests_total{method="PUT",status="200"}' in metrics()

    patience.until(is_counted)
    assert admin(server, "/healthz") == (200, "ok\n") and admin(server, "/readyz") == (200, "ok\n")
    text = metrics()
    assert "process_start_time_seconds" in text and "uvideo_requests_in_flight 0" in text
    assert admin(server, "/")[0] == 200 and admin(server, f"/{space}/k")[0] == admin(server, "/nothing")[0] == 404
    assert admin(server, "/healthz", "POST")[0] == 405


def test_readiness_names_what_is_wrong(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        (tmp_path / "incoming").rename(tmp_path / "away")
        status, text = admin(server, "/readyz")
        assert status == 503 and text.startswith("blobs: ")
        (tmp_path / "away").rename(tmp_path / "incoming")
        assert admin(server, "/readyz")[0] == 200


def test_a_part_of_the_server_that_fails_is_in_the_log(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        assert "has failed" not in server.log.read_text()
    with contextlib.closing(sqlite3.connect(tmp_path / "catalog.db", isolation_level=None)) as db:
        db.execute("ALTER TABLE tokens RENAME TO moved")
    with start_server(tmp_path, "--no-fsync") as server:
        patience.until_said(server.log, "no such table: tokens")
        patience.until_said(server.log, "a background task of the server has failed")


def test_tls(tmp_path: Path) -> None:
    import ssl

    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    made = subprocess.run(
        [*"openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2".split()]
        + ["-subj", "/CN=localhost", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(key), "-out", str(cert)],
        capture_output=True,
    )
    if made.returncode:
        pytest.skip("no openssl command here")
    with start_server(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync") as server:
        assert server.endpoint.startswith("https://127.0.0.1:")
        context = ssl.create_default_context(cafile=str(cert))
        peer = Peer(server)
        from ucloud.uvideo.protocol import management

        def ask(method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> bytes:
            with connect(server.port) as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as secure:
                secure.sendall(head(method, target, [*headers, ("Content-Length", str(len(body)))]) + body)
                got = receive(secure, method)
                assert got.status == 200
                return got.body

        request = management.encode(operation.CreateSpace("tls-space"), "", peer.credentials)
        ask("GET", request.target, [("Host", "x")])
        data = pattern(3 * MIB)
        host = ("Host", "tls-space.localhost")
        ask("PUT", "/k", [host, ("Authorization", peer.signed("PUT", "tls-space", "k"))], data)
        assert ask("GET", "/k", [host, ("Authorization", peer.signed("GET", "tls-space", "k"))]) == data


# Stop


def refuses(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 2).close()
    except OSError:
        return True
    return False


@pytest.mark.parametrize("options", (("1",), ("2",), ("2", "--trusted-proxy", "127.0.0.1")), ids=("1", "2", "proxy"))
def test_sigterm_lets_requests_in_flight_finish(tmp_path: Path, options: tuple[str, ...]) -> None:
    with start_server(tmp_path, "--no-fsync", "--workers", *options) as server:
        peer = Peer(server)
        space, data = peer.space(), pattern(8 * MIB)
        peer.do(operation.PutObject(space, "big"), data)
        with connect(server.port) as upload, connect(server.port) as download, connect(server.port) as idle:
            idle.sendall(b"")
            peer.begin_put(upload, space, "up", len(data))
            upload.sendall(data[: len(data) // 2])
            signed = ("Authorization", peer.signed("GET", space, "big"))
            download.sendall(head("GET", "/big", [("Host", f"{space}.x"), signed]))
            assert download.recv(4, socket.MSG_PEEK) == b"HTTP"
            server.process.send_signal(signal.SIGTERM)
            assert idle.recv(10) == b""  # closed: the server has begun to stop
            patience.until(lambda: refuses(server.port))  # each worker stops to listen at its own time
            upload.sendall(data[len(data) // 2 :])
            got = receive(upload)
            assert got.status == 200 and got.header("Connection") == "close"
            assert receive(download).body == data
        assert server.process.wait(patience.SECONDS) == 0
    with start_server(tmp_path, "--no-fsync") as server:
        assert Peer(server).call(operation.GetObject(space, "up")).body == data


def test_a_second_signal_ends_the_server_at_once(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        with connect(server.port) as upload, connect(server.port) as idle:
            peer.begin_put(upload, space, "up", MIB)
            server.process.send_signal(signal.SIGINT)
            assert idle.recv(10) == b""
            server.process.send_signal(signal.SIGINT)
            assert server.process.wait(patience.SECONDS) != 0


# Death


def test_kill_9_keeps_what_was_acknowledged_and_shows_nothing_half_written(tmp_path: Path) -> None:
    sizes = (100, 20_000, 3 * MIB)
    with start_server(tmp_path) as server:
        peer = Peer(server)
        space = peer.space()
        resumed = peer.do(operation.InitiateUpload(space, "resumed")).upload_id
        peer.do(operation.UploadPart(space, "resumed", resumed, 0), pattern(BLOCK))
        stored, lock = dict[str, tuple[int, int]](), threading.Lock()
        stop = threading.Event()

        def write(worker: int) -> None:
            number = 0
            while not stop.is_set():
                number += 1
                key, size = f"{worker}-{number}", sizes[number % 3]
                try:
                    if number % 4:
                        peer.do(operation.PutObject(space, key), pattern(size, number))
                    else:
                        size += BLOCK
                        peer.upload(space, key, pattern(size, number))
                except Exception:
                    return
                with lock:
                    stored[key] = (size, number)

        threads = [threading.Thread(target=write, args=(worker,)) for worker in range(4)]
        for thread in threads:
            thread.start()
        half = [socket.create_connection(("127.0.0.1", server.port), patience.SECONDS) for _ in range(2)]
        peer.begin_put(half[0], space, "half", 8 * MIB)
        half[0].sendall(pattern(5 * MIB))
        peer.begin_put(half[1], space, "tiny", 10)
        half[1].sendall(b"12345")
        deadline = time.monotonic() + 60
        while len(stored) < 24 and time.monotonic() < deadline:
            time.sleep(0.01)
        server.kill()
        stop.set()
        for thread in threads:
            thread.join()
        for sock in half:
            sock.close()
    assert len(stored) >= 24
    with start_server(tmp_path) as server:
        peer = Peer(server)
        for key, (size, number) in stored.items():
            assert peer.call(operation.GetObject(space, key)).body == pattern(size, number), key
        listed, marker = list[str](), ""
        while True:
            page = peer.do(operation.ListObjects(space, marker=marker, limit=1000))
            listed += [info.key for info in page.objects]
            if not page.truncated:
                break
            marker = page.next_marker
        assert "half" not in listed and "tiny" not in listed
        for key in set(listed) - stored.keys():  # stored, but the answer was lost: whole all the same
            number = int(key.partition("-")[2])
            size = sizes[number % 3] + (0 if number % 4 else BLOCK)
            assert peer.call(operation.GetObject(space, key)).body == pattern(size, number)
        peer.do(operation.UploadPart(space, "resumed", resumed, 1), b"end")
        etags = [part.etag for part in peer.do(operation.ListParts(space, resumed)).parts]
        peer.do(operation.FinishUpload(space, "resumed", resumed, tuple(etags)))
        assert peer.call(operation.GetObject(space, "resumed")).body == pattern(BLOCK) + b"end"


def test_garbage_is_removed_at_start(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        peer.do(operation.PutObject(space, "kept"), pattern(MIB))
        with connect(server.port) as sock:
            peer.begin_put(sock, space, "half", 8 * MIB)
            sock.sendall(pattern(5 * MIB))
            deadline = time.monotonic() + 60
            while not list((tmp_path / "incoming").iterdir()) and time.monotonic() < deadline:
                time.sleep(0.01)
            server.kill()
    left = list((tmp_path / "incoming").iterdir())
    assert len(left) == 1
    os.utime(left[0], (1, 1))
    with start_server(tmp_path, "--no-fsync") as server:
        deadline = time.monotonic() + 60
        while left[0].exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert not left[0].exists()
        assert Peer(server).call(operation.GetObject(space, "kept")).body == pattern(MIB)


def children(server: Server) -> list[int]:
    return [int(pid) for pid in Path(f"/proc/{server.pid}/task/{server.pid}/children").read_text().split()]


def alive(pid: int) -> bool:
    """False also for one that has ended and that nobody has asked after."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def test_several_workers(tmp_path: Path) -> None:
    with start_server(tmp_path, "--workers", "3", "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        pids = children(server)
        assert len(pids) == 3
        for number in range(30):
            peer.do(operation.PutObject(space, f"{number}"), b"%d" % number)
            assert peer.call(operation.GetObject(space, f"{number}")).body == b"%d" % number
        patience.until(lambda: 'method="PUT",status="200"} 30' in admin(server, "/metrics")[1])  # of all workers
        os.kill(pids[1], signal.SIGKILL)
        deadline = time.monotonic() + 60
        while (pids[1] in children(server) or len(children(server)) < 3) and time.monotonic() < deadline:
            time.sleep(0.01)
        assert len(children(server)) == 3 and pids[1] not in children(server)
        assert peer.call(operation.GetObject(space, "0")).body == b"0"
        pids = children(server)
        server.kill()  # the workers end with their parent
    with start_server(tmp_path, "--no-fsync") as server:
        assert Peer(server).call(operation.GetObject(space, "29")).body == b"29"
    assert not [pid for pid in pids if alive(pid)]


# Memory


def test_memory_does_not_grow_with_the_object(tmp_path: Path) -> None:
    size, piece = 256 * MIB, pattern(MIB)
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        space = peer.space()
        with connect(server.port) as sock:
            peer.begin_put(sock, space, "big", size)
            for _ in range(size // MIB):
                sock.sendall(piece)
            assert receive(sock).status == 200
        with connect(server.port) as sock:
            signed = ("Authorization", peer.signed("GET", space, "big"))
            sock.sendall(head("GET", "/big", [("Host", f"{space}.x"), signed]))
            response = http.client.HTTPResponse(sock)
            response.begin()
            for _ in range(size // MIB):
                assert response.read(MIB) == piece
            assert response.read(1) == b""
        assert server.peak_memory() < 150 * MIB
