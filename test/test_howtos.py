"""Every block of the guides runs, as it stands there, against a real server."""

from __future__ import annotations

import json
import re
import shutil
import textwrap
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from test.interpreters import ROOT
from test.pages import Page, Reader
from test.sdk.httpproxy import HttpProxy
from test.sdk.peer import PEM, Peer, context
from test.sdk.socksserver import SocksServer
from test.sdk.test_trust import ENCRYPTED

pytestmark = pytest.mark.long

MOVIE = ROOT / "test" / "data" / "demo.mp4"


@pytest.fixture
def reader(tmp_path: Path) -> Iterator[Reader]:
    with Reader(tmp_path) as started:
        yield started


def with_a_server(reader: Reader) -> None:
    """What the guides take for granted: a server, a profile, a space."""
    reader.do("sh", "uvideo serve ./uvideo-data")
    reader.shell(
        "uvideo config init --provider local --key-file uvideo-data/credentials.json && uvideo mb uvideo://films"
    )


def test_a_large_file(reader: Reader) -> None:
    with_a_server(reader)
    (reader.folder / "film.mkv").write_bytes(MOVIE.read_bytes())
    page = Page("docs/howto/large.md")
    assert len(list(reader.follow(page, {"--bwlimit 2M": "--bwlimit 1G"}))) == 8
    assert (reader.folder / "copy.mkv").read_bytes() == MOVIE.read_bytes()
    assert reader.environ["UVIDEO_RETRIES"] == "100"


def test_networks(reader: Reader) -> None:
    """Ours stand in for the proxies; behind them TLS stands before the server, and at last asks for a certificate."""
    with_a_server(reader)
    port = int(reader.endpoint.rpartition(":")[2])
    for name in ("company-ca.pem", "me.pem"):
        shutil.copy(PEM, reader.folder / name)
    shutil.copy(ENCRYPTED, reader.folder / "me.key")
    (reader.folder / "password.txt").write_text("pass words\n")
    shutil.copy(MOVIE, reader.folder / "a.mp4")
    with ExitStack() as stack:

        def started(kind: Any, *given: Any, **options: Any) -> Any:
            made = kind(*given, **options)
            stack.callback(made.close)
            return made

        gate = started(Peer, lambda call: call.tunnel(port), context())
        strict = started(Peer, lambda call: call.tunnel(port), context(client_certificate=True))
        proxy, socks = started(HttpProxy, gate.port), started(SocksServer, gate.port, account=(b"user", b"password"))
        instead = {
            "https://video.example.com": "https://service.test",
            "proxy.example.com:3128": proxy.host,
            "proxy.example.com:1080": socks.host,
        }
        used, seen = [], (0, 0)
        for block in reader.follow(
            Page("docs/network.md"), instead, leave=lambda block: block.text.startswith("pip install")
        ):
            before, seen = seen, (len(proxy.calls), len(socks.asked))
            used.append("proxy" if seen[0] > before[0] else "socks" if seen[1] > before[1] else "none")
            if len(used) == 1:  # what the page takes for granted from here on
                del reader.environ["UVIDEO_ENDPOINT"]
                reader.shell("uvideo config set endpoint https://service.test")
            if "certifi" in block.text:
                socks.to = strict.port
        assert used == ["none", "proxy", "proxy", "proxy", "proxy", "socks", "none", "socks", "socks", "socks", "none"]
        assert len(strict.calls) > 2


def test_a_server_of_ones_own(reader: Reader) -> None:
    for block in reader.follow(Page("docs/howto/selfhost.md"), {"0.0.0.0": "127.0.0.1"}):
        if block.kind == "python":
            reader.stop()  # as the page says, before the folder is copied
    assert (reader.folder / "restored" / "video" / "credentials.json").exists()


def test_faults_for_other_languages(reader: Reader) -> None:
    """The guide's server; its Python blocks are run by the plugin's own tests."""
    (toml,) = (each.text for each in Page("docs/howto/testing.md").blocks if each.kind == "toml")
    (serve,) = (each.text for each in Page("docs/howto/testing.md").blocks if each.kind == "sh")
    (reader.folder / "faults.toml").write_text(toml)
    reader.do("sh", serve)
    said = json.loads(reader.shell(f"curl -sf http://{reader.admin}/faults"))
    assert [each["text"].partition(" ")[0] for each in said] == ["UploadPart", "GetObject"]
    assert (reader.folder / "scratch" / "credentials.json").exists()


def steps(text: str) -> list[str]:
    """What a workflow runs, step by step, without what installs."""
    script = re.search(r"^  script:\n((?:    - .*\n)+)", text, re.MULTILINE)
    if script:
        found = re.findall(r"- (.*)", script.group(1))
    else:
        found = [
            one or textwrap.dedent(several)
            for several, one in re.findall(r"run: (?:\|\n((?: {10}.*\n)+)|(.*)\n)", text)
        ]
    return [each for each in found if not each.startswith("pip install")]


def test_ci(reader: Reader) -> None:
    """The steps that a service would take; what installs is another test's."""
    page = Page("docs/howto/ci.md")
    blocks = [each for each in page.blocks if each.kind == "yaml"]
    assert len(blocks) == 3
    own = reader.folder / "uvideo" / "test"  # uvideo is a folder of the repository, with tests of its own
    own.mkdir(parents=True)
    (own / "test_own.py").write_text("raise ImportError('only the developers of uvideo have this package')\n")
    for block in page.blocks:
        if block.kind in ("python", "ini"):
            reader.do(block.kind, block.text)
    own_module = reader.folder / "films.py"
    own_module.write_text("")
    film = reader.folder / "tests" / "test_films.py"
    film.write_text("import films\n" + film.read_text())
    assert "1 passed" in reader.shell("pytest")
    tests = reader.folder / "run-my-tests"
    tests.write_text("#!/bin/sh\nset -e\ntest -s scratch/credentials.json\ntouch ran\n")
    tests.chmod(0o755)
    for block in blocks:
        reader.do(block.kind, block.text)
    assert steps(blocks[0].text) == steps(blocks[1].text)
    (run,) = steps(blocks[0].text)
    assert "1 passed" in reader.shell(run)
    begin, run, show = steps(blocks[2].text)
    assert run == "./run-my-tests"
    reader.shell(f"{begin}\ntrap 'kill %1; wait %1' EXIT\n{run}\n{show}")
    assert (reader.folder / "ran").exists()
