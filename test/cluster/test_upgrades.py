"""Gateways are replaced one by one, by others of the same version or of the next, while clients work."""

from __future__ import annotations

import itertools
import shutil
import subprocess
from pathlib import Path

import pytest

from test import patience
from test.cluster.gateways import Cluster, readiness, start_cluster
from test.cluster.nginx import start_nginx
from test.cluster.object_store import ObjectStore
from test.cluster.postgres import Postgres
from test.cluster.recorder import recording
from test.s3.peer import S3Peer, text_of
from test.server.part_objects import drop_parts, fill_parts, holds_parts
from test.server.test_maintenance import admin, told
from test.server.wire import Peer
from test.server_fixture import ROOT, Server
from ucloud.uvideo.protocol import operation, signature
from uvideo.storage.schema import MIGRATIONS, statements

pytestmark = pytest.mark.cluster

BEFORE_S3 = "83e36bc"  # a commit


def version_before_s3(folder: Path) -> dict[str, str]:
    """The environment of the last program that cannot read part lists; skips without the history of the repository."""
    folder.mkdir()
    packed = subprocess.run(
        ["git", "-C", str(ROOT), "archive", BEFORE_S3, "ucloud", "uvideo"],
        capture_output=True,
        timeout=patience.SECONDS,
    )
    if packed.returncode:
        pytest.skip(f"the commit {BEFORE_S3} is not in this clone")
    subprocess.run(["tar", "-x", "-C", str(folder)], input=packed.stdout, check=True, timeout=patience.SECONDS)
    return {"PYTHONPATH": str(folder)}


def test_gateways_are_upgraded_one_by_one_to_a_version_with_s3(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """UFile goes on all the time.  S3 stores nothing until no gateway runs that cannot read it."""
    older = version_before_s3(tmp_path / "before")
    inside = ("env", "-C", older["PYTHONPATH"])
    with start_cluster(postgres, object_store, tmp_path / "cluster", 0) as cluster:
        old, last = (cluster.gateway(command=inside, env=older) for _ in range(2))
        with start_nginx([old.port, last.port]) as nginx, recording(cluster.at(nginx.port)) as recorder:
            recorder.goes_on()
            assert old.stop() == 0
            recorder.goes_on()
            first = cluster.gateway("--port", str(old.port))
            recorder.goes_on(60)  # one of each
            space = Peer(first).space()
            for server, other in ((first, last), (last, first)):
                Peer(server).do(operation.PutObject(space, "key"), b"x" * 100_000)
                assert Peer(other).call(operation.GetObject(space, "key")).body == b"x" * 100_000
                begun = Peer(server).do(operation.InitiateUpload(space, "parts"))
                part = Peer(other).do(operation.UploadPart(space, "parts", begun.upload_id, 0), b"part")
                Peer(server).do(operation.FinishUpload(space, "parts", begun.upload_id, (part.etag,)))
                assert Peer(other).call(operation.GetObject(space, "parts")).body == b"part"
            s3 = S3Peer(first)
            assert s3.ask("GET", space, "key").body == b"x" * 100_000
            for asked in (s3.ask("PUT", space, "s3", body=b"x"), s3.ask("POST", space, "s3", {"uploads": ""})):
                assert (asked.status, text_of(asked, "Code")) == (503, "ServiceUnavailable"), asked
            assert last.stop() == 0
            recorder.goes_on()
            second = cluster.gateway("--port", str(last.port))
            recorder.goes_on()
            patience.until_said(second.log, "run `uvideo admin upgraded`")
            assert s3.ask("PUT", space, "s3", body=b"x").status == 503
            told(admin("upgraded", tmp_path, "--json", env=cluster.settings))
            for server, other in ((first, second), (second, first)):
                fill_parts(server, space)
                holds_parts(other, space)
                drop_parts(other, space)
            recorder.goes_on()
            with pytest.raises(RuntimeError, match="this program knows"):
                cluster.gateway(command=inside, env=older)
        assert recorder.check(second)
        assert recorder.failed == []
        assert told(admin("fsck", tmp_path, "--rehash", "--json", env=cluster.settings))["damaged"] == 0


def next_version(folder: Path) -> dict[str, str]:
    """The environment of a program that is this one with another migration and a longer schema."""
    for package in ("ucloud", "uvideo"):
        shutil.copytree(ROOT / package, folder / package, ignore=shutil.ignore_patterns("__pycache__"))
    schema = folder / "uvideo" / "storage" / "schema.py"
    text = schema.read_text()
    end = text.index("\n)\n", text.index("\nMIGRATIONS = ("))
    added = "ALTER TABLE objects ADD COLUMN kept BIGINT NOT NULL DEFAULT 0; CREATE INDEX objects_kept ON objects (kept)"
    schema.write_text(f'{text[:end]}\n    "{added}",{text[end:]}')
    return {"PYTHONPATH": str(folder)}


def test_gateways_are_upgraded_one_by_one_to_another_schema(cluster: Cluster, front: Server, tmp_path: Path) -> None:
    """As docs/cluster.md says it: the first new one migrates, old ones that run go on, none of them starts again."""
    newer, database = next_version(tmp_path / "next"), cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2]
    inside = ("env", "-C", newer["PYTHONPATH"])

    def version() -> int:
        return int(cluster.postgres.run(database, "SELECT version FROM schema_version"))

    with recording(front) as recorder:
        recorder.goes_on()
        old, last = cluster.gateways
        assert version() == len(MIGRATIONS)
        assert old.stop() == 0
        first = cluster.gateway("--port", str(old.port), command=inside, env=newer)
        assert version() == len(MIGRATIONS) + 1
        recorder.goes_on(60)  # one of each
        assert readiness(first)[0] == readiness(last)[0] == 200
        for server, other in ((first, last), (last, first)):
            space, peer = Peer(server).space(), Peer(other)
            peer.do(operation.PutObject(space, "key"), b"x" * 100_000)
            assert Peer(server).call(operation.GetObject(space, "key")).body == b"x" * 100_000
        with pytest.raises(RuntimeError, match=f"the catalog has schema {len(MIGRATIONS) + 1}, this program knows"):
            cluster.gateway()
        assert last.stop() == 0
        recorder.goes_on()
        second = cluster.gateway("--port", str(last.port), command=inside, env=newer)
        recorder.goes_on()
        assert Path(f"/proc/{second.pid}/cwd").readlink() == tmp_path / "next"
    assert recorder.check(second)
    assert recorder.failed == []


def test_secrets_are_encrypted_for_the_older_gateways_until_none_runs(
    postgres: Postgres, object_store: ObjectStore, tmp_path: Path
) -> None:
    """A database that older gateways may still work on, and `uvideo admin upgraded` once they are gone."""
    with start_cluster(postgres, object_store, tmp_path / "cluster", 0) as cluster:
        name = cluster.settings["UVIDEO_SERVE_DATABASE"].rpartition("/")[2]
        older = "\n;".join(statements(0, postgres=True, to=3))
        postgres.run(name, f"{older}; CREATE TABLE schema_version (version BIGINT NOT NULL)")
        postgres.run(name, "INSERT INTO schema_version VALUES (3)")

        def forms() -> list[str]:
            return postgres.run(name, "SELECT left(private, 3) FROM tokens ORDER BY private").split()

        one, two = cluster.gateway(), cluster.gateway("--workers", "2")
        owner = Peer(one)
        space, tokens = owner.space(), []
        for expected in (["s1."], ["s1.", "s1."]):
            tokens.append(owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",))))
            assert forms() == expected
        for gateway in (one, two):
            patience.until_said(gateway.log, "run `uvideo admin upgraded`")
        told(admin("upgraded", tmp_path, "--json", env=cluster.settings))
        tokens.append(Peer(two).manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",))))
        assert forms() == ["s1.", "s1.", "s2."]
        three = cluster.gateway()
        assert "older gateways" not in three.log.read_text()
        for gateway, token in itertools.product((one, two, three), tokens):
            holder = Peer(gateway)
            holder.credentials = signature.Credentials(token.public_key, token.private_key)
            assert holder.call(operation.ListObjects(space)).status == 200


def test_gateways_are_replaced_one_by_one(cluster: Cluster, front: Server) -> None:
    """Each is told to stop, drains, and comes back on the same port."""
    with recording(front) as recorder:
        recorder.goes_on()
        for each in list(cluster.gateways):
            assert each.stop() == 0
            recorder.goes_on()
            cluster.gateway("--port", str(each.port))
            recorder.goes_on()
    assert recorder.check(cluster.gateways[-1])
    assert recorder.failed == []
