"""A server that goes on while its certificate and its settings change: SIGHUP, changed files, all workers."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import ipaddress
import os
import re
import signal
import ssl
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from test.forked import Forked
from test.interpreters import ROOT
from test.patience import until, until_said
from test.server.terminal import serve
from test.server.test_process import children
from test.server.wire import Peer, connect, head, receive
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation
from uvideo.server.process.reload import WHEN, When
from uvideo.server.process.settings import ServerSettings


class Pair(NamedTuple):
    """A certificate as DER, and both as PEM.  ``end``: unix seconds."""

    der: bytes
    chain: bytes
    key: bytes
    end: int


def pair(days: int = 2) -> Pair:
    """A self-signed certificate for 127.0.0.1."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.datetime.now(datetime.timezone.utc).replace(microsecond=0)
    end = now + datetime.timedelta(days=days)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(end)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    pem, der = (made.public_bytes(each) for each in (serialization.Encoding.PEM, serialization.Encoding.DER))
    return Pair(der, pem, private, int(end.timestamp()))


def replace(path: Path, data: bytes | str) -> None:
    """As programs do that renew certificates: the name leads to the old or to the new file at any moment."""
    aside = path.with_name(f"{path.name}.new")
    aside.write_bytes(data if isinstance(data, bytes) else data.encode())
    aside.replace(path)


@contextlib.contextmanager
def secure(port: int) -> Iterator[ssl.SSLSocket]:
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with connect(port) as sock, context.wrap_socket(sock, server_hostname="127.0.0.1") as found:
        yield found


def shown(port: int) -> bytes:
    """The certificate that a new connection sees, DER."""
    with secure(port) as sock:
        return sock.getpeercert(binary_form=True) or b""


@contextlib.contextmanager
def alone(server: Server, pid: int) -> Iterator[None]:
    """While the block runs only this worker takes connections."""
    others = [each for each in children(server) if each != pid]
    for other in others:
        os.kill(other, signal.SIGSTOP)
    try:
        yield
    finally:
        for other in others:
            os.kill(other, signal.SIGCONT)


class Site:
    """A server with two workers, TLS and a settings file."""

    def __init__(self, server: Server, folder: Path) -> None:
        self.server, self.folder = server, folder
        self.settings, self.chain, self.key = (folder / name for name in ("settings", "cert.pem", "key.pem"))

    def hang_up(self) -> None:
        os.kill(self.server.pid, signal.SIGHUP)

    def metric(self, name: str) -> float:
        with secure(self.server.admin_port) as sock:
            sock.sendall(head("GET", "/metrics", [("Host", f"127.0.0.1:{self.server.admin_port}")]))
            text = receive(sock).body.decode()
        return float(re.findall(rf"^{name} (\S+)$", text, re.MULTILINE)[0])

    def said(self) -> str:
        return self.server.log.read_text()

    def ask(self, method: str, target: str, headers: list[tuple[str, str]], body: bytes = b"") -> int:
        with secure(self.server.port) as sock:
            sock.sendall(head(method, target, [*headers, ("Content-Length", str(len(body)))]) + body)
            return receive(sock, method).status


FIRST = pair()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("site")
    for name, data in (("settings", b""), ("cert.pem", FIRST.chain), ("key.pem", FIRST.key)):
        (folder / name).write_bytes(data)
    options = ("--settings", str(folder / "settings"), "--workers", "2", "--no-fsync", "--reload-seconds", "0.1")
    tls = ("--tls-cert", str(folder / "cert.pem"), "--tls-key", str(folder / "key.pem"), "--access-log")
    with start_server(folder / "data", *options, *tls) as server:
        yield Site(server, folder)


def in_every_worker(site: Site, port: int, expected: bytes) -> None:
    until(lambda: shown(port) == expected)  # so it was read: the worker that reads may be stopped below
    for pid in children(site.server):
        with alone(site.server, pid):
            until(lambda: shown(port) == expected)


def test_a_renewed_certificate_is_taken_by_every_worker_and_open_connections_go_on(site: Site) -> None:
    server, new = site.server, pair(days=20)
    assert site.metric("uvideo_certificate_not_after_seconds") == FIRST.end
    with secure(server.port) as old:
        replace(site.key, new.key)  # one after the other, and read in between
        until(lambda: "the certificate is unchanged" in site.said())
        assert shown(server.port) == shown(server.admin_port) == FIRST.der
        assert site.metric("uvideo_reload_failures_total") >= 1
        replace(site.chain, new.chain)
        in_every_worker(site, server.port, new.der)
        until(lambda: shown(server.admin_port) == new.der)
        until(lambda: site.metric("uvideo_certificate_not_after_seconds") == new.end)
        assert site.metric("uvideo_reload_successful") == 1
        old.sendall(head("GET", "/nothing", [("Host", "x")]))
        assert receive(old).status == 400 and old.getpeercert(binary_form=True) == FIRST.der


def test_a_certificate_that_ended_is_served_and_said(site: Site, tmp_path: Path) -> None:
    """At a start, when it comes, and at each reload that somebody asks for."""
    ended, before, said = pair(days=0), site.chain.read_bytes(), "the TLS certificate expired on "
    served = shown(site.server.port)
    chain, key = tmp_path / "chain", tmp_path / "key"
    chain.write_bytes(ended.chain)
    key.write_bytes(ended.key)
    with start_server(tmp_path / "data", "--no-fsync", "--tls-cert", str(chain), "--tls-key", str(key)) as server:
        until_said(server.log, f"{said}{datetime.datetime.now(datetime.timezone.utc):%Y-}")
        assert shown(server.port) == ended.der
    old = site.key.read_bytes()
    replace(site.key, ended.key)
    replace(site.chain, ended.chain)
    until(lambda: said in site.said())
    in_every_worker(site, site.server.port, ended.der)  # a worker may still have the one before
    lines = site.said().count(said)
    site.hang_up()
    until(lambda: site.said().count(said) > lines)
    replace(site.key, old)
    replace(site.chain, before)
    in_every_worker(site, site.server.port, served)
    until(lambda: site.metric("uvideo_reload_successful") == 1)


@pytest.mark.parametrize("broken", ("nothing", "rubbish", "another", "pipe"))
def test_a_certificate_that_cannot_be_used_leaves_the_old_one(site: Site, broken: str) -> None:
    before, failures = shown(site.server.port), site.metric("uvideo_reload_failures_total")
    chain, lines = site.chain.read_bytes(), site.said().count("the certificate is unchanged")
    if broken in ("nothing", "pipe"):
        site.chain.unlink()
        if broken == "pipe":
            os.mkfifo(site.chain)
    else:
        replace(site.chain, b"rubbish" if broken == "rubbish" else pair().chain)
    site.hang_up()
    until(lambda: site.said().count("the certificate is unchanged") > lines)
    until(lambda: site.metric("uvideo_reload_failures_total") > failures)
    assert site.metric("uvideo_reload_successful") == 0
    in_every_worker(site, site.server.port, before)
    replace(site.chain, chain)
    until(lambda: site.metric("uvideo_reload_successful") == 1)


def link(peer: Peer, space: str) -> str:
    """A signed URL without an end."""
    signed = peer.signed("GET", space, "k").rpartition(":")[2]
    from urllib.parse import quote

    return f"/k?UCloudPublicKey={quote(peer.credentials.public_key)}&Signature={quote(signed, safe='')}"


@pytest.fixture(scope="module")
def stored(site: Site) -> tuple[str, str]:
    """(host, target of a permanent link) of an object."""
    peer = Peer(site.server)
    from ucloud.uvideo.protocol import management

    request = management.encode(operation.CreateSpace("t-reload-0123456789"), "", peer.credentials)
    assert site.ask("GET", request.target, [("Host", "x")]) == 200
    host = "t-reload-0123456789.localhost"
    signed = ("Authorization", peer.signed("PUT", "t-reload-0123456789", "k"))
    assert site.ask("PUT", "/k", [("Host", host), signed], b"12345") == 200
    return host, link(peer, "t-reload-0123456789")


def test_rules_count_in_every_worker_and_go_when_their_lines_go(site: Site, stored: tuple[str, str]) -> None:
    host, target = stored
    assert site.ask("GET", target, [("Host", host)]) == 401
    for text, expected in (("UVIDEO_SERVE_PERMANENT_LINKS=true\nUVIDEO_SERVE_RATE=1\n", {200, 429}), ("", {401})):
        site.settings.write_text(text)
        for pid in children(site.server):
            with alone(site.server, pid):
                found = set[int]()

                def seen(found: set[int] = found, expected: set[int] = expected) -> bool:
                    found.add(site.ask("GET", target, [("Host", host)]))
                    return expected <= found

                until(seen)


def test_one_wrong_line_changes_nothing_and_is_named(site: Site, stored: tuple[str, str]) -> None:
    host, target = stored
    for line, text in (
        ("UVIDEO_SERVE_RATE=fast", "line 2: UVIDEO_SERVE_RATE: 'fast' is not a valid float"),
        ("UVIDEO_SERVE_RATE=nan", "line 2: UVIDEO_SERVE_RATE: 'nan' is not a number"),
        ("UVIDEO_SERVE_TRUSTED_PROXY=10.0.0.0/33", "--trusted-proxy: "),  # would count after a restart only
        ("UVIDEO_SERVE_RAET=1", "line 2: there is no setting UVIDEO_SERVE_RAET; did you mean UVIDEO_SERVE_RATE?"),
        ("UVIDEO_SERVE_DIR=x", "line 2: there is no setting UVIDEO_SERVE_DIR; the folder is an argument: uvideo serve"),
        ("UVIDEO_SERVE_CORS_ORIGIN=nonsense", "--cors-origin: 'nonsense' is not an origin"),
        ("UVIDEO_SERVE_PUBLIC_KEY=another", "uvideo admin keys --replace"),
        ("UVIDEO_SERVE_CALLBACK_ALLOW=a:b:c", "--callback-allow: "),
    ):
        site.settings.write_text(f"UVIDEO_SERVE_PERMANENT_LINKS=true\n{line}\n")
        site.hang_up()
        until(lambda text=text: text in site.said())
        assert site.metric("uvideo_reload_successful") == 0
        assert site.ask("GET", target, [("Host", host)]) == 401
    site.settings.unlink()
    os.mkfifo(site.settings)
    until(lambda: "it is not a regular file" in site.said().rpartition("settings are unchanged")[2])
    site.settings.unlink()
    site.settings.write_text("")
    until(lambda: site.metric("uvideo_reload_successful") == 1)


def test_what_needs_a_restart_is_said_and_the_rest_counts(site: Site) -> None:
    site.settings.write_text("UVIDEO_SERVE_PUBLIC_URL=https://v.example\nUVIDEO_SERVE_LOG_LEVEL=debug\n")
    until(lambda: "changed, takes effect after a restart: public_url" in site.said())
    for pid in children(site.server):
        with alone(site.server, pid):
            lines = site.said().count(" DEBUG ")

            def seen(lines: int = lines) -> bool:
                site.ask("GET", "/nothing", [("Host", "x")])
                return site.said().count(" DEBUG ") > lines

            until(seen)
    site.settings.write_text("")
    until(lambda: "read again: log_level = 'info'" in site.said())


def test_a_worker_that_is_started_later_has_what_was_read_last(site: Site, stored: tuple[str, str]) -> None:
    host, target = stored
    new = pair()
    replace(site.key, new.key)
    replace(site.chain, new.chain)
    site.settings.write_text("UVIDEO_SERVE_PERMANENT_LINKS=true\n")
    in_every_worker(site, site.server.port, new.der)
    until(lambda: "permanent_links = True" in site.said().rpartition("log_level = 'info'")[2])
    for path in (site.settings, site.chain, site.key):
        replace(path, "rubbish")  # what is on the disk now is of no use to it
    for victim in children(site.server):
        os.kill(victim, signal.SIGKILL)
        until(lambda victim=victim: len(set(children(site.server)) - {victim}) == 2)
    for pid in children(site.server):
        with alone(site.server, pid):
            until(lambda: shown(site.server.port) == new.der)
            until(lambda: site.ask("GET", target, [("Host", host)]) == 200)
    for path, data in ((site.settings, b""), (site.chain, new.chain), (site.key, new.key)):
        replace(path, data)
    until(lambda: site.metric("uvideo_reload_successful") == 1)


def test_signals_under_load_lose_nothing(site: Site, stored: tuple[str, str]) -> None:
    host, _ = stored
    peer, answers, stop = Peer(site.server), list[int](), threading.Event()
    signed = ("Authorization", peer.signed("GET", "t-reload-0123456789", "k"))

    def load() -> None:
        while not stop.is_set():
            try:
                answers.append(site.ask("GET", "/k", [("Host", host), signed]))
            except OSError:
                answers.append(0)

    threads = [threading.Thread(target=load) for _ in range(3)]
    for thread in threads:
        thread.start()
    for number in range(10):
        new = pair()
        replace(site.key, new.key)
        replace(site.chain, new.chain)
        site.settings.write_text(f"UVIDEO_SERVE_CONNECTIONS={1000 + number}\n")
        site.hang_up()
        seen = len(answers)
        until(lambda seen=seen: len(answers) > seen + 3)
    stop.set()
    for thread in threads:
        thread.join()
    assert set(answers) == {200}
    until(lambda: site.metric("uvideo_reload_successful") == 1)
    assert len(children(site.server)) == 2


# One process, and the files themselves


#: What counts after a restart, and would not let the server start.
WAITING = (
    ("FAULTS=/nowhere", "--faults: /nowhere cannot be read: No such file or directory"),
    ("FAULTS=/nowhere\nUVIDEO_SERVE_WORKERS=2", "--faults needs --workers 1"),
    ("WORKERS=65", ""),  # it names the file
    ("DATABASE=nonsense", "--database is 'nonsense'"),
    ("BLOBS=s3://bucket", "--blobs s3://... needs --database"),
    ("OTHER_KEYS=/nowhere", "--other-keys: /nowhere cannot be read: No such file or directory"),
    ("TLS_CERT=/nowhere", "--tls-cert and --tls-key must be given together"),
    ("TLS_CERT=/nowhere\nUVIDEO_SERVE_TLS_KEY=/nowhere", "the TLS certificate or key cannot be used"),
)


def test_the_command_line_wins_over_the_environment_and_that_over_the_files(tmp_path: Path) -> None:
    """It listens where the winner says."""
    first, second = tmp_path / "first", tmp_path / "second"
    first.write_text(
        "UVIDEO_SERVE_HOST=127.0.0.2\nUVIDEO_SERVE_ADMIN_HOST=127.0.0.2\nUVIDEO_SERVE_FSYNC=no\n"
        "UVIDEO_SERVE_LOG_LEVEL=debug\nUVIDEO_SERVE_PERMANENT_LINKS=on\n"
    )
    second.write_text("UVIDEO_SERVE_ADMIN_HOST='127.0.0.3'  \nUVIDEO_SERVE_LOG_LEVEL=error\n")
    files = ("--settings", str(first), "--settings", str(second), "--reload-seconds", "0")
    env = {"UVIDEO_SERVE_HOST": "127.0.0.4", "UVIDEO_SERVE_LOG_LEVEL": "info"}
    with start_server(tmp_path / "data", *files, "--log-level", "warning", env=env) as server:
        assert server.endpoint.startswith("http://127.0.0.4:") and server.admin.startswith("http://127.0.0.3:")
        assert "answering on" not in server.log.read_text()
        second.write_text("UVIDEO_SERVE_LOG_LEVEL=debug\nUVIDEO_SERVE_LOCK_SECONDS=2\n")
        os.kill(server.pid, signal.SIGHUP)
        until_said(server.log, "takes effect after a restart: admin_host, lock_seconds")
        for line, said in WAITING:
            second.write_text(f"UVIDEO_SERVE_{line}\nUVIDEO_SERVE_LOG_LEVEL=debug\n")
            os.kill(server.pid, signal.SIGHUP)
            until(lambda said=said: f"the settings are unchanged: {said or second}" in server.log.read_text())
        assert server.stop() == 0
        assert " INFO " not in server.log.read_text()  # the command line's level still counts


def test_a_secret_in_a_file_for_all_is_refused(tmp_path: Path, commands: Forked) -> None:
    file = tmp_path / "settings"
    lines = "UVIDEO_SERVE_PUBLIC_KEY=me\nUVIDEO_SERVE_PRIVATE_KEY=it is long enough\n"
    for text, mode, said in (
        (lines, 0o644, "line 2: UVIDEO_SERVE_PRIVATE_KEY is a secret, and others can read the file (mode 644)"),
        ("UVIDEO_SERVE_DATABASE=postgresql://me:pass@h/d\n", 0o604, "line 1: UVIDEO_SERVE_DATABASE is a secret"),
        ("", 0o602, "others can write to"),
        ("UVIDEO_SERVE_RATE=1", 0o640, "70000"),
    ):
        file.write_text(text)
        file.chmod(mode)
        got = commands.run("serve", tmp_path / "data", "--settings", file, "--admin-port", 0, "--port", 70000)
        assert got.returncode == 2 and said in got.stderr and "long enough" not in got.stderr, got.stderr
        assert ":pass@" not in got.stderr
    file.write_text(lines)
    file.chmod(0o640)
    with start_server(
        tmp_path / "data", "--settings", str(file), env={"UVIDEO_SERVE_PRIVATE_KEY": "it is long enough"}
    ) as server:
        assert server.public_key == "me"


def test_a_server_ends_with_its_terminal_and_nohup_keeps_it(tmp_path: Path) -> None:
    for nohup in (False, True):
        pid, terminal = serve(tmp_path / f"data-{nohup}", "--no-fsync", nohup=nohup)
        os.close(terminal)
        if nohup:
            os.kill(pid, signal.SIGHUP)
            assert os.waitpid(pid, os.WNOHANG) == (0, 0)
            os.kill(pid, signal.SIGTERM)
        ended: list[int] = []

        def ends(pid: int = pid, ended: list[int] = ended) -> bool:
            found, status = os.waitpid(pid, os.WNOHANG)
            ended[:] = [os.waitstatus_to_exitcode(status)]
            return found == pid

        until(ends)
        assert ended[0] >= 0  # its output leads nowhere, so it may be 1


def test_of_each_setting_it_is_said_when_it_counts() -> None:
    assert set(WHEN) == {each.name for each in dataclasses.fields(ServerSettings)}
    text = (ROOT / "docs" / "server.md").read_text(encoding="utf-8")
    section = text.partition("\n## Settings\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([^|]*) \| ((?:`[A-Z0-9_]+`(?:, )?)+) \|$", section, re.MULTILINE)
    names_of = {each: "DIR" if each == "folder" else each.upper() for each in WHEN}  # the folder is an argument
    said = {when: set(re.findall(r"`([A-Z0-9_]+)`", names)) for when, names in rows}
    assert said == {when.value: {names_of[name] for name, found in WHEN.items() if found is when} for when in When}
