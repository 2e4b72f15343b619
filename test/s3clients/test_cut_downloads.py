"""A download is cut in the middle.  The client asks again by itself, and never mixes two versions of an object."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from test.fakes import FaultProxy
from test.faults import Seen
from test.s3.s3_server import S3Server
from test.s3clients.client import Client, Place
from test.s3clients.clients import CLIENTS

pytestmark = pytest.mark.s3clients

MIB = 1 << 20
OLD = b"".join(b"%015d\n" % number for number in range(9 * MIB // 16))
NEW = OLD.translate(bytes(255 - each for each in range(256)))  # as long, and other bytes everywhere


class Cut(NamedTuple):
    """A client whose requests go through ``proxy``, and the object ``film.bin`` with the bytes OLD."""

    name: str
    client: Client
    proxy: FaultProxy
    bucket: str

    def download(self, path: Path) -> bytes:
        self.client.get_resumed(self.bucket, "film.bin", path)
        return path.read_bytes()

    def gets(self) -> list[Seen]:
        return [each for each in self.proxy.log(method="GET") if "film.bin" in each.target]


@pytest.fixture
def cut(
    client: Client, place: Place, s3_server: S3Server, bucket: str, request: pytest.FixtureRequest
) -> Iterator[Cut]:
    s3_server.client().put_object(Bucket=bucket, Key="film.bin", Body=OLD)
    with FaultProxy("127.0.0.1", s3_server.port) as proxy:  # which fails if a fault did not happen
        name = request.node.callspec.params["client"]
        made: Any = CLIENTS[name](place._replace(url=proxy.endpoint))
        yield Cut(name, made, proxy, bucket)


#: They ask for the bytes that are missing; the others ask for the part or the whole object again.
ASK_FOR_THE_REST = {"rclone", "obstore", "s3fs"}

#: They read in several requests and compare nothing, so what they have of a replaced object is up to chance.
COMPARE_NOTHING = {"pyarrow", "s3fs"}


def test_get_resumed(client: Client, cut: Cut, tmp_path: Path) -> None:
    cut.proxy.on(method="GET", where="film.bin").reset(3 * MIB)
    cut.proxy.on(method="GET", where="film.bin").truncate(2 * MIB)
    assert cut.download(tmp_path / "got") == OLD
    spans = [each.headers.get("range", "bytes=0-") for each in cut.gets()]
    if cut.name in ASK_FOR_THE_REST:
        assert spans[0].startswith("bytes=0-") and not any(each.startswith("bytes=0-") for each in spans[1:])


def test_get_replaced(client: Client, cut: Cut, s3_server: S3Server, tmp_path: Path) -> None:
    """An error, or the new object; never bytes of both."""
    s3 = s3_server.client()
    cut.proxy.on(method="GET", where="film.bin").reset(3 * MIB)
    cut.proxy.on(method="GET", where="film.bin").pause("again")
    with cut.proxy.meanwhile("again", lambda: s3.put_object(Bucket=cut.bucket, Key="film.bin", Body=NEW)):
        try:
            got = cut.download(tmp_path / "got")
        except Exception:  # each client has its own
            got = None
    if cut.name in COMPARE_NOTHING:
        assert not any("if-match" in each.headers for each in cut.gets())
    else:
        assert got in (None, NEW)


test_get_replaced.needs = "get_resumed"  # type: ignore[attr-defined]
