"""A signed URL is explained without asking anybody, and without showing its signature."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import parse_qs, quote, urlsplit

import pytest

from test.server_fixture import Server
from ucloud.uvideo.protocol import signature as protocol
from uvideo import Client
from uvideo.diagnose.signed_url import read_link
from uvideo.errors import InvalidArgument
from uvideo.models import Finding

KEY = "视频/a b+c.mp4"


def read(url: str, client: Client | None = None, now: float | None = None) -> dict[str, Finding]:
    every = list(read_link(url, client.settings if client else None, time.time() if now is None else now))
    signature = parse_qs(urlsplit(url).query).get("Signature", [""])[0]
    assert not signature or signature not in repr(every)
    return {each.check: each for each in every}


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_what_a_link_opens_is_told_and_verified(client: Client, space: str, method: str) -> None:
    found = read(client.presign(space, KEY, method=method, expires=100), client)
    assert (found["link"].facts["space"], found["link"].facts["key"]) == (space, KEY)
    assert found["link.expires"].code == "link-lasts"
    assert 40 <= int(str(found["link.expires"].facts["seconds"])) <= 100
    assert (found["link.signature"].code, found["link.signature"].facts["method"]) == ("link-verified", method)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_link_without_an_end_is_told_and_verified(client: Client, server: Server, space: str, method: str) -> None:
    keys = protocol.Credentials(server.public_key, server.private_key)
    text = protocol.string_to_sign(method, space, KEY)
    signed = quote(protocol.sign(keys.private_key, text), safe="")
    base = client.presign(space, KEY).partition("?")[0] + f"?UCloudPublicKey={server.public_key}&Signature={signed}"
    for url in (base, base + "&Expires=0"):
        found = read(url, client)
        assert (found["link.expires"].code, found["link.expires"].verdict) == ("link-endless", "warning")
        assert (found["link.signature"].code, found["link.signature"].facts["method"]) == ("link-verified", method)


def test_a_put_that_signs_its_type_is_verified(client: Client, space: str) -> None:
    found = read(client.presign(space, KEY, method="PUT", mime="video/mp4"), client)
    assert found["link.signature"].facts["mime"] == "video/mp4"


def test_a_host_that_begins_with_the_space_is_read(server: Server) -> None:
    with Client(server.public_key, server.private_key, provider="us3", region="cn-bj") as client:
        found = read(client.presign("movies", "a/b.mp4", filename="holiday.mp4"), client)
        assert found["link"].facts["space"] == "movies"
        assert found["link"].facts["key"] == "a/b.mp4"
        assert found["link"].facts["filename"] == "holiday.mp4"
        assert found["link.signature"].code == "link-verified"


CHANGED: list[tuple[Callable[[str], str], str, str]] = [
    (lambda url: url.replace("mp4", "mp3"), "link.signature", "link-mismatch"),
    (lambda url: url.replace("&", "&amp;"), "link.fields", "link-escaped"),
    (lambda url: url.partition("?")[0], "link.fields", "link-unsigned"),
    (lambda url: url.partition("&Signature")[0], "link.fields", "link-incomplete"),
    (lambda url: url.replace("Expires=", "Expires=&x="), "link.fields", "link-incomplete"),
    (lambda url: url.replace("Expires=", "x="), "link.expires", "link-endless"),
    (lambda url: url[:-8], "link.signature", "link-cut"),
    (lambda url: url.replace("Expires=", "Expires=x"), "link.expires", "link-expires-unreadable"),
    (lambda url: url.replace("Expires=", "Expires=9"), "link.expires", "link-long"),
    (lambda url: url.replace("http://127.0.0.1", "http://example.com"), "link.tls", "link-plain"),
    (lambda url: url.replace("UCloudPublicKey=", "UCloudPublicKey=other"), "link.signature", "link-other-key"),
]


@pytest.mark.parametrize(("change", "check", "code"), CHANGED)
def test_what_is_wrong_with_a_link_is_told(
    client: Client, space: str, change: Callable[[str], str], check: str, code: str
) -> None:
    assert read(change(client.presign(space, KEY)), client)[check].code == code


def test_wherever_a_link_was_cut_it_is_said(client: Client) -> None:
    url = client.presign("films", "视频🎬.mp4")
    escaped = url.partition("&Signature=")[0] + "&Signature=%2Babcdefghijklmnopqrstuvwxy%2F%3D"
    for end in range(url.index("films/") + 7, len(escaped)):
        found = read(escaped[:end], client)
        assert found["link"].facts["space"] == "films"
        said = {each.code for each in found.values() if each.verdict != "ok"}
        assert said & {"link-cut", "link-unsigned", "link-incomplete"}, escaped[:end]
        if escaped[end - 1] == "%" or escaped[end - 2] == "%":
            assert "link-cut" in said, escaped[:end]
    with pytest.raises(InvalidArgument, match="percent-encoded|read"):
        read(escaped.replace("%2B", "%FF"), client)


def test_a_mismatch_shows_what_should_have_been_signed(client: Client, space: str) -> None:
    url = client.presign(space, KEY, expires=50).replace("mp4", "mp3")
    expires = parse_qs(urlsplit(url).query)["Expires"][0]
    facts = read(url, client)["link.signature"].facts
    assert facts["text_to_sign"] == f"GET\n\n\n{expires}\n/{space}/视频/a b+c.mp3"


def test_an_expired_link_says_since_when(client: Client, space: str) -> None:
    found = read(client.presign(space, KEY, expires=10), client, time.time() + 1000)["link.expires"]
    assert (found.verdict, found.code) == ("failed", "link-expired")
    assert 930 <= int(str(found.facts["seconds"])) <= 995


def test_without_keys_a_link_is_read_but_not_verified(client: Client, space: str) -> None:
    found = read(client.presign(space, KEY))
    assert found["link.signature"].code == "link-other-key"
    assert found["link"].facts["public_key"] == "***" + str(client.settings.public_key)[-4:]


@pytest.mark.parametrize("text", ["", "movies/a.mp4", "ftp://host/a", "http://", "http://h/a b", "http://h/%zz?a=%ff"])
def test_what_is_no_url_is_refused(text: str) -> None:
    with pytest.raises(InvalidArgument, match="URL"):
        list(read_link(text, None, 0))
