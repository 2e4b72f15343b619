"""Bodies in aws-chunks: the vectors in every way they may be cut, and whatever is wrong with one."""

from __future__ import annotations

import hashlib
import random
import string
import tracemalloc
from collections.abc import Iterable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from test.s3.vectors import DOCUMENT, VECTORS, authenticate, decoded, of_kind, request_of, seconds, wire_of
from uvideo.s3 import signature
from uvideo.s3.chunked import LINE, TAIL, ChunkDecoder
from uvideo.s3.errors import S3Error
from uvideo.s3.payload import CHUNKED, Payload

SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER = CHUNKED
STREAMS = of_kind("stream-signed", "stream-signed-trailer", "stream-unsigned-trailer")
CLOCK = seconds(DOCUMENT["clock_of_most"])


def decoder_of(name: str) -> ChunkDecoder:
    vector = VECTORS[name]
    now = seconds("20130524T000000Z") if vector.get("published") else CLOCK
    claimed, body, key = authenticate(request_of(vector), {vector["access_key"]: vector["secret_key"]}, now)
    return ChunkDecoder(body, key, claimed.signature)


def run(decoder: ChunkDecoder, pieces: Iterable[bytes]) -> bytes:
    found = b"".join(map(decoder.feed, pieces))
    decoder.end()
    return found


def refused(decoder: ChunkDecoder, *pieces: bytes) -> str:
    with pytest.raises(S3Error) as caught:
        run(decoder, pieces)
    return caught.value.code


def cut(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


@pytest.mark.parametrize("name", STREAMS)
def test_a_vector_however_it_is_cut(name: str) -> None:
    vector, sent = VECTORS[name], wire_of(VECTORS[name])
    expected = decoded(vector)
    sizes = (1, 2, 3, 7, 64, 1000, 65536, len(sent)) if len(sent) < 20_000 else (997, 4096, 65536, len(sent))
    for size in sizes:
        decoder = decoder_of(name)
        assert run(decoder, cut(sent, size)) == expected
        decoder.end()  # who reads a body in blocks meets its end once more
        declared = dict(vector["headers"]).get("x-amz-trailer") or dict(vector["headers"]).get("X-Amz-Trailer")
        assert [name for name, _ in decoder.trailers] == ([declared] if declared else [])
        if "trailer" in vector:
            assert decoder.trailers == ((vector["trailer"]["name"], vector["trailer"]["value"]),)
    if len(sent) < 20_000:
        for at in range(len(sent) if len(sent) < 500 else 0):
            assert run(decoder_of(name), [sent[:at], b"", sent[at:]]) == expected


@pytest.mark.parametrize("name", STREAMS)
def test_a_vector_that_ends_early(name: str) -> None:
    sent = wire_of(VECTORS[name])
    last = sent.rindex(b"\r\n0") + 2 if b"\r\n0" in sent else 0
    stop = sent.index(b"\r\n", last)
    for at in [*range(0, stop + 2, max(1, stop // 200)), stop, stop + 1]:
        if at < stop + 2:
            assert refused(decoder_of(name), sent[:at]) == "IncompleteBody", at
    if VECTORS[name]["kind"] == "stream-signed":  # the line end behind the last chunk may be missing, half of it not
        run(decoder_of(name), [sent[:-2]])
        assert refused(decoder_of(name), sent[:-1]) == "IncompleteBody"
    else:
        run(decoder_of(name), [sent[:-2]])
        run(decoder_of(name), [sent[:-4]])
        assert refused(decoder_of(name), sent[: stop + 2]) == "MalformedTrailerError"


@pytest.mark.parametrize("name", STREAMS)
def test_bytes_behind_the_end(name: str) -> None:
    assert refused(decoder_of(name), wire_of(VECTORS[name]) + b"x") in ("IncompleteBody", "MalformedTrailerError")
    assert refused(decoder_of(name), wire_of(VECTORS[name]), b"0\r\n") in ("IncompleteBody", "MalformedTrailerError")


@pytest.mark.parametrize("name", of_kind("stream-signed", "stream-signed-trailer"))
def test_no_bit_of_signed_chunks_may_differ(name: str) -> None:
    sent, whole = wire_of(VECTORS[name]), decoder_of(name)
    run(whole, [sent])
    dice = random.Random(1)
    places = range(len(sent)) if len(sent) < 500 else sorted(dice.sample(range(len(sent)), 60))
    for at in places:
        changed = bytearray(sent)
        changed[at] ^= 1 << dice.randrange(8)
        decoder = decoder_of(name)
        try:
            found = run(decoder, [bytes(changed)])
        except S3Error as error:
            assert error.code in ("IncompleteBody", "SignatureDoesNotMatch", "MalformedTrailerError")
        else:  # a size or a name in capitals, a blank for the CR of a trailer
            assert found == decoded(VECTORS[name]) and chr(sent[at]) in "\r\n" + string.ascii_lowercase
            assert decoder.trailers == whole.trailers


def test_chunks_cannot_be_exchanged_or_left_out() -> None:
    sent = wire_of(VECTORS["s03-chunked-three"])
    first = sent.index(b"2000;", 1)
    second = sent.index(b"5;chunk")
    assert refused(decoder_of("s03-chunked-three"), sent[first:second] + sent[:first] + sent[second:]) == (
        "SignatureDoesNotMatch"
    )
    assert refused(decoder_of("s03-chunked-three"), sent[first:]) == "SignatureDoesNotMatch"


def test_the_refusals_of_the_vectors() -> None:
    rows = {(row["base"], row["change"]): row["code"] for row in DOCUMENT["refusals"] if row["base"] in STREAMS}
    vector, sent = VECTORS["s01-chunked"], wire_of(VECTORS["s01-chunked"])
    digit = vector["chunks"][0]["signature"].encode()
    found = {}
    wrong = digit[:-1] + (b"0" if digit[-1:] != b"0" else b"1")
    change = "last hex digit of the first chunk signature changed"
    found["s01-chunked", change] = refused(decoder_of("s01-chunked"), sent.replace(digit, wrong))
    # A client that says 12, signs that, and sends 11
    decoder = signer = Signer(Payload(SIGNED, length=12))
    found["s01-chunked", "x-amz-decoded-content-length 12, seed signed so"] = refused(
        decoder.decoder(), signer.chunk(b"hello world"), signer.chunk(b""), b"\r\n"
    )
    # The decoder takes any value of a trailer that is signed so.  Who knows the sum of the bytes refuses it.
    signer = Signer(Payload(SIGNED_TRAILER, None, 11, ("x-amz-checksum-crc32",)))
    made = signer.decoder()
    run(made, [signer.chunk(b"hello world"), signer.chunk(b""), signer.trailer("x-amz-checksum-crc32:AAAAAA==")])
    assert made.trailers == (("x-amz-checksum-crc32", "AAAAAA=="),)
    found["s04-chunked-trailer", "trailer value AAAAAA==, trailer signed so"] = "BadDigest"
    other = wire_of(VECTORS["c02-boto3-put-https"]).replace(b"crc32", b"sha1")
    found["c02-boto3-put-https", "wire trailer name x-amz-checksum-sha1"] = refused(
        decoder_of("c02-boto3-put-https"), other
    )
    assert found == rows


class Signer:
    """A client that sends signed chunks."""

    def __init__(self, payload: Payload) -> None:
        scope = signature.CredentialScope("a", "20260102", "cn-bj")
        self.payload, self.key = payload, signature.SigningKey.derive("secret", scope, "20260102T030405Z")
        self.seed = self.previous = "0" * 64

    def decoder(self) -> ChunkDecoder:
        return ChunkDecoder(self.payload, self.key, self.seed)

    def sign(self, what: str, text: str) -> str:
        head = f"AWS4-HMAC-SHA256-{what}\n{self.key.date}\n{self.key.scope}\n{self.previous}"
        self.previous = self.key.sign(f"{head}\n{text}")
        return self.previous

    def chunk(self, data: bytes) -> bytes:
        found = self.sign("PAYLOAD", f"{hashlib.sha256().hexdigest()}\n{hashlib.sha256(data).hexdigest()}")
        return f"{len(data):x};chunk-signature={found}\r\n".encode() + (data + b"\r\n" if data else b"")

    def trailer(self, *lines: str, end: str = "\r\n") -> bytes:
        found = self.sign("TRAILER", hashlib.sha256("".join(f"{line}\n" for line in lines).encode()).hexdigest())
        return "".join(f"{line}{end}" for line in lines).encode() + f"x-amz-trailer-signature:{found}\r\n\r\n".encode()


def bare(*chunks: bytes) -> bytes:
    return b"".join(b"%x\r\n%s\r\n" % (len(chunk), chunk) for chunk in chunks) + b"0\r\n"


@given(
    st.sampled_from(CHUNKED),
    st.lists(st.binary(min_size=1, max_size=300), max_size=5),
    st.lists(st.integers(1, 200), min_size=1, max_size=6),
)
def test_any_chunks_cut_anywhere(framing: str, chunks: list[bytes], sizes: list[int]) -> None:
    trailers = () if framing == SIGNED else ("x-amz-checksum-crc32",)
    signer = Signer(Payload(framing, None, sum(map(len, chunks)), trailers))
    if framing == UNSIGNED_TRAILER:
        sent = bare(*chunks) + b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n"
    else:
        sent = b"".join(map(signer.chunk, [*chunks, b""]))
        sent += signer.trailer("x-amz-checksum-crc32:AAAAAA==") if trailers else b"\r\n"
    pieces, at = [], 0
    while at < len(sent):
        size = sizes[len(pieces) % len(sizes)]
        pieces.append(sent[at : at + size])
        at += size
    assert run(signer.decoder(), pieces) == b"".join(chunks)


# What clients write otherwise

CRC = Payload(UNSIGNED_TRAILER, None, 5, ("x-amz-checksum-crc32",))


@pytest.mark.parametrize(
    "tail",
    [
        b"x-amz-checksum-crc32:AAAAAA==\r\n\r\n",
        b"x-amz-checksum-crc32:AAAAAA==\r\n",
        b"x-amz-checksum-crc32:AAAAAA==",
        b"x-amz-checksum-crc32: AAAAAA== \r\n\r\n",
        b"X-Amz-Checksum-CRC32:\tAAAAAA==\r\n\r\n",
        b"x-amz-checksum-crc32:AAAAAA==\n\r\n\r\n",
    ],
)
def test_trailers_of_other_clients(tail: bytes) -> None:
    decoder = ChunkDecoder(CRC)
    assert run(decoder, [bare(b"hello"), tail]) == b"hello"
    assert decoder.trailers == (("x-amz-checksum-crc32", "AAAAAA=="),)


@pytest.mark.parametrize("end", ["\r\n", "\n", "\n\r\n"])
def test_signed_trailers_of_other_clients(end: str) -> None:
    signer = Signer(Payload(SIGNED_TRAILER, None, 5, ("x-amz-checksum-crc32", "x-b")))
    decoder = signer.decoder()
    sent = (
        signer.chunk(b"hello") + signer.chunk(b"") + signer.trailer("x-amz-checksum-crc32:AAAAAA==", "x-b:1", end=end)
    )
    run(decoder, cut(sent, 11))
    assert decoder.trailers == (("x-amz-checksum-crc32", "AAAAAA=="), ("x-b", "1"))


def test_the_size_in_capitals_with_zeros_or_an_extension() -> None:
    payload = Payload(UNSIGNED_TRAILER, length=15)
    assert run(ChunkDecoder(payload), [b"00A\r\n0123456789\r\n5;a=b\r\nhello\r\n000\r\n\r\n"]) == b"0123456789hello"


# Wrong framing


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\r\n",
        b"hello",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"5\r\nhellox\r\n0\r\n\r\n",
        b"4\r\nhello\r\n0\r\n\r\n",
        b"6\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n1\r\nx\r\n0\r\n\r\n",
        b"4\r\nhell\r\n0\r\n\r\n",
        b"0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"+5\r\nhello\r\n0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b" 5\r\nhello\r\n0\r\n\r\n",
        b"5 \r\nhello\r\n0\r\n\r\n",
        b"g\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
        b"0" * 16 + b"5\r\nhello\r\n0\r\n\r\n",
        b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
        b"5;" + b"x" * LINE + b"\r\nhello\r\n0\r\n\r\n",
        b"5\r\nhello\r\n0",
        b"5\r\nhello\r\n0\r",
        b"5\r\nhello\r\n",
        b"5\r\nhell",
    ],
    ids=lambda body: repr(body[:24]),
)
def test_a_wrong_body(body: bytes) -> None:
    payload = Payload(UNSIGNED_TRAILER, length=5)
    for size in (1, 5, 2000):
        assert refused(ChunkDecoder(payload), *cut(body, size)) == "IncompleteBody"


def test_a_lie_about_the_length_is_refused_at_once() -> None:
    decoder = ChunkDecoder(Payload(UNSIGNED_TRAILER, length=10))
    decoder.feed(b"5\r\nhello\r\n")
    with pytest.raises(S3Error, match="IncompleteBody"):
        decoder.feed(b"6\r\n")


def test_bare_chunks_are_not_taken_for_signed_ones() -> None:
    assert refused(Signer(Payload(SIGNED, length=5)).decoder(), bare(b"hello"), b"\r\n") == "IncompleteBody"
    with pytest.raises(ValueError):
        ChunkDecoder(Payload(SIGNED, length=5))
    with pytest.raises(ValueError):
        ChunkDecoder(Payload())


@pytest.mark.parametrize(
    "tail",
    [
        b"\r\n",
        b"x-amz-checksum-sha1:AAAA\r\n\r\n",
        b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-sha1:AAAA\r\n\r\n",
        b"x-amz-checksum-crc32:AAAAAA==\r\nx-amz-checksum-crc32:AAAAAA==\r\n\r\n",
        b"x-amz-checksum-crc32\r\n\r\n",
        b":AAAAAA==\r\n\r\n",
        b"x amz:AAAAAA==\r\n\r\n",
        b"x-amz-checksum-crc32:\xff\r\n\r\n",
        b"x-amz-checksum-crc32:" + b"A" * LINE + b"\r\n\r\n",
    ],
)
def test_wrong_trailers(tail: bytes) -> None:
    assert refused(ChunkDecoder(CRC), bare(b"hello"), tail) == "MalformedTrailerError"


def test_a_trailer_that_was_not_declared() -> None:
    payload = Payload(UNSIGNED_TRAILER, length=5)
    assert run(ChunkDecoder(payload), [bare(b"hello"), b"\r\n"]) == b"hello"
    assert refused(ChunkDecoder(payload), bare(b"hello"), b"a:b\r\n\r\n") == "MalformedTrailerError"


def signed_tail(change: Sequence[str]) -> str:
    signer = Signer(Payload(SIGNED_TRAILER, None, 5, ("x-a",)))
    body = signer.chunk(b"hello") + signer.chunk(b"")
    return refused(signer.decoder(), body, signer.trailer("x-a:1").decode().replace(*change).encode())


def test_the_signature_of_the_trailers() -> None:
    assert signed_tail(("x-a:1", "x-a:2")) == "SignatureDoesNotMatch"
    assert signed_tail(("x-a:1", "x-b:1")) == "MalformedTrailerError"
    assert signed_tail(("x-amz-trailer-signature", "x-amz-trailer")) == "MalformedTrailerError"
    assert signed_tail(("-signature:", "-signature:0")) == "MalformedTrailerError"
    assert signed_tail(("\r\n\r\n", "\r\nx-c:1\r\n\r\n")) == "MalformedTrailerError"
    signer = Signer(Payload(SIGNED_TRAILER, None, 5, ("x-a",)))
    assert refused(signer.decoder(), signer.chunk(b"hello") + signer.chunk(b""), b"x-a:1\r\n\r\n") == (
        "MalformedTrailerError"
    )


def test_memory_is_bounded() -> None:
    """A client may send lines and trailers without end, and chunks of any size."""
    piece = b"x" * 65536
    tracemalloc.start()
    try:
        with pytest.raises(S3Error, match="IncompleteBody"):
            decoder = ChunkDecoder(CRC)
            for _ in range(1000):
                decoder.feed(b"5")
                decoder.feed(b"5" * 100)
        for tail in (b"\r\n", b"x:y\r\n", b"z"):
            decoder = ChunkDecoder(CRC)
            decoder.feed(bare(b"hello"))
            with pytest.raises(S3Error, match="IncompleteBody"):
                for _ in range(TAIL + 1):
                    decoder.feed(tail)
        decoder = ChunkDecoder(Payload(UNSIGNED_TRAILER, length=len(piece) * 1000))
        decoder.feed(b"%x\r\n" % (len(piece) * 1000))
        for _ in range(1000):
            assert decoder.feed(piece) is piece  # not copied
        decoder.feed(b"\r\n0\r\n\r\n")
        decoder.end()
        assert tracemalloc.get_traced_memory()[1] < 1_000_000
    finally:
        tracemalloc.stop()
