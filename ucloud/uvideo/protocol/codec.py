"""Encoding and decoding of an operation and its result: request and response, in both directions."""

from __future__ import absolute_import, division, print_function

from .compat import TYPE_CHECKING
from .location import place
from .message import Headers, Response

if TYPE_CHECKING:
    from typing import Any, Callable, Mapping, TypeVar

    from . import operation  # noqa: F401

    T = TypeVar("T")
    Asked = tuple[str, str, list[tuple[str, str]], bytes]  # method, target, headers, body
    # Any: the operation, or the result, of the Codec's table row.
    _Encode = Callable[[Any, bool], Asked]
    _Decode = Callable[[str, str, Mapping[str, str], Headers, bytes], Any]


def encode_done(result):
    # type: (operation.Done) -> Response
    return Response(200, Headers(), b"")


class Codec(object):
    """The four functions of an operation.

    ``encode(operation, shared)``: shared: the host serves all spaces.  ``decode(space, key, parameters, headers,
    body)``.  ``encode_result(result)``.  ``decode_result(operation, response)``: for a success; None if the result is
    Done.
    """

    def __init__(self, encode, decode, encode_result=encode_done, decode_result=None):
        # type: (_Encode, _Decode, Callable[[Any], Response], Callable[[Any, Response], Any] | None) -> None
        self.encode, self.decode = encode, decode
        self.encode_result, self.decode_result = encode_result, decode_result


def bare(method, query=""):
    # type: (str, str) -> Callable[[Any, bool], Asked]
    """The client's encoder for an operation with nothing but its key."""
    return lambda op, shared: (method, place(op.key, shared) + query, [], b"")


def plain(cls):
    # type: (Callable[[str, str], T]) -> Callable[[str, str, object, object, bytes], T]
    """The server's decoder for such an operation."""
    return lambda space, key, query, headers, body: cls(space, key)
