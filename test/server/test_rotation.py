"""Another key pair for the server while it runs: what counts at once, what goes on, and what a crash leaves."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal as signals
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from test import patience
from test.patience import until, until_said
from test.ports import free_ports
from test.server.test_console import Visitor
from test.server.test_keys import added, peer_of
from test.server.test_maintenance import inside, told
from test.server.wire import Peer
from test.server_fixture import ROOT, Server, start_server
from ucloud.uvideo.protocol import operation, signature
from uvideo.server.auth.credentials import CredentialsFile, Key, load, read, save, write
from uvideo.storage.sqlite import SqliteCatalog


@dataclass
class World:
    """A space with the object ``key``, a token, and a second account with a space of its own."""

    server: Any
    space: str
    token: dict[str, str]
    films: dict[str, str]
    films_space: str
    folder: Path

    @classmethod
    def of(cls, server: Server) -> World:
        owner, films = Peer(server), added(server.dir, "--account", "films")
        space, films_space = owner.space(), peer_of(server, films).space()
        owner.do(operation.PutObject(space, "key"), b"x")
        made = owner.manage(operation.CreateToken("t", ops=("TOKEN_ALLOW_READ",)))
        token = {"public_key": made.public_key, "private_key": made.private_key}
        return cls(server, space, token, films, films_space, server.dir)

    def status(self, pair: dict[str, str]) -> int:
        return peer_of(self.server, pair).call(operation.GetObject(self.space, "key")).status

    def goes_on(self, server: Any = None) -> None:
        """AssertionError unless the token and the added pair work, on whichever worker."""
        self.server = server or self.server
        for _ in range(4):
            assert self.status(self.token) == 200
            films = peer_of(self.server, self.films)
            assert films.call(operation.PutObject(self.films_space, "key"), b"x").status == 200


def pair_of(folder: Path, name: str = "credentials.json") -> dict[str, str]:
    found = json.loads((folder / name).read_text())
    return {"public_key": found["public_key"], "private_key": found["private_key"]}


def rotated(folder: Path, *options: object) -> dict[str, Any]:
    said: dict[str, Any] = told(inside("keys", folder, "--json", *options))
    return said


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    folder = tmp_path_factory.mktemp("rotation") / "data"
    options = ("--no-fsync", "--workers", "2", "--audit-log", str(folder / "audit.log"))
    with start_server(folder, *options) as server:
        yield World.of(server)
        assert server.process.poll() is None


def test_the_next_request_with_the_new_pair_is_accepted_and_with_the_old_one_refused(live: World) -> None:
    folder, old = live.server.dir, pair_of(live.server.dir)
    owner, visitor = peer_of(live.server, old), Visitor(live.server)
    visitor.sign_in(**old)
    keys = owner.manage(operation.AssumeRole())
    temporary = peer_of(live.server, {"public_key": keys.public_key, "private_key": keys.private_key})
    token = [("SecurityToken", keys.security_token)]
    url = f"/key?{signature.signed_query(owner.credentials, 'GET', live.space, 'key', 4_000_000_000)}"
    host = f"{live.space}.localhost"
    before = (
        live.status(old),
        visitor.get("spaces").status,
        temporary.ask("GET", live.space, "/key", "key", token).status,
        owner.send("GET", url, host=host).status,
    )
    assert before == (200, 200, 200, 200)

    said = rotated(folder, "--replace")
    new = pair_of(folder)
    for _ in range(6):  # whichever worker answers
        assert live.status(new) == 200
        assert peer_of(live.server, old).call(operation.GetObject(live.space, "key")).status == 403
        assert temporary.ask("GET", live.space, "/key", "key", token).status == 401
        assert owner.send("GET", url, host=host).status == 403
    assert visitor.get("spaces").status == 401
    assert Visitor(live.server).sign_in(**new).status == 200
    live.goes_on()
    assert {name: said[name] for name in ("public_key", "replaced", "tokens", "keys", "void_tokens", "void_keys")} == {
        "public_key": new["public_key"],
        "replaced": old["public_key"],
        **{"tokens": 1, "keys": 1, "void_tokens": 0, "void_keys": 0},
    }
    assert new != old and pair_of(folder, Path(said["kept"]).name) == old
    for name in ("credentials.json", Path(said["kept"]).name):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    until_said(live.server.log, f"key pair is {new['public_key']} now; it was {old['public_key']}")
    lines = [json.loads(line) for line in (folder / "audit.log").read_text().splitlines()]
    (line,) = [line for line in lines if line["operation"] == "ReplaceKey" and line["about_key"] == new["public_key"]]
    assert line["replaced"] == old["public_key"] and line["user"] and line["resealed"]["tokens"] == 1
    for private in (old["private_key"], new["private_key"]):
        assert private not in live.server.log.read_text() + (folder / "audit.log").read_text()
    text = inside("keys", folder, "--replace").stdout
    assert "is refused from now on, with its temporary keys, signed URLs and console sessions" in text
    assert "encrypted again: 1 tokens, 1 added key pairs" in text and "private" not in text


def test_tokens_that_are_made_and_changed_meanwhile_are_not_lost(live: World) -> None:
    second = peer_of(live.server, added(live.server.dir))
    made, stop = list[Any](), threading.Event()

    def work() -> None:
        while not stop.is_set() or len(made) < 3:
            token = second.manage(operation.CreateToken("t", ops=("TOKEN_ALLOW_READ",)))
            second.manage(operation.UpdateToken(token.token_id, name="another"))
            made.append(token)
            if len(made) > 60:
                return

    thread = threading.Thread(target=work)
    thread.start()
    for _ in range(4):
        rotated(live.server.dir, "--replace")
    stop.set()
    thread.join()
    said = rotated(live.server.dir)
    assert (said["void_tokens"], said["void_keys"]) == (0, 0)
    for token in made:
        assert live.status({"public_key": token.public_key, "private_key": token.private_key}) == 200
        second.manage(operation.DeleteToken(token.token_id))
    live.goes_on()


def test_a_file_that_no_rotation_made_is_refused_until_the_command_makes_one_of_it(live: World) -> None:
    folder, path = live.server.dir, live.server.dir / "credentials.json"

    def counts(public: str, times: int = 1) -> None:
        """Both workers know that this pair counts; one without requests looks now and then."""
        until(lambda: live.server.log.read_text().count(f"key pair is {public} now") >= 2 * times)

    rotated(folder, "--replace")
    known = pair_of(folder)
    counts(known["public_key"])
    content = path.read_bytes()
    path.chmod(0o644)
    path.write_text("{")
    assert live.status(known) == 200
    path.unlink()
    assert live.status(known) == 200
    path.touch(0o600)
    path.write_text(json.dumps({"public_key": "by-hand", "private_key": "a private key"}))
    assert live.status(known) == 200
    assert live.status({"public_key": "by-hand", "private_key": "a private key"}) == 403
    until_said(live.server.log, f"the pair {known['public_key']} stays in use")
    live.goes_on()
    said = rotated(folder, "--from", folder / f"credentials.json.{known['public_key']}")
    assert (said["public_key"], said["replaced"], said["void_tokens"]) == ("by-hand", known["public_key"], 0)
    assert live.status({"public_key": "by-hand", "private_key": "a private key"}) == 200
    assert live.status(known) == 403
    live.goes_on()
    counts("by-hand")
    path.write_bytes(content)  # somebody's old copy comes back
    assert live.status(known) == 403
    assert live.status({"public_key": "by-hand", "private_key": "a private key"}) == 200
    assert rotated(folder, "--from", folder / "credentials.json.by-hand")["public_key"] == known["public_key"]
    counts(known["public_key"], times=2)
    assert live.status(known) == 200
    live.goes_on()


def test_a_pair_of_ones_own_choice(live: World, tmp_path: Path) -> None:
    folder, file = live.server.dir, tmp_path / "pair.json"
    for public, text in ((live.films["public_key"], "remove it first"), ("TOKEN_x", "a token's"), ("a b", "blank")):
        file.unlink(missing_ok=True)
        file.touch(0o600)
        file.write_text(json.dumps({"public_key": public, "private_key": "a private key"}))
        done = inside("keys", folder, "--replace", "--pair", file)
        assert done.returncode == 2 and text in done.stderr
    file.write_text(json.dumps({"public_key": "me/x", "private_key": "a private key"}))
    assert rotated(folder, "--replace", "--pair", file)["public_key"] == "me/x"
    assert live.status({"public_key": "me/x", "private_key": "a private key"}) == 200
    assert rotated(folder, "--replace")["kept"].endswith("credentials.json.me%2Fx")
    live.goes_on()


def test_two_at_once_take_turns(live: World) -> None:
    command = [sys.executable, "-m", "uvideo", "admin", "keys", str(live.server.dir), "--replace", "--json"]
    both = [subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    said = [json.loads(each.communicate(timeout=patience.SECONDS)[0]) for each in both]
    assert {each["replaced"] for each in said} & {each["public_key"] for each in said}  # one took the other's place
    assert live.status(pair_of(live.server.dir)) == 200
    live.goes_on()


KILLED = """
import os, runpy, signal, sys
from uvideo.server.auth import key_rotation as rotation
from uvideo.storage.sqlite import SqliteCatalog

def die(*_, **__):
    os.kill(os.getpid(), signal.SIGKILL)

reencrypt, write, when = SqliteCatalog.reencrypt, rotation.write, sys.argv.pop(1)
if when == "before":
    rotation.write = die
elif when == "between":
    SqliteCatalog.reencrypt = die
elif when == "within":
    def changed(self, change):
        return reencrypt(self, lambda record: change(record) and die())
    SqliteCatalog.reencrypt = changed
elif when == "after":
    async def done(self, change):
        await reencrypt(self, change)
        die()
    SqliteCatalog.reencrypt = done
runpy.run_module("uvideo", run_name="__main__")
"""


@pytest.fixture(scope="module")
def stopped(tmp_path_factory: pytest.TempPathFactory) -> World:
    with start_server(tmp_path_factory.mktemp("stopped") / "data", "--no-fsync") as server:
        return World.of(server)


@pytest.mark.parametrize(
    "when",
    [
        pytest.param("before", marks=pytest.mark.long),
        "between",
        "within",
        pytest.param("after", marks=pytest.mark.long),
    ],
)
def test_killed_at_any_moment_nothing_is_lost(stopped: World, tmp_path: Path, when: str) -> None:
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    old, log = pair_of(folder), tmp_path / "audit.log"
    env = {"UVIDEO_SERVE_AUDIT_LOG": str(log)}
    command = [sys.executable, "-c", KILLED, when, "admin", "keys", str(folder), "--replace"]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=patience.SECONDS, env={**os.environ, **env}
    )
    assert done.returncode == -signals.SIGKILL, done.stderr
    assert (read(folder / "credentials.json").previous is None) == (when == "before")
    if when == "within":  # a command finishes it
        assert told(inside("keys", folder, "--json", env=env))["tokens"] == 1
        assert read(folder / "credentials.json").previous is None
    with start_server(folder, "--no-fsync", "--audit-log", str(log)) as server:
        stopped.goes_on(server)
        assert read(folder / "credentials.json").previous is None
        assert (stopped.status(old) == 200) == (when == "before")
        assert stopped.status(pair_of(folder)) == 200
        assert ("finished changing the key pair" in server.log.read_text()) == (when in ("between", "after"))
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    found = [(line["about_key"], line["replaced"]) for line in lines if line["operation"] == "ReplaceKey"]
    assert found == ([] if when == "before" else [(pair_of(folder)["public_key"], old["public_key"])])


def test_a_full_disk_changes_nothing_and_the_file_is_named(
    stopped: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    before = sorted((path.name, path.stat().st_size) for path in folder.glob("credentials*"))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr("uvideo.server.auth.credentials.localfile.write_at", full)
        done = inside("keys", folder, "--replace")
    assert done.returncode == 2
    assert f"{os.strerror(errno.ENOSPC)}: '{folder}/credentials.json" in done.stderr
    assert sorted((path.name, path.stat().st_size) for path in folder.glob("credentials*")) == before


def test_one_that_breaks_off_after_its_pair_counts_is_recorded_and_finished_by_a_command(
    stopped: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder, log = Path(shutil.copytree(stopped.folder, tmp_path / "data")), tmp_path / "audit.log"
    old, env = pair_of(folder), {"UVIDEO_SERVE_AUDIT_LOG": str(log)}
    tried = []

    async def reencrypt(*_: object) -> tuple[int, int]:
        tried.append(1)
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with monkeypatch.context() as patch:
        patch.setattr(SqliteCatalog, "reencrypt", reencrypt)
        broken = inside("keys", folder, "--replace", env=env)
    new = pair_of(folder)
    assert tried and broken.returncode == 2 and new != old
    assert f"{new['public_key']} is the key pair now" in broken.stderr and os.strerror(errno.ENOSPC) in broken.stderr
    assert told(inside("keys", folder, "--json", env=env))["tokens"] == 1
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    assert [(line["operation"], line["about_key"]) for line in lines] == [
        ("ReplaceKey", new["public_key"]),
        ("ResealSecrets", new["public_key"]),
    ]
    assert lines[0]["replaced"] == old["public_key"]


def test_commands_take_the_pair_that_a_server_was_given_from_its_settings(tmp_path: Path) -> None:
    folder, settings, log = tmp_path / "data", tmp_path / "secrets", tmp_path / "audit.log"
    given = {"UVIDEO_SERVE_PUBLIC_KEY": "given", "UVIDEO_SERVE_PRIVATE_KEY": "long enough for a key"}
    settings.write_text("".join(f"{name}='{value}'\n" for name, value in given.items()) + "UVIDEO_SERVE_RATE=0\n")
    settings.chmod(0o600)
    with start_server(folder, "--no-fsync", "--settings", str(settings), env=given) as server:
        save(Key("stale", "it does not count"), folder / "credentials.json")
        for words in (
            ("keys", folder),
            ("keys", folder, "--replace"),
            ("add-key", folder, "--key-file", tmp_path / "k"),
        ):
            refused = inside(*words)
            assert (
                refused.returncode == 2
                and "does not take its key pair, given, from this folder: give" in refused.stderr
            ), refused.stderr
        assert pair_of(folder)["public_key"] == "stale" and not (tmp_path / "k").exists()
        for number, (words, env) in enumerate(
            ((("--settings", settings), {}), ((), {"UVIDEO_SERVE_SETTINGS": str(settings)}), ((), given))
        ):
            file = tmp_path / f"{number}.json"
            env = {**env, "UVIDEO_SERVE_AUDIT_LOG": str(log)}
            done = inside("add-key", folder, "--key-file", file, *words, env=env)
            assert done.returncode == 0, done.stderr
            peer_of(server, json.loads(file.read_text())).space()
            assert told(inside("list-keys", folder, "--json", *words, env=env))["void"] is False
            assert told(inside("keys", folder, "--json", *words, env=env))["public_key"] == "given"
        assert told(inside("list-keys", folder, "--json"))["void"] is None
        assert "given" not in {*os.environ.values()}
        wrong = inside("keys", folder, "--settings", tmp_path / "none")
        assert wrong.returncode == 2 and "cannot be read" in wrong.stderr
    assert len(log.read_text().splitlines()) == 3


def test_a_backup_that_was_made_before(stopped: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    alone, whole = tmp_path / "alone", tmp_path / "whole"
    assert inside("backup", folder, alone).returncode == 0
    assert inside("backup", folder, whole, "--with-credentials").returncode == 0
    said = rotated(folder, "--replace")  # the server is stopped
    assert (said["tokens"], said["keys"]) == (1, 1)
    for backup in (alone, whole):
        restored = tmp_path / f"restored-{backup.name}"
        assert inside("restore", backup, restored).returncode == 0
        if backup is alone:
            shutil.copy(folder / "credentials.json", restored)
            assert [line.split()[-1] for line in inside("list-keys", restored).stdout.splitlines()] == ["void"]
            assert (
                "void, because another pair encrypted them: 1 tokens, 1 added key pairs"
                in inside("keys", restored).stdout
            )
            said = rotated(restored, "--from", said["kept"])
            assert (said["tokens"], said["keys"], said["void_tokens"], said["void_keys"]) == (1, 1, 0, 0)
            assert [
                json.loads(line)["void"] for line in inside("list-keys", restored, "--json").stdout.splitlines()
            ] == [False]
        with start_server(restored, "--no-fsync", "--log-level", "debug") as server:
            stopped.goes_on(server)
            assert "are void" not in server.compared()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_root_follows_no_link_of_the_servers_user(tmp_path: Path) -> None:
    folder, precious = tmp_path / "data", tmp_path / "precious"
    folder.mkdir(0o700)
    os.chown(folder, 65534, 65534)
    precious.write_text("precious")
    lock, log = folder / "credentials.lock", folder / "audit.log"
    lock.symlink_to(precious)
    assert inside("keys", folder, "--replace").returncode == 2
    lock.unlink()
    assert inside("keys", folder, "--replace").returncode == 0
    log.symlink_to(precious)
    done = inside("keys", folder, "--replace", env={"UVIDEO_SERVE_AUDIT_LOG": str(log)})
    assert done.returncode == 2 and "nothing is changed" in done.stderr
    assert precious.read_text() == "precious" and precious.stat().st_uid == 0
    log.unlink()
    assert inside("keys", folder, "--replace", env={"UVIDEO_SERVE_AUDIT_LOG": str(log)}).returncode == 0
    assert {path.stat().st_uid for path in folder.iterdir()} == {65534}


def test_a_database_that_is_away_changes_nothing_and_hides_no_pair(stopped: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    (port,) = free_ports(1)
    away = ("--database", f"postgresql://uvideo@127.0.0.1:{port}/none", "--json")
    said, old = told(inside("keys", folder, *away)), pair_of(folder)
    assert (said["public_key"], said["tokens"], said["void_tokens"]) == (old["public_key"], None, None)
    done = inside("keys", folder, "--replace", *away)
    assert done.returncode == 2 and "Traceback" not in done.stderr and pair_of(folder) == old


def test_void_secrets_are_said_at_the_start(stopped: World, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    write(CredentialsFile(Key("another", "0123456789abcdef")), folder / "credentials.json")
    with start_server(folder, "--no-fsync", "--log-level", "debug") as server:
        stopped.server = server
        assert stopped.status(stopped.token) == 403
        assert "1 tokens and 1 added key pairs are void" in server.compared()


def test_gateways_change_theirs_with_the_other_beside(stopped: World, tmp_path: Path) -> None:
    """As docs/cluster.md says it, one gateway after the other."""
    folder = Path(shutil.copytree(stopped.folder, tmp_path / "data"))
    old, new = load(folder / "credentials.json"), Key("new", "a new private key")
    other = tmp_path / "other.json"

    def env(key: Key) -> dict[str, str]:
        return {"UVIDEO_SERVE_PUBLIC_KEY": key.public, "UVIDEO_SERVE_PRIVATE_KEY": key.private}

    def statuses() -> list[int]:
        pairs = [{"public_key": key.public, "private_key": key.private} for key in (old, new)]
        return [stopped.status(pair) for pair in pairs]

    write(CredentialsFile(new), other)
    with start_server(folder, "--no-fsync", env={**env(old), "UVIDEO_SERVE_OTHER_KEYS": str(other)}) as server:
        stopped.goes_on(server)
        assert statuses() == [200, 200]
    write(CredentialsFile(old), other)
    with start_server(folder, "--no-fsync", env={**env(new), "UVIDEO_SERVE_OTHER_KEYS": str(other)}) as server:
        stopped.goes_on(server)
        assert statuses() == [200, 200]
        done = inside("keys", folder, "--replace", env=env(new))
        assert done.returncode == 2 and "--other-keys" in done.stderr
        said = told(inside("keys", folder, "--from", other, "--json", env=env(new)))
        assert (said["tokens"], said["keys"], said["void_tokens"], said["void_keys"]) == (1, 1, 0, 0)
        stopped.goes_on(server)
    with start_server(folder, "--no-fsync", env=env(new)) as server:
        stopped.goes_on(server)
        assert statuses() == [403, 200]
    other.chmod(0o640)
    with pytest.raises(RuntimeError, match="can be read by others"):
        with start_server(folder, env={**env(new), "UVIDEO_SERVE_OTHER_KEYS": str(other)}):
            pass
