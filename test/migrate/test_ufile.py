"""docs/migrate/from-ufile: the old program runs with the official wheel, the new ones with ours, to the same end."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

import uvideo
from test.migrate.pages import SERVICE, page, program, run
from test.sdk.peer import PEM
from test.server_fixture import Server, start_server

pytest.importorskip("ufile", reason="make venv installs it")

PAGE = "from-ufile.md"
#: owner, name, ucloud, Client
ROW = re.compile(r"^\| `(\w+)\.(\w+)(?:\([^`]*)?` \| (.*) \| (.*) \|$", re.MULTILINE)


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server whose spaces have the names of the page."""
    with start_server(tmp_path_factory.mktemp("migrate"), "--no-fsync") as server:
        yield server


def test_the_programs_do_the_same(own: Server, tmp_path: Path) -> None:
    suffix = f'".localhost:{own.port}"'
    ours = f"uploadsuffix={suffix}, downloadsuffix={suffix}, authscheme='UCloud'"
    printed = {}
    for title, filled, environ in (
        ("ufile", {}, {"http_proxy": own.endpoint}),  # so that *.ufileos.com and the API are our server
        ("ucloud", {SERVICE: ours}, {}),
        ("uvideo.Client", {SERVICE: f'endpoint="{own.host}"'}, {}),
    ):
        folder = tmp_path / title
        folder.mkdir()
        printed[title] = run(PAGE, title, own, folder, filled, **environ).splitlines()
        movie = (folder / "movie.mp4").read_bytes()
        assert (folder / "copy.mp4").read_bytes() == movie
        assert (folder / "start.bin").read_bytes() == movie[:51]
    assert printed["ufile"] == printed["ucloud"]
    assert len(printed["ufile"]) == 15
    for line in printed["uvideo.Client"][:4]:  # settings, space, etag, resumed
        assert line in printed["ufile"]
    assert not (tmp_path / "ucloud" / "movie.checkpoint").exists()


def test_the_program_for_a_server_of_ones_own(tmp_path: Path) -> None:
    """It has a certificate, and no space."""
    shutil.copy(PEM, tmp_path / "cert.pem")
    with start_server(tmp_path / "server", "--no-fsync", "--tls-cert", PEM, "--tls-key", PEM) as own:
        filled = {"video.example.com:9000": f"localhost:{own.port}"}
        run(PAGE, "ucloud, your own server", own, tmp_path, filled)
        with uvideo.Client(
            own.public_key, own.private_key, endpoint=f"https://localhost:{own.port}", ca_bundle=PEM
        ) as client:
            assert client.get("films-2026", "notes.txt").data == b"some notes\n"


def public(*things: object) -> set[str]:
    """The public functions of modules and classes, but what they import."""
    return {
        name
        for thing in things
        for name, each in inspect.getmembers(thing, inspect.isfunction)
        if not name.startswith("_") and (inspect.isclass(thing) or each.__module__ == getattr(thing, "__name__", ""))
    }


def test_every_public_function_is_in_the_table_and_is_called() -> None:
    from ufile import bucketmanager, config, filemanager, logger, multipartuploadufile

    classes = filemanager.FileManager, multipartuploadufile.MultipartUploadUFile, bucketmanager.BucketManager
    rows = ROW.findall(page(PAGE).partition("## Every call")[2].partition("## Set up")[0])
    assert {name for _, name, _, _ in rows} == public(config, logger, *classes) | {"file_etag"}
    old, new, typed = (program(PAGE, title) for title in ("ufile", "ucloud", "uvideo.Client"))
    for owner, name, ucloud, client in rows:
        if name == "resumeuploadstream":  # after a failure only
            continue
        assert f".{name}(" in old or f" {name}(" in old, name
        ours = name if "the same" in ucloud else re.findall(r"(\w+)`", ucloud)[0]
        assert f".{ours}(" in new, ours
        methods = re.findall(r"`(\w+)(?:\(.*?\))?`", client) if owner[0].isupper() else []
        assert all(hasattr(uvideo.Client, method) for method in methods), methods
        assert not methods or f"client.{methods[0]}(" in typed, methods


def test_the_chinese_page_has_the_same_table() -> None:
    english, chinese = page(PAGE), page("from-ufile.zh.md")
    what = [text.partition("\n## ")[2].partition("\n## ")[0].count("\n| ") for text in (english, chinese)]
    assert what[0] == what[1] > 10
