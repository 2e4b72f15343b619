"""Reads the XML body of a request into elements.  Source: s3.md section 3.13."""

from __future__ import annotations

import xml.parsers.expat as expat
from collections.abc import Iterator, Mapping, Sequence

from uvideo.s3.errors import S3Error

__all__ = ["BULK", "CONFIGURATION", "Element", "read"]

#: The largest bodies: of a configuration; of a list of parts, or of objects to delete.
CONFIGURATION, BULK = 1 << 20, 8 << 20
DEPTH, ELEMENTS = 16, 150_000  # 10,000 parts with all their checksums are 130,000 elements

_SEPARATOR = " "  # between the namespace of a name and the rest; neither may contain it
_NONE: Mapping[str, str] = {}


class Element:
    """An element: ``name`` and ``attributes`` without namespaces, the ``text`` directly in it, its ``children``."""

    __slots__ = ("attributes", "children", "name", "text")

    def __init__(self, name: str, attributes: Mapping[str, str] = _NONE) -> None:
        self.name = name
        self.attributes = attributes
        self.text = ""
        self.children: Sequence[Element] = ()  # most elements have none, and a list of none takes as much again

    def __iter__(self) -> Iterator[Element]:
        return iter(self.children)

    def add(self, child: Element) -> None:
        """Add a child at the end."""
        if isinstance(self.children, list):
            self.children.append(child)
        else:
            self.children = [child]

    def all(self, name: str) -> list[Element]:
        """The children of this name, in order."""
        return [each for each in self.children if each.name == name]

    def find(self, name: str) -> Element | None:
        """The only child of this name, or None.  MalformedXML for several."""
        found = self.all(name)
        if len(found) > 1:
            raise S3Error("MalformedXML")
        return found[0] if found else None

    def get(self, name: str) -> str | None:
        """The text of the only child of this name, or None.  MalformedXML for several, or if it has children."""
        found = self.find(name)
        if found is not None and found.children:
            raise S3Error("MalformedXML")
        return None if found is None else found.text

    def need(self, name: str) -> str:
        """As get.  MalformedXML if there is none."""
        found = self.get(name)
        if found is None:
            raise S3Error("MalformedXML")
        return found

    def __repr__(self) -> str:  # texts may be secrets
        return f"Element({self.name}, {len(self.children)} children)"


class _Builder:
    """Builds the elements while expat reports them."""

    def __init__(self) -> None:
        self.root: Element | None = None
        self._open: list[Element] = []
        self._texts: list[list[str]] = []
        self._count = 0

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if self._count > ELEMENTS or len(self._open) >= DEPTH:
            raise S3Error("MalformedXML")
        local = {_local(each): value for each, value in attributes.items()} if attributes else _NONE
        element = Element(_local(name), local)
        if self._open:
            self._open[-1].add(element)
        else:
            self.root = element
        self._open.append(element)
        self._texts.append([])

    def text(self, text: str) -> None:
        self._texts[-1].append(text)

    def end(self, name: str) -> None:
        self._open.pop().text = "".join(self._texts.pop())


def _local(name: str) -> str:
    return name.rpartition(_SEPARATOR)[2]


def _refuse_doctype(*_: object) -> None:
    """Without a document type there are no entities but the five of XML."""
    raise S3Error("MalformedXML")


def read(body: bytes, *names: str, limit: int = CONFIGURATION) -> Element:
    """The root of a document, which has one of these names in any namespace or none.

    MalformedXML for anything else: over ``limit`` bytes, a document type, an encoding other than UTF-8, too deep.
    """
    if len(body) > limit:
        raise S3Error("MalformedXML")
    builder, parser = _Builder(), expat.ParserCreate("utf-8", _SEPARATOR)
    parser.buffer_text = True
    parser.StartDoctypeDeclHandler = _refuse_doctype
    parser.StartElementHandler = builder.start
    parser.EndElementHandler = builder.end
    parser.CharacterDataHandler = builder.text
    try:
        parser.Parse(body.decode(), True)  # bytes could be UTF-16
    except (expat.ExpatError, ValueError):
        raise S3Error("MalformedXML") from None
    if builder.root is None or builder.root.name not in names:
        raise S3Error("MalformedXML")
    return builder.root
