"""After a lost answer: what a call returns is what the service would have said, and nothing is made twice."""

from __future__ import annotations

import asyncio
import time
import uuid
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from test.fakes import FaultProxy
from test.server_fixture import Server
from ucloud.uvideo import config, spacemanager
from ucloud.uvideo.engine.carrier import carrier_of
from uvideo import AsyncClient, Client, Retry, models
from uvideo.errors import NoAnswer, SpaceExists, SpaceNotFound

QUICK = Retry(3, 0.001, 0.002, 1.0, None, None)


@pytest.fixture
def given(server: Server, proxy: FaultProxy) -> dict[str, Any]:
    return {
        "public_key": server.public_key,
        "private_key": server.private_key,
        "endpoint": f"127.0.0.1:{proxy.port}",
        "retry": QUICK,
    }


def fresh() -> str:
    return "r-" + uuid.uuid4().hex[:20]


def test_a_space_is_made_once_and_told_as_made(given: dict[str, Any], proxy: FaultProxy, client: Client) -> None:
    async def ask(name: str) -> models.SpaceName:
        async with AsyncClient(**given) as asynchronous:
            return await asynchronous.create_space(name)

    for way in (lambda name: Client(**given).create_space(name), lambda name: asyncio.run(ask(name))):
        name = fresh()
        proxy.on("CreateSpace", space=name).lost_answer()
        assert way(name) == models.SpaceName(name, client.stat_space(name).id)


def test_a_space_that_was_there_before_is_refused_all_the_same(
    given: dict[str, Any], proxy: FaultProxy, client: Client
) -> None:
    private, public = client.create_space(fresh()).name, client.create_space(fresh(), type="public").name
    proxy.on("CreateSpace").cut_after(times=2)
    with Client(**given) as made:
        with pytest.raises(SpaceExists):
            made.create_space(public)  # of another type than asked for
        carrier = carrier_of(made)
        carrier.ticks = lambda: 0.0  # no time passes, so that any age is too old
        carrier.recovered = lambda op, told, seconds, real=carrier.recovered: real(op, aged(told), seconds)
        with pytest.raises(SpaceExists):
            made.create_space(private)


def aged(told: Any) -> Any:
    """As if the space had been made a minute earlier."""
    found, response = told
    return found._replace(spaces=tuple(each._replace(created=each.created - 60) for each in found.spaces)), response


def test_a_space_is_removed_once(given: dict[str, Any], proxy: FaultProxy, client: Client) -> None:
    async def ask(name: str) -> models.SpaceName:
        async with AsyncClient(**given) as asynchronous:
            return await asynchronous.delete_space(name)

    for way in (lambda name: Client(**given).delete_space(name), lambda name: asyncio.run(ask(name))):
        name = client.create_space(fresh()).name
        proxy.on("DeleteSpace", space=name).lost_answer()
        assert way(name).name == name
        with pytest.raises(SpaceNotFound):
            client.stat_space(name)


def test_the_sdk_answers_as_the_service_would_have(given: dict[str, Any], proxy: FaultProxy, client: Client) -> None:
    before = {name: config.get_default(name) for name in ("uploadsuffix", "downloadsuffix", "retries")}
    config.unset_default("downloadsuffix")
    config.set_default(uploadsuffix=given["endpoint"])
    try:
        manager = spacemanager.BucketManager(given["public_key"], given["private_key"])
        carrier_of(manager).sleep = lambda seconds: None
    finally:
        config.unset_default(*before)
        config.set_default(**before)
    name = fresh()
    proxy.on("CreateSpace").lost_answer()
    proxy.on("DeleteSpace").lost_answer()
    ret, resp = manager.createspace(name)
    expected = {"RetCode": 0, "Action": "CreateBucketResponse", "BucketName": name}
    assert (ret, resp.ok(), resp.ret_code) == ({**expected, "BucketId": client.stat_space(name).id}, True, 0)
    ret, resp = manager.deletespace(name)
    assert (ret["RetCode"], ret["BucketName"], resp.ok()) == (0, name, True)


@pytest.mark.parametrize("asynchronous", [False, True])
def test_a_token_is_asked_for_once(
    given: dict[str, Any], proxy: FaultProxy, client: Client, asynchronous: bool
) -> None:
    async def ask(name: str) -> None:
        async with AsyncClient(**given) as made:
            await made.create_token(name, ops=["TOKEN_ALLOW_READ"])

    def lose(name: str) -> None:
        with pytest.raises(NoAnswer, match="check before you repeat it"):
            if asynchronous:
                asyncio.run(ask(name))
            else:
                Client(**given).create_token(name, ops=["TOKEN_ALLOW_READ"])

    name = fresh()
    proxy.on("CreateToken").lost_answer()
    lose(name)
    assert len(proxy.log("CreateToken")) == 1
    assert [each.name for each in client.list_tokens()].count(name) == 1  # the one whose answer was lost


def test_a_token_is_asked_for_again_where_nothing_was_sent(
    given: dict[str, Any], proxy: FaultProxy, client: Client
) -> None:
    name = fresh()
    proxy.on("CreateToken").answer(503, json={"RetCode": -148600, "ErrMsg": "service unavailable"})
    assert Client(**given).create_token(name, ops=["TOKEN_ALLOW_READ"]).name == name
    assert [each.name for each in client.list_tokens()].count(name) == 1


def test_a_token_that_was_removed_is_no_error(given: dict[str, Any], proxy: FaultProxy, client: Client) -> None:
    token = client.create_token(fresh(), ops=["TOKEN_ALLOW_READ"])
    proxy.on("DeleteToken").lost_answer()
    Client(**given).delete_token(token.id)
    assert token.id not in [each.id for each in client.list_tokens()]


# The clock


def behind(client: Any, seconds: float) -> Any:
    """The client on a machine whose clock is so many seconds behind."""
    carrier_of(client).clock = lambda: time.time() - seconds
    return client


@pytest.mark.parametrize("seconds", [7200, -7200, 80000])
def test_links_are_signed_by_the_services_time(client: Client, space: str, seconds: int) -> None:
    client.put(space, "a", b"film")
    with Client(settings=client.settings) as made:
        assert behind(made, seconds).get(space, "a").data == b"film"  # refused at first if the clock is behind
        link = made.stat(space, "a") and made.presign(space, "a", expires=60)
    assert abs(int(link.split("Expires=")[1].split("&")[0]) - time.time() - 60) < 30


def test_an_asynchronous_client_signs_by_the_services_time(client: Client, space: str) -> None:
    async def ask() -> bytes:
        async with AsyncClient(settings=client.settings) as made:
            carrier_of(made).carrier.clock = lambda: time.time() - 7200
            found: bytes = (await made.get(space, "a")).data
            return found

    client.put(space, "a", b"film")
    assert asyncio.run(ask()) == b"film"


@pytest.mark.parametrize("seconds", [7200, 80000])
def test_calls_are_signed_by_the_services_time(client: Client, seconds: int) -> None:
    """Those of the management plane end too: the first one is refused, and made anew."""
    with Client(settings=client.settings) as made:
        name = fresh()
        assert behind(made, seconds).create_space(name) is not None
        made.delete_space(name)

    async def ask() -> None:
        async with AsyncClient(settings=client.settings) as made:
            carrier_of(made).carrier.clock = lambda: time.time() - seconds
            await made.create_space(name)
            await made.delete_space(name)

    asyncio.run(ask())


@pytest.mark.parametrize(("seconds", "said"), [(7200, "s behind"), (-7200, "s ahead of")])
def test_a_link_made_before_any_answer_is_by_this_machines_clock(
    client: Client, space: str, seconds: int, said: str, caplog: pytest.LogCaptureFixture
) -> None:
    def ends(made: Client) -> float:
        """How long the link is valid by the service's clock."""
        return int(parse_qs(urlsplit(made.presign(space, "a", expires=600)).query)["Expires"][0]) - time.time()

    with Client(settings=client.settings) as made:
        behind(made, seconds)
        assert abs(ends(made) - 600 + seconds) < 300
        list(made.list(space))
        assert abs(ends(made) - 600) < 300
    told = [each.getMessage() for each in caplog.records if "clock" in each.getMessage()]
    assert len(told) == 1 and said in told[0] and "as by uvideo presign" in told[0]


def test_a_clock_that_is_days_off_is_named_and_not_corrected(client: Client, space: str) -> None:
    client.put(space, "a", b"film")
    with Client(settings=client.settings) as made:
        with pytest.raises(Exception, match="the clock of this machine is 2[56]9[0-9]{4} s behind the service's"):
            behind(made, 30 * 86400).get(space, "a")


def test_a_clock_is_not_corrected_by_what_anybody_may_have_changed(
    server: Server, client: Client, space: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    import socket

    real = socket.getaddrinfo
    monkeypatch.setattr(socket, "getaddrinfo", lambda name, *more, **rest: real("127.0.0.1", *more, **rest))
    client.put(space, "a", b"film")
    with Client(server.public_key, server.private_key, endpoint=f"http://media.example.com:{server.port}") as made:
        with pytest.raises(Exception, match="the clock of this machine is 7[12][0-9]{2} s behind the service's"):
            behind(made, 7200).get(space, "a")
        assert carrier_of(made).skew.seconds == 0


def test_a_date_out_of_a_cache_says_nothing() -> None:
    from ucloud.uvideo.engine.clock_skew import seen
    from ucloud.uvideo.protocol.message import Headers

    date = ("Date", "Sat, 28 Nov 2026 12:00:00 GMT")
    at = 1795867200.0
    assert seen(Headers([date]), at - 100, at - 100) == 100
    assert seen(Headers([date]), at + 100, at + 100) == -99
    assert seen(Headers([date]), at - 3, at + 50) == 0  # a long answer: its Date is of its beginning
    assert seen(Headers([date, ("Age", "0")]), at - 100, at - 100) is None
    assert seen(Headers([("Date", "soon")]), at, at) is None
