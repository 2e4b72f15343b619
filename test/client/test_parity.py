"""Client and AsyncClient: the same methods, in the same order, with the same arguments, types and docstrings."""

from __future__ import annotations

import ast
import asyncio
import inspect
import pydoc
from pathlib import Path

import pytest

from test.client.test_options import inherited, keywords
from uvideo import AsyncClient, Client
from uvideo.client import aio, options

#: Arguments of AsyncClient take async iterables and results are async listings; nothing else may differ.
SPELLED = (
    ("AsyncContent", "Content"),
    ("AsyncSource", "Source"),
    ("AsyncListing", "Listing"),
    ("AsyncClient", "Client"),
    ("AsyncReader", "Reader"),
    ("AsyncWriter", "Writer"),
)
#: Methods that ask nothing of the service, or ask it later.
PLAIN = {
    "presign",
    "presign_post",
    "transfers",
    "settings",
    "open",
    "list",
    "list_spaces",
    "list_files",
    "list_uploads",
    "list_parts",
}
#: Methods whose docstring in AsyncClient is its own, and why.
OWN_TEXT = {
    "close": "all its connections are the loop's",
    "open": "the files are awaited, opened later, and no files for io.TextIOWrapper",
}
METHODS = [name for name in dir(Client) if not name.startswith("_") and inspect.isfunction(getattr(Client, name))]
#: Methods of AsyncClient that take options by a TypedDict: name -> that class.
TYPED = {
    name: getattr(options, method.__annotations__["options"].removeprefix("Unpack[").removesuffix("]"))
    for name, method in vars(AsyncClient).items()
    if not name.startswith("_") and "options" in getattr(method, "__annotations__", ())
}


#: Those, and the methods whose twin is made of them in one line.
OPTIONS = [*TYPED, "download", "upload_dir", "download_dir", "resume"]


def public(cls: type) -> list[str]:
    return [name for each in cls.__mro__ for name in vars(each) if not name.startswith("_")]


def spelled(annotation: object) -> str:
    text = str(annotation)
    for one, other in SPELLED:
        text = text.replace(one, other)
    return text


def test_both_have_the_same_methods_in_the_same_order() -> None:
    assert public(AsyncClient) == public(Client)
    assert len(METHODS) > 40 and len(TYPED) > 2


@pytest.mark.parametrize("name", METHODS)
def test_a_method_and_its_twin_take_and_give_the_same(name: str) -> None:
    ours, theirs = (inspect.signature(getattr(cls, name)) for cls in (Client, AsyncClient))
    assert [(each.name, each.kind, each.default) for each in ours.parameters.values()] == [
        (each.name, each.kind, each.default) for each in theirs.parameters.values()
    ]
    assert [spelled(each.annotation) for each in ours.parameters.values()] == [
        spelled(each.annotation) for each in theirs.parameters.values()
    ]
    assert spelled(ours.return_annotation) == spelled(theirs.return_annotation)
    assert inspect.iscoroutinefunction(getattr(AsyncClient, name)) == (name not in PLAIN)
    assert not inspect.iscoroutinefunction(getattr(Client, name))


@pytest.mark.parametrize("name", METHODS)
def test_a_method_and_its_twin_say_the_same(name: str) -> None:
    ours, theirs = (inspect.getdoc(getattr(cls, name)) for cls in (Client, AsyncClient))
    assert ours and theirs and (ours == theirs) == (name not in OWN_TEXT)


def test_no_text_is_written_twice() -> None:
    tree = ast.parse(Path(aio.__file__).read_text("utf-8"))
    (cls,) = (each for each in tree.body if isinstance(each, ast.ClassDef))
    methods = (each for each in cls.body if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef))
    texts = {each.name for each in methods if not each.name.startswith("_") and ast.get_docstring(each)}
    assert texts == set(OWN_TEXT)


@pytest.mark.parametrize("name", TYPED)
def test_what_type_checkers_are_told_is_what_is_shown(name: str) -> None:
    """The signature as it is written, before the options are spelled out, has each option once, with its type."""
    method = getattr(AsyncClient, name)
    by_name = method.__code__.co_varnames[method.__code__.co_argcount :][: method.__code__.co_kwonlyargcount]
    written = {each: spelled(method.__annotations__[each]) for each in by_name}
    typed = {each: spelled(type_) for each, type_ in inherited(TYPED[name]).items()}
    assert not written.keys() & typed.keys()
    assert {**written, **typed} == {each: spelled(type_) for each, type_ in keywords(getattr(Client, name)).items()}


@pytest.mark.parametrize("name", OPTIONS)
def test_help_shows_each_option(name: str) -> None:
    text = pydoc.plain(pydoc.render_doc(getattr(AsyncClient, name)))
    shown = {each for each in keywords(getattr(Client, name)) if f"{each}: " in text}
    assert shown == set(keywords(getattr(Client, name))) and "**" not in text.splitlines()[2]


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_that_does_not_exist_is_refused(name: str) -> None:
    needed = [
        b"" if each.name == "data" else "a"
        for each in list(inspect.signature(getattr(Client, name)).parameters.values())[1:]
        if each.default is each.empty
    ]

    async def work() -> None:
        async with AsyncClient("p", "s", endpoint="127.0.0.1:1") as client:
            made = getattr(client, name)(*needed, mimee=None)
            await made

    with pytest.raises(TypeError, match="got an unexpected keyword argument 'mimee'"):
        asyncio.run(work())


def test_both_are_made_alike() -> None:
    ours, theirs = (inspect.signature(cls.__init__) for cls in (Client, AsyncClient))
    assert str(ours) == str(theirs)
