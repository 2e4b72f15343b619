"""The HTTP form of an operation, and the bulk bytes beside it."""

from __future__ import absolute_import, division, print_function

from collections import namedtuple

#: Bytes that are read of an answer that says no: a stranger's may have no end.
REFUSAL = 1024 * 1024


class Slice(namedtuple("Slice", "offset length")):
    """Where bulk bytes lie in their source: offset and length in bytes."""

    __slots__ = ()


class Headers(object):
    """Header fields in order of appearance; names are case-insensitive.  Native names and values.  Not to be changed
    while another thread reads it.

    ``pairs``: (name, value).  ``index``: {lower-case name: its first value}, of whoever has it already.
    """

    __slots__ = ("pairs", "_index")

    def __init__(self, pairs=(), index=None):
        self.pairs = list(pairs)
        self._index = index

    def _find(self):
        if self._index is None:
            self._index = index = {}
            for name, value in self.pairs:
                index.setdefault(name.lower(), value)
        return self._index

    def get(self, name, default=None):
        """The first value, or ``default``."""
        index = self._index
        return (self._find() if index is None else index).get(name.lower(), default)

    def has_any(self, names):
        """Whether one of these is there.  ``names``: a frozenset, lower-case."""
        return not names.isdisjoint(self._find() if self._index is None else self._index)

    def all(self, name):
        """Every value, in order of appearance."""
        wanted = name.lower()
        return [value for name, value in self.pairs if name.lower() == wanted]

    def add(self, name, value):
        self.pairs.append((name, value))
        if self._index is not None:
            self._index.setdefault(name.lower(), value)

    def __iter__(self):
        return iter(self.pairs)

    def __len__(self):
        return len(self.pairs)

    def __eq__(self, other):
        return isinstance(other, Headers) and self.pairs == other.pairs

    def __ne__(self, other):
        return not self == other

    __hash__ = None

    def __reduce__(self):  # the oldest protocols of pickle know no __slots__
        return Headers, (self.pairs,)

    def __repr__(self):
        return "Headers(%s)" % ", ".join(sorted(name for name, _ in self.pairs))  # values may be secrets


class Request(namedtuple("Request", "method origin target headers body")):
    """``origin``: "http://host:port" on the client, "" on the server.  ``target``: as in the request line.

    ``headers``: Headers.  ``body``: bytes of a small body; bulk bytes travel beside the message.
    """

    __slots__ = ()

    def __repr__(self):  # a query may hold a signature
        return "Request(%s %s%s)" % (self.method, self.origin, self.target.partition("?")[0])

    __str__ = __repr__


class Response(namedtuple("Response", "status headers body")):
    """``status``: int.  ``headers``: Headers.  ``body``: bytes of a small body; bulk bytes travel beside it."""

    __slots__ = ()
