"""Every operation of both typed clients, each odd answer: a result of its type or a UVideoError, and nothing else."""

from __future__ import annotations

import asyncio
import inspect
import io
import json
import types
import typing
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest

from test.hostile.test_clients import ETAG, JSON, Liar, liar, reply
from test.patience import SECONDS
from uvideo import AsyncClient, Client, Retry, errors, models
from uvideo.client.listing import AsyncListing, Listing

__all__ = ["liar"]

ONCE = Retry(0, 0.001, 0.002, 1.0, SECONDS, SECONDS)
THRICE = Retry(2, 0.001, 0.002, 1.0, SECONDS, SECONDS)
SPACE, KEY = "films", "a.mp4"
UPLOAD = models.BegunUpload(SPACE, KEY, "id", 4 << 20)
PART = models.PartInfo(0, "AQAAAKr0xh1dzF6LooKUOFdt-q4ZpzTa", 5)
WHEN = datetime(2026, 1, 1, tzinfo=timezone.utc)

#: Every method of a client that asks the service something.
CALLS: dict[str, Callable[[Any], Any]] = {
    "create_space": lambda client: client.create_space(SPACE),
    "delete_space": lambda client: client.delete_space(SPACE),
    "stat_space": lambda client: client.stat_space(SPACE),
    "update_space": lambda client: client.update_space(SPACE, type="public"),
    "list_spaces": lambda client: client.list_spaces(),
    "space_usage": lambda client: client.space_usage(SPACE, begin=WHEN, end=WHEN),
    "put": lambda client: client.put(SPACE, KEY, b"hello"),
    "get": lambda client: client.get(SPACE, KEY),
    "upload": lambda client: client.upload(SPACE, KEY, b"hello", journal=False),
    "download": lambda client: client.download(SPACE, KEY, io.BytesIO(), journal=False),
    "stat": lambda client: client.stat(SPACE, KEY),
    "delete": lambda client: client.delete(SPACE, KEY),
    "delete_many": lambda client: client.delete_many(SPACE, [KEY]),
    "list": lambda client: client.list(SPACE),
    "copy": lambda client: client.copy(SPACE, "b", SPACE, KEY),
    "rename": lambda client: client.rename(SPACE, KEY, "b"),
    "restore": lambda client: client.restore(SPACE, KEY),
    "set_class": lambda client: client.set_class(SPACE, KEY, "IA"),
    "set_mime": lambda client: client.set_mime(SPACE, KEY, "text/plain"),
    "set_tags": lambda client: client.set_tags(SPACE, KEY, {"a": "b"}),
    "get_tags": lambda client: client.get_tags(SPACE, KEY),
    "delete_tags": lambda client: client.delete_tags(SPACE, KEY),
    "set_acl": lambda client: client.set_acl(SPACE, KEY, "public-read"),
    "get_acl": lambda client: client.get_acl(SPACE, KEY),
    "append": lambda client: client.append(SPACE, KEY, b"hello"),
    "put_known": lambda client: client.put_known(SPACE, KEY, etag="x", size=5),
    "begin_upload": lambda client: client.begin_upload(SPACE, KEY),
    "put_part": lambda client: client.put_part(UPLOAD, 0, b"hello"),
    "copy_part": lambda client: client.copy_part(UPLOAD, 0, SPACE, KEY),
    "finish_upload": lambda client: client.finish_upload(UPLOAD, [PART]),
    "list_uploads": lambda client: client.list_uploads(SPACE),
    "list_parts": lambda client: client.list_parts(SPACE, "id"),
    "abort_upload": lambda client: client.abort_upload(SPACE, KEY, "id"),
    "create_token": lambda client: client.create_token("t"),
    "list_tokens": lambda client: client.list_tokens(),
    "update_token": lambda client: client.update_token("t", name="n"),
    "delete_token": lambda client: client.delete_token("t"),
    "assume_role": lambda client: client.assume_role(),
}
#: Methods that ask nothing, or others of these.
OTHERS = {
    *(
        "abort",
        "clean_uploads",
        "close",
        "close_idle",
        "download_dir",
        "exists",
        "list_files",
        "list_space_files",
        "open",
        "presign",
    ),
    *("presign_post", "resume", "settings", "transfers", "upload_dir", "wait_until"),
}

FIELDS = (
    "BucketName BucketId DataSet Type Region CreateTime ModifyTime Domain Credentials Expiration AccessKeyId TokenId "
    "UFileTokenSet UploadId BlkSize Bucket Key FileSize Parts PartNum Etag Size LastModified IsTruncated NextMarker "
    "NextPartNumberMarker Contents CommonPrefixes Uploads TagSet Tags Grant Owner AccessControlList FileName Hash"
)


def every(value: Any, **more: Any) -> bytes:
    """An answer whose every field has the same value."""
    return reply(200, json.dumps({**dict.fromkeys(FIELDS.split(), value), "RetCode": 0, **more}).encode(), JSON)


def cut() -> Iterator[bytes]:
    yield from ()


def half() -> Iterator[bytes]:
    yield reply(200, b"{", JSON, length="9")


ODD: dict[str, Any] = {
    "cut": cut,
    "half a body": half,
    "no body": reply(200, b""),
    "an etag and no body": reply(200, b"", ETAG),
    "nothing said": reply(200, b"{}", JSON),
    "null": reply(200, b"null", JSON),
    "a list": reply(200, b"[]", JSON),
    "a text": reply(200, b'"text"', JSON),
    "no json": reply(200, b"{'a': 1}", JSON),
    "a page": reply(200, b"<html></html>", "Content-Type: text/html"),
    "yes and no more": reply(200, b'{"RetCode":0}', JSON),
    "yes as a text": reply(200, b'{"RetCode":"0"}', JSON),
    "yes as true": reply(200, b'{"RetCode":true}', JSON),
    "null everywhere": every(None),
    "a number everywhere": every(5),
    "a text everywhere": every("x"),
    "a list everywhere": every([]),
    "an object everywhere": every({}),
    "objects in lists": every([{}]),
    "numbers in lists": every([5, None, "x"]),
    "numbers beyond all": every(10**400),
    "a negative everywhere": every(-1),
    "no content": reply(204, b""),
    "accepted": reply(202, b""),
    "a part without range": reply(206, b"hello", ETAG),
    "a part of another": reply(206, b"hello", ETAG, "Content-Range: bytes 9-3/2"),
    "a redirection": reply(302, b"", "Location: http://elsewhere.example.com/k?Signature=s3cret"),
    "not modified": reply(304, b""),
    "refused without words": reply(400, b""),
    "an unknown refusal": reply(409, b'{"RetCode":-1,"ErrMsg":5}', JSON),
    "not found": reply(404, b'{"RetCode":-148654,"ErrMsg":"file not exist"}', JSON),
    "a part that exists": reply(500, b'{"RetCode":-1014,"ErrMsg":"put duplicate key error"}', JSON),
    "later": reply(503, b"", "Retry-After: 0"),
    "an error with yes": reply(200, b'{"RetCode":150,"Message":["x"]}', JSON),
    "no space": reply(200, b'{"RetCode":15010,"Message":"bucket not exist"}', JSON),
    "a space that exists": reply(200, b'{"RetCode":15000,"Message":"duplicate bucket name"}', JSON),
    "odd headers": reply(200, b"hello", "ETag: ", "Last-Modified: yesterday", "Content-Range: x", "X-Ufile-Restore: ,"),
}


class Turns:
    """One answer after the other, each on a connection of its own; the last again and again."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)

    def __call__(self) -> Iterator[bytes]:
        found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return found() if callable(found) else iter([found])


def fits(value: Any, kind: Any) -> bool:
    """Whether a value is of an annotation, as deep as it goes."""
    origin, inner = typing.get_origin(kind), typing.get_args(kind)
    if kind is Any or isinstance(kind, typing.TypeVar):
        return True
    if origin in (typing.Union, types.UnionType):
        return any(fits(value, each) for each in inner)
    if kind is None or kind is type(None):
        return value is None
    if origin is tuple and len(inner) == 2 and inner[1] is ...:
        return isinstance(value, tuple) and all(fits(each, inner[0]) for each in value)
    if origin in (dict, typing.get_origin(typing.Mapping[str, str])):
        return isinstance(value, dict) and all(fits(k, inner[0]) and fits(v, inner[1]) for k, v in value.items())
    if not isinstance(value, origin or kind) or (kind is int and isinstance(value, bool)):
        return False
    if hasattr(value, "__dataclass_fields__") and origin is None:
        hints = typing.get_type_hints(type(value))
        return all(fits(getattr(value, name), hints[name]) for name in value.__dataclass_fields__)
    return True


def returned(name: str) -> Any:
    """(what a method returns, of a Listing each item)."""
    module = inspect.getmodule(Client)
    found = eval(str(inspect.signature(getattr(Client, name)).return_annotation), vars(module))
    return typing.get_args(found)[0] if typing.get_origin(found) is Listing else found


def judge(call: str, lie: str, result: Any, failure: BaseException | None) -> None:
    if failure is not None:
        assert isinstance(failure, errors.UVideoError), (call, lie, repr(failure))
        assert not isinstance(failure, (errors.InvalidArgument, errors.LocalFailure)), (call, lie, repr(failure))
        assert "s3cret" not in str(failure)
        return
    for each in result if isinstance(result, list) else [result]:
        assert fits(each, returned(call)), (call, lie, each)


def options(port: int, folder: Path, tries: Retry) -> dict[str, Any]:
    return {
        "endpoint": f"http://127.0.0.1:{port}",
        "timeout": SECONDS,
        "retry": tries,
        "state_dir": str(folder),
        "proxy": "",
    }


def asked(port: int, folder: Path, tries: Retry, call: str) -> tuple[Any, BaseException | None]:
    with Client("public", "private", **options(port, folder, tries)) as client:
        try:
            found = CALLS[call](client)
            return (list(found) if isinstance(found, Listing) else found), None
        except Exception as failure:
            return None, failure


async def asked_async(port: int, folder: Path, tries: Retry, call: str) -> tuple[Any, BaseException | None]:
    async with AsyncClient("public", "private", **options(port, folder, tries)) as client:
        try:
            found = CALLS[call](client)
            return ([each async for each in found] if isinstance(found, AsyncListing) else await found), None
        except Exception as failure:
            return None, failure


def test_every_method_is_asked() -> None:
    methods = {name for name, _ in inspect.getmembers(Client) if not name.startswith("_")}
    assert methods == set(CALLS) | (OTHERS & methods)


@pytest.mark.parametrize("lie", ODD)
def test_an_odd_answer_is_a_result_of_its_type_or_an_error(liar: Liar, tmp_path: Path, lie: str) -> None:
    async def story() -> None:
        for call in CALLS:
            judge(call, lie, *await asked_async(liar.port, tmp_path, ONCE, call))

    liar.answer = ODD[lie]
    for call in CALLS:
        judge(call, lie, *asked(liar.port, tmp_path, ONCE, call))
    asyncio.run(story())


LOST = ("cut", "half a body", "a page", "later")
THEN = ("not found", "a space that exists", "no space", "a part that exists", "an error with yes")
#: In the quick suite: each with the first of the others.
PAIRS = [
    pytest.param(lie, then, marks=() if lie == LOST[0] or then == THEN[0] else pytest.mark.long)
    for then in THEN
    for lie in LOST
]


@pytest.mark.parametrize(("lie", "then"), PAIRS)
def test_what_comes_after_a_lost_answer_too(liar: Liar, tmp_path: Path, lie: str, then: str) -> None:
    async def story() -> None:
        for call in CALLS:
            liar.answer = Turns(ODD[lie], ODD[then], every([{"BucketName": SPACE, "BucketId": 5, "Type": {}}]))
            judge(call, lie, *await asked_async(liar.port, tmp_path, THRICE, call))

    for call in CALLS:
        for last in (every([{"BucketName": SPACE}]), every([{"BucketName": SPACE, "BucketId": 5, "Type": {}}]), cut):
            liar.answer = Turns(ODD[lie], ODD[then], last)
            judge(call, lie, *asked(liar.port, tmp_path, THRICE, call))
    asyncio.run(story())
