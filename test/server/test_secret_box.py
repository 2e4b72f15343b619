"""Secrets in the catalog: AES-GCM; the form of older servers is read forever, and written while such servers run."""

from __future__ import annotations

import base64
import hashlib
import hmac
import sqlite3
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from test.server.test_maintenance import admin, told
from test.server.wire import Peer
from test.server_fixture import start_server
from ucloud.uvideo.protocol import operation, signature
from uvideo.server.auth import secret_box
from uvideo.server.auth.credentials import Key, Keyring
from uvideo.storage.base import TokenRecord
from uvideo.storage.schema import KEY, MIGRATIONS, TOKEN, token_row

OWN = Key("server-public", "the server's private key")
KEYRING = Keyring([OWN])
FILMS = Key("FILMS", "films' private key 视", "films")
SECRET = "a secret of a token"
MARKS = {"own": TokenRecord("id", "default", "t", "TOKEN_1", SECRET, ops=("TOKEN_ALLOW_LIST",), expires=4102416000)}
MARKS["other"] = replace(MARKS["own"], owner="films")
#: Made by the program before there was another form.
OLD = {
    "own": "s1.RIGHttau7MxKbi0O2aODThQanALMGzt_HSftQOBwO2e6Eds9sQe_CaT6hQNxbKahTLtanp1Hr1sKNgv4UKVwFND3Ew==",
    "other": "s1.ye50eb6DVx7pX94BhpQd5HaSjbSjI5ESrbfJRc_usNuXafvpZ3QcwZ9KMJ-1fYcghUE-QjuceoQnxtm4CCjBn32OQw==",
}
OLD_KEY = "s1.pCpMoqxclmX3UKP6PzsZZX3ZyhE1AOduipYUShmGexNHpcUwkVQPMZ63rxU65RZplLaGE2xqR45feyrlqk-2DsXxzW817Q=="
OLD_SCHEMA = 3


def decrypted_by_older(text: str, under: str, belongs: str) -> str:
    """As the older program did it, written down again: what is encrypted for it must be read by this."""
    found = base64.urlsafe_b64decode(text.removeprefix("s1."))
    keys = [hmac.new(under.encode(), b"uvideo seal " + use, hashlib.sha256).digest() for use in (b"mac", b"stream")]
    hidden, mac = found[:-32], found[-32:]
    assert mac == hmac.new(keys[0], hidden + b"\0" + belongs.encode(), hashlib.sha256).digest()
    nonce, data, stream = hidden[:16], hidden[16:], b""
    while len(stream) < len(data):
        stream += hmac.new(keys[1], nonce + len(stream).to_bytes(4, "big"), hashlib.sha256).digest()
    return bytes(one ^ other for one, other in zip(data, stream, strict=False)).decode()


def test_what_older_servers_encrypted_is_read() -> None:
    for name, token in MARKS.items():
        assert secret_box.decrypted(replace(token, private=OLD[name]), KEYRING) == token
        with pytest.raises(secret_box.CannotDecrypt):
            secret_box.decrypted(replace(token, private=OLD[name], public="TOKEN_2"), KEYRING)
        with pytest.raises(secret_box.CannotDecrypt):
            secret_box.decrypted(replace(token, private=OLD[name][:-6] + "AAAAA="), KEYRING)
    record = secret_box.key_record(FILMS, OWN, 7)
    assert secret_box.key_of(replace(record, private=OLD_KEY), KEYRING) == FILMS
    with pytest.raises(secret_box.CannotDecrypt):
        secret_box.key_of(replace(record, private=OLD_KEY, owner="default"), KEYRING)


def test_what_is_encrypted_for_older_servers_is_read_there() -> None:
    own, other = (secret_box.encrypted(token, KEYRING, old=True).private for token in MARKS.values())
    assert decrypted_by_older(own, OWN.private, "TOKEN_1") == SECRET
    assert decrypted_by_older(other, OWN.private, "TOKEN_1\0films") == SECRET
    record = secret_box.key_record(FILMS, OWN, 7, old=True)
    assert decrypted_by_older(record.private, OWN.private, "key\0FILMS\0films") == FILMS.private
    assert decrypted_by_older(OLD_KEY, OWN.private, "key\0FILMS\0films") == FILMS.private


def test_the_form_is_aes_gcm() -> None:
    text = secret_box.encrypted(MARKS["other"], KEYRING).private
    found = base64.urlsafe_b64decode(text.removeprefix("s2."))
    key = HKDF(hashes.SHA256(), 32, salt=None, info=b"uvideo seal 2").derive(OWN.private.encode())
    assert AESGCM(key).decrypt(found[:12], found[12:], b"TOKEN_1\0films") == SECRET.encode()
    assert len(found) == 12 + len(SECRET) + 16
    assert len({secret_box.encrypted(MARKS["own"], KEYRING).private for _ in range(100)}) == 100


@pytest.mark.parametrize("old", (False, True))
def test_what_was_altered_is_not_read(old: bool) -> None:
    text = secret_box.encrypted(MARKS["own"], KEYRING, old=old).private
    encrypted = base64.urlsafe_b64decode(text[3:])
    for at in range(len(encrypted)):
        changed = bytearray(encrypted)
        changed[at] ^= 1
        with pytest.raises(secret_box.CannotDecrypt):
            secret_box.decrypted(
                replace(MARKS["own"], private=text[:3] + base64.urlsafe_b64encode(changed).decode()), KEYRING
            )
    swapped = ("s1." if text.startswith("s2.") else "s2.") + text[3:]
    for wrong in (swapped, text[:3], text[:20], text[:-8], text[:3] + "é", "s2.AAAA", "s2." + "A" * 16):
        with pytest.raises(secret_box.CannotDecrypt):
            secret_box.decrypted(replace(MARKS["own"], private=wrong), KEYRING)
    with pytest.raises(secret_box.CannotDecrypt):
        secret_box.decrypted(
            replace(MARKS["own"], private=text), Keyring([replace(OWN, private="another private key")])
        )


def test_the_schema_that_brought_the_form() -> None:
    assert "CREATE TABLE oldest" in MIGRATIONS[secret_box.SINCE - 1]


def encrypted_texts(folder: Path) -> list[str]:
    with sqlite3.connect(folder / "catalog.db") as db:
        return [text for (text,) in db.execute("SELECT private FROM tokens UNION ALL SELECT private FROM keys")]


def older_folder(folder: Path) -> None:
    """What a server left behind that knew the old form only: a token and a key pair."""
    folder.mkdir(mode=0o700)
    with sqlite3.connect(folder / "catalog.db") as db:
        for script in MIGRATIONS[:OLD_SCHEMA]:
            db.executescript(script)
        row = token_row(replace(MARKS["own"], private=OLD["own"]))
        db.execute(f"INSERT INTO tokens ({TOKEN}) VALUES ({', '.join('?' * len(row))})", row)
        db.execute(f"INSERT INTO keys ({KEY}) VALUES (?, ?, ?, ?)", (FILMS.public, FILMS.owner, OLD_KEY, 7))
        db.execute(f"PRAGMA user_version = {OLD_SCHEMA}")


def test_a_folder_of_an_older_server(tmp_path: Path) -> None:
    """Its lock says that no older server runs on it: old secrets are read, and new ones have the new form."""
    folder = tmp_path / "data"
    older_folder(folder)
    pair = {"UVIDEO_SERVE_PUBLIC_KEY": OWN.public, "UVIDEO_SERVE_PRIVATE_KEY": OWN.private}
    # An operator's command may be the first to migrate; it cannot know what else runs.
    told(admin("add-key", folder, "--key-file", tmp_path / "early.json", "--json", env=pair))
    assert [text[:3] for text in encrypted_texts(folder)] == ["s1."] * 3
    for _ in range(2):
        with start_server(folder, "--no-fsync", "--workers", "2", env=pair) as server:
            owner = Peer(server)
            space = owner.space()
            new = owner.manage(operation.CreateToken("new", ("TOKEN_ALLOW_LIST",)))
            for public, private in (("TOKEN_1", SECRET), (new.public_key, new.private_key)):
                owner.credentials = signature.Credentials(public, private)
                assert owner.call(operation.ListObjects(space)).status == 200
            owner.credentials = signature.Credentials(FILMS.public, FILMS.private)
            assert owner.manage(operation.DescribeSpace(None)).spaces == ()
    told(admin("add-key", folder, "--key-file", tmp_path / "late.json", "--json", env=pair))
    assert sorted(text[:3] for text in encrypted_texts(folder)) == ["s1."] * 3 + ["s2."] * 3


def test_a_new_folder_has_the_new_form_only(tmp_path: Path) -> None:
    with start_server(tmp_path, "--no-fsync") as server:
        Peer(server).manage(operation.CreateToken("t", ("TOKEN_ALLOW_LIST",)))
        assert "older gateways" not in server.log.read_text()
    assert [text[:3] for text in encrypted_texts(tmp_path)] == ["s2."]
