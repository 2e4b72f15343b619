"""The types of the options name what the methods take, each with its type; neither can change alone."""

from __future__ import annotations

import dataclasses
import inspect
import pydoc
from collections.abc import Callable
from typing import Any

import pytest

from uvideo import AsyncClient, Client, Settings, TransferManager
from uvideo.client import options
from uvideo.fs import UVideoFileSystem


def types_of(cls: type) -> dict[str, str]:
    """{name: type as it is written} of a TypedDict."""
    return {name: str(getattr(each, "__forward_arg__", each)) for name, each in cls.__annotations__.items()}


def inherited(cls: type) -> dict[str, str]:
    found: dict[str, str] = {}
    for each in (*reversed(getattr(cls, "__orig_bases__", ())), cls):
        if each is not cls and isinstance(each, type):
            found.update(inherited(each))
    return {**found, **types_of(cls)}


def keywords(method: Callable[..., Any]) -> dict[str, str]:
    """{name: type} of what a method takes by keyword only."""
    return {
        name: str(each.annotation).replace("models.", "")
        for name, each in inspect.signature(method).parameters.items()
        if each.kind is inspect.Parameter.KEYWORD_ONLY
    }


@pytest.mark.parametrize(
    ("type_", "method"),
    [
        (options.UploadOptions, Client.upload),
        (options.DownloadOptions, Client.download),
        (options.OpenOptions, Client.open),
        (options.SpaceOptions, Client.create_space),
        (options.CopyOptions, Client.copy),
        (options.ResumeOptions, Client.resume),
    ],
    ids=lambda each: each.__name__,
)
def test_the_options_of_a_method(type_: type, method: Callable[..., Any]) -> None:
    assert inherited(type_) == keywords(method)


def test_the_options_of_presign_are_those_that_the_filesystem_does_not_give() -> None:
    named = keywords(Client.presign)
    named.pop("expires")
    assert inherited(options.PresignOptions) == named


def test_reading_and_writing_take_together_what_open_takes() -> None:
    assert inherited(options.OpenOptions) == {
        **inherited(options.WriteOptions),
        **inherited(options.ReadOptions),
    }


def test_every_setting_is_an_option_of_its_type_or_none() -> None:
    fields = {each.name: str(each.type) for each in dataclasses.fields(Settings)}
    given = inherited(options.Given)
    assert given.keys() == fields.keys()
    for name, type_ in fields.items():
        assert {*type_.split(" | "), "None"} <= set(given[name].split(" | ")), name


def test_a_client_takes_its_keys_by_name_and_the_other_settings_as_options() -> None:
    taken = set(inspect.signature(Client.__init__).parameters)
    fields = {each.name for each in dataclasses.fields(Settings)}
    assert fields <= taken
    assert taken - fields == {"self", "settings", "retry", "profile", "environ"}


@pytest.mark.parametrize("made", [Client, AsyncClient, UVideoFileSystem], ids=lambda each: each.__name__)
def test_help_and_editors_see_each_option_by_name(made: Any) -> None:
    shown = inspect.signature(made).parameters  # of what is called, not of its __init__ only
    assert ["self", *shown] == [*inspect.signature(made.__init__).parameters]
    fields = {each.name for each in dataclasses.fields(Settings)}
    assert fields <= shown.keys()
    assert not [each for each in shown.values() if each.kind is each.VAR_KEYWORD]
    assert {name: str(shown[name].annotation) for name in fields} == inherited(options.Given)
    assert {shown[name].default for name in fields} == {None}
    assert "endpoint: " in pydoc.plain(pydoc.render_doc(made))


@pytest.mark.parametrize("name", ["upload", "download", "copy"])
def test_a_manager_shows_the_options_of_the_client(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(cls, name)).parameters for cls in (TransferManager, Client))
    assert {each.name: (each.kind, each.default) for each in ours.values()} == {
        each.name: (each.kind, each.default) for each in theirs.values()
    }
    assert keywords(getattr(TransferManager, name)) == keywords(getattr(Client, name))
