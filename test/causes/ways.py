"""A Way for each row of the table of causes: peers on 127.0.0.1 that fail in that very way, and who must fail so."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from test import patience
from test.causes.authority import Authority, Pair

__all__ = ["Way", "ways"]

SECONDS = patience.SECONDS  # a peer waits for a client
SHORT = 0.2  # what a client of a silent peer is told to wait
SECRET = "s3cret"
HELLO = 65536


@dataclass
class Way:
    """``code``: of the cause.  ``old``: on Python before 3.7, where that is another.

    ``options``: of a Client.  ``said``: what must be in the text.  ``peer``: whose connections are the tries, None
    where nobody counts them.
    """

    code: str
    endpoint: str
    proxy: str = ""
    old: str = ""
    options: dict[str, Any] = field(default_factory=dict)
    said: str = ""
    peer: Peer | None = None


class Peer:
    """Calls ``talk(socket)`` for each connection.  ``count``: of them."""

    def __init__(self, talk: Callable[[socket.socket], None]) -> None:
        self._talk, self.count = talk, 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection = self._listener.accept()[0]
            except OSError:
                return
            self.count += 1
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(SECONDS)
        with connection, contextlib.suppress(OSError):
            self._talk(connection)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


# What peers do


def head(connection: Any) -> bytes:
    data = b""
    while b"\r\n\r\n" not in data:
        piece = connection.recv(65536)
        if not piece:
            raise OSError("the client is gone")
        data += piece
    return data


def until_gone(connection: Any) -> None:
    """A reset would take from the client what it has not read yet."""
    while connection.recv(65536):
        pass


def says(data: bytes) -> Callable[[Any], None]:
    """Read a request, say this, and wait until the client goes."""

    def talk(connection: Any) -> None:
        head(connection)
        connection.sendall(data)
        until_gone(connection)

    return talk


def answers(status: str, body: bytes = b"", *fields: str) -> Callable[[Any], None]:
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Connection: close", *fields, "", ""]
    return says("\r\n".join(lines).encode() + body)


def page(status: str, *fields: str) -> Callable[[Any], None]:
    body = f"<!DOCTYPE html>\n<html><head><title>No way\x1b[2J {status}</title></head>no</html>".encode()
    return answers(status, body, "Content-Type: text/html", *fields)


def hello(data: bytes = b"", wait: bool = True) -> Callable[[Any], None]:
    """Read what begins TLS, say this, and wait until the client goes, or end at once."""

    def talk(connection: Any) -> None:
        connection.recv(HELLO)
        connection.sendall(data)
        if wait:
            until_gone(connection)

    return talk


def alert(number: int) -> Callable[[Any], None]:
    return hello(b"\x15\x03\x03\x00\x02\x02" + bytes([number]))


def silent(connection: Any) -> None:
    until_gone(connection)


def ends(connection: Any) -> None:
    head(connection)


def half(connection: Any) -> None:
    head(connection)
    connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nhalf")


def resets(connection: Any) -> None:
    head(connection)
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")


def encrypted(pair: Pair, *, chain: Pair | None = None, clients: Authority | None = None) -> Callable[[Any], None]:
    """Speak TLS as a server, and answer 204.  ``clients``: whose certificates a client must show."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    if chain is not None:
        pair.path.write_bytes(pair.path.read_bytes() + chain.public)
    context.load_cert_chain(pair.path)
    if clients is not None:
        context.load_verify_locations(clients.bundle)
        context.verify_mode = ssl.CERT_REQUIRED

    def talk(connection: Any) -> None:
        came, goes = ssl.MemoryBIO(), ssl.MemoryBIO()
        tls = context.wrap_bio(came, goes, server_side=True)
        try:
            while True:
                try:
                    tls.do_handshake()
                    break
                except ssl.SSLWantReadError:
                    connection.sendall(goes.read())
                    data = connection.recv(HELLO)
                    if not data:
                        return  # the client is gone
                    came.write(data)
        except ssl.SSLError:
            pass
        connection.sendall(goes.read())  # an alert, if that is what there is to say
        until_gone(connection)

    return talk


# The rows


@contextlib.contextmanager
def ways(folder: Path) -> Iterator[dict[str, Way]]:
    """{name: Way}."""
    with contextlib.ExitStack() as stack:
        yield dict(_ways(_Maker(stack, folder)))


class _Maker:
    def __init__(self, stack: contextlib.ExitStack, folder: Path) -> None:
        self._stack = stack
        self.known, self.other = Authority(folder, "known"), Authority(folder, "other")
        taken = socket.socket()  # bound and not listening: who connects is refused
        stack.callback(taken.close)
        taken.bind(("127.0.0.1", 0))
        self.closed = f"127.0.0.1:{taken.getsockname()[1]}"

    def peer(self, talk: Callable[[Any], None]) -> Peer:
        made = Peer(talk)
        self._stack.callback(made.close)
        return made

    def full(self) -> str:
        """Where nobody takes connections, and the system drops further ones."""
        listener = socket.socket()
        self._stack.callback(listener.close)
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(4):
            waiting = socket.socket()
            self._stack.callback(waiting.close)
            waiting.setblocking(False)
            waiting.connect_ex(listener.getsockname())
        return f"127.0.0.1:{listener.getsockname()[1]}"

    def host(self, code: str, talk: Callable[[Any], None], **more: Any) -> Way:
        peer = self.peer(talk)
        return Way(code, f"http://127.0.0.1:{peer.port}", peer=peer, **more)

    def tls(self, code: str, talk: Callable[[Any], None], **more: Any) -> Way:
        peer = self.peer(talk)
        options = {"ca_bundle": str(self.known.bundle), **more.pop("options", {})}
        return Way(code, f"https://localhost:{peer.port}", peer=peer, options=options, **more)  # 2.7 knows no addresses

    def proxy(
        self,
        code: str,
        talk: Callable[[Any], None],
        scheme: str = "http",
        to: str = "https",
        user: str = "",
        **more: Any,
    ) -> Way:
        peer = self.peer(talk)
        options = {"ca_bundle": str(self.known.bundle), **more.pop("options", {})}
        host = "127.0.0.1" if scheme == "http" else "localhost"
        url = f"{scheme}://{user}{host}:{peer.port}"
        return Way(code, f"{to}://service.test", url, peer=peer, options=options, **more)


def _ways(make: _Maker) -> Iterator[tuple[str, Way]]:
    short = {"timeout": SHORT, "connect_timeout": SHORT}
    nowhere, label = "255.255.255.255:9", "a" * 64
    yield "name", Way("name", "http://no-such-host.invalid")
    yield "label", Way("address", f"http://{label}.invalid")
    yield "refused", Way("connect-refused", f"http://{make.closed}", said="Connection refused")
    yield "unreachable", Way("unreachable", f"http://{nowhere}", said="Network is unreachable")
    yield "full", Way("connect-time", f"http://{make.full()}", options=short)

    https = "https://service.test"
    yield "proxy name", Way("proxy-name", https, "http://no-such-proxy.invalid:80", said="no-such-proxy.invalid:80")
    yield "proxy label", Way("proxy-address", https, f"http://{label}.invalid:80")
    yield "proxy refused", Way("proxy-refused", https, f"http://{make.closed}", said="Connection refused")
    yield "proxy unreachable", Way("proxy-unreachable", https, f"http://{nowhere}", said="Network is unreachable")
    yield "proxy full", Way("proxy-time", https, f"http://{make.full()}", options=short)
    yield "proxy silent", make.proxy("proxy-silent", silent, options=short)
    yield "proxy ends", make.proxy("proxy-ended", ends)
    yield "proxy resets", make.proxy("proxy-ended", resets, said="Connection reset by peer")
    yield "proxy no http", make.proxy("proxy-not-http", says(b"SSH-2.0-\x1b[2J\r\n\r\n"))
    yield "proxy 407", make.proxy("proxy-auth", page("407 Proxy Authentication Required"))
    user = f"me:{SECRET}@"
    yield "proxy 407 again", make.proxy("proxy-password", page("407 Who"), user=user)
    for status in ("403", "451"):
        yield f"proxy {status}", make.proxy("proxy-denied", page(f"{status} No"), said=status)
    for status in ("400", "401", "404", "405", "501"):
        yield f"proxy {status}", make.proxy("proxy-unfit", page(f"{status} No"), said=status)
    for status in ("502", "503", "504"):
        yield f"proxy {status}", make.proxy("proxy-gateway", page(f"{status} No"), said=status)
    for status in ("302", "408", "429", "500", "511"):
        yield f"proxy {status}", make.proxy("proxy-status", page(f"{status} No"), said=status)
    yield "plain 407", make.proxy("proxy-auth", page("407 Who"), to="http")
    yield "plain 407 again", make.proxy("proxy-password", page("407 Who"), to="http", user=user)
    yield "proxy plain", make.proxy("not-tls", hello(b"HTTP/1.1 400 Bad Request\r\n\r\n"), scheme="https", to="http")
    stranger = make.other.issue("proxy")
    yield "proxy issuer", make.proxy("certificate-issuer", encrypted(stranger), "https", "http", old="certificate")
    yield "proxy TLS silent", make.proxy("tls-silent", silent, scheme="https", to="http", options=short)

    known, other = make.known, make.other
    alone = known.self_signed("alone")
    yield "self-signed", make.tls("certificate-self-signed", encrypted(alone), old="certificate", said="self-signed")
    yield "issuer", make.tls("certificate-issuer", encrypted(other.issue("leaf")), old="certificate", said="issuer")
    rooted = encrypted(other.issue("rooted"), chain=other.pair)
    yield "chain", make.tls("certificate-issuer", rooted, old="certificate", said="self-signed certificate in")
    ended = encrypted(known.issue("ended", ends=-1))
    yield "expired", make.tls("certificate-expired", ended, old="certificate", said="has expired")
    early = encrypted(known.issue("early", begins=1))
    yield "early", make.tls("certificate-early", early, old="certificate", said="not yet valid")
    yield "host", make.tls("certificate-name", encrypted(known.issue("host", host="other.test")), said="localhost")
    yield "not TLS", make.tls("not-tls", hello(b"HTTP/1.1 400 Bad Request\r\n\r\n"), said="wrong version number")
    yield "long record", make.tls("not-tls", hello(b"\x16\x03\x03\xff\xff" + b"x" * 100))
    for number in (70, 71):
        yield f"alert {number}", make.tls("tls-version", alert(number))
    yield "alert 112", make.tls("tls-name", alert(112), said="unrecognized name")
    yield "alert 40", make.tls("tls-refused", alert(40), said="handshake failure")
    mutual = encrypted(known.issue("mutual"), clients=known)
    yield "no certificate", make.tls("client-certificate", mutual, said="certificate required")
    wrong = {"client_cert": str(other.issue("client").path)}
    mutual = encrypted(known.issue("mutual too"), clients=known)
    yield "wrong certificate", make.tls("client-certificate-refused", mutual, said="unknown ca", options=wrong)
    for number in (42, 44, 45, 46, 48, 49, 51):
        yield f"alert {number}", make.tls("client-certificate-refused", alert(number))
    yield "TLS ends", make.tls("tls-ended", hello(wait=False))
    yield "TLS silent", make.tls("tls-silent", silent, options=short)
    yield "alert 80", make.tls("tls-other", alert(80), said="internal error")

    yield "silence", make.host("silence", silent, options=short)
    yield "ends in the answer", make.host("broken", half, said="it ended too early")
    yield "ends", make.host("broken-http", ends, said="it ended too early")
    yield "resets", make.host("broken-http", resets, said="Connection reset by peer")
    yield "no http", make.host("not-http", says(b"SSH-2.0-x\r\n\r\n"))
    yield "plain to TLS", make.host("not-http", says(b"\x15\x03\x01\x00\x02\x02\x46"))

    signed = f"Location: https://a.example/in?url=Signature%3D{SECRET}"
    for status in ("301", "308"):
        yield (
            status,
            make.host(
                "moved",
                page(f"{status} No", signed),
                said=f"answer {status} is not from the service: it redirects to https://a.example;",
            ),
        )
    for status in ("302", "303", "307"):
        yield (
            status,
            make.host(
                "login",
                page(f"{status} No", signed),
                said=f"{status} is not from the service: it redirects to https://a.example/in;",
            ),
        )
    for status in ("200", "400", "401", "403", "404"):
        yield (
            status,
            make.host("page", page(f"{status} No"), said=f'{status} is not from the service: "No way [2J {status} No"'),
        )
    for status in ("408", "429", "500", "502", "503", "504", "511"):
        yield (
            status,
            make.host(
                "gateway", page(f"{status} No"), said=f'{status} is not from the service: "No way [2J {status} No"'
            ),
        )
    basic = answers("401 Unauthorized", b"", 'WWW-Authenticate: Basic realm="x"')
    yield "basic", make.host("page", basic, said="401 is not from the service: an empty body")
    yield (
        "text",
        make.host("page", answers("404 No", b"404 page not found\n", "Content-Type: text/plain"), said="not found"),
    )
    other_json = answers("403 No", b'{"message":"no key"}', "Content-Type: application/json")
    yield "another JSON", make.host("page", other_json, said="403")
    yield "413", make.host("too-long", page("413 Too Large"), said="client_max_body_size")
    packed = answers("200 OK", b"\x1f\x8b", "Content-Encoding: gzip", "Content-Type: application/json")
    yield "packed", make.host("encoded", packed)
    yield "407", make.host("auth-on-the-way", page("407 Who"))
