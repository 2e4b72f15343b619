"""What h11 makes of an answer, what ours makes of it, and where the two may differ."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import h11

from ucloud.uvideo.http import wire

LIMIT = 1 << 24  # bytes of a head: h11's own limit is smaller than ours


@dataclass
class Outcome:
    """An answer.  ``status`` None: there is none.  ``complete``: its body came to its end.

    ``reusable``: the connection serves again, if the request was sent whole.
    """

    status: int | None = None
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""
    complete: bool = False
    reusable: bool = False

    def agrees(self, other: Outcome) -> bool:
        """Whether both are the same answer.  Of a body that breaks off no two readers give the same part."""
        mine, theirs = (self.status, self.headers, self.complete), (other.status, other.headers, other.complete)
        return mine == theirs and (not self.complete or self.body == other.body)


def pairs(headers: Iterable[tuple[str | bytes, str | bytes]]) -> tuple[tuple[str, str], ...]:
    """Comparable: text, names in lower case, and what h11 makes simpler made so."""
    found: list[tuple[str, str]] = []
    for each in headers:
        name, value = (part.decode("utf-8", "replace") if isinstance(part, bytes) else part for part in each)
        name = name.lower()
        if name == "transfer-encoding":
            value = value.lower()
        if name == "content-length":
            value = ",".join(sorted({part.strip() for part in value.split(",")}))
        if name != "content-length" or (name, value) not in found:
            found.append((name, value))
    return tuple(found)


def judged(method: str, pieces: Iterable[bytes], ended: bool) -> Outcome:
    """By h11.  ``pieces``: what comes, in order.  ``ended``: the other side then says that it is done."""
    connection = h11.Connection(h11.CLIENT, max_incomplete_event_size=LIMIT)
    connection.send(h11.Request(method=method, target="/", headers=[("Host", "x")]))
    connection.send(h11.EndOfMessage())
    found, body = Outcome(), bytearray()
    try:
        for piece in [*filter(None, pieces), *([b""] if ended else [])]:
            connection.receive_data(piece)
            while not found.complete:
                event = connection.next_event()
                if isinstance(event, h11.Response):
                    found.status, found.headers = event.status_code, pairs(event.headers)
                elif isinstance(event, h11.Data):
                    body += event.data
                elif isinstance(event, h11.EndOfMessage):
                    found.complete, found.reusable = True, bool(piece) and connection.our_state is h11.DONE
                elif not isinstance(event, h11.InformationalResponse):
                    break
    except h11.RemoteProtocolError:
        pass
    found.body = bytes(body)
    found.reusable = found.reusable and not connection.trailing_data[0]
    return found


def read(method: str, pieces: Iterable[bytes], ended: bool) -> tuple[Outcome, str | None]:
    """By ours, and why it is refused."""
    head, found, body = wire.Head(method), Outcome(), bytearray()
    answer, chunks, left, behind = None, None, None, False
    try:
        for piece in filter(None, pieces):
            data = piece
            if answer is None:
                answer = head.feed(data)
                if answer is None:
                    continue
                found.status, found.headers = answer.status, pairs(answer.headers)
                chunks, left, data = wire.Chunks() if answer.chunked else None, answer.length, head.rest
            if chunks is not None:
                body += chunks.feed(data)
                found.complete, behind = chunks.ended, bool(chunks.rest)
            elif left is not None:
                body += data[:left]
                behind = behind or len(data) > left
                left = max(0, left - len(data))
                found.complete = left == 0
            else:
                body += data
    except wire.Malformed as error:
        return found, str(error)
    if answer is not None:
        found.complete = found.complete or (ended and chunks is None and left is None)
        found.reusable = found.complete and answer.keep and not behind
    found.body = bytes(body)
    return found, None


@dataclass(frozen=True)
class Difference:
    """``reason``: why it stays so.

    ``why``: part of what ours says where it refuses and h11 does not.  ``repair``: where ours takes what h11 refuses,
    makes of the bytes what h11 takes for the same.
    """

    name: str
    reason: str
    why: str | None = None
    repair: Callable[[str, bytes], bytes] | None = None


def _heads(data: bytes) -> tuple[list[bytes], bytes]:
    """(the heads 1xx and the one behind them, what follows)."""
    found = []
    while True:
        head, mark, data = data.partition(b"\r\n\r\n")
        found.append(head + mark)
        if not re.match(rb"HTTP/1\.[01] 1", head) or not mark:
            return found, data


def _without_controls(method: str, data: bytes) -> bytes:
    heads, rest = _heads(data)
    return re.sub(rb"(?<=[^\r\n])[\x0b\x0c]", b"\x01", b"".join(heads)) + rest


def _without_framing(method: str, data: bytes) -> bytes:
    heads, rest = _heads(data)
    for number, head in enumerate(heads):
        if method == "HEAD" or re.match(rb"HTTP/1\.[01] (1|204|304)", head):
            heads[number] = re.sub(
                rb"(?i)\r\n(content-length|transfer-encoding):[^\r\n]*(\r\n[ \t]+[^\r\n]*)*", b"", head
            )
    return b"".join(heads) + rest


def _without_trailer(method: str, data: bytes) -> bytes:
    return re.sub(rb"((?:^|\r\n)0+[ \t]*(?:;[^\r\n]*)?\r\n)(?:[^\r\n][^\n]*\r\n)+\r\n", rb"\1\r\n", data)


def _without_blanks(method: str, data: bytes) -> bytes:
    return re.sub(rb"(\r\n[0-9A-Fa-f]+)[ \t]+;", rb"\1;", data)


DIFFERENCES = (
    Difference(
        "LF alone",
        "RFC 9112 2.2 lets a reader take it; who stands between may not",
        "a line of the head does not end in CR and LF",
    ),
    Difference("LF alone in a trailer", "as above", "a line of the chunks does not end in CR and LF"),
    Difference("another version", "what HTTP/1.2 or 2.0 means in such a line nobody knows", "not one of HTTP/1"),
    Difference("another protocol", "as above; it is seen with the first bytes", "does not begin like HTTP/1"),
    Difference("a list of lengths", "RFC 9110 8.6 lets a reader refuse it", "the length of the body is not a number"),
    Difference("a list and a length", "as above", "the head contains content-length twice"),
    Difference("the size of a head", "memory is bounded", "the head is longer than"),
    Difference("the number of fields", "memory is bounded", "fields"),
    Difference("the number of answers 1xx", "time is bounded", "sends too many interim answers"),
    Difference("the size of a line of chunks", "memory is bounded", "a line of the chunks is too long"),
    Difference("the size of a trailer", "memory is bounded", "the trailer is longer than"),
    Difference(
        "the size of a chunk", "sizes are below 2**60, so that every language can add them", "the size of a chunk"
    ),
    Difference(
        "controls in a line",
        "RFC 9110 5.5 lets a reader keep them; no reader ends a line there",
        repair=_without_controls,
    ),
    Difference("framing of no body", "RFC 9112 6.3: there is no body whatever the fields say", repair=_without_framing),
    Difference("blanks in a chunk's line", "RFC 9112 7.1.1: a reader takes them", repair=_without_blanks),
    Difference("trailers", "they are thrown away unread", repair=_without_trailer),
)
#: Where the answer is the same and only whether the connection serves again is not: (name, reason, ours serves again,
#: the final head in lower case).
REUSES = (
    (
        "HTTP/1.0 that says keep-alive",
        "RFC 9112 9.3: it says so",
        True,
        rb"http/1\.0 .*\r\nconnection:[^\r\n]*keep-alive",
    ),
    (
        "a length and chunks",
        "RFC 9112 6.3: who stands between may have counted otherwise",
        False,
        rb"(?=.*\r\ncontent-length:).*\r\ntransfer-encoding:",
    ),
    (
        "close within a word",
        "a new connection costs less than a wrong answer",
        False,
        rb".*\r\nconnection:[^\r\n]*close",
    ),
)
NAMES = {each.name for each in DIFFERENCES} | {each[0] for each in REUSES}


def differences(method: str, data: bytes, ended: bool, ours: Outcome, why: str | None) -> set[str] | None:
    """The names of the listed differences between what h11 makes of these bytes and ours; None if one is not listed."""
    theirs = judged(method, [data], ended)
    if theirs.agrees(ours):
        return set()
    if why is not None and not ours.complete and theirs.status is not None:
        for each in DIFFERENCES:
            if each.why is not None and each.why in why:
                return {each.name}
    for each in DIFFERENCES:
        repaired = each.repair(method, data) if each.repair is not None else data
        if repaired != data:
            again, reason = read(method, [repaired], ended)
            again.headers = ours.headers
            if again.agrees(ours):
                again, reason = read(method, [repaired], ended)
                found = differences(method, repaired, ended, again, reason)
                if found is not None:
                    return {each.name} | found
    return None


def reuse(data: bytes, kept: bool) -> str | None:
    """The name of the listed difference for which a connection is ``kept`` and not by h11, or the other way round."""
    head = _heads(data)[0][-1].lower()
    for name, _, ours, pattern in REUSES:
        if ours == kept and re.match(pattern, head, re.DOTALL):
            return name
    return None


def opened(pieces: Iterable[bytes]) -> bool:
    """Whether a proxy that says this opens a tunnel, by h11."""
    connection = h11.Connection(h11.CLIENT)
    connection.send(h11.Request(method="CONNECT", target="service.test:443", headers=[("Host", "service.test:443")]))
    connection.send(h11.EndOfMessage())
    try:
        connection.receive_data(b"".join(pieces))
        while isinstance(event := connection.next_event(), h11.InformationalResponse):
            pass
    except h11.RemoteProtocolError:
        return False
    return isinstance(event, h11.Response) and 200 <= event.status_code < 300
