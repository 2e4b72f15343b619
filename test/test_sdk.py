"""The SDK's own tests (test/sdk, unittest) as real processes on every interpreter, with a real server and a proxy."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass

import pytest

from test import interpreters
from test.fakes import FaultProxy
from test.server_fixture import Server

SECONDS = 240
AT_ONCE = 2  # cores


@dataclass(frozen=True)
class Run:
    returncode: int
    output: str


def run(interpreter: interpreters.Interpreter, server: Server) -> Run:
    host = server.endpoint.partition("://")[2]
    name, _, port = host.rpartition(":")
    with FaultProxy(name, int(port)) as proxy:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([interpreters.prepare(interpreter), str(interpreters.ROOT)]),
            "PYTHONDONTWRITEBYTECODE": "1",
            "UVIDEO_TEST_ENDPOINT": host,
            "UVIDEO_TEST_FAULTS": proxy.endpoint.rpartition("/")[2],
            "UVIDEO_TEST_CONTROL": proxy.control.rpartition("/")[2],
            "UVIDEO_TEST_PUBLIC_KEY": server.public_key,
            "UVIDEO_TEST_PRIVATE_KEY": server.private_key,
        }
        done = subprocess.run(
            [interpreter.path, "-m", "unittest", "discover", "-s", "test/sdk", "-t", "."],
            cwd=interpreters.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SECONDS,
        )
        proxy.reset()
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"))


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, server: Server) -> Iterator[dict[interpreters.Interpreter, Future[Run]]]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        chosen = [item.callspec.params["interpreter"] for item in request.session.items if item.path == request.path]
        yield {each: pool.submit(run, each, server) for each in chosen}


@pytest.mark.parametrize("interpreter", interpreters.cases(), ids=lambda each: each.name)
def test_the_sdk_keeps_its_promises_on(
    interpreter: interpreters.Interpreter, runs: dict[interpreters.Interpreter, Future[Run]]
) -> None:
    result = runs[interpreter].result(SECONDS)
    count = re.search(r"^Ran (\d+) tests", result.output, re.MULTILINE)
    assert result.returncode == 0, result.output[-8000:]
    assert count is not None and int(count.group(1)) >= 100, result.output[-2000:]
    assert "skipped" not in result.output
