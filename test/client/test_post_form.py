"""presign_post: a form with which somebody without keys uploads one file, within the limits of its policy."""

from __future__ import annotations

import asyncio
import urllib.error
import urllib.request
from typing import Any

import pytest

from test.s3.signing import form_body
from test.server_fixture import Server
from uvideo import AsyncClient, Client, errors, models


def post(form: models.UploadForm, data: bytes, **more: str) -> int:
    """The status of the answer to the form with this file."""
    headers, body = form_body({**form.fields, **{name.replace("_", "-"): value for name, value in more.items()}}, data)
    try:
        with urllib.request.urlopen(urllib.request.Request(form.url, body, dict(headers), method="POST")) as response:
            return int(response.status)
    except urllib.error.HTTPError as error:
        error.close()
        return error.code


def test_a_form_uploads_one_key_of_one_type_and_size(client: Client, space: str) -> None:
    form = client.presign_post(space, "in/a b.mp4", min_size=2, max_size=5, mime="video/mp4", expires=60)
    assert post(form, b"123456") == 400 and post(form, b"1") == 400
    for wrong in ({"key": "other"}, {"Content_Type": "text/html"}, {"x_amz_meta_a": "b"}, {"acl": "public-read"}):
        assert post(form, b"12345", **wrong) == 403, wrong
    assert list(client.list(space)) == []
    assert post(form, b"12345") == 204
    found = client.get(space, "in/a b.mp4")
    assert (found.data, found.info.mime) == (b"12345", "video/mp4")


def test_a_form_for_a_prefix_and_a_kind_of_type(client: Client, space: str) -> None:
    form = client.presign_post(space, "in/", prefix=True, mime="image/")
    assert post(form, b"x", Content_Type="video/mp4") == 403
    assert post(form, b"x", Content_Type="image/png", key="out/a.png") == 403
    assert post(form, b"x", Content_Type="image/png", key="in/a.png") == 204
    (found,) = client.list(space)
    assert (found.key, found.mime) == ("in/a.png", "image/png")


def test_a_form_expires_and_counts_for_its_space(client: Client, space: str) -> None:
    now = client.presign_post(space, "a", expires=60)
    assert post(models.UploadForm(now.url.replace(space, "another-space"), now.fields), b"x") in (403, 404)
    changed = {**now.fields, "x-amz-signature": "0" * 64}
    assert post(models.UploadForm(now.url, changed), b"x") == 403
    assert post(now, b"x") == 204


def test_a_client_of_a_loop_makes_the_same(client: Client, space: str) -> None:
    async def work() -> models.UploadForm:
        async with AsyncClient(settings=client.settings) as loop:
            return loop.presign_post(space, "a", max_size=3)

    assert post(asyncio.run(work()), b"abc") == 204


def test_what_it_is_asked_for_is_checked_and_no_secret_shows(server: Server, client: Client, space: str) -> None:
    given: tuple[dict[str, Any], ...] = (
        {"max_size": -1},
        {"min_size": 5, "max_size": 4},
        {"expires": 0},
        {"mime": "a\nb"},
        {"mime": "video\n/"},
        {"mime": 3},
        {"endpoint": "not a host!"},
        {"endpoint": "https://.cn-bj.ufileos.com"},
    )
    for options in given:
        with pytest.raises(errors.InvalidArgument):
            client.presign_post(space, "a", **options)
    for key in ("", "a${filename}"):
        with pytest.raises(errors.InvalidArgument):
            client.presign_post(space, key)
    form = client.presign_post(space, "a")
    assert server.private_key not in repr(form) + str(form.fields)
    assert form.fields["policy"] not in repr(form)


def test_a_service_whose_s3_is_elsewhere(caplog: pytest.LogCaptureFixture) -> None:
    with Client("p", "s", provider="us3", region="cn-bj") as client:
        with pytest.raises(errors.InvalidArgument, match="at another address"):
            client.presign_post("films", "a")
        form = client.presign_post("films", "a", endpoint="https://s3-cn-bj.ufileos.com")
        assert form.url == "https://s3-cn-bj.ufileos.com/films" and "/cn-bj/s3/" in form.fields["x-amz-credential"]
        caplog.clear()
        for host, url in (
            ("s3-cn-bj.ufileos.com", "https://s3-cn-bj.ufileos.com"),
            ("127.0.0.1:1", "http://127.0.0.1:1"),
        ):
            assert client.presign_post("films", "a", endpoint=host).url == url + "/films"
        assert not caplog.records
        assert client.presign_post("films", "a", endpoint="forms.example.com").url == "http://forms.example.com/films"
        assert "forms.example.com is used without TLS" in caplog.text  # as for a client
    with Client(endpoint="127.0.0.1:1", environ={}) as anonymous, pytest.raises(errors.NoCredentials):
        anonymous.presign_post("films", "a")
