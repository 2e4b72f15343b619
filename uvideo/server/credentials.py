"""Key pairs: who may ask, and where the first pair is kept."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import stat
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

__all__ = ["CredentialsError", "Key", "Keyring", "check_pair", "load_or_create"]

OWNER = "default"
LEAST = 8  # characters of a private key


class CredentialsError(Exception):
    """The key pair cannot be used; the text says why and what to do."""


@dataclass(frozen=True, slots=True)
class Key:
    """One key pair and the account that it stands for.  Its repr shows the public key only."""

    public: str
    private: str = field(repr=False)
    owner: str = OWNER


class Keyring:
    """The key pairs that the server knows.  Not changed after it is made."""

    def __init__(self, keys: Iterable[Key]) -> None:
        self._keys = {key.public: key for key in keys}

    def find(self, public: str) -> Key | None:
        return self._keys.get(public)

    def of(self, owner: str) -> Key:
        """An account's own pair.  KeyError if it has none here."""
        for key in self._keys.values():
            if key.owner == owner:
                return key
        raise KeyError(owner)


def check_pair(public: str, private: str) -> Key:
    """The Key of a pair that somebody chose.  CredentialsError if it is empty, too short or cannot be sent."""
    if not public or not private:
        raise CredentialsError("the public and the private key must be given together, and neither may be empty")
    if not public.isascii() or any(char in ": " or not char.isprintable() for char in public):
        raise CredentialsError("the public key must be of printable ASCII characters without a blank or a colon")
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
        return _load(path), False
    key = Key("UVIDEO" + secrets.token_hex(16), secrets.token_hex(20))
    text = json.dumps({"public_key": key.public, "private_key": key.private}) + "\n"
    aside = path.with_name(f"{path.name}.{os.getpid()}")
    fd = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        with open(fd, "w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        os.rename(aside, path)
    except BaseException:
        aside.unlink(missing_ok=True)
        raise
    return key, True


def _load(path: Path) -> Key:
    with open(path, encoding="utf-8") as file:
        mode = stat.S_IMODE(os.fstat(file.fileno()).st_mode)
        if mode & 0o077:
            raise CredentialsError(f"{path} can be read by others (mode {mode:03o}): run `chmod 600 {path}`")
        try:
            found = json.load(file)
            public, private = found["public_key"], found["private_key"]
        except (ValueError, KeyError, TypeError):
            public = private = None
    if not isinstance(public, str) or not isinstance(private, str):
        raise CredentialsError(f'{path} is not JSON with "public_key" and "private_key"')
    return check_pair(public, private)
