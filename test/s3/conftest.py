"""One server with an S3 port for all tests of S3."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from test.s3.s3_server import S3Server, start_s3_server


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[S3Server]:
    """Each test takes a bucket of its own.  With UVIDEO_TEST_FRONT it is a cluster of two gateways behind that."""
    folder, front = tmp_path_factory.mktemp("s3"), os.environ.get("UVIDEO_TEST_FRONT")
    starting: Any = start_s3_server(folder)
    if front:
        from test.cluster.gateways import start_fronted_s3

        starting = start_fronted_s3(front, *map(request.getfixturevalue, ("postgres", "object_store")), folder)
    with starting as made:
        yield made


@pytest.fixture(scope="module")
def s3(s3_server: S3Server) -> Any:
    """A client of it."""
    return s3_server.client()


@pytest.fixture
def bucket(s3: Any, request: pytest.FixtureRequest) -> str:
    """A bucket of the test."""
    name = hashlib.sha1(request.node.nodeid.encode()).hexdigest()[:20]
    s3.create_bucket(Bucket=name)
    return name


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of ``own_server``."""
    return tmp_path_factory.mktemp("own")


@pytest.fixture(scope="module")
def own_server(folder: Path, request: pytest.FixtureRequest) -> Iterator[S3Server]:
    """A server for the tests of one file that look into its folder, with the bucket BUCKET of that file."""
    with start_s3_server(folder) as made:
        made.client().create_bucket(Bucket=request.module.BUCKET)
        yield made
