"""Clients and limits as values: copied and pickled; keys and texts that cannot be right are named."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable
from typing import Any

import pytest

from test.server_fixture import Server
from uvideo import AsyncClient, Client, Limit
from uvideo.config.settings import load
from uvideo.errors import InvalidArgument

WAYS: list[Callable[[Any], Any]] = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


@pytest.mark.parametrize("way", WAYS)
def test_an_asynchronous_client_can_be_copied_and_pickled(
    server: Server, client: Client, space: str, way: Callable[[Any], Any]
) -> None:
    async def ask() -> None:
        async with AsyncClient(settings=client.settings) as made:
            assert (await made.get(space, "a")).data == b"film"
            copied = way(made)  # with connections open
            async with copied:
                assert (type(copied), copied.settings) == (AsyncClient, made.settings)
                assert (await copied.get(space, "a")).data == b"film"
            assert (await made.get(space, "a")).data == b"film"

    client.put(space, "a", b"film")
    asyncio.run(ask())


@pytest.mark.parametrize("way", WAYS)
def test_a_limit_can_be_copied_and_pickled(way: Callable[[Any], Any]) -> None:
    limit = Limit("1M")
    limit.reserve(1 << 20, 0.0)
    copied = way(limit)
    assert (type(copied), copied.rate) == (Limit, 1 << 20)
    assert copied.reserve(1, 0.0) == 0.0 and limit.reserve(1, 0.0) == 1.0  # a limit of its own


@pytest.mark.parametrize("name", ["public_key", "private_key", "security_token"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_line_break_behind_a_key_is_named(name: str, end: str) -> None:
    with pytest.raises(InvalidArgument, match=f"{name} ends with a line break"):
        load(environ={}, **{"public_key": "p", "private_key": "s3cret", name: "s3cret" + end})


CALLS: list[Callable[[Client, str], Any]] = [
    lambda client, text: list(client.list("films", text)),
    lambda client, text: list(client.list_uploads("films", text)),
    lambda client, text: client.stat("films", text),
    lambda client, text: client.put("films", "a", b"", metadata={"a": text}),
    lambda client, text: client.put("films", "a", b"", mime=text),
    lambda client, text: client.create_token(text),
    lambda client, text: client.create_space("films", domains=[text]),
    lambda client, text: client.list_tokens(token_id=text),
    lambda client, text: client.abort_upload("films", "a", text),
]


@pytest.mark.parametrize("number", range(len(CALLS)))
def test_a_text_that_is_no_utf_8_is_named(number: int) -> None:
    with Client("p", "s", endpoint="127.0.0.1:1", retries=0) as client, pytest.raises(InvalidArgument):
        CALLS[number](client, "\ud800")
