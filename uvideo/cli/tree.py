"""uvideo tree: folders and objects as a tree, read folder by folder."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from uvideo.cli.address import Remote, remote
from uvideo.cli.context import Context
from uvideo.cli.i18n import say
from uvideo.cli.report import Kind, named, size
from uvideo.cli.verb_command import Example, option, verb
from uvideo.errors import NotFound

if TYPE_CHECKING:
    from uvideo import Client
    from uvideo.models import ObjectInfo

__all__ = ["NODE", "TREE", "tree"]

NODE = Kind(
    "node",
    {
        "space": "string",
        "key": "string",  # of a folder: the beginning of its keys; ends with a slash
        "name": "string",  # the last part of the key, without that of the address
        "depth": "integer",  # 0 for the address itself
        "folder": "boolean",
        "size": "integer?",  # of a folder only with --sizes: of all objects below
    },
    lambda record: None,
)
TREE = Kind(
    "tree",
    {
        "space": "string",
        "key": "string",  # of the address
        "folders": "integer",
        "objects": "integer?",  # null with --folders-only
        "size": "integer?",  # null without --sizes
    },
    lambda record: None,
)


@dataclass(frozen=True)
class Node:
    """An object or a folder.  is_last: in its folder.  trunk: what is drawn before its branch.

    size: None for a folder that was not added up.
    """

    key: str
    name: str
    depth: int
    folder: bool
    size: int | None
    is_last: bool
    trunk: str


@dataclass
class _Open:
    """A folder whose entries are visited.  following: the next one, which tells whether another one is the last."""

    key: str
    trunk: str
    entries: Iterator[ObjectInfo]
    following: ObjectInfo | None


class ObjectTree:
    """The nodes below a folder.  One page of each folder on the way to the current node is in memory.

    folders, objects: the number of nodes so far.  size: bytes of all objects, also of those that are not shown, if
    ``sizes``.
    """

    def __init__(
        self, client: Client, root: Remote, *, depth: int | None = None, folders_only: bool = False, sizes: bool = False
    ) -> None:
        self._client, self._root = client, root
        self._depth, self._folders_only, self._sizes = depth, folders_only, sizes
        self.folders = self.objects = self.size = 0

    def __iter__(self) -> Iterator[Node]:
        way = [self._opened(self._root.key, "")]
        while way:
            folder = way[-1]
            found = folder.following
            if found is None:
                way.pop()
                continue
            folder.following = next(folder.entries, None)
            node = self._node(found, folder, len(way), is_last=folder.following is None)
            yield node
            if node.folder and (self._depth is None or node.depth < self._depth):
                way.append(self._opened(node.key, node.trunk + ("    " if node.is_last else "│   ")))

    def _opened(self, key: str, trunk: str) -> _Open:
        entries = self._entries(key)
        return _Open(key, trunk, entries, next(entries, None))

    def _entries(self, folder: str) -> Iterator[ObjectInfo]:
        """The objects and folders in a folder that are shown; the folder's own marker is not."""
        for each in self._client.list(self._root.space, folder, delimiter="/"):
            if folder == self._root.key:
                self.size += each.size
            if each.key != folder and (each.is_prefix or not self._folders_only):
                yield each

    def _node(self, found: ObjectInfo, folder: _Open, depth: int, is_last: bool) -> Node:
        if not found.is_prefix:
            self.objects += 1
            size: int | None = found.size
        else:
            self.folders += 1
            size = self._below(found.key) if self._sizes else None
            if depth == 1:
                self.size += size or 0
        return Node(found.key, found.key[len(folder.key) :], depth, found.is_prefix, size, is_last, folder.trunk)

    def _below(self, folder: str) -> int:
        return sum(each.size for each in self._client.list(self._root.space, folder))


def _check(client: Client, root: Remote) -> None:
    """NotFound if nothing is below a folder.  A whole space may be empty."""
    if root.key and next(iter(client.list(root.space, root.key, page_size=1)), None) is None:
        raise NotFound(space=root.space, key=root.key)


def _drawn(node: Node, sizes: bool, human: bool) -> Kind:
    """The Kind of a node's record, with the line that is drawn for it."""

    def text(record: dict[str, Any]) -> str:
        line = node.trunk + ("└── " if node.is_last else "├── ")
        if sizes:
            line += f"[{_amount(record['size'], human)}]  "
        return line + str(record["name"])

    return Kind(NODE.name, NODE.fields, text)


def _total(human: bool) -> Kind:
    """The Kind of the last record, with its text."""

    def text(record: dict[str, Any]) -> str:
        words = [say("{count} folders", count=record["folders"])]
        if record["objects"] is not None:
            words.append(say("{count} objects", count=record["objects"]))
        if record["size"] is not None:
            words.append(_amount(record["size"], human) if human else say("{count} bytes", count=record["size"]))
        return say(", ").join(words)

    return Kind(TREE.name, TREE.fields, text)


def _amount(number: int, human: bool) -> str:
    return size(number) if human else str(number)


@verb(
    "tree",
    text=(
        "Reads a folder when its line is printed, so memory does not grow with the number of objects. --sizes shows "
        "the bytes of each object, and reads all keys below each folder that is shown, to add up theirs.",
    ),
    examples=[
        Example("A space:", "uvideo tree uvideo://demo"),
        Example("Its folders, with the bytes in each, two levels deep:", "uvideo tree -dsH --depth 2 uvideo://demo"),
        Example("For a program:", "uvideo tree --json uvideo://demo/photos/"),
    ],
)
@click.argument("addresses", nargs=-1, required=True, metavar="ADDRESS...")
@option("--depth", type=click.IntRange(1), metavar="N", help="Show at most this many levels.")
@option("--folders-only", "-d", is_flag=True, help="Show no objects.")
@option("--sizes", "-s", is_flag=True, help="Show the bytes of objects and of all in a folder.")
@option("--human-readable", "-H", "human", is_flag=True, help="Print sizes such as 12.3 MiB.")
def tree(
    context: Context, addresses: Sequence[str], depth: int | None, folders_only: bool, sizes: bool, human: bool
) -> int:
    report = context.report
    places = [remote(each) for each in addresses]
    for place in places:
        root = place if place.is_folder else Remote(place.space, place.key + "/")
        with report.failing(place):
            found = ObjectTree(context.client, root, depth=depth, folders_only=folders_only, sizes=sizes)
            _check(context.client, root)
            report.result(
                Kind(NODE.name, NODE.fields, named),
                space=root.space,
                key=root.key,
                name="",
                depth=0,
                folder=True,
                size=None,
            )
            for node in found:
                report.result(_drawn(node, sizes, human), node, space=root.space)
            report.result(
                _total(human),
                space=root.space,
                key=root.key,
                folders=found.folders,
                objects=None if folders_only else found.objects,
                size=found.size if sizes else None,
            )
    return report.finish(max(0, len(places) - report.failed))
