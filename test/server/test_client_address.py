"""Who sent a request: what proxies say of it, by headers and by the PROXY protocol, and from whom that is believed."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import json
import select
import socket
import ssl
import struct
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from test.fuzz.stage import certificate
from test.patience import until
from test.server.wire import SECONDS, Answer, Peer, head, receive
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation, signature
from ucloud.uvideo.protocol.message import Headers
from uvideo.server.auth.client_address import ClientAddress, TrustedProxies
from uvideo.server.http import proxy_protocol
from uvideo.server.http.connection import Server as Answering
from uvideo.server.http.listener import answer_on
from uvideo.server.ops.metrics import Metrics

GUESSES = 5
PROXY, ANOTHER_PROXY, STRANGER = "127.0.0.2", "127.0.0.3", "127.0.0.9"  # where connections come from
ALICE, BOB, MALLORY = "192.0.2.1", "2001:db8::b", "198.51.100.66"  # clients of the proxies
UNCHECKED = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
UNCHECKED.check_hostname, UNCHECKED.verify_mode = False, ssl.CERT_NONE
TRUSTED = (f"{PROXY}/31", "fd00::/8")

# What a request says

PEER = "10.0.0.1"
UNKNOWN = "somebody"
XFF, FORWARDED = "X-Forwarded-For", "Forwarded"
#: Headers of a request that the trusted proxy 10.0.0.1 passes on -> who sent it; UNKNOWN: somebody, through the proxy.
SAID = (
    ((), PEER),
    (((XFF, ALICE),), ALICE),
    (((XFF, f"  {ALICE}\t"),), ALICE),
    (((XFF, f"{ALICE}:4711"),), ALICE),
    (((XFF, f"[{BOB}]"),), BOB),
    (((XFF, f"[{BOB}]:4711"),), BOB),
    (((XFF, BOB),), BOB),
    (((XFF, "2001:DB8:0:0::000b"),), BOB),
    (((XFF, f"::ffff:{ALICE}"),), ALICE),
    (((XFF, f"{MALLORY}, {ALICE}"),), ALICE),
    (((XFF, MALLORY), (XFF, ALICE)), ALICE),
    (((XFF, MALLORY), ("x-forwarded-for", f"{ALICE},10.9.9.9")), ALICE),
    (((XFF, f"{ALICE}, 10.1.1.1, fd00::7"),), ALICE),
    (((XFF, f"{ALICE}, ::ffff:10.1.1.1"),), ALICE),
    (((XFF, "10.3.3.3, 10.2.2.2"),), "10.3.3.3"),
    (((XFF, f"{ALICE}, unknown"),), UNKNOWN),
    (((XFF, f"{ALICE}, unknown, 10.2.2.2"),), (UNKNOWN, "10.2.2.2")),
    (((XFF, f"unknown, {ALICE}"),), ALICE),
    (((XFF, f"{ALICE},"),), UNKNOWN),
    (((XFF, ""),), UNKNOWN),
    (((XFF, f'"{ALICE}"'),), UNKNOWN),
    (((XFF, f"{ALICE} {BOB}"),), UNKNOWN),
    (((XFF, "192.0.2.01"),), UNKNOWN),
    (((XFF, "192.0.2"),), UNKNOWN),
    (((XFF, "3221225985"),), UNKNOWN),
    (((XFF, "192.0.2.1/32"),), UNKNOWN),
    (((XFF, "fe80::1%eth0"),), UNKNOWN),
    (((XFF, "unix:"),), UNKNOWN),
    (((XFF, "١٩٢.0.2.1"),), UNKNOWN),
    (((XFF, f"[{BOB}"),), UNKNOWN),
    (((XFF, ",".join([MALLORY] * 999 + [ALICE])),), ALICE),
    (((XFF, ",".join(["10.3.3.3"] + ["10.2.2.2"] * 999)),), "10.3.3.3"),
    (((FORWARDED, f"for={ALICE}"),), ALICE),
    (((FORWARDED, f"FOR={ALICE};Proto=https;by=_x;host=a"),), ALICE),
    (((FORWARDED, f'proto=http ; host="a, b;for={MALLORY}" ; for="{ALICE}:80"'),), ALICE),
    (((FORWARDED, f'for="[{BOB}]"'),), BOB),
    (((FORWARDED, f'for="[{BOB}]:_port";by="[fd00::1]:80"'),), BOB),
    (((FORWARDED, 'for="\\1\\92.0.2.1"'),), ALICE),
    (((FORWARDED, f"for={MALLORY}, for={ALICE}"),), ALICE),
    (((FORWARDED, f"for={MALLORY}"), (FORWARDED, f"for={ALICE};by=10.2.2.2 ,\tfor=10.2.2.2")), ALICE),
    (((FORWARDED, "for=10.3.3.3, for=10.2.2.2"),), "10.3.3.3"),
    (((FORWARDED, f"for={ALICE}, for=unknown"),), UNKNOWN),
    (((FORWARDED, f"for={ALICE}, for=_hidden, for=10.2.2.2"),), (UNKNOWN, "10.2.2.2")),
    (((FORWARDED, f"for={ALICE}, proto=https"),), UNKNOWN),
    (((FORWARDED, f"for={MALLORY};for={ALICE}"),), UNKNOWN),
    (((FORWARDED, f"for={BOB}"),), UNKNOWN),
    (((FORWARDED, f"for={ALICE},"),), UNKNOWN),
    (((FORWARDED, f"{ALICE}"),), UNKNOWN),
    (((FORWARDED, f'for="{MALLORY}, for={ALICE}'),), UNKNOWN),  # the client's quotation mark has no end
    (((FORWARDED, f'for={MALLORY};x=", for="[{BOB}]"'),), UNKNOWN),
    (((FORWARDED, f'for="{MALLORY}'), (FORWARDED, f"for={ALICE}")), ALICE),  # it reaches into no other line
    (((FORWARDED, f"for={ALICE}"), (XFF, ALICE)), ALICE),
    (((FORWARDED, f'for="[::ffff:{ALICE}]:1"'), (XFF, f"{MALLORY}, {ALICE}:2")), ALICE),
    (((FORWARDED, f"for={MALLORY}"), (XFF, ALICE)), UNKNOWN),  # the client wrote one of them, and nobody knows which
    (((FORWARDED, "for=unknown"), (XFF, ALICE)), UNKNOWN),
    ((("X-Real-IP", MALLORY), ("True-Client-IP", MALLORY), ("Via", MALLORY)), PEER),
)


@pytest.mark.parametrize(("headers", "sender"), SAID)
def test_the_last_address_that_is_not_trusted_counts(headers: Any, sender: Any) -> None:
    proxies = TrustedProxies(("10.0.0.0/8", "fd00::/8"))
    said = proxies.of_request(proxies.of_connection(PEER), Headers(headers))
    address = {UNKNOWN: PEER}.get(sender, sender) if isinstance(sender, str) else sender[1]
    known = sender != UNKNOWN and isinstance(sender, str)
    assert (said.address, said.is_known, said.is_near) == (address, known, False)
    assert str(said.ip) == (address if known else "None")
    for untrusted in (MALLORY, "::1", "127.0.0.1", "fc00::1"):
        connection = proxies.of_connection(untrusted)
        assert proxies.of_request(connection, Headers(headers)) == connection
        assert connection.address == untrusted and connection.is_known
        assert TrustedProxies().of_request(connection, Headers(headers)) == connection


def test_nobody_is_trusted_that_was_not_named() -> None:
    assert not TrustedProxies() and not TrustedProxies().trusts("127.0.0.1") and not TrustedProxies().trusts(None)
    proxies = TrustedProxies(("10.0.0.1", "::ffff:10.1.0.0/112", "fd00:1::/32"))
    for address in ("10.0.0.1", "::ffff:10.0.0.1", "10.1.255.1", "::ffff:10.1.2.3", "fd00:1::9", "fd00:1:0::9%eth0"):
        assert proxies.trusts(address), address
    for address in ("10.0.0.2", "10.2.0.1", "127.0.0.1", "::1", "fd00:2::1", "", None, "localhost", "10.0.0.1 "):
        assert not proxies.trusts(address), address
    every = TrustedProxies(("0.0.0.0/0",))
    assert every.trusts("::ffff:1.2.3.4") and not every.trusts("::1.2.3.4")


@pytest.mark.parametrize("wrong", ("", "nginx", "10.0.0.5/8", "10.0.0.0/33", "fd00::1/8", "10.0.0.1:80", "1", "*"))
def test_what_is_no_network_is_refused(wrong: str) -> None:
    with pytest.raises(ValueError, match="write 10.0.0.5, 10.0.0.0/8"):
        TrustedProxies((wrong,))


def test_this_machine_stands_for_many_only_while_it_is_not_trusted() -> None:
    for address in ("127.0.0.1", "127.9.9.9", "::1", "::ffff:127.0.0.1", None, "a socket's path"):
        assert TrustedProxies().of_connection(address).is_near
    trusting = TrustedProxies(("127.0.0.1",))
    connection = trusting.of_connection("127.0.0.1")
    assert not connection.is_near and trusting.of_connection("127.0.0.2").is_near
    assert not trusting.of_request(connection, Headers([(XFF, "127.0.0.1")])).is_near
    assert not trusting.of_request(connection, Headers([(XFF, "127.0.0.5")])).is_near  # another machine's loopback
    assert not trusting.of_connection("127.0.0.1", "127.0.0.5").is_near


PIECES = st.sampled_from(
    (*'"\\,;=[]: \t', "for=", "by=", "x", "unknown", "_y", ALICE, MALLORY, BOB, f'for="[{BOB}]"', "10.2.2.2", "é", "\0")
)


@given(st.lists(PIECES, max_size=12).map("".join), st.booleans())
@settings(max_examples=300, deadline=None)
def test_whatever_a_client_writes_it_names_nobody_else(written: str, in_one_line: bool) -> None:
    """A proxy appends the client's address to what the client wrote, in the same line or in one of its own."""
    proxies = TrustedProxies(("10.0.0.0/8",))
    client, unknown = "203.0.113.9", replace(proxies.of_connection(PEER), is_known=False)
    for name, appended in ((XFF, client), (FORWARDED, f"for={client}"), (FORWARDED, f'proto=http;for="{client}:1"')):
        lines = [(name, f"{written}, {appended}")] if in_one_line else [(name, written), (name, appended)]
        said = proxies.of_request(proxies.of_connection(PEER), Headers(lines))
        assert said == ClientAddress(client) or (said == unknown and in_one_line and name == FORWARDED)


@given(
    st.binary(min_size=1, max_size=60),
    st.sampled_from((b"", b"PROXY ", b"PROXY TCP4 ", b"\r\n\r\n\0\r\nQUIT\n!\x11\0\x0c")),
)
@settings(max_examples=300, deadline=None)
def test_any_bytes_are_a_header_or_malformed_or_none(data: bytes, begin: bytes) -> None:
    with contextlib.suppress(proxy_protocol.MalformedProxyHeader):
        size = proxy_protocol.size(begin + data)
        assert size is None or 0 < size <= proxy_protocol.LIMIT
        if size is not None and size <= len(begin + data):
            found = proxy_protocol.address((begin + data)[:size])
            assert not found or ipaddress.ip_address(found)


def test_sixty_four_kilobytes_of_hops_take_no_time() -> None:
    proxies = TrustedProxies(("10.0.0.0/8", "fd00::/8"))
    connection = proxies.of_connection(PEER)
    hops = [f"10.{number >> 8}.{number & 255}.1" for number in range(1200)]
    lines = (
        *((XFF, ",".join(hops)),) * 4,
        *((FORWARDED, ",".join("for=" + each for each in hops[:1000])),) * 4,
        *((FORWARDED, 'for="' + "\\" * 16000),) * 4,
    )
    began = time.process_time()
    proxies.of_request(connection, Headers(lines))
    assert time.process_time() - began < 2.0  # it takes 0.03 s; what grew with the square would take minutes


# What begins a connection


def block(address: str, *, command: int = 0x21, family: int | None = None, tlv: bytes = b"", port: int = 4711) -> bytes:
    """A header of version 2."""
    kind = socket.AF_INET6 if ":" in address else socket.AF_INET
    rest = socket.inet_pton(kind, address) * 2 + struct.pack("!HH", port, 443) + tlv
    found = (0x21 if ":" in address else 0x11) if family is None else family
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, found, len(rest)) + rest


def bare(command: int, family: int, rest: bytes = b"") -> bytes:
    return b"\r\n\r\n\0\r\nQUIT\n" + struct.pack("!BBH", command, family, len(rest)) + rest


TLV = b"\x03\x00\x04abcd" + b"\x04\x0b\xb8" + bytes(3000)
HEADERS = (
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\r\n", ALICE),
    (b"PROXY TCP4 192.0.2.1 10.0.0.1 0 0\r\n", ALICE),
    (b"PROXY TCP6 2001:db8::b fd00::1 65535 443\r\n", BOB),
    (b"PROXY TCP6 ::ffff:192.0.2.1 fd00::1 1 443\r\n", ALICE),
    (b"PROXY TCP6 " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n", "ffff:" * 7 + "ffff"),
    (b"PROXY UNKNOWN\r\n", ""),
    (b"PROXY UNKNOWN " + b"ffff:" * 7 + b"ffff " + b"ffff:" * 7 + b"ffff 65535 65535\r\n", ""),
    (b"PROXY UNKNOWN anything \0\r\n", ""),
    (block(ALICE), ALICE),
    (block(BOB, port=0), BOB),
    (block(f"::ffff:{ALICE}"), ALICE),
    (block(ALICE, tlv=TLV), ALICE),
    (block(ALICE, family=0x12), ""),  # a datagram's address is no connection's
    (block(ALICE, family=0x10), ""),
    (bare(0x21, 0x00), ""),
    (bare(0x21, 0x00, b"what there is"), ""),
    (bare(0x21, 0x31, b"/run/client.sock".ljust(216, b"\0")), ""),
    (bare(0x20, 0x00), None),
    (bare(0x20, 0xFF, TLV), None),
    (block(MALLORY, command=0x20), None),
)
MALFORMED = (
    b"PROXY \r\n",
    b"PROXY TCP4\r\n",
    b"PROXY tcp4 192.0.2.1 10.0.0.1 4711 443\r\n",
    b"PROXY TCP5 192.0.2.1 10.0.0.1 4711 443\r\n",
    b"PROXY UDP4 192.0.2.1 10.0.0.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 4711\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443 \r\n",
    b"PROXY TCP4  192.0.2.1 10.0.0.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 4711 443\n",
    b"PROXY TCP4 192.0.2.01 10.0.0.1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 04711 443\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 65536 443\r\n",
    b"PROXY TCP4 192.0.2.1 10.0.0.1 -1 443\r\n",
    b"PROXY TCP4 2001:db8::b fd00::1 4711 443\r\n",
    b"PROXY TCP6 192.0.2.1 10.0.0.1 4711 443\r\n",
    b"PROXY TCP6 fe80::1%eth0 fd00::1 4711 443\r\n",
    b"PROXY TCP4 192.0.2.1 here 4711 443\r\n",
    b"PROXY UNKNOWNS\r\n",
    b"PROXY UNKNOWN \r \r\n",
    b"PROXY UNKNOWN " + b"x" * 92 + b"\r\n",
    b"PROXY TCP4 " + b"1" * 200,
    bare(0x11, 0x11, bytes(12)),
    bare(0x31, 0x11, bytes(12)),
    bare(0x22, 0x11, bytes(12)),
    bare(0x21, 0x41, bytes(216)),
    bare(0x21, 0x13, bytes(12)),
    bare(0x21, 0x11, bytes(11)),
    bare(0x21, 0x21, bytes(35)),
    bare(0x21, 0x31, bytes(215)),
    bare(0x20, 0x00, bytes(proxy_protocol.LIMIT - 15)),
    b"\r\n\r\n\0\r\nQUIT\n\x20\x00\xff\xff",
)


def said_by(header: bytes) -> str | None:
    """As the server reads it: each byte alone."""
    for end in range(1, len(header) + 1):
        size = proxy_protocol.size(header[:end] + b"GET / HTTP/1.1\r\n" * (end == len(header)))
        assert size is not None
        if size <= end:
            assert size == end == len(header)
            return proxy_protocol.address(header)
        assert end < len(header), "it should have ended"
    raise AssertionError("no bytes")


@pytest.mark.parametrize(("header", "address"), HEADERS)
def test_a_header_names_an_address(header: bytes, address: str | None) -> None:
    found = said_by(header)
    proxies = TrustedProxies((PEER,))
    assert found == address or proxies.of_connection(PEER, found).address == address
    connection = proxies.of_connection(PEER, found)
    named = ClientAddress(address) if address else ClientAddress(PEER, is_proxy=True, is_known=address is None)
    assert connection == named
    said = proxies.of_request(connection, Headers([(XFF, MALLORY)]))  # believed of the proxy itself only
    assert said == (ClientAddress(MALLORY) if address is None else named)
    assert proxies.of_connection(MALLORY, found) == ClientAddress(MALLORY)


@pytest.mark.parametrize("header", MALFORMED)
def test_a_malformed_header_is_found_to_be_one(header: bytes) -> None:
    with pytest.raises(proxy_protocol.MalformedProxyHeader):
        said_by(header)


@pytest.mark.parametrize(
    "begin", (b"\x16\x03\x01\x02\x00", b"GET / HTTP/1.1\r\n", b"PUT /", b"PROPFIND", b"\r\nGET", b"proxy TCP4", b"\0")
)
def test_other_bytes_are_no_header(begin: bytes) -> None:
    assert proxy_protocol.size(begin) is None


def test_a_balancer_may_stand_before_a_proxy() -> None:
    proxies = TrustedProxies((PEER, "10.0.0.7"))
    connection = proxies.of_connection(PEER, "10.0.0.7")
    assert connection.is_proxy and proxies.of_request(connection, Headers([(XFF, ALICE)])) == ClientAddress(ALICE)


# At the server


@dataclass
class Fronted:
    """A server with ``tls`` or without, before which there are proxies."""

    server: Server
    tls: bool

    def connect(self, source: str, port: int | None = None, first: bytes = b"") -> socket.socket:
        """A connection from this address, on which these bytes come before TLS."""
        sock = socket.create_connection(("127.0.0.1", port or self.server.port), SECONDS, source_address=(source, 0))
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.sendall(first)
        if not self.tls:
            return sock
        return UNCHECKED.wrap_socket(sock)

    def ask(self, source: str, request: bytes, *, first: bytes = b"", port: int | None = None) -> Answer:
        with self.connect(source, port, first) as sock:
            sock.sendall(request)
            return receive(sock, request.partition(b" ")[0].decode())

    def remote(self, got: Answer) -> str:
        """Who sent the request with this answer, as the access log says."""
        found: list[Any] = []

        def look() -> bool:
            lines = [line for line in self.server.log.read_text().splitlines() if got.header("X-SessionId") in line]
            found[:] = [json.loads(line) for line in lines if line.startswith("{")]
            return bool(found)

        until(look)
        return str(found[0]["remote"])


def start_fronted(folder: Path, *options: str, tls: bool = False) -> Iterator[Fronted]:
    given = ["--no-fsync", "--access-log", "--guesses", str(GUESSES), "--workers", "2", *options]
    env = {"UVIDEO_SERVE_TRUSTED_PROXY": " ".join(TRUSTED)} if tls else {}
    given += [] if tls else [text for each in TRUSTED for text in ("--trusted-proxy", each)]
    with start_server(folder / "data", *given, env=env) as server:
        yield Fronted(server, tls)
        assert "Traceback" not in server.log.read_text()


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    folder = tmp_path_factory.mktemp("plain")
    yield from start_fronted(folder, "--audit-log", str(folder / "audit.log"))


@pytest.fixture(scope="module")
def secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fronted]:
    folder = tmp_path_factory.mktemp("secure")
    both = str(certificate(folder))
    yield from start_fronted(folder, "--tls-cert", both, "--tls-key", both, tls=True)


@pytest.fixture(params=("plain", "secure"))
def fronted(request: pytest.FixtureRequest) -> Fronted:
    found: Fronted = request.getfixturevalue(request.param)
    return found


class Passed(Peer):
    """A client whose requests a proxy passes on, which connects from ``source`` and says so by ``headers``."""

    def __init__(self, fronted: Fronted, source: str = PROXY, headers: Sequence[tuple[str, str]] = ()) -> None:
        super().__init__(fronted.server)
        self.fronted, self.source, self.headers = fronted, source, headers
        self.first = b""

    def exchange(self, data: bytes, method: str) -> Answer:
        said = b"".join(f"{name}: {value}\r\n".encode() for name, value in self.headers)
        line, _, rest = data.partition(b"\r\n")
        return self.fronted.ask(self.source, line + b"\r\n" + said + rest, first=self.first)

    def guessing(self, public: str | None = None) -> Passed:
        """The same client without the private key."""
        found = Passed(self.fronted, self.source, self.headers)
        found.first = self.first
        found.credentials = signature.Credentials(public or self.credentials.public_key, "a guess")
        return found


REQUEST = head("GET", "/k", [("Host", "none.localhost"), (XFF, MALLORY)])
#: (where the connection comes from, its first bytes, who is the sender of REQUEST, which says that it is MALLORY)
CAME = (
    (STRANGER, b"", STRANGER),
    (PROXY, b"", MALLORY),
    (ANOTHER_PROXY, b"", MALLORY),
    (PROXY, b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n", ALICE),
    (PROXY, b"PROXY TCP6 2001:db8::b ::1 4711 443\r\n", BOB),
    (PROXY, b"PROXY UNKNOWN\r\n", PROXY),
    (PROXY, b"PROXY TCP4 127.0.0.3 127.0.0.1 4711 443\r\n", MALLORY),
    (PROXY, block(ALICE), ALICE),
    (PROXY, block(BOB, tlv=TLV), BOB),
    (PROXY, bare(0x21, 0x31, bytes(216)), PROXY),
    (PROXY, bare(0x20, 0x00), MALLORY),
    (PROXY, block("fd00::5"), MALLORY),
)


@pytest.mark.parametrize(("source", "first", "sender"), CAME)
def test_the_access_log_says_who_sent_a_request(fronted: Fronted, source: str, first: bytes, sender: str) -> None:
    got = fronted.ask(source, REQUEST, first=first)
    assert got.status == 400 and fronted.remote(got) == sender


def test_a_header_may_come_byte_by_byte(fronted: Fronted) -> None:
    for first, sender in ((b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n", ALICE), (block(BOB), BOB)):
        with socket.create_connection(("127.0.0.1", fronted.server.port), source_address=(PROXY, 0)) as sock:
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            for at in range(len(first)):
                sock.sendall(first[at : at + 1])
                time.sleep(0.001)
            if fronted.tls:
                sock = UNCHECKED.wrap_socket(sock)
            with sock:
                sock.sendall(REQUEST)
                assert fronted.remote(receive(sock)) == sender


def test_requests_of_one_connection_may_be_of_many_senders(plain: Fronted) -> None:
    with plain.connect(PROXY) as sock:
        for sender in (ALICE, BOB, MALLORY):
            sock.sendall(head("GET", "/k", [("Host", "none.localhost"), (XFF, sender)]))
            assert plain.remote(receive(sock)) == sender


def ended(sock: socket.socket) -> bool:
    """Whether the other side ended the connection and said nothing."""
    try:
        return not sock.recv(1000)
    except (ConnectionError, ssl.SSLError):
        return True


def test_a_malformed_header_ends_the_connection(fronted: Fronted) -> None:
    for port in (fronted.server.port, fronted.server.admin_port):
        for first in MALFORMED:
            with socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(PROXY, 0)) as sock:
                sock.sendall(first + REQUEST)
                assert ended(sock), first


def test_only_a_proxy_may_introduce_a_connection(fronted: Fronted) -> None:
    for which in ("port", "admin_port"):
        for first in (b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n", block(ALICE)):
            port = getattr(fronted.server, which)
            with socket.create_connection(("127.0.0.1", port), SECONDS, source_address=(STRANGER, 0)) as sock:
                sock.sendall(first + REQUEST)
                if fronted.tls:
                    while not ended(sock):  # of OpenSSL comes an alert, and no answer
                        pass
                else:
                    assert receive(sock).refusal()[0] == 400


def test_one_introduction_is_all_there_is(fronted: Fronted) -> None:
    """A client behind a balancer cannot send another one, neither at once nor between two requests."""
    line = b"PROXY TCP4 192.0.2.1 127.0.0.1 4711 443\r\n"
    if not fronted.tls:
        assert fronted.ask(PROXY, REQUEST, first=block(MALLORY) + line).refusal()[0] == 400
    with fronted.connect(PROXY, first=line) as sock:
        sock.sendall(REQUEST)
        assert fronted.remote(receive(sock)) == ALICE
        sock.sendall(block(MALLORY) + REQUEST)
        assert receive(sock).refusal()[0] == 400


def test_half_a_header_holds_up_nobody(fronted: Fronted) -> None:
    for which in ("port", "admin_port"):
        port = getattr(fronted.server, which)
        with contextlib.ExitStack() as stack:
            for half in (b"", b"P", b"PROXY TCP4 192", b"\r\n", block(ALICE)[:20]) * 4:
                sock = stack.enter_context(socket.create_connection(("127.0.0.1", port), source_address=(PROXY, 0)))
                sock.sendall(half)
            path = head("GET", "/healthz" if which == "admin_port" else "/k", [("Host", "none.localhost")])
            for source in (PROXY, STRANGER):
                assert fronted.ask(source, path, port=port).status in (200, 400)
            assert not select.select([sock], [], [], 0)[0], "it was not waited for the other half"


def test_the_console_says_who_failed_to_sign_in(fronted: Fronted) -> None:
    body = json.dumps({"public_key": "nobody", "private_key": "no secret"}).encode()

    def sign_in(sender: str, first: bytes = b"") -> int:
        pairs = [("Host", "x"), (XFF, sender), ("Content-Type", "application/json"), ("Content-Length", str(len(body)))]
        request = head("POST", "/api/session", pairs) + body
        return fronted.ask(PROXY, request, first=first, port=fronted.server.admin_port).status

    assert [sign_in(MALLORY) for _ in range(5)] == [403] * 5
    until(lambda: sign_in(MALLORY) == 429)  # for a second; one that comes later is refused for longer
    assert sign_in(ALICE) == 403
    assert sign_in(MALLORY, block(BOB)) == 403
    log = fronted.server.log.read_text()
    for sender in (MALLORY, ALICE, BOB):
        assert f"a sign-in from {sender} failed" in log
    assert f"a sign-in from {PROXY} failed" not in log


WRONG, TOO_MANY = 401, 429


def test_the_audit_log_says_who_changed_something(plain: Fronted) -> None:
    space = Passed(plain, headers=[(XFF, BOB)]).space()
    found: list[Any] = []

    def look() -> bool:
        lines = (plain.server.dir.parent / "audit.log").read_text().splitlines()
        found[:] = [each for each in map(json.loads, lines) if each["space"] == space]
        return bool(found)

    until(look)
    assert [(each["operation"], each["address"]) for each in found] == [("CreateSpace", BOB)]


def test_a_wrong_signature_holds_up_nobody_behind_the_same_proxy(plain: Fronted) -> None:
    owner = Passed(plain, headers=[(XFF, ALICE)])
    space = owner.space()
    for source, headers, first in (
        (PROXY, [(XFF, MALLORY)], b""),
        (PROXY, [(XFF, ALICE), (XFF, "198.51.100.67")], b""),  # who writes the owner's address into its own header
        (PROXY, [(FORWARDED, f"for={ALICE}"), (XFF, "198.51.100.68")], b""),
        (ANOTHER_PROXY, [(XFF, ALICE)], block("198.51.100.69")),
    ):
        guesser = Passed(plain, source, headers)
        guesser.first = first
        got = [guesser.guessing().ask("GET", space, "/?list").status for _ in range(2 * GUESSES)]
        assert got == [WRONG] * GUESSES + [TOO_MANY] * GUESSES, headers
        assert guesser.ask("GET", space, "/?list").status == TOO_MANY  # a right one would be the answer sought
        assert owner.ask("GET", space, "/?list").status == 200
    assert Passed(plain, STRANGER).ask("GET", space, "/?list").status == 200


def test_a_tokens_lists_are_about_the_sender(plain: Fronted) -> None:
    owner = Passed(plain, headers=[(XFF, ALICE)])
    space = owner.space()

    def statuses(**lists: Any) -> list[int]:
        info = owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",), **lists))
        found = []
        for source, headers, first in (
            (PROXY, [(XFF, ALICE)], b""),
            (PROXY, [(XFF, f"{ALICE}, {MALLORY}")], b""),
            (PROXY, [(XFF, MALLORY)], block(ALICE)),
            (PROXY, [(FORWARDED, f"for={ALICE}"), (XFF, MALLORY)], b""),
            (PROXY, [(XFF, f"{ALICE}, unknown")], b""),
            (STRANGER, [(XFF, ALICE)], b""),
        ):
            holder = Passed(plain, source, headers)
            holder.credentials, holder.first = signature.Credentials(info.public_key, info.private_key), first
            found.append(holder.ask("GET", space, "/?list").status)
        return found

    assert statuses(white_ips=(ALICE,)) == [200, 403, 200, 403, 403, 403]
    assert statuses(black_ips=(MALLORY,)) == [200, 403, 200, 403, 403, 200]  # who is not known is not let in
    assert statuses(white_ips=("127.0.0.0/8",)) == [403, 403, 403, 403, 403, 200]


def test_rates_and_connections_are_each_senders_own(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", "--access-log") as server:
        peer = Peer(server)
        space = peer.space("public")
        peer.do(operation.PutObject(space, "k"), b"x")
        fronted = Fronted(server, False)
        assert fronted.remote(fronted.ask(PROXY, REQUEST)) == PROXY  # without the option nobody is trusted
        assert fronted.ask(PROXY, REQUEST, first=block(ALICE)).refusal()[0] == 400
    limits = ("--rate", "0.001", "--connections-per-address", "2")
    with start_server(tmp_path, *limits, "--trusted-proxy", f"{PROXY}/31") as server:
        fronted = Fronted(server, False)

        def read(sender: str, source: str = PROXY, first: bytes = b"") -> int:
            return fronted.ask(source, head("GET", "/k", [("Host", f"{space}.x"), (XFF, sender)]), first=first).status

        assert [read(ALICE), read(ALICE), read(BOB), read(f"{ALICE}, {BOB}"), read(MALLORY)] == [
            200,
            429,
            200,
            429,
            200,
        ]
        assert [read(ALICE, STRANGER), read(BOB, STRANGER)] == [200, 429]
        assert [read(BOB, first=block("192.0.2.77")), read(BOB, first=block("192.0.2.77"))] == [200, 429]
        with contextlib.ExitStack() as stack:

            def hold(first: bytes = b"") -> bytes:
                """The beginning of the answer to a request on one more connection, which stays open."""
                sock = stack.enter_context(fronted.connect(PROXY, first=first))
                sock.sendall(head("HEAD", "/k", [("Host", "none.localhost")]))
                return sock.recv(12)

            assert [hold(block(ALICE)) for _ in range(3)] == [b"HTTP/1.1 400", b"HTTP/1.1 400", b"HTTP/1.1 503"]
            assert hold(block(BOB)) == b"HTTP/1.1 400"
            assert {hold() for _ in range(5)} == {b"HTTP/1.1 400"}  # the proxy's own: they are of many
            assert {hold(bare(0x21, 0)) for _ in range(5)} == {b"HTTP/1.1 400"}
            assert {hold(block(ANOTHER_PROXY)) for _ in range(5)} == {b"HTTP/1.1 400"}
            stack.enter_context(fronted.connect(PROXY, first=block(ALICE)[:20]))
            assert server.stop() == 0  # half a header holds up no end either


def test_half_a_header_ends_in_time() -> None:
    """Not before, and no turn of the loop is spent on it meanwhile."""

    async def story() -> None:
        loop = asyncio.get_running_loop()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        server = Answering(_nobody, Metrics(0), TrustedProxies(("127.0.0.1",)), most=4, keep_alive=0.2)
        arrivals = await answer_on(listening, server, None, 8)
        for half in (b"", b"PROX", b"PROXY TCP4 1", block(ALICE)[:-1]):
            began, spent = loop.time(), time.process_time()
            reader, writer = await asyncio.open_connection(*listening.getsockname())
            writer.write(half)
            await writer.drain()
            with contextlib.suppress(ConnectionError):
                assert await reader.read() == b""
            assert loop.time() - began >= 0.1 and time.process_time() - spent < 0.1
            writer.close()
        assert not server.is_crowded
        arrivals.close()
        listening = socket.create_server(("127.0.0.1", 0))
        listening.setblocking(False)
        server = Answering(_nobody, Metrics(0), TrustedProxies(("127.0.0.1",)), most=4, keep_alive=240)
        arrivals = await answer_on(listening, server, None, 8)
        halves = [await asyncio.open_connection(*listening.getsockname()) for _ in range(4)]
        while not server.is_crowded:  # they are connections as any other
            await asyncio.sleep(0.001)
        reader, writer = await asyncio.open_connection(*listening.getsockname())
        assert (await reader.read()).startswith(b"HTTP/1.1 503 ")
        for _, each in (*halves, (reader, writer)):
            each.close()
        arrivals.close()

    asyncio.run(story())


async def _nobody(request: Any) -> Any:
    raise AssertionError("no request was sent")


def test_nothing_asks_anybody_else_who_sent_a_request() -> None:
    """aiohttp's ``request.remote`` is whoever connected."""
    found = [
        f"{path.name}:{number}"
        for path in sorted((ROOT / "uvideo" / "server").rglob("*.py"))
        for number, line in enumerate(path.read_text().splitlines(), 1)
        if path.name != "connection.py" and (".remote" in line or "peername" in line or "getpeername" in line)
    ]
    assert not found
