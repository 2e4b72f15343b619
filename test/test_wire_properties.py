"""The reader and writer of HTTP hold for whatever comes: no byte leads to anything but an answer or Malformed."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from ucloud.uvideo.http import wire
from ucloud.uvideo.protocol.errors import InvalidArgument

PIECES = st.sampled_from(
    [b"HTTP/1.1 ", b"HTTP/1.0 ", b"200", b"100", b" OK", b"\r\n", b"\r\n\r\n", b"\n", b"\r", b":", b" ", b"\t", b"\0"]
    + [b"Content-Length", b"Transfer-Encoding", b"chunked", b"Connection", b"close", b"0", b"5", b"a", b";", b"\xff"]
)
BYTES = st.lists(st.one_of(PIECES, st.binary(max_size=8)), max_size=40).map(b"".join)


def cut(data: bytes, places: list[int]) -> list[bytes]:
    edges = sorted({0, len(data), *(place % (len(data) + 1) for place in places)})
    return [data[first:last] for first, last in zip(edges, edges[1:], strict=False)]


def read(pieces: list[bytes]) -> object:
    """What a Head made of these pieces, as a value; "more" if it waits for more."""
    head = wire.Head("GET")
    for number, piece in enumerate(pieces):
        try:
            found = head.feed(piece)
        except wire.Malformed:
            return "malformed"
        if found is not None:
            rest = head.rest + b"".join(pieces[number + 1 :])
            return found.status, found.headers.pairs, found.length, found.chunked, found.keep, rest
    return "more"


@given(st.one_of(BYTES, BYTES.map(lambda data: b"HTTP/1.1 200 OK\r\n" + data + b"\r\n\r\n")), st.lists(st.integers(0)))
def test_a_head_means_the_same_in_any_pieces(data: bytes, places: list[int]) -> None:
    whole, pieces = read([data] if data else []), read(cut(data, places))
    assert whole == pieces or "malformed" in (whole, pieces) and "more" in (whole, pieces)
    if isinstance(whole, tuple):
        for name, value in whole[1]:
            assert not {"\r", "\n", "\0"} & {*name, *value}


@given(st.lists(st.binary(min_size=1, max_size=300)), st.binary(max_size=9), st.lists(st.integers(0)))
def test_chunks_that_were_written_are_read(pieces: list[bytes], behind: bytes, places: list[int]) -> None:
    sent = b"".join(before + piece + after for piece in pieces for before, after in [wire.chunk(piece)])
    chunks = wire.Chunks()
    found = b"".join(chunks.feed(piece) for piece in cut(sent + wire.LAST_CHUNK + behind, places))
    assert (found, chunks.ended, chunks.rest) == (b"".join(pieces), True, behind)


@given(BYTES, st.lists(st.integers(0)))
def test_chunks_of_any_bytes_are_read_or_malformed(data: bytes, places: list[int]) -> None:
    chunks, found = wire.Chunks(), b""
    try:
        for piece in cut(data, places):
            found += chunks.feed(piece)
    except wire.Malformed:
        return
    assert len(found) <= len(data)


@given(st.text(max_size=20), st.lists(st.tuples(st.text(max_size=10), st.text(max_size=20)), max_size=4))
def test_a_request_head_has_the_lines_that_were_given_or_is_refused(target: str, pairs: list[tuple[str, str]]) -> None:
    try:
        head = wire.request_head("GET", "/" + target, pairs)
    except InvalidArgument:
        return
    assert head.split(b"\r\n")[1:-2] == [f"{name}: {value}".encode() for name, value in pairs]
    assert head.count(b"\n") == head.count(b"\r") == len(pairs) + 2
    assert head.split(b"\r\n")[0].split(b" ") == [b"GET", b"/" + target.encode(), b"HTTP/1.1"]
