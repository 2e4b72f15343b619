"""What TLS says by itself while a body is sent is no answer: OpenSSL's own server changes keys again and again."""

from __future__ import annotations

import shutil
import subprocess
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from test.client.test_aioconnection import run, send
from test.sdk.peer import PEM, answer
from ucloud.uvideo.http import pool
from ucloud.uvideo.protocol import message
from uvideo import AsyncClient

SIZE = 12 << 20
STEP = 1 << 20

pytestmark = pytest.mark.skipif(shutil.which("openssl") is None, reason="the command openssl is missing")


@pytest.fixture
def server() -> Iterator[subprocess.Popen[bytes]]:
    """It prints what it is sent, and waits until that is read."""
    command = ["openssl", "s_server", "-accept", "127.0.0.1:0", "-cert", PEM, "-key", PEM, "-tls1_3"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, bufsize=0
    ) as process:
        yield process
        process.kill()


def port(server: subprocess.Popen[bytes]) -> int:
    assert server.stdout is not None
    while not (line := server.stdout.readline()).startswith(b"ACCEPT "):
        assert line, "it does not start"
    return int(line.rpartition(b":")[2])


def by_thread(origin: str, body: bytes) -> bytes:
    found = pool.Transport(20, authorities=PEM).send(message.Request("PUT", origin, "/", message.Headers(), body))
    return bytes(found.body)


def by_loop(origin: str, body: bytes) -> bytes:
    found: list[Any] = []

    async def work(client: AsyncClient) -> None:
        found.append(await send(client, origin, "PUT", body))

    run(work, ca_bundle=PEM, timeout=20)
    return bytes(found[0].body)


# K wants new keys of the client too: OpenSSL cannot do that in mid-write, which a loop's TLS never is.
@pytest.mark.parametrize("put, command", [(by_thread, b"k\n"), (by_loop, b"K\n")])
def test_new_keys_while_a_body_is_sent_do_not_end_it(
    server: subprocess.Popen[bytes], put: Callable[[str, bytes], bytes], command: bytes
) -> None:
    found: list[bytes] = []
    origin = f"https://localhost:{port(server)}"
    client = threading.Thread(target=lambda: found.append(put(origin, b"x" * SIZE)))
    client.start()
    assert server.stdout is not None and server.stdin is not None
    received = asked = 0
    while received < SIZE and (data := server.stdout.read(1 << 16)):
        received += data.count(b"x")
        if received // STEP > asked:
            asked += 1
            server.stdin.write(command)
    while client.is_alive():  # what comes along with a command is lost
        server.stdin.write(answer(b"all of it"))
        client.join(0.1)
    assert (found, asked) == ([b"all of it"], SIZE // STEP)
