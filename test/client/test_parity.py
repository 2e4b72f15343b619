"""Client and AsyncClient: the same methods, in the same order, with the same arguments."""

from __future__ import annotations

import inspect

import pytest

from uvideo import AsyncClient, Client

#: Arguments of AsyncClient take async iterables and results are async listings; nothing else may differ.
SPELLED = (
    ("AsyncSource", "Source"),
    ("AsyncListing", "Listing"),
    ("Cancel", "Interrupt"),
    ("AsyncClient", "Client"),
    ("AsyncReader", "Reader"),
    ("AsyncWriter", "Writer"),
)
#: Methods that ask nothing of the service, or ask it later.
PLAIN = {"presign", "transfers", "settings", "open", "list", "list_spaces", "list_files", "list_uploads", "list_parts"}


def public(cls: type) -> list[str]:
    return [name for name in vars(cls) if not name.startswith("_")]


def spelled(annotation: object) -> str:
    text = str(annotation)
    for one, other in SPELLED:
        text = text.replace(one, other)
    return text


def test_both_have_the_same_methods_in_the_same_order() -> None:
    assert public(AsyncClient) == public(Client)


@pytest.mark.parametrize("name", [name for name in public(Client) if inspect.isfunction(getattr(Client, name))])
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


def test_both_are_made_alike() -> None:
    ours, theirs = (inspect.signature(cls.__init__) for cls in (Client, AsyncClient))
    assert str(ours) == str(theirs)
