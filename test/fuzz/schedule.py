"""Cases of the state-machine fuzz: what the client asks, what the other side does and when; made by a seeded dice."""

from __future__ import annotations

import json
import random
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields, replace
from typing import Any

KINDS = ("head", "body", "end")
#: (kind, n): after n bytes of the request's head, after it and n bytes of the body (modulo its length), after both.
Place = tuple[str, int]
Step = tuple[Place, str]

#: How the other side ends: it waits for the next request; says that it is done, and reads on; likewise, but under TLS
#: without TLS's word for it; closes; resets; says nothing, and reads on; says and reads nothing.
ENDS = ("keep", "half", "cut", "close", "reset", "silent", "stuck")
QUIET = ("silent", "stuck")


@dataclass(frozen=True)
class Case:
    """One request and what the other side does.

    ``step``: bytes of each piece in which body and answer are read.  ``take``: most bytes that a call of the client
    receives, None for any.  ``buffer``: of the sockets, in bytes, None for the system's.  ``piece``: bytes that the
    other side sends at a time.  ``sends``: (place, text as latin-1), places in order.  ``end``: (place, how).
    ``proxied``: likewise (sends, end) of the answer to the request for a tunnel; None: it is opened.
    """

    client: str = "threads"
    way: str = "tcp"
    method: str = "PUT"
    body: str = "bytes"
    size: int = 0
    step: int = 65536
    read: str = "read"
    reused: bool = False
    buffer: int | None = None
    take: int | None = None
    piece: int = 1 << 20
    sends: tuple[Step, ...] = ()
    end: Step = (("end", 0), "keep")
    proxied: tuple[tuple[Step, ...], Step] | None = None

    def text(self) -> str:
        """JSON of what differs from the defaults; ``parsed`` reads it."""
        plain = {each.name: each.default for each in fields(self)}
        return json.dumps({name: value for name, value in asdict(self).items() if value != plain[name]})


def parsed(text: str) -> Case:
    return Case(**{name: _frozen(value) for name, value in json.loads(text).items()})


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value


INTERIM = (
    "HTTP/1.1 100 Continue\r\n\r\n",
    "HTTP/1.1 102 Processing\r\nX: y\r\n\r\n",
    "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload\r\n\r\n",
    "HTTP/1.1 199 \r\n\r\n",
    "HTTP/1.0 100 Continue\r\nContent-Length: 5\r\n\r\n",
)
STATUS = ("200 OK", "201 Created", "204 No Content", "206 Partial Content", "304 Not Modified", "403 Forbidden")
STATUS += ("404 Not Found", "413 Too Large", "429 Slow Down", "500 Internal Server Error", "503 Service Unavailable")
MALFORMED = (
    "SSH-2.0-OpenSSH\r\n",
    "HTTP/1.1 200 OK\nContent-Length: 0\n\n",
    "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n",
    "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    "\x16\x03\x01\x02",
    "<html>busy</html>",
)
TUNNELS = (
    "HTTP/1.1 200 Connection established\r\n\r\n",
    "HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\n",
    "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
)
REFUSALS = (
    "HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 3\r\n\r\nwho",
    "HTTP/1.1 503 Busy\r\nConnection: close\r\n\r\n",
    "HTTP/1.1 302 Found\r\nLocation: http://login.test/\r\n\r\n",
    "HTTP/1.0 200",
    "garbage",
)


def made(number: int, clients: tuple[str, ...] = ("threads", "loop")) -> Case:
    """The case of this number; the same each time."""
    dice = random.Random(number)
    client = dice.choice(clients)
    nests = sys.version_info >= (3, 11) if client.endswith("loop") else client != "2.7"  # TLS in TLS
    ways = ("tcp", "tls", "tunnel", "tunnels") if nests else ("tcp", "tls", "tunnel")
    way = dice.choices(ways, (60, 25, 5, 10)[: len(ways)])[0]
    body = dice.choice(
        ("none", "bytes", "bytes") if client.endswith("loop") else ("none", "bytes", "sized", "chunked", "file")
    )
    method = dice.choice(("PUT", "POST") if body != "none" else ("GET", "GET", "HEAD", "PUT", "DELETE"))
    heads, content, open_ended = _answer(dice, method)
    sends, end = _played(dice, heads, content, open_ended)
    proxied = _proxied(dice) if way.startswith("tunnel") and dice.random() < 0.3 else None
    size = sum(len(text) for _, text in sends)
    small, tiny = size < 2000, size < (2000 if way == "tcp" else 300)
    return Case(
        client=client,
        way=way,
        method=method,
        body=body,
        size=0 if body == "none" else dice.choice((0, 1, 100, 16384, 16385, 40000, dice.randrange(1, 100000))),
        step=dice.choice((1000, 4096, 65536, 65536)),
        read="send" if client.endswith("loop") else dice.choice(("read", "readinto", "send")),
        reused=proxied is None and dice.random() < 0.3,
        buffer=dice.choice((None, 2304, 2304, 4608, 16384)),
        take=dice.choice((None, None, 1, 7, 100, 1460) if small else (None, 1460)),
        piece=dice.choice((1 << 20, 1 << 20, 100, 1, 3)[: 5 if tiny else 3 if small else 1]),
        sends=sends,
        end=end,
        proxied=proxied,
    )


def _answer(dice: random.Random, method: str) -> tuple[list[str], str, bool]:
    """(heads 1xx and the final one, what follows it, whether it goes on to the end of the connection)."""
    heads = [dice.choice(INTERIM) for _ in range(dice.choice((0, 0, 1, 1, 2, 4, 16)))]
    if dice.random() < 0.05:
        head, mark, body = dice.choice(MALFORMED).partition("\r\n\r\n")
        return [*heads, head + mark], body, True
    status, kind = dice.choice(STATUS), dice.choice(("length", "length", "chunked", "close"))
    lines = [f"HTTP/1.{dice.choice('1111110')} {status}"]
    lines += [f"X-{n}: {'v' * dice.choice((0, 5, 40))}" for n in range(dice.choice((0, 1, 1, 20)))]
    body = "".join(dice.choice(("ab", "\r\n", "0\r\n\r\n", "\xff\0", "x" * 500)) for _ in range(dice.randrange(6)))
    if dice.random() < 0.05:
        body *= 200
    if kind == "length":
        lines.append(f"Content-Length: {len(body)}")
    elif kind == "chunked":
        lines.append("Transfer-Encoding: chunked")
        step = dice.choice((1, 100, 5000)) if len(body) < 3000 else 5000
        parts = [body[at : at + step] for at in range(0, len(body), step)]
        ending = dice.choice(("0\r\n\r\n", "0\r\nX-Trailer: y\r\n\r\n"))
        body = "".join(f"{len(part):x}{dice.choice(('', ';a=b'))}\r\n{part}\r\n" for part in parts) + ending
    if dice.random() < 0.3:
        lines.append(f"Connection: {dice.choice(('close', 'keep-alive', 'Keep-Alive, X-0', 'X-0, Close'))}")
    bodiless = method == "HEAD" or status[:3] in ("204", "304")
    if bodiless:
        body = ""
    if dice.random() < 0.08:
        body += dice.choice(("X", "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nwrong", "\r\n"))
    return [*heads, "\r\n".join(lines) + "\r\n\r\n"], body, kind == "close" and not bodiless


def _played(dice: random.Random, heads: list[str], body: str, open_ended: bool) -> tuple[tuple[Step, ...], Step]:
    """When each head, or either half of it, is sent; the body goes with the last of them, in one piece or two."""
    parts: list[str] = []
    for head in heads:
        cut = dice.randrange(len(head)) if dice.random() < 0.25 else 0
        parts += [head[:cut], head[cut:]] if cut else [head]
    places = sorted((_place(dice) for _ in range(len(parts) + 1)), key=lambda place: (KINDS.index(place[0]), place[1]))
    last = places[len(parts) - 1]
    cut = dice.randrange(len(body) + 1)
    sends = [*zip(places, parts, strict=False), *((last, each) for each in (body[:cut], body[cut:]) if each)]
    how = dice.choices(ENDS[:5], (60, 10, 5, 15, 10))[0]
    if dice.random() < 0.15:  # it never comes to the end
        sends, open_ended = _shortened(dice, sends), True
        last = dice.choice((last, sends[-1][0])) if sends and len(sends) >= len(parts) else places[-1]
    if dice.random() < 0.012:
        how = dice.choice(QUIET)
    elif open_ended and how == "keep":
        how = dice.choice(("half", "close", "cut"))
    # Whoever has the answer's head may send no more: what ends with the connection must end without the rest.
    return tuple(sends), (last if open_ended else dice.choice((last, places[-1], ("end", 0))), how)


def _shortened(dice: random.Random, sends: list[Step]) -> list[Step]:
    kept = sends[: dice.randrange(len(sends) + 1)]
    if kept and dice.random() < 0.5:
        place, text = kept[-1]
        kept[-1] = place, text[: dice.randrange(len(text) + 1)]
    return kept


def _place(dice: random.Random) -> Place:
    kind = dice.choice(("head", "body", "body", "end", "end"))
    n = {"head": dice.randrange(200), "body": dice.choice((0, 1, dice.randrange(100000))), "end": 0}[kind]
    return kind, n


def at(place: Place, head: int, body: int) -> int:
    """How many bytes of the request are seen at that place.  ``head``, ``body``: bytes of these."""
    kind, n = place
    return head + body if kind == "end" else min(n, head) if kind == "head" else head + n % (body + 1)


def _proxied(dice: random.Random) -> tuple[tuple[Step, ...], Step]:
    heads = [dice.choice(INTERIM[:4]) for _ in range(dice.choice((0, 0, 1, 3)))]
    good = dice.random() < 0.5
    if good:
        heads.append(dice.choice(TUNNELS))
    elif dice.random() < 0.7:
        heads.append(dice.choice(REFUSALS))
    places = sorted(dice.choice((dice.randrange(100), 1000)) for _ in heads)
    sends = tuple((("head", place), text) for place, text in zip(places, heads, strict=True))
    if good:
        return (*sends[:-1], (("end", 0), heads[-1])), (("end", 0), "keep")
    last = sends[-1][0] if sends else ("head", dice.randrange(100))
    return sends, (dice.choice((last, ("end", 0))), dice.choice(("half", "cut", "close", "reset")))


def simpler(case: Case) -> Iterator[Case]:
    """Cases with one thing less, the greatest steps first."""
    for number in range(len(case.sends)):
        yield replace(case, sends=case.sends[:number] + case.sends[number + 1 :])
    plain = {each.name: each.default for each in fields(case)}
    for name in ("proxied", "reused", "take", "piece", "step", "buffer", "read", "way", "body", "method"):
        if name == "read" and case.client.endswith("loop") or name == "body" and case.body == "none":
            continue
        if getattr(case, name) != plain[name]:
            changed = replace(case, **{name: plain[name]})
            yield replace(changed, proxied=None) if name == "way" else changed
    for size in {0, case.size // 2, case.size - 1}:
        if 0 <= size < case.size:
            yield replace(case, size=size)
    for number, (place, text) in enumerate(case.sends):
        for other in (("end", 0), ("body", 0), ("head", 0)):
            if other != place:
                yield replace(case, sends=(*case.sends[:number], (other, text), *case.sends[number + 1 :]))
