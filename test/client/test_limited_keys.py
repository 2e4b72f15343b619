"""Uploads in parts with keys that may do only some of it: a token's rights, a temporary pair that ends.

A refusal never costs the parts that are stored: who may go on later goes on there.
"""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.server.inprocess import running
from ucloud.uvideo import config, multipartuploaduvideo
from uvideo import AsyncClient, Client, Retry, errors
from uvideo.models import Token

MIB = 1 << 20
DATA = bytes(range(256)) * (17 * MIB // 256)  # five parts
AT_ONCE = Retry(1, base=0.0)


@dataclass
class Keys:
    public: str
    private: str
    security_token: str | None = None


@dataclass
class Face:
    """An upload of ``path`` to films/film with these keys, whose second call goes on with what the first left."""

    space: str
    path: Path
    endpoint: str
    checkpoint: str = field(init=False)

    def __post_init__(self) -> None:
        self.checkpoint = str(self.path) + ".checkpoint"

    def __call__(self, keys: Keys) -> str:
        """The etag; UVideoError."""
        raise NotImplementedError

    def left(self) -> int:
        """How many records there are."""
        with Client(endpoint=self.endpoint, public_key="p", private_key="s") as client:
            return len(client.transfers())


def options(face: Face, keys: Keys) -> dict[str, Any]:
    made = {"public_key": keys.public, "private_key": keys.private, "endpoint": face.endpoint, "retry": AT_ONCE}
    return made if keys.security_token is None else {**made, "security_token": keys.security_token}


class OfClient(Face):
    def __call__(self, keys: Keys) -> str:
        with Client(**options(self, keys)) as client:
            return str(client.upload(self.space, "film", self.path, part_jobs=1).etag)


class OfResume(Face):
    def __call__(self, keys: Keys) -> str:
        with Client(**options(self, keys)) as client:
            for record in client.transfers():
                return str(client.resume(record.id).etag)
            return str(client.upload(self.space, "film", self.path, part_jobs=1).etag)


class OfAsyncClient(Face):
    def __call__(self, keys: Keys) -> str:
        async def upload() -> str:
            async with AsyncClient(**options(self, keys)) as client:
                return str((await client.upload(self.space, "film", self.path, part_jobs=1)).etag)

        return asyncio.run(upload())


class OfSdk(Face):
    def __call__(self, keys: Keys) -> str:
        config.set_default(uploadsuffix=self.endpoint, downloadsuffix=self.endpoint)
        try:
            handler = multipartuploaduvideo.MultipartUploadUVideo(keys.public, keys.private)
            more = {"maxthread": 1, "retrycount": 0, "checkpoint": self.checkpoint}
            _, resp = handler.uploadfile(self.space, "film", str(self.path), **more)
            handler.close()
        finally:
            config.unset_default("uploadsuffix", "downloadsuffix")
        if resp.status_code == -1:
            raise errors.TransferInterrupted(resp.error)
        if not resp.ok():
            raise errors.AccessDenied(resp.error)
        return str(resp.etag)

    def left(self) -> int:
        return int(Path(self.checkpoint).exists())


FACES = [OfClient, OfResume, OfAsyncClient, OfSdk]


@pytest.fixture(params=FACES)
def face(request: pytest.FixtureRequest, space: str, proxy: FaultProxy, tmp_path: Path) -> Face:
    path = tmp_path / "film"
    path.write_bytes(DATA)
    made: Face = request.param(space, path, f"127.0.0.1:{proxy.port}")
    return made


def token(client: Client, space: str, *rights: str) -> Token:
    return client.create_token("t", ops=["TOKEN_ALLOW_" + right for right in rights], spaces=[space])


def keys_of(made: Token) -> Keys:
    assert made.private_key is not None
    return Keys(made.public_key, made.private_key)


def break_off(face: Face, keys: Keys, proxy: FaultProxy) -> None:
    """Parts 0 and 1 are stored, then the way to the service ends."""
    proxy.on("UploadPart", part=2).cut_after(times=None)
    with pytest.raises(errors.TransferInterrupted):
        face(keys)
    proxy.reset()


def sent(proxy: FaultProxy) -> list[int | None]:
    return sorted({each.part for each in proxy.log("UploadPart")}, key=lambda part: part or 0)


def test_who_may_only_write_goes_on_without_a_list_of_parts(
    face: Face, client: Client, space: str, proxy: FaultProxy
) -> None:
    keys = keys_of(token(client, space, "WRITE"))
    break_off(face, keys, proxy)
    made = face(keys)
    assert [each.status for each in proxy.log("ListParts")] == [403]
    assert sent(proxy) == [2, 3, 4]
    assert (made, client.get(space, "film").data) == (client.stat(space, "film").etag, DATA)
    assert face.left() == 0 and list(client.list_uploads(space)) == []


@pytest.mark.parametrize("rights", [("READ", "LIST", "DELETE"), ("NONE",)])
def test_who_may_not_write_costs_nothing_that_is_stored(
    face: Face, client: Client, space: str, proxy: FaultProxy, rights: tuple[str, ...]
) -> None:
    good = keys_of(token(client, space, "WRITE", "LIST"))
    break_off(face, good, proxy)
    with pytest.raises(errors.AccessDenied):
        face(keys_of(token(client, space, *rights)))
    assert face.left() == 1 and len(list(client.list_uploads(space))) == 1
    proxy.reset()
    face(good)
    assert sent(proxy) == [2, 3, 4] and client.get(space, "film").data == DATA


def test_a_right_that_is_taken_away_in_the_middle(face: Face, client: Client, space: str, proxy: FaultProxy) -> None:
    made = token(client, space, "WRITE", "LIST")
    proxy.on("UploadPart", part=2).answer(403, json={"RetCode": -148658, "ErrMsg": "permission denied"})
    proxy.on("AbortUpload").answer(403, json={"RetCode": -148658, "ErrMsg": "permission denied"}, times=None)
    with pytest.raises(errors.AccessDenied):
        face(keys_of(made))
    assert face.left() == 1 and len(list(client.list_uploads(space))) == 1
    proxy.reset()
    face(keys_of(made))
    assert sent(proxy) == [2, 3, 4] and client.get(space, "film").data == DATA
    assert face.left() == 0 and list(client.list_uploads(space)) == []


class Clock:
    now = time.time()

    def __call__(self) -> float:
        return self.now

    def end(self) -> None:
        """Go on to where the first pair is over."""
        self.now += 1000


@pytest.mark.parametrize("kind", [OfClient, OfResume, OfAsyncClient])
def test_a_temporary_pair_that_ends_in_the_middle(kind: type[Face], tmp_path: Path) -> None:
    """The next pair goes on where the first one ended."""
    clock, path = Clock(), tmp_path / "film"
    path.write_bytes(DATA)
    with running(tmp_path / "server", clock=clock) as server, FaultProxy("127.0.0.1", server.port) as proxy:
        face = kind("films", path, f"127.0.0.1:{proxy.port}")
        with Client(server.public_key, server.private_key, endpoint=face.endpoint) as client:
            client.create_space("films")

            pairs = [client.assume_role(duration=seconds) for seconds in (900, 3600)]
            first, second = [Keys(each.public_key, each.private_key, each.security_token) for each in pairs]
            proxy.on("UploadPart", part=2).pause("third")
            with proxy.meanwhile("third", clock.end), pytest.raises(errors.Refused) as caught:
                face(first)
            (record,) = client.transfers()
            assert caught.value.transfer == record.id
            assert face.left() == 1 and len(list(client.list_uploads("films"))) == 1
            with pytest.raises(errors.AccessDenied):
                face(first)  # which is no reason to begin anew
            assert face.left() == 1 and len(list(client.list_uploads("films"))) == 1
            proxy.reset()
            face(second)
            assert sent(proxy) == [2, 3, 4] and client.get("films", "film").data == DATA
            assert face.left() == 0 and list(client.list_uploads("films")) == []


def test_who_may_not_write_may_not_give_up(client: Client, space: str, proxy: FaultProxy, tmp_path: Path) -> None:
    path = tmp_path / "film"
    path.write_bytes(DATA)
    face = OfClient(space, path, f"127.0.0.1:{proxy.port}")
    writer, reader = keys_of(token(client, space, "WRITE")), keys_of(token(client, space, "READ", "LIST"))
    break_off(face, writer, proxy)
    with Client(**options(face, reader)) as refused:
        (record,) = refused.transfers()
        with pytest.raises(errors.AccessDenied):
            refused.abort(record.id)
    assert face.left() == 1 and len(list(client.list_uploads(space))) == 1
    with Client(**options(face, writer)) as allowed:
        allowed.abort(record.id)
    assert face.left() == 0 and list(client.list_uploads(space)) == []
