"""Every time that ends something: its own second still counts, the next one does not, whatever the fraction.

A time that is compared elsewhere than in ``protocol.expiry`` fails the last test: give it a way here.
"""

from __future__ import annotations

import ast
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

from test.server.inprocess import running
from test.server.wire import Peer
from ucloud.uvideo.protocol import errors, management, operation, signature
from ucloud.uvideo.protocol.message import Headers, Response
from uvideo.diagnose.signed_url import read_link
from uvideo.server.console import sessions as signin
from uvideo.server.rules.service import Restoring

NOW = 1893456000
LASTS = 900  # seconds
SPACE = "space"
ROOT = Path(__file__).parents[2]
#: (end, what says whether that still goes on), begun at the clock's time.
Way = tuple[int, Callable[[], bool]]


class World:
    """An app whose clock stands, with a space and an object."""

    def __init__(self) -> None:
        self.now = float(NOW)
        self.app: Any = None

    def clock(self) -> float:
        return self.now

    @property
    def end(self) -> int:
        return int(self.now) + LASTS

    @property
    def owner(self) -> Peer:
        return Peer(self.app)

    def with_keys(self, public: str, private: str) -> Peer:
        peer = Peer(self.app)
        peer.credentials = signature.Credentials(public, private)
        return peer


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World()
    folder = tmp_path_factory.mktemp("expiry")
    with running(folder, clock=made.clock, restoring=Restoring(0, LASTS)) as app:
        made.app = app
        made.owner.manage(operation.CreateSpace(SPACE))
        made.owner.do(operation.PutObject(SPACE, "k"), b"held")
        yield made


def link_to(method: str) -> Callable[[World], Way]:
    def made(world: World) -> Way:
        end = world.end
        query = signature.signed_query(world.owner.credentials, method, SPACE, "k", end)
        ask = lambda: world.owner.send(method, f"/k?{query}", body=b"held" * (method == "PUT"), host=f"{SPACE}.x")  # noqa: E731
        return end, lambda: said(ask(), "signature expired")

    return made


def said(got: Any, refusal: str) -> bool:
    """Whether the request was served; if not, for the expected reason."""
    if got.status == 200:
        return True
    assert got.body == b"" or refusal in got.refusal()[2], got
    return False


def explained(world: World) -> Way:
    query = signature.signed_query(world.owner.credentials, "GET", SPACE, "k", world.end)
    url = f"http://{SPACE}.localhost/k?{query}"
    found = lambda: next(each for each in read_link(url, None, world.now) if each.check == "link.expires")  # noqa: E731
    return world.end, lambda: found().verdict == "ok"


def token(world: World) -> Way:
    info = world.owner.manage(operation.CreateToken("t", ("TOKEN_ALLOW_READ",), expires=world.end))
    peer = world.with_keys(info.public_key, info.private_key)

    def goes_on() -> bool:
        got = said(peer.ask("GET", SPACE, "/k", "k"), "permission denied")
        world.owner.manage(operation.DeleteToken(info.token_id))
        return got

    return world.end, goes_on


def token_made_late(world: World) -> Way:
    end = world.end

    def goes_on() -> bool:
        try:
            info = world.owner.manage(operation.CreateToken("t", expires=end))
        except errors.Refused as refused:
            assert "ExpireTime" in refused.message
            return False
        world.owner.manage(operation.DeleteToken(info.token_id))
        return True

    return end, goes_on


def temporary_keys(world: World) -> Way:
    keys = world.owner.manage(operation.AssumeRole(seconds=LASTS))
    peer = world.with_keys(keys.public_key, keys.private_key)
    headers = [("SecurityToken", keys.security_token)]
    return world.end, lambda: said(peer.ask("GET", SPACE, "/k", "k", headers), "has expired")


def signed_call(world: World) -> Way:
    """Out of a proxy's log, say."""
    asked = operation.DescribeSpace(SPACE)
    request = management.encode(asked, "", world.owner.credentials, end=world.end)

    def goes_on() -> bool:
        got = world.owner.send(request.method, request.target)
        assert got.status == 200
        try:
            found = management.decode_result(asked, Response(got.status, Headers(got.headers), got.body))
        except errors.SignatureMismatch as refused:
            assert "expired" in refused.message
            return False
        return bool(found.spaces)

    return world.end, goes_on


def restored(world: World) -> Way:
    key = f"archived {world.now}"
    world.owner.do(operation.PutObject(SPACE, key, storage_class="ARCHIVE"), b"held")
    world.owner.do(operation.RestoreObject(SPACE, key))

    def goes_on() -> bool:
        got = said(world.owner.call(operation.GetObject(SPACE, key), suffix=".x"), "file has not been restored")
        assert (world.owner.do(operation.HeadObject(SPACE, key)).restore is not None) == got
        (info,) = world.owner.do(operation.ListFiles(SPACE, prefix=key)).files
        assert (info.restore == "Restored") == got
        return got

    return world.end, goes_on


def console_link(world: World) -> Way:
    sessions = signin.Sessions(world.clock)
    link = sessions.link("public", "owner")
    return int(world.now) + signin.LINK, lambda: sessions.redeem(link) is not None


def console_session(world: World) -> Way:
    sessions = signin.Sessions(world.clock)
    opened = sessions.open("public", "owner")
    return int(world.now) + signin.IDLE, lambda: sessions.find(opened) is not None


def console_session_that_is_used(world: World) -> Way:
    sessions = signin.Sessions(world.clock)
    opened, began = sessions.open("public", "owner"), world.now
    for hour in range(1, signin.LONGEST // signin.IDLE + 1):
        world.now = began + hour * signin.IDLE - 60
        assert sessions.find(opened) is not None
    world.now = began
    return int(world.now) + signin.LONGEST, lambda: sessions.find(opened) is not None


WAYS: dict[str, Callable[[World], Way]] = {
    **{f"signed URL to {method}": link_to(method) for method in ("GET", "HEAD", "PUT")},
    **{each.__name__: each for each in (explained, token, token_made_late, temporary_keys, signed_call, restored)},
    **{each.__name__: each for each in (console_link, console_session, console_session_that_is_used)},
}


@pytest.mark.parametrize("name", WAYS)
@pytest.mark.parametrize("fraction", (0.0, 0.7))
def test_its_own_second_counts(world: World, name: str, fraction: float) -> None:
    for behind in (-0.001, 0.0, 0.05, 0.999, 1.0, 1.5):
        world.now = NOW + fraction
        end, goes_on = WAYS[name](world)
        world.now = end + behind
        assert goes_on() == (behind < 1), f"{behind} s behind its end"


@pytest.mark.parametrize("end", ["", "0x7fffffff", "-1", "1e99", " 1893457000", "soon", "9" * 30, "1893457000.0"])
def test_an_end_of_a_call_that_is_no_time_is_refused(world: World, end: str) -> None:
    owner = world.owner.credentials
    given = {"Action": "DeleteBucket", "BucketName": SPACE, "PublicKey": owner.public_key, "Expires": end}
    given["Signature"] = signature.action_signature(owner.private_key, given)
    bodies = (urlencode(given), "application/x-www-form-urlencoded"), (json.dumps(given), "application/json")
    for body, kind in bodies:
        got = world.owner.send("POST", "/", [("Content-Type", kind)], body.encode())
        said = json.loads(got.body)
        assert said["RetCode"] > 0 and "Expires is not a time" in said["Message"]


def test_the_end_of_a_call_is_signed(world: World) -> None:
    request = management.encode(operation.DescribeSpace(SPACE), "", world.owner.credentials, end=NOW - 10)
    for changed in (request.target.replace(f"Expires={NOW - 10}", f"Expires={NOW * 2}"), drop(request.target)):
        assert changed != request.target
        assert json.loads(world.owner.send("GET", changed).body)["RetCode"] == 171


def drop(target: str) -> str:
    return target.replace(f"Expires={NOW - 10}&", "")


# Nothing compares by itself

ENDS = ("expires", "until")


def compared(source: str) -> list[int]:
    """The lines that compare the end of something with <, <=, > or >=."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if not isinstance(node, ast.Compare) or not any(
            isinstance(each, (ast.Lt, ast.LtE, ast.Gt, ast.GtE)) for each in node.ops
        ):
            continue
        sides = [node.left, *node.comparators]
        named = {getattr(each, "attr", getattr(each, "id", "")) for side in sides for each in ast.walk(side)}
        if named & set(ENDS) and named & {"now", "clock", "time", "_clock"}:
            found.append(node.lineno)
    return found


def test_no_other_place_compares_a_time_with_its_end() -> None:
    assert compared("if self.clock() >= key.until: pass") and compared("ok = int(claimed.expires) < now")
    assert not compared("if not 0 <= expires < 10: pass")
    files = [
        path
        for place in ("uvideo/server", "uvideo/diagnose", "ucloud/uvideo/protocol")
        for path in (ROOT / place).rglob("*.py")
    ]
    assert len(files) > 50
    texts = {str(path.relative_to(ROOT)): path.read_text(encoding="utf-8") for path in files}
    texts = {name: text for name, text in texts.items() if any(word in text for word in ENDS)}
    found = {name: lines for name, text in texts.items() if (lines := compared(text))}
    assert not found, f"use protocol.expiry there: {found}"
