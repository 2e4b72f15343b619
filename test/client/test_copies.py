"""Copies that the service makes: one mechanism, whichever client, command or filesystem asks for it."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import AsyncClient, Cancel, Client, errors
from uvideo.models import ObjectInfo, Progress, Stored

PART = 4 << 20
SIZE = 2 * PART + 77
CONTENT = bytes(range(256)) * (SIZE // 256) + b"x" * (SIZE % 256)
LOW = 1 << 20

Copy = Callable[..., Stored]


@pytest.fixture(params=["Client", "AsyncClient"])
def copy(request: pytest.FixtureRequest, server: Server, proxy: FaultProxy, through: Client) -> Copy:
    """Client.copy, or AsyncClient.copy on a loop of its own."""
    if request.param == "Client":
        return through.copy

    async def once(*names: str, **options: Any) -> Stored:
        async with AsyncClient(
            server.public_key, server.private_key, endpoint=f"127.0.0.1:{proxy.port}", retry=carrier_of(through).retry
        ) as made:

            async def at_once(seconds: float) -> None:
                pass

            carrier_of(made).sleep = at_once
            return await made.copy(*names, **options)

    return lambda *names, **options: asyncio.run(once(*names, **options))


@pytest.fixture
def film(client: Client, space: str) -> ObjectInfo:
    given = {"mime": "video/x", "metadata": {"a": "b"}, "headers": {"Cache-Control": "no-cache"}}
    client.upload(space, "film", CONTENT, storage_class="IA", **given)  # type: ignore[arg-type]
    client.set_tags(space, "film", {"kind": "film"})
    return client.stat(space, "film")


def told(client: Client, space: str, key: str) -> list[object]:
    info = client.stat(space, key)
    return [
        (info.size, info.etag, info.mime, info.storage_class, dict(info.metadata), dict(info.headers)),
        client.get_tags(space, key),
    ]


OPTIONS: list[dict[str, Any]] = [
    {},
    {"mime": "text/plain"},
    {"metadata": {"c": "d"}},
    {"headers": {"Cache-Control": "max-age=1"}},
    {"storage_class": "ARCHIVE"},
    {"mime": "text/plain", "metadata": {}, "storage_class": "STANDARD"},
    {"checksum": False},
]


@pytest.mark.parametrize("options", OPTIONS, ids=lambda each: "+".join(each) or "plain")
def test_in_parts_and_in_one_request_make_the_same_object(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy, options: dict[str, Any]
) -> None:
    one = copy(space, "one", space, "film", **options)
    assert len(proxy.log("CopyObject")) == 1 and not proxy.log("CopyPart")
    parts = copy(space, "parts", space, "film", threshold=LOW, **options)
    assert len(proxy.log("CopyPart")) == 3
    assert told(client, space, "one") == told(client, space, "parts")
    assert (one.size, one.etag, one.verified) == (parts.size, parts.etag, parts.verified)
    assert (one.size, one.etag, one.verified) == (SIZE, film.etag, options.get("checksum", True))
    if not options:
        assert told(client, space, "parts") == told(client, space, "film")
    if "storage_class" not in options:
        assert client.get(space, "parts").data == CONTENT


def test_a_source_that_changes_meanwhile_leaves_nothing(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy
) -> None:
    proxy.on("CopyPart").pause("first", answered=True)
    client.put(space, "target", b"old")
    change = partial(client.upload, space, "film", CONTENT[::-1])
    with proxy.meanwhile("first", change), pytest.raises(errors.ObjectChanged):
        copy(space, "target", space, "film", threshold=LOW, part_jobs=1)
    assert client.get(space, "target").data == b"old"
    assert list(client.list_uploads(space)) == [] and not proxy.log("FinishUpload")


@pytest.mark.parametrize(("threshold", "reading"), [(SIZE, "CopyObject"), (LOW, "CopyPart")])
def test_a_source_that_goes_is_the_one_that_is_named(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy, threshold: int, reading: str
) -> None:
    proxy.on(reading).pause("first")
    remove = partial(client.delete, space, "film")
    with proxy.meanwhile("first", remove), pytest.raises(errors.NotFound) as caught:
        copy(space, "target", space, "film", threshold=threshold, part_jobs=1)
    assert caught.value.key == "film"
    assert list(client.list(space)) == [] and list(client.list_uploads(space)) == []


def test_parts_of_other_bytes_leave_nothing(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy
) -> None:
    """Both looks at the source say the same, but what was copied between them is not it."""
    proxy.on("CopyPart").header("ETag", '"2jmj7l5rSw0yVb_vlWAYkK_YBwk="')
    with pytest.raises(errors.IntegrityError):
        copy(space, "target", space, "film", threshold=LOW)
    assert list(client.list_uploads(space)) == [] and not proxy.log("FinishUpload")


@pytest.mark.parametrize("told", ["bytes 0-9/{size}", "bytes 1-4194304/{size}"])
def test_another_range_than_the_one_asked_for_leaves_nothing(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy, told: str
) -> None:
    proxy.on("CopyPart").header("Content-Range", told.format(size=SIZE))
    with pytest.raises(errors.IntegrityError):
        copy(space, "target", space, "film", threshold=LOW, part_jobs=1)
    assert list(client.list_uploads(space)) == []


@pytest.mark.parametrize("operation", ["CopyObject", "CopyPart", "FinishUpload"])
def test_an_answer_that_is_lost_is_made_up_for(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy, operation: str
) -> None:
    proxy.on(operation).lost_answer()
    done = copy(space, "copy", space, "film", threshold=SIZE if operation == "CopyObject" else LOW)
    assert (done.etag, done.verified) == (film.etag, True)
    assert client.get(space, "copy").data == CONTENT and list(client.list_uploads(space)) == []


@pytest.mark.parametrize("threshold", [SIZE, LOW])
def test_an_answer_without_etag_is_none(
    copy: Copy, client: Client, space: str, film: ObjectInfo, proxy: FaultProxy, threshold: int
) -> None:
    operation = "CopyObject" if threshold == SIZE else "FinishUpload"
    proxy.on(operation).answer(200, json={}, times=None)
    with pytest.raises(errors.BadAnswer):
        copy(space, "copy", space, "film", threshold=threshold)
    assert list(client.list_uploads(space)) == []
    if threshold == SIZE:
        done = copy(space, "copy", space, "film", threshold=threshold, checksum=False)
        assert (done.etag, done.verified) == (None, False)


def test_progress_grows_and_a_cancel_leaves_nothing(copy: Copy, client: Client, space: str, film: ObjectInfo) -> None:
    seen: list[Progress] = []
    copy(space, "copy", space, "film", threshold=LOW, progress=seen.append)
    assert seen and [each.done for each in seen] == sorted(each.done for each in seen)
    assert {(each.total, each.parts) for each in seen} == {(SIZE, 3)} and seen[-1].done == SIZE
    cancel = Cancel()
    with pytest.raises(errors.Cancelled):
        copy(space, "other", space, "film", threshold=LOW, cancel=cancel, progress=lambda _: cancel.cancel())
    assert list(client.list_uploads(space)) == []
    with pytest.raises(errors.NotFound):
        client.stat(space, "other")


def test_an_object_is_copied_onto_itself(copy: Copy, client: Client, space: str, film: ObjectInfo) -> None:
    for threshold in (SIZE, LOW):
        copy(space, "film", space, "film", threshold=threshold, metadata={"n": str(threshold)})
        found = client.stat(space, "film")
        assert (found.etag, found.metadata, found.storage_class) == (film.etag, {"n": str(threshold)}, "IA")


def test_no_source(copy: Copy, space: str) -> None:
    with pytest.raises(errors.NotFound):
        copy(space, "copy", space, "absent")


def test_nobody_else_copies_parts() -> None:
    """The command and the filesystem call the client."""
    from uvideo.cli import copy_item
    from uvideo.fs import filesystem

    for module in (copy_item, filesystem):
        assert "copy_part" not in inspect.getsource(module)
