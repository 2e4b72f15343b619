"""The SDK's own tests (test/sdk, unittest) as real processes on every interpreter, with a real server and a proxy.

They all run on 2.7.  On the newest Python 3, the oldest and two between (long tests) run those that are about
connections, files and the machine: these use what differs most from one Python to the other.
Those that are about calls run once more with everything over a requests.Session, and only they run behind a front.
With the lowest versions of what it depends on it runs those that use these.
"""

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
from test.patience import SUITE_SECONDS
from test.server_fixture import Server

AT_ONCE = 2  # cores
#: What any way to the service must keep; the others are about our own connections, or about no way at all.
CALLS = [f"test.sdk.test_{name}" for name in "faults filefaults filemanager handlers hostile hosts input ufile".split()]
FOUND = sorted(f"test.sdk.{each.stem}" for each in (interpreters.ROOT / "test" / "sdk").glob("test_*.py"))
#: What uses requests, urllib3 or PySocks.
DEPENDENT = [f"test.sdk.test_{name}" for name in "session socks transport trust ufile".split()]
ALL, SESSION, OTHERS = "all", "session", "others"
KINDS = {ALL: FOUND, SESSION: CALLS, OTHERS: [each for each in FOUND if each not in CALLS]}
if interpreters.LOWEST:
    KINDS = {ALL: DEPENDENT, SESSION: CALLS, OTHERS: DEPENDENT}
elif os.environ.get("UVIDEO_TEST_FRONT"):  # our own connections do not lead to the shared server
    KINDS = {**KINDS, ALL: CALLS}


TWOS = [each for each in interpreters.find() if each.version < (3,)]


@dataclass(frozen=True)
class Run:
    returncode: int
    output: str


def run(interpreter: interpreters.Interpreter, kind: str, server: Server) -> Run:
    host = server.endpoint.partition("://")[2]
    name, _, port = host.rpartition(":")
    with FaultProxy(name, int(port)) as proxy:
        environment = {
            **os.environ,
            "PYTHONPATH": os.pathsep.join([interpreters.prepare(interpreter), str(interpreters.ROOT)]),
            **interpreters.bytecode(interpreter),
            "UVIDEO_TEST_ENDPOINT": host,
            "UVIDEO_TEST_FAULTS": proxy.endpoint.rpartition("/")[2],
            "UVIDEO_TEST_CONTROL": proxy.control.rpartition("/")[2],
            "UVIDEO_TEST_PUBLIC_KEY": server.public_key,
            "UVIDEO_TEST_PRIVATE_KEY": server.private_key,
            "UVIDEO_TEST_SESSION": "yes" if kind == SESSION else "",
        }
        done = subprocess.run(
            [interpreter.path, "-m", "test.sdk", *KINDS[kind]],
            cwd=interpreters.ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=SUITE_SECONDS,
        )
        proxy.reset()
    return Run(done.returncode, done.stdout.decode("utf-8", "replace"))


Runs = dict[tuple[interpreters.Interpreter, str], Future[Run]]


@pytest.fixture(scope="module")
def runs(request: pytest.FixtureRequest, server: Server) -> Iterator[Runs]:
    with ThreadPoolExecutor(AT_ONCE) as pool:
        items = [item for item in request.session.items if item.path == request.path]
        chosen = [(item.callspec.params["interpreter"], TESTS[item.originalname]) for item in items]
        yield {each: pool.submit(run, *each, server) for each in chosen}


def check(result: Run) -> None:
    count = re.search(r"^Ran (\d+) tests", result.output, re.MULTILINE)
    assert result.returncode == 0, result.output[-8000:]
    assert count is not None and int(count.group(1)) >= 100, result.output[-2000:]
    assert "skipped" not in result.output


@pytest.mark.parametrize("interpreter", TWOS, ids=lambda each: each.name)
def test_the_sdk_keeps_its_promises_on(interpreter: interpreters.Interpreter, runs: Runs) -> None:
    check(runs[interpreter, ALL].result(SUITE_SECONDS))


@pytest.mark.parametrize("interpreter", interpreters.others(), ids=lambda each: each.name)
def test_connections_and_files_are_as_promised_on(interpreter: interpreters.Interpreter, runs: Runs) -> None:
    check(runs[interpreter, OTHERS].result(SUITE_SECONDS))


#: The oldest requests and urllib3, and the newest: test/sdk/test_session.py runs on all.
OF_REQUESTS = [
    pytest.param(each, marks=pytest.mark.soak if each.version < (3,) else pytest.mark.long)
    for each in interpreters.important().values()
    if each is not None
]


@pytest.mark.parametrize("interpreter", OF_REQUESTS, ids=lambda each: each.name)
def test_the_sdk_keeps_them_over_a_session_on(interpreter: interpreters.Interpreter, runs: Runs) -> None:
    check(runs[interpreter, SESSION].result(SUITE_SECONDS))


TESTS = {
    test_the_sdk_keeps_its_promises_on.__name__: ALL,
    test_connections_and_files_are_as_promised_on.__name__: OTHERS,
    test_the_sdk_keeps_them_over_a_session_on.__name__: SESSION,
}
