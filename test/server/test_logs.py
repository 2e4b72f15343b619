"""What the server says on stderr: priorities for the journal, levels, and no secret at any of them."""

from __future__ import annotations

import contextlib
import re
import sqlite3
from pathlib import Path

from test.forked import Forked
from test.patience import until
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation

TIME = re.compile(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d")


def as_journal(path: Path) -> dict[str, str]:
    """The environment in which a process takes this file, its stderr, for the journal."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    found = path.stat()
    return {"JOURNAL_STREAM": f"{found.st_dev}:{found.st_ino}"}


def test_each_line_for_the_journal_has_a_priority_and_no_time(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    log = folder / "server.log"
    options = ("--no-fsync", "--access-log", "--workers", "2", "--log-level", "debug")
    with start_server(folder, *options, env=as_journal(log)) as server:
        peer = Peer(server)
        space = peer.space()
        assert peer.call(operation.GetObject(space, "a")).status == 404
        with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db, db:
            db.execute("DROP TABLE objects")
        assert peer.call(operation.GetObject(space, "a")).status == 500  # a failure that nobody foresaw
        until(lambda: '"status":404' in log.read_text() and "refused: " in log.read_text())
    lines = log.read_text().splitlines()
    assert all(re.match(r"<[34672]>\S|<3> ", line) for line in lines), lines
    assert not [line for line in lines if TIME.search(line)]
    assert [line for line in lines if re.match(r'<6>\{"time":[^ ]*"status":404', line)]
    assert [line for line in lines if line.startswith("<6>uvideo.server: answering on ")]
    assert [line for line in lines if re.match(r"<7>uvideo.server: session \S+ refused: ", line)]
    first = next(number for number, line in enumerate(lines) if re.match(r"<3>uvideo.server: session \S+ failed", line))
    assert lines[first + 1] == "<3>Traceback (most recent call last):"
    assert lines[first + 2].startswith('<3>  File "')


def test_a_start_that_fails_is_an_error_in_the_journal(tmp_path: Path, commands: Forked) -> None:
    log = tmp_path / "stderr"
    env = as_journal(log)
    for options in (("--nonsense",), ("--blobs", "s3://x"), ("--workers", "2", "--ready-file", "/nowhere/x")):
        words = ("serve", tmp_path / "data", "--admin-port", 0, "--port", 0, *options)
        lines = commands.run(*words, env=env, err=log).stderr.splitlines()
        assert lines[-1].startswith("<3>error: ") and all(line.startswith(("<3>", "<6>")) for line in lines), lines


def test_a_level_leaves_out_what_is_below(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync", env={"UVIDEO_SERVE_LOG_LEVEL": "warning"}) as server:
        peer = Peer(server)
        peer.space()
        assert server.stop() == 0
        assert server.log.read_text() == ""


def test_no_secret_is_logged_at_any_level(tmp_path: Path) -> None:
    """conftest looks for the private key in all that is printed, this for what is made of it."""
    with start_server(tmp_path, "--no-fsync", "--log-level", "debug", "--access-log") as server:
        peer = Peer(server)
        space = peer.space()
        token = peer.manage(operation.CreateToken(f"t-{space}", ops=("TOKEN_ALLOW_READ",)))
        signed = peer.signed("GET", space, "no/such")
        host = f"{space}.localhost"
        expires = "4102444800"
        answers = [
            peer.send("GET", "/no/such", [("Authorization", signed)], host=host),
            peer.send("GET", "/no/such", [("Authorization", signed[:-4] + "AAA=")], host=host),
            peer.send("GET", f"/a?UCloudPublicKey={server.public_key}&Signature=c2VjcmV0&Expires={expires}", host=host),
            peer.send("GET", f"/?Action=DescribeBucket&PublicKey={server.public_key}&Signature=c2VjcmV0"),
            peer.send("PUT", "/a", [("Authorization", "nonsense c2VjcmV0"), ("SecurityToken", "c2VjcmV0")], host=host),
        ]
        assert [answer.status for answer in answers] == [404, 401, 401, 200, 401]
        until(lambda: server.log.read_text().count('"method":"') >= len(answers))
        said = server.log.read_text()
    assert "refused: SignatureMismatch" in said and "refused: NotFound" in said
    secrets = (server.private_key, token.private_key, signed, signed.rpartition(":")[2], "c2VjcmV0", "ignature=")
    assert [secret for secret in secrets if secret in said] == []
