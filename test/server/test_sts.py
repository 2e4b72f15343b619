"""Temporary keys: what AssumeRole gives, and what the data plane makes of it."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from test.server.inprocess import Running, running
from test.server.test_tokens import NOW, Clock
from test.server.wire import Peer
from ucloud.uvideo.protocol import errors, operation, signature
from ucloud.uvideo.protocol.compat import build_query
from ucloud.uvideo.protocol.message import Headers
from uvideo.server.auth.credentials import Key


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def world(tmp_path: Path, clock: Clock) -> Iterator[Running]:
    with running(tmp_path, clock=clock, more=(Key("other", "other private", "other"),)) as server:
        yield server


def status(peer: Peer, space: str, token: str | None, method: str = "GET", **more: bytes) -> int:
    headers = [("SecurityToken", token)] if token is not None else []
    return peer.ask(method, space, "/k", "k", headers, **more).status


def holder(world: Running, keys: operation.TemporaryKeys) -> Peer:
    peer = Peer(world)
    peer.credentials = signature.Credentials(keys.public_key, keys.private_key)
    return peer


def test_temporary_keys_do_what_the_account_may_with_their_token_only(world: Running) -> None:
    owner = Peer(world)
    space = owner.space()
    keys = owner.manage(operation.AssumeRole("any", "session"))
    assert keys.expires == NOW + 3600 and keys.private_key not in repr(keys)
    peer = holder(world, keys)
    assert status(peer, space, keys.security_token, "PUT", body=b"x") == 200
    assert status(peer, space, keys.security_token) == 200
    query = signature.signed_query(peer.credentials, "GET", space, "k", int(NOW) + 60)
    assert peer.send("GET", f"/k?{query}", host=f"{space}.localhost").status == 403
    assert peer.send("GET", f"/k?{query}&SecurityToken={keys.security_token}", host=f"{space}.localhost").status == 200

    altered = keys.security_token[:-1] + ("0" if keys.security_token[-1] != "0" else "1")
    another = owner.manage(operation.AssumeRole())
    forged = keys.security_token.partition(".")[0] + "." + "0" * 64
    wrong = (401, -148658, "invalid signature")
    for token in ("junk", "a.b", ".", "e30.x", "é", altered, another.security_token, forged, "x" * 5000, *unreadable()):
        assert peer.ask("GET", space, "/k", "k", [("SecurityToken", token)]).refusal() == wrong, token
    for token in (None, ""):
        assert status(peer, space, token) == 403
    peer.credentials = signature.Credentials(keys.public_key, "wrong")
    assert peer.ask("GET", space, "/k", "k", [("SecurityToken", keys.security_token)]).refusal() == wrong
    own = {"i": keys.public_key, "k": world.public_key, "e": int(NOW) - 1}
    for private in (world.private_key, "a guess"):  # who guesses the pair's key is told nothing by an old token either
        token = vouched(own, private)
        assert peer.ask("GET", space, "/k", "k", [("SecurityToken", token)]).refusal() == wrong


def vouched(said: object, private: str) -> str:
    claim = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
    return f"{claim}.{hmac.new(private.encode(), f'token:{claim}'.encode(), hashlib.sha256).hexdigest()}"


def unreadable() -> list[str]:
    """Tokens that say something else than they must, each rightly encrypted by a key that nobody asked."""
    says = (
        [],
        None,
        7,
        {},
        {"i": "STS_1", "k": 7, "e": 8},
        {"i": 1, "k": "\ud800", "e": 1},
        {"i": [], "k": "k", "e": None},
    )
    return [vouched(said, "any key") for said in (*says, {"i": "STS_1", "k": "x" * 900, "e": 10**40})]


def test_they_end(world: Running, clock: Clock) -> None:
    owner = Peer(world)
    space = owner.space()
    keys = owner.manage(operation.AssumeRole(seconds=900))
    peer = holder(world, keys)
    assert status(peer, space, keys.security_token, "PUT", body=b"x") == 200
    clock.now = NOW + 901
    assert status(peer, space, keys.security_token) == 403
    assert status(owner, space, None) == 200


def test_they_may_not_manage_and_reach_no_other_account(world: Running) -> None:
    owner, other = Peer(world), Peer(world)
    other.credentials = signature.Credentials("other", "other private")
    space = owner.space()
    keys = other.manage(operation.AssumeRole())
    peer = holder(world, keys)
    assert status(peer, space, keys.security_token, "PUT", body=b"x") == 403
    with pytest.raises(errors.UnknownKey):
        peer.manage(operation.DescribeSpace())


@pytest.mark.parametrize("seconds", [0, 899, 43201, 10**12])
def test_how_long_they_last(world: Running, seconds: int) -> None:
    with pytest.raises(errors.Refused) as caught:
        Peer(world).manage(operation.AssumeRole(seconds=seconds))
    assert caught.value.ret_code == 15018


@pytest.mark.parametrize("policy", ("{}", '{"Version":"1","Statement":[]}', "*", " ", "x" * 5000))
def test_keys_are_not_given_under_a_policy_that_would_not_hold(world: Running, policy: str) -> None:
    with pytest.raises(errors.BadRequest, match="does not support Policy") as caught:
        Peer(world).manage(operation.AssumeRole(policy=policy))
    assert caught.value.ret_code == 15017


@pytest.mark.parametrize("name", ("policy", "POLICY", "Policy.0", "PolicyDocument", "PolicyArns.0"))
def test_no_other_spelling_of_a_policy_is_lost(world: Running, name: str) -> None:
    owner = Peer(world)
    given = {"Action": "AssumeRole", "PublicKey": world.public_key, name: "{}"}
    given["Signature"] = signature.action_signature(world.private_key, given)
    got = owner.send("GET", "/?" + build_query(given.items()))
    assert got.json()["RetCode"] == 15017 and "Credentials" not in got.json()


def test_the_headers_name_is_read_in_any_case(world: Running) -> None:
    owner = Peer(world)
    space = owner.space()
    owner.do(operation.PutObject(space, "k"), b"x")
    keys = owner.manage(operation.AssumeRole())
    peer = holder(world, keys)
    signed = signature.authorization(peer.credentials, "GET", space, "k", Headers())
    pairs = [("securitytoken", keys.security_token), ("authorization", signed)]
    assert peer.send("GET", "/k", pairs, host=f"{space}.localhost").status == 200
