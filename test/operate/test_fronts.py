"""nginx and haproxy before the server, as the documents set them up: who sent a request, and what their logs hold.

The proxies connect from 127.0.0.2, which is trusted, and the clients from addresses of their own.
"""

from __future__ import annotations

import contextlib
import json
import re
import socket
import ssl
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test.cluster.nginx import Nginx, running_nginx, start_nginx
from test.cluster.program import Program, find, scratch
from test.fuzz.stage import certificate
from test.patience import until
from test.ports import free_ports
from test.server.wire import SECONDS, Answer, Peer, head, receive
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation, signature

PROXY = "127.0.0.2"
OWNER, MALLORY, VICTIM = "127.0.0.3", "127.0.0.4", "192.0.2.1"
FROM_THERE = "proxy_http_version 1.1;\n        proxy_bind 127.0.0.2;"  # of nginx
UNCHECKED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNCHECKED.check_hostname, UNCHECKED.verify_mode = False, ssl.CERT_NONE
OPTIONS = ("--no-fsync", "--access-log", "--trusted-proxy", PROXY, "--guesses", "10")


class Client(Peer):
    """One that connects to a proxy, from an address of its own, perhaps by TLS."""

    def __init__(self, server: Server, port: int, source: str, *, tls: bool = False) -> None:
        super().__init__(server)
        self.server, self.port, self.source, self.tls = server, port, source, tls

    def exchange(self, data: bytes, method: str) -> Answer:
        with contextlib.ExitStack() as stack:
            sock = socket.create_connection(("127.0.0.1", self.port), SECONDS, source_address=(self.source, 0))
            stack.enter_context(sock)
            if self.tls:
                sock = stack.enter_context(UNCHECKED.wrap_socket(sock))
            sock.sendall(data)
            return receive(sock, method)

    def at(self, source: str) -> Client:
        return Client(self.server, self.port, source, tls=self.tls)

    def sender(self, *headers: tuple[str, str]) -> str:
        """Who sent a request with these headers, as the server's access log says."""
        session = self.send("GET", "/k", headers, host="none.localhost").header("X-SessionId")
        found: list[Any] = []

        def look() -> bool:
            lines = self.server.log.read_text().splitlines()
            found[:] = [json.loads(line) for line in lines if line.startswith("{") and f'"id":"{session}"' in line]
            return bool(found)

        until(look)
        return str(found[0]["remote"])


def statuses(client: Client, space: str, count: int, credentials: signature.Credentials | None = None) -> list[int]:
    asking = client.at(client.source)
    asking.credentials = credentials or client.credentials
    return [asking.ask("GET", space, "/?list").status for _ in range(count)]


def holds_up_nobody(client: Client) -> None:
    """Wrong signatures that name the owner's key come from the client's address; the owner asks from another."""
    space = client.at(OWNER).space()
    wrong = signature.Credentials(client.server.public_key, "a guess")
    assert statuses(client, space, 15, wrong) == [401] * 10 + [429] * 5
    assert statuses(client, space, 1) == [429]
    assert statuses(client.at(OWNER), space, 3) == [200] * 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    with start_server(tmp_path_factory.mktemp("fronts") / "data", *OPTIONS, "--workers", "2") as started:
        yield started
        assert "Traceback" not in started.log.read_text()


# nginx


@pytest.fixture(scope="module")
def nginx(server: Server) -> Iterator[Nginx]:
    with start_nginx([server.port], {"proxy_http_version 1.1;": FROM_THERE}) as started:
        yield started


def test_a_wrong_signature_through_nginx_holds_up_nobody_else(server: Server, nginx: Nginx) -> None:
    holds_up_nobody(Client(server, nginx.port, MALLORY))


CLAIMS = (
    (),
    (("X-Forwarded-For", VICTIM),),
    (("X-Forwarded-For", VICTIM), ("X-Forwarded-For", VICTIM)),
    (("X_Forwarded_For", VICTIM),),
    (("Forwarded", f"for={VICTIM}"),),
    (("Forwarded", f'for="{VICTIM}'), ("X-Forwarded-For", f"{VICTIM}, ")),
    (("X-Real-IP", VICTIM),),
    (("Connection", "close, X-Forwarded-For, Forwarded"),),
)


def test_a_client_of_nginx_claims_no_other_address(server: Server, nginx: Nginx) -> None:
    for claim in CLAIMS:
        assert Client(server, nginx.port, MALLORY).sender(*claim) == MALLORY, claim
    assert Client(server, server.port, MALLORY).sender(("X-Forwarded-For", VICTIM)) == MALLORY


def test_a_client_of_an_nginx_that_appends_claims_none_either(server: Server) -> None:
    lines = {
        "proxy_http_version 1.1;": FROM_THERE,
        "X-Forwarded-For $remote_addr": "X-Forwarded-For $proxy_add_x_forwarded_for",
        'proxy_set_header Forwarded "";': "",
    }
    with start_nginx([server.port], lines) as nginx:
        for claim in CLAIMS:
            expected = PROXY if "Forwarded" in dict(claim) else MALLORY  # one that nginx passes on contradicts it
            assert Client(server, nginx.port, MALLORY).sender(*claim) == expected, claim


# haproxy


def haproxy_text(number: int, port: int, gateways: Sequence[tuple[int, int]], pem: Path, more: str) -> str:
    """The example of docs/cluster.md, with these ports of (data, admin).  ``more``: of each server."""
    blocks = re.findall(r"```haproxy\n(.*?)```", (ROOT / "docs" / "cluster.md").read_text("utf-8"), re.DOTALL)
    text = str(blocks[number])
    pairs = [("log /dev/log local0", "log stdout format raw local0"), ("bind :443", f"bind 127.0.0.1:{port}")]
    for name, (data, admin) in zip(("10.0.0.11:9000", "10.0.0.12:9000"), gateways, strict=True):
        pairs.append((name, f"127.0.0.1:{data} source {PROXY} {more}"))
        if number == 0:
            pairs.append(("port 9001", f"port {admin}"))
    if number == 0:
        pairs.append(("/etc/ssl/video.example.com.pem", str(pem)))
    for before, after in pairs:
        assert before in text, before
        text = text.replace(before, after, 1)
    return text


@dataclass
class Haproxy:
    port: int
    program: Program

    def log(self) -> str:
        return self.program.log.read_text()


@contextlib.contextmanager
def start_haproxy(number: int, server: Server, more: str = "", change: tuple[str, str] = ("", "")) -> Iterator[Haproxy]:
    with scratch("haproxy") as folder:
        (port,) = free_ports(1)
        pem, config = certificate(folder), folder / "haproxy.cfg"
        pem.chmod(0o644)
        gateways = [(server.port, server.admin_port)] * 2
        config.write_text(haproxy_text(number, port, gateways, pem, more).replace(*change))
        program = Program([find("haproxy"), "-db", "-f", str(config)], folder / "log")
        try:
            program.wait_until(lambda: bool(socket.create_connection(("127.0.0.1", port), 1).close() or True))
            yield Haproxy(port, program)
        finally:
            program.stop()


def test_a_wrong_signature_through_haproxy_holds_up_nobody_else(server: Server) -> None:
    with start_haproxy(0, server) as haproxy:
        client = Client(server, haproxy.port, MALLORY, tls=True)
        for claim in CLAIMS:
            assert client.sender(*claim) == MALLORY, claim
        holds_up_nobody(client.at("127.0.0.5"))
        text = haproxy.log()
    assert "GET / HTTP/1.1" in text and "Signature" not in text and server.public_key not in text


@pytest.mark.parametrize("version", ("send-proxy-v2", "send-proxy"))
def test_haproxy_introduces_connections(version: str, tmp_path: Path) -> None:
    """TLS goes through it, so its client may write what it likes into the headers."""
    both = str(certificate(tmp_path))
    with start_server(tmp_path / "data", *OPTIONS, "--tls-cert", both, "--tls-key", both) as server:
        with start_haproxy(1, server, change=("send-proxy-v2", version)) as haproxy:
            client = Client(server, haproxy.port, MALLORY, tls=True)
            for claim in CLAIMS:
                assert client.sender(*claim) == MALLORY, claim
            if version == "send-proxy-v2":
                holds_up_nobody(client)
            assert "DOWN" not in haproxy.log()  # its checks say LOCAL
        assert "Traceback" not in server.log.read_text()


# Logs


def secrets_of(server: Server, url: str) -> list[str]:
    """What must stand in no log."""
    return ["Signature", server.public_key, *re.findall(r"Signature=([^&\s]+)", url)]


def test_no_log_holds_a_query(tmp_path: Path) -> None:
    """Neither of signed URLs and management calls that were answered, nor of those that no gateway answered."""
    with (
        start_server(tmp_path / "data", *OPTIONS) as server,
        start_nginx([server.port], {"proxy_http_version 1.1;": FROM_THERE}) as nginx,
        start_haproxy(0, server, change=("timeout connect 2s", "timeout connect 2s\n    retries 0")) as haproxy,
    ):
        fronts = (Client(server, nginx.port, OWNER), Client(server, haproxy.port, OWNER, tls=True))
        said = list[str]()

        def ask(client: Client, expected: Sequence[int]) -> None:
            query = signature.signed_query(client.credentials, "GET", space, "dir/a b", 4102416000)
            said.append(query)
            host = f"{space}.localhost"
            for target in (f"/dir/a%20b?{query}", f"http://{host}/dir/a%20b?{query}", f"/dir/a%20b?{query}&x=?y"):
                got = client.send("GET", target, [("Referer", f"http://{host}/k?{query}")], host=host)
                assert got.status in expected, target
            assert client.send("GET", f"/?Action=CreateBucket&PublicKey={server.public_key}&{query}").status in expected

        for client in fronts:
            space = client.space()
            client.do(operation.PutObject(space, "dir/a b"), b"x")
            ask(client, (200,))
        server.stop()
        for client in fronts:
            ask(client, (502, 503))
            with socket.create_connection(("127.0.0.1", client.port), SECONDS) as sock:  # not even a request
                sock.sendall(head("GET", f"/ \0?Signature={said[0]}", []))
                with contextlib.suppress(OSError):
                    sock.recv(1000)
        until(lambda: haproxy.log().count("/dir/a%20b") >= 6)
        until(lambda: (nginx.folder / "uvideo.log").read_text().count(" /dir/a%20b HTTP/1.1 ") >= 6)
        texts = {each.name: each.read_text() for each in nginx.folder.iterdir() if each.suffix == ".log"}
        assert set(texts) >= {"uvideo.log", "uvideo-error.log"}
        assert " 502 " in texts["uvideo.log"]
        texts["haproxy"], texts["server"] = haproxy.log(), server.log.read_text()
    for name, text in texts.items():
        for secret in secrets_of(server, " ".join(said)):
            assert secret not in text, (name, secret)


@pytest.mark.parametrize(
    ("page", "path"),
    (("docs/console.md", "/data/{}/k"), ("docs/console.md", "/console/"), ("docs/howto/player.md", "/{}/k")),
)
def test_the_other_pages_log_no_query_either(page: str, path: str, server: Server) -> None:
    (text,) = re.findall(r"```nginx\n(.*?)```", (ROOT / page).read_text("utf-8"), re.DOTALL)
    client = Client(server, *free_ports(1), OWNER, tls=True)
    space = Peer(server).space()
    with scratch("nginx") as folder:
        pem = certificate(folder)
        pem.chmod(0o644)
        for before, after in (
            ("443 ssl", f"127.0.0.1:{client.port} ssl"),
            ("127.0.0.1:9000", f"127.0.0.1:{server.port}"),
            ("127.0.0.1:9001", f"127.0.0.1:{server.admin_port}"),
            ("/etc/ssl/video.pem", str(pem)),
            ("/etc/ssl/video.key", str(pem)),
            ("/var/log/nginx", str(folder)),
        ):
            assert before in text or page.endswith("player.md"), before
            text = text.replace(before, after)
        with running_nginx(folder, text.replace("location /", f"proxy_bind {PROXY};\n    location /", 1), client.port):
            query = signature.signed_query(client.credentials, "GET", space, "k", 4102416000)
            target = path.format(space)
            got = client.send("GET", f"{target}?{query}", [("Referer", f"https://x/k?{query}")], host="localhost")
            assert got.status == (200 if "console/" in path else 404)
            line = f" GET {target} {got.status} "  # nginx writes it once the client has the answer
            until(lambda: any(line in each.read_text() for each in folder.glob("*.log")))
            for each in folder.glob("*.log"):
                assert "Signature" not in each.read_text() and server.public_key not in each.read_text()
