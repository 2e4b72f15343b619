"""Who may do what: every actor with every operation, every signed element altered, guesses, and secrets at rest."""

from __future__ import annotations

import itertools
import re
import shutil
import ssl
import stat
import subprocess
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.server.inprocess import Running, running
from test.server.wire import Answer, Peer
from test.server_fixture import keeps_secret, start_server
from ucloud.uvideo.protocol import dialect, errors, management, operation, provider, signature
from ucloud.uvideo.protocol.message import Headers
from uvideo.server.auth.auth_throttle import SETS, WAYS, Guesses
from uvideo.server.auth.client_address import TrustedProxies
from uvideo.server.auth.credentials import Key, Keyring
from uvideo.server.auth.secret_box import CannotDecrypt, decrypted, encrypted
from uvideo.server.http.rate_limits import Limits
from uvideo.storage.base import TokenRecord

NOW = 1_700_000_000.0
RIGHTS = ("READ", "WRITE", "DELETE", "LIST")
SUBSETS = [rights for count in range(5) for rights in itertools.combinations(RIGHTS, count)]
ALL = tuple(f"TOKEN_ALLOW_{right}" for right in RIGHTS)
HELD = b"held"


class Clock:
    now = NOW

    def __call__(self) -> float:
        return self.now


CLOCK = Clock()
OTHERS = (Key("other", "other private", "other"),)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with running(
        tmp_path_factory.mktemp("access"), clock=CLOCK, more=(Key("other", "other private", "other"),)
    ) as made:
        yield made


@pytest.fixture(scope="module")
def owner(world: Running) -> Peer:
    return Peer(world)


@pytest.fixture
def space(owner: Peer) -> str:
    made = owner.space()
    owner.do(operation.PutObject(made, "k"), HELD)
    return made


def state(owner: Peer, space: str) -> list[tuple[str, str]]:
    return [(info.key, info.etag) for info in owner.do(operation.ListObjects(space, limit=1000)).objects]


# Every signed element of a header, altered one at a time


def request_of(owner: Peer, op: Any, body: bytes) -> tuple[str, str, list[tuple[str, str]], str]:
    """(method, target, headers, host) of a right request."""
    made = dialect.encode(op, provider.parse_suffix(".localhost"))
    pairs = [("X-UCloud-Meta", "a"), ("Date", "20240131235959"), *made.headers]
    signed = signature.authorization(owner.credentials, made.method, op.space, op.key, Headers(pairs))
    return made.method, made.target, [*pairs, ("Authorization", signed)], made.origin.partition("://")[2]


def altered(headers: list[tuple[str, str]]) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """(what, headers) with one of them changed, missing, twice, or there although it was not signed."""
    for at, (name, value) in enumerate(headers):
        without = headers[:at] + headers[at + 1 :]
        if name == "Authorization":
            word, _, rest = value.partition(" ")
            public, _, mac = rest.partition(":")
            for number, char in enumerate(mac):
                other = "A" if char != "A" else "B"
                if char == "=" or (mac[number + 1 :].startswith("=") and number == len(mac) - 2):
                    continue  # the bits behind the last byte of base64 are compared as text below
                yield f"mac {number}", [*without, (name, f"{word} {public}:{mac[:number]}{other}{mac[number + 1 :]}")]
            for what in (
                *(f"{word} {public}:{mac[:-1]}", f"{word} {public}:{mac}=", f"{word} {public}:", f"{word} :{mac}"),
                *(f"{word} {public}x:{mac}", f"{word} other:{mac}", f"{word} {public}:{mac}:AAAA", f"X {public}:{mac}"),
                *(f"{word} {public}", f"{word}", "", mac, f"{word} {public}:{mac.swapcase()}"),
            ):
                yield f"authorization {what!r}", [*without, (name, what)]
        elif name in ("Content-Type", "Content-MD5", "Date", "X-UCloud-Meta"):
            yield f"no {name}", without
            yield f"another {name}", [*without, (name, value + "x")]
    yield "one more X-UCloud", [*headers, ("X-UCloud-More", "b")]
    yield "X-UCloud twice", [*headers, ("X-UCloud-Meta", "b")]


OPERATIONS = {
    "put": (lambda space: operation.PutObject(space, "new", "video/mp4", "5d41402abc4b2a76b9719d911017c592"), b"hello"),
    "get": (lambda space: operation.GetObject(space, "k"), b""),
    "delete": (lambda space: operation.DeleteObject(space, "k"), b""),
    "initiate": (lambda space: operation.InitiateUpload(space, "new", "video/mp4"), b""),
    "mime": (lambda space: operation.SetMime(space, "k", "text/x"), b""),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_each_signed_element_counts(owner: Peer, space: str, name: str) -> None:
    make, body = OPERATIONS[name]
    method, target, headers, host = request_of(owner, make(space), body)
    made = dialect.encode(make(space), provider.parse_suffix(".localhost"))
    content, before, tried = body or made.body, state(owner, space), 0
    for what, given in altered(headers):
        got = owner.send(method, target, given, content, host=host)
        if what == "one more X-UCloud" or what == "X-UCloud twice":
            assert got.status == 401, what
        assert 400 <= got.status <= 403 and HELD not in got.body, (what, got)
        tried += 1
    elsewhere = owner.space()
    for given_method, given_target, given_host in (
        *((other, target, host) for other in ("GET", "PUT", "POST", "DELETE", "HEAD") if other != method),
        (method, target.replace("/k", "/j").replace("/new", "/other"), host),
        (method, target, f"{elsewhere}.localhost"),
    ):
        got = owner.send(given_method, given_target, headers, content, host=given_host)
        assert 400 <= got.status <= 404 and HELD not in got.body, (given_method, given_target, given_host, got)
    assert state(owner, space) == before and tried > 30
    assert owner.send(method, target, headers, content, host=host).status < 300  # and unaltered it is right


def test_each_part_of_a_signed_url_counts(owner: Peer, space: str) -> None:
    owner.do(operation.PutObject(space, "j"), HELD)
    host, expires = f"{space}.localhost", int(NOW) + 60
    query = signature.signed_query(owner.credentials, "GET", space, "k", expires)
    assert owner.send("GET", f"/k?{query}", host=host).body == HELD
    pairs = [each.partition("=")[::2] for each in query.split("&")]
    tried = 0
    for at, (name, value) in enumerate(pairs):
        rest = pairs[:at] + pairs[at + 1 :]
        digits = range(len(value) - 2)  # the last one's bits behind the last byte of base64 say nothing
        for changed in (
            *([(name, value[:at] + ("A" if value[at] != "A" else "B") + value[at + 1 :])] for at in digits),
            *([], [(name, "")], [(name, value + "x")], [(name, value), (name, value + "x")], [(name.lower(), value)]),
            *([(name, str(expires + 1))], [(name, str(expires - 1))], [(name, "9" * 30)], [(name, "-1")]),
        ):
            altered_query = "&".join(f"{one}={two}" for one, two in [*changed, *rest])
            if name == "Expires" and changed and changed[0][1] == value:
                continue
            got = owner.send("GET", f"/k?{altered_query}", host=host)
            assert got.status in (400, 401, 403) and HELD not in got.body, (altered_query, got)
            tried += 1
    for method, target, where in (
        *((method, f"/k?{query}", host) for method in ("PUT", "POST", "DELETE")),
        *(("GET", f"/{key}?{query}", host) for key in ("j", "k/", "K", "%6a")),
        ("GET", f"/k?{query}", f"{owner.space()}.localhost"),
        ("PUT", f"/k?{query}&newFileName=j", host),
        ("GET", f"/?{query}&list", host),
    ):
        got = owner.send(method, target, host=where)
        assert 400 <= got.status <= 404 and HELD not in got.body, (method, target, where, got)
    CLOCK.now = expires + 1.0
    try:
        assert owner.send("GET", f"/k?{query}", host=host).refusal() == (401, -148658, "signature expired")
    finally:
        CLOCK.now = NOW
    assert tried > 50 and [key for key, _ in state(owner, space)] == ["j", "k"]


def test_a_management_call_is_signed_as_a_whole(owner: Peer) -> None:
    op = operation.CreateSpace("signed-as-a-whole", "private")
    target = management.encode(op, "", owner.credentials).target
    for change in (
        *(("=private", "=public"), ("signed-as", "Signed-as"), ("CreateBucket", "DeleteBucket"), ("&Type=private", "")),
        *(("?", "?Region=cn-bj&"), ("Signature=", "Signature=0"), ("PublicKey=", "PublicKey=x")),
    ):
        assert change[0] in target, (change, target)
        got = owner.send("GET", target.replace(*change, 1)).json()
        assert got["RetCode"] in (171, 172), (change, got)
    assert all(info.space != "signed-as-a-whole" for info in owner.manage(operation.DescribeSpace(limit=100)).spaces)


# Who may do what


def operations(space: str, upload: str) -> list[tuple[Any, set[str]]]:
    """(operation, the rights that a token needs for it)."""
    return [
        (operation.GetObject(space, "k"), {"READ"}),
        (operation.HeadObject(space, "k"), {"READ"}),
        (operation.GetTags(space, "k"), {"READ"}),
        (operation.GetAcl(space, "k"), {"READ"}),
        (operation.ListObjects(space), {"LIST"}),
        (operation.ListFiles(space), {"LIST"}),
        (operation.ListUploads(space), {"LIST"}),
        (operation.ListParts(space, upload), {"LIST"}),
        (operation.SetMime(space, "k", "text/x"), {"WRITE"}),
        (operation.PutTags(space, "k", (("a", "b"),)), {"WRITE"}),
        (operation.DeleteTags(space, "k"), {"WRITE"}),
        (operation.PutObject(space, "new"), {"WRITE"}),
        (operation.InitiateUpload(space, "new"), {"WRITE"}),
        (operation.UploadPart(space, "u", upload, 0), {"WRITE"}),
        (operation.AppendObject(space, "log", 0), {"WRITE"}),
        (operation.PutAcl(space, "k", "default"), {"READ", "WRITE"}),
        (operation.CopyObject(space, "copy", space, "k"), {"READ", "WRITE"}),
        (operation.RenameObject(space, "new", "newer", True), {"WRITE", "DELETE"}),
        (operation.AbortUpload(space, "u", upload), {"WRITE"}),
        (operation.DeleteObject(space, "newer"), {"DELETE"}),
    ]


def fresh(owner: Peer, kind: str = "private") -> tuple[str, str]:
    space = owner.space(kind)
    owner.do(operation.PutObject(space, "k"), HELD)
    owner.do(operation.PutObject(space, "new"), HELD)
    return space, owner.do(operation.InitiateUpload(space, "u")).upload_id


def is_done(got: Answer) -> bool:
    assert got.status < 300 or got.status in (401, 403), got
    return got.status < 300


@pytest.mark.parametrize("held", SUBSETS, ids="-".join)
def test_a_token_may_do_what_its_rights_say(world: Running, owner: Peer, held: tuple[str, ...]) -> None:
    space, upload = fresh(owner)
    info = owner.manage(operation.CreateToken("t", tuple(f"TOKEN_ALLOW_{right}" for right in held)))
    token, expired = Peer(world), Peer(world)
    token.credentials = signature.Credentials(info.public_key, info.private_key)
    short = owner.manage(operation.CreateToken("e", ALL, expires=int(NOW) + 9))
    expired.credentials = signature.Credentials(short.public_key, short.private_key)
    for op, needed in operations(space, upload):
        assert is_done(token.call(op, b"body")) == (needed <= set(held)), op
        if not needed <= set(held):
            CLOCK.now = NOW + 10
            try:
                assert not is_done(expired.call(op, b"body")), op
            finally:
                CLOCK.now = NOW
            if isinstance(op, (operation.RenameObject, operation.DeleteObject)):
                owner.call(op)  # so that the next one has what it needs
    for each in (info, short):
        owner.manage(operation.DeleteToken(each.token_id))


@pytest.mark.parametrize("kind", ["private", "public"])
@pytest.mark.parametrize("acl", ["default", "public-read"])
def test_strangers_may_read_what_is_public_and_nothing_else(world: Running, owner: Peer, kind: str, acl: str) -> None:
    space, upload = fresh(owner, kind)
    owner.do(operation.PutAcl(space, "k", acl))
    other, wrong, nobody = Peer(world), Peer(world), Peer(world)
    other.credentials = signature.Credentials("other", "other private")
    wrong.credentials = signature.Credentials(world.public_key, "not the private key")
    nobody.credentials = signature.Credentials("nobody", "at all")
    before = state(owner, space)
    for op, _ in operations(space, upload):
        for stranger in (other, wrong, nobody):
            assert not is_done(stranger.call(op, b"body")), (op, stranger.credentials)
        made = dialect.encode(op, provider.parse_suffix(".localhost"))
        got = owner.send(made.method, made.target, made.headers, made.body, host=made.origin.partition("://")[2])
        readable = isinstance(op, (operation.GetObject, operation.HeadObject)) and "public" in f"{kind} {acl}"
        assert is_done(got) == readable, op
    assert state(owner, space) == before


# Guesses

FROM = TrustedProxies().of_connection


def test_wrong_signatures_are_counted_for_each_address_and_key() -> None:
    clock = Clock()
    guesses = Guesses(3, clock)
    for _ in range(3):
        guesses.check(FROM("192.0.2.1"), "key")
        guesses.wrong(FROM("192.0.2.1"), "key")
    with pytest.raises(errors.Throttled) as caught:
        guesses.check(FROM("192.0.2.1"), "key")
    assert 0 < caught.value.retry_after <= 61
    guesses.check(FROM("192.0.2.2"), "key")
    guesses.check(FROM("192.0.2.1"), "another")
    clock.now += 61
    guesses.check(FROM("192.0.2.1"), "key")
    assert not guesses.seen
    for _ in range(2):
        guesses.wrong(FROM("192.0.2.1"), "key")
    for number in range(2 * SETS * WAYS):  # what is tried once pushes out nothing that was tried more often
        guesses.wrong(FROM("192.0.2.1"), str(number))
    guesses.wrong(FROM("192.0.2.1"), "key")
    with pytest.raises(errors.Throttled):
        guesses.check(FROM("192.0.2.1"), "key")
    with pytest.raises(errors.Throttled):  # one of many at once: it is told no more than that
        guesses.wrong(FROM("192.0.2.1"), "key")
    guesses.forget()
    for near in ("127.0.0.1", "::1", "127.8.8.8", "", None, "unix"):
        for _ in range(9):
            guesses.wrong(FROM(near), "key")
    assert not guesses.seen
    off = Guesses(0)
    off.wrong(FROM("192.0.2.1"), "key")
    assert not off.seen


def test_all_addresses_of_an_ipv6_network_are_one_sender() -> None:
    """Whoever has one of them has 2 ** 64, so each could be used for as many guesses as one may have."""
    guesses = Guesses(5)
    for number in range(5):
        guesses.wrong(FROM(f"2001:db8:1:2::{number:x}"), "key")
    with pytest.raises(errors.Throttled):
        guesses.check(FROM("2001:db8:1:2:ffff::9"), "key")
    guesses.check(FROM("2001:db8:1:3::1"), "key")
    for remote in ("::1", "::ffff:127.0.0.1", "127.0.0.9"):  # a proxy on this machine stands for everybody
        for _ in range(9):
            guesses.wrong(FROM(remote), "key")
        guesses.check(FROM(remote), "key")
    for remote in ("::ffff:192.0.2.1", "192.0.2.1", "::ffff:192.0.2.1", "192.0.2.1", "192.0.2.1"):
        guesses.wrong(FROM(remote), "key")
    with pytest.raises(errors.Throttled):
        guesses.check(FROM("192.0.2.1"), "key")


def test_who_guesses_is_held_up_and_nobody_else(tmp_path: Path) -> None:
    guesses = Guesses(5)
    with running(tmp_path, limits=Limits(guesses), proxies=TrustedProxies(["127.0.0.1"])) as world:
        owner, guesser = Peer(world), Peer(world)
        space = owner.space()
        info = owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_READ", "TOKEN_ALLOW_LIST")))
        token = Peer(world)
        token.credentials = signature.Credentials(info.public_key, info.private_key)
        guesser.credentials = signature.Credentials(info.public_key, "a guess")
        for _ in range(5):
            assert guesser.call(operation.ListObjects(space)).status == 401
        got = guesser.call(operation.ListObjects(space))
        assert (
            got.refusal()[::2] == (429, "too many wrong signatures") and 0 < int(got.header("Retry-After") or 0) <= 61
        )
        assert token.call(operation.ListObjects(space)).status == 429  # a right one would be the answer sought
        assert owner.call(operation.ListObjects(space)).status == 200
        guesser.credentials = signature.Credentials(world.public_key, "a guess")
        for _ in range(5):
            with pytest.raises(errors.SignatureMismatch):
                guesser.manage(operation.DescribeSpace())
        with pytest.raises(errors.Throttled):
            guesser.manage(operation.DescribeSpace())
        guesses.forget()
        assert token.call(operation.ListObjects(space)).status == 200


# At rest and on the way


TOKEN = TokenRecord("id", "default", "t", "TOKEN_1", "a secret of a token")
KEYRING = Keyring([Key("public", "the owner's key"), Key("other", "another's key", "other")])


def test_an_encrypted_secret_is_read_for_its_account_and_token_only() -> None:
    closed = encrypted(TOKEN, KEYRING)
    assert "secret" not in closed.private and encrypted(TOKEN, KEYRING).private != closed.private
    assert decrypted(closed, KEYRING) == TOKEN and decrypted(TOKEN, KEYRING) == TOKEN
    for token, keyring in (
        (replace(closed, public="TOKEN_2"), KEYRING),
        (replace(closed, owner="other"), KEYRING),
        (replace(closed, owner="nobody"), KEYRING),
        (replace(encrypted(replace(TOKEN, owner="nobody"), KEYRING), owner="somebody"), KEYRING),
        (replace(encrypted(replace(TOKEN, owner="nobody"), KEYRING), owner=TOKEN.owner), KEYRING),
        (closed, Keyring([Key("public", "a new key")])),
        *(
            (replace(closed, private=closed.private[:at] + "A" + closed.private[at + 1 :]), KEYRING)
            for at in range(3, 40)
            if closed.private[at] != "A"
        ),
        *((replace(closed, private=text), KEYRING) for text in ("s2.", "s2.AAAA", "s2.\x00", closed.private[:-8])),
    ):
        with pytest.raises(CannotDecrypt):
            decrypted(token, keyring)


def test_no_secret_lies_open_in_the_folder(tmp_path: Path) -> None:
    with start_server(tmp_path, "--access-log", anew=True) as server:
        peer = Peer(server)
        space = peer.space()
        info = peer.manage(operation.CreateToken("t", ("TOKEN_ALLOW_READ",)))
        temporary = peer.manage(operation.AssumeRole())
        peer.do(operation.PutObject(space, "k"), HELD)
        query = signature.signed_query(peer.credentials, "GET", space, "k", 4102416000)
        assert peer.send("GET", f"/k?{query}", host=f"{space}.x").status == 200
        with urllib.request.urlopen(server.admin + "/metrics") as response:
            metrics = response.read().decode()
        command = Path(f"/proc/{server.pid}/cmdline").read_text()
        limits = Path(f"/proc/{server.pid}/limits").read_text()
    assert re.search(r"Max core file size +0 +0 ", limits)
    secrets = [server.private_key, info.private_key, temporary.private_key, temporary.security_token]
    signed = dict(each.partition("=")[::2] for each in query.split("&"))["Signature"]
    for path in tmp_path.rglob("*"):
        mode = stat.S_IMODE(path.stat().st_mode)
        assert not mode & 0o077 or path.name == "server.log", (path, oct(mode))  # the log is the test's own file
        if path.is_file():
            text = path.read_bytes()
            for secret in [*secrets, signed]:
                assert secret.encode() not in text or (path.name, secret) == ("credentials.json", server.private_key)
    assert not any(secret in metrics + command for secret in [*secrets, signed])


def test_a_secret_that_leaks_is_found(tmp_path: Path) -> None:
    """By what every server of this suite is held to."""
    keeps_secret(tmp_path, "the-private-key")
    (tmp_path / "server.log").write_text("signed with the-private-key\n")
    with pytest.raises(AssertionError, match="server.log"):
        keeps_secret(tmp_path, "the-private-key")


def test_a_token_outlives_a_restart_and_not_the_key_it_is_encrypted_with(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        owner = Peer(server)
        space = owner.space()
        info = owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",)))
    token = signature.Credentials(info.public_key, info.private_key)
    with start_server(tmp_path, "--no-fsync") as server:
        peer = Peer(server)
        assert peer.manage(operation.DescribeToken()).tokens[0].private_key == info.private_key
        peer.credentials = token
        assert peer.call(operation.ListObjects(space)).status == 200
    with start_server(tmp_path, "--no-fsync", "--public-key", "new", "--private-key", "new-private") as server:
        peer = Peer(server)
        assert peer.manage(operation.DescribeToken()).tokens[0].private_key is None
        peer.credentials = token
        assert peer.call(operation.ListObjects(space)).refusal()[0] == 403
        patience.until_said(server.log, "encrypted with another private key")


def test_both_ports_speak_tls(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl command here")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    subject = ["-subj", "/CN=localhost", "-days", "2", "-addext", "subjectAltName=IP:127.0.0.1"]
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "ed25519",
        "-nodes",
        *subject,
        "-keyout",
        str(key),
        "-out",
        str(cert),
    ]
    subprocess.run(command, check=True, capture_output=True)
    with start_server(tmp_path / "data", "--tls-cert", str(cert), "--tls-key", str(key), "--no-fsync") as server:
        assert server.endpoint.startswith("https://") and server.admin.startswith("https://")
        context = ssl.create_default_context(cafile=str(cert))
        with urllib.request.urlopen(server.admin + "/readyz", context=context) as response:
            assert response.read() == b"ok\n"
        for port in (server.port, server.admin_port):
            for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1):
                assert not handshake(port, cert, version), "an old version of TLS was taken"
            assert handshake(port, cert, ssl.TLSVersion.TLSv1_2) and handshake(port, cert, ssl.TLSVersion.TLSv1_3)


def handshake(port: int, cert: Path, version: ssl.TLSVersion) -> bool:
    import socket
    import warnings

    context = ssl.create_default_context(cafile=str(cert))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.maximum_version = context.minimum_version = version
    try:
        with (
            socket.create_connection(("127.0.0.1", port), patience.SECONDS) as sock,
            context.wrap_socket(sock, server_hostname="127.0.0.1"),
        ):
            return True
    except (ssl.SSLError, OSError):
        return False
