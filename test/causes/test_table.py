"""The table of causes: each has an error; test/reference shows it in docs/errors.md."""

from __future__ import annotations

import pickle
import re

import pytest

from ucloud.uvideo.http import failure_cause, pool, proxy
from ucloud.uvideo.protocol import cause
from uvideo.errors import BadAnswer, ConfigurationError, NoAnswer, Unavailable

FACTS = ("proxy", "peer", "reason", "status", "bundle", "proxies")


@pytest.mark.parametrize("each", cause.CAUSES, ids=lambda each: str(each.code))
def test_each_makes_its_error(each: cause.Cause) -> None:
    error = cause.told(each.code, "https://h.example", {"status": 502}, **dict.fromkeys(FACTS, "<a {fact}>"))
    assert type(error) is each.error and each.error in (NoAnswer, ConfigurationError, BadAnswer, Unavailable)
    assert error.cause == each.code and error.status == 502
    assert error.retryable is not isinstance(error, ConfigurationError)
    assert each.remedy.format(**dict.fromkeys(FACTS, "<a {fact}>")) in error.message
    again = pickle.loads(pickle.dumps(error))
    assert (again.cause, again.message, again.retryable) == (error.cause, error.message, error.retryable)


def test_codes_are_single_and_facts_are_known() -> None:
    codes = [each.code for each in cause.CAUSES]
    assert len(set(codes)) == len(codes)
    assert {name for each in cause.CAUSES for name in re.findall(r"\{(\w+)\}", each.text + each.remedy)} == set(FACTS)


def test_a_407_through_socks_is_not_that_proxys() -> None:
    for url, code in (("http://127.0.0.1:1", "proxy-auth"), ("socks5h://127.0.0.1:1", "auth-on-the-way")):
        names = failure_cause.names(None, url)
        route = pool.Route("http://h.example", proxy.Proxy(url), None, 1.0, 1, None, names)
        assert failure_cause.wants_password(route).cause == code


def test_what_strangers_say_is_short_and_cannot_write_to_a_terminal() -> None:
    assert cause.said("a\x1b[2J\r\n\u202eb" + "x" * 999) == "a [2J b" + "x" * 193
    assert cause.said(b"\xff\x00no") == "\ufffd no"
