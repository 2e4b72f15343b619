"""The console's calls about keys: what a token or a temporary key may do, who sees it, and where its secret is."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.server.test_audit import lines
from test.server.test_console import KEY_CALLS, Visitor
from test.server.test_keys import peer_of
from test.server.test_maintenance import inside
from test.server.wire import Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import operation

READ = {"name": "reader", "ops": ["TOKEN_ALLOW_READ"], "prefixes": ["films/"], "seconds": 3600, "white_ips": []}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("keys") / "data"
    more = ("--no-fsync", "--workers", "2", "--audit-log", str(folder / "audit.log"))
    with start_server(folder, *more) as server:
        yield server


@pytest.fixture
def user(audited: Server) -> Visitor:
    visitor = Visitor(audited)
    assert visitor.sign_in().status == 200
    return visitor


def added(server: Server, path: Path, *more: str) -> dict[str, str]:
    """A second pair."""
    made = inside("add-key", server.dir, "--key-file", path, *more)
    assert made.returncode == 0, made.stderr
    pair: dict[str, str] = json.loads(path.read_text())
    return pair


def shown(visitor: Visitor) -> dict[str, Any]:
    return {each["id"]: each for each in visitor.get("tokens").json()["tokens"]}


def test_a_token_from_its_creation_to_its_end(user: Visitor, audited: Server) -> None:
    owner = Peer(audited)
    space, other = owner.space(), owner.space()
    for key in ("films/a", "b"):
        owner.do(operation.PutObject(space, key), b"x")
    made = user.done("tokens/create", {**READ, "spaces": [space]})
    token, secret = made["token"], made["private_key"]
    assert abs(token["expires"] - time.time() - 3600) < 600
    holder = peer_of(audited, {"public_key": token["public_key"], "private_key": secret})

    def may(key: str = "films/a", where: str = space) -> int:
        return holder.call(operation.GetObject(where, key)).status

    assert may() == 200 and may("b") == 403 and may(where=other) == 403
    assert holder.call(operation.PutObject(space, "films/new"), b"x").status == 403

    said = user.get("tokens")
    assert secret.encode() not in said.body and b"private" not in said.body
    listed = {each["id"]: each for each in said.json()["tokens"]}[token["id"]]
    assert (listed["spaces"], listed["prefixes"], listed["ops"]) == ([space], ["films/"], ["TOKEN_ALLOW_READ"])
    assert (listed["white_ips"], listed["black_ips"], listed["void"]) == ([], [], False)

    change = {**READ, "id": token["id"], "name": "writer", "ops": ["TOKEN_ALLOW_WRITE"], "spaces": ["*"]}
    user.done("tokens/update", {**change, "prefixes": ["*"], "white_ips": ["192.0.2.0/24"], "seconds": None})
    changed = shown(user)[token["id"]]
    assert (changed["name"], changed["expires"]) == ("writer", token["expires"])
    assert may() == holder.call(operation.PutObject(space, "new"), b"x").status == 403
    user.done("tokens/update", {**change, "prefixes": ["*"], "seconds": 86400})
    assert shown(user)[token["id"]]["expires"] > token["expires"]
    assert may() == 403 and holder.call(operation.PutObject(space, "new"), b"x").status == 200

    user.done("tokens/delete", {"id": token["id"]})
    assert holder.call(operation.PutObject(space, "new"), b"x").status == 403
    for call in ("tokens/delete", "tokens/update"):
        assert user.post(call, {**change}).json()["error"] == "TokenNotFound"

    found = lines(audited, about_token=token["id"], way="console")
    assert [(line["operation"], line["status"]) for line in found] == [
        *(("CreateToken", 200), ("UpdateToken", 200), ("UpdateToken", 200), ("DeleteToken", 200)),
        *(("DeleteToken", 400), ("UpdateToken", 400)),
    ]
    assert secret not in (audited.dir / "audit.log").read_text()


@pytest.mark.parametrize(
    "wrong",
    (
        *({"ops": []}, {"ops": ["TOKEN_ALLOW_ALL"]}, {"ops": "TOKEN_ALLOW_READ"}, {"ops": None}),
        *({"spaces": []}, {"spaces": None}, {"spaces": [1]}, {"prefixes": []}, {"prefixes": ["x" * 1025]}),
        *({"prefixes": ["x"] * 101}, {"name": ""}, {"name": "x" * 129}, {"name": None}, {"white_ips": ["nowhere"]}),
        *({"seconds": 0}, {"seconds": None}, {"seconds": -1}, {"seconds": 10**10}, {"seconds": True}),
        {"white_ips": None},
    ),
    ids=str,
)
def test_nothing_is_allowed_by_leaving_it_out(user: Visitor, wrong: dict[str, Any]) -> None:
    """On the management plane an empty list of spaces or prefixes means all; the console refuses it."""
    before = shown(user)
    said = user.post("tokens/create", {**READ, "spaces": ["one"], **wrong})
    assert said.status == 400 and shown(user) == before


def test_another_account_sees_no_token_and_changes_none(user: Visitor, audited: Server, tmp_path: Path) -> None:
    mine = user.done("tokens/create", {**READ, "spaces": ["*"]})["token"]
    pair = added(audited, tmp_path / "films.json", "--account", "films")
    other = Visitor(audited)
    assert other.sign_in(**pair).status == 200
    assert mine["id"] not in shown(other)
    for call in ("tokens/update", "tokens/delete"):
        assert other.post(call, {**READ, "id": mine["id"], "spaces": ["*"]}).json()["error"] == "TokenNotFound"
    theirs = other.done("tokens/create", {**READ, "spaces": ["*"]})["token"]
    assert list(shown(other)) == [theirs["id"]] and theirs["id"] not in shown(user)
    assert shown(user)[mine["id"]] == mine


def test_the_pair_that_signed_in(user: Visitor, audited: Server, tmp_path: Path) -> None:
    pair = added(audited, tmp_path / "second.json", "--account", "second-account")
    other = Visitor(audited)
    other.sign_in(**pair)
    assert user.get("key-pair").json() == {"public_key": audited.public_key, "account": "default", "kind": "own"}
    found = {"public_key": pair["public_key"], "account": "second-account", "kind": "added"}
    assert other.get("key-pair").json() == found
    for visitor, secret in ((user, audited.private_key), (other, pair["private_key"])):
        for method, name in KEY_CALLS:
            assert method == "POST" or secret.encode() not in visitor.get(name).body


def test_temporary_keys(user: Visitor, audited: Server, tmp_path: Path) -> None:
    """They have the rights of the pair on objects, and end with it."""
    pair = added(audited, tmp_path / "third.json")
    other = Visitor(audited)
    other.sign_in(**pair)
    space = Peer(audited).space()
    made = other.done("temporary-keys/create", {"seconds": 900})
    holder = peer_of(audited, {"public_key": made["public_key"], "private_key": made["private_key"]})

    def store() -> int:
        given = [("SecurityToken", made["security_token"])]
        return holder.ask("PUT", space, "/k", "k", given, b"x").status

    assert store() == 200 and abs(made["expires"] - time.time() - 900) < 600
    assert shown(other) == shown(user)  # the server stores nothing of them
    (line,) = lines(audited, operation="AssumeRole", public_key=pair["public_key"])
    assert (line["way"], line["made"]) == ("console", made["public_key"])
    for seconds in (899, 43201, None, "x"):
        assert other.post("temporary-keys/create", {"seconds": seconds}).status == 400
    assert inside("remove-key", audited.dir, pair["public_key"]).returncode == 0
    assert store() == 401 and other.get("tokens").status == 401


def test_tokens_and_temporary_keys_cannot_sign_in(user: Visitor, audited: Server) -> None:
    token = user.done("tokens/create", {**READ, "spaces": ["*"]})
    temporary = user.done("temporary-keys/create", {"seconds": 900})
    pairs = ((token["token"]["public_key"], token["private_key"]), (temporary["public_key"], temporary["private_key"]))
    for public, private in pairs:
        assert Visitor(audited).sign_in(public_key=public, private_key=private).json()["error"] == "WrongKeys"
