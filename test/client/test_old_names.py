"""``verify`` is called ``checksum``: the old name is refused wherever it was an option, with an explanation."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from uvideo import AsyncClient, Client, TransferManager
from uvideo.config.profiles import edit
from uvideo.config.settings import load, profiles
from uvideo.errors import InvalidArgument

EXPLAINED = "verify.*called checksum now: it compares etags, and has no effect on TLS"


def taking(cls: type, option: str) -> list[str]:
    """The names of the methods that take an option."""
    methods = inspect.getmembers(cls, inspect.isfunction)
    return [name for name, each in methods if name[0] != "_" and option in inspect.signature(each).parameters]


WAYS = taking(Client, "checksum")


def arguments(method: Callable[..., Any]) -> list[str]:
    needed = list(inspect.signature(method).parameters.values())[1:]
    return ["name" for each in needed if each.default is each.empty and each.kind is each.POSITIONAL_OR_KEYWORD]


def test_the_ways_are_all_that_transfer_content() -> None:
    assert (
        set(WAYS)
        == {*("copy", "download", "download_dir", "get", "open", "put", "upload", "upload_dir")}
        == set(taking(AsyncClient, "checksum"))
    )
    assert not taking(Client, "verify")


@pytest.mark.parametrize("name", WAYS)
def test_a_method_explains_the_new_name(name: str) -> None:
    given = arguments(getattr(Client, name))
    with Client("p", "s", endpoint="127.0.0.1:1") as client, pytest.raises(TypeError, match=f"{name}.*{EXPLAINED}"):
        getattr(client, name)(*given, verify=False)

    async def work() -> None:
        async with AsyncClient("p", "s", endpoint="127.0.0.1:1") as loop:
            await getattr(loop, name)(*given, verify=False)

    with pytest.raises(TypeError, match=EXPLAINED):
        asyncio.run(work())


@pytest.mark.parametrize("name", ["copy", "download", "upload"])
def test_a_manager_explains_it_at_once(name: str) -> None:
    given = arguments(getattr(TransferManager, name))
    with Client("p", "s", endpoint="127.0.0.1:1") as client, TransferManager(client) as manager:
        with pytest.raises(TypeError, match=EXPLAINED):
            getattr(manager, name)(*given, verify=False)


def test_a_client_and_a_variable_explain_it(tmp_path: Path) -> None:
    for make in (Client, AsyncClient):
        with pytest.raises(InvalidArgument, match=EXPLAINED):
            make("p", "s", verify=False)  # type: ignore[call-arg]
    with pytest.raises(InvalidArgument, match="UVIDEO_" + EXPLAINED.replace("verify", "VERIFY", 1)):
        load(environ={"UVIDEO_VERIFY": "false"})
    with pytest.raises(InvalidArgument, match=EXPLAINED), edit(tmp_path / "config.toml") as draft:
        draft.set("lab", "verify", "no")


def test_a_configuration_file_with_the_old_name_is_read_and_changed(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    environ = {"UVIDEO_CONFIG": str(path)}
    path.write_text("[profiles.default]\nverify = false\n")
    path.chmod(0o600)
    assert load(environ=environ).checksum is False
    assert profiles(environ)[1] == {"default": {"checksum": False}}
    with edit(path) as draft:
        draft.set("default", "checksum", "yes")
    assert path.read_text() == "[profiles.default]\nchecksum = true\n"
    path.write_text("[profiles.default]\nverify = false\nchecksum = true\n")
    assert load(environ=environ).checksum is True
    with edit(path) as draft:
        assert draft.unset("default", "checksum")
    assert path.read_text() == "[profiles.default]\n"
