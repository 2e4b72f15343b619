"""The audit log: one line for each change, whoever asks and however it ends, and none that is lost, mixed or forged."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import stat
import threading
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from test.forked import Forked
from test.patience import until
from test.server.test_carriers import EXAMPLES, World
from test.server.test_console import Visitor
from test.server.test_keys import peer_of
from test.server.test_maintenance import inside
from test.server.wire import Answer, Peer
from test.server_fixture import Server, start_server
from ucloud.uvideo.protocol import errors, management, operation, signature
from uvideo.server.admin_commands import admin
from uvideo.server.auth.signature_scope import MAY
from uvideo.server.console.console_api import View
from uvideo.server.ops import audit, audit_reader
from uvideo.server.process import exit_codes
from uvideo.server.rules.token_rights import NEEDED

MANAGED: dict[type, Callable[[World, str], Any]] = {
    operation.CreateSpace: lambda w, token: operation.CreateSpace(f"{w.space}-new"),
    operation.UpdateSpace: lambda w, token: operation.UpdateSpace(f"{w.space}-new", "public"),
    operation.DeleteSpace: lambda w, token: operation.DeleteSpace(f"{w.space}-new"),
    operation.CreateToken: lambda w, token: operation.CreateToken("name"),
    operation.UpdateToken: lambda w, token: operation.UpdateToken(token, name="another"),
    operation.DeleteToken: lambda w, token: operation.DeleteToken(token),
    operation.AssumeRole: lambda w, token: operation.AssumeRole(),
    operation.DescribeSpace: lambda w, token: operation.DescribeSpace(None),
    operation.DescribeToken: lambda w, token: operation.DescribeToken(),
    operation.ListSpaceFiles: lambda w, token: operation.ListSpaceFiles(w.space),
    operation.GetSpaceStatus: lambda w, token: operation.GetSpaceStatus(()),
}
#: What of the console changes something: the operation that its line has.
CONSOLE = {
    "spaces/create": "CreateSpace",
    "spaces/type": "UpdateSpace",
    "spaces/delete": "DeleteSpace",
    "objects/delete": "DeleteObject",
    "objects/rename": "RenameObject",
    "objects/copy": "CopyObject",
    "objects/move": "RenameObject",
    "objects/class": "SwitchClass",
    "objects/restore": "RestoreObject",
    "objects/acl": "PutAcl",
    "objects/metadata": "CopyObject",
    "uploads/begin": "InitiateUpload",
    "uploads/finish": "FinishUpload",
    "uploads/abort": "AbortUpload",
    "tokens/create": "CreateToken",
    "tokens/update": "UpdateToken",
    "tokens/delete": "DeleteToken",
    "temporary-keys/create": "AssumeRole",
}
#: What it asks by POST and that changes nothing: a signed URL is recorded when it is used.
QUIET = {"objects/exist", "sign"}


@pytest.fixture(scope="module")
def audited(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """Two workers that record changes."""
    folder = tmp_path_factory.mktemp("audited") / "data"
    with start_server(folder, "--no-fsync", "--workers", "2", "--audit-log", str(folder / "audit.log")) as server:
        yield server


@pytest.fixture(scope="module")
def reads(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One that records what reads, too."""
    folder = tmp_path_factory.mktemp("reads") / "data"
    with start_server(folder, "--no-fsync", "--audit-log", str(folder / "audit.log"), "--audit-reads") as server:
        yield server


def lines(server: Server, **fields: Any) -> list[dict[str, Any]]:
    """Those of the log that have these fields."""
    found = []
    for path in audit_reader.files(server.dir / "audit.log"):
        found += [json.loads(line) for line in path.read_bytes().split(b"\n") if line]
    return [line for line in found if all(line.get(name) == value for name, value in fields.items())]


def of(server: Server, got: Answer) -> list[dict[str, Any]]:
    """The lines of the request that this answers."""
    return lines(server, session=got.header("X-SessionId"))


def managed(peer: Peer, op: Any) -> Answer:
    request = management.encode(op, "", peer.credentials)
    return peer.send(request.method, request.target)


def asked(peer: Peer, which: frozenset[type]) -> dict[type, Answer]:
    """Each of these operations of the wire, once."""
    found: dict[type, Answer] = {}
    for cls, (make, _) in EXAMPLES.items():
        if cls in which:
            found[cls] = peer.call(make(World(peer, None, peer.space()).fill()), b"bytes")  # type: ignore[arg-type]
    world, token = World(peer, None, peer.space()), peer.manage(operation.CreateToken("name")).token_id  # type: ignore[arg-type]
    for cls, made in MANAGED.items():
        if cls in which:
            found[cls] = managed(peer, made(world, token))
    return found


def test_each_operation_is_decided() -> None:
    every = {*MAY, *NEEDED, *management.OPERATIONS.values()}
    assert every == audit.CHANGES | audit.DETAILS and not audit.CHANGES & audit.DETAILS
    assert every == set(EXAMPLES) | set(MANAGED) and audit.FREES <= audit.CHANGES
    calls = {name for method, name in View(*[_Any()] * 4).calls if method == "POST"}  # type: ignore[arg-type]
    assert calls == set(CONSOLE) | QUIET


class _Any:
    def __getattr__(self, name: str) -> Any:
        return self


def test_each_change_leaves_one_line_and_what_reads_none(audited: Server) -> None:
    for cls, got in asked(
        Peer(audited), audit.CHANGES | {operation.GetObject, operation.UploadPart, operation.DescribeToken}
    ).items():
        found = of(audited, got)
        assert [line["operation"] for line in found] == [cls.__name__] * (cls in audit.CHANGES), cls
        for line in found:
            assert (
                line["status"] == got.status
                and line["account"] == "default"
                and line["way"] in ("header", "management")
            )
            assert line["public_key"] == audited.public_key and line["address"] == "127.0.0.1"
            assert line["ret_code"] == (got.json()["RetCode"] if got.status >= 400 or cls in MANAGED else 0)
            now, then = datetime.now(timezone.utc), datetime.fromisoformat(line["time"].replace("Z", "+00:00"))
            assert line["time"].endswith("Z") and len(line["time"]) == 24 and 0 <= (now - then).total_seconds() < 600


def test_what_reads_and_each_part_leave_one_line_if_asked_for(reads: Server) -> None:
    for cls, got in asked(Peer(reads), audit.DETAILS).items():
        assert [line["operation"] for line in of(reads, got)] == [cls.__name__], cls


def test_who_it_was(audited: Server) -> None:
    owner = Peer(audited)
    space = owner.space()
    token = owner.manage(operation.CreateToken("t", ops=("TOKEN_ALLOW_WRITE",), spaces=(space,)))
    holder = peer_of(audited, {"public_key": token.public_key, "private_key": token.private_key})
    (line,) = of(audited, holder.call(operation.PutObject(space, "视频/a\x7f\u2028.mp4"), b"x"))
    assert (line["token_id"], line["public_key"], line["account"]) == (token.token_id, token.public_key, "default")
    assert (line["space"], line["object"], line["status"]) == (space, "视频/a\x7f\u2028.mp4", 200)
    (line,) = of(audited, holder.call(operation.DeleteObject(space, "视频/a\x7f\u2028.mp4")))
    assert (line["status"], line["ret_code"], line["token_id"]) == (403, errors.AccessDenied.ret_code, token.token_id)
    (line,) = of(audited, managed(holder, operation.DeleteSpace(space)))
    assert line["token_id"] == token.token_id and line["ret_code"] and line["operation"] == "DeleteSpace"

    keys = owner.manage(operation.AssumeRole())
    temporary = peer_of(audited, {"public_key": keys.public_key, "private_key": keys.private_key})
    (line,) = of(audited, temporary.ask("PUT", space, "/k", "k", [("SecurityToken", keys.security_token)], b"x"))
    assert (line["public_key"], line["issuer"]) == (keys.public_key, audited.public_key)
    assert lines(audited, operation="AssumeRole", made=keys.public_key)

    query = signature.signed_query(owner.credentials, "PUT", space, "k", 4_000_000_000)
    (line,) = of(audited, owner.send("PUT", f"/k?{query}", body=b"y", host=f"{space}.localhost"))
    assert (line["way"], line["public_key"], line["status"]) == ("url", audited.public_key, 200)
    got = owner.call(operation.RenameObject(space, "k", "to", False))
    assert of(audited, got)[0]["new_key"] == "to"
    got = owner.call(operation.CopyObject(space, "copy", space, "to"))
    assert (of(audited, got)[0]["source_space"], of(audited, got)[0]["source"]) == (space, "to")

    stranger = peer_of(audited, {"public_key": audited.public_key, "private_key": "another private key"})
    for got in (stranger.call(operation.DeleteObject(space, "to")), managed(stranger, operation.DeleteSpace(space))):
        assert not of(audited, got)  # whoever has no key must not fill the disk
    text = (audited.dir / "audit.log").read_text()
    for secret in (audited.private_key, token.private_key, keys.private_key, keys.security_token, query):
        assert secret not in text
    assert text.isascii() and text.isprintable() is False and "\x7f" not in text
    assert stat.S_IMODE((audited.dir / "audit.log").stat().st_mode) == 0o600


def test_the_console(audited: Server) -> None:
    visitor, space = Visitor(audited), f"t-{os.urandom(8).hex()}"
    since = len(lines(audited))
    assert visitor.sign_in(public_key=audited.public_key, private_key="wrong").status == 403
    assert visitor.sign_in().status == 200
    visitor.done("spaces/create", {"space": space, "type": "private"})
    peer = Peer(audited)
    for key in ("a", "b"):
        peer.do(operation.PutObject(space, key), b"x")
    assert visitor.done("objects/delete", {"space": space, "keys": ["a", "b"]}) == {"failed": {}}
    assert visitor.post("objects/rename", {"space": space, "key": "a", "new_key": "c"}).status == 404
    assert visitor.get("objects", space=space).status == 200
    visitor.done("spaces/delete", {"space": space, "typed": space})
    assert visitor.post("sign-out").status == 200
    found = [line for line in lines(audited)[since:] if line["way"] == "console"]
    assert [(line["operation"], line["object"], line["status"]) for line in found] == [
        ("SignInFailed", "", 403),
        ("SignIn", "", 200),
        ("CreateSpace", "", 200),
        ("DeleteObject", "a", 200),
        ("DeleteObject", "b", 200),
        ("RenameObject", "a", 404),
        ("DeleteSpace", "", 200),
        ("SignOut", "", 200),
    ]
    assert {line["address"] for line in found} == {"127.0.0.1"}
    assert {line["public_key"] for line in found[1:]} == {audited.public_key}


def test_lines_of_two_workers_are_never_mixed_and_none_is_lost_while_the_file_is_moved(audited: Server) -> None:
    owner = Peer(audited)
    space, log = owner.space(), audited.dir / "audit.log"
    sessions: list[str | None] = []
    over = threading.Event()

    def work(number: int) -> None:
        each = 0
        while not over.is_set():
            each += 1
            got = owner.call(operation.PutObject(space, f"{number}/{each}/{'é' * 200}"), b"x")
            assert got.status == 200
            sessions.append(got.header("X-SessionId"))

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    try:
        for number in range(5):
            until(lambda: len(sessions) >= 30 * (number + 1) and log.exists() and log.stat().st_size)  # noqa: B023
            log.rename(log.with_name(f"audit.log.{number}"))
    finally:
        over.set()
        for thread in threads:
            thread.join()
    assert len(sessions) >= 150
    assert sorted(line["session"] for line in lines(audited, space=space, operation="PutObject")) == sorted(
        map(str, sessions)
    )
    assert all(log.with_name(f"audit.log.{number}").stat().st_size for number in range(5))


def test_a_full_disk_refuses_changes_until_the_log_can_be_written(tmp_path: Path) -> None:
    log, aside = tmp_path / "log" / "audit.log", tmp_path / "log" / "audit.log.1"
    log.parent.mkdir()
    log.write_bytes(b'{"half a li')
    with start_server(tmp_path / "data", "--no-fsync", "--audit-log", str(log)) as server:
        owner = Peer(server)
        space = owner.space()
        owner.do(operation.PutObject(space, "old"), b"x")
        log.rename(aside)
        log.symlink_to("/dev/full")
        assert owner.call(operation.PutObject(space, "a"), b"x").status == 200  # nobody knew; its line waits
        refused = owner.call(operation.PutObject(space, "b"), b"x")
        assert (refused.status, refused.json()["ErrMsg"]) == (
            503,
            "the audit log cannot be written, so nothing is changed",
        )
        with pytest.raises(errors.Unavailable):
            owner.space()
        assert Visitor(server).sign_in().status == 503
        assert owner.call(operation.GetObject(space, "b")).status == 404
        assert owner.call(operation.DeleteObject(space, "old")).status == 204  # it may be what makes room
        log.unlink()
        assert owner.call(operation.PutObject(space, "c"), b"x").status == 200
        done = [(each["operation"], each["object"]) for each in map(json.loads, log.read_text().splitlines())]
        assert done == [("PutObject", "a"), ("DeleteObject", "old"), ("PutObject", "c")]
        log.unlink()
        log.symlink_to("/dev/full")
        owner.do(operation.PutObject(space, "d"), b"x")
        assert server.stop() == 0
    first, *rest = aside.read_bytes().splitlines()
    assert first == b'{"half a li' and [json.loads(line)["operation"] for line in rest if line][0] == "StartServer"
    said = server.log.read_text()
    counts = [said.count(text) for text in ("the audit log cannot be written", "the audit log can be written again")]
    assert counts == [2, 1]
    left = [
        json.loads(line.partition("missing in the audit log: ")[2])
        for line in said.splitlines()
        if "missing in the" in line
    ]
    assert [(line["operation"], line["object"]) for line in left] == [("PutObject", "d"), ("StopServer", "")]


def test_it_does_not_start_where_the_log_cannot_be_written(tmp_path: Path, commands: Forked) -> None:
    done = commands.run(
        *("serve", tmp_path / "data", "--port", 0, "--admin-port", 0, "--audit-log", tmp_path / "none" / "audit.log")
    )
    assert done.returncode == exit_codes.FILE.code
    assert "audit.log cannot be written: No such file or directory" in done.stderr


def test_strangers_cause_a_bounded_number_of_lines(tmp_path: Path) -> None:
    now = [0.0]
    log = audit.Audit(tmp_path / "audit.log", ticks=lambda: now[0])
    for _ in range(500):
        log.stranger("SignInFailed", audit.Who("console"))
    now[0] = audit.MINUTE
    log.stranger("SignInFailed", audit.Who("console"))
    log.close()
    found = [json.loads(line) for line in (tmp_path / "audit.log").read_text().splitlines()]
    assert len(found) == audit.STRANGERS + 1 and found[-1]["left_out"] == 500 - audit.STRANGERS


def test_who_deleted_it(audited: Server) -> None:
    owner, folder = Peer(audited), audited.dir
    space = owner.space()
    file = folder.parent / f"{space}.json"
    assert inside("add-key", folder, "--key-file", file).returncode == 0
    pair = json.loads(file.read_text())
    second = peer_of(audited, pair)
    owner.do(operation.PutObject(space, "films/a\x1b[2J.mp4"), b"x")
    owner.do(operation.PutObject(space, "films/b"), b"x")
    second.do(operation.DeleteObject(space, "films/a\x1b[2J.mp4"))
    assert inside("remove-key", folder, pair["public_key"]).returncode == 0
    done = inside("audit", folder, "--space", space, "--key", "films/*", "--operation", "DeleteObject", "--since", "1h")
    (told,) = done.stdout.splitlines()
    assert f"DeleteObject  {space}/films/a\\x1b[2J.mp4  {pair['public_key']} (default, by header)" in told
    assert told.endswith("from 127.0.0.1: done") and "\x1b" not in told
    found = [
        json.loads(line) for line in inside("audit", folder, "--who", pair["public_key"], "--json").stdout.splitlines()
    ]
    assert [line["object"] for line in found] == ["films/a\x1b[2J.mp4"]
    assert not inside("audit", folder, "--space", space, "--until", "2020-01-01").stdout
    assert not inside("audit", folder, "--space", space, "--failed").stdout
    for never in ("yesterday", "999999w", "0001-01-01T00:00+05:00"):
        refused = inside("audit", folder, "--since", never)
        assert refused.returncode == 2 and never in refused.stderr
    changed = [(line["operation"], line["user"]) for line in lines(audited, about_key=pair["public_key"])]
    user = audit.operator().user
    assert user and changed == [("AddKey", user), ("RemoveKey", user)]


#: Command: how it is run on the folder "{}" of a stopped server, and the operation that its line has.
COMMANDS = {
    "gc": (("{}",), "CollectGarbage"),
    "fsck": (("{}", "--take-back"), "TakeBack"),
    "adopt": (("{}",), "Adopt"),
    "backup": (("{}", "{}-backup", "--with-credentials"), "Backup"),
    "migrate": (("{}", "--to-folder", "{}-moved"), "Migrate"),
    "add-key": (("{}", "--key-file", "{}.json"), "AddKey"),
    "remove-key": (("{}", "KEY"), "RemoveKey"),
    "keys": (("{}", "--replace"), "ReplaceKey"),
    "upgraded": (("{}",), "RetireOlder"),
}
#: Commands that only look, make a folder of their own, or leave what is stored as it is.
UNRECORDED = {"stats", "list-keys", "audit", "restore", "compact", "restart", "backed-up"}


def test_each_command_that_changes_something_leaves_one_line(reads: Server, tmp_path: Path) -> None:
    assert set(admin.commands) == set(COMMANDS) | UNRECORDED
    folder, log, copy = tmp_path / "data", tmp_path / "audit.log", tmp_path / "copy"
    assert inside("backup", reads.dir, copy, "--with-credentials").returncode == 0
    assert inside("restore", copy, folder).returncode == 0
    for name, (words, operation_name) in COMMANDS.items():
        said = [word.format(folder) for word in words]
        if name == "remove-key":
            said[-1] = json.loads(Path(f"{folder}.json").read_text())["public_key"]
        before = log.read_text().splitlines() if log.exists() else []
        done = inside(name, *said, env={"UVIDEO_SERVE_AUDIT_LOG": str(log)})
        assert done.returncode == 0, (name, done.stderr)
        (line,) = map(json.loads, log.read_text().splitlines()[len(before) :])
        assert (line["operation"], line["way"], line["user"]) == (operation_name, "admin", audit.operator().user)


def test_a_rotated_file_that_is_not_compressed_to_its_end_hides_no_other(tmp_path: Path) -> None:
    log = tmp_path / "audit.log"
    with contextlib.closing(audit.Audit(log)) as open_log:
        for number in range(100):
            open_log.record("PutObject", audit.Who("header"), object=f"{number}")
    whole = gzip.compress(log.read_bytes())
    for left, damaged in ((len(whole), 0), (len(whole) - 9, 1), (5, 1)):
        (tmp_path / "audit.log.1.gz").write_bytes(whole[:left])
        done = inside("audit", tmp_path, "--file", log, "--json")
        assert done.returncode == damaged, done.stderr
        assert len(done.stdout.splitlines()) >= (100 if damaged else 200)
        assert ("1 lines of the audit log cannot be read" in done.stderr) == bool(damaged)


def test_a_command_changes_nothing_that_cannot_be_recorded(audited: Server, tmp_path: Path) -> None:
    file = tmp_path / "pair.json"
    env = {"UVIDEO_SERVE_AUDIT_LOG": str(tmp_path / "none" / "audit.log")}
    done = inside("add-key", audited.dir, "--key-file", file, env=env)
    assert done.returncode == 2 and "the audit log cannot be written, so nothing is changed" in done.stderr
    assert not file.exists() and not inside("audit", tmp_path).stdout
