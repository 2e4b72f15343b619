"""Guessing from other machines: one answer, one count for all processes, and memory that does not grow."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import signal
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from test.network import CLIENTS, Distant, Network, start_network
from test.patience import until_said
from test.server.test_keys import added
from test.server.test_postfile import fields_of, file_of, post, signed
from test.server.test_process import children
from test.server.wire import MIB, Answer, head
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation, signature
from ucloud.uvideo.protocol.message import Headers
from uvideo.storage.base import DAY

LIMIT, WORKERS = 10, 4
WRONG = (401, -148658, "invalid signature")
TOO_MANY = (429, "too many wrong signatures")


@pytest.fixture(scope="module")
def network() -> Iterator[Network]:
    with start_network() as made:
        yield made


@pytest.fixture(scope="module")
def shared(network: Network, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    options = ("--no-fsync", "--host", "::", "--workers", str(WORKERS), "--guesses", str(LIMIT))
    with start_server(tmp_path_factory.mktemp("guesses") / "data", *options, command=network.inside) as started:
        yield started


@pytest.fixture
def server(shared: Server) -> Server:
    """The server with a key pair of the test's own, which nobody has guessed at yet."""
    return replace(shared, **added(shared.dir))


def guesser(network: Network, server: Server, source: str, public: str | None = None) -> Distant:
    peer = Distant(network, server, source)
    peer.credentials = signature.Credentials(public or server.public_key, "a guess")
    return peer


def listing(peer: Distant, space: str) -> bytes:
    """The bytes of a signed request."""
    pairs = [("Host", f"{space}.localhost"), ("Authorization", peer.signed("GET", space, ""))]
    return head("GET", "/?list", pairs)


def vouched(public: str, private: str, number: int) -> list[tuple[str, str]]:
    """Headers of a SecurityToken that somebody made up."""
    said = {"i": f"STS_{number}", "k": public, "e": int(time.time()) + DAY}
    claim = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    mac = hmac.new(private.encode(), f"token:{claim}".encode(), hashlib.sha256).hexdigest()
    return [("SecurityToken", f"{claim}.{mac}")]


def forged(peer: Distant, space: str, private: str, number: int) -> Answer:
    """What a guess of the pair's private key by means of a SecurityToken is answered; each names another public key."""
    public = peer.credentials.public_key
    signer = signature.Credentials(f"STS_{number}", "no secret")
    pairs = [("Authorization", signature.authorization(signer, "GET", space, "", Headers()))]
    return peer.send("GET", "/?list", [*pairs, *vouched(public, private, number)], host=f"{space}.localhost")


def managed(peer: Distant, public: str) -> Any:
    """The answer to a management call with a wrong signature."""
    body = json.dumps({"Action": "DescribeBucket", "PublicKey": public, "Signature": "0" * 40}).encode()
    return peer.send("POST", "/", [("Content-Type", "application/json")], body).json()


def test_one_count_for_all_processes(network: Network, server: Server) -> None:
    owner = Distant(network, server)
    space = owner.space()
    peer = guesser(network, server, CLIENTS[0])
    got = [peer.ask("GET", space, "/?list").refusal() for _ in range(4 * LIMIT)]
    assert got[:LIMIT] == [WRONG] * LIMIT
    assert [each[::2] for each in got[LIMIT:]] == [TOO_MANY] * 3 * LIMIT
    right = Distant(network, server, CLIENTS[0])  # a right one would be the answer sought
    for _ in range(2 * WORKERS):
        assert right.ask("GET", space, "/?list").refusal()[::2] == TOO_MANY
    for other in CLIENTS[1:]:
        assert Distant(network, server, other).ask("GET", space, "/?list").status == 200
    pair = added(server.dir, "--account", "another")
    assert guesser(network, server, CLIENTS[0], pair["public_key"]).ask("GET", space, "/?list").refusal() == WRONG
    os.kill(children(server)[0], signal.SIGKILL)  # what one process counted is not forgotten with it
    for _ in range(2 * WORKERS):
        assert right.ask("GET", space, "/?list").refusal()[::2] == TOO_MANY


def test_an_ipv6_network_is_one_sender(network: Network, server: Server) -> None:
    space = Distant(network, server).space()
    same, another = CLIENTS[4:6], CLIENTS[3]
    got = [guesser(network, server, same[n % 2]).ask("GET", space, "/?list").status for n in range(2 * LIMIT)]
    assert got == [401] * LIMIT + [429] * LIMIT
    assert Distant(network, server, another).ask("GET", space, "/?list").status == 200


def test_a_proxy_that_is_held_up_for_its_clients_is_named_in_the_log(network: Network, server: Server) -> None:
    space = Distant(network, server).space()
    peer = guesser(network, server, CLIENTS[2])
    for _ in range(LIMIT + WORKERS + 1):
        peer.ask("GET", space, "/?list", headers=[("X-Forwarded-For", "192.0.2.1")])
    hint = f"start the server with --trusted-proxy {CLIENTS[2]}"
    until_said(server.log, hint)
    assert server.log.read_text().count(hint) <= WORKERS


def test_many_at_once_learn_no_more(network: Network, server: Server) -> None:
    """Requests that were let in before the others were found wrong."""
    space = Distant(network, server).space()
    for source in CLIENTS[:3]:
        data = listing(guesser(network, server, source), space)
        got = [each.status for each in network.exchange(source, server.port, data, times=60)]
        assert set(got) <= {401, 429} and LIMIT - WORKERS < got.count(401) <= LIMIT, got
        assert Distant(network, server, source).ask("GET", space, "/?list").status == 429


def test_every_way_to_sign_is_counted_together(network: Network, server: Server) -> None:
    owner = Distant(network, server)
    space = owner.space()
    peer = guesser(network, server, CLIENTS[0])
    query = signature.signed_query(peer.credentials, "GET", space, "k", 4102416000)
    form = fields_of(("FileName", "k"), ("Authorization", signed(peer, space, "k"))) + file_of(b"x")
    ways = (
        lambda number: peer.ask("GET", space, "/?list").refusal() == WRONG,
        lambda number: peer.send("GET", f"/k?{query}", host=f"{space}.localhost").refusal() == WRONG,
        lambda number: managed(peer, server.public_key)["RetCode"] == 171,
        lambda number: post(peer, space, form).refusal() == WRONG,
        lambda number: forged(peer, space, "a guess", number).refusal() == WRONG,
    )
    for number in range(LIMIT):
        assert ways[number % len(ways)](number), number
    assert peer.ask("GET", space, "/?list").status == 429
    assert peer.send("GET", f"/k?{query}", host=f"{space}.localhost").status == 429
    assert managed(peer, server.public_key)["Message"] == TOO_MANY[1]
    assert post(peer, space, form).status == 429
    assert forged(peer, space, server.private_key, 99).status == 429


def test_a_forged_security_token_says_nothing_of_the_key(network: Network, server: Server) -> None:
    """Whoever guesses the private key of the pair gets the same answer as who does not, and is counted."""
    space = Distant(network, server).space()
    seen = set()
    for number, private in enumerate(("a guess", server.private_key) * (LIMIT // 2)):
        got = forged(guesser(network, server, CLIENTS[0]), space, private, number)
        assert got.refusal() == WRONG
        seen.add((got.status, got.body, tuple(sorted(name for name, _ in got.headers))))
    assert len(seen) == 1
    for number in range(LIMIT, 4 * LIMIT):
        assert forged(guesser(network, server, CLIENTS[0]), space, "a guess", number).refusal()[::2] == TOO_MANY
    holder = Distant(network, server, CLIENTS[1])
    keys = holder.manage(operation.AssumeRole())
    holder.credentials = signature.Credentials(keys.public_key, keys.private_key)
    assert holder.ask("GET", space, "/?list", "", [("SecurityToken", keys.security_token)]).status == 200


def test_public_keys_of_any_length_leave_nothing_behind(network: Network, tmp_path: Path) -> None:
    """Each of these was kept for a minute: 400 calls made 43 MiB 450."""
    with start_server(tmp_path, "--no-fsync", "--host", "::", command=network.inside) as server:
        peer = Distant(network, server, CLIENTS[0])

        def call(number: int) -> None:
            assert managed(peer, f"{number:04}" + "k" * (MIB - 200))["RetCode"] == 172  # unknown

        for number in range(20):
            call(number)
        before = server.peak_memory()
        for number in range(20, 120):
            call(number)
        assert server.peak_memory() - before < 60 * MIB  # of 100 sent: what the collector has not come to yet
