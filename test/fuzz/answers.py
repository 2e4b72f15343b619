"""Answers for the differential fuzz: right ones, and those with a few things wrong, by a seeded dice."""

from __future__ import annotations

import random
from collections.abc import Iterator

METHODS = ("GET", "GET", "PUT", "HEAD", "DELETE")
SEEDS = (
    b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "AQAAAFHCd"\r\n\r\nhello',
    b"HTTP/1.1 200 OK\r\nServer: nginx\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6;a=b\r\n world\r\n0\r\n\r\n",
    b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-2/9\r\nContent-Length: 3\r\nConnection: close\r\n\r\nabc",
    b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\nX: y\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nContent-Type: text/html\r\n\r\n<html>to the end</html>",
    b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 2\r\n\r\nok",
    b'HTTP/1.1 403 Forbidden\r\nContent-Length: 27\r\nX-SessionId: 1\r\n\r\n{"RetCode":-148643,"ErrMsg"}',
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nTrailer: X\r\n\r\n1\r\na\r\n000\r\nX: 1\r\nY: 2\r\n\r\n",
    b'HTTP/1.1 304 Not Modified\r\nETag: "x"\r\nContent-Length: 9\r\nDate: Tue, 24 Nov 2026 10:00:00 GMT\r\n\r\n',
    b"HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n",
)
#: One for each difference that reference.py lists.
STRANGE = (
    b"HTTP/1.1 200 OK\nContent-Length: 5\n\nhello",
    b"HTTP/1.1 200 OK\r\nX: y\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\n",
    b"HTTP/1.2 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/2.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5, 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5, 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX: " + b"v" * 70000 + b"\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n" + b"X: y\r\n" * 300 + b"\r\nhello",
    b"HTTP/1.1 102 Processing\r\n\r\n" * 17 + b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5;" + b"x" * 5000 + b"\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n" + b"X: y\r\n" * 20000 + b"\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0000000000000005\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5 ;a=b\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nX: a\x0bb\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 204 No Content\r\nContent-Length: many\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nno field\r\n\r\n",
    b"HTTP/1.0 200 OK\r\nConnection: Keep-Alive\r\nContent-Length: 5\r\n\r\nhello",
    b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
    b"HTTP/1.1 200 OK\r\nConnection: closely\r\nContent-Length: 5\r\n\r\nhello",
)
#: What lines are made of, beside what the dice makes.
FIELDS = (
    *(
        b"Content-Length: 5",
        b"Content-Length: 6",
        b"Content-Length: 5, 5",
        b"Content-Length: 5,6",
        b"Content-Length: +5",
    ),
    *(b"Content-Length: 0x5", b"Content-Length:", b"Content-Length: 05", b"Content-Length: 5 ", b"content-length:\t5"),
    *(b"Content-Length: -1", b"Content-Length: 1" + b"0" * 18, b"Content-Length: 1" + b"0" * 30, b"Content-Length: 5;"),
    *(b"Content-Length : 5", b"Content_Length: 9", b"Content-Length: \xd9\xa5", b"Content-Length: 5\x0b"),
    *(b"Transfer-Encoding: chunked", b"Transfer-Encoding: Chunked", b"Transfer-Encoding: gzip, chunked"),
    *(b"Transfer-Encoding: chunked, identity", b"Transfer-Encoding: xchunked", b"Transfer-Encoding:\tchunked\t"),
    *(b"Transfer-Encoding: chunked, chunked", b"Transfer-Encoding: identity", b"Transfer-Encoding:"),
    *(b"Transfer-Encoding : chunked", b"Transfer-Encoding: \x0bchunked", b"Transfer-Encoding: chunked;q=1"),
    *(b"Connection: close", b"Connection: keep-alive", b"Connection: Keep-Alive, Upgrade", b"Connection: a, CLOSE"),
    *(b"Connection: closed", b"Connection:", b"Keep-Alive: timeout=5", b"Upgrade: h2c", b"X: " + b"v" * 5000),
    *(
        b"X: a",
        b"x: \xff\xfe",
        "X: 视频".encode(),
        b"X:a\tb",
        b": a",
        b"X",
        b"X:",
        b" X: a",
        b"X : a",
        b"\tfolded",
        b"X\0: a",
    ),
    *(b"X: a\0b", b"X: a\rb", b"X: \x01", b"X: a\x0cb", b"X: a\x0bb", b"X\x80: a", b"X(: a", b"X\x7f: y", b"X: \x7f"),
)
LINES = (b"\r\n", b"\r\n", b"\n", b"\r", b"\r\r\n", b"\n\r\n", b"\r\n ", b"\r\n\t", b"\r\n\r\n", b" \r\n", b"\0\r\n")
STATUS = (
    *(b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204 No", b"HTTP/1.1 304 No", b"HTTP/1.1 100 Continue"),
    *(b"HTTP/1.1 101 Switching", b"HTTP/1.1 199 x", b"HTTP/2.0 200 OK", b"HTTP/0.9 200 OK", b"HTTP/1.2 200 OK"),
    *(
        b"HTTP/1.1 200",
        b"HTTP/1.1 200 ",
        b"HTTP/1.1  200 OK",
        b"HTTP/1.1\t200 OK",
        b"HTTP/1.1 2000 OK",
        b"HTTP/1.1 20 OK",
    ),
    *(
        b"HTTP/1.1 099 x",
        b"HTTP/1.1 000 x",
        b"HTTP/1.1 999 x",
        b"http/1.1 200 OK",
        b"HTTP/1.1 200OK",
        b"HTTP/11 200 OK",
    ),
    *(
        b"ICY 200 OK",
        b" HTTP/1.1 200 OK",
        b"HTTP/1.1 200 \xff\t\x01",
        b"HTTP/1.1 200 \x0b",
        b"HTTP/1.1 +20 OK",
        b"HTTP/1.1",
    ),
    *(b"\xef\xbb\xbfHTTP/1.1 200 OK", b"HTTP/1.1 \xc2\xb2\xc2\xb2\xc2\xb2 OK"),
)
CHUNKS = (
    *(
        b"5\r\nhello\r\n",
        b"5;a=b\r\nhello\r\n",
        b"5 \r\nhello\r\n",
        b"5\t;x\r\nhello\r\n",
        b"05\r\nhello\r\n",
        b"a\r\n0123456789\r\n",
    ),
    *(
        b"A\r\n0123456789\r\n",
        b"5\nhello\r\n",
        b"5\r\nhello\n",
        b"5\r\nhello",
        b"6\r\nhello\r\n",
        b"4\r\nhello\r\n",
        b"0x5\r\nhello\r\n",
    ),
    *(
        b"+5\r\nhello\r\n",
        b"-5\r\nhello\r\n",
        b" 5\r\nhello\r\n",
        b"5;\r\nhello\r\n",
        b'5;a="\r\nhello\r\n',
        b"5;\0\r\nhello\r\n",
    ),
    *(
        b"5;\n\r\nhello\r\n",
        b"5;a\rb\r\nhello\r\n",
        b"\r\nhello\r\n",
        b"g\r\nhello\r\n",
        b"5_0\r\nhello\r\n",
        b"5 5\r\nhello\r\n",
    ),
    *(
        b"f" * 15 + b"\r\nhello",
        b"f" * 16 + b"\r\nhello",
        b"0" * 17 + b"5\r\nhello\r\n",
        b"5;" + b"x" * 5000 + b"\r\nhello\r\n",
    ),
)
ENDINGS = (
    *(
        b"0\r\n\r\n",
        b"0\r\nX: y\r\n\r\n",
        b"000\r\n\r\n",
        b"0;a\r\n\r\n",
        b"0\n\r\n",
        b"0\r\n\n",
        b"0\r\nX: y\n\r\n",
        b"0\r\n",
        b"",
    ),
    *(
        b"0\r\nno field\r\n\r\n",
        b"0\r\nX: a\r\n b\r\n\r\n",
        b"0\r\n X: a\r\n\r\n",
        b"0\r\nX: \0\r\n\r\n",
        b"0\r\nX : y\r\n\r\n",
        b"0\r\n\r\n0\r\n\r\n",
    ),
    *(
        b"0\r\nContent-Length: 5\r\n\r\n",
        b"0\r\nX: y\r\r\n\r\n",
        b"0 \r\n\r\n",
        b"0\r\n: y\r\n\r\n",
        b"0\r\n\r\nHTTP/1.1 200 OK\r\n",
    ),
    *(
        b"0\r\nX: " + b"y" * 5000 + b"\r\n\r\n",
        b"0\r\n" + b"X: " + b"y" * 4000 + b"\r\n" + b"X: y\r\n" * 12000 + b"\r\n",
    ),
)


def made(dice: random.Random) -> bytes:
    """One more answer, or what pretends to be one."""
    kind = dice.random()
    if kind < 0.45:
        return _mutated(dice, dice.choice(SEEDS))
    found = b"".join(_head(dice, interim=True) for _ in range(dice.choice((0, 0, 0, 1, 2, 18))))
    found += _head(dice)
    if b"chunked" in found.lower():
        found += b"".join(dice.choice(CHUNKS[:7] if dice.random() < 0.7 else CHUNKS) for _ in range(dice.randrange(4)))
        found += dice.choice(ENDINGS[:3] if dice.random() < 0.5 else ENDINGS)
    else:
        found += dice.choice((b"hello", b"hello", b"hell", b"", b"hello!", b"x" * 20))
    return _mutated(dice, found) if kind > 0.85 else found


def _head(dice: random.Random, interim: bool = False) -> bytes:
    strange = dice.random() < 0.15
    first = b"HTTP/1.1 103 Early Hints" if interim else dice.choice(STATUS if strange else STATUS[:1])
    lines = [first, *(dice.choice(FIELDS) for _ in range(dice.choice((0, 1, 1, 2, 3))))]
    if dice.random() < 0.01:
        lines += [b"X-%d: y" % n for n in range(dice.choice((250, 260, 300)))]
    if dice.random() < 0.005:
        lines.append(b"X: " + b"v" * 70000)
    ends = [dice.choice(LINES) if dice.random() < 0.05 else b"\r\n" for _ in lines]
    if dice.random() < 0.02:
        ends = [b"\n"] * len(lines)
    return b"".join(line + end for line, end in zip(lines, ends, strict=True)) + (
        ends[-1] if ends[-1] == b"\n" else b"\r\n"
    )


def _mutated(dice: random.Random, data: bytes) -> bytes:
    found = bytearray(data)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        at, what = dice.randrange(len(found) + 1), dice.randrange(7)
        if what == 0:
            found[at:at] = dice.choice(
                (b"\r", b"\n", b"\r\n", b" ", b"\t", b"\0", b":", b"\xff", b"0", b",", b";", b"\x0b", b"\x0c")
            )
        elif what == 1:
            del found[at : at + dice.choice((1, 1, 2, 10))]
        elif what == 2 and at < len(found):
            found[at] = dice.randrange(256)
        elif what == 3:
            place = found.find(b"\r\n", at)
            if place >= 0:
                found[place : place + 2] = dice.choice(LINES)
        elif what == 4:
            place = found.find(b"\r\n", at)
            if place >= 0:
                found[place:place] = b"\r\n" + dice.choice(FIELDS)
        elif what == 5 and at < len(found):
            found[at] ^= 1 << dice.randrange(8)
        else:
            found[at:at] = found[at : at + dice.randrange(30)]
    return bytes(found)


def inputs(seed: int) -> Iterator[tuple[str, bytes]]:
    """(method, bytes), without end."""
    yield from (("GET", data) for data in (*SEEDS, *STRANGE))
    dice = random.Random(seed)
    while True:
        yield dice.choice(METHODS), made(dice)
