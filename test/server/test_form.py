"""The parser of form uploads, fed in every way a network can cut them."""

from __future__ import annotations

import tracemalloc
from collections.abc import Coroutine, Iterable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ucloud.uvideo.protocol import errors
from uvideo.server.http.form_upload import LIMIT, Form, boundary_of

FIELDS = [("FileName", "dir/视频 a+b%20.txt"), ("Authorization", "UCloud pub==:sig="), ("Content-Type", "text/x")]
HEAD = b'Content-Disposition: form-data; name="file"; filename="f"\r\nContent-Type: text/plain\r\n\r\n'
ENDINGS = {
    "by the book": b"\r\n--B--\r\n",
    "without the last line end": b"\r\n--B--",
    "python": b"\r\n--B\r\n",
    "python with one line more": b"\r\n--B\r\n\r\n",
    "cut": b"\r\n--B",
    "go, an empty part": b"\r\n--B\r\n\r\n--B--\r\n",
    "go, an empty part with a body": b"\r\n--B\r\n\r\n\r\n--B--\r\n",
    "go, two boundaries": b"\r\n--B\r\n--B--\r\n",
    "padding": b"\r\n--B-- \t \r\n",
    "an epilogue": b"\r\n--B--\r\nsomething else\r\n--B\r\n",
}


def field(name: str, value: str) -> bytes:
    return f'--B\r\nContent-Disposition: form-data; name="{name}"\r\n\r\n{value}\r\n'.encode()


def form(data: bytes, ending: bytes = ENDINGS["by the book"], fields: Iterable[tuple[str, str]] = FIELDS) -> bytes:
    return b"".join(field(*each) for each in fields) + b"--B\r\n" + HEAD + data + ending


def read(pieces: Iterable[bytes], boundary: bytes = b"B") -> tuple[dict[str, str], str, bytes]:
    """(fields, type of the file, its bytes)"""

    async def story() -> tuple[dict[str, str], str, bytes]:
        coming = iter(pieces)

        async def chunk() -> bytes:
            return next((piece for piece in coming if piece), b"")

        parser = Form(boundary, chunk)
        fields, data = await parser.fields(), b""
        while more := await parser.chunk():
            data += more
        assert await parser.chunk() == b""
        return fields, parser.mime, data

    return finish(story())


def finish(story: Coroutine[Any, Any, Any]) -> Any:
    """Run what never waits; an event loop would take longer than all the rest."""
    try:
        story.send(None)
    except StopIteration as done:
        return done.value
    raise AssertionError("it waits")


def cut(data: bytes, at: Iterable[int]) -> list[bytes]:
    places = sorted({0, len(data), *(place % (len(data) + 1) for place in at)})
    return [data[start:end] for start, end in zip(places, places[1:], strict=False)]


EXPECTED = {name.lower(): value for name, value in FIELDS}


@pytest.mark.parametrize("ending", ENDINGS.values(), ids=ENDINGS)
@pytest.mark.parametrize(
    "data", (b"", b"x", b"\r\n", b"\r\n--", b"--B", b"\r\n--Bx\r\n", b"\r\n--C--\r\n", b"\r\n--B-x")
)
def test_every_ending_byte_by_byte_and_at_once(data: bytes, ending: bytes) -> None:
    whole = form(data, ending)
    expected = (EXPECTED, "text/plain", data)
    assert read([whole]) == expected
    assert read(whole[at : at + 1] for at in range(len(whole))) == expected


PIECES = st.lists(
    st.sampled_from([b"\r\n--B", b"\r\n", b"--", b"B", b"\r", b"\n", b"-", b" ", b"x", b"\r\n--", b"\0"]), max_size=12
).map(b"".join)


@settings(max_examples=200, deadline=None)
@given(
    data=st.one_of(PIECES, st.binary(max_size=300)),
    ending=st.sampled_from(list(ENDINGS.values())),
    preamble=st.sampled_from([b"", b"\r\n", b"a preamble\r\n"]),
    places=st.lists(st.integers(0, 10**6), max_size=40),
)
def test_the_bytes_of_the_file_come_through_however_they_are_cut(
    data: bytes, ending: bytes, preamble: bytes, places: list[int]
) -> None:
    data = data.replace(b"\r\n--B", b"\r\n--b") if _holds_a_boundary(data + ending[:2]) else data
    assert read(cut(preamble + form(data, ending), places)) == (EXPECTED, "text/plain", data)


def _holds_a_boundary(data: bytes) -> bool:
    """Whether a reader must take the data for a boundary: such data needs another one, as each sender knows."""
    behind = data.split(b"\r\n--B")[1:]
    return any(rest.startswith(b"--") or rest.lstrip(b" \t")[:2] in (b"\r\n", b"") for rest in behind)


@settings(max_examples=200, deadline=None)
@given(data=st.one_of(PIECES, st.binary(max_size=400)), places=st.lists(st.integers(0, 10**6), max_size=20))
def test_whatever_comes_is_read_or_refused(data: bytes, places: list[int]) -> None:
    for whole in (data, b"--B\r\n" + data, form(b"x")[: len(data) * 3], form(b"x", data), form(data, b"")):
        try:
            read(cut(whole, places))
        except errors.BadRequest:
            continue


def test_how_it_is_cut_changes_nothing() -> None:
    whole = form(b"a\r\n--Bx" * 20, ENDINGS["python"])
    first = read([whole])
    for size in range(1, 80):
        assert read(whole[at : at + size] for at in range(0, len(whole), size)) == first


def test_a_cut_form_is_refused_and_never_read_as_a_shorter_file() -> None:
    whole = form(b"0123456789")
    for length in range(whole.index(b"\r\n--B--")):
        with pytest.raises(errors.BadRequest):
            read([whole[:length]])


@pytest.mark.parametrize(
    "whole",
    (
        b"",
        b"--B--\r\n",
        b"--B",
        b"no boundary",
        b"--B\r\n\r\nx",
        field("FileName", "k") + b"--B--\r\n",
        b"--B\r\nContent-Disposition: attachment; name=x\r\n\r\n\r\n--B--",
        b"--B\r\nno colon\r\n\r\n\r\n--B--",
        b"--B\r\nb\xffd: x\r\n\r\n\r\n--B--",
        b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\r\n' + form(b"x"),
        b"--B\r\n\r\na value without a name\r\n" + form(b"x"),
        field("FileName", "a") + field("filename", "b") + form(b"x", fields=()),
        form(b"x", b"\r\n" + field("Content-MD5", "0" * 32) + b"--B--"),
        form(b"x", b"\r\n--B\r\n" + HEAD + b"another\r\n--B--"),
        form(b"x", b"\r\n--B\r\n\r\nsomething\r\n--B--"),
    ),
)
def test_other_forms_are_refused(whole: bytes) -> None:
    with pytest.raises(errors.BadRequest):
        read([whole])
    with pytest.raises(errors.BadRequest):
        read(whole[at : at + 1] for at in range(len(whole)))


def test_the_fields_are_limited_together() -> None:
    assert read([form(b"x", fields=[("a", "y" * (LIMIT - 1000))])])[2] == b"x"
    for whole in (
        form(b"x", fields=[("a", "y" * LIMIT)]),
        form(b"x", fields=[(str(number), "y" * 1000) for number in range(70)]),
        b"p" * (LIMIT + 1) + b"\r\n" + form(b"x"),
        b"--B\r\nX: " + b"y" * LIMIT + b"\r\n\r\n\r\n" + form(b"x"),
        form(b"x", b"\r\n--B--" + b"e" * (2 * LIMIT)),
    ):
        with pytest.raises(errors.TooLarge):
            read(whole[at : at + 1000] for at in range(0, len(whole), 1000))

    def endless() -> Iterable[bytes]:
        yield b'--B\r\nContent-Disposition: form-data; name="a"\r\n\r\n'
        for _ in range(1000):
            yield b"y" * 1000
        raise AssertionError("read on")

    with pytest.raises(errors.TooLarge):
        read(endless())


def test_a_large_file_is_not_held() -> None:
    async def story() -> int:
        block, count = b"\r\n--Bx" * 10000, 100
        coming = iter([form(b"", b""), *[block] * count, ENDINGS["python"]])

        async def chunk() -> bytes:
            return next(coming, b"")

        parser, size = Form(b"B", chunk), 0
        await parser.fields()
        while more := await parser.chunk():
            size += len(more)
        assert size == len(block) * count
        return tracemalloc.get_traced_memory()[1]

    tracemalloc.start()
    try:
        assert finish(story()) < 2 * 1024 * 1024
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize(
    ("given", "expected"),
    (
        ("multipart/form-data; boundary=abc", b"abc"),
        ('multipart/form-data; boundary="a b:c"', b"a b:c"),
        ("Multipart/Form-Data;charset=utf-8;BOUNDARY=----WebKit1", b"----WebKit1"),
        ('multipart/form-data; boundary="a\\bc"; x=y', b"abc"),
    ),
)
def test_the_boundary_of_a_type(given: str, expected: bytes) -> None:
    assert boundary_of(given) == expected


@pytest.mark.parametrize("given", ("", "; boundary=", '; boundary="a ', "; boundary=é", '; boundary="a "', "; x=y"))
def test_a_type_without_a_boundary(given: str) -> None:
    with pytest.raises(errors.BadRequest):
        boundary_of("multipart/form-data" + given)
