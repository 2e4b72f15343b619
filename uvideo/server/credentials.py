"""Key pairs: who may ask, and where the server's own pair is kept; what is added to it is in the catalog."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

from uvideo._core import localfile

__all__ = [
    "OWNER",
    "PUBLIC_LIMIT",
    "RESERVED",
    "TOKENS",
    "CredentialsError",
    "Key",
    "Keyring",
    "check_pair",
    "load",
    "load_or_create",
    "made",
    "save",
]

OWNER = "default"
TOKENS = "TOKEN_"  # how the public keys of tokens begin
RESERVED = (TOKENS, "STS_")  # and those of temporary keys
LEAST = 8  # characters of a private key
PUBLIC_LIMIT = 512  # characters of a public one


class CredentialsError(Exception):
    """The key pair cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key pair and the account that it stands for.  Its repr shows the public key only."""

    public: str
    private: str = field(repr=False)
    owner: str = OWNER
    until: int | None = None  # unix seconds after which it may do nothing; None: for ever
    issuer: str = ""  # the public key of the pair that a temporary one was made with


class Keyring:
    """The key pairs that the server knows without its catalog.  Not changed after it is made.

    ``own``: the first of them; what the catalog has of secrets is sealed under it.
    """

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.public: key for key in keys}
        self.own = next(iter(self._keys.values()))

    def find(self, public: str) -> Key | None:
        return self._keys.get(public)

    def of(self, owner: str) -> Key:
        """The pair that an account's tokens are sealed under: its own, or the server's if it has none here."""
        return next((key for key in self._keys.values() if key.owner == owner), self.own)


def check_pair(public: str, private: str) -> Key:
    """The Key of a pair that somebody chose.  CredentialsError if it is empty, too short or cannot be sent."""
    if not public or not private:
        raise CredentialsError("the public and the private key must be given together, and neither may be empty")
    if not public.isascii() or any(char in ": " or not char.isprintable() for char in public):
        raise CredentialsError("the public key must be of printable ASCII characters without a blank or a colon")
    if len(public) > PUBLIC_LIMIT:
        raise CredentialsError(f"the public key is longer than {PUBLIC_LIMIT} characters")
    if len(private) < LEAST:
        raise CredentialsError(f"the private key is shorter than {LEAST} characters")
    try:
        private.encode()
    except UnicodeEncodeError:
        raise CredentialsError("the private key is not UTF-8") from None
    return Key(public, private)


def load_or_create(path: Path) -> tuple[Key, bool]:
    """(Key of the file, True if it was made now).

    The file is JSON {"public_key", "private_key"} and readable by its owner only.  CredentialsError if others may read
    it or it holds something else; OSError if it cannot be read or written.
    """
    with contextlib.suppress(FileNotFoundError):
        return load(path), False
    key = made()
    save(key, path, replace=True)
    return key, True


def made(owner: str = OWNER) -> Key:
    """A new pair."""
    return Key("UVIDEO" + secrets.token_hex(16), secrets.token_hex(20), owner)


def save(key: Key, path: Path, *, replace: bool = False) -> None:
    """Write a file as ``load`` reads it, whole or not at all.  FileExistsError unless it may ``replace`` one."""
    text = json.dumps({"public_key": key.public, "private_key": key.private}) + "\n"
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        localfile.write(aside, text.encode())
        if replace:
            localfile.replace(aside, path)
        else:
            localfile.place(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise


def load(path: Path) -> Key:
    """The Key of such a file.  CredentialsError, OSError."""
    with open(path, encoding="utf-8") as file:
        status = os.fstat(file.fileno())
        if localfile.is_open_to_others(status):
            raise CredentialsError(
                f"{path} can be read by others (mode {stat.S_IMODE(status.st_mode):03o}): run `chmod 600 {path}`"
            )
        try:
            found = json.load(file)
            public, private = found["public_key"], found["private_key"]
        except (ValueError, KeyError, TypeError):
            public = private = None
    if not isinstance(public, str) or not isinstance(private, str):
        raise CredentialsError(f'{path} is not JSON with "public_key" and "private_key"')
    return check_pair(public, private)
