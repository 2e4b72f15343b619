"""Scripted faults of a test server: which fault, for which requests, how often.

    faults.on("UploadPart", part=3).cut_after(512).then(503, times=2)

As a file, for ``uvideo serve --faults FILE`` (TOML, or JSON with the same names):

    [[fault]]
    on = "UploadPart"
    part = 3
    do = "cut_after"
    bytes = 512

Faults are tried in the order given: the first one that matches a request and is not used up happens.  A fault that
never happened is an error in the test, so ``Faults.check`` fails it.
"""

from __future__ import annotations

import difflib
import http.client
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from uvideo._core import dialect, errors, location, management, message, postfile

__all__ = ["Fault", "Faults", "Happened", "NeverHappened", "Script", "parse", "read"]

ANY = "*"
ALWAYS = "always"
UNKNOWN = "?"  # a request that is no operation
SECONDS = 10.0  # for one call of the admin port
LATENCY, SKEW = 3600, 10**9  # seconds
#: Name in ``on``: the operation.
_CALLS = {
    ANY: ANY,
    **{cls.__name__: cls.__name__ for cls in (*dialect.OPERATIONS, *management.OPERATIONS.values())},
    **{name: cls.__name__ for name, cls in management.OPERATIONS.items()},
}

Kind = tuple[Mapping[str, type | tuple[type, ...]], tuple[str, ...]]
#: Fault: (its options, the required ones).
KINDS: dict[str, Kind] = {
    "answer": ({"status": int, "ret_code": int, "message": str, "headers": dict}, ("status",)),
    "expired": ({}, ()),
    "duplicate_part": ({}, ()),
    "clock_skew": ({"seconds": (int, float)}, ("seconds",)),
    "latency": ({"seconds": (int, float)}, ("seconds",)),
    "cut_after": ({"bytes": int}, ()),
    "stall_after": ({"bytes": int}, ()),
    "lost_answer": ({}, ()),
    "truncate": ({"bytes": int}, ()),
    "reset": ({"bytes": int}, ()),
    "stall": ({"bytes": int}, ()),
    "flip": ({"bytes": int}, ()),
    "wrong_etag": ({}, ()),
    "header": ({"name": str, "value": str}, ("name",)),
}
MATCH: dict[str, type] = {"on": str, "space": str, "key": str, "part": int, "nth": int}


class NeverHappened(AssertionError):
    """Scripted faults that no request met."""


class Call(NamedTuple):
    """The request, as far as its head shows it.  part: from 0."""

    operation: str
    space: str | None = None
    key: str | None = None
    part: int | None = None

    def meets(self, match: Mapping[str, Any]) -> bool:
        """Whether it matches a fault's conditions."""
        return match.get("on", ANY) in (ANY, self.operation) and all(
            match.get(name, found) == found
            for name, found in (("space", self.space), ("key", self.key), ("part", self.part))
        )


def managed(given: Mapping[str, Any]) -> Call:
    """The Call of a management request with these parameters."""
    known = management.OPERATIONS.get(str(given.get("Action")))
    space = given.get("BucketName") or given.get("SpaceName")
    return Call(known.__name__ if known else UNKNOWN, str(space) if space else None)


def addressed(
    method: str, address: location.Address, space: str, query: Mapping[str, str], headers: message.Headers
) -> Call:
    """The Call of a request at this address, which lies in the space.  Refused."""
    if not address.path and method == "POST" and postfile.is_form(headers):
        return Call("PutObject", space)  # a form's key is in the body
    key, number = location.key_of(address), query.get("partNumber", "")
    try:
        name = dialect.route(method, key, query, headers).__name__
    except errors.Refused:
        name = UNKNOWN
    return Call(name, space, key, int(number) if number.isdecimal() and len(number) < 10 else None)


@dataclass(slots=True)
class Fault:
    """One fault.  ``times``: how often it happens, None for always.  ``nth``: from which matching request on.

    ``matched``, ``happened``: how often so far.  Made by ``parse``, which checks everything.
    """

    kind: str
    options: dict[str, Any]
    match: dict[str, Any]
    nth: int = 1
    times: int | None = 1
    matched: int = 0
    happened: int = 0

    def __str__(self) -> str:
        where = [f"{name}={value!r}" for name, value in self.match.items() if name != "on"]
        if self.nth > 1:
            where.append(f"nth={self.nth}")
        said = ", ".join(f"{name}={value!r}" for name, value in self.options.items())
        return f"{' '.join([self.match.get('on', ANY), *where])}: {self.kind}({said})"

    def fits(self, call: Call) -> bool:
        """Whether the request matches."""
        return call.meets(self.match)


class Happened(NamedTuple):
    """``text``: the fault.  ``matched``: requests that matched.  ``happened``: how often it happened."""

    text: str
    matched: int
    happened: int


def due(faults: Iterable[Fault], call: Call) -> Fault | None:
    """The fault for this request, or None.  It is counted."""
    found = None
    for fault in faults:
        if fault.fits(call):
            fault.matched += 1
            if found is None and fault.matched >= fault.nth and fault.times != fault.happened:
                found = fault
    if found is not None:
        found.happened += 1
    return found


def parse(
    fields: Mapping[str, Any], kinds: Mapping[str, Kind] | None = None, matches: Mapping[str, type] | None = None
) -> Fault:
    """The Fault from its table in a file.  ValueError that says what is wrong.

    kinds, matches: the allowed faults and conditions, as KINDS and MATCH; None: those of a server.
    """
    kinds, matches = kinds or KINDS, matches or MATCH
    given = {name: value for name, value in fields.items() if value is not None or name == "times"}
    kind = given.pop("do", None)
    if not isinstance(kind, str) or kind not in kinds:
        raise ValueError(f"do = {kind!r} is not a fault{_nearest(kind, kinds)}")
    options, needed = kinds[kind]
    times = given.pop("times", 1)
    for name, value in given.items():
        wanted = options.get(name) or matches.get(name)
        if wanted is None:
            raise ValueError(f"{kind}: there is no {name!r}{_nearest(name, [*options, *matches, 'times'])}")
        if not isinstance(value, wanted) or (isinstance(value, bool) and wanted is not bool):
            raise ValueError(f"{kind}: {name} = {value!r} is of the wrong type")
    for name in needed:
        if name not in given:
            raise ValueError(f"{kind}: {name} is missing")
    if times in (None, ALWAYS):
        times = None
    elif not isinstance(times, int) or isinstance(times, bool) or times < 1:
        raise ValueError(f"{kind}: times must be 1 or more, or {ALWAYS!r}")
    if given.get("nth", 1) < 1 or given.get("part", 0) < 0 or given.get("bytes", 0) < 0:
        raise ValueError(f"{kind}: nth counts from 1, part and bytes from 0")
    if not 200 <= given.get("status", 200) <= 599:
        raise ValueError(f"{kind}: status must be 200 to 599")
    if kind == "latency" and not 0 <= given["seconds"] <= LATENCY:
        raise ValueError(f"latency: seconds must be 0 to {LATENCY}")
    if kind == "clock_skew" and not -SKEW <= given["seconds"] <= SKEW:
        raise ValueError(f"clock_skew: seconds must be -{SKEW} to {SKEW}")
    for name, value in (*given.get("headers", {}).items(), (given.get("name", "x"), given.get("value", ""))):
        if not isinstance(value, str) or not name or any(char in f"{name}{value}" for char in "\r\n\0"):
            raise ValueError(f"{kind}: {name!r} is not a header, or its value is not one line of text")
    if "on" in given:
        if given["on"] not in _CALLS:
            raise ValueError(f"on = {given['on']!r} is not an operation{_nearest(given['on'], _CALLS)}")
        given["on"] = _CALLS[given["on"]]
    match = {name: given[name] for name in matches if name in given and name != "nth"}
    return Fault(kind, {n: given[n] for n in options if n in given}, match, given.get("nth", 1), times)


def _nearest(name: object, known: Iterable[str]) -> str:
    found = difflib.get_close_matches(str(name), list(known), 1)
    return f": did you mean {found[0]!r}?" if found else ""


def read(path: Path) -> list[Fault]:
    """The faults of a file: TOML if it ends in .toml, else JSON.  Both have a list ``fault``; an empty file has none.

    ValueError that says what is wrong and where; OSError.
    """
    text = Path(path).read_text(encoding="utf-8")
    if not text.strip():
        return []
    try:
        found = _toml(text) if path.suffix == ".toml" else json.loads(text)
    except ValueError as failure:
        raise ValueError(f"{path}: {failure}") from None
    if isinstance(found, dict):
        if found.keys() - {"fault"}:
            raise ValueError(f"{path}: faults are tables [[fault]]; {min(found.keys() - {'fault'})!r} is unknown")
        found = found.get("fault", [])
    if not isinstance(found, list) or not all(isinstance(each, dict) for each in found):
        raise ValueError(f"{path}: faults must be a list of tables")
    faults = []
    for number, each in enumerate(found, 1):
        try:
            faults.append(parse(each))
        except ValueError as failure:
            raise ValueError(f"{path}: fault {number}: {failure}") from None
    return faults


def _toml(text: str) -> dict[str, Any]:
    import importlib
    import sys

    found: dict[str, Any] = importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli").loads(text)
    return found


class Script:
    """Faults for the matching requests, in order.  Each method adds one and returns the script.

    ``times``: how often, None for always.  ``bytes``: a position in a body.
    """

    def __init__(self, faults: Faults, match: dict[str, Any]) -> None:
        self._faults, self._match = faults, match

    def _add(self, kind: str, times: int | None, **options: object) -> Script:
        options = {name: value for name, value in options.items() if value is not None}
        self._faults.add({**self._match, "do": kind, "times": ALWAYS if times is None else times, **options})
        return self

    def answer(
        self,
        status: int,
        *,
        ret_code: int | None = None,
        message: str | None = None,
        headers: Mapping[str, str] | None = None,
        times: int | None = 1,
    ) -> Script:
        """Do nothing, and send this response.  RetCode and text default to the service's for this status."""
        given = dict(headers) if headers is not None else None
        return self._add("answer", times, status=status, ret_code=ret_code, message=message, headers=given)

    def then(self, status: int, *, times: int | None = 1) -> Script:
        """The same as ``answer``, to be read after another fault."""
        return self.answer(status, times=times)

    def expired(self, *, times: int | None = 1) -> Script:
        """Do nothing, and respond with 401, as if the signature had expired."""
        return self._add("expired", times)

    def duplicate_part(self, *, times: int | None = 1) -> Script:
        """Do it, and respond with RetCode -1014, as if the part existed already."""
        return self._add("duplicate_part", times)

    def clock_skew(self, seconds: float, *, times: int | None = 1) -> Script:
        """Check, do and answer it as if the server's clock were ``seconds`` ahead (negative: behind)."""
        return self._add("clock_skew", times, seconds=seconds)

    def latency(self, seconds: float, *, times: int | None = 1) -> Script:
        """Do it ``seconds`` later."""
        return self._add("latency", times, seconds=seconds)

    def cut_after(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Reset the connection after ``bytes`` bytes of the request's body, or after all of it.  Nothing is done."""
        return self._add("cut_after", times, bytes=bytes)

    def stall_after(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Stop reading after ``bytes`` bytes of the request's body, until the client disconnects."""
        return self._add("stall_after", times, bytes=bytes)

    def lost_answer(self, *, times: int | None = 1) -> Script:
        """Do it, and reset the connection instead of responding."""
        return self._add("lost_answer", times)

    def truncate(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Send the head and ``bytes`` bytes of the response's body, then close the connection normally."""
        return self._add("truncate", times, bytes=bytes)

    def reset(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Send the head and ``bytes`` bytes of the response's body, then reset the connection."""
        return self._add("reset", times, bytes=bytes)

    def stall(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Send the head and ``bytes`` bytes of the response's body, then nothing until the client disconnects."""
        return self._add("stall", times, bytes=bytes)

    def flip(self, bytes: int = 0, *, times: int | None = 1) -> Script:
        """Flip one bit of the response's body, in the byte after the first ``bytes`` bytes."""
        return self._add("flip", times, bytes=bytes)

    def wrong_etag(self, *, times: int | None = 1) -> Script:
        """Do it, and respond with the ETag of other bytes."""
        return self._add("wrong_etag", times)

    def header(self, name: str, value: str | None, *, times: int | None = 1) -> Script:
        """Do it, and set one header of the response; None removes it."""
        return self._add("header", times, name=name, value=value)


class Faults:
    """The faults of a server started with ``--faults``.  ``admin``: the URL of its admin port.

    Every method calls the server and may raise OSError.  Safe to share between threads.
    """

    def __init__(self, admin: str) -> None:
        self._host = urlsplit(admin).netloc

    def on(
        self,
        operation: str = ANY,
        *,
        space: str | None = None,
        key: str | None = None,
        part: int | None = None,
        nth: int | None = None,
    ) -> Script:
        """A Script for the requests that match.

        operation: a name from docs/protocol.md ("PutObject"), a management call ("CreateBucket"), or "*" for all.
        part: from 0.  nth: from this matching request on, counted from 1.
        """
        given = {"on": operation, "space": space, "key": key, "part": part, "nth": nth}
        return Script(self, {name: value for name, value in given.items() if value is not None})

    def add(self, fields: Mapping[str, Any]) -> None:
        """Add one fault in the form of a file's table.  ValueError if it is invalid."""
        parse(fields)
        self._ask("POST", [fields])

    def clear(self) -> None:
        """Remove all faults."""
        self._ask("DELETE")

    def report(self) -> tuple[Happened, ...]:
        """What has happened of each fault so far."""
        return tuple(Happened(each["text"], each["matched"], each["happened"]) for each in self._ask("GET"))

    def check(self) -> None:
        """NeverHappened (an AssertionError) if a fault met no request."""
        left = [f"{each.text} (of {each.matched} that matched)" for each in self.report() if not each.happened]
        if left:
            raise NeverHappened("these faults never happened: " + "; ".join(left))

    def _ask(self, method: str, document: object = None) -> Any:
        connection = http.client.HTTPConnection(self._host, timeout=SECONDS)
        try:
            body = None if document is None else json.dumps(document)
            connection.request(method, "/faults", body, {"Content-Type": "application/json"})
            response = connection.getresponse()
            text = response.read()
        except http.client.HTTPException as failure:
            raise OSError(f"the server's admin port does not answer: {failure}") from None
        finally:
            connection.close()
        if response.status != 200:
            raise ValueError(
                text.decode("utf-8", "replace").strip() or "this server does not accept faults: start it with --faults"
            )
        return json.loads(text)
