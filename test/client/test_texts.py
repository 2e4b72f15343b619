"""Where several texts are meant a single one is refused, and not taken apart into its letters; by every signature."""

from __future__ import annotations

import asyncio
import inspect
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

import uvideo
from test.sdk.hosts import Lookups
from uvideo import AsyncClient, Client, models
from uvideo.errors import InvalidArgument
from uvideo.transfer import pattern

#: What stands for the other arguments, by name.
OTHERS: dict[str, Any] = {
    "upload": models.BegunUpload("films", "a", "id", 4 << 20),
    "begin": datetime(2026, 1, 1, tzinfo=timezone.utc),
    "end": datetime(2026, 1, 2, tzinfo=timezone.utc),
    "older_than": timedelta(1),
    "folder": Path("."),
    "part": 0,
    "data": b"",
    "source": b"",
}
NO_TEXTS = ["log", "", b"log", bytearray(b"log"), memoryview(b"log"), {"log": "x"}, 5, object()]
ITEMS = [[5], [None], [b"log"], [["log"]]]


def several() -> list[tuple[str, str]]:
    """(method, parameter) of each public one that takes several of something, and not a single one too."""
    found = []
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if name.startswith("_"):
            continue
        for parameter in inspect.signature(method).parameters.values():
            text = str(parameter.annotation)
            if text.startswith(("Iterable[", "Sequence[", "Collection[", "list[", "tuple[")):
                found.append((name, parameter.name))
    return found


def arguments(method: Any, name: str, value: Any) -> dict[str, Any]:
    """The arguments of a call in which only ``name`` is of interest."""
    given = {}
    for parameter in list(inspect.signature(method).parameters.values())[1:]:
        if parameter.name == name:
            given[name] = value
        elif parameter.default is inspect.Parameter.empty:
            given[parameter.name] = OTHERS.get(parameter.name, "films")
    return given


def call(kind: type, method: str, given: dict[str, Any]) -> None:
    """The call, which must be refused before anything is sent."""

    async def asked() -> None:
        async with AsyncClient("p", "s", endpoint="video.example.com") as client:
            await getattr(client, method)(**given)

    with Lookups() as lookups, pytest.raises(InvalidArgument):
        if kind is AsyncClient:
            asyncio.run(asked())
        else:
            with Client("p", "s", endpoint="video.example.com", retries=0) as client:
                getattr(client, method)(**given)
    assert lookups.names == []


def test_the_signatures_are_found() -> None:
    assert {("delete_many", "keys"), ("create_token", "white_ips"), ("create_space", "domains")} <= set(several())
    assert {("upload_dir", "include"), ("download_dir", "exclude"), ("finish_upload", "parts")} <= set(several())


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(("method", "name"), several())
def test_a_single_text_is_refused(kind: type, method: str, name: str) -> None:
    for value in NO_TEXTS:
        call(kind, method, arguments(getattr(kind, method), name, value))


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(("method", "name"), [each for each in several() if each[0] != "delete_many"])
def test_what_is_no_text_among_them_is_refused(kind: type, method: str, name: str) -> None:
    for value in ITEMS:
        call(kind, method, arguments(getattr(kind, method), name, value))


@pytest.mark.parametrize("value", ITEMS)
def test_a_key_that_is_no_text_fails_alone(value: list[Any]) -> None:
    with Lookups() as lookups, Client("p", "s", endpoint="video.example.com", retries=0) as client:
        with pytest.raises(uvideo.errors.SomeFailed) as caught:
            client.delete_many("films", value)
    assert isinstance(caught.value.summary.failures[0].error, InvalidArgument)
    assert lookups.names == []


@pytest.mark.parametrize("kind", [Client, AsyncClient])
@pytest.mark.parametrize(
    ("method", "name"), [("put", "data"), ("upload", "source"), ("append", "data"), ("put_part", "data")]
)
def test_text_is_no_content(kind: type, method: str, name: str) -> None:
    """For ``upload`` it is a path (test_upload.py)."""
    for value in ({"log": "x"}, 5) if method == "upload" else ("log", {"log": "x"}, 5):
        call(kind, method, arguments(getattr(kind, method), name, value))


def test_a_mapping_is_no_text() -> None:
    for name, method in inspect.getmembers(Client, inspect.isfunction):
        if not name.startswith("_") and name != "copy":  # which looks at its source before all else
            for parameter in inspect.signature(method).parameters.values():
                if str(parameter.annotation).startswith("Mapping["):
                    for value in ("log", b"log", ["log"], 5):
                        call(Client, name, arguments(method, parameter.name, value))


def test_a_usage_of_one_space_may_be_asked_for_by_its_name() -> None:
    for value in (b"log", {"log": 1}, 5):
        call(Client, "space_usage", {**arguments(Client.space_usage, "spaces", value)})


def test_patterns_of_the_command_and_of_folders_are_several() -> None:
    for value in NO_TEXTS + ITEMS:
        for name in ("include", "exclude"):
            with pytest.raises(InvalidArgument, match=name):
                pattern.Filter(**{name: value})
