"""Each row of the table of causes happens to each client: class, status, text and remedy, and how often it is tried."""

from __future__ import annotations

import asyncio
import json
import os
import re
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from test import interpreters
from test.causes.ways import SECRET, Way, ways
from test.patience import until
from ucloud.uvideo.engine.carrier import carrier_of
from ucloud.uvideo.protocol import cause
from uvideo import AsyncClient, Client
from uvideo.cli.context import Context
from uvideo.cli.i18n import chinese
from uvideo.cli.program import invoke
from uvideo.client.retry import Retry
from uvideo.diagnose import checks
from uvideo.errors import ConfigurationError, Refused, Unavailable, UVideoError

TABLE = {each.code: each for each in cause.CAUSES}
SECONDS = 240
#: ``certificate`` is what Python 2.7 and 3.6 say of most certificates.  The others have tests of their own: SOCKS in
#: test_socks.py and test_aiosocks.py, the rest in test_transport.py, test_proxies.py, test_machine.py, test_files.py.
ELSEWHERE = {"certificate", "tls-in-tls", "proxy-url", "time", "not-socks", "open-files"}
ELSEWHERE |= {"socks-auth", "socks-unfit", "socks-gateway", "socks-denied", "socks-missing"}


@pytest.fixture(scope="module")
def every(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Way]]:
    with ways(tmp_path_factory.mktemp("ways")) as made:
        yield made


def across(every: dict[str, Way], work: Callable[[Way], None]) -> None:
    """Do this on every way, and fail with all that went wrong."""
    wrong = {}
    for name, way in every.items():
        try:
            work(way)
        except AssertionError as failure:
            wrong[name] = str(failure)
    assert wrong == {}


def one_of_each(every: dict[str, Way]) -> dict[str, Way]:
    """A way to each cause: what the command and the doctor say comes from a Client, which is taken on all."""
    return {way.code: way for way in every.values()}


def options(way: Way) -> dict[str, Any]:
    return {
        "endpoint": way.endpoint,
        "proxy": way.proxy,
        "public_key": "public",
        "private_key": "private",
        **way.options,
    }


def check(way: Way, text: str, code: str) -> None:
    """That a text is that of the cause, with its remedy, and tells nothing that it must not."""
    for part in (TABLE[code].text, TABLE[code].remedy):
        pattern = "".join(".*" if each.startswith("{") else re.escape(each) for each in re.split(r"(\{\w+\})", part))
        assert re.search(pattern, text), text
    assert way.said in text or code != way.code, text
    assert SECRET not in text and "Signature" not in text and "Operation not permitted" not in text
    assert text.isprintable() and len(text) < 700


def judge(way: Way, error: UVideoError | None, before: int, tries: int) -> None:
    assert error is not None
    kind = TABLE[way.code].error
    assert error.cause == way.code, error
    assert type(error) is kind or (kind is Unavailable and isinstance(error, Refused)), error  # by its status
    final = isinstance(error, ConfigurationError)
    assert tries == (1 if final else 2), error
    if way.peer is not None:
        peer = way.peer
        until(lambda: peer.count - before >= tries)  # it counts on a thread of its own
        assert peer.count - before == tries, error
    assert error.retryable is not final and error.ret_code is None
    assert not final or error.sent is (way.code == "encoded")  # the service saw that one
    check(way, error.message, way.code)


def test_every_cause_has_its_way(every: dict[str, Way]) -> None:
    assert {way.code for way in every.values()} | ELSEWHERE == set(TABLE)


def test_client(every: dict[str, Way]) -> None:
    def listed(way: Way) -> None:
        waits: list[float] = []
        before = way.peer.count if way.peer else 0
        found: UVideoError | None = None
        with Client(**options(way), retries=1) as client:
            carrier_of(client).sleep = waits.append
            try:
                list(client.list("space"))
            except UVideoError as error:
                found = error
        judge(way, found, before, 1 + len(waits))

    across(every, listed)


def test_async_client(every: dict[str, Way]) -> None:
    async def work(way: Way, waits: list[float]) -> UVideoError | None:
        async def nap(seconds: float) -> None:
            waits.append(seconds)

        async with AsyncClient(**options(way), retries=1) as client:
            carrier_of(client).sleep = nap
            try:
                async for _ in client.list("space"):
                    pass
            except UVideoError as error:
                return error
        return None

    def listed(way: Way) -> None:
        waits: list[float] = []
        before = way.peer.count if way.peer else 0
        found = asyncio.run(work(way, waits))
        judge(way, found, before, 1 + len(waits))

    across(every, listed)


def test_command(every: dict[str, Way], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("UVIDEO_LANG", "en")

    def listed(way: Way) -> None:
        with monkeypatch.context() as patch:
            for name, value in {**options(way), "retries": 0}.items():
                patch.setenv(f"UVIDEO_{name.upper()}", str(value))
            context = Context()
            code = invoke(context, ("ls", "uvideo://space"))
            context.close()
        said = capsys.readouterr()
        final = issubclass(TABLE[way.code].error, ConfigurationError)
        assert (code, said.out) == (2 if final else 1, ""), said
        assert "Traceback" not in said.err
        check(way, said.err.splitlines()[0], way.code)

    across(one_of_each(every), listed)


def test_command_in_chinese(
    every: dict[str, Way], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The text is that of `uvideo doctor`; only what the system said is in its own words."""
    monkeypatch.setenv("UVIDEO_LANG", "zh")

    def listed(way: Way) -> None:
        with monkeypatch.context() as patch:
            for name, value in {**options(way), "retries": 0}.items():
                patch.setenv(f"UVIDEO_{name.upper()}", str(value))
            context = Context()
            invoke(context, ("ls", "uvideo://space"))
            context.close()
        said = capsys.readouterr().err.splitlines()[0]
        assert said.startswith("错误："), said
        for text in (TABLE[way.code].text, TABLE[way.code].remedy):
            pieces = re.split(r"\{\w+\}", chinese()[text])
            assert all(piece in said for piece in pieces), (said, pieces)
        assert "no answer from" not in said

    across(one_of_each(every), listed)


def test_doctor(every: dict[str, Way], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "impatient", lambda: Retry(retries=0))

    def examined(way: Way) -> None:
        findings = list(checks.examine(options=options(way)))
        found = [each for each in findings if each.code == way.code]
        assert found, [(each.check, each.code, each.facts) for each in findings]
        assert (found[0].verdict, found[0].causes) == ("failed", (way.code,))
        check(way, str(found[0].facts["message"]), way.code)
        assert SECRET not in repr(findings)

    across(one_of_each(every), examined)


@pytest.mark.parametrize("interpreter", interpreters.cases(), ids=lambda each: each.name)
def test_sdk(every: dict[str, Way], interpreter: interpreters.Interpreter) -> None:
    given = {}
    for name, way in every.items():
        more = {key: value for key, value in way.options.items() if key in ("ca_bundle", "client_cert")}
        if "timeout" in way.options:
            more["connection_timeout"] = way.options["timeout"]
        given[name] = {"uploadsuffix": way.endpoint, "proxy": way.proxy, **more}
    before = {name: way.peer.count for name, way in every.items() if way.peer}
    path = os.pathsep.join([interpreters.prepare(interpreter), str(interpreters.ROOT)])
    done = subprocess.run(
        [interpreter.path, str(Path(__file__).with_name("sdk.py"))],
        input=json.dumps(given).encode(),
        env={**os.environ, "PYTHONPATH": path, **interpreters.bytecode(interpreter)},
        capture_output=True,
        timeout=SECONDS,
    )
    assert done.returncode == 0, done.stderr.decode()
    said = json.loads(done.stdout)
    assert set(said) == set(every)
    names = {id(way): name for name, way in every.items()}

    def told(way: Way) -> None:
        name = names[id(way)]
        status, text, exception, ret_code, tries = said[name]
        code = (interpreter.version < (3, 7) and way.old) or way.code
        final = issubclass(TABLE[code].error, ConfigurationError)
        if code == "gateway":
            assert (status, exception) == (int(name), "NoneType"), text
        else:
            assert (status, exception) == ((-3, "ConfigurationError") if final else (-1, "NoAnswer")), text
        assert (ret_code, tries) == (None, 1 if final else 2), text
        if way.peer is not None:
            peer = way.peer
            until(lambda: peer.count - before[name] >= tries)
            assert peer.count - before[name] == tries, text
        check(way, text, code)

    across(every, told)
