"""The address of blobs in an S3-compatible store, and the credentials for it."""

from __future__ import annotations

from pathlib import Path

import pytest

from uvideo.storage.s3 import S3Place


def test_a_place_is_read_from_a_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "access")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hidden")
    monkeypatch.delenv("AWS_SESSION_TOKEN", raising=False)
    found = S3Place.of("s3://bucket/a/b/?endpoint=https://store.example.com:9/&region=here&virtual_hosted=true")
    assert found == S3Place(
        *("bucket", "a/b", "https://store.example.com:9", "here", True), access="access", secret="hidden"
    )
    assert "hidden" not in repr(found) and "access" not in repr(found)
    file = tmp_path / "keys.json"
    file.write_text('{"access_key_id": "other", "secret_access_key": "s"}')
    file.chmod(0o600)
    assert S3Place.of(f"s3://bucket?credentials={file}").access == "other"


@pytest.mark.parametrize(
    ("url", "text"),
    [
        ("s3://", "must look like"),
        ("http://bucket", "must look like"),
        ("s3://me:secret@bucket", "must not contain credentials"),
        ("s3://bucket?endpont=x", "'endpont'"),
        ("s3://bucket?endpoint=host:9", "http://host:port"),
        ("s3://bucket?endpoint=http://me:secret@host", "http://host:port"),
        ("s3://bucket?virtual_hosted=yes", "true or false"),
        ("s3://bucket?credentials=/nowhere/keys.json", "cannot be read"),
        ("s3://bucket", "there are no credentials"),
    ],
)
def test_a_wrong_place_is_refused_in_words(url: str, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(ValueError, match=text) as caught:
        S3Place.of(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(("text", "mode"), [("{}", 0o600), ("[1]", 0o600), ("x", 0o600), ("{}", 0o644)])
def test_a_file_of_credentials_must_be_right_and_private(tmp_path: Path, text: str, mode: int) -> None:
    file = tmp_path / "keys.json"
    file.write_text(text)
    file.chmod(mode)
    with pytest.raises(ValueError, match="is not JSON with" if mode == 0o600 else "chmod 600"):
        S3Place.of(f"s3://bucket?credentials={file}")
