"""docs/migrate/from-boto3: our programs against our server, boto3's against SeaweedFS, to the same end."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import uvideo
from test.cluster.object_store import ObjectStore
from test.migrate.pages import SERVICE, page, program, run
from test.server_fixture import Server, start_server

PAGE = "from-boto3.md"
ENDPOINT = 'endpoint_url="https://s3-cn-bj.ufileos.com"'


def ours(folder: Path) -> str:
    (folder / "ours").mkdir()
    with start_server(folder / "server", "--no-fsync") as server:
        printed = run(PAGE, "uvideo.Client", server, folder / "ours", {SERVICE: f'endpoint="{server.host}"'})
    assert (folder / "ours" / "copy.mp4").read_bytes() == (folder / "ours" / "movie.mp4").read_bytes()
    return printed


def test_our_program_runs(tmp_path: Path) -> None:
    assert ours(tmp_path).splitlines()[:2] == ["b'some notes'", "b'notes'"]


@pytest.mark.cluster
def test_both_programs_do_the_same(server: Server, object_store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "boto3").mkdir()
    filled = {ENDPOINT: f'endpoint_url="{object_store.endpoint}"'}
    printed = run(PAGE, "boto3", server, tmp_path / "boto3", filled, **object_store.credentials)
    assert printed == ours(tmp_path)
    assert (tmp_path / "boto3" / "copy.mp4").read_bytes() == (tmp_path / "boto3" / "movie.mp4").read_bytes()


def test_what_the_table_names_exists_and_the_old_program_is_python() -> None:
    table = page(PAGE).partition("\n| boto3 |")[2].partition("\n## ")[0]
    ours = " ".join(row.split(" | ")[1] for row in table.splitlines() if row.startswith("| `"))
    named = set(re.findall(r"`(\w+)(?:\([^`]*\))?`", ours))
    methods = {name for name in named if hasattr(uvideo.Client, name)}
    assert len(methods) > 25
    assert {name for name in named - methods if name.islower()} == {"is_prefix"}
    ast.parse(program(PAGE, "boto3"))
