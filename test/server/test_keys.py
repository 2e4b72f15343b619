"""Key pairs beside the server's own: added and removed by `uvideo admin` while the server runs, kept encrypted."""

from __future__ import annotations

import base64
import json
import os
import pty
import shutil
import sqlite3
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from test import patience
from test.server.test_console import Visitor
from test.server.test_maintenance import admin, inside, told
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation, signature
from uvideo import Client, errors
from uvideo.server.auth import temporary_keys

STRANGERS = ("../x", "", "a b", "-x", "x" * 65, "é")


def added(folder: Path, *options: object, env: dict[str, str] | None = None, run: Any = inside) -> dict[str, str]:
    """The pair that `uvideo admin add-key` made, which ``run`` runs."""
    file = folder.parent / f"pair-{time.monotonic_ns()}.json"
    said = told(run("add-key", folder, "--key-file", file, "--json", *options, env=env))
    pair: dict[str, str] = json.loads(file.read_text())
    assert said["public_key"] == pair["public_key"] and stat.S_IMODE(file.stat().st_mode) == 0o600
    return pair


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """For tests that add pairs of an account of their own."""
    with start_server(tmp_path_factory.mktemp("keys") / "data", "--no-fsync") as server:
        yield server


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("made") / "data"
    with start_server(folder, "--no-fsync"):
        pass  # it makes the catalog
    return folder


@pytest.fixture
def folder(made: Path, tmp_path: Path) -> Path:
    """The folder of a stopped server."""
    return Path(shutil.copytree(made, tmp_path / "data"))


def peer_of(server: Server, pair: dict[str, str]) -> Peer:
    return Peer(SimpleNamespace(port=server.port, **pair))


def test_a_second_pair_of_the_account_counts_at_once_and_until_it_is_removed(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start_server(folder, "--no-fsync", "--workers", "2") as server:
        first = Peer(server)
        space = first.space()
        first.do(operation.PutObject(space, "key"), b"of the first")
        pair = added(folder, run=admin)
        second = peer_of(server, pair)
        for _ in range(6):  # whichever worker answers
            assert second.call(operation.GetObject(space, "key")).body == b"of the first"
        assert [each.space for each in second.manage(operation.DescribeSpace(None)).spaces] == [space]
        with Client(**pair, endpoint=server.host) as client:
            with pytest.raises(errors.SignatureMismatch):
                peer_of(server, {**pair, "private_key": "another private key"}).do(operation.GetObject(space, "key"))
            url = client.presign(space, "key")
        another = added(folder)
        listed = [json.loads(line) for line in admin("list-keys", folder, "--json").stdout.splitlines()]
        assert sorted(each["public_key"] for each in listed) == sorted([pair["public_key"], another["public_key"]])
        assert {each["account"] for each in listed} == {"default"}
        assert told(admin("remove-key", folder, pair["public_key"], "--json")) == {"removed": pair["public_key"]}
        for _ in range(6):
            assert second.call(operation.GetObject(space, "key")).refusal()[1] == errors.UnknownKey.ret_code
        target = "/" + url.partition("://")[2].partition("/")[2]
        assert second.send("GET", target, [("Bucket", space)]).status == 403
        with pytest.raises(errors.UnknownKey):
            second.manage(operation.DescribeSpace(None))
        assert first.call(operation.GetObject(space, "key")).status == 200


def test_another_account_sees_its_own_spaces_only(shared: Server) -> None:
    server, folder = shared, shared.dir
    pair_of_films = added(folder, "--account", "films")
    ours, theirs = Peer(server), peer_of(server, pair_of_films)
    mine, other = ours.space(), theirs.space()
    theirs.do(operation.PutObject(other, "key"), b"theirs")
    assert [each.space for each in theirs.manage(operation.DescribeSpace(None)).spaces] == [other]
    for peer, space in ((ours, other), (theirs, mine)):
        assert peer.call(operation.PutObject(space, "key"), b"x").status == 403
        assert peer.call(operation.GetObject(space, "key")).status == 403
        with pytest.raises(errors.AccessDenied):
            peer.manage(operation.UpdateSpace(space, "public"))
    # What is derived from its key pair is of its account.
    token = theirs.manage(operation.CreateToken("t", ("TOKEN_ALLOW_READ",)))
    reader = peer_of(server, {"public_key": token.public_key, "private_key": token.private_key})
    assert reader.call(operation.GetObject(other, "key")).body == b"theirs"
    assert reader.call(operation.GetObject(mine, "key")).status == 403
    keys = theirs.manage(operation.AssumeRole())
    credentials = signature.Credentials(keys.public_key, keys.private_key)

    def status(space: str, token: str = keys.security_token) -> int:
        temporary = Peer(server)
        temporary.credentials = credentials
        headers = [("Bucket", space), ("SecurityToken", token)]
        headers.append(("Authorization", temporary.signed("GET", space, "key", headers)))
        return temporary.send("GET", "/key", headers).status

    assert (status(other), status(mine)) == (200, 403)
    # Who has a pair makes no keys of another account, whatever he writes into them, the server's own pair included.
    films = SimpleNamespace(**pair_of_films)
    for pair, account, space in ((server, "films", other), (films, "default", mine)):
        said = {"i": keys.public_key, "k": pair.public_key, "o": account, "e": keys.expires}
        claim = base64.urlsafe_b64encode(json.dumps(said).encode()).decode()
        token = claim + "." + temporary_keys.mac_of(pair.private_key, "token:" + claim)
        credentials = signature.Credentials(keys.public_key, temporary_keys.mac_of(pair.private_key, "secret:" + token))
        assert status(space, token) == 403
    credentials = signature.Credentials(keys.public_key, keys.private_key)
    assert status(other) == 200
    told(inside("remove-key", folder, pair_of_films["public_key"], "--json"))
    assert status(other) == 401


def test_the_console_knows_added_pairs(shared: Server) -> None:
    server, folder = shared, shared.dir
    pair = added(folder, "--account", "music")
    visitor = Visitor(server)
    visitor.sign_in(**pair)
    assert visitor.get("spaces").status == 200
    told(inside("remove-key", folder, pair["public_key"], "--json"))
    assert visitor.get("spaces").status == 401
    assert visitor.sign_in(**pair).status == 403


def test_a_catalog_gives_no_pair_away_and_none_to_another_account(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    with start_server(folder, "--no-fsync") as server:
        space = Peer(server).space()
        pair = added(folder, "--account", "films")
        peer = peer_of(server, pair)
        assert peer.call(operation.PutObject(space, "key"), b"x").status == 403
    stored = b"".join(path.read_bytes() for path in folder.iterdir() if path.name.startswith("catalog"))
    assert pair["private_key"].encode() not in stored and pair["public_key"].encode() in stored
    with sqlite3.connect(folder / "catalog.db") as db:
        db.execute("UPDATE keys SET owner = 'default'")
    db.close()
    with start_server(folder, "--no-fsync") as server:
        peer = peer_of(server, pair)
        assert peer.call(operation.PutObject(space, "key"), b"x").refusal()[1] == errors.UnknownKey.ret_code
        patience.until_said(server.log, "is encrypted with another private key")
        assert pair["private_key"] not in server.log.read_text()


def test_a_private_key_is_shown_on_a_terminal_only(folder: Path) -> None:
    done = inside("add-key", folder)
    assert done.returncode == 2 and "give --key-file" in done.stderr
    assert inside("list-keys", folder).stdout == ""
    leader, follower = pty.openpty()
    command = [sys.executable, "-m", "uvideo", "admin", "add-key", str(folder)]
    ended = subprocess.run(
        command, stdout=follower, stdin=follower, stderr=subprocess.PIPE, cwd=ROOT, timeout=patience.SECONDS
    )
    os.close(follower)
    said = os.read(leader, 65536).decode()
    os.close(leader)
    assert ended.returncode == 0 and "private key, shown only once: " in said
    public = said.split()[1]
    assert inside("list-keys", folder).stdout.split()[:2] == [public, "default"]


def test_what_cannot_be_added_changes_nothing(folder: Path, tmp_path: Path) -> None:
    file = tmp_path / "pair.json"
    own = json.loads((folder / "credentials.json").read_text())["public_key"]

    def refused(*options: object, env: dict[str, str] | None = None) -> str:
        done = inside("add-key", folder, *options, env=env)
        assert done.returncode == 2 and "Traceback" not in done.stderr and done.stdout == ""
        return done.stderr

    def pair(public: str, private: str = "a private key", mode: int = 0o600) -> Path:
        path = tmp_path / "given.json"
        path.unlink(missing_ok=True)
        path.touch(mode)
        path.write_text(json.dumps({"public_key": public, "private_key": private}))
        return path

    for account in STRANGERS:
        assert "the name of an account" in refused("--account", account, "--key-file", file)
    assert "server's own" in refused("--pair", pair(own))
    for name in ("TOKEN_1", "STS_1"):
        assert "a token's key or a temporary key" in refused("--pair", pair(name))
    assert "shorter than 8" in refused("--pair", pair("mine", "short"))
    assert "can be read by others" in refused("--pair", pair("mine", mode=0o644))
    file.write_text("precious")
    assert "exists already" in refused("--key-file", file) and file.read_text() == "precious"
    assert told(inside("add-key", folder, "--pair", pair("mine"), "--json"))["public_key"] == "mine"
    assert "there is a key pair mine already" in refused("--pair", pair("mine"))
    assert "exists already" in refused("--key-file", file)
    done = inside("remove-key", folder, own)
    assert done.returncode == 2 and "cannot be removed" in done.stderr
    (folder / "credentials.json").unlink()
    assert "needs the server's own key pair" in refused("--pair", pair("more"))
    assert len(inside("list-keys", folder).stdout.splitlines()) == 1


def test_key_pairs_move_with_a_folder(tmp_path: Path) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    with start_server(source, "--no-fsync") as server:
        pair = added(source, "--account", "films")
        space = peer_of(server, pair).space()
    assert told(inside("migrate", source, "--to-folder", target, "--json"))["keys"] == 1
    (target / "credentials.json").write_bytes((source / "credentials.json").read_bytes())
    (target / "credentials.json").chmod(0o600)
    with start_server(target, "--no-fsync") as server:
        assert peer_of(server, pair).call(operation.PutObject(space, "key"), b"x").status == 200


def test_512_links_of_one_account_sign_nobody_out(shared: Server) -> None:
    server, folder = shared, shared.dir
    pair = added(folder, "--account", "links")
    mine, theirs = Visitor(server), Visitor(server)
    assert mine.sign_in().status == theirs.sign_in(**pair).status == 200
    link = mine.post("link", {"public_key": server.public_key, "private_key": server.private_key}).json()["link"]
    for _ in range(520):
        assert theirs.post("link", pair).status == 200
    assert mine.get("spaces").status == theirs.get("spaces").status == 200
    assert Visitor(server).sign_in(link=link).status == 200
