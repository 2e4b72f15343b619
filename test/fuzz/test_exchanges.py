"""The clients against another side that does anything at any byte, compared with h11: exchanges.py, schedule.py."""

from __future__ import annotations

import os
import sys
from collections import Counter
from collections.abc import Iterable, Iterator

import pytest

from test import interpreters
from test.fuzz import exchanges, schedule
from test.fuzz.exchanges import Theatre
from test.fuzz.schedule import Case

QUICK, LONG = 300, int(os.environ.get("UVIDEO_TEST_ROUNDS", "500"))
CONTINUE = "HTTP/1.1 100 Continue\r\n\r\n"
OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
#: What was found once, each in its simplest case.
FOUND = {
    "an answer 1xx in mid-body was taken for the answer": Case(
        size=60000, buffer=2304, sends=((("body", 1), CONTINUE), (("end", 0), OK))
    ),
    "likewise, in chunks over TLS": Case(
        way="tls", body="chunked", size=60000, buffer=2304, sends=((("body", 1), CONTINUE), (("end", 0), OK))
    ),
    "an end of TCP ended an answer under TLS": Case(
        way="tls", sends=((("end", 0), "HTTP/1.1 200 OK\r\n\r\nhalf"),), end=(("end", 0), "cut")
    ),
    "an end of TCP ended an answer under TLS on a loop": Case(
        client="loop",
        way="tls",
        read="send",
        sends=((("end", 0), "HTTP/1.1 200 OK\r\n\r\nhalf"),),
        end=(("end", 0), "cut"),
    ),
    "a reset ended an answer under TLS": Case(
        way="tls", sends=((("end", 0), "HTTP/1.1 200 OK\r\n\r\nhalf"),), end=(("end", 0), "reset")
    ),
    "a loop aborted a connection that was lost": Case(
        client="loop", size=60000, read="send", buffer=2304, end=(("body", 30000), "half")
    ),
    "a connection through two TLS was kept with bytes unsent": Case(
        way="tunnels", size=40000, buffer=2304, sends=((("body", 1), OK),)
    ),
    "a second Connection header was overlooked": Case(
        sends=((("end", 0), "HTTP/1.1 204 No\r\nConnection: x\r\nConnection: close\r\n\r\n"),)
    ),
}


@pytest.fixture
def theatre() -> Iterator[Theatre]:
    with Theatre() as made:
        yield made


def run(theatre: Theatre, numbers: Iterable[int], *clients: str) -> Counter[str]:
    """How many cases there were of each kind."""
    kinds: Counter[str] = Counter()
    for number in numbers:
        case = schedule.made(number, clients or ("threads", "loop"))
        exchanges.run(theatre, case, number)
        kinds.update((case.client, case.way, case.body, case.end[1], f"reused {case.reused}"))
        kinds.update(["early"] if case.sends and case.sends[-1][0][0] != "end" else [])
    return kinds


def test_clients_do_as_h11_whatever_the_other_side_does(theatre: Theatre) -> None:
    kinds = run(theatre, range(QUICK))
    assert {"threads", "loop", "tcp", "tls", "tunnel", "tunnels", "early", "file", "chunked", "reused True"} <= set(
        kinds
    )


@pytest.mark.long
def test_clients_do_as_h11_in_very_many_cases(theatre: Theatre) -> None:
    kinds = run(theatre, range(QUICK, QUICK + LONG))
    print(dict(kinds), theatre.differences)
    assert set(schedule.ENDS) <= set(kinds)


@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_the_sdk_does_as_h11_on_python_2_7(theatre: Theatre, count: int) -> None:
    if interpreters.important()["2.7"] is None:
        pytest.skip("Python 2.7 is not here")
    run(theatre, range(count), "2.7")


@pytest.mark.skipif(sys.platform == "win32", reason="uvloop is not for Windows")
@pytest.mark.parametrize("count", [40, pytest.param(1000, marks=pytest.mark.long)])
def test_async_client_does_as_h11_on_uvloop(theatre: Theatre, count: int) -> None:
    run(theatre, range(count), "uvloop")


@pytest.mark.parametrize("case", FOUND.values(), ids=FOUND)
def test_what_was_found_stays_mended(theatre: Theatre, case: Case) -> None:
    exchanges.run(theatre, case)


def test_a_case_can_be_read_back() -> None:
    for number in range(200):
        case = schedule.made(number)
        assert schedule.parsed(case.text()) == case == schedule.made(number)
        assert all(simpler != case for simpler in schedule.simpler(case))
