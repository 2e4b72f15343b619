"""One server with an S3 port for all tests of S3."""

from __future__ import annotations

import os
from collections.abc import Iterator
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
