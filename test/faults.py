"""What a FaultProxy shall do wrong, and what it saw: scripts of faults, and requests as the operations they are.

Values only: fakes.py has the sockets.
"""

from __future__ import annotations

import http.client
import inspect
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from ucloud.uvideo.protocol import dialect
from ucloud.uvideo.protocol import management as actions
from ucloud.uvideo.protocol.errors import UVideoError, refusal
from ucloud.uvideo.protocol.message import Headers

NO_OPERATION = "Unknown"
_MATCH = ("operation", "space", "key", "part", "method", "byte")
_OPERATIONS = {cls.__name__ for cls in dialect._DECODE} | {cls.__name__ for cls in actions._BY_CLASS}
_NAMES = _OPERATIONS | set(actions._BY_NAME) | {"*", NO_OPERATION}

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
        parsed = dialect.parse_target(target)
        if parsed.path == "/" and ("Action" in dict(parsed.query) or body):
            given = actions.parameters(parsed.query, headers, body)
            if given.get("Action"):
                return [_management(given)]
        query = dialect.parameters(parsed.query)
        host = parsed.authority or headers.get("Host") or ""
        for address in dialect.addresses(host, headers.get("Bucket"), parsed.path):
            key = dialect.key_of(address)
            try:
                name = dialect.route(method, key, query, headers).__name__
            except UVideoError:
                name = NO_OPERATION
            number = query.get("partNumber", "")
            part = int(number) if name in ("UploadPart", "CopyPart") and number.isdecimal() else None
            found.append(Reading(name, None, address.space, key, part, query.get("uploadId")))
    except (UVideoError, ValueError):
        pass
    return found or [Reading(NO_OPERATION)]


def is_management_path(target: str) -> bool:
    """True if a POST there may have its Action in the body."""
    try:
        return bool(dialect.parse_target(target).path == "/")
    except UVideoError:
        return False


def _management(given: dict[str, Any]) -> Reading:
    try:
        operation, name = actions.decode(given)
        return Reading(type(operation).__name__, name, getattr(operation, "space", None))
    except UVideoError:
        known = actions._BY_NAME.get(given["Action"])
        return Reading(known.cls.__name__ if known else NO_OPERATION, str(given["Action"]))


@dataclass
class Seen:
    """One request in the log.  ``status``: what the client was given, None for nothing; ``upstream_status`` likewise.

    ``headers``: by lower-case name.  ``body_bytes``: of its body, as far as received.  ``answer_bytes``: of the
    answer's body, as far as sent.  ``time``: time.monotonic() at its arrival.  ``fault``: the one applied.
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
    answer_bytes: int = 0
    fault: str | None = None
    error: str | None = None
    done: bool = False


# What is to go wrong


class Fault:
    """One step of a script: ``kind`` is the name of the Script method that made it.  times None: every time."""

    def __init__(self, kind: str, times: int | None, options: dict[str, Any]) -> None:
        if times is not None and times < 1:
            raise ValueError("times is 1 or more, or None for every time")
        self.kind, self.times, self.options, self.fired = kind, times, options, 0

    def __str__(self) -> str:
        given = ", ".join(f"{name}={value!r:.60}" for name, value in self.options.items() if value is not None)
        return f"{self.kind}({given})"


class Script:
    """What shall happen to the requests that match, in order; each method adds one fault and returns the script.

    ``after``: bytes of the body, counted without chunk framing; a shorter body is passed whole, then it happens.
    """

    def __init__(self, match: dict[str, Any]) -> None:
        self.match = {name: value for name, value in match.items() if value is not None}
        operation = self.match.setdefault("operation", "*")
        if isinstance(operation, type):
            operation = self.match["operation"] = operation.__name__
        if operation not in _NAMES:
            raise ValueError(f"no operation is called {operation!r}")
        for name in self.match:
            if name == "nth":  # threads and retries decide which one that is
                raise ValueError("requests are not counted: say which one by part, key or byte")
            if name not in _MATCH:
                raise ValueError(f"a request cannot be matched by {name!r}")
        self.faults: list[Fault] = []

    def __str__(self) -> str:
        return " ".join(str(value) if name == "operation" else f"{name}={value}" for name, value in self.match.items())

    def _add(self, kind: str, times: int | None, **options: Any) -> Script:
        self.faults.append(Fault(kind, times, options))
        return self

    def refuse(self, seconds: float | None = None, drop: bool = False, times: int | None = 1) -> Script:
        """Stop listening, so that connections are refused, and reset this one unanswered; nothing is forwarded.

        ``seconds``: listen again after them; None: when listen_again() is called.  ``drop``: as in stop_listening.
        """
        return self._add("refuse", times, seconds=seconds, drop=drop)

    def reset_request(self, after: int = 0, times: int | None = 1) -> Script:
        """Reset the connection when n bytes of the request's body have come; the server gets these and then the end.

        0: the server gets nothing at all.
        """
        return self._add("reset_request", times, after=after)

    cut_after = reset_request

    def reset_response(self, after: int = 0, times: int | None = 1) -> Script:
        """Send the answer's head and n bytes of its body, then reset."""
        return self._add("reset_response", times, after=after)

    def truncate(self, after: int = 0, times: int | None = 1) -> Script:
        """Send the answer's head and n bytes of its body, then close in order."""
        return self._add("truncate", times, after=after)

    def interim(self, after: int = 0, statuses: Sequence[int] = (100, 103), times: int | None = 1) -> Script:
        """Tell the client these answers 1xx, which it did not ask for, when n bytes of its body have come; then go on.

        They come in many segments.  What is not read yet of a body of some MiB has no room in the sockets' buffers.
        """
        content = b"".join(b"HTTP/1.1 %d Interim\r\nLink: </x>; rel=preload\r\n\r\n" % each for each in statuses)
        return self._add("interim", times, after=after, content=content)

    def lost_answer(self, times: int | None = 1) -> Script:
        """The server does it; its answer is thrown away and the connection closed."""
        return self._add("lost_answer", times)

    def stall_request(self, after: int = 0, times: int | None = 1) -> Script:
        """Read n bytes of the body and no more until the client goes away.  0: the server gets nothing at all.

        The sockets' buffers still take some MiB from the client.
        """
        return self._add("stall_request", times, after=after)

    def stall_response(self, after: int | None = None, times: int | None = 1) -> Script:
        """Send the answer's head and n bytes, then nothing until the client goes away.  None: not even the head."""
        return self._add("stall_response", times, after=after)

    def answer(
        self,
        status: int,
        body: bytes | str | None = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
        read_body: bool = True,
        drain: bool = True,
        times: int | None = 1,
    ) -> Script:
        """Answer without asking the server.  Neither body nor json: the protocol's JSON for an error status.

        A body shorter than the Content-Length in ``headers`` is followed by silence until the client goes away.

        ``read_body`` False: answer while the client is still sending, then close; ``drain``: take in what it sends
        until then, as most servers do, False: close at once, so that it may see a reset before it reads the answer.
        """
        content = answer_bytes(status, body, json, headers)
        return self._add("answer", times, status=status, content=content, read_body=read_body, drain=drain)

    def then(self, status: int, **options: Any) -> Script:
        """answer()."""
        return self.answer(status, **options)

    def forward_then_answer(
        self,
        status: int,
        body: bytes | str | None = None,
        json: Any = None,
        headers: dict[str, str] | None = None,
        times: int | None = 1,
    ) -> Script:
        """The server does it; the client is told this instead of the server's answer."""
        return self._add("forward_then_answer", times, status=status, content=answer_bytes(status, body, json, headers))

    def header(self, name: str, value: str | None, times: int | None = 1) -> Script:
        """Forward, and set one header of the answer; None takes it out."""
        return self._add("header", times, name=name, value=value)

    def compress(self, etag: str = 'W/"{}"', times: int | None = 1) -> Script:
        """Forward, and compress the answer as a proxy does that was not asked.  ``etag``: what it makes of the ETag."""
        return self._add("compress", times, etag=etag)

    def flip(self, offset: int = 0, times: int | None = 1) -> Script:
        """Forward, and flip the lowest bit of this byte of the answer's body."""
        return self._add("flip", times, offset=offset)

    def flip_request(self, offset: int = 0, times: int | None = 1) -> Script:
        """Flip the lowest bit of this byte of the request's body before the server gets it."""
        return self._add("flip_request", times, offset=offset)

    def delay(self, seconds: float, times: int | None = 1) -> Script:
        """Forward after a moment of at most 0.1 s."""
        if not 0 <= seconds <= 0.1:
            raise ValueError("a delay is at most 0.1 s: a test does not sleep")
        return self._add("delay", times, seconds=seconds)

    def pause(self, name: str, after: int | None = None, answered: bool = False, times: int | None = 1) -> Script:
        """Hold the request until release(name); if the client goes away first, it is dropped.

        ``after``: when n bytes of its body went to the server; None: before the server gets anything.  ``answered``:
        when the server has answered, before the client is told.
        """
        return self._add("pause", times, name=name, after=after, answered=answered)

    def fits(self, seen: Seen, readings: list[Reading]) -> bool:
        want = self.match
        if want.get("method", seen.method) != seen.method:
            return False
        if "byte" in want and not asks_for(want["byte"], seen.headers.get("range")):
            return False
        for reading in readings:
            if want["operation"] in ("*", reading.operation, reading.action):
                if all(want.get(name, getattr(reading, name)) == getattr(reading, name) for name in _MATCH[1:4]):
                    return True
        return False

    def due(self) -> Fault | None:
        """The next fault for a request that fits."""
        for fault in self.faults:
            if fault.times is None or fault.fired < fault.times:
                return fault
        return None


def asks_for(byte: int, span: str | None) -> bool:
    """True if a request with this Range wants that byte of the object, counted from 0.

    One without a Range wants all; which bytes the last n are is not known here.
    """
    if span is None:
        return True
    found = re.fullmatch(r"bytes=(\d+)-(\d*)", span)
    return found is not None and int(found[1]) <= byte and (not found[2] or byte <= int(found[2]))


_ACTIONS = {name for name, value in vars(Script).items() if inspect.isfunction(value) and not name.startswith("_")}
_ACTIONS -= {"fits", "due"}


def read_script(fields: dict[str, Any]) -> Script:
    """The Script of its JSON form; ValueError with what is wrong."""
    try:
        script = Script(fields.get("match", {}))
        for step in fields["actions"]:
            options = dict(step)
            name = options.pop("action", None)
            if name not in _ACTIONS:
                raise ValueError(f"no action is called {name!r}")
            getattr(script, name)(**options)
    except (TypeError, KeyError, AttributeError) as error:
        raise ValueError(f"this is no fault script: {error}") from error
    return script


def answer_bytes(status: int, body: bytes | str | None, document: Any, headers: dict[str, str] | None) -> bytes:
    """A whole HTTP answer."""
    kind = {}
    if body is None and document is None and status >= 400:
        error = refusal(status)
        document = {"RetCode": getattr(error, "ret_code", None) or -148600, "ErrMsg": error.message or "refused"}
    if body is None and document is not None:
        body, kind = json.dumps(document, separators=(",", ":")), {"Content-Type": "application/json"}
    content = body.encode() if isinstance(body, str) else body or b""
    fields = {**kind, "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} {http.client.responses.get(status, 'Unnamed')}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return "\r\n".join(lines).encode("utf-8", "surrogateescape") + b"\r\n\r\n" + content
