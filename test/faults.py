"""What a FaultProxy shall do wrong, and what it saw: scripts of faults, and requests as the operations they are.

Values only: fakes.py has the sockets.
"""

from __future__ import annotations

import http.client
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Any, NamedTuple

from ucloud.uvideo.protocol import dialect, location, management
from ucloud.uvideo.protocol.errors import UVideoError, refusal
from ucloud.uvideo.protocol.message import Headers
from uvideo.testing import faults

# What a request is


class Reading(NamedTuple):
    """One way to understand a request.  action: the name of a management call.  part: int from 0."""

    operation: str
    action: str | None = None
    space: str | None = None
    key: str | None = None
    part: int | None = None
    upload_id: str | None = None


def classify(method: str, target: str, headers: Headers, body: bytes = b"") -> list[Reading]:
    """Every Reading of a request, the likeliest first; the core's rules, so never empty and never an exception.

    A proxy does not know which spaces exist, so a host without the Bucket header gives two: the space is the first
    label of the host, or the first segment of the path.
    """
    found = []
    try:
        parsed = location.parse_target(target)
        if parsed.path == "/" and ("Action" in dict(parsed.query) or body):
            given = management.parameters(parsed.query, headers, body)
            if given.get("Action"):
                call = faults.managed(given)
                return [Reading(call.operation, str(given["Action"]), call.space)]
        query = dialect.parameters(parsed.query)
        host = parsed.authority or headers.get("Host") or ""
        for address in location.addresses(host, headers.get("Bucket"), parsed.path):
            call = faults.addressed(method, address, address.space, query, headers)
            found.append(Reading(call.operation, None, *call[1:], query.get("uploadId")))
    except (UVideoError, ValueError):
        pass
    return found or [Reading(faults.UNKNOWN)]


def is_management_path(target: str) -> bool:
    """True if a POST there may have its Action in the body."""
    try:
        return bool(location.parse_target(target).path == "/")
    except UVideoError:
        return False


@dataclass
class Seen:
    """One request in the log.  ``status``: what the client was given, None for nothing; ``upstream_status`` likewise.

    ``headers``: by lower-case name.  ``body_bytes``: of its body, as far as received.  ``answer_bytes``: of the
    answer's body, as far as sent.  ``time``, ``answered``: time.monotonic() when it arrived and when
    the server answered.  ``fault``: the one applied.
    """

    id: int
    connection: int
    time: float
    method: str
    target: str
    operation: str
    action: str | None
    space: str | None
    key: str | None
    part: int | None
    upload_id: str | None
    headers: dict[str, str]
    body_bytes: int = 0
    status: int | None = None
    upstream_status: int | None = None
    answered: float | None = None
    answer_bytes: int = 0
    fault: str | None = None
    error: str | None = None
    done: bool = False


# What is to go wrong: the language of uvideo.testing.faults, and what only something on the way can do

_BYTES = {"bytes": int}
_ANSWER = {"body": (str, bytes), "json": (dict, list), "headers": dict}
OF_A_SERVER = ("expired", "duplicate_part", "clock_skew", "wrong_etag")
KINDS: dict[str, faults.Kind] = {
    **{kind: known for kind, known in faults.KINDS.items() if kind not in OF_A_SERVER},
    "answer": ({**faults.KINDS["answer"][0], **_ANSWER, "read_body": bool, "drain": bool}, ("status",)),
    "forward_then_answer": ({**_ANSWER, "status": int}, ("status",)),
    "refuse": ({"seconds": (int, float), "drop": bool}, ()),
    "silence": ({}, ()),
    "interim": ({**_BYTES, "statuses": (list, tuple)}, ()),
    "compress": ({"etag": str}, ()),
    "flip_request": (_BYTES, ()),
    "pause": ({**_BYTES, "name": str, "answered": bool}, ("name",)),
}
#: Requests are not counted: which one comes second is up to threads and retries.
MATCH = {
    **{name: kind for name, kind in faults.MATCH.items() if name != "nth"},
    "method": str,
    "where": str,
    "byte": int,
}
LONGEST = 0.1  # seconds of latency: a test does not sleep


def parse(fields: Mapping[str, Any]) -> faults.Fault:
    """The Fault of its table.  ValueError."""
    found = faults.parse(fields, KINDS, MATCH)
    if found.kind == "latency" and found.options["seconds"] > LONGEST:
        raise ValueError(f"a latency is at most {LONGEST} s: a test does not sleep")
    return found


class Asked(faults.Call):
    """A request as the likeliest of its Readings; it meets a fault by any of them.  ``seen``: of it."""

    readings: list[Reading]
    seen: Seen

    def meets(self, match: Mapping[str, Any]) -> bool:
        if match.get("method", self.seen.method) != self.seen.method or match.get("where", "") not in self.seen.target:
            return False
        if "byte" in match and not asks_for(match["byte"], self.seen.headers.get("range")):
            return False
        return any(faults.Call(each.operation, each.space, each.key, each.part).meets(match) for each in self.readings)


class Script(faults.Script):
    """As of a server; what is not there can only be done on the way.  ``bytes`` are counted without chunk framing."""

    def answer(self, status: int, body: Any = None, *, times: int | None = 1, **options: Any) -> Script:
        """Answer without asking the server.  ``body``, ``json``: else the protocol's JSON for an error status.

        A body shorter than the Content-Length in ``headers`` is followed by silence until the client goes away.
        ``read_body`` False: answer while the client is still sending, then close; ``drain``: take in what it sends
        until then, as most servers do, False: close at once, so that it may see a reset before it reads the answer.
        """
        return self._add("answer", times, status=status, body=body, **options)

    then = answer

    def forward_then_answer(self, status: int, *, times: int | None = 1, **options: Any) -> Script:
        """The server does it; the client is told this instead of the server's answer."""
        return self._add("forward_then_answer", times, status=status, **options)

    def refuse(self, seconds: float | None = None, drop: bool = False, *, times: int | None = 1) -> Script:
        """Stop listening, so that connections are refused, and reset this one unanswered; nothing is forwarded.

        ``seconds``: listen again after them; None: when listen_again() is called.  ``drop``: as in stop_listening.
        """
        return self._add("refuse", times, seconds=seconds, drop=drop or None)

    def silence(self, *, times: int | None = 1) -> Script:
        """Send nothing of the answer until the client goes away."""
        return self._add("silence", times)

    def interim(self, bytes: int = 0, statuses: Sequence[int] = (100, 103), *, times: int | None = 1) -> Script:
        """Tell the client these answers 1xx, which it did not ask for, when n bytes of its body have come; then go on.

        They come in many segments.  What is not read yet of a body of some MiB has no room in the sockets' buffers.
        """
        return self._add("interim", times, bytes=bytes, statuses=statuses)

    def compress(self, etag: str | None = None, *, times: int | None = 1) -> Script:
        """Forward, and compress the answer as a proxy does that was not asked.  ``etag``: what it makes of the ETag."""
        return self._add("compress", times, etag=etag)

    def flip_request(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Flip one bit of the request's body, in the byte behind so many, before the server gets it."""
        return self._add("flip_request", times, bytes=bytes)

    def pause(self, name: str, bytes: int | None = None, answered: bool = False, *, times: int | None = 1) -> Script:
        """Hold the request until release(name); if the client goes away first, it is dropped.

        ``bytes``: when so many of its body went to the server; None: before the server gets anything.  ``answered``:
        when the server has answered, before the client is told.
        """
        return self._add("pause", times, name=name, bytes=bytes, answered=answered or None)


def asks_for(byte: int, span: str | None) -> bool:
    """True if a request with this Range wants that byte of the object, counted from 0.

    One without a Range wants all; which bytes the last n are is not known here.
    """
    if span is None:
        return True
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", span)
    return found is not None and int(found[1]) <= byte and (not found[2] or byte <= int(found[2]))


def answer_bytes(
    status: int,
    body: bytes | str | None = None,
    json: Any = None,
    headers: dict[str, str] | None = None,
    ret_code: int | None = None,
    message: str | None = None,
    **_: Any,
) -> bytes:
    """A whole HTTP answer."""
    kind, document = {}, json
    if body is None and document is None and status >= 400:
        error = refusal(status, ret_code, message)
        document = {"RetCode": getattr(error, "ret_code", None) or -148600, "ErrMsg": error.message or "refused"}
    if body is None and document is not None:
        body, kind = dumps(document, separators=(",", ":")), {"Content-Type": "application/json"}
    content = body.encode() if isinstance(body, str) else body or b""
    fields = {**kind, "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unnamed')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content
