"""A copy of more than 100 MB whose source changes on the way stores nothing, whichever face asked for it."""

from __future__ import annotations

import asyncio
import errno
import uuid
from collections.abc import Callable, Iterator

import pytest

from test.cli.records import check
from test.cli.shell import Shell
from test.fakes import FaultProxy
from test.server_fixture import Server
from uvideo import AsyncClient, Client, errors
from uvideo.fs import UVideoFileSystem
from uvideo.transfer.copy import ONE_REQUEST

SIZE = ONE_REQUEST + 5
MIDDLE = 12  # of 24 parts
OLD = b"what was there before"

Change = Callable[[Client, str], None]
Failure = tuple[str, str]  # the name of its class; the space and key that it names


@pytest.fixture(scope="module")
def film(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Client, str]]:
    """(a client, a space with ``original``, of more than 100 MB)."""
    path = tmp_path_factory.mktemp("film") / "film"
    with path.open("wb") as file:
        file.write(b"head")
        file.truncate(SIZE)
    with Client(server.public_key, server.private_key, endpoint=server.host) as client:
        space = client.create_space("large-" + uuid.uuid4().hex[:20]).name
        client.upload(space, "original", path)
        yield client, space


def client_copies(shell: Shell, endpoint: str, space: str) -> Failure:
    with Client(shell.server.public_key, shell.server.private_key, endpoint=endpoint) as client:
        return failure_of(lambda: client.copy(space, "to/film", space, "from/film"))


def aio_copies(shell: Shell, endpoint: str, space: str) -> Failure:
    async def copy() -> None:
        async with AsyncClient(shell.server.public_key, shell.server.private_key, endpoint=endpoint) as client:
            await client.copy(space, "to/film", space, "from/film")

    return failure_of(lambda: asyncio.run(copy()))


def failure_of(call: Callable[[], object]) -> Failure:
    with pytest.raises(errors.UVideoError) as caught:
        call()
    return type(caught.value).__name__, f"{caught.value.space}/{caught.value.key}"


def filesystem_copies(shell: Shell, endpoint: str, space: str) -> Failure:
    keys = {"public_key": shell.server.public_key, "private_key": shell.server.private_key}
    made = UVideoFileSystem(endpoint=endpoint, skip_instance_cache=True, **keys)
    try:
        with pytest.raises(OSError) as caught:
            made.cp_file(f"{space}/from/film", f"{space}/to/film")
    finally:
        made.close()
    names = {errno.ESTALE: "ObjectChanged", errno.ENOENT: "NotFound"}
    return names[caught.value.errno or 0], str(caught.value.filename)


def command(*words: str) -> Callable[[Shell, str, str], Failure]:
    def run(shell: Shell, endpoint: str, space: str) -> Failure:
        given = [word.replace("SPACE", f"uvideo://{space}") for word in words]
        done = shell(*given, "--json", UVIDEO_ENDPOINT=endpoint)
        (record,) = [check(line) for line in done.lines]
        assert (record["kind"], record["done"], record["failed"], record["deleted"]) == ("summary", 0, 1, 0)
        (told,) = [check(line) for line in done.err.splitlines()]
        assert done.code == {"ObjectChanged": 5, "NotFound": 4}[told["error"]]
        assert told["item"] == f"uvideo://{space}/from/film"
        return told["error"], f"{told['space']}/{told['key']}"

    return run


FACES = {
    "Client": client_copies,
    "AsyncClient": aio_copies,
    "filesystem": filesystem_copies,
    "cp": command("cp", "SPACE/from/film", "SPACE/to/film"),
    "mv": command("mv", "SPACE/from/film", "SPACE/to/film", "--mime", "video/x"),
    "sync": command("sync", "SPACE/from/", "SPACE/to/"),
}


def other_bytes(client: Client, space: str) -> None:
    client.put(space, "from/film", b"another film")


def gone(client: Client, space: str) -> None:
    client.delete(space, "from/film")


@pytest.mark.parametrize("change", [other_bytes, gone])
@pytest.mark.parametrize("face", FACES)
def test_nothing_is_stored(film: tuple[Client, str], shell: Shell, face: str, change: Change) -> None:
    client, origin = film
    space = client.create_space("large-" + uuid.uuid4().hex[:20]).name
    client.copy(space, "from/film", origin, "original", threshold=SIZE)
    client.put(space, "to/film", OLD)
    before = [(each.key, each.etag) for each in client.list(space, "to/")]

    with FaultProxy("127.0.0.1", shell.server.port) as proxy:
        proxy.on("CopyPart", part=MIDDLE).pause("middle", answered=True)
        with proxy.meanwhile("middle", lambda: change(client, space)):
            said = FACES[face](shell, f"127.0.0.1:{proxy.port}", space)
        assert not proxy.log("FinishUpload") and not proxy.log("CopyObject")
    assert said == ("ObjectChanged" if change is other_bytes else "NotFound", f"{space}/from/film")
    assert [(each.key, each.etag) for each in client.list(space, "to/")] == before
    assert list(client.list_uploads(space)) == []
    if change is other_bytes:
        assert client.get(space, "from/film").data == b"another film"
