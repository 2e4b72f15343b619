"""Clients × promises: what S3 writes UFile reads, and what UFile writes S3 reads.

The name of a test is the call that it asks of a client.  clients.py has what does not work yet.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path
from urllib.request import ProxyHandler, build_opener

import pytest

from test.s3clients.client import Client, Listing
from test.s3clients.clients import refused_in_front, sent_as_given
from test.s3clients.odd_keys import ODD_KEYS
from uvideo import Client as UFileClient
from uvideo.errors import BadAnswer

pytestmark = pytest.mark.s3clients

DATA = bytes(range(256)) * 41
LARGE = 40 << 20  # bytes


@pytest.fixture
def small(tmp_path: Path) -> Path:
    path = tmp_path / "small.bin"
    path.write_bytes(DATA)
    return path


@pytest.fixture(scope="session")
def large(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(b"".join(b"%015d\n" % number for number in range(LARGE // 16)))
    yield path
    path.unlink()


def test_make(client: Client, ufile: UFileClient, request: pytest.FixtureRequest) -> None:
    name = "m-" + hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:10]
    client.make(name)
    assert ufile.stat_space(name).name == name


def test_put(client: Client, ufile: UFileClient, bucket: str, small: Path) -> None:
    client.put(bucket, "a folder/small.bin", small)
    assert ufile.get(bucket, "a folder/small.bin").data == DATA


def test_get(client: Client, ufile: UFileClient, bucket: str, tmp_path: Path) -> None:
    ufile.put(bucket, "a folder/small.bin", DATA)
    client.get(bucket, "a folder/small.bin", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == DATA


def test_span(client: Client, ufile: UFileClient, bucket: str) -> None:
    ufile.put(bucket, "small.bin", DATA)
    assert client.span(bucket, "small.bin", 1000, 5999) == DATA[1000:6000]


def test_copy(client: Client, ufile: UFileClient, bucket: str) -> None:
    ufile.put(bucket, "small.bin", DATA, mime="video/mp4")
    client.copy(bucket, "small.bin", "a copy/of it.bin")
    found = ufile.get(bucket, "a copy/of it.bin")
    assert found.data == DATA and found.info.mime == "video/mp4"


def test_listing(client: Client, full: str) -> None:
    keys, folders = ({f"many/{n:04}.txt" for n in range(2500)}, {f"many/folder {n}/" for n in range(5)})
    assert client.listing(full, "many/") == Listing(keys, folders)


def test_delete(client: Client, ufile: UFileClient, bucket: str) -> None:
    keys = [f"{number:02}.bin" for number in range(30)]
    for key in keys:
        ufile.put(bucket, key, b"")
    client.delete(bucket, keys[1:])
    assert [each.key for each in ufile.list(bucket)] == keys[:1]


def test_presign(client: Client, ufile: UFileClient, bucket: str) -> None:
    ufile.put(bucket, "a folder/small+.bin", DATA)
    with build_opener(ProxyHandler({})).open(client.presign(bucket, "a folder/small+.bin")) as response:
        assert response.read() == DATA


@pytest.mark.parametrize("mebibytes", [5, 8, 15])
def test_multipart(
    client: Client, ufile: UFileClient, bucket: str, large: Path, tmp_path: Path, mebibytes: int
) -> None:
    client.multipart(bucket, "large.bin", large, mebibytes << 20)
    data = large.read_bytes()
    assert ufile.stat(bucket, "large.bin").size == LARGE
    assert ufile.get(bucket, "large.bin", start=LARGE // 2).data == data[LARGE // 2 :]
    client.get(bucket, "large.bin", tmp_path / "got")
    assert (tmp_path / "got").read_bytes() == data
    (tmp_path / "got").unlink()
    ufile.delete(bucket, "large.bin")


def test_odd_keys(client: Client, ufile: UFileClient, bucket: str, small: Path, request: pytest.FixtureRequest) -> None:
    """Under each key that the client sends as it is given, UFile finds the object."""
    keys = sent_as_given(request.node.callspec.params["client"], ODD_KEYS)
    client.put_each(bucket, keys, small)
    assert {each.key for each in ufile.list(bucket)} == set(keys)
    assert {each.size for each in ufile.list(bucket)} == {len(DATA)}


test_odd_keys.needs = "put_each"  # type: ignore[attr-defined]


def test_odd_keys_of_ufile(
    client: Client, ufile: UFileClient, bucket: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    keys = sent_as_given(request.node.callspec.params["client"], ODD_KEYS)
    for key in keys:
        ufile.put(bucket, key, key.encode())
    folder = tmp_path / "got"
    folder.mkdir()
    client.get_each(bucket, keys, folder)
    assert [(folder / str(number)).read_bytes() for number in range(len(keys))] == [key.encode() for key in keys]
    for key in refused_in_front():
        with pytest.raises(BadAnswer, match="400"):
            ufile.put(bucket, key, b"")


test_odd_keys_of_ufile.needs = "get_each"  # type: ignore[attr-defined]


def test_finish_get(client: Client, ufile: UFileClient, bucket: str, tmp_path: Path) -> None:
    """An interrupted download goes on where it ended."""
    ufile.put(bucket, "small.bin", DATA)
    path = tmp_path / "got"
    path.write_bytes(DATA[:5000])
    client.finish_get(bucket, "small.bin", path)
    assert path.read_bytes() == DATA
