"""docs/cluster.md, "Try it on one machine": SeaweedFS and two gateways, as a reader starts them."""

from __future__ import annotations

import contextlib
import re
import shlex
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from test.cluster.object_store import ObjectStore
from test.cluster.postgres import PASSWORD, Postgres
from test.cluster.program import Program, find, scratch
from test.pages import Page, Reader
from test.ports import free_ports
from uvideo import Client

pytestmark = pytest.mark.cluster

PAGE = Page("docs/cluster.md")
GRPC = 10_000  # what SeaweedFS adds to each port


def blocks() -> list[str]:
    """The text of the three blocks of the section."""
    number = [text for _, text in PAGE.headings].index("Try it on one machine") + 1
    return [each.text for each in PAGE.blocks if each.section == number]


def set_in(block: str) -> dict[str, str]:
    """The variables that a block exports."""
    words = [word for line in block.splitlines() if line.startswith("export ") for word in shlex.split(line)[1:]]
    return dict(word.split("=", 1) for word in words)


def test_two_gateways_on_one_machine(tmp_path: Path, postgres: Postgres) -> None:
    seaweed, gateways, use = blocks()
    keys = set_in(gateways)
    assert set_in(seaweed).items() <= keys.items()
    master, volume, filer, s3, webdav, admin = free_ports(6, GRPC)
    weed, *words = shlex.split(seaweed.splitlines()[-1])
    words += [f"-master.port={master}", f"-volume.port={volume}", f"-filer.port={filer}", f"-s3.port={s3}"]
    words += [f"-webdav.port={webdav}", f"-admin.port={admin}", "-s3.port.iceberg=0", "-s3.port.lance=0"]
    with scratch("trial") as folder, contextlib.ExitStack() as stack:
        command = ["env", f"--chdir={folder}", *(f"{name}={text}" for name, text in set_in(seaweed).items())]
        store = Program([*command, find(weed), *words], folder / "weed.log", as_ourselves=True)
        stack.callback(store.kill)
        access, secret = keys["AWS_ACCESS_KEY_ID"], keys["AWS_SECRET_ACCESS_KEY"]
        store.wait_until(ObjectStore(s3, access, secret, bucket="video").works)
        database = urlsplit(stack.enter_context(postgres.database()))
        given = {
            "127.0.0.1:5432:uvideo:": f"127.0.0.1:{database.port}:{database.path[1:]}:",
            "127.0.0.1:5432/uvideo": f"127.0.0.1:{database.port}{database.path}",
            "PASSWORD": PASSWORD,
            "127.0.0.1:8333": f"127.0.0.1:{s3}",
        }
        for old, new in given.items():
            assert old in gateways, old
            gateways = gateways.replace(old, new)
        *before, first, second = re.sub(r"port 90\d\d", "port 0", gateways).splitlines()
        assert first.endswith(" &")
        one, two = (stack.enter_context(Reader(tmp_path / name)) for name in ("one", "two"))
        for reader, last in ((one, first.removesuffix(" &")), (two, second)):
            reader.do("sh", "\n".join([*before, last]) + "\n")
        assert (one.home / ".pgpass").stat().st_mode & 0o777 == 0o600
        public, private = keys["UVIDEO_SERVE_PUBLIC_KEY"], keys["UVIDEO_SERVE_PRIVATE_KEY"]
        assert set_in(use) == {"UVIDEO_PUBLIC_KEY": public, "UVIDEO_PRIVATE_KEY": private}
        use = use.replace("127.0.0.1:9000", one.environ["UVIDEO_ENDPOINT"])
        storing, reading = use.split("pkill -9 -f 'serve gateway1'\n")
        one.shell(storing)
        with (
            Client(public, private, endpoint=one.endpoint) as up,
            Client(public, private, endpoint=two.endpoint) as down,
        ):
            up.put("films", "a", b"x" * 100_000)
            assert down.get("films", "a").data == b"x" * 100_000
        one.stop()
        two.environ |= set_in(use)
        reading = reading.replace("127.0.0.1:9010", two.environ["UVIDEO_ENDPOINT"])
        assert two.shell(reading) == "hello\n"
