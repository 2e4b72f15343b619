"""Where the official SDK loses data, hangs, leaks or tells secrets: the same with Client, AsyncClient and the command.

Each situation is that of the entry of the same number, and finds the promises that are broken; nothing may be found.
"""

from __future__ import annotations

import gzip
import os
from collections.abc import Callable
from typing import Any, NamedTuple

from test.regressions.clients import CLIENTS, Asynchronous, Command, Pipe, Said, Typed
from test.regressions.keys import NAMES
from test.regressions.security import logged
from test.regressions.streams import MIB, SIZE, growth_of
from test.regressions.uploads import HTML
from test.regressions.world import BLOCK, World, content

__all__ = ["SITUATIONS", "Situation"]

FOREVER: dict[str, Any] = {"times": None}
BUSY = {"do": "answer", "status": 503}
#: Of a process that moves a large file: MiB that it may hold in all.
WHOLE_PROCESS = 128


class Situation(NamedTuple):
    """``harm``: what the official SDK does to its user.  ``without``: whom it cannot happen to, and why."""

    number: int
    name: str
    harm: str
    without: dict[str, str]
    scenario: Callable[[World, Any], None]


SITUATIONS: dict[int, Situation] = {}


def situation(
    number: int, harm: str, **without: str
) -> Callable[[Callable[[World, Any], None]], Callable[[World, Any], None]]:
    """Register the decorated function.  without: Client, AsyncClient or uvideo, and why it is not tried."""
    assert set(without) <= set(CLIENTS) and number not in SITUATIONS

    def register(scenario: Callable[[World, Any], None]) -> Callable[[World, Any], None]:
        SITUATIONS[number] = Situation(number, f"{number:02d}_{scenario.__name__}", harm, without, scenario)
        return scenario

    return register


# Uploads


@situation(1, "loses data, hangs")
def part_fails(world: World, client: Typed) -> None:
    source, key = world.file("source", content(3 * BLOCK + 5)), world.key("a")
    client.retries = 1
    world.faults(({"on": "UploadPart", "part": 1}, {**HTML, "times": None}))
    outcome = client.upload(key, source)
    world.check(not outcome.ok, "an upload that lacks a part is reported as a success")
    world.check(not world.seen("FinishUpload"), "finish is sent although a part is missing")
    world.check(world.stored(key) is None, "something is stored")


@situation(2, "loses data")
def resumed(world: World, client: Typed) -> None:
    data, key = content(4 * BLOCK), world.key("a")
    source = world.file("source", data)
    client.retries = 0
    world.faults(({"on": "UploadPart", "part": 3}, {**BUSY, "times": None}))
    world.check(not client.upload(key, source).ok, "an upload that lacks a part is reported as a success")
    world.faults()
    world.check(client.upload(key, source).ok and world.stored(key) == data, "it cannot be resumed")
    sent = sorted(entry["part"] for entry in world.seen("UploadPart", status=200))
    world.check(sent == [0, 1, 2, 3], f"parts are sent again that the service had: {sent}")


@situation(4, "stores other bytes", uvideo="has no manual part copy")
def part_copied(world: World, client: Typed) -> None:
    data, space = content(2 * BLOCK), world.space
    world.put(world.key("source"), data)

    def work(made: Any) -> Any:
        upload = made.begin_upload(space, world.key("copy"))
        part = made.copy_part(upload, 0, space, world.key("source"), start=BLOCK, end=2 * BLOCK)
        return made.finish_upload(upload, [part])

    async def later(made: Any) -> None:
        upload = await made.begin_upload(space, world.key("copy"))
        part = await made.copy_part(upload, 0, space, world.key("source"), start=BLOCK, end=2 * BLOCK)
        await made.finish_upload(upload, [part])

    client.run(later if isinstance(client, Asynchronous) else work)
    world.check(world.stored(world.key("copy")) == data[BLOCK:], "the copied part has other bytes")


@situation(5, "loses data")
def two_at_a_time(world: World, client: Typed) -> None:
    files = {name: content(2 * BLOCK + 5, seed) for seed, name in enumerate(("first", "second", "third"))}
    outcomes = client.together(*[(world.key(name), world.file(name, data)) for name, data in files.items()])
    world.check(all(each.ok for each in outcomes), f"an upload fails beside another: {outcomes}")
    for name, data in files.items():
        world.check(world.stored(world.key(name)) == data, f"{name} is not what was sent")


@situation(6, "loses data")
def reads_short(world: World, client: Typed) -> None:
    pieces = [content(1000, seed) for seed in range(5)]
    outcome = client.upload(world.key("a"), Pipe(*pieces))
    world.check(outcome.ok and world.stored(world.key("a")) == b"".join(pieces), "a stream of short reads is lost")
    long = [content(1500 * 1024, seed) for seed in range(6)]
    outcome = client.upload(world.key("b"), Pipe(*long))
    world.check(outcome.ok and world.stored(world.key("b")) == b"".join(long), "a long stream of short reads is lost")


@situation(16, "leaves parts on the account")
def refused(world: World, client: Typed) -> None:
    source = world.file("source", content(2 * BLOCK + 5))
    world.faults(({"on": "UploadPart", "part": 1}, {"do": "answer", "status": 403, **FOREVER}))
    outcome = client.upload(world.key("a"), source)
    world.check(not outcome.ok, "a refused upload is reported as a success")
    world.check([entry["status"] for entry in world.seen("AbortUpload")] in ([200], [204]), "parts stay on the account")


@situation(26, "stores other bytes, and reports success")
def flipped(world: World, client: Typed) -> None:
    flip = {"do": "flip_request", "bytes": 500}
    world.faults(("PutObject", flip), ("UploadPart", {**flip, **FOREVER}))
    client.retries = 1
    small = client.put(world.key("a"), world.file("small", content(1000)))
    large = client.upload(world.key("b"), world.file("large", content(2 * BLOCK + 5)))
    world.check(small.error == "IntegrityError", f"a put of flipped bits ends with {small}")
    world.check(large.error == "IntegrityError", f"an upload of flipped bits ends with {large}")
    world.check(world.stored(world.key("b")) is None, "an object of flipped bits is stored")


@situation(25, "sends other bytes")
def streams(world: World, client: Typed) -> None:
    data = b"0123456789"
    if not isinstance(client, Command):
        with open(world.file("source", data), "rb") as file:
            file.seek(5)
            world.check(client.put(world.key("a"), file).ok, "an open file cannot be put")
            world.check(not file.closed, "the caller's file is closed")
        world.check(world.stored(world.key("a")) == data[5:], "a file is not sent from where it stands")
    reading, writing = os.pipe()
    with os.fdopen(reading, "rb") as pipe:
        os.write(writing, content(50000))
        os.close(writing)
        world.check(client.upload(world.key("b"), pipe).ok, "a pipe cannot be uploaded")
    world.check(world.stored(world.key("b")) == content(50000), "a pipe is not sent whole")


# Downloads


@situation(7, "destroys a local file, keeps broken ones")
def broken_download(world: World, client: Typed) -> None:
    data, key = content(1000), world.key("a")
    world.put(key, data)
    client.retries = 1
    folder = world.folder / "got"
    folder.mkdir()
    target = folder / "target"
    target.write_bytes(b"o" * 800)
    world.faults(("GetObject", {"do": "truncate", "bytes": 10, **FOREVER}))
    world.check(not client.download(key, target).ok, "a body that breaks off is reported as a success")
    world.check(target.read_bytes() == b"o" * 800, "a connection that breaks changes the file that was there")
    world.faults(("GetObject", {"do": "flip", "bytes": 500, **FOREVER}))
    world.check(client.download(key, folder / "b").error == "IntegrityError", "a flipped bit is not noticed")
    other = {"do": "header", "name": "Content-Range", "value": "bytes 20-29/1000", **FOREVER}
    world.faults(("GetObject", other))
    world.check(not client.download(key, folder / "c", 10, 20).ok, "the answer to another range is taken")
    world.check([each.name for each in folder.iterdir()] == ["target"], "something is left in the folder")


@situation(9, "returns other bytes than are stored")
def zipped(world: World, client: Typed) -> None:
    data, key, target = gzip.compress(b"a" * 5000, mtime=0), world.key("a"), world.path("target")
    world.put(key, data)
    world.faults(("GetObject", {"do": "header", "name": "Content-Encoding", "value": "gzip"}))
    world.check(client.download(key, target).ok and target.read_bytes() == data, "an object is unpacked on the way")


@situation(8, "later downloads lose data", uvideo="has no header dict")
def dict_of_the_caller(world: World, client: Typed) -> None:
    headers, metadata = {"Cache-Control": "no-cache"}, {"a": "b"}
    space, key = world.space, world.key("a")
    outcome = client.run(lambda made: made.put(space, key, b"x", headers=headers, metadata=metadata))
    world.check(outcome.ok and headers == {"Cache-Control": "no-cache"}, "the caller's headers are changed")
    world.check(metadata == {"a": "b"}, "the caller's metadata are changed")


# Secrets


@situation(10, "sends in clear text", uvideo="uses the settings of Client")
def tls(world: World, client: Typed) -> None:
    import uvideo

    kind = uvideo.AsyncClient if isinstance(client, Asynchronous) else uvideo.Client
    hosts = kind(*world.keys, provider="us3", region="cn-bj", expires=60).settings.hosts()
    world.check(hosts.upload.scheme == hosts.download.scheme == "https", "objects go over plain http")
    world.check(hosts.api.startswith("https://"), "management calls go over plain http")


@situation(11, "sends in clear text")
def managed_once(world: World, client: Typed) -> None:
    world.check(client.update().ok, "a space cannot be changed")
    changes = world.seen("UpdateSpace")
    world.check(len(changes) == 1, f"a management call is sent {len(changes)} times")


@situation(12, "logs secrets")
def told(world: World, client: Typed) -> None:
    source, target = world.file("source", content(BLOCK + 5)), world.path("target")
    with Said() as said:
        outcomes = [client.upload(world.key("a"), source), client.download(world.key("a"), target), client.describe()]
        world.faults(("DeleteObject", {"do": "answer", "status": 403}))
        outcomes.append(client.delete(world.key("a")))
    world.check([each.ok for each in outcomes] == [True, True, True, False], f"the calls did not work: {outcomes}")
    text = said.text + "".join(each.said for each in outcomes) + repr(client.made())
    requests = world.seen()
    headers = [entry["headers"].get("authorization", "").rpartition(":")[2] for entry in requests]
    signed = [entry["target"] for entry in requests if "Signature=" in entry["target"]]
    urls = [target.rpartition("Signature=")[2].partition("&")[0] for target in signed]
    if not any(headers) or not urls:
        raise RuntimeError("no signature was sent")
    world.check(not logged(headers, text), "a signature is printed or logged")
    world.check(not logged(urls, text), "a signed URL is printed or logged")
    world.check(world.keys[1] not in text, "the private key is printed or logged")


@situation(14, "mixes two accounts")
def strangers(world: World, client: Typed) -> None:
    key, target = world.key("a"), world.path("target")
    world.put(key, content(100))
    world.faults(("GetObject", {"do": "header", "name": "Set-Cookie", "value": "who=first; Path=/"}))
    client.download(key, target)
    client.download(key, target)
    cookie = world.seen("GetObject")[-1]["headers"].get("cookie")
    world.check(cookie is None, "a cookie set for one account is sent by the other")
    netrc = world.file("netrc", b"machine localhost login me password secret\nmachine 127.0.0.1 login me password s\n")
    os.environ["NETRC"] = str(netrc)
    world.check(client.put(world.key("b"), world.file("source", b"hello")).ok, "a line in ~/.netrc breaks every call")
    del os.environ["NETRC"]
    elsewhere = {"Location": f"http://localhost:{world.proxy}/{world.key('elsewhere')}"}
    match = {"on": "GetObject", "key": key}
    world.faults((match, {"do": "answer", "status": 302, "headers": elsewhere, **FOREVER}))
    outcome = client.download(key, world.path("c"))
    followed = world.seen("GetObject", key=world.key("elsewhere"))
    world.check(not outcome.ok and not followed, "redirects to any host are followed")


# Networks


@situation(15, "gives up too early, or retries without need")
def tried_again(world: World, client: Typed) -> None:
    key = world.key("a")
    world.put(key, content(100))
    world.faults(("GetObject", BUSY), ("DeleteObject", BUSY), ("DescribeSpace", BUSY))
    outcomes = [client.download(key, world.path("target")), client.delete(key), client.describe()]
    world.check(all(each.ok for each in outcomes) and world.stored(key) is None, f"one 503 fails a call: {outcomes}")
    world.faults(("UploadPart", {"do": "answer", "status": 403, **FOREVER}))
    client.upload(world.key("b"), world.file("source", content(BLOCK + 5)))
    tries = [entry["part"] for entry in world.seen("UploadPart")]
    world.check(len(set(tries)) == len(tries), "a part that was refused is sent again")


@situation(17, "hangs")
def silent(world: World, client: Typed) -> None:
    key = world.key("a")
    world.put(key, b"x")
    world.check(client.made().settings.timeout > 0, "by default it waits without limit")
    client.options["timeout"], client.retries = 0.1, 1
    stall = {"do": "silence", **FOREVER}
    world.faults(({}, stall))  # of a machine so busy that a first request takes longer, no second comes
    for call in (lambda: client.download(key, world.path("target")), client.describe):
        ended, outcome, raised = world.ends(call)
        world.check(ended and outcome and outcome.error == "NoAnswer", f"a silent service: {ended} {outcome} {raised}")


@situation(18, "hangs, raises undocumented exceptions")
def no_retries(world: World, client: Typed) -> None:
    data = content(BLOCK + 5)
    client.retries = 0
    outcome = client.upload(world.key("a"), world.file("source", data))
    world.check(outcome.ok and world.stored(world.key("a")) == data, "without retries nothing is sent")
    world.put(world.key("b"), content(1000))
    world.faults(("GetObject", {"do": "truncate", "bytes": 10, **FOREVER}))
    outcome = client.download(world.key("b"), world.path("target"))
    world.check(outcome.error in ("NoAnswer", "TransferInterrupted"), f"a download that breaks ends with {outcome}")


# Sizes and names


@situation(24, "uses too much memory")
def memory(world: World, client: Typed) -> None:
    source = world.path("source")
    with open(source, "wb") as file:
        file.truncate(SIZE)
    for name, call in (
        ("put", lambda: client.put(world.key("a"), source)),
        ("upload", lambda: client.upload(world.key("b"), source)),
        ("download", lambda: client.download(world.key("b"), world.path("target"))),
    ):
        if isinstance(client, Command):
            client.watch()
            ok, held = call().ok, client.peak() / MIB
            limit = WHOLE_PROCESS
        else:
            (ok, held), limit = growth_of(lambda call=call: call().ok), 48  # type: ignore[misc]
        world.check(ok and held < limit, f"{name} holds {held:.0f} MiB")


@situation(27, "stores under another name")
def named(world: World, client: Typed) -> None:
    if isinstance(client, Command):
        names = [name for name in NAMES if "/" not in name]  # what can be the name of a file
        folder = world.path("names")
        folder.mkdir()
        for name in names:
            (folder / name).write_bytes(name.encode())
        client("cp", "-r", str(folder), client.address(world.key("")))
    else:
        names = list(NAMES)
        for name in names:
            client.put(world.key(name), name.encode())
    lost = [name for name in names if world.stored(world.key(name)) != name.encode()]
    world.check(not lost, f"an upload to one of these keys is refused or stored under another: {', '.join(lost)}")
