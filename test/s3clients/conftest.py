"""A server with an S3 port, each client in turn, and the typed client of UFile beside it."""

from __future__ import annotations

import importlib.util
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from test.client.conftest import no_settings_of_the_machine as no_settings_of_the_machine  # a fixture
from test.s3.conftest import s3_server as s3_server  # a fixture
from test.s3.s3_server import S3Server
from test.s3clients.client import Client, Place
from test.s3clients.clients import CLIENTS, NOT_YET
from uvideo import Client as UFileClient

if importlib.util.find_spec("playwright") is None:  # what make test-s3 installs
    collect_ignore = ["test_uppy.py"]


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test runs with each client that has the call of its name."""
    if "client" not in metafunc.fixturenames:
        return
    test = metafunc.definition.originalname.removeprefix("test_")
    promise = getattr(metafunc.function, "needs", test)
    rows = []
    for name, made in CLIENTS.items():
        why = NOT_YET.get((name, test), NOT_YET.get(("", test)))
        if hasattr(made, promise):
            rows.append(pytest.param(name, marks=[pytest.mark.xfail(reason=why)] if why else []))
    metafunc.parametrize("client", rows, indirect=True)


@pytest.fixture
def place(s3_server: S3Server, tmp_path: Path) -> Place:
    folder = tmp_path / "home"
    folder.mkdir()
    return Place(s3_server.url, s3_server.public_key, s3_server.private_key, folder)


@pytest.fixture
def client(request: pytest.FixtureRequest, place: Place) -> Client:
    made: Client = CLIENTS[request.param](place)  # type: ignore[assignment]
    return made


@pytest.fixture(scope="session")
def ufile(s3_server: S3Server) -> Iterator[UFileClient]:
    server = s3_server.server
    with UFileClient(server.public_key, server.private_key, endpoint=server.host) as made:
        yield made


@pytest.fixture
def bucket(ufile: UFileClient) -> str:
    """An empty space of UFile."""
    return ufile.create_space("s-" + uuid.uuid4().hex[:20]).name


@pytest.fixture(scope="session")
def full(ufile: UFileClient) -> str:
    """A space of 2,500 objects in ``many/`` and 5 folders beside them, written with UFile."""
    name = ufile.create_space("s-" + uuid.uuid4().hex[:20]).name
    keys = [f"many/{number:04}.txt" for number in range(2500)] + [f"many/folder {number}/x" for number in range(5)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda key: ufile.put(name, key, key.encode()), keys))
    return name
