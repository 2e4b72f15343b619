"""The HTTP form of an operation, and slices of bulk bytes, which are sent separately."""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING, NamedTuple, overload

if TYPE_CHECKING:
    from typing import ClassVar, Collection, Iterable, Iterator, TypeVar  # noqa: F401

    T = TypeVar("T")

#: The most bytes read of a refusal: a stranger's may have no end.
REFUSAL = 1024 * 1024


class Slice(NamedTuple("Slice", [("offset", "int"), ("length", "int")])):
    """The position of bulk bytes in their source: offset and length in bytes."""

    __slots__ = ()


class Headers(object):
    """Header fields in order of appearance; names are case-insensitive.  Native names and values.

    Do not change it while another thread reads it.
    ``pairs``: (name, value).  ``index``: {lower-case name: its first value}, if the caller has it already.
    """

    __slots__ = ("pairs", "_index")

    def __init__(self, pairs=(), index=None):
        # type: (Iterable[tuple[str, str]], dict[str, str] | None) -> None
        self.pairs = list(pairs)
        self._index = index

    def _find(self):
        # type: () -> dict[str, str]
        if self._index is None:
            index = {}  # type: dict[str, str]
            for name, value in self.pairs:
                index.setdefault(name.lower(), value)
            self._index = index
        return self._index

    @overload
    def get(self, name):
        # type: (str) -> str | None
        pass

    @overload
    def get(self, name, default):
        # type: (str, T) -> str | T
        pass

    def get(self, name, default=None):
        # type: (str, object) -> object
        """The first value, or ``default``."""
        index = self._index
        return (self._find() if index is None else index).get(name.lower(), default)

    def has_any(self, names):
        # type: (frozenset[str]) -> bool
        """Whether one of these is present.  ``names``: a frozenset, lower-case."""
        return not names.isdisjoint(self._find() if self._index is None else self._index)

    def all(self, name):
        # type: (str) -> list[str]
        """Every value, in order of appearance."""
        wanted = name.lower()
        if wanted not in self._find():
            return []
        return [value for name, value in self.pairs if name.lower() == wanted]

    def names(self):
        # type: () -> Collection[str]
        """The lower-case names, each once."""
        return self._find()

    def add(self, name, value):
        # type: (str, str) -> None
        self.pairs.append((name, value))
        if self._index is not None:
            self._index.setdefault(name.lower(), value)

    def __iter__(self):
        # type: () -> Iterator[tuple[str, str]]
        return iter(self.pairs)

    def __len__(self):
        # type: () -> int
        return len(self.pairs)

    def __eq__(self, other):
        # type: (object) -> bool
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __ne__(self, other):
        # type: (object) -> bool
        return not self == other

    __hash__ = None  # type: ClassVar[None]  # type: ignore[assignment]  # of what can change

    def __reduce__(self):  # the oldest protocols of pickle know no __slots__
        # type: () -> tuple[object, ...]
        return Headers, (self.pairs,)

    def __repr__(self):
        # type: () -> str
        return "Headers(%s)" % ", ".join(sorted(name for name, _ in self.pairs))  # values may be secrets


class Request(
    NamedTuple(
        "Request",
        [("method", "str"), ("origin", "str"), ("target", "str"), ("headers", "Headers"), ("body", "bytes")],
    )
):
    """``origin``: "http://host:port" on the client, "" on the server.  ``target``: as in the request line.

    ``headers``: Headers.  ``body``: bytes of a small body; bulk bytes are sent separately.
    """

    __slots__ = ()

    def __repr__(self):  # a query may hold a signature
        # type: () -> str
        return "Request(%s %s%s)" % (self.method, self.origin, self.target.partition("?")[0])

    __str__ = __repr__


class Response(NamedTuple("Response", [("status", "int"), ("headers", "Headers"), ("body", "bytes")])):
    """``status``: int.  ``headers``: Headers.  ``body``: bytes of a small body; bulk bytes are received separately."""

    __slots__ = ()
